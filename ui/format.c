/*
 * format: numbers and times as the narrow columns want them.
 */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "ui.h"

void
format_count(int64_t n, struct str *out)
{
	static const char units[] = "kMGTPE";
	double value = (double)n;
	int unit = 0;

	if (n > -1000 && n < 1000) {
		str_addf(out, "%lld", (long long)n);
		return;
	}
	for (value /= 1000; fabs(value) >= 999.95 && unit < 5; unit++)
		value /= 1000;
	str_addf(out, fabs(value) < 99.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
}

void
format_span(double seconds, struct str *out)
{
	long long s = (long long)floor(seconds + 0.5);

	if (seconds < 0)
		str_add(out, "for ever");
	else if (s < 60)
		str_addf(out, "%llds", s);
	else if (s < 3600)
		s % 60 != 0 ? str_addf(out, "%lldm%llds", s / 60, s % 60) : str_addf(out, "%lldm", s / 60);
	else if (s < 86400)
		s / 60 % 60 != 0 ? str_addf(out, "%lldh%lldm", s / 3600, s / 60 % 60) : str_addf(out, "%lldh", s / 3600);
	else
		s / 3600 % 24 != 0 ? str_addf(out, "%lldd%lldh", s / 86400, s / 3600 % 24) : str_addf(out, "%lldd", s / 86400);
}

void
format_left(double seconds, struct str *out)
{
	long long s = (long long)ceil(seconds);

	if (s < 0)
		s = 0;
	if (s < 600)
		str_addf(out, "%lld:%02lld", s / 60, s % 60);
	else if (s < 3600)
		str_addf(out, "%lldm", s / 60);
	else if (s < 86400)
		str_addf(out, "%lldh", s / 3600);
	else
		s / 3600 % 24 != 0 && s < 864000 ? str_addf(out, "%lldd%lldh", s / 86400, s / 3600 % 24) : str_addf(out, "%lldd", s / 86400);
}

void
format_clock(double t, struct str *out)
{
	time_t whole = (time_t)floor(t);
	struct tm tm;
	char text[16];

	if (!(t > 0) || t > 1e11 || localtime_r(&whole, &tm) == NULL) {
		str_add(out, "--:--:--");
		return;
	}
	strftime(text, sizeof text, "%H:%M:%S", &tm);
	str_add(out, text);
}

void
format_ordinal(int n, struct str *out)
{
	const char *end = n % 100 >= 11 && n % 100 <= 13 ? "th" : n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" : "th";

	str_addf(out, "%d%s", n, end);
}

void
format_spark(const struct view_spark *spark, int w, bool is_ascii, struct str *out)
{
	static const char *const blocks[] = {"\xc2\xb7", "\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83", "\xe2\x96\x84",
	                                     "\xe2\x96\x85", "\xe2\x96\x86", "\xe2\x96\x87", "\xe2\x96\x88"};
	static const char ramp[] = "_.:-=+*#%";
	int from = spark->count > w ? spark->count - w : 0;
	uint32_t most = 7; /* a single failure is no tower */

	for (int i = from; i < spark->count; i++)
		if (spark->at[i] > most)
			most = spark->at[i];
	for (int i = spark->count - from; i < w; i++)
		str_add(out, is_ascii ? "_" : blocks[0]); /* the axis: an empty place is no hole in the line */
	for (int i = from; i < spark->count; i++) {
		unsigned level = spark->at[i] == 0 ? 0 : 1 + (unsigned)((uint64_t)spark->at[i] * 7 / most);
		if (is_ascii)
			str_addc(out, ramp[level]);
		else
			str_add(out, blocks[level]);
	}
}
