/*
 * tally: how often one identifier failed in a jail within findtime, and with which lines.
 *
 * A counted value: jails that count the same failures hold the same one. Whoever counts one more gets the next value, and
 * the old one stays what it was for those who still hold it.
 */
#ifndef BAN_TALLY_H
#define BAN_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "ticket.h"

struct failures_limits {
	double findtime; /* seconds */
	int maxretry;
	int maxmatches; /* lines kept per identifier, but for those of its first failure; 0: none */
};

struct tally_origin; /* what the first failure said: address and groups */
struct tally_lines;  /* of the failures, the last ones */

struct tally {
	int refs;
	int retry;     /* failures counted within findtime (rate-estimated, as fail2ban's) */
	int failures;  /* in all since first seen */
	int failregex; /* 1-based, of the last one */
	double time, first; /* of the last failure, and of the first within findtime */
	struct tally_origin *origin; /* counted */
	struct tally_lines *lines;   /* counted; NULL: none */
	uint64_t shifts; /* of failures_shift(): the last one that it went through */
};

/*
 * The value after `t` was counted as `attempts` failures (t->failures above 1: so many are stored of it). from: the value
 * before, NULL: the identifier is new. It is let go of, and changed in place when nobody else holds it.
 */
struct tally *tally_next(struct tally *from, const struct ticket *t, int attempts, const struct failures_limits *limits);
struct tally *tally_share(struct tally *t);
void tally_free(struct tally *t); /* lets go; NULL is fine */

const struct addr *tally_addr(const struct tally *t);
bool tally_is_invalid(const struct tally *t); /* looks like an address, is none */
/* As a ticket, which borrows all that it points to. */
void tally_view(const struct tally *t, const char *id, struct ticket *out);

#endif
