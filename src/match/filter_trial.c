/*
 * filter_trial: what the tester wants to see of the last line, and of an expression.
 */
#include "match/filter_internal.h"

#include <string.h>

void
filter_set_trial(struct filter *f, const struct filter_trial *trial)
{
	f->trial = *trial;
	filter_own(f)->trial = &f->trial;
}

struct value *
filter_found_value(const struct filter *f, const struct filter_found *found)
{
	return captures_value(found->captures, &f->core->base->names);
}

void
filter_last(const struct filter *f, struct filter_last *out)
{
	*out = f->core->last;
	out->text = f->core->text;
	out->line = f->core->line;
}

bool
filter_has_pref_match(const struct filter *f)
{
	return f->core->pref != NULL && f->core->last.has_pref;
}

struct value *
filter_pref_value(const struct filter *f)
{
	struct captures all = {0};
	struct slice text = f->core->text;

	if (f->core->last.is_pref_older)
		return NULL;
	expr_set_pref(f->core->pref, false);
	expr_collect(f->core->pref, text.at, captures_keep(&all, text.at, text.len), &all);
	expr_set_pref(f->core->pref, true);
	struct value *v = captures_value(&all, &f->core->base->names);
	captures_done(&all);
	return v;
}

size_t
filter_window(const struct filter *f)
{
	return f->core->window.count;
}

struct failure_line
filter_window_at(const struct filter *f, size_t i)
{
	return window_at(&f->core->window, i);
}

static void
trace(struct expr *e, int failregex, const char *text, size_t len, struct filter_reach *out, bool *matched)
{
	size_t reach;
	uint64_t steps;

	*matched = regex_trace(e->regex, text, len, &reach, &steps) == REGEX_HIT;
	out->steps += steps;
	reach = mapped_from(&e->text, reach);
	if (out->source == NULL || reach > out->len) {
		out->failregex = failregex;
		out->source = e->source;
		out->len = reach;
	}
}

void
filter_reach(struct filter *f, struct filter_reach *out)
{
	struct core *c = f->core;
	const char *text = c->text.at;
	size_t len = c->text.len;
	bool matched;

	*out = (struct filter_reach){0};
	if (c->pref != NULL) {
		trace(c->pref, 0, text, len, out, &matched);
		if (!matched)
			return;
		*out = (struct filter_reach){.steps = out->steps};
		core_content(c, &text, &len);
	}
	for (size_t i = 0; i < c->fail.count; i++)
		trace(c->fail.at[i], (int)i + 1, text, len, out, &matched);
}

static bool
is_tied(const struct expr *e)
{
	const char *s = str_text(&e->text.text);

	/* with maxlines > 1 a ^ is the start of any line: as good */
	if (!regex_is_anchored(e->regex) && s[0] != '^')
		return false;
	s += s[0] == '^';
	s += strspn(s, "(?:");
	return !(s[0] == '.' && (s[1] == '*' || s[1] == '+'));
}

void
filter_advice(const struct filter *f, int failregex, struct filter_advice *out)
{
	const struct expr *e = failregex == 0 ? f->core->pref : f->core->fail.at[failregex - 1];

	*out = (struct filter_advice){0};
	if (e == NULL)
		return;
	out->is_forgeable = !is_tied(e);
	size_t risk = regex_risk(e->regex);
	if (risk != SIZE_MAX) {
		struct regex_fault place;
		regex_fault_set(&place, e->source, strlen(e->source), mapped_from(&e->text, risk), "%s", "");
		out->risk_column = place.column;
	}
}
