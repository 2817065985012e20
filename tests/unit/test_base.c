/* base: text, addr, value, str: what everything stands on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "base/value.h"

static void
cleaned(const char *bytes, size_t len, bool ascii, const char *want)
{
	struct str out = {0};

	text_clean(bytes, len, ascii, &out);
	assert_string_equal(str_text(&out), want);
	str_done(&out);
}

#define CLEAN(text, want) cleaned(text, sizeof text - 1, false, want)

static void
hostile_bytes_become_text(void **state)
{
	(void)state;
	CLEAN("plain text", "plain text");
	CLEAN("a\x1b[2Jb", "a\\x1b[2Jb");
	CLEAN("\x1b]0;x\x07", "\\x1b]0;x\\x07");
	CLEAN("a\rb\nc\td", "a\\rb\\nc\\td");
	CLEAN("\x9b" "31m", "\\x9b31m");             /* a bare C1 byte */
	CLEAN("\xc2\x9b", "\\x9b");                   /* the same as UTF-8 */
	CLEAN("a\0b", "a\\x00b");
	CLEAN("\x7f", "\\x7f");
	CLEAN("\xe2\x80\xaetoor", "\\u202etoor");    /* right-to-left override */
	CLEAN("\xe2\x80\x8b", "\\u200b");
	CLEAN("\xef\xbb\xbf", "\\ufeff");
	CLEAN("\xed\xa0\x80", "\\xed\\xa0\\x80");    /* a surrogate */
	CLEAN("\xc0\xaf", "\\xc0\\xaf");             /* overlong */
	CLEAN("\xf0\x9f\x98", "\\xf0\\x9f\\x98");    /* cut short */
	CLEAN("caf\xc3\xa9 \xe6\xbc\xa2", "caf\xc3\xa9 \xe6\xbc\xa2");
	CLEAN("\xf3\xa0\x80\x81", "\\U000e0001");    /* a tag character */
	cleaned("caf\xc3\xa9", 5, true, "caf\\u00e9");
}

static void
marks_are_capped(void **state)
{
	struct str in = {0}, out = {0};
	struct text_cell cell;

	(void)state;
	str_add(&in, "e");
	for (int i = 0; i < 200; i++)
		str_add(&in, "\xcc\x81");
	assert_int_equal(text_next(in.at, in.len, false, &cell), in.len);
	assert_string_equal(cell.bytes, "e\xcc\x81\xcc\x81");
	assert_int_equal(cell.cols, 1);
	text_clean("\xcc\x81", 2, false, &out); /* a mark without a base */
	assert_string_equal(str_text(&out), "\\u0301");
	str_done(&in);
	str_done(&out);
}

static void
columns_are_counted(void **state)
{
	struct text_cell cell;

	(void)state;
	text_next("\xe6\xbc\xa2", 3, false, &cell);
	assert_int_equal(cell.cols, 2);
	text_next("\x1b", 1, false, &cell);
	assert_int_equal(cell.cols, 4);
	assert_true(cell.is_escape);
}

static void
addr_is(const char *in, const char *want)
{
	struct addr a;
	char text[ADDR_TEXT_MAX];

	assert_true(addr_parse(in, &a));
	addr_format(&a, text);
	assert_string_equal(text, want);
}

static void
addresses_are_canonical(void **state)
{
	static const char *const bad[] = {"", "999.1.1.1", "1.2.3", "01.2.3.4", "1.2.3.4/", "1.2.3.4/255.0.255.0",
	    "x", "1.2.3.4 ", "::1::", "1.2.3.4/-1", "2001:db8::/x"};
	struct addr a;

	(void)state;
	addr_is("192.0.2.1", "192.0.2.1");
	addr_is("192.0.2.77/24", "192.0.2.0/24");
	addr_is("192.0.2.77/255.255.255.0", "192.0.2.0/24");
	addr_is("192.0.2.1/33", "192.0.2.1");
	addr_is("2001:DB8:0::1", "2001:db8::1");
	addr_is("[2001:db8::1]", "2001:db8::1");
	addr_is("::ffff:192.0.2.1", "192.0.2.1");
	addr_is("::ffff:c000:201", "192.0.2.1");
	addr_is("::ffff:192.0.2.0/120", "::ffff:192.0.2.0/120");
	addr_is("2001:db8::1/32", "2001:db8::/32");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(addr_parse(bad[i], &a));
}

static bool
inside(const char *net, const char *one)
{
	struct addr n, a;

	assert_true(addr_parse(net, &n));
	assert_true(addr_parse(one, &a));
	return addr_contains(&n, &a);
}

static void
networks_contain(void **state)
{
	(void)state;
	assert_true(inside("192.0.2.0/24", "192.0.2.255"));
	assert_false(inside("192.0.2.0/24", "192.0.3.0"));
	assert_false(inside("192.0.2.0/25", "192.0.2.0/24"));
	assert_true(inside("0.0.0.0/0", "203.0.113.1"));
	assert_false(inside("0.0.0.0/0", "2001:db8::1"));
	assert_true(inside("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(inside("2001:db8::/33", "2001:db8:8000::1"));
}

static void
repr_is(struct value *v, const char *want)
{
	struct str out = {0};

	value_repr(v, &out);
	assert_string_equal(str_text(&out), want);
	str_done(&out);
	value_free(v);
}

static void
values_print_as_python(void **state)
{
	struct value *t = value_tuple(), *d = value_dict();

	(void)state;
	repr_is(value_str("it's"), "\"it's\"");
	repr_is(value_str("a'b\"c"), "'a\\'b\"c'");
	repr_is(value_str("a\n\t\\\x01\xc3\xa9\xe2\x80\xae"), "'a\\n\\t\\\\\\x01\xc3\xa9\\u202e'");
	repr_is(value_float(1795334752), "1795334752.0");
	repr_is(value_float(0.1), "0.1");
	repr_is(value_float(1e16), "1e+16");
	repr_is(value_float(1e-5), "1e-05");
	repr_is(value_float(31557600), "31557600.0");
	repr_is(value_bool(true), "True");
	repr_is(value_none(), "None");
	repr_is(value_set(), "set()");
	value_push(t, value_int(1));
	repr_is(t, "(1,)");
	value_put(d, "t", value_words("192.0.2.1", "2001:db8::1", NULL));
	repr_is(d, "{'t': ['192.0.2.1', '2001:db8::1']}");
}

static void
values_survive_json(void **state)
{
	struct value *v = value_list(), *d = value_dict();

	(void)state;
	value_put(d, "k", value_float(1.5));
	value_put(d, "k", value_bool(false)); /* replaced */
	value_push(v, d);
	value_push(v, value_none());
	value_push(v, value_strn("a\0b", 3));
	json_t *j = value_to_json(v);
	struct value *back = value_from_json(j);
	assert_true(value_equal(v, back));
	json_decref(j);
	value_free(back);
	value_free(v);
	v = value_str("\xff");
	j = value_to_json(v);
	assert_string_equal(json_string_value(j), "\xef\xbf\xbd");
	json_decref(j);
	value_free(v);
}

static void
arenas_give_aligned_zeroed_memory(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t n = 1; n < 20000; n = n * 3 + 1) {
		unsigned char *p = arena_alloc(a, n);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
	}
	assert_string_equal(arena_printf(a, "%s-%d", "x", 7), "x-7");
	assert_string_equal(arena_join(a, "x", "", "-", "7", NULL), "x-7");
	arena_reset(a);
	for (size_t n = 1; n < 20000; n = n * 3 + 1) /* what is taken again is zeroed again */
		assert_int_equal(((unsigned char *)arena_alloc(a, n))[n - 1], 0);
	arena_free(a);
	char *text = xjoin("one", "/", "two", NULL);
	assert_string_equal(text, "one/two");
	free(text);
}

static void
words_are_close_or_not(void **state)
{
	(void)state;
	assert_int_equal(str_distance("maxretry", "maxrety"), 1);
	assert_int_equal(str_distance("kitten", "sitting"), 3);
	assert_int_equal(str_distance("", "abc"), 3);
	static const char *const words[] = {"", "a", "port", "ports", "prot", "maxretry", "maxrety", "xamretry", "MAXRETRY",
	    "bantime", "bantime.factor", "aaaa", "bantmie"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		for (size_t k = 0; k < sizeof words / sizeof *words; k++)
			for (int limit = 1; limit < 5; limit++) {
				int d = str_distance(words[i], words[k]);
				struct str_word word = str_word(words[i]);
				assert_int_equal(str_distance_below(&word, words[k], limit), d < limit ? d : limit);
			}
}

static void
lists_grow_and_are_emptied(void **state)
{
	struct value *list = value_list();
	struct str text = {0};

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 9; i++) {
			value_push(list, value_int(i));
			struct value *copy = value_dup(list);
			assert_true(value_equal(copy, list));
			value_push(copy, value_str("more"));
			assert_int_equal(value_count(copy), i + 2);
			value_free(copy);
		}
		str_clear(&text);
		value_repr(list, &text);
		assert_string_equal(str_text(&text), "[0, 1, 2, 3, 4, 5, 6, 7, 8]");
		value_clear(list);
		assert_int_equal(value_count(list), 0);
	}
	str_done(&text);
	value_free(list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hostile_bytes_become_text),
	    cmocka_unit_test(marks_are_capped),
	    cmocka_unit_test(columns_are_counted),
	    cmocka_unit_test(addresses_are_canonical),
	    cmocka_unit_test(networks_contain),
	    cmocka_unit_test(values_print_as_python),
	    cmocka_unit_test(values_survive_json),
	    cmocka_unit_test(arenas_give_aligned_zeroed_memory),
	    cmocka_unit_test(words_are_close_or_not),
	    cmocka_unit_test(lists_grow_and_are_emptied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
