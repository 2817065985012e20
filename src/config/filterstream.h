/*
 * filterstream: the options of a filter -> commands; the same options may stand in the jail.
 */
#ifndef CONFIG_FILTERSTREAM_H
#define CONFIG_FILTERSTREAM_H

#include "config/definition.h"

/* Sets the option logtype, which follows from the backend, unless it is given. */
void filterstream_imply(struct definition *d, const char *backend);

/* Appends the commands of a filter that was fetched. */
bool filterstream_filter(struct value *stream, struct definition *d, const char *jail, struct err *err);

/* Appends those of any options: what must come first is put at the front. */
bool filterstream_fill(struct value *stream, const struct opts *options, const char *jail, struct err *err);

#endif
