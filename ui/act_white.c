/*
 * act_white: the keys w W: addresses that nobody bans, for a while, until restart, or for good.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/mem.h"
#include "deed.h"
#include "fold.h"
#include "ui.h"

#define NET_BANS_MAX 250 /* the engine is asked that much at once */

void
whitelist_one(struct ui *ui, struct deed *d, const char *ip, const char *seconds)
{
	const char *with[] = {"set", "all", "addignoreip", "--for", seconds, ip};
	const char *without[] = {"set", "all", "addignoreip", ip};
	size_t jail = 0;
	const struct view_ban *b;
	struct addr net;

	undo_step(&d->undo, (const char *const[]){"set", "all", "delignoreip", ip}, 4);
	if (seconds != NULL)
		deed_send(d, with, 6);
	else
		deed_send(d, without, 4);
	if (addr_parse(ip, &net) && !addr_is_host(&net)) {
		for (size_t i = 0; i < ui->view->n_ban_slots; i++)
			if ((b = ui->view->bans[i]) != NULL && addr_contains(&net, &b->addr))
				unban_add(d, b);
		return;
	}
	while ((b = view_ban_next(ui->view, ip, &jail)) != NULL)
		unban_add(d, b);
}

/* Bans that end with it. */
static size_t
bans_of(const struct ui *ui, const struct target *t)
{
	size_t jail = 0, n = 0;

	if (t->addr.family != 0 && !addr_is_host(&t->addr))
		return fold_look(ui->view, &t->addr).bans;
	while (view_ban_next(ui->view, t->ip, &jail) != NULL)
		n++;
	return n;
}

void
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
		if (t.ip[0] == '\0')
			ui_message(ui, ROLE_WARN, "for good is asked for one address at a time: clear the marks (V) first");
		else
			amend_white_open(ui, t.ip);
		return;
	}
	if (!is_restart && (!duration_parse(text, &span, &err) || !(span >= 1))) {
		ui_message(ui, ROLE_WARN, "no time: %s (1h, 24h, 7d, restart, perm)", text);
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
		size_t bans = bans_of(ui, &t);
		bool is_net = !addr_is_host(&t.addr);
		d = deed_new(ui, "whitelisted %s %s%s", t.ip, str_text(&words), bans == 0 ? "" : is_net ? ", and ended its bans" : ", and unbanned it");
		snprintf(d->undo.text, sizeof d->undo.text, "took %s off the white list%s", t.ip,
		    bans == 0 ? "" : is_net ? ", and banned who was" : ", and banned it again");
		ui_message(ui, ROLE_NORMAL, "whitelisting %s...", t.ip);
		whitelist_one(ui, d, t.ip, is_restart ? NULL : seconds);
	}
	deed_sent(d);
	str_done(&words);
}

void
white_list_show(struct ui *ui)
{
	struct str left = {0};
	int ip = 4, jail = 9; /* columns, as narrow as they may be */

	for (size_t i = 0; i < ui->view->n_white; i++) {
		const struct view_white *w = &ui->view->white[i];
		ip = (int)strlen(w->ip) > ip ? (int)strlen(w->ip) : ip;
		if (strcmp(w->jail, "all") != 0)
			jail = (int)strlen(w->jail) > jail ? (int)strlen(w->jail) : jail;
	}
	pager_open(ui, "White list", false);
	pager_add(ui, " added while the engine runs; ignoreip of the configuration is not listed");
	for (size_t i = 0; i < ui->view->n_white; i++) {
		const struct view_white *w = &ui->view->white[i];
		str_clear(&left);
		if (w->until < 0)
			str_add(&left, "until restart");
		else {
			format_left(w->until - ui_now(ui), &left);
			str_add(&left, " left");
		}
		pager_add(ui, " %-*s %-*s %s", ip < 43 ? ip : 43, w->ip, jail < 32 ? jail : 32, strcmp(w->jail, "all") == 0 ? "all jails" : w->jail, str_text(&left));
	}
	if (ui->view->n_white == 0)
		pager_add(ui, "  nobody");
	str_done(&left);
}

void
whitelist_open(struct ui *ui, const struct target *t)
{
	char label[700], words[40];

	if (t->ip[0] == '\0' && ui_focused(ui)->table.n_marks > 0) {
		snprintf(label, sizeof label, "whitelist the %zu marked%s for 1h 24h 7d restart: ", ui_focused(ui)->table.n_marks,
		    marked_words(&ui_focused(ui)->table, words));
	} else if (t->addr.family == 0) {
		ui_message(ui, ROLE_WARN, "%s is no address: it cannot be whitelisted", t->ip);
		return;
	} else if (!addr_is_host(&t->addr)) {
		size_t bans = bans_of(ui, t);
		if (bans > NET_BANS_MAX) {
			ui_message(ui, ROLE_WARN, "%s holds %zu bans: too many to end them by one key, unban them first", t->ip, bans);
			return;
		}
		snprintf(label, sizeof label, "whitelist the network %.100s and end its bans (%zu), for: ", t->ip, bans);
	} else {
		snprintf(label, sizeof label, "whitelist %.100s for 1h 24h 7d restart perm: ", t->ip);
	}
	ui->prompt.target = *t;
	prompt_open(ui, PROMPT_WHITELIST, label, "");
}
