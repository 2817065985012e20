/*
 * ui: keys in, cells out. Where panes stand, who has the focus, what is on top of what.
 */
#include "ui.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
ui_init(struct ui *ui, struct mirror *model)
{
	memset(ui, 0, sizeof *ui);
	ui->model = model;
	ui->view = mirror_view(model);
	ui->focus = ui->focus_before = PANE_HOSTS;
	ui->exe = "/proc/self/exe";
	ui->w = 80;
	ui->h = 24;
	ui->prompt.recalled = -1;
	panes_init(ui->panes);
	ui_layout(ui);
}

void
ui_done(struct ui *ui)
{
	panes_done(ui->panes);
	dialog_close(ui);
	pager_close(ui);
	str_done(&ui->prompt.text);
	for (int kind = 0; kind < PROMPTS; kind++)
		for (int i = 0; i < ui->n_history[kind]; i++)
			str_done(&ui->history[kind][i]);
	for (int i = 0; i < ui->n_undo; i++)
		undo_clear(&ui->undo[i]);
}

double
ui_now(const struct ui *ui)
{
	if (ui->has_fixed_now)
		return ui->fixed_now;
	return ui->view->now + (ui->view->now_at > 0 ? ui->mono - ui->view->now_at : 0);
}

double
ui_silence(const struct ui *ui)
{
	double silent = ui->mono - ui->view->stats.received;

	return ui->is_up && !ui->is_replay && ui->view->is_filled && silent > UI_SILENT_S ? silent : 0;
}

struct pane *
ui_focused(struct ui *ui)
{
	return &ui->panes[ui->focus];
}

enum key_context
ui_context(const struct ui *ui)
{
	if (ui->pager.is_open)
		return CTX_PAGER;
	return ui->panes[ui->focus].ops->context;
}

void
ui_message(struct ui *ui, enum role role, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ui->message, sizeof ui->message, format, args);
	va_end(args);
	ui->message_role = role;
	ui->message_undo = false;
	ui->message_at = ui->mono;
	ui->must_draw = true;
}

/* ---- update ---- */
/* A ban from before this screen was attached may hold the operator's address, alone or in a network. */
static void
own_ban_find(struct ui *ui)
{
	const struct view *v = ui->view;

	if (ui->own_ban_generation == v->generation[VIEW_BANS] || ui->mono - ui->own_ban_at < 1)
		return;
	ui->own_ban_generation = v->generation[VIEW_BANS];
	ui->own_ban_at = ui->mono;
	ui->own_ban.id[0] = '\0';
	for (size_t i = 0; i < v->n_ban_slots && v->n_own > 0; i++)
		if (v->bans[i] != NULL && view_is_own(v, &v->bans[i]->addr)) {
			target_set(&ui->own_ban, v->bans[i]->jail, v->bans[i]->id, v->bans[i]->ip, true);
			return;
		}
}

void
ui_update(struct ui *ui, double mono)
{
	ui->mono = mono;
	own_ban_find(ui);
	for (int i = 0; i < PANES; i++)
		if (ui->panes[i].ops->update != NULL && ui->panes[i].ops->update(&ui->panes[i], ui, false))
			ui->must_draw = true;
}

void
ui_tick(struct ui *ui, double mono)
{
	ui_update(ui, mono);
	/* clocks, ages and countdowns are in every part of the screen: the terminal gets only what differs */
	ui->must_draw = true;
}

/* ---- keys ---- */
bool
ui_is_acting_refused(struct ui *ui)
{
	if (ui->is_read_only || (ui->is_up && !ui->can_write))
		ui_message(ui, ROLE_WARN, "READ-ONLY: this screen only looks%s", ui->is_read_only ? " (-R)" : "; the engine lets only root and its owner act");
	else if (ui->is_replay)
		ui_message(ui, ROLE_WARN, "refused: this is a replay, no engine is behind it");
	else if (!ui->is_up)
		ui_message(ui, ROLE_WARN, "refused: ENGINE DOWN, nothing can be changed now");
	else
		return false;
	return true;
}

static bool
move(struct ui *ui, enum action act)
{
	struct pane *p = ui_focused(ui);
	struct table *t = &p->table;
	long page = t->page > 1 ? t->page - 1 : 1;

	if (p->ops->source == NULL)
		return false;
	switch (act) {
	case ACT_UP:
		table_move(t, p, ui->view, -1);
		break;
	case ACT_DOWN:
		table_move(t, p, ui->view, 1);
		break;
	case ACT_PAGE_UP:
		table_move(t, p, ui->view, -page);
		break;
	case ACT_PAGE_DOWN:
		table_move(t, p, ui->view, page);
		break;
	case ACT_HALF_UP:
		table_move(t, p, ui->view, -(page + 1) / 2);
		break;
	case ACT_HALF_DOWN:
		table_move(t, p, ui->view, (page + 1) / 2);
		break;
	case ACT_HOME:
		table_go(t, p, ui->view, 0);
		if (p->id != PANE_LOG)
			t->is_touched = false; /* the first row again, whoever that is */
		break;
	case ACT_END:
		table_go(t, p, ui->view, t->count > 0 ? t->count - 1 : 0);
		break;
	default:
		return false;
	}
	return true;
}

static void
cancel(struct ui *ui)
{
	if (ui->pager.is_open) {
		pager_close(ui);
		return;
	}
	ui->message[0] = '\0';
	if (ui->n_zoom > 0 && (ui->zoom[ui->n_zoom - 1] == PANE_INSPECT))
		ui_zoom_pop(ui);
}

static void
theme_next(struct ui *ui, bool only_mono)
{
	if (ui->no_color) {
		ui_message(ui, ROLE_NORMAL, "colours are off: NO_COLOR, --no-color or a terminal without them");
		return;
	}
	if (only_mono)
		ui->theme = ui->theme == THEME_MONO ? THEME_DARK : THEME_MONO;
	else
		ui->theme = (enum theme_name)((ui->theme + 1) % THEMES);
	ui->must_repaint = true;
	ui_message(ui, ROLE_NORMAL, "theme %s", theme_text(ui->theme));
}

/* What every pane shares. */
static bool
general(struct ui *ui, enum action act, int key)
{
	struct table *t = &ui_focused(ui)->table;
	bool has_table = ui_focused(ui)->ops->source != NULL;

	switch (act) {
	case ACT_NEXT:
	case ACT_PREVIOUS:
		ui_focus_step(ui, act == ACT_NEXT ? 1 : -1);
		return true;
	case ACT_ZOOM:
		ui_zoom_key(ui, key);
		return true;
	case ACT_OVERVIEW:
		while (ui_zoom_pop(ui))
			;
		return true;
	case ACT_LEFT:
		ui->shift = ui->shift > 8 ? ui->shift - 8 : 0;
		return true;
	case ACT_RIGHT:
		ui->shift = ui->shift < VIEW_LINE_MAX ? ui->shift + 8 : ui->shift;
		return true;
	case ACT_WRAP:
		ui->is_wrapped = !ui->is_wrapped;
		ui->shift = 0;
		ui_message(ui, ROLE_NORMAL, ui->is_wrapped ? "long log rows are wrapped" : "long log rows are cut");
		return true;
	case ACT_SORT:
	case ACT_REVERSE: {
		struct str text = {0};
		if (!has_table)
			return false;
		act == ACT_SORT ? table_sort_next(t) : table_sort_reverse(t);
		table_order_text(t, &text);
		ui_message(ui, ROLE_NORMAL, "%s %s", ui_focused(ui)->ops->title, str_text(&text));
		str_done(&text);
		return true;
	}
	case ACT_PAUSE:
		if (log_paused_rows(ui) >= 0) {
			log_resume(ui);
			ui_message(ui, ROLE_NORMAL, "the view follows again");
		} else {
			log_pause(ui);
			ui_message(ui, ROLE_NORMAL, "the view is paused, the engine goes on; space: resume");
		}
		return true;
	case ACT_FOLLOW:
		log_resume(ui);
		return true;
	case ACT_THEME:
	case ACT_MONO:
		theme_next(ui, act == ACT_MONO);
		return true;
	case ACT_REPAINT:
		ui->must_repaint = true;
		return true;
	case ACT_MOUSE:
		ui->is_mouse_on = !ui->is_mouse_on;
		ui_message(ui, ROLE_NORMAL, ui->is_mouse_on ? "the mouse is on: wheel, click; m: your terminal's again, to select text"
		    : "the mouse is your terminal's again");
		return true;
	case ACT_HELP:
		help_open(ui);
		return true;
	case ACT_FIND:
		if (!has_table) {
			ui_message(ui, ROLE_NORMAL, "nothing to search in this pane");
			return true;
		}
		ui->prompt.old_cursor = t->cursor;
		ui->prompt.old_top = t->top;
		ui->prompt.old_touched = t->is_touched;
		if (ui->focus == PANE_LOG && log_paused_rows(ui) < 0)
			ui_focused(ui)->ops->act(ui_focused(ui), ACT_UP, ui); /* a search needs rows that stand still */
		prompt_open(ui, PROMPT_FIND, "/", "");
		return true;
	case ACT_FIND_NEXT:
	case ACT_FIND_BACK: {
		size_t nth, all;
		if (!has_table || t->find == NULL)
			ui_message(ui, ROLE_NORMAL, "nothing was searched yet: /");
		else if (table_find(t, ui_focused(ui), ui, act == ACT_FIND_NEXT ? 1 : -1, &nth, &all))
			ui_message(ui, ROLE_NORMAL, "/%s  %zu of %zu", sieve_text(t->find), nth, all);
		else
			ui_message(ui, ROLE_WARN, "/%s  not found", sieve_text(t->find));
		return true;
	}
	case ACT_FILTER:
		if (!has_table)
			ui_message(ui, ROLE_NORMAL, "nothing to filter in this pane");
		else
			prompt_open(ui, PROMPT_FILTER, "\\", "");
		return true;
	case ACT_COMMAND:
		prompt_open(ui, PROMPT_COMMAND, ":", "");
		return true;
	case ACT_CANCEL:
		cancel(ui);
		return true;
	case ACT_INTERRUPT:
		if (ui->interrupt_at > 0 && ui->mono - ui->interrupt_at < 2) {
			ui->is_leaving = true;
		} else {
			cancel(ui);
			ui_message(ui, ROLE_NORMAL, "Ctrl-C again leaves; the engine keeps running");
		}
		ui->interrupt_at = ui->mono;
		return true;
	case ACT_CLOSE:
		if (!ui_zoom_pop(ui))
			actions_leave(ui);
		return true;
	case ACT_QUIT:
		ui->is_leaving = true;
		return true;
	default:
		return false;
	}
}

static void
dispatch(struct ui *ui, int key)
{
	const struct binding *b = keys_find(ui_context(ui), key);
	struct pane *p = ui_focused(ui);
	char name[16];

	if (b == NULL) {
		ui_message(ui, ROLE_WARN, "%s does nothing here; ? shows the keys", keys_name(key, name));
		return;
	}
	if (ui->pager.is_open) {
		if (b->action == ACT_CLOSE || b->action == ACT_CANCEL || (b->action == ACT_HELP && ui->pager.is_help))
			pager_close(ui);
		else if (b->action == ACT_FIND)
			prompt_open(ui, PROMPT_FIND, "/", "");
		else if (!pager_act(ui, b->action) &&
		    (b->action == ACT_QUIT || b->action == ACT_REPAINT || b->action == ACT_INTERRUPT || b->action == ACT_ZOOM || b->action == ACT_HELP))
			general(ui, b->action, key);
		return;
	}
	if ((b->flags & KEY_WRITE) && ui_is_acting_refused(ui))
		return;
	if (ui->w < UI_LEAST_W || ui->h < UI_LEAST_H) {
		/* no pane is shown: only keys that leave */
		if (b->action == ACT_CLOSE || b->action == ACT_QUIT || b->action == ACT_INTERRUPT || b->action == ACT_REPAINT)
			general(ui, b->action, key);
		return;
	}
	if (p->ops->act != NULL && p->ops->act(p, b->action, ui) == PANE_DONE)
		return;
	if (move(ui, b->action) || actions_run(ui, b->action, key) == PANE_DONE || general(ui, b->action, key))
		return;
	ui_message(ui, ROLE_NORMAL, "%s has no meaning in this pane", keys_name(key, name));
}

/* The mouse moves, it never acts: nothing happens while something is asked or edited. */
static bool
takes_mouse(const struct ui *ui)
{
	return !ui->dialog.is_open && ui->prompt.kind == PROMPT_NONE && !regex_is_editing(ui) && ui->w >= UI_LEAST_W && ui->h >= UI_LEAST_H;
}

static void
wheel(struct ui *ui, bool is_up)
{
	for (int i = 0; i < 3 && takes_mouse(ui); i++)
		dispatch(ui, is_up ? K_UP : K_DOWN);
	ui_update(ui, ui->mono);
}

void
ui_click(struct ui *ui, int x, int y, double mono)
{
	ui->mono = mono;
	if (!takes_mouse(ui) || ui->pager.is_open)
		return;
	ui->must_draw = true;
	ui->key_at = mono;
	for (int i = 0; i < PANES; i++) {
		struct pane *p = &ui->panes[i];
		if (p->w <= 0 || x < p->x || x >= p->x + p->w || y < p->y || y >= p->y + p->h)
			continue;
		int above = i == PANE_LOG ? 1 : 2;
		ui->focus = (enum pane_id)i;
		if (p->ops->source == NULL || p->is_line || y - p->y < above)
			return;
		if (i == PANE_LOG && log_paused_rows(ui) < 0)
			p->ops->act(p, ACT_UP, ui); /* rows that are pointed at stand still */
		if (p->table.top + (size_t)(y - p->y - above) < p->table.count)
			table_go(&p->table, p, ui->view, p->table.top + (size_t)(y - p->y - above));
		return;
	}
}

void
ui_key(struct ui *ui, int key, double mono)
{
	ui->mono = mono;
	if (!keys_guard(&ui->guard, key, mono))
		return;
	ui->must_draw = true;
	if (ui->is_gate_closed || key == K_UNKNOWN)
		return;
	if (key == K_WHEEL_UP || key == K_WHEEL_DOWN) {
		wheel(ui, key == K_WHEEL_UP);
		return;
	}
	ui->key_at = mono;
	if (ui->dialog.is_open)
		dialog_key(ui, key);
	else if (ui->prompt.kind != PROMPT_NONE)
		prompt_key(ui, key);
	else if (regex_is_editing(ui))
		regex_key(ui, key);
	else
		dispatch(ui, key);
	ui_update(ui, mono);
}

/* ---- drawing ---- */
static void
tiny_draw(const struct ui *ui, struct canvas *c)
{
	const struct pane *p = &ui->panes[PANE_LOG];

	if (ui->w < 20 || ui->h < 4) {
		canvas_text(c, 0, 0, ROLE_NORMAL, "too small, need 20x4");
		return;
	}
	header_draw(ui, c);
	int y = header_rows(ui);
	for (size_t i = 0; y + (int)i < ui->h && i < p->table.count; i++) {
		size_t rows = (size_t)(ui->h - y), first = p->table.count > rows ? p->table.count - rows : 0;
		const struct view_event *e = table_at(&p->table, p, ui->view, first + i);
		struct str text = {0};
		if (e == NULL)
			continue;
		str_addf(&text, "%s ", e->kind == VIEW_BAN ? "BAN" : e->kind == VIEW_UNBAN ? "UNB" : "");
		if (e->kind == VIEW_FOUND)
			str_addf(&text, "%d/%d ", e->n, e->max);
		str_addf(&text, "%s %s", *e->ip != '\0' ? e->ip : e->text, e->jail);
		canvas_text(c, 0, y + (int)i, ROLE_NORMAL, text.at[0] == ' ' ? text.at + 1 : text.at);
		str_done(&text);
	}
}

void
ui_draw(const struct ui *ui, struct canvas *c)
{
	canvas_clear(c);
	if (ui->w < UI_LEAST_W || ui->h < UI_LEAST_H) {
		tiny_draw(ui, c);
		return;
	}
	header_draw(ui, c);
	for (int i = 0; i < PANES; i++) {
		const struct pane *p = &ui->panes[i];
		if (p->w <= 0)
			continue;
		struct canvas part = canvas_window(c, p->x, p->y, p->w, p->h);
		p->ops->draw(p, ui, &part);
		if (p->x > 0 && ui->n_zoom == 0)
			for (int y = p->y; y < p->y + p->h; y++)
				canvas_vbar(c, p->x - 1, y, ROLE_TITLE);
	}
	/* data that may be old is dim; before there is any, it would be painted twice */
	if ((!ui->is_up && !ui->is_replay && ui->view->is_filled) || ui_silence(ui) > 0)
		for (int y = header_rows(ui); y < ui->h - 2; y++)
			canvas_flags(c, 0, y, c->w, CELL_DIM);
	if (ui->pager.is_open)
		pager_draw(ui, c);
	message_draw(ui, c, ui->h - 2);
	footer_draw(ui, c, ui->h - 1);
	if (ui->prompt.kind != PROMPT_NONE)
		prompt_draw(ui, c, ui->h - 2);
	if (ui->dialog.is_open)
		dialog_draw(ui, c, ui->h - 1);
}
