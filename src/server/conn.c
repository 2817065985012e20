#include "server/conn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "command/command.h"
#include "engine.h"
#include "jailtop/applet.h"
#include "jailtop/wire.h"
#include "server/pickle_read.h"
#include "server/pickle_write.h"
#include "server/request.h"
#include "server/server_internal.h"

#define CONN_QUEUE_MAX (64u << 20) /* a reply or snapshot may be this large; then the client is cut off */

struct engine *
conn_engine(const struct conn *c)
{
	return c->server->engine;
}

/* ---- writing ---- */

struct write_job {
	uv_write_t req;
	struct conn *conn;
	size_t len;
	char bytes[];
};

static void
on_written(uv_write_t *req, int status)
{
	struct write_job *job = (struct write_job *)req;
	struct conn *c = job->conn;

	c->queued -= job->len;
	free(job);
	if (status != 0)
		conn_close(c);
	else if (!c->is_closing)
		stream_drained(c);
}

bool
conn_send(struct conn *c, const char *bytes, size_t len)
{
	if (c->is_closing)
		return false;
	if (c->queued + len > CONN_QUEUE_MAX) {
		conn_close(c);
		return false;
	}
	struct write_job *job = xmalloc(sizeof *job + len);
	job->conn = c;
	job->len = len;
	memcpy(job->bytes, bytes, len);
	c->queued += len;
	uv_buf_t buf = uv_buf_init(job->bytes, (unsigned)len);
	if (uv_write(&job->req, (uv_stream_t *)&c->pipe, &buf, 1, on_written) != 0) {
		c->queued -= len;
		free(job);
		conn_close(c);
		return false;
	}
	return true;
}

static void
on_conn_closed(uv_handle_t *h)
{
	struct conn *c = (struct conn *)h;
	struct server *s = c->server;

	str_done(&c->in);
	str_done(&c->farewell);
	free(c);
	server_handle_closed(s);
}

void
conn_say_farewell(struct conn *c)
{
	uv_buf_t buf = uv_buf_init(c->farewell.at, (unsigned)c->farewell.len);

	if (!c->is_closing && c->farewell.len != 0)
		uv_try_write((uv_stream_t *)&c->pipe, &buf, 1); /* a few bytes to somebody who waits for nothing else */
}

void
conn_close(struct conn *c)
{
	if (c->is_closing)
		return;
	c->is_closing = true;
	bus_unsubscribe(conn_engine(c)->bus, c->reader);
	c->reader = NULL;
	for (size_t i = 0; i < c->n_own; i++)
		engine_unprotect(conn_engine(c), &c->own[i]);
	DL_DELETE(c->server->conns, c);
	c->listener->n_conns--;
	uv_close((uv_handle_t *)&c->pipe, on_conn_closed);
}

void
conn_tick(struct conn *c, double mono)
{
	if (c->request_since != 0 && mono - c->request_since > CONN_IDLE_REQUEST_S) {
		log_write(LOG_LEVEL_WARNING, "fail2ban.asyncserver", "a client took over %d s for one request: closed", CONN_IDLE_REQUEST_S);
		conn_close(c);
	}
}

/* ---- commands ---- */

/* After the answer was made: what the command asked of the process itself. */
static void
after_command(struct conn *c)
{
	struct engine *e = conn_engine(c);
	int wants = e->wants_stop;

	e->wants_stop = COMMAND_STOP_NO;
	if (wants != COMMAND_STOP_NO)
		c->server->stop(c->server->stop_arg, wants == COMMAND_STOP_KEEP_BANS);
}

/* What the answer tells is written down before it is sent. */
static bool
run_now(struct conn *c, const struct value *words, bool is_own, struct command_reply *r)
{
	struct engine *e = conn_engine(c);

	engine_turn(e);
	bool ok = (is_own ? command_run_own : command_run)(e, words, c->right, r);
	engine_turn_end(e);
	return ok;
}

static void
pickle_message(struct conn *c, const char *body, size_t len)
{
	struct str out = {0};
	struct err err;

	if (pickle_is_close(body, len)) {
		conn_close(c);
		return;
	}
	if (conn_engine(c)->state == ENGINE_STOPPING) {
		struct value *down = value_words("SHUTDOWN", NULL);
		pickle_write(down, PICKLE_REPLY, &out);
		str_add(&out, PICKLE_END);
		value_free(down);
		conn_send(c, out.at, out.len);
		str_done(&out);
		return;
	}
	struct value *words = pickle_read(body, len, PICKLE_REQUEST, &err);
	if (words == NULL) {
		pickle_write_refusal(err.text, &out);
	} else {
		struct command_reply r = {0};
		if (run_now(c, words, false, &r)) {
			pickle_write_ok(r.value, &out);
		} else {
			if (r.args == NULL) {
				r.args = value_tuple();
				value_push(r.args, value_str(r.text != NULL ? r.text : ""));
			}
			pickle_write_error(r.exception, r.args, &out);
		}
		command_reply_done(&r);
		value_free(words);
	}
	if (conn_engine(c)->wants_stop != COMMAND_STOP_NO && !c->is_closing)
		c->farewell = out;
	else {
		conn_send(c, out.at, out.len);
		str_done(&out);
	}
	after_command(c);
}

static void
send_json(struct conn *c, json_t *message) /* takes it */
{
	char *text = json_dumps(message, JSON_COMPACT);
	struct str line = {0};

	json_decref(message);
	str_add(&line, text != NULL ? text : "{}");
	str_addc(&line, '\n');
	free(text);
	conn_send(c, line.at, line.len);
	str_done(&line);
}

static json_t *
answer_ok(json_t *id, json_t *value)
{
	return json_pack("{s:O,s:b,s:o}", "id", id, "ok", 1, "value", value);
}

static json_t *
answer_error(json_t *id, const char *class_name, const char *text)
{
	json_t *m = json_pack("{s:O,s:b,s:s}", "id", id, "ok", 0, "class", class_name);

	json_object_set_new(m, "error", text_json(text, strlen(text)));
	return m;
}

static void
hello(struct conn *c, const struct request *r)
{
	if (r->protocol != WIRE_PROTOCOL) {
		send_json(c, answer_error(r->id, "ValueError", "this engine speaks wire protocol 1: client and engine are of different versions"));
		return;
	}
	for (size_t i = 0; i < r->n_own && c->n_own < CONN_MAX_OWN && c->right == COMMAND_WRITE; i++) {
		c->own[c->n_own++] = r->own[i];
		engine_protect(conn_engine(c), &r->own[i]);
	}
	send_json(c, answer_ok(r->id, json_pack("{s:i,s:s,s:i,s:i,s:b}", "protocol", WIRE_PROTOCOL, "version", JAILTOP_VERSION,
	    "pid", (int)getpid(), "uid", (int)c->uid, "write", c->right == COMMAND_WRITE)));
}

static void
json_command(struct conn *c, const struct request *q)
{
	struct command_reply r = {0};

	if (conn_engine(c)->state == ENGINE_STOPPING)
		send_json(c, answer_error(q->id, "RuntimeError", "the engine is stopping"));
	else if (run_now(c, q->words, true, &r))
		send_json(c, answer_ok(q->id, value_to_json(r.value)));
	else
		send_json(c, answer_error(q->id, r.exception, r.text != NULL ? r.text : ""));
	command_reply_done(&r);
}

static void
json_message(struct conn *c, const char *line, size_t len)
{
	struct request r;

	request_read(line, len, &r);
	switch (r.kind) {
	case REQUEST_WRONG:
		send_json(c, answer_error(r.id, "ValueError", r.why));
		break;
	case REQUEST_HELLO:
		hello(c, &r);
		break;
	case REQUEST_SUBSCRIBE:
		send_json(c, answer_ok(r.id, json_null()));
		stream_subscribe(c);
		break;
	case REQUEST_COMMAND:
		json_command(c, &r);
		break;
	}
	request_done(&r);
	if (!c->is_closing)
		after_command(c);
}

/* ---- reading ---- */

/* Takes complete messages off the front of c->in. */
static void
take_messages(struct conn *c)
{
	size_t from = 0;

	while (!c->is_closing && from < c->in.len) {
		const char *at = c->in.at + from;
		size_t len = c->in.len - from;
		if (c->protocol == CONN_UNKNOWN)
			c->protocol = *at == '{' ? CONN_JSON : CONN_PICKLE;
		c->used_at = clock_monotonic(&conn_engine(c)->clock);
		if (c->protocol == CONN_JSON) {
			const char *end = memchr(at + c->scanned, '\n', len - c->scanned);
			if (end == NULL) {
				c->scanned = len;
				if (len > WIRE_MAX_REQUEST)
					conn_close(c);
				break;
			}
			if (end != at)
				json_message(c, at, (size_t)(end - at));
			from += (size_t)(end - at) + 1;
			c->is_served = true;
		} else {
			ptrdiff_t end = pickle_frame_end(at, len, &c->scanned);
			if (end < 0) {
				if (len > PICKLE_MAX_BYTES)
					conn_close(c);
				break;
			}
			pickle_message(c, at, (size_t)end);
			from += (size_t)end + PICKLE_END_LEN;
			c->is_served = true;
		}
		c->scanned = 0;
	}
	if (c->is_closing)
		return;
	memmove(c->in.at, c->in.at + from, c->in.len - from);
	str_cut(&c->in, c->in.len - from);
	if (c->in.len == 0 && c->in.cap > 65536)
		str_done(&c->in);
	c->request_since = c->in.len == 0 ? 0 :
	    c->request_since != 0 ? c->request_since : clock_monotonic(&conn_engine(c)->clock);
}

static void
on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct conn *c = (struct conn *)h;

	str_reserve(&c->in, suggested);
	*buf = uv_buf_init(c->in.at + c->in.len, (unsigned)suggested);
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = (struct conn *)stream;

	(void)buf;
	if (n < 0) {
		conn_close(c);
		return;
	}
	c->in.len += (size_t)n;
	take_messages(c);
}

/*
 * Too many of this listener: whoever has asked nothing so far goes first, the longest there; then the client
 * that was quiet for longest and is not a screen. False: all are screens.
 */
static bool
make_room(struct server *s, const struct conn *newest)
{
	struct conn *c, *victim = NULL;

	DL_FOREACH(s->conns, c) {
		if (c == newest || c->reader != NULL || c->listener != newest->listener)
			continue;
		if (victim == NULL || (victim->is_served && !c->is_served) ||
		    (victim->is_served == c->is_served && c->used_at < victim->used_at))
			victim = c;
	}
	if (victim == NULL)
		return false;
	conn_close(victim);
	return true;
}

/* The file's mode has let the peer in already; who it is is asked once more. */
static bool
may_come(const struct listener *l, int fd, const struct ucred *peer)
{
	gid_t groups[256];
	socklen_t size = sizeof groups;

	if (peer->uid == 0 || peer->uid == getuid())
		return true;
	if (l->right != COMMAND_READ || l->gid == (gid_t)-1)
		return false;
	if (peer->gid == l->gid)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0)
		return false;
	for (size_t i = 0; i < size / sizeof *groups; i++)
		if (groups[i] == l->gid)
			return true;
	return false;
}

void
conn_accept(struct listener *l)
{
	struct server *s = l->server;
	struct conn *c = xcalloc(1, sizeof *c);
	uv_os_fd_t fd;
	struct ucred peer = {0};
	socklen_t size = sizeof peer;

	uv_pipe_init(s->engine->loop, &c->pipe, 0);
	c->server = s;
	c->listener = l;
	c->right = l->right;
	s->open_handles++;
	l->n_conns++;
	DL_APPEND(s->conns, c);
	if (uv_accept((uv_stream_t *)&l->pipe, (uv_stream_t *)&c->pipe) != 0 || s->is_closing ||
	    uv_fileno((uv_handle_t *)&c->pipe, &fd) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
		conn_close(c);
		return;
	}
	c->uid = peer.uid;
	if (!may_come(l, fd, &peer)) {
		log_write(LOG_LEVEL_WARNING, "fail2ban.asyncserver", "refused a connection of uid %u", (unsigned)peer.uid);
		conn_close(c);
		return;
	}
	c->used_at = clock_monotonic(&s->engine->clock);
	if (l->n_conns > WIRE_MAX_CLIENTS && !make_room(s, c)) {
		log_write(LOG_LEVEL_WARNING, "fail2ban.asyncserver", "more than %d clients: one was refused", WIRE_MAX_CLIENTS);
		conn_close(c);
		return;
	}
	uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
}
