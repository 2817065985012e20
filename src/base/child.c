#include "base/child.h"

#include "base/mem.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEEP_DEFAULT 65536
#define KILL_AFTER_MS 200  /* between TERM and KILL, and between KILL and letting the pipes go */
#define LEFT_AFTER_MS 50   /* the program ended, its pipes did not: since when that is worth telling */
#define READ_ROOM 8192

enum stage { STAGE_RUNS, STAGE_TERM, STAGE_KILL, STAGE_GIVE_UP };

struct reader {
	uv_pipe_t pipe;
	struct str bytes;
	size_t keep;
	bool is_open, is_cut;
};

struct child {
	uv_loop_t *loop;
	uv_process_t process;
	uv_timer_t deadline; /* then the steps after it */
	uv_timer_t later;    /* a failed start's report; the notice of children left behind */
	uv_pipe_t in;
	uv_write_t write;
	char *input; /* owned until written */
	struct reader out, err;
	enum stage stage;
	int pid;
	bool has_exited, is_done, in_is_open, process_is_open;
	bool group_lives; /* somebody of the group was there when the leader was reaped */
	uint64_t started_ns;
	double ms;
	int exit_code, spawn_error;
	bool timed_out;
	int handles; /* to be closed before it can be freed */
	child_fn exited, done;
	void *arg;
};

static void settle(struct child *c);

static void
handle_closed(uv_handle_t *h)
{
	struct child *c = h->data;

	if (--c->handles > 0)
		return;
	free(c->input);
	str_done(&c->out.bytes);
	str_done(&c->err.bytes);
	free(c);
}

static void
input_close(struct child *c)
{
	if (!c->in_is_open)
		return;
	c->in_is_open = false;
	uv_close((uv_handle_t *)&c->in, handle_closed);
}

static void
reader_close(struct reader *r)
{
	if (!r->is_open)
		return;
	r->is_open = false;
	uv_close((uv_handle_t *)&r->pipe, handle_closed);
}

static void
reader_cut(struct reader *r, size_t most)
{
	if (r->bytes.len <= most)
		return;
	memmove(r->bytes.at, r->bytes.at + r->bytes.len - r->keep, r->keep);
	str_cut(&r->bytes, r->keep);
	r->is_cut = true;
}

static struct child_result
result_now(struct child *c)
{
	reader_cut(&c->out, c->out.keep);
	reader_cut(&c->err, c->err.keep);
	return (struct child_result){
		.exit_code = c->exit_code,
		.timed_out = c->timed_out,
		.spawn_error = c->spawn_error,
		.ms = c->ms,
		.out = str_text(&c->out.bytes),
		.err = str_text(&c->err.bytes),
		.out_len = c->out.bytes.len,
		.err_len = c->err.bytes.len,
		.out_cut = c->out.is_cut,
		.err_cut = c->err.is_cut,
	};
}

static void
finish(struct child *c)
{
	struct child_result r = result_now(c);

	if (c->is_done)
		return;
	c->is_done = true;
	if (c->done != NULL)
		c->done(c->arg, &r);
	input_close(c);
	reader_close(&c->out);
	reader_close(&c->err);
	uv_close((uv_handle_t *)&c->deadline, handle_closed);
	uv_close((uv_handle_t *)&c->later, handle_closed);
	if (c->process_is_open)
		uv_close((uv_handle_t *)&c->process, handle_closed);
}

/*
 * The leader's number stays taken while anybody of its group lives, so the group may be signalled
 * as long as the leader is not reaped, or somebody was left then.
 */
static void
group_signal(struct child *c, int signal_number)
{
	if (c->pid > 0 && (!c->has_exited || c->group_lives))
		if (kill(-c->pid, signal_number) != 0 && c->has_exited)
			c->group_lives = false;
}

static void
deadline_step(uv_timer_t *t)
{
	struct child *c = t->data;

	switch (c->stage) {
	case STAGE_RUNS:
		c->timed_out = true;
		c->stage = STAGE_TERM;
		group_signal(c, SIGTERM);
		uv_timer_start(t, deadline_step, KILL_AFTER_MS, 0);
		break;
	case STAGE_TERM:
		c->stage = STAGE_KILL;
		group_signal(c, SIGKILL);
		uv_timer_start(t, deadline_step, KILL_AFTER_MS, 0);
		break;
	case STAGE_KILL:
		c->stage = STAGE_GIVE_UP;
		break;
	case STAGE_GIVE_UP:
		break;
	}
	settle(c);
}

static void
report_left(uv_timer_t *t)
{
	struct child *c = t->data;
	struct child_result r = result_now(c);
	child_fn exited = c->exited;

	c->exited = NULL;
	exited(c->arg, &r);
}

/* Decides whether it is over. */
static void
settle(struct child *c)
{
	if (!c->has_exited || c->is_done)
		return;
	if (c->stage == STAGE_GIVE_UP) {
		finish(c);
		return;
	}
	if (c->stage == STAGE_TERM) {
		group_signal(c, 0);
		if (c->group_lives)
			return; /* somebody ignores TERM: KILL comes */
	}
	if (c->out.is_open || c->err.is_open) {
		if (c->exited != NULL && !uv_is_active((uv_handle_t *)&c->later))
			uv_timer_start(&c->later, report_left, LEFT_AFTER_MS, 0);
		return;
	}
	finish(c);
}

static void
process_exited(uv_process_t *p, int64_t status, int term_signal)
{
	struct child *c = p->data;

	c->has_exited = true;
	c->exit_code = term_signal != 0 ? -term_signal : (int)status;
	c->ms = (double)(uv_hrtime() - c->started_ns) / 1e6;
	c->group_lives = kill(-c->pid, 0) == 0;
	input_close(c);
	settle(c);
}

static void
reader_room(uv_handle_t *h, size_t wanted, uv_buf_t *buf)
{
	struct child *c = h->data;
	struct reader *r = (uv_pipe_t *)h == &c->out.pipe ? &c->out : &c->err;

	(void)wanted;
	str_reserve(&r->bytes, READ_ROOM);
	*buf = uv_buf_init(r->bytes.at + r->bytes.len, READ_ROOM);
}

static void
reader_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct child *c = s->data;
	struct reader *r = (uv_pipe_t *)s == &c->out.pipe ? &c->out : &c->err;

	(void)buf;
	if (n > 0) {
		r->bytes.len += (size_t)n;
		r->bytes.at[r->bytes.len] = '\0';
		reader_cut(r, 2 * r->keep);
	} else if (n < 0) {
		reader_close(r);
		settle(c);
	}
}

static void
input_written(uv_write_t *w, int status)
{
	struct child *c = w->data;

	(void)status; /* a program that did not want its input says so by its exit code */
	input_close(c);
}

static void
start_failed(uv_timer_t *t)
{
	finish(t->data);
}

/* Makes a pipe of which `ours` is kept and *theirs handed down. Closes nothing on failure. */
static int
pipe_make(struct child *c, uv_pipe_t *ours, bool *is_open, bool we_read, int *theirs)
{
	uv_file fds[2];
	int rc = uv_pipe(fds, we_read ? UV_NONBLOCK_PIPE : 0, we_read ? 0 : UV_NONBLOCK_PIPE);

	if (rc != 0)
		return rc;
	uv_pipe_init(c->loop, ours, 0);
	ours->data = c;
	c->handles++;
	*is_open = true;
	*theirs = fds[we_read ? 1 : 0];
	rc = uv_pipe_open(ours, fds[we_read ? 0 : 1]);
	if (rc != 0)
		close(fds[we_read ? 0 : 1]);
	return rc;
}

static void
sigpipe_ignore(void)
{
	struct sigaction now;

	if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

static void
input_start(struct child *c, size_t len)
{
	uv_buf_t buf = uv_buf_init(c->input, (unsigned)len);

	c->write.data = c;
	if (uv_write(&c->write, (uv_stream_t *)&c->in, &buf, 1, input_written) != 0)
		input_close(c);
}

struct child *
child_run(uv_loop_t *loop, const struct child_spec *spec)
{
	struct child *c = xcalloc(1, sizeof *c);
	int fds[3] = {-1, -1, -1};
	uv_stdio_container_t stdio[4] = {{.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_INHERIT_FD}};
	uv_process_options_t options = {
		.exit_cb = process_exited,
		.file = spec->file,
		/* libuv only reads them; its types predate const */
		.args = (char **)(uintptr_t)spec->argv,
		.env = (char **)(uintptr_t)spec->env,
		.flags = UV_PROCESS_DETACHED, /* a session of its own: one signal reaches all of it */
		.stdio = stdio,
		.stdio_count = spec->pass_fd > 0 ? 4 : 3,
	};
	int rc = 0;

	sigpipe_ignore();
	stdio[3].data.fd = spec->pass_fd;
	c->loop = loop;
	c->exited = spec->exited;
	c->done = spec->done;
	c->arg = spec->arg;
	c->out.keep = spec->keep_out != 0 ? spec->keep_out : KEEP_DEFAULT;
	c->err.keep = spec->keep_err != 0 ? spec->keep_err : KEEP_DEFAULT;
	c->started_ns = uv_hrtime();
	uv_timer_init(loop, &c->deadline);
	uv_timer_init(loop, &c->later);
	c->deadline.data = c->later.data = c->process.data = c;
	c->handles = 2;

	if (spec->input != NULL)
		rc = pipe_make(c, &c->in, &c->in_is_open, false, &fds[0]);
	if (rc == 0)
		rc = pipe_make(c, &c->out.pipe, &c->out.is_open, true, &fds[1]);
	if (rc == 0)
		rc = pipe_make(c, &c->err.pipe, &c->err.is_open, true, &fds[2]);
	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0) {
			stdio[i].flags = UV_INHERIT_FD;
			stdio[i].data.fd = fds[i];
		}
	if (rc == 0) {
		/* also after a failure the handle is the loop's, and wants to be closed */
		rc = uv_spawn(loop, &c->process, &options);
		c->process_is_open = true;
		c->handles++;
	}
	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (rc != 0) {
		c->has_exited = true;
		c->exit_code = 127;
		c->spawn_error = rc;
		uv_timer_start(&c->later, start_failed, 0, 0);
		return c;
	}
	c->pid = c->process.pid;
	uv_read_start((uv_stream_t *)&c->out.pipe, reader_room, reader_read);
	uv_read_start((uv_stream_t *)&c->err.pipe, reader_room, reader_read);
	if (spec->input != NULL) {
		c->input = xstrndup(spec->input, spec->input_len);
		input_start(c, spec->input_len);
	}
	if (spec->timeout_s > 0) {
		/* the loop's own time may be old by now, when many were started in one turn */
		uv_update_time(loop);
		uv_timer_start(&c->deadline, deadline_step, (uint64_t)(spec->timeout_s * 1000 + 0.5), 0);
	}
	return c;
}

void
child_kill(struct child *c)
{
	if (c->is_done || c->spawn_error != 0 || c->stage >= STAGE_KILL)
		return;
	c->stage = STAGE_KILL;
	group_signal(c, SIGKILL);
	uv_timer_start(&c->deadline, deadline_step, KILL_AFTER_MS, 0);
}

int
child_pid(const struct child *c)
{
	return c->has_exited ? 0 : c->pid;
}
