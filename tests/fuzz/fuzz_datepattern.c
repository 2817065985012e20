/*
 * fuzz_datepattern: the first line of the input holds datepatterns, a tab between two; the others are log lines.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/text.h"
#include "match/datedetect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {0};
	struct err err = {""};

	if (size == 0 || size > 2048)
		return 0;
	text_to_utf8((const char *)data, size, &text);
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] == '\0')
			text.at[i] = ' ';
	char *line = strchr(text.at, '\n');
	if (line != NULL)
		*line++ = '\0';
	struct regex_room *room = regex_room_new();
	struct datedetect *d = datedetect_new(room, 2026);
	bool ok = true;
	for (char *one = text.at; ok && one != NULL;) {
		char *next = strchr(one, '\t');
		if (next != NULL)
			*next++ = '\0';
		ok = datedetect_add(d, one, &err);
		one = next;
	}
	if (!ok && err.text[0] == '\0')
		abort();
	while (ok && line != NULL && *line != '\0') {
		struct date_result r;
		size_t n = strcspn(line, "\n");
		bool is_ascii = true;
		for (size_t i = 0; i < n; i++)
			is_ascii = is_ascii && (unsigned char)line[i] < 0x80;
		datedetect_find(d, line, n, is_ascii, 1795334800, &r);
		if (r.from > r.to || r.to > n || (r.found == DATE_FOUND && isnan(r.time)))
			abort();
		line += n + (line[n] == '\n');
	}
	datedetect_free(d);
	regex_room_free(room);
	str_done(&text);
	return 0;
}
