/*
 * truth: what the kernel really holds, against the bans: looked at after changes and every few
 * seconds, told to listeners, and (repair = auto) put right.
 */
#ifndef TRUTH_H
#define TRUTH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "action/action.h"
#include "base/err.h"

struct engine;
struct truth;

#define TRUTH_SOON_S 0.1      /* after a change: what comes together is looked at together */
#define TRUTH_BUSY_S 1        /* at most so often while commands wait: listings would hold them up */
#define TRUTH_BUSY_JOBS 64    /* that many */
#define TRUTH_PERIOD_S 1.5     /* between two looks, if a look is quick: 1 % of a core */
#define TRUTH_QUIET_S 10       /* nobody watches and nothing is banned */
#define TRUTH_NOW_S 0.02       /* after something was taken away */
#define TRUTH_COUNT_S 0.4      /* between two counts of the ipsets, of which the kernel tells nothing */
#define TRUTH_HOLD_S 0.5       /* commands wait for a look no longer than that */
#define TRUTH_REST_S 60        /* the longest pause after looks that failed */

struct truth *truth_new(struct engine *e);
void truth_close(struct truth *t, void (*done)(void *arg), void *arg);

/* An action's command for a ban succeeded: this is where the jail's bans of that family live. */
void truth_learn(struct truth *t, const struct outcome *o, int family);
/* Something changed that the kernel should show: look soon. */
void truth_look(struct truth *t);
/* An action took something away, as it should: what the kernel tells of that now is no news. */
void truth_removed(struct truth *t);
void truth_tick(struct truth *t); /* once a second */
size_t truth_drift(const struct truth *t);
/* Puts back what the last look did not find, by hand; ip: of one address, NULL: of all. How many bans. */
size_t truth_repair(struct truth *t, const char *ip);
json_t *truth_chains(const struct truth *t); /* CHAINS, null before the first look; new reference */
/* The rules of one address: array of {"jail","chain","n","target","pkts","bytes"}; new reference. */
json_t *truth_rules(const struct truth *t, const char *ip);
/*
 * Deletes a rule of the kernel that bans somebody whom no jail has banned. It must stand in the last listing with
 * exactly this text: what a client says is only compared. The outcome is told as a notice.
 */
bool truth_delete(struct truth *t, int family, const char *chain, const char *text, struct err *err);

#endif
