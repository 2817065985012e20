#include "match/filter_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#define PLAN_LINES 32

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

struct core *
filter_own(struct filter *f)
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
	struct core *c = filter_own(f);

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
