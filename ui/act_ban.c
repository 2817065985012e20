/*
 * act_ban: the keys u b B +: whom they are for is captured when the key is pressed.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/mem.h"
#include "deed.h"
#include "fold.h"
#include "ui.h"

#define NO_JAIL "no jail is running: nothing can ban; :start JAIL switches one on"

static void
left_words(const struct ui *ui, const struct view_ban *b, struct str *out)
{
	if (b->until < 0)
		str_add(out, "it was for ever");
	else {
		double left = b->until - ui_now(ui);
		format_span(left > 0 ? left : 0, out);
		str_add(out, " were left");
	}
}

void
unban_add(struct deed *d, const struct view_ban *b)
{
	const char *words[] = {"set", b->jail, "unbanip", b->id};
	char until[32];

	until_words(b->until, until);
	undo_step(&d->undo, (const char *const[]){"set", b->jail, "banip", "--until", until, b->id}, 6);
	deed_send(d, words, 4);
}

static void
unban_one(struct ui *ui, const struct view_ban *b)
{
	struct str left = {0};

	left_words(ui, b, &left);
	struct deed *d = deed_new(ui, "unbanned %s from %s (%s)", b->id, b->jail, str_text(&left));
	snprintf(d->none, sizeof d->none, "%.100s was not banned in %.100s any more", b->id, b->jail);
	snprintf(d->undo.text, sizeof d->undo.text, "banned %s in %s again, with its old end", b->id, b->jail);
	ui_message(ui, ROLE_NORMAL, "unbanning %s...", b->id);
	unban_add(d, b);
	deed_sent(d);
	str_done(&left);
}

static void
unban_answer(struct ui *ui, int value)
{
	struct dialog *dialog = &ui->dialog;
	struct deed *d = NULL;

	for (int i = 0; i < dialog->n_targets; i++) {
		const struct target *t = &dialog->targets[i];
		const struct view_ban *b = view_ban(ui->view, t->jail, t->id);
		if (b == NULL || (value >= 0 && value != i))
			continue;
		if (value >= 0) {
			unban_one(ui, b);
			return;
		}
		if (d == NULL) {
			d = deed_new(ui, "unbanned %s from all its jails", t->id);
			snprintf(d->undo.text, sizeof d->undo.text, "banned %s again, with the old ends", t->id);
		}
		unban_add(d, b);
	}
	if (d != NULL)
		deed_sent(d);
	else
		ui_message(ui, ROLE_WARN, "it is not banned any more");
}

static void
marked_unban_answer(struct ui *ui, int value)
{
	struct deed *d = deed_new(ui, "unbanned the marked rows");

	(void)value;
	snprintf(d->undo.text, sizeof d->undo.text, "banned the marked rows again, with their old ends");
	snprintf(d->error, sizeof d->error, "none of them is banned any more");
	for (size_t i = 0; ui->dialog.marked != NULL && ui->dialog.marked[i] != NULL; i++) {
		char *key = ui->dialog.marked[i], *split = strchr(key, '\n');
		size_t jail = 0;
		const struct view_ban *b;
		if (split != NULL) {
			*split = '\0';
			if ((b = view_ban(ui->view, key, split + 1)) != NULL)
				unban_add(d, b);
		} else {
			while ((b = view_ban_next(ui->view, key, &jail)) != NULL)
				unban_add(d, b);
		}
	}
	table_unmark_all(&ui_focused(ui)->table);
	deed_sent(d);
}

void
unban_marked(struct ui *ui)
{
	const struct table *t = &ui_focused(ui)->table;
	struct dialog *d = dialog_open(ui, marked_unban_answer);

	d->marked = xcalloc(t->n_marks + 1, sizeof *d->marked);
	for (size_t i = 0; i < t->n_marks; i++)
		d->marked[i] = xstrdup(t->marks[i]);
	dialog_line(d, "unban the %zu marked rows?", t->n_marks);
	dialog_choice(d, 'y', "yes", 0);
}

void
unban(struct ui *ui, const struct target *t)
{
	const struct view_ban *b, *found[9];
	size_t jail = 0;
	int n = 0;

	if (t->is_ban && (b = view_ban(ui->view, t->jail, t->id)) != NULL) {
		unban_one(ui, b);
		return;
	}
	while (n < 9 && (b = view_ban_next(ui->view, t->ip, &jail)) != NULL)
		found[n++] = b;
	if (n == 0 && t->addr.family != 0 && !addr_is_host(&t->addr)) {
		size_t bans = fold_look(ui->view, &t->addr).bans;
		ui_message(ui, ROLE_WARN, bans > 0 ? "%s itself is not banned; bans inside: %zu (Enter shows its hosts)" : "%s is not banned", t->ip, bans);
	} else if (n == 0) {
		ui_message(ui, ROLE_WARN, "%s is not banned", t->ip);
	} else if (n == 1) {
		unban_one(ui, found[0]);
	} else {
		struct dialog *d = dialog_open(ui, unban_answer);
		dialog_line(d, "%s is banned in %d jails: unban it from", t->ip, n);
		for (int i = 0; i < n; i++) {
			target_set(&d->targets[d->n_targets++], found[i]->jail, found[i]->id, found[i]->ip, true);
			dialog_choice(d, '1' + i, d->targets[i].jail, i);
		}
		dialog_choice(d, 'a', "all", -1);
	}
}

bool
ban_is_refused(struct ui *ui, const struct addr *addr, const char *text)
{
	if (addr->family == 0 || !view_is_own(ui->view, addr))
		return false;
	if (addr_is_host(addr))
		ui_message(ui, ROLE_ALERT, "refused: this is your SSH client address");
	else
		ui_message(ui, ROLE_ALERT, "refused: %s holds your SSH client address", text);
	return true;
}

static const char *
unknown_warning(const struct ui *ui)
{
	return ui->view->n_own == 0 ? "YOU unknown! " : "";
}

static const char *
jail_for(const struct ui *ui, const struct target *t)
{
	if (t->jail[0] != '\0' && view_jail(ui->view, t->jail) != NULL)
		return t->jail;
	return ui->view->n_jails > 0 ? ui->view->jails[0]->name : "";
}

static void
ban_send(struct ui *ui, struct deed *d, const char *jail, const char *ip, const char *seconds)
{
	const char *with[] = {"set", jail, "banip", "--time", seconds, ip};
	const char *without[] = {"set", jail, "banip", ip};

	(void)ui;
	undo_step(&d->undo, (const char *const[]){"set", jail, "unbanip", ip}, 4);
	if (seconds != NULL)
		deed_send(d, with, 6);
	else
		deed_send(d, without, 4);
}

const char *
marked_words(const struct table *t, char words[40])
{
	size_t nets = 0;
	struct addr a;

	for (size_t i = 0; i < t->n_marks; i++) {
		const char *split = strchr(t->marks[i], '\n');
		nets += addr_parse(split != NULL ? split + 1 : t->marks[i], &a) && !addr_is_host(&a);
	}
	words[0] = '\0';
	if (nets > 0)
		snprintf(words, 40, nets == 1 ? ", %zu of them a network" : ", %zu of them networks", nets);
	return words;
}

void
ban_open(struct ui *ui, const struct target *t)
{
	struct str span = {0};
	char label[700], words[40];
	const char *jail = jail_for(ui, t);
	const struct view_jail *j = view_jail(ui->view, jail);

	if (j == NULL) {
		ui_message(ui, ROLE_WARN, NO_JAIL);
		return;
	}
	if (ban_is_refused(ui, &t->addr, t->ip))
		return;
	if (t->addr.family != 0 && !addr_is_host(&t->addr) && !t->is_ban) { /* many hosts: asks, and the default is no */
		net_open(ui, t);
		return;
	}
	format_span(j->bantime, &span);
	if (ui_focused(ui)->table.n_marks > 0 && t->ip[0] == '\0')
		snprintf(label, sizeof label, "%sban the %zu marked%s (Enter: %.60s, %s): ", unknown_warning(ui), ui_focused(ui)->table.n_marks,
		    marked_words(&ui_focused(ui)->table, words), jail, str_text(&span));
	else if (t->ip[0] != '\0')
		snprintf(label, sizeof label, "%sban %.100s (Enter: %.60s, %s): ", unknown_warning(ui), t->ip, jail, str_text(&span));
	else
		snprintf(label, sizeof label, "%sban which ADDRESS (in %.60s, %s): ", unknown_warning(ui), jail, str_text(&span));
	ui->prompt.target = *t;
	snprintf(ui->prompt.target.jail, sizeof ui->prompt.target.jail, "%s", jail);
	prompt_open(ui, PROMPT_BAN, label, "");
	str_done(&span);
}

void
ban_done(struct ui *ui, char *text)
{
	struct target t = ui->prompt.target;
	struct table *table = &ui_focused(ui)->table;
	double span = NAN;
	struct err err;
	struct addr addr;
	char seconds[32], *rest = text, *word;
	struct str words = {0};

	while ((word = strsep(&rest, " \t")) != NULL) {
		if (*word == '\0')
			continue;
		if (view_jail(ui->view, word) != NULL)
			snprintf(t.jail, sizeof t.jail, "%s", word);
		else if (strcmp(word, "perm") == 0 || strcmp(word, "permanent") == 0)
			span = -1;
		else if (t.ip[0] == '\0' && table->n_marks == 0 && addr_parse(word, &addr))
			target_set(&t, t.jail, word, word, false);
		else if (!duration_parse(word, &span, &err)) {
			ui_message(ui, ROLE_WARN, "neither a jail nor a time: %s", word);
			return;
		}
	}
	if (!isnan(span) && span >= 0 && span < 1) {
		ui_message(ui, ROLE_WARN, "no time: less than a second");
		return;
	}
	snprintf(seconds, sizeof seconds, "%.0f", span < 0 ? -1 : span);
	const char *time = isnan(span) ? NULL : seconds;
	const struct view_jail *j = view_jail(ui->view, t.jail);
	double for_s = isnan(span) ? (j != NULL ? j->bantime : 0) : span;
	if (for_s >= 0)
		str_add(&words, "for ");
	format_span(for_s, &words);
	if (t.ip[0] == '\0' && table->n_marks > 0) {
		struct deed *d = deed_new(ui, "banned %zu addresses in %s %s", table->n_marks, t.jail, str_text(&words));
		snprintf(d->undo.text, sizeof d->undo.text, "unbanned the %zu addresses", table->n_marks);
		snprintf(d->error, sizeof d->error, "none of them may be banned");
		for (size_t i = 0; i < table->n_marks; i++) {
			const char *split = strchr(table->marks[i], '\n'), *ip = split != NULL ? split + 1 : table->marks[i];
			if (addr_parse(ip, &addr) && !view_is_own(ui->view, &addr))
				ban_send(ui, d, t.jail, ip, time);
		}
		table_unmark_all(table);
		deed_sent(d);
	} else if (t.ip[0] == '\0') {
		ui_message(ui, ROLE_WARN, "no address was given: nothing was done");
	} else if (!ban_is_refused(ui, &t.addr, t.ip)) {
		struct deed *d = deed_new(ui, "banned %s in %s %s", t.ip, t.jail, str_text(&words));
		snprintf(d->none, sizeof d->none, "%.100s was banned in %.100s already", t.ip, t.jail);
		snprintf(d->undo.text, sizeof d->undo.text, "unbanned %s from %s", t.ip, t.jail);
		ui_message(ui, ROLE_NORMAL, "banning %s...", t.ip);
		ban_send(ui, d, t.jail, t.ip, time);
		deed_sent(d);
	}
	str_done(&words);
}

static void
net_answer(struct ui *ui, int value)
{
	const struct target t = ui->dialog.targets[0];

	(void)value;
	struct deed *d = deed_new(ui, "banned %s in %s", t.ip, t.jail);
	snprintf(d->undo.text, sizeof d->undo.text, "unbanned %s from %s", t.ip, t.jail);
	snprintf(d->none, sizeof d->none, "%.100s was banned in %.100s already", t.ip, t.jail);
	ui_message(ui, ROLE_NORMAL, "banning %s...", t.ip);
	ban_send(ui, d, t.jail, t.ip, NULL);
	deed_sent(d);
}

void
net_open(struct ui *ui, const struct target *t)
{
	const struct view *v = ui->view;
	struct addr net = t->addr;
	char text[ADDR_TEXT_MAX];
	const char *jail = jail_for(ui, t);
	const struct view_ban *b;
	struct str span = {0};

	if (net.family == 0 || (t->is_ban && !addr_is_host(&net))) {
		ui_message(ui, ROLE_WARN, net.family == 0 ? "%s is no address: it has no network" : "%s is a network, and banned already", t->ip);
		return;
	}
	if (*jail == '\0') {
		ui_message(ui, ROLE_WARN, NO_JAIL);
		return;
	}
	if (addr_is_host(&net))
		addr_mask(&net, net.family == 4 ? 24 : 64);
	addr_format(&net, text);
	if (ban_is_refused(ui, &net, text))
		return;
	if ((b = view_ban(v, jail, text)) != NULL) {
		format_left(b->until < 0 ? -1 : b->until - ui_now(ui), &span);
		ui_message(ui, ROLE_NORMAL, "%s is banned in %s already (%s left); + extends it", text, jail, str_text(&span));
		str_done(&span);
		return;
	}
	const struct fold_look in = fold_look(v, &net);
	const struct view_jail *j = view_jail(v, jail);
	format_span(j->bantime, &span);
	struct dialog *d = dialog_open(ui, net_answer);
	dialog_line(d, "%sban the network %s in %s for %s?", unknown_warning(ui), text, jail, str_text(&span));
	dialog_line(d, "%zu host%s seen; bans inside: %zu (they stay), whitelisted: %zu", in.hosts, in.hosts == 1 ? "" : "s", in.bans, in.white);
	dialog_line(d, "sends: set %s banip %s", jail, text);
	target_set(&d->targets[0], jail, text, text, false);
	d->n_targets = 1;
	dialog_choice(d, 'y', "yes", 1);
	str_done(&span);
}

void
extend_open(struct ui *ui, const struct target *t)
{
	size_t jail = 0;
	const struct view_ban *b = t->is_ban ? view_ban(ui->view, t->jail, t->id) : view_ban_next(ui->view, t->ip, &jail);
	struct str left = {0};
	char label[700];

	if (b == NULL) {
		ui_message(ui, ROLE_WARN, "%s is not banned: nothing to extend", t->ip);
		return;
	}
	if (b->until < 0) {
		ui_message(ui, ROLE_NORMAL, "%s is banned for ever already", b->id);
		return;
	}
	format_left(b->until - ui_now(ui), &left);
	snprintf(label, sizeof label, "extend the ban of %.100s in %.60s (%s left) by: ", b->id, b->jail, str_text(&left));
	target_set(&ui->prompt.target, b->jail, b->id, b->ip, true);
	ui->prompt.until = b->until;
	prompt_open(ui, PROMPT_EXTEND, label, "");
	str_done(&left);
}

void
extend_done(struct ui *ui, const char *text)
{
	const struct target t = ui->prompt.target;
	double now = ui_now(ui), left = ui->prompt.until - now, span, until;
	struct err err;
	char new_end[32], old_end[32];
	struct str words = {0};

	if (strcmp(text, "x2") == 0 || strcmp(text, "2x") == 0)
		until = now + 2 * (left > 0 ? left : 0);
	else if (strcmp(text, "perm") == 0 || strcmp(text, "permanent") == 0)
		until = -1;
	else if (duration_parse(text, &span, &err) && span >= 1)
		until = now + span;
	else {
		ui_message(ui, ROLE_WARN, "no time: %s (x2, 24h, 7d, perm)", text);
		return;
	}
	if (until >= 0 && until <= ui->prompt.until) {
		ui_message(ui, ROLE_WARN, "that would be shorter than now; unban it instead, or ban it anew");
		return;
	}
	until_words(until, new_end);
	until_words(ui->prompt.until, old_end);
	format_span(until < 0 ? -1 : until - now, &words);
	struct deed *d = deed_new(ui, "%s stays banned in %s: %s from now", t.id, t.jail, str_text(&words));
	snprintf(d->undo.text, sizeof d->undo.text, "the ban of %s in %s ends when it did before", t.id, t.jail);
	undo_step(&d->undo, (const char *const[]){"set", t.jail, "unbanip", t.id}, 4);
	undo_step(&d->undo, (const char *const[]){"set", t.jail, "banip", "--until", old_end, t.id}, 6);
	const char *argv[] = {"set", t.jail, "banip", "--until", new_end, t.id};
	deed_send(d, argv, 6);
	deed_sent(d);
	str_done(&words);
}
