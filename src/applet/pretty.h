/*
 * pretty: a command as `--dump-pretty` prints it: lists that do not fit in 1000 columns one item a line,
 * long strings in pieces, as Python's pprint does with indent 2.
 */
#ifndef APPLET_PRETTY_H
#define APPLET_PRETTY_H

#include "base/str.h"
#include "base/value.h"

void pretty_format(const struct value *v, struct str *out);

#endif
