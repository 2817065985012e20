/*
 * stream: one open inode of a log, read by pread in blocks, and the positions in it.
 *
 * A log only grows: bytes that were read never change. So the first bytes of the file are compared with
 * each block read; when they differ, or the file is shorter than what was read, somebody copied and
 * truncated it, and it is begun again. (fail2ban looks every 30 s only and misses what grew back by then.)
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "base/log.h"
#include "base/mem.h"
#include "source/follow.h"

static ssize_t
read_at(int fd, void *bytes, size_t len, uint64_t off)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(fd, (char *)bytes + got, len - got, (off_t)(off + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && !got)
			return -1;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

/* ---- cursors ---- */

static void
on_lines(void *arg, const struct line *lines, size_t count)
{
	struct cursor *c = arg;
	struct source *s = c->stream->file->source;
	double now = clock_now(s->clock);
	size_t n = 0;

	if (s->is_closing)
		return;
	if (c->count > s->round_room) {
		s->round = xreallocarray(s->round, c->count, sizeof *s->round);
		s->round_room = c->count;
	}
	for (size_t i = 0; i < c->count; i++) {
		struct tail *t = c->tails[i];

		if (t->is_dead)
			continue;
		t->lines += count;
		t->last_line = now;
		s->round[n++] = t;
	}
	if (!n)
		return;
	if (s->batch) {
		s->batch(s->batch_arg, s->round, n, lines, count);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (!s->round[i]->is_dead && !s->is_closing)
			s->round[i]->hooks.lines(s->round[i]->hooks.arg, lines, count);
	}
}

static void
cursor_free(struct cursor *c)
{
	DL_DELETE(c->stream->cursors, c);
	lines_free(c->lines);
	free(c->tails);
	free(c);
}

static void
cursor_add(struct cursor *c, struct tail *t)
{
	if (c->count == c->room) {
		c->room = c->room ? c->room * 2 : 4;
		c->tails = xreallocarray(c->tails, c->room, sizeof(*c->tails));
	}
	c->tails[c->count++] = t;
	if (c->stream == c->stream->file->current)
		t->cursor = c;
}

void
stream_add(struct stream *st, struct tail *t, uint64_t off, bool in_operation)
{
	struct cursor *c;

	DL_FOREACH (st->cursors, c) {
		if (c->off == off && c->pos == off && c->in_operation == in_operation && !c->is_chosen &&
		    strcmp(lines_encoding(c->lines), t->encoding) == 0) {
			cursor_add(c, t);
			return;
		}
	}
	c = xcalloc(1, sizeof *c);
	c->stream = st;
	c->off = c->pos = off;
	c->in_operation = in_operation;
	c->lines = lines_new(t->encoding, on_lines, c, NULL);
	DL_APPEND(st->cursors, c);
	cursor_add(c, t);
}

void
stream_remove(struct stream *st, struct tail *t)
{
	struct cursor *c, *next;

	DL_FOREACH_SAFE (st->cursors, c, next) {
		for (size_t i = 0; i < c->count; i++) {
			if (c->tails[i] != t)
				continue;
			c->tails[i] = c->tails[--c->count];
			if (t->cursor == c)
				t->cursor = NULL;
			break;
		}
		if (!c->count)
			cursor_free(c);
	}
}

/* Cursors that have come to the same point go on as one. */
static void
merge_cursors(struct stream *st)
{
	struct cursor *a, *b, *next;

	DL_FOREACH (st->cursors, a) {
		for (b = a->next; b; b = next) {
			next = b->next;
			if (a->off != b->off || a->pos != b->pos || a->in_operation != b->in_operation ||
			    strcmp(lines_encoding(a->lines), lines_encoding(b->lines)) != 0)
				continue;
			/* compat: one that has read nothing yet does not come into operation with the other */
			if (a->has_read != b->has_read && a->off >= st->size)
				continue;
			for (size_t i = 0; i < b->count; i++)
				cursor_add(a, b->tails[i]);
			a->has_read |= b->has_read;
			cursor_free(b);
		}
	}
}

/* ---- the inode ---- */

struct stream *
stream_new(struct file *f, int fd, dev_t dev, ino_t ino)
{
	struct stream *st = xcalloc(1, sizeof *st);
	ssize_t n;

	st->file = f;
	st->fd = fd;
	st->dev = dev;
	st->ino = ino;
	st->wd = -1;
	st->quiet_since = source_now_ms(f->source);
	n = read_at(fd, st->head, sizeof st->head, 0);
	st->head_len = n > 0 ? (size_t)n : 0;
	return st;
}

void
stream_free(struct stream *st)
{
	struct cursor *c, *next;

	if (st->file->source->watcher)
		watcher_forget_stream(st->file->source->watcher, st);
	DL_FOREACH_SAFE (st->cursors, c, next) {
		for (size_t i = 0; i < c->count; i++) {
			if (c->tails[i]->cursor == c)
				c->tails[i]->cursor = NULL;
		}
		cursor_free(c);
	}
	close(st->fd);
	free(st);
}

uint64_t
stream_end_off(const struct stream *st)
{
	const struct cursor *c;
	uint64_t end = 0;

	DL_FOREACH (st->cursors, c) {
		if (c->off > end)
			end = c->off;
	}
	return end;
}

void
stream_hash(struct stream *st)
{
	struct stat sb;
	char *bytes;
	const char *lf;
	size_t room;
	ssize_t n;

	if (*st->first_hash || fstat(st->fd, &sb) != 0 || sb.st_size == 0 ||
	    (uint64_t)sb.st_size == st->hashed_size)
		return;
	st->hashed_size = (uint64_t)sb.st_size;
	/* almost always the first line fits into a small block */
	for (room = 4096;; room = FOLLOW_FIRST_MAX) {
		bytes = xmalloc(room);
		n = read_at(st->fd, bytes, room, 0);
		lf = n > 0 ? memchr(bytes, '\n', (size_t)n) : NULL;
		if (lf)
			sha1_hex(bytes, (size_t)(lf - bytes) + 1, st->first_hash);
		free(bytes);
		if (lf || n < (ssize_t)room || room == FOLLOW_FIRST_MAX)
			return;
	}
}

bool
stream_is_copy(const struct stream *old, int fd)
{
	uint8_t a[FOLLOW_HEAD], b[FOLLOW_HEAD];
	uint64_t end = stream_end_off(old);
	struct stat sb;

	/*
	 * Rotation keeps the old file under another name; here it is gone and what took its place begins and
	 * goes on as it did: an editor or `sed -i` wrote it back. Short ones are too easily alike: read again.
	 */
	if (fstat(old->fd, &sb) != 0 || sb.st_nlink != 0 || end < 2 * FOLLOW_HEAD)
		return false;
	return read_at(fd, a, sizeof a, 0) == sizeof a && memcmp(a, old->head, sizeof a) == 0 &&
	    read_at(fd, a, sizeof a, end - sizeof a) == sizeof a &&
	    read_at(old->fd, b, sizeof b, end - sizeof b) == sizeof b && memcmp(a, b, sizeof a) == 0;
}

/* Is what was read still there? Learns more of the first bytes while the file is young. */
static bool
is_as_it_was(struct stream *st)
{
	uint8_t head[FOLLOW_HEAD];
	struct stat sb;
	ssize_t n;

	if (fstat(st->fd, &sb) != 0)
		return true;
	n = read_at(st->fd, head, sizeof head, 0);
	if (n < 0)
		return true;
	if ((size_t)n < st->head_len || memcmp(head, st->head, st->head_len) != 0 ||
	    (uint64_t)sb.st_size < stream_end_off(st))
		return false;
	st->size = (uint64_t)sb.st_size;
	memcpy(st->head, head, (size_t)n);
	st->head_len = (size_t)n;
	return true;
}

static void
begin_again(struct stream *st)
{
	struct file *f = st->file;
	struct cursor *c;

	DL_FOREACH (st->cursors, c) {
		lines_drop(c->lines);
		c->off = c->pos = 0;
	}
	st->head_len = 0;
	*st->first_hash = '\0';
	st->hashed_size = 0;
	merge_cursors(st);
	f->rotated = clock_now(f->source->clock);
	source_log(f, LOG_MSG, "%s was truncated: read again from its start", f->path);
	file_changed(f);
}

/* Reads one block at `off` and feeds all cursors that stand there. True: there is more. */
static bool
read_block(struct stream *st, uint64_t off, bool *has_read)
{
	struct source *s = st->file->source;
	size_t want = FOLLOW_BLOCK;
	struct cursor *c;
	ssize_t n;

	/* up to the next cursor and no further, so that the two meet */
	DL_FOREACH (st->cursors, c) {
		if (c->off > off && c->off - off < want)
			want = (size_t)(c->off - off);
	}
	n = read_at(st->fd, s->block, want, off);
	if (n < 0) {
		st->read_error = errno;
		return false;
	}
	if (!is_as_it_was(st)) {
		begin_again(st);
		*has_read = true;
		return true;
	}
	DL_FOREACH (st->cursors, c) {
		c->is_chosen = c->off == off;
	}
	DL_FOREACH (st->cursors, c) {
		if (!c->is_chosen)
			continue;
		if (n > 0) {
			lines_feed(c->lines, (const char *)s->block, (size_t)n, c->in_operation);
			if (s->is_closing)
				return false;
			c->off += (size_t)n;
			c->pos = c->off - lines_pending(c->lines);
			c->has_read = true;
		}
		/* compat: reaching the end counts only after something was read since the start */
		if ((size_t)n < want && c->has_read)
			c->in_operation = true;
		c->is_chosen = false;
	}
	if (n > 0) {
		*has_read = true;
		st->quiet_since = source_now_ms(s);
	}
	return (size_t)n == want;
}

bool
stream_turn(struct stream *st, bool *has_read)
{
	uint64_t live = UINT64_MAX, history = UINT64_MAX;
	struct cursor *c;
	bool has_more = false;

	/*
	 * The hindmost of those that read history, and the hindmost of those that follow: history is read
	 * once for all, and does not delay what comes in now.
	 */
	DL_FOREACH (st->cursors, c) {
		uint64_t *least = c->in_operation ? &live : &history;

		if (c->off < *least)
			*least = c->off;
	}
	if (live != UINT64_MAX)
		has_more = read_block(st, live, has_read);
	if (st->file->source->is_closing)
		return false;
	if (history != UINT64_MAX && history != live)
		has_more |= read_block(st, history, has_read);
	merge_cursors(st);
	return has_more;
}

void
stream_end(struct stream *st)
{
	struct cursor *c;

	DL_FOREACH (st->cursors, c) {
		if (lines_pending(c->lines))
			lines_end(c->lines, c->in_operation);
		c->pos = c->off;
	}
}

bool
source_first_hash(const char *path, char hash[41])
{
	char bytes[LINE_MAX_BYTES];
	struct stat sb;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	hash[0] = '\0';
	if (fd < 0)
		return false;
	if (fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode)) {
		ssize_t n = pread(fd, bytes, sizeof bytes, 0);
		const char *lf = n > 0 ? memchr(bytes, '\n', (size_t)n) : NULL;
		if (lf != NULL)
			sha1_hex(bytes, (size_t)(lf - bytes) + 1, hash);
	}
	close(fd);
	return *hash != '\0';
}
