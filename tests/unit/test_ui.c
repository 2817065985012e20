/*
 * ui: the whole screen: what is drawn, what keys do, what is sent.
 */
#include "world.h"

/* ---- drawings ---- */
static void
overviews_are_as_drawn(void **state)
{
	static const int sizes[][2] = {{80, 24}, {120, 40}, {200, 50}, {40, 12}, {39, 11}, {10, 3}};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct world *w = world_new(sizes[i][0], sizes[i][1], ATTACK);
		char name[64];
		snprintf(name, sizeof name, "overview-%dx%d", sizes[i][0], sizes[i][1]);
		golden(w, name);
		world_free(w);
	}
}

static void
zoomed_panes_are_as_drawn(void **state)
{
	static const char *const names[] = {"log", "hosts", "bans", "chains", "jails"};

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct world *w = world_new(100, 24, ATTACK);
		char key[2] = {(char)('1' + i), '\0'};
		keys(w, key);
		golden(w, names[i]);
		world_free(w);
	}
}

static void
ascii_and_help_are_as_drawn(void **state)
{
	struct world *w = world_new(80, 24, ATTACK);

	(void)state;
	w->ui.is_ascii = w->canvas.is_ascii = true;
	golden(w, "overview-ascii");
	keys(w, "?");
	golden(w, "help");
	world_free(w);
}

static void
an_idle_engine_says_what_it_waits_for(void **state)
{
	struct world *w = world_new(80, 24, "tests/ui/streams/idle.jsonl");

	(void)state;
	sees(w, "nobody is banned");
	sees(w, "no failures yet; last line read 2s ago from auth.log");
	sees(w, "ENGINE ok");
	sees(w, "?help");
	world_free(w);
}

static void
no_jail_at_all_says_how_to_go_on(void **state)
{
	struct world *w = world_new(40, 12, NULL);

	(void)state;
	feed_text(w, "{\"snapshot\":{\"seq\":1,\"now\":1795336867,\"engine\":{\"state\":\"ok\",\"jails_ready\":0,\"jails_all\":0},\"stats\":{\"lines\":0},\"jails\":[]}}");
	feed_text(w, "{\"snapshot_end\":{\"seq\":1}}");
	w->ui.view->stats.received = w->mono;
	sees(w, "no jail is enabled: e.g. :start sshd");
	keys(w, "1");
	sees(w, "no jail is enabled: jail.local has\n none with enabled = true; :start sshd");
	keys(w, "b");
	keys(w, "2B");
	assert_int_equal(w->n_sent, 0);
	w->is_silent = true;
	keys(w, ":start sshd\n");
	sent_is(w, 1, "get amend enable sshd");
	json_t *change = json_pack("{s:s,s:s,s:s}", "path", "/etc/x/jail.d/zz-jailtop-enabled.local", "before", "", "after", "# y\n\n[sshd]\nenabled = true\n");
	w->fn(w->fn_arg, true, change, NULL);
	json_decref(change);
	sees(w, "+ [sshd]");
	sees(w, "+ enabled = true");
	shown(w);
	keys(w, "y");
	sent_is(w, 1, "set amend enable sshd");
	json_t *done = json_string("OK");
	w->fn(w->fn_arg, true, done, NULL);
	sent_is(w, 1, "reload");
	w->fn(w->fn_arg, true, done, NULL);
	json_decref(done);
	sees(w, "the jail is on");
	world_free(w);
}

/* Any size, any key: nothing may be drawn outside, nothing may fall over. */
static void
all_sizes_and_all_keys(void **state)
{
	size_t n;
	const struct binding *table = keys_table(&n);

	(void)state;
	for (int step = 0; step < 60; step++) {
		int cols = 1 + step * 37 % 210, rows = 1 + step * 23 % 60;
		struct world *w = world_new(cols, rows, ATTACK);
		for (size_t i = 0; i < n; i++) {
			w->ui.is_leaving = false;
			ui_key(&w->ui, table[i].key, w->mono += 0.6);
			free(look(w));
			shown(w);
			ui_key(&w->ui, KEY_ESC, w->mono += 0.6);
			ui_resize(&w->ui, cols, rows);
		}
		world_free(w);
	}
}

/* ---- acting ---- */
static void
unban_and_undo_keep_the_end(void **state)
{
	struct world *w = world_new(80, 24, ATTACK);

	(void)state;
	keys(w, "3j");
	keys(w, "u");
	sent_is(w, 1, "set sshd unbanip 203.0.113.44");
	sees(w, "unbanned 203.0.113.44 from sshd (9m58s were left)");
	sees(w, "U: undo");
	keys(w, "U");
	sent_is(w, 1, "set sshd banip --until 1795337465 203.0.113.44");
	sees(w, "undone: banned 203.0.113.44 in sshd again");
	keys(w, "U");
	sees(w, "nothing to undo");
	world_free(w);
}

static void
what_the_engine_refuses_is_not_done(void **state)
{
	struct world *w = world_new(80, 24, ATTACK);

	(void)state;
	w->is_silent = true;
	keys(w, "3u");
	sees(w, "unbanning 192.0.2.77...");
	w->fn(w->fn_arg, false, NULL, "no such jail");
	sees(w, "not done: no such jail");
	sees_not(w, "U: undo");
	world_free(w);
}

static void
own_address_is_never_banned(void **state)
{
	struct world *w = world_new(80, 24, ATTACK);

	(void)state;
	keys(w, "2\\198.51.100.7\n");
	keys(w, "b");
	sees(w, "refused: this is your SSH client address");
	keys(w, "B");
	sees(w, "refused: 198.51.100.0/24 holds your SSH client address");
	keys(w, ":set sshd banip 198.51.100.7\n");
	sees(w, "refused: this is your SSH client address");
	assert_int_equal(w->n_sent, 0);
	world_free(w);
}

static void
a_network_is_asked_for_and_typing_ahead_is_no_answer(void **state)
{
	struct world *w = world_new(80, 24, ATTACK);

	(void)state;
	keys(w, "2\\203.0.113.44\n");
	keys(w, "By");
	sees(w, "ban the network 203.0.113.0/24 in sshd for 10m?");
	sees(w, "3 hosts seen");
	assert_int_equal(w->n_sent, 0);
	shown(w);
	keys(w, "\n"); /* Enter is no */
	sees(w, "nothing was done");
	assert_int_equal(w->n_sent, 0);
	keys(w, "B");
	shown(w);
	keys(w, "B"); /* the key that opened it is no answer */
	assert_int_equal(w->n_sent, 0);
	keys(w, "B");
	shown(w);
	keys(w, "y");
	sent_is(w, 1, "set sshd banip 203.0.113.0/24");
	world_free(w);
}

static void
the_named_address_is_acted_on_though_rows_move(void **state)
{
	struct world *w = world_new(80, 24, ATTACK);

	(void)state;
	keys(w, "2j"); /* touched: the second row */
	char *screen = look(w);
	assert_non_null(strstr(screen, ">198.51.100.7"));
	free(screen);
	keys(w, "j");
	sees(w, ">203.0.113.7");
	keys(w, "b");
	sees(w, "ban 203.0.113.7 (Enter: sshd, 10m)");
	w->mono += 5;
	feed_text(w, "{\"ev\":\"hosts\",\"seq\":99,\"t\":1795336868,\"items\":[{\"ip\":\"192.0.2.99\",\"jail\":\"sshd\",\"fail\":900,"
	    "\"max\":5,\"min\":900,\"total\":900,\"first\":1,\"last\":2}],\"gone\":[]}");
	sees(w, ">203.0.113.7");
	keys(w, "perm\n");
	sent_is(w, 1, "set sshd banip --time -1 203.0.113.7");
	keys(w, "U");
	sent_is(w, 1, "set sshd unbanip 203.0.113.7");
	world_free(w);
}

static void
whitelisting_unbans_and_is_undone(void **state)
{
	struct world *w = world_new(80, 24, ATTACK);

	(void)state;
	keys(w, "3w");
	sees(w, "whitelist 192.0.2.77 for 1h 24h 7d restart perm:");
	keys(w, "1h\n");
	sent_is(w, 2, "set all addignoreip --for 3600 192.0.2.77");
	sent_is(w, 1, "set sshd unbanip 192.0.2.77");
	keys(w, "U");
	sent_is(w, 2, "set all delignoreip 192.0.2.77");
	sent_is(w, 1, "set sshd banip --until 1795336881 192.0.2.77");
	keys(w, "wrestart\n");
	sent_is(w, 2, "set all addignoreip 192.0.2.77");
	int before = w->n_sent;
	keys(w, "w\n");
	sees(w, "nothing was done");
	keys(w, "wsoon\n");
	sees(w, "no time: soon");
	assert_int_equal(w->n_sent, before);
	world_free(w);
}

static void
marked_rows_are_asked_for_once(void **state)
{
	struct world *w = world_new(80, 24, ATTACK);

	(void)state;
	keys(w, "3vv");
	sees(w, "2 marked");
	keys(w, "u");
	sees(w, "unban the 2 marked rows?");
	assert_int_equal(w->n_sent, 0);
	shown(w);
	keys(w, "y");
	assert_int_equal(w->n_sent, 2);
	sees(w, "unbanned the marked rows");
	world_free(w);
}

static void
the_log_must_stand_still_to_be_acted_on(void **state)
{
	struct world *w = world_new(80, 24, ATTACK);

	(void)state;
	keys(w, "1b");
	sees(w, "the rows move");
	sees(w, "PAUSED");
	assert_int_equal(w->ui.prompt.kind, PROMPT_NONE);
	world_free(w);
}

static void
on_a_small_screen_prompts_name_the_whole_address(void **state)
{
	struct world *w = world_new(40, 12, ATTACK);

	(void)state;
	feed_text(w, "{\"ev\":\"hosts\",\"seq\":99,\"t\":1795336868,\"items\":[{\"ip\":\"2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff\",\"jail\":\"sshd\",\"fail\":900,"
	    "\"max\":5,\"min\":900,\"total\":900,\"first\":1,\"last\":2}],\"gone\":[]}");
	w->mono += 5;
	keys(w, "2gw");
	sees(w, "whitelist\n2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff\nfor 1h 24h 7d restart perm:");
	keys(w, "24h");
	sees(w, "\nfor 1h 24h 7d restart perm: 24h\n");
	ui_key(&w->ui, KEY_ESC, w->mono += 1);
	keys(w, "b");
	sees(w, "ban\n2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff\n(Enter: sshd, 10m):\n");
	world_free(w);
}

static void
read_only_and_down_refuse(void **state)
{
	struct world *w = world_new(80, 24, ATTACK);

	(void)state;
	w->ui.is_read_only = true;
	keys(w, "3uwbB+U");
	sees(w, "READ-ONLY");
	assert_int_equal(w->n_sent, 0);
	assert_false(w->ui.dialog.is_open);
	w->ui.is_read_only = false;
	w->ui.is_up = false;
	w->ui.down_for = 12;
	w->ui.retry_in = 3;
	keys(w, "u");
	sees(w, "refused: ENGINE DOWN");
	sees(w, "ENGINE DOWN 12s, retry in 3s");
	assert_int_equal(w->n_sent, 0);
	world_free(w);
}

static void
leaving_an_own_engine_asks(void **state)
{
	struct world *w = world_new(80, 24, ATTACK);

	(void)state;
	w->ui.view->engine.is_owned = true;
	keys(w, "q");
	sees(w, "engine: k keep running  s stop, keep bans  u stop and unban all  n stay");
	shown(w);
	keys(w, "\n");
	assert_false(w->ui.is_leaving);
	assert_int_equal(w->n_sent, 0);
	keys(w, "q");
	shown(w);
	keys(w, "s");
	sent_is(w, 1, "stop --keep-bans");
	assert_true(w->ui.is_leaving);
	world_free(w);
}

/* ---- looking ---- */
static void
find_and_filter_count(void **state)
{
	struct world *w = world_new(80, 24, ATTACK);

	(void)state;
	keys(w, "3/113\n");
	sees(w, "/113  1 of 4");
	keys(w, "n");
	sees(w, "/113  2 of 4");
	keys(w, "N");
	sees(w, "/113  1 of 4");
	keys(w, "\\203.0.113\n");
	sees(w, "4 of 137");
	keys(w, "\\(\n");
	sees(w, "bad regex at 1");
	sees(w, "4 of 137"); /* the old one stays */
	keys(w, "\\198.18.1.0/24\n");
	sees(w, "filter: 198.18.1.0/24  50 of 137");
	keys(w, "\\!198.18\n");
	sees(w, "6 of 137");
	keys(w, "\\\n");
	sees_not(w, "filter:");
	world_free(w);
}

static void
pause_freezes_rows_and_counts(void **state)
{
	struct world *w = world_new(80, 24, ATTACK);
	char text[400];

	(void)state;
	keys(w, " ");
	sees(w, "PAUSED +0");
	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof text, "{\"ev\":\"found\",\"seq\":%d,\"t\":1795336868,\"jail\":\"sshd\",\"ip\":\"192.0.2.200\",\"id\":\"192.0.2.200\","
		    "\"n\":%d,\"max\":50,\"regex\":1,\"line\":\"Failed\",\"verdict\":\"counted\"}", 100 + i, i + 1);
		feed_text(w, text);
	}
	sees(w, "PAUSED +20");
	sees_not(w, "192.0.2.200");
	keys(w, " ");
	sees(w, "20/50 192.0.2.200");
	sees_not(w, "PAUSED");
	world_free(w);
}

static void
sorting_keeps_the_cursor_on_its_address(void **state)
{
	struct world *w = world_new(80, 24, ATTACK);

	(void)state;
	keys(w, "3jj");
	sees(w, ">203.0.113.9");
	sees(w, "by LEFT ^");
	keys(w, "ss");
	sees(w, "by N v");
	sees(w, ">203.0.113.9");
	keys(w, "S");
	sees(w, "by N ^");
	sees(w, ">203.0.113.9");
	world_free(w);
}

static void
a_snapshot_replaces_but_keeps_log_and_cursor(void **state)
{
	struct world *w = world_new(80, 24, ATTACK);
	struct err err;
	char *path = path_of(ATTACK);
	size_t rows = w->ui.view->n_log;

	(void)state;
	keys(w, "3jj");
	assert_true(replay_file(path, feed, w, &err)); /* the same once more: a resync */
	assert_int_equal(w->ui.view->n_log, rows);
	assert_int_equal(w->ui.view->n_bans, 137);
	sees(w, ">203.0.113.9");
	free(path);
	world_free(w);
}

static void
messages_of_any_shape_are_harmless(void **state)
{
	static const char *const odd[] = {
	    "{}", "[]", "7", "\"x\"", "{\"ev\":5}", "{\"ev\":\"ban\"}", "{\"ev\":\"ban\",\"jail\":\"a\",\"ip\":7}", "{\"bans\":[1,null,{}]}",
	    "{\"snapshot\":null}", "{\"snapshot\":{\"jails\":[{},1],\"log\":7,\"chains\":[]}}", "{\"snapshot_end\":1}", "{\"snapshot_end\":{}}",
	    "{\"ev\":\"chains\",\"chains\":[{\"items\":[1,{}]}],\"drift\":[{}]}", "{\"ev\":\"hosts\",\"items\":7,\"gone\":[1]}",
	    "{\"ev\":\"jail\",\"name\":\"x\",\"files\":[null],\"spark\":[\"a\",-1,1e300]}", "{\"ev\":\"stats\",\"lines\":\"many\",\"lag\":1e308}",
	    "{\"ev\":\"white\",\"ip\":\"not one\",\"until\":\"x\"}", "{\"ev\":\"found\",\"line\":\"a\\u0000b\",\"ip\":\"\\u001b[2J\"}",
	    "{\"ev\":\"unban\",\"jail\":\"sshd\",\"ip\":\"9.9.9.9\"}", "{\"ev\":\"file\",\"jail\":\"sshd\",\"path\":1}", "{\"ev\":\"jail_gone\",\"name\":\"sshd\"}",
	};
	struct world *w = world_new(80, 24, ATTACK);

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		json_error_t why;
		json_t *message = json_loads(odd[i], JSON_ALLOW_NUL | JSON_DECODE_ANY, &why);
		assert_non_null(message);
		mirror_feed(w->mirror, message, w->mono);
		json_decref(message);
		for (int pane = '0'; pane <= '5'; pane++) {
			ui_key(&w->ui, pane, w->mono += 2);
			free(look(w));
		}
	}
	world_free(w);
}

static void
an_expression_is_shown_with_its_error_below(void **state)
{
	struct world *w = world_new(100, 24, ATTACK);

	(void)state;
	keys(w, "6");
	sees(w, "re> ^Failed");
	sees(w, "sshd failregex #1");
	keys(w, "e");
	ui_key(&w->ui, KEY_CTRL('U'), w->mono += 1);
	keys(w, "^<HOST>(");
	sees(w, "re> ^<HOST>(");
	sees(w, "(edited)");
	keys(w, "q"); /* a letter while it is edited */
	sees(w, "re> ^<HOST>(q");
	ui_key(&w->ui, KEY_ESC, w->mono += 1);
	keys(w, "q");
	sees(w, "1 Log");
	assert_false(w->ui.is_leaving);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(overviews_are_as_drawn), cmocka_unit_test(zoomed_panes_are_as_drawn), cmocka_unit_test(ascii_and_help_are_as_drawn),
	    cmocka_unit_test(an_idle_engine_says_what_it_waits_for), cmocka_unit_test(no_jail_at_all_says_how_to_go_on), cmocka_unit_test(all_sizes_and_all_keys), cmocka_unit_test(unban_and_undo_keep_the_end),
	    cmocka_unit_test(what_the_engine_refuses_is_not_done), cmocka_unit_test(own_address_is_never_banned),
	    cmocka_unit_test(a_network_is_asked_for_and_typing_ahead_is_no_answer), cmocka_unit_test(the_named_address_is_acted_on_though_rows_move),
	    cmocka_unit_test(whitelisting_unbans_and_is_undone), cmocka_unit_test(marked_rows_are_asked_for_once),
	    cmocka_unit_test(the_log_must_stand_still_to_be_acted_on), cmocka_unit_test(read_only_and_down_refuse),
	    cmocka_unit_test(on_a_small_screen_prompts_name_the_whole_address),
	    cmocka_unit_test(leaving_an_own_engine_asks), cmocka_unit_test(find_and_filter_count), cmocka_unit_test(pause_freezes_rows_and_counts),
	    cmocka_unit_test(sorting_keeps_the_cursor_on_its_address), cmocka_unit_test(a_snapshot_replaces_but_keeps_log_and_cursor),
	    cmocka_unit_test(messages_of_any_shape_are_harmless), cmocka_unit_test(an_expression_is_shown_with_its_error_below),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
