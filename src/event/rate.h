/*
 * rate: events per minute and a sparkline, in constant memory: a ring of counters per slot of time.
 */
#ifndef EVENT_RATE_H
#define EVENT_RATE_H

#include <jansson.h>
#include <stdint.h>

#define RATE_SLOTS 60

struct rate {
	double slot_s; /* length of a slot, seconds; 0: made 10 on first use */
	int64_t slot;  /* number of the current slot since the epoch of the monotonic clock */
	double begins, ends; /* of that slot: in between, nothing moves on */
	uint32_t counts[RATE_SLOTS];
};

void rate_add(struct rate *r, double mono, uint32_t n);
uint32_t rate_sum(struct rate *r, double mono, double seconds); /* in the last `seconds`, to a slot's precision */
json_t *rate_spark(struct rate *r, double mono, int slots);     /* the last `slots`, oldest first; new reference */

#endif
