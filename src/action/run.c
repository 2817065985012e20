/*
 * run: a command -> a child -> how it ended, and what fail2ban.log says about it.
 * Everything that runs is in the queue's list until its whole group is gone.
 */
#include "action/internal.h"

#include "base/log.h"
#include "base/mem.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct run {
	struct run *prev, *next;
	struct action_queue *queue;
	struct child *child;
	char *text;  /* owned; for the log */
	char **argv; /* owned vector of owned words, for a second attempt by the shell */
	double timeout_s;
	bool is_direct, is_told;
	bool is_trial; /* a failure is no news: it is tried otherwise */
	run_fn done; /* NULL once told */
	void *arg;
};

static void child_ended(void *arg, const struct child_result *r);
static void child_left_others(void *arg, const struct child_result *r);

static void
argv_free(char **argv)
{
	for (size_t i = 0; argv != NULL && argv[i] != NULL; i++)
		free(argv[i]);
	free(argv);
}

static void
run_free(struct run *run)
{
	struct action_queue *q = run->queue;

	DL_DELETE(q->runs, run);
	argv_free(run->argv);
	free(run->text);
	free(run);
	queue_maybe_closed(q);
}

/* ---- the log ---- */

static void
log_lines(struct run *run, int level, const char *what, const char *bytes, size_t len)
{
	const char *at = bytes, *end = bytes + len;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		struct str text = {0};
		if (stop == NULL)
			stop = end;
		value_repr_str(at, (size_t)(stop - at), &text);
		queue_log(run->queue, level, "fail2ban.utils", "%zx -- %s: %s", (size_t)run, what, str_text(&text));
		str_done(&text);
		at = stop + 1;
	}
}

/* compat: Utils.executeCmd's messages */
static void
log_result(struct run *run, const struct child_result *r)
{
	struct action_queue *q = run->queue;
	bool ok = r->exit_code == 0 && !r->timed_out;
	int level = ok ? LOG_LEVEL_DEBUG : run->is_trial ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR;
	int signal_number = r->exit_code < 0 ? -r->exit_code : r->exit_code > 128 ? r->exit_code - 128 : 0;

	if (ok && !log_wants(LOG_LEVEL_DEBUG))
		return;
	queue_log(q, level, "fail2ban.utils", "%zx -- exec: %s", (size_t)run, run->text);
	if (r->timed_out)
		queue_log(q, level, "fail2ban.utils", "%zx -- timed out after %g seconds.", (size_t)run, run->timeout_s);
	log_lines(run, level, "stdout", r->out, r->out_len);
	log_lines(run, level, "stderr", r->err, r->err_len);
	if (r->spawn_error != 0)
		queue_log(q, level, "fail2ban.utils", "%zx -- failed with %s", (size_t)run, uv_strerror(r->spawn_error));
	else if (ok)
		queue_log(q, level, "fail2ban.utils", "%zx -- returned successfully %d", (size_t)run, r->exit_code);
	else if (signal_number != 0)
		queue_log(q, level, "fail2ban.utils", "%zx -- killed with SIG%s (return code: %d)", (size_t)run,
		    sigabbrev_np(signal_number) != NULL ? sigabbrev_np(signal_number) : "?", r->exit_code);
	else
		queue_log(q, level, "fail2ban.utils", "%zx -- returned %d", (size_t)run, r->exit_code);
	if (r->exit_code == 127)
		queue_log(q, LOG_LEVEL_INFO, "fail2ban.utils",
		    "HINT on 127: a command in it was not found; the server's PATH is %s",
		    getenv("PATH") != NULL ? getenv("PATH") : "not set");
}

/* ---- running ---- */

static void
spawn(struct run *run, const struct str *input)
{
	struct child_spec spec = {
		.file = run->argv[0],
		.argv = (const char *const *)run->argv,
		.input = input != NULL ? str_text(input) : NULL,
		.input_len = input != NULL ? input->len : 0,
		.timeout_s = run->timeout_s,
		.keep_out = OUTPUT_KEPT,
		.keep_err = OUTPUT_KEPT,
		.exited = child_left_others,
		.done = child_ended,
		.arg = run,
	};

	run->child = child_run(run->queue->loop, &spec);
}

static char **
shell_words(const struct command *c)
{
	char **words = xcalloc(c->n_values + 4, sizeof *words);

	words[0] = xstrdup("/bin/sh");
	words[1] = xstrdup("-c");
	words[2] = command_script(c);
	for (size_t i = 0; i < c->n_values; i++)
		words[3 + i] = xstrdup(c->values[i].value);
	return words;
}

/* ---- texts of the engine, with tags as an action's command has ---- */

static void
fill_text(const struct action_queue *q, const char *jail, const struct ticket *t, const char *text, bool is_raw,
    struct command *out)
{
	struct template template;
	struct fact_source from = {
		.hooks = &q->hooks,
		.jail = jail,
		.ticket = t,
		.now = clock_now(q->clock),
		.family = ticket_family(t),
		.own_name = q->own_name,
		.is_raw = is_raw,
	};

	template_make(&template, xstrdup(text));
	facts_fill(&template, &from, out);
	template_done(&template);
}

char **
action_words(const struct action_queue *q, const char *jail, const struct ticket *t, const char *text)
{
	struct command c;

	fill_text(q, jail, t, text, false, &c);
	char **words = shell_words(&c);
	command_done(&c);
	return words;
}

char *
action_text(const struct action_queue *q, const char *jail, const struct ticket *t, const char *text)
{
	struct command c;

	fill_text(q, jail, t, text, true, &c);
	char *out = c.text;
	c.text = NULL;
	command_done(&c);
	return out;
}

void
action_words_free(char **words)
{
	argv_free(words);
}

static void
tell(struct run *run, const struct child_result *r)
{
	run_fn done = run->done;
	bool use_err = r->err_len != 0;
	struct run_result result = {
		.ok = r->exit_code == 0 && !r->timed_out && r->spawn_error == 0,
		.exit_code = r->exit_code,
		.timed_out = r->timed_out,
		.output = use_err ? r->err : r->out,
	};

	if (run->is_told)
		return;
	run->is_told = true;
	if (!run->queue->is_closing)
		log_result(run, r);
	if (r->spawn_error != 0)
		result.output = uv_strerror(r->spawn_error);
	done(run->arg, &result);
}

/* Nobody waits for what a command left in the background; its group ends at the deadline all the same. */
static void
child_left_others(void *arg, const struct child_result *r)
{
	tell(arg, r);
}

static void
child_ended(void *arg, const struct child_result *r)
{
	struct run *run = arg;

	if (run->is_direct && r->spawn_error != 0 && !run->queue->is_closing) {
		/* a script without #!, a name only the shell knows, or nothing at all: let the shell say */
		struct command c = {.text = run->text};
		argv_free(run->argv);
		run->argv = shell_words(&c);
		run->is_direct = false;
		spawn(run, NULL);
		return;
	}
	tell(run, r);
	run_free(run);
}

static struct run *
run_new(struct action_queue *q, double timeout_s, run_fn done, void *arg)
{
	struct run *run = xcalloc(1, sizeof *run);

	run->queue = q;
	run->timeout_s = timeout_s;
	run->done = done;
	run->arg = arg;
	DL_APPEND(q->runs, run);
	return run;
}

struct run *
run_start(struct action_queue *q, const struct command *c, double timeout_s, run_fn done, void *arg)
{
	struct run *run = run_new(q, timeout_s, done, arg);
	struct words words;

	run->text = xstrdup(c->text);
	if (c->n_values == 0 && words_parse(c->text, &words)) {
		run->is_direct = true;
		run->argv = xreallocarray(words.at, words.count + 1, sizeof *words.at);
		run->argv[words.count] = NULL;
	} else {
		run->argv = shell_words(c);
	}
	spawn(run, NULL);
	return run;
}

struct run *
run_program(struct action_queue *q, const char *const *argv, const struct str *input, double timeout_s,
    run_fn done, void *arg)
{
	struct run *run = run_new(q, timeout_s, done, arg);
	struct str text = {0};
	size_t n = 0;

	while (argv[n] != NULL)
		n++;
	run->argv = xcalloc(n + 1, sizeof *run->argv);
	for (size_t i = 0; i < n; i++) {
		run->argv[i] = xstrdup(argv[i]);
		str_addf(&text, i == 0 ? "%s" : " %s", argv[i]);
	}
	run->text = str_take(&text);
	run->is_trial = true;
	spawn(run, input);
	return run;
}

void
run_kill_all(struct action_queue *q)
{
	struct run *run;

	DL_FOREACH(q->runs, run)
		child_kill(run->child);
}
