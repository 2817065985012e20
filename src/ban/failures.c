#include "ban/failures.h"

#include <math.h>
#include <stdlib.h>
#include <utlist.h>

#include "ban/page.h"
#include "base/mem.h"

/* ---- the book ---- */

struct failures_book *
failures_book_new(void)
{
	struct failures_book *b = xcalloc(1, sizeof *b);

	b->refs = 1;
	return b;
}

void
failures_book_free(struct failures_book *b)
{
	if (b != NULL && --b->refs == 0)
		free(b); /* its jails are gone, and their pages with them */
}

/* ---- the failures of a jail ---- */

/* The jail lets go of it. */
static void
drop(struct failures *f, struct who *w, struct held *h)
{
	tally_free(page_take_out(f, w, h));
	f->count--;
	if (w->count == 0)
		page_remove(f->page, w);
}

struct failures *
failures_new(struct failures_book *book, void *owner)
{
	struct failures *f = xcalloc(1, sizeof *f);

	f->book = book != NULL ? book : failures_book_new();
	if (book != NULL)
		book->refs++;
	f->owner = owner;
	return f;
}

void
failures_free(struct failures *f)
{
	struct who *w, *more;

	if (f == NULL)
		return;
	if (f->count > 0)
		HASH_ITER(hh, f->page->all, w, more) {
			struct held *h = page_held(f, w);
			if (h != NULL)
				drop(f, w, h);
		}
	page_leave(f);
	failures_book_free(f->book);
	free(f);
}

void
failures_set_findtime(struct failures *f, double seconds)
{
	const bool is_sooner = seconds < f->findtime;

	f->findtime = seconds;
	if (is_sooner && f->count > 0)
		page_renew(f->page);
}

/* The next value: another jail's, when it counted the same on top of the same. Lets go of from. */
static struct tally *
next(struct page *p, struct who *w, struct tally *from, const struct ticket *t, int attempts,
    const struct failures_limits *limits)
{
	struct same *s = &p->same;

	if (t->serial != 0 && s->serial == t->serial && s->to != NULL && s->from == from && s->attempts == attempts &&
	    s->failures == t->failures && s->findtime == limits->findtime && s->maxmatches == limits->maxmatches) {
		tally_free(from);
		return tally_share(s->to);
	}
	page_forget_same(p);
	bool is_shared = t->serial != 0 && (from == NULL || from->refs > 1);
	*s = (struct same){.serial = t->serial, .who = w};
	if (!is_shared)
		return tally_next(from, t, attempts, limits);
	*s = (struct same){t->serial, w, from != NULL ? tally_share(from) : NULL, NULL, attempts, t->failures, limits->findtime,
	    limits->maxmatches};
	struct tally *to = tally_next(from, t, attempts, limits);
	s->to = tally_share(to);
	return to;
}

/* Jails that hear of the same failure as the one before share its page, if they hold nothing elsewhere. */
static void
turn_page(struct failures *f, const struct ticket *t)
{
	struct page *last = f->book->last;

	if (f->count == 0 && last != NULL && last != f->page && t->serial != 0 && last->same.serial == t->serial) {
		page_leave(f);
		page_join(f, last);
	} else if (f->page == NULL) {
		page_new(f);
	}
	f->book->last = f->page;
}

const struct tally *
failures_add(struct failures *f, const struct ticket *t, int attempts, const struct failures_limits *limits)
{
	if (f->findtime != limits->findtime)
		failures_set_findtime(f, limits->findtime);
	if (f->book->last != f->page || f->page == NULL)
		turn_page(f, t);
	struct page *p = f->page;
	struct who *w = page_need(p, t, t->time + f->findtime);
	struct held *h = page_held(f, w);
	struct tally *from = NULL;

	f->total += t->failures > 1 ? (uint64_t)t->failures : 1; /* compat: the observer counts one that weighs more again */
	if (h != NULL) {
		from = page_take_out(f, w, h);
	} else {
		f->count++;
		page_ends_by(p, w, t->time + f->findtime);
	}
	struct tally *to = next(p, w, from, t, attempts, limits);
	page_put_in(f, w, to);
	return to;
}

struct ticket *
failures_take(struct failures *f, const char *id)
{
	struct who *w = page_find(f->page, id);
	struct held *h = w != NULL ? page_held(f, w) : NULL;

	if (h == NULL)
		return NULL;
	tally_view(h->tally, w->id, &f->view);
	struct ticket *own = ticket_dup(&f->view);
	drop(f, w, h);
	return own;
}

const struct ticket *
failures_find(struct failures *f, const char *id)
{
	const struct who *w = page_find(f->page, id);
	const struct held *h = w != NULL ? page_held(f, w) : NULL;

	if (h == NULL)
		return NULL;
	tally_view(h->tally, w->id, &f->view);
	return &f->view;
}

void
failures_expire(struct failures_book *b, double now, void (*gone)(void *owner, const struct ticket *t))
{
	struct page *p;

	DL_FOREACH(b->pages, p)
		page_expire(p, now, gone);
}

static void
shift_tally(struct tally *t, double seconds, double now)
{
	bool is_new = seconds > 0 ? t->time + seconds > now + 1 : t->time > now - 2 && t->time < now + 1;

	if (is_new)
		return;
	t->time += seconds;
	t->first += seconds;
}

void
failures_shift(struct failures_book *b, double seconds, double now)
{
	struct page *p;
	struct who *w, *more;

	b->shifts++;
	DL_FOREACH(b->pages, p) {
		HASH_ITER(hh, p->all, w, more)
			for (uint32_t i = 0; i < w->count; i++) {
				struct tally *t = w->held[i].tally;
				if (t->shifts != b->shifts) { /* those who share it see the same clock */
					t->shifts = b->shifts;
					shift_tally(t, seconds, now);
				}
			}
		page_renew(p);
	}
}

void
failures_each(const struct failures *f, void (*fn)(void *arg, const struct ticket *t), void *arg)
{
	for (size_t i = 0; f->count > 0 && i < f->page->count; i++) {
		const struct who *w = f->page->heap[i].who;
		const struct held *h = page_held(f, w);
		struct ticket view;
		if (h == NULL)
			continue;
		tally_view(h->tally, w->id, &view);
		fn(arg, &view);
	}
}

size_t
failures_count(const struct failures *f)
{
	return f->count;
}

uint64_t
failures_total(const struct failures *f)
{
	return f->total;
}

uint64_t
failures_evicted(const struct failures *f)
{
	return f->evicted;
}
