/*
 * regex_lines: the lines of a log into the filter, and what came of each: counted, kept for the report, handed on to
 * rows, JSON and explanations.
 */
#include "applet/regex.h"

#include <math.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "source/lines.h"

/* ---- lines ---- */

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
log_answer(const struct tester *t, const struct tester_name *n, bool is_new)
{
	struct str text = {0};

	if (n->count > 0 && filter_usedns(t->filter) == USEDNS_WARN) {
		str_addf(&text, "Determined IP using DNS Lookup: %s = {", n->name);
		for (size_t i = 0; i < n->count; i++) {
			char addr[ADDR_TEXT_MAX];
			addr_format(&n->addrs[i], addr);
			str_addf(&text, "%s'%s'", i > 0 ? ", " : "", addr);
		}
		str_addc(&text, '}');
	} else if (n->count == 0 && is_new && n->error != 0) {
		str_addf(&text, "Unable to find a corresponding IP address for %s: [Errno %d] %s", n->name, n->error,
		    gai_strerror(n->error));
	}
	if (text.len > 0)
		report_log_of(t, "fail2ban.ipdns", LOG_LEVEL_WARNING, text.at);
	str_done(&text);
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
	bool is_new;
	const struct tester_name *n = tester_resolve(t->names, x->id, &is_new);
	if (n != NULL && t->opts.log_level <= LOG_LEVEL_WARNING)
		log_answer(t, n, is_new);
	for (size_t i = 0; n != NULL && i < n->count; i++) {
		char text[ADDR_TEXT_MAX];
		addr_format(&n->addrs[i], text);
		f.id = text;
		f.addr = n->addrs[i];
		take(t, &f);
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

static void
keep_line(struct tester_lines *l, bool keep, const char *bytes, size_t len)
{
	l->count++;
	if (!keep)
		return;
	if ((l->n_list & (l->n_list + 1)) == 0)
		l->list = xreallocarray(l->list, 2 * (l->n_list + 1), sizeof *l->list);
	l->list[l->n_list] = (struct str){0};
	str_addn(&l->list[l->n_list++], bytes, len);
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
		if (groups != NULL) { /* compat: of an ignored line those of the one before are told */
			str_clear(&t->pref_last);
			value_repr(groups, &t->pref_last);
			value_free(groups);
		}
		str_addf(&t->pref_groups, "|      %s\n", str_text(&t->pref_last));
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
		/* keep_line() reckons with a full power of two */
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
			keep_line(&t->matched, t->opts.all_matched, str_text(line), line->len);
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
			keep_line(&t->ignored, t->json == NULL && may_keep(t, &t->ignored, t->opts.no_ignored, t->opts.all_ignored),
			    line->bytes, line->len);
		else if (t->n_found > 0)
			keep_line(&t->matched, t->opts.all_matched && t->json == NULL, line->bytes, line->len);
		else
			keep_line(&t->missed, t->json == NULL && may_keep(t, &t->missed, t->opts.no_missed, t->opts.all_missed),
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

void
tester_feed(void *arg, const struct line *lines, size_t count)
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

void
tester_listen(struct tester *t)
{
	const struct tester_opts *o = &t->opts;
	bool is_terse = o->out != NULL;
	struct filter_trial trial = {.check_all = !o->no_check_all && !is_terse, .show_pending = !is_terse,
	    .raw_names = o->raw, .no_groups = !o->json, .count_only = !o->json && !is_terse && o->verbose == 0,
	    .found = on_found, .ignored = on_ignored, .line = on_line, .arg = t};

	filter_set_trial(t->filter, &trial);
}
