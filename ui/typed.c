/*
 * typed: commands in fail2ban-client's words, typed behind a colon.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "deed.h"
#include "ui.h"

struct typed {
	struct ui *ui;
	char title[300];
};

static void
typed_answered(void *arg, bool ok, const json_t *value, const char *error)
{
	struct typed *typed = arg;

	if (ok)
		reply_show(typed->ui, typed->title, value);
	else
		ui_message(typed->ui, ROLE_BAD, "%s: %s", typed->title, error);
	free(typed);
}

/* Words as a shell splits them, without its expansions. */
static int
words_split(char *text, char *words[UI_WORDS_MAX])
{
	int n = 0;
	char *in = text, *out;

	while (n < UI_WORDS_MAX - 1) {
		while (*in == ' ' || *in == '\t')
			in++;
		if (*in == '\0')
			break;
		words[n++] = out = in;
		char quote = '\0';
		for (; *in != '\0' && (quote != '\0' || (*in != ' ' && *in != '\t')); in++) {
			if (quote == '\0' && (*in == '"' || *in == '\''))
				quote = *in;
			else if (*in == quote)
				quote = '\0';
			else if (*in == '\\' && in[1] != '\0' && quote != '\'')
				*out++ = *++in;
			else
				*out++ = *in;
		}
		bool is_end = *in == '\0';
		*out = '\0';
		if (is_end)
			break;
		in++;
	}
	words[n] = NULL;
	return n;
}

static bool
only_reads(const char *word)
{
	static const char *const reading[] = {"status", "get", "ping", "version", "banned", "statistics", "stat", "echo", "help"};

	for (size_t i = 0; i < sizeof reading / sizeof *reading; i++)
		if (strcmp(word, reading[i]) == 0)
			return true;
	return false;
}

void
typed_done(struct ui *ui, char *text)
{
	char *words[UI_WORDS_MAX], *whole = xstrdup(text);
	int n = words_split(text, words);
	struct addr addr;

	if (n == 0 || strcmp(words[0], "q") == 0 || strcmp(words[0], "quit") == 0) {
		if (n > 0)
			actions_leave(ui);
		goto done;
	}
	if (strcmp(words[0], "help") == 0 && n == 1) {
		help_open(ui);
		goto done;
	}
	if (!only_reads(words[0]) && ui_is_acting_refused(ui))
		goto done;
	for (int i = 3; n > 3 && i < n; i++)
		if (strcmp(words[2], "banip") == 0 && addr_parse(words[i], &addr) && ban_is_refused(ui, &addr, words[i]))
			goto done;
	struct typed *typed = xcalloc(1, sizeof *typed);
	typed->ui = ui;
	snprintf(typed->title, sizeof typed->title, "%s", whole);
	ui_message(ui, ROLE_NORMAL, "%s...", whole);
	if (ui->send == NULL || !ui->send(ui->send_arg, (const char *const *)words, (size_t)n, typed_answered, typed)) {
		ui_message(ui, ROLE_WARN, ui->is_replay ? "refused: this is a replay, no engine is behind it" : "refused: ENGINE DOWN");
		free(typed);
	}
done:
	free(whole);
}

void
typed_complete(struct ui *ui)
{
	(void)ui;
}
