/* canvas: hostile bytes become cells, nothing is drawn outside, wide characters are whole or not there */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "canvas.h"

static void
dump_is(const struct canvas *c, const char *expected)
{
	struct str out = {0};

	canvas_dump(c, &out);
	assert_string_equal(str_text(&out), expected);
	str_done(&out);
}

static void
escapes_are_text_in_reverse(void **state)
{
	struct canvas c;
	static const char bytes[] = "a\x1b[2J\0\x9b\xff\xe2\x80\xae!";

	(void)state;
	canvas_init(&c, 40, 1, false);
	canvas_textn(&c, 0, 0, -1, 0, ROLE_NORMAL, 0, bytes, sizeof bytes - 1, NULL);
	dump_is(&c, "a\\x1b[2J\\x00\\x9b\\xff\\u202e!\n");
	assert_int_equal(canvas_cell(&c, 0, 0)->flags & CELL_REVERSE, 0);
	assert_int_equal(canvas_cell(&c, 1, 0)->flags & CELL_REVERSE, CELL_REVERSE);
	assert_int_equal(canvas_cell(&c, 5, 0)->flags & CELL_REVERSE, 0); /* the typed [ */
	canvas_done(&c);
}

static void
text_ends_at_the_edge(void **state)
{
	struct canvas c, part;
	bool was_cut;

	(void)state;
	canvas_init(&c, 8, 2, false);
	assert_int_equal(canvas_textn(&c, 2, 0, -1, 0, ROLE_NORMAL, 0, "abcdefghij", 10, &was_cut), 6);
	assert_true(was_cut);
	assert_int_equal(canvas_text(&c, 3, 7, ROLE_NORMAL, "below"), 5); /* counts, draws nothing */
	part = canvas_window(&c, 4, 1, 100, 100);
	assert_int_equal(part.w, 4);
	assert_int_equal(part.h, 1);
	canvas_text(&part, 0, 0, ROLE_NORMAL, "window");
	dump_is(&c, "  abcdef\n    wind\n");
	canvas_done(&c);
}

static void
wide_characters_are_whole_or_left_out(void **state)
{
	struct canvas c;

	(void)state;
	canvas_init(&c, 5, 1, false);
	canvas_text(&c, 0, 0, ROLE_NORMAL, "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"); /* 6 columns */
	dump_is(&c, "\xe6\x97\xa5\xe6\x9c\xac\n");
	canvas_text(&c, 1, 0, ROLE_NORMAL, "x"); /* on the right half: the left half must not stay */
	dump_is(&c, " x\xe6\x9c\xac\n");
	canvas_text(&c, 2, 0, ROLE_NORMAL, "y"); /* on the left half */
	dump_is(&c, " xy\n");
	canvas_done(&c);
}

static void
combining_marks_are_capped(void **state)
{
	struct canvas c;
	char text[3 + 2 * 200];

	(void)state;
	text[0] = 'n';
	for (int i = 0; i < 200; i++)
		memcpy(text + 1 + 2 * i, "\xcc\x81", 2);
	text[401] = 'x';
	canvas_init(&c, 10, 1, false);
	canvas_textn(&c, 0, 0, -1, 0, ROLE_NORMAL, 0, text, 402, NULL);
	assert_string_equal(canvas_cell(&c, 0, 0)->bytes, "n\xcc\x81\xcc\x81");
	assert_string_equal(canvas_cell(&c, 1, 0)->bytes, "x");
	canvas_done(&c);
}

static void
ascii_only_shows_nothing_else(void **state)
{
	struct canvas c;

	(void)state;
	canvas_init(&c, 30, 1, true);
	canvas_text(&c, 0, 0, ROLE_NORMAL, "\xe6\x97\xa5 a");
	canvas_hline(&c, 10, 0, 3, ROLE_NORMAL);
	canvas_vbar(&c, 14, 0, ROLE_NORMAL);
	dump_is(&c, "\\u65e5 a  --- |\n");
	canvas_done(&c);
}

static void
fields_are_cut_with_a_mark(void **state)
{
	struct canvas c;

	(void)state;
	canvas_init(&c, 20, 2, false);
	canvas_field(&c, 0, 0, 6, false, ROLE_NORMAL, 0, "recidive");
	canvas_field(&c, 7, 0, 6, true, ROLE_NORMAL, 0, "9:58");
	canvas_textn(&c, 0, 1, 5, 3, ROLE_NORMAL, 0, "abcdefghij", 10, NULL);
	dump_is(&c, "recid>   9:58\ndefgh\n");
	canvas_done(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(escapes_are_text_in_reverse), cmocka_unit_test(text_ends_at_the_edge),
	    cmocka_unit_test(wide_characters_are_whole_or_left_out), cmocka_unit_test(combining_marks_are_capped),
	    cmocka_unit_test(ascii_only_shows_nothing_else), cmocka_unit_test(fields_are_cut_with_a_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
