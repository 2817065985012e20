/*
 * bantime: how long the next ban of a known address lasts (bantime.increment and its friends).
 *
 * compat: Observer / JailThread bantime formula: B * factor * multipliers[count], or the formula
 * B * (1 << min(count, 20)) * factor; then capped by maxtime; then a random part of rndtime added.
 */
#ifndef BAN_BANTIME_H
#define BAN_BANTIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/value.h"

/* Options as set, a dict: "increment", "factor", "formula", "multipliers", "maxtime", "rndtime", "overalljails". */
bool bantime_is_increment(const struct value *options);
bool bantime_is_overall(const struct value *options);
int64_t bantime_maxtime(const struct value *options); /* -1: none */

/* Checks and stores one option; the value is copied in the form that `get` prints. */
bool bantime_set(struct value *options, const char *option, const struct value *v, struct err *err);

/*
 * Seconds of the ban number count+1. base: the jail's (or last) bantime, random: 0…1. base < 0 stays.
 * The formula is an arithmetic expression over ban.Time, ban.Count, banFactor (and math.*, random
 * functions that the default forms use); one that cannot be computed counts as the default one and sets err.
 */
bool bantime_next(const struct value *options, int64_t base, int count, double random, int64_t *seconds, struct err *err);

#endif
