#include "match/stamps.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "match/core.h"
#include "match/datevalue.h"

#define STALE_S 60 /* a date that is further off than this is not the line's own (compat) */

struct stamps *
stamps_new(struct core_base *base, struct datedetect *dates)
{
	struct stamps *s = xcalloc(1, sizeof *s);

	s->refs = 1;
	s->base = base;
	base->refs++;
	s->dates = dates;
	return s;
}

struct stamps *
stamps_dup(const struct stamps *from)
{
	struct stamps *s = stamps_new(from->base, datedetect_dup(from->dates));

	str_addn(&s->last, str_text(&from->last), from->last.len);
	s->last_date = from->last_date;
	s->last_is_whole = from->last_is_whole;
	return s;
}

void
stamps_free(struct stamps *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	datedetect_free(s->dates);
	str_done(&s->last);
	str_done(&s->stamped);
	str_done(&s->text);
	core_base_free(s->base);
	free(s);
}

bool
stamps_are_same(const struct stamps *a, const struct stamps *b)
{
	return a->last.len == b->last.len && memcmp(str_text(&a->last), str_text(&b->last), a->last.len) == 0 &&
	    fabs(a->last_date - b->last_date) < DATE_SAME_MOMENT_S && a->last_is_whole == b->last_is_whole &&
	    datedetect_is_same(a->dates, b->dates);
}

static void
remember(struct stamps *s, const char *text, size_t len, double time, bool is_whole)
{
	if (len == s->last.len) { /* the usual case: the same place, another second */
		memcpy(s->last.at, text, len);
	} else {
		str_clear(&s->last);
		str_addn(&s->last, text, len);
	}
	s->last_date = time;
	s->last_is_whole = is_whole;
}

/* The line stands behind the last date that was seen. */
static void
borrow(struct stamps *s, const struct line *l, struct dated *out)
{
	str_clear(&s->stamped);
	str_addn(&s->stamped, str_text(&s->last), s->last.len);
	str_addn(&s->stamped, l->bytes, l->len);
	out->line = (struct failure_line){str_text(&s->stamped), s->stamped.len, 0, (uint32_t)s->last.len, l->raw};
	out->date_from = out->date_to = 0;
	out->is_borrowed = true;
	out->is_whole = s->last_is_whole;
	out->time = s->last_date;
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

static void
find(struct stamps *s, const struct line *l, double now, bool is_trial, struct dated *out)
{
	struct date_result d;
	bool has_recent = s->last_date != 0 && s->last_date > now - STALE_S;

	if (!isnan(l->time)) {
		char stamp[64];
		remember(s, stamp, journal_stamp(l->time, stamp), l->time, false);
		borrow(s, l, out);
		return;
	}
	datedetect_find(s->dates, l->bytes, l->len, out->is_ascii, now, &d);
	out->line.date_from = (uint32_t)d.from;
	out->line.date_to = (uint32_t)d.to;
	out->date_from = d.from;
	out->date_to = d.to;
	switch (d.found) {
	case DATE_FOUND:
		remember(s, l->bytes + d.from, d.to - d.from, d.time, d.is_whole);
		out->is_whole = d.is_whole;
		out->is_learned = d.is_learned;
		out->time = d.time;
		return;
	case DATE_EMPTY:
		out->date_from = out->date_to = 0;
		if (has_recent) {
			borrow(s, l, out);
			return;
		}
		out->line.date_from = out->line.date_to = 0;
		out->time = now;
		return;
	case DATE_BAD:
		out->bad = (struct slice){l->bytes + d.from, d.to - d.from};
		break;
	case DATE_NONE:
		break;
	}
	out->no_date = true;
	if (has_recent)
		borrow(s, l, out);
	else if (!is_trial && l->in_operation)
		out->time = now;
}

void
stamps_line(struct stamps *s, const struct line *l, bool is_ascii, double now, bool is_trial, struct dated *out)
{
	*out = (struct dated){.line = {l->bytes, l->len, 0, 0, l->raw}, .time = NAN, .is_ascii = is_ascii};
	find(s, l, now, is_trial, out);
	if (l->in_operation && !is_trial && !isnan(out->time)) {
		double delta = trunc(out->time - now);
		if (fabs(delta) > STALE_S) {
			out->odd = delta;
			out->time = s->last_date = now;
		}
	}
}

bool
stamps_follow(struct stamps *s, const struct dated *lead, double now)
{
	if (!datedetect_follow(s->dates, now))
		return false;
	const struct failure_line *l = &lead->line;
	remember(s, l->bytes + l->date_from, l->date_to - l->date_from, lead->time, lead->is_whole);
	return true;
}

bool
stamps_learned_the_same(const struct stamps *a, const struct stamps *b)
{
	return datedetect_learned_the_same(a->dates, b->dates);
}

uint64_t
stamps_learned(const struct stamps *s)
{
	return datedetect_learned(s->dates);
}

void
stamps_text(struct stamps *s, struct dated *out)
{
	const struct failure_line *f = &out->line;

	s->text.len = 0;
	str_reserve(&s->text, f->len + 1 + STAMPS_SLACK);
	memcpy(s->text.at, f->bytes, f->date_from);
	memcpy(s->text.at + f->date_from, f->bytes + f->date_to, f->len - f->date_to);
	s->text.len = f->len - (f->date_to - f->date_from);
	s->text.at[s->text.len++] = '\n';
	s->text.at[s->text.len] = '\0';
	out->text = (struct slice){s->text.at, s->text.len};
}
