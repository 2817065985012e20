/*
 * logglob: a pattern of log files -> the files there are, as Python's glob finds them: hidden ones only
 * when the pattern names them, in the directory's order.
 */
#ifndef CONFIG_LOGGLOB_H
#define CONFIG_LOGGLOB_H

#include <stddef.h>

#include "base/value.h"

/* Appends strings to list, at most max; returns how many were found (a dangling link is found as well). */
size_t logglob(const char *pattern, size_t max, struct value *list);

#endif
