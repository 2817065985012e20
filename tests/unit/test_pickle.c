/* The pickles of CPython and of other writers, read and written; the expectations come from Python 3.11. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/pickle_read.h"
#include "server/pickle_write.h"

static char *
read_repr(const char *bytes, size_t len, enum pickle_side side)
{
	struct err err;
	struct value *v = pickle_read(bytes, len, side, &err);
	struct str out = {0};

	if (v == NULL)
		str_addf(&out, "refused: %s", err.text);
	else
		value_repr(v, &out);
	value_free(v);
	return str_take(&out);
}

static void
assert_reads(const char *bytes, size_t len, enum pickle_side side, const char *expected)
{
	char *got = read_repr(bytes, len, side);

	assert_string_equal(got, expected);
	free(got);
}

#define READS(bytes, expected) assert_reads(bytes, sizeof bytes - 1, PICKLE_REQUEST, expected)
#define REPLY(bytes, expected) assert_reads(bytes, sizeof bytes - 1, PICKLE_REPLY, expected)

static void
requests_of_all_protocols(void **state)
{
	(void)state;
	READS("(lp0\nVstatus\np1\naVsshd\np2\na.", "['status', 'sshd']");
	READS("]q\x00(X\x06\x00\x00\x00statusq\x01X\x04\x00\x00\x00sshdq\x02" "e.", "['status', 'sshd']");
	READS("\x80\x02]q\x00(X\x06\x00\x00\x00statusq\x01X\x04\x00\x00\x00sshdq\x02" "e.", "['status', 'sshd']");
	READS("\x80\x05\x95\x0b\x00\x00\x00\x00\x00\x00\x00]\x94\x8c\x04ping\x94" "a.", "['ping']");
	READS("\x80\x05\x95\x0b\x00\x00\x00\x00\x00\x00\x00]\x94\x8d\x04\x00\x00\x00\x00\x00\x00\x00ping\x94" "a.", "['ping']");
}

static void
short_string_opcodes_of_other_writers(void **state)
{
	(void)state;
	READS("\x80\x02]q\x01(U\x06statusq\x02U\x04sshdq\x03" "e.", "['status', 'sshd']");
	READS("(S'get'\nT\x04\x00\x00\x00sshdS\"banip\"\nt.", "('get', 'sshd', 'banip')");
	READS("C\x02\xff" "a.", "'\\udcffa'");
}

static void
numbers(void **state)
{
	(void)state;
	READS("(I1\nI01\nI00\nI-7\nL99L\nK\xffM\xff\xffJ\xff\xff\xff\xff\x8a\x00\x8a\x01\x80\x8b\x02\x00\x00\x00\x00\x01t.",
	    "(1, True, False, -7, 99, 255, 65535, -1, 0, -128, 256)");
	READS("(F1.5\nG\x3f\xf8\x00\x00\x00\x00\x00\x00N\x88\x89t.", "(1.5, 1.5, None, True, False)");
	READS("\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80.", "-9223372036854775808");
	READS("\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00.", "refused: an integer beyond 64 bits");
	READS("I99999999999999999999\n.", "refused: an integer beyond 64 bits");
}

static void
containers(void **state)
{
	(void)state;
	READS("\x80\x04\x8f\x94(K\x01K\x02K\x01\x90.", "{1, 2}");
	READS("(K\x01K\x02\x91.", "{1, 2}");
	READS("c__builtin__\nset\n](K\x01K\x01" "e\x85R.", "{1}");
	READS("}(K\x01NU\x01" "aK\x02U\x01" "aK\x03u.", "{'1': None, 'a': 3}");
	READS("}U\x01" "a]s.", "{'a': []}");
	READS("(U\x01" "aK\x01" "d.", "{'a': 1}");
	READS("))\x85)\x86))\x87.", "((((),), ()), (), ())");
}

static void
memo_in_all_its_forms(void **state)
{
	(void)state;
	READS("(lp0\nS'a'\np1\nag1\na.", "['a', 'a']");
	READS("](U\x01" "aq\x07h\x07r\x00\x01\x00\x00j\x00\x01\x00\x00" "e.", "['a', 'a', 'a']");
	READS("]\x94(\x8c\x01" "a\x94h\x01" "e.", "['a', 'a']");
	READS("(]\x94K\x01" "ah\x00h\x00t.", "([1], [1], [1])");
	READS("(]q\x00" "0h\x00t.", "([],)");
	READS("h\x05.", "refused: Memo value not found at index 5");
}

static void
a_shared_object_that_changes_is_refused(void **state)
{
	(void)state;
	READS("]\x94h\x00" "a.", "refused: an object that changes after it was shared, or holds itself");
	READS("]q\x00(h\x00K\x01" "a0K\x02" "e.", "refused: an object that changes after it was shared, or holds itself");
}

static void
surrogate_escapes_are_the_bytes_they_stand_for(void **state)
{
	struct err err;
	struct value *v = pickle_read("X\x05\x00\x00\x00" "a\xed\xb3\xbf" "b.", 11, PICKLE_REQUEST, &err);
	struct str out = {0};

	(void)state;
	assert_non_null(v);
	assert_memory_equal(v->text.bytes, "a\xff" "b", 4);
	pickle_write(v, PICKLE_REQUEST, &out);
	assert_memory_equal(out.at, "\x80\x02X\x05\x00\x00\x00" "a\xed\xb3\xbf" "b.", 13);
	str_clear(&out);
	pickle_write(v, PICKLE_REPLY, &out);
	assert_memory_equal(out.at, "\x80\x02X\x05\x00\x00\x00" "a\xef\xbf\xbd" "b.", 13);
	str_done(&out);
	value_free(v);
}

static void
code_is_refused(void **state)
{
	(void)state;
	READS("cos\nsystem\n(S'id'\ntR.", "refused: os system is refused: data only");
	READS("\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.", "refused: os system is refused: data only");
	READS("cos\nsystem\n.", "refused: os system is refused: data only");
	READS("]cos\nsystem\na.", "refused: os system is refused: data only");
	READS("(S'id'\nios\nsystem\n.", "refused: INST is refused: data only");
	READS("(cos\nsystem\nS'id'\no.", "refused: OBJ is refused: data only");
	READS("c__builtin__\nobject\n)\x81.", "refused: NEWOBJ is refused: data only");
	READS("Px\n.", "refused: PERSID is refused: data only");
	READS("\x82\x01.", "refused: EXT1 is refused: data only");
	READS("]Nb.", "refused: BUILD is refused: data only");
	READS("cbuiltins\neval\n(S'1'\ntR.", "refused: builtins eval is refused: data only");
	REPLY("cbuiltins\neval\n(S'1'\ntR.", "{'__exception__': 'eval', 'args': ('1',)}");
}

static void
broken_data(void **state)
{
	(void)state;
	READS("", "refused: Ran out of input");
	READS("\x80", "refused: pickle data was truncated");
	READS("X\xff\xff\xff\xff", "refused: pickle data was truncated");
	READS("\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "refused: pickle data was truncated");
	READS("\x80\x09.", "refused: unsupported pickle protocol: 9");
	READS("\x00", "refused: invalid load key, '\\x00'.");
	READS("?", "refused: invalid load key, '?'.");
	READS("e", "refused: could not find MARK");
	READS("(.", "refused: unexpected MARK or stack underflow");
	READS("K\x01(a.", "refused: unexpected MARK or stack underflow");
	READS("NK\x01" "a.", "refused: items for a container of another kind");
	READS("}(K\x01K\x02K\x03u.", "refused: odd number of items for a dict");
}

static void
caps(void **state)
{
	struct str bomb = {0}, deep = {0}, memo = {0};

	(void)state;
	str_addn(&bomb, "]K\x01" "aq\0", 6);
	for (char i = 1; i < 60; i++) /* each is a list that holds the one before twice */
		str_addn(&bomb, (char[]){'0', ']', '(', 'h', (char)(i - 1), 'h', (char)(i - 1), 'e', 'q', i}, 10);
	str_addc(&bomb, '.');
	assert_reads(bomb.at, bomb.len, PICKLE_REQUEST, "refused: pickle holds more than 1000000 values");
	for (int i = 0; i < 70; i++)
		str_addc(&deep, ']');
	for (int i = 0; i < 69; i++)
		str_addc(&deep, 'a');
	str_addc(&deep, '.');
	assert_reads(deep.at, deep.len, PICKLE_REQUEST, "refused: pickle is nested deeper than 64");
	str_add(&memo, "Nr\xff\xff\xff\xff.");
	assert_reads(memo.at, memo.len, PICKLE_REQUEST, "refused: pickle has a memo of more than 1000000 entries");
	str_done(&bomb);
	str_done(&deep);
	str_done(&memo);
}

static void
exceptions_in_replies(void **state)
{
	struct str out = {0};
	struct err err;
	struct value *args = value_list(), *v;
	const char *name = NULL;
	const struct value *got = NULL;

	(void)state;
	value_push(args, value_str("nosuch"));
	pickle_write_error("UnknownJailException", args, &out);
	size_t seen = 0;
	ptrdiff_t end = pickle_frame_end(out.at, out.len, &seen);
	assert_int_equal(end, out.len - PICKLE_END_LEN);
	v = pickle_read(out.at, (size_t)end, PICKLE_REPLY, &err);
	assert_non_null(v);
	assert_int_equal(value_at(v, 0)->integer, 1);
	assert_true(pickle_exception(value_at(v, 1), &name, &got));
	assert_string_equal(name, "UnknownJailException");
	assert_true(value_text_is(value_at(got, 0), "nosuch"));
	value_free(v);
	value_free(args);
	str_done(&out);
	/* protocol 5 with a state, as re.error has it */
	REPLY("\x80\x05K\x01\x8c\x02re\x94\x8c\x05" "error\x94\x93\x94\x8c\x01x\x94\x85\x94R\x94}\x94\x8c\x03pos\x94K\x01sb\x86\x94.",
	    "(1, {'__exception__': 'error', 'args': ('x',)})");
	REPLY("\x80\x05K\x00\x8c\x08" "builtins\x8c\x03str\x93\x8c\x09" "192.0.2.1\x85R\x86.", "(0, '192.0.2.1')");
}

static void
replies_are_protocol_2(void **state)
{
	struct str out = {0};
	struct value *v = value_tuple();

	(void)state;
	value_push(v, value_int(70000));
	value_push(v, value_int(INT64_MIN));
	value_push(v, value_bool(true));
	value_push(v, value_none());
	pickle_write_ok(v, &out);
	const char expected[] = "\x80\x02K\x00(Jp\x11\x01\x00\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80\x88Nt\x86." PICKLE_END;
	assert_int_equal(out.len, sizeof expected - 1);
	assert_memory_equal(out.at, expected, out.len);
	str_clear(&out);
	pickle_write_refusal("no", &out);
	assert_memory_equal(out.at, "\x80\x02X\x09\x00\x00\x00" "ERROR: no." PICKLE_END, out.len);
	str_done(&out);
	value_free(v);
}

static void
frames_are_found_across_pieces(void **state)
{
	const char text[] = "abc" PICKLE_END "rest";
	size_t seen = 0;

	(void)state;
	for (size_t len = 0; len < 3 + PICKLE_END_LEN; len++)
		assert_int_equal(pickle_frame_end(text, len, &seen), -1);
	assert_int_equal(pickle_frame_end(text, sizeof text - 1, &seen), 3);
	assert_true(pickle_is_close(PICKLE_CLOSE, sizeof PICKLE_CLOSE - 1));
	assert_false(pickle_is_close("x", 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests_of_all_protocols),
	    cmocka_unit_test(short_string_opcodes_of_other_writers),
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(containers),
	    cmocka_unit_test(memo_in_all_its_forms),
	    cmocka_unit_test(a_shared_object_that_changes_is_refused),
	    cmocka_unit_test(surrogate_escapes_are_the_bytes_they_stand_for),
	    cmocka_unit_test(code_is_refused),
	    cmocka_unit_test(broken_data),
	    cmocka_unit_test(caps),
	    cmocka_unit_test(exceptions_in_replies),
	    cmocka_unit_test(replies_are_protocol_2),
	    cmocka_unit_test(frames_are_found_across_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
