#include "base/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <uthash.h>
#include <utlist.h>

#include "base/mem.h"

#define NAME_MAX_LEN 253 /* a host name, RFC 1035 */

struct answer {
	struct addr *addrs; /* owned */
	size_t count;
	char *name; /* owned; of a PTR query */
};

struct waiter {
	resolve_fn fn;
	resolve_ptr_fn ptr_fn;
	void *arg;
	struct waiter *prev, *next;
};

/* A name or an address under way, then its answer in the cache. */
struct query {
	struct resolve *resolve;
	char *key; /* owned: "n" or "p" and the text */
	bool is_pending;
	struct waiter *waiters; /* owned */
	struct answer answer;
	double until; /* monotonic */
	union {
		uv_getaddrinfo_t forward;
		uv_getnameinfo_t reverse;
	} req;
	UT_hash_handle hh;
};

struct resolve {
	uv_loop_t *loop;
	const struct clock *clock;
	struct query *queries; /* in the order they came: the oldest leaves first */
	size_t pending, cached;
	bool is_closing;
	void (*closed)(void *arg);
	void *closed_arg;
};

struct resolve *
resolve_new(uv_loop_t *loop, const struct clock *clock)
{
	struct resolve *r = xcalloc(1, sizeof *r);

	r->loop = loop;
	r->clock = clock;
	return r;
}

static void
query_free(struct query *q)
{
	struct waiter *w, *next;

	HASH_DEL(q->resolve->queries, q);
	DL_FOREACH_SAFE (q->waiters, w, next) {
		free(w);
	}
	free(q->answer.addrs);
	free(q->answer.name);
	free(q->key);
	free(q);
}

static void
drop_cached(struct resolve *r, struct query *q)
{
	r->cached--;
	query_free(q);
}

void
resolve_flush(struct resolve *r)
{
	struct query *q, *next;

	HASH_ITER (hh, r->queries, q, next) {
		if (!q->is_pending)
			drop_cached(r, q);
	}
}

static void
finish_close(struct resolve *r)
{
	void (*closed)(void *arg) = r->closed;
	void *arg = r->closed_arg;

	resolve_flush(r);
	free(r);
	if (closed)
		closed(arg);
}

void
resolve_close(struct resolve *r, void (*done)(void *arg), void *arg)
{
	struct query *q, *next;

	r->is_closing = true;
	r->closed = done;
	r->closed_arg = arg;
	if (!r->pending) {
		finish_close(r);
		return;
	}
	/* what has not begun is called back at once; a query that waits for its server ends by itself */
	HASH_ITER (hh, r->queries, q, next) {
		if (q->is_pending)
			uv_cancel((uv_req_t *)&q->req);
	}
}

static void
tell(const struct answer *a, resolve_fn fn, resolve_ptr_fn ptr_fn, void *arg)
{
	if (fn)
		fn(arg, a->addrs, a->count);
	else
		ptr_fn(arg, a->name);
}

static void
make_room(struct resolve *r)
{
	struct query *q, *next;

	HASH_ITER (hh, r->queries, q, next) {
		if (r->cached < RESOLVE_CACHE)
			return;
		if (!q->is_pending)
			drop_cached(r, q);
	}
}

/* The answer is there: from now on it is cached, and those who waited are told. */
static void
settle(struct query *q)
{
	struct resolve *r = q->resolve;
	struct waiter *waiters = q->waiters, *w, *next;
	struct answer answer = { .count = q->answer.count };

	q->is_pending = false;
	r->pending--;
	if (r->is_closing) {
		query_free(q);
		if (!r->pending)
			finish_close(r);
		return;
	}
	/* a callback may flush the cache, ask for more or close: it gets a copy, and r is not touched after */
	if (answer.count) {
		answer.addrs = xreallocarray(NULL, answer.count, sizeof *answer.addrs);
		memcpy(answer.addrs, q->answer.addrs, answer.count * sizeof *answer.addrs);
	}
	if (q->answer.name)
		answer.name = xstrdup(q->answer.name);
	q->waiters = NULL;
	q->until = clock_monotonic(r->clock) + RESOLVE_TTL_S;
	make_room(r);
	r->cached++;
	DL_FOREACH_SAFE (waiters, w, next) {
		tell(&answer, w->fn, w->ptr_fn, w->arg);
		free(w);
	}
	free(answer.addrs);
	free(answer.name);
}

/* ---- what came back ---- */

static bool
take_addr(struct answer *a, const struct sockaddr *sa)
{
	char text[INET6_ADDRSTRLEN];
	struct addr addr;
	const void *bytes = sa->sa_family == AF_INET ? (const void *)&((const struct sockaddr_in *)sa)->sin_addr
	                                             : (const void *)&((const struct sockaddr_in6 *)sa)->sin6_addr;

	if ((sa->sa_family != AF_INET && sa->sa_family != AF_INET6) || a->count == RESOLVE_MAX)
		return false;
	/* by its text, so that a mapped address becomes the IPv4 one that it is */
	if (!inet_ntop(sa->sa_family, bytes, text, sizeof text) || !addr_parse(text, &addr))
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (addr_equal(&a->addrs[i], &addr))
			return false;
	}
	a->addrs = xreallocarray(a->addrs, a->count + 1, sizeof *a->addrs);
	a->addrs[a->count++] = addr;
	return true;
}

static void
on_addrs(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
	struct query *q = req->data;

	for (const struct addrinfo *ai = list; status == 0 && ai; ai = ai->ai_next)
		take_addr(&q->answer, ai->ai_addr);
	uv_freeaddrinfo(list);
	settle(q);
}

static void
on_name(uv_getnameinfo_t *req, int status, const char *name, const char *service)
{
	struct query *q = req->data;

	(void)service;
	if (status == 0 && name && *name)
		q->answer.name = xstrndup(name, strnlen(name, NAME_MAX_LEN));
	settle(q);
}

/* ---- asking ---- */

/* The cached or pending query of the key; what is too old is dropped. */
static struct query *
find_query(struct resolve *r, const char *key)
{
	struct query *q;

	HASH_FIND_STR(r->queries, key, q);
	if (q && !q->is_pending && q->until <= clock_monotonic(r->clock)) {
		drop_cached(r, q);
		q = NULL;
	}
	return q;
}

static void
wait_for(struct query *q, resolve_fn fn, resolve_ptr_fn ptr_fn, void *arg)
{
	struct waiter *w = xcalloc(1, sizeof *w);

	w->fn = fn;
	w->ptr_fn = ptr_fn;
	w->arg = arg;
	DL_APPEND(q->waiters, w);
}

/* True: the question is answered or will be; false: *out is to be started. Takes key. */
static bool
is_known(struct resolve *r, char *key, resolve_fn fn, resolve_ptr_fn ptr_fn, void *arg, struct query **out)
{
	struct query *q = find_query(r, key);

	if (q || r->pending >= RESOLVE_PENDING || r->is_closing) {
		static const struct answer nothing = { .count = 0 };

		free(key);
		if (q && q->is_pending)
			wait_for(q, fn, ptr_fn, arg);
		else
			tell(q ? &q->answer : &nothing, fn, ptr_fn, arg);
		return true;
	}
	q = xcalloc(1, sizeof *q);
	q->resolve = r;
	q->key = key;
	q->is_pending = true;
	HASH_ADD_KEYPTR(hh, r->queries, q->key, strlen(q->key), q);
	r->pending++;
	wait_for(q, fn, ptr_fn, arg);
	*out = q;
	return false;
}

static bool
is_host_name(const char *name)
{
	size_t len = strlen(name);
	struct in_addr number;

	if (!len || len > NAME_MAX_LEN || *name == '-' || *name == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c <= ' ' || c >= 0x7f || strchr("/\\\"'<>()[]{}:;,", c))
			return false;
	}
	/* "1", "127.1", "0x7f000001": the C library takes them for addresses; a log's author may not choose one so */
	return inet_aton(name, &number) == 0;
}

void
resolve_name(struct resolve *r, const char *name, resolve_fn fn, void *arg)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP };
	struct addr literal;
	struct query *q;

	if (addr_parse(name, &literal) && addr_is_host(&literal)) {
		fn(arg, &literal, 1);
		return;
	}
	if (!is_host_name(name)) {
		fn(arg, NULL, 0);
		return;
	}
	char *key = xasprintf("n%s", name);

	for (char *c = key; *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
	if (is_known(r, key, fn, NULL, arg, &q))
		return;
	q->req.forward.data = q;
	if (uv_getaddrinfo(r->loop, &q->req.forward, on_addrs, q->key + 1, NULL, &hints) != 0)
		settle(q);
}

void
resolve_ptr(struct resolve *r, const struct addr *addr, resolve_ptr_fn fn, void *arg)
{
	struct sockaddr_storage sa;
	struct query *q;
	char text[ADDR_TEXT_MAX];

	if (!addr->family || !addr_is_host(addr)) {
		fn(arg, NULL);
		return;
	}
	memset(&sa, 0, sizeof sa);
	if (addr->family == 4) {
		sa.ss_family = AF_INET;
		memcpy(&((struct sockaddr_in *)&sa)->sin_addr, addr->bytes, 4);
	} else {
		sa.ss_family = AF_INET6;
		memcpy(&((struct sockaddr_in6 *)&sa)->sin6_addr, addr->bytes, 16);
	}
	addr_format(addr, text);
	if (is_known(r, xasprintf("p%s", text), NULL, fn, arg, &q))
		return;
	q->req.reverse.data = q;
	if (uv_getnameinfo(r->loop, &q->req.reverse, on_name, (struct sockaddr *)&sa, NI_NAMEREQD) != 0)
		settle(q);
}
