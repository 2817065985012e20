#include "match/dateslots.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

#define UNUSED_S 300 /* a template that was not used for so long gives way */

void
dateslots_done(struct dateslots *l)
{
	for (size_t i = 0; i < l->count; i++) {
		datepattern_release(l->at[i]->pattern);
		free(l->at[i]);
	}
	free(l->at);
}

void
dateslots_copy(struct dateslots *l, const struct dateslots *from)
{
	*l = *from;
	l->at = xreallocarray(NULL, l->count + 1, sizeof *l->at);
	for (size_t i = 0; i < l->count; i++) {
		l->at[i] = xmalloc(sizeof **l->at);
		*l->at[i] = *from->at[i];
		l->at[i]->pattern->refs++;
	}
}

static bool
slot_is_same(const struct dateslot *a, const struct dateslot *b)
{
	const char *x = a->pattern->pattern, *y = b->pattern->pattern;

	return strcmp(a->pattern->name, b->pattern->name) == 0 && (x == NULL || y == NULL ? x == y : strcmp(x, y) == 0) &&
	    a->pattern->weight == b->pattern->weight && a->hits == b->hits && a->tried == b->tried &&
	    a->distance == b->distance && fabs(a->last_used - b->last_used) < DATE_SAME_MOMENT_S;
}

bool
dateslots_are_same(const struct dateslots *a, const struct dateslots *b)
{
	if (a->year != b->year || a->count != b->count || a->first_unused != b->first_unused)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!slot_is_same(a->at[i], b->at[i]))
			return false;
	return true;
}

/* ---- what comes in ---- */

static struct dateslot *
find_slot(struct dateslots *l, const char *name)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->at[i]->pattern->name, name) == 0)
			return l->at[i];
	return NULL;
}

static bool
add_slot(struct dateslots *l, struct datepattern *p, bool ignore_twice, struct err *err)
{
	struct dateslot *twin = find_slot(l, p->name);
	if (twin != NULL) {
		/* compat: DD_patternCache: it is one template for both, if it has no pattern; the last to name it weighs it */
		if (p->pattern == NULL && twin->pattern->pattern == NULL)
			twin->pattern->weight = p->weight;
		bool ok = ignore_twice || err_set(err, "There is already a template with name %s", p->name);
		datepattern_done(p);
		return ok;
	}
	struct dateslot *s = xcalloc(1, sizeof *s);
	s->pattern = datepattern_take(p);
	s->distance = NOWHERE;
	l->at = xreallocarray(l->at, l->count + 1, sizeof *l->at);
	l->at[l->count++] = s;
	return true;
}

static bool
is_at_begin(const char *pattern)
{
	return str_starts(pattern, "{^LN-BEG}") || pattern[0] == '^';
}

void
dateslots_add_defaults(struct dateslots *l, bool only_line_begin)
{
	bool ignore_twice = l->count > 0;

	for (int anchored = 1; anchored >= 0; anchored--) {
		for (size_t i = 0; datetable_at(i) != NULL; i++) {
			struct datepattern p;
			char *text = NULL;
			const char *pattern = datetable_at(i);
			if (anchored && is_at_begin(pattern))
				continue;
			if (anchored)
				pattern = text = xasprintf("{^LN-BEG}%s", pattern);
			datepattern_init(&p, pattern, l->year, NULL);
			free(text);
			if (anchored)
				p.weight = 100;
			p.is_plain = p.kind == DATE_FROM_FIELDS;
			if (only_line_begin && (p.flags & DATE_LINE_BEGIN) == 0)
				datepattern_done(&p);
			else
				add_slot(l, &p, ignore_twice, NULL);
		}
	}
}

/* "{DATE}" in any case, not behind a backslash; its offset or NOWHERE. */
static size_t
find_date_mark(const char *text, size_t from)
{
	for (size_t i = from; text[i] != '\0'; i++)
		if (strncasecmp(text + i, "{DATE}", 6) == 0 && !(i > 0 && text[i - 1] == '\\'))
			return i;
	return NOWHERE;
}

static bool
compile_slot(struct dateslots *l, struct datepattern *p, struct err *err)
{
	struct regex_fault fault;

	if (datepattern_compile(p, l->room, &fault))
		return true;
	return err_set(err, "Failed to set datepattern '%s' (may be an invalid format or unescaped percent char): "
	    "%s in '%s' at column %zu", p->pattern != NULL ? p->pattern : p->name, fault.text, p->text, fault.column);
}

/* One {DATE}, and fixed text around it. */
static bool
is_plain_around(const char *pattern)
{
	size_t mark = find_date_mark(pattern, 0);

	for (size_t i = 0; pattern[i] != '\0'; i++) {
		if (i == mark)
			i += 5;
		else if (!datepattern_is_fixed(pattern[i]))
			return false;
	}
	return mark != NOWHERE;
}

/* Each default format in the place of {DATE}. */
static bool
add_inserted(struct dateslots *l, const char *pattern, struct err *err)
{
	bool ignore_twice = l->count > 0, is_plain = is_plain_around(pattern);

	for (size_t i = 0; datetable_at(i) != NULL; i++) {
		/* compat: a built-in one without pattern gives its name as literal text */
		const char *format = datetable_at(i);
		char *inner = strcmp(format, "EPOCH") == 0 ? xstrdup("Epoch") : datepattern_unbound(format);
		struct str text = {0};
		size_t from = 0;
		for (size_t at; (at = find_date_mark(pattern, from)) != NOWHERE; from = at + 6) {
			str_addn(&text, pattern + from, at - from);
			str_add(&text, inner);
		}
		str_add(&text, pattern + from);
		free(inner);
		struct datepattern p;
		bool ok = datepattern_init(&p, str_text(&text), l->year, err);
		str_done(&text);
		p.is_plain = p.is_plain || (is_plain && p.kind == DATE_FROM_FIELDS);
		if (ok && i == 0 && !compile_slot(l, &p, err)) {
			datepattern_done(&p);
			ok = false;
		}
		if (!ok || !add_slot(l, &p, ignore_twice, err))
			return false;
	}
	return true;
}

bool
dateslots_add(struct dateslots *l, const char *pattern, struct err *err)
{
	struct datepattern p;
	bool has_percent = strchr(pattern, '%') != NULL;

	if (strcmp(pattern, "{^LN-BEG}") == 0 || (!has_percent && strcasecmp(pattern, "{^LN-BEG}") == 0)) {
		dateslots_add_defaults(l, true);
		return true;
	}
	/* compat: adds nothing, so that alone it leaves the defaults in place, and with others it is void */
	if (!has_percent && strcasecmp(pattern, "{DEFAULT}") == 0)
		return true;
	if ((has_percent ? strstr(pattern, "{DATE}") : strcasestr(pattern, "{DATE}")) != NULL)
		return add_inserted(l, pattern, err);
	if (!has_percent && strcasecmp(pattern, "{NONE}") == 0)
		pattern = "{UNB}^";
	if (!datepattern_init(&p, pattern, l->year, err))
		return false;
	if (!compile_slot(l, &p, err)) {
		datepattern_done(&p);
		return false;
	}
	return add_slot(l, &p, false, err);
}

/* ---- their order ---- */

double
dateslot_weight(const struct dateslot *s)
{
	/* compat: never used counts as very far away */
	double distance = s->distance == NOWHERE ? 0x7fffffff : (double)s->distance;

	return (double)s->hits * s->pattern->weight / (distance < 1 ? 1 : distance);
}

static bool
may_move(const struct dateslots *l, const struct dateslot *s, size_t pos)
{
	return dateslot_weight(s) > dateslot_weight(l->at[pos]) || s->last_used - UNUSED_S > l->at[pos]->last_used;
}

size_t
dateslots_move_up(struct dateslots *l, size_t i)
{
	struct dateslot *s = l->at[i];
	size_t pos = l->first_unused < i ? l->first_unused : i / 2;

	if (!may_move(l, s, pos)) {
		if (pos == i - 1)
			return i;
		pos = i - 1;
		if (!may_move(l, s, pos))
			return i;
	}
	memmove(l->at + pos + 1, l->at + pos, (i - pos) * sizeof *l->at);
	l->at[pos] = s;
	while (l->first_unused < l->count && l->at[l->first_unused]->hits != 0)
		l->first_unused++;
	return pos;
}
