#include "applet/regex.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "jailtop/applet.h"
#include "source/lines.h"
#include "source/replay.h"
#include "source/source.h"

#define LISTED 20 /* missed and ignored lines that are printed */

/* ---- the log ---- */

static bool
run_fd(struct tester *t, int fd, bool take_rest)
{
	struct err err;
	struct lines *l = lines_new(t->opts.encoding != NULL ? t->opts.encoding : "auto", tester_feed, t, &err);

	bool ok = l != NULL && replay_fd(fd, l, &err);
	if (ok && (take_rest || lines_rest_ends(l))) /* compat: a CR is the end of the last line, too */
		lines_end(l, false);
	lines_free(l);
	return ok || report_error(t, NULL, 0, &err);
}

static void
feed_text(struct tester *t, const char *text, size_t len)
{
	struct line line = {.bytes = text, .len = len, .time = NAN};

	while (line.len > 0 && (text[line.len - 1] == '\r' || text[line.len - 1] == '\n'))
		line.len--;
	if (line.len > LINE_MAX_BYTES) {
		line.len = LINE_MAX_BYTES;
		line.is_cut = true;
	}
	tester_feed(t, &line, 1);
}

static void
say_lines(struct tester *t, const char *text)
{
	struct str shown = {0};
	size_t n = 1;

	for (const char *c = text; *c != '\0'; c++)
		n += *c == '\n';
	report_say(t, "Use      multi line : %zu line(s)", n);
	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(text, "\n");
		char *one = xstrndup(text, len);
		if (i >= 5) {
			report_say(t, "| ...");
			free(one);
			break;
		}
		str_clear(&shown);
		report_short(one, &shown);
		report_say(t, "| %2zu: %s", i + 1, str_text(&shown));
		free(one);
		text += len + (text[len] == '\n');
	}
	report_say(t, "`-");
	str_done(&shown);
}

static bool
run_journal(struct tester *t, const char *spec, const char *encoding)
{
	struct str words = {0};
	struct err err;

	if (!journal_available()) {
		err_set(&err, "systemd library not found");
		return report_error(t, NULL, 0, &err);
	}
	report_say(t, "Use         systemd journal");
	report_say(t, "Use         encoding : %s", encoding);
	t->has_dates = t->has_datepattern; /* entries bring their time */
	if (t->opts.journalmatch != NULL)
		t->journalmatch = journal_words(t->opts.journalmatch);
	for (size_t i = 0; i < value_count(t->journalmatch); i++)
		str_addf(&words, "%s%s", i > 0 ? " " : "", value_text(value_at(t->journalmatch, i)));
	if (words.len > 0)
		report_say(t, "Use    journal match : %s", words.at);
	str_done(&words);
	report_say(t, "");
	return journal_run(t, spec, &err) || report_error(t, NULL, 0, &err);
}

static double
now(void)
{
	struct clock c = {0};

	return clock_monotonic(&c);
}

static bool
run_log(struct tester *t, const char *log)
{
	struct lines *probe;
	struct err err;
	struct stat st;
	double start;
	bool ok = true;
	int fd = -1;
	bool is_stdin = strcmp(log, "-") == 0;

	bool is_file = is_stdin || (stat(log, &st) == 0 && S_ISREG(st.st_mode)), is_text = !is_file && !str_starts(log, "systemd-journal");
	probe = lines_new(t->opts.encoding != NULL && !is_text ? t->opts.encoding : "auto", NULL, NULL, &err);
	if (probe == NULL)
		return report_error(t, NULL, 0, &err);
	if (is_file) {
		fd = is_stdin ? STDIN_FILENO : open(log, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			lines_free(probe);
			err_set(&err, "cannot open %s: %s", log, strerror(errno));
			return report_error(t, NULL, 0, &err);
		}
		report_say(t, "Use         log file : %s", log);
		report_say(t, "Use         encoding : %s", lines_encoding(probe));
	} else if (!is_text) {
		start = now();
		ok = run_journal(t, log, lines_encoding(probe));
		lines_free(probe);
		t->elapsed = now() - start;
		return ok;
	} else if (filter_maxlines(t->filter) <= 1 && strchr(log, '\n') == NULL) {
		struct str shown = {0};
		report_short(log, &shown);
		report_say(t, "Use      single line : %s", str_text(&shown));
		str_done(&shown);
	} else {
		say_lines(t, log);
	}
	lines_free(probe);
	report_say(t, "");
	start = now();
	if (fd >= 0) {
		ok = run_fd(t, fd, is_stdin);
		if (!is_stdin)
			close(fd);
	} else {
		for (const char *s = log;;) {
			size_t n = strcspn(s, "\n");
			feed_text(t, s, n);
			if (s[n] == '\0')
				break;
			s += n + 1;
		}
	}
	t->elapsed = now() - start;
	return ok;
}

/* ---- from start to end ---- */

static bool
run(struct tester *t, char **args, int count)
{
	if (!tester_set_up(t, args, count))
		return false;
	if (t->opts.json)
		t->json = json_run_new(t);
	if (t->opts.out != NULL)
		t->rows = rows_new(t, t->opts.out);
	if (!run_log(t, args[0]))
		return false;
	if (t->opts.explain)
		explain_end(t);
	if (t->json != NULL)
		json_run_end(t->json);
	else if (t->rows == NULL)
		report_print(t);
	return true;
}

static void
tester_done(struct tester *t)
{
	struct tester_lines *lists[] = {&t->matched, &t->ignored, &t->missed};

	filter_free(t->filter);
	tester_regexes_done(&t->fail);
	tester_regexes_done(&t->ignore);
	for (size_t i = 0; i < 3; i++) {
		for (size_t k = 0; k < lists[i]->n_list; k++)
			str_done(&lists[i]->list[k]);
		free(lists[i]->list);
	}
	str_done(&t->pref_groups);
	str_done(&t->pref_last);
	value_free(t->journalmatch);
	rows_free(t->rows);
	tester_names_free(t->names);
}

static void
on_broken_pipe(int signal)
{
	(void)signal;
	_exit(0);
}

int
applet_regex(int argc, char **argv)
{
	struct tester t = {.maxlines = LISTED, .has_dates = true};
	int code = tester_parse(argc, argv, &t.opts);

	if (code >= 0)
		return code;
	if (!tester_check(argc - optind, &t.opts, argv[0]))
		return 255;
	signal(SIGPIPE, on_broken_pipe);
	t.start = clock_now(&t.clock);
	report_say(&t, "\nRunning tests\n=============\n");
	struct filter_hooks hooks = {.clock = &t.clock, .log = report_log, .arg = &t};
	t.names = tester_names_new();
	t.filter = filter_new("~jailless~", &hooks);
	tester_listen(&t);
	code = run(&t, argv + optind, argc - optind) ? 0 : 255;
	tester_done(&t);
	if (fflush(stdout) != 0 && code == 0)
		code = 255;
	return code;
}
