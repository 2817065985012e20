/*
 * amend: what an operator decides on the screen and wants to keep, as a change of one file of the configuration:
 * an address for ignoreip in jail.d/zz-jailtop.local, a jail switched on in jail.d/zz-jailtop-enabled.local, the
 * expressions of a filter in filter.d/NAME.local.
 *
 * Nothing else of the configuration is ever written. First the change is made in memory, to be shown; writing it is
 * a step of its own, which keeps the old file as NAME~ (no name that the configuration reads).
 */
#ifndef CONFIG_AMEND_H
#define CONFIG_AMEND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct amendment {
	char *path;           /* owned */
	char *before, *after; /* owned: the file's text; before is "" when there is no file */
	char *filter;         /* owned: of an expression: whose; else NULL */
};

/*
 * Adds the address (or takes it out) where ignoreip is set: in [DEFAULT] and in the jails that have their own.
 * The file is read after all others, and what it says holds: each value is the one that held before, and the address.
 */
bool amend_ignoreip(const char *dir, const char *ip, bool is_removal, struct amendment *out, struct err *err);

/* Sets failregex of the jail's filter to the list; what else NAME.local has stays. */
bool amend_failregex(const char *dir, const char *jail, const char *const *list, size_t count, struct amendment *out, struct err *err);

/* Sets enabled = true for a jail that the configuration has, in a file of jail.d that is read late. */
bool amend_enable(const char *dir, const char *jail, struct amendment *out, struct err *err);

bool amend_write(const struct amendment *a, struct err *err); /* whole or not at all, 0644 */
void amend_done(struct amendment *a);

#endif
