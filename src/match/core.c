#include "match/core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"

struct core_base *
core_base_new(void)
{
	struct core_base *b = xcalloc(1, sizeof *b);

	b->refs = 1;
	b->room = regex_room_new();
	names_init(&b->names);
	return b;
}

void
core_base_free(struct core_base *b)
{
	if (b == NULL || --b->refs > 0)
		return;
	regex_room_free(b->room);
	names_done(&b->names);
	free(b);
}

void
core_init(struct core *c, struct core_base *base, const struct clock *clock)
{
	*c = (struct core){.base = base, .clock = clock, .maxlines = 1, .findtime = 600, .usedns = USEDNS_WARN};
	c->sessions = sessions_new();
}

static void
list_done(struct expr_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		expr_free(l->at[i]);
	free(l->at);
	*l = (struct expr_list){0};
}

void
core_done(struct core *c)
{
	crew_leave(c);
	expr_free(c->pref);
	list_done(&c->fail);
	list_done(&c->ignore);
	free(c->datepattern);
	free(c->zone);
	stamps_free(c->stamps);
	free(c->dispatch.lists);
	free(c->dispatch.prefixes);
	memo_free(c->memo);
	sessions_free(c->sessions);
	window_clear(&c->window);
	window_clear(&c->whole);
	window_clear(&c->matched);
	window_clear(&c->rest);
	str_done(&c->clean);
	str_done(&c->joined);
	str_done(&c->content);
	str_done(&c->undated);
	str_done(&c->values);
	captures_done(&c->captures);
	free(c->groups);
	free(c->lines);
	free(c->filters);
	core_base_free(c->base);
}

static struct expr_list
list_dup(const struct expr_list *l)
{
	struct expr_list out = {xreallocarray(NULL, l->count + 1, sizeof *l->at), l->count};

	for (size_t i = 0; i < l->count; i++) {
		out.at[i] = l->at[i];
		out.at[i]->refs++;
	}
	return out;
}

static bool
is_same_list(const struct expr_list *a, const struct expr_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!expr_is_same(a->at[i], b->at[i]))
			return false;
	return true;
}

static bool
is_same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
core_stamps_are_same(const struct core *a, const struct core *b)
{
	return a->clock == b->clock && a->trial == NULL && b->trial == NULL && is_same_text(a->datepattern, b->datepattern) &&
	    is_same_text(a->zone, b->zone) && a->stamps != NULL && b->stamps != NULL &&
	    (a->stamps == b->stamps || stamps_are_same(a->stamps, b->stamps));
}

static bool
has_same_names(const struct names *a, const struct names *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++)
		if (strcmp(a->at[i], b->at[i]) != 0)
			return false;
	return a->count == b->count;
}

bool
core_is_twin(const struct core *a, const struct core *b)
{
	return a->usedns == b->usedns && a->maxlines == b->maxlines && a->findtime == b->findtime &&
	    (a->pref == NULL || b->pref == NULL ? a->pref == b->pref : expr_is_same(a->pref, b->pref)) &&
	    is_same_list(&a->fail, &b->fail) && is_same_list(&a->ignore, &b->ignore) && core_stamps_are_same(a, b) &&
	    (a->base == b->base || has_same_names(&a->base->names, &b->base->names)) &&
	    sessions_are_same(a->sessions, b->sessions) && window_is_same(&a->window, &b->window) &&
	    window_is_same(&a->whole, &b->whole);
}

struct core *
core_dup(const struct core *from)
{
	struct core *c = xcalloc(1, sizeof *c);

	from->base->refs++;
	core_init(c, from->base, from->clock);
	c->usedns = from->usedns;
	c->pref = from->pref;
	if (c->pref != NULL)
		c->pref->refs++;
	c->fail = list_dup(&from->fail);
	c->ignore = list_dup(&from->ignore);
	c->maxlines = from->maxlines;
	c->datepattern = from->datepattern != NULL ? xstrdup(from->datepattern) : NULL;
	c->zone = from->zone != NULL ? xstrdup(from->zone) : NULL;
	c->findtime = from->findtime;
	c->trial = from->trial;
	c->stamps = from->stamps;
	if (c->stamps != NULL)
		c->stamps->refs++;
	sessions_free(c->sessions);
	c->sessions = sessions_dup(from->sessions);
	window_copy(&c->window, &from->window);
	window_copy(&c->whole, &from->whole);
	memcpy(c->warn_after, from->warn_after, sizeof c->warn_after);
	c->counters = from->counters;
	return c;
}

void
core_changed(struct core *c)
{
	c->dispatch.is_ready = false;
	if (c->memo != NULL)
		memo_clear(c->memo);
}

bool
core_make_dates(struct core *c, double now, struct err *err)
{
	time_t whole = (time_t)now;
	struct tm tm;
	bool ok = true;

	localtime_r(&whole, &tm);
	struct datedetect *d = datedetect_new(c->base->room, tm.tm_year + 1900);
	if (c->datepattern != NULL) {
		const char *s = c->datepattern;
		while (ok && *s != '\0') {
			size_t n = strcspn(s, "\n");
			struct slice one = slice_trim((struct slice){s, n});
			if (one.len > 0) {
				char *pattern = xstrndup(one.at, one.len);
				ok = datedetect_add(d, pattern, err);
				free(pattern);
			}
			s += n + (s[n] == '\n');
		}
	}
	ok = ok && datedetect_set_zone(d, c->zone, err);
	if (!ok) {
		datedetect_free(d);
		return false;
	}
	struct stamps *s = stamps_new(c->base, d);
	if (c->stamps != NULL) {
		str_addn(&s->last, str_text(&c->stamps->last), c->stamps->last.len);
		s->last_date = c->stamps->last_date;
		s->last_is_whole = c->stamps->last_is_whole;
	}
	stamps_free(c->stamps);
	c->stamps = s;
	return true;
}

/* ---- one line ---- */

bool
core_has_high_byte(const char *bytes, size_t len)
{
	size_t i = 0;

	for (; i + 32 <= len; i += 32) {
		uint64_t w[4];
		memcpy(w, bytes + i, 32);
		if (((w[0] | w[1] | w[2] | w[3]) & 0x8080808080808080u) != 0)
			return true;
	}
	if (len >= 32) { /* what is left, and some of what was seen */
		i = 0;
		bytes += len - 32;
		len = 32;
	}
	for (; i + 8 <= len; i += 8) {
		uint64_t word;
		memcpy(&word, bytes + i, 8);
		if ((word & 0x8080808080808080u) != 0)
			return true;
	}
	for (; i < len; i++)
		if ((unsigned char)bytes[i] >= 0x80)
			return true;
	return false;
}

void
core_line(struct core *c, const struct dated *d, uint64_t serial)
{
	c->serial = serial;
	c->line = d->line;
	c->text = d->text;
	c->is_whole_time = d->is_whole;
	c->last.verdict = FILTER_MISSED;
	c->last.over_limit = false;
	c->last.date_from = d->date_from;
	c->last.date_to = d->date_to;
	if (c->maxlines > 1) {
		core_find_failure_in_window(c, d->time, d->no_date);
	} else {
		struct search s = {c->text.at, c->text.len, d->is_ascii};
		core_find_failure(c, &s, d->time, d->no_date);
	}
	switch (c->last.verdict) {
	case FILTER_MATCHED: c->counters.matched++; break;
	case FILTER_IGNORED: c->counters.ignored++; break;
	default: c->counters.missed++;
	}
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

bool
core_judge_time(struct core *c, const struct line *l, const struct dated *d)
{
	if (d->bad.at != NULL)
		filter_log(c, LOG_LEVEL_ERROR, "findFailure failed to parse timeText: %s", core_line_text(c, d->bad.at, d->bad.len));
	if (d->odd != 0)
		warn_odd_time(c, l, d->odd);
	if (isnan(d->time) || c->trial != NULL || l->in_operation || d->time >= c->now - c->findtime)
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
