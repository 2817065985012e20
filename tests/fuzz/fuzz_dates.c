/*
 * fuzz_dates: the values of dates. The first line of the input is a logtimezone, if it is one; the others are log lines, in which the
 * default formats find dates; and, as a letter and a text, the fields of one date. What is remembered of earlier lines
 * and earlier hours must not change a value.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/text.h"
#include "match/datedetect.h"
#include "match/datevalue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1795334800

/*
 * Of each pattern, two that see the same lines; one of them is made to forget what it learned before each. Who learned
 * the same finds the same, and what is learned changes no count and no order.
 */
static const char *const patterns[] = {NULL, "{^LN-BEG}", "^{DATE}", "EPOCH"};
#define PAIRS (sizeof patterns / sizeof *patterns)
static struct regex_room *room;
static struct pair {
	struct datedetect *learning, *forgetful;
} pairs[PAIRS];

static bool
same_time(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static bool
same_hits(const struct datedetect *a, const struct datedetect *b)
{
	bool same = datedetect_count(a) == datedetect_count(b);

	for (size_t i = 0; same && i < datedetect_count(a); i++) {
		struct datedetect_template x, y;
		datedetect_template(a, i, &x);
		datedetect_template(b, i, &y);
		same = x.hits == y.hits && strcmp(x.name, y.name) == 0;
	}
	return same;
}

static void
find(const char *line, size_t len, const char *zone)
{
	struct date_result first = {0}, a, b, c;
	bool is_ascii = true;

	for (size_t i = 0; i < len; i++)
		is_ascii = is_ascii && (unsigned char)line[i] < 0x80;
	for (size_t i = 0; i < PAIRS; i++) {
		struct pair *p = &pairs[i];
		bool same = i > 0 && datedetect_learned_the_same(pairs[0].learning, p->learning);
		datedetect_set_zone(p->forgetful, zone, NULL);
		datedetect_find(p->forgetful, line, len, is_ascii, NOW, &b);
		struct datedetect *twin = datedetect_dup(p->learning);
		datedetect_find(p->learning, line, len, is_ascii, NOW, &a);
		if (same && first.is_learned) {
			if (a.found != first.found || a.from != first.from || a.to != first.to || a.time != first.time || !a.is_learned)
				abort();
		}
		if (i == 0)
			first = a;
		datedetect_find(twin, line, len, is_ascii, NOW, &c); /* which forgot what it learned, and nothing else */
		if (!same_hits(twin, p->learning) || c.found != a.found || (c.found == DATE_FOUND && !same_time(c.time, a.time)))
			abort();
		datedetect_free(twin);
		if (a.from > a.to || a.to > len || (a.found == DATE_FOUND && isnan(a.time)))
			abort();
		if (a.found != b.found || a.from != b.from || a.to != b.to || a.is_whole != b.is_whole ||
		    (a.found == DATE_FOUND && !same_time(a.time, b.time))) {
			fprintf(stderr, "%zu: %d %zu %zu %.6f, and %d %zu %zu %.6f: %.*s\n", i, (int)a.found, a.from, a.to, a.time, (int)b.found,
			    b.from, b.to, b.time, (int)len, line);
			abort();
		}
	}
}

static void
take_fields(const char *lines, struct date_clock clock)
{
	static struct date_clock worn;
	struct date_fields f;
	struct date_value a = {0}, b = {0};
	bool ok = true;

	date_fields_init(&f);
	while (ok && *lines != '\0') {
		size_t n = strcspn(lines, "\n");
		char letter[2] = {lines[0], '\0'};
		enum date_field field = date_field_of(letter);
		if (n > 0 && field != DATE_NOTHING)
			ok = date_fields_set(&f, field, lines + 1, n - 1);
		lines += n + (lines[n] == '\n');
	}
	if (!ok)
		return;
	worn.now = clock.now;
	worn.has_zone = clock.has_zone;
	worn.zone_min = clock.zone_min;
	bool first = date_fields_time(&f, &clock, &a);
	bool again = date_fields_time(&f, &worn, &b);
	if (first != again || (first && (!same_time(a.time, b.time) || isnan(a.time))))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {0};
	struct date_clock clock = {.now = NOW};

	if (size == 0 || size > 2048)
		return 0;
	if (room == NULL) {
		room = regex_room_new();
		for (size_t i = 0; i < PAIRS; i++) {
			struct pair *p = &pairs[i];
			p->learning = datedetect_new(room, 2026);
			p->forgetful = datedetect_new(room, 2026);
			if (patterns[i] != NULL && (!datedetect_add(p->learning, patterns[i], NULL) || !datedetect_add(p->forgetful, patterns[i], NULL)))
				abort();
		}
	}
	text_to_utf8((const char *)data, size, &text);
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] == '\0')
			text.at[i] = ' ';
	const char *zone = text.at;
	char *line = strchr(text.at, '\n');
	if (line != NULL)
		*line++ = '\0';
	clock.has_zone = date_zone(zone, strlen(zone), &clock.zone_min);
	for (size_t i = 0; i < PAIRS; i++) {
		if (!datedetect_set_zone(pairs[i].learning, zone, NULL))
			zone = NULL;
		datedetect_set_zone(pairs[i].learning, zone, NULL);
	}
	if (line != NULL)
		take_fields(line, clock);
	while (line != NULL && *line != '\0') {
		size_t n = strcspn(line, "\n");
		find(line, n, zone);
		line += n + (line[n] == '\n');
	}
	str_done(&text);
	return 0;
}
