/*
 * tail: one who follows a path: where it begins to read, and how far it is.
 */
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

/* ---- where to begin ---- */

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

void
tail_begin(struct tail *t, struct stream *st, uint64_t size)
{
	uint64_t off = 0;

	if (!t->is_started) {
		start_in_rotated(t, st);
		off = start_of(t, st, size);
	}
	t->is_started = true;
	stream_add(st, t, off, t->in_operation);
}

/* ---- life ---- */

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

		tail_begin(t, f->current, fstat(f->current->fd, &sb) == 0 ? (uint64_t)sb.st_size : 0);
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

void
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
