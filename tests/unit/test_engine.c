/*
 * The engine's clock: jumps of the wall clock lose no ban, make none eternal, and leave meaningful rows. What actions
 * are told of bans that last longer.
 */
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
#include <unistd.h>

#include "action/action.h"
#include "ban/bantime.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine.h"
#include "flow_stages.h"
#include "jail.h"
#include "store/store.h"

#define YEAR (365 * 86400.0)

struct world {
	char dir[64], db[96];
	uv_loop_t loop;
	struct engine *engine;
	struct jail *jail;
	bool is_stopped;
	bool does_run; /* commands; else it is a dry run */
};

static void
on_stopped(void *arg)
{
	((struct world *)arg)->is_stopped = true;
}

static void
engine_up(struct world *w, double offset)
{
	struct err err;

	w->engine = engine_new(&w->loop, !w->does_run, "a test");
	w->engine->clock.offset = offset;
	w->engine->clock_ahead = clock_now(&w->engine->clock) - clock_monotonic(&w->engine->clock);
	engine_open_store(w->engine, w->db);
	w->jail = jail_new(w->engine, "t", "polling", &err);
	assert_non_null(w->jail);
	w->jail->ignoreself = false; /* the machine may have one of the addresses */
	assert_true(jail_start(w->jail, &err));
}

static void
engine_down(struct world *w)
{
	w->is_stopped = false;
	engine_stop(w->engine, true, on_stopped, w);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_true(w->is_stopped);
	engine_free(w->engine);
}

/* Sets the wall clock, and lets the engine notice. */
static void
jump(struct world *w, double seconds)
{
	double ahead = w->engine->clock_ahead;

	w->engine->clock.offset += seconds;
	for (int turns = 0; turns < 100 && w->engine->clock_ahead == ahead; turns++)
		uv_run(&w->loop, UV_RUN_ONCE);
	for (int i = 0; i < 3; i++)
		uv_run(&w->loop, UV_RUN_NOWAIT);
}

static struct ban *
ban_one(struct world *w, const char *ip, int64_t bantime)
{
	struct ticket *t = ticket_new(ip, clock_now(&w->engine->clock));

	addr_parse(ip, &t->addr);
	t->bantime = bantime;
	return flow_ban(w->jail, t, FLOW_MANUAL);
}

static int
set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof *w);
	struct err err;

	strcpy(w->dir, "/tmp/test_engine.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->db, sizeof w->db, "%s/db", w->dir);
	assert_true(log_open("/dev/null", "auto", &err));
	uv_loop_init(&w->loop);
	engine_up(w, 0);
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;
	char command[128];

	engine_down(w);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	snprintf(command, sizeof command, "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

static void
check_jump(struct world *w, double seconds)
{
	ban_one(w, "192.0.2.1", 600);
	ban_one(w, "192.0.2.2", TICKET_FOREVER);
	struct failures_limits limits = jail_limits(w->jail);
	struct ticket *t = ticket_new("192.0.2.3", clock_now(&w->engine->clock) - 1);
	failures_add(w->jail->failures, t, 1, &limits);
	ticket_free(t);
	struct err err;
	assert_true(ignore_add(w->engine->white, "192.0.2.4", clock_now(&w->engine->clock) + 900, &err));

	jump(w, seconds);
	double now = clock_now(&w->engine->clock);
	struct ban *ban = bans_find(w->jail->bans, "192.0.2.1");
	assert_non_null(ban);
	assert_true(ban_left(w->jail->bans, ban) > 590 && ban_left(w->jail->bans, ban) <= 600);
	assert_true(ban->ticket->time > now - 10 && ban->ticket->time <= now);
	assert_non_null(bans_find(w->jail->bans, "192.0.2.2"));
	const struct ticket *failed = failures_find(w->jail->failures, "192.0.2.3");
	assert_non_null(failed);
	assert_true(failed->time > now - 10 && failed->time <= now);

	/* a ban of after the jump stays as it is at the next look */
	ban_one(w, "192.0.2.5", 600);
	double before = bans_find(w->jail->bans, "192.0.2.5")->ticket->time;
	jump(w, 0.001);
	assert_true(bans_find(w->jail->bans, "192.0.2.5")->ticket->time == before);

	/* the rows are those of the new clock: the next engine restores what is left */
	engine_down(w);
	engine_up(w, seconds);
	ban = bans_find(w->jail->bans, "192.0.2.1");
	assert_non_null(ban);
	assert_true(ban_left(w->jail->bans, ban) > 580 && ban_left(w->jail->bans, ban) <= 601);
	assert_non_null(bans_find(w->jail->bans, "192.0.2.2"));
	assert_non_null(bans_find(w->jail->bans, "192.0.2.5"));
	assert_true(ignore_check(w->engine->white, "192.0.2.4", &(struct addr){0}) == IGNORE_IP);
}

static void
a_year_forward_loses_no_ban(void **state)
{
	check_jump(*state, YEAR);
}

static void
a_year_back_makes_no_ban_eternal(void **state)
{
	check_jump(*state, -YEAR);
}

static void
an_hour_back_keeps_what_is_left(void **state)
{
	check_jump(*state, -3600);
}

static void
a_ban_that_ends_does_so_in_its_own_time_over_a_jump(void **state)
{
	struct world *w = *state;

	ban_one(w, "192.0.2.9", 1);
	jump(w, -YEAR);
	double until = clock_monotonic(&w->engine->clock) + 5;
	while (bans_count(w->jail->bans) != 0 && clock_monotonic(&w->engine->clock) < until)
		uv_run(&w->loop, UV_RUN_ONCE);
	assert_int_equal(bans_count(w->jail->bans), 0);
}

static void
run_until_none_banned(struct world *w, double seconds)
{
	double until = clock_monotonic(&w->engine->clock) + seconds;

	while (bans_count(w->jail->bans) != 0 && clock_monotonic(&w->engine->clock) < until)
		uv_run(&w->loop, UV_RUN_ONCE);
	assert_int_equal(bans_count(w->jail->bans), 0);
}

/* Hours go by, the loop's timers and CLOCK_MONOTONIC stand still. */
static void
after_a_suspend_bans_end_by_real_time_and_at_once(void **state)
{
	struct world *w = *state;
	const double hours = 3 * 3600;
	struct err err;

	ban_one(w, "192.0.2.1", 600);
	ban_one(w, "192.0.2.2", (int64_t)hours - 5);
	ban_one(w, "192.0.2.3", (int64_t)hours + 3600);
	ban_one(w, "192.0.2.4", TICKET_FOREVER);
	assert_true(ignore_add(w->engine->white, "192.0.2.5", clock_now(&w->engine->clock) + 900, &err));
	struct failures_limits limits = jail_limits(w->jail);
	struct ticket *t = ticket_new("192.0.2.6", clock_now(&w->engine->clock));
	failures_add(w->jail->failures, t, 1, &limits);
	ticket_free(t);
	double began = bans_find(w->jail->bans, "192.0.2.3")->ticket->time;

	w->engine->clock.offset += hours;
	w->engine->clock.slept += hours;
	double resumed = clock_monotonic(&w->engine->clock);
	while (bans_count(w->jail->bans) != 2 && clock_monotonic(&w->engine->clock) < resumed + 5)
		uv_run(&w->loop, UV_RUN_ONCE);
	assert_true(clock_monotonic(&w->engine->clock) < resumed + 3); /* the next second, not three hours later */
	struct ban *ban = bans_find(w->jail->bans, "192.0.2.3");
	assert_non_null(ban);
	assert_true(ban->ticket->time == began); /* no jump: nothing was moved */
	assert_true(ban_left(w->jail->bans, ban) > 3590 && ban_left(w->jail->bans, ban) <= 3600);
	assert_non_null(bans_find(w->jail->bans, "192.0.2.4"));
	assert_true(ignore_check(w->engine->white, "192.0.2.5", &(struct addr){0}) == IGNORE_NOT);
	assert_null(failures_find(w->jail->failures, "192.0.2.6"));
	/* one whose rest is short ends in its own time after the resume */
	ban_one(w, "192.0.2.7", (int64_t)hours + 1);
	w->engine->clock.offset += hours;
	w->engine->clock.slept += hours;
	flow_unban(w->jail, "192.0.2.4", "command");
	run_until_none_banned(w, 5);
	/* nor does the next engine bring them back */
	double offset = w->engine->clock.offset;
	engine_down(w);
	engine_up(w, offset);
	assert_int_equal(bans_count(w->jail->bans), 0);
}

static void
feed(struct world *w, double now, const char *text)
{
	char bytes[128], stamp[32];

	w->engine->clock.offset = now - (clock_now(&w->engine->clock) - w->engine->clock.offset);
	w->engine->clock_ahead = clock_now(&w->engine->clock) - clock_monotonic(&w->engine->clock);
	snprintf(bytes, sizeof bytes, "%s %s", clock_text(now, stamp), text);
	struct line line = {.bytes = bytes, .len = strlen(bytes), .time = NAN, .in_operation = true};
	flow_lines(w->engine, &w->jail, 1, "x", &line, 1);
}

/*
 * The local clock goes forward or back an hour while lines come: what the log's stamps say is local time. No
 * failure is an hour old, or in the future, and a ban of before the change ends as if there had been none.
 */
static void
check_summer_time(struct world *w, double change)
{
	struct err err;

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	assert_true(filter_add_failregex(w->jail->filter, "^\\s*fail <HOST>$", &err));
	w->jail->ignoreself = false;
	jail_set_findtime(w->jail, 60);
	jail_set_bantime(w->jail, 2);
	w->jail->maxretry = 3;
	/* within the findtime, over the change */
	feed(w, change - 20, "fail 192.0.2.1");
	feed(w, change - 1, "fail 192.0.2.1");
	assert_int_equal(bans_count(w->jail->bans), 0);
	feed(w, change + 1, "fail 192.0.2.1");
	struct ban *ban = bans_find(w->jail->bans, "192.0.2.1");
	assert_non_null(ban);
	assert_true(ban_left(w->jail->bans, ban) > 0 && ban_left(w->jail->bans, ban) <= 2);
	/* farther apart than the findtime, however near the stamps look */
	feed(w, change - 1800, "fail 192.0.2.2");
	feed(w, change - 1799, "fail 192.0.2.2");
	feed(w, change + 1800, "fail 192.0.2.2");
	assert_null(bans_find(w->jail->bans, "192.0.2.2"));
	run_until_none_banned(w, 8);
	/* banned a second before, it ends a second after */
	for (int i = 0; i < 3; i++)
		feed(w, change - 1, "fail 192.0.2.3");
	assert_non_null(bans_find(w->jail->bans, "192.0.2.3"));
	double began = bans_find(w->jail->bans, "192.0.2.3")->ticket->time;
	assert_true(began == floor(change - 1));
	run_until_none_banned(w, 8);
	assert_true(clock_now(&w->engine->clock) < change + 30);
	setenv("TZ", "UTC", 1);
	tzset();
}

static void
summer_time_ends_while_lines_come(void **state)
{
	check_summer_time(*state, 1792890000); /* 2026-10-25 03:00 CEST = 02:00 CET */
}

static void
summer_time_begins_while_lines_come(void **state)
{
	check_summer_time(*state, 1774746000); /* 2026-03-29 02:00 CET = 03:00 CEST */
}

static struct ban *
ban_at(struct world *w, const char *ip, double time)
{
	struct ticket *t = ticket_new(ip, time);

	addr_parse(ip, &t->addr);
	return flow_ban(w->jail, t, 0);
}

static void
set_action(struct action *a, const char *property, const char *text)
{
	struct value *v = value_str(text);

	assert_true(action_set(a, property, v, NULL));
	value_free(v);
}

static void
actions_hear_of_a_ban_time_that_grew_and_of_no_other(void **state)
{
	struct world *w = *state;
	char file[96], command[160], got[64] = "";
	struct err err;

	engine_down(w);
	w->does_run = true;
	engine_up(w, 0);
	snprintf(file, sizeof file, "%s/prolonged", w->dir);
	struct action *a = jail_add_action(w->jail, "p", &err);
	snprintf(command, sizeof command, "echo <ip> <bantime> >>%s", file);
	set_action(a, "actionban", "true");
	set_action(a, "actionprolong", command);
	value_put(w->jail->increment, "increment", value_bool(true));
	jail_set_bantime(w->jail, 100);

	/* the second ban of this one lasts twice as long */
	double now = clock_now(&w->engine->clock);
	assert_non_null(ban_at(w, "192.0.2.1", now - 50));
	assert_true(flow_unban(w->jail, "192.0.2.1", "expired"));
	struct ban *grown = ban_at(w, "192.0.2.1", now);
	assert_int_equal(grown->bantime, 200);
	assert_true(grown->prolong_at > clock_monotonic(&w->engine->clock) + 5);
	grown->prolong_at -= 10;
	/* this one is banned again while it is banned: it began when it began, and ends later */
	assert_non_null(ban_at(w, "192.0.2.2", now - 50));
	assert_null(ban_at(w, "192.0.2.2", now));
	struct ban *later = bans_find(w->jail->bans, "192.0.2.2");
	assert_int_equal(later->bantime, 150);
	assert_true(later->ticket->time == now - 50);
	assert_true(later->prolong_at == 0);

	double until = clock_monotonic(&w->engine->clock) + 10;
	while (got[0] == '\0' && clock_monotonic(&w->engine->clock) < until) {
		uv_run(&w->loop, UV_RUN_ONCE);
		FILE *f = fopen(file, "r");
		if (f != NULL) {
			got[fread(got, 1, sizeof got - 1, f)] = '\0';
			fclose(f);
		}
	}
	assert_string_equal(got, "192.0.2.1 200\n");
	assert_int_equal(w->jail->n_prolongs, 0);
}

static size_t
lines_of(const struct world *w, const char *name)
{
	char path[128];
	size_t n = 0;

	snprintf(path, sizeof path, "%s/%s", w->dir, name);
	FILE *f = fopen(path, "r");
	for (int c; f != NULL && (c = fgetc(f)) != EOF;)
		n += c == '\n';
	if (f != NULL)
		fclose(f);
	return n;
}

/* What a log tells of somebody who was banned before weighs more; what an operator tells is what it is. */
static void
an_attempt_by_hand_weighs_one(void **state)
{
	struct world *w = *state;
	struct value *yes = value_bool(true), *none = value_list();
	struct err err;

	assert_true(bantime_set(w->jail->increment, "increment", yes, &err));
	assert_true(filter_add_failregex(w->jail->filter, "^\\s*fail <HOST>$", &err));
	w->jail->maxretry = 100;
	ban_one(w, "192.0.2.1", 600);
	flow_unban(w->jail, "192.0.2.1", "command");
	w->engine->clock.offset += 10;
	flow_attempt(w->jail, "192.0.2.1", none);
	assert_int_equal(failures_find(w->jail->failures, "192.0.2.1")->retry, 1);
	assert_int_equal(failures_total(w->jail->failures), 1);
	feed(w, clock_now(&w->engine->clock) + 1, "fail 192.0.2.1");
	assert_int_equal(failures_find(w->jail->failures, "192.0.2.1")->retry, 3);
	assert_int_equal(failures_total(w->jail->failures), 3);
	value_free(yes);
	value_free(none);
}

/* `script` is run where the test's files are. */
static void
add_action(struct world *w, const char *name, const char *script)
{
	char command[256];
	struct err err;

	snprintf(command, sizeof command, "cd %s && %s", w->dir, script);
	set_action(jail_add_action(w->jail, name, &err), "actionban", command);
}

/* A firewall's ban is tried until it is done, also when another action of the jail went well meanwhile or failed, too; */
static void
each_action_that_failed_is_tried_again(void **state)
{
	struct world *w = *state;
	char open_path[128];

	engine_down(w);
	w->does_run = true;
	engine_up(w, 0);
	w->engine->state = ENGINE_OK;
	add_action(w, "one", "{ iptables() { test -e open1 && echo >>one; }; iptables <ip>; }");
	add_action(w, "well", "echo >>well");
	add_action(w, "two", "{ iptables() { test -e open2 && echo >>two; }; iptables <ip>; }");
	struct ban *ban = ban_one(w, "192.0.2.1", 600);
	double until = clock_monotonic(&w->engine->clock) + 60;
	while (ban->pending != 0 && clock_monotonic(&w->engine->clock) < until)
		uv_run(&w->loop, UV_RUN_ONCE);
	assert_int_equal(ban->rule, BAN_RULE_FAIL);
	assert_int_equal(json_array_size(ban->failed), 2);
	snprintf(open_path, sizeof open_path, "%s/open2", w->dir);
	fclose(fopen(open_path, "w"));
	while ((json_array_size(ban->failed) != 1 || ban->pending != 0) && clock_monotonic(&w->engine->clock) < until)
		uv_run(&w->loop, UV_RUN_ONCE);
	assert_int_equal(lines_of(w, "two"), 1);
	assert_int_equal(ban->rule, BAN_RULE_FAIL); /* as the other one is still not done */
	snprintf(open_path, sizeof open_path, "%s/open1", w->dir);
	fclose(fopen(open_path, "w"));
	while (ban->rule != BAN_RULE_OK && clock_monotonic(&w->engine->clock) < until)
		uv_run(&w->loop, UV_RUN_ONCE);
	assert_int_equal(ban->rule, BAN_RULE_OK);
	assert_int_equal(lines_of(w, "one"), 1);
	assert_int_equal(lines_of(w, "two"), 1);
	assert_int_equal(lines_of(w, "well"), 1);
	assert_null(ban->failed);
}

/* … a mail that may have gone out is not sent again and again, nor is a stranger asked for ever. */
static void
what_is_no_firewall_is_tried_a_few_times(void **state)
{
	struct world *w = *state;

	engine_down(w);
	w->does_run = true;
	engine_up(w, 0);
	w->engine->state = ENGINE_OK;
	add_action(w, "report", "{ echo >>report; false; }");
	add_action(w, "mail", "{ sendmail() { echo >>mail; false; }; sendmail <ip>; }");
	ban_one(w, "192.0.2.1", 86400);
	double until = clock_monotonic(&w->engine->clock) + 3600 + 120;
	bool has_failed = false;
	do {
		uv_run(&w->loop, UV_RUN_ONCE);
		has_failed |= w->engine->has_failed;
		if (action_queue_waiting(w->engine->queue) == 0 && w->engine->retry_at > clock_monotonic(&w->engine->clock)) {
			double rest = w->engine->retry_at - clock_monotonic(&w->engine->clock);
			w->engine->clock.slept += rest; /* as if the time had gone by */
			w->engine->clock.offset += rest;
		}
	} while ((!has_failed || w->engine->has_failed) && clock_monotonic(&w->engine->clock) < until);
	assert_false(w->engine->has_failed); /* it has given up */
	assert_int_equal(lines_of(w, "report"), 12); /* compat: each try is two */
	assert_int_equal(lines_of(w, "mail"), 2);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_year_forward_loses_no_ban, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_year_back_makes_no_ban_eternal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_hour_back_keeps_what_is_left, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_ban_that_ends_does_so_in_its_own_time_over_a_jump, set_up, tear_down),
		cmocka_unit_test_setup_teardown(after_a_suspend_bans_end_by_real_time_and_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(summer_time_ends_while_lines_come, set_up, tear_down),
		cmocka_unit_test_setup_teardown(summer_time_begins_while_lines_come, set_up, tear_down),
		cmocka_unit_test_setup_teardown(actions_hear_of_a_ban_time_that_grew_and_of_no_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_attempt_by_hand_weighs_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(each_action_that_failed_is_tried_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_firewall_is_tried_a_few_times, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
