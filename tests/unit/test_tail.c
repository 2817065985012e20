/* The log follower against real files in a private directory: what is written is handed over, once. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "source/follow.h"

#define DEADLINE_S 8.0

static struct clock wall;

struct seen {
	struct str text;      /* every line, each ended by '|' */
	size_t count, rounds; /* lines; calls */
	size_t in_operation;
	unsigned changes;
	struct tail *tail;
	struct tail *free_in_hook;
	struct source *close_in_hook;
};

struct world {
	char dir[64];
	char path[96];
	uv_loop_t loop;
	uv_timer_t tick;
	struct source *source;
	enum source_backend backend;
	bool is_closed;
};

static void
on_tick(uv_timer_t *t)
{
	(void)t;
}

static void
on_closed(void *arg)
{
	((struct world *)arg)->is_closed = true;
}

static struct world *
world_new(enum source_backend backend)
{
	struct world *w = xcalloc(1, sizeof *w);

	strcpy(w->dir, "/tmp/jailtop-tail.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(chmod(w->dir, 0777), 0);
	snprintf(w->path, sizeof w->path, "%s/log", w->dir);
	uv_loop_init(&w->loop);
	uv_timer_init(&w->loop, &w->tick);
	uv_timer_start(&w->tick, on_tick, 5, 5);
	w->source = source_new(&w->loop, &wall);
	w->backend = backend;
	return w;
}

static void
world_free(struct world *w)
{
	char command[128];

	if (w->source)
		source_close(w->source, on_closed, w);
	uv_close((uv_handle_t *)&w->tick, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_true(w->is_closed);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	snprintf(command, sizeof command, "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	free(w);
}

static void
on_lines(void *arg, const struct line *lines, size_t count)
{
	struct seen *s = arg;

	s->rounds++;
	for (size_t i = 0; i < count; i++) {
		str_addn(&s->text, lines[i].bytes, lines[i].len);
		str_addc(&s->text, '|');
		s->count++;
		s->in_operation += lines[i].in_operation;
	}
	if (s->free_in_hook)
		tail_free(s->free_in_hook);
	s->free_in_hook = NULL;
	if (s->close_in_hook)
		source_close(s->close_in_hook, NULL, NULL);
	s->close_in_hook = NULL;
}

static void
on_changed(void *arg, struct tail *t)
{
	struct seen *s = arg;

	(void)t;
	s->changes++;
}

static double
date_of(void *arg, const struct line *line)
{
	(void)arg;
	return line->len && line->bytes[0] >= '0' && line->bytes[0] <= '9' ? strtod(line->bytes, NULL) : NAN;
}

static struct tail *
follow_as(struct world *w, struct seen *s, const char *path, const struct tail_start *start)
{
	struct err err = { "" };
	struct tail_hooks hooks = { .lines = on_lines, .changed = on_changed, .arg = s };

	s->tail = tail_new(w->source, path, w->backend, "UTF-8", start, &hooks, &err);
	if (!s->tail)
		fail_msg("%s", err.text);
	return s->tail;
}

static struct tail *
follow(struct world *w, struct seen *s)
{
	return follow_as(w, s, w->path, NULL);
}

static double
now(void)
{
	return (double)uv_hrtime() / 1e9;
}

/* Turns the loop until the condition holds. */
#define WAIT(w, condition) \
	do { \
		double end_ = now() + DEADLINE_S; \
		while (!(condition) && now() < end_) \
			uv_run(&(w)->loop, UV_RUN_ONCE); \
		if (!(condition)) \
			fail_msg("waited in vain for %s", #condition); \
	} while (0)

static enum tail_state
state_of(const struct seen *s)
{
	struct tail_status st;

	tail_status(s->tail, &st);
	return st.state;
}

static struct tail_status
status_of(const struct seen *s)
{
	struct tail_status st;

	tail_status(s->tail, &st);
	return st;
}

static void
append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static const char *
beside(const struct world *w, const char *name)
{
	static char path[4][128];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, 128, "%s/%s", w->dir, name);
	return p;
}

/* Runs the loop until nothing has been read for a while, to see that no more comes. */
static void
settle(struct world *w)
{
	double end = now() + 0.1;

	while (now() < end)
		uv_run(&w->loop, UV_RUN_ONCE);
}

static void
seen_done(struct seen *s)
{
	str_done(&s->text);
}

/* Every test of a backend runs with both. */
#define BACKEND(state) (*(const enum source_backend *)*(state))

static void
lines_are_handed_over_as_they_are_written(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct seen s = { 0 };

	append(w->path, "one\ntwo\n");
	follow(w, &s);
	WAIT(w, s.count == 2);
	append(w->path, "three\nfo");
	WAIT(w, s.count == 3);
	settle(w);
	assert_string_equal(str_text(&s.text), "one|two|three|");
	assert_int_equal(status_of(&s).pos, 14);
	assert_int_equal(status_of(&s).size, 16);
	append(w->path, "ur\n");
	WAIT(w, s.count == 4);
	assert_string_equal(str_text(&s.text), "one|two|three|four|");
	assert_int_equal(status_of(&s).pos, 19);
	assert_int_equal(status_of(&s).lines, 4);
	assert_true(status_of(&s).last_line > 0);
	world_free(w);
	seen_done(&s);
}

static void
a_missing_log_in_a_missing_directory_is_waited_for(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct seen s = { 0 };
	char path[128];

	snprintf(path, sizeof path, "%s", beside(w, "a/b/log"));
	follow_as(w, &s, path, NULL);
	assert_int_equal(state_of(&s), TAIL_MISSING);
	assert_int_equal(status_of(&s).error, ENOENT);
	assert_true(status_of(&s).retry_at > 0);
	settle(w);
	mkdir(beside(w, "a"), 0755);
	settle(w);
	mkdir(beside(w, "a/b"), 0755);
	append(path, "one\n");
	WAIT(w, s.count == 1);
	assert_int_equal(state_of(&s), TAIL_OK);
	assert_true(s.changes > 0);
	append(path, "two\n");
	WAIT(w, s.count == 2);
	assert_string_equal(str_text(&s.text), "one|two|");
	world_free(w);
	seen_done(&s);
}

static void
rotation_by_rename_loses_and_doubles_nothing(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct seen s = { 0 };
	const char *old = beside(w, "log.1");

	append(w->path, "one\n");
	follow(w, &s);
	WAIT(w, s.count == 1);
	append(w->path, "two\n"); /* unread when it is moved */
	rename(w->path, old);
	append(old, "three\n");
	append(w->path, "four\n");
	WAIT(w, s.count == 4);
	assert_string_equal(str_text(&s.text), "one|two|three|four|");
	append(old, "late\n"); /* its writer has not noticed yet */
	append(w->path, "five\n");
	WAIT(w, s.count == 6);
	settle(w);
	assert_int_equal(s.count, 6);
	assert_non_null(strstr(str_text(&s.text), "late|"));
	assert_true(status_of(&s).rotated > 0);
	assert_int_equal(status_of(&s).pos, 10);
	world_free(w);
	seen_done(&s);
}

static void
an_unfinished_line_of_a_rotated_log_is_handed_over_at_last(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct seen s = { 0 };

	w->source->linger_ms = 300;
	append(w->path, "one\ntwo");
	follow(w, &s);
	WAIT(w, s.count == 1);
	rename(w->path, beside(w, "log.1"));
	append(w->path, "three\n");
	WAIT(w, s.count == 3);
	assert_string_equal(str_text(&s.text), "one|three|two|");
	assert_null(w->source->files->streams->next); /* the old one was let go */
	world_free(w);
	seen_done(&s);
}

static void
copytruncate_begins_again(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct seen s = { 0 };

	append(w->path, "first one\nfirst two\n");
	follow(w, &s);
	WAIT(w, s.count == 2);
	assert_int_equal(truncate(w->path, 0), 0);
	append(w->path, "second\n");
	WAIT(w, s.count == 3);
	assert_string_equal(str_text(&s.text), "first one|first two|second|");
	/* at once longer than before: only the first bytes tell */
	assert_int_equal(truncate(w->path, 0), 0);
	append(w->path, "third which is longer\nfourth\n");
	WAIT(w, s.count == 5);
	settle(w);
	assert_string_equal(str_text(&s.text), "first one|first two|second|third which is longer|fourth|");
	assert_true(status_of(&s).rotated > 0);
	world_free(w);
	seen_done(&s);
}

static void
an_unfinished_line_is_dropped_by_truncation(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct seen s = { 0 };

	append(w->path, "one\nhalf");
	follow(w, &s);
	WAIT(w, s.count == 1);
	assert_int_equal(truncate(w->path, 0), 0);
	append(w->path, "two\n");
	WAIT(w, s.count == 2);
	assert_string_equal(str_text(&s.text), "one|two|");
	world_free(w);
	seen_done(&s);
}

static void
a_deleted_log_is_missed_and_taken_up_again(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct seen s = { 0 };

	append(w->path, "one\n");
	follow(w, &s);
	WAIT(w, s.count == 1);
	unlink(w->path);
	WAIT(w, state_of(&s) == TAIL_MISSING);
	append(w->path, "two\n");
	WAIT(w, s.count == 2);
	assert_int_equal(state_of(&s), TAIL_OK);
	assert_string_equal(str_text(&s.text), "one|two|");
	world_free(w);
	seen_done(&s);
}

static void
a_log_moved_away_and_back_goes_on(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct seen s = { 0 };
	const char *away = beside(w, "away");

	w->source->linger_ms = 50;
	append(w->path, "one\ntwo\n");
	follow(w, &s);
	WAIT(w, s.count == 2);
	rename(w->path, away);
	WAIT(w, state_of(&s) == TAIL_MISSING && !w->source->files->streams);
	assert_int_equal(status_of(&s).pos, 8);
	append(away, "three\n");
	rename(away, w->path);
	WAIT(w, s.count == 3);
	settle(w);
	assert_string_equal(str_text(&s.text), "one|two|three|");
	/* and quickly, with another in between */
	rename(w->path, away);
	append(w->path, "four\n");
	WAIT(w, s.count == 4);
	w->source->linger_ms = 60000;
	rename(away, w->path);
	append(w->path, "five\n");
	WAIT(w, s.count >= 5);
	settle(w);
	assert_string_equal(str_text(&s.text), "one|two|three|four|five|");
	world_free(w);
	seen_done(&s);
}

static void
a_log_that_an_editor_wrote_back_goes_on(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct seen s = { 0 };
	char command[512];

	for (int i = 0; i < 100; i++)
		append(w->path, "a line of some length, so that it is more than a head\n");
	follow(w, &s);
	WAIT(w, s.count == 100);
	snprintf(command, sizeof command, "cp %s %s/copy && echo more >> %s/copy && mv %s/copy %s", w->path, w->dir,
	    w->dir, w->dir, w->path);
	assert_int_equal(system(command), 0);
	WAIT(w, s.count > 100);
	settle(w);
	assert_int_equal(s.count, 101);
	append(w->path, "end\n");
	WAIT(w, s.count == 102);
	world_free(w);
	seen_done(&s);
}

static void
a_denied_log_is_named_and_taken_up_again(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct seen s = { 0 };
	bool is_root = geteuid() == 0;

	append(w->path, "one\n");
	if (is_root) {
		assert_int_equal(chown(w->path, 65534, 65534), 0);
		assert_int_equal(seteuid(65534), 0);
	}
	chmod(w->path, 0);
	follow(w, &s);
	assert_int_equal(state_of(&s), TAIL_DENIED);
	assert_int_equal(status_of(&s).error, EACCES);
	chmod(w->path, 0600);
	WAIT(w, s.count == 1);
	assert_int_equal(state_of(&s), TAIL_OK);
	/* the other way round: it is open, but would not open again */
	chmod(w->path, 0);
	WAIT(w, state_of(&s) == TAIL_DENIED);
	chmod(w->path, 0600);
	append(w->path, "two\n");
	WAIT(w, s.count == 2 && state_of(&s) == TAIL_OK);
	assert_string_equal(str_text(&s.text), "one|two|");
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	world_free(w);
	seen_done(&s);
}

static void
what_is_not_a_regular_file_is_refused(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct seen dir = { 0 }, fifo = { 0 }, device = { 0 }, loop = { 0 };

	assert_int_equal(mkfifo(beside(w, "fifo"), 0644), 0);
	assert_int_equal(symlink("loop", beside(w, "loop")), 0);
	follow_as(w, &dir, w->dir, NULL);
	follow_as(w, &fifo, beside(w, "fifo"), NULL);
	follow_as(w, &device, "/dev/null", NULL);
	follow_as(w, &loop, beside(w, "loop"), NULL);
	assert_int_equal(state_of(&dir), TAIL_ERROR);
	assert_int_equal(status_of(&dir).error, EISDIR);
	assert_string_equal(status_of(&fifo).why, "is a FIFO, not a regular file");
	assert_string_equal(status_of(&device).why, "is a device, not a regular file");
	assert_int_equal(status_of(&loop).error, ELOOP);
	/* and it may become one */
	unlink(beside(w, "fifo"));
	append(beside(w, "fifo"), "one\n");
	WAIT(w, fifo.count == 1);
	world_free(w);
	seen_done(&fifo);
}

static void
symbolic_links_are_followed_wherever_they_point(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct seen s = { 0 };

	mkdir(beside(w, "there"), 0755);
	assert_int_equal(symlink("there/real", w->path), 0); /* dangling */
	follow(w, &s);
	assert_int_equal(state_of(&s), TAIL_MISSING);
	append(beside(w, "there/real"), "one\n");
	WAIT(w, s.count == 1);
	/* rotated at the other end of the link */
	rename(beside(w, "there/real"), beside(w, "there/real.1"));
	append(beside(w, "there/real"), "two\n");
	WAIT(w, s.count == 2);
	/* the link itself is turned */
	append(beside(w, "there/other"), "three\n");
	assert_int_equal(symlink("there/other", beside(w, "new")), 0);
	rename(beside(w, "new"), w->path);
	WAIT(w, s.count == 3);
	append(beside(w, "there/other"), "four\n");
	WAIT(w, s.count == 4);
	assert_string_equal(str_text(&s.text), "one|two|three|four|");
	world_free(w);
	seen_done(&s);
}

static void
resumes_where_it_was_if_the_first_line_is_the_same(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct seen a = { 0 }, b = { 0 }, c = { 0 };
	/* printf 'one\n' | sha1sum */
	const char *hash = "f5b3e7c6aae35c4ff9c9d01b2be8f7c8a1e3d5b0";
	struct tail_start start = { .pos = 4 };
	char own[41];

	append(w->path, "one\ntwo\nthree\n");
	sha1_hex("one\n", 4, own);
	start.first_hash = own;
	follow_as(w, &a, w->path, &start);
	start.first_hash = hash; /* another */
	follow_as(w, &b, w->path, &start);
	start.first_hash = own;
	start.pos = 4000; /* beyond the end: it was written anew with the same first line */
	follow_as(w, &c, w->path, &start);
	WAIT(w, a.count == 2 && b.count == 3 && c.count == 3);
	assert_string_equal(str_text(&a.text), "two|three|");
	assert_string_equal(status_of(&a).first_hash, own);
	append(w->path, "four\n");
	WAIT(w, a.count == 3 && b.count == 4 && c.count == 4);
	world_free(w);
	seen_done(&a);
	seen_done(&b);
	seen_done(&c);
}

static void
sha1_is_sha1(void **state)
{
	char text[41], many[1000];

	(void)state;
	sha1_hex("", 0, text);
	assert_string_equal(text, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	sha1_hex("abc", 3, text);
	assert_string_equal(text, "a9993e364706816aba3e25717850c26c9cd0d89d");
	sha1_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, text);
	assert_string_equal(text, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
	memset(many, 'a', sizeof many); /* python: hashlib.sha1(b'a' * 1000) */
	sha1_hex(many, sizeof many, text);
	assert_string_equal(text, "291e9a6c66994949b57ba5e650361e98fc36b1ba");
}

static void
the_first_hash_is_known_only_with_a_whole_first_line(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct seen s = { 0 };
	char own[41];

	append(w->path, "on");
	follow(w, &s);
	settle(w);
	assert_string_equal(status_of(&s).first_hash, "");
	append(w->path, "e\n");
	WAIT(w, s.count == 1);
	sha1_hex("one\n", 4, own);
	assert_string_equal(status_of(&s).first_hash, own);
	world_free(w);
	seen_done(&s);
}

static void
at_end_begins_with_the_next_line_and_is_in_operation(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct seen s = { 0 };
	struct tail_start start = { .at_end = true };

	append(w->path, "one\ntwo\nthr");
	follow_as(w, &s, w->path, &start);
	assert_true(status_of(&s).in_operation);
	append(w->path, "ee\nfour\n");
	WAIT(w, s.count == 2);
	assert_string_equal(str_text(&s.text), "three|four|");
	assert_int_equal(s.in_operation, 2);
	world_free(w);
	seen_done(&s);
}

static void
in_operation_begins_after_the_end_was_reached(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct seen s = { 0 }, resumed = { 0 };
	char own[41];
	struct tail_start start = { .pos = 4, .first_hash = own };

	append(w->path, "one\n");
	sha1_hex("one\n", 4, own);
	follow(w, &s);
	follow_as(w, &resumed, w->path, &start);
	WAIT(w, s.count == 1);
	settle(w);
	assert_int_equal(s.in_operation, 0);
	assert_true(status_of(&s).in_operation);
	assert_false(status_of(&resumed).in_operation); /* nothing was new since the last run */
	append(w->path, "two\n");
	WAIT(w, resumed.count == 1 && s.count == 2);
	assert_int_equal(s.in_operation, 1);
	assert_int_equal(resumed.in_operation, 0);
	append(w->path, "three\n");
	WAIT(w, resumed.count == 2 && s.count == 3);
	assert_int_equal(resumed.in_operation, 1);
	world_free(w);
	seen_done(&s);
	seen_done(&resumed);
}

static void
old_lines_are_skipped_by_bisection(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct seen s = { 0 }, all = { 0 };
	struct tail_start start = { .not_before = 150000, .seek_date = date_of };
	struct tail_start too_old = { .not_before = 50000, .seek_date = date_of };
	FILE *log = fopen(w->path, "w");

	for (int i = 100000; i < 200000; i++)
		fprintf(log, "%s%d some text to fill the line\n", i % 3 ? "" : "without a date ", i);
	fclose(log);
	follow_as(w, &s, w->path, &start);
	follow_as(w, &all, w->path, &too_old);
	WAIT(w, status_of(&s).pos == status_of(&s).size && status_of(&all).pos == status_of(&all).size);
	assert_int_equal(all.count, 100000);
	assert_true(s.count >= 50000 && s.count < 55000);
	assert_non_null(strstr(str_text(&s.text), "|150001 some text")); /* 150000 has none */
	assert_non_null(strstr(str_text(&s.text), "|199999 some text"));
	world_free(w);
	seen_done(&s);
	seen_done(&all);
}

struct batches {
	size_t rounds, lines, most;
};

static void
on_batch(void *arg, struct tail *const *tails, size_t n_tails, const struct line *lines, size_t count)
{
	struct batches *b = arg;

	b->rounds++;
	b->lines += count;
	if (n_tails > b->most)
		b->most = n_tails;
	for (size_t i = 0; i < n_tails; i++)
		on_lines(tail_arg(tails[i]), lines, count);
}

static void
jails_of_one_log_get_each_batch_in_one_round(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct seen s[3] = { { .tail = NULL } };
	struct batches b = { 0 };
	char own[41];
	struct tail_start start = { .pos = 40000, .first_hash = own };

	for (int i = 0; i < 10000; i++)
		append(w->path, "0123456\n");
	sha1_hex("0123456\n", 8, own);
	source_on_batch(w->source, on_batch, &b);
	follow(w, &s[0]);
	follow(w, &s[1]);
	follow_as(w, &s[2], w->path, &start); /* from the middle: the others come up with it */
	WAIT(w, s[0].count == 10000 && s[1].count == 10000 && s[2].count == 5000);
	assert_int_equal(b.lines, 10000); /* each line once, whoever gets it */
	assert_int_equal(b.most, 3);
	assert_null(w->source->files->streams->cursors->next); /* they go on as one */
	settle(w);
	b = (struct batches){ 0 };
	append(w->path, "new\n");
	WAIT(w, s[2].count == 5001);
	assert_int_equal(b.rounds, 1);
	world_free(w);
	for (int i = 0; i < 3; i++)
		seen_done(&s[i]);
}

static void
tails_may_be_freed_and_the_source_closed_inside_hooks(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct seen a = { 0 }, b = { 0 }, c = { 0 };

	append(w->path, "one\n");
	follow(w, &a);
	follow(w, &b);
	a.free_in_hook = b.tail;
	WAIT(w, a.count == 1);
	settle(w);
	assert_int_equal(b.count, 0);
	a.free_in_hook = a.tail;
	append(w->path, "two\n");
	WAIT(w, a.count == 2);
	settle(w);
	assert_null(w->source->files);
	follow(w, &c);
	c.close_in_hook = w->source;
	WAIT(w, c.count == 2);
	w->source = NULL;
	w->is_closed = true;
	world_free(w);
	seen_done(&a);
	seen_done(&b);
	seen_done(&c);
}

static void
poke_reads_at_once(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct seen s = { 0 };

	append(w->path, "one\n");
	follow(w, &s);
	tail_poke(s.tail);
	assert_int_equal(s.count, 1);
	append(w->path, "two\n");
	tail_poke(s.tail);
	assert_string_equal(str_text(&s.text), "one|two|");
	world_free(w);
	seen_done(&s);
}

static void
an_unknown_encoding_is_refused(void **state)
{
	struct world *w = world_new(BACKEND(state));
	struct tail_hooks hooks = { .lines = on_lines };
	struct err err = { "" };

	assert_null(tail_new(w->source, w->path, w->backend, "no-such-encoding", NULL, &hooks, &err));
	assert_true(*err.text);
	assert_null(w->source->files);
	world_free(w);
}

/* ---- the stress: a writer of its own process numbers its lines while it rotates the log ---- */

#define STRESS_LINES 60000
#define STRESS_ROTATE 4000

struct stress {
	size_t lines;
	uint8_t *times; /* how often each number was seen */
	size_t seen, doubled, broken;
};

static int
number_line(char *line, size_t size, unsigned n)
{
	return snprintf(line, size, "line %06u of the log, as usual %x\n", n, n * 2654435761u >> (n % 32));
}

static void
on_numbers(void *arg, const struct line *lines, size_t count)
{
	struct stress *s = arg;

	for (size_t i = 0; i < count; i++) {
		unsigned n = 0;
		char line[64] = "";

		if (sscanf(lines[i].bytes, "line %6u of", &n) == 1)
			number_line(line, sizeof line, n);
		if (n >= s->lines || lines[i].len + 1 != strlen(line) ||
		    memcmp(lines[i].bytes, line, lines[i].len) != 0)
			s->broken++;
		else if (s->times[n]++)
			s->doubled++;
		else
			s->seen++;
	}
}

/* Before each rotation it waits for a byte: two in one blink would leave a file that nobody ever saw. */
static void
write_numbers(const struct world *w, unsigned lines, int may_rotate, bool copytruncate)
{
	char old[128], line[64], go;
	int fd = open(w->path, O_WRONLY | O_CREAT | O_APPEND, 0644), part = 0;

	for (unsigned n = 0; n < lines; n++) {
		int len = number_line(line, sizeof line, n);

		/* now and then in two pieces */
		if (n % 7 == 0) {
			if (write(fd, line, 9) != 9 || write(fd, line + 9, (size_t)len - 9) != len - 9)
				_exit(1);
		} else if (write(fd, line, (size_t)len) != len) {
			_exit(1);
		}
		if (n % STRESS_ROTATE == STRESS_ROTATE - 200 && n > STRESS_ROTATE) {
			if (copytruncate) {
				/* all that was written has been read: nothing can be lost in between */
				if (read(may_rotate, &go, 1) != 1 || truncate(w->path, 0) != 0)
					_exit(1);
				continue;
			}
			if (read(may_rotate, &go, 1) != 1)
				_exit(1);
			snprintf(old, sizeof old, "%s/log.%d", w->dir, part++);
			if (rename(w->path, old) != 0)
				_exit(1);
		}
		if (!copytruncate && n % STRESS_ROTATE == STRESS_ROTATE - 1 && n > STRESS_ROTATE) {
			/* the old one was written on for 200 lines */
			close(fd);
			fd = open(w->path, O_WRONLY | O_CREAT | O_APPEND, 0644);
		}
	}
	_exit(0);
}

static void
run_stress(enum source_backend backend, bool copytruncate)
{
	struct world *w = world_new(backend);
	unsigned lines = backend == SOURCE_POLLING ? STRESS_LINES / 4 : STRESS_LINES; /* it looks less often */
	struct stress s = { .times = xcalloc(lines, 1), .lines = lines };
	struct tail_hooks hooks = { .lines = on_numbers, .arg = &s };
	int go[2], status = 0;
	double end = now() + 9;
	size_t granted = 0;
	pid_t pid;

	assert_int_equal(pipe(go), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		write_numbers(w, lines, go[0], copytruncate);
	assert_non_null(tail_new(w->source, w->path, backend, "UTF-8", NULL, &hooks, NULL));
	while (s.seen < lines && now() < end) {
		/* the next rotation may be when the lines before it are read (and 200 late ones of the last) */
		size_t next = (granted + 1) * STRESS_ROTATE + STRESS_ROTATE - 200 + 1;

		if (s.seen >= next && next < lines) {
			assert_int_equal(write(go[1], "x", 1), 1);
			granted++;
		}
		uv_run(&w->loop, UV_RUN_ONCE);
	}
	settle(w);
	if (s.seen < lines)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_int_equal(s.broken, 0);
	assert_int_equal(s.doubled, 0);
	assert_int_equal(s.seen, lines);
	assert_int_equal(status, 0);
	close(go[0]);
	close(go[1]);
	free(s.times);
	world_free(w);
}

static void
a_log_rotated_by_rename_under_load_is_read_exactly_once(void **state)
{
	run_stress(BACKEND(state), false);
}

static void
a_log_truncated_under_load_is_read_exactly_once(void **state)
{
	run_stress(BACKEND(state), true);
}

#define BOTH(test) \
	{ #test " (inotify)", test, NULL, NULL, &inotify }, { #test " (polling)", test, NULL, NULL, &polling }

int
main(void)
{
	static enum source_backend inotify = SOURCE_INOTIFY, polling = SOURCE_POLLING;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha1_is_sha1),
		BOTH(lines_are_handed_over_as_they_are_written),
		BOTH(a_missing_log_in_a_missing_directory_is_waited_for),
		BOTH(rotation_by_rename_loses_and_doubles_nothing),
		BOTH(an_unfinished_line_of_a_rotated_log_is_handed_over_at_last),
		BOTH(copytruncate_begins_again),
		BOTH(an_unfinished_line_is_dropped_by_truncation),
		BOTH(a_deleted_log_is_missed_and_taken_up_again),
		BOTH(a_log_moved_away_and_back_goes_on),
		BOTH(a_log_that_an_editor_wrote_back_goes_on),
		BOTH(a_denied_log_is_named_and_taken_up_again),
		BOTH(what_is_not_a_regular_file_is_refused),
		BOTH(symbolic_links_are_followed_wherever_they_point),
		BOTH(resumes_where_it_was_if_the_first_line_is_the_same),
		BOTH(the_first_hash_is_known_only_with_a_whole_first_line),
		BOTH(at_end_begins_with_the_next_line_and_is_in_operation),
		BOTH(in_operation_begins_after_the_end_was_reached),
		BOTH(old_lines_are_skipped_by_bisection),
		BOTH(jails_of_one_log_get_each_batch_in_one_round),
		BOTH(tails_may_be_freed_and_the_source_closed_inside_hooks),
		BOTH(poke_reads_at_once),
		BOTH(an_unknown_encoding_is_refused),
		BOTH(a_log_rotated_by_rename_under_load_is_read_exactly_once),
		BOTH(a_log_truncated_under_load_is_read_exactly_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
