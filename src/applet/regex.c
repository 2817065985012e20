#include "applet/regex.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/filterconf.h"
#include "jailtop/applet.h"
#include "match/datedetect.h"
#include "source/lines.h"
#include "source/replay.h"
#include "source/source.h"

#define LISTED 20 /* missed and ignored lines that are printed */

/* ---- lines ---- */

static void
print_log(void *arg, int level, const char *text)
{
	struct tester *t = arg;

	if (level >= t->opts.log_level && !t->opts.json)
		report_log(t, level, text);
}

static void
keep_hit(struct tester *t, const struct tester_found *f)
{
	struct tester_regex *r = &t->fail.at[f->found->failregex - 1];

	r->hits++;
	if (t->opts.verbose == 0)
		return;
	if ((r->n_list & (r->n_list + 1)) == 0)
		r->list = xreallocarray(r->list, 2 * (r->n_list + 1), sizeof *r->list);
	r->list[r->n_list++] = (struct tester_hit){f->id != NULL ? xstrdup(f->id) : NULL, f->found->failure->time,
	    t->n_found > 1};
}

static void
take(struct tester *t, const struct tester_found *f)
{
	if (t->first_regex == 0)
		t->first_regex = f->found->failregex;
	if (t->rows == NULL)
		keep_hit(t, f);
	if (t->json != NULL)
		json_run_found(t->json, f);
	if (f->found->is_nofail) {
		t->is_ignored = true;
		return;
	}
	t->n_found++;
	if (t->rows != NULL)
		rows_found(t->rows, f);
}

static void
on_found(void *arg, const struct filter_found *found)
{
	struct tester *t = arg;
	const struct failure *x = found->failure;
	struct tester_found f = {found, x->id, x->addr};

	if (x->kind != FAILURE_NAME || x->id == NULL) {
		take(t, &f);
		return;
	}
	const struct tester_name *n = tester_resolve(t->names, x->id);
	for (size_t i = 0; n != NULL && i < n->count; i++) {
		char text[ADDR_TEXT_MAX];
		addr_format(&n->addrs[i], text);
		f.id = text;
		f.addr = n->addrs[i];
		take(t, &f);
	}
	if (n != NULL && n->count > 0 && filter_usedns(t->filter) == USEDNS_WARN) {
		char *message = xasprintf("Determined IP using DNS Lookup: %s", x->id);
		print_log(t, LOG_LEVEL_WARNING, message);
		free(message);
	}
}

static void
on_ignored(void *arg, size_t index)
{
	struct tester *t = arg;

	t->is_ignored = true;
	if (index < t->ignore.count)
		t->ignore.at[index].hits++;
}

static bool
may_keep(const struct tester *t, const struct tester_lines *l, bool none, bool all)
{
	return !none && (all || l->count <= t->maxlines);
}

static void
note_pref(struct tester *t)
{
	if (!filter_has_pref_match(t->filter))
		return;
	t->pref_matched++;
	if (t->opts.verbose == 0)
		return;
	if (t->n_pref_groups < (size_t)t->maxlines) {
		struct value *groups = filter_pref_value(t->filter);
		str_add(&t->pref_groups, "|      ");
		value_repr(groups, &t->pref_groups);
		str_addc(&t->pref_groups, '\n');
		value_free(groups);
	} else if (t->n_pref_groups == (size_t)t->maxlines) {
		str_add(&t->pref_groups, "|      ...\n");
	}
	t->n_pref_groups++;
}

/* ---- maxlines > 1: lines that a later one completed are no longer missed ---- */

struct waiting { /* copies of the lines that stood in the window */
	struct str *lines;
	size_t count;
	bool was_full;
};

static bool
is_same(const struct str *a, const char *bytes, size_t len)
{
	return a->len == len && (len == 0 || memcmp(a->at, bytes, len) == 0);
}

static void
snapshot(struct tester *t, struct waiting *w)
{
	w->count = filter_window(t->filter);
	w->lines = xcalloc(w->count + 1, sizeof *w->lines);
	for (size_t i = 0; i < w->count; i++) {
		struct failure_line l = filter_window_at(t->filter, i);
		str_addn(&w->lines[i], l.bytes, l.len);
	}
}

static bool
still_waits(const struct tester *t, const struct str *line)
{
	for (size_t i = 0; i < filter_window(t->filter); i++) {
		struct failure_line l = filter_window_at(t->filter, i);
		if (is_same(line, l.bytes, l.len))
			return true;
	}
	return false;
}

static void
unlist(struct tester_lines *l, const struct str *line)
{
	for (size_t i = 0; i < l->n_list; i++) {
		if (!is_same(&l->list[i], line->at, line->len))
			continue;
		str_done(&l->list[i]);
		memmove(l->list + i, l->list + i + 1, (l->n_list - i - 1) * sizeof *l->list);
		l->n_list--;
		/* report_keep() reckons with a full power of two */
		l->list = xreallocarray(l->list, 2 * (l->n_list + 1), sizeof *l->list);
		return;
	}
}

static void
settle_waiting(struct tester *t)
{
	const struct waiting *w = t->waiting;

	for (size_t i = 0; i < w->count; i++) {
		const struct str *line = &w->lines[i];
		if (i >= w->was_full && !still_waits(t, line) && t->rows == NULL) {
			unlist(&t->missed, line);
			report_keep(&t->matched, t->opts.all_matched, str_text(line), line->len);
			t->missed.count--;
		}
	}
}

/* ---- what came of a line ---- */

static void
on_line(void *arg, const struct line *given)
{
	struct tester *t = arg;
	struct line shown = *given, *line = &shown;

	if (!isnan(given->time)) { /* a journal's: with its time, as a failure has it */
		struct filter_last last;
		filter_last(t->filter, &last);
		shown.bytes = last.line.bytes;
		shown.len = last.line.len;
	}

	if (t->waiting != NULL) /* compat: those that this one completed are listed before it */
		settle_waiting(t);
	if (t->opts.explain)
		explain_line(t, line);
	if (t->json != NULL)
		json_run_line(t->json, line, t->is_ignored);
	if (t->rows != NULL) {
		rows_line(t->rows, t->is_ignored);
	} else {
		note_pref(t);
		if (t->is_ignored)
			report_keep(&t->ignored, t->json == NULL && may_keep(t, &t->ignored, t->opts.no_ignored, t->opts.all_ignored),
			    line->bytes, line->len);
		else if (t->n_found > 0)
			report_keep(&t->matched, t->opts.all_matched && t->json == NULL, line->bytes, line->len);
		else
			report_keep(&t->missed, t->json == NULL && may_keep(t, &t->missed, t->opts.no_missed, t->opts.all_missed),
			    line->bytes, line->len);
		t->tested++;
	}
	t->n_found = 0;
	t->is_ignored = false;
	t->first_regex = 0;
}

/* compat: lines that fail2ban-regex passes over and does not count. */
static bool
is_skipped(const struct line *l)
{
	return l->len == 0 || l->bytes[0] == '#';
}

static void
feed_windowed(struct tester *t, const struct line *line)
{
	struct waiting w = {.was_full = filter_window(t->filter) >= (size_t)filter_maxlines(t->filter)};

	snapshot(t, &w);
	t->waiting = &w;
	filter_feed(t->filter, line, 1);
	t->waiting = NULL;
	for (size_t i = 0; i < w.count; i++)
		str_done(&w.lines[i]);
	free(w.lines);
}

static void
feed(void *arg, const struct line *lines, size_t count)
{
	struct tester *t = arg;
	struct line kept[LINES_BATCH];
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (is_skipped(&lines[i]))
			continue;
		if (filter_maxlines(t->filter) > 1)
			feed_windowed(t, &lines[i]);
		else
			kept[n++] = lines[i];
	}
	filter_feed(t->filter, kept, n);
}

/* ---- setting up ---- */

static void
say(const struct tester *t, const char *format, ...)
{
	va_list args;

	if (t->opts.out != NULL || t->opts.json)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* Prints a failure and returns false. */
static bool
fail_with(const struct tester *t, const char *in, size_t index, const struct err *err)
{
	struct filter_fault fault = {0};

	if (t->filter != NULL && in != NULL)
		filter_fault(t->filter, &fault);
	if (t->opts.json)
		json_print_error(fault.text != NULL && fault.text[0] != '\0' ? fault.text : err->text, fault.column, in, index);
	else
		printf("ERROR: %s\n", err->text);
	if (!t->opts.json && fault.column != 0) /* the position above is one of the expanded text */
		printf("       column %zu: %s\n", fault.column, fault.text);
	return false;
}

static bool
set_maxlines(struct tester *t, int maxlines, struct err *err)
{
	if (t->has_maxlines)
		return true;
	if (!filter_set_maxlines(t->filter, maxlines, err))
		return false;
	t->has_maxlines = true;
	say(t, "Use         maxlines : %d", maxlines);
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
	say(t, "Use      datepattern : %s : %s", pattern, name);
	return true;
}

static void
add_stat(struct tester_regexes *r, const char *source)
{
	r->at = xreallocarray(r->at, r->count + 1, sizeof *r->at);
	r->at[r->count++] = (struct tester_regex){.source = xstrdup(source)};
}

static void
clear_stats(struct tester_regexes *r)
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
	return filter_add_failregex(t->filter, source, &err) || fail_with(t, "failregex", t->fail.count, &err);
}

static bool
add_ignore(struct tester *t, const char *source)
{
	struct err err;

	add_stat(&t->ignore, source);
	return filter_add_ignoreregex(t->filter, source, &err) || fail_with(t, "ignoreregex", t->ignore.count, &err);
}

static void
say_value(const struct tester *t, const char *label, const struct value *v)
{
	struct str text = {0};

	value_repr(v, &text);
	say(t, "%s : %s", label, str_text(&text));
	str_done(&text);
}

static bool
use_filter(struct tester *t, const struct filterconf *f)
{
	struct err err;

	if (f->basedir != NULL)
		say(t, "Use   failregex filter file : %s, basedir: %s", f->name, f->basedir);
	else
		say(t, "Use   failregex file : %s", f->name);
	if (value_count(f->given) > 0)
		say_value(t, "Use   filter options", f->given);
	if (t->opts.verbose > 1 || t->opts.log_level <= LOG_LEVEL_DEBUG)
		say_value(t, "Real  filter options", f->options);
	if (f->prefregex != NULL && !filter_set_prefregex(t->filter, f->prefregex, &err))
		return fail_with(t, "prefregex", 0, &err);
	if (f->maxlines != 0 && !set_maxlines(t, f->maxlines, &err))
		return fail_with(t, NULL, 0, &err);
	if (f->datepattern != NULL && !set_datepattern(t, f->datepattern, &err))
		return fail_with(t, "datepattern", 0, &err);
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
		ok = use_filter(t, &f);
		filterconf_done(&f);
		return ok;
	case FILTERCONF_FAILED:
		if (t->opts.json) {
			json_print_error(err.text, 0, NULL, 0);
		} else {
			if (err.text[0] != '\0')
				printf("%s\n", err.text);
			printf("ERROR: failed to load filter %s\n", text);
		}
		return false;
	case FILTERCONF_NONE:
		break;
	}
	report_short(text, &shown);
	say(t, "Use   failregex line : %s", str_text(&shown));
	str_done(&shown);
	return add_fail(t, text);
}

static bool
use_ignoreregex(struct tester *t, const char *text)
{
	struct str shown = {0};

	report_short(text, &shown);
	say(t, "Use ignoreregex line : %s", str_text(&shown));
	str_done(&shown);
	clear_stats(&t->ignore); /* compat: the filter's own stay in use, but are not told of */
	return add_ignore(t, text);
}

/* ---- the log ---- */

static bool
run_fd(struct tester *t, int fd, bool take_rest)
{
	struct err err;
	struct lines *l = lines_new(t->opts.encoding != NULL ? t->opts.encoding : "auto", feed, t, &err);

	bool ok = l != NULL && replay_fd(fd, l, &err);
	if (ok && take_rest)
		lines_end(l, false);
	lines_free(l);
	return ok || fail_with(t, NULL, 0, &err);
}

static void
feed_text(struct tester *t, const char *text, size_t len)
{
	struct line line = {.bytes = text, .len = len, .time = NAN};

	while (line.len > 0 && (text[line.len - 1] == '\r' || text[line.len - 1] == '\n'))
		line.len--;
	if (line.len > LINE_MAX_BYTES) {
		line.len = LINE_MAX_BYTES;
		line.is_cut = true;
	}
	feed(t, &line, 1);
}

static void
say_lines(struct tester *t, const char *text)
{
	struct str shown = {0};
	size_t n = 1;

	for (const char *c = text; *c != '\0'; c++)
		n += *c == '\n';
	say(t, "Use      multi line : %zu line(s)", n);
	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(text, "\n");
		char *one = xstrndup(text, len);
		if (i >= 5) {
			say(t, "| ...");
			free(one);
			break;
		}
		str_clear(&shown);
		report_short(one, &shown);
		say(t, "| %2zu: %s", i + 1, str_text(&shown));
		free(one);
		text += len + (text[len] == '\n');
	}
	say(t, "`-");
	str_done(&shown);
}

static bool
run_journal(struct tester *t, const char *spec, const char *encoding)
{
	struct str words = {0};
	struct err err;

	if (!journal_available()) {
		err_set(&err, "systemd library not found");
		return fail_with(t, NULL, 0, &err);
	}
	say(t, "Use         systemd journal");
	say(t, "Use         encoding : %s", encoding);
	t->has_dates = t->has_datepattern; /* entries bring their time */
	if (t->opts.journalmatch != NULL)
		t->journalmatch = journal_words(t->opts.journalmatch);
	for (size_t i = 0; i < value_count(t->journalmatch); i++)
		str_addf(&words, "%s%s", i > 0 ? " " : "", value_text(value_at(t->journalmatch, i)));
	if (words.len > 0)
		say(t, "Use    journal match : %s", words.at);
	str_done(&words);
	say(t, "");
	return journal_run(t, spec, &err) || fail_with(t, NULL, 0, &err);
}

static double
now(void)
{
	struct clock c = {0};

	return clock_monotonic(&c);
}

static bool
run_log(struct tester *t, const char *log)
{
	struct lines *probe;
	struct err err;
	struct stat st;
	double start;
	bool ok = true;
	int fd = -1;
	bool is_stdin = strcmp(log, "-") == 0;

	probe = lines_new(t->opts.encoding != NULL ? t->opts.encoding : "auto", NULL, NULL, &err);
	if (probe == NULL)
		return fail_with(t, NULL, 0, &err);
	if (is_stdin || (stat(log, &st) == 0 && S_ISREG(st.st_mode))) {
		fd = is_stdin ? STDIN_FILENO : open(log, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			lines_free(probe);
			err_set(&err, "cannot open %s: %s", log, strerror(errno));
			return fail_with(t, NULL, 0, &err);
		}
		say(t, "Use         log file : %s", log);
		say(t, "Use         encoding : %s", lines_encoding(probe));
	} else if (str_starts(log, "systemd-journal")) {
		start = now();
		ok = run_journal(t, log, lines_encoding(probe));
		lines_free(probe);
		t->elapsed = now() - start;
		return ok;
	} else if (filter_maxlines(t->filter) <= 1 && strchr(log, '\n') == NULL) {
		struct str shown = {0};
		report_short(log, &shown);
		say(t, "Use      single line : %s", str_text(&shown));
		str_done(&shown);
	} else {
		say_lines(t, log);
	}
	lines_free(probe);
	say(t, "");
	start = now();
	if (fd >= 0) {
		ok = run_fd(t, fd, is_stdin);
		if (!is_stdin)
			close(fd);
	} else {
		for (const char *s = log;;) {
			size_t n = strcspn(s, "\n");
			feed_text(t, s, n);
			if (s[n] == '\0')
				break;
			s += n + 1;
		}
	}
	t->elapsed = now() - start;
	return ok;
}

/* ---- from start to end ---- */

static bool
set_up(struct tester *t)
{
	const struct tester_opts *o = &t->opts;
	struct err err;
	enum filter_usedns usedns = USEDNS_WARN;

	if (o->maxlines != 0) {
		t->maxlines = o->maxlines;
		if (!set_maxlines(t, o->maxlines, &err))
			return fail_with(t, NULL, 0, &err);
	}
	if (o->timezone != NULL && !filter_set_logtimezone(t->filter, o->timezone, &err))
		return fail_with(t, NULL, 0, &err);
	if (o->datepattern != NULL && !set_datepattern(t, o->datepattern, &err))
		return fail_with(t, "datepattern", 0, &err);
	if (o->usedns != NULL) {
		if (!filter_usedns_parse(o->usedns, &usedns)) {
			char *message = xasprintf("Incorrect value '%s' specified for usedns. Using safe 'no'", o->usedns);
			for (size_t i = 0, n = strlen(o->usedns), from = strlen("Incorrect value '"); i < n; i++)
				message[from + i] = (char)tolower((unsigned char)message[from + i]);
			print_log(t, LOG_LEVEL_ERROR, message);
			free(message);
			usedns = USEDNS_NO; /* compat: the safe one */
		}
		filter_set_usedns(t->filter, usedns);
	}
	return true;
}

static bool
run(struct tester *t, char **args, int count)
{
	if (!set_up(t) || !use_regex(t, args[0], args[1]) || (count == 3 && !use_ignoreregex(t, args[2])))
		return false;
	if (t->opts.json)
		t->json = json_run_new(t);
	if (t->opts.out != NULL)
		t->rows = rows_new(t, t->opts.out);
	if (!run_log(t, args[0]))
		return false;
	if (t->opts.explain)
		explain_end(t);
	if (t->json != NULL)
		json_run_end(t->json);
	else if (t->rows == NULL)
		report_print(t);
	return true;
}

static void
tester_done(struct tester *t)
{
	struct tester_lines *lists[] = {&t->matched, &t->ignored, &t->missed};

	filter_free(t->filter);
	clear_stats(&t->fail);
	clear_stats(&t->ignore);
	for (size_t i = 0; i < 3; i++) {
		for (size_t k = 0; k < lists[i]->n_list; k++)
			str_done(&lists[i]->list[k]);
		free(lists[i]->list);
	}
	str_done(&t->pref_groups);
	value_free(t->journalmatch);
	rows_free(t->rows);
	tester_names_free(t->names);
}

static void
on_broken_pipe(int signal)
{
	(void)signal;
	_exit(0);
}

int
applet_regex(int argc, char **argv)
{
	struct tester t = {.maxlines = LISTED, .has_dates = true};
	int code = tester_parse(argc, argv, &t.opts);

	if (code >= 0)
		return code;
	if (!tester_check(argc - optind, &t.opts, argv[0]))
		return 255;
	signal(SIGPIPE, on_broken_pipe);
	t.start = clock_now(&t.clock);
	say(&t, "\nRunning tests\n=============\n");
	struct filter_hooks hooks = {.clock = &t.clock, .log = print_log, .arg = &t};
	bool is_terse = t.opts.out != NULL;
	struct filter_trial trial = {.check_all = !t.opts.no_check_all && !is_terse, .show_pending = !is_terse,
	    .raw_names = t.opts.raw, .no_groups = !t.opts.json,
	    .count_only = !t.opts.json && !is_terse && t.opts.verbose == 0, .found = on_found, .ignored = on_ignored, .line = on_line, .arg = &t};
	t.names = tester_names_new();
	t.filter = filter_new("~jailless~", &hooks);
	filter_set_trial(t.filter, &trial);
	code = run(&t, argv + optind, argc - optind) ? 0 : 255;
	tester_done(&t);
	if (fflush(stdout) != 0 && code == 0)
		code = 255;
	return code;
}
