/* recent: the last raw lines of each log: per file a ring of bytes, lines ended by LF. */
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/mem.h"
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
	for (size_t i = 0; i < count; i++) {
		ring_put(r, lines[i].bytes, lines[i].len);
		ring_put(r, "\n", 1);
	}
}

void
recent_each(const struct engine *e, const char *path, size_t n,
    void (*fn)(void *arg, const char *bytes, size_t len), void *arg)
{
	struct recent *r;

	HASH_FIND_STR(e->recent, path, r);
	if (r == NULL || r->used == 0)
		return;
	char *flat = xmalloc(r->used);
	size_t start = (r->head + ENGINE_RECENT_BYTES - r->used) % ENGINE_RECENT_BYTES;
	for (size_t i = 0; i < r->used; i++)
		flat[i] = r->ring[(start + i) % ENGINE_RECENT_BYTES];

	/* back over n line ends; a full ring starts inside a line, which is left out */
	size_t from = r->used - 1, seen = 0;
	while (from > 0 && (flat[from - 1] != '\n' || ++seen < n))
		from--;
	if (from == 0 && r->used == ENGINE_RECENT_BYTES) {
		char *end = memchr(flat, '\n', r->used);
		from = end != NULL ? (size_t)(end - flat) + 1 : r->used;
	}
	while (from < r->used) {
		char *end = memchr(flat + from, '\n', r->used - from);
		size_t len = end != NULL ? (size_t)(end - flat) - from : r->used - from;
		fn(arg, flat + from, len);
		from += len + 1;
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
