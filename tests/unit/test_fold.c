/*
 * fold: many hosts of one network as one row: which, what it adds up to, what keys do with it.
 */
#include "world.h"

#include "fold.h"

static void
host_put(struct world *w, const char *ip, const char *jail, int fail, int per_min, double last)
{
	char text[400];

	snprintf(text, sizeof text, "{\"ev\":\"hosts\",\"seq\":99,\"t\":%.0f,\"items\":[{\"ip\":\"%s\",\"jail\":\"%s\",\"fail\":%d,\"max\":5,\"min\":%d,"
	    "\"total\":%d,\"first\":%.0f,\"last\":%.1f}],\"gone\":[]}", NOW, ip, jail, fail, per_min, fail + 10, last - 100, last);
	feed_text(w, text);
}

static void
host_gone(struct world *w, const char *ip)
{
	char text[200];

	snprintf(text, sizeof text, "{\"ev\":\"hosts\",\"seq\":99,\"t\":%.0f,\"items\":[],\"gone\":[\"%s\"]}", NOW, ip);
	feed_text(w, text);
}

static void
ban_put(struct world *w, const char *ip, const char *jail, const char *rule)
{
	char text[400];

	snprintf(text, sizeof text, "{\"ev\":\"ban\",\"seq\":99,\"t\":%.0f,\"jail\":\"%s\",\"id\":\"%s\",\"ip\":\"%s\",\"since\":%.0f,\"until\":%.0f,"
	    "\"bantime\":600,\"count\":1,\"fails\":5,\"rule\":\"%s\"}", NOW, jail, ip, ip, NOW, NOW + 600, rule);
	feed_text(w, text);
}

/* The rows are built anew: no key for a while. */
static void
rest(struct world *w)
{
	w->mono += 5;
	ui_update(&w->ui, w->mono);
}

/* 100.64.9.1 ... .n with 1, 2, ... failures, at times that grow. */
static void
crowd(struct world *w, int n)
{
	for (int i = 1; i <= n; i++) {
		char ip[32];
		snprintf(ip, sizeof ip, "100.64.9.%d", i);
		host_put(w, ip, "sshd", i, i, NOW - 100 + i);
	}
	rest(w);
}

static const struct fold_net *
net_of(const struct fold *f, const char *text)
{
	for (size_t i = 0; i < f->n_nets; i++)
		if (strcmp(f->nets[i].text, text) == 0)
			return &f->nets[i];
	return NULL;
}

static void
five_hosts_of_a_network_fold_and_add_up(void **state)
{
	struct world *w = world_new(80, 24, NULL);
	struct fold f = {0};
	const struct view *v = w->ui.view;

	(void)state;
	for (int i = 1; i <= 4; i++) {
		char ip[40];
		snprintf(ip, sizeof ip, "203.0.113.%d", i);
		host_put(w, ip, "sshd", i, 1, NOW - i);
		snprintf(ip, sizeof ip, "2001:db8:9::%d", i);
		host_put(w, ip, "sshd", 2, 1, NOW - i);
		snprintf(ip, sizeof ip, "2001:db8:9:1::%d", i); /* another /64 */
		host_put(w, ip, "sshd", 2, 1, NOW - i);
	}
	fold_build(&f, v, NULL, 0);
	assert_int_equal(f.n_nets, 0);
	host_put(w, "203.0.113.5", "postfix", 4, 7, NOW - 0.5);
	host_put(w, "2001:db8:9::ffff:1", "sshd", 1, 0, NOW - 50);
	host_put(w, "not an address", "sshd", 1, 0, NOW - 50);
	fold_build(&f, v, NULL, 0);
	assert_int_equal(f.n_nets, 2);
	const struct fold_net *four = net_of(&f, "203.0.113.0/24"), *six = net_of(&f, "2001:db8:9::/64");
	assert_non_null(four);
	assert_non_null(six);
	assert_int_equal(four->hosts, 5);
	assert_int_equal(four->sum.fail, 1 + 2 + 3 + 4 + 4);
	assert_int_equal(four->sum.per_min, 11);
	assert_int_equal(four->sum.total, 14 + 5 * 10);
	assert_true(four->sum.last == NOW - 0.5);
	assert_true(four->sum.first == NOW - 104);
	assert_string_equal(four->sum.jail, "sshd"); /* ten of fourteen */
	assert_true(four->is_mixed);
	assert_true(four->is_near);
	assert_string_equal(four->lead, "203.0.113.0/24 (5)");
	assert_int_equal(six->hosts, 5);
	assert_int_equal(six->sum.fail, 9);
	assert_false(six->is_mixed);
	assert_false(six->is_near);
	/* each folded host is in one network, nobody else is */
	size_t in = 0;
	for (uint32_t slot = 0; slot < v->n_host_slots; slot++)
		in += fold_has(&f, slot);
	assert_int_equal(in, 10);
	/* one leaves: the figures are about who is there */
	host_gone(w, "203.0.113.4");
	fold_count(&f, v);
	assert_int_equal(four->hosts, 4);
	assert_int_equal(four->sum.fail, 10);
	/* its slot has another owner now */
	host_put(w, "198.51.100.9", "sshd", 3, 1, NOW);
	fold_count(&f, v);
	assert_int_equal(four->hosts, 4);
	assert_int_equal(four->sum.fail, 10);
	fold_clear(&f);
	world_free(w);
}

static void
own_and_marked_hosts_stay_rows(void **state)
{
	struct world *w = world_new(80, 24, NULL);
	struct fold f = {0};
	char *marks[] = {(char[]){"100.64.9.3"}, (char[]){"sshd"}};

	(void)state;
	crowd(w, 5);
	for (int i = 4; i <= 8; i++) { /* .7 is the operator's */
		char ip[32];
		snprintf(ip, sizeof ip, "198.51.100.%d", i);
		host_put(w, ip, "sshd", 1, 1, NOW);
	}
	fold_build(&f, w->ui.view, NULL, 0);
	assert_int_equal(f.n_nets, 1);
	host_put(w, "198.51.100.9", "sshd", 1, 1, NOW);
	fold_build(&f, w->ui.view, marks, 2);
	assert_int_equal(f.n_nets, 1);
	assert_string_equal(f.nets[0].text, "198.51.100.0/24");
	assert_int_equal(f.nets[0].hosts, 5);
	assert_false(fold_has(&f, view_host(w->ui.view, "198.51.100.7")->slot));
	fold_clear(&f);
	world_free(w);
}

static void
flags_tell_some_from_all(void **state)
{
	struct world *w = world_new(80, 24, ATTACK);

	(void)state;
	for (int i = 1; i <= 7; i++) {
		char ip[40];
		snprintf(ip, sizeof ip, "2001:db8:77::%d", i);
		host_put(w, ip, "sshd", 20, 1, NOW);
	}
	rest(w);
	sees(w, "2001:db8:77::/64 (7)  140 ");
	sees_not(w, "B 1/7");
	ban_put(w, "2001:db8:77::3", "sshd", "ok");
	ban_put(w, "2001:db8:77::3", "recidive", "ok"); /* once, in two jails */
	ban_put(w, "2001:db8:77::99", "sshd", "ok");    /* none of the seven */
	rest(w);
	sees(w, "B 1/7");
	ban_put(w, "2001:db8:77::4", "sshd", "none");
	rest(w);
	sees(w, "B!2/7");
	feed_text(w, "{\"ev\":\"unban\",\"seq\":99,\"t\":1795336867,\"jail\":\"sshd\",\"id\":\"2001:db8:77::4\",\"ip\":\"2001:db8:77::4\"}");
	rest(w);
	sees(w, "B 1/7");
	/* the network itself: that is another thing */
	ban_put(w, "2001:db8:77::/64", "sshd", "ok");
	rest(w);
	sees_not(w, "B 1/7");
	keys(w, "2g\n");
	sees(w, "in 2001:db8:77::/64  7 of 419");
	sees(w, "B net");
	world_free(w);
}

static void
a_network_opens_and_closes(void **state)
{
	struct world *w = world_new(80, 24, ATTACK);

	(void)state;
	crowd(w, 7);
	sees(w, "2 Hosts 419 in 413 rows");
	sees(w, "IP                FAIL JAIL      FLAG");
	sees(w, "... 40");
	host_gone(w, "198.51.100.7"); /* else its failures are told */
	sees(w, "100.64.9.0/24: Enter shows its hosts");
	keys(w, "jk"); /* touched */
	keys(w, "\n");
	sees(w, "in 100.64.9.0/24  7 of 418");
	sees(w, ">100.64.9.7 ");
	sees(w, " 100.64.9.1 ");
	sees_not(w, "198.18.227.3");
	keys(w, "j");
	sees(w, ">100.64.9.6 ");
	keys(w, "\\100.64.9.3\n"); /* within it */
	sees(w, "filter: 100.64.9.3  1 of 7");
	keys(w, "\\\n\n"); /* Enter on a host: why */
	sees(w, "Inspect 100.64.9.");
	keys(w, "q");
	sees(w, "in 100.64.9.0/24");
	keys(w, "q");
	sees(w, ">100.64.9.0/24 (7) ");
	assert_false(w->ui.is_leaving);
	/* a filter shows hosts */
	keys(w, "\\100.64.9\n");
	sees(w, "7 of 418");
	sees_not(w, "/24 (");
	keys(w, "\\\n");
	/* a search finds who is in it, and nobody who is not */
	keys(w, "G/100.64.9.5\n");
	sees(w, "/100.64.9.5  1 of 1");
	sees(w, ">100.64.9.0/24 (7) ");
	keys(w, "/100.64.9.99\n");
	sees(w, "not found");
	world_free(w);
}

static void
a_row_that_folds_takes_the_cursor_along(void **state)
{
	struct world *w = world_new(80, 24, ATTACK);

	(void)state;
	crowd(w, 4);
	keys(w, "/100.64.9.3\n");
	sees(w, ">100.64.9.3 ");
	host_put(w, "100.64.9.5", "sshd", 1, 1, NOW);
	sees(w, ">100.64.9.3 "); /* a key came just now: nothing jumps */
	sees_not(w, "/24 (");
	rest(w);
	sees(w, ">100.64.9.0/24 (5) ");
	host_gone(w, "100.64.9.5");
	host_gone(w, "100.64.9.4");
	rest(w);
	sees_not(w, "/24 (");
	sees(w, ">100.64.9.");
	world_free(w);
}

static void
a_network_is_acted_on_by_its_name(void **state)
{
	struct world *w = world_new(80, 24, ATTACK);

	(void)state;
	crowd(w, 7);
	ban_put(w, "100.64.9.3", "sshd", "ok");
	rest(w);
	keys(w, "2gu");
	sees(w, "100.64.9.0/24 itself is not banned; bans inside: 1 (Enter shows its hosts)");
	keys(w, "+");
	sees(w, "100.64.9.0/24 is not banned: nothing to extend");
	keys(w, "B");
	sees(w, "ban the network 100.64.9.0/24 in sshd for 10m?");
	sees(w, "7 hosts seen; bans inside: 1 (they stay), whitelisted: 0");
	shown(w);
	keys(w, "\n");
	sees(w, "nothing was done");
	keys(w, "b"); /* the row is the network: the same question, and no is the default */
	sees(w, "ban the network 100.64.9.0/24 in sshd for 10m?");
	shown(w);
	keys(w, "\n");
	assert_int_equal(w->n_sent, 0);
	keys(w, "b");
	shown(w);
	keys(w, "y");
	sent_is(w, 1, "set sshd banip 100.64.9.0/24");
	sees(w, "banned 100.64.9.0/24 in sshd");
	keys(w, "U");
	sent_is(w, 1, "set sshd unbanip 100.64.9.0/24");
	keys(w, "w");
	sees(w, "whitelist the network 100.64.9.0/24 and end its bans (1), for:");
	keys(w, "1h\n");
	sent_is(w, 2, "set all addignoreip --for 3600 100.64.9.0/24");
	sent_is(w, 1, "set sshd unbanip 100.64.9.3");
	sees(w, "whitelisted 100.64.9.0/24 for 1h, and ended its bans");
	keys(w, "U");
	sent_is(w, 2, "set all delignoreip 100.64.9.0/24");
	sent_is(w, 1, "set sshd banip --until 1795337467 100.64.9.3");
	/* why: the network and who is in it */
	keys(w, "i");
	sees(w, "Inspect 100.64.9.0/24");
	sees(w, "7 hosts of it seen, 28 failures; 1 of them banned");
	sees(w, "100.64.9.3  3/5 in sshd, banned in sshd");
	keys(w, "q");
	/* banned already: that is said, not asked */
	ban_put(w, "100.64.9.0/24", "sshd", "ok");
	rest(w);
	keys(w, "B");
	sees(w, "100.64.9.0/24 is banned in sshd already (10m left); + extends it");
	keys(w, "u");
	sent_is(w, 1, "set sshd unbanip 100.64.9.0/24");
	world_free(w);
}

static void
marks_are_seen_and_name_networks(void **state)
{
	struct world *w = world_new(80, 24, ATTACK);

	(void)state;
	crowd(w, 7);
	keys(w, "2gvv");
	sees(w, "2 marked");
	sees(w, "*100.64.9.0/24 (7)");
	keys(w, "b");
	sees(w, "ban the 2 marked, 1 of them a network (Enter: sshd, 10m):");
	ui_key(&w->ui, KEY_ESC, w->mono += 1);
	keys(w, "V");
	/* a marked host is no longer hidden in its network */
	keys(w, "g\nv");
	sees(w, "in 100.64.9.0/24");
	keys(w, "q");
	sees_not(w, "/24 (");
	sees(w, "*100.64.9.7 ");
	keys(w, "j");
	sees(w, ">100.64.9.6 ");
	keys(w, "V");
	rest(w);
	sees(w, ">100.64.9.0/24 (7)");
	world_free(w);
}

static void
a_snapshot_without_them_leaves_the_way_back(void **state)
{
	struct world *w = world_new(100, 24, ATTACK);
	struct err err;
	char *path = path_of(ATTACK);

	(void)state;
	crowd(w, 7);
	keys(w, "2g\n");
	sees(w, "in 100.64.9.0/24  7 of 419");
	assert_true(replay_file(path, feed, w, &err)); /* the engine was started anew */
	rest(w);
	sees(w, "in 100.64.9.0/24  0 of 412");
	sees(w, "none of its hosts fails any more; q: back");
	keys(w, "ubwB+iv\n");
	assert_int_equal(w->n_sent, 0);
	ui_key(&w->ui, KEY_ESC, w->mono += 1);
	ui_key(&w->ui, KEY_ESC, w->mono += 1);
	keys(w, "q");
	sees(w, "2 Hosts 412  by FAIL v");
	sees(w, "203.0.113.44 ");
	free(path);
	world_free(w);
}

static void
folded_rows_are_as_drawn(void **state)
{
	static const int sizes[][2] = {{80, 24}, {120, 40}, {40, 12}};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct world *w = world_new(sizes[i][0], sizes[i][1], ATTACK);
		char name[64];
		crowd(w, 12);
		for (int k = 0; k < 7; k++) {
			char ip[40];
			snprintf(ip, sizeof ip, "2001:db8:1234:9::%d", k + 1);
			host_put(w, ip, k == 0 ? "sshd" : "nginx-http-auth", 1, 2, NOW - 30);
		}
		ban_put(w, "100.64.9.12", "sshd", "ok");
		rest(w);
		snprintf(name, sizeof name, "folded-%dx%d", sizes[i][0], sizes[i][1]);
		w->ui.view->stats.received = w->mono;
		golden(w, name);
		world_free(w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(five_hosts_of_a_network_fold_and_add_up), cmocka_unit_test(own_and_marked_hosts_stay_rows),
	    cmocka_unit_test(flags_tell_some_from_all), cmocka_unit_test(a_network_opens_and_closes),
	    cmocka_unit_test(a_row_that_folds_takes_the_cursor_along), cmocka_unit_test(a_network_is_acted_on_by_its_name),
	    cmocka_unit_test(marks_are_seen_and_name_networks), cmocka_unit_test(a_snapshot_without_them_leaves_the_way_back), cmocka_unit_test(folded_rows_are_as_drawn),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
