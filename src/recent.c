/*
 * recent: the last raw lines of each log: per file a ring of bytes. A line takes two, ended by LF: its text, and what the log
 * has for each U+FFFD of it, in hex with blanks between.
 */
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine.h"

struct recent {
	char *path; /* owned */
	char *ring; /* owned, ENGINE_RECENT_BYTES */
	size_t head, used;
	UT_hash_handle hh;
};

static void
ring_put(struct recent *r, const char *bytes, size_t len)
{
	for (size_t done = 0; done < len;) {
		size_t n = ENGINE_RECENT_BYTES - r->head;
		if (n > len - done)
			n = len - done;
		memcpy(r->ring + r->head, bytes + done, n);
		r->head = (r->head + n) % ENGINE_RECENT_BYTES;
		done += n;
	}
	r->used = r->used + len > ENGINE_RECENT_BYTES ? ENGINE_RECENT_BYTES : r->used + len;
}

static void
line_put(struct recent *r, const struct line *line)
{
	const char *at = line->bytes, *end = line->bytes + line->len, *lf;
	struct slice raw = line->raw, piece;

	/* a message of the journal may hold some */
	for (; (lf = memchr(at, '\n', (size_t)(end - at))) != NULL; at = lf + 1) {
		ring_put(r, at, (size_t)(lf - at));
		ring_put(r, " ", 1);
	}
	ring_put(r, at, (size_t)(end - at));
	if (raw.len == 0) {
		ring_put(r, "\n\n", 2);
		return;
	}
	struct str hex = {0};
	str_addc(&hex, '\n');
	while (text_note_next(&raw, &piece)) {
		if (hex.len > 1)
			str_addc(&hex, ' ');
		for (size_t i = 0; i < piece.len; i++)
			str_addf(&hex, "%02x", (unsigned char)piece.at[i]);
	}
	str_addc(&hex, '\n');
	ring_put(r, str_text(&hex), hex.len);
	str_done(&hex);
}

void
recent_add(struct engine *e, const char *path, const struct line *lines, size_t count)
{
	struct recent *r;

	HASH_FIND_STR(e->recent, path, r);
	if (r == NULL) {
		r = xcalloc(1, sizeof *r);
		r->path = xstrdup(path);
		r->ring = xmalloc(ENGINE_RECENT_BYTES);
		HASH_ADD_KEYPTR(hh, e->recent, r->path, strlen(r->path), r);
	}
	for (size_t i = 0; i < count; i++)
		line_put(r, &lines[i]);
}

void
recent_each(const struct engine *e, const char *path, size_t n,
    void (*fn)(void *arg, struct slice text, struct slice raw), void *arg)
{
	struct recent *r;

	HASH_FIND_STR(e->recent, path, r);
	if (r == NULL || r->used == 0)
		return;
	char *flat = xmalloc(r->used);
	size_t start = (r->head + ENGINE_RECENT_BYTES - r->used) % ENGINE_RECENT_BYTES;
	for (size_t i = 0; i < r->used; i++)
		flat[i] = r->ring[(start + i) % ENGINE_RECENT_BYTES];

	/* back over the ends of n lines: two each, from the newest, so that texts are told from what belongs to them */
	size_t from = r->used - 1, ends = 0, whole = r->used;
	while (from > 0 && ends / 2 < n) {
		if (flat[--from] == '\n' && ++ends % 2 == 0)
			whole = from + 1;
	}
	if (from == 0 && r->used < ENGINE_RECENT_BYTES && ends / 2 < n)
		whole = 0; /* a full ring starts inside a line, which is left out */
	for (size_t at = whole; at < r->used;) {
		const char *end = memchr(flat + at, '\n', r->used - at);
		struct slice text = {flat + at, (size_t)(end - flat) - at};
		at += text.len + 1;
		end = at < r->used ? memchr(flat + at, '\n', r->used - at) : NULL;
		struct slice raw = {flat + at, end != NULL ? (size_t)(end - flat) - at : 0};
		at += raw.len + 1;
		fn(arg, text, raw);
	}
	free(flat);
}

void
recent_free(struct engine *e)
{
	struct recent *r, *next;

	HASH_ITER(hh, e->recent, r, next) {
		HASH_DEL(e->recent, r);
		free(r->path);
		free(r->ring);
		free(r);
	}
}
