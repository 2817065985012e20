#include "base/clock.h"

#include <time.h>

static double
read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double
clock_now(const struct clock *c)
{
	return c->is_fixed ? c->fixed : read_clock(CLOCK_REALTIME) + c->offset;
}

double
clock_monotonic(const struct clock *c)
{
	/* a fixed clock must move only when its test moves it */
	return c->is_fixed ? c->fixed : read_clock(CLOCK_BOOTTIME) + c->slept;
}

const char *
clock_text(double t, char text[32])
{
	time_t whole = (time_t)t;
	struct tm tm;

	localtime_r(&whole, &tm);
	strftime(text, 32, "%Y-%m-%d %H:%M:%S", &tm);
	return text;
}
