/*
 * duration: fail2ban's time abbreviations ("1d 12h", "1year-6mo", "5 * 60") and its short forms.
 */
#ifndef BASE_DURATION_H
#define BASE_DURATION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Seconds (may be a fraction). Units as `fail2ban-client --str2sec`; arithmetic + - * / ( ) as there. */
bool duration_parse(const char *text, double *seconds, struct err *err);
/* The same; *is_whole is false when Python would print the result with a point ("1mo" is 2629800.0). */
bool duration_eval(const char *text, double *seconds, bool *is_whole, struct err *err);

/* At most three groups as fail2ban prints them: "2y 1w 2d", "59m 54s", "1h", "0". */
void duration_format(double seconds, char *text, size_t size);

#endif
