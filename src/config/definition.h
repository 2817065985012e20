/*
 * definition: what filters and actions have in common: [Definition] and [Init], options given in
 * brackets, options of the jail, and the <tag>s among them all.
 */
#ifndef CONFIG_DEFINITION_H
#define CONFIG_DEFINITION_H

#include <stdbool.h>

#include "base/err.h"
#include "base/value.h"
#include "config/ini.h"
#include "config/tree.h"
#include "options.h"

struct definition {
	struct tree *tree;
	const struct ini *ini;         /* borrowed from the tree */
	const struct option_row *rows; /* the options that are sent */
	struct value *given;           /* dict: from the brackets, filled up from [Init] */
	struct value *options;         /* dict: of rows, what [Definition] says */
	struct ini_section *vars[2];           /* of the first and second fetching: values point into them */
	int rounds;
	struct ini_section *looked_up;        /* tags that were looked up already; compat: the first answer holds */
};

/* Takes `given`. */
struct definition *definition_new(struct tree *t, const struct ini *ini, const struct option_row *rows, struct value *given);
void definition_free(struct definition *d);

/*
 * Fetches, with the jail's options (dict, may be NULL) as %(…)s below those in brackets. An option that the
 * jail has itself is not fetched. all: every option of [Definition], not only those of rows. At most twice.
 */
bool definition_fetch(struct definition *d, const struct value *jail, bool all, struct err *err);

/* All of them with their tags replaced and bool and int converted: a new dict. ignore: list of names or NULL. */
bool definition_combine(struct definition *d, const struct value *ignore, struct value **out, struct err *err);

/* bool and int of the table, as Python reads them; a wrong int becomes None, which *is_wrong tells. */
struct value *definition_convert(enum option_type type, const char *text, bool *is_wrong);

#endif
