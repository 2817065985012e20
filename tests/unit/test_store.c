/* The database: what is written, how it is restored, and that nothing is lost when the file fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/db.h"
#include "store/store.h"

#define NOW 1795346300.0

struct fixture {
	char dir[64], path[96];
	struct clock clock;
	struct store *store;
};

static int
set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	strcpy(f->dir, "/tmp/test_store.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof f->path, "%s/lib/db.sqlite3", f->dir);
	f->clock = (struct clock){.is_fixed = true, .fixed = NOW};
	f->store = store_open(f->path, &f->clock);
	assert_null(store_problem(f->store));
	store_jail_on(f->store, "t");
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];

	store_close(f->store);
	snprintf(command, sizeof command, "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void
reopen(struct fixture *f)
{
	store_close(f->store);
	f->store = store_open(f->path, &f->clock);
}

/* First column of the first row; "" when there is none. The caller frees. */
static char *
query_file(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	char *text = NULL;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 2000);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_text(stmt, 0) != NULL)
		text = xstrdup((const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return text != NULL ? text : xstrdup("");
}

static void
assert_query(struct fixture *f, const char *sql, const char *expected)
{
	char *got = query_file(f->path, sql);

	assert_string_equal(got, expected);
	free(got);
}

static void
execute(const char *path, const char *sql)
{
	free(query_file(path, sql));
}

static void
add_ban(struct store *s, const char *id, double time, int64_t bantime)
{
	struct ticket *t = ticket_new(id, time);

	t->bancount = 1;
	t->bantime = bantime;
	store_ban_add(s, "t", t, 600);
	ticket_free(t);
}

static void
keep(void *arg, struct ticket *t)
{
	struct str *out = arg;

	str_addf(out, "%s %.0f %lld %d%s;", t->id, t->time, (long long)t->bantime, t->bancount, t->is_restored ? "" : " new");
	ticket_free(t);
}

static void
assert_current(struct fixture *f, const struct store_restore *rules, const char *expected)
{
	struct str out = {0};

	store_bans_current(f->store, "t", rules, keep, &out);
	assert_string_equal(str_text(&out), expected);
	str_done(&out);
}

static void
a_ban_is_two_rows_as_fail2ban_writes_them(void **state)
{
	struct fixture *f = *state;
	struct ticket *t = ticket_new("192.0.2.1", NOW + 0.6);
	const char first[] = "2026-11-22 11:17:28 fail 192.0.2.1 u=bob", later[] = "later \"é\"";

	t->failures = 2;
	t->bancount = 1;
	ticket_add_match(t, first, strlen(first), 0, 19, 10);
	ticket_add_match(t, later, strlen(later), 0, 0, 10);
	t->matches[1].is_joined = true;
	ticket_set_group(t, "ip4", "192.0.2.1");
	ticket_set_group(t, "user", "bob");
	store_ban_add(f->store, "t", t, 600);
	ticket_free(t);
	for (int i = 0; i < 2; i++) {
		const char *table = i == 0 ? "bans" : "bips";
		char sql[200];
		snprintf(sql, sizeof sql,
		    "SELECT jail||'|'||ip||'|'||timeofban||'|'||bantime||'|'||bancount||'|'||typeof(data)||'|'||cast(data AS text) FROM %s",
		    table);
		assert_query(f, sql,
		    "t|192.0.2.1|1795346301|600|1|blob|{\"matches\": [[\"\", \"2026-11-22 11:17:28\", \" fail 192.0.2.1 u=bob\"], "
		    "\"later \\\"é\\\"\"], \"failures\": 2, \"ip4\": \"192.0.2.1\", \"user\": \"bob\"}");
	}
	add_ban(f->store, "192.0.2.1", NOW + 100, -1);
	assert_query(f, "SELECT count(*) FROM bans", "2");
	assert_query(f, "SELECT group_concat(timeofban||' '||bantime||' '||cast(data AS text)) FROM bips",
	    "1795346400 -1 {\"matches\": [], \"failures\": 0}");
}

static void
matches_are_cut_to_dbmaxmatches(void **state)
{
	struct fixture *f = *state;
	struct ticket *t = ticket_new("a", NOW);

	for (int i = 0; i < 4; i++) {
		ticket_add_match(t, (char[]){(char)('a' + i)}, 1, 0, 0, 10);
		t->matches[i].is_joined = true;
	}
	store_set_max_matches(f->store, 2);
	store_ban_add(f->store, "t", t, 600);
	assert_query(f, "SELECT cast(data AS text) FROM bips", "{\"matches\": [\"c\", \"d\"], \"failures\": 0}");
	store_set_max_matches(f->store, 0);
	store_ban_add(f->store, "t", t, 600);
	assert_query(f, "SELECT cast(data AS text) FROM bips", "{\"failures\": 0}");
	ticket_free(t);
}

static void
take(void *arg, struct ticket *t)
{
	*(struct ticket **)arg = t;
}

static void
restored_tickets_are_what_was_banned(void **state)
{
	struct fixture *f = *state;
	struct ticket *t = ticket_new("192.0.2.1", NOW);

	t->failures = 7;
	t->bancount = 3;
	t->bantime = 900;
	t->ip = xstrdup("192.0.2.77");
	ticket_add_match(t, "x DATE y", 8, 2, 6, 10);
	ticket_set_group(t, "user", "bob");
	store_ban_add(f->store, "t", t, 600);
	ticket_free(t);
	reopen(f);

	struct store_restore rules = {.now = NOW + 10, .bantime = 600, .is_increment = true, .maxtime = -1, .max_matches = 5};
	struct ticket *got = NULL;
	assert_int_equal(store_bans_current(f->store, "t", &rules, take, &got), 1);
	assert_string_equal(got->id, "192.0.2.1");
	assert_string_equal(got->ip, "192.0.2.77");
	assert_int_equal(got->addr.bytes[3], 77);
	assert_int_equal(got->bantime, 900);
	assert_int_equal(got->bancount, 3);
	assert_int_equal(got->failures, 7);
	assert_int_equal(got->retry, 7);
	assert_true(got->is_restored);
	assert_int_equal(got->n_matches, 1);
	assert_memory_equal(got->matches[0].bytes, "x DATE y", 9);
	assert_int_equal(got->matches[0].date_from, 2);
	assert_int_equal(got->matches[0].date_to, 6);
	assert_string_equal(ticket_group(got, "user"), "bob");
	ticket_free(got);

	/* one that lasted no time is over, not for ever */
	t = ticket_new("192.0.2.2", NOW + 5);
	t->bantime = 0;
	store_ban_add(f->store, "none", t, 0);
	ticket_free(t);
	reopen(f);
	assert_int_equal(store_bans_current(f->store, "none", &rules, take, &got), 0);
}

static void
restore_obeys_the_ban_times_of_today(void **state)
{
	struct fixture *f = *state;
	struct store_restore rules = {.now = NOW, .bantime = 600, .max_matches = 5};

	add_ban(f->store, "d-expired", NOW - 700, 600);
	add_ban(f->store, "a-running", NOW - 100, 600);
	add_ban(f->store, "b-longer", NOW - 100, 5000);
	add_ban(f->store, "c-permanent", NOW - 100, -1);
	add_ban(f->store, "e-old-but-long", NOW - 700, 5000);
	add_ban(f->store, "f-unknown", NOW - 100, -2);
	assert_current(f, &rules, "a-running 1795346200 600 1;b-longer 1795346200 600 1;c-permanent 1795346200 600 1;"
	                          "f-unknown 1795346200 600 1;");
	rules.bantime = -1;
	assert_current(f, &rules, "a-running 1795346200 600 1;b-longer 1795346200 5000 1;c-permanent 1795346200 -1 1;"
	                          "e-old-but-long 1795345600 5000 1;f-unknown 1795346200 -1 1;");
	rules = (struct store_restore){.now = NOW, .bantime = 600, .is_increment = true, .maxtime = 1000};
	assert_current(f, &rules, "a-running 1795346200 600 1;b-longer 1795346200 1000 1;c-permanent 1795346200 1000 1;"
	                          "e-old-but-long 1795345600 1000 1;f-unknown 1795346200 600 1;");
}

static void
a_clock_set_back_makes_no_ban_longer(void **state)
{
	struct fixture *f = *state;
	struct store_restore rules = {.now = NOW - 31536000, .bantime = 600};

	add_ban(f->store, "a", NOW, 600);
	assert_current(f, &rules, "a 1763810300 600 1;");
}

static void
unban_deletes_both_rows(void **state)
{
	struct fixture *f = *state;

	add_ban(f->store, "a", NOW, 600);
	add_ban(f->store, "a", NOW + 1, 600);
	add_ban(f->store, "b", NOW, 600);
	assert_int_equal(store_ban_del(f->store, "t", "nobody"), 0);
	assert_int_equal(store_ban_del(f->store, "t", "a"), 1);
	assert_query(f, "SELECT count(*) FROM bans", "1");
	assert_query(f, "SELECT count(*) FROM bips", "1");
	assert_int_equal(store_ban_del(f->store, "other", NULL), 0);
	assert_int_equal(store_ban_del(f->store, "t", NULL), 1);
	assert_query(f, "SELECT count(*) FROM bans", "0");
}

static void
history_counts_one_jail_or_all(void **state)
{
	struct fixture *f = *state;
	struct ticket *t = ticket_new("a", NOW);
	struct store_history h;

	assert_false(store_history(f->store, "a", "t", &h));
	t->bancount = 2;
	store_ban_add(f->store, "t", t, 600);
	store_jail_on(f->store, "u");
	t->time = NOW + 50;
	t->bancount = 3;
	store_ban_add(f->store, "u", t, 900);
	ticket_free(t);
	assert_true(store_history(f->store, "a", "t", &h));
	assert_int_equal(h.bancount, 2);
	assert_int_equal(h.last, NOW);
	assert_int_equal(h.bantime, 600);
	assert_true(store_history(f->store, "a", NULL, &h));
	assert_int_equal(h.bancount, 5);
	assert_int_equal(h.last, NOW + 50);
	assert_int_equal(h.bantime, 1500);
	struct value *list = store_bans_of(f->store, "a", 10);
	struct str text = {0};
	value_repr(list, &text);
	assert_string_equal(text.at, "[{'jail': 't', 't': 1795346300, 'bantime': 600}, {'jail': 'u', 't': 1795346350, 'bantime': 900}]");
	str_done(&text);
	value_free(list);
}

static void
merged_bans_sum_failures_and_keep_the_newest_lines(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		struct ticket *t = ticket_new("a", NOW + i);
		t->failures = 5;
		for (int k = 0; k < 2; k++)
			ticket_add_match(t, (char[]){(char)('0' + i), (char)('a' + k)}, 2, 0, 1, 10);
		ticket_set_group(t, "user", (char[]){(char)('x' + i), '\0'});
		store_ban_add(f->store, "t", t, 600);
		ticket_free(t);
	}
	store_set_max_matches(f->store, 3);
	struct ticket *all = store_bans_merged(f->store, "a", NULL);
	assert_int_equal(all->failures, 15);
	assert_int_equal(all->n_matches, 3);
	assert_string_equal(all->matches[0].bytes, "1b");
	assert_string_equal(all->matches[2].bytes, "2b");
	assert_int_equal(all->time, NOW);
	ticket_free(all);
	assert_null(store_bans_merged(f->store, "a", "other"));
}

static void
purge_keeps_what_still_counts(void **state)
{
	struct fixture *f = *state;

	store_jail_on(f->store, "gone");
	store_jail_off(f->store, "gone");
	add_ban(f->store, "new", NOW - 10, 600);
	add_ban(f->store, "old", NOW - 90000, 600);
	add_ban(f->store, "old-long", NOW - 90000, 86400);
	add_ban(f->store, "old-permanent", NOW - 90000, -1);
	store_purge(f->store);
	assert_query(f, "SELECT group_concat(ip) FROM bans", "new");
	assert_query(f, "SELECT group_concat(ip) FROM (SELECT ip FROM bips ORDER BY ip)", "new,old-long,old-permanent");
	assert_query(f, "SELECT group_concat(name) FROM jails", "t");
}

static void
logs_resume_when_the_first_line_is_the_same(void **state)
{
	struct fixture *f = *state;
	double pos = -1;

	assert_false(store_log_add(f->store, "t", "/l", "aaaa", 0, &pos));
	store_log_update(f->store, "t", "/l", "aaaa", 1234);
	assert_true(store_log_add(f->store, "t", "/l", "aaaa", 0, &pos));
	assert_int_equal(pos, 1234);
	assert_false(store_log_add(f->store, "t", "/l", "bbbb", 0, &pos));
	assert_query(f, "SELECT firstlinemd5||lastfilepos FROM logs", "aaaa1234");
	store_log_update(f->store, "t", "/l", "bbbb", 5);
	assert_query(f, "SELECT group_concat(firstlinemd5||lastfilepos) FROM logs", "bbbb5");
	store_log_update(f->store, "t", "systemd-journal", "2026-11-22T11:00:00", 1795346300.25);
	assert_true(store_log_pos(f->store, "t", "systemd-journal", &pos));
	assert_true(pos == 1795346300.25);
	assert_false(store_log_pos(f->store, "t", "/none", &pos));
}

static void
jails_are_enabled_and_disabled(void **state)
{
	struct fixture *f = *state;

	store_jails_off(f->store);
	assert_query(f, "SELECT enabled FROM jails", "0");
	store_jail_on(f->store, "t");
	assert_query(f, "SELECT enabled FROM jails", "1");
}

static void
a_batch_is_one_transaction(void **state)
{
	struct fixture *f = *state;

	store_begin(f->store);
	add_ban(f->store, "a", NOW, 600);
	assert_query(f, "SELECT count(*) FROM bips", "0");
	store_begin(f->store);
	add_ban(f->store, "b", NOW, 600);
	store_commit(f->store);
	assert_query(f, "SELECT count(*) FROM bips", "0");
	store_commit(f->store);
	assert_query(f, "SELECT count(*) FROM bips", "2");
}

static void
the_file_is_private(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void
what_was_committed_survives_sigkill(void **state)
{
	struct fixture *f = *state;
	int pipe_fds[2];

	store_close(f->store);
	assert_int_equal(pipe(pipe_fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct store *s = store_open(f->path, &f->clock);
		for (int i = 0;; i++) {
			char id[16];
			snprintf(id, sizeof id, "%d", i);
			add_ban(s, id, NOW, 600);
			if (write(pipe_fds[1], &i, sizeof i) != sizeof i)
				_exit(1);
		}
	}
	close(pipe_fds[1]);
	int last = -1, seen;
	while (last < 200 && read(pipe_fds[0], &seen, sizeof seen) == sizeof seen)
		last = seen;
	kill(pid, SIGKILL);
	while (read(pipe_fds[0], &seen, sizeof seen) == sizeof seen)
		last = seen;
	close(pipe_fds[0]);
	waitpid(pid, NULL, 0);
	f->store = store_open(f->path, &f->clock);
	for (int i = 0; i <= last; i++) {
		char id[16];
		struct store_history h;
		snprintf(id, sizeof id, "%d", i);
		assert_true(store_history(f->store, id, "t", &h));
	}
}

static void
write_file(const char *path, const char *bytes, size_t len, off_t at)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, at), (ssize_t)len);
	close(fd);
}

static void
what_is_no_database_is_set_aside(void **state)
{
	struct fixture *f = *state;
	char aside[160];
	struct stat st;

	store_close(f->store);
	unlink(f->path);
	write_file(f->path, "this is not a database, but some text that is long enough", 57, 0);
	f->store = store_open(f->path, &f->clock);
	assert_null(store_problem(f->store));
	store_jail_on(f->store, "t");
	add_ban(f->store, "a", NOW, 600);
	assert_query(f, "SELECT count(*) FROM bips", "1");
	snprintf(aside, sizeof aside, "%s.20261122-111820", f->path);
	assert_int_equal(stat(aside, &st), 0);
	assert_int_equal(st.st_size, 57);
}

static void
a_broken_page_costs_only_its_rows(void **state)
{
	struct fixture *f = *state;
	char junk[4096];

	store_begin(f->store);
	for (int i = 0; i < 3000; i++) {
		char id[16];
		snprintf(id, sizeof id, "%d", i);
		add_ban(f->store, id, NOW, 600);
	}
	store_commit(f->store);
	store_close(f->store);
	char *root = query_file(f->path, "SELECT pageno FROM dbstat WHERE name = 'bips' AND pagetype = 'leaf' LIMIT 1 OFFSET 20");
	long page = atol(root);
	free(root);
	if (page == 0)
		page = 60; /* sqlite without dbstat */
	memset(junk, 0xa5, sizeof junk);
	write_file(f->path, junk, sizeof junk, (page - 1) * 4096);
	f->store = store_open(f->path, &f->clock);
	assert_null(store_problem(f->store));
	struct store_restore rules = {.now = NOW, .bantime = 600};
	struct str out = {0};
	size_t n = store_bans_current(f->store, "t", &rules, keep, &out);
	str_done(&out);
	assert_true(n > 2500);
	assert_true(n < 3000);
	assert_query(f, "SELECT enabled FROM jails", "1");
}

static void
a_newer_schema_is_not_touched(void **state)
{
	struct fixture *f = *state;

	execute(f->path, "UPDATE fail2banDb SET version = 5");
	reopen(f);
	assert_string_equal(store_problem(f->store), "schema version 5 is newer than 4: kept in memory since 2026-11-22 11:18:20");
	store_jail_on(f->store, "u");
	add_ban(f->store, "a", NOW, 600);
	reopen(f);
	assert_query(f, "SELECT version FROM fail2banDb", "5");
	assert_query(f, "SELECT count(*) FROM bips", "0");
}

static void
make_old(const char *path, int version)
{
	static const char jails[] = "CREATE TABLE fail2banDb(version INTEGER); CREATE TABLE jails(name TEXT NOT NULL UNIQUE,"
	                            " enabled INTEGER NOT NULL DEFAULT 1); INSERT INTO jails VALUES('t', 1);";
	sqlite3 *db = NULL;
	char sql[120];

	unlink(path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_exec(db, jails, NULL, NULL, NULL);
	snprintf(sql, sizeof sql, "INSERT INTO fail2banDb VALUES(%d)", version);
	sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_exec(db, version < 2 ?
	    "CREATE TABLE logs(jail TEXT NOT NULL, path TEXT, firstlinemd5 TEXT, lastfilepos INTEGER DEFAULT 0)" :
	    "CREATE TABLE logs(jail TEXT NOT NULL, path TEXT, firstlinemd5 TEXT, lastfilepos INTEGER DEFAULT 0,"
	    " UNIQUE(jail, path))", NULL, NULL, NULL);
	sqlite3_exec(db, "INSERT INTO logs VALUES('t', '/l', 'aa', 7)", NULL, NULL, NULL);
	if (version < 3)
		sqlite3_exec(db, "CREATE TABLE bans(jail TEXT NOT NULL, ip TEXT, timeofban INTEGER NOT NULL, data JSON);"
		                 "INSERT INTO bans VALUES('t', '192.0.2.1', 1795346200, '{\"failures\": 3}');"
		                 "INSERT INTO bans VALUES('t', '192.0.2.1', 1795346250, '{\"failures\": 4}')", NULL, NULL, NULL);
	else
		sqlite3_exec(db, "CREATE TABLE bans(jail TEXT NOT NULL, ip TEXT, timeofban INTEGER NOT NULL, bantime INTEGER"
		                 " NOT NULL, bancount INTEGER NOT NULL default 1, data JSON);"
		                 "INSERT INTO bans VALUES('t', '192.0.2.1', 1795346200, 500, 1, '{\"failures\": 3}');"
		                 "INSERT INTO bans VALUES('t', '192.0.2.1', 1795346250, 500, 2, '{\"failures\": 4}')",
		    NULL, NULL, NULL);
	sqlite3_close(db);
}

static void
older_schemas_are_upgraded_after_a_backup(void **state)
{
	struct fixture *f = *state;
	struct store_restore rules = {.now = NOW, .bantime = 600};

	for (int version = 1; version <= 3; version++) {
		char backup[160], text[16];
		double pos = 0;
		store_close(f->store);
		make_old(f->path, version);
		f->clock.fixed = NOW + version * 60;
		f->store = store_open(f->path, &f->clock);
		assert_null(store_problem(f->store));
		assert_query(f, "SELECT version FROM fail2banDb", "4");
		assert_query(f, "SELECT count(*) FROM bans", "2");
		assert_true(store_log_add(f->store, "t", "/l", "aa", 0, &pos));
		assert_int_equal(pos, 7);
		assert_current(f, &rules, version < 3 ? "192.0.2.1 1795346250 600 1;" : "192.0.2.1 1795346250 500 2;");
		snprintf(backup, sizeof backup, "%s.20261122-11%02d20", f->path, 18 + version);
		char *old = query_file(backup, "SELECT version FROM fail2banDb");
		snprintf(text, sizeof text, "%d", version);
		assert_string_equal(old, text);
		free(old);
	}
}

static void
a_full_disk_loses_nothing_and_heals(void **state)
{
	struct fixture *f = *state;

	f->clock.offset = 0;
	add_ban(f->store, "before", NOW, 600);
	/* sqlite's own cap on pages stands for the full disk */
	assert_int_equal(sqlite3_exec(f->store->db, "PRAGMA max_page_count = 1", NULL, NULL, NULL), SQLITE_OK);
	store_begin(f->store);
	for (int i = 0; i < 500; i++) {
		char id[16];
		snprintf(id, sizeof id, "%d", i);
		add_ban(f->store, id, NOW, 600);
	}
	store_commit(f->store);
	assert_string_equal(store_problem(f->store), "disk full: kept in memory since 2026-11-22 11:18:20");
	struct store_history h;
	assert_true(store_history(f->store, "before", "t", &h));
	assert_true(store_history(f->store, "0", "t", &h));
	assert_true(store_history(f->store, "499", "t", &h));
	store_ban_del(f->store, "t", "before");
	f->store->retry_at = 0;
	store_tick(f->store);
	assert_null(store_problem(f->store));
	assert_query(f, "SELECT count(*) FROM bips", "500");
	assert_query(f, "SELECT count(*) FROM bans", "500");
}

static void
another_programs_lock_delays_writing(void **state)
{
	struct fixture *f = *state;
	sqlite3 *other = NULL;

	assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE; DELETE FROM bips", NULL, NULL, NULL), SQLITE_OK);
	add_ban(f->store, "a", NOW, 600);
	add_ban(f->store, "b", NOW, 600);
	assert_string_equal(store_problem(f->store), "locked by another program: changes wait");
	f->store->retry_at = 0;
	store_tick(f->store);
	assert_non_null(store_problem(f->store));
	assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	f->store->retry_at = 0;
	store_tick(f->store);
	assert_null(store_problem(f->store));
	assert_query(f, "SELECT count(*) FROM bips", "2");
}

static void
readers_are_not_locked_out(void **state)
{
	struct fixture *f = *state;
	sqlite3 *other = NULL;

	assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
	store_begin(f->store);
	add_ban(f->store, "a", NOW, 600);
	assert_int_equal(sqlite3_exec(other, "SELECT * FROM bips", NULL, NULL, NULL), SQLITE_OK);
	store_commit(f->store);
	sqlite3_close(other);
}

static void
an_impossible_path_is_kept_in_memory(void **state)
{
	struct fixture *f = *state;
	struct store *s = store_open("/proc/none/such/db", &f->clock);

	assert_non_null(store_problem(s));
	store_jail_on(s, "t");
	add_ban(s, "a", NOW, 600);
	struct store_history h;
	assert_true(store_history(s, "a", "t", &h));
	store_close(s);
}

static void
no_database_is_fine(void **state)
{
	struct store_history h;
	struct store_restore rules = {.now = NOW, .bantime = 600};
	double pos;

	(void)state;
	store_begin(NULL);
	store_jail_on(NULL, "t");
	add_ban(NULL, "a", NOW, 600);
	store_commit(NULL);
	store_purge(NULL);
	store_tick(NULL);
	assert_false(store_history(NULL, "a", "t", &h));
	assert_int_equal(store_bans_current(NULL, "t", &rules, keep, NULL), 0);
	assert_null(store_bans_merged(NULL, "a", NULL));
	assert_false(store_log_add(NULL, "t", "/l", "", 0, &pos));
	assert_null(store_path(NULL));
	store_close(NULL);
}

static void
ten_thousand_bans_are_read_quickly(void **state)
{
	struct fixture *f = *state;
	struct clock real = {0};
	struct store_restore rules = {.now = NOW, .bantime = 600, .max_matches = 5};
	struct str out = {0};

	store_begin(f->store);
	for (int i = 0; i < 10000; i++) {
		char id[32];
		snprintf(id, sizeof id, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
		struct ticket *t = ticket_new(id, NOW);
		for (int k = 0; k < 5; k++)
			ticket_add_match(t, "Nov 22 11:17:28 host sshd[1234]: Failed password for root from 10.0.0.1 port 22 ssh2", 83, 0, 15, 10);
		store_ban_add(f->store, "t", t, 600);
		ticket_free(t);
	}
	store_commit(f->store);
	store_close(f->store);
	double from = clock_monotonic(&real);
	f->store = store_open(f->path, &f->clock);
	double opened = clock_monotonic(&real) - from;
	assert_int_equal(store_bans_current(f->store, "t", &rules, keep, &out), 10000);
	double took = clock_monotonic(&real) - from;
	print_message("10000 bans with 5 lines each: opened in %.0f ms, read in %.0f ms\n", opened * 1000, (took - opened) * 1000);
	assert_true(took < 5); /* the measure is in the message; a loaded machine must not fail here */
	str_done(&out);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_ban_is_two_rows_as_fail2ban_writes_them),
	    TEST(matches_are_cut_to_dbmaxmatches),
	    TEST(restored_tickets_are_what_was_banned),
	    TEST(restore_obeys_the_ban_times_of_today),
	    TEST(a_clock_set_back_makes_no_ban_longer),
	    TEST(unban_deletes_both_rows),
	    TEST(history_counts_one_jail_or_all),
	    TEST(merged_bans_sum_failures_and_keep_the_newest_lines),
	    TEST(purge_keeps_what_still_counts),
	    TEST(logs_resume_when_the_first_line_is_the_same),
	    TEST(jails_are_enabled_and_disabled),
	    TEST(a_batch_is_one_transaction),
	    TEST(the_file_is_private),
	    TEST(what_was_committed_survives_sigkill),
	    TEST(what_is_no_database_is_set_aside),
	    TEST(a_broken_page_costs_only_its_rows),
	    TEST(a_newer_schema_is_not_touched),
	    TEST(older_schemas_are_upgraded_after_a_backup),
	    TEST(a_full_disk_loses_nothing_and_heals),
	    TEST(another_programs_lock_delays_writing),
	    TEST(readers_are_not_locked_out),
	    TEST(an_impossible_path_is_kept_in_memory),
	    cmocka_unit_test(no_database_is_fine),
	    TEST(ten_thousand_bans_are_read_quickly),
	};

	setenv("TZ", "UTC", 1);
	log_set_level(LOG_LEVEL_CRITICAL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
