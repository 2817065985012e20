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
/*
 * What definition_combine() and definition_fetch() would have left: the rows of the action that are set, and
 * the options in brackets filled up from [Init]. Both are empty before.
 */
void actionplan_fill(struct tree *t, const struct actionplan *plan, const struct opts *given, struct opts *rows,
    struct opts *all_given);
void actionplan_free_all(struct tree *t);

#endif
