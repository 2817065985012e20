/*
 * regex_setup: the filter as the command line and a filter file want it; says what is in use.
 */
#include "applet/regex.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/filterconf.h"

static bool
set_maxlines(struct tester *t, int maxlines, struct err *err)
{
	if (t->has_maxlines)
		return true;
	if (!filter_set_maxlines(t->filter, maxlines, err))
		return false;
	t->has_maxlines = true;
	report_say(t, "Use         maxlines : %d", maxlines);
	return true;
}

static bool
set_datepattern(struct tester *t, const char *pattern, struct err *err)
{
	const char *text, *name;

	if (t->has_datepattern)
		return true;
	if (!filter_set_datepattern(t->filter, pattern, err))
		return false;
	t->has_datepattern = true;
	filter_datepattern(t->filter, &text, &name);
	report_say(t, "Use      datepattern : %s : %s", pattern, name);
	return true;
}

static void
add_stat(struct tester_regexes *r, const char *source)
{
	r->at = xreallocarray(r->at, r->count + 1, sizeof *r->at);
	r->at[r->count++] = (struct tester_regex){.source = xstrdup(source)};
}

void
tester_regexes_done(struct tester_regexes *r)
{
	for (size_t i = 0; i < r->count; i++) {
		for (size_t k = 0; k < r->at[i].n_list; k++)
			free(r->at[i].list[k].id);
		free(r->at[i].list);
		free(r->at[i].source);
	}
	free(r->at);
	*r = (struct tester_regexes){0};
}

static bool
add_fail(struct tester *t, const char *source)
{
	struct err err;

	add_stat(&t->fail, source);
	if (filter_add_failregex(t->filter, source, &err))
		return true;
	report_log(t, LOG_LEVEL_ERROR, err.text);
	return report_error(t, "failregex", t->fail.count, &err);
}

static bool
add_ignore(struct tester *t, const char *source)
{
	struct err err;

	add_stat(&t->ignore, source);
	if (filter_add_ignoreregex(t->filter, source, &err))
		return true;
	report_log(t, LOG_LEVEL_ERROR, err.text);
	return report_error(t, "ignoreregex", t->ignore.count, &err);
}

static void
say_value(const struct tester *t, const char *label, const struct value *v)
{
	struct str text = {0};

	value_repr(v, &text);
	report_say(t, "%s : %s", label, str_text(&text));
	str_done(&text);
}

static void
say_filter(const struct tester *t, const struct filterconf *f)
{
	if (f->basedir != NULL)
		report_say(t, "Use   failregex filter file : %s, basedir: %s", f->name, f->basedir);
	else
		report_say(t, "Use   failregex file : %s", f->name);
	if (value_count(f->given) > 0)
		say_value(t, "Use   filter options", f->given);
}

static bool
wrong_value(const struct tester *t, const char *what, const struct value *value, const char *from, struct err *err)
{
	struct str shown = {0};

	value_repr(value, &shown);
	if (!t->opts.json)
		err_prefix(err, "Invalid value for %s (%s) read from %s", what, str_text(&shown), from);
	str_done(&shown);
	return report_error(t, what, 0, err);
}

/* text: as it was asked for */
static bool
use_filter(struct tester *t, const struct filterconf *f, const char *text)
{
	struct err err;

	say_filter(t, f);
	if (t->opts.verbose > 1 || t->opts.log_level <= LOG_LEVEL_DEBUG)
		say_value(t, "Real  filter options", f->options);
	if (f->prefregex != NULL && !filter_set_prefregex(t->filter, f->prefregex, &err))
		return report_error(t, "prefregex", 0, &err);
	if (f->has_maxlines && !set_maxlines(t, f->maxlines, &err)) {
		struct value *v = value_int(f->maxlines);
		wrong_value(t, "maxlines", v, text, &err);
		value_free(v);
		return false;
	}
	if (f->datepattern != NULL && !set_datepattern(t, f->datepattern, &err)) {
		struct value *v = value_str(f->datepattern);
		wrong_value(t, "datepattern", v, text, &err);
		value_free(v);
		return false;
	}
	if (t->opts.journalmatch == NULL && value_count(f->journalmatch) > 0)
		t->journalmatch = value_dup(value_at(f->journalmatch, 0));
	for (size_t i = 0; i < f->n_failregex; i++)
		if (!add_fail(t, f->failregex[i]))
			return false;
	for (size_t i = 0; i < f->n_ignoreregex; i++)
		if (!add_ignore(t, f->ignoreregex[i]))
			return false;
	return true;
}

static bool
use_regex(struct tester *t, const char *log, const char *text)
{
	struct filterconf f = {0};
	struct err err = {""};
	struct str shown = {0};
	bool ok;

	switch (filterconf_load(t->opts.config, text, str_starts(log, "systemd-journal") ? "systemd" : "auto", NULL, NULL, &f, &err)) {
	case FILTERCONF_FILE:
		ok = use_filter(t, &f, text);
		filterconf_done(&f);
		return ok;
	case FILTERCONF_FAILED:
		if (t->opts.json) {
			json_print_error(err.text, 0, NULL, 0);
		} else if (f.name == NULL) {
			printf("ERROR: Wrong filter name or options: %s\n       while parsing: %s\n", err.text, text);
		} else {
			say_filter(t, &f);
			if (!f.is_unreadable)
				printf("Wrong config file: %s\n", err.text);
			printf("ERROR: failed to load filter %s\n", text);
		}
		filterconf_done(&f);
		return false;
	case FILTERCONF_NONE:
		break;
	}
	report_short(text, &shown);
	report_say(t, "Use   failregex line : %s", str_text(&shown));
	str_done(&shown);
	return add_fail(t, text);
}

static bool
use_ignoreregex(struct tester *t, const char *text)
{
	struct str shown = {0};

	report_short(text, &shown);
	report_say(t, "Use ignoreregex line : %s", str_text(&shown));
	str_done(&shown);
	tester_regexes_done(&t->ignore); /* compat: the filter's own stay in use, but are not told of */
	return add_ignore(t, text);
}

static bool
use_options(struct tester *t)
{
	const struct tester_opts *o = &t->opts;
	struct err err;
	enum filter_usedns usedns = USEDNS_WARN;

	if (o->maxlines != 0) {
		t->maxlines = o->maxlines;
		if (!set_maxlines(t, o->maxlines, &err))
			return report_error(t, NULL, 0, &err);
	}
	if (o->timezone != NULL && !filter_set_logtimezone(t->filter, o->timezone, &err))
		return report_error(t, NULL, 0, &err);
	if (o->datepattern != NULL && !set_datepattern(t, o->datepattern, &err))
		return report_error(t, "datepattern", 0, &err);
	if (o->usedns != NULL) {
		if (!filter_usedns_parse(o->usedns, &usedns)) {
			char *message = xasprintf("Incorrect value '%s' specified for usedns. Using safe 'no'", o->usedns);
			for (size_t i = 0, n = strlen(o->usedns), from = strlen("Incorrect value '"); i < n; i++)
				message[from + i] = (char)tolower((unsigned char)message[from + i]);
			report_log(t, LOG_LEVEL_ERROR, message);
			free(message);
			usedns = USEDNS_NO; /* compat: the safe one */
		}
		filter_set_usedns(t->filter, usedns);
	}
	return true;
}

bool
tester_set_up(struct tester *t, char **args, int count)
{
	return use_options(t) && use_regex(t, args[0], args[1]) && (count != 3 || use_ignoreregex(t, args[2]));
}
