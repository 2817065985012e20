/*
 * actionconf: the actions of one jail: `name[opt=val, …]` lists, action.d -> commands.
 */
#ifndef CONFIG_ACTIONCONF_H
#define CONFIG_ACTIONCONF_H

#include <stdbool.h>

#include "base/err.h"
#include "base/value.h"
#include "config/opts.h"
#include "config/tree.h"

#define ACTIONCONF_MAX 1000 /* actions of one jail */

struct actionconf;

enum actionconf_result {
	ACTIONCONF_OK,
	ACTIONCONF_BAD,    /* the jail cannot be used: why */
	ACTIONCONF_FAILED, /* nothing can be used: err */
};

/* The text of one action of the list, from *at on, which moves; false at the end. */
bool actionconf_next(const char **at, struct slice *out);

/* *out is NULL for an empty text. */
enum actionconf_result actionconf_read(struct tree *t, const char *jail, const struct opts *jail_options,
    struct slice text, struct actionconf **out, struct str *why, struct err *err);
bool actionconf_convert(struct actionconf *a, struct value *stream, struct err *err);
void actionconf_free(struct actionconf *a);

/* For explanations. */
const char *actionconf_name(const struct actionconf *a); /* as in the commands */
const char *actionconf_file(const struct actionconf *a); /* as in action.d */
bool actionconf_is_given(const struct actionconf *a, const char *key); /* in the brackets */
const struct ini *actionconf_ini(const struct actionconf *a); /* NULL: a python action */

#endif
