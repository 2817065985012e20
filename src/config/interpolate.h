/*
 * interpolate: %(name)s, %(section/name)s and %(known/name)s, when an option is fetched.
 */
#ifndef CONFIG_INTERPOLATE_H
#define CONFIG_INTERPOLATE_H

#include <stdbool.h>

#include "base/err.h"
#include "config/ini.h"
#include "config/opts.h"
#include "config/tree.h"

#define INTERPOLATE_DEPTH_MAX 10       /* compat: Python's configparser */
#define INTERPOLATE_VALUE_MAX (4 << 20) /* bytes of one result */

/* What is looked up before the files: options in brackets, then those of the jail. Both may be NULL. */
struct interpolate_vars {
	const struct opts *given;
	size_t n_given; /* the first ones of them */
	const struct opts *jail;
};

enum get_result {
	GET_OK,
	GET_NO_OPTION,
	GET_NO_SECTION,
	GET_FAILED, /* err */
};

/*
 * *out lives in the tree's arena. The name is taken in lower case. Looked up in vars (may be NULL),
 * then the section, then [DEFAULT].
 */
enum get_result config_get(struct tree *t, const struct ini *ini, const char *section, const char *option,
    const struct interpolate_vars *vars, const char **out, struct err *err);

/* The same in a section that is at hand, of `ini`; NULL: only the defaults. option: in lower case. */
enum get_result config_get_from(struct tree *t, const struct ini *ini, const struct ini_section *section, const char *option,
    const struct interpolate_vars *vars, const char **out, struct err *err);

/* As config_get(), and a name of the form section/option is first looked up there (known/x: in the shadow, then here). */
enum get_result config_get_ex(struct tree *t, const struct ini *ini, const char *section, const char *option,
    const struct interpolate_vars *vars, const char **out, struct err *err);

/* While a plan is made: a name that is looked up. */
void interpolate_probe(struct tree *t, const char *name);

#endif
