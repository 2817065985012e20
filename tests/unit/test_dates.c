/* datepattern, datevalue, datedetect: which date of a line counts, and when it is. */
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

#include "match/datedetect.c" /* one test keeps it from learning */
#include "match/datepattern.h"
#include "match/datevalue.h"

#define NOW 1795334800.0 /* 2026-11-22 08:06:40 UTC, a Sunday */

static struct regex_room *room;

static int
set_up(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	room = regex_room_new();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	regex_room_free(room);
	return 0;
}

static bool
is_plain(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

static struct date_result
find(struct datedetect *d, const char *line, double now)
{
	struct date_result r;

	datedetect_find(d, line, strlen(line), is_plain(line), now, &r);
	return r;
}

/* date "": none; time NAN: there is no such date */
static void
assert_date(const char *pattern, const char *line, const char *date, double time)
{
	struct datedetect *d = datedetect_new(room, 2026);
	struct err err = {""};
	char text[300] = "";

	if (pattern != NULL && !datedetect_add(d, pattern, &err))
		fail_msg("%s: %s", pattern, err.text);
	struct date_result r = find(d, line, NOW);
	if (r.found != DATE_NONE)
		snprintf(text, sizeof text, "%.*s", (int)(r.to - r.from), line + r.from);
	if (strcmp(text, date) != 0)
		fail_msg("'%s': the date is '%s', not '%s'", line, text, date);
	if (date[0] != '\0' && (isnan(time) ? r.found != DATE_BAD : r.found != DATE_FOUND || fabs(r.time - time) > 0.0005))
		fail_msg("'%s': %d %.3f, not %.3f", line, r.found, r.time, time);
	datedetect_free(d);
}

static void
every_default_format_is_found(void **state)
{
	(void)state;
	assert_date(NULL, "2005-01-23T21:59:59.981+02:00 x", "2005-01-23T21:59:59.981+02:00", 1106510399);
	assert_date(NULL, "2005/01/23 21:59:59 x", "2005/01/23 21:59:59", 1106517599);
	assert_date(NULL, "2005.01.23  8:59:59 x", "2005.01.23  8:59:59", 1106470799);
	assert_date(NULL, "Sun Jan 23 21:59:59.011 2005 x", "Sun Jan 23 21:59:59.011 2005", 1106517599);
	assert_date(NULL, "Jan 23 21:59:59 x", "Jan 23 21:59:59", 1769205599);
	assert_date(NULL, "Sun Jan 23 2005 21:59:59.011 x", "Sun Jan 23 2005 21:59:59.011", 1106517599);
	assert_date(NULL, "23/01/2005 21:59:59 x", "23/01/2005 21:59:59", 1106517599);
	assert_date(NULL, "23/01/05 21:59:59 x", "23/01/05 21:59:59", 1106517599);
	assert_date(NULL, "[31/Oct/2006:09:22:55 -0100] x", "31/Oct/2006:09:22:55 -0100", 1162290175);
	assert_date(NULL, "26-Jul-2007 15:20:52.252 x", "26-Jul-2007 15:20:52.252", 1185463252);
	assert_date(NULL, "05/20/2008:01:57:39 x", "05/20/2008:01:57:39", 1211248659);
	assert_date(NULL, "01-27-2012 16:22:44.252 x", "01-27-2012 16:22:44.252", 1327681364);
	assert_date(NULL, "1795334800.123 x", "1795334800.123", 1795334800.123);
	assert_date(NULL, "[1795334800.123] x", "1795334800.123", 1795334800.123);
	assert_date(NULL, "type=X msg=audit(1795334800.123:45): x", "1795334800.123", 1795334800.123);
	assert_date(NULL, "07:59:59 x", "07:59:59", 1795334399);
	assert_date(NULL, "21:59:59 x", "21:59:59", 1795298399); /* later than now: yesterday's */
	assert_date(NULL, "<09/16/08@05:03:30> x", "<09/16/08@05:03:30>", 1221541410);
	assert_date(NULL, "130322 11:46:11 x", "130322 11:46:11", 1363952771);
	assert_date(NULL, "Jan 23, 2005 9:59:59 PM x", "Jan 23, 2005 9:59:59 PM", 1106517599);
	assert_date(NULL, "Jan 23, 2005 12:00:01 AM x", "Jan 23, 2005 12:00:01 AM", 1106438401);
	assert_date(NULL, "Apr-27-13 02:33:06 x", "Apr-27-13 02:33:06", 1367029986);
	assert_date(NULL, "20050123T215959.5 x", "20050123T215959.5", 1106517599);
	assert_date(NULL, "20050123  215959 x", "20050123  215959", 1106517599);
	assert_date(NULL, "PDT Apr 16 21:05:29 x", "PDT Apr 16 21:05:29", 1776398729);
	assert_date(NULL, "+01:00 Jan 23 21:59:59.011 2005 x", "+01:00 Jan 23 21:59:59.011 2005", 1106513999);
	assert_date(NULL, "@400000005a3b1c2d1b2c3d4e x", "@400000005a3b1c2d1b2c3d4e", 1513823277);
}

static void
what_only_looks_like_a_date_is_none(void **state)
{
	(void)state;
	assert_date(NULL, "no date at all", "", 0);
	assert_date(NULL, "x 1795334800 y", "", 0);
	assert_date(NULL, "1999-01-01 00:00:00 x", "", 0); /* %ExY begins with 2000 */
	assert_date(NULL, "2036-01-01 00:00:00 x", "", 0);
	assert_date(NULL, "2026-11-22 24:00:00 x", "", 0);
	assert_date(NULL, "[[[2026-11-22 08:00:00", "2026-11-22 08:00:00", 1795334400); /* not at the start, but bound */
	assert_date("{^LN-BEG}", "[[2026-11-22 08:00:00", "2026-11-22 08:00:00", 1795334400);
	assert_date("{^LN-BEG}", "[[[2026-11-22 08:00:00", "", 0);
	assert_date(NULL, "", "", 0);
}

static void
impossible_dates_are_told_apart(void **state)
{
	(void)state;
	assert_date(NULL, "Feb 29 08:00:00 x", "Feb 29 08:00:00", NAN); /* 2026 has none */
	assert_date(NULL, "2026-02-31 08:00:00 x", "2026-02-31 08:00:00", NAN);
	assert_date(NULL, "2024-02-29 08:00:00 x", "2024-02-29 08:00:00", 1709193600);
	assert_date(NULL, "2026-11-22 08:00:60 x", "2026-11-22 08:00:60", NAN);
	assert_date("^%ExZ %Y-%m-%d %H:%M:%S", "QQQ 2026-11-22 08:00:00", "QQQ 2026-11-22 08:00:00", NAN);
}

static void
a_missing_year_is_the_nearest_past_one(void **state)
{
	(void)state;
	assert_date(NULL, "Nov 23 08:06:39 x", "Nov 23 08:06:39", NOW - 1 + 86400);
	assert_date(NULL, "Nov 23 08:06:40 x", "Nov 23 08:06:40", NOW + 86400);
	assert_date(NULL, "Nov 23 08:06:41 x", "Nov 23 08:06:41", NOW + 1 + 86400 - 365 * 86400.0);
	assert_date(NULL, "Dec 31 23:59:59 x", "Dec 31 23:59:59", 1767225599);
}

static void
zones_shift_as_they_say(void **state)
{
	static const struct { const char *text; int minutes; } good[] = {
	    {"Z", 0}, {"UTC", 0}, {"CET", 60}, {"PST", -480}, {"MSK", 180}, {"JST", 540}, {"NZST", 720}, {"IRST", 210},
	    {"+0200", 120}, {"-02:30", -150}, {"+05", 300}, {"CET+0100", 120}, {"UTC-0330", -210}, {"A", 60},
	};
	static const char *const bad[] = {"", "IST", "XX", "cet", "+2", "+2000", "+02:0", "CET+", "UTC+02:00x", "ABCDEF"};
	int minutes;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		if (!date_zone(good[i].text, strlen(good[i].text), &minutes) || minutes != good[i].minutes)
			fail_msg("%s: %d", good[i].text, minutes);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (date_zone(bad[i], strlen(bad[i]), &minutes))
			fail_msg("%s is taken for a zone", bad[i]);

	struct datedetect *d = datedetect_new(room, 2026);
	assert_true(datedetect_set_zone(d, "UTC+0200", NULL));
	assert_true(find(d, "2026-11-22 08:00:00 x", NOW).time == 1795334400 - 7200);
	assert_true(find(d, "2026-11-22 08:00:00Z x", NOW).time == 1795334400);
	assert_false(datedetect_set_zone(d, "Europe/Paris", NULL));
	datedetect_free(d);
}

static void
local_time_knows_summer(void **state)
{
	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	struct datedetect *d = datedetect_new(room, 2026);
	assert_true(find(d, "2026-07-01 12:00:00 x", NOW).time == 1782900000);
	assert_true(find(d, "2026-12-01 12:00:00 x", NOW).time == 1796122800);
	/* over the change: learned stamps must not carry an hour across */
	for (int minute = 0; minute < 180; minute++) {
		char line[64];
		struct tm tm = {.tm_year = 126, .tm_mon = 2, .tm_mday = 29, .tm_hour = 1 + minute / 60, .tm_min = minute % 60, .tm_isdst = -1};
		snprintf(line, sizeof line, "2026-03-29 %02d:%02d:00 x", 1 + minute / 60, minute % 60);
		assert_true(find(d, line, NOW).time == (double)mktime(&tm));
	}
	datedetect_free(d);
	setenv("TZ", "UTC", 1);
	tzset();
}

/* The hour that the clock shows twice: a line that is followed means the one in which it is read. */
static void
the_hour_that_comes_twice_is_the_one_of_now(void **state)
{
	const double change = 1792890000; /* 2026-10-25 01:00 UTC: 03:00 summer time becomes 02:00 */

	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	struct datedetect *d = datedetect_new(room, 2026);
	for (int s = -3600; s < 7200; s += 7) {
		double now = change + s;
		time_t whole = (time_t)now;
		struct tm tm;
		char line[64];
		localtime_r(&whole, &tm);
		strftime(line, sizeof line, "%Y-%m-%d %H:%M:%S x", &tm);
		assert_true(find(d, line, now).time == now);
		assert_true(find(d, line, now + 20).time == now);  /* read a little later, */
		assert_true(find(d, line, now - 0.5).time == now); /* or by a clock that is behind */
	}
	/* a minute before the change, read a minute after it */
	assert_true(find(d, "2026-10-25 02:59:00 x", change + 60).time == change - 60);
	/* an old log: as the C library has it */
	double old = find(d, "2026-10-25 02:30:00 x", change + 86400 * 30).time;
	assert_true(old == change - 1800 || old == change + 1800);
	datedetect_free(d);
	setenv("TZ", "UTC", 1);
	tzset();
}

static void
patterns_say_where_a_date_stands(void **state)
{
	(void)state;
	assert_date("%Y-%m-%d %H:%M:%S", "x 2026-11-22 08:00:00 y", "2026-11-22 08:00:00", 1795334400);
	assert_date("^%Y-%m-%d %H:%M:%S", "x 2026-11-22 08:00:00 y", "", 0);
	assert_date("date=(%Y-%m-%d) ", "x date=2026-11-22 y", "2026-11-22", 1795305600); /* group 1 is the date */
	assert_date("%Y-%m-%d %H:%M:%S$", "x 2026-11-22 08:00:00", "2026-11-22 08:00:00", 1795334400);
	assert_date("%Y%m%d", "x12026112212 y", "", 0);
	assert_date("{UNB}%Y%m%d", "x120261122y", "1202611", -24221808000);
	assert_date("**%Y-%m-%d", "x2026-11-22 y", "2026-11-22", 1795305600);
	assert_date("%Y-%m-%d**", "2026-11-2245 y", "2026-11-22", 1795305600);
	assert_date("^<\\d+>\\d+\\s+{DATE}", "<34>1 2026-11-22T08:00:00Z x", "<34>1 2026-11-22T08:00:00Z", 1795334400);
	assert_date("EPOCH", "1795334800 x", "1795334800", 1795334800);
	assert_date("^epoch", "1795334800 x", "1795334800", 1795334800);
	assert_date("LEPOCH", "1795334800123 x", "1795334800123", 1795334800.123);
	assert_date("LEPOCH", "1795334800123456 x", "1795334800123456", 1795334800.123456);
	assert_date("at {EPOCH};", "x at 1795334800; y", "at 1795334800;", 1795334800);
	assert_date("tai64n", "x @400000005a3b1c2d1b2c3d4e y", "@400000005a3b1c2d1b2c3d4e", 1513823277);
	assert_date("%d.%m.%y %I:%M:%S %p", "x 22.11.26 8:00:00 pm y", "22.11.26 8:00:00 pm", 1795377600);
	assert_date("%Y %j %H:%M:%S", "2026 326 08:00:00", "2026 326 08:00:00", 1795334400);
	assert_date("%Y %U %w %H:%M:%S", "2026 47 1 08:00:00", "2026 47 1 08:00:00", 1795420800);
	assert_date("%Y %W %w", "2026 0 0", "2026 0 0", 1767484800);
	assert_date("%Y %U %a", "2027 0 fri", "2027 0 fri", 1798761600);
	assert_date("%Y %W %w", "2026 52 6", "2026 52 6", 1798848000);
	assert_date("%Y-%m-%d %H:%M:%S%%", "2026-11-22 08:00:00%", "2026-11-22 08:00:00%", 1795334400);
	assert_date("%B %d, %Y at %k:%M", "November 22, 2026 at  8:01", "November 22, 2026 at  8:01", 1795334460);
}

static void
weeks_and_days_that_no_year_has_are_no_dates(void **state)
{
	static const struct { enum date_field field; const char *text; bool ok; } rows[] = {
	    {DATE_WEEK_MONDAY, "47", true}, {DATE_WEEK_MONDAY, "54", false}, {DATE_WEEK_SUNDAY, "453348006", false},
	    {DATE_WDAY_NUMBER, "999999999", false}, {DATE_YDAY, "366", true}, {DATE_YDAY, "999999999", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct date_clock clock = {.now = NOW};
		struct date_fields f;
		struct date_value v;
		date_fields_init(&f);
		assert_true(date_fields_set(&f, DATE_WDAY_NUMBER, "1", 1));
		assert_true(date_fields_set(&f, rows[i].field, rows[i].text, strlen(rows[i].text)));
		assert_int_equal(date_fields_time(&f, &clock, &v), rows[i].ok);
	}
}

static void
none_means_no_date(void **state)
{
	struct datedetect *d = datedetect_new(room, 2026);

	(void)state;
	assert_true(datedetect_add(d, "{none}", NULL));
	assert_int_equal(find(d, "2026-11-22 08:00:00 x", NOW).found, DATE_EMPTY);
	datedetect_free(d);
}

static void
wrong_patterns_are_refused_at_once(void **state)
{
	static const char *const bad[] = {"%Y-%Q", "%s", "%", "%k:%M:%S", "%Y (%m", "%Y %Y", "%Exq", "?:x", "?:{EPOCH}x"};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct datedetect *d = datedetect_new(room, 2026);
		struct err err = {""};
		if (datedetect_add(d, bad[i], &err))
			fail_msg("'%s' was accepted", bad[i]);
		assert_non_null(strstr(err.text, "Failed to set datepattern '"));
		datedetect_free(d);
	}
}

static void
a_pattern_may_not_be_given_twice_but_defaults_may_follow(void **state)
{
	struct datedetect *d = datedetect_new(room, 2026);
	struct err err = {""};

	(void)state;
	assert_true(datedetect_add(d, "%Y-%m-%d", &err));
	assert_false(datedetect_add(d, "%Y-%m-%d", &err));
	assert_true(datedetect_add(d, "{^LN-BEG}", &err));
	assert_int_equal(datedetect_count(d), 1 + 17);
	assert_true(datedetect_add(d, "{DEFAULT}", &err)); /* void beside others */
	assert_int_equal(datedetect_count(d), 1 + 17);
	datedetect_free(d);
}

static void
names_and_expressions_are_those_of_the_reports(void **state)
{
	struct datepattern p;

	(void)state;
	assert_true(datepattern_init(&p, "{^LN-BEG}%ExY-%m %k", 2026, NULL));
	assert_string_equal(p.name, "{^LN-BEG}ExYear-Month %k");
	assert_string_equal(p.text, "^(?:\\W{0,2})?((?P<Y>20[012]\\d)-(?P<m>0?[1-9]|1[0-2])  ?(?P<H>[0-2]?\\d))(?=\\b|\\W|$)");
	assert_int_equal(p.flags, DATE_LINE_BEGIN | DATE_WORD_END);
	datepattern_done(&p);
	assert_true(datepattern_init(&p, "%b", 2027, NULL));
	assert_string_equal(p.text, "(?iu)(?=^|\\b|\\W)((?P<b>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))(?=\\b|\\W|$)");
	datepattern_done(&p);
	assert_true(datepattern_init(&p, "%ExY", 2027, NULL));
	assert_non_null(strstr(p.text, "20[0123]\\d"));
	datepattern_done(&p);
	char *bare = datepattern_unbound("{^LN-BEG}(?:^|\\b|\\W)x(?=\\b|\\W|$)");
	assert_string_equal(bare, "x");
	free(bare);
}

/* As the stock filters dovecot and nsd have it: the own one weighs what the built-in one does. */
static void
an_epoch_before_the_defaults_weighs_as_theirs(void **state)
{
	static const char *const firsts[] = {"{^LN-BEG}EPOCH", "{^LN-BEG}TAI64N"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct datedetect *d = datedetect_new(room, 2026);
		struct datedetect_template t;
		assert_true(datedetect_add(d, firsts[i], NULL));
		datedetect_template(d, 0, &t);
		assert_true(t.own_weight == 1);
		assert_true(datedetect_add(d, "{^LN-BEG}", NULL));
		datedetect_template(d, 0, &t);
		assert_true(t.own_weight == 100);
		datedetect_free(d);
	}
}

static void
the_winner_is_tried_first_and_moves_up(void **state)
{
	struct datedetect *d = datedetect_new(room, 2026);
	struct datedetect_template t;

	(void)state;
	for (int i = 0; i < 3; i++)
		find(d, "Nov 22 08:00:00 srv x", NOW);
	datedetect_template(d, 0, &t);
	assert_string_equal(t.name, "{^LN-BEG}(?:DAY )?MON Day %k:Minute:Second(?:\\.Microseconds)?(?: ExYear)?");
	assert_int_equal(t.hits, 3);
	assert_true(t.weight == 300);
	/* a line with two dates: the one of the usual place counts */
	struct date_result r = find(d, "Nov 22 08:00:01 srv x 2020-01-01 00:00:00", NOW);
	assert_true(r.from == 0 && r.time == 1795334401);
	datedetect_free(d);
}

/*
 * The last winner is looked for where it stood last, and no further: what it takes for a date there counts, even when all of
 * the line has a longer one.
 */
static void
a_date_found_in_its_usual_place_counts_as_it_stands_there(void **state)
{
	struct datedetect *d = datedetect_new(room, 2026);
	struct err err;

	(void)state;
	assert_true(datedetect_add(d, "(?P<Y>\\d{4})-(?P<m>\\d\\d)-(?P<d>\\d\\d)", &err) && datedetect_add(d, "%Y%m%d**", &err));
	for (int i = 0; i < 2; i++)
		assert_true(find(d, "20261122130337.000 a", NOW).time == 1768176000); /* 2026-1-12 */
	assert_true(find(d, " 20261122140338.123456 a", NOW).time == 1767225600); /* 2026-1-1 */
	datedetect_free(d);
}

/* A stamp that differs from the last in minute and second only is read without an expression. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void
hold_learned_against_plain(const char *pattern, size_t least)
{
	static const char *const forms[] = {
	    "Nov 22 %02d:%02d:%02d srv x", "Nov %2d 0%d:%02d:%d y", "2026-11-22T%02d:%02d:%02d.%03d+01:00 x",
	    "2026-11-22 %02d:%02d:%02d", "[Sun Nov 22 %02d:%02d:%02d.%06d 2026] [x]", "Nov 22 %02d:%02d:%02d 20%02d x",
	    "22/Nov/2026:%02d:%02d:%02d x", "2026/11/22 %d:%d:%d [error]", "20261122%02d%02d%02d x", "%02d:%02d:%02d x",
	    "Nov 22 %02d:%02d:%02d%d x", "  Nov 22 %02d:%02d:%02d", "Nov 22 %02d:%02d:%02d 2x", "17953%02d%02d%d x",
	    "2026-11-22 %02d:%02d:%02d%d x",
	};
	struct datedetect *learns = datedetect_new(room, 2026), *plain = datedetect_new(room, 2026);
	size_t learned = 0;
	struct err err;

	assert_true(pattern == NULL || (datedetect_add(learns, pattern, &err) && datedetect_add(plain, pattern, &err)));
	srand(3);
	for (int i = 0; i < 20000; i++) {
		char line[128];
		const char *form = forms[(size_t)(i / 40) % (sizeof forms / sizeof *forms)];
		snprintf(line, sizeof line, form, rand() % 3 == 0 ? rand() % 26 : 7, rand() % 62, rand() % 64, rand() % 1000);
		if (rand() % 50 == 0)
			line[(size_t)rand() % strlen(line)] = (char)(' ' + rand() % 94);
		struct date_result ignored;
		learned += try_learned(learns, line, strlen(line), NOW, &ignored);
		if (learns->slots.count > 0 && learns->last != NOWHERE && plain->last != NOWHERE)
			learns->slots.at[learns->last]->hits = plain->slots.at[plain->last]->hits; /* the try counted */
		struct date_result a = find(learns, line, NOW);
		plain->credit = 0;
		plain->since_credit = 0;
		struct date_result b = find(plain, line, NOW);
		assert_null(plain->learned_of);
		if (a.found != b.found || a.from != b.from || a.to != b.to || (a.found == DATE_FOUND && a.time != b.time))
			fail_msg("'%s': %d %zu-%zu %.0f, not %d %zu-%zu %.0f", line, a.found, a.from, a.to, a.time, b.found, b.from,
			    b.to, b.time);
	}
	if (learned <= least)
		fail_msg("%s: only %zu were learned", pattern, learned);
	datedetect_free(learns);
	datedetect_free(plain);
}

#pragma GCC diagnostic pop

static void
learned_stamps_are_read_as_the_expression_reads_them(void **state)
{
	(void)state;
	hold_learned_against_plain(NULL, 500);
	hold_learned_against_plain("^{DATE}", 500);
	hold_learned_against_plain("{^LN-BEG}", 500);
}

/* A text without ten digits behind each other needs no search for seconds since the epoch. */
static void
epochs_are_found_wherever_they_stand(void **state)
{
	static const struct { const char *line; bool found; } rows[] = {
	    {"1795334800 x", true}, {"17953348000 x", true}, {"179533480 x", false}, {"x msg=audit(1795334800.123:1): y", true},
	    {"msg=audit(1795334800:1)", true}, {"audit(179533480:1)", false}, {"aaaaaaaaaaaa audit(1795334800:7)", true}, {"", false}, {"1795334800", true},
	    {"[1795334800] x", true}, {"123456789 123456789 123456789 ", false}, {"x audit(1795334800)", true}, {"179533480012 x", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct datedetect *d = datedetect_new(room, 2026);
		struct err err;
		assert_true(datedetect_add(d, "EPOCH", &err));
		if ((find(d, rows[i].line, NOW).found == DATE_FOUND) != rows[i].found)
			fail_msg("%s", rows[i].line);
		datedetect_free(d);
	}
}

static void
a_learned_year_ends_with_the_year(void **state)
{
	struct datedetect *d = datedetect_new(room, 2026);
	double eve = 1798761540; /* 2026-12-31 23:59:00 */

	(void)state;
	for (int i = 0; i < 3; i++)
		find(d, "Jan  1 00:00:30 srv x", eve); /* ahead by less than a day: of this year, long ago */
	double before = find(d, "Jan  1 00:00:31 srv x", eve).time;
	double after = find(d, "Jan  1 00:00:31 srv x", eve + 120).time;
	assert_true(before == 1767225631);
	assert_true(after == 1798761631);
	datedetect_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_default_format_is_found),
	    cmocka_unit_test(what_only_looks_like_a_date_is_none),
	    cmocka_unit_test(impossible_dates_are_told_apart),
	    cmocka_unit_test(a_missing_year_is_the_nearest_past_one),
	    cmocka_unit_test(zones_shift_as_they_say),
	    cmocka_unit_test(local_time_knows_summer),
		cmocka_unit_test(the_hour_that_comes_twice_is_the_one_of_now),
	    cmocka_unit_test(patterns_say_where_a_date_stands),
	    cmocka_unit_test(weeks_and_days_that_no_year_has_are_no_dates),
	    cmocka_unit_test(none_means_no_date),
	    cmocka_unit_test(wrong_patterns_are_refused_at_once),
	    cmocka_unit_test(a_pattern_may_not_be_given_twice_but_defaults_may_follow),
	    cmocka_unit_test(names_and_expressions_are_those_of_the_reports),
	    cmocka_unit_test(an_epoch_before_the_defaults_weighs_as_theirs),
	    cmocka_unit_test(the_winner_is_tried_first_and_moves_up),
	    cmocka_unit_test(a_date_found_in_its_usual_place_counts_as_it_stands_there),
	    cmocka_unit_test(epochs_are_found_wherever_they_stand),
	    cmocka_unit_test(learned_stamps_are_read_as_the_expression_reads_them),
	    cmocka_unit_test(a_learned_year_ends_with_the_year),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
