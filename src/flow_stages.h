/*
 * flow_stages: the seven stages in order: who hands what to whom (flow.h has the nouns).
 */
#ifndef FLOW_STAGES_H
#define FLOW_STAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "action/action.h"
#include "base/value.h"
#include "flow.h"
#include "ticket.h"

struct engine;
struct jail;
struct ban;

#define FLOW_MANUAL 1   /* banned by command */
#define FLOW_RESTORED 2 /* came from the database */

/* Stage 2 -> 4: a batch of one file, for all jails that follow it. */
void flow_lines(struct engine *e, struct jail *const *jails, size_t n_jails, const char *path,
    const struct line *lines, size_t count);
/* Stage 4 -> 5: a filter's finding; ignored, parked, or counted. */
void flow_failure(struct jail *j, const struct failure *f);
/* What stage 5 keeps from one failure to the next goes. */
void flow_failures_done(struct engine *e);
/* What waited for an answer when the last process ended waits again. */
void flow_restore_parked(struct jail *j);
/* Asks the ignorecommand about a ban of an earlier engine, which holds until the answer. */
void flow_ask_restored(struct jail *j, const struct ban *ban);
/* The end: nobody waits for an answer any more; what is in the database stays there. */
void flow_stop_asking(struct engine *e);
/* `set JAIL attempt`: as so many failures, past the ignore lists. Returns 1. */
int flow_attempt(struct jail *j, const char *id, const struct value *matches);
/* Stage 6 -> 7: takes the ticket; a bantime of TICKET_UNSET means the jail's. NULL: was banned or is over. */
struct ban *flow_ban(struct jail *j, struct ticket *t, int flags);
/* Runs the action that failed for the ban once more. False: none did, or it is under way. */
bool flow_retry_ban(struct jail *j, struct ban *ban);
/* why: "expired" "command" "whitelist" "stop". False: not banned. */
bool flow_unban(struct jail *j, const char *id, const char *why);
size_t flow_unban_all(struct jail *j, const char *why);
/* The action leaves the jail: what it banned is undone, then it stops. */
void flow_undo_action(struct jail *j, struct action *a);
void flow_expire(struct jail *j);
void flow_prolong(struct jail *j); /* once a second: actions hear of longer bans */
/* Once a second: bans whose action failed are tried again: one as a probe after 1, 2, 4 … 60 s, all once it went well. */
void flow_retry(struct engine *e);
/* Stage 7's answer, back to the ban and the taps. */
void flow_outcome(struct engine *e, const struct outcome *o);

#endif
