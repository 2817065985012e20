/*
 * definition: what filters and actions have in common: [Definition] and [Init], options given in
 * brackets, options of the jail, and the <tag>s among them all.
 */
#ifndef CONFIG_DEFINITION_H
#define CONFIG_DEFINITION_H

#include <stdbool.h>

#include "base/err.h"
#include "config/ini.h"
#include "config/opts.h"
#include "config/tree.h"
#include "options.h"

struct definition {
	struct tree *tree;
	const struct ini *ini;         /* borrowed from the tree */
	struct ini_section *own;       /* [Definition]; NULL: there is none */
	const struct option_row *rows; /* the options that are sent */
	struct opts given;             /* from the brackets, filled up from [Init] */
	size_t n_given;                /* compat: %(…)s and tags see those that were there before [Init] was fetched */
	struct opts options;           /* of rows, what [Definition] says */
	const struct opts *jail;       /* of the last fetching; borrowed */
	struct opts looked_up;         /* tags that were looked up already; compat: the first answer holds, also that there is none */
};

/* Takes what `given` holds. */
struct definition *definition_new(struct tree *t, const struct ini *ini, const struct option_row *rows, struct opts *given);
void definition_free(struct definition *d);

/*
 * Fetches, with the jail's options (may be NULL; they must stay until the last use) as %(…)s below those in
 * brackets. An option that the jail has itself is not fetched. all: every option of [Definition], not only
 * those of rows.
 */
bool definition_fetch(struct definition *d, const struct opts *jail, bool all, struct err *err);

/* All of them with their tags replaced and bool and int converted. ignore: names, NULL-terminated, or NULL. */
bool definition_combine(struct definition *d, const char *const *ignore, struct opts *out, struct err *err);

/* The same, but bool and int are left as texts. */
bool definition_substitute(struct definition *d, const char *const *ignore, struct opts *out, struct err *err);
/* Turns them into what they are. */
void definition_convert(struct tree *t, const struct option_row *rows, struct opts *o);

/* Puts a bool or int as Python reads it; false: it is no int, and None is put. */
bool definition_put(struct opts *o, struct arena *a, enum option_type type, const char *key, const char *text);

#endif
