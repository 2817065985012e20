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
	double slept;  /* added to the monotonic clock: a suspend, in which the loop's timers stand still */
	bool is_held;
	double held_now, held_monotonic;
};

/* Until clock_release() both clocks stand: for a short piece of work that asks very often. */
void clock_hold(struct clock *c);
void clock_release(struct clock *c);

double clock_now(const struct clock *c);       /* wall clock, seconds since the epoch */
double clock_monotonic(const struct clock *c); /* never jumps; for deadlines and countdowns */

/* "2026-11-22 08:06:45" in local time, as fail2ban prints times. Returns text. */
const char *clock_text(double t, char text[32]);

#endif
