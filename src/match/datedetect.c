#include "match/datedetect.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "match/datelearn.h"
#include "match/dateslots.h"

#define LEARN_CREDIT 16

struct datedetect {
	struct dateslots slots;
	struct date_clock clock;
	/* of the last hit */
	size_t last;             /* index, NOWHERE */
	size_t last_from, last_to;
	int before, first, final, behind; /* bytes around its ends, -1: none */
	struct datelearn learned;
	const struct dateslot *learned_of; /* whose stamp it is; NULL: nothing learned */
	uint64_t n_learned; /* changes of learned */
	int credit;
	unsigned since_credit;
};

struct datedetect *
datedetect_new(struct regex_room *room, int year)
{
	struct datedetect *d = xcalloc(1, sizeof *d);

	d->slots.room = room;
	d->slots.year = year;
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
	dateslots_done(&d->slots);
	free(d);
}

struct datedetect *
datedetect_dup(const struct datedetect *from)
{
	struct datedetect *d = xmalloc(sizeof *d);

	*d = *from;
	d->learned_of = NULL;
	dateslots_copy(&d->slots, &from->slots);
	return d;
}

bool
datedetect_is_same(const struct datedetect *a, const struct datedetect *b)
{
	return a->clock.has_zone == b->clock.has_zone && a->clock.zone_min == b->clock.zone_min && a->last == b->last &&
	    a->last_from == b->last_from && a->last_to == b->last_to && a->before == b->before && a->first == b->first &&
	    a->final == b->final && a->behind == b->behind && dateslots_are_same(&a->slots, &b->slots);
}

bool
datedetect_add(struct datedetect *d, const char *pattern, struct err *err)
{
	return dateslots_add(&d->slots, pattern, err);
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
try_slot(struct datedetect *d, struct dateslot *s, const char *line, size_t len, size_t from, bool is_ascii)
{
	if (!datepattern_compile(s->pattern, d->slots.room, NULL))
		return false;
	if (is_ascii && s->pattern->least_digits != 0 && !has_digits(line + from, len - from, s->pattern->least_digits))
		return false;
	if (regex_search(s->pattern->regex, line, len, from, is_ascii) != REGEX_HIT)
		return false;
	s->tried++;
	return true;
}

static bool
is_bound(const struct dateslot *s)
{
	return (s->pattern->flags & (DATE_LINE_BEGIN | DATE_LINE_END)) != 0;
}

/* A match that wins unless a nearer one comes. */
struct kept {
	size_t slot; /* NOWHERE: none */
	size_t from; /* characters */
	size_t len;  /* of the part of the line that was searched */
};

/* The last winner, where it stood last. Returns whether it settles the matter. */
static bool
try_last(struct datedetect *d, const char *line, size_t len, bool is_ascii, size_t *passed, struct kept *kept)
{
	struct dateslot *s = d->slots.at[d->last];
	size_t searched = len;
	bool matched;

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
			searched = to;
			matched = from <= to && try_slot(d, s, line, to, from, is_ascii);
		} else {
			matched = try_slot(d, s, line, len, 0, is_ascii);
			*passed = d->last;
		}
	}
	if (!matched)
		return false;
	const size_t *spans = regex_spans(s->pattern->regex);
	const size_t at = chars_in(line, spans[0], is_ascii);
	if (d->slots.count == 1 || is_bound(s) || (at == d->last_from && chars_in(line, spans[1], is_ascii) == d->last_to))
		return true;
	*kept = (struct kept){d->last, at, searched}; /* elsewhere than last time: look whether another template is nearer */
	return false;
}

/* Index of the winner, its match in its expression's spans; NOWHERE. */
static size_t
search(struct datedetect *d, const char *line, size_t len, bool is_ascii)
{
	size_t passed = NOWHERE;
	struct kept kept = {NOWHERE, NOWHERE, 0};

	if (d->last < d->slots.count && try_last(d, line, len, is_ascii, &passed, &kept))
		return d->last;
	for (size_t i = 0; i < d->slots.count; i++) {
		struct dateslot *s = d->slots.at[i];
		if (i == passed)
			continue;
		if (!try_slot(d, s, line, len, 0, is_ascii))
			continue;
		size_t from = chars_in(line, regex_spans(s->pattern->regex)[0], is_ascii);
		if (i + 1 == d->slots.count || is_bound(s))
			return i;
		if (from == 0 && s->hits != 0 && d->slots.at[i + 1]->tried == 0)
			return i;
		if (from > s->distance || from > d->last_from) {
			if (from < kept.from)
				kept = (struct kept){i, from, len};
			continue;
		}
		return i;
	}
	if (kept.slot == NOWHERE || kept.len == len)
		return kept.slot;
	/* it was found in a part of the line, and looked for again in all of it since: that part counts */
	regex_search(d->slots.at[kept.slot]->pattern->regex, line, kept.len, offset_of(line, len, kept.from, is_ascii), is_ascii);
	return kept.slot;
}

static void
note_winner(struct datedetect *d, size_t i, const char *line, size_t len, bool is_ascii, double now)
{
	struct dateslot *s = d->slots.at[i];
	const size_t *spans = regex_spans(s->pattern->regex);

	s->hits++;
	s->last_used = now;
	s->distance = chars_in(line, spans[0], is_ascii);
	if (d->slots.first_unused == i)
		d->slots.first_unused++;
	d->last_from = s->distance;
	d->before = spans[0] > 0 ? byte_at(line, len, spans[0] - 1) : -1;
	d->first = byte_at(line, len, spans[0]);
	d->last_to = chars_in(line, spans[1], is_ascii);
	d->final = spans[1] > 0 ? byte_at(line, len, spans[1] - 1) : -1;
	d->behind = byte_at(line, len, spans[1]);
	if (i != 0 && i != d->last)
		i = dateslots_move_up(&d->slots, i);
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
learn(struct datedetect *d, const struct dateslot *s, const char *line, size_t len, bool is_ascii,
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
	struct dateslot *s = d->slots.at[d->last];

	s->hits++;
	s->tried++;
	s->last_used = now;
	if (d->credit < LEARN_CREDIT)
		d->credit++;
}

static bool
has_learned(const struct datedetect *d)
{
	return d->learned_of != NULL && d->slots.at[d->last] == d->learned_of;
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
	if (d->slots.count == 0)
		dateslots_add_defaults(&d->slots, false);
	if (d->credit == 0 && ++d->since_credit >= 64) {
		d->since_credit = 0;
		d->credit = 1;
	}
	*out = (struct date_result){.found = DATE_NONE};
	d->clock.now = now;
	size_t i = search(d, line, len, is_ascii);
	if (i == NOWHERE)
		return;
	struct dateslot *s = d->slots.at[i];
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
	return d->slots.count;
}

void
datedetect_template(const struct datedetect *d, size_t i, struct datedetect_template *out)
{
	const struct dateslot *s = d->slots.at[i];

	*out = (struct datedetect_template){s->pattern->name, s->pattern->pattern != NULL ? s->pattern->pattern : "",
	    s->pattern->text, s->hits, dateslot_weight(s), s->pattern->weight};
}
