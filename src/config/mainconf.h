/*
 * mainconf: fail2ban.conf: where server and client meet, how is logged, the database.
 */
#ifndef CONFIG_MAINCONF_H
#define CONFIG_MAINCONF_H

#include <stdbool.h>

#include "base/err.h"
#include "base/value.h"
#include "config/stream.h"
#include "config/tree.h"

/* Reads the file; one that is not there is noted and leaves the defaults. */
bool mainconf_read(struct tree *t, const struct config_overrides *over, struct config_paths *out, struct err *err);

/* Appends the commands; after mainconf_read() of the same tree. */
bool mainconf_convert(struct tree *t, const struct config_paths *paths, struct value *stream, struct err *err);

#endif
