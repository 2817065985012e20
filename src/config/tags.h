/*
 * tags: <name> in the options of one filter or action, replaced by other options while reading.
 */
#ifndef CONFIG_TAGS_H
#define CONFIG_TAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "config/opts.h"
#include "config/tree.h"

#define TAGS_REPLACE_MAX 25          /* of one tag in one value; compat: more means that it contains itself */
#define TAGS_VALUE_MAX (4 << 20)     /* bytes of one result */

/* What a tag stands for when the options do not say; hash: opts_hash(name). NULL: nothing, it stays. false from *is_ok: err. */
typedef const char *(*tags_look_fn)(void *arg, const char *name, uint32_t hash, bool *is_ok, struct err *err);

/*
 * options: strings (and None), changed in place. ignore: names, NULL-terminated, that neither are replaced
 * nor have tags of theirs replaced.
 */
bool tags_replace(struct tree *t, struct opts *options, const char *const *ignore, tags_look_fn look, void *arg,
    struct err *err);

#endif
