/*
 * bans: stage 6's memory of one jail: who is banned until when.
 *
 * The end of a ban is kept on the monotonic clock, so that a jump of the wall clock neither lifts
 * bans nor makes one eternal; wall-clock ends are derived when somebody asks.
 */
#ifndef BAN_BANS_H
#define BAN_BANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/clock.h"
#include "ticket.h"

enum ban_rule { /* what is known of the ban in the firewall */
	BAN_RULE_WAIT, /* commands are under way */
	BAN_RULE_OK,   /* all actions succeeded */
	BAN_RULE_FAIL, /* an action failed */
	BAN_RULE_NONE, /* succeeded once, but the kernel does not have it now */
	BAN_RULE_DRY,  /* nothing is run */
};

const char *ban_rule_name(enum ban_rule rule);

struct ban {
	struct ticket *ticket; /* owned; ticket->time is when the ban began (wall clock) */
	int64_t bantime;       /* seconds in force, TICKET_FOREVER */
	bool is_own_time;      /* does not follow a later change of the jail's bantime */
	double end_mono;       /* monotonic; INFINITY for ever */
	double since;          /* wall clock when it was put into force here */
	enum ban_rule rule;
	double acted_at;       /* wall clock: its last action succeeded */
	double prolong_at;     /* monotonic: actionprolong is due; 0: it is not */
	bool is_queued;        /* for a moment: its action will come to it anyway */
	int pending;           /* actions that have not answered yet */
	unsigned tries;        /* … that failed were tried again so often */
	uint64_t hits;         /* packets, from the last look at the kernel */
	struct json_t *failed; /* owned: the last answer of each action that failed, the newest first; NULL: none did */
};

struct bans;

struct bans *bans_new(const struct clock *clock); /* clock: borrowed */
void bans_free(struct bans *b); /* NULL is fine */

/*
 * Takes the ticket. `bantime` in seconds from ticket->time, TICKET_FOREVER; own: see is_own_time.
 * NULL when the id is banned already (the ticket is not taken then: use bans_find).
 */
struct ban *bans_add(struct bans *b, struct ticket *ticket, int64_t bantime, bool own);
struct ban *bans_find(const struct bans *b, const char *id);
/* Makes an existing ban end at from + bantime if that is later: its bantime grows. True if it changed. */
bool bans_prolong(struct bans *b, struct ban *ban, double from, int64_t bantime);
/* Takes it out; the caller frees with ban_free(). NULL: not there. */
struct ban *bans_take(struct bans *b, const char *id);
void ban_free(struct ban *ban);
/* Takes out one ban whose time is over; NULL: none. */
struct ban *bans_pop_expired(struct bans *b);
/* Monotonic time of the next end, INFINITY if none. */
double bans_next_end(const struct bans *b);
/* The jail's bantime changed: bans without a time of their own follow (compat: set bantime). */
void bans_retime(struct bans *b, int64_t bantime);

/*
 * The wall clock was set by so much: times on it move along, ends stay where they are. moved() (may be NULL)
 * is told of each such ban, with the time at which it began before.
 */
void bans_shift(struct bans *b, double seconds, void (*moved)(void *arg, struct ban *ban, double began), void *arg);

double ban_left(const struct bans *b, const struct ban *ban);  /* seconds; INFINITY for ever */
double ban_until(const struct bans *b, const struct ban *ban); /* wall clock; -1 for ever */

/* In the order of insertion. The callback must not add or remove bans. */
void bans_each(const struct bans *b, void (*fn)(void *arg, struct ban *ban), void *arg);
/* A list ordered by end (the permanent ones last); the caller frees the array. */
struct ban **bans_by_end(const struct bans *b, size_t *count);
size_t bans_count(const struct bans *b);
uint64_t bans_total(const struct bans *b); /* "Total banned" */

#endif
