/*
 * footer: the last two lines: what just happened (or what the state calls for), and the keys valid now.
 */
#include <stdio.h>
#include <string.h>

#include "ui.h"

#define READ_S 8
#define MESSAGE_S 30 /* then the line belongs to the state again */

/* The keys of the footer in the order of need; the table says their words. */
static const enum action overview_keys[] = {
    ACT_HELP, ACT_FIND, ACT_FILTER, ACT_SORT, ACT_PAUSE, ACT_UNBAN, ACT_WHITELIST, ACT_BAN, ACT_INSPECT, ACT_REGEX, ACT_COMMAND, ACT_CLOSE,
};
static const enum action chains_keys[] = {ACT_HELP, ACT_FIND, ACT_FILTER, ACT_REPAIR, ACT_DELETE_RULE, ACT_RAW, ACT_FAMILY4, ACT_FAMILY6, ACT_UNBAN, ACT_BAN, ACT_INSPECT, ACT_CLOSE};
static const enum action jails_keys[] = {ACT_HELP, ACT_FIND, ACT_FILTER, ACT_PAUSE, ACT_INSPECT, ACT_REGEX, ACT_COMMAND, ACT_CLOSE};
static const enum action regex_keys[] = {ACT_HELP, ACT_EDIT, ACT_SAVE, ACT_SHOW_MATCH, ACT_SHOW_MISS, ACT_SHOW_IGNORED, ACT_SHOW_LIMIT, ACT_LIVE, ACT_CLOSE};
static const enum action inspect_keys[] = {ACT_HELP, ACT_UNBAN, ACT_WHITELIST, ACT_BAN, ACT_BAN_NET, ACT_EXTEND, ACT_REGEX, ACT_CLOSE};

static const enum action *
keys_for(enum key_context context, size_t *n)
{
#define KEYS(list) (*n = sizeof(list) / sizeof *(list), (list))
	switch (context) {
	case CTX_CHAINS:
		return KEYS(chains_keys);
	case CTX_JAILS:
		return KEYS(jails_keys);
	case CTX_REGEX:
		return KEYS(regex_keys);
	case CTX_INSPECT:
		return KEYS(inspect_keys);
	default:
		return KEYS(overview_keys);
	}
#undef KEYS
}

static const struct binding *
binding_of(enum key_context context, enum action action)
{
	size_t n;
	const struct binding *table = keys_table(&n), *found = NULL;

	for (size_t i = 0; i < n; i++)
		if (table[i].action == action && table[i].label != NULL && !(table[i].flags & KEY_ALIAS) &&
		    (table[i].context == context || (table[i].context == CTX_GLOBAL && found == NULL)))
			found = &table[i];
	return found;
}

/* At 40 columns: "?help Tab u:unban w b i / space q". */
static int
key_put(struct canvas *c, int x, int y, const struct binding *b, const char *label, int style)
{
	char name[16];

	keys_name(b->key, name);
	x += canvas_text(c, x, y, ROLE_KEY, name);
	if (label == NULL || style == 0)
		return x;
	if (style == 2)
		x += canvas_text(c, x, y, ROLE_NORMAL, " ");
	else if (strlen(name) > 1 || !strchr("?/\\", name[0]))
		x += canvas_text(c, x, y, ROLE_NORMAL, ":");
	return x + canvas_text(c, x, y, ROLE_NORMAL, label);
}

static void
tiny_draw(const struct ui *ui, struct canvas *c, int y, enum key_context context)
{
	static const enum action list[] = {ACT_HELP, ACT_NEXT, ACT_UNBAN, ACT_WHITELIST, ACT_BAN, ACT_INSPECT, ACT_FIND, ACT_PAUSE, ACT_CLOSE};
	int x = 0;

	(void)ui;
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		const struct binding *b = binding_of(context, list[i]);
		if (b != NULL)
			x = key_put(c, x, y, b, b->label, list[i] == ACT_HELP || list[i] == ACT_UNBAN ? 1 : 0) + 1;
	}
}

void
footer_draw(const struct ui *ui, struct canvas *c, int y)
{
	enum key_context context = ui_context(ui);
	size_t n;
	const enum action *list = keys_for(context, &n);
	bool is_wide = ui->w >= 110;
	int x = 0;

	if (ui->pager.is_open) {
		canvas_text(c, 0, y, ROLE_NORMAL, ui->w >= 60 ? "j k PgUp PgDn g G move   /find n N   q or Esc: close" : "j k /find n q:close");
		return;
	}
	if (regex_is_editing(ui)) {
		canvas_text(c, 0, y, ROLE_NORMAL, ui->w >= 90 ? "type the expression   arrows Home End   Ctrl-U: clear   F2: save   Enter or Esc: leave the editor"
		    : "arrows Home End  Ctrl-U clear  F2 save  Enter or Esc: leave the editor");
		return;
	}
	if (ui->w < 60) {
		tiny_draw(ui, c, y, context);
		return;
	}
	/* as many as fit, the last one (q) always */
	int used = 0;
	bool shown[16] = {false};
	const struct binding *quit = binding_of(context, ACT_CLOSE);
	const char *quit_label = ui->n_zoom > 0 ? "back" : quit->label;
	int quit_cols = (int)strlen(quit_label) + 2;
	for (size_t i = 0; i < n; i++) {
		const struct binding *b = binding_of(context, list[i]);
		char name[16];
		if (b == NULL || list[i] == ACT_CLOSE)
			continue;
		int cols = (int)strlen(keys_name(b->key, name)) + (int)strlen(b->label) + (is_wide ? 3 : strchr("?/\\", name[0]) != NULL ? 1 : 2);
		bool is_space_for_help = list[i] != ACT_SORT || is_wide;
		if (is_space_for_help && used + cols + quit_cols <= c->w) {
			used += cols;
			shown[i] = true;
		}
	}
	for (size_t i = 0; i < n; i++) {
		if (!shown[i])
			continue;
		const struct binding *b = binding_of(context, list[i]);
		x = key_put(c, x, y, b, b->label, is_wide ? 2 : 1) + (is_wide ? 2 : 1);
		if (is_wide && list[i] == ACT_REGEX && context != CTX_INSPECT && x + 10 + quit_cols + 11 <= c->w) {
			x += canvas_text(c, x, y, ROLE_KEY, "1-6");
			x += canvas_text(c, x, y, ROLE_NORMAL, " zoom") + 2;
		}
	}
	key_put(c, x, y, quit, quit_label, is_wide ? 2 : 1);
}

/* Which file the engine is behind with. */
static void
lag_text(const struct view *v, struct str *out)
{
	const struct view_file *worst = NULL;

	format_span(v->stats.lag, out);
	str_add(out, " behind the logs");
	for (size_t i = 0; i < v->n_jails; i++)
		for (size_t k = 0; k < v->jails[i]->n_files; k++) {
			const struct view_file *f = &v->jails[i]->files[k];
			if (f->size > f->pos && (worst == NULL || f->size - f->pos > worst->size - worst->pos))
				worst = f;
		}
	if (worst != NULL) {
		str_addf(out, ": %s has ", worst->path);
		format_count(worst->size - worst->pos, out);
		str_add(out, " bytes to read yet");
	}
}

/* What the state itself has to say when nothing happened lately. */
static bool
state_message(const struct ui *ui, struct str *out, enum role *role)
{
	const struct view *v = ui->view;
	const struct view_host *host;

	if (!ui->is_up && !ui->is_replay) {
		if (*ui->down_reason != '\0')
			str_addf(out, "%s; bans in the firewall stay", ui->down_reason);
		*role = ROLE_WARN;
		return out->len > 0;
	}
	if (!v->is_filled)
		return false;
	*role = ROLE_ALERT;
	if (ui->own_ban.id[0] != '\0') {
		str_addf(out, "YOUR ADDRESS IS BANNED: %s in %s: 3, then u on it", ui->own_ban.id, ui->own_ban.jail);
		return true;
	}
	host = v->n_own > 0 ? view_host(v, v->own[0]) : NULL;
	if (host != NULL && host->max > 0 && host->fail >= host->max) {
		const struct view_jail *j = view_jail(v, host->jail);
		str_addf(out, "your address fails: %d", host->fail);
		if (j != NULL) {
			str_add(out, " in ");
			format_span(j->findtime, out);
		}
		str_add(out, " (somebody else behind it, or an old password?)");
		return true;
	}
	if (v->stats.fw_failed) {
		str_addf(out, "FW FAIL %d: %s", v->stats.fw_fails, v->stats.fw_error);
		return true;
	}
	if (v->stats.db_failed) {
		str_addf(out, "DB FAIL: bans will not survive a restart: %s", v->stats.db_error);
		return true;
	}
	if (v->stats.lag > UI_LAG_S) {
		lag_text(v, out);
		return true;
	}
	if (v->n_jails == 0 && v->engine.state == VIEW_OK) {
		str_add(out, ui->w < 72 ? "no jail is enabled: e.g. :start sshd" : "no jail is enabled, nobody is watched; e.g. :start sshd switches one on");
		*role = ROLE_WARN;
		return true;
	}
	*role = ROLE_MODE;
	if (v->engine.is_dry) {
		str_addf(out, "DRY-RUN: %s, nothing will be banned", *v->engine.why != '\0' ? v->engine.why : "asked for");
		return true;
	}
	return false;
}

/* What a row that stands for many is, as long as there is nothing to tell. */
static bool
network_hint(const struct ui *ui, struct str *out, enum role *role)
{
	const struct pane *p = &ui->panes[PANE_HOSTS];
	struct target t;

	if (ui->focus != PANE_HOSTS || ui->pager.is_open || !p->ops->target(p, ui, &t) || t.addr.family == 0 || addr_is_host(&t.addr))
		return false;
	str_addf(out, "%s: Enter shows its hosts, %s", t.ip, view_is_own(ui->view, &t.addr) ? "it holds your own address" : "B bans the network");
	*role = ROLE_DIM;
	return true;
}

void
message_draw(const struct ui *ui, struct canvas *c, int y)
{
	struct str text = {0};
	enum role role = ROLE_NORMAL;
	bool is_fresh = ui->message[0] != '\0' && ui->mono - ui->message_at < MESSAGE_S;

	if (is_fresh) {
		str_add(&text, ui->message);
		role = ui->message_role;
	} else if (state_message(ui, &text, &role) || network_hint(ui, &text, &role)) {
		/* said */
	} else if (ui->w < 72 && ui->view->n_log > 0 && ui->n_zoom == 0 && ui->focus != PANE_LOG) {
		/* on a small screen: the last event */
		const struct view_event *e = view_log_at(ui->view, ui->view->n_log - 1);
		ui->panes[PANE_LOG].ops->source->text(ui, e, &text);
		role = ROLE_NORMAL;
		if (e->kind == VIEW_FOUND) {
			size_t from;
			str_clear(&text);
			log_body(e->text, e->text_len, &from);
			str_addf(&text, "%d/%d %s %s ", e->n, e->max, e->ip, e->jail);
			str_addn(&text, e->text + from, e->text_len - from);
		} else if (e->kind == VIEW_BAN) {
			str_clear(&text);
			str_addf(&text, "BAN %s %s", e->ip, e->jail);
		}
	}
	int room = c->w;
	if (ui->n_undo > 0 && ui->mono - ui->undo[ui->n_undo - 1].at < UI_UNDO_S && is_fresh && ui->message_undo && c->w >= 40) {
		canvas_text(c, c->w - 7, y, ROLE_KEY, "U: undo");
		room -= 9;
	}
	/* on a small screen a new message may cover rows above it, while it is read */
	int rows = c->w < 72 && is_fresh && ui->mono - ui->message_at < READ_S ? canvas_rows(c, str_text(&text)) : 1;
	if (rows > 1 && rows <= y - header_rows(ui) && !(ui->message_undo && room < c->w)) {
		canvas_wrap(c, y - rows + 1, role, str_text(&text));
		str_done(&text);
		return;
	}
	bool was_cut;
	canvas_textn(c, 0, y, room, 0, role, 0, str_text(&text), text.len, &was_cut);
	if (was_cut)
		canvas_text(c, room - 1, y, ROLE_DIM, ">");
	str_done(&text);
}
