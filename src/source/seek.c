/*
 * seek: where in a log to begin: at its last line start, or at the first line of a given time, found by
 * bisection over the lines' dates (a log is sorted by time, more or less).
 *
 * Errs on the early side: what is too old is dropped later by its date, what is left out is lost. Encodings
 * of two or four bytes are not bisected, because an LF byte there need not be a line's end.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "source/follow.h"

#define SEEK_BLOCK (64 * 1024) /* one probe: the rest of a line and some more */
#define SEEK_LINES 5           /* compat: FileFilter.seekToTime looks at so many lines for a date */
#define SEEK_CLOSE (32 * 1024) /* near enough: reading on is cheaper than another probe */

/* Bytes of the smallest character. */
static unsigned
unit_of(const char *encoding)
{
	if (strncasecmp(encoding, "utf-32", 6) == 0 || strncasecmp(encoding, "ucs-4", 5) == 0)
		return 4;
	if (strncasecmp(encoding, "utf-16", 6) == 0 || strncasecmp(encoding, "ucs-2", 5) == 0)
		return 2;
	return 1;
}

uint64_t
seek_line_start(int fd, uint64_t size, const char *encoding)
{
	size_t len = size < SEEK_BLOCK ? (size_t)size : SEEK_BLOCK;
	uint64_t from = size - len, start = size;
	char *bytes;
	ssize_t n;

	if (!size)
		return 0;
	if (unit_of(encoding) > 1) /* half a line may come of it, half a character must not */
		return size - size % unit_of(encoding);
	bytes = xmalloc(len);
	n = pread(fd, bytes, len, (off_t)from);
	if (n > 0) {
		const char *lf = memrchr(bytes, '\n', (size_t)n);

		/* an unfinished line will be finished later: then it is new */
		if (lf)
			start = from + (uint64_t)(lf - bytes) + 1;
		else if (!from)
			start = 0;
	}
	free(bytes);
	return start;
}

struct probe {
	struct tail *tail;
	unsigned looked;
	double time; /* NAN: none found */
};

static void
on_probe(void *arg, const struct line *lines, size_t count)
{
	struct probe *p = arg;

	for (size_t i = 0; i < count && p->looked < SEEK_LINES && isnan(p->time); i++) {
		p->looked++;
		p->time = p->tail->start.seek_date(p->tail->hooks.arg, &lines[i]);
	}
}

/*
 * The date of the first dated line that begins at or after `at`; *start is where that search begins.
 * NAN if there is none within reach.
 */
static double
date_at(struct tail *t, int fd, char *bytes, uint64_t at, uint64_t from, uint64_t *start)
{
	struct probe p = { .tail = t, .time = NAN };
	ssize_t n = pread(fd, bytes, SEEK_BLOCK, (off_t)at);
	const char *line = bytes;

	if (n <= 0)
		return NAN;
	if (at != from) {
		line = memchr(bytes, '\n', (size_t)n);
		if (!line)
			return NAN;
		line++;
	}
	*start = at + (uint64_t)(line - bytes);

	struct lines *lines = lines_new(t->encoding, on_probe, &p, NULL);

	lines_feed(lines, line, (size_t)(bytes + n - line), false);
	lines_free(lines);
	return p.time;
}

uint64_t
seek_time(struct tail *t, int fd, uint64_t from, uint64_t size)
{
	uint64_t low = from, high = size, best = from; /* best: a line start, all before it is too old */
	char *bytes;

	if (unit_of(t->encoding) > 1 || size - from <= SEEK_CLOSE)
		return from;
	bytes = xmalloc(SEEK_BLOCK);
	while (high - low > SEEK_CLOSE) {
		uint64_t middle = low + (high - low) / 2, start = middle;
		double time = date_at(t, fd, bytes, middle, from, &start);

		if (!isnan(time) && time < t->start.not_before) {
			best = start;
			low = middle;
		} else {
			high = middle;
		}
	}
	free(bytes);
	return best;
}
