/* words: a typed line -> words, as a POSIX shell splits it (quotes and backslashes, no expansion). */
#ifndef APPLET_WORDS_H
#define APPLET_WORDS_H

#include "base/err.h"
#include "base/value.h"

/* A list of strings; NULL and err for a quotation that does not end. The caller frees. */
struct value *words_split(const char *line, struct err *err);

#endif
