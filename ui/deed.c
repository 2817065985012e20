#include "deed.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ui.h"

void
undo_clear(struct undo *u)
{
	for (size_t i = 0; i < u->n_steps; i++) {
		for (size_t k = 0; k < u->steps[i].n_words; k++)
			free(u->steps[i].words[k]);
		free(u->steps[i].words);
	}
	free(u->steps);
	memset(u, 0, sizeof *u);
}

void
undo_step(struct undo *u, const char *const *words, size_t n)
{
	u->steps = xreallocarray(u->steps, u->n_steps + 1, sizeof *u->steps);
	struct undo_step *step = &u->steps[u->n_steps++];
	step->words = xcalloc(n, sizeof *step->words);
	step->n_words = n;
	for (size_t i = 0; i < n; i++)
		step->words[i] = xstrdup(words[i]);
}

static void
undo_push(struct ui *ui, struct undo *u)
{
	if (ui->n_undo == UI_UNDO_MAX) {
		undo_clear(&ui->undo[0]);
		memmove(ui->undo, ui->undo + 1, sizeof *ui->undo * (UI_UNDO_MAX - 1));
		ui->n_undo--;
	}
	u->at = ui->mono;
	ui->undo[ui->n_undo++] = *u;
	memset(u, 0, sizeof *u);
}

struct deed *
deed_new(struct ui *ui, const char *format, ...)
{
	struct deed *d = xcalloc(1, sizeof *d);
	va_list args;

	d->ui = ui;
	d->open = 1;
	va_start(args, format);
	vsnprintf(d->said, sizeof d->said, format, args);
	va_end(args);
	return d;
}

static void
deed_finish(struct deed *d)
{
	struct ui *ui = d->ui;

	if (d->done == 0) {
		ui_message(ui, ROLE_BAD, "not done: %s", d->error);
		undo_clear(&d->undo);
	} else if (d->count == 0 && d->none[0] != '\0') {
		ui_message(ui, ROLE_WARN, "%s", d->none);
		undo_clear(&d->undo);
	} else {
		if (d->failed > 0)
			ui_message(ui, ROLE_WARN, "%s; %d failed: %s", d->said, d->failed, d->error);
		else
			ui_message(ui, ROLE_GOOD, "%s", d->said);
		if (d->undo.n_steps > 0) {
			undo_push(ui, &d->undo);
			ui->message_undo = true;
		}
	}
	for (int i = 0; i < PANES; i++)
		ui->panes[i].table.is_dirty = true; /* what was done shows at once */
	free(d);
}

static void
deed_answered(void *arg, bool ok, const json_t *value, const char *error)
{
	struct deed *d = arg;

	if (ok) {
		d->done++;
		d->count += json_is_integer(value) ? json_integer_value(value) : 1;
	} else {
		d->failed++;
		snprintf(d->error, sizeof d->error, "%s", error);
	}
	if (--d->open == 0)
		deed_finish(d);
}

void
deed_send(struct deed *d, const char *const *words, size_t n)
{
	d->open++;
	if (d->ui->send == NULL || !d->ui->send(d->ui->send_arg, words, n, deed_answered, d)) {
		d->open--;
		d->failed++;
		snprintf(d->error, sizeof d->error, "the engine does not take it now");
	}
}

void
deed_sent(struct deed *d)
{
	if (--d->open == 0)
		deed_finish(d);
}

void
until_words(double until, char text[32])
{
	if (until < 0)
		snprintf(text, 32, "-1");
	else
		snprintf(text, 32, "%.0f", until);
}

void
undo_last(struct ui *ui)
{
	while (ui->n_undo > 0 && ui->mono - ui->undo[ui->n_undo - 1].at > UI_UNDO_S)
		undo_clear(&ui->undo[--ui->n_undo]);
	if (ui->n_undo == 0) {
		ui_message(ui, ROLE_NORMAL, "nothing to undo (kept for 10 min)");
		return;
	}
	struct undo u = ui->undo[--ui->n_undo];
	memset(&ui->undo[ui->n_undo], 0, sizeof u);
	struct deed *d = deed_new(ui, "undone: %s", u.text);
	d->is_undo = true;
	ui_message(ui, ROLE_NORMAL, "undoing...");
	for (size_t i = 0; i < u.n_steps; i++)
		deed_send(d, (const char *const *)u.steps[i].words, u.steps[i].n_words);
	undo_clear(&u);
	deed_sent(d);
}
