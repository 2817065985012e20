/*
 * failures: stage 5 of one jail: how often each identifier failed within findtime.
 *
 * compat: FailManager.addFailure: the count is a rate estimate, not a sliding list: when the first
 * failure is older than findtime the count so far is scaled down to what findtime would have held.
 */
#ifndef BAN_FAILURES_H
#define BAN_FAILURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ticket.h"

#define FAILURES_MAX 100000 /* identifiers kept; a new one then replaces the one that failed longest ago */

struct failures;

struct failures_limits {
	double findtime; /* seconds */
	int maxretry;
	int maxmatches; /* lines kept per identifier; 0: none */
};

struct failures *failures_new(void);
void failures_free(struct failures *f); /* NULL is fine */

/*
 * Counts `t` (whose matches are added; groups are those of the first failure) as `attempts` failures. t->failures above 1: so many
 * are stored of it. Returns the entry,
 * owned by f and valid until the next call; entry->retry >= maxretry means it is time to ban.
 */
const struct ticket *failures_add(struct failures *f, const struct ticket *t, int attempts,
    const struct failures_limits *limits);

/* Takes the entry out: the caller owns it. NULL: not there. */
struct ticket *failures_take(struct failures *f, const char *id);
const struct ticket *failures_find(const struct failures *f, const char *id);
bool failures_forget(struct failures *f, const char *id);

/* Drops what is older than findtime; `gone` (may be NULL) sees each identifier first. */
void failures_expire(struct failures *f, double now, double findtime,
    void (*gone)(void *arg, const struct ticket *t), void *arg);
/* The wall clock was set by so much and is `now` at present: counts go on as if it had not been. */
void failures_shift(struct failures *f, double seconds, double now);
void failures_each(const struct failures *f, void (*fn)(void *arg, const struct ticket *t), void *arg);

size_t failures_count(const struct failures *f);   /* "Currently failed" */
uint64_t failures_total(const struct failures *f); /* "Total failed" */
uint64_t failures_evicted(const struct failures *f); /* lost to FAILURES_MAX */

#endif
