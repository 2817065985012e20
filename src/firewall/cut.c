#include "firewall/cut.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/child.h"
#include "base/mem.h"

#define GATHER_MS 20
#define READS_PER_TURN 16
#define STATES (~(1u << 6 | 1u << 10)) /* all but TIME_WAIT and LISTEN, which are nobody's connection */
#define TRACKED_TIMEOUT_S 10

struct aim {
	char *jail; /* owned */
	struct addr addr;
	size_t sockets;
};

enum problem { PROBLEM_LIST, PROBLEM_DESTROY, PROBLEM_TRACK, PROBLEM_MANY, PROBLEM_COUNT };

struct cut {
	uv_loop_t *loop;
	struct cut_hooks hooks;
	uv_timer_t timer;
	uv_poll_t poll;    /* on list_fd, while it is open */
	int list_fd, act_fd; /* -1: closed */
	uint32_t seq;
	int family;        /* AF_INET, AF_INET6: whose sockets are listed now; 0: none */
	struct aim *waiting, *now; /* owned; now: sorted */
	size_t n_waiting, room, n_now;
	bool has_networks; /* in now */
	size_t at;         /* in now: whose tracked connections are deleted next */
	struct child *child;
	char *address;     /* owned; argument of the child */
	bool is_told[PROBLEM_COUNT];
	int handles;
	void (*closed)(void *arg);
	void *closed_arg;
	bool is_closing, is_busy;
};

static void list_next(struct cut *c);
static void track_next(struct cut *c);

static void
tell(struct cut *c, enum problem problem, const char *text)
{
	if (!c->is_told[problem] && !c->is_closing)
		c->hooks.problem(c->hooks.arg, text);
	c->is_told[problem] = true;
}

/* ---- who is meant ---- */

static int
compare_aims(const void *a, const void *b)
{
	return addr_compare(&((const struct aim *)a)->addr, &((const struct aim *)b)->addr);
}

static struct aim *
aim_of(struct cut *c, const struct addr *a)
{
	struct aim key = {.addr = *a}, *found = bsearch(&key, c->now, c->n_now, sizeof *c->now, compare_aims);

	for (size_t i = 0; found == NULL && c->has_networks && i < c->n_now; i++)
		if (!addr_is_host(&c->now[i].addr) && addr_contains(&c->now[i].addr, a))
			found = &c->now[i];
	return found;
}

/* ---- sockets ---- */

struct request {
	struct nlmsghdr head;
	struct inet_diag_req_v2 body;
};

static bool
ask(struct cut *c, int fd, struct request *r, unsigned type, unsigned flags)
{
	r->head = (struct nlmsghdr){
		.nlmsg_len = sizeof *r,
		.nlmsg_type = (uint16_t)type,
		.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
		.nlmsg_seq = ++c->seq,
	};
	return send(fd, r, sizeof *r, 0) == (ssize_t)sizeof *r;
}

static void
destroy(struct cut *c, const struct inet_diag_msg *m, struct aim *aim)
{
	struct request r = {.body = {.sdiag_family = m->idiag_family, .sdiag_protocol = IPPROTO_TCP, .id = m->id}};
	struct {
		struct nlmsghdr head;
		struct nlmsgerr body;
	} answer;

	if (!ask(c, c->act_fd, &r, SOCK_DESTROY, NLM_F_ACK))
		return;
	/* the kernel has answered when send() comes back */
	ssize_t got = recv(c->act_fd, &answer, sizeof answer, MSG_DONTWAIT);
	if (got < (ssize_t)NLMSG_LENGTH(sizeof(int)) || answer.head.nlmsg_type != NLMSG_ERROR)
		return;
	if (answer.body.error == 0)
		aim->sockets++;
	else if (answer.body.error != -ENOENT)
		tell(c, PROBLEM_DESTROY, answer.body.error == -EOPNOTSUPP || answer.body.error == -EINVAL ?
		    "this kernel cannot end sockets (INET_DIAG_DESTROY)" : strerror(-answer.body.error));
}

static void
look_at(struct cut *c, const struct inet_diag_msg *m)
{
	static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	const unsigned char *bytes = (const unsigned char *)m->id.idiag_dst;
	struct addr a;

	memset(&a, 0, sizeof a);
	if (m->idiag_family == AF_INET6 && memcmp(bytes, mapped, sizeof mapped) != 0) {
		a.family = 6;
		a.prefix = 128;
		memcpy(a.bytes, bytes, 16);
	} else {
		a.family = 4;
		a.prefix = 32;
		memcpy(a.bytes, m->idiag_family == AF_INET6 ? bytes + 12 : bytes, 4);
	}
	struct aim *aim = aim_of(c, &a);
	if (aim != NULL)
		destroy(c, m, aim);
}

/* True: the listing is over. */
static bool
read_list(struct cut *c, const unsigned char *bytes, size_t len)
{
	struct nlmsghdr h;

	while (len >= sizeof h) {
		memcpy(&h, bytes, sizeof h);
		if (h.nlmsg_len < sizeof h || h.nlmsg_len > len)
			return true;
		if (h.nlmsg_type == NLMSG_DONE)
			return true;
		if (h.nlmsg_type == NLMSG_ERROR) {
			tell(c, PROBLEM_LIST, "this kernel does not list its sockets (INET_TCP_DIAG)");
			return true;
		}
		if (h.nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg))) {
			struct inet_diag_msg m;
			memcpy(&m, bytes + NLMSG_HDRLEN, sizeof m);
			look_at(c, &m);
		}
		size_t step = NLMSG_ALIGN(h.nlmsg_len);
		bytes += step < len ? step : len;
		len -= step < len ? step : len;
	}
	return false;
}

static void
on_list(uv_poll_t *poll, int status, int events)
{
	struct cut *c = poll->data;
	_Alignas(struct nlmsghdr) unsigned char bytes[16384];

	(void)events;
	for (int i = 0; i < READS_PER_TURN; i++) {
		ssize_t got = status == 0 ? recv(c->list_fd, bytes, sizeof bytes, MSG_DONTWAIT) : -1;
		if (got < 0 && status == 0 && errno == EAGAIN)
			return;
		if (got <= 0 || read_list(c, bytes, (size_t)got)) {
			list_next(c);
			return;
		}
	}
}

/* IPv4's sockets, IPv6's, then what is tracked. */
static void
list_next(struct cut *c)
{
	struct request r = {.body = {.sdiag_protocol = IPPROTO_TCP, .idiag_states = STATES}};

	c->family = c->family == 0 ? AF_INET : c->family == AF_INET ? AF_INET6 : 0;
	r.body.sdiag_family = (uint8_t)c->family;
	r.body.id.idiag_cookie[0] = r.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	if (c->family != 0 && !c->is_closing) {
		if (c->list_fd >= 0 && ask(c, c->list_fd, &r, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP))
			return;
		tell(c, PROBLEM_LIST, "this kernel does not list its sockets (INET_TCP_DIAG)");
	}
	c->family = 0;
	for (size_t i = 0; i < c->n_now && !c->is_closing; i++)
		if (c->now[i].sockets != 0)
			c->hooks.done(c->hooks.arg, c->now[i].jail, &c->now[i].addr, c->now[i].sockets);
	c->at = 0;
	track_next(c);
}

/* ---- what is tracked ---- */

static void
begin(uv_timer_t *timer)
{
	struct cut *c = timer->data;

	if (c->is_busy || c->n_waiting == 0 || c->is_closing)
		return;
	c->is_busy = true;
	c->now = c->waiting;
	c->n_now = c->n_waiting;
	c->waiting = NULL;
	c->n_waiting = c->room = 0;
	c->has_networks = false;
	for (size_t i = 0; i < c->n_now; i++)
		c->has_networks = c->has_networks || !addr_is_host(&c->now[i].addr);
	qsort(c->now, c->n_now, sizeof *c->now, compare_aims);
	list_next(c);
}

static void
drop(struct aim *aims, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(aims[i].jail);
	free(aims);
}

static void
end(struct cut *c)
{
	drop(c->now, c->n_now);
	c->now = NULL;
	c->n_now = 0;
	c->is_busy = false;
	if (!c->is_closing && c->n_waiting != 0)
		uv_timer_start(&c->timer, begin, GATHER_MS, 0);
}

static void
maybe_closed(struct cut *c)
{
	if (!c->is_closing || c->handles != 0 || c->child != NULL)
		return;
	void (*closed)(void *) = c->closed;
	void *arg = c->closed_arg;
	drop(c->now, c->n_now);
	drop(c->waiting, c->n_waiting);
	free(c->address);
	free(c);
	closed(arg);
}

static void
on_tracked(void *arg, const struct child_result *r)
{
	struct cut *c = arg;
	char text[300];

	c->child = NULL;
	if (c->is_closing) {
		maybe_closed(c);
		return;
	}
	if (r->spawn_error != 0) {
		tell(c, PROBLEM_TRACK, "tracked connections are not deleted: conntrack(8) is not installed");
		c->at = c->n_now;
	} else if ((r->exit_code != 0 || r->timed_out) && memmem(r->err, r->err_len, "0 flow entries", strlen("0 flow entries")) == NULL) {
		snprintf(text, sizeof text, "tracked connections are not deleted: conntrack: %.*s", (int)(r->err_len < 200 ? r->err_len : 200), r->err);
		text[strcspn(text, "\n")] = '\0';
		tell(c, PROBLEM_TRACK, text);
	}
	track_next(c);
}

static void
track_next(struct cut *c)
{
	char text[ADDR_TEXT_MAX];

	if (c->at >= c->n_now || c->is_closing) {
		end(c);
		return;
	}
	if (c->at >= CUT_TRACKED_MAX) {
		tell(c, PROBLEM_MANY, "many were banned at once: not of all of them the tracked connections are deleted");
		end(c);
		return;
	}
	const struct addr *a = &c->now[c->at++].addr;
	free(c->address);
	addr_format(a, text);
	c->address = xstrdup(text);
	const char *const argv[] = {"conntrack", "-D", "-f", a->family == 6 ? "ipv6" : "ipv4", "-s", c->address, NULL};
	struct child_spec spec = {
		.file = argv[0],
		.argv = argv,
		.timeout_s = TRACKED_TIMEOUT_S,
		.keep_out = 4096,
		.keep_err = 4096,
		.done = on_tracked,
		.arg = c,
	};
	c->child = child_run(c->loop, &spec);
}

/* ---- life ---- */

static int
diag_socket(void)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&kernel, sizeof kernel) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

struct cut *
cut_new(uv_loop_t *loop, const struct cut_hooks *hooks)
{
	struct cut *c = xcalloc(1, sizeof *c);

	c->loop = loop;
	c->hooks = *hooks;
	c->list_fd = diag_socket();
	c->act_fd = diag_socket();
	uv_timer_init(loop, &c->timer);
	c->timer.data = c->poll.data = c;
	c->handles = 1;
	if (c->list_fd >= 0) {
		uv_poll_init(loop, &c->poll, c->list_fd);
		uv_poll_start(&c->poll, UV_READABLE, on_list);
		c->handles++;
	}
	return c;
}

void
cut_add(struct cut *c, const char *jail, const struct addr *addr)
{
	if (c->n_waiting >= CUT_MAX) {
		tell(c, PROBLEM_MANY, "many were banned at once: not of all of them the connections are ended");
		return;
	}
	if (c->n_waiting == c->room) {
		c->room = c->room != 0 ? c->room * 2 : 16;
		c->waiting = xreallocarray(c->waiting, c->room, sizeof *c->waiting);
	}
	c->waiting[c->n_waiting++] = (struct aim){.jail = xstrdup(jail), .addr = *addr};
	if (!c->is_busy && !uv_is_active((uv_handle_t *)&c->timer))
		uv_timer_start(&c->timer, begin, GATHER_MS, 0);
}

static void
on_closed(uv_handle_t *h)
{
	struct cut *c = h->data;

	if (h == (uv_handle_t *)&c->poll)
		close(c->list_fd);
	c->handles--;
	maybe_closed(c);
}

void
cut_close(struct cut *c, void (*done)(void *arg), void *arg)
{
	if (c == NULL) {
		done(arg);
		return;
	}
	c->is_closing = true;
	c->closed = done;
	c->closed_arg = arg;
	if (c->act_fd >= 0)
		close(c->act_fd);
	if (c->child != NULL)
		child_kill(c->child);
	uv_close((uv_handle_t *)&c->timer, on_closed);
	if (c->list_fd >= 0)
		uv_close((uv_handle_t *)&c->poll, on_closed);
}
