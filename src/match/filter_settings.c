/*
 * filter_settings: what a jail sets, and reads back: expressions, dates, names.
 */
#include "match/filter_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

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
	filter_own(f)->usedns = mode;
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
	struct core *c = filter_own(f);
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
	struct core *c = filter_own(f);

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
	append(&filter_own(f)->ignore, e);
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
	core_changed(filter_own(f));
	return delete(&f->core->fail, index);
}

bool
filter_del_ignoreregex(struct filter *f, size_t index)
{
	return delete(&filter_own(f)->ignore, index);
}

/* One of the settings of the filter's own core that tell how dates are read; NULL: none. */
static bool
set_for_dates(struct filter *f, char **setting, const char *text, struct err *err)
{
	char *old = *setting;

	*setting = text != NULL ? xstrdup(text) : NULL;
	if (!core_make_dates(f->core, clock_now(f->hooks.clock), err)) {
		free(*setting);
		*setting = old;
		return false;
	}
	free(old);
	return true;
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
	if (f->core->datepattern != NULL)
		set_for_dates(f, &filter_own(f)->datepattern, NULL, NULL);
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
	filter_own(f)->maxlines = lines;
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
	return set_for_dates(f, &filter_own(f)->datepattern, pattern, err);
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
	return set_for_dates(f, &filter_own(f)->zone, zone, err);
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
		filter_own(f)->findtime = seconds;
}

void
filter_fault(const struct filter *f, struct filter_fault *out)
{
	*out = (struct filter_fault){f->fault.text, f->fault.column};
}
