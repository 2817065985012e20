/*
 * typed: commands in fail2ban-client's words, typed behind a colon.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "deed.h"
#include "prefs.h"
#include "ui.h"

struct typed {
	struct ui *ui;
	char title[300];
	char **words; /* owned, NULL-terminated */
	size_t n;
	size_t wrong; /* the word that is not known */
};

static struct typed *
typed_new(struct ui *ui, const char *title, char *const *words, size_t n)
{
	struct typed *typed = xcalloc(1, sizeof *typed);

	typed->ui = ui;
	snprintf(typed->title, sizeof typed->title, "%s", title);
	typed->words = xcalloc(n + 2, sizeof *typed->words);
	for (typed->n = 0; typed->n < n; typed->n++)
		typed->words[typed->n] = xstrdup(words[typed->n]);
	return typed;
}

static void
typed_free(struct typed *typed)
{
	for (size_t i = 0; i < typed->n; i++)
		free(typed->words[i]);
	free(typed->words);
	free(typed);
}

/* What may stand where the words of `typed` end with `part`. */
static bool
completions_ask(struct typed *typed, size_t n_before, const char *part, attach_reply_fn fn)
{
	const char *all[UI_WORDS_MAX + 3] = {"get", "completions"};
	size_t n = 2;

	for (size_t i = 0; i < n_before; i++)
		all[n++] = typed->words[i];
	all[n++] = part;
	return typed->ui->send != NULL && typed->ui->send(typed->ui->send_arg, all, n, fn, typed);
}

/* "unknown command: satus (nearest: status)" */
static void
unknown_say(struct typed *typed, const json_t *candidates)
{
	const char *word = typed->words[typed->wrong], *best = NULL;
	int least = 4;
	size_t i;
	const json_t *row;

	json_array_foreach(candidates, i, row) {
		const char *name = json_string_value(row);
		int distance = name != NULL ? str_distance(name, word) : least;
		if (distance < least && distance < (int)strlen(word)) {
			least = distance;
			best = name;
		}
	}
	if (best != NULL)
		ui_message(typed->ui, ROLE_BAD, "unknown command: %s (nearest: %s)", word, best);
	else
		ui_message(typed->ui, ROLE_BAD, "unknown command: %s (Tab behind : shows what there is)", word);
}

static void
nearest_answered(void *arg, bool ok, const json_t *value, const char *error)
{
	(void)error;
	unknown_say(arg, ok ? value : NULL);
	typed_free(arg);
}

static void
typed_answered(void *arg, bool ok, const json_t *value, const char *error)
{
	struct typed *typed = arg;

	if (ok) {
		reply_show(typed->ui, typed->title, value);
	} else if (strncmp(error, "Invalid command", 15) == 0) {
		typed->wrong = typed->n > 2 && error[15] != '\0' ? 2 : typed->n > 1 && error[15] != '\0' ? 1 : 0;
		if (completions_ask(typed, typed->wrong, "", nearest_answered))
			return;
		unknown_say(typed, NULL);
	} else {
		ui_message(typed->ui, ROLE_BAD, "%s: %s", typed->title, error);
	}
	typed_free(typed);
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

/* `set` alone: the screen's own choices. */
static void
choices_save(struct ui *ui)
{
	struct str path = {0};
	struct err err;

	if (prefs_save(ui, &path, &err))
		ui_message(ui, ROLE_GOOD, "saved: theme, focus, wrap, mouse, orders and filters, in %s", str_text(&path));
	else
		ui_message(ui, ROLE_BAD, "not saved: %s", err.text);
	str_done(&path);
}

void
typed_done(struct ui *ui, char *text)
{
	char *words[UI_WORDS_MAX], *whole = xstrdup(text), reload[] = "reload", with[] = "--restart";
	int n = words_split(text, words);
	struct addr addr;

	if (n == 0 || strcmp(words[0], "q") == 0 || strcmp(words[0], "quit") == 0) {
		if (n > 0)
			actions_leave(ui);
		goto done;
	}
	if (strcmp(words[0], "export") == 0 || strcmp(words[0], "w") == 0) {
		if (n == 2 && ui_focused(ui)->ops->source != NULL)
			export_pane(ui, words[1]);
		else
			ui_message(ui, ROLE_WARN, n == 2 ? "this pane has no rows to export" : "%s FILE: a new file.csv, file.json or file.txt", words[0]);
		goto done;
	}
	if (strcmp(words[0], "set") == 0 && n == 1) {
		choices_save(ui);
		goto done;
	}
	if (strcmp(words[0], "help") == 0 && n == 1) {
		help_open(ui);
		goto done;
	}
	if (strcmp(words[0], "restart") == 0 && n == 2) { /* as fail2ban-client does it: a jail is restarted in a reload */
		words[2] = words[1];
		words[1] = with;
		words[0] = reload;
		words[++n] = NULL;
	}
	if (!only_reads(words[0]) && ui_is_acting_refused(ui))
		goto done;
	if (strcmp(words[0], "start") == 0 && n == 2 && view_jail(ui->view, words[1]) == NULL) {
		amend_enable_open(ui, words[1]);
		goto done;
	}
	for (int i = 3; n > 3 && i < n; i++)
		if (strcmp(words[2], "banip") == 0 && addr_parse(words[i], &addr) && ban_is_refused(ui, &addr, words[i]))
			goto done;
	struct typed *typed = typed_new(ui, whole, words, (size_t)n);
	ui_message(ui, ROLE_NORMAL, "%s...", whole);
	if (ui->send == NULL || !ui->send(ui->send_arg, (const char *const *)words, (size_t)n, typed_answered, typed)) {
		ui_message(ui, ROLE_WARN, ui->is_replay ? "refused: this is a replay, no engine is behind it" : "refused: ENGINE DOWN");
		typed_free(typed);
	}
done:
	free(whole);
}

/* ---- Tab ---- */
static size_t
common_len(const json_t *candidates)
{
	const char *first = json_string_value(json_array_get(candidates, 0));
	size_t i, len = first != NULL ? strlen(first) : 0;
	const json_t *row;

	json_array_foreach(candidates, i, row) {
		const char *name = json_string_value(row);
		size_t n = 0;
		while (name != NULL && n < len && name[n] == first[n])
			n++;
		len = n;
	}
	return len;
}

static void
completed(void *arg, bool ok, const json_t *value, const char *error)
{
	struct typed *typed = arg;
	struct prompt *p = &typed->ui->prompt;
	const char *part = typed->words[typed->n - 1], *first = json_string_value(json_array_get(value, 0));
	size_t n = json_array_size(value), len = ok ? common_len(value) : 0, i;
	const json_t *row;

	(void)error;
	/* the prompt must stand as it stood when it was asked */
	if (p->kind == PROMPT_COMMAND && p->at == p->text.len && strcmp(str_text(&p->text), typed->title) == 0) {
		if (len > strlen(part))
			str_addn(&p->text, first + strlen(part), len - strlen(part));
		if (n == 1)
			str_addc(&p->text, ' ');
		p->at = p->text.len;
		struct str note = {0};
		if (n == 0)
			str_add(&note, "nothing known goes on like this");
		for (i = 0; n > 1 && i < n && note.len < sizeof p->note; i++) {
			row = json_array_get(value, i);
			str_addf(&note, "%s%s", i > 0 ? "  " : "", json_string_value(row) != NULL ? json_string_value(row) : "");
		}
		snprintf(p->note, sizeof p->note, "%s", str_text(&note));
		str_done(&note);
	}
	typed->ui->must_draw = true;
	typed_free(typed);
}

void
typed_complete(struct ui *ui)
{
	struct prompt *p = &ui->prompt;
	char *words[UI_WORDS_MAX], *copy = xstrdup(str_text(&p->text));
	bool is_new = p->text.len == 0 || p->text.at[p->text.len - 1] == ' ';
	int n = words_split(copy, words);

	if (p->at == p->text.len && n < UI_WORDS_MAX - 2 && p->text.len < sizeof ((struct typed *)0)->title) {
		if (is_new)
			words[n++] = copy + strlen(copy); /* an empty beginning */
		struct typed *typed = typed_new(ui, str_text(&p->text), words, (size_t)n);
		if (!completions_ask(typed, typed->n - 1, typed->words[typed->n - 1], completed))
			typed_free(typed);
	}
	free(copy);
}
