#include "base/hash.h"

#include "ban/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/mem.h"

/* ---- who holds what ---- */

struct tally *
page_take_out(const struct failures *f, struct who *w, struct held *h)
{
	struct tally *t = h->tally;

	h->jails &= ~page_bit(f);
	if (h->jails != 0)
		return tally_share(t);
	*h = w->held[--w->count];
	return t;
}

void
page_put_in(const struct failures *f, struct who *w, struct tally *t)
{
	const uint32_t block = f->number / 64;

	for (uint32_t i = 0; i < w->count; i++) {
		struct held *h = &w->held[i];
		if (h->tally == t && h->block == block) {
			h->jails |= page_bit(f);
			tally_free(t);
			return;
		}
	}
	if (w->count == w->room) {
		w->room = w->room != 0 ? w->room * 2 : 1;
		w->held = xreallocarray(w->held, w->room, sizeof *w->held);
	}
	w->held[w->count++] = (struct held){t, page_bit(f), block};
}

/* ---- the heap ---- */

static bool
is_before(const struct place *a, const struct place *b)
{
	return a->ends < b->ends || (a->ends == b->ends && a->serial < b->serial);
}

static void
put(struct page *p, size_t at, struct place one)
{
	p->heap[at] = one;
	one.who->place = at;
}

static void
sift_up(struct page *p, size_t at, struct place one)
{
	for (; at > 0 && is_before(&one, &p->heap[(at - 1) / 2]); at = (at - 1) / 2)
		put(p, at, p->heap[(at - 1) / 2]);
	put(p, at, one);
}

static void
sift_down(struct page *p, size_t at, struct place one)
{
	for (size_t child; (child = 2 * at + 1) < p->count; at = child) {
		if (child + 1 < p->count && is_before(&p->heap[child + 1], &p->heap[child]))
			child++;
		if (!is_before(&p->heap[child], &one))
			break;
		put(p, at, p->heap[child]);
	}
	put(p, at, one);
}

static void
heap_remove(struct page *p, size_t at)
{
	struct place last = p->heap[--p->count];

	if (at == p->count)
		return;
	if (at > 0 && is_before(&last, &p->heap[(at - 1) / 2]))
		sift_up(p, at, last);
	else
		sift_down(p, at, last);
}

/* When the first of its jails lets go of it. */
static double
ends_of(const struct page *p, const struct who *w)
{
	double ends = INFINITY;

	for (uint32_t i = 0; i < w->count; i++)
		for (uint64_t rest = w->held[i].jails; rest != 0; rest &= rest - 1)
			ends = fmin(ends, w->held[i].tally->time + page_jail(p, &w->held[i], rest)->findtime);
	return ends;
}

void
page_ends_by(struct page *p, struct who *w, double ends)
{
	struct place at = p->heap[w->place];

	if (ends >= at.ends)
		return;
	at.ends = ends;
	sift_up(p, w->place, at);
}

/* When the top ends was looked at again. */
static void
settle_top(struct page *p)
{
	struct place top = p->heap[0];

	top.ends = ends_of(p, top.who);
	top.serial = ++p->serial;
	sift_down(p, 0, top);
}

void
page_renew(struct page *p)
{
	for (size_t i = 0; i < p->count; i++)
		p->heap[i].ends = ends_of(p, p->heap[i].who);
	for (size_t i = p->count / 2; i-- > 0;)
		sift_down(p, i, p->heap[i]);
}

/* ---- identifiers ---- */

void
page_forget_same(struct page *p)
{
	tally_free(p->same.from);
	tally_free(p->same.to);
	p->same = (struct same){0};
}

struct who *
page_find(const struct page *p, const char *id)
{
	struct who *w = NULL;

	if (p != NULL)
		HASH_FIND_STR(p->all, id, w);
	return w;
}

void
page_remove(struct page *p, struct who *w)
{
	heap_remove(p, w->place);
	if (p->same.who == w)
		p->same.who = NULL;
	HASH_DEL(p->all, w);
	free(w->held);
	free(w);
}

static struct who *
add(struct page *p, const char *id, size_t len, unsigned hash, double ends)
{
	struct who *w = xcalloc(1, sizeof *w + len + 1);

	memcpy(w->id, id, len);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, p->all, w->id, len, hash, w);
	if (p->count == p->room) {
		p->room = p->room != 0 ? p->room * 2 : 16;
		p->heap = xreallocarray(p->heap, p->room, sizeof *p->heap);
	}
	sift_up(p, p->count++, (struct place){ends, ++p->serial, w});
	return w;
}

/* Room for a new one: who would expire first goes, from all jails. */
static void
evict(struct page *p)
{
	while (ends_of(p, p->heap[0].who) > p->heap[0].ends)
		settle_top(p);
	struct who *w = p->heap[0].who;
	for (uint32_t i = 0; i < w->count; i++) {
		for (uint64_t rest = w->held[i].jails; rest != 0; rest &= rest - 1) {
			struct failures *f = page_jail(p, &w->held[i], rest);
			f->count--;
			f->evicted++;
		}
		tally_free(w->held[i].tally);
	}
	page_remove(p, w);
}

struct who *
page_need(struct page *p, const struct ticket *t, double ends)
{
	if (t->serial != 0 && t->serial == p->same.serial && p->same.who != NULL)
		return p->same.who;
	size_t len = strlen(t->id);
	unsigned hash = hash_bytes(t->id, len);
	struct who *w;
	HASH_FIND_BYHASHVALUE(hh, p->all, t->id, len, hash, w);
	if (w != NULL)
		return w;
	if (p->count >= FAILURES_MAX)
		evict(p);
	return add(p, t->id, len, hash, ends);
}

/* ---- its jails ---- */

void
page_join(struct failures *f, struct page *p)
{
	uint32_t number = 0;

	while (number < p->n_jails && p->jails[number] != NULL)
		number++;
	if (number == p->n_jails)
		p->jails = xreallocarray(p->jails, ++p->n_jails, sizeof(struct failures *));
	p->jails[number] = f;
	p->n_members++;
	f->number = number;
	f->page = p;
}

void
page_new(struct failures *f)
{
	struct page *p = xcalloc(1, sizeof *p);

	p->book = f->book;
	DL_APPEND(f->book->pages, p);
	page_join(f, p);
}

void
page_leave(struct failures *f)
{
	struct page *p = f->page;

	f->page = NULL;
	if (p == NULL)
		return;
	p->jails[f->number] = NULL;
	if (--p->n_members > 0)
		return;
	page_forget_same(p);
	DL_DELETE(p->book->pages, p);
	if (p->book->last == p)
		p->book->last = NULL;
	free(p->heap);
	free(p->jails);
	free(p);
}

/* ---- expiry ---- */

/* Those jails let go of it whose findtime is over. */
static void
expire_who(struct page *p, struct who *w, double now, void (*gone)(void *owner, const struct ticket *t))
{
	for (uint32_t i = w->count; i-- > 0;) {
		struct held *h = &w->held[i];
		for (uint64_t rest = h->jails; rest != 0; rest &= rest - 1) {
			struct failures *f = page_jail(p, h, rest);
			if (h->tally->time + f->findtime > now)
				continue;
			if (gone != NULL) {
				struct ticket view;
				tally_view(h->tally, w->id, &view);
				gone(f->owner, &view);
			}
			f->count--;
			h->jails &= ~page_bit(f);
		}
		if (h->jails == 0) {
			tally_free(h->tally);
			*h = w->held[--w->count];
		}
	}
	if (w->count == 0)
		page_remove(p, w);
	else
		settle_top(p);
}

void
page_expire(struct page *p, double now, void (*gone)(void *owner, const struct ticket *t))
{
	while (p->all != NULL && p->heap[0].ends <= now) /* mostly not so: this is asked each second */
		expire_who(p, p->heap[0].who, now, gone);
}
