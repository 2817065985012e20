/* failures and bans: counting, findtime, ends on the monotonic clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ban/bans.h"
#include "ban/failures.h"

static const struct failures_limits limits = {.findtime = 600, .maxretry = 5, .maxmatches = 2};

static int
fail_at(struct failures *f, const char *id, double t)
{
	struct ticket *ticket = ticket_new(id, t);
	char line[64];

	snprintf(line, sizeof line, "line of %.0f", t);
	ticket_add_match(ticket, line, strlen(line), 0, 0, 1);
	int retry = failures_add(f, ticket, 1, &limits)->retry;
	ticket_free(ticket);
	return retry;
}

static void
failures_are_estimated_as_a_rate(void **state)
{
	/* the known sequence of fail2ban: F=600, failures at 0, 100, 700, 800, 1300 count 1 2 3 4 3 */
	static const struct { double t; int n; } steps[] = {{1000, 1}, {1100, 2}, {1700, 3}, {1800, 4}, {2300, 3}};
	struct failures *f = failures_new(NULL, NULL);

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		assert_int_equal(fail_at(f, "192.0.2.1", steps[i].t), steps[i].n);
	assert_int_equal(failures_total(f), 5);
	failures_free(f);
}

static void
an_older_failure_counts_but_moves_no_time(void **state)
{
	struct failures *f = failures_new(NULL, NULL);

	(void)state;
	fail_at(f, "192.0.2.1", 1000);
	assert_int_equal(fail_at(f, "192.0.2.1", 900), 2);
	assert_true(failures_find(f, "192.0.2.1")->time == 1000);
	failures_free(f);
}

static void
only_the_last_matches_are_kept(void **state)
{
	struct failures *f = failures_new(NULL, NULL);

	(void)state;
	for (int i = 0; i < 4; i++)
		fail_at(f, "192.0.2.1", 1000 + i);
	const struct ticket *t = failures_find(f, "192.0.2.1");
	assert_int_equal(t->n_matches, 2);
	assert_string_equal(t->matches[0].bytes, "line of 1002");
	assert_string_equal(t->matches[1].bytes, "line of 1003");
	failures_free(f);
}

/* Those of the first failure stay all, as one line may be many: who comes, who is refused. */
static void
the_first_failures_lines_are_not_cut(void **state)
{
	static const struct failures_limits none = {.findtime = 600, .maxretry = 5, .maxmatches = 0};
	struct failures *f = failures_new(NULL, NULL);
	struct ticket *t = ticket_new("192.0.2.1", 1000);

	(void)state;
	for (int i = 0; i < 3; i++)
		ticket_add_match(t, "line", 4, 0, 0, 3);
	failures_add(f, t, 1, &limits);
	assert_int_equal(failures_find(f, "192.0.2.1")->n_matches, 3);
	fail_at(f, "192.0.2.1", 1001);
	assert_int_equal(failures_find(f, "192.0.2.1")->n_matches, 2);
	t->id[8] = '2';
	failures_add(f, t, 1, &none);
	assert_int_equal(failures_find(f, "192.0.2.2")->n_matches, 3);
	failures_add(f, t, 1, &none);
	assert_int_equal(failures_find(f, "192.0.2.2")->n_matches, 0);
	/* one that weighs more is counted twice, and so cut at once */
	t->id[8] = '3';
	t->failures = 2;
	failures_add(f, t, 3, &limits);
	assert_int_equal(failures_find(f, "192.0.2.3")->n_matches, 2);
	assert_int_equal(failures_total(f), 6);
	ticket_free(t);
	failures_free(f);
}

static void
count_gone(void *owner, const struct ticket *t)
{
	assert_string_equal(t->id, "192.0.2.1");
	++*(int *)owner;
}

static void
failures_expire_after_findtime(void **state)
{
	int gone = 0;
	struct failures_book *book = failures_book_new();
	struct failures *f = failures_new(book, &gone);

	(void)state;
	fail_at(f, "192.0.2.1", 1000);
	fail_at(f, "192.0.2.2", 1001);
	failures_expire(book, 1600, count_gone);
	assert_int_equal(gone, 1);
	assert_null(failures_find(f, "192.0.2.1"));
	assert_non_null(failures_find(f, "192.0.2.2"));
	failures_free(f);
	failures_book_free(book);
}

static void
a_new_findtime_counts_at_once(void **state)
{
	int gone = 0;
	struct failures_book *book = failures_book_new();
	struct failures *f = failures_new(book, &gone);

	(void)state;
	fail_at(f, "192.0.2.1", 1000);
	fail_at(f, "192.0.2.2", 1050);
	failures_set_findtime(f, 60);
	failures_expire(book, 1070, count_gone);
	assert_int_equal(gone, 1);
	failures_set_findtime(f, 600);
	failures_expire(book, 1649, count_gone);
	assert_int_equal(failures_count(f), 1);
	failures_expire(book, 1650, NULL);
	assert_int_equal(failures_count(f), 0);
	failures_free(f);
	failures_book_free(book);
}

static void
the_table_is_capped_and_the_oldest_leaves(void **state)
{
	struct failures *f = failures_new(NULL, NULL);
	char id[32];

	(void)state;
	for (int i = 0; i <= FAILURES_MAX; i++) {
		snprintf(id, sizeof id, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
		struct ticket *t = ticket_new(id, 1000);
		failures_add(f, t, 1, &limits);
		ticket_free(t);
	}
	assert_int_equal(failures_count(f), FAILURES_MAX);
	assert_int_equal(failures_evicted(f), 1);
	assert_null(failures_find(f, "10.0.0.0"));
	failures_free(f);
}

static void
who_failed_again_is_not_the_oldest(void **state)
{
	struct failures *f = failures_new(NULL, NULL);
	char id[32];

	(void)state;
	for (int i = 0; i < FAILURES_MAX; i++) {
		snprintf(id, sizeof id, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
		struct ticket *t = ticket_new(id, 1000 + i % 7);
		failures_add(f, t, 1, &limits);
		ticket_free(t);
	}
	/* of time 1000 are the numbers 0, 7, 14 ...: in this order they leave */
	fail_at(f, "10.0.0.0", 1500);
	fail_at(f, "10.0.0.14", 1500);
	for (int i = 0; i < 3; i++) {
		snprintf(id, sizeof id, "192.0.2.%d", i);
		fail_at(f, id, 1500);
	}
	assert_int_equal(failures_count(f), FAILURES_MAX);
	assert_int_equal(failures_evicted(f), 3);
	assert_non_null(failures_find(f, "10.0.0.0"));
	assert_null(failures_find(f, "10.0.0.7"));
	assert_non_null(failures_find(f, "10.0.0.14"));
	assert_null(failures_find(f, "10.0.0.21"));
	assert_null(failures_find(f, "10.0.0.28"));
	assert_non_null(failures_find(f, "10.0.0.35"));
	failures_free(f);
}

static void
twins_lose_the_same(void **state)
{
	struct failures_book *book = failures_book_new();
	struct failures *f[3];
	char id[32];

	(void)state;
	for (size_t j = 0; j < 3; j++)
		f[j] = failures_new(book, NULL);
	for (int i = 0; i <= FAILURES_MAX; i++) {
		snprintf(id, sizeof id, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
		struct ticket *t = ticket_new(id, 1000 + i);
		t->serial = (uint64_t)i + 1;
		for (size_t j = 0; j < 3; j++)
			if (i != 1 || j != 0)
				failures_add(f[j], t, 1, &limits);
		ticket_free(t);
	}
	assert_int_equal(failures_count(f[0]), FAILURES_MAX - 1);
	assert_int_equal(failures_count(f[1]), FAILURES_MAX);
	for (size_t j = 0; j < 3; j++) {
		assert_int_equal(failures_evicted(f[j]), 1);
		assert_null(failures_find(f[j], "10.0.0.0"));
		assert_int_equal(failures_find(f[j], "10.0.0.1") == NULL, j == 0);
		failures_free(f[j]);
	}
	failures_book_free(book);
}

/* A flood in one log takes no place from what other jails counted. */
static void
others_lose_nothing(void **state)
{
	struct failures_book *book = failures_book_new();
	struct failures *quiet = failures_new(book, NULL), *loud = failures_new(book, NULL);
	char id[32];

	(void)state;
	fail_at(quiet, "192.0.2.1", 1000);
	for (int i = 0; i <= FAILURES_MAX; i++) {
		snprintf(id, sizeof id, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
		struct ticket *t = ticket_new(id, 1001);
		t->serial = (uint64_t)i; /* 0: nobody else hears of it */
		failures_add(loud, t, 1, &limits);
		ticket_free(t);
	}
	assert_int_equal(failures_evicted(loud), 1);
	assert_int_equal(failures_evicted(quiet), 0);
	assert_non_null(failures_find(quiet, "192.0.2.1"));
	failures_free(quiet);
	failures_free(loud);
	failures_book_free(book);
}

static void
a_jail_may_go_before_its_twin_comes(void **state)
{
	struct failures_book *book = failures_book_new();
	struct ticket *t = ticket_new("192.0.2.1", 1000);

	(void)state;
	t->serial = 7;
	for (int i = 0; i < 3; i++) {
		struct failures *f = failures_new(book, NULL);
		assert_int_equal(failures_add(f, t, 1, &limits)->retry, 1);
		failures_free(f);
	}
	ticket_free(t);
	failures_book_free(book);
}

/* ---- jails that share a book count as if each were alone ---- */

#define JAILS 140 /* more than two words of bits */
#define IDS 12

struct world {
	size_t n;
	struct failures_book *book, *books[JAILS];
	struct failures *shared[JAILS], *alone[JAILS];
	double gone_shared[JAILS], gone_alone[JAILS];
	struct failures_limits limits[JAILS];
};

static void
assert_same_ticket(const struct ticket *a, const struct ticket *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a == NULL)
		return;
	assert_string_equal(a->id, b->id);
	assert_int_equal(a->ip == NULL, b->ip == NULL);
	assert_string_equal(ticket_ip(a), ticket_ip(b));
	assert_memory_equal(&a->addr, &b->addr, sizeof a->addr);
	assert_true(a->time == b->time && a->first == b->first);
	assert_int_equal(a->retry, b->retry);
	assert_int_equal(a->failures, b->failures);
	assert_int_equal(a->failregex, b->failregex);
	assert_int_equal(a->n_matches, b->n_matches);
	for (size_t i = 0; i < a->n_matches; i++) {
		const struct ticket_match *x = &a->matches[i], *y = &b->matches[i];
		assert_int_equal(x->len, y->len);
		assert_string_equal(x->bytes, y->bytes);
		assert_int_equal(x->is_joined, y->is_joined);
		assert_true(x->time == y->time);
		assert_int_equal(x->user == NULL, y->user == NULL);
		if (x->user != NULL)
			assert_string_equal(x->user, y->user);
	}
	assert_int_equal(a->n_groups, b->n_groups);
	for (size_t i = 0; i < a->n_groups; i++) {
		assert_string_equal(a->groups[i].name, b->groups[i].name);
		assert_string_equal(a->groups[i].value, b->groups[i].value);
	}
}

static struct ticket *
some_failure(int n, double time)
{
	char text[40];
	snprintf(text, sizeof text, "192.0.2.%d", rand() % IDS);
	struct ticket *t = ticket_new(text, time);
	t->failregex = rand() % 9;
	for (int i = 0; i <= rand() % 3; i++) {
		snprintf(text, sizeof text, "line %d of failure %d", i, n);
		ticket_add_match(t, text, strlen(text), 0, 0, 9);
	}
	snprintf(text, sizeof text, "user%d", rand() % 3);
	if (rand() % 3 != 0)
		ticket_set_group(t, "user", text);
	ticket_set_group(t, "mlfid", text + 1);
	if (rand() % 4 == 0)
		t->ip = strdup("198.51.100.7");
	return t;
}

static void
count_one(void *arg, const struct ticket *t)
{
	*(double *)arg += t->time + t->retry;
}

static void
compare(struct world *w)
{
	char id[32];

	for (size_t j = 0; j < w->n; j++) {
		double sum = 0, other = 0;
		for (int i = 0; i < IDS; i++) {
			snprintf(id, sizeof id, "192.0.2.%d", i);
			assert_same_ticket(failures_find(w->shared[j], id), failures_find(w->alone[j], id));
		}
		assert_int_equal(failures_count(w->shared[j]), failures_count(w->alone[j]));
		assert_int_equal(failures_total(w->shared[j]), failures_total(w->alone[j]));
		failures_each(w->shared[j], count_one, &sum);
		failures_each(w->alone[j], count_one, &other);
		assert_true(fabs(sum - other) < 1e-3);
	}
}

static void
sum_gone(void *owner, const struct ticket *t)
{
	count_one(owner, t);
}

static void
expire_all(struct world *w, double now)
{
	failures_expire(w->book, now, sum_gone);
	for (size_t j = 0; j < w->n; j++) {
		failures_expire(w->books[j], now, sum_gone);
		assert_true(fabs(w->gone_shared[j] - w->gone_alone[j]) < 1e-3);
		w->gone_shared[j] = w->gone_alone[j] = 0;
	}
}

static void
jail_comes(struct world *w, size_t j)
{
	w->shared[j] = failures_new(w->book, &w->gone_shared[j]);
	w->alone[j] = failures_new(w->books[j], &w->gone_alone[j]);
}

static void
take_both(struct world *w, size_t j, const char *id)
{
	struct ticket *a = failures_take(w->shared[j], id), *b = failures_take(w->alone[j], id);

	assert_same_ticket(a, b);
	ticket_free(a);
	ticket_free(b);
}

static void
fail_in_some(struct world *w, int n, double time)
{
	struct ticket *t = some_failure(n, time);
	int attempts = rand() % 5 == 0 ? 3 : 1;

	for (size_t j = 0; j < w->n; j++) {
		const struct failures_limits *limits_j = &w->limits[j];
		if (rand() % 8 == 0 && w->n < 64)
			continue;
		if (rand() % (int)(w->n * 4) == 0)
			t->failures = t->failures == 2 ? 0 : 2;
		t->serial = n > 0 && rand() % (int)(w->n * 2) == 0 ? 0 : (uint64_t)n + 1; /* they begin together */
		const int weight = rand() % (int)(w->n * 6) == 0 ? 2 : attempts;
		const int shared = failures_add(w->shared[j], t, weight, limits_j)->retry;
		t->serial = 0;
		assert_int_equal(failures_add(w->alone[j], t, weight, limits_j)->retry, shared);
		if (shared > limits_j->maxretry) {
			take_both(w, j, t->id);
		}
	}
	ticket_free(t);
}

static void
count_for(size_t n_jails, int rounds)
{
	static const struct failures_limits kinds[] = {{60, 9, 3}, {60, 9, 3}, {60, 9, 3}, {90, 9, 3}, {60, 4, 0}};
	struct world w = {.n = n_jails, .book = failures_book_new()};
	double now = 100000;

	srand(5);
	for (size_t j = 0; j < n_jails; j++) {
		w.books[j] = failures_book_new();
		w.limits[j] = kinds[n_jails < 64 || j % 16 == 1 ? j % (sizeof kinds / sizeof *kinds) : 0]; /* many: mostly twins */
		jail_comes(&w, j);
	}
	for (int n = 0; n < rounds; n++) {
		size_t j = (size_t)rand() % n_jails;
		char id[32];
		now += rand() % 4;
		fail_in_some(&w, n, now - (rand() % 10 == 0 ? rand() % 100 : 0));
		snprintf(id, sizeof id, "192.0.2.%d", rand() % IDS);
		if (rand() % 20 == 0)
			take_both(&w, j, id);
		if (rand() % (int)(w.n * 6) == 0) {
			w.limits[j].findtime = 30 + 30 * (rand() % 3);
			failures_set_findtime(w.shared[j], w.limits[j].findtime);
			failures_set_findtime(w.alone[j], w.limits[j].findtime);
		}
		if (rand() % 10 == 0)
			expire_all(&w, now);
		if (rand() % 100 == 0) {
			double by = rand() % 2 == 0 ? 3600 : -3600;
			now += by;
			failures_shift(w.book, by, now);
			for (size_t k = 0; k < n_jails; k++)
				failures_shift(w.books[k], by, now);
		}
		if (rand() % 300 == 0) { /* a jail goes, and another one comes */
			failures_free(w.shared[j]);
			failures_free(w.alone[j]);
			jail_comes(&w, j);
		}
		compare(&w);
	}
	for (size_t j = 0; j < n_jails; j++) {
		failures_free(w.alone[j]);
		failures_book_free(w.books[j]);
	}
	failures_book_free(w.book); /* jails may hold it longer */
	for (size_t j = 0; j < n_jails; j++)
		failures_free(w.shared[j]);
}

static void
jails_that_share_a_book_count_as_if_alone(void **state)
{
	(void)state;
	count_for(5, 20000);
	count_for(JAILS, 600);
}

/* ---- bans ---- */

static void
bans_end_in_order(void **state)
{
	struct clock clock = {.is_fixed = true, .fixed = 1000};
	struct bans *b = bans_new(&clock);

	(void)state;
	bans_add(b, ticket_new("192.0.2.1", 1000), 300, false);
	bans_add(b, ticket_new("192.0.2.2", 1000), 100, false);
	bans_add(b, ticket_new("192.0.2.3", 1000), TICKET_FOREVER, false);
	bans_add(b, ticket_new("192.0.2.4", 1000), 200, false);
	assert_true(bans_next_end(b) == 1100);
	assert_null(bans_pop_expired(b));
	static const char *const order[] = {"192.0.2.2", "192.0.2.4", "192.0.2.1"};
	clock.fixed = 5000;
	for (size_t i = 0; i < 3; i++) {
		struct ban *ban = bans_pop_expired(b);
		assert_non_null(ban);
		assert_string_equal(ban->ticket->id, order[i]);
		ban_free(ban);
	}
	assert_null(bans_pop_expired(b));
	assert_true(isinf(bans_next_end(b)));
	assert_int_equal(bans_count(b), 1);
	bans_free(b);
}

static void
a_changed_bantime_moves_bans_without_a_time_of_their_own(void **state)
{
	struct clock clock = {.is_fixed = true, .fixed = 1000};
	struct bans *b = bans_new(&clock);

	(void)state;
	struct ban *before = bans_add(b, ticket_new("192.0.2.3", 1000), 300, false);
	struct ban *own = bans_add(b, ticket_new("192.0.2.2", 1000), 300, true);
	struct ban *follows = bans_add(b, ticket_new("192.0.2.1", 1000), 300, false);
	bans_retime(b, TICKET_FOREVER);
	assert_true(isinf(ban_left(b, before)));
	assert_true(isinf(ban_left(b, follows)));
	assert_true(ban_until(b, follows) == -1);
	assert_true(ban_left(b, own) == 300);
	bans_retime(b, 60);
	assert_true(ban_until(b, follows) == 1060);
	assert_int_equal(follows->ticket->bantime, 60);
	assert_true(bans_next_end(b) == 1060);
	bans_free(b);
}

static void
the_heap_survives_any_order_of_adding_and_taking(void **state)
{
	struct clock clock = {.is_fixed = true, .fixed = 1000};
	struct bans *b = bans_new(&clock);
	unsigned seed = 1;
	char id[32];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		seed = seed * 1103515245 + 12345;
		snprintf(id, sizeof id, "10.0.%d.%d", i >> 8, i & 255);
		bans_add(b, ticket_new(id, 1000), seed >> 16 & 1023, false);
	}
	for (int i = 0; i < 2000; i += 3) {
		snprintf(id, sizeof id, "10.0.%d.%d", i >> 8, i & 255);
		ban_free(bans_take(b, id));
	}
	double last = 0;
	size_t left = bans_count(b);
	clock.fixed = 1e6;
	for (struct ban *ban; (ban = bans_pop_expired(b)) != NULL; left--) {
		assert_true(ban->end_mono >= last);
		last = ban->end_mono;
		ban_free(ban);
	}
	assert_int_equal(left, 0);
	bans_free(b);
}

static void
a_ban_twice_is_one_ban(void **state)
{
	struct clock clock = {.is_fixed = true, .fixed = 1000};
	struct bans *b = bans_new(&clock);

	(void)state;
	struct ban *ban = bans_add(b, ticket_new("192.0.2.1", 1000), 300, false);
	struct ticket *again = ticket_new("192.0.2.1", 1100);
	assert_null(bans_add(b, again, 300, false));
	assert_true(bans_prolong(b, ban, 1100, 300));
	assert_false(bans_prolong(b, ban, 1000, 300));
	assert_true(ban_until(b, ban) == 1400);
	ticket_free(again);
	bans_free(b);
}

/* the clocks run on between the two readings of each of them */
static void
banning_twice_at_one_time_prolongs_nothing(void **state)
{
	struct clock clock = {0};
	struct bans *b = bans_new(&clock);
	double now = clock_now(&clock);

	(void)state;
	struct ban *ban = bans_add(b, ticket_new("192.0.2.1", now), 300, false);
	for (int i = 0; i < 10000; i++)
		assert_false(bans_prolong(b, ban, now, 300));
	bans_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(failures_are_estimated_as_a_rate),
	    cmocka_unit_test(an_older_failure_counts_but_moves_no_time),
	    cmocka_unit_test(only_the_last_matches_are_kept),
	    cmocka_unit_test(the_first_failures_lines_are_not_cut),
	    cmocka_unit_test(failures_expire_after_findtime),
	    cmocka_unit_test(a_new_findtime_counts_at_once),
	    cmocka_unit_test(twins_lose_the_same),
	    cmocka_unit_test(others_lose_nothing),
	    cmocka_unit_test(a_jail_may_go_before_its_twin_comes),
	    cmocka_unit_test(the_table_is_capped_and_the_oldest_leaves),
	    cmocka_unit_test(who_failed_again_is_not_the_oldest),
	    cmocka_unit_test(jails_that_share_a_book_count_as_if_alone),
	    cmocka_unit_test(bans_end_in_order),
	    cmocka_unit_test(a_changed_bantime_moves_bans_without_a_time_of_their_own),
	    cmocka_unit_test(the_heap_survives_any_order_of_adding_and_taking),
	    cmocka_unit_test(a_ban_twice_is_one_ban),
	    cmocka_unit_test(banning_twice_at_one_time_prolongs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
