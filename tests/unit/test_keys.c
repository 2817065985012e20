/* keys: the table is the truth: no key twice, every action bound and explained; split sequences and pastes are swallowed */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keys.h"

static void
no_key_twice_in_a_context(void **state)
{
	size_t n;
	const struct binding *t = keys_table(&n);

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			if (t[i].context == t[k].context && t[i].key == t[k].key) {
				char name[16];
				fail_msg("%s is bound twice", keys_name(t[i].key, name));
			}
}

static void
every_action_is_bound_and_explained(void **state)
{
	size_t n;
	const struct binding *t = keys_table(&n);
	bool is_bound[ACTIONS] = {false};

	(void)state;
	for (size_t i = 0; i < n; i++) {
		is_bound[t[i].action] = true;
		assert_non_null(t[i].help);
		assert_true(strlen(t[i].help) > 3);
		assert_non_null(t[i].group);
	}
	for (int act = ACT_NONE + 1; act < ACTIONS; act++)
		if (!is_bound[act])
			fail_msg("action %d has no key", act);
}

static void
flow_control_keys_are_never_bound(void **state)
{
	static const int never[] = {KEY_CTRL('S'), KEY_CTRL('Q'), KEY_CTRL('\\'), KEY_CTRL('Z')};

	(void)state;
	for (size_t i = 0; i < sizeof never / sizeof *never; i++)
		for (int context = 0; context < CONTEXTS; context++)
			assert_null(keys_find((enum key_context)context, never[i]));
}

static void
a_pane_may_have_its_own_meaning(void **state)
{
	(void)state;
	assert_int_equal(keys_find(CTX_BANS, 'e')->action, ACT_EXPORT);
	assert_int_equal(keys_find(CTX_REGEX, 'e')->action, ACT_EDIT);
	assert_null(keys_find(CTX_BANS, 'R'));
	assert_int_equal(keys_find(CTX_CHAINS, 'R')->action, ACT_REPAIR);
}

static void
a_split_arrow_is_swallowed(void **state)
{
	struct key_guard g = {0};

	(void)state;
	/* Down is ESC [ B: it came in pieces */
	assert_true(keys_guard(&g, KEY_ESC, 10.0));
	assert_false(keys_guard(&g, '[', 10.15));
	assert_false(keys_guard(&g, 'B', 10.2));
	assert_true(keys_guard(&g, 'B', 10.3)); /* the next one is a key again */
	/* with parameters: ESC [ 1 ; 2 B */
	assert_true(keys_guard(&g, KEY_ESC, 20.0));
	assert_false(keys_guard(&g, '[', 20.1));
	assert_false(keys_guard(&g, '1', 20.1));
	assert_false(keys_guard(&g, ';', 20.1));
	assert_false(keys_guard(&g, '2', 20.1));
	assert_false(keys_guard(&g, 'B', 20.1));
	assert_true(keys_guard(&g, 'u', 20.1));
	/* too late to belong together */
	assert_true(keys_guard(&g, KEY_ESC, 30.0));
	assert_true(keys_guard(&g, '[', 30.6));
	/* a sequence that never ends does not eat keys for ever */
	assert_true(keys_guard(&g, KEY_ESC, 40.0));
	assert_false(keys_guard(&g, 'O', 40.1));
	assert_true(keys_guard(&g, 'B', 41.0));
}

static void
a_paste_is_no_key(void **state)
{
	struct key_guard g = {0};

	(void)state;
	assert_false(keys_guard(&g, K_PASTE_BEGIN, 1));
	for (const char *p = "uUbB\ry"; *p != '\0'; p++)
		assert_false(keys_guard(&g, *p, 1));
	assert_false(keys_guard(&g, K_PASTE_END, 1));
	assert_true(keys_guard(&g, 'u', 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_key_twice_in_a_context), cmocka_unit_test(every_action_is_bound_and_explained),
	    cmocka_unit_test(flow_control_keys_are_never_bound), cmocka_unit_test(a_pane_may_have_its_own_meaning),
	    cmocka_unit_test(a_split_arrow_is_swallowed), cmocka_unit_test(a_paste_is_no_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
