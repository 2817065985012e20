/* filter, core, multiline, window, captures: from lines to failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "match/filter.h"

#define NOW 1795334800.0 /* 2026-11-22 08:06:40 UTC */

struct run {
	struct clock clock;
	struct filter *filter;
	struct str found; /* "id|lines" or what `show` wants, ", " between */
	struct str log;
	bool show_all, show_time;
};

static void
on_failure(void *arg, const struct failure *f)
{
	struct run *r = arg;

	if (r->found.len > 0)
		str_add(&r->found, ", ");
	str_add(&r->found, f->id);
	if (f->ip != NULL)
		str_addf(&r->found, " ip=%s", f->ip);
	if (f->kind == FAILURE_NAME)
		str_add(&r->found, " name");
	if (f->kind == FAILURE_TEXT)
		str_add(&r->found, " text");
	if (f->is_invalid_addr)
		str_add(&r->found, " invalid");
	if (f->n_lines != 1)
		str_addf(&r->found, " lines=%zu", f->n_lines);
	if (r->show_time)
		str_addf(&r->found, " at=%.0f", f->time - NOW);
	for (size_t i = 0; i < f->n_groups; i++) {
		bool is_user = strcmp(f->groups[i].name, "user") == 0;
		if (r->show_all || is_user)
			str_addf(&r->found, " %s=%s", f->groups[i].name, f->groups[i].value != NULL ? f->groups[i].value : "-");
	}
	/* the last line is the current one, and its date stands where it says */
	const struct failure_line *l = &f->lines[f->n_lines - 1];
	assert_true(f->n_lines > 0 && l->date_from <= l->date_to && l->date_to <= l->len);
}

static void
on_log(void *arg, int level, const char *text)
{
	struct run *r = arg;

	str_addf(&r->log, "%d %s\n", level, text);
}

static void
start(struct run *r)
{
	*r = (struct run){.clock = {.is_fixed = true, .fixed = NOW}};
	struct filter_hooks hooks = {.clock = &r->clock, .failure = on_failure, .log = on_log, .arg = r};
	r->filter = filter_new("jail", &hooks);
}

static void
stop(struct run *r)
{
	filter_free(r->filter);
	str_done(&r->found);
	str_done(&r->log);
}

static void
add(struct run *r, const char *regex)
{
	struct err err;

	if (!filter_add_failregex(r->filter, regex, &err))
		fail_msg("%s", err.text);
}

static void
feed_as(struct run *r, const char *text, bool in_operation)
{
	struct line l = {.bytes = text, .len = strlen(text), .time = NAN, .in_operation = in_operation};

	filter_feed(r->filter, &l, 1);
}

static void
feed(struct run *r, const char *text)
{
	char *line = xasprintf("2026-11-22 08:06:00 %s", text);

	feed_as(r, line, true);
	free(line);
}

static void
assert_found(struct run *r, const char *expected)
{
	assert_string_equal(str_text(&r->found), expected);
	str_clear(&r->found);
}

/* One expression on one line. */
static void
assert_finds(const char *regex, const char *line, const char *expected)
{
	struct run r;

	start(&r);
	add(&r, regex);
	feed(&r, line);
	if (strcmp(str_text(&r.found), expected) != 0)
		fail_msg("%s on '%s': '%s', not '%s'", regex, line, str_text(&r.found), expected);
	stop(&r);
}

static void
the_date_is_cut_out_and_the_blank_behind_it_stays(void **state)
{
	(void)state;
	assert_finds("^fail <HOST>", "fail 192.0.2.1", "");
	assert_finds("^ fail <HOST>$", "fail 192.0.2.1", "192.0.2.1");
	assert_finds("^\\s*fail <HOST>$", "fail 192.0.2.1", "192.0.2.1");
	assert_finds(" a <HOST>\\Z", "a 192.0.2.1", "");
	assert_finds(" a <HOST>\\s", "a 192.0.2.1", "192.0.2.1");
	assert_finds("a <HOST>", "", "");
}

static void
addresses_are_told_in_one_form(void **state)
{
	(void)state;
	assert_finds("a <HOST>$", "a 192.0.2.1", "192.0.2.1");
	assert_finds("a <HOST>$", "a ::ffff:192.0.2.1", "192.0.2.1");
	assert_finds("a <HOST>$", "a ::ffff:c000:201", "192.0.2.1");
	assert_finds("a <HOST>$", "a [2001:DB8:0::1]", "2001:db8::1");
	assert_finds("a <ADDR>$", "a 2001:db8::1", "2001:db8::1");
	assert_finds("a <SUBNET>$", "a 192.0.2.77/24", "192.0.2.0/24");
	assert_finds("a <SUBNET>$", "a [2001:db8::7/32]", "2001:db8::/32");
	assert_finds("a <ADDR>/<CIDR>$", "a 192.0.2.77/33", "192.0.2.77");
	assert_finds("a <IP4>$", "a 2001:db8::1", "");
	assert_finds("a <F-ID>\\S+</F-ID>$", "a [2001:DB8::1]", "2001:db8::1");
	assert_finds("a <F-ID>\\S+</F-ID>$", "a 192.0.2.9/24", "192.0.2.0/24");
	assert_finds("a <F-ID>\\S+</F-ID>$", "a joe", "joe text");
	assert_finds("a <F-ID>\\S+</F-ID> <ADDR>$", "a joe 192.0.2.1", "joe ip=192.0.2.1 text");
	assert_finds("a <F-ID><ADDR></F-ID>$", "a 192.0.2.1", "192.0.2.1");
}

static void
what_is_no_address_is_marked_so_that_nobody_acts_on_it(void **state)
{
	(void)state;
	assert_finds("a <HOST>$", "a 999.1.1.1", "999.1.1.1 text invalid");
	assert_finds("a <HOST>$", "a 192.0.02.1", "192.0.02.1 text invalid");
	assert_finds("a <F-ID>\\S+</F-ID> <ADDR>$", "a joe 300.0.2.1", "joe ip=300.0.2.1 text invalid");
}

static void
names_go_by_usedns(void **state)
{
	struct run r;

	(void)state;
	assert_finds("a <HOST>$", "a host.example", "host.example name");
	start(&r);
	filter_set_usedns(r.filter, USEDNS_NO);
	add(&r, "a <HOST>$");
	add(&r, "b <DNS>$");
	feed(&r, "a host.example");
	feed(&r, "b host.example");
	assert_found(&r, "");
	feed(&r, "b 192.0.2.1");
	assert_found(&r, "192.0.2.1");
	stop(&r);
	start(&r);
	filter_set_usedns(r.filter, USEDNS_RAW);
	add(&r, "a <HOST>$");
	feed(&r, "a host.example");
	assert_found(&r, "host.example text");
	filter_set_usedns(r.filter, USEDNS_NO); /* the expression was expanded before */
	feed(&r, "a host.example");
	assert_found(&r, "");
	assert_non_null(strstr(filter_failregex(r.filter, 0), "(?P<dns>"));
	stop(&r);
}

static void
alternatives_and_tuples_fill_their_names(void **state)
{
	struct run r;

	(void)state;
	assert_finds("a <F-ALT_USER1>\\w+</F-ALT_USER1> <HOST>", "a bob 192.0.2.1", "192.0.2.1");
	assert_finds("a <F-ALT_USER_1>\\w+</F-ALT_USER_1> <HOST>", "a bob 192.0.2.1", "192.0.2.1 user=bob");
	assert_finds("^ <F-USER>\\w*</F-USER> <F-ALT_USER>\\w+</F-ALT_USER> <HOST>", "al bob 192.0.2.1", "192.0.2.1 user=al");
	assert_finds("^ x<F-USER>\\w*</F-USER> <F-ALT_USER>\\w+</F-ALT_USER> <HOST>", "x bob 192.0.2.1", "192.0.2.1 user=bob");
	assert_finds("^ <F-USER>\\w+</F-USER> <F-TUPLE_USER>\\w+</F-TUPLE_USER> <HOST>", "bb aa 192.0.2.1",
	    "192.0.2.1 user=('bb', 'aa')");
	assert_finds("^ <F-ID>\\w+</F-ID> <F-TUPLE_ID>\\w+</F-TUPLE_ID> x", "bb aa x", "('bb', 'aa') text");
	start(&r);
	r.show_all = true;
	add(&r, "a (?:<F-X>x</F-X>)?<F-Y>.?</F-Y> <IP4>");
	feed(&r, "a  192.0.2.1");
	assert_found(&r, "192.0.2.1 x=- y= ip4=192.0.2.1");
	stop(&r);
}

static void
wrong_expressions_are_refused_with_their_place(void **state)
{
	struct run r;
	struct err err;
	struct filter_fault fault;

	(void)state;
	start(&r);
	assert_false(filter_add_failregex(r.filter, "<HOST> (b", &err));
	assert_non_null(strstr(err.text, "Unable to compile regular expression '"));
	assert_non_null(strstr(err.text, "':\nmissing ), unterminated subpattern at position "));
	filter_fault(r.filter, &fault);
	assert_string_equal(fault.text, "missing closing parenthesis");
	assert_int_equal(fault.column, 8);
	assert_false(filter_add_failregex(r.filter, "no host", &err));
	assert_string_equal(err.text, "No failure-id group in 'no host'");
	assert_false(filter_add_failregex(r.filter, " \t", &err));
	assert_string_equal(err.text, "Cannot add empty regex");
	assert_true(filter_add_ignoreregex(r.filter, "no host", &err));
	assert_false(filter_set_maxlines(r.filter, 0, &err));
	assert_true(filter_set_prefregex(r.filter, "^<F-ID>x</F-ID> <F-CONTENT>.*</F-CONTENT>", &err));
	assert_true(filter_add_failregex(r.filter, "no host", &err)); /* the prefregex names somebody */
	stop(&r);
}

static void
content_of_the_prefregex_is_what_is_searched(void **state)
{
	struct run r;

	(void)state;
	start(&r);
	assert_true(filter_set_prefregex(r.filter, "^ srv <F-USER>\\w+</F-USER>: <F-CONTENT>.+</F-CONTENT>$", NULL));
	add(&r, "^bad <HOST>$");
	add(&r, "^worse <F-USER>\\w+</F-USER> <HOST>$");
	feed(&r, "srv joe: bad 192.0.2.1");
	assert_found(&r, "192.0.2.1 user=joe");
	feed(&r, "srv joe: worse al 192.0.2.1"); /* the failregex' own group wins */
	assert_found(&r, "192.0.2.1 user=al");
	feed(&r, "srv: bad 192.0.2.1");
	feed(&r, "srv joe: not bad 192.0.2.1");
	assert_found(&r, "");
	stop(&r);
	start(&r);
	assert_true(filter_set_prefregex(r.filter, "^ srv <F-CONTENT>[a-z]+</F-CONTENT> <F-ADDR/>", NULL));
	add(&r, "^b\\w*$"); /* cut out of the middle */
	feed(&r, "srv bad 192.0.2.1 x");
	assert_found(&r, "192.0.2.1");
	stop(&r);
}

static void
the_first_failregex_wins_and_ignoreregex_drops(void **state)
{
	struct run r;
	struct filter_counters c;

	(void)state;
	start(&r);
	add(&r, " <F-USER>a</F-USER> <HOST>");
	add(&r, " <F-USER>\\w</F-USER> <HOST>");
	assert_true(filter_add_ignoreregex(r.filter, "192\\.0\\.2\\.9", NULL));
	feed(&r, "a 192.0.2.1");
	feed(&r, "b 192.0.2.2");
	feed(&r, "b 192.0.2.9");
	feed(&r, "nothing");
	assert_found(&r, "192.0.2.1 user=a, 192.0.2.2 user=b");
	filter_counters(r.filter, &c);
	assert_int_equal(c.lines, 4);
	assert_int_equal(c.matched, 2);
	assert_int_equal(c.ignored, 1);
	assert_int_equal(c.missed, 1);
	assert_int_equal(c.failures, 2);
	assert_true(filter_del_failregex(r.filter, 0));
	assert_false(filter_del_failregex(r.filter, 1));
	assert_true(filter_del_ignoreregex(r.filter, 0));
	feed(&r, "a 192.0.2.9");
	assert_found(&r, "192.0.2.9 user=a");
	stop(&r);
}

static void
lines_need_not_be_ascii_or_even_utf8(void **state)
{
	struct run r;
	struct line l = {.bytes = "2026-11-22 08:06:00 \xff\xfe caf\xe9 192.0.2.1", .len = 37, .time = NAN, .in_operation = true};

	(void)state;
	assert_finds("für <F-USER>\\w+</F-USER> <HOST>", "für zoë 192.0.2.1", "192.0.2.1 user=zoë");
	assert_finds("^ . <HOST>", "\xe2\x82\xac 192.0.2.1", "192.0.2.1");
	start(&r);
	add(&r, " <HOST>$");
	filter_feed(r.filter, &l, 1);
	assert_found(&r, "192.0.2.1");
	stop(&r);
}

/* ---- connections ---- */

static void
start_connections(struct run *r)
{
	start(r);
	add(r, "^ (?:<F-MLFID>c\\d+</F-MLFID>) <F-NOFAIL>from</F-NOFAIL> <HOST>$");
	add(r, "^ (?:<F-MLFID>c\\d+</F-MLFID>) bad <F-USER>\\S+</F-USER>$");
	add(r, "^ (?:<F-MLFID>c\\d+</F-MLFID>) <F-MLFFORGET>closed</F-MLFFORGET>$");
	add(r, "^ (?:<F-MLFID>c\\d+</F-MLFID>) <F-MLFFORGET><F-MLFGAINED>ok</F-MLFGAINED></F-MLFFORGET> <F-USER>\\S+</F-USER>$");
}

static void
assert_connection(const char *lines, const char *expected)
{
	struct run r;
	char *copy = xstrdup(lines), *save = NULL;

	start_connections(&r);
	for (char *line = strtok_r(copy, ";", &save); line != NULL; line = strtok_r(NULL, ";", &save))
		feed(&r, line);
	if (strcmp(str_text(&r.found), expected) != 0)
		fail_msg("%s: '%s', not '%s'", lines, str_text(&r.found), expected);
	free(copy);
	stop(&r);
}

static void
lines_of_one_connection_are_joined(void **state)
{
	(void)state;
	assert_connection("c1 from 192.0.2.1", "");
	assert_connection("c1 from 192.0.2.1;c1 bad bob", "192.0.2.1 lines=2 user=bob");
	assert_connection("c1 from 192.0.2.1;c1 bad bob;c1 bad al;c1 closed",
	    "192.0.2.1 lines=2 user=bob, 192.0.2.1 user=al, 192.0.2.1 user=al");
	assert_connection("c1 bad bob;c1 from 192.0.2.1", "192.0.2.1 lines=2 user=bob");
	assert_connection("c1 from 192.0.2.1;c1 ok bob", "");
	assert_connection("c1 from 192.0.2.1;c1 bad eve;c1 ok bob", "192.0.2.1 lines=2 user=eve, 192.0.2.1 user=bob");
	assert_connection("c1 from 192.0.2.1;c1 bad bob;c1 ok bob", "192.0.2.1 lines=2 user=bob");
	assert_connection("c1 from 192.0.2.1;c2 bad bob;c1 bad al", "192.0.2.1 lines=2 user=al");
	assert_connection("c1 from 192.0.2.1;c1 bad bob;c1 closed;c1 bad al", "192.0.2.1 lines=2 user=bob, 192.0.2.1 user=bob");
}

static void
only_so_many_connections_are_remembered_and_not_for_ever(void **state)
{
	struct run r;
	char line[64];

	(void)state;
	start_connections(&r);
	for (int i = 0; i < 101; i++) {
		snprintf(line, sizeof line, "c%d from 192.0.2.1", i);
		feed(&r, line);
	}
	feed(&r, "c0 bad bob"); /* the oldest had to go */
	assert_found(&r, "");
	feed(&r, "c100 bad bob");
	assert_found(&r, "192.0.2.1 lines=2 user=bob");
	r.clock.fixed += 301;
	feed(&r, "c99 bad bob");
	assert_found(&r, "");
	stop(&r);
}

static void
a_flood_on_one_connection_stays_small(void **state)
{
	struct run r;

	(void)state;
	start_connections(&r);
	for (int i = 0; i < 5000; i++)
		feed(&r, "c1 from 192.0.2.1");
	feed(&r, "c1 bad bob");
	assert_non_null(strstr(str_text(&r.found), "192.0.2.1 lines="));
	assert_true(atoi(strstr(str_text(&r.found), "lines=") + 6) <= 201);
	stop(&r);
}

/* ---- several lines ---- */

static void
feed_plain(struct run *r, const char *const *lines)
{
	for (; *lines != NULL; lines++)
		feed(r, *lines);
}

static void
an_expression_may_span_lines(void **state)
{
	struct run r;

	(void)state;
	start(&r);
	assert_true(filter_set_maxlines(r.filter, 3, NULL));
	add(&r, "^ a <HOST><SKIPLINES> b$");
	feed_plain(&r, (const char *const[]){"a 192.0.2.1", "x", "b", "b", NULL});
	assert_found(&r, "192.0.2.1 lines=2"); /* once, and without the line between */
	feed_plain(&r, (const char *const[]){"a 192.0.2.2", "x", "y", "b", NULL});
	assert_found(&r, ""); /* too far apart */
	assert_int_equal(filter_window(r.filter), 3);
	stop(&r);

	start(&r);
	assert_true(filter_set_maxlines(r.filter, 2, NULL));
	add(&r, "^ a <HOST>\n b$");
	assert_true(filter_add_ignoreregex(r.filter, " ok", NULL));
	feed_plain(&r, (const char *const[]){"a 192.0.2.1", "b", "a 192.0.2.2", "c", "b", "x a 192.0.2.3", "b", NULL});
	assert_found(&r, "192.0.2.1 lines=2");
	stop(&r);

	start(&r); /* history without a date is no failure, but waits for a line that has one */
	r.show_time = true;
	assert_true(filter_set_maxlines(r.filter, 2, NULL));
	add(&r, "a <HOST>$");
	feed_as(&r, "a 192.0.2.1", false);
	assert_found(&r, "");
	feed_as(&r, "2026-11-22 08:06:00 x", false);
	assert_found(&r, "192.0.2.1 at=-40");
	stop(&r);
}

/* ---- time ---- */

static void
times_of_new_lines_that_are_far_off_become_now(void **state)
{
	struct run r;

	(void)state;
	start(&r);
	r.show_time = true;
	add(&r, "a <HOST>");
	feed_as(&r, "2026-11-22 08:06:00 a 192.0.2.1", true);
	feed_as(&r, "2026-11-22 08:07:39 a 192.0.2.2", true); /* ahead by 59 s: now */
	assert_found(&r, "192.0.2.1 at=-40, 192.0.2.2 at=0");
	assert_string_equal(str_text(&r.log), "");
	feed_as(&r, "2026-11-22 06:06:40 a 192.0.2.3", true);
	feed_as(&r, "2026-11-22 09:06:40 a 192.0.2.4", true);
	assert_found(&r, "192.0.2.3 at=0, 192.0.2.4 at=0");
	assert_string_equal(str_text(&r.log),
	    "30 [jail] Detected a log entry 2h before the current time in operation mode. This looks like a timezone problem. "
	    "Treating such entries as if they just happened.\n"
	    "30 [jail] Please check a jail for a timing issue. Line with odd timestamp: 2026-11-22 06:06:40 a 192.0.2.3\n");
	str_clear(&r.log);
	r.clock.fixed += 86401; /* once a day */
	feed_as(&r, "2026-11-23 08:00:00 a 192.0.2.4", true);
	assert_non_null(strstr(str_text(&r.log), "6m 41s before the current time in operation mode. This looks like a latency"));
	stop(&r);
}

static void
history_older_than_findtime_is_skipped(void **state)
{
	struct run r;
	struct filter_counters c;

	(void)state;
	start(&r);
	r.show_time = true;
	filter_set_findtime(r.filter, 600);
	add(&r, "a <HOST>");
	feed_as(&r, "2026-11-22 07:56:39 a 192.0.2.1", false);
	feed_as(&r, "2026-11-22 07:56:40 a 192.0.2.2", false);
	assert_found(&r, "192.0.2.2 at=-600");
	filter_counters(r.filter, &c);
	assert_int_equal(c.too_old, 1);
	assert_non_null(strstr(str_text(&r.log), "Ignoring all log entries older than 600s; these are probably messages generated "
	    "while fail2ban was not running."));
	stop(&r);
}

static void
lines_without_a_date_count_as_the_last_or_now(void **state)
{
	struct run r;
	struct filter_counters c;

	(void)state;
	start(&r);
	r.show_time = true;
	add(&r, "a <HOST>");
	feed_as(&r, "a 192.0.2.1", true);
	assert_found(&r, "192.0.2.1 at=0");
	assert_string_equal(str_text(&r.log), "30 [jail] Found a match but no valid date/time found for ''.\n"
	    "30 [jail] Match without a timestamp: a 192.0.2.1\n"
	    "30 [jail] Please try setting a custom date pattern (see man page jail.conf(5)).\n");
	feed_as(&r, "2026-11-22 08:06:10 x", true);
	feed_as(&r, "a 192.0.2.2", true);
	assert_found(&r, "192.0.2.2 at=-30");
	feed_as(&r, "2026-02-31 08:06:10 a 192.0.2.3", true);
	assert_found(&r, "192.0.2.3 at=-30");
	assert_non_null(strstr(str_text(&r.log), "40 findFailure failed to parse timeText: 2026-02-31 08:06:10\n"));
	filter_counters(r.filter, &c);
	assert_int_equal(c.no_date, 3);
	stop(&r);
	start(&r);
	add(&r, "a <HOST>");
	feed_as(&r, "a 192.0.2.1", false); /* history: nobody knows when */
	assert_found(&r, "");
	stop(&r);
}

static void
journal_entries_bring_their_time(void **state)
{
	struct run r;
	struct line l = {.bytes = "2026-11-22 01:00:00 a 192.0.2.1", .len = 31, .time = NOW - 5, .in_operation = true};

	(void)state;
	start(&r);
	r.show_time = true;
	add(&r, "^2026\\S+ \\S+ a <HOST>$"); /* nothing is cut out */
	filter_feed(r.filter, &l, 1);
	assert_found(&r, "192.0.2.1 at=-5");
	assert_true(filter_last_date(r.filter) == NOW - 5);
	struct filter_last last;
	filter_last(r.filter, &last);
	assert_memory_equal(last.line.bytes, "2026-11-22T08:06:35+00:00 2026-11-22 01:00:00 a", 47);
	assert_int_equal(last.line.date_to, 26);
	stop(&r);
}

static void
what_is_set_can_be_asked(void **state)
{
	struct run r;
	const char *pattern, *name;
	struct err err;

	(void)state;
	start(&r);
	filter_datepattern(r.filter, &pattern, &name);
	assert_null(pattern);
	assert_string_equal(name, "Default Detectors");
	assert_true(filter_set_datepattern(r.filter, "\n %Y-%m \n\n", &err));
	filter_datepattern(r.filter, &pattern, &name);
	assert_string_equal(pattern, "%Y-%m");
	assert_string_equal(name, "Year-Month");
	assert_false(filter_set_datepattern(r.filter, "%Q", &err));
	filter_datepattern(r.filter, &pattern, &name);
	assert_string_equal(pattern, "%Y-%m"); /* the old one stays */
	assert_null(filter_logtimezone(r.filter));
	assert_true(filter_set_logtimezone(r.filter, "UTC+0100", &err));
	assert_false(filter_set_logtimezone(r.filter, "Mars", &err));
	assert_string_equal(filter_logtimezone(r.filter), "UTC+0100");
	assert_string_equal(filter_prefregex(r.filter), "");
	add(&r, "x <IP4>");
	assert_string_equal(filter_failregex_source(r.filter, 0), "x <IP4>");
	assert_null(filter_failregex(r.filter, 1));
	assert_null(filter_ignoreregex(r.filter, 0));
	enum filter_usedns mode;
	assert_true(filter_usedns_parse("RAW", &mode) && mode == USEDNS_RAW);
	assert_false(filter_usedns_parse("maybe", &mode));
	assert_string_equal(filter_usedns_name(USEDNS_WARN), "warn");
	stop(&r);
}

static void
an_expression_over_its_budget_is_counted_and_stalls_nothing(void **state)
{
	struct run r;
	struct filter_counters c;
	char line[200];

	(void)state;
	start(&r);
	add(&r, "^(\\w+\\s?)+$ <HOST>?");
	add(&r, "(\\w+\\s?)+! from <HOST>$");
	add(&r, "<HOST>$");
	memset(line, 'a', 100);
	strcpy(line + 100, "; 192.0.2.1");
	feed(&r, line);
	assert_found(&r, "192.0.2.1");
	filter_counters(r.filter, &c);
	assert_true(c.limit >= 1);
	assert_true(filter_failregex_limit(r.filter, 1) >= 1);
	assert_int_equal(filter_failregex_limit(r.filter, 9), 0);
	stop(&r);
}

/* ---- many filters, one file ---- */

static void
feed_both(struct run *a, struct run *b, const char *text)
{
	struct filter *both[] = {a->filter, b->filter};
	char *line = xasprintf("2026-11-22 08:06:00 %s", text);
	struct line l = {.bytes = line, .len = strlen(line), .time = NAN, .in_operation = true};

	filters_feed(both, 2, &l, 1);
	free(line);
}

static void
filters_that_share_their_work_still_have_their_own_life(void **state)
{
	struct run a, b;
	struct filter_counters ca, cb;

	(void)state;
	start_connections(&a);
	start_connections(&b);
	b.clock = a.clock;
	feed_both(&a, &b, "c1 from 192.0.2.1");
	feed_both(&a, &b, "c1 bad bob");
	assert_found(&a, "192.0.2.1 lines=2 user=bob");
	assert_found(&b, "192.0.2.1 lines=2 user=bob");
	feed_both(&a, &b, "c2 from 192.0.2.2");
	feed(&a, "c2 ok bob"); /* one alone */
	feed(&b, "c2 bad al");
	assert_found(&a, "");
	assert_found(&b, "192.0.2.2 lines=2 user=al");
	feed_both(&a, &b, "c3 from 192.0.2.3");
	assert_true(filter_del_failregex(b.filter, 1));
	feed_both(&a, &b, "c3 bad al");
	assert_found(&a, "192.0.2.3 lines=2 user=al");
	assert_found(&b, "");
	filter_counters(a.filter, &ca);
	filter_counters(b.filter, &cb);
	assert_int_equal(ca.lines, 6);
	assert_int_equal(cb.lines, 6);
	assert_int_equal(ca.failures, 2);
	assert_int_equal(cb.failures, 2);
	stop(&a);
	feed(&b, "c3 ok al");
	stop(&b);
}

/* Feeding them together or in turn is the same. */
static void
together_or_in_turn_is_the_same(void **state)
{
	static const char *const words[] = {"c1 from 192.0.2.1", "c1 bad bob", "c1 closed", "c2 from 192.0.2.2", "c2 ok al",
	    "c2 bad al", "c1 bad joe", "c3 bad x", "c3 from 2001:db8::3", "nothing"};
	enum { N = 4 };
	struct clock clock = {.is_fixed = true, .fixed = NOW};
	struct run a[N], b[N];
	struct filter *both[N];

	(void)state;
	for (int i = 0; i < N; i++) {
		struct run *pair[] = {&a[i], &b[i]};
		for (int k = 0; k < 2; k++) {
			*pair[k] = (struct run){0};
			struct filter_hooks hooks = {.clock = &clock, .failure = on_failure, .arg = pair[k]};
			pair[k]->filter = filter_new("x", &hooks);
			add(pair[k], "^ <F-MLFID>c\\d+</F-MLFID> <F-NOFAIL>from</F-NOFAIL> <HOST>$");
			add(pair[k], "^ <F-MLFID>c\\d+</F-MLFID> bad <F-USER>\\S+</F-USER>$");
			if (i == 3) /* one is another */
				add(pair[k], "^ <F-MLFID>c\\d+</F-MLFID> <F-MLFFORGET>closed</F-MLFFORGET>$");
		}
		both[i] = a[i].filter;
	}
	srand(5);
	for (int n = 0; n < 2000; n++) {
		size_t count = n % 7 == 0 ? 2 : N; /* not all follow every file */
		char *text = xasprintf("2026-11-22 08:06:00 %s", words[(size_t)rand() % (sizeof words / sizeof *words)]);
		struct line l = {.bytes = text, .len = strlen(text), .time = NAN, .in_operation = true};
		filters_feed(both, count, &l, 1);
		for (size_t i = 0; i < count; i++)
			filter_feed(b[i].filter, &l, 1);
		free(text);
	}
	for (int i = 0; i < N; i++) {
		assert_true(a[i].found.len > 1000);
		assert_string_equal(str_text(&a[i].found), str_text(&b[i].found));
		stop(&a[i]);
		stop(&b[i]);
	}
}

/* A text that differs from an earlier one in digits only is not searched again; it must not show. */
static void
remembered_texts_change_nothing(void **state)
{
	static const char *const words[] = {"Failed", "password", "for", "root", "admin1", "from", "192.0.2.1", "192.0.2.77",
	    "10.1.1.1", "2001:db8::12", "port", "22", "40221", "4022", "ssh2", "a1b", "a2b", "x", "1:2", "\xc3\xa9"};
	struct run kept, plain;

	(void)state;
	start(&kept);
	start(&plain);
	kept.show_all = plain.show_all = true;
	/* an ignoreregex, even one that never matches, keeps texts from being remembered */
	assert_true(filter_add_ignoreregex(plain.filter, "never to be seen", NULL));
	for (int i = 0; i < 2; i++) {
		struct run *r = i == 0 ? &kept : &plain;
		assert_true(filter_set_prefregex(r->filter, "^ <F-CONTENT>.+</F-CONTENT>$", NULL));
		add(r, "^Failed \\S+ for <F-USER>\\S+</F-USER> from <HOST>(?: port (?P<p>\\d+))?");
		add(r, "^Failed (?P<a>a\\db)? ?<F-USER>\\w*</F-USER>.* <ADDR>$");
		add(r, "^port 4022 <HOST>"); /* tells digits apart: texts with its first letter are always searched */
		add(r, "^x <HOST> (?P<q>x)?");
		add(r, "^for .*(?P<z>\\d) <ADDR>");
	}
	srand(11);
	for (int n = 0; n < 30000; n++) {
		char line[200] = "";
		for (int k = rand() % 7; k >= 0; k--) {
			strcat(line, words[(size_t)rand() % (sizeof words / sizeof *words)]);
			strcat(line, k > 0 ? " " : "");
		}
		feed(&kept, line);
		feed(&plain, line);
		if (strcmp(str_text(&kept.found), str_text(&plain.found)) != 0)
			fail_msg("'%s': '%s', not '%s'", line, str_text(&kept.found), str_text(&plain.found));
		str_clear(&kept.found);
		str_clear(&plain.found);
	}
	struct filter_counters c;
	filter_counters(kept.filter, &c);
	assert_true(c.matched > 1000);
	stop(&kept);
	stop(&plain);
}

int
main(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_date_is_cut_out_and_the_blank_behind_it_stays),
	    cmocka_unit_test(addresses_are_told_in_one_form),
	    cmocka_unit_test(what_is_no_address_is_marked_so_that_nobody_acts_on_it),
	    cmocka_unit_test(names_go_by_usedns),
	    cmocka_unit_test(alternatives_and_tuples_fill_their_names),
	    cmocka_unit_test(wrong_expressions_are_refused_with_their_place),
	    cmocka_unit_test(content_of_the_prefregex_is_what_is_searched),
	    cmocka_unit_test(the_first_failregex_wins_and_ignoreregex_drops),
	    cmocka_unit_test(lines_need_not_be_ascii_or_even_utf8),
	    cmocka_unit_test(lines_of_one_connection_are_joined),
	    cmocka_unit_test(only_so_many_connections_are_remembered_and_not_for_ever),
	    cmocka_unit_test(a_flood_on_one_connection_stays_small),
	    cmocka_unit_test(an_expression_may_span_lines),
	    cmocka_unit_test(times_of_new_lines_that_are_far_off_become_now),
	    cmocka_unit_test(history_older_than_findtime_is_skipped),
	    cmocka_unit_test(lines_without_a_date_count_as_the_last_or_now),
	    cmocka_unit_test(journal_entries_bring_their_time),
	    cmocka_unit_test(what_is_set_can_be_asked),
	    cmocka_unit_test(an_expression_over_its_budget_is_counted_and_stalls_nothing),
	    cmocka_unit_test(filters_that_share_their_work_still_have_their_own_life),
	    cmocka_unit_test(together_or_in_turn_is_the_same),
	    cmocka_unit_test(remembered_texts_change_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
