/*
 * trouble: what last went wrong with one action of a jail: the command, how it ended, what it said. Kept until the
 * action is gone, so that it can be asked for; whether it works again is said beside it.
 */
#ifndef TROUBLE_H
#define TROUBLE_H

#include "action/action.h"
#include "base/value.h"

struct trouble;
struct jail;

/* Takes note of an outcome; *t is made by the first failure. */
void trouble_note(struct trouble **t, const struct outcome *o, double now);
void trouble_free(struct trouble *t); /* NULL is fine */
/* A list of dicts, one for each action of the jail that ever failed. */
struct value *trouble_list(const struct jail *j);

#endif
