/*
 * recent: the last lines of a log, with what it has where a line has U+FFFD.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// after the above
#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine.h"

struct seen {
	size_t count;
	int first, last; /* numbers of the lines */
	char text[200], raw[200]; /* of the newest */
};

static void
see(void *arg, struct slice text, struct slice raw)
{
	struct seen *s = arg;

	snprintf(s->text, sizeof s->text, "%.*s", (int)text.len, text.at);
	snprintf(s->raw, sizeof s->raw, "%.*s", (int)raw.len, raw.at);
	int number = atoi(s->text);
	if (s->count++ == 0)
		s->first = number;
	else
		assert_int_equal(number, s->last + 1); /* none is left out, none is taken for another */
	s->last = number;
	/* every third line has something, and it stays with its line */
	assert_string_equal(s->raw, number % 3 == 0 ? "9b fe" : "");
}

static void
line_add(struct engine *e, int number, int width)
{
	char text[200];
	struct str raw = {0};

	if (number % 3 == 0) {
		text_note(&raw, "\x9b", 1);
		text_note(&raw, "\xfe", 1);
	}
	snprintf(text, sizeof text, "%d %0*d", number, width, 0);
	struct line line = {.bytes = text, .len = strlen(text), .raw = {str_text(&raw), raw.len}};
	recent_add(e, "/log", &line, 1);
	str_done(&raw);
}

static void
the_newest_lines_come_with_what_belongs_to_them(void **state)
{
	struct engine *e = xcalloc(1, sizeof *e);
	struct seen s = {0};

	(void)state;
	recent_each(e, "/log", 5, see, &s);
	assert_int_equal(s.count, 0);
	for (int i = 1; i <= 4; i++)
		line_add(e, i, 3);
	for (size_t n = 1; n <= 6; n++) {
		s = (struct seen){0};
		recent_each(e, "/log", n, see, &s);
		assert_int_equal(s.count, n < 4 ? n : 4);
		assert_int_equal(s.last, 4);
	}
	/* an empty one, and one with a line end in it */
	struct line odd[] = {{.bytes = "", .len = 0}, {.bytes = "7 a\nb", .len = 5}};
	recent_add(e, "/odd", odd, 2);
	s = (struct seen){.count = 1, .last = 6};
	recent_each(e, "/odd", 1, see, &s);
	assert_string_equal(s.text, "7 a b");
	recent_free(e);
	free(e);
}

static void
a_ring_that_is_full_leaves_the_oldest_out(void **state)
{
	struct engine *e = xcalloc(1, sizeof *e);

	(void)state;
	for (int i = 1; i <= 20000; i++) {
		line_add(e, i, 20 + i % 30);
		if (i % 997 != 0 && i < 19990)
			continue;
		struct seen s = {0};
		recent_each(e, "/log", 1000000, see, &s);
		assert_int_equal(s.last, i);
		assert_true(s.count > 900 || s.first == 1);
		assert_true(s.count < 18000);
	}
	recent_free(e);
	free(e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_newest_lines_come_with_what_belongs_to_them), cmocka_unit_test(a_ring_that_is_full_leaves_the_oldest_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
