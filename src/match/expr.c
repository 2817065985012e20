#include "match/expr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "match/failregex.h"
#include "match/pyreason.h"

#define SHOWN_MAX 700

/* compat: "alt_user_2" -> "user": only a number at the end is taken off, alt_user1 feeds user1. */
static bool
feed_target(const char *name, const char *prefix, struct slice *target)
{
	size_t len = strlen(name), from = strlen(prefix);

	if (len <= 4 || !str_starts(name, prefix))
		return false;
	size_t end = len;
	while (end > from && name[end - 1] >= '0' && name[end - 1] <= '9')
		end--;
	if (end < len && end > from && name[end - 1] == '_')
		len = end - 1;
	*target = (struct slice){name + from, len - from};
	return true;
}

static int
compare_feeds(const void *a, const void *b, void *regex)
{
	const struct expr_feed *x = a, *y = b;

	if (x->is_tuple != y->is_tuple)
		return x->is_tuple ? 1 : -1;
	return strcmp(regex_group_name(regex, x->group), regex_group_name(regex, y->group));
}

static void
find_feeds(struct expr *e, struct names *names)
{
	for (size_t i = 1; i <= e->n_groups; i++) {
		const char *name = regex_group_name(e->regex, i);
		struct slice target;
		bool is_tuple = false;
		if (name == NULL)
			continue;
		if (!feed_target(name, "alt_", &target)) {
			is_tuple = true;
			if (!feed_target(name, "tuple_", &target))
				continue;
		}
		char *to = failregex_group_name(target.at, target.len);
		e->feeds = xreallocarray(e->feeds, e->n_feeds + 1, sizeof *e->feeds);
		e->feeds[e->n_feeds++] = (struct expr_feed){i, (uint16_t)names_add(names, to), is_tuple,
		    regex_group(e->regex, to) != 0};
		free(to);
	}
	if (e->n_feeds > 1)
		qsort_r(e->feeds, e->n_feeds, sizeof *e->feeds, compare_feeds, e->regex);
}

static bool
is_blank(const char *text)
{
	return text[strspn(text, " \t\n\r\f\v")] == '\0';
}

struct expr *
expr_new(struct regex_room *room, struct names *names, const char *source, bool with_names, unsigned options,
    struct err *err, struct regex_fault *fault)
{
	static const enum capture_name ids[] = {CAPTURE_FID, CAPTURE_IP4, CAPTURE_IP6, CAPTURE_DNS, CAPTURE_MLFID};
	struct expr *e = xcalloc(1, sizeof *e);
	struct regex_fault inner = {0};

	e->refs = 1;
	e->options = options;
	e->source = xstrdup(source);
	failregex_expand(source, with_names, &e->text);
	if (is_blank(str_text(&e->text.text))) {
		err_set(err, "Cannot add empty regex");
		regex_fault_set(fault, source, strlen(source), SIZE_MAX, "the expression is empty");
		expr_free(e);
		return NULL;
	}
	e->regex = regex_new(room, e->text.text.at, e->text.text.len, options, &inner);
	if (e->regex == NULL) {
		struct regex_fault here = inner;
		if (inner.offset != SIZE_MAX)
			regex_fault_set(&here, source, strlen(source), mapped_from(&e->text, inner.offset), "%s", inner.text);
		bool is_long = e->text.text.len > SHOWN_MAX; /* the reason must fit behind it */
		struct str reason = {0};
		pyreason(&inner, e->text.text.at, e->text.text.len, &reason);
		err_set(err, "Unable to compile regular expression '%.*s%s':\n%s", SHOWN_MAX, e->text.text.at,
		    is_long ? "..." : "", str_text(&reason));
		str_done(&reason);
		if (fault != NULL)
			*fault = here;
		expr_free(e);
		return NULL;
	}
	e->n_groups = regex_n_groups(e->regex);
	e->names = xcalloc(e->n_groups + 1, sizeof *e->names);
	e->names[0] = EXPR_UNNAMED;
	for (size_t i = 1; i <= e->n_groups; i++) {
		const char *name = regex_group_name(e->regex, i);
		e->names[i] = name != NULL ? (uint16_t)names_add(names, name) : EXPR_UNNAMED;
		for (size_t k = 0; k < sizeof ids / sizeof *ids; k++)
			if (e->names[i] == ids[k])
				e->has_id = true;
	}
	find_feeds(e, names);
	e->names_room = names->count;
	return e;
}

void
expr_free(struct expr *e)
{
	if (e == NULL || --e->refs > 0)
		return;
	free(e->source);
	mapped_done(&e->text);
	regex_free(e->regex);
	free(e->names);
	free(e->feeds);
	free(e);
}

bool
expr_is_same(const struct expr *a, const struct expr *b)
{
	return a == b || (a->options == b->options && strcmp(str_text(&a->text.text), str_text(&b->text.text)) == 0);
}

void
expr_set_pref(struct expr *e, bool is_pref)
{
	e->content = regex_group(e->regex, "content");
	if (e->content != 0)
		e->names[e->content] = is_pref ? EXPR_UNNAMED : CAPTURE_CONTENT;
}

static void
feed(const struct expr *e, const char *text, uint32_t base, struct captures *out)
{
	const size_t *spans = regex_spans(e->regex);

	for (size_t i = 0; i < e->n_feeds; i++) {
		const struct expr_feed *f = &e->feeds[i];
		size_t from = spans[2 * f->group], to = spans[2 * f->group + 1];
		bool has = from != SIZE_MAX;
		/* what is there may be an earlier expression's: only our own groups and feeds count */
		bool is_ours = f->is_own_group;
		for (size_t k = 0; k < i && !is_ours; k++)
			is_ours = e->feeds[k].to == f->to && (e->feeds[k].is_tuple || spans[2 * e->feeds[k].group] != SIZE_MAX);
		if (f->is_tuple) {
			if (!is_ours)
				captures_set(out, f->to, CAPTURE_NONE, NULL, 0);
			captures_add_tuple(out, f->to, has ? text + from : NULL, to - from);
		} else if (has && to > from && !(is_ours && captures_is_true(out, f->to))) {
			captures_point(out, f->to, CAPTURE_TEXT, base + (uint32_t)from, (uint32_t)(to - from));
		}
	}
}

void
expr_collect(const struct expr *e, const char *text, uint32_t base, struct captures *out)
{
	const size_t *spans = regex_spans(e->regex);

	captures_make_room(out, e->names_room);
	for (size_t i = 1; i <= e->n_groups; i++) {
		uint16_t name = e->names[i];
		if (name == EXPR_UNNAMED)
			continue;
		if (spans[2 * i] == SIZE_MAX)
			captures_point(out, name, CAPTURE_NONE, 0, 0);
		else
			captures_point(out, name, CAPTURE_TEXT, base + (uint32_t)spans[2 * i],
			    (uint32_t)(spans[2 * i + 1] - spans[2 * i]));
	}
	if (e->n_feeds > 0)
		feed(e, text, base, out);
}
