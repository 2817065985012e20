#include "pane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui.h"

static const struct pane_ops *const all[PANES] = {
    [PANE_LOG] = &pane_log, [PANE_HOSTS] = &pane_hosts, [PANE_BANS] = &pane_bans, [PANE_CHAINS] = &pane_chains,
    [PANE_JAILS] = &pane_jails, [PANE_REGEX] = &pane_regex, [PANE_INSPECT] = &pane_inspect,
};

void
panes_init(struct pane panes[PANES])
{
	for (int i = 0; i < PANES; i++) {
		memset(&panes[i], 0, sizeof panes[i]);
		panes[i].ops = all[i];
		panes[i].id = (enum pane_id)i;
		if (all[i]->source != NULL)
			table_init(&panes[i].table, all[i]->source);
		if (all[i]->init != NULL)
			all[i]->init(&panes[i]);
	}
}

void
panes_done(struct pane panes[PANES])
{
	for (int i = 0; i < PANES; i++) {
		if (panes[i].ops->done != NULL)
			panes[i].ops->done(&panes[i]);
		table_done(&panes[i].table);
	}
}

void
pane_title(const struct pane *p, const struct ui *ui, struct canvas *c, const char *text, const char *right, enum role right_role)
{
	bool is_focused = ui->focus == p->id;
	enum role role = is_focused ? ROLE_FOCUS : ROLE_TITLE;
	int right_cols = right != NULL && *right != '\0' ? canvas_cols(right, strlen(right), c->is_ascii) : 0;
	int x;

	if (p->id < PANE_INSPECT)
		x = canvas_printf(c, 0, 0, role, "%d %s", p->id + 1, p->ops->title);
	else
		x = canvas_text(c, 0, 0, role, p->ops->title);
	if (is_focused)
		canvas_flags(c, 0, 0, x, CELL_REVERSE);
	bool is_mode = right_cols > 0 && right_role == ROLE_MODE; /* modes are always seen: the other words give way */
	if (is_mode && x + 1 + canvas_cols(text, strlen(text), c->is_ascii) + right_cols + 2 > c->w)
		right_cols = right_cols < c->w - x - 1 ? right_cols : c->w - x - 1;
	else if (*text != '\0')
		x += 1 + canvas_text(c, x + 1, 0, role, text);
	if (x + 1 < c->w)
		canvas_hline(c, x + 1, 0, c->w - x - 1 - (right_cols > 0 ? right_cols + 1 : 0), role);
	if (right_cols > 0 && (is_mode || x + right_cols + 2 <= c->w))
		canvas_field(c, c->w - right_cols, 0, right_cols, false, right_role, 0, right);
}

void
pane_table_words(const struct pane *p, const struct ui *ui, struct str *text, struct str *filter)
{
	table_order_text(&p->table, text);
	if (p->table.n_marks > 0)
		str_addf(text, "  %zu marked", p->table.n_marks);
	if (p->table.filter == NULL)
		return;
	str_addf(filter, "filter: %s", sieve_text(p->table.filter));
	if (ui->view->is_filled)
		str_addf(filter, "  %zu of %zu", p->table.count, p->table.total);
}

void
pane_table_title(const struct pane *p, const struct ui *ui, struct canvas *c, int64_t count, const char *right, enum role right_role)
{
	struct str text = {0}, filter = {0};

	if (ui->view->is_filled) /* else nobody knows */
		str_addf(&text, "%lld  ", (long long)count);
	pane_table_words(p, ui, &text, &filter);
	pane_title(p, ui, c, str_text(&text), filter.len > 0 ? str_text(&filter) : right, filter.len > 0 ? ROLE_MODE : right_role);
	str_done(&text);
	str_done(&filter);
}

void
pane_notice(struct canvas *c, enum role role, const char *text)
{
	struct canvas rest = canvas_window(c, 1, 1, c->w - 1, c->h - 1);

	canvas_wrap(&rest, 0, role, text);
}

bool
pane_scroll(enum action act, size_t page, size_t count, size_t *top)
{
	size_t last = count > page ? count - page : 0, to = *top, step = act == ACT_UP || act == ACT_DOWN ? 1
	    : act == ACT_HALF_UP || act == ACT_HALF_DOWN ? (page + 1) / 2 : page;

	switch (act) {
	case ACT_UP:
	case ACT_HALF_UP:
	case ACT_PAGE_UP:
		to = to > step ? to - step : 0;
		break;
	case ACT_DOWN:
	case ACT_HALF_DOWN:
	case ACT_PAGE_DOWN:
		to += step;
		break;
	case ACT_HOME:
		to = 0;
		break;
	case ACT_END:
		to = last;
		break;
	default:
		return false;
	}
	*top = to < last ? to : last;
	return true;
}

void
target_set(struct target *t, const char *jail, const char *id, const char *ip, bool is_ban)
{
	memset(t, 0, sizeof *t);
	snprintf(t->jail, sizeof t->jail, "%s", jail);
	snprintf(t->id, sizeof t->id, "%s", id);
	snprintf(t->ip, sizeof t->ip, "%s", ip);
	if (!addr_parse(t->ip, &t->addr))
		t->addr.family = 0;
	t->is_ban = is_ban;
}
