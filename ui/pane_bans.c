/*
 * pane_bans: who is banned, for how long, and whether the firewall agrees.
 */
#include <string.h>

#include "ui.h"

enum { BAN_IP, BAN_JAIL, BAN_LEFT, BAN_SINCE, BAN_N, BAN_HITS, BAN_FLAG, BAN_COLUMNS };

static const struct column columns[BAN_COLUMNS] = {
    [BAN_IP] = {"IP", 15, 39, false, true, false, 0, NEED_LEAD},
    [BAN_JAIL] = {"JAIL", 8, 12, false, true, false, 2, NEED_JAIL},
    [BAN_LEFT] = {"LEFT", 5, 5, true, true, false, 0, NEED_NONE},
    [BAN_SINCE] = {"SINCE", 5, 5, true, true, true, 5, NEED_NONE},
    [BAN_N] = {"N", 2, 2, true, true, true, 3, NEED_NONE},
    [BAN_HITS] = {"HITS", 5, 5, true, true, true, 4, NEED_NONE},
    [BAN_FLAG] = {"FLAG", 5, 10, false, false, false, 0, NEED_NONE},
};

static size_t
ban_slots(const struct pane *p, const struct view *v)
{
	(void)p;
	return v->n_ban_slots;
}

static const void *
ban_row(const struct pane *p, const struct view *v, uint32_t slot, uint64_t *serial)
{
	(void)p;
	if (slot >= v->n_ban_slots || v->bans[slot] == NULL)
		return NULL;
	*serial = v->bans[slot]->serial;
	return v->bans[slot];
}

static void
ban_key(const void *row, char key[TABLE_KEY_MAX])
{
	const struct view_ban *b = row;

	snprintf(key, TABLE_KEY_MAX, "%s", b->key);
}

static void
ban_addr(const void *row, struct addr *out)
{
	*out = ((const struct view_ban *)row)->addr;
}

static const char *
ban_lead(const void *row)
{
	const struct view_ban *b = row;

	return *b->ip != '\0' ? b->ip : b->id;
}

static double
left_key(const struct view_ban *b)
{
	return b->until < 0 ? 1e18 : b->until;
}

static int
ban_compare(const void *a, const void *b, int column)
{
	const struct view_ban *x = a, *y = b;
	int order = 0;

	if (column == BAN_LEFT)
		order = left_key(x) < left_key(y) ? -1 : left_key(x) > left_key(y);
	else if (column == BAN_SINCE)
		order = x->since < y->since ? -1 : x->since > y->since;
	else if (column == BAN_N)
		order = x->count < y->count ? -1 : x->count > y->count;
	else if (column == BAN_HITS)
		order = x->hits < y->hits ? -1 : x->hits > y->hits;
	else if (column == BAN_JAIL)
		order = strcmp(x->jail, y->jail);
	return order != 0 ? order : addr_compare(&x->addr, &y->addr);
}

static double
ban_rank(const void *row, int column, bool *is_all)
{
	const struct view_ban *b = row;

	*is_all = column != BAN_JAIL;
	return column == BAN_LEFT ? left_key(b) : column == BAN_SINCE ? b->since : column == BAN_N ? (double)b->count
	    : column == BAN_HITS ? (double)b->hits : 0;
}

static void
ban_flags(const struct view_ban *b, struct str *out, enum role *role)
{
	if (b->is_repeat)
		str_add(out, "R");
	if (b->is_manual)
		str_add(out, out->len > 0 ? " M" : "M");
	*role = ROLE_BAD;
	if (b->rule == VIEW_RULE_FAIL || b->rule == VIEW_RULE_NONE) {
		str_clear(out); /* what is wrong comes first */
		str_add(out, "!rule");
		*role = ROLE_ALERT;
	} else if (b->rule == VIEW_RULE_DRY) {
		str_add(out, out->len > 0 ? " dry" : "dry");
		*role = ROLE_WARN;
	} else if (b->rule == VIEW_RULE_WAIT) {
		str_add(out, out->len > 0 ? " .." : "..");
		*role = ROLE_WARN;
	}
}

static void
ban_cell(const struct ui *ui, const void *row, int column, struct str *text, enum role *role)
{
	const struct view_ban *b = row;

	switch (column) {
	case BAN_IP:
		str_add(text, *b->ip != '\0' ? b->ip : b->id);
		break;
	case BAN_JAIL:
		str_add(text, b->jail);
		break;
	case BAN_LEFT:
		if (b->until < 0)
			str_add(text, "perm");
		else
			format_left(b->until - ui_now(ui), text);
		break;
	case BAN_SINCE:
		format_clock(b->since, text);
		str_cut(text, 5);
		break;
	case BAN_N:
		str_addf(text, "%d", b->count);
		break;
	case BAN_HITS:
		format_count(b->hits, text);
		break;
	case BAN_FLAG:
		ban_flags(b, text, role);
		break;
	}
}

static void
ban_text(const struct ui *ui, const void *row, struct str *out)
{
	const struct view_ban *b = row;
	struct str flags = {0};
	enum role role;

	(void)ui;
	ban_flags(b, &flags, &role);
	str_addf(out, "%s %s %s", b->ip, b->jail, str_text(&flags));
	str_done(&flags);
}

static const struct source source = {
    .columns = columns, .n_columns = BAN_COLUMNS, .first_sort = BAN_LEFT, .slots = ban_slots, .row = ban_row,
    .key = ban_key, .text = ban_text, .addr = ban_addr, .compare = ban_compare, .rank = ban_rank, .lead = ban_lead, .cell = ban_cell,
};

static bool
update(struct pane *p, const struct ui *ui, bool force)
{
	return table_update(&p->table, p, ui, ui->view->generation[VIEW_BANS], force);
}

static void
draw(const struct pane *p, const struct ui *ui, struct canvas *c)
{
	const struct view *v = ui->view;

	pane_table_title(p, ui, c, (int64_t)v->n_bans + v->bans_over, NULL, ROLE_NORMAL);
	struct canvas body = canvas_window(c, 0, 1, c->w, c->h - 1);
	if (p->table.count == 0 && ui->view->is_filled)
		canvas_text(&body, 1, 1, ROLE_DIM, p->table.filter != NULL ? "no ban matches the filter" : "nobody is banned");
	table_draw(&p->table, p, ui, &body, ui->focus == p->id);
}

static bool
target(const struct pane *p, const struct ui *ui, struct target *t)
{
	const struct view_ban *b = table_current(&p->table, p, ui->view);

	if (b == NULL)
		return false;
	target_set(t, b->jail, b->id, b->ip, true);
	return true;
}

const struct pane_ops pane_bans = {
    .name = "bans", .title = "Bans", .context = CTX_BANS, .source = &source, .update = update, .draw = draw, .target = target,
};
