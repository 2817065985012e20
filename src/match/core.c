#include "match/core.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/text.h"


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
core_init(struct core *c, struct core_base *base)
{
	*c = (struct core){.base = base, .maxlines = 1, .findtime = 600, .usedns = USEDNS_WARN};
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
	expr_free(c->pref);
	list_done(&c->fail);
	list_done(&c->ignore);
	free(c->datepattern);
	free(c->zone);
	datedetect_free(c->dates);
	free(c->dispatch.lists);
	free(c->dispatch.prefixes);
	memo_free(c->memo);
	sessions_free(c->sessions);
	window_clear(&c->window);
	window_clear(&c->whole);
	window_clear(&c->matched);
	window_clear(&c->rest);
	str_done(&c->last_stamp);
	str_done(&c->stamped);
	str_done(&c->clean);
	str_done(&c->text);
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
core_is_twin(const struct core *a, const struct core *b)
{
	return a->counters.lines == 0 && b->counters.lines == 0 && a->trial == NULL && b->trial == NULL &&
	    a->usedns == b->usedns && a->maxlines == b->maxlines && a->findtime == b->findtime &&
	    is_same_text(a->datepattern, b->datepattern) && is_same_text(a->zone, b->zone) &&
	    (a->pref == NULL || b->pref == NULL ? a->pref == b->pref : expr_is_same(a->pref, b->pref)) &&
	    is_same_list(&a->fail, &b->fail) && is_same_list(&a->ignore, &b->ignore);
}

struct core *
core_dup(const struct core *from)
{
	struct core *c = xcalloc(1, sizeof *c);

	from->base->refs++;
	core_init(c, from->base);
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
	c->dates = datedetect_share(from->dates);
	sessions_free(c->sessions);
	c->sessions = sessions_dup(from->sessions);
	window_copy(&c->window, &from->window);
	window_copy(&c->whole, &from->whole);
	str_addn(&c->last_stamp, str_text(&from->last_stamp), from->last_stamp.len);
	c->last_date = from->last_date;
	c->last_is_whole = from->last_is_whole;
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
	datedetect_free(c->dates);
	c->dates = d;
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

static bool
is_utf8(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t point;
		size_t n = (unsigned char)bytes[i] < 0x80 ? 1 : text_decode(bytes + i, len - i, &point);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

void
core_line(struct core *c, const struct line *given)
{
	struct line l = *given;
	bool no_date = false, is_ascii = l.is_ascii || !core_has_high_byte(l.bytes, l.len);

	c->counters.lines++;
	c->last.verdict = FILTER_MISSED;
	c->last.over_limit = false;
	c->last.date_from = c->last.date_to = 0;
	if (!is_ascii && !is_utf8(l.bytes, l.len)) { /* the matcher's memory safety hangs on it: do not trust */
		str_clear(&c->clean);
		text_to_utf8(l.bytes, l.len, &c->clean);
		l.bytes = str_text(&c->clean);
		l.len = c->clean.len;
	}
	double time = core_find_date(c, &l, is_ascii, &no_date);
	if (!core_judge_time(c, &l, &time))
		return;
	if (c->maxlines > 1) {
		core_find_failure_in_window(c, time, no_date);
	} else {
		const struct failure_line *f = &c->line;
		c->text.len = 0;
		str_reserve(&c->text, f->len + 1 + CORE_SLACK);
		memcpy(c->text.at, f->bytes, f->date_from);
		memcpy(c->text.at + f->date_from, f->bytes + f->date_to, f->len - f->date_to);
		c->text.len = f->len - (f->date_to - f->date_from);
		c->text.at[c->text.len++] = '\n';
		c->text.at[c->text.len] = '\0';
		struct search s = {c->text.at, c->text.len, is_ascii};
		core_find_failure(c, &s, time, no_date);
	}
	switch (c->last.verdict) {
	case FILTER_MATCHED: c->counters.matched++; break;
	case FILTER_IGNORED: c->counters.ignored++; break;
	default: c->counters.missed++;
	}
}
