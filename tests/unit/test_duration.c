#include "base/duration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *text;
	double seconds;
	bool is_whole;
} good[] = {
    {"600", 600, true},
    {"-1", -1, true},
    {"10m", 600, true},
    {"1d 12h", 129600, true},
    {"1d12h", 129600, true},
    {"1h30m", 5400, true},
    {"1Hour 2", 3602, true},
    {"1year-6mo", 15778800, false},
    {"5 * 60", 300, true},
    {"1mo", 2629800, false},
    {"10 20 30", 60, true},
    {"600 # ten minutes", 600, true},
    {"(1 + 2) * 3m", 540, true},
    {"7 // 2", 3, true},
    {"-7 % 3", 2, true},
    {"2 ** 3", 8, true},
    {"1_000", 1000, true},
    {".5h", 1800, false},
    {"10m\n5m", 900, true},
};

static const char *const bad[] = {"", " ", "x", "10x", "1 2 3", "5 5 5", "05", "1/0", "(1", "1)", "1..2", "d", "9**9**9", "600 ;"};

static void
expressions_are_evaluated_as_python_does(void **state)
{
	double s;
	bool is_whole;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct err err = {0};
		if (!duration_eval(good[i].text, &s, &is_whole, &err))
			fail_msg("%s: %s", good[i].text, err.text);
		if (s != good[i].seconds || is_whole != good[i].is_whole)
			fail_msg("%s: %g", good[i].text, s);
	}
}

static void
what_is_no_time_is_refused(void **state)
{
	double s;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = {0};
		if (duration_parse(bad[i], &s, &err))
			fail_msg("'%s' gave %g", bad[i], s);
		assert_true(err.text[0] != '\0');
	}
}

static void
nesting_and_length_have_a_limit(void **state)
{
	char text[10000];
	double s;

	(void)state;
	memset(text, '(', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_false(duration_parse(text, &s, NULL));
	text[4000] = '\0';
	assert_false(duration_parse(text, &s, NULL));
	memset(text, '-', 4000);
	assert_false(duration_parse(text, &s, NULL));
}

static void
formatted(double seconds, const char *want)
{
	char text[64];

	duration_format(seconds, text, sizeof text);
	assert_string_equal(text, want);
}

static void
times_are_shown_with_falling_accuracy(void **state)
{
	(void)state;
	formatted(0, "0");
	formatted(59, "59s");
	formatted(60, "1m");
	formatted(3590, "59m 50s");
	formatted(3595, "1h");
	formatted(86400 * 2 + 3600 * 7 + 60 * 15, "2d 7h 15m");
	formatted(86400.0 * 390, "1y 3w 4d");
	formatted(86400.0 * 368, "1y 3d");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(expressions_are_evaluated_as_python_does),
	    cmocka_unit_test(what_is_no_time_is_refused),
	    cmocka_unit_test(nesting_and_length_have_a_limit),
	    cmocka_unit_test(times_are_shown_with_falling_accuracy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
