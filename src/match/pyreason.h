/*
 * pyreason: what Python would say about an expression: the reply that fail2ban's clients know. Where the
 * screen shows a person our own words and a column, a client gets Python's words and its position.
 */
#ifndef MATCH_PYREASON_H
#define MATCH_PYREASON_H

#include "base/str.h"
#include "match/pyregex.h"

/* Appends "missing ), unterminated subpattern at position 4"; text: what was compiled, which the fault points into. */
void pyreason(const struct regex_fault *fault, const char *text, size_t len, struct str *out);

#endif
