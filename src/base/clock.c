#include "base/clock.h"

#include <time.h>

static double
read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void
clock_hold(struct clock *c)
{
	c->held_now = clock_now(c);
	c->held_monotonic = clock_monotonic(c);
	c->is_held = true;
}

void
clock_release(struct clock *c)
{
	c->is_held = false;
}

double
clock_now(const struct clock *c)
{
	return c->is_held ? c->held_now : c->is_fixed ? c->fixed : read_clock(CLOCK_REALTIME) + c->offset;
}

double
clock_monotonic(const struct clock *c)
{
	/* a fixed clock must move only when its test moves it */
	return c->is_held ? c->held_monotonic : c->is_fixed ? c->fixed : read_clock(CLOCK_BOOTTIME) + c->slept;
}

static void
two_digits(char *at, int n)
{
	at[0] = (char)('0' + n / 10 % 10);
	at[1] = (char)('0' + n % 10);
}

const char *
clock_text(double t, char text[32])
{
	time_t whole = (time_t)t;
	struct tm tm;

	localtime_r(&whole, &tm);
	/* strftime(3) looks at /etc/localtime each time, and this is written for each failure */
	two_digits(text, (tm.tm_year + 1900) / 100);
	two_digits(text + 2, (tm.tm_year + 1900) % 100);
	two_digits(text + 5, tm.tm_mon + 1);
	two_digits(text + 8, tm.tm_mday);
	two_digits(text + 11, tm.tm_hour);
	two_digits(text + 14, tm.tm_min);
	two_digits(text + 17, tm.tm_sec);
	text[4] = text[7] = '-';
	text[10] = ' ';
	text[13] = text[16] = ':';
	text[19] = '\0';
	return text;
}
