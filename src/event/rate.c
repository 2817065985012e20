#include "event/rate.h"

#include <math.h>
#include <string.h>

/* Empties the slots that passed since the last call. */
static void
advance(struct rate *r, double mono)
{
	if (mono >= r->begins && mono < r->ends)
		return;
	if (r->slot_s <= 0)
		r->slot_s = 10;
	int64_t now = (int64_t)floor(mono / r->slot_s);
	if (now < r->slot || now - r->slot >= RATE_SLOTS) {
		memset(r->counts, 0, sizeof r->counts);
	} else {
		for (int64_t s = r->slot + 1; s <= now; s++)
			r->counts[s % RATE_SLOTS] = 0;
	}
	r->slot = now;
	r->begins = (double)now * r->slot_s;
	r->ends = r->begins + r->slot_s;
}

void
rate_add(struct rate *r, double mono, uint32_t n)
{
	advance(r, mono);
	r->counts[r->slot % RATE_SLOTS] += n;
}

uint32_t
rate_sum(struct rate *r, double mono, double seconds)
{
	advance(r, mono);
	int slots = (int)ceil(seconds / r->slot_s);
	uint32_t sum = 0;
	for (int i = 0; i < slots && i < RATE_SLOTS && i <= r->slot; i++)
		sum += r->counts[(r->slot - i) % RATE_SLOTS];
	return sum;
}

json_t *
rate_spark(struct rate *r, double mono, int slots)
{
	json_t *list = json_array();

	advance(r, mono);
	for (int i = slots - 1; i >= 0; i--)
		json_array_append_new(list, json_integer(r->slot >= i ? r->counts[(r->slot - i) % RATE_SLOTS] : 0));
	return list;
}
