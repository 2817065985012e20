/*
 * regex_json: --json: what the tester found as one object, for the live screen and for scripts.
 */
#include "applet/regex.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct json_run {
	struct tester *t;
	json_t *rows;
	uint64_t limits;
	/* of the line at hand */
	char *ip;
	double time;
	int regex;
	size_t from, to;
	json_t *groups;
};

struct json_run *
json_run_new(struct tester *t)
{
	struct json_run *j = xcalloc(1, sizeof *j);

	j->t = t;
	j->rows = json_array();
	j->time = NAN;
	return j;
}

static json_t *
text_or_null(const char *text)
{
	return text != NULL ? text_json(text, strlen(text)) : json_null();
}

static json_t *
time_or_null(double time)
{
	return isnan(time) ? json_null() : json_real(time);
}

void
json_run_found(struct json_run *j, const struct tester_found *f)
{
	const struct failure *x = f->found->failure;

	if (j->regex != 0)
		return; /* the first expression that takes the line is told */
	j->regex = f->found->failregex;
	j->ip = f->id != NULL ? xstrdup(f->id) : NULL;
	j->time = x->time;
	j->from = f->found->id_from;
	j->to = f->found->id_to;
	j->groups = json_object();
	for (size_t i = 0; i < x->n_groups; i++)
		json_object_set_new(j->groups, x->groups[i].name, text_or_null(x->groups[i].value));
}

void
json_run_line(struct json_run *j, const struct line *line, bool is_ignored)
{
	struct filter_last last;
	const char *verdict = is_ignored ? "ignored" : j->t->n_found > 0 ? "match" : "miss";
	bool is_wanted = j->t->opts.max_rows < 0 || json_array_size(j->rows) < (size_t)j->t->opts.max_rows;

	filter_last(j->t->filter, &last);
	j->limits += last.over_limit;
	if (last.over_limit && j->t->n_found == 0 && !is_ignored)
		verdict = "limit";
	if (is_wanted) {
		json_t *row = json_object();
		json_object_set_new(row, "line", text_json(line->bytes, line->len));
		json_object_set_new(row, "verdict", json_string(verdict));
		json_object_set_new(row, "regex", j->regex != 0 ? json_integer(j->regex) : json_null());
		json_object_set_new(row, "ip", text_or_null(j->ip));
		json_object_set_new(row, "time", time_or_null(j->time));
		json_object_set_new(row, "groups", j->groups != NULL ? j->groups : json_object());
		json_object_set_new(row, "from", json_integer((json_int_t)j->from));
		json_object_set_new(row, "to", json_integer((json_int_t)j->to));
		if (verdict[0] == 'm' && verdict[1] == 'i') {
			struct filter_reach reach;
			filter_reach(j->t->filter, &reach);
			json_object_set_new(row, "reach", text_json(reach.source != NULL ? reach.source : "", reach.len));
			json_object_set_new(row, "reach_regex", json_integer(reach.failregex));
			json_object_set_new(row, "steps", json_integer((json_int_t)reach.steps));
		} else {
			json_object_set_new(row, "reach", json_string(""));
		}
		json_array_append_new(j->rows, row);
	} else {
		json_decref(j->groups);
	}
	free(j->ip);
	j->ip = NULL;
	j->groups = NULL;
	j->regex = 0;
	j->time = NAN;
	j->from = j->to = 0;
}

static json_t *
regex_stats(const struct tester *t, const struct tester_regexes *r, bool is_fail)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->count; i++) {
		json_t *one = json_object();
		json_object_set_new(one, "index", json_integer((json_int_t)i + 1));
		json_object_set_new(one, "hits", json_integer((json_int_t)r->at[i].hits));
		if (is_fail)
			json_object_set_new(one, "limit", json_integer((json_int_t)filter_failregex_limit(t->filter, i)));
		json_object_set_new(one, "source", text_json(r->at[i].source, strlen(r->at[i].source)));
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *
warnings(const struct tester *t)
{
	json_t *list = json_array();
	struct str text = {0};

	for (size_t i = 0; i < t->fail.count; i++) {
		struct filter_advice a;
		filter_advice(t->filter, (int)i + 1, &a);
		if (a.is_forgeable) {
			str_clear(&text);
			str_addf(&text, "failregex %zu can be forged: nothing ties it to the start of the line", i + 1);
			json_array_append_new(list, text_json(text.at, text.len));
		}
		if (a.risk_column != 0) {
			str_clear(&text);
			str_addf(&text, "failregex %zu can backtrack without bound: the repeat at column %zu", i + 1, a.risk_column);
			json_array_append_new(list, text_json(text.at, text.len));
		}
	}
	str_done(&text);
	return list;
}

void
json_run_end(struct json_run *j)
{
	const struct tester *t = j->t;
	json_t *out = json_object(), *lines = json_object();

	json_object_set_new(lines, "total", json_integer((json_int_t)t->tested));
	json_object_set_new(lines, "ignored", json_integer((json_int_t)t->ignored.count));
	json_object_set_new(lines, "matched", json_integer((json_int_t)t->matched.count));
	json_object_set_new(lines, "missed", json_integer((json_int_t)t->missed.count));
	json_object_set_new(out, "failregex", regex_stats(t, &t->fail, true));
	json_object_set_new(out, "ignoreregex", regex_stats(t, &t->ignore, false));
	json_object_set_new(out, "lines", lines);
	json_object_set_new(out, "limit", json_integer((json_int_t)j->limits));
	json_object_set_new(out, "rows", j->rows);
	json_object_set_new(out, "warnings", warnings(t));
	json_object_set_new(out, "error", json_null());
	json_dumpf(out, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(out);
	free(j);
}

void
json_print_error(const char *text, size_t column, const char *in, size_t index)
{
	json_t *out = json_object(), *error = json_object();

	json_object_set_new(error, "text", text_json(text, strlen(text)));
	json_object_set_new(error, "column", column != 0 ? json_integer((json_int_t)column) : json_null());
	json_object_set_new(error, "in", in != NULL ? json_string(in) : json_null());
	json_object_set_new(error, "index", index != 0 ? json_integer((json_int_t)index) : json_null());
	json_object_set_new(out, "error", error);
	json_dumpf(out, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(out);
}
