/*
 * failures: stage 5 of one jail: how often each identifier failed within findtime.
 *
 * compat: FailManager.addFailure: the count is a rate estimate, not a sliding list: when the first
 * failure is older than findtime the count so far is scaled down to what findtime would have held.
 *
 * Many jails may count the same failures (several on one log). Such jails share a page of the book: each identifier stands
 * there once, and what several of them counted of it alike is one value (tally.h).
 */
#ifndef BAN_FAILURES_H
#define BAN_FAILURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ban/tally.h"
#include "ticket.h"

#define FAILURES_MAX 100000 /* identifiers kept by jails that share a page; a new one then replaces the one that expires first */

struct failures;
struct failures_book;

/* Of all jails. */
struct failures_book *failures_book_new(void);
void failures_book_free(struct failures_book *b); /* lets go: jails may still hold it; NULL is fine */

struct failures *failures_new(struct failures_book *book, void *owner); /* book NULL: one of its own; owner: borrowed */
void failures_free(struct failures *f); /* NULL is fine */
/* Seconds after its last failure that an identifier is dropped. failures_add() sets it too. */
void failures_set_findtime(struct failures *f, double seconds);

/*
 * Counts `t` (whose matches are added; groups are those of the first failure) as `attempts` failures. A serial in t says
 * that other jails count the same ticket, right before or behind. Returns what is counted now, valid until the next call;
 * its retry >= maxretry means it is time to ban.
 */
const struct tally *failures_add(struct failures *f, const struct ticket *t, int attempts, const struct failures_limits *limits);

/* Takes the entry out: the caller owns it. NULL: not there. */
struct ticket *failures_take(struct failures *f, const char *id);
/* The entry as a ticket; valid until the next call. NULL: not there. */
const struct ticket *failures_find(struct failures *f, const char *id);

/*
 * Drops what is older than findtime, of all jails; `gone` (may be NULL) sees each identifier first, with the owner of the
 * jail's failures, and may not change any.
 */
void failures_expire(struct failures_book *b, double now, void (*gone)(void *owner, const struct ticket *t));
/* The wall clock was set by so much and is `now` at present: the counts of all jails go on as if it had not been. */
void failures_shift(struct failures_book *b, double seconds, double now);
void failures_each(const struct failures *f, void (*fn)(void *arg, const struct ticket *t), void *arg);

size_t failures_count(const struct failures *f);   /* "Currently failed" */
uint64_t failures_total(const struct failures *f); /* "Total failed" */
uint64_t failures_evicted(const struct failures *f); /* lost to FAILURES_MAX */

#endif
