#include "source/source.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/mem.h"
#include "source/follow.h"

uint64_t
source_now_ms(const struct source *s)
{
	return uv_now(s->loop);
}

void
source_log(struct file *f, int level, const char *format, ...)
{
	struct tail *t;
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	/* one message for a file, however many jails follow it */
	DL_FOREACH (f->tails, t) {
		if (!t->is_dead && t->hooks.log) {
			t->hooks.log(t->hooks.arg, level, text);
			return;
		}
	}
}

/* ---- turns ---- */

static void
sweep(struct source *s)
{
	struct file *f, *next;

	if (!s->has_dead || s->busy)
		return;
	s->has_dead = false;
	HASH_ITER (hh, s->files, f, next) {
		file_sweep(f);
		if (!f->tails)
			file_free(f);
	}
}

static void
on_idle(uv_idle_t *idle)
{
	struct source *s = idle->data;
	size_t files = 0, reads = 0;
	struct file *f;

	DL_COUNT(s->queue, f, files);
	s->busy++;
	/* each file in the queue gets at most one block, all together at most FOLLOW_TURN bytes */
	while (s->queue && files-- && reads < FOLLOW_TURN / FOLLOW_BLOCK && !s->is_closing) {
		f = s->queue;
		DL_DELETE(s->queue, f);
		f->is_queued = false;
		bool has_changed = f->needs_check && file_check(f), has_read = false;

		if (file_turn(f, &has_read))
			source_queue(s, f);
		reads += has_read;
		file_plan(f, has_changed || has_read);
	}
	s->busy--;
	sweep(s);
	if (s->is_closing)
		return;
	if (!s->queue)
		uv_idle_stop(&s->idle);
	source_arm(s);
}

void
source_queue(struct source *s, struct file *f)
{
	if (f->is_queued || s->is_closing)
		return;
	f->is_queued = true;
	DL_APPEND(s->queue, f);
	if (!uv_is_active((uv_handle_t *)&s->idle))
		uv_idle_start(&s->idle, on_idle);
}

static void
on_timer(uv_timer_t *timer)
{
	struct source *s = timer->data;
	uint64_t now = source_now_ms(s);
	struct file *f, *next;

	HASH_ITER (hh, s->files, f, next) {
		if (f->due > now)
			continue;
		/* old streams of a polled file have nobody else to tell of their last lines */
		if (f->is_polled && f->state == TAIL_OK && f->streams == f->current && !poll_look(f)) {
			file_plan(f, false);
			continue;
		}
		f->needs_check = true;
		f->due = UINT64_MAX; /* planned again after its turn */
		source_queue(s, f);
	}
	source_arm(s);
}

void
source_arm(struct source *s)
{
	uint64_t now = source_now_ms(s), due = UINT64_MAX;
	struct file *f, *next;

	if (s->is_closing)
		return;
	HASH_ITER (hh, s->files, f, next) {
		if (f->due < due)
			due = f->due;
	}
	if (due == UINT64_MAX)
		uv_timer_stop(&s->timer);
	else
		uv_timer_start(&s->timer, on_timer, due > now ? due - now : 1, 0);
}

/* ---- life ---- */

struct source *
source_new(uv_loop_t *loop, const struct clock *clock)
{
	struct source *s = xcalloc(1, sizeof *s);

	s->loop = loop;
	s->clock = clock;
	s->block = xmalloc(FOLLOW_BLOCK);
	uv_idle_init(loop, &s->idle);
	uv_timer_init(loop, &s->timer);
	s->idle.data = s;
	s->timer.data = s;
	s->open_handles = 2;
	s->linger_ms = FOLLOW_LINGER_MS;
	return s;
}

void
source_on_batch(struct source *s, source_batch_fn fn, void *arg)
{
	s->batch = fn;
	s->batch_arg = arg;
}

void
source_handle_closed(struct source *s)
{
	if (--s->open_handles)
		return;

	struct file *f, *next;
	struct tail *t;

	HASH_ITER (hh, s->files, f, next) {
		DL_FOREACH (f->tails, t) {
			t->is_dead = true;
		}
		file_sweep(f);
		file_free(f);
	}
	free(s->round);
	free(s->block);

	void (*closed)(void *arg) = s->closed;
	void *arg = s->closed_arg;

	free(s);
	if (closed)
		closed(arg);
}

static void
on_closed(uv_handle_t *handle)
{
	source_handle_closed(handle->data);
}

void
source_close(struct source *s, void (*done)(void *arg), void *arg)
{
	struct file *f, *next;
	struct tail *t;

	s->is_closing = true;
	s->closed = done;
	s->closed_arg = arg;
	/* from here on no hook is called */
	HASH_ITER (hh, s->files, f, next) {
		DL_FOREACH (f->tails, t) {
			t->is_dead = true;
		}
	}
	if (s->watcher)
		watcher_close(s->watcher);
	s->watcher = NULL;
	journal_close_all(s);
	uv_close((uv_handle_t *)&s->idle, on_closed);
	uv_close((uv_handle_t *)&s->timer, on_closed);
}
