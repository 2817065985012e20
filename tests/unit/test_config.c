/* The configuration from files to commands: what a person notices when it is wrong, and what hostile files may do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/actionconf.h"
#include "config/filterconf.h"
#include "config/stream.h"

static char dir[64];
static struct str notes;

static void
write_bytes(const char *name, const char *bytes, size_t len)
{
	char path[200];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
}

static void
write_file(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static void
make_dir(const char *name)
{
	char path[200];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static int
set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/jailtop-config-XXXXXX");
	assert_non_null(mkdtemp(dir));
	make_dir("filter.d");
	make_dir("action.d");
	write_file("fail2ban.conf", "[Definition]\nallowipv6 = auto\ndbpurgeage = 1d\ndbfile = None\n"
	                            "socket = s\npidfile = p\nloglevel = INFO\nlogtarget = STDERR\nsyslogsocket = auto\n");
	write_file("filter.d/f.conf", "[Definition]\nfailregex = ^a <HOST>\n");
	write_file("action.d/a.conf", "[Definition]\nactionban = ban <ip> <port>\n[Init]\nport = any\n");
	str_clear(&notes);
	return 0;
}

static int
tear_down(void **state)
{
	char command[200];

	(void)state;
	snprintf(command, sizeof command, "chmod -R u+rwx %s; rm -rf %s", dir, dir);
	return system(command);
}

static void
note(void *arg, int level, const char *logger, const char *text)
{
	(void)arg, (void)level, (void)logger;
	str_addf(&notes, "%s\n", text);
}

static enum config_result
read_config(char **text, struct err *err)
{
	struct config_request req = {.dir = dir, .logs = CONFIG_LOGS_WARN, .note = note};
	struct value *stream;
	struct str out = {0};
	enum config_result r = config_read(&req, &stream, err);

	if (stream != NULL)
		value_repr(stream, &out);
	if (text != NULL)
		*text = str_take(&out);
	str_done(&out);
	value_free(stream);
	return r;
}

#define JAIL "[j]\nenabled = true\nbackend = auto\nfilter = f\naction = a\n"

static void
noted(const char *want)
{
	if (strstr(str_text(&notes), want) == NULL)
		fail_msg("not noted: %s\nbut: %s", want, str_text(&notes));
}

static void
fails_with(const char *want)
{
	struct err err = {0};

	assert_int_equal(read_config(NULL, &err), CONFIG_FAILED);
	if (strstr(err.text, want) == NULL)
		fail_msg("expected '%s' in '%s'", want, err.text);
}

static void
a_jail_becomes_commands(void **state)
{
	struct err err;
	char *text;

	(void)state;
	write_file("jail.conf", JAIL "maxretry = 4\n");
	assert_int_equal(read_config(&text, &err), CONFIG_OK);
	assert_non_null(strstr(text, "['add', 'j', 'auto'], ['set', 'j', 'addfailregex', '^a <HOST>'], ['set', 'j', 'maxretry', 4], "
	                             "['set', 'j', 'addaction', 'a'], ['multi-set', 'j', 'action', 'a', [['actionban', 'ban <ip> any'], "
	                             "['name', 'j'], ['actname', 'a'], ['port', 'any']]], ['start', 'j']"));
	assert_int_equal(notes.len, 0);
	free(text);
}

static void
typing_errors_are_named_with_file_and_line(void **state)
{
	struct err err;

	(void)state;
	write_file("jail.conf", "[Default]\nx = 1\n" JAIL "maxrety = 4\nfoo = 1\nbantime = 10x\nignoreself = perhaps\nmaxretry = five\n"
	                        "used = 3\nfindtime = %(used)s\n");
	write_file("filter.d/f.local", "[Definition]\nfailregx = x\n");
	assert_int_equal(read_config(NULL, &err), CONFIG_OK);
	noted("jail.conf:2: unknown section [Default]; did you mean [DEFAULT]?");
	noted("jail.conf:8: section [j], option 'maxrety': unknown option; did you mean maxretry?");
	noted("jail.conf:9: section [j], option 'foo': unknown option, and nothing uses it");
	noted("jail.conf:10: section [j], option 'bantime': '10x' is no time");
	noted("jail.conf:11: section [j], option 'ignoreself': 'perhaps' is neither true nor false");
	noted("'five' for 'maxretry' in 'j' (jail.conf:12): expected a whole number");
	noted("filter.d/f.local:2: section [Definition], option 'failregx': unknown option; did you mean failregex?");
	assert_null(strstr(str_text(&notes), "'used'"));
}

static void
errors_name_place_option_and_what_was_expected(void **state)
{
	(void)state;
	write_file("jail.conf", JAIL "bantme = 1\nbantime = %(bantmee)s\n");
	fails_with("jail.conf:7: section [j], option 'bantime': %(bantmee)s is no option here, did you mean %(bantme)s?");
	write_file("jail.conf", JAIL "nonsense\n");
	fails_with("jail.conf:6: section [j]: expected 'option = value', found 'nonsense'");
	write_file("jail.conf", JAIL "filter = f\n");
	fails_with("jail.conf:6: option 'filter' of section [j] is there twice, first in line 4");
	write_file("jail.conf", JAIL "[k]\n[j]\n");
	fails_with("jail.conf:7: section [j] is there twice");
	write_file("jail.conf", "x = 1\n");
	fails_with("jail.conf:1: expected a [section] first, found 'x = 1'");
}

static void
a_bad_jail_is_left_out(void **state)
{
	struct err err;
	char *text;

	(void)state;
	write_file("jail.conf", JAIL "[k]\nenabled = true\nbackend = auto\nfilter = none\n");
	assert_int_equal(read_config(&text, &err), CONFIG_JAIL_ERRORS);
	assert_non_null(strstr(text, "['config-error', \"Jail 'k' skipped"));
	assert_non_null(strstr(text, "['start', 'j']"));
	assert_null(strstr(text, "['start', 'k']"));
	free(text);
	write_file("jail.conf", "[k]\nenabled = true\nbackend = auto\nfilter = none\n");
	assert_int_equal(read_config(NULL, &err), CONFIG_ALL_BAD);
}

static void
bombs_are_stopped(void **state)
{
	struct str text = {0};

	(void)state;
	str_add(&text, JAIL "a0 = 0123456789\n");
	for (int i = 1; i < 9; i++)
		str_addf(&text, "a%d = %%(a%d)s%%(a%d)s%%(a%d)s%%(a%d)s%%(a%d)s%%(a%d)s%%(a%d)s%%(a%d)s\n", i, i - 1, i - 1, i - 1, i - 1, i - 1,
		    i - 1, i - 1, i - 1);
	str_add(&text, "bantime = %(a8)s\n");
	write_file("jail.conf", str_text(&text));
	fails_with("option 'bantime': %(...)s makes more than");
	write_file("jail.conf", JAIL);
	str_clear(&text);
	str_add(&text, "[Definition]\nfailregex = <t24>\nt0 = 0123456789\n");
	for (int i = 1; i < 25; i++)
		str_addf(&text, "t%d = <t%d><t%d>\n", i, i - 1, i - 1);
	write_file("filter.d/f.conf", str_text(&text));
	fails_with("<...> makes more than");
	write_file("filter.d/f.conf", "[Definition]\nfailregex = <a> <HOST>\na = <b>\nb = <a>\n");
	fails_with("refers to itself");
	write_file("jail.conf", JAIL "x = %(y)s\ny = %(x)s\nbantime = %(x)s\n");
	fails_with("refers to itself");
	str_done(&text);
}

/* What takes no room, but would take hours. */
static void
work_has_a_limit(void **state)
{
	struct err err;
	struct str text = {0};

	(void)state;
	str_add(&text, "[DEFAULT]\nenabled = true\nbackend = auto\nfilter = f\naction = a\nignorecommand = ");
	for (int i = 0; i < 100000; i++)
		str_add(&text, "12345678");
	for (int i = 0; i < 1900; i++)
		str_addf(&text, "\n[j%d]", i);
	write_file("jail.conf", str_text(&text));
	fails_with("the jails come to more than 128 MiB of commands");
	write_file("jail.conf", JAIL);
	str_clear(&text);
	str_add(&text, "[Definition]\nfailregex = ");
	for (int i = 0; i < 100000; i++)
		str_addf(&text, "<u%d>", i);
	write_file("filter.d/f.conf", str_text(&text)); /* none of them stands for anything */
	fails_with("<...> make more than");
	str_clear(&text);
	str_add(&text, "[Definition]\nfailregex = ");
	for (int i = 0; i < 1900; i++)
		str_addf(&text, " <t%d>", i);
	for (int i = 0; i < 1900; i++)
		str_addf(&text, "\nt%d = <t%d>", i, i + 1);
	write_file("filter.d/f.conf", str_text(&text));
	fails_with("<...> make more than");
	write_file("filter.d/f.conf", "[Definition]\nfailregex = ^a <HOST>\n");
	str_clear(&text);
	str_add(&text, JAIL "[k]\nenabled = true\nbackend = auto\nfilter = f\naction = a[");
	for (int i = 0; i < 60000; i++)
		str_addf(&text, "%sk%d=v", i == 0 ? "" : ",", i);
	str_add(&text, "]\n[l]\nenabled = true\nbackend = auto\nfilter = f\naction = a[");
	for (int i = 0; i < 200000; i++)
		str_add(&text, "x=\"");
	str_add(&text, "]\n");
	write_file("jail.conf", str_text(&text));
	assert_int_equal(read_config(NULL, &err), CONFIG_JAIL_ERRORS);
	noted("more than 1000 options in brackets");
	str_clear(&text);
	str_clear(&notes);
	str_add(&text, JAIL);
	for (int i = 0; i < 1900; i++)
		str_addf(&text, "zz%d = 1\n", i);
	for (int i = 0; i < 500; i++) {
		str_addf(&text, "[k%d]\n", i);
		for (int k = 0; k < 500; k++)
			str_addf(&text, "y%d = 1\n", k);
	}
	write_file("jail.conf", str_text(&text));
	assert_int_equal(read_config(NULL, &err), CONFIG_OK);
	noted("option 'zz0': unknown option, and nothing uses it");
	assert_null(strstr(str_text(&notes), "'zz1899'")); /* looking for who uses them was given up */
#ifndef __SANITIZE_ADDRESS__
	struct rusage used;
	assert_int_equal(getrusage(RUSAGE_SELF, &used), 0);
	assert_true(used.ru_maxrss < 512 << 10); /* KiB, of all tests up to here */
#endif
	str_done(&text);
}

static void
loops_of_includes_end(void **state)
{
	struct err err;

	(void)state;
	write_file("jail.conf", "[INCLUDES]\nbefore = jail.conf\n  b.conf\n" JAIL);
	write_file("b.conf", "[INCLUDES]\nbefore = jail.conf\n  b.conf\nafter = jail.conf\n[j]\nfindtime = 5\n");
	assert_int_equal(read_config(NULL, &err), CONFIG_OK);
	make_dir("jail.d");
	write_file("jail.d/c.conf", "[INCLUDES]\nbefore = ../jail.d/c.conf\n");
	assert_int_equal(read_config(NULL, &err), CONFIG_OK);
	/* each file includes two that are there: 2^30 of them */
	for (int i = 0; i < 30; i++) {
		char name[32], text[100];
		snprintf(name, sizeof name, "jail.d/x%d.conf", i);
		snprintf(text, sizeof text, "[INCLUDES]\nbefore = x%d.conf\nafter = x%d.conf\n", i + 1, i + 1);
		write_file(name, text);
	}
	fails_with("files are included");
}

static void
large_files_and_values_have_a_limit(void **state)
{
	struct err err;
	size_t len = 10 << 20;
	char *bytes = xmalloc(len + 100), *text;

	(void)state;
	memset(bytes, '#', len);
	write_bytes("jail.conf", bytes, len);
	fails_with("jail.conf: larger than 8 MiB");
	int n = sprintf(bytes, JAIL "ignorecommand = ");
	memset(bytes + n, 'x', 100000);
	bytes[n + 100000] = '\0';
	write_file("jail.conf", bytes);
	assert_int_equal(read_config(&text, &err), CONFIG_OK);
	assert_non_null(strstr(text, bytes + n)); /* as fail2ban: it may be a list of addresses */
	noted("jail.conf:6: section [j], option 'ignorecommand': a value of 100000 bytes");
	free(text);
	memset(bytes + n, 'x', 2 << 20);
	write_bytes("jail.conf", bytes, (size_t)n + (2 << 20));
	fails_with("the value of 'ignorecommand' has 2097152 bytes");
	struct str many = {0};
	str_add(&many, JAIL);
	for (int i = 0; i < 100000; i++)
		str_addf(&many, "x%d=1\n", i);
	write_file("jail.conf", str_text(&many));
	fails_with("more than 2000 options");
	str_clear(&many);
	for (int i = 0; i < 100000; i++)
		str_addf(&many, "[s%d]\n", i);
	write_file("jail.conf", str_text(&many));
	fails_with("more than 2000 sections");
	str_done(&many);
	free(bytes);
}

static void
bytes_that_are_no_text_are_named(void **state)
{
	struct err err;
	char *text;

	(void)state;
	write_bytes("jail.conf", JAIL "bantime = 1\0002\n", sizeof JAIL - 1 + 14);
	fails_with("jail.conf:6: there is a NUL byte");
	write_file("jail.conf", JAIL);
	write_file("jail.local", "[j]\nbantime = \xff\n");
	assert_int_equal(read_config(&text, &err), CONFIG_OK);
	noted("line 2 is not UTF-8");
	free(text);
}

static void
what_is_no_file_is_passed_over(void **state)
{
	struct err err;
	char path[200];

	(void)state;
	write_file("jail.conf", JAIL);
	make_dir("jail.local");
	snprintf(path, sizeof path, "%s/fail2ban.local", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(read_config(NULL, &err), CONFIG_OK);
	noted("Could not read config files");
	struct config_request req = {.dir = "/nonexistent/jailtop", .note = note};
	struct value *stream;
	assert_int_equal(config_read(&req, &stream, &err), CONFIG_FAILED);
	assert_non_null(strstr(err.text, "/nonexistent/jailtop does not exist"));
}

static void
an_explanation_names_the_file_and_line_of_each_option(void **state)
{
	struct config_request req = {.dir = dir, .note = note};
	struct str out = {0};
	struct err err;

	(void)state;
	write_file("jail.conf", "[DEFAULT]\nmaxretry = 5\n" JAIL);
	write_file("jail.local", "[j]\n\nfindtime = 1h\naction = a[port=\"ssh\"]\n");
	if (!config_explain(&req, "j", &out, &err))
		fail_msg("%s", err.text);
	assert_non_null(strstr(str_text(&out), "jail.local:3"));
	assert_non_null(strstr(str_text(&out), "jail.conf:2 [DEFAULT]"));
	assert_non_null(strstr(str_text(&out), "filter.d/f.conf:2"));
	assert_non_null(strstr(str_text(&out), "ban <ip> ssh"));
	str_clear(&out);
	assert_false(config_explain(&req, "jj", &out, &err));
	assert_non_null(strstr(err.text, "did you mean j?"));
	str_done(&out);
}

static void
a_filter_is_found_by_name_and_by_path(void **state)
{
	struct filterconf f;
	struct err err;
	char path[200];

	(void)state;
	write_file("filter.d/g.conf", "[Definition]\nfailregex = ^<m-<mode>> <HOST>\n  ^b\nignoreregex = ^i\nprefregex = ^p\n"
	                              "m-x = X\nmode = x\n[Init]\nmaxlines = 3\njournalmatch = A=b + C=\"d e\"\n");
	assert_int_equal(filterconf_load(dir, "g[mode=y, m-y=Y]", "auto", note, NULL, &f, &err), FILTERCONF_FILE);
	assert_int_equal(f.n_failregex, 2);
	assert_string_equal(f.failregex[0], "^Y <HOST>");
	assert_string_equal(f.prefregex, "^p");
	assert_int_equal(f.maxlines, 3);
	assert_string_equal(value_text(value_get(f.options, "logtype")), "file");
	assert_int_equal(value_count(value_at(f.journalmatch, 0)), 3);
	filterconf_done(&f);
	snprintf(path, sizeof path, "%s/filter.d/g.conf", dir);
	assert_int_equal(filterconf_load("/", path, "auto", note, NULL, &f, &err), FILTERCONF_FILE);
	assert_string_equal(f.failregex[0], "^X <HOST>");
	filterconf_done(&f);
	assert_int_equal(filterconf_load(dir, "^an expression <HOST>$", "auto", note, NULL, &f, &err), FILTERCONF_NONE);
	filterconf_done(&f);
	assert_int_equal(filterconf_load(dir, "g[mode]", "auto", note, NULL, &f, &err), FILTERCONF_FAILED);
	filterconf_done(&f);
}

static void
lists_of_actions_are_split_outside_of_brackets(void **state)
{
	static const char *const rows[][4] = {
	    {"a b", "a", "b"},
	    {" a[x=1]\n  b[y=\"1, ]\", z='\n'][w=2]  c", "a[x=1]", "b[y=\"1, ]\", z='\n'][w=2]", "c"},
	    {"a [x=1] [y=2] b", "a [x=1] [y=2]", "b"},
	    {"a[x=\"1] b", "a[x=\"1]", "b"},
	    {"a[x=1]b c", "a[x=1]b", "c"},
	    {"a[x y] b", "a[x", "y]", "b"},
	    {"a[] b", "a[]", "b"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *at = rows[i][0];
		struct slice one;
		size_t n = 0;
		while (actionconf_next(&at, &one)) {
			if (n >= 3 || rows[i][n + 1] == NULL || !slice_is(one, rows[i][n + 1]))
				fail_msg("'%s': part %zu is '%.*s'", rows[i][0], n, (int)one.len, one.at);
			n++;
		}
		assert_true(n == 3 || rows[i][n + 1] == NULL);
	}
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    T(a_jail_becomes_commands),
	    T(typing_errors_are_named_with_file_and_line),
	    T(errors_name_place_option_and_what_was_expected),
	    T(a_bad_jail_is_left_out),
	    T(bombs_are_stopped),
	    T(work_has_a_limit),
	    T(loops_of_includes_end),
	    T(large_files_and_values_have_a_limit),
	    T(bytes_that_are_no_text_are_named),
	    T(what_is_no_file_is_passed_over),
	    T(an_explanation_names_the_file_and_line_of_each_option),
	    T(a_filter_is_found_by_name_and_by_path),
	    T(lists_of_actions_are_split_outside_of_brackets),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	str_done(&notes);
	return failed;
}
