#include "ban/bans.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/mem.h"

struct node {
	struct ban ban; /* first: a struct ban * is a struct node * */
	size_t at;      /* index in the heap */
	uint64_t serial; /* order of insertion */
	UT_hash_handle hh;
};

struct bans {
	const struct clock *clock;
	struct node *by_id; /* owned, in the order of insertion */
	struct node **heap; /* owned; the earliest end first */
	size_t n_heap, room;
	uint64_t total;
};

const char *
ban_rule_name(enum ban_rule rule)
{
	static const char *const names[] = {"wait", "ok", "fail", "none", "dry"};

	return names[rule];
}

struct bans *
bans_new(const struct clock *clock)
{
	struct bans *b = xcalloc(1, sizeof *b);

	b->clock = clock;
	return b;
}

void
ban_free(struct ban *ban)
{
	if (ban == NULL)
		return;
	ticket_free(ban->ticket);
	json_decref(ban->failed);
	free(ban);
}

void
bans_free(struct bans *b)
{
	struct node *n, *next;

	if (b == NULL)
		return;
	HASH_ITER(hh, b->by_id, n, next) {
		HASH_DEL(b->by_id, n);
		ban_free(&n->ban);
	}
	free(b->heap);
	free(b);
}

/* ---- the heap ---- */

static void
place(struct bans *b, size_t at, struct node *n)
{
	b->heap[at] = n;
	n->at = at;
}

static void
sift(struct bans *b, size_t at)
{
	struct node *n = b->heap[at];

	while (at > 0 && b->heap[(at - 1) / 2]->ban.end_mono > n->ban.end_mono) {
		place(b, at, b->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= b->n_heap)
			break;
		if (child + 1 < b->n_heap && b->heap[child + 1]->ban.end_mono < b->heap[child]->ban.end_mono)
			child++;
		if (b->heap[child]->ban.end_mono >= n->ban.end_mono)
			break;
		place(b, at, b->heap[child]);
		at = child;
	}
	place(b, at, n);
}

static void
heap_remove(struct bans *b, struct node *n)
{
	size_t at = n->at;
	struct node *last = b->heap[--b->n_heap];

	if (last != n) {
		place(b, at, last);
		sift(b, at);
	}
}

/* ---- the bans ---- */

static double
end_of(const struct bans *b, double from, int64_t bantime)
{
	if (bantime < 0)
		return INFINITY;
	return clock_monotonic(b->clock) + (from + (double)bantime - clock_now(b->clock));
}

struct ban *
bans_add(struct bans *b, struct ticket *ticket, int64_t bantime, bool own)
{
	if (bans_find(b, ticket->id) != NULL)
		return NULL;
	struct node *n = xcalloc(1, sizeof *n);
	n->serial = b->total;
	n->ban.ticket = ticket;
	n->ban.bantime = bantime < 0 ? TICKET_FOREVER : bantime;
	n->ban.is_own_time = own;
	n->ban.end_mono = end_of(b, ticket->time, bantime);
	n->ban.since = clock_now(b->clock);
	HASH_ADD_KEYPTR(hh, b->by_id, ticket->id, strlen(ticket->id), n);
	if (b->n_heap == b->room) {
		b->room = b->room != 0 ? b->room * 2 : 64;
		b->heap = xreallocarray(b->heap, b->room, sizeof *b->heap);
	}
	b->heap[b->n_heap] = n;
	n->at = b->n_heap++;
	sift(b, n->at);
	b->total++;
	return &n->ban;
}

struct ban *
bans_find(const struct bans *b, const char *id)
{
	struct node *n;

	HASH_FIND_STR(b->by_id, id, n);
	return n != NULL ? &n->ban : NULL;
}

bool
bans_prolong(struct bans *b, struct ban *ban, double from, int64_t bantime)
{
	/* by the wall clock: the two clocks, read one after the other, would make an equal end a later one */
	if (ban->bantime < 0 || (bantime >= 0 && from + (double)bantime <= ban->ticket->time + (double)ban->bantime))
		return false;
	ban->end_mono = end_of(b, from, bantime);
	/* compat: BanManager.addBanTicket: the ban began when it began, and lasts longer */
	int64_t later = from > ban->ticket->time ? (int64_t)(from - ban->ticket->time) : 0;
	ban->bantime = bantime < 0 ? TICKET_FOREVER : bantime + later;
	ban->ticket->bantime = ban->bantime;
	sift(b, ((struct node *)ban)->at);
	return true;
}

static struct ban *
take(struct bans *b, struct node *n)
{
	HASH_DEL(b->by_id, n);
	heap_remove(b, n);
	return &n->ban;
}

struct ban *
bans_take(struct bans *b, const char *id)
{
	struct ban *ban = bans_find(b, id);

	return ban != NULL ? take(b, (struct node *)ban) : NULL;
}

double
bans_next_end(const struct bans *b)
{
	return b->n_heap != 0 ? b->heap[0]->ban.end_mono : INFINITY;
}

struct ban *
bans_pop_expired(struct bans *b)
{
	return bans_next_end(b) <= clock_monotonic(b->clock) ? take(b, b->heap[0]) : NULL;
}

void
bans_retime(struct bans *b, int64_t bantime)
{
	struct node *n, *next;

	HASH_ITER(hh, b->by_id, n, next) {
		if (n->ban.is_own_time)
			continue;
		n->ban.bantime = bantime < 0 ? TICKET_FOREVER : bantime;
		n->ban.ticket->bantime = n->ban.bantime; /* what an action is told as <bantime> */
		n->ban.end_mono = end_of(b, n->ban.ticket->time, bantime);
		sift(b, n->at);
	}
}

void
bans_shift(struct bans *b, double seconds, void (*moved)(void *arg, struct ban *ban, double began), void *arg)
{
	for (struct node *n = b->by_id; n != NULL; n = n->hh.next) {
		struct ban *ban = &n->ban;
		double began = ban->ticket->time;
		/* one that was made after the clock was set and before that was noticed has the new time already */
		bool is_new = isinf(ban->end_mono) ? fabs(ban->since - clock_now(b->clock)) < 2 :
		    fabs(began + (double)ban->bantime - ban_until(b, ban)) < fabs(seconds) / 2;
		if (is_new)
			continue;
		ban->ticket->time += seconds;
		ban->ticket->first += seconds;
		ban->since += seconds;
		ban->acted_at += seconds;
		if (moved != NULL)
			moved(arg, ban, began);
	}
}

double
ban_left(const struct bans *b, const struct ban *ban)
{
	return ban->end_mono - clock_monotonic(b->clock);
}

double
ban_until(const struct bans *b, const struct ban *ban)
{
	return isinf(ban->end_mono) ? -1 : clock_now(b->clock) + ban_left(b, ban);
}

void
bans_each(const struct bans *b, void (*fn)(void *arg, struct ban *ban), void *arg)
{
	for (struct node *n = b->by_id; n != NULL; n = n->hh.next)
		fn(arg, &n->ban);
}

static int
by_end(const void *left, const void *right)
{
	const struct node *a = *(struct node *const *)left, *b = *(struct node *const *)right;
	double end_a = a->ban.bantime < 0 ? INFINITY : a->ban.ticket->time + (double)a->ban.bantime;
	double end_b = b->ban.bantime < 0 ? INFINITY : b->ban.ticket->time + (double)b->ban.bantime;

	if (end_a != end_b)
		return end_a < end_b ? -1 : 1;
	return a->serial < b->serial ? -1 : a->serial > b->serial; /* compat: Python sorts stably */
}

struct ban **
bans_by_end(const struct bans *b, size_t *count)
{
	struct ban **list = xcalloc(bans_count(b), sizeof *list);

	*count = 0;
	for (struct node *n = b->by_id; n != NULL; n = n->hh.next)
		list[(*count)++] = &n->ban;
	qsort(list, *count, sizeof *list, by_end);
	return list;
}

size_t
bans_count(const struct bans *b)
{
	return HASH_COUNT(b->by_id);
}

uint64_t
bans_total(const struct bans *b)
{
	return b->total;
}
