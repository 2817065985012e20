/*
 * actionplan: an action that many jails use with other values in the same brackets is worked out once, with
 * marks in place of the values, and then filled in for each jail.
 *
 * Only where that cannot be told from working it out each time: a value with a '%', '<' or '>' is part of
 * what the plan is for, and an action that builds a name from a value, or looks at the jail, has no plan.
 */
#ifndef CONFIG_ACTIONPLAN_H
#define CONFIG_ACTIONPLAN_H

#include "config/ini.h"
#include "config/opts.h"
#include "config/tree.h"

struct actionplan;

/* NULL: there is none (yet): work it out. */
const struct actionplan *actionplan_find(struct tree *t, const struct ini *ini, const struct opts *given);
/* What is sent of an action, as texts: actionplan_sent() of what a definition would have left. sent: empty before. */
void actionplan_fill(const struct actionplan *plan, const struct opts *given, struct arena *arena, struct opts *sent);
/*
 * What is sent: the rows of the action that are set, then the other options in brackets or of [Init].
 * all: the combined ones. sent: empty before; it borrows.
 */
void actionplan_sent(const struct opts *all, const struct opts *given, struct opts *sent);
void actionplan_free_all(struct tree *t);

#endif
