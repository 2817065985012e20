/*
 * fuzz_regex: Python's dialect. The first line of the input is an expression, the others are texts. It is translated,
 * compiled and searched; what is remembered of lines must not change what is found.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/text.h"
#include "match/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every match holds one of the texts that it is said to need. */
static void
check_need(const struct regex *r, const char *text)
{
	const struct need *n = regex_need(r);
	const size_t *spans = regex_spans(r);

	if (n->count == 0)
		return;
	for (size_t i = 0; i < n->count; i++)
		if (memmem(text + spans[0], spans[1] - spans[0], n->at[i], strlen(n->at[i])) != NULL)
			return;
	abort();
}

static void
search(struct regex *r, const char *text, size_t len)
{
	bool is_ascii = true;
	size_t n = 2 * (regex_n_groups(r) + 1), reach;
	uint64_t steps;

	for (size_t i = 0; i < len; i++)
		is_ascii = is_ascii && (unsigned char)text[i] < 0x80;
	size_t *first = calloc(n, sizeof *first);
	enum regex_result a = regex_search_line(r, text, len, is_ascii);
	if (a == REGEX_LIMIT) { /* it would be so again, which takes most of the time and says nothing */
		free(first);
		return;
	}
	if (a == REGEX_HIT)
		check_need(r, text);
	if (a == REGEX_HIT)
		memcpy(first, regex_spans(r), n * sizeof *first);
	enum regex_result b = regex_search_line(r, text, len, is_ascii); /* now it may be remembered */
	if (a == REGEX_HIT && (b != a || memcmp(first, regex_spans(r), n * sizeof *first) != 0))
		abort();
	b = regex_search(r, text, len, 0, false);
	if (a != REGEX_LIMIT && b != REGEX_LIMIT && is_ascii && a != b)
		abort(); /* the byte copy and the UTF copy do not agree */
	for (size_t i = 0; a == REGEX_HIT && i < n; i++)
		if (first[i] != SIZE_MAX && first[i] > len)
			abort();
	regex_search_closed(r, text, len / 2, is_ascii);
	regex_trace(r, text, len, &reach, &steps);
	free(first);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str source = {0};
	struct regex_fault fault = {0};

	if (size == 0 || size > 2048)
		return 0;
	text_to_utf8((const char *)data, size, &source);
	char *line = memchr(source.at, '\n', source.len);
	if (line != NULL)
		*line++ = '\0';
	if (strlen(source.at) != (line != NULL ? (size_t)(line - 1 - source.at) : source.len)) {
		str_done(&source);
		return 0;
	}
	struct regex_room *room = regex_room_new();
	size_t len = strlen(source.at);
	struct regex *r = regex_new(room, source.at, len, data[0] % 3 == 0 ? REGEX_MULTILINE : 0, &fault);
	if (r == NULL) {
		if (fault.text[0] == '\0' || (fault.offset != SIZE_MAX && (fault.offset > len || fault.column == 0)))
			abort(); /* a refusal says why, and where */
	} else {
		regex_first_bytes(r);
		regex_prefix(r);
		while (line != NULL && *line != '\0') {
			size_t n = strcspn(line, "\n");
			struct str one = {0};
			str_addn(&one, line, n);
			str_addc(&one, '\n');
			search(r, one.at, one.len);
			str_done(&one);
			line += n + (line[n] == '\n');
		}
	}
	regex_free(r);
	regex_room_free(room);
	str_done(&source);
	return 0;
}
