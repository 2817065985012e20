/*
 * clock: the time that everything asks; tests and replays set it (fail2ban's MyTime).
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>

struct clock {
	bool is_fixed;
	double fixed;  /* seconds since the epoch, when is_fixed */
	double offset; /* added to the system's clock, when not */
};

double clock_now(const struct clock *c);       /* wall clock, seconds since the epoch */
double clock_monotonic(const struct clock *c); /* never jumps; for deadlines and countdowns */

#endif
