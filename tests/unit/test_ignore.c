/* ignore: whose failures do not count; formula and bantime: how long the next ban is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ban/bantime.h"
#include "ban/formula.h"
#include "ban/ignore.h"

static enum ignore_why
check(const struct ignore *g, const char *id)
{
	struct addr a = {0};

	addr_parse(id, &a);
	return ignore_check(g, id, &a);
}

static void
addresses_networks_and_names_are_ignored(void **state)
{
	struct clock clock = {.is_fixed = true, .fixed = 1000};
	struct ignore *g = ignore_new(&clock);
	struct addr name_addr;

	(void)state;
	assert_true(ignore_add(g, "192.0.2.1", -1, NULL));
	assert_true(ignore_add(g, "198.51.100.0/255.255.255.0", -1, NULL));
	assert_true(ignore_add(g, "2001:db8::/32", -1, NULL));
	assert_true(ignore_add(g, "gw.example.org", -1, NULL));
	addr_parse("203.0.113.9", &name_addr);
	ignore_set_name(g, "gw.example.org", &name_addr, 1);
	assert_int_equal(check(g, "192.0.2.1"), IGNORE_IP);
	assert_int_equal(check(g, "192.0.2.2"), IGNORE_NOT);
	assert_int_equal(check(g, "198.51.100.77"), IGNORE_IP);
	assert_int_equal(check(g, "198.51.101.77"), IGNORE_NOT);
	assert_int_equal(check(g, "2001:db8:1::5"), IGNORE_IP);
	assert_int_equal(check(g, "203.0.113.9"), IGNORE_DNS);
	/* a network that is wider than the entry is not ignored */
	assert_int_equal(check(g, "198.51.0.0/16"), IGNORE_NOT);
	ignore_free(g);
}

static void
bad_entries_are_refused(void **state)
{
	struct clock clock = {.is_fixed = true, .fixed = 1000};
	struct ignore *g = ignore_new(&clock);
	struct err err;

	(void)state;
	assert_false(ignore_add(g, "foo/bar", -1, &err));
	assert_non_null(strstr(err.text, "foo/bar"));
	assert_false(ignore_add(g, "192.0.2.0/255.0.255.0", -1, &err));
	assert_int_equal(ignore_count(g), 0);
	ignore_free(g);
}

static void
a_timed_entry_ends(void **state)
{
	struct clock clock = {.is_fixed = true, .fixed = 1000};
	struct ignore *g = ignore_new(&clock);

	(void)state;
	ignore_add(g, "192.0.2.1", 1060, NULL);
	assert_int_equal(check(g, "192.0.2.1"), IGNORE_IP);
	assert_null(ignore_pop_expired(g));
	clock.fixed = 1060;
	assert_int_equal(check(g, "192.0.2.1"), IGNORE_NOT);
	char *text = ignore_pop_expired(g);
	assert_string_equal(text, "192.0.2.1");
	free(text);
	assert_int_equal(ignore_count(g), 0);
	ignore_free(g);
}

static double
eval(const char *text)
{
	struct formula_env env = {.time = 600, .count = 3, .factor = 2, .random = 0.5};
	struct err err;
	double out;

	if (!formula_eval(text, &env, &out, &err))
		fail_msg("%s", err.text);
	return out;
}

static void
formulas_are_computed_as_python_does(void **state)
{
	(void)state;
	assert_true(eval("ban.Time * (1<<(ban.Count if ban.Count<20 else 20)) * banFactor") == 9600);
	assert_true(fabs(eval("ban.Time * math.exp(float(ban.Count+1)*banFactor)/math.exp(1*banFactor)") - 600 * exp(8) / exp(2)) < 1e-6);
	assert_true(eval("2 + 3 * 4 ** 2 // 5 - -1") == 12);
	assert_true(eval("-7 // 2") == -4);
	assert_true(eval("-7 % 3") == 2);
	assert_true(eval("2 ** 3 ** 2") == 512);
	assert_true(eval("max(1, min(5, 3), 2)") == 3);
	assert_true(eval("1 if 2 > 3 or not 1 else 7") == 7);
	assert_true(eval("1 < 2 < 3") == 1);
	assert_true(eval("ban.Time + random.random() * 10") == 605);
}

static void
bad_formulas_say_where(void **state)
{
	static const char *const bad[] = {"", "1 +", "ban.Tme", "(1", "1 / 0", "__import__('os')", "1 2", "math.exp()"};
	struct formula_env env = {0};
	struct err err;
	double out;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(formula_eval(bad[i], &env, &out, &err));
		assert_non_null(strstr(err.text, "column"));
	}
	char deep[1000];
	memset(deep, '(', sizeof deep - 1);
	deep[sizeof deep - 1] = '\0';
	assert_false(formula_eval(deep, &env, &out, &err));
}

static int64_t
next(struct value *options, int count)
{
	int64_t s;

	assert_true(bantime_next(options, 600, count, 0, &s, NULL));
	return s;
}

static void
ban_times_grow(void **state)
{
	struct value *o = value_dict(), *v = value_str("true");
	struct err err;

	(void)state;
	assert_true(bantime_set(o, "increment", v, &err));
	value_free(v);
	assert_true(bantime_is_increment(o));
	assert_int_equal(next(o, 0), 600);
	assert_int_equal(next(o, 1), 1200);
	assert_int_equal(next(o, 3), 4800);
	v = value_str("1 2 4 8");
	assert_true(bantime_set(o, "multipliers", v, &err));
	value_free(v);
	assert_int_equal(next(o, 2), 2400);
	assert_int_equal(next(o, 30), 4800); /* the last one repeats */
	v = value_str("1h");
	assert_true(bantime_set(o, "maxtime", v, &err));
	value_free(v);
	assert_int_equal(bantime_maxtime(o), 3600);
	assert_int_equal(next(o, 30), 3600);
	v = value_str("1 x");
	assert_false(bantime_set(o, "multipliers", v, &err));
	value_free(v);
	value_free(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_networks_and_names_are_ignored),
	    cmocka_unit_test(bad_entries_are_refused),
	    cmocka_unit_test(a_timed_entry_ends),
	    cmocka_unit_test(formulas_are_computed_as_python_does),
	    cmocka_unit_test(bad_formulas_say_where),
	    cmocka_unit_test(ban_times_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
