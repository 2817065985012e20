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

/* Two that see the same lines; one of them is made to forget what it learned before each. */
static struct {
	struct regex_room *room;
	struct datedetect *learning, *forgetful;
} pair;

static bool
same_time(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static void
find(const char *line, size_t len, const char *zone)
{
	struct date_result a, b;
	bool is_ascii = true;

	for (size_t i = 0; i < len; i++)
		is_ascii = is_ascii && (unsigned char)line[i] < 0x80;
	datedetect_set_zone(pair.forgetful, zone, NULL);
	datedetect_find(pair.learning, line, len, is_ascii, NOW, &a);
	datedetect_find(pair.forgetful, line, len, is_ascii, NOW, &b);
	if (a.from > a.to || a.to > len || (a.found == DATE_FOUND && isnan(a.time)))
		abort();
	if (a.found != b.found || a.from != b.from || a.to != b.to || a.is_whole != b.is_whole ||
	    (a.found == DATE_FOUND && !same_time(a.time, b.time))) {
		fprintf(stderr, "%d %zu %zu %.6f, and %d %zu %zu %.6f: %.*s\n", (int)a.found, a.from, a.to, a.time, (int)b.found, b.from,
		    b.to, b.time, (int)len, line);
		abort();
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
	if (pair.room == NULL) {
		pair.room = regex_room_new();
		pair.learning = datedetect_new(pair.room, 2026);
		pair.forgetful = datedetect_new(pair.room, 2026);
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
	if (!datedetect_set_zone(pair.learning, zone, NULL))
		zone = NULL;
	datedetect_set_zone(pair.learning, zone, NULL);
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
