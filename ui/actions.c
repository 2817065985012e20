/*
 * actions: which file an acting key leads to (act_*.c, typed.c, export.c …), prompts that were answered, leaving.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "deed.h"
#include "ui.h"

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
		typed_done(ui, text);
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
	return act == ACT_UNBAN || act == ACT_WHITELIST || act == ACT_BAN || act == ACT_BAN_NET || act == ACT_EXTEND || act == ACT_INSPECT || act == ACT_COPY;
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

/* The address itself, or one of the network. */
static bool
is_about(const struct target *t, const char *ip)
{
	struct addr a;

	if (t->addr.family == 0 || addr_is_host(&t->addr))
		return strcmp(ip, t->ip) == 0;
	return addr_parse(ip, &a) && addr_contains(&t->addr, &a);
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
		/* the newest line of that address, or of one of the network, that is still in the log */
		for (size_t i = ui->view->n_log; i-- > 0;) {
			const struct view_event *e = view_log_at(ui->view, i);
			if (e->kind == VIEW_FOUND && is_about(&t, e->ip)) {
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
		has_marks ? unban_marked(ui) : unban(ui, &t);
		return PANE_DONE;
	case ACT_WHITELIST:
		whitelist_open(ui, &t);
		return PANE_DONE;
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
	case ACT_HOLD:
		hold_toggle(ui);
		return PANE_DONE;
	case ACT_DELETE_RULE:
		rule_delete_open(ui);
		return PANE_DONE;
	case ACT_SAVE:
		regex_save(ui);
		return PANE_DONE;
	case ACT_COPY:
		if (!ui->can_copy) {
			ui_message(ui, ROLE_NORMAL, "copying is off; clipboard = yes in jailtop.conf gives y your terminal's");
		} else {
			snprintf(ui->copy, sizeof ui->copy, "%s", t.ip);
			ui_message(ui, ROLE_GOOD, "%s was sent to the terminal's clipboard", t.ip);
		}
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
