/* What the client prints for replies; the texts are fail2ban-client's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "applet/beautify.h"
#include "applet/words.h"

/* A value from JSON; arrays of "()" as first member become tuples. */
static struct value *
make(const char *json)
{
	json_t *j = json_loads(json, JSON_DECODE_ANY, NULL);

	assert_non_null(j);
	struct value *v = value_from_json(j);
	json_decref(j);
	return v;
}

static void
as_tuples(struct value *v)
{
	for (size_t i = 0; i < (v->kind == VALUE_DICT ? 0 : value_count(v)); i++) {
		struct value *item = v->seq.items[i];
		if (item->kind == VALUE_LIST)
			as_tuples(item);
		if (value_text_is(value_at(item, 0), "()")) {
			value_free(item->seq.items[0]);
			memmove(item->seq.items, item->seq.items + 1, --item->seq.count * sizeof *item->seq.items);
			item->kind = VALUE_TUPLE;
		}
	}
}

static void
assert_prints(const char *command, const char *reply_json, const char *expected)
{
	struct err err;
	struct value *words = words_split(command, &err), *box = value_list();
	struct str out = {0};

	value_push(box, make(reply_json));
	as_tuples(box);
	beautify(words, value_at(box, 0), &out);
	assert_string_equal(str_text(&out), expected);
	str_done(&out);
	value_free(words);
	value_free(box);
}

static void
plain_answers(void **state)
{
	(void)state;
	assert_prints("ping", "\"pong\"", "Server replied: pong");
	assert_prints("version", "\"1.0.2\"", "1.0.2");
	assert_prints("echo a b", "[\"a\", \"b\"]", "a b");
	assert_prints("stop", "null", "Shutdown successful");
	assert_prints("stop t", "null", "Jail stopped");
	assert_prints("start t", "null", "Jail started");
	assert_prints("add t polling", "\"t\"", "Added jail t");
	assert_prints("flushlogs", "\"rolled over\"", "logs: rolled over");
	assert_prints("set t banip 192.0.2.1", "1", "1");
	assert_prints("sleep 1", "null", "None");
	assert_prints("get t bantime.increment", "true", "True");
	assert_prints("banned", "[{\"t\": [\"192.0.2.1\"]}]", "[{'t': ['192.0.2.1']}]");
	assert_prints("get thread", "{\"stacksize\": 0}", "{'stacksize': 0}");
	assert_prints("", "\"x\"", "x");
}

static void
trees(void **state)
{
	(void)state;
	assert_prints("status", "[[\"()\", \"Number of jail\", 2], [\"()\", \"Jail list\", \"sshd, t\"]]",
	    "Status\n|- Number of jail:\t2\n`- Jail list:\tsshd, t");
	assert_prints("status t",
	    "[[\"()\", \"Filter\", [[\"()\", \"Currently failed\", 0], [\"()\", \"File list\", [\"/a\", \"/b\"]]]],"
	    " [\"()\", \"Actions\", [[\"()\", \"Total banned\", 2], [\"()\", \"Banned IP list\", []]]]]",
	    "Status for the jail: t\n|- Filter\n|  |- Currently failed:\t0\n|  `- File list:\t/a /b\n`- Actions\n"
	    "   |- Total banned:\t2\n   `- Banned IP list:\t");
}

static void
settings(void **state)
{
	(void)state;
	assert_prints("get loglevel", "\"INFO\"", "Current logging level is 'INFO'");
	assert_prints("get loglevel", "20", "Current logging level is 'INFO'");
	assert_prints("get loglevel", "21", "Current logging level is 'Level 21'");
	assert_prints("get logtarget", "\"/l\"", "Current logging target is:\n`- /l");
	assert_prints("get syslogsocket", "\"auto\"", "Current syslog socket is:\n`- auto");
	assert_prints("get dbfile", "null", "Database currently disabled");
	assert_prints("get dbfile", "\"/d\"", "Current database file is:\n`- /d");
	assert_prints("get dbpurgeage", "86400", "Current database purge age is:\n`- 86400seconds");
	assert_prints("get dbpurgeage", "null", "Database currently disabled");
	assert_prints("get t logpath", "[]", "No file is currently monitored");
	assert_prints("get t logpath", "[\"/a\", \"/b\"]", "Current monitored log file(s):\n|- /a\n`- /b");
	assert_prints("get t logencoding", "\"UTF-8\"", "Current log encoding is set to:\nUTF-8");
	assert_prints("get t journalmatch", "[[\"A=1\", \"B=2\"], [\"C=3\"]]", "Current match filter:\nA=1 B=2 + C=3");
	assert_prints("get t journalmatch", "[]", "No journal match filter set");
	assert_prints("get t datepattern", "null", "Current date pattern set to: Not set/required");
	assert_prints("get t datepattern", "[\"()\", null, \"Default Detectors\"]", "Current date pattern set to: Default Detectors");
	assert_prints("get t datepattern", "[\"()\", \"%Y\", \"Year\"]", "Current date pattern set to: %Y (Year)");
	assert_prints("get t ignoreip", "[]", "No IP address/network is ignored");
	assert_prints("set t addignoreip x", "[\"x\"]", "These IP addresses/networks are ignored:\n`- x");
	assert_prints("get t failregex", "[\"a\", \"b\"]", "The following regular expression are defined:\n|- [0]: a\n`- [1]: b");
	assert_prints("get t ignoreregex", "[]", "No regular expression is defined");
	assert_prints("get t actions", "[\"a\", \"b\"]", "The jail t has the following actions:\na, b");
	assert_prints("get t actions", "[]", "No actions for jail t");
	assert_prints("get t actionproperties a", "[\"p\"]", "The jail t action a has the following properties:\np");
	assert_prints("get t actionmethods a", "[]", "No methods for jail t action a");
}

static void
banned_addresses(void **state)
{
	(void)state;
	assert_prints("get t banip", "[\"a\", \"b\"]", "a b");
	assert_prints("get t banip ,", "[\"a\", \"b\"]", "a,b");
	assert_prints("get t banip --with-time", "[\"a\", \"b\"]", "a\nb");
	assert_prints("get t banip", "[]", "");
}

static void
replies_of_another_form_are_shown_as_they_are(void **state)
{
	(void)state;
	assert_prints("unban a logpath", "0", "00");
	assert_prints("ping", "7", "77");
	assert_prints("status t", "\"x\"", "'x''x'");
	assert_prints("get t datepattern", "[\"x\"]", "['x']['x']");
	assert_prints("get t banip", "[1]", "[1][1]");
	assert_prints("get t actionproperties", "[\"p\"]", "['p']['p']");
}

static void
assert_error(const char *class_name, const char *args_json, const char *expected, const char *expected_args)
{
	struct value *args = make(args_json);
	struct str out = {0};

	args->kind = VALUE_TUPLE;
	beautify_error(class_name, args, &out);
	assert_string_equal(str_text(&out), expected);
	str_clear(&out);
	beautify_args(class_name, args, &out);
	assert_string_equal(str_text(&out), expected_args);
	str_done(&out);
	value_free(args);
}

static void
errors(void **state)
{
	(void)state;
	assert_error("UnknownJailException", "[\"x\"]", "Sorry but the jail 'x' does not exist", "('x',)");
	assert_error("DuplicateJailException", "[\"x\"]", "The jail 'x' already exists", "('x',)");
	assert_error("IndexError", "[\"list index out of range\"]", "Sorry but the command is invalid", "('list index out of range',)");
	assert_error("KeyError", "[\"Invalid Action name: x\"]", "'Invalid Action name: x'", "('Invalid Action name: x',)");
	assert_error("ValueError", "[\"a\"]", "a", "('a',)");
	assert_error("ValueError", "[\"a\", 1]", "('a', 1)", "('a', 1)");
	assert_error("Exception", "[]", "", "()");
	assert_error("FileNotFoundError", "[2, \"No such file or directory\", \"/f\"]",
	    "[Errno 2] No such file or directory: '/f'", "(2, 'No such file or directory')");
}

static void
answers_as_json(void **state)
{
	struct value *box = make("[[\"()\", \"Filter\", [[\"()\", \"Total failed\", 3]]], [\"()\", \"Actions\", []]]");
	struct value *text = value_strn("a\xff\n", 3);
	struct str out = {0};

	(void)state;
	as_tuples(box);
	beautify_json(box, &out);
	assert_string_equal(out.at, "{\"ok\":true,\"value\":{\"Filter\":{\"Total failed\":3},\"Actions\":[]}}");
	str_clear(&out);
	beautify_json(text, &out);
	assert_string_equal(out.at, "{\"ok\":true,\"value\":\"a\xef\xbf\xbd\\n\"}");
	str_clear(&out);
	beautify_json_error("KeyError", "no", &out);
	assert_string_equal(out.at, "{\"ok\":false,\"error\":\"no\",\"class\":\"KeyError\"}");
	str_done(&out);
	value_free(text);
	value_free(box);
}

static void
assert_words(const char *line, const char *expected)
{
	struct err err;
	struct value *words = words_split(line, &err);
	struct str out = {0};

	if (words != NULL)
		value_repr(words, &out);
	else
		str_add(&out, err.text);
	assert_string_equal(out.at, expected);
	str_done(&out);
	value_free(words);
}

static void
lines_split_as_in_a_shell(void **state)
{
	(void)state;
	assert_words("", "[]");
	assert_words("  a  b\t", "['a', 'b']");
	assert_words("'a b' \"c d\" e\\ f", "['a b', 'c d', 'e f']");
	assert_words("x'y'\"z\"", "['xyz']");
	assert_words("'' a", "['', 'a']");
	assert_words("\"\\\"\\\\\\d\"", "['\"\\\\\\\\d']");
	assert_words("'\\d'", "['\\\\d']");
	assert_words("a 'b", "No closing quotation");
	assert_words("a\\", "No escaped character");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain_answers),
	    cmocka_unit_test(trees),
	    cmocka_unit_test(settings),
	    cmocka_unit_test(banned_addresses),
	    cmocka_unit_test(replies_of_another_form_are_shown_as_they_are),
	    cmocka_unit_test(errors),
	    cmocka_unit_test(answers_as_json),
	    cmocka_unit_test(lines_split_as_in_a_shell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
