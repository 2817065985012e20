#include "match/filter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "match/core.h"

#define PLAN_LINES 32

struct filter {
	char *jail;
	struct filter_hooks hooks;
	struct filter_trial trial;
	struct core *core;            /* shared with filters that do the same to the same lines */
	struct regex_fault fault;
	struct filter_counters before; /* what it had counted when it came to its core, less what the core had */
};

/* ---- the core, and who shares it ---- */

static void
join(struct core *c, struct filter *f)
{
	c->filters = xreallocarray(c->filters, c->n_filters + 1, sizeof *c->filters);
	c->filters[c->n_filters++] = f;
	f->core = c;
}

static void
leave(struct filter *f)
{
	struct core *c = f->core;

	for (size_t i = 0; i < c->n_filters; i++) {
		if (c->filters[i] != f)
			continue;
		memmove(c->filters + i, c->filters + i + 1, (c->n_filters - i - 1) * sizeof *c->filters);
		c->n_filters--;
		break;
	}
	f->core = NULL;
	if (c->n_filters == 0) {
		core_done(c);
		free(c);
	}
}

/* A core of its own, to be changed or fed alone. */
static struct core *
own(struct filter *f)
{
	crew_leave(f->core);
	if (f->core->n_filters > 1) {
		struct core *c = core_dup(f->core);
		leave(f);
		join(c, f);
	}
	return f->core;
}

void
filter_tell(const struct core *c, const struct failure *failure)
{
	struct failure told = *failure;

	for (size_t i = 0; i < c->n_filters; i++) {
		const struct filter_hooks *h = &c->filters[i]->hooks;
		if (h->failure == NULL)
			continue;
		h->failure(h->arg, &told);
		told.nth++;
	}
}

bool
filter_wants_log(const struct core *c)
{
	for (size_t i = 0; i < c->n_filters; i++)
		if (c->filters[i]->hooks.log != NULL)
			return true;
	return false;
}

void
filter_log(const struct core *c, int level, const char *format, const char *text)
{
	const char *mark = strstr(format, "%s");
	char *body = mark != NULL ? xasprintf("%.*s%s%s", (int)(mark - format), format, text, mark + 2) : xstrdup(format);

	for (size_t i = 0; i < c->n_filters; i++) {
		const struct filter *f = c->filters[i];
		if (f->hooks.log == NULL)
			continue;
		if (level != LOG_LEVEL_WARNING) {
			f->hooks.log(f->hooks.arg, level, body);
			continue;
		}
		char *whole = xasprintf("[%s] %s", f->jail, body);
		f->hooks.log(f->hooks.arg, level, whole);
		free(whole);
	}
	free(body);
}

struct filter *
filter_new(const char *jail, const struct filter_hooks *hooks)
{
	struct filter *f = xcalloc(1, sizeof *f);
	struct core *c = xcalloc(1, sizeof *c);

	f->jail = xstrdup(jail);
	f->hooks = *hooks;
	core_init(c, core_base_new(), hooks->clock);
	join(c, f);
	return f;
}

void
filter_free(struct filter *f)
{
	if (f == NULL)
		return;
	leave(f);
	free(f->jail);
	free(f);
}

/* ---- settings ---- */

static const char *const usedns_names[] = {
    [USEDNS_WARN] = "warn", [USEDNS_YES] = "yes", [USEDNS_NO] = "no", [USEDNS_RAW] = "raw"};

const char *
filter_usedns_name(enum filter_usedns mode)
{
	return usedns_names[mode];
}

bool
filter_usedns_parse(const char *text, enum filter_usedns *mode)
{
	for (size_t i = 0; i < sizeof usedns_names / sizeof *usedns_names; i++) {
		if (strcasecmp(text, usedns_names[i]) == 0) {
			*mode = (enum filter_usedns)i;
			return true;
		}
	}
	return false;
}

void
filter_set_usedns(struct filter *f, enum filter_usedns mode)
{
	own(f)->usedns = mode;
}

enum filter_usedns
filter_usedns(const struct filter *f)
{
	return f->core->usedns;
}

static struct expr *
compile(struct filter *f, const char *source, unsigned options, struct err *err)
{
	f->fault = (struct regex_fault){0};
	return expr_new(f->core->base->room, &f->core->base->names, source, f->core->usedns != USEDNS_NO, options, err, &f->fault);
}

bool
filter_set_prefregex(struct filter *f, const char *source, struct err *err)
{
	struct expr *e = NULL;

	if (source[0] != '\0') {
		e = compile(f, source, 0, err);
		if (e == NULL)
			return false;
		expr_set_pref(e, true);
	}
	struct core *c = own(f);
	expr_free(c->pref);
	c->pref = e;
	core_changed(c);
	return true;
}

static void
append(struct expr_list *l, struct expr *e)
{
	l->at = xreallocarray(l->at, l->count + 1, sizeof *l->at);
	l->at[l->count++] = e;
}

bool
filter_add_failregex(struct filter *f, const char *source, struct err *err)
{
	struct core *c = own(f);

	if (c->fail.count >= UINT16_MAX)
		return err_set(err, "more than %d expressions", UINT16_MAX);
	struct expr *e = compile(f, source, c->maxlines > 1 ? REGEX_MULTILINE : 0, err);
	if (e == NULL)
		return false;
	if (!e->has_id && !(c->pref != NULL && c->pref->has_id)) {
		err_set(err, "No failure-id group in '%s'", str_text(&e->text.text));
		regex_fault_set(&f->fault, source, strlen(source), SIZE_MAX,
		    "the expression names nobody: it needs <HOST>, <ADDR>, <F-ID> or another such tag");
		expr_free(e);
		return false;
	}
	append(&c->fail, e);
	core_changed(c);
	return true;
}

bool
filter_add_ignoreregex(struct filter *f, const char *source, struct err *err)
{
	struct expr *e = compile(f, source, 0, err);

	if (e == NULL)
		return false;
	append(&own(f)->ignore, e);
	return true;
}

static bool
delete(struct expr_list *l, size_t index)
{
	if (index >= l->count)
		return false;
	expr_free(l->at[index]);
	memmove(l->at + index, l->at + index + 1, (l->count - index - 1) * sizeof *l->at);
	l->count--;
	return true;
}

bool
filter_del_failregex(struct filter *f, size_t index)
{
	core_changed(own(f));
	return delete(&f->core->fail, index);
}

bool
filter_del_ignoreregex(struct filter *f, size_t index)
{
	return delete(&own(f)->ignore, index);
}

void
filter_clear(struct filter *f)
{
	while (filter_del_failregex(f, 0))
		;
	while (filter_del_ignoreregex(f, 0))
		;
	filter_set_prefregex(f, "", NULL);
	filter_set_logtimezone(f, NULL, NULL);
	if (f->core->datepattern != NULL) {
		struct core *c = own(f);
		free(c->datepattern);
		c->datepattern = NULL;
		core_make_dates(c, clock_now(f->hooks.clock), NULL);
	}
}

const char *
filter_prefregex(const struct filter *f)
{
	return f->core->pref != NULL ? str_text(&f->core->pref->text.text) : "";
}

static const char *
text_at(const struct expr_list *l, size_t index)
{
	return index < l->count ? str_text(&l->at[index]->text.text) : NULL;
}

const char *
filter_failregex(const struct filter *f, size_t index)
{
	return text_at(&f->core->fail, index);
}

const char *
filter_ignoreregex(const struct filter *f, size_t index)
{
	return text_at(&f->core->ignore, index);
}

const char *
filter_failregex_source(const struct filter *f, size_t index)
{
	return index < f->core->fail.count ? f->core->fail.at[index]->source : NULL;
}

bool
filter_set_maxlines(struct filter *f, int lines, struct err *err)
{
	if (lines <= 0)
		return err_set(err, "maxlines must be integer greater than zero");
	own(f)->maxlines = lines;
	return true;
}

int
filter_maxlines(const struct filter *f)
{
	return f->core->maxlines;
}

bool
filter_set_datepattern(struct filter *f, const char *pattern, struct err *err)
{
	struct core *c = own(f);
	char *old = c->datepattern;

	c->datepattern = xstrdup(pattern);
	if (!core_make_dates(c, clock_now(f->hooks.clock), err)) {
		free(c->datepattern);
		c->datepattern = old;
		return false;
	}
	free(old);
	return true;
}

void
filter_datepattern(const struct filter *f, const char **pattern, const char **name)
{
	const struct datedetect *d = filter_dates(f);
	size_t n = d != NULL ? datedetect_count(d) : 0;

	*pattern = NULL;
	*name = "Default Detectors";
	if (n >= 1 && n <= 2) {
		struct datedetect_template t;
		datedetect_template(d, 0, &t);
		*pattern = t.pattern[0] != '\0' ? t.pattern : NULL;
		*name = t.name;
	}
}

bool
filter_set_logtimezone(struct filter *f, const char *zone, struct err *err)
{
	struct core *c = own(f);
	char *old = c->zone;

	c->zone = zone != NULL ? xstrdup(zone) : NULL;
	if (!core_make_dates(c, clock_now(f->hooks.clock), err)) {
		free(c->zone);
		c->zone = old;
		return false;
	}
	free(old);
	return true;
}

const char *
filter_logtimezone(const struct filter *f)
{
	return f->core->zone;
}

void
filter_set_findtime(struct filter *f, double seconds)
{
	if (f->core->findtime != seconds)
		own(f)->findtime = seconds;
}

/* ---- work ---- */

static void
make_ready(struct core *const *cores, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct core *c = cores[i];
		c->now = i > 0 && c->clock == cores[i - 1]->clock ? cores[i - 1]->now : clock_now(c->clock);
		if (c->stamps == NULL)
			core_make_dates(c, c->now, NULL);
	}
}

void
filter_feed(struct filter *f, const struct line *lines, size_t count)
{
	struct core *c = own(f);

	make_ready(&c, 1);
	crew_feed(&c, 1, lines, count);
}

/* The counters of a filter whose core is another one from now on. */
static struct filter_counters
plus(struct filter_counters a, const struct filter_counters *b, uint64_t sign)
{
	a.lines += sign * b->lines;
	a.matched += sign * b->matched;
	a.ignored += sign * b->ignored;
	a.missed += sign * b->missed;
	a.failures += sign * b->failures;
	a.limit += sign * b->limit;
	a.no_date += sign * b->no_date;
	a.too_old += sign * b->too_old;
	return a;
}

/* Filters that have the same settings and saw the same lines get one core. */
static void
join_twins(struct filter *const *filters, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		for (size_t k = 0; k < i; k++) {
			struct core *one = filters[k]->core, *other = filters[i]->core;
			if (one == other)
				break;
			if (core_is_twin(one, other)) {
				filters[i]->before = plus(plus(filters[i]->before, &other->counters, 1), &one->counters, UINT64_MAX);
				leave(filters[i]);
				join(one, filters[i]);
				break;
			}
		}
	}
}

/* Those of a core's filters that do not get these lines must not share what they do. */
static void
part_from_others(struct filter *const *filters, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct core *c = filters[i]->core, *fresh = NULL;
		size_t here = 0;
		for (size_t k = 0; k < n; k++)
			here += filters[k]->core == c;
		if (here == c->n_filters)
			continue;
		for (size_t k = i; k < n; k++) {
			if (filters[k]->core != c)
				continue;
			if (fresh == NULL)
				fresh = core_dup(c);
			leave(filters[k]);
			join(fresh, filters[k]);
		}
	}
}

/* The distinct cores of filters; *is_whole: nobody else listens to one of them. */
static size_t
list_cores(struct filter *const *filters, size_t n, struct core **cores, bool *is_whole)
{
	size_t count = 0, listeners = 0;

	for (size_t i = 0; i < n; i++)
		filters[i]->core->is_listed = false;
	for (size_t i = 0; i < n; i++) {
		struct core *c = filters[i]->core;
		if (c->is_listed)
			continue;
		c->is_listed = true;
		listeners += c->n_filters;
		cores[count++] = c;
	}
	*is_whole = listeners == n;
	return count;
}

static void
feed_some(struct filter *const *filters, size_t n, const struct line *lines, size_t count)
{
	struct core *cores[CREW_MAX];
	bool is_whole;
	size_t k = list_cores(filters, n, cores, &is_whole);

	make_ready(cores, k);
	if (!is_whole) {
		part_from_others(filters, n);
		k = list_cores(filters, n, cores, &is_whole);
		make_ready(cores, k);
	}
	/* a plan for few lines does not pay, when there are several sets that take turns */
	if (k > 1 && !crew_is_for(cores, k) && (count >= PLAN_LINES || cores[0]->crew == NULL)) {
		join_twins(filters, n);
		k = list_cores(filters, n, cores, &is_whole);
		if (k > 1)
			crew_new(cores, k);
	}
	crew_feed(cores, k, lines, count);
}

void
filters_feed(struct filter *const *filters, size_t n, const struct line *lines, size_t count)
{
	for (size_t from = 0; from < n; from += CREW_MAX)
		feed_some(filters + from, n - from < CREW_MAX ? n - from : CREW_MAX, lines, count);
}

void
filter_counters(const struct filter *f, struct filter_counters *out)
{
	*out = plus(f->before, &f->core->counters, 1);
}

double
filter_last_date(const struct filter *f)
{
	return f->core->stamps != NULL ? f->core->stamps->last_date : 0;
}

uint64_t
filter_failregex_limit(const struct filter *f, size_t index)
{
	return index < f->core->fail.count ? regex_limit_hits(f->core->fail.at[index]->regex) : 0;
}

void
filter_fault(const struct filter *f, struct filter_fault *out)
{
	*out = (struct filter_fault){f->fault.text, f->fault.column};
}

/* ---- trial ---- */

void
filter_set_trial(struct filter *f, const struct filter_trial *trial)
{
	f->trial = *trial;
	own(f)->trial = &f->trial;
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

double
filter_date(struct filter *f, const struct line *line)
{
	struct core *c = f->core;
	struct date_result d;
	struct err err;
	double now = clock_now(f->hooks.clock);

	if (!isnan(line->time))
		return line->time;
	if (c->stamps == NULL && !core_make_dates(c, now, &err))
		return NAN;
	datedetect_find(c->stamps->dates, line->bytes, line->len, false, now, &d);
	return d.found == DATE_FOUND ? d.time : NAN;
}

const struct datedetect *
filter_dates(const struct filter *f)
{
	return f->core->stamps != NULL ? f->core->stamps->dates : NULL;
}
