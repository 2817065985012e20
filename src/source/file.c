/*
 * file: a path that is followed. Decides what the path leads to now (missing, denied, the same inode,
 * another one) and which streams are read; the reading itself is stream.c's.
 *
 * A rotated log is read to its end before the new one is begun, and stays open until it was quiet for
 * FOLLOW_LINGER_MS, because its writer may hold it for a while: a line written late is handed over late,
 * but once. Symbolic links are followed; anything but a regular file is refused without being opened.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "base/log.h"
#include "base/mem.h"
#include "source/follow.h"

/* ---- state ---- */

void
file_changed(struct file *f)
{
	struct tail *t;

	DL_FOREACH (f->tails, t) {
		if (!t->is_dead && t->hooks.changed)
			t->hooks.changed(t->hooks.arg, t);
	}
}

/* Returns whether it differs from what was known. */
static bool
set_state(struct file *f, enum tail_state state, int error, const char *why)
{
	bool is_first = !f->due; /* never planned: tail_new() is under way, and its caller looks for itself */

	if (f->state == state && f->error == error && !is_first)
		return false;
	f->state = state;
	f->error = error;
	f->why = why ? why : error ? strerror(error) : NULL;
	if (state != TAIL_OK)
		source_log(f, LOG_LEVEL_WARNING, "Unable to read %s: %s", f->path, f->why);
	else if (!is_first)
		source_log(f, LOG_LEVEL_INFO, "%s can be read again", f->path);
	if (!is_first)
		file_changed(f);
	return true;
}

void
file_plan(struct file *f, bool has_changed)
{
	uint64_t now = source_now_ms(f->source), wait;
	struct stream *st;

	f->retry_at = 0;
	if (f->state == TAIL_OK) {
		wait = f->is_polled ? poll_delay(f, has_changed) : FOLLOW_SAFETY_MS;
		if (!f->is_polled)
			f->wait_ms = 0;
	} else if (f->is_polled) {
		wait = poll_delay(f, has_changed);
	} else {
		wait = has_changed || !f->wait_ms ? FOLLOW_RETRY_MIN_MS : f->wait_ms * 2;
		wait = f->wait_ms = wait < FOLLOW_RETRY_MAX_MS ? wait : FOLLOW_RETRY_MAX_MS;
	}
	if (f->state != TAIL_OK)
		f->retry_at = clock_monotonic(f->source->clock) + (double)wait / 1e3;
	f->due = now + wait;
	/* and not later than the moment when an old stream may be let go */
	DL_FOREACH (f->streams, st) {
		uint64_t end = st->quiet_since + f->source->linger_ms + 1;

		if ((st != f->current || f->state == TAIL_MISSING) && end < f->due)
			f->due = end > now ? end : now + 1;
	}
}

/* ---- streams ---- */

/* Is fd the inode that was let go while its path was missing? */
static bool
is_left_one(const struct file *f, const struct stream *st, uint64_t size)
{
	struct tail *t;

	if (!f->was_open || st->dev != f->left_dev || st->ino != f->left_ino ||
	    st->head_len < f->left_head_len || memcmp(st->head, f->left_head, f->left_head_len) != 0)
		return false;
	DL_FOREACH (f->tails, t) {
		if (t->is_started && t->resume > size)
			return false;
	}
	return true;
}

static void
let_go(struct file *f, struct stream *st)
{
	struct stat sb;
	struct tail *t;

	if (st != f->current) {
		stream_end(st);
	} else {
		/* moved away and perhaps back: then it goes on; deleted: its unfinished line will never end */
		if (fstat(st->fd, &sb) != 0 || sb.st_nlink == 0)
			stream_end(st);
		f->was_open = true;
		f->left_dev = st->dev;
		f->left_ino = st->ino;
		f->left_head_len = st->head_len;
		memcpy(f->left_head, st->head, st->head_len);
		DL_FOREACH (f->tails, t) {
			if (t->cursor) {
				t->in_operation = t->cursor->in_operation;
				t->resume = t->cursor->pos;
			}
			t->cursor = NULL;
		}
		f->current = NULL;
	}
	DL_DELETE(f->streams, st);
	stream_free(st);
}

/* The path leads to an inode that is not read yet. */
static void
open_stream(struct file *f, int fd, const struct stat *sb)
{
	struct stream *st = stream_new(f, fd, sb->st_dev, sb->st_ino), *old = f->current;
	uint64_t size = (uint64_t)sb->st_size;
	bool is_left = !old && is_left_one(f, st, size);
	bool is_copy = old && stream_is_copy(old, fd);
	bool is_rotation = (old || f->was_open) && !is_left && !is_copy;
	struct tail *t;

	DL_APPEND(f->streams, st);
	f->current = st;
	stream_hash(st);
	DL_FOREACH (f->tails, t) {
		struct cursor *c = t->cursor;

		if (t->is_dead)
			continue;
		if (c)
			t->in_operation = c->in_operation;
		if (is_copy && c)
			stream_add(st, t, c->pos, t->in_operation);
		else if (is_left && t->is_started)
			stream_add(st, t, t->resume, t->in_operation);
		else
			tail_begin(t, st, size);
	}
	if (old) {
		old->quiet_since = source_now_ms(f->source);
		if (is_copy) {
			DL_DELETE(f->streams, old);
			stream_free(old);
		}
	}
	if (is_rotation) {
		f->rotated = clock_now(f->source->clock);
		source_log(f, LOG_MSG, "%s was rotated: continues in inode %llu", f->path,
		    (unsigned long long)st->ino);
		file_changed(f);
	}
	f->was_open = true;
}

/* The path leads to a stream that was taken for rotated away: it was moved back. */
static void
promote(struct file *f, struct stream *st)
{
	struct cursor *c;
	struct tail *t;
	uint64_t end = stream_end_off(st);

	if (f->current)
		f->current->quiet_since = source_now_ms(f->source);
	f->current = st;
	DL_DELETE(f->streams, st);
	DL_APPEND(f->streams, st);
	DL_FOREACH (f->tails, t) {
		t->cursor = NULL;
	}
	DL_FOREACH (st->cursors, c) {
		for (size_t i = 0; i < c->count; i++)
			c->tails[i]->cursor = c;
	}
	DL_FOREACH (f->tails, t) {
		if (!t->cursor && !t->is_dead) /* came after the rotation */
			stream_add(st, t, end, t->in_operation);
	}
	f->rotated = clock_now(f->source->clock);
	file_changed(f);
}

static bool
set_errno_state(struct file *f, int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return set_state(f, TAIL_MISSING, error, NULL);
	case EACCES:
	case EPERM:
		return set_state(f, TAIL_DENIED, error, NULL);
	default:
		return set_state(f, TAIL_ERROR, error, NULL);
	}
}

static bool
set_kind_state(struct file *f, mode_t mode)
{
	if (S_ISDIR(mode))
		return set_state(f, TAIL_ERROR, EISDIR, "is a directory, not a file");
	if (S_ISFIFO(mode))
		return set_state(f, TAIL_ERROR, EOPNOTSUPP, "is a FIFO, not a regular file");
	if (S_ISSOCK(mode))
		return set_state(f, TAIL_ERROR, EOPNOTSUPP, "is a socket, not a regular file");
	return set_state(f, TAIL_ERROR, EOPNOTSUPP, "is a device, not a regular file");
}

static bool
check_path(struct file *f)
{
	struct stat sb;
	struct stream *st;
	int fd;

	if (stat(f->path, &sb) != 0)
		return set_errno_state(f, errno);
	if (!S_ISREG(sb.st_mode))
		return set_kind_state(f, sb.st_mode);
	DL_FOREACH (f->streams, st) {
		if (st->dev != sb.st_dev || st->ino != sb.st_ino)
			continue;
		bool is_back = st != f->current;

		if (is_back)
			promote(f, st);
		/* what is open stays readable, but the next start would fail: say so */
		if (faccessat(AT_FDCWD, f->path, R_OK, AT_EACCESS) != 0)
			return set_errno_state(f, errno) || is_back;
		return set_state(f, TAIL_OK, 0, NULL) || is_back;
	}
	fd = open(f->path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return set_errno_state(f, errno);
	char byte;
	bool can_read = fstat(fd, &sb) == 0 && pread(fd, &byte, 1, 0) >= 0;

	if (!can_read || !S_ISREG(sb.st_mode)) {
		int error = errno;

		close(fd);
		return can_read ? set_kind_state(f, sb.st_mode) : set_errno_state(f, error);
	}
	open_stream(f, fd, &sb);
	set_state(f, TAIL_OK, 0, NULL);
	return true;
}

/* Is told of changes by inotify if it can be; otherwise it is polled until it can. */
static void
watch(struct file *f)
{
	struct watcher *w = f->source->watcher;
	bool was_polled = f->is_polled;
	struct stream *st;

	if (f->wants_polling)
		return;
	f->is_polled = !w || !watcher_follow(w, f);
	DL_FOREACH (f->streams, st) {
		if (w && st->wd < 0 && !watcher_watch(w, st))
			f->is_polled = true;
	}
	if (f->is_polled && !was_polled)
		source_log(f, LOG_LEVEL_WARNING, "Unable to watch %s by inotify (%s): it is polled", f->path,
		    w ? strerror(errno) : "not available");
}

bool
file_check(struct file *f)
{
	struct source *s = f->source;
	bool was_missing = f->state == TAIL_MISSING, has_changed;
	struct stream *before = f->current;

	f->needs_check = false;
	watch(f); /* first: what happens between the two looks is then told */
	has_changed = check_path(f);
	if (f->current != before)
		watch(f);
	/* a deleted log is read on until it is quiet; the time runs from now */
	if (f->state == TAIL_MISSING && !was_missing && f->current)
		f->current->quiet_since = source_now_ms(s);
	return has_changed;
}

bool
file_turn(struct file *f, bool *has_read)
{
	uint64_t now = source_now_ms(f->source);
	struct stream *st, *next;
	size_t count = 0, at = 0;

	DL_COUNT(f->streams, st, count);
	DL_FOREACH_SAFE (f->streams, st, next) {
		bool is_new = false, has_more = stream_turn(st, &is_new);
		bool is_left = st != f->current || f->state == TAIL_MISSING;

		*has_read |= is_new;
		if (f->source->is_closing)
			return false;
		if (st->read_error) {
			/* a disk or a network file system: opened again at the next look, at the same place */
			int error = st->read_error;

			let_go(f, st);
			set_state(f, TAIL_ERROR, error, NULL);
			continue;
		}
		/* the younger ones wait until this one is at its end */
		if (has_more)
			return true;
		if (is_left && !is_new &&
		    (now - st->quiet_since > f->source->linger_ms || count - at > FOLLOW_OLD_MAX))
			let_go(f, st);
		at++;
	}
	return false;
}

/* ---- life ---- */

void
file_sweep(struct file *f)
{
	struct tail *t, *next;

	DL_FOREACH_SAFE (f->tails, t, next) {
		if (t->is_dead)
			tail_drop(t);
	}
}

void
file_free(struct file *f)
{
	struct source *s = f->source;
	struct stream *st, *next;

	if (s->watcher)
		watcher_forget_file(s->watcher, f);
	DL_FOREACH_SAFE (f->streams, st, next) {
		DL_DELETE(f->streams, st);
		stream_free(st);
	}
	if (f->is_queued)
		DL_DELETE(s->queue, f);
	HASH_DEL(s->files, f);
	free(f->key);
	free(f);
}

struct file *
file_of(struct source *s, const char *path, enum source_backend backend)
{
	struct file *f;
	char *key = xasprintf("%c%s", backend == SOURCE_POLLING ? 'p' : 'i', path);

	HASH_FIND_STR(s->files, key, f);
	if (f) {
		free(key);
		return f;
	}
	f = xcalloc(1, sizeof *f);
	f->source = s;
	f->key = key;
	f->path = key + 1;
	f->wants_polling = f->is_polled = backend == SOURCE_POLLING;
	HASH_ADD_KEYPTR(hh, s->files, f->key, strlen(f->key), f);
	if (!f->is_polled && !s->watcher && !s->watcher_failed) {
		int error = 0;

		s->watcher = watcher_new(s, &error);
		s->watcher_failed = !s->watcher;
	}
	return f;
}
