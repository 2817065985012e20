/*
 * actions: what the acting keys do. Whom they are for is captured when the key is pressed; the engine's
 * answer, not the wish, makes the message; what succeeded goes onto the undo stack.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/mem.h"
#include "ui.h"

/* ---- undo ---- */
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

static void
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

/* ---- commands under way ---- */
/* Some commands that are one action: the message and the undo come when all are answered. */
struct deed {
	struct ui *ui;
	int open;          /* answers that are still to come, and one until all is sent */
	int done, failed;
	int64_t count;     /* what the engine says it did */
	char said[700];    /* the message on success */
	char none[300];    /* when the engine did nothing; "": as said */
	char error[300];
	struct undo undo;
	bool is_undo;
};

static struct deed *
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

static void
deed_send(struct deed *d, const char *const *words, size_t n)
{
	d->open++;
	if (d->ui->send == NULL || !d->ui->send(d->ui->send_arg, words, n, deed_answered, d)) {
		d->open--;
		d->failed++;
		snprintf(d->error, sizeof d->error, "the engine does not take it now");
	}
}

/* After the last deed_send(). */
static void
deed_sent(struct deed *d)
{
	if (--d->open == 0)
		deed_finish(d);
}

static void
until_words(double until, char text[32])
{
	if (until < 0)
		snprintf(text, 32, "-1");
	else
		snprintf(text, 32, "%.0f", until);
}

/* ---- unban ---- */
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

static void
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

static void
marked_unban(struct ui *ui)
{
	const struct table *t = &ui_focused(ui)->table;
	struct dialog *d = dialog_open(ui, marked_unban_answer);

	d->marked = xcalloc(t->n_marks + 1, sizeof *d->marked);
	for (size_t i = 0; i < t->n_marks; i++)
		d->marked[i] = xstrdup(t->marks[i]);
	dialog_line(d, "unban the %zu marked rows?", t->n_marks);
	dialog_choice(d, 'y', "yes", 0);
}

static void
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
	if (n == 0) {
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

/* ---- whitelist ---- */
static void
whitelist_one(struct ui *ui, struct deed *d, const char *ip, const char *seconds)
{
	const char *with[] = {"set", "all", "addignoreip", "--for", seconds, ip};
	const char *without[] = {"set", "all", "addignoreip", ip};
	size_t jail = 0;
	const struct view_ban *b;

	undo_step(&d->undo, (const char *const[]){"set", "all", "delignoreip", ip}, 4);
	if (seconds != NULL)
		deed_send(d, with, 6);
	else
		deed_send(d, without, 4);
	while ((b = view_ban_next(ui->view, ip, &jail)) != NULL)
		unban_add(d, b);
}

static void
whitelist_done(struct ui *ui, const char *text)
{
	const struct table *table = &ui_focused(ui)->table;
	const struct target t = ui->prompt.target;
	char seconds[32];
	double span = 0;
	struct err err;
	struct str words = {0};
	bool is_restart = strcmp(text, "restart") == 0;

	if (strcmp(text, "permanent") == 0 || strcmp(text, "perm") == 0) {
		ui_message(ui, ROLE_WARN, "for ever is a matter of the configuration: ignoreip in jail.d/*.local; restart lasts until the engine ends");
		return;
	}
	if (!is_restart && (!duration_parse(text, &span, &err) || !(span >= 1))) {
		ui_message(ui, ROLE_WARN, "no time: %s (1h, 24h, 7d, restart)", text);
		return;
	}
	snprintf(seconds, sizeof seconds, "%.0f", span);
	if (is_restart)
		str_add(&words, "until the engine restarts");
	else {
		str_add(&words, "for ");
		format_span(span, &words);
	}
	struct deed *d;
	if (table->n_marks > 0 && ui->prompt.label[0] != '\0' && ui->prompt.target.ip[0] == '\0') {
		d = deed_new(ui, "whitelisted %zu addresses %s", table->n_marks, str_text(&words));
		snprintf(d->undo.text, sizeof d->undo.text, "took %zu addresses off the white list", table->n_marks);
		for (size_t i = 0; i < table->n_marks; i++) {
			const char *split = strchr(table->marks[i], '\n');
			whitelist_one(ui, d, split != NULL ? split + 1 : table->marks[i], is_restart ? NULL : seconds);
		}
		table_unmark_all(&ui_focused(ui)->table);
	} else {
		size_t jail = 0;
		bool is_banned = view_ban_next(ui->view, t.ip, &jail) != NULL;
		d = deed_new(ui, "whitelisted %s %s%s", t.ip, str_text(&words), is_banned ? ", and unbanned it" : "");
		snprintf(d->undo.text, sizeof d->undo.text, "took %s off the white list%s", t.ip, is_banned ? ", and banned it again" : "");
		ui_message(ui, ROLE_NORMAL, "whitelisting %s...", t.ip);
		whitelist_one(ui, d, t.ip, is_restart ? NULL : seconds);
	}
	deed_sent(d);
	str_done(&words);
}

static void
white_list_show(struct ui *ui)
{
	struct str left = {0};

	pager_open(ui, "White list", false);
	pager_add(ui, " what was added while the engine runs; ignoreip of the configuration is not repeated here");
	for (size_t i = 0; i < ui->view->n_white; i++) {
		const struct view_white *w = &ui->view->white[i];
		str_clear(&left);
		if (w->until < 0)
			str_add(&left, "until restart");
		else {
			format_left(w->until - ui_now(ui), &left);
			str_add(&left, " left");
		}
		pager_add(ui, "  %-39s %-12s %s", w->ip, strcmp(w->jail, "all") == 0 ? "all jails" : w->jail, str_text(&left));
	}
	if (ui->view->n_white == 0)
		pager_add(ui, "  nobody");
	str_done(&left);
}

/* ---- ban ---- */
/* The one guard of the operator's address in front of every ban that a key makes. */
static bool
is_protected(struct ui *ui, const struct addr *addr, const char *text)
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

static void
ban_open(struct ui *ui, const struct target *t)
{
	struct str span = {0};
	char label[700];
	const char *jail = jail_for(ui, t);
	const struct view_jail *j = view_jail(ui->view, jail);

	if (j == NULL) {
		ui_message(ui, ROLE_WARN, "no jail is running: nothing can ban");
		return;
	}
	if (is_protected(ui, &t->addr, t->ip))
		return;
	format_span(j->bantime, &span);
	if (ui_focused(ui)->table.n_marks > 0 && t->ip[0] == '\0')
		snprintf(label, sizeof label, "%sban the %zu marked (Enter: %.60s, %s): ", unknown_warning(ui), ui_focused(ui)->table.n_marks, jail, str_text(&span));
	else if (t->ip[0] != '\0')
		snprintf(label, sizeof label, "%sban %.100s (Enter: %.60s, %s): ", unknown_warning(ui), t->ip, jail, str_text(&span));
	else
		snprintf(label, sizeof label, "%sban which ADDRESS (in %.60s, %s): ", unknown_warning(ui), jail, str_text(&span));
	ui->prompt.target = *t;
	snprintf(ui->prompt.target.jail, sizeof ui->prompt.target.jail, "%s", jail);
	prompt_open(ui, PROMPT_BAN, label, "");
	str_done(&span);
}

static void
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
	} else if (!is_protected(ui, &t.addr, t.ip)) {
		struct deed *d = deed_new(ui, "banned %s in %s %s", t.ip, t.jail, str_text(&words));
		snprintf(d->none, sizeof d->none, "%.100s was banned in %.100s already", t.ip, t.jail);
		snprintf(d->undo.text, sizeof d->undo.text, "unbanned %s from %s", t.ip, t.jail);
		ui_message(ui, ROLE_NORMAL, "banning %s...", t.ip);
		ban_send(ui, d, t.jail, t.ip, time);
		deed_sent(d);
	}
	str_done(&words);
}

/* ---- ban the network ---- */
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

static void
net_open(struct ui *ui, const struct target *t)
{
	const struct view *v = ui->view;
	struct addr net = t->addr;
	char text[ADDR_TEXT_MAX];
	size_t hosts = 0, bans = 0, white = 0;
	const char *jail = jail_for(ui, t);
	struct str span = {0};

	if (net.family == 0 || !addr_is_host(&net) || *jail == '\0') {
		ui_message(ui, ROLE_WARN, net.family == 0 ? "%s is no address: it has no network" : "%s is a network already", t->ip);
		return;
	}
	addr_mask(&net, net.family == 4 ? 24 : 64);
	addr_format(&net, text);
	if (is_protected(ui, &net, text))
		return;
	for (size_t i = 0; i < v->n_host_slots; i++)
		hosts += v->hosts[i] != NULL && v->hosts[i]->addr.family != 0 && addr_contains(&net, &v->hosts[i]->addr);
	for (size_t i = 0; i < v->n_ban_slots; i++)
		bans += v->bans[i] != NULL && v->bans[i]->addr.family != 0 && addr_contains(&net, &v->bans[i]->addr);
	for (size_t i = 0; i < v->n_white; i++)
		white += v->white[i].addr.family != 0 && addr_contains(&net, &v->white[i].addr);
	const struct view_jail *j = view_jail(v, jail);
	format_span(j->bantime, &span);
	struct dialog *d = dialog_open(ui, net_answer);
	dialog_line(d, "%sban the network %s in %s for %s?", unknown_warning(ui), text, jail, str_text(&span));
	dialog_line(d, "%zu host%s seen, %zu of it banned now (such bans stay), %zu whitelisted inside", hosts, hosts == 1 ? "" : "s", bans, white);
	dialog_line(d, "sends: set %s banip %s", jail, text);
	target_set(&d->targets[0], jail, text, text, false);
	d->n_targets = 1;
	dialog_choice(d, 'y', "yes", 1);
	str_done(&span);
}

/* ---- extend ---- */
static void
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
	snprintf(label, sizeof label, "extend the ban of %.100s in %.60s (%s left) x2 24h 7d perm: ", b->id, b->jail, str_text(&left));
	target_set(&ui->prompt.target, b->jail, b->id, b->ip, true);
	ui->prompt.until = b->until;
	prompt_open(ui, PROMPT_EXTEND, label, "");
	str_done(&left);
}

static void
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

/* ---- undo ---- */
static void
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

/* ---- leaving ---- */
static void
stop_answered(void *arg, bool ok, const json_t *value, const char *error)
{
	struct ui *ui = arg;

	(void)value;
	if (ok || !ui->is_up) {
		ui->is_leaving = true;
	} else {
		ui->is_stopping = false;
		ui_message(ui, ROLE_BAD, "the engine does not stop: %s", error);
	}
}

static void
leave_answer(struct ui *ui, int value)
{
	const char *words[] = {"stop", "--keep-bans"};

	if (value == 'k') {
		ui->is_leaving = true;
	} else if (value == 'n') {
		ui_message(ui, ROLE_NORMAL, "stayed");
	} else {
		ui->is_stopping = true;
		ui_message(ui, ROLE_WARN, value == 's' ? "stopping the engine, its bans stay..." : "stopping the engine and unbanning all...");
		if (ui->send == NULL || !ui->send(ui->send_arg, words, value == 's' ? 2 : 1, stop_answered, ui)) {
			ui->is_stopping = false;
			ui_message(ui, ROLE_BAD, "the engine does not take it now");
		}
	}
}

void
actions_leave(struct ui *ui)
{
	if (!ui->is_up || !ui->view->engine.is_owned || ui->is_read_only || !ui->can_write || ui->is_stopping) {
		ui->is_leaving = true;
		return;
	}
	struct dialog *d = dialog_open(ui, leave_answer);
	dialog_line(d, "engine: k keep running  s stop, keep bans  u stop and unban all  n stay");
	dialog_choice(d, 'k', "keep", 'k');
	dialog_choice(d, 's', "stop", 's');
	dialog_choice(d, 'u', "stop, unban all", 'u');
	dialog_choice(d, 'n', "stay", 'n');
}

/* ---- commands typed ---- */
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

static void
command_done(struct ui *ui, char *text)
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
		if (strcmp(words[2], "banip") == 0 && addr_parse(words[i], &addr) && is_protected(ui, &addr, words[i]))
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

/* ---- prompts answered ---- */
static void
find_done(struct ui *ui, const char *text)
{
	struct table *t = &ui_focused(ui)->table;
	struct err err;
	size_t nth, all;
	struct sieve *f;

	if (*text == '\0')
		return;
	f = sieve_new(text, false, &err);
	if (f == NULL) {
		ui_message(ui, ROLE_BAD, "%s", err.text);
		return;
	}
	if (ui->pager.is_open) {
		sieve_free(ui->pager.find);
		ui->pager.find = f;
		pager_find(ui, 0);
		return;
	}
	sieve_free(t->find);
	t->find = f;
	if (table_find(t, ui_focused(ui), ui, 0, &nth, &all))
		ui_message(ui, ROLE_NORMAL, "/%s  %zu of %zu", text, nth, all);
	else
		ui_message(ui, ROLE_WARN, "/%s  not found", text);
}

static void
filter_done(struct ui *ui, const char *text)
{
	struct pane *p = ui_focused(ui);
	struct err err;
	struct sieve *f = NULL;

	if (*text != '\0' && (f = sieve_new(text, true, &err)) == NULL) {
		ui_message(ui, ROLE_BAD, "%s", err.text);
		return;
	}
	table_set_filter(&p->table, f);
	p->ops->update(p, ui, true);
	if (f != NULL)
		ui_message(ui, ROLE_NORMAL, "filter: %s  %zu of %zu", text, p->table.count, p->table.total);
	else
		ui_message(ui, ROLE_NORMAL, "all rows are shown");
}

void
actions_prompt_done(struct ui *ui)
{
	enum prompt_kind kind = ui->prompt.kind;
	char *text = xstrdup(str_text(&ui->prompt.text));

	prompt_close(ui);
	if ((kind == PROMPT_WHITELIST || kind == PROMPT_EXTEND || kind == PROMPT_EXPORT) && *text == '\0')
		ui_message(ui, ROLE_NORMAL, "nothing was done");
	else if (kind == PROMPT_FIND)
		find_done(ui, text);
	else if (kind == PROMPT_FILTER)
		filter_done(ui, text);
	else if (kind == PROMPT_COMMAND)
		command_done(ui, text);
	else if (kind == PROMPT_EXPORT)
		export_pane(ui, text);
	else if (!ui_is_acting_refused(ui)) { /* the engine may have gone while it was typed */
		if (kind == PROMPT_WHITELIST)
			whitelist_done(ui, text);
		else if (kind == PROMPT_BAN)
			ban_done(ui, text);
		else if (kind == PROMPT_EXTEND)
			extend_done(ui, text);
	}
	free(text);
}

/* ---- keys ---- */
static bool
needs_target(enum action act)
{
	return act == ACT_UNBAN || act == ACT_WHITELIST || act == ACT_BAN || act == ACT_BAN_NET || act == ACT_EXTEND || act == ACT_INSPECT;
}

static void
mark(struct ui *ui)
{
	struct pane *p = ui_focused(ui);
	const void *row = p->ops->source != NULL ? table_current(&p->table, p, ui->view) : NULL;
	char key[TABLE_KEY_MAX];

	if (row == NULL || (p->id != PANE_BANS && p->id != PANE_HOSTS)) {
		ui_message(ui, ROLE_NORMAL, "only hosts and bans can be marked");
		return;
	}
	p->table.source->key(row, key);
	table_mark(&p->table, key);
	table_move(&p->table, p, ui->view, 1);
	ui_message(ui, ROLE_NORMAL, "%zu marked", p->table.n_marks);
}

static void
regex_of_row(struct ui *ui)
{
	struct pane *p = ui_focused(ui);
	struct target t = {0};

	if (p->id == PANE_LOG) {
		const struct view_event *e = table_current(&p->table, p, ui->view);
		if (e != NULL && e->kind == VIEW_FOUND) {
			regex_open(ui, e->jail, e->regex);
			return;
		}
	}
	if (p->ops->target != NULL && p->ops->target(p, ui, &t)) {
		/* the newest line of that address that is still in the log */
		for (size_t i = ui->view->n_log; i-- > 0;) {
			const struct view_event *e = view_log_at(ui->view, i);
			if (e->kind == VIEW_FOUND && strcmp(e->ip, t.ip) == 0) {
				regex_open(ui, e->jail, e->regex);
				return;
			}
		}
	}
	regex_open(ui, t.jail[0] != '\0' ? t.jail : ui->view->n_jails > 0 ? ui->view->jails[0]->name : "", 1);
}

enum pane_result
actions_run(struct ui *ui, enum action act, int key)
{
	struct pane *p = ui_focused(ui);
	struct target t = {0};
	bool has_target = p->ops->target != NULL && p->ops->target(p, ui, &t);
	bool has_marks = p->table.n_marks > 0 && (act == ACT_UNBAN || act == ACT_WHITELIST || act == ACT_BAN);
	char name[16];

	if (needs_target(act) && act != ACT_INSPECT && p->id == PANE_LOG && log_paused_rows(ui) < 0) {
		p->ops->act(p, ACT_UP, ui); /* pauses */
		ui_message(ui, ROLE_WARN, "the rows move: the log is paused now, choose one and press %s again", keys_name(key, name));
		return PANE_DONE;
	}
	if (needs_target(act) && !has_target && !has_marks && act != ACT_BAN) {
		ui_message(ui, ROLE_NORMAL, "no address is under the cursor");
		return PANE_DONE;
	}
	if (has_marks)
		memset(&t, 0, sizeof t);
	switch (act) {
	case ACT_UNBAN:
		has_marks ? marked_unban(ui) : unban(ui, &t);
		return PANE_DONE;
	case ACT_WHITELIST: {
		char label[700];
		if (has_marks)
			snprintf(label, sizeof label, "whitelist the %zu marked for 1h 24h 7d restart: ", p->table.n_marks);
		else if (t.addr.family == 0) {
			ui_message(ui, ROLE_WARN, "%s is no address: it cannot be whitelisted", t.ip);
			return PANE_DONE;
		} else
			snprintf(label, sizeof label, "whitelist %.100s for 1h 24h 7d restart: ", t.ip);
		ui->prompt.target = t;
		prompt_open(ui, PROMPT_WHITELIST, label, "");
		return PANE_DONE;
	}
	case ACT_WHITE_LIST:
		white_list_show(ui);
		return PANE_DONE;
	case ACT_BAN:
		if (t.ip[0] != '\0' && t.addr.family == 0)
			ui_message(ui, ROLE_WARN, "%s is no address: it cannot be banned by hand", t.ip);
		else
			ban_open(ui, &t);
		return PANE_DONE;
	case ACT_BAN_NET:
		net_open(ui, &t);
		return PANE_DONE;
	case ACT_EXTEND:
		extend_open(ui, &t);
		return PANE_DONE;
	case ACT_UNDO:
		undo_last(ui);
		return PANE_DONE;
	case ACT_MARK:
		mark(ui);
		return PANE_DONE;
	case ACT_UNMARK:
		table_unmark_all(&p->table);
		ui_message(ui, ROLE_NORMAL, "no row is marked");
		return PANE_DONE;
	case ACT_INSPECT:
		inspect_open(ui, &t);
		return PANE_DONE;
	case ACT_REGEX:
		regex_of_row(ui);
		return PANE_DONE;
	case ACT_EXPORT:
		if (p->ops->source == NULL)
			ui_message(ui, ROLE_NORMAL, "this pane has no rows to export");
		else
			prompt_open(ui, PROMPT_EXPORT, "export to: ", "");
		return PANE_DONE;
	default:
		return PANE_PASS;
	}
}
