/*
 * treefile: the files of a tree one by one: which there are, and what each says alone. Each is read once.
 */
#ifndef CONFIG_TREEFILE_H
#define CONFIG_TREEFILE_H

#include <stdbool.h>

#include "base/err.h"
#include "config/ini.h"
#include "config/tree.h"

bool treefile_exists(struct tree *t, const char *path);     /* as access(path, F_OK) == 0 */
bool treefile_is_regular(struct tree *t, const char *path);
/* *out: NULL when there is no such file, or none that can be used. false: a file that is wrong. */
bool treefile_load(struct tree *t, const char *path, struct ini **out, struct err *err);
bool treefile_is_read(const struct tree *t, const char *path); /* it was loaded, and could be used */
void treefile_free_all(struct tree *t);

#endif
