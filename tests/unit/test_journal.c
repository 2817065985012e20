/* Journal entries as lines; and a real systemd-journald in a mount namespace of our own, where that can be. */
#include <errno.h>
#include <glob.h>
#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "source/follow.h"

static struct clock wall;

/* ---- rendering ---- */

static void
assert_rendered(struct journal_entry e, const char *message, const char *expected)
{
	struct slice m = { message, message ? strlen(message) : 0 };
	struct str out = { 0 };

	e.messages = &m;
	e.n_messages = message != NULL;
	journal_entry_render(&e, &out, NULL);
	assert_string_equal(str_text(&out), expected);
	str_done(&out);
}

static void
entries_are_rendered_like_syslog_lines(void **state)
{
	struct slice two[] = { { "a", 1 }, { "b\xff", 2 } };
	struct journal_entry e = { .hostname = "gw1", .identifier = "sshd", .messages = two, .n_messages = 2 };
	struct str out = { 0 };

	(void)state;
	assert_rendered((struct journal_entry){ .hostname = "gw1", .identifier = "sshd", .pid = "42" }, "hello",
	    "gw1 sshd[42]: hello");
	assert_rendered((struct journal_entry){ .hostname = "gw1", .comm = "cron", .syslog_pid = "007", .pid = "42" },
	    "hello", "gw1 cron[7]: hello");
	assert_rendered((struct journal_entry){ .identifier = "x", .syslog_pid = "0", .pid = "42" }, "m", "x[42]: m");
	assert_rendered((struct journal_entry){ .identifier = "x", .syslog_pid = "a b" }, "m", "x[a b]: m");
	assert_rendered((struct journal_entry){ .hostname = "gw1", .pid = "42" }, "m", "gw1 m");
	assert_rendered((struct journal_entry){ .hostname = "gw1", .identifier = "kernel", .monotonic = 12.5 }, "m",
	    "gw1 kernel: [   12.500000] m");
	assert_rendered((struct journal_entry){ .hostname = "gw1", .identifier = "kernel", .pid = "3" }, "m",
	    "gw1 kernel[3]: m");
	assert_rendered((struct journal_entry){ .hostname = NULL }, "m", "m");
	assert_rendered((struct journal_entry){ .hostname = "h", .identifier = "x" }, NULL, "h x: ");
	journal_entry_render(&e, &out, NULL);
	assert_string_equal(str_text(&out), "gw1 sshd: a b\xef\xbf\xbd");
	str_done(&out);
}

/* ---- a real journal ---- */

struct world {
	uv_loop_t loop;
	uv_timer_t tick;
	struct source *source;
	struct str text;
	size_t count, in_operation;
	double last_time;
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

static void
on_lines(void *arg, const struct line *lines, size_t count)
{
	struct world *w = arg;

	for (size_t i = 0; i < count; i++) {
		str_addn(&w->text, lines[i].bytes, lines[i].len);
		str_addc(&w->text, '|');
		w->in_operation += lines[i].in_operation;
		assert_true(lines[i].time >= w->last_time - 60);
		w->last_time = lines[i].time;
	}
	w->count += count;
}

static struct world *
world_new(void)
{
	struct world *w = xcalloc(1, sizeof *w);

	uv_loop_init(&w->loop);
	uv_timer_init(&w->loop, &w->tick);
	uv_timer_start(&w->tick, on_tick, 5, 5);
	w->source = source_new(&w->loop, &wall);
	return w;
}

static void
world_free(struct world *w)
{
	source_close(w->source, on_closed, w);
	uv_close((uv_handle_t *)&w->tick, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_true(w->is_closed);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	str_done(&w->text);
	free(w);
}

#define WAIT(w, condition) \
	do { \
		uint64_t end_ = uv_hrtime() + 8000000000u; \
		while (!(condition) && uv_hrtime() < end_) \
			uv_run(&(w)->loop, UV_RUN_ONCE); \
		if (!(condition)) \
			fail_msg("waited in vain for %s; got %s", #condition, str_text(&(w)->text)); \
	} while (0)

static pid_t journald;

static int
connect_journald(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The journal's native protocol: FIELD=value lines. */
static void
log_entry(const char *fields)
{
	int fd = connect_journald();

	assert_true(fd >= 0);
	assert_int_equal(send(fd, fields, strlen(fields), 0), strlen(fields));
	close(fd);
}

static bool
has_journal(void)
{
	glob_t found;
	bool has_any = glob("/run/log/journal/*/system.journal", 0, NULL, &found) == 0;

	if (has_any)
		globfree(&found);
	return has_any;
}

static bool
start_journald(void)
{
	FILE *conf;
	int fd = -1;

	if (geteuid() != 0 || access("/lib/systemd/systemd-journald", X_OK) != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount("none", "/run", "tmpfs", 0, NULL) != 0)
		return false;
	mkdir("/run/systemd", 0755);
	mkdir("/run/systemd/journal", 0755);
	mkdir("/run/systemd/journald.conf.d", 0755);
	conf = fopen("/run/systemd/journald.conf.d/test.conf", "w");
	if (!conf)
		return false;
	fputs("[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nForwardToSyslog=no\nForwardToConsole=no\n"
	      "RuntimeMaxUse=16M\nRateLimitBurst=0\n",
	    conf);
	fclose(conf);
	journald = fork();
	if (journald == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(1);
		execl("/lib/systemd/systemd-journald", "systemd-journald", (char *)NULL);
		_exit(1);
	}
	for (int i = 0; i < 1000 && (fd < 0 || !has_journal()); i++) {
		usleep(10000);
		if (fd < 0)
			fd = connect_journald();
	}
	close(fd);
	return fd >= 0 && has_journal();
}

static int
stop_journald(void **state)
{
	(void)state;
	if (journald > 0) {
		kill(journald, SIGTERM);
		waitpid(journald, NULL, 0);
	}
	return 0;
}

static void
a_real_journal_is_followed(void **state)
{
	struct tail_hooks hooks = { .lines = on_lines };
	const char *const match[] = { "SYSLOG_IDENTIFIER=sshd", "PRIORITY=5", "+", "SYSLOG_IDENTIFIER=other" };
	const char *const bad[] = { "no match" };
	struct world *w;
	struct journal *j;
	struct journal_status status;
	struct err err = { "" };
	char line[128];
	double start;

	(void)state;
	if (!journal_available() || !start_journald()) {
		print_message("skipped: no systemd-journald can be run here\n");
		skip();
	}
	hooks.arg = w = world_new();
	start = clock_now(&wall);
	log_entry("MESSAGE=before\nSYSLOG_IDENTIFIER=sshd\nPRIORITY=5\nSYSLOG_PID=77\n");
	log_entry("MESSAGE=wrong priority\nSYSLOG_IDENTIFIER=sshd\nPRIORITY=6\n");
	log_entry("MESSAGE=two\nMESSAGE=texts\nSYSLOG_IDENTIFIER=other\nSYSLOG_PID=78\n");
	/* all of them must be there before the jail starts: what is older than a start without entries is not read */
	j = journal_new(w->source, "journalpath=/run/log/journal", start - 1, &hooks, &err);
	if (!j)
		fail_msg("%s", err.text);
	assert_true(journal_start(j, &err));
	WAIT(w, strstr(str_text(&w->text), "two texts|"));
	journal_free(j);
	str_clear(&w->text);
	w->count = 0;
	j = journal_new(w->source, "journalpath=/run/log/journal", start - 1, &hooks, &err);
	if (!j)
		fail_msg("%s", err.text);
	assert_false(journal_add_match(j, bad, 1, &err));
	assert_non_null(strstr(err.text, "no match"));
	journal_clear_matches(j);
	assert_true(journal_add_match(j, match, 4, &err));
	assert_true(journal_start(j, &err));
	WAIT(w, w->count == 2);
	assert_non_null(strstr(str_text(&w->text), " sshd[77]: before|"));
	assert_non_null(strstr(str_text(&w->text), " other[78]: two texts|"));
	assert_true(fabs(w->last_time - start) < 30);
	journal_status(j, &status);
	assert_true(status.in_operation);
	assert_int_equal(status.lines, 2);
	assert_true(status.time == w->last_time);
	assert_int_equal(status.iso[10], 'T');

	/* live: a line end inside, bytes that are not UTF-8, many at once */
	str_clear(&w->text);
	log_entry("MESSAGE\n\x05"); /* cut off: no entry */
	{
		static const char binary[] = "SYSLOG_IDENTIFIER=other\nSYSLOG_PID=1\nMESSAGE\n\x05\0\0\0\0\0\0\0a\nb\xff"
		                             "c\n";
		int fd = connect_journald();

		assert_int_equal(send(fd, binary, sizeof binary - 1, 0), sizeof binary - 1);
		close(fd);
	}
	WAIT(w, w->count == 3);
	assert_non_null(strstr(str_text(&w->text), " other[1]: a\\nb\xef\xbf\xbd" "c|"));
	w->in_operation = 0;
	for (int i = 0; i < 1000; i++) {
		snprintf(line, sizeof line, "MESSAGE=number %d\nSYSLOG_IDENTIFIER=other\n", i);
		log_entry(line);
	}
	WAIT(w, w->count == 1003);
	assert_int_equal(w->in_operation, 1000);
	assert_non_null(strstr(str_text(&w->text), "number 999|"));
	world_free(w); /* with the journal in it */

	/* again, from a time on; the default place */
	hooks.arg = w = world_new();
	start = clock_now(&wall);
	log_entry("MESSAGE=later\nSYSLOG_IDENTIFIER=other\n");
	j = journal_new(w->source, "", start, &hooks, &err);
	assert_non_null(j);
	assert_true(journal_add_match(j, match, 4, &err));
	assert_true(journal_start(j, &err));
	WAIT(w, w->count >= 1);
	assert_int_equal(w->count, 1);
	journal_free(j);
	world_free(w);
}

static void
what_cannot_be_opened_is_an_error(void **state)
{
	struct tail_hooks hooks = { .lines = on_lines };
	struct world *w = world_new();
	struct err err = { "" };

	(void)state;
	assert_null(journal_new(w->source, "journalpath=/nonexistent", 0, &hooks, &err));
	assert_true(*err.text);
	*err.text = '\0';
	assert_null(journal_new(w->source, "journalfiles='/nonexistent/*.journal'", 0, &hooks, &err));
	assert_true(*err.text);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_rendered_like_syslog_lines),
		cmocka_unit_test_teardown(a_real_journal_is_followed, stop_journald),
		cmocka_unit_test(what_cannot_be_opened_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
