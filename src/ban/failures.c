#include "ban/failures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include <uthash.h>
#include <utlist.h>

#include "base/mem.h"

/*
 * What jails counted of an identifier, and which of them: those that counted the same hold it together, so that fifty jails
 * of one kind cost little more than one. A page with more than 64 jails has several of these for one value.
 */
struct held {
	struct tally *tally; /* counted */
	uint64_t jails;      /* a bit for each of 64 numbers, never 0 */
	uint32_t block;      /* the first of them, by 64 */
};

struct who {
	struct held *held; /* owned; never none */
	uint32_t count, room;
	size_t place;      /* in the page's heap */
	UT_hash_handle hh; /* by id */
	char id[];         /* here, as looking for it finds little in the cache */
};

/* The failure that was counted last, for other jails that count it too. */
struct same {
	uint64_t serial; /* of the ticket; 0: none */
	struct who *who; /* NULL: it is gone */
	struct tally *from, *to; /* counted; NULL: new, and not known */
	int attempts, failures;
	double findtime;
	int maxmatches;
};

/*
 * The heap's top is who expires first. A failure does not move its identifier: the time there is one that it had, and is
 * looked at again when it comes to the top.
 */
struct place {
	double ends;     /* not later than the first of its jails lets go of it */
	uint64_t serial; /* decides where the time is the same */
	struct who *who;
};

/* What jails that hear of the same failures have in common. A jail turns to one with its first failure, and stays. */
struct page {
	struct failures_book *book;
	struct who *all;         /* owned; uthash */
	struct place *heap;      /* owned */
	size_t count, room;
	uint64_t serial;
	struct failures **jails; /* owned list of borrowed ones, by number; NULL: free */
	size_t n_jails, n_members;
	struct same same;
	struct page *prev, *next; /* in the book */
};

struct failures_book {
	int refs;
	struct page *pages; /* owned */
	struct page *last;  /* where the last failure was counted; NULL */
	uint64_t shifts;
};

struct failures {
	struct failures_book *book; /* counted */
	struct page *page; /* NULL: nothing was counted yet */
	void *owner;
	uint32_t number;   /* in the page */
	double findtime;
	size_t count;
	uint64_t total, evicted;
	struct ticket view; /* of failures_find() */
};

/* ---- who holds what ---- */

static uint64_t
bit_of(const struct failures *f)
{
	return UINT64_C(1) << (f->number & 63);
}

static struct held *
find_held(const struct failures *f, const struct who *w)
{
	const uint32_t block = f->number / 64;
	const uint64_t bit = bit_of(f);

	for (uint32_t i = 0; i < w->count; i++)
		if (w->held[i].block == block && (w->held[i].jails & bit) != 0)
			return &w->held[i];
	return NULL;
}

static struct failures *
jail_of(const struct page *p, const struct held *h, uint64_t rest)
{
	return p->jails[h->block * 64 + (uint32_t)__builtin_ctzll(rest)];
}

/* The jail holds h no more: what it held, of which the caller has a reference now. */
static struct tally *
take_out(const struct failures *f, struct who *w, struct held *h)
{
	struct tally *t = h->tally;

	h->jails &= ~bit_of(f);
	if (h->jails != 0)
		return tally_share(t);
	*h = w->held[--w->count];
	return t;
}

/* The jail holds t, of which the caller gives a reference. */
static void
put_in(const struct failures *f, struct who *w, struct tally *t)
{
	const uint32_t block = f->number / 64;

	for (uint32_t i = 0; i < w->count; i++) {
		struct held *h = &w->held[i];
		if (h->tally == t && h->block == block) {
			h->jails |= bit_of(f);
			tally_free(t);
			return;
		}
	}
	if (w->count == w->room) {
		w->room = w->room != 0 ? w->room * 2 : 1;
		w->held = xreallocarray(w->held, w->room, sizeof *w->held);
	}
	w->held[w->count++] = (struct held){t, bit_of(f), block};
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
			ends = fmin(ends, w->held[i].tally->time + jail_of(p, &w->held[i], rest)->findtime);
	return ends;
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

static void
heap_renew(struct page *p)
{
	for (size_t i = 0; i < p->count; i++)
		p->heap[i].ends = ends_of(p, p->heap[i].who);
	for (size_t i = p->count / 2; i-- > 0;)
		sift_down(p, i, p->heap[i]);
}

/* ---- pages ---- */

static void
forget_same(struct page *p)
{
	tally_free(p->same.from);
	tally_free(p->same.to);
	p->same = (struct same){0};
}

static struct who *
find_who(const struct page *p, const char *id)
{
	struct who *w = NULL;

	if (p != NULL)
		HASH_FIND_STR(p->all, id, w);
	return w;
}

/* Nobody holds anything of it. */
static void
remove_who(struct page *p, struct who *w)
{
	heap_remove(p, w->place);
	if (p->same.who == w)
		p->same.who = NULL;
	HASH_DEL(p->all, w);
	free(w->held);
	free(w);
}

/* The jail lets go of it. */
static void
drop(struct failures *f, struct who *w, struct held *h)
{
	tally_free(take_out(f, w, h));
	f->count--;
	if (w->count == 0)
		remove_who(f->page, w);
}

static struct who *
add_who(struct page *p, const char *id, size_t len, unsigned hash, double ends)
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
			struct failures *f = jail_of(p, &w->held[i], rest);
			f->count--;
			f->evicted++;
		}
		tally_free(w->held[i].tally);
	}
	remove_who(p, w);
}

static void
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

static void
page_new(struct failures *f)
{
	struct page *p = xcalloc(1, sizeof *p);

	p->book = f->book;
	DL_APPEND(f->book->pages, p);
	page_join(f, p);
}

/* A jail that holds nothing goes. */
static void
page_leave(struct failures *f)
{
	struct page *p = f->page;

	f->page = NULL;
	if (p == NULL)
		return;
	p->jails[f->number] = NULL;
	if (--p->n_members > 0)
		return;
	forget_same(p);
	DL_DELETE(p->book->pages, p);
	if (p->book->last == p)
		p->book->last = NULL;
	free(p->heap);
	free(p->jails);
	free(p);
}

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
			struct held *h = find_held(f, w);
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
		heap_renew(f->page);
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
	forget_same(p);
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

static struct who *
need_who(struct failures *f, const struct ticket *t)
{
	struct page *p = f->page;

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
	return add_who(p, t->id, len, hash, t->time + f->findtime);
}

const struct tally *
failures_add(struct failures *f, const struct ticket *t, int attempts, const struct failures_limits *limits)
{
	if (f->findtime != limits->findtime)
		failures_set_findtime(f, limits->findtime);
	if (f->book->last != f->page || f->page == NULL)
		turn_page(f, t);
	struct page *p = f->page;
	struct who *w = need_who(f, t);
	struct held *h = find_held(f, w);
	struct tally *from = NULL;

	f->total++;
	if (h != NULL) {
		from = take_out(f, w, h);
	} else {
		f->count++;
		struct place at = p->heap[w->place];
		if (t->time + f->findtime < at.ends) { /* it ends sooner here than in the jails that had it */
			at.ends = t->time + f->findtime;
			sift_up(p, w->place, at);
		}
	}
	struct tally *to = next(p, w, from, t, attempts, limits);
	put_in(f, w, to);
	return to;
}

struct ticket *
failures_take(struct failures *f, const char *id)
{
	const struct ticket *t = failures_find(f, id);

	if (t == NULL)
		return NULL;
	struct ticket *own = ticket_dup(t);
	failures_forget(f, own->id);
	return own;
}

const struct ticket *
failures_find(struct failures *f, const char *id)
{
	const struct who *w = find_who(f->page, id);
	const struct held *h = w != NULL ? find_held(f, w) : NULL;

	if (h == NULL)
		return NULL;
	tally_view(h->tally, w->id, &f->view);
	return &f->view;
}

bool
failures_forget(struct failures *f, const char *id)
{
	struct who *w = find_who(f->page, id);
	struct held *h = w != NULL ? find_held(f, w) : NULL;

	if (h == NULL)
		return false;
	drop(f, w, h);
	return true;
}

/* Those jails let go of it whose findtime is over. */
static void
expire_who(struct page *p, struct who *w, double now, void (*gone)(void *owner, const struct ticket *t))
{
	for (uint32_t i = w->count; i-- > 0;) {
		struct held *h = &w->held[i];
		for (uint64_t rest = h->jails; rest != 0; rest &= rest - 1) {
			struct failures *f = jail_of(p, h, rest);
			if (h->tally->time + f->findtime > now)
				continue;
			if (gone != NULL) {
				struct ticket view;
				tally_view(h->tally, w->id, &view);
				gone(f->owner, &view);
			}
			f->count--;
			h->jails &= ~bit_of(f);
		}
		if (h->jails == 0) {
			tally_free(h->tally);
			*h = w->held[--w->count];
		}
	}
	if (w->count == 0)
		remove_who(p, w);
	else
		settle_top(p);
}

void
failures_expire(struct failures_book *b, double now, void (*gone)(void *owner, const struct ticket *t))
{
	struct page *p;

	DL_FOREACH(b->pages, p)
		while (p->count > 0 && p->heap[0].ends <= now) /* mostly not so: this is asked each second */
			expire_who(p, p->heap[0].who, now, gone);
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
		heap_renew(p);
	}
}

void
failures_each(const struct failures *f, void (*fn)(void *arg, const struct ticket *t), void *arg)
{
	for (size_t i = 0; f->count > 0 && i < f->page->count; i++) {
		const struct who *w = f->page->heap[i].who;
		const struct held *h = find_held(f, w);
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
