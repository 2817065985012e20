/*
 * attach: one connection to the engine, made again whenever it ends, and the commands under way on it.
 * How a descriptor is got, and how an engine is started, is start.c's and helper.c's.
 */
#include "jailtop/attach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>

#include "base/mem.h"
#include "base/str.h"
#include "jailtop/wire.h"
#include "link/fields.h"
#include "link/reach.h"

#define RETRY_MAX_S 5.0
#define ID_HELLO 1
#define ID_SUBSCRIBE 2

struct pending {
	int64_t id;
	attach_reply_fn fn; /* NULL: nobody asks */
	void *arg;
	UT_hash_handle hh;
};

/* One connection; outlives its end until libuv closed the handle. */
struct conn {
	uv_pipe_t pipe;
	struct attach *attach; /* NULL: it is not the current one any more */
	struct str in;
	size_t scanned;        /* bytes of in without an LF */
};

struct attach {
	struct reach *reach;
	char *own[ATTACH_OWN_MAX], *client;
	int n_own;
	uv_loop_t *loop;
	attach_message_fn on_message;
	attach_state_fn on_state;
	void *arg;
	struct conn *conn; /* NULL: down */
	uv_timer_t retry;
	bool is_running, is_closed, is_up, can_write;
	struct pending *pending;
	int64_t next_id;
	double down_since, retry_at, wait_s;
	int first_fd; /* of attach_begin(), -1 once used */
};

static double
monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct attach *
attach_begin(const struct attach_spec *spec, struct err *err)
{
	int fd = -1;
	struct reach *reach = reach_begin(spec, &fd, err);

	if (reach == NULL)
		return NULL;
	struct attach *a = xcalloc(1, sizeof *a);
	a->reach = reach;
	a->first_fd = fd;
	a->client = xstrdup(spec->client != NULL ? spec->client : "top");
	for (int i = 0; i < spec->n_own && i < ATTACH_OWN_MAX; i++)
		a->own[a->n_own++] = xstrdup(spec->own[i]);
	a->next_id = ID_SUBSCRIBE + 1;
	return a;
}

/* ---- ending and trying again ---- */
static void
conn_closed(uv_handle_t *handle)
{
	struct conn *c = handle->data;

	str_done(&c->in);
	free(c);
}

static void
pending_drop(struct attach *a, const char *why)
{
	struct pending *p, *next;

	HASH_ITER(hh, a->pending, p, next) {
		HASH_DEL(a->pending, p);
		if (p->fn != NULL)
			p->fn(p->arg, false, NULL, why);
		free(p);
	}
}

static void on_retry(uv_timer_t *timer);

static void
retry_later(struct attach *a)
{
	a->wait_s = a->wait_s < 1 ? 1 : a->wait_s + 1 > RETRY_MAX_S ? RETRY_MAX_S : a->wait_s + 1;
	a->retry_at = monotonic() + a->wait_s;
	uv_timer_start(&a->retry, on_retry, (uint64_t)(a->wait_s * 1000), 0);
}

static void
conn_end(struct attach *a, const char *why)
{
	struct conn *c = a->conn;

	if (c != NULL) {
		c->attach = NULL;
		a->conn = NULL;
		uv_close((uv_handle_t *)&c->pipe, conn_closed);
	}
	if (a->down_since <= 0)
		a->down_since = monotonic();
	a->is_up = false;
	pending_drop(a, "the connection to the engine ended");
	if (a->is_closed)
		return;
	retry_later(a);
	if (a->on_state != NULL)
		a->on_state(a->arg, ATTACH_DOWN, why);
}

/* ---- reading ---- */
static void
answer(struct attach *a, int64_t id, const json_t *message)
{
	struct pending *p;
	bool ok = field_bool(message, "ok");
	const json_t *value = json_object_get(message, "value");

	if (id == ID_HELLO) {
		if (!ok) {
			conn_end(a, "the engine and this jailtop are of different versions; end the older one");
			return;
		}
		a->can_write = field_bool(value, "write");
		return;
	}
	if (id == ID_SUBSCRIBE) {
		if (ok) {
			a->is_up = true;
			a->down_since = 0;
			a->wait_s = 0;
			if (a->on_state != NULL)
				a->on_state(a->arg, ATTACH_UP, "");
		} else {
			conn_end(a, "the engine refused the subscription");
		}
		return;
	}
	HASH_FIND(hh, a->pending, &id, sizeof id, p);
	if (p == NULL)
		return;
	HASH_DEL(a->pending, p);
	const char *error = field_text(message, "error");
	if (p->fn != NULL)
		p->fn(p->arg, ok, ok ? value : NULL, ok ? NULL : *error != '\0' ? error : "refused");
	free(p);
}

static void
line_take(struct attach *a, const char *line, size_t len)
{
	json_error_t why;
	json_t *message = json_loadb(line, len, JSON_ALLOW_NUL, &why);
	const json_t *id = json_object_get(message, "id");

	if (message == NULL) {
		conn_end(a, "the engine sent what is no JSON");
		return;
	}
	if (json_is_integer(id) && json_object_get(message, "ok") != NULL)
		answer(a, json_integer_value(id), message);
	else if (a->on_message != NULL)
		a->on_message(a->arg, message, line, len);
	json_decref(message);
}

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct conn *c = handle->data;

	(void)suggested;
	str_reserve(&c->in, 65536);
	*buf = uv_buf_init(c->in.at + c->in.len, 65536);
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = stream->data;
	size_t from = 0;

	(void)buf;
	if (c->attach == NULL)
		return;
	if (n < 0) {
		conn_end(c->attach, n == UV_EOF ? "the engine went away" : uv_strerror((int)n));
		return;
	}
	c->in.len += (size_t)n;
	for (;;) {
		char *end = memchr(c->in.at + c->scanned, '\n', c->in.len - c->scanned);
		if (end == NULL)
			break;
		line_take(c->attach, c->in.at + from, (size_t)(end - (c->in.at + from)));
		if (c->attach == NULL)
			return;
		from = c->scanned = (size_t)(end - c->in.at) + 1;
	}
	memmove(c->in.at, c->in.at + from, c->in.len - from);
	c->in.len -= from;
	c->scanned = c->in.len;
	if (c->in.len > WIRE_MAX_MESSAGE)
		conn_end(c->attach, "the engine sent a message that is too long");
}

/* ---- writing ---- */
struct out {
	uv_write_t req;
	char *bytes; /* owned */
};

static void
on_written(uv_write_t *req, int status)
{
	struct out *out = req->data;

	(void)status; /* an error also ends the reading */
	free(out->bytes);
	free(out);
}

static bool
message_send(struct attach *a, json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);
	struct out *out = xcalloc(1, sizeof *out);
	size_t len;

	json_decref(message);
	if (text == NULL || a->conn == NULL || (len = strlen(text)) + 1 > WIRE_MAX_REQUEST) {
		free(text);
		free(out);
		return false;
	}
	out->bytes = xmalloc(len + 1);
	memcpy(out->bytes, text, len);
	out->bytes[len] = '\n';
	free(text);
	out->req.data = out;
	uv_buf_t buf = uv_buf_init(out->bytes, (unsigned)len + 1);
	if (uv_write(&out->req, (uv_stream_t *)&a->conn->pipe, &buf, 1, on_written) != 0) {
		free(out->bytes);
		free(out);
		return false;
	}
	return true;
}

static void
hello(struct attach *a)
{
	json_t *own = json_array();

	for (int i = 0; i < a->n_own; i++)
		json_array_append_new(own, json_string(a->own[i]));
	message_send(a, json_pack("{s:i, s:{s:i, s:s, s:o}}", "id", ID_HELLO, "hello", "protocol", WIRE_PROTOCOL, "client", a->client, "own", own));
	message_send(a, json_pack("{s:i, s:b}", "id", ID_SUBSCRIBE, "subscribe", 1));
}

/* ---- connecting ---- */
static void
conn_open(struct attach *a, int fd)
{
	struct conn *c = xcalloc(1, sizeof *c);

	c->attach = a;
	c->pipe.data = c;
	uv_pipe_init(a->loop, &c->pipe, 0);
	c->pipe.data = c;
	a->conn = c;
	if (uv_pipe_open(&c->pipe, fd) != 0) {
		close(fd);
		conn_end(a, "the engine's descriptor is of no use");
		return;
	}
	uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
	hello(a);
}

static void
on_reached(void *arg, int fd, int error)
{
	struct attach *a = arg;

	if (a->is_closed) {
		if (fd >= 0)
			close(fd);
		return;
	}
	if (fd >= 0)
		conn_open(a, fd);
	else
		conn_end(a, error == ENOENT || error == ECONNREFUSED ? "no engine is running" : strerror(error));
}

static void
on_retry(uv_timer_t *timer)
{
	struct attach *a = timer->data;

	a->retry_at = 0;
	reach_again(a->reach, on_reached, a);
}

void
attach_run(struct attach *a, uv_loop_t *loop, attach_message_fn message, attach_state_fn state, void *arg)
{
	a->loop = loop;
	a->on_message = message;
	a->on_state = state;
	a->arg = arg;
	a->is_running = true;
	uv_timer_init(loop, &a->retry);
	a->retry.data = a;
	reach_run(a->reach, loop);
	int fd = a->first_fd;
	a->first_fd = -1;
	conn_open(a, fd);
}

bool
attach_command(struct attach *a, const char *const *words, size_t count, attach_reply_fn fn, void *arg)
{
	json_t *list = json_array();

	if (!a->is_up || HASH_COUNT(a->pending) >= ATTACH_PENDING_MAX) {
		json_decref(list);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		json_t *word = json_string(words[i]);
		if (word == NULL) { /* not UTF-8 */
			json_decref(list);
			return false;
		}
		json_array_append_new(list, word);
	}
	int64_t id = a->next_id++;
	if (!message_send(a, json_pack("{s:I, s:o}", "id", (json_int_t)id, "command", list)))
		return false;
	struct pending *p = xcalloc(1, sizeof *p);
	p->id = id;
	p->fn = fn;
	p->arg = arg;
	HASH_ADD(hh, a->pending, id, sizeof p->id, p);
	return true;
}

bool
attach_is_up(const struct attach *a)
{
	return a->is_up;
}

bool
attach_can_write(const struct attach *a)
{
	return a->can_write;
}

double
attach_retry_in(const struct attach *a)
{
	double left = a->retry_at > 0 ? a->retry_at - monotonic() : 0;

	return left > 0 ? left : 0;
}

double
attach_down_for(const struct attach *a)
{
	return a->down_since > 0 ? monotonic() - a->down_since : 0;
}

void
attach_close(struct attach *a)
{
	if (a->is_closed)
		return;
	a->is_closed = true;
	conn_end(a, "");
	if (a->is_running)
		uv_close((uv_handle_t *)&a->retry, NULL);
	reach_close(a->reach);
}

void
attach_free(struct attach *a)
{
	if (a == NULL)
		return;
	if (a->first_fd >= 0)
		close(a->first_fd);
	for (int i = 0; i < a->n_own; i++)
		free(a->own[i]);
	free(a->client);
	reach_free(a->reach);
	free(a);
}
