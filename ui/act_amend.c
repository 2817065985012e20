/*
 * act_amend: decisions that are kept in the configuration. The engine makes the change in memory, the question shows
 * its lines, and only `y` lets the engine write it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "deed.h"
#include "ui.h"

struct showing {
	struct ui *ui;
	char **words; /* owned, NULL-terminated */
	size_t n;
	void (*answer)(struct ui *ui, int value);
};

static bool
has_line(const char *text, const char *line, size_t len)
{
	for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n')
		if (strcspn(text, "\n") == len && memcmp(text, line, len) == 0)
			return true;
	return false;
}

/* Lines of `text` that `other` lacks, while there is room for them. */
static int
lines_add(struct dialog *d, char sign, const char *text, const char *other, int room)
{
	int more = 0;

	for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n') {
		size_t len = strcspn(text, "\n");
		if (len == 0 || *text == '#' || has_line(other, text, len))
			continue;
		if (d->n_lines < room)
			dialog_line(d, "%c %.*s", sign, len > 600 ? 600 : (int)len, text);
		else
			more++;
	}
	return more;
}

static void
shown(void *arg, bool ok, const json_t *value, const char *error)
{
	struct showing *s = arg;
	struct ui *ui = s->ui;
	const char *before = json_string_value(json_object_get(value, "before")), *after = json_string_value(json_object_get(value, "after"));
	const char *path = json_string_value(json_object_get(value, "path"));

	if (!ok || before == NULL || after == NULL || path == NULL) {
		ui_message(ui, ROLE_BAD, "%s%s", ok || strncmp(error, "refused", 7) == 0 ? "" : "not possible: ", ok ? "the engine's answer makes no sense" : error);
	} else if (ui->dialog.is_open || ui->prompt.kind != PROMPT_NONE) {
		ui_message(ui, ROLE_WARN, "something else was asked meanwhile: nothing was done");
	} else {
		struct dialog *d = dialog_open(ui, s->answer);
		dialog_words(d, (const char *const *)s->words, s->n);
		dialog_line(d, *before == '\0' ? "write %s?" : "change %s? (the old one stays as NAME~)", path);
		int more = lines_add(d, '-', before, after, DIALOG_LINES - 2);
		more += lines_add(d, '+', after, before, DIALOG_LINES - (more > 0));
		if (more > 0)
			dialog_line(d, "... and %d more", more);
		dialog_choice(d, 'y', "write it", 1);
	}
	for (size_t i = 0; i < s->n; i++)
		free(s->words[i]);
	free(s->words);
	free(s);
}

void
amend_show(struct ui *ui, const char *const *words, size_t n, void (*answer)(struct ui *ui, int value))
{
	const char *all[8] = {"get", "amend"};
	struct showing *s = xcalloc(1, sizeof *s);

	*s = (struct showing){.ui = ui, .words = xcalloc(n + 1, sizeof *s->words), .n = n, .answer = answer};
	for (size_t i = 0; i < n && i < 6; i++) {
		all[2 + i] = words[i];
		s->words[i] = xstrdup(words[i]);
	}
	ui_message(ui, ROLE_NORMAL, "looking what would change...");
	if (ui->send == NULL || !ui->send(ui->send_arg, all, n + 2, shown, s))
		shown(s, false, NULL, "the engine does not take it now");
}

/* ---- whitelisted for good ---- */
static void
white_answer(struct ui *ui, int value)
{
	const char *ip = ui->dialog.words[1];
	struct deed *d = deed_new(ui, "whitelisted %s for good", ip);

	(void)value;
	snprintf(d->undo.text, sizeof d->undo.text, "took %s off the white list and out of the configuration", ip);
	undo_step(&d->undo, (const char *const[]){"set", "amend", "ignoreip", "--remove", ip}, 5);
	deed_send(d, (const char *const[]){"set", "amend", "ignoreip", ip}, 4);
	whitelist_one(ui, d, ip, NULL); /* what the file says holds from the next start on; this holds now */
	deed_sent(d);
}

void
amend_white_open(struct ui *ui, const char *ip)
{
	amend_show(ui, (const char *const[]){"ignoreip", ip}, 2, white_answer);
}

/* ---- a jail that the configuration has, but that is off ---- */
static void
enabled(void *arg, bool ok, const json_t *value, const char *error)
{
	struct str text = {0};

	if (ok && json_is_string(value) && strcmp(json_string_value(value), "OK") != 0)
		str_addf(&text, "written, but the reload says: %s", json_string_value(value));
	else if (ok)
		str_add(&text, "the jail is on");
	else
		str_addf(&text, "written, but it does not start: %s", error);
	ui_message(arg, strcmp(str_text(&text), "the jail is on") == 0 ? ROLE_GOOD : ROLE_BAD, "%s", str_text(&text));
	str_done(&text);
}

struct enabling {
	struct ui *ui;
	char *jail; /* owned */
};

static void
enable_written(void *arg, bool ok, const json_t *value, const char *error)
{
	struct enabling *e = arg;
	const char *words[] = {"reload"}; /* of one jail alone would want one that runs */

	(void)value;
	if (!ok)
		ui_message(e->ui, ROLE_BAD, "not written: %s", error);
	else if (e->ui->send == NULL || !e->ui->send(e->ui->send_arg, words, 1, enabled, e->ui))
		ui_message(e->ui, ROLE_BAD, "written; the engine does not take the reload now");
	free(e->jail);
	free(e);
}

static void
enable_answer(struct ui *ui, int value)
{
	const char *words[] = {"set", "amend", "enable", ui->dialog.words[1]};
	struct enabling *e = xcalloc(1, sizeof *e);

	(void)value;
	*e = (struct enabling){ui, xstrdup(words[3])};
	ui_message(ui, ROLE_NORMAL, "starting %s...", e->jail);
	if (ui->send == NULL || !ui->send(ui->send_arg, words, 4, enable_written, e))
		enable_written(e, false, NULL, "the engine does not take it now");
}

void
amend_enable_open(struct ui *ui, const char *jail)
{
	amend_show(ui, (const char *const[]){"enable", jail}, 2, enable_answer);
}

/* ---- an expression of the Regex pane ---- */
static void
saved(void *arg, bool ok, const json_t *value, const char *error)
{
	(void)value;
	if (!ok)
		ui_message(arg, ROLE_BAD, "not reloaded: %s", error);
	else
		ui_message(arg, ROLE_GOOD, "saved and reloaded");
}

static void
reload_answer(struct ui *ui, int value)
{
	const char *words[] = {"reload", ui->dialog.words[0]};

	(void)value;
	ui_message(ui, ROLE_NORMAL, "reloading %s...", words[1]);
	if (ui->send == NULL || !ui->send(ui->send_arg, words, 2, saved, ui))
		ui_message(ui, ROLE_BAD, "the engine does not take it now");
}

static void
written(void *arg, bool ok, const json_t *value, const char *error)
{
	struct ui *ui = arg;
	struct regex_text t;

	if (!ok) {
		ui_message(ui, ROLE_BAD, "not saved: %s", error);
		return;
	}
	regex_text(ui, &t);
	struct dialog *d = dialog_open(ui, reload_answer);
	dialog_words(d, &t.jail, 1);
	dialog_line(d, "written: %s", json_is_string(value) ? json_string_value(value) : "");
	dialog_line(d, "reload %s? until then the jail goes on with the old expression", t.jail);
	dialog_choice(d, 'y', "yes", 1);
}

static void
save_answer(struct ui *ui, int value)
{
	const char *words[6] = {"set", "amend"};

	(void)value;
	for (int i = 0; i < 4; i++)
		words[2 + i] = ui->dialog.words[i];
	ui_message(ui, ROLE_NORMAL, "saving...");
	if (ui->send == NULL || !ui->send(ui->send_arg, words, 6, written, ui))
		ui_message(ui, ROLE_BAD, "the engine does not take it now");
}

void
regex_save(struct ui *ui)
{
	struct regex_text t;
	char number[16];

	regex_text(ui, &t);
	snprintf(number, sizeof number, "%d", t.number);
	if (*t.jail == '\0' || *t.now == '\0')
		ui_message(ui, ROLE_WARN, "there is no expression to save");
	else if (strcmp(t.original, t.now) == 0)
		ui_message(ui, ROLE_NORMAL, "the expression is as the jail has it: nothing to save");
	else if (t.error != NULL)
		ui_message(ui, ROLE_WARN, "refused: %s", t.error);
	else
		amend_show(ui, (const char *const[]){"failregex", t.jail, number, t.now}, 4, save_answer);
}
