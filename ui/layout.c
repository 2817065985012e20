/*
 * layout: where panes stand at which size, which one has the focus, and which are zoomed on top of each other.
 */
#include <string.h>

#include "ui.h"

static void
place(struct ui *ui, enum pane_id id, int x, int y, int w, int h)
{
	struct pane *p = &ui->panes[id];
	int above = id == PANE_LOG ? 1 : 2; /* title, headings */

	p->x = x;
	p->y = y;
	p->w = w;
	p->h = h;
	p->is_line = h <= 2;
	p->table.page = h - above > 0 ? h - above : 1;
}

static bool
is_single(const struct ui *ui)
{
	return ui->w < 72 || ui->h < 18;
}

static bool
has_side_column(const struct ui *ui)
{
	return ui->w >= 190 && ui->h >= 40;
}

static void
place_overview(struct ui *ui, int y, int body)
{
	int w = has_side_column(ui) ? ui->w - 61 : ui->w;
	int low, log, lists, left = w / 2 - 1;

	if (has_side_column(ui)) {
		int half = body * 3 / 5;
		place(ui, PANE_INSPECT, w + 1, y, 60, half);
		place(ui, PANE_REGEX, w + 1, y + half, 60, body - half);
	}
	if (ui->h < 30)
		low = 4;
	else if (w >= 100)
		low = body / 4;
	else
		low = body / 3;
	log = ui->h < 30 ? 1 + (body - low) * 6 / 16 : 1 + body / 3;
	lists = body - low - log;
	place(ui, PANE_LOG, 0, y, w, log);
	place(ui, PANE_HOSTS, 0, y + log, left, lists);
	place(ui, PANE_BANS, left + 1, y + log, w - left - 1, lists);
	y += log + lists;
	if (ui->h >= 30 && w >= 100) {
		place(ui, PANE_CHAINS, 0, y, left, low);
		place(ui, PANE_JAILS, left + 1, y, w - left - 1, low);
	} else {
		place(ui, PANE_CHAINS, 0, y, w, low / 2);
		place(ui, PANE_JAILS, 0, y + low / 2, w, low - low / 2);
	}
}

void
ui_layout(struct ui *ui)
{
	int y = header_rows(ui), body = ui->h - y - 2;

	for (int i = 0; i < PANES; i++)
		ui->panes[i].w = ui->panes[i].h = 0;
	if (ui->w < UI_LEAST_W || ui->h < UI_LEAST_H)
		place(ui, PANE_LOG, 0, y, ui->w, ui->h - y > 0 ? ui->h - y : 0);
	else if (ui->n_zoom > 0)
		place(ui, ui->zoom[ui->n_zoom - 1], 0, y, ui->w, body);
	else if (is_single(ui))
		place(ui, ui->focus, 0, y, ui->w, body);
	else
		place_overview(ui, y, body);
	for (int i = 0; i < PANES; i++)
		if (ui->panes[i].w > 0 && ui->panes[i].ops->source != NULL && i != PANE_LOG)
			table_clamp(&ui->panes[i].table);
	ui->panes[PANE_LOG].table.is_dirty = true;
	ui->must_draw = true;
}

void
ui_resize(struct ui *ui, int w, int h)
{
	ui->w = w;
	ui->h = h;
	ui_layout(ui);
}

void
ui_zoom_push(struct ui *ui, enum pane_id id)
{
	int max = (int)(sizeof ui->zoom / sizeof *ui->zoom);

	if (ui->n_zoom > 0 && ui->zoom[ui->n_zoom - 1] == id)
		return;
	if (ui->n_zoom == max) {
		memmove(ui->zoom, ui->zoom + 1, sizeof *ui->zoom * (size_t)(max - 1));
		ui->n_zoom--;
	}
	if (ui->n_zoom == 0 && ui->focus != PANE_INSPECT && ui->focus != PANE_REGEX)
		ui->focus_before = ui->focus;
	ui->zoom[ui->n_zoom++] = id;
	ui->focus = id;
	ui_layout(ui);
}

bool
ui_zoom_pop(struct ui *ui)
{
	if (ui->n_zoom == 0)
		return false;
	enum pane_id was = ui->zoom[--ui->n_zoom];
	if (ui->n_zoom > 0)
		ui->focus = ui->zoom[ui->n_zoom - 1];
	else if ((was == PANE_INSPECT || was == PANE_REGEX) && !has_side_column(ui))
		ui->focus = ui->focus_before; /* its cursor is on what was looked at: the next key is for that */
	ui_layout(ui);
	return true;
}

/* ---- keys ---- */
void
ui_focus_step(struct ui *ui, int step)
{
	int last = has_side_column(ui) && ui->n_zoom == 0 ? PANE_INSPECT : PANE_JAILS;
	int next = (int)ui->focus;

	if (next > last)
		next = step > 0 ? last : 0;
	next = (next + step + last + 1) % (last + 1);
	ui->focus = (enum pane_id)next;
	if (ui->n_zoom > 0) {
		ui->n_zoom = 0;
		if (!is_single(ui))
			ui_zoom_push(ui, ui->focus);
	}
	ui_layout(ui);
}

void
ui_zoom_key(struct ui *ui, int key)
{
	enum pane_id id = (enum pane_id)(key - '1');

	ui->pager.is_open = false;
	if (ui->n_zoom == 1 && ui->zoom[0] == id) {
		ui_zoom_pop(ui);
		return;
	}
	ui->n_zoom = 0;
	ui_zoom_push(ui, id);
}
