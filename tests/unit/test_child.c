/* child: real programs, real signals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/mem.h"

struct seen {
	int calls, exits;
	struct child_result r;
	char *out, *err;
};

static void
on_done(void *arg, const struct child_result *r)
{
	struct seen *s = arg;

	s->calls++;
	s->r = *r;
	s->out = xstrndup(r->out, r->out_len);
	s->err = xstrndup(r->err, r->err_len);
}

static void
on_exited(void *arg, const struct child_result *r)
{
	struct seen *s = arg;

	(void)r;
	assert_int_equal(s->calls, 0);
	s->exits++;
}

static void
seen_done(struct seen *s)
{
	free(s->out);
	free(s->err);
}

static struct seen
run_spec(struct child_spec spec)
{
	uv_loop_t loop;
	struct seen s = {0};

	uv_loop_init(&loop);
	spec.done = on_done;
	spec.arg = &s;
	child_run(&loop, &spec);
	assert_int_equal(s.calls, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(s.calls, 1);
	return s;
}

static struct seen
run_shell(const char *script, double timeout)
{
	const char *argv[] = {"sh", "-c", script, NULL};

	return run_spec((struct child_spec){.file = "sh", .argv = argv, .timeout_s = timeout});
}

/* Nobody of the group lives any more. Zombies that their new parent has not reaped yet are no life. */
static bool
group_is_gone(const char *pid)
{
	char command[128];

	snprintf(command, sizeof command,
	    "ps -eo pgid=,stat= | awk '$1 == %d && $2 !~ /^Z/ { n++ } END { exit n > 0 }'", atoi(pid));
	return system(command) == 0;
}

static void
output_and_exit_code_are_reported(void **state)
{
	struct seen s = run_shell("echo out; echo err >&2; exit 3", 10);

	(void)state;
	assert_int_equal(s.r.exit_code, 3);
	assert_false(s.r.timed_out);
	assert_string_equal(s.out, "out\n");
	assert_string_equal(s.err, "err\n");
	assert_false(s.r.out_cut);
	seen_done(&s);
}

static void
output_can_be_opened_by_name(void **state)
{
	struct seen s = run_shell("echo x >/dev/stderr && cat /dev/stdin", 10);

	(void)state;
	assert_int_equal(s.r.exit_code, 0);
	assert_string_equal(s.err, "x\n");
	seen_done(&s);
}

static void
a_missing_program_is_a_spawn_error(void **state)
{
	const char *argv[] = {"/nonexistent/program", NULL};
	struct seen s = run_spec((struct child_spec){.file = argv[0], .argv = argv});

	(void)state;
	assert_int_equal(s.r.spawn_error, UV_ENOENT);
	assert_int_equal(s.r.exit_code, 127);
	seen_done(&s);
}

static void
input_is_fed(void **state)
{
	size_t len = 1000000;
	char *input = xcalloc(1, len);
	const char *argv[] = {"wc", "-c", NULL};
	struct seen s = run_spec(
	    (struct child_spec){.file = "wc", .argv = argv, .input = input, .input_len = len});

	(void)state;
	assert_string_equal(s.out, "1000000\n");
	seen_done(&s);
	free(input);
}

static void
unread_input_does_no_harm(void **state)
{
	size_t len = 1000000;
	char *input = xcalloc(1, len);
	const char *argv[] = {"true", NULL};
	struct seen s = run_spec(
	    (struct child_spec){.file = "true", .argv = argv, .input = input, .input_len = len});

	(void)state;
	assert_int_equal(s.r.exit_code, 0);
	seen_done(&s);
	free(input);
}

static void
the_end_of_long_output_is_kept(void **state)
{
	const char *argv[] = {"sh", "-c", "seq 100000; printf END", NULL};
	struct seen s =
	    run_spec((struct child_spec){.file = "sh", .argv = argv, .keep_out = 12, .timeout_s = 20});

	(void)state;
	assert_string_equal(s.out, "9\n100000\nEND");
	assert_int_equal(s.r.out_len, 12);
	assert_true(s.r.out_cut);
	seen_done(&s);
}

static void
the_environment_is_what_the_spec_says(void **state)
{
	const char *argv[] = {"/usr/bin/env", NULL}, *env[] = {"A=1", NULL};
	struct seen s = run_spec((struct child_spec){.file = argv[0], .argv = argv, .env = env});

	(void)state;
	assert_string_equal(s.out, "A=1\n");
	seen_done(&s);
}

static void
it_has_a_session_of_its_own(void **state)
{
	struct seen s = run_shell("set -- $(cut -d' ' -f5,6 /proc/$$/stat) && test $1 = $$ && test $2 = $$", 10);

	(void)state;
	assert_int_equal(s.r.exit_code, 0);
	seen_done(&s);
}

static void
the_deadline_ends_the_whole_group(void **state)
{
	struct seen s = run_shell("echo $$; sleep 3600 & sleep 3600", 0.1);

	(void)state;
	assert_true(s.r.timed_out);
	assert_int_equal(s.r.exit_code, -SIGTERM);
	assert_true(s.r.ms < 5000);
	assert_true(group_is_gone(s.out));
	seen_done(&s);
}

static void
who_ignores_term_is_killed(void **state)
{
	struct seen s = run_shell("trap '' TERM; echo $$; while :; do sleep 3600; done", 0.1);

	(void)state;
	assert_true(s.r.timed_out);
	assert_int_equal(s.r.exit_code, -SIGKILL);
	assert_true(group_is_gone(s.out));
	seen_done(&s);
}

static void
children_that_ignore_term_and_hold_no_pipe_are_killed(void **state)
{
	struct seen s = run_shell(
	    "echo $$; (trap '' TERM; while :; do sleep 3600; done) >/dev/null 2>&1 & sleep 3600", 0.1);

	(void)state;
	assert_true(s.r.timed_out);
	assert_true(group_is_gone(s.out));
	seen_done(&s);
}

static void
children_left_with_the_pipes_are_killed_at_the_deadline(void **state)
{
	struct seen s = run_shell("echo $$; sleep 3600 & exit 0", 0.3);

	(void)state;
	assert_true(s.r.timed_out);
	assert_int_equal(s.r.exit_code, 0);
	assert_true(group_is_gone(s.out));
	seen_done(&s);
}

static void
the_end_of_the_program_is_told_before_that_of_its_children(void **state)
{
	const char *argv[] = {"sh", "-c", "sleep 3600 & exit 4", NULL};
	struct seen s = run_spec(
	    (struct child_spec){.file = "sh", .argv = argv, .timeout_s = 0.3, .exited = on_exited});

	(void)state;
	assert_int_equal(s.exits, 1);
	assert_int_equal(s.r.exit_code, 4);
	seen_done(&s);
}

static void
who_left_the_group_with_a_pipe_is_let_go(void **state)
{
	struct seen s = run_shell("setsid sleep 2 & exit 0", 0.1);

	(void)state;
	assert_true(s.r.timed_out);
	seen_done(&s);
}

static void
kill_later(uv_timer_t *t)
{
	child_kill(t->data);
	uv_close((uv_handle_t *)t, NULL);
}

static void
child_kill_ends_it_and_reports(void **state)
{
	uv_loop_t loop;
	uv_timer_t timer;
	struct seen s = {0};
	const char *argv[] = {"sh", "-c", "trap '' TERM; sleep 3600 & wait", NULL};
	struct child_spec spec = {.file = "sh", .argv = argv, .done = on_done, .arg = &s};

	(void)state;
	uv_loop_init(&loop);
	uv_timer_init(&loop, &timer);
	timer.data = child_run(&loop, &spec);
	assert_true(child_pid(timer.data) > 0);
	uv_timer_start(&timer, kill_later, 50, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(s.calls, 1);
	assert_int_equal(s.r.exit_code, -SIGKILL);
	seen_done(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_exit_code_are_reported),
		cmocka_unit_test(output_can_be_opened_by_name),
		cmocka_unit_test(a_missing_program_is_a_spawn_error),
		cmocka_unit_test(input_is_fed),
		cmocka_unit_test(unread_input_does_no_harm),
		cmocka_unit_test(the_end_of_long_output_is_kept),
		cmocka_unit_test(the_environment_is_what_the_spec_says),
		cmocka_unit_test(it_has_a_session_of_its_own),
		cmocka_unit_test(the_deadline_ends_the_whole_group),
		cmocka_unit_test(who_ignores_term_is_killed),
		cmocka_unit_test(children_that_ignore_term_and_hold_no_pipe_are_killed),
		cmocka_unit_test(children_left_with_the_pipes_are_killed_at_the_deadline),
		cmocka_unit_test(the_end_of_the_program_is_told_before_that_of_its_children),
		cmocka_unit_test(who_left_the_group_with_a_pipe_is_let_go),
		cmocka_unit_test(child_kill_ends_it_and_reports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
