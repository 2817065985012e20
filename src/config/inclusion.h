/*
 * inclusion: which files a list of files leads to, by `before` and `after` of their [INCLUDES], and by the
 * .local beside each; in the order in which they count.
 */
#ifndef CONFIG_INCLUSION_H
#define CONFIG_INCLUSION_H

#include <stdbool.h>
#include <stddef.h>
#include <uthash.h>

#include "base/err.h"
#include "config/tree.h"

/* Which files some names lead to. compat: kept by name, so that the first look at a loop of includes counts. */
struct inclusion {
	char *key; /* the names, joined by \001 */
	char **paths;
	size_t count, room;
	UT_hash_handle hh;
};

bool inclusion_add(struct inclusion *l, const char *path, struct err *err);
void inclusion_done(struct inclusion *l); /* of one that is the caller's */

/* *out belongs to the tree. */
bool inclusion_expand(struct tree *t, const struct inclusion *names, struct inclusion **out, struct err *err);
void inclusion_free_all(struct tree *t);

#endif
