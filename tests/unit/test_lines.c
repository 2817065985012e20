/* lines: raw bytes of a log -> lines, whatever the encoding and however they are cut into blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "source/lines.h"

struct got {
	struct str text; /* each line in brackets; "!" behind one that was cut */
	size_t count, longest;
	size_t largest_batch;
};

static void
on_lines(void *arg, const struct line *lines, size_t count)
{
	struct got *g = arg;

	if (count > g->largest_batch)
		g->largest_batch = count;
	for (size_t i = 0; i < count; i++) {
		g->count++;
		if (lines[i].len > g->longest)
			g->longest = lines[i].len;
		str_addc(&g->text, '[');
		str_addn(&g->text, lines[i].bytes, lines[i].len);
		str_add(&g->text, lines[i].is_cut ? "]!" : "]");
	}
}

/* The bytes in blocks of every small size give the same lines. */
static void
assert_lines_n(const char *encoding, const char *bytes, size_t len, const char *expected, size_t pending, uint64_t bad)
{
	for (size_t block = 1; block <= len + 1; block++) {
		struct got g = {0};
		struct err err = {""};
		struct lines *l = lines_new(encoding, on_lines, &g, &err);
		if (l == NULL)
			fail_msg("%s", err.text);
		for (size_t at = 0; at < len; at += block)
			lines_feed(l, bytes + at, len - at < block ? len - at : block, false);
		if (strcmp(str_text(&g.text), expected) != 0)
			fail_msg("%s in blocks of %zu: %s, not %s", encoding, block, str_text(&g.text), expected);
		assert_int_equal(lines_pending(l), pending);
		assert_int_equal(lines_bad(l), bad);
		lines_free(l);
		str_done(&g.text);
	}
}

static void
assert_lines(const char *encoding, const char *bytes, const char *expected, size_t pending, uint64_t bad)
{
	assert_lines_n(encoding, bytes, strlen(bytes), expected, pending, bad);
}

static void
lines_end_at_line_feeds(void **state)
{
	(void)state;
	assert_lines("utf-8", "", "", 0, 0);
	assert_lines("utf-8", "a\nbc\n\nd", "[a][bc][]", 1, 0);
	assert_lines("utf-8", "a\r\nb\r\r\nc\rd\n\r\n", "[a][b][c\rd][]", 0, 0);
	assert_lines("utf-8", "no end", "", 6, 0);
	assert_lines_n("utf-8", "a\0b\n", 4, "[a", 0, 0); /* the NUL is kept: str_text() ends there */
}

static void
an_unfinished_line_waits_for_its_rest_or_is_given_up(void **state)
{
	struct got g = {0};
	struct lines *l = lines_new("auto", on_lines, &g, NULL);

	(void)state;
	lines_feed(l, "abc", 3, false);
	lines_feed(l, "de\nf", 4, true);
	assert_string_equal(str_text(&g.text), "[abcde]");
	assert_int_equal(lines_pending(l), 1);
	lines_drop(l);
	assert_int_equal(lines_pending(l), 0);
	lines_feed(l, "g", 1, true);
	lines_end(l, true);
	assert_string_equal(str_text(&g.text), "[abcde][g]");
	lines_end(l, true);
	assert_int_equal(g.count, 2);
	lines_free(l);
	str_done(&g.text);
}

#define BAD "\xef\xbf\xbd"

static void
what_cannot_be_decoded_is_replaced_as_python_does(void **state)
{
	(void)state;
	assert_lines("utf-8", "caf\xc3\xa9\n", "[caf\xc3\xa9]", 0, 0);
	assert_lines("utf-8", "a\xff\xfe z\n", "[a" BAD BAD " z]", 0, 1);
	assert_lines("utf-8", "a\xe2\x82z\n\xe2\x82\n", "[a" BAD "z][" BAD "]", 0, 2); /* one for a cut character */
	assert_lines("utf-8", "\xf0\x9f\x98z\n", "[" BAD "z]", 0, 1);
	assert_lines("utf-8", "\xc0\xaf\xed\xa0\x80\n", "[" BAD BAD BAD BAD BAD "]", 0, 1);
	assert_lines("utf-8", "\xf4\x90\x80\x80\n", "[" BAD BAD BAD BAD "]", 0, 1);
	assert_lines("ascii", "a\xc3\xa9\n", "[a" BAD BAD "]", 0, 1);
	assert_lines("latin1", "a\xe9\xff\n", "[a\xc3\xa9\xc3\xbf]", 0, 0);
	assert_lines("ISO-8859-1", "a\xe9\n", "[a\xc3\xa9]", 0, 0);
	assert_lines("iso8859_15", "\xa4\n", "[\xe2\x82\xac]", 0, 0);
	assert_lines("cp1252", "\x80\x81\n", "[\xe2\x82\xac" BAD "]", 0, 1);
	assert_lines("koi8_r", "\xc1\n", "[\xd0\xb0]", 0, 0);
	assert_lines("shift_jis", "\x83\x5c\x83\x8a\n", "[\xe3\x82\xbd\xe3\x83\xaa]", 0, 0);
}

static void
wide_encodings_are_split_between_their_units(void **state)
{
	(void)state;
	/* U+0A0D and U+0D0A hold the bytes of line ends without being such */
	assert_lines_n("utf-16le", "a\0\x0d\x0a\x0a\x0d\n\0b\0\r\0\n\0c\0", 16, "[a\xe0\xa8\x8d\xe0\xb4\x8a][b]", 2, 0);
	assert_lines_n("utf-16be", "\0a\x0a\x0d\0\n\0b\0\n", 10, "[a\xe0\xa8\x8d][b]", 0, 0);
	assert_lines_n("utf-16le", "\x3d\xd8\x00\xde\n\0", 6, "[\xf0\x9f\x98\x80]", 0, 0);
	assert_lines_n("utf-16le", "\x3d\xd8\n\0", 4, "[" BAD "]", 0, 1);
	assert_lines_n("utf-32le", "a\0\0\0\n\0\0\0", 8, "[a]", 0, 0);
	struct got g = {0};
	struct lines *l = lines_new("utf-16", on_lines, &g, NULL);
	lines_feed(l, "\xfe\xff\0a\0\n\0b\0\n", 10, false); /* the mark says that the high byte comes first */
	assert_string_equal(str_text(&g.text), "[a][b]");
	lines_free(l);
	str_done(&g.text);
}

static void
a_line_without_end_is_cut_and_what_is_dropped_is_counted(void **state)
{
	size_t len = 3 * LINE_MAX_BYTES + 10;
	char *bytes = xmalloc(len);
	struct got g = {0};
	struct lines *l = lines_new("utf-8", on_lines, &g, NULL);

	(void)state;
	memset(bytes, 'x', len);
	bytes[len - 1] = '\n';
	for (size_t at = 0; at < len; at += 1000)
		lines_feed(l, bytes + at, len - at < 1000 ? len - at : 1000, false);
	assert_int_equal(g.count, 1);
	assert_int_equal(g.longest, LINE_MAX_BYTES);
	assert_true(str_ends(str_text(&g.text), "]!"));
	lines_feed(l, bytes, len, false); /* in one block */
	assert_int_equal(g.count, 2);
	assert_true(str_ends(str_text(&g.text), "]!"));
	lines_feed(l, bytes, 2 * LINE_MAX_BYTES, false);
	assert_int_equal(lines_pending(l), 2 * LINE_MAX_BYTES);
	lines_feed(l, "\n", 1, false);
	assert_int_equal(g.longest, LINE_MAX_BYTES);
	/* exactly as long as allowed */
	str_clear(&g.text);
	lines_feed(l, bytes, LINE_MAX_BYTES, false);
	lines_feed(l, "\r\nb\n", 4, false);
	assert_true(str_ends(str_text(&g.text), "x][b]"));
	/* a character across the limit is dropped whole */
	memcpy(bytes + LINE_MAX_BYTES - 1, "\xe2\x82\xac\n", 4);
	lines_feed(l, bytes, LINE_MAX_BYTES + 3, false);
	assert_true(str_ends(str_text(&g.text), "x]!"));
	assert_int_equal(lines_bad(l), 0);
	lines_free(l);
	str_done(&g.text);
	free(bytes);
}

static void
decoded_text_may_be_longer_than_the_raw_line(void **state)
{
	size_t len = LINE_MAX_BYTES + 1;
	char *bytes = xmalloc(len);
	struct got g = {0};
	struct lines *l = lines_new("latin1", on_lines, &g, NULL);

	(void)state;
	memset(bytes, '\xe9', len);
	bytes[len - 1] = '\n';
	for (int i = 0; i < 20; i++)
		lines_feed(l, bytes, len, false);
	assert_int_equal(g.count, 20);
	assert_int_equal(g.longest, LINE_MAX_BYTES);
	assert_true(str_ends(str_text(&g.text), "\xc3\xa9]!"));
	lines_free(l);
	str_done(&g.text);
	free(bytes);
}

static void
batches_are_bounded(void **state)
{
	struct got g = {0};
	struct lines *l = lines_new("utf-8", on_lines, &g, NULL);
	struct str many = {0};

	(void)state;
	for (int i = 0; i < 1000; i++)
		str_add(&many, i % 3 == 0 ? "a\xff\n" : "b\n");
	lines_feed(l, many.at, many.len, false);
	assert_int_equal(g.count, 1000);
	assert_int_equal(g.largest_batch, LINES_BATCH);
	assert_true(str_starts(str_text(&g.text), "[a" BAD "][b][b][a" BAD "]"));
	lines_free(l);
	str_done(&g.text);
	str_done(&many);
}

static void
encodings_have_names(void **state)
{
	struct err err;

	(void)state;
	assert_null(lines_new("no-such", on_lines, NULL, &err));
	assert_string_equal(err.text, "unknown encoding: no-such");
	assert_null(lines_new("{}", on_lines, NULL, &err));
	assert_null(lines_new("", on_lines, NULL, &err));
	/* Python's other names of them */
	static const char *const others[] = {"1251", "mac_roman", "utf-8-sig", "iso_8859_2_1987", "shiftjis", "KS_C_5601-1987"};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		struct lines *other = lines_new(others[i], NULL, NULL, &err);
		assert_non_null(other);
		lines_free(other);
	}
	struct lines *l = lines_new("auto", NULL, NULL, &err);
	assert_string_equal(lines_encoding(l), "UTF-8");
	lines_free(l);
	l = lines_new("Latin_1", NULL, NULL, &err);
	assert_string_equal(lines_encoding(l), "Latin_1");
	lines_free(l);
}

/* ---- what was replaced ---- */

static void
on_raw(void *arg, const struct line *lines, size_t count)
{
	struct str *out = arg;

	for (size_t i = 0; i < count; i++) {
		struct slice raw = lines[i].raw, piece;
		str_addc(out, '[');
		while (text_note_next(&raw, &piece)) {
			str_addc(out, '(');
			for (size_t k = 0; k < piece.len; k++)
				str_addf(out, "%02x", (unsigned char)piece.at[k]);
			str_addc(out, ')');
		}
		str_addc(out, ']');
	}
}

static void
assert_raw(const char *encoding, const char *bytes, const char *expected)
{
	struct str out = {0};
	struct err err;
	struct lines *l = lines_new(encoding, on_raw, &out, &err);

	lines_feed(l, bytes, strlen(bytes), false);
	assert_string_equal(str_text(&out), expected);
	lines_free(l);
	str_done(&out);
}

static void
what_was_replaced_is_noted_in_order(void **state)
{
	(void)state;
	assert_raw("utf-8", "plain\n\xc3\xa4\na\x9b" "b\xe2\x82" "c\xef\xbf\xbd\nx\xff\n", "[][][(9b)(e282)(efbfbd)][(ff)]");
	assert_raw("utf-8", "\xef\xbf\xbd\n", "[]"); /* was decoded by nobody: it is what it says */
	assert_raw("ascii", "a\x80\x81\n", "[(80)(81)]");
	assert_raw("cp1252", "a\x81z\n", "[(81)]");
	assert_raw("latin1", "a\x81z\n", "[]");
}

static void
a_note_of_a_line_has_a_cap_and_batches_of_bad_lines_stand(void **state)
{
	struct str bytes = {0}, out = {0};
	struct err err;
	struct lines *l = lines_new("utf-8", on_raw, &out, &err);

	(void)state;
	for (int i = 0; i < 30; i++) {
		for (int k = 0; k < 3000; k++)
			str_addc(&bytes, (char)0xff);
		str_addc(&bytes, '\n');
	}
	lines_feed(l, bytes.at, bytes.len, false);
	size_t n = 0;
	for (const char *at = str_text(&out); (at = strstr(at, "(ff)")) != NULL; at++)
		n++;
	assert_int_equal(n, 30 * 2048);
	lines_free(l);
	str_done(&bytes);
	str_done(&out);
}

int
main(void)
{
	setenv("LC_ALL", "C", 1); /* "auto" takes plain C for UTF-8 */
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_end_at_line_feeds),
	    cmocka_unit_test(an_unfinished_line_waits_for_its_rest_or_is_given_up),
	    cmocka_unit_test(what_cannot_be_decoded_is_replaced_as_python_does),
	    cmocka_unit_test(wide_encodings_are_split_between_their_units),
	    cmocka_unit_test(a_line_without_end_is_cut_and_what_is_dropped_is_counted),
	    cmocka_unit_test(decoded_text_may_be_longer_than_the_raw_line),
	    cmocka_unit_test(batches_are_bounded),
	    cmocka_unit_test(encodings_have_names),
	    cmocka_unit_test(what_was_replaced_is_noted_in_order),
	    cmocka_unit_test(a_note_of_a_line_has_a_cap_and_batches_of_bad_lines_stand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
