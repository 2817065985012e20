#include "ban/failures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include <uthash.h>

#include "base/mem.h"

/* What one jail counted of an identifier. */
struct slot {
	struct tally *tally; /* counted */
	uint32_t jail;       /* number in the book */
	uint32_t place;      /* in the jail's heap */
};

struct who {
	char *id;           /* owned */
	struct slot *slots; /* owned; in the order in which the jails came, mostly the same for all identifiers */
	size_t count, room;
	UT_hash_handle hh;  /* by id */
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

struct failures_book {
	int refs;
	struct who *all;        /* owned; uthash */
	struct failures **jails; /* owned list of borrowed ones, by number; NULL: free */
	size_t n_jails;
	size_t next;            /* index of the slot that is likely wanted next */
	struct same same;
	uint64_t shifts;
};

/*
 * The heap's top is who failed longest ago. A failure does not move its identifier: the time there is one that it had, and
 * is looked at again when it comes to the top.
 */
struct place {
	double time;
	uint64_t serial; /* decides where the time is the same */
	struct who *who;
};

struct failures {
	struct failures_book *book; /* counted */
	uint32_t number;
	struct place *heap; /* owned */
	size_t count, room;
	uint64_t serial;
	uint64_t total, evicted;
	struct ticket view; /* of failures_find() */
};

/* ---- the book ---- */

struct failures_book *
failures_book_new(void)
{
	struct failures_book *b = xcalloc(1, sizeof *b);

	b->refs = 1;
	return b;
}

static void
forget_same(struct failures_book *b)
{
	tally_free(b->same.from);
	tally_free(b->same.to);
	b->same = (struct same){0};
}

void
failures_book_free(struct failures_book *b)
{
	if (b == NULL || --b->refs > 0)
		return;
	forget_same(b);
	free(b->jails);
	free(b);
}

static struct slot *
find_slot(struct failures_book *b, const struct who *w, uint32_t jail)
{
	size_t i = b->next;

	if (i >= w->count || w->slots[i].jail != jail)
		for (i = 0; i < w->count && w->slots[i].jail != jail; i++)
			;
	b->next = i + 1;
	return i < w->count ? &w->slots[i] : NULL;
}

static struct who *
find_who(const struct failures_book *b, const char *id)
{
	struct who *w;

	HASH_FIND_STR(b->all, id, w);
	return w;
}

static struct who *
need_who(struct failures_book *b, const struct ticket *t)
{
	if (t->serial != 0 && t->serial == b->same.serial && b->same.who != NULL)
		return b->same.who;
	size_t len = strlen(t->id);
	unsigned hash = hash_bytes(t->id, len);
	struct who *w;
	HASH_FIND_BYHASHVALUE(hh, b->all, t->id, len, hash, w);
	if (w == NULL) {
		w = xcalloc(1, sizeof *w);
		w->id = xstrndup(t->id, len);
		HASH_ADD_KEYPTR_BYHASHVALUE(hh, b->all, w->id, len, hash, w);
	}
	return w;
}

static void
remove_slot(struct failures_book *b, struct who *w, struct slot *s)
{
	tally_free(s->tally);
	memmove(s, s + 1, (size_t)(w->slots + w->count - s - 1) * sizeof *s);
	if (--w->count > 0)
		return;
	if (b->same.who == w)
		b->same.who = NULL;
	HASH_DEL(b->all, w);
	free(w->slots);
	free(w->id);
	free(w);
}

/* ---- the heap ---- */

static bool
is_before(const struct place *a, const struct place *b)
{
	return a->time < b->time || (a->time == b->time && a->serial < b->serial);
}

static void
put(struct failures *f, size_t at, struct place p)
{
	f->heap[at] = p;
	find_slot(f->book, p.who, f->number)->place = (uint32_t)at;
}

static void
sift_up(struct failures *f, size_t at, struct place p)
{
	for (; at > 0 && is_before(&p, &f->heap[(at - 1) / 2]); at = (at - 1) / 2)
		put(f, at, f->heap[(at - 1) / 2]);
	put(f, at, p);
}

static void
sift_down(struct failures *f, size_t at, struct place p)
{
	for (size_t child; (child = 2 * at + 1) < f->count; at = child) {
		if (child + 1 < f->count && is_before(&f->heap[child + 1], &f->heap[child]))
			child++;
		if (!is_before(&f->heap[child], &p))
			break;
		put(f, at, f->heap[child]);
	}
	put(f, at, p);
}

static void
heap_remove(struct failures *f, size_t at)
{
	struct place last = f->heap[--f->count];

	if (at == f->count)
		return;
	if (at > 0 && is_before(&last, &f->heap[(at - 1) / 2]))
		sift_up(f, at, last);
	else
		sift_down(f, at, last);
}

static void
drop(struct failures *f, struct who *w)
{
	struct slot *s = find_slot(f->book, w, f->number);

	heap_remove(f, s->place);
	remove_slot(f->book, w, find_slot(f->book, w, f->number));
}

/* Who failed longest ago, at the top of the heap; there is one. */
static const struct tally *
oldest(struct failures *f)
{
	for (;;) {
		struct place p = f->heap[0];
		const struct tally *t = find_slot(f->book, p.who, f->number)->tally;
		if (t->time <= p.time)
			return t;
		p.time = t->time;
		p.serial = ++f->serial;
		sift_down(f, 0, p);
	}
}

/* ---- the failures of a jail ---- */

struct failures *
failures_new(struct failures_book *book)
{
	struct failures *f = xcalloc(1, sizeof *f);
	uint32_t number = 0;

	f->book = book != NULL ? book : failures_book_new();
	if (book != NULL)
		book->refs++;
	book = f->book;
	while (number < book->n_jails && book->jails[number] != NULL)
		number++;
	if (number == book->n_jails)
		book->jails = xreallocarray(book->jails, ++book->n_jails, sizeof(struct failures *));
	book->jails[number] = f;
	f->number = number;
	return f;
}

void
failures_free(struct failures *f)
{
	if (f == NULL)
		return;
	while (f->count > 0) {
		struct who *w = f->heap[--f->count].who;
		remove_slot(f->book, w, find_slot(f->book, w, f->number));
	}
	free(f->heap);
	f->book->jails[f->number] = NULL;
	failures_book_free(f->book);
	free(f);
}

static struct slot *
insert(struct failures *f, struct who *w, double time)
{
	if (f->count >= FAILURES_MAX) {
		oldest(f);
		drop(f, f->heap[0].who);
		f->evicted++;
	}
	if (w->count == w->room) {
		w->room = w->room == 0 ? 1 : w->room < 16 ? w->room * 4 : w->room * 2; /* mostly one jail, or many */
		w->slots = xreallocarray(w->slots, w->room, sizeof *w->slots);
	}
	struct slot *s = &w->slots[w->count++];
	*s = (struct slot){.jail = f->number, .place = (uint32_t)f->count};
	if (f->count == f->room) {
		f->room = f->room != 0 ? f->room * 2 : 16;
		f->heap = xreallocarray(f->heap, f->room, sizeof *f->heap);
	}
	const struct place p = {time, ++f->serial, w};
	const size_t at = f->count++;
	f->heap[at] = p;
	if (at > 0 && is_before(&p, &f->heap[(at - 1) / 2])) /* an older one comes late */
		sift_up(f, at, p);
	f->book->next = w->count;
	return s;
}

/* The next value: another jail's, when it counted the same on top of the same. Lets go of from. */
static struct tally *
next(struct failures_book *b, struct who *w, struct tally *from, const struct ticket *t, int attempts,
    const struct failures_limits *limits)
{
	struct same *s = &b->same;

	if (t->serial != 0 && s->serial == t->serial && s->to != NULL && s->from == from && s->attempts == attempts &&
	    s->failures == t->failures && s->findtime == limits->findtime && s->maxmatches == limits->maxmatches) {
		tally_free(from);
		return tally_share(s->to);
	}
	forget_same(b);
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

const struct tally *
failures_add(struct failures *f, const struct ticket *t, int attempts, const struct failures_limits *limits)
{
	struct who *w = need_who(f->book, t);
	struct slot *s = find_slot(f->book, w, f->number);

	f->total++;
	if (s == NULL)
		s = insert(f, w, t->time);
	s->tally = next(f->book, w, s->tally, t, attempts, limits);
	return s->tally;
}

struct ticket *
failures_take(struct failures *f, const char *id)
{
	const struct ticket *t = failures_find(f, id);

	if (t == NULL)
		return NULL;
	struct ticket *own = ticket_dup(t);
	drop(f, find_who(f->book, own->id));
	return own;
}

const struct ticket *
failures_find(struct failures *f, const char *id)
{
	const struct who *w = find_who(f->book, id);
	const struct slot *s = w != NULL ? find_slot(f->book, w, f->number) : NULL;

	if (s == NULL)
		return NULL;
	tally_view(s->tally, w->id, &f->view);
	return &f->view;
}

bool
failures_forget(struct failures *f, const char *id)
{
	struct who *w = find_who(f->book, id);

	if (w == NULL || find_slot(f->book, w, f->number) == NULL)
		return false;
	drop(f, w);
	return true;
}

void
failures_expire(struct failures *f, double now, double findtime,
    void (*gone)(void *arg, const struct ticket *t), void *arg)
{
	while (f->count > 0 && f->heap[0].time <= now - findtime) { /* mostly not so: this is asked each second */
		const struct tally *t = oldest(f);
		struct who *w = f->heap[0].who;
		if (t->time > now - findtime)
			return;
		if (gone != NULL) {
			struct ticket view;
			tally_view(t, w->id, &view);
			gone(arg, &view);
		}
		drop(f, w);
	}
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
	struct who *w, *more;

	forget_same(b);
	b->shifts++;
	HASH_ITER(hh, b->all, w, more)
		for (size_t i = 0; i < w->count; i++)
			if (w->slots[i].tally->shifts != b->shifts) { /* those who share it see the same clock */
				w->slots[i].tally->shifts = b->shifts;
				shift_tally(w->slots[i].tally, seconds, now);
			}
	for (size_t i = 0; i < b->n_jails; i++) {
		struct failures *f = b->jails[i];
		if (f == NULL)
			continue;
		for (size_t k = 0; k < f->count; k++)
			f->heap[k].time = find_slot(b, f->heap[k].who, f->number)->tally->time;
		for (size_t k = f->count / 2; k-- > 0;)
			sift_down(f, k, f->heap[k]);
	}
}

void
failures_each(const struct failures *f, void (*fn)(void *arg, const struct ticket *t), void *arg)
{
	for (size_t i = 0; i < f->count; i++) {
		struct ticket view;
		tally_view(find_slot(f->book, f->heap[i].who, f->number)->tally, f->heap[i].who->id, &view);
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
