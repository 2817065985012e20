/*
 * pane_hosts: who fails: one row per address, or per network of which many failed. Enter opens such a network: only its
 * hosts are shown then. A filter shows hosts alone.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "deed.h"
#include "fold.h"
#include "ui.h"

#define COUNT_EVERY_S 1.0

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

struct hosts_state {
	struct fold fold;
	struct addr open;     /* the network whose hosts are shown; family 0: all */
	char open_text[ADDR_TEXT_MAX];
	size_t cursor, top;   /* where the network stood */
	uint64_t counted;     /* generations of what the networks' figures were taken from */
	double counted_at;
};

static uint64_t
generations(const struct view *v)
{
	return v->generation[VIEW_HOSTS] + v->generation[VIEW_BANS] + v->generation[VIEW_WHITE];
}

static void
prepare(const struct pane *p, const struct ui *ui)
{
	struct hosts_state *s = p->state;

	if (s->open.family != 0 || p->table.filter != NULL)
		fold_clear(&s->fold);
	else
		fold_build(&s->fold, ui->view, p->table.marks, p->table.n_marks);
	s->counted = generations(ui->view);
	s->counted_at = ui->mono;
}

/* The networks first, so that the slots of neither move until the rows are built anew. */
static size_t
host_slots(const struct pane *p, const struct view *v)
{
	const struct hosts_state *s = p->state;

	return s->fold.n_nets + v->n_host_slots;
}

static const void *
host_row(const struct pane *p, const struct view *v, uint32_t slot, uint64_t *serial)
{
	const struct hosts_state *s = p->state;

	if (slot < s->fold.n_nets) {
		*serial = slot;
		return &s->fold.nets[slot].sum;
	}
	slot -= (uint32_t)s->fold.n_nets;
	if (slot >= v->n_host_slots || v->hosts[slot] == NULL || fold_has(&s->fold, slot))
		return NULL;
	if (s->open.family != 0 && !addr_contains(&s->open, &v->hosts[slot]->addr))
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
	const struct fold_net *net = fold_is_net(row);

	return net != NULL ? net->lead : ((const struct view_host *)row)->ip;
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

/* "B": the network itself is banned; "B 3/7": three of the seven hosts. */
static void
net_flags(const struct ui *ui, const struct fold_net *net, struct str *out, enum role *role)
{
	const struct view_white *white = view_white_of(ui->view, &net->sum.addr);
	bool is_own = view_is_own(ui->view, &net->sum.addr);

	if (is_own)
		str_add(out, "YOU ");
	if (net->is_banned)
		str_add(out, net->is_broken ? "B ! " : net->is_repeat ? "B R " : "B ");
	else if (net->banned > 0)
		str_addf(out, net->is_broken ? "B!%zu/%zu " : net->hosts > 9 ? "B%zu/%zu " : "B %zu/%zu ", net->banned, net->hosts);
	if (white != NULL) {
		str_add(out, "W ");
		if (white->until >= 0)
			format_left(white->until - ui_now(ui), out);
	} else if (net->white > 0) {
		str_addf(out, "W %zu/%zu", net->white, net->hosts);
	}
	if (out->len > 0 && out->at[out->len - 1] == ' ')
		str_cut(out, out->len - 1);
	if (net->is_broken)
		*role = ROLE_ALERT;
	else if (is_own || net->is_banned || net->banned > 0)
		*role = is_own ? ROLE_YOU : ROLE_BAD;
	else if (white != NULL || net->white > 0)
		*role = ROLE_WHITE;
}

/* Every flag is a letter and a colour. */
static void
host_flags(const struct ui *ui, const struct view_host *h, struct str *out, enum role *role)
{
	const struct view_white *white;
	const struct view_ban *ban;
	size_t jail = 0;
	bool is_repeat = false, is_banned = false, is_broken = false, is_net = false;
	struct addr net;
	char text[ADDR_TEXT_MAX];

	if (fold_is_net(h) != NULL) {
		net_flags(ui, fold_is_net(h), out, role);
		return;
	}
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
	if (!is_banned && fold_net_of(&h->addr, &net)) { /* with its whole network */
		addr_format(&net, text);
		jail = 0;
		while ((ban = view_ban_next(ui->view, text, &jail)) != NULL) {
			is_banned = is_net = true;
			is_broken |= ban->rule == VIEW_RULE_FAIL || ban->rule == VIEW_RULE_NONE;
		}
	}
	if (!is_banned)
		return;
	str_add(out, is_broken ? "B !" : is_net ? "B net" : is_repeat ? "B R" : "B");
	*role = is_broken ? ROLE_ALERT : ROLE_BAD;
}

static void
host_cell(const struct ui *ui, const void *row, int column, struct str *text, enum role *role)
{
	const struct view_host *h = row;
	const struct fold_net *net = fold_is_net(h);

	switch (column) {
	case HOST_IP:
		str_add(text, net != NULL ? net->lead : h->ip);
		if (view_is_own(ui->view, &h->addr))
			*role = ROLE_YOU;
		break;
	case HOST_FAIL:
		h->fail > 9999 ? format_count(h->fail, text) : str_addf(text, "%d", h->fail);
		if (net != NULL ? net->is_near : h->max > 0 && h->fail + 1 >= h->max)
			*role = ROLE_WARN;
		break;
	case HOST_MIN:
		h->per_min > 9999 ? format_count(h->per_min, text) : str_addf(text, "%d", h->per_min);
		break;
	case HOST_JAIL:
		str_add(text, h->jail);
		if (net != NULL && net->is_mixed)
			str_add(text, " +");
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

/* A network is found with its own row's text, or with one of its hosts. */
static bool
host_many(const struct pane *p, const struct ui *ui, const void *row, const struct sieve *f, bool *is_match)
{
	const struct hosts_state *s = p->state;
	const struct fold_net *net = fold_is_net(row);
	const struct addr none = {0};
	struct str text = {0};

	if (net == NULL)
		return false;
	host_text(ui, row, &text);
	*is_match = sieve_match(f, &none, str_text(&text), text.len);
	for (size_t i = 0; i < net->count && !*is_match; i++) {
		const struct view_host *h = fold_member(&s->fold, net, ui->view, i);
		if (h == NULL)
			continue;
		str_clear(&text);
		host_text(ui, h, &text);
		*is_match = sieve_match(f, &h->addr, str_text(&text), text.len);
	}
	str_done(&text);
	return true;
}

static bool
host_stands_for(const void *row, const char *key)
{
	const struct view_host *h = row;
	struct addr a;

	return h->addr.family != 0 && addr_parse(key, &a) && (addr_contains(&h->addr, &a) || addr_contains(&a, &h->addr));
}

static const struct source source = {
    .columns = columns, .n_columns = HOST_COLUMNS, .first_sort = HOST_FAIL, .prepare = prepare, .slots = host_slots, .row = host_row,
    .key = host_key, .text = host_text, .addr = host_addr, .compare = host_compare, .rank = host_rank, .many = host_many,
    .stands_for = host_stands_for, .lead = host_lead, .cell = host_cell,
};

/* ---- the pane ---- */
static void
init(struct pane *p)
{
	p->state = xcalloc(1, sizeof(struct hosts_state));
}

static void
done(struct pane *p)
{
	struct hosts_state *s = p->state;

	fold_clear(&s->fold);
	free(s);
}

static bool
update(struct pane *p, const struct ui *ui, bool force)
{
	struct hosts_state *s = p->state;

	/* marks decide on networks, too */
	if (table_update(&p->table, p, ui, ui->view->generation[VIEW_HOSTS] + ((uint64_t)p->table.n_marks << 48), force))
		return true;
	/* in between the figures of networks go on, like those of hosts; a paused view's do not */
	if (s->fold.n_nets == 0 || ui->is_paused || p->table.epoch != ui->view->epoch || s->counted == generations(ui->view) ||
	    ui->mono - s->counted_at < COUNT_EVERY_S)
		return false;
	fold_count(&s->fold, ui->view);
	s->counted = generations(ui->view);
	s->counted_at = ui->mono;
	return true;
}

static void
draw(const struct pane *p, const struct ui *ui, struct canvas *c)
{
	const struct hosts_state *s = p->state;
	const struct table *t = &p->table;
	int64_t hosts = (int64_t)ui->view->n_hosts + ui->view->hosts_over;
	struct str text = {0}, right = {0};

	if (ui->view->is_filled)
		str_addf(&text, s->fold.n_nets > 0 ? "%lld in %zu rows  " : "%lld  ", (long long)hosts, t->count);
	pane_table_words(p, ui, &text, &right);
	if (s->open.family != 0) {
		struct str filter = {0};
		str_addf(&filter, "in %s", s->open_text);
		if (t->filter != NULL)
			str_addf(&filter, "  %s", str_text(&right));
		else if (ui->view->is_filled)
			str_addf(&filter, "  %zu of %lld", t->count, (long long)hosts);
		str_done(&right);
		right = filter;
	}
	pane_title(p, ui, c, str_text(&text), str_text(&right), ROLE_MODE);
	struct canvas body = canvas_window(c, 0, 1, c->w, c->h - 1);
	if (t->count == 0 && ui->view->is_filled)
		canvas_text(&body, 1, 1, ROLE_DIM, t->filter != NULL ? "no host matches the filter"
		    : s->open.family != 0 ? "none of its hosts fails any more; q: back" : "no host has failed yet");
	table_draw(t, p, ui, &body, ui->focus == p->id);
	str_done(&text);
	str_done(&right);
}

static void
net_open_rows(struct pane *p, struct ui *ui, const struct fold_net *net)
{
	struct hosts_state *s = p->state;

	s->open = net->sum.addr;
	snprintf(s->open_text, sizeof s->open_text, "%s", net->text);
	s->cursor = p->table.cursor;
	s->top = p->table.top;
	p->table.is_touched = false; /* on the first row, whoever that is */
	p->table.cursor_key[0] = '\0';
	update(p, ui, true);
	ui_message(ui, ROLE_NORMAL, "the hosts of %s; q or Esc: all again, B: ban the network", s->open_text);
}

static void
net_close_rows(struct pane *p, struct ui *ui)
{
	struct hosts_state *s = p->state;

	s->open.family = 0;
	p->table.is_touched = true;
	snprintf(p->table.cursor_key, sizeof p->table.cursor_key, "%s", s->open_text);
	p->table.cursor = s->cursor;
	p->table.top = s->top;
	update(p, ui, true);
	ui->message[0] = '\0';
}

static enum pane_result
act(struct pane *p, enum action action, struct ui *ui)
{
	const struct hosts_state *s = p->state;
	const struct view_host *row = table_current(&p->table, p, ui->view);

	if (action == ACT_OPEN && row != NULL && fold_is_net(row) != NULL) {
		net_open_rows(p, ui, fold_is_net(row));
		return PANE_DONE;
	}
	if (action == ACT_OPEN)
		return actions_run(ui, ACT_INSPECT, '\r');
	if ((action == ACT_CLOSE || action == ACT_CANCEL) && s->open.family != 0) {
		net_close_rows(p, ui);
		return PANE_DONE;
	}
	return PANE_PASS;
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
    .name = "hosts", .title = "Hosts", .context = CTX_HOSTS, .source = &source, .init = init, .update = update, .draw = draw,
    .act = act, .target = target, .done = done,
};
