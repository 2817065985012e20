/*
 * pane_hosts: who fails: one row per address.
 */
#include <string.h>

#include "ui.h"

enum { HOST_IP, HOST_FAIL, HOST_MIN, HOST_JAIL, HOST_LAST, HOST_TOTAL, HOST_FLAG, HOST_COLUMNS };

static const struct column columns[HOST_COLUMNS] = {
    [HOST_IP] = {"IP", 14, 39, false, true, false, 0, NEED_LEAD},
    [HOST_FAIL] = {"FAIL", 4, 4, true, true, true, 0, NEED_NONE},
    [HOST_MIN] = {"/min", 4, 4, true, true, true, 3, NEED_NONE},
    [HOST_JAIL] = {"JAIL", 6, 10, false, true, false, 2, NEED_JAIL},
    [HOST_LAST] = {"LAST", 5, 5, true, true, true, 5, NEED_NONE},
    [HOST_TOTAL] = {"TOTAL", 5, 5, true, true, true, 6, NEED_NONE},
    [HOST_FLAG] = {"FLAG", 5, 12, false, false, false, 0, NEED_NONE},
};

static size_t
host_slots(const struct pane *p, const struct view *v)
{
	(void)p;
	return v->n_host_slots;
}

static const void *
host_row(const struct pane *p, const struct view *v, uint32_t slot, uint64_t *serial)
{
	(void)p;
	if (slot >= v->n_host_slots || v->hosts[slot] == NULL)
		return NULL;
	*serial = v->hosts[slot]->serial;
	return v->hosts[slot];
}

static void
host_key(const void *row, char key[TABLE_KEY_MAX])
{
	const struct view_host *h = row;

	snprintf(key, TABLE_KEY_MAX, "%s", h->ip);
}

static void
host_addr(const void *row, struct addr *out)
{
	*out = ((const struct view_host *)row)->addr;
}

static const char *
host_lead(const void *row)
{
	return ((const struct view_host *)row)->ip;
}

static int
host_compare(const void *a, const void *b, int column)
{
	const struct view_host *x = a, *y = b;
	int order = 0;

	if (column == HOST_FAIL)
		order = x->fail < y->fail ? -1 : x->fail > y->fail;
	else if (column == HOST_MIN)
		order = x->per_min < y->per_min ? -1 : x->per_min > y->per_min;
	else if (column == HOST_TOTAL)
		order = x->total < y->total ? -1 : x->total > y->total;
	else if (column == HOST_LAST)
		order = x->last < y->last ? -1 : x->last > y->last;
	else if (column == HOST_JAIL)
		order = strcmp(x->jail, y->jail);
	if (order == 0 && column == HOST_FAIL) /* equal counts: the busiest, then the latest first */
		order = x->per_min < y->per_min ? -1 : x->per_min > y->per_min;
	if (order == 0 && column == HOST_FAIL)
		order = x->last < y->last ? -1 : x->last > y->last;
	return order != 0 ? order : addr_compare(&x->addr, &y->addr);
}

static double
host_rank(const void *row, int column, bool *is_all)
{
	const struct view_host *h = row;

	*is_all = column != HOST_JAIL && column != HOST_FAIL;
	return column == HOST_FAIL ? h->fail : column == HOST_MIN ? h->per_min : column == HOST_TOTAL ? (double)h->total
	    : column == HOST_LAST ? h->last : 0;
}

/* Every flag is a letter and a colour. */
static void
host_flags(const struct ui *ui, const struct view_host *h, struct str *out, enum role *role)
{
	const struct view_white *white;
	const struct view_ban *ban;
	size_t jail = 0;
	bool is_repeat = false, is_banned = false, is_broken = false;

	if (view_is_own(ui->view, &h->addr)) {
		str_add(out, "YOU");
		*role = ROLE_YOU;
		return;
	}
	if ((white = view_white_of(ui->view, &h->addr)) != NULL) {
		str_add(out, "W");
		if (white->until >= 0) {
			str_addc(out, ' ');
			format_left(white->until - ui_now(ui), out);
		}
		*role = ROLE_WHITE;
		return;
	}
	while ((ban = view_ban_next(ui->view, h->ip, &jail)) != NULL) {
		is_banned = true;
		is_repeat |= ban->is_repeat;
		is_broken |= ban->rule == VIEW_RULE_FAIL || ban->rule == VIEW_RULE_NONE;
	}
	if (!is_banned)
		return;
	str_add(out, is_broken ? "B !" : is_repeat ? "B R" : "B");
	*role = is_broken ? ROLE_ALERT : ROLE_BAD;
}

static void
host_cell(const struct ui *ui, const void *row, int column, struct str *text, enum role *role)
{
	const struct view_host *h = row;

	switch (column) {
	case HOST_IP:
		str_add(text, h->ip);
		if (view_is_own(ui->view, &h->addr))
			*role = ROLE_YOU;
		break;
	case HOST_FAIL:
		str_addf(text, "%d", h->fail);
		if (h->max > 0 && h->fail + 1 >= h->max)
			*role = ROLE_WARN;
		break;
	case HOST_MIN:
		str_addf(text, "%d", h->per_min);
		break;
	case HOST_JAIL:
		str_add(text, h->jail);
		break;
	case HOST_LAST: {
		double age = ui_now(ui) - h->last;
		if (age < 60) /* coarse, so that it costs no bytes each second */
			str_add(text, age < 10 ? "now" : "<1m");
		else
			format_left(age < 600 ? 600 + age - 540 : age, text);
		if (age >= 60 && age < 600) {
			str_clear(text);
			str_addf(text, "%dm", (int)(age / 60));
		}
		break;
	}
	case HOST_TOTAL:
		format_count(h->total, text);
		break;
	case HOST_FLAG:
		host_flags(ui, h, text, role);
		break;
	}
}

static void
host_text(const struct ui *ui, const void *row, struct str *out)
{
	const struct view_host *h = row;
	enum role role;

	str_addf(out, "%s %s ", h->ip, h->jail);
	host_flags(ui, h, out, &role);
}

static const struct source source = {
    .columns = columns, .n_columns = HOST_COLUMNS, .first_sort = HOST_FAIL, .slots = host_slots, .row = host_row,
    .key = host_key, .text = host_text, .addr = host_addr, .compare = host_compare, .rank = host_rank, .lead = host_lead, .cell = host_cell,
};

static bool
update(struct pane *p, const struct ui *ui, bool force)
{
	return table_update(&p->table, p, ui, ui->view->generation[VIEW_HOSTS], force);
}

static void
draw(const struct pane *p, const struct ui *ui, struct canvas *c)
{
	pane_table_title(p, ui, c, (int64_t)ui->view->n_hosts + ui->view->hosts_over, NULL, ROLE_NORMAL);
	struct canvas body = canvas_window(c, 0, 1, c->w, c->h - 1);
	if (p->table.count == 0 && ui->view->is_filled)
		canvas_text(&body, 1, 1, ROLE_DIM, p->table.filter != NULL ? "no host matches the filter" : "no host has failed yet");
	table_draw(&p->table, p, ui, &body, ui->focus == p->id);
}

static bool
target(const struct pane *p, const struct ui *ui, struct target *t)
{
	const struct view_host *h = table_current(&p->table, p, ui->view);

	if (h == NULL)
		return false;
	target_set(t, h->jail, h->ip, h->ip, false);
	return true;
}

const struct pane_ops pane_hosts = {
    .name = "hosts", .title = "Hosts", .context = CTX_HOSTS, .source = &source, .update = update, .draw = draw, .target = target,
};
