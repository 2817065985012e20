/*
 * fuzz_failregex: the first line of the input is an expression as a filter writes it, the others are texts. Its tags
 * are expanded, with and without host names; what its groups say about the texts becomes a Python dict.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/text.h"
#include "match/expr.h"
#include "match/failregex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each byte of the expanded text comes from somewhere in the source. */
static void
check_map(const struct mapped *m, size_t source_len)
{
	for (size_t i = 0; i <= m->text.len; i++)
		if (mapped_from(m, i) > source_len)
			abort();
	if (memchr(str_text(&m->text), '\0', m->text.len) != NULL)
		abort();
}

static void
collect(const struct expr *e, const struct names *names, const char *text, size_t len)
{
	bool is_ascii = true;

	for (size_t i = 0; i < len; i++)
		is_ascii = is_ascii && (unsigned char)text[i] < 0x80;
	if (regex_search_line(e->regex, text, len, is_ascii) != REGEX_HIT)
		return;
	struct captures all = {0};
	expr_collect(e, text, captures_keep(&all, text, len), &all);
	expr_collect(e, text, captures_keep(&all, text, len), &all); /* as behind a prefregex */
	struct value *v = captures_value(&all, names);
	struct str shown = {0};
	value_repr(v, &shown);
	str_done(&shown);
	value_free(v);
	captures_done(&all);
}

static void
try_expression(const char *source, const char *texts, bool with_names)
{
	struct mapped m;
	struct regex_fault fault = {0};
	struct err err = {""};
	struct names names;
	size_t len = strlen(source);

	failregex_expand(source, with_names, &m);
	check_map(&m, len);
	mapped_done(&m);
	names_init(&names);
	struct regex_room *room = regex_room_new();
	struct expr *e = expr_new(room, &names, source, with_names, len % 3 == 0 ? REGEX_MULTILINE : 0, &err, &fault);
	if (e == NULL && (err.text[0] == '\0' || fault.text[0] == '\0' || fault.column > len + 1))
		abort(); /* a refusal says why, and where */
	if (e != NULL && len % 2 == 0)
		expr_set_pref(e, true);
	while (e != NULL && texts != NULL && *texts != '\0') {
		size_t n = strcspn(texts, "\n");
		struct str one = {0};
		str_addn(&one, texts, n);
		str_addc(&one, '\n');
		str_reserve(&one, 16);
		collect(e, &names, one.at, one.len);
		str_done(&one);
		texts += n + (texts[n] == '\n');
	}
	expr_free(e);
	regex_room_free(room);
	names_done(&names);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {0};

	if (size == 0 || size > 2048)
		return 0;
	text_to_utf8((const char *)data, size, &text);
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] == '\0')
			text.at[i] = ' ';
	char *line = strchr(text.at, '\n');
	if (line != NULL)
		*line++ = '\0';
	try_expression(text.at, line, data[0] % 2 == 0);
	free(failregex_group_name(text.at, strlen(text.at)));
	str_done(&text);
	return 0;
}
