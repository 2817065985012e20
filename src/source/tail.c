/*
 * tail: a path and those who follow it. Decides what the path leads to now (missing, denied, the same inode,
 * another one) and which streams are read; the reading itself is stream.c's.
 *
 * A rotated log is read to its end before the new one is begun, and stays open until it was quiet for
 * FOLLOW_LINGER_MS, because its writer may hold it for a while: a line written late is handed over late,
 * but once. Symbolic links are followed; anything but a regular file is refused without being opened.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "base/log.h"
#include "base/mem.h"
#include "source/follow.h"

#define ROTATED_MAX 64 /* names that are looked at for the rest of a rotated log */

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

/* ---- streams of a file ---- */

/* Where tail t begins in a file that it sees for the first time. */
static uint64_t
start_of(struct tail *t, struct stream *st, uint64_t size)
{
	uint64_t from = 0;

	if (t->start.at_end) {
		t->in_operation = true;
		return seek_line_start(st->fd, size, t->encoding);
	}
	if (t->start.first_hash && *st->first_hash && strcmp(t->start.first_hash, st->first_hash) == 0 &&
	    t->start.pos <= size)
		from = t->start.pos;
	if (t->start.seek_date && t->start.not_before > 0)
		from = seek_time(t, st->fd, from, size);
	return from;
}

/*
 * The log was rotated while nobody followed it, and some of it was not read: the file beside it whose first
 * line has the stored hash is read on from there, before the new one. An unpacked PATH.1, PATH.0 or PATH-DATE.
 */
static int
find_rotated(const struct tail *t, struct stat *sb)
{
	static const char *const ends[] = {".1", ".0", "-[0-9]*"};
	int fd = -1;

	for (size_t i = 0; fd < 0 && i < sizeof ends / sizeof *ends; i++) {
		/* names with glob characters are left alone */
		char *pattern = xasprintf("%s%s", t->file->path, ends[i]), hash[SHA1_TEXT_MAX];
		glob_t found = {0};
		bool is_plain = strpbrk(t->file->path, "*?[\\") == NULL;

		if (is_plain && glob(pattern, 0, NULL, &found) == 0) {
			/* the youngest name first */
			for (size_t k = found.gl_pathc; fd < 0 && k-- > 0 && found.gl_pathc - k <= ROTATED_MAX;) {
				if (!source_first_hash(found.gl_pathv[k], hash) || strcmp(hash, t->start_hash) != 0)
					continue;
				fd = open(found.gl_pathv[k], O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
				if (fd >= 0 && (fstat(fd, sb) != 0 || !S_ISREG(sb->st_mode) ||
				                   (uint64_t)sb->st_size <= t->start.pos)) {
					close(fd);
					fd = -1;
				}
			}
		}
		globfree(&found);
		free(pattern);
	}
	return fd;
}

static void
start_in_rotated(struct tail *t, struct stream *st)
{
	struct stream *old;
	struct stat sb;
	int fd;

	if (t->is_started || t->start.at_end || !t->start.first_hash || !t->start.pos ||
	    strcmp(t->start_hash, st->first_hash) == 0)
		return;
	fd = find_rotated(t, &sb);
	if (fd < 0)
		return;
	if (sb.st_dev == st->dev && sb.st_ino == st->ino) { /* a link to the same */
		close(fd);
		return;
	}
	DL_FOREACH (t->file->streams, old) {
		if (old->dev == sb.st_dev && old->ino == sb.st_ino)
			break;
	}
	if (old) {
		close(fd);
	} else {
		old = stream_new(t->file, fd, sb.st_dev, sb.st_ino);
		DL_PREPEND(t->file->streams, old);
		source_log(t->file, LOG_LEVEL_INFO, "%s was rotated meanwhile: the rest of the old file is read first",
		    t->file->path);
	}
	stream_add(old, t, t->start.pos, false);
}

static void
start_tail(struct tail *t, struct stream *st, uint64_t size)
{
	uint64_t off = 0;

	if (!t->is_started) {
		start_in_rotated(t, st);
		off = start_of(t, st, size);
	}
	t->is_started = true;
	stream_add(st, t, off, t->in_operation);
}

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
			start_tail(t, st, size);
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

static void
tail_drop(struct tail *t)
{
	struct file *f = t->file;
	struct stream *st;

	DL_FOREACH (f->streams, st) {
		stream_remove(st, t);
	}
	DL_DELETE(f->tails, t);
	free(t->encoding);
	free(t);
}

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

static struct file *
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

static void
ignore_lines(void *arg, const struct line *lines, size_t count)
{
	(void)arg, (void)lines, (void)count;
}

struct tail *
tail_new(struct source *s, const char *path, enum source_backend backend, const char *encoding,
    const struct tail_start *start, const struct tail_hooks *hooks, struct err *err)
{
	struct lines *lines = lines_new(encoding, ignore_lines, NULL, err);
	struct tail *t;
	struct file *f;

	if (!lines)
		return NULL;
	t = xcalloc(1, sizeof *t);
	t->encoding = xstrdup(lines_encoding(lines));
	lines_free(lines);
	t->hooks = *hooks;
	if (start)
		t->start = *start;
	if (t->start.first_hash) {
		snprintf(t->start_hash, sizeof t->start_hash, "%s", t->start.first_hash);
		t->start.first_hash = t->start_hash;
	}
	t->file = f = file_of(s, path, backend);
	DL_APPEND(f->tails, t);
	uv_update_time(s->loop);
	s->busy++;
	if (f->current) {
		struct stat sb;

		start_tail(t, f->current, fstat(f->current->fd, &sb) == 0 ? (uint64_t)sb.st_size : 0);
	} else {
		file_check(f);
	}
	if (!t->is_started && t->start.at_end && f->state == TAIL_MISSING) {
		/* what is not there yet is all new, from its first byte on */
		t->is_started = true;
		t->in_operation = true;
	}
	s->busy--;
	file_plan(f, true);
	source_queue(s, f);
	source_arm(s);
	return t;
}

void
tail_free(struct tail *t)
{
	struct file *f;
	struct source *s;

	if (!t)
		return;
	f = t->file;
	s = f->source;
	t->is_dead = true;
	s->has_dead = true;
	if (s->busy || s->is_closing)
		return;
	file_sweep(f);
	if (!f->tails)
		file_free(f);
}

const char *
tail_path(const struct tail *t)
{
	return t->file->path;
}

void *
tail_arg(const struct tail *t)
{
	return t->hooks.arg;
}

void
tail_status(const struct tail *t, struct tail_status *out)
{
	const struct file *f = t->file;
	struct stat sb;

	*out = (struct tail_status){
		.state = f->state,
		.error = f->error,
		.why = f->why,
		.pos = t->resume,
		.last_line = t->last_line,
		.rotated = f->rotated,
		.retry_at = f->retry_at,
		.in_operation = t->in_operation,
		.lines = t->lines,
	};
	if (!t->cursor)
		return;
	stream_hash(t->cursor->stream);
	memcpy(out->first_hash, t->cursor->stream->first_hash, sizeof out->first_hash);
	out->pos = t->cursor->pos;
	out->in_operation = t->cursor->in_operation;
	if (fstat(t->cursor->stream->fd, &sb) == 0)
		out->size = (uint64_t)sb.st_size;
}

void
tail_poke(struct tail *t)
{
	struct file *f = t->file;
	struct source *s = f->source;
	bool has_read = false;

	if (s->busy || s->is_closing || t->is_dead)
		return;
	s->busy++;
	uv_update_time(s->loop);
	file_check(f);
	for (size_t read = 0; read < FOLLOW_TURN; read += FOLLOW_BLOCK) {
		if (!file_turn(f, &has_read))
			break;
	}
	s->busy--;
	/* tails that a hook freed are swept on the loop: the caller may still hold t */
	source_queue(s, f);
}
