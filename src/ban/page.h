/*
 * page: the identifiers that failed in jails which hear of the same failures, each once, with what every jail counted of it.
 * Between failures.c and page.c alone.
 */
#ifndef BAN_PAGE_H
#define BAN_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uthash.h>

#include "ban/failures.h"
#include "ban/tally.h"
#include "ticket.h"

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
	UT_hash_handle hh; /* by id; its key is hash_bytes() */
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

static inline uint64_t
page_bit(const struct failures *f)
{
	return UINT64_C(1) << (f->number & 63);
}

static inline struct held *
page_held(const struct failures *f, const struct who *w)
{
	const uint32_t block = f->number / 64;
	const uint64_t bit = page_bit(f);

	for (uint32_t i = 0; i < w->count; i++)
		if (w->held[i].block == block && (w->held[i].jails & bit) != 0)
			return &w->held[i];
	return NULL;
}

static inline struct failures *
page_jail(const struct page *p, const struct held *h, uint64_t rest)
{
	return p->jails[h->block * 64 + (uint32_t)__builtin_ctzll(rest)];
}

/* The jail holds h, which is w's, no more: what it held, of which the caller has a reference now. */
struct tally *page_take_out(const struct failures *f, struct who *w, struct held *h);
/* The jail holds t, of which the caller gives a reference. */
void page_put_in(const struct failures *f, struct who *w, struct tally *t);

struct who *page_find(const struct page *p, const char *id); /* NULL: not there, or p is NULL */
/* For a ticket's identifier: the one that is there, or a new one, for which the one that expires first may have gone, from all jails. */
struct who *page_need(struct page *p, const struct ticket *t, double ends);
void page_remove(struct page *p, struct who *w); /* nobody holds anything of it */
void page_ends_by(struct page *p, struct who *w, double ends); /* one of its jails lets go of it then, or later */
void page_renew(struct page *p); /* ends changed: looks at all */
void page_expire(struct page *p, double now, void (*gone)(void *owner, const struct ticket *t));
void page_forget_same(struct page *p);

void page_new(struct failures *f);
void page_join(struct failures *f, struct page *p);
void page_leave(struct failures *f); /* a jail that holds nothing; the last one takes the page with it */

#endif
