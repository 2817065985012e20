/* What Tab offers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command/complete.h"
#include "applet/words.h"

static void
assert_offers(const char *before, const char *part, const char *expected)
{
	struct err err;
	struct value *words = words_split(before, &err), *jails = value_words("sshd", "nginx", "sshd-slow", NULL);
	struct value *found = complete_words(words, part, jails);
	struct str out = {0};

	value_repr(found, &out);
	assert_string_equal(out.at, expected);
	str_done(&out);
	value_free(found);
	value_free(jails);
	value_free(words);
}

static void
first_words(void **state)
{
	(void)state;
	assert_offers("", "sta", "['start', 'status']");
	assert_offers("", "re", "['reload', 'repair', 'restart']");
	assert_offers("", "q", "['quit']");
	assert_offers("", "xyz", "[]");
}

static void
jails_where_a_jail_stands(void **state)
{
	(void)state;
	assert_offers("status", "", "['nginx', 'sshd', 'sshd-slow']");
	assert_offers("status sshd", "s", "['short', 'sshd', 'sshd-slow']");
	assert_offers("get", "ss", "['sshd', 'sshd-slow']");
	assert_offers("restart", "n", "['nginx']");
	assert_offers("get", "log", "['loglevel', 'logtarget']");
}

static void
options_of_a_jail(void **state)
{
	(void)state;
	assert_offers("get sshd", "findt", "['findtime']");
	assert_offers("set nosuch", "findt", "['findtime']");
	assert_offers("reload", "--r", "['--restart']");
	assert_offers("reload --restart", "--u", "['--unban']");
	assert_offers("unban", "", "['--all']");
}

static void
common_beginning(void **state)
{
	struct value *words = value_words("sshd", "sshd-slow", "ss", NULL), *none = value_list();
	char *text = complete_common(words);

	(void)state;
	assert_string_equal(text, "ss");
	free(text);
	text = complete_common(none);
	assert_string_equal(text, "");
	free(text);
	value_free(words);
	value_free(none);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_words),
	    cmocka_unit_test(jails_where_a_jail_stands),
	    cmocka_unit_test(options_of_a_jail),
	    cmocka_unit_test(common_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
