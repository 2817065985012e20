/*
 * amend: what an operator keeps: ignoreip in a file that is read last, failregex in NAME.local. The configuration is
 * read back with the engine's own reader.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
// after the above
#include <cmocka.h>

#include "base/mem.h"
#include "config/amend.h"
#include "config/stream.h"

static char dir[] = "/tmp/test-amend-XXXXXX";

static void
put(const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	free(path);
}

static char *
get(const char *name)
{
	char *path = xasprintf("%s/%s", dir, name), *text = xcalloc(1, 65536);
	FILE *in = fopen(path, "r");

	free(path);
	if (in == NULL) {
		free(text);
		return NULL;
	}
	text[fread(text, 1, 65535, in)] = '\0';
	fclose(in);
	return text;
}

/* The whole stream as text, to look into. */
static char *
stream_text(void)
{
	struct config_request req = {.dir = dir, .logs = CONFIG_LOGS_WARN};
	struct value *stream = NULL;
	struct err err;
	struct str text = {0};

	assert_int_equal(config_read(&req, &stream, &err), CONFIG_OK);
	value_repr(stream, &text);
	value_free(stream);
	return str_take(&text);
}

static int
setup(void **state)
{
	char *path;

	(void)state;
	strcpy(dir, "/tmp/test-amend-XXXXXX");
	assert_non_null(mkdtemp(dir));
	for (int i = 0; i < 2; i++) {
		path = xasprintf("%s/%s", dir, i == 0 ? "filter.d" : "jail.d");
		if (i == 0)
			mkdir(path, 0755);
		free(path);
	}
	put("fail2ban.conf", "[Definition]\nsocket = /nowhere\n");
	put("jail.conf", "[DEFAULT]\nignoreip = 10.0.0.1,\n  10.0.0.2\n[one]\nenabled = true\nfilter = one[mode=a]\nlogpath = /dev/null\n"
	    "[two]\nenabled = true\nfilter = one\nignoreip = 10.9.9.9\nlogpath = /dev/null\n");
	put("filter.d/one.conf", "[Definition]\nfailregex = ^a <HOST>$\n            ^b <HOST>$\nignoreregex =\n");
	return 0;
}

static int
teardown(void **state)
{
	char *command = xasprintf("rm -rf '%s'", dir);

	(void)state;
	assert_int_equal(system(command), 0);
	free(command);
	return 0;
}

static void
an_address_holds_in_every_jail(void **state)
{
	struct amendment a;
	struct err err;
	char *text, *old;

	(void)state;
	assert_true(amend_ignoreip(dir, "203.0.113.7", false, &a, &err));
	assert_string_equal(a.before, "");
	assert_non_null(strstr(a.path, "/jail.d/zz-jailtop.local"));
	assert_null(get("jail.d/zz-jailtop.local")); /* only shown so far */
	assert_true(amend_write(&a, &err));
	amend_done(&a);
	text = stream_text();
	assert_non_null(strstr(text, "['set', 'one', 'addignoreip', '10.0.0.1', '10.0.0.2', '203.0.113.7']"));
	assert_non_null(strstr(text, "['set', 'two', 'addignoreip', '10.9.9.9', '203.0.113.7']"));
	free(text);

	/* a second one beside it; the file before stays */
	assert_true(amend_ignoreip(dir, "2001:db8::1", false, &a, &err));
	assert_true(amend_write(&a, &err));
	old = get("jail.d/zz-jailtop.local~");
	assert_string_equal(old, a.before);
	free(old);
	amend_done(&a);
	text = stream_text();
	assert_non_null(strstr(text, "'10.0.0.2', '203.0.113.7', '2001:db8::1']"));
	free(text);

	/* and out again */
	assert_true(amend_ignoreip(dir, "203.0.113.7", true, &a, &err));
	assert_true(amend_write(&a, &err));
	amend_done(&a);
	text = stream_text();
	assert_null(strstr(text, "203.0.113.7"));
	assert_non_null(strstr(text, "'2001:db8::1']"));
	free(text);
}

static void
a_jail_is_switched_on(void **state)
{
	struct amendment a;
	struct err err;
	char *text;

	(void)state;
	put("jail.local", "[three]\nfilter = one\nlogpath = /dev/null\n[four]\nenabled = no\nfilter = one\nlogpath = /dev/null\n");
	assert_false(amend_enable(dir, "nobody", &a, &err));
	assert_non_null(strstr(err.text, "no jail 'nobody'; there are: one, two, three, four"));
	assert_false(amend_enable(dir, "one]\nenabled = true\n[x", &a, &err));
	assert_true(amend_enable(dir, "three", &a, &err));
	assert_string_equal(a.before, "");
	assert_true(amend_write(&a, &err));
	amend_done(&a);
	text = stream_text();
	assert_non_null(strstr(text, "['start', 'three']"));
	assert_null(strstr(text, "['start', 'four']"));
	free(text);
	/* one more in the same file; what somebody switched off there again is switched on, not doubled */
	put("jail.d/zz-jailtop-enabled.local", "[three]\nenabled = false\n[four]\nmaxretry = 3\n");
	assert_true(amend_enable(dir, "four", &a, &err));
	assert_true(amend_write(&a, &err));
	amend_done(&a);
	assert_true(amend_enable(dir, "three", &a, &err));
	assert_string_equal(a.after, "[three]\nenabled = true\n[four]\nenabled = true\nmaxretry = 3\n");
	amend_done(&a);
	text = stream_text();
	assert_null(strstr(text, "['start', 'three']"));
	assert_non_null(strstr(text, "['start', 'four']"));
	free(text);
}

static void
expressions_come_back_as_they_were_typed(void **state)
{
	static const char *const list[] = {"^100%% of (?:a|b) ; c \\S+ <HOST>$", "#x <HOST>", "^b <HOST>%(known/x)s$"};
	struct amendment a;
	struct err err;
	char *text;

	(void)state;
	assert_true(amend_failregex(dir, "one", list, 3, &a, &err));
	assert_non_null(strstr(a.path, "/filter.d/one.local"));
	assert_string_equal(a.filter, "one");
	assert_true(amend_write(&a, &err));
	amend_done(&a);
	text = stream_text();
	/* a semicolon behind a blank and a # at the start would be comments: they are escaped, which is the same expression */
	assert_non_null(strstr(text, "'^100%% of (?:a|b) \\\\; c \\\\S+ <HOST>$'"));
	assert_non_null(strstr(text, "'\\\\#x <HOST>'"));
	assert_non_null(strstr(text, "'^b <HOST>%(known/x)s$'"));
	free(text);
}

static void
what_else_a_local_file_says_stays(void **state)
{
	static const char *const list[] = {"^z <HOST>$"};
	struct amendment a;
	struct err err;

	(void)state;
	put("filter.d/one.local", "# mine\n[INCLUDES]\nbefore =\n\n[Definition]\n# why\nfailregex = ^old <HOST>$\n   ^older <HOST>$\n\n# why\n\tstill\n\n# date\ndatepattern = %%s\n[Init]\nfailregex = no\n");
	assert_true(amend_failregex(dir, "one", list, 1, &a, &err));
	assert_string_equal(a.after, "# mine\n[INCLUDES]\nbefore =\n\n[Definition]\n# why\nfailregex = ^z <HOST>$\n\n# date\ndatepattern = %%s\n[Init]\nfailregex = no\n");
	amend_done(&a);
	put("filter.d/one.local", "[Init]\nx = 1");
	assert_true(amend_failregex(dir, "one", list, 1, &a, &err));
	assert_string_equal(a.after, "[Init]\nx = 1\n\n[Definition]\nfailregex = ^z <HOST>$\n");
	amend_done(&a);
	put("filter.d/one.local", "[Definition]\nx = 1\n");
	assert_true(amend_failregex(dir, "one", list, 1, &a, &err));
	assert_string_equal(a.after, "[Definition]\nfailregex = ^z <HOST>$\nx = 1\n");
	amend_done(&a);
}

static void
a_name_that_leads_elsewhere_is_refused(void **state)
{
	static const char *const list[] = {"^z <HOST>$"};
	struct amendment a;
	struct err err;

	(void)state;
	put("jail.conf", "[one]\nenabled = true\nfilter = ../../etc/x\nlogpath = /dev/null\n[two]\nfilter = /etc/passwd\n");
	assert_false(amend_failregex(dir, "one", list, 1, &a, &err));
	assert_false(amend_failregex(dir, "two", list, 1, &a, &err));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(an_address_holds_in_every_jail, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_jail_is_switched_on, setup, teardown),
	    cmocka_unit_test_setup_teardown(expressions_come_back_as_they_were_typed, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_else_a_local_file_says_stays, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_name_that_leads_elsewhere_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
