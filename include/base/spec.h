/*
 * spec: `name[key=value, key2="a, b"][key3='c']`, the form of filters, actions, back ends and log targets.
 *
 * White space is what Python calls so (Unicode's too). Keys keep their first place when repeated,
 * the last value wins.
 */
#ifndef BASE_SPEC_H
#define BASE_SPEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define SPEC_OPTIONS_MAX 1000 /* more are an error */

struct spec {
	char *name;            /* owned; not trimmed before the bracket */
	char **keys, **values; /* owned; `count` of each */
	size_t count;
};

bool spec_parse(const char *text, struct spec *out, struct err *err); /* out is empty after a failure */
void spec_done(struct spec *s);
const char *spec_get(const struct spec *s, const char *key); /* NULL when absent */

/* Bytes of the white space character that text starts with, 0 when it is none. */
size_t spec_space(const char *text, size_t len);
struct slice spec_strip(struct slice s); /* str.strip() of Python */

#endif
