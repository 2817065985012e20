#include "match/datedetect.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "match/datelearn.h"
#include "match/datepattern.h"
#include "match/datevalue.h"

#define UNUSED_S 300 /* a template that was not used for so long gives way */
#define NOWHERE SIZE_MAX
#define SAME_MOMENT_S 10 /* two that read the same lines one after the other */
#define LEARN_CREDIT 16

struct slot {
	struct datepattern *pattern; /* counted */
	uint64_t hits;   /* won */
	uint64_t tried;  /* matched, won or not */
	double last_used;
	size_t distance; /* where it won last */
};

struct datedetect {
	struct regex_room *room; /* borrowed */
	int year;
	struct slot **slots;     /* owned; in the order of trial */
	size_t count;
	struct date_clock clock;
	/* of the last hit */
	size_t last;             /* index, NOWHERE */
	size_t last_from, last_to;
	int before, first, final, behind; /* bytes around its ends, -1: none */
	size_t first_unused;
	struct datelearn learned;
	const struct slot *learned_of; /* whose stamp it is; NULL: nothing learned */
	uint64_t n_learned; /* changes of learned */
	int credit;
	unsigned since_credit;
};

struct datedetect *
datedetect_new(struct regex_room *room, int year)
{
	struct datedetect *d = xcalloc(1, sizeof *d);

	d->room = room;
	d->year = year;
	d->last = NOWHERE;
	d->last_from = 1;
	d->credit = LEARN_CREDIT;
	return d;
}

void
datedetect_free(struct datedetect *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->count; i++) {
		datepattern_release(d->slots[i]->pattern);
		free(d->slots[i]);
	}
	free(d->slots);
	free(d);
}

struct datedetect *
datedetect_dup(const struct datedetect *from)
{
	struct datedetect *d = xmalloc(sizeof *d);

	*d = *from;
	d->learned_of = NULL;
	d->slots = xreallocarray(NULL, d->count + 1, sizeof *d->slots);
	for (size_t i = 0; i < d->count; i++) {
		d->slots[i] = xmalloc(sizeof **d->slots);
		*d->slots[i] = *from->slots[i];
		d->slots[i]->pattern->refs++;
	}
	return d;
}

static bool
is_same_slot(const struct slot *a, const struct slot *b)
{
	const char *x = a->pattern->pattern, *y = b->pattern->pattern;

	return strcmp(a->pattern->name, b->pattern->name) == 0 && (x == NULL || y == NULL ? x == y : strcmp(x, y) == 0) &&
	    a->pattern->weight == b->pattern->weight && a->hits == b->hits && a->tried == b->tried &&
	    a->distance == b->distance && fabs(a->last_used - b->last_used) < SAME_MOMENT_S;
}

bool
datedetect_is_same(const struct datedetect *a, const struct datedetect *b)
{
	if (a->year != b->year || a->count != b->count || a->clock.has_zone != b->clock.has_zone ||
	    a->clock.zone_min != b->clock.zone_min || a->last != b->last || a->last_from != b->last_from ||
	    a->last_to != b->last_to || a->before != b->before || a->first != b->first || a->final != b->final ||
	    a->behind != b->behind || a->first_unused != b->first_unused)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!is_same_slot(a->slots[i], b->slots[i]))
			return false;
	return true;
}

bool
datedetect_set_zone(struct datedetect *d, const char *zone, struct err *err)
{
	int minutes = 0;

	if (zone != NULL && zone[0] != '\0' && !date_zone(zone, strlen(zone), &minutes))
		return err_set(err, "Unknown or unsupported time zone: '%s'", zone);
	d->clock.has_zone = zone != NULL;
	d->clock.zone_min = minutes;
	d->learned_of = NULL;
	d->n_learned++;
	return true;
}

/* ---- templates ---- */

static struct slot *
find_slot(struct datedetect *d, const char *name)
{
	for (size_t i = 0; i < d->count; i++)
		if (strcmp(d->slots[i]->pattern->name, name) == 0)
			return d->slots[i];
	return NULL;
}

static bool
add_slot(struct datedetect *d, struct datepattern *p, bool ignore_twice, struct err *err)
{
	struct slot *twin = find_slot(d, p->name);
	if (twin != NULL) {
		/* compat: DD_patternCache: it is one template for both, if it has no pattern; the last to name it weighs it */
		if (p->pattern == NULL && twin->pattern->pattern == NULL)
			twin->pattern->weight = p->weight;
		bool ok = ignore_twice || err_set(err, "There is already a template with name %s", p->name);
		datepattern_done(p);
		return ok;
	}
	struct slot *s = xcalloc(1, sizeof *s);
	s->pattern = datepattern_take(p);
	s->distance = NOWHERE;
	d->slots = xreallocarray(d->slots, d->count + 1, sizeof *d->slots);
	d->slots[d->count++] = s;
	return true;
}

static bool
is_at_begin(const char *pattern)
{
	return str_starts(pattern, "{^LN-BEG}") || pattern[0] == '^';
}

/* The table: with_anchored adds the line-anchored twins before all. */
static void
add_defaults(struct datedetect *d, bool only_line_begin)
{
	bool ignore_twice = d->count > 0;

	for (int anchored = 1; anchored >= 0; anchored--) {
		for (size_t i = 0; datetable_at(i) != NULL; i++) {
			struct datepattern p;
			char *text = NULL;
			const char *pattern = datetable_at(i);
			if (anchored && is_at_begin(pattern))
				continue;
			if (anchored)
				pattern = text = xasprintf("{^LN-BEG}%s", pattern);
			datepattern_init(&p, pattern, d->year, NULL);
			free(text);
			if (anchored)
				p.weight = 100;
			p.is_plain = p.kind == DATE_FROM_FIELDS;
			if (only_line_begin && (p.flags & DATE_LINE_BEGIN) == 0)
				datepattern_done(&p);
			else
				add_slot(d, &p, ignore_twice, NULL);
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
compile_slot(struct datedetect *d, struct datepattern *p, struct err *err)
{
	struct regex_fault fault;

	if (datepattern_compile(p, d->room, &fault))
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
add_inserted(struct datedetect *d, const char *pattern, struct err *err)
{
	bool ignore_twice = d->count > 0, is_plain = is_plain_around(pattern);

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
		bool ok = datepattern_init(&p, str_text(&text), d->year, err);
		str_done(&text);
		p.is_plain = p.is_plain || (is_plain && p.kind == DATE_FROM_FIELDS);
		if (ok && i == 0 && !compile_slot(d, &p, err)) {
			datepattern_done(&p);
			ok = false;
		}
		if (!ok || !add_slot(d, &p, ignore_twice, err))
			return false;
	}
	return true;
}

bool
datedetect_add(struct datedetect *d, const char *pattern, struct err *err)
{
	struct datepattern p;
	bool has_percent = strchr(pattern, '%') != NULL;

	if (strcmp(pattern, "{^LN-BEG}") == 0 || (!has_percent && strcasecmp(pattern, "{^LN-BEG}") == 0)) {
		add_defaults(d, true);
		return true;
	}
	/* compat: adds nothing, so that alone it leaves the defaults in place, and with others it is void */
	if (!has_percent && strcasecmp(pattern, "{DEFAULT}") == 0)
		return true;
	if ((has_percent ? strstr(pattern, "{DATE}") : strcasestr(pattern, "{DATE}")) != NULL)
		return add_inserted(d, pattern, err);
	if (!has_percent && strcasecmp(pattern, "{NONE}") == 0)
		pattern = "{UNB}^";
	if (!datepattern_init(&p, pattern, d->year, err))
		return false;
	if (!compile_slot(d, &p, err)) {
		datepattern_done(&p);
		return false;
	}
	return add_slot(d, &p, false, err);
}

/* ---- searching ---- */

/* compat: positions are remembered in characters, as a next line may be of others. */
static size_t
chars_in(const char *line, size_t len, bool is_ascii)
{
	size_t n = 0;

	if (is_ascii)
		return len;
	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)line[i] & 0xc0) != 0x80;
	return n;
}

/* Offset of a character; behind the end it stays behind the end. */
static size_t
offset_of(const char *line, size_t len, size_t chars, bool is_ascii)
{
	size_t i = 0;

	if (is_ascii)
		return chars;
	for (; i < len; i++)
		if (((unsigned char)line[i] & 0xc0) != 0x80 && chars-- == 0)
			return i;
	return len + chars;
}

static int
byte_at(const char *line, size_t len, size_t at)
{
	return at < len ? (unsigned char)line[at] : -1;
}

static bool
is_word_end(int c)
{
	return c < 0 || (c < 0x80 && !isalnum(c));
}

/* So many digits behind each other? Where they stand, one stands in a place that is a multiple of their number. */
static bool
has_digits(const char *text, size_t len, size_t count)
{
	for (size_t at = count - 1; at < len; at += count) {
		size_t from = at, to = at;
		if (!isdigit((unsigned char)text[at]))
			continue;
		while (from > 0 && to - from < count && isdigit((unsigned char)text[from - 1]))
			from--;
		while (isdigit((unsigned char)text[to]) && ++to < len && to - from < count)
			;
		if (to - from >= count)
			return true;
	}
	return false;
}

static bool
try_slot(struct datedetect *d, struct slot *s, const char *line, size_t len, size_t from, bool is_ascii)
{
	if (!datepattern_compile(s->pattern, d->room, NULL))
		return false;
	if (is_ascii && s->pattern->least_digits != 0 && !has_digits(line + from, len - from, s->pattern->least_digits))
		return false;
	if (regex_search(s->pattern->regex, line, len, from, is_ascii) != REGEX_HIT)
		return false;
	s->tried++;
	return true;
}

static bool
is_bound(const struct slot *s)
{
	return (s->pattern->flags & (DATE_LINE_BEGIN | DATE_LINE_END)) != 0;
}

/* The last winner, where it stood last. Returns whether it settles the matter. */
static bool
try_last(struct datedetect *d, const char *line, size_t len, bool is_ascii, size_t *passed, bool *is_kept)
{
	struct slot *s = d->slots[d->last];
	bool matched;

	*is_kept = false;
	if (is_bound(s)) {
		matched = try_slot(d, s, line, len, 0, is_ascii);
		*passed = d->last;
	} else {
		size_t from = offset_of(line, len, d->last_from, is_ascii), end = offset_of(line, len, d->last_to, is_ascii);
		size_t to = end < len ? end : len;
		int first = byte_at(line, len, from), final = end > 0 ? byte_at(line, len, end - 1) : -1;
		bool begins = (from > 0 ? byte_at(line, len, from - 1) : -1) == d->before ||
		    (first == d->first && is_word_end(first));
		bool ends = byte_at(line, len, end) == d->behind || (final == d->final && is_word_end(final));
		if (begins && ends) {
			matched = from <= to && try_slot(d, s, line, to, from, is_ascii);
		} else {
			matched = try_slot(d, s, line, len, 0, is_ascii);
			*passed = d->last;
		}
	}
	if (!matched)
		return false;
	const size_t *spans = regex_spans(s->pattern->regex);
	if (d->count == 1 || is_bound(s) || (chars_in(line, spans[0], is_ascii) == d->last_from &&
	        chars_in(line, spans[1], is_ascii) == d->last_to))
		return true;
	*is_kept = true; /* elsewhere than last time: look whether another template is nearer */
	return false;
}

/* Index of the winner, its match in its expression's spans; NOWHERE. */
static size_t
search(struct datedetect *d, const char *line, size_t len, bool is_ascii)
{
	size_t passed = NOWHERE, kept = NOWHERE, kept_from = NOWHERE;

	if (d->last < d->count) {
		bool is_kept;
		if (try_last(d, line, len, is_ascii, &passed, &is_kept))
			return d->last;
		if (is_kept) {
			kept = d->last;
			kept_from = chars_in(line, regex_spans(d->slots[kept]->pattern->regex)[0], is_ascii);
		}
	}
	for (size_t i = 0; i < d->count; i++) {
		struct slot *s = d->slots[i];
		if (i == passed)
			continue;
		if (!try_slot(d, s, line, len, 0, is_ascii))
			continue;
		size_t from = chars_in(line, regex_spans(s->pattern->regex)[0], is_ascii);
		if (i + 1 == d->count || is_bound(s))
			return i;
		if (from == 0 && s->hits != 0 && d->slots[i + 1]->tried == 0)
			return i;
		if (from > s->distance || from > d->last_from) {
			if (from < kept_from) {
				kept = i;
				kept_from = from;
			}
			continue;
		}
		return i;
	}
	if (kept == NOWHERE)
		return NOWHERE;
	/* the spans of the kept one may be of a later, partial search */
	size_t at = offset_of(line, len, kept_from, is_ascii);
	if (regex_spans(d->slots[kept]->pattern->regex)[0] != at)
		try_slot(d, d->slots[kept], line, len, at, is_ascii);
	return kept;
}

static double
weight(const struct slot *s)
{
	/* compat: never used counts as very far away */
	double distance = s->distance == NOWHERE ? 0x7fffffff : (double)s->distance;

	return (double)s->hits * s->pattern->weight / (distance < 1 ? 1 : distance);
}

static bool
may_move(const struct datedetect *d, const struct slot *s, size_t pos)
{
	return weight(s) > weight(d->slots[pos]) || s->last_used - UNUSED_S > d->slots[pos]->last_used;
}

/* Moves a winner up: its new index. */
static size_t
reorder(struct datedetect *d, size_t i)
{
	struct slot *s = d->slots[i];
	size_t pos = d->first_unused < i ? d->first_unused : i / 2;

	if (!may_move(d, s, pos)) {
		if (pos == i - 1)
			return i;
		pos = i - 1;
		if (!may_move(d, s, pos))
			return i;
	}
	memmove(d->slots + pos + 1, d->slots + pos, (i - pos) * sizeof *d->slots);
	d->slots[pos] = s;
	while (d->first_unused < d->count && d->slots[d->first_unused]->hits != 0)
		d->first_unused++;
	return pos;
}

static void
note_winner(struct datedetect *d, size_t i, const char *line, size_t len, bool is_ascii, double now)
{
	struct slot *s = d->slots[i];
	const size_t *spans = regex_spans(s->pattern->regex);

	s->hits++;
	s->last_used = now;
	s->distance = chars_in(line, spans[0], is_ascii);
	if (d->first_unused == i)
		d->first_unused++;
	d->last_from = s->distance;
	d->before = spans[0] > 0 ? byte_at(line, len, spans[0] - 1) : -1;
	d->first = byte_at(line, len, spans[0]);
	d->last_to = chars_in(line, spans[1], is_ascii);
	d->final = spans[1] > 0 ? byte_at(line, len, spans[1] - 1) : -1;
	d->behind = byte_at(line, len, spans[1]);
	if (i != 0 && i != d->last)
		i = reorder(d, i);
	d->last = i;
}

/* ---- values ---- */

static bool
epoch_value(const struct datepattern *p, const char *line, double *time)
{
	const size_t *spans = regex_spans(p->regex);
	size_t from = spans[2 * p->value_group], to = spans[2 * p->value_group + 1];
	char text[40];

	if (from == SIZE_MAX || to - from >= sizeof text)
		return false;
	memcpy(text, line + from, to - from);
	text[to - from] = '\0';
	*time = strtod(text, NULL);
	if (p->kind == DATE_FROM_LONG_EPOCH && to - from >= 13)
		*time /= to - from >= 16 && strchr(text, '.') == NULL ? 1000000 : 1000;
	return true;
}

static bool
tai64n_value(const struct datepattern *p, const char *line, double *time)
{
	const size_t *spans = regex_spans(p->regex);
	char text[16];

	memcpy(text, line + spans[2] + 2, 15); /* compat: without "@4", no leap seconds */
	text[15] = '\0';
	*time = (double)strtoull(text, NULL, 16);
	return true;
}

static bool
fields_value(struct datedetect *d, const struct datepattern *p, const char *line, struct date_fields *fields,
    struct date_value *value)
{
	const size_t *spans = regex_spans(p->regex);
	size_t n = regex_n_groups(p->regex);

	date_fields_init(fields);
	for (size_t i = 1; i <= n; i++) {
		if (p->fields[i] == DATE_NOTHING || spans[2 * i] == SIZE_MAX)
			continue;
		if (!date_fields_set(fields, p->fields[i], line + spans[2 * i], spans[2 * i + 1] - spans[2 * i]))
			return false;
	}
	return date_fields_time(fields, &d->clock, value);
}

/* ---- learning ---- */

static void
learn(struct datedetect *d, const struct slot *s, const char *line, size_t len, bool is_ascii,
    const struct date_fields *fields, const struct date_value *value)
{
	const struct datelearn_from from = {s->pattern, line, len, is_ascii, fields, value};

	d->n_learned++;
	d->learned_of = datelearn_make(&d->learned, &from, &d->clock, &d->credit) ? s : NULL;
}

/* The last winner won again, and no expression was needed. */
static void
note_learned(struct datedetect *d, double now)
{
	struct slot *s = d->slots[d->last];

	s->hits++;
	s->tried++;
	s->last_used = now;
	if (d->credit < LEARN_CREDIT)
		d->credit++;
}

static bool
has_learned(const struct datedetect *d)
{
	return d->learned_of != NULL && d->slots[d->last] == d->learned_of;
}

static bool
try_learned(struct datedetect *d, const char *line, size_t len, double now, struct date_result *out)
{
	if (!has_learned(d) || !datelearn_read(&d->learned, line, len, now, &out->time))
		return false;
	out->found = DATE_FOUND;
	out->from = d->learned.from;
	out->to = d->learned.to;
	out->is_whole = d->learned.is_whole;
	out->is_learned = true;
	note_learned(d, now);
	return true;
}

bool
datedetect_follow(struct datedetect *d, double now)
{
	if (!has_learned(d))
		return false;
	note_learned(d, now);
	return true;
}

bool
datedetect_learned_the_same(const struct datedetect *a, const struct datedetect *b)
{
	return a->learned_of != NULL && b->learned_of != NULL && datelearn_is_same(&a->learned, &b->learned);
}

uint64_t
datedetect_learned(const struct datedetect *d)
{
	return d->n_learned;
}

void
datedetect_find(struct datedetect *d, const char *line, size_t len, bool is_ascii, double now,
    struct date_result *out)
{
	if (try_learned(d, line, len, now, out))
		return;
	if (d->count == 0)
		add_defaults(d, false);
	if (d->credit == 0 && ++d->since_credit >= 64) {
		d->since_credit = 0;
		d->credit = 1;
	}
	*out = (struct date_result){.found = DATE_NONE};
	d->clock.now = now;
	size_t i = search(d, line, len, is_ascii);
	if (i == NOWHERE)
		return;
	struct slot *s = d->slots[i];
	struct datepattern *p = s->pattern;
	const size_t *spans = regex_spans(p->regex);
	note_winner(d, i, line, len, is_ascii, now);

	struct date_fields fields;
	struct date_value value = {0};
	bool ok;
	if (spans[2] == SIZE_MAX || spans[2] == spans[3]) {
		out->found = DATE_EMPTY;
		if (spans[2] != SIZE_MAX)
			out->from = out->to = spans[2];
		return;
	}
	out->from = spans[2];
	out->to = spans[3];
	switch (p->kind) {
	case DATE_FROM_FIELDS:
		ok = fields_value(d, p, line, &fields, &value);
		if (ok) {
			out->time = value.time;
			out->is_whole = fields.has_zone || d->clock.has_zone;
			learn(d, s, line, len, is_ascii, &fields, &value);
		}
		break;
	case DATE_FROM_TAI64N:
		ok = tai64n_value(p, line, &out->time);
		out->is_whole = true;
		break;
	default:
		ok = epoch_value(p, line, &out->time);
	}
	out->found = ok ? DATE_FOUND : DATE_BAD;
}

/* ---- reports ---- */

size_t
datedetect_count(const struct datedetect *d)
{
	return d->count;
}

void
datedetect_template(const struct datedetect *d, size_t i, struct datedetect_template *out)
{
	const struct slot *s = d->slots[i];

	*out = (struct datedetect_template){s->pattern->name, s->pattern->pattern != NULL ? s->pattern->pattern : "",
	    s->pattern->text, s->hits, weight(s), s->pattern->weight};
}
