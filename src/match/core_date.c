/*
 * core_date: stage 3 for a line: its time, what stands in when it has none, and whether it still counts.
 */
#include "match/core.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"

#define STALE_S 60 /* a date that is further off than this is not the line's own (compat) */

static void
remember_stamp(struct core *c, const char *text, size_t len, double time, bool is_whole)
{
	str_clear(&c->last_stamp);
	str_addn(&c->last_stamp, text, len);
	c->last_date = time;
	c->last_is_whole = c->is_whole_time = is_whole;
}

/* The line stands behind the last date that was seen. */
static double
borrow_stamp(struct core *c, const struct line *l)
{
	str_clear(&c->stamped);
	str_addn(&c->stamped, str_text(&c->last_stamp), c->last_stamp.len);
	str_addn(&c->stamped, l->bytes, l->len);
	c->line = (struct failure_line){str_text(&c->stamped), c->stamped.len, 0, (uint32_t)c->last_stamp.len};
	c->is_whole_time = c->last_is_whole;
	return c->last_date;
}

/* compat: how a journal's entry begins in `matches`: Python's isoformat() of local time, and a blank. */
static size_t
journal_stamp(double time, char text[64])
{
	double whole = floor(time);
	long micro = lround((time - whole) * 1e6);
	time_t seconds = (time_t)whole + (micro == 1000000);
	struct tm tm;

	localtime_r(&seconds, &tm);
	size_t n = strftime(text, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	if (micro != 0 && micro != 1000000)
		n += (size_t)snprintf(text + n, 16, ".%06ld", micro);
	long east = tm.tm_gmtoff / 60;
	n += (size_t)snprintf(text + n, 16, "%c%02ld:%02ld ", east < 0 ? '-' : '+', labs(east) / 60, labs(east) % 60);
	return n;
}

/* Time of a line; NAN: none. Sets core.line. */
double
core_find_date(struct core *c, const struct line *l, bool is_ascii, bool *no_date)
{
	struct date_result d;
	double time = NAN;
	bool has_recent = c->last_date != 0 && c->last_date > c->now - STALE_S;

	c->is_whole_time = false;
	c->line = (struct failure_line){l->bytes, l->len, 0, 0};
	if (!isnan(l->time)) {
		char stamp[64];
		remember_stamp(c, stamp, journal_stamp(l->time, stamp), l->time, false);
		return borrow_stamp(c, l);
	}
	datedetect_find(c->dates, l->bytes, l->len, is_ascii, c->now, &d);
	c->line.date_from = c->last.date_from = (uint32_t)d.from;
	c->line.date_to = c->last.date_to = (uint32_t)d.to;
	switch (d.found) {
	case DATE_FOUND:
		time = d.time;
		if (d.to - d.from == c->last_stamp.len) /* the usual case: the same place, another second */
			memcpy(c->last_stamp.at, l->bytes + d.from, d.to - d.from);
		else
			remember_stamp(c, l->bytes + d.from, d.to - d.from, time, d.is_whole);
		c->last_date = time;
		c->last_is_whole = c->is_whole_time = d.is_whole;
		return time;
	case DATE_EMPTY:
		c->last.date_from = c->last.date_to = 0;
		if (has_recent)
			return borrow_stamp(c, l);
		c->line.date_from = c->line.date_to = 0;
		return c->now;
	case DATE_BAD:
		filter_log(c, LOG_LEVEL_ERROR, "findFailure failed to parse timeText: %s",
		    core_line_text(c, l->bytes + d.from, d.to - d.from));
		break;
	case DATE_NONE:
		break;
	}
	*no_date = true;
	c->counters.no_date++;
	if (has_recent) {
		c->last.date_from = c->last.date_to = 0;
		return borrow_stamp(c, l);
	}
	if (c->trial == NULL && l->in_operation)
		time = c->now;
	return time;
}

static void
warn_odd_time(struct core *c, const struct line *l, double delta)
{
	char length[64], *text;

	if (!core_may_warn(c, WARNED_ODD_TIME))
		return;
	duration_format(fabs(delta), length, sizeof length);
	text = xasprintf("Detected a log entry %s %s the current time in operation mode. This looks like a %s problem. "
	    "Treating such entries as if they just happened.", length, delta < 0 ? "before" : "after",
	    delta >= -3300 && delta < 0 ? "latency" : "timezone");
	core_warn(c, "%s", text);
	free(text);
	core_warn(c, "Please check a jail for a timing issue. Line with odd timestamp: %s", core_line_text(c, l->bytes, l->len));
}

/* Does the line count at all? May set its time to now. */
bool
core_judge_time(struct core *c, const struct line *l, double *time)
{
	if (isnan(*time) || c->trial != NULL)
		return true;
	if (l->in_operation) {
		double delta = trunc(*time - c->now);
		if (fabs(delta) > STALE_S) {
			warn_odd_time(c, l, delta);
			*time = c->last_date = c->now;
		}
		return true;
	}
	if (*time >= c->now - c->findtime)
		return true;
	if (core_may_warn(c, WARNED_OLD)) {
		char *text = xasprintf("Ignoring all log entries older than %gs; these are probably messages generated while "
		    "fail2ban was not running.", c->findtime);
		core_warn(c, "%s", text);
		free(text);
		core_warn(c, "Please check a jail for a timing issue. Line with odd timestamp: %s", core_line_text(c, l->bytes, l->len));
	}
	c->counters.too_old++;
	c->last.verdict = FILTER_TOO_OLD;
	return false;
}
