/*
 * pane_chains: the kernel's own rules, with what they caught, and where they differ from the ban list.
 * In the overview one row per chain; zoomed every rule, then the bans that have none.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ui.h"

enum row_kind { ROW_CHAIN, ROW_RULE, ROW_DRIFT };

/* Indices and names in the view, which are true for the listing that they were made from. */
struct chain_row {
	enum row_kind kind;
	size_t chain, item;
	const char *name, *source; /* what the row is known by: borrowed from the view */
};

struct chains_state {
	struct chain_row *rows; /* owned */
	size_t count;
	bool is_zoomed, is_raw;
	int family;
	uint64_t epoch, generation;
};

static const struct chains_state *
state_of(const struct ui *ui)
{
	return ui->panes[PANE_CHAINS].state;
}

static size_t
slots(const struct pane *p, const struct view *v)
{
	(void)v;
	return ((const struct chains_state *)p->state)->count;
}

static const void *
row(const struct pane *p, const struct view *v, uint32_t slot, uint64_t *serial)
{
	const struct chains_state *s = p->state;

	(void)serial;
	if (slot >= s->count || s->epoch != v->epoch || s->generation != v->generation[VIEW_CHAINS])
		return NULL;
	return &s->rows[slot];
}

static void
key(const void *at, char out[TABLE_KEY_MAX])
{
	const struct chain_row *r = at;

	snprintf(out, TABLE_KEY_MAX, "%d/%s/%s", (int)r->kind, r->name, r->source);
}

static const char *
row_source(const struct ui *ui, const struct chain_row *r)
{
	const struct view_chains *c = &ui->view->chains;

	if (r->kind == ROW_RULE)
		return c->chains[r->chain].items[r->item].source;
	return r->kind == ROW_DRIFT ? c->drift[r->item].ip : "";
}

static void
text(const struct ui *ui, const void *at, struct str *out)
{
	const struct chain_row *r = at;
	const struct view_chains *c = &ui->view->chains;

	if (r->kind == ROW_DRIFT)
		str_addf(out, "%s %s %s", c->drift[r->item].ip, c->drift[r->item].jail, c->drift[r->item].kind);
	else if (r->kind == ROW_CHAIN)
		str_addf(out, "%s %s %s", c->chains[r->chain].name, c->chains[r->chain].jail, c->chains[r->chain].from);
	else
		str_addf(out, "%s %s %s", row_source(ui, r), c->chains[r->chain].items[r->item].target,
		    c->chains[r->chain].items[r->item].text);
}

static const struct view_ban *
ban_of(const struct ui *ui, const char *jail, const char *source)
{
	size_t at = 0;
	const struct view_ban *b = *jail != '\0' ? view_ban(ui->view, jail, source) : NULL;

	return b != NULL ? b : view_ban_next(ui->view, source, &at);
}

static bool
chain_is_bad(const struct view_chain *chain)
{
	return strcmp(chain->jump, "missing") == 0 || strcmp(chain->jump, "shadowed") == 0;
}

/* ---- zoomed: every rule ---- */
enum { RULE_N, RULE_PKTS, RULE_S, RULE_BYTES, RULE_TARGET, RULE_SOURCE, RULE_BAN, RULE_JAIL, RULE_LEFT, RULE_NOTE, RULE_COLUMNS };

static const struct column rule_columns[RULE_COLUMNS] = {
    [RULE_N] = {"#", 4, 5, true, false, false, 0, NEED_NONE},
    [RULE_PKTS] = {"PKTS", 5, 6, true, false, false, 2, NEED_NONE},
    [RULE_S] = {"/s", 4, 5, true, false, false, 5, NEED_NONE},
    [RULE_BYTES] = {"BYTES", 5, 6, true, false, false, 6, NEED_NONE},
    [RULE_TARGET] = {"TARGET", 7, 8, false, false, false, 3, NEED_NONE},
    [RULE_SOURCE] = {"SOURCE", 15, 39, false, false, false, 0, NEED_NONE},
    [RULE_BAN] = {"BAN", 3, 3, false, false, false, 0, NEED_NONE},
    [RULE_JAIL] = {"JAIL", 6, 10, false, false, false, 4, NEED_JAIL},
    [RULE_LEFT] = {"LEFT", 5, 5, true, false, false, 1, NEED_NONE},
    [RULE_NOTE] = {"NOTE", 12, 40, false, false, false, 0, NEED_NONE},
};

/* A chain stands over its rules: one text over all columns. */
static bool
rule_heading(const struct ui *ui, const void *at, struct str *out, enum role *role)
{
	const struct chain_row *r = at;

	if (r->kind != ROW_CHAIN)
		return false;
	const struct view_chain *chain = &ui->view->chains.chains[r->chain];
	bool is_bad = chain_is_bad(chain);
	*role = is_bad ? ROLE_ALERT : ROLE_TITLE;
	str_addf(out, "%s   %d rule%s", chain->name, chain->rules, chain->rules == 1 ? "" : "s");
	if (chain->cut > 0)
		str_addf(out, " (%d not listed)", chain->cut);
	str_add(out, "   ");
	format_count(chain->pkts, out);
	str_add(out, " pkts ");
	format_count(chain->bytes, out);
	str_add(out, " bytes");
	if (chain->pkts_s >= 0.5)
		str_addf(out, " +%.0f/s", chain->pkts_s);
	if (*chain->from != '\0')
		str_addf(out, "   %s", chain->from);
	if (*chain->jump != '\0')
		str_addf(out, "   jump %s", chain->jump);
	if (*chain->jail != '\0')
		str_addf(out, "   jail %s", chain->jail);
	return true;
}

static void
rule_cell(const struct ui *ui, const void *at, int column, struct str *out, enum role *role)
{
	const struct chain_row *r = at;
	const struct view_chains *all = &ui->view->chains;
	const struct view_chain *chain = r->kind == ROW_RULE ? &all->chains[r->chain] : NULL;
	const struct view_rule_item *item = r->kind == ROW_RULE ? &chain->items[r->item] : NULL;
	const struct view_drift *drift = r->kind == ROW_DRIFT ? &all->drift[r->item] : NULL;
	const struct view_ban *ban;

	if (drift != NULL) {
		*role = ROLE_ALERT;
		if (column == RULE_SOURCE)
			str_add(out, *drift->ip != '\0' ? drift->ip : drift->chain);
		else if (column == RULE_BAN)
			str_add(out, strcmp(drift->kind, "no-rule") == 0 ? "yes" : strcmp(drift->kind, "no-ban") == 0 ? "NO" : "-");
		else if (column == RULE_JAIL)
			str_add(out, drift->jail);
		else if (column == RULE_LEFT && (ban = ban_of(ui, drift->jail, drift->ip)) != NULL)
			ban->until < 0 ? str_add(out, "perm") : format_left(ban->until - ui_now(ui), out);
		else if (column == RULE_NOTE)
			str_add(out, strcmp(drift->kind, "no-rule") == 0 ? "ban, no rule"
			    : strcmp(drift->kind, "no-ban") == 0 ? "rule, no ban" : "no jump to the chain");
		else if (column != RULE_BAN)
			str_add(out, "-");
		return;
	}
	if (item == NULL)
		return;
	bool is_foreign = strcmp(item->ban, "no") == 0;
	if (is_foreign)
		*role = ROLE_ALERT;
	switch (column) {
	case RULE_N:
		str_addf(out, "%d", item->n);
		break;
	case RULE_PKTS:
		format_count(item->pkts, out);
		break;
	case RULE_S:
		if (item->pkts_s >= 0.5)
			str_addf(out, "+%.0f", item->pkts_s);
		else
			str_add(out, "0");
		break;
	case RULE_BYTES:
		format_count(item->bytes, out);
		break;
	case RULE_TARGET:
		str_add(out, item->target);
		break;
	case RULE_SOURCE:
		if (state_of(ui)->is_raw)
			str_add(out, item->text);
		else
			str_add(out, item->source);
		break;
	case RULE_BAN:
		str_add(out, is_foreign ? "NO" : item->ban);
		break;
	case RULE_JAIL:
		str_add(out, chain->jail);
		break;
	case RULE_LEFT:
		ban = strcmp(item->ban, "yes") == 0 ? ban_of(ui, chain->jail, item->source) : NULL;
		if (ban != NULL)
			ban->until < 0 ? str_add(out, "perm") : format_left(ban->until - ui_now(ui), out);
		else
			str_add(out, "-");
		break;
	case RULE_NOTE:
		if (is_foreign)
			str_add(out, "rule, no ban");
		break;
	}
}

static const struct source rule_source = {
    .columns = rule_columns, .n_columns = RULE_COLUMNS, .slots = slots, .row = row, .key = key, .text = text, .cell = rule_cell,
    .heading = rule_heading,
};

enum { RAW_TEXT, RAW_COLUMNS };
static const struct column raw_columns[RAW_COLUMNS] = {[RAW_TEXT] = {"RULE", 20, 400, false, false, false, 0, NEED_NONE}};

static void
raw_cell(const struct ui *ui, const void *at, int column, struct str *out, enum role *role)
{
	const struct chain_row *r = at;
	const struct view_chains *all = &ui->view->chains;

	(void)column;
	if (r->kind == ROW_CHAIN) {
		str_addf(out, "%s", all->chains[r->chain].name);
		*role = ROLE_TITLE;
	} else if (r->kind == ROW_RULE) {
		str_add(out, all->chains[r->chain].items[r->item].text);
	} else {
		str_addf(out, "(%s) %s %s", all->drift[r->item].kind, all->drift[r->item].jail, all->drift[r->item].ip);
		*role = ROLE_ALERT;
	}
}

static const struct source raw_source = {
    .columns = raw_columns, .n_columns = RAW_COLUMNS, .slots = slots, .row = row, .key = key, .text = text, .cell = raw_cell,
};

/* ---- overview: one row per chain ---- */
enum { CHAIN_NAME, CHAIN_RULES, CHAIN_PKTS, CHAIN_S, CHAIN_BYTES, CHAIN_FROM, CHAIN_COLUMNS };

static const struct column chain_columns[CHAIN_COLUMNS] = {
    [CHAIN_NAME] = {"CHAIN", 18, 20, false, false, false, 0, NEED_CHAIN},
    [CHAIN_RULES] = {"RULES", 5, 6, true, false, false, 0, NEED_NONE},
    [CHAIN_PKTS] = {"PKTS", 5, 6, true, false, false, 1, NEED_NONE},
    [CHAIN_S] = {"/s", 4, 5, true, false, false, 2, NEED_NONE},
    [CHAIN_BYTES] = {"BYTES", 5, 7, true, false, false, 4, NEED_NONE},
    [CHAIN_FROM] = {"FROM", 18, 30, false, false, false, 3, NEED_NONE},
};

static bool
chain_heading(const struct ui *ui, const void *at, struct str *out, enum role *role)
{
	const struct chain_row *r = at;

	if (r->kind != ROW_DRIFT)
		return false;
	const struct view_drift *d = &ui->view->chains.drift[r->item];
	*role = ROLE_ALERT;
	str_addf(out, "! %s: %s (%s)  R: repair", strcmp(d->kind, "no-rule") == 0 ? "ban without a rule"
	    : strcmp(d->kind, "no-ban") == 0 ? "rule without a ban" : "nothing leads to", *d->ip != '\0' ? d->ip : d->chain, d->jail);
	return true;
}

static void
chain_cell(const struct ui *ui, const void *at, int column, struct str *out, enum role *role)
{
	const struct chain_row *r = at;
	const struct view_chains *all = &ui->view->chains;

	const struct view_chain *chain = &all->chains[r->chain];
	bool is_bad = chain_is_bad(chain);
	if (is_bad)
		*role = ROLE_ALERT;
	switch (column) {
	case CHAIN_NAME:
		str_addf(out, "%s%s", chain->name, chain->family == 6 ? " v6" : "");
		break;
	case CHAIN_RULES:
		str_addf(out, "%d", chain->rules);
		break;
	case CHAIN_PKTS:
		format_count(chain->pkts, out);
		break;
	case CHAIN_S:
		str_addf(out, "%.0f", chain->pkts_s);
		break;
	case CHAIN_BYTES:
		format_count(chain->bytes, out);
		break;
	case CHAIN_FROM:
		str_add(out, is_bad ? chain->jump : chain->from);
		break;
	}
}

static const struct source chain_source = {
    .columns = chain_columns, .n_columns = CHAIN_COLUMNS, .slots = slots, .row = row, .key = key, .text = text, .cell = chain_cell,
    .heading = chain_heading,
};

/* ---- the pane ---- */
static void
init(struct pane *p)
{
	struct chains_state *s = xcalloc(1, sizeof *s);

	s->family = 4;
	p->state = s;
}

static void
done(struct pane *p)
{
	free(((struct chains_state *)p->state)->rows);
	free(p->state);
}

static bool
is_repairable(const struct view_chains *all, size_t i)
{
	/* a rule without a ban stands in the list already when the listing holds it */
	return strcmp(all->drift[i].kind, "no-ban") != 0;
}

static void
rows_collect(struct chains_state *s, const struct view *v)
{
	const struct view_chains *all = &v->chains;
	size_t room = all->n_drift + 1;

	for (size_t i = 0; i < all->n_chains; i++)
		room += 1 + all->chains[i].n_items;
	free(s->rows);
	s->rows = xcalloc(room, sizeof *s->rows);
	s->count = 0;
	for (size_t i = 0; i < all->n_drift && !s->is_zoomed; i++)
		if (is_repairable(all, i) && s->count < 3)
			s->rows[s->count++] = (struct chain_row){ROW_DRIFT, 0, i, all->drift[i].jail, all->drift[i].ip};
	for (size_t i = 0; i < all->n_chains; i++) {
		if (s->is_zoomed && all->chains[i].family != s->family)
			continue;
		s->rows[s->count++] = (struct chain_row){ROW_CHAIN, i, 0, all->chains[i].name, ""};
		for (size_t k = 0; s->is_zoomed && k < all->chains[i].n_items; k++)
			s->rows[s->count++] = (struct chain_row){ROW_RULE, i, k, all->chains[i].name, all->chains[i].items[k].source};
	}
	for (size_t i = 0; i < all->n_drift && s->is_zoomed; i++)
		if (is_repairable(all, i))
			s->rows[s->count++] = (struct chain_row){ROW_DRIFT, 0, i, all->drift[i].jail, all->drift[i].ip};
	s->epoch = v->epoch;
	s->generation = v->generation[VIEW_CHAINS];
}

static bool
update(struct pane *p, const struct ui *ui, bool force)
{
	struct chains_state *s = p->state;
	bool is_zoomed = ui->n_zoom > 0 && ui->zoom[ui->n_zoom - 1] == PANE_CHAINS;
	const struct source *source = !is_zoomed ? &chain_source : s->is_raw ? &raw_source : &rule_source;

	if (!force && !p->table.is_dirty && s->epoch == ui->view->epoch && s->generation == ui->view->generation[VIEW_CHAINS] &&
	    s->is_zoomed == is_zoomed && p->table.source == source)
		return false;
	if (p->table.source != source) {
		if (s->is_zoomed != is_zoomed) {
			p->table.cursor = p->table.top = 0;
			p->table.is_touched = false;
		}
		p->table.source = source;
	}
	s->is_zoomed = is_zoomed;
	rows_collect(s, ui->view);
	return table_update(&p->table, p, ui, s->generation, true);
}

/* One line for all: first what is wrong, then the fullest. */
static int
line_order(const void *a, const void *b)
{
	const struct view_chain *x = *(const struct view_chain *const *)a, *y = *(const struct view_chain *const *)b;

	if (chain_is_bad(x) != chain_is_bad(y))
		return chain_is_bad(x) ? -1 : 1;
	return x->rules != y->rules ? (x->rules > y->rules ? -1 : 1) : strcmp(x->name, y->name);
}

static void
line_draw(const struct ui *ui, struct canvas *c)
{
	const struct view_chains *all = &ui->view->chains;
	const struct view_chain **sorted = xcalloc(all->n_chains + 1, sizeof *sorted);
	struct str text = {0};
	int x = 1;

	for (size_t i = 0; i < all->n_chains; i++)
		sorted[i] = &all->chains[i];
	qsort(sorted, all->n_chains, sizeof *sorted, line_order);
	for (size_t i = 0; i < all->n_chains; i++) {
		const struct view_chain *chain = sorted[i];
		str_clear(&text);
		str_addf(&text, "%s%s %d rule%s ", chain->name, chain->family == 6 ? " v6" : "", chain->rules, chain->rules == 1 ? "" : "s");
		format_count(chain->pkts, &text);
		str_add(&text, " pkts");
		if (chain->pkts_s >= 0.5)
			str_addf(&text, " +%.0f/s", chain->pkts_s);
		if (chain_is_bad(chain))
			str_addf(&text, " jump %s", chain->jump);
		int cols = canvas_cols(str_text(&text), text.len, c->is_ascii), last = i + 1 < all->n_chains ? 7 : 0; /* +12 */
		if (x + cols + last > c->w && x > 1) {
			canvas_printf(c, x, 1, ROLE_DIM, "+%zu", all->n_chains - i);
			break;
		}
		canvas_text(c, x, 1, chain_is_bad(chain) ? ROLE_ALERT : ROLE_NORMAL, str_text(&text));
		x += cols + 4;
	}
	str_done(&text);
	free(sorted);
}

static void
draw(const struct pane *p, const struct ui *ui, struct canvas *c)
{
	const struct chains_state *s = p->state;
	const struct view_chains *all = &ui->view->chains;
	struct str title = {0}, right = {0};
	enum role role = ROLE_NORMAL;
	long long rules = 0;
	double age = ui_now(ui) - all->t;
	bool is_old = false;

	for (size_t i = 0; i < all->n_chains; i++)
		rules += all->chains[i].rules;
	if (all->is_known) {
		if (s->is_zoomed)
			str_addf(&title, "IPv%d  ", s->family);
		str_addf(&title, "%lld rules", rules);
		/* seconds that tick would cost bytes for nothing: the age is told when three refreshes did not come */
		is_old = age > 3 * (all->every > 0 ? all->every : 2) + 1;
		if (is_old) {
			str_add(&title, ", as of ");
			format_span(age, &title);
			str_add(&title, " ago");
		} else if (all->every > 0) {
			str_add(&title, ", read every ");
			format_span(all->every, &title);
		}
		if (all->ms > 500)
			str_addf(&title, " (a list takes %.1f s)", all->ms / 1000);
		if (s->is_zoomed)
			str_add(&title, "  [ ]: v4 v6");
	}
	size_t missing = 0;
	for (size_t i = 0; i < all->n_drift; i++)
		missing += strcmp(all->drift[i].kind, "no-rule") == 0;
	if (missing > 0)
		str_addf(&right, missing == 1 ? "DRIFT %zu ban has no rule" : "DRIFT %zu bans have no rule", missing);
	else if (all->n_drift > 0)
		str_addf(&right, "DRIFT %zu", all->n_drift);
	if (right.len > 0)
		role = ROLE_ALERT;
	if (p->table.filter != NULL && s->is_zoomed) {
		str_clear(&right);
		str_addf(&right, "filter: %s  %zu of %zu", sieve_text(p->table.filter), p->table.count, p->table.total);
		role = ROLE_MODE;
	}
	pane_title(p, ui, c, str_text(&title), str_text(&right), role);
	str_done(&title);
	str_done(&right);

	if (*all->error != '\0')
		canvas_printf(c, 1, 1, ROLE_BAD, "cannot list the rules: %s", all->error);
	else if (!all->is_known)
		canvas_text(c, 1, 1, ROLE_DIM, !ui->view->is_filled ? "" : ui->view->engine.is_dry ? "dry run: no rule is made" : "the rules were not listed yet");
	else if (all->n_chains == 0 && all->n_drift == 0)
		canvas_text(c, 1, 1, ROLE_DIM, "no chain of ours in the firewall");
	else if (p->is_line)
		line_draw(ui, c);
	else {
		int policy_rows = s->is_zoomed && all->n_policy > 0 && c->h > 8 ? 1 : 0;
		struct canvas body = canvas_window(c, 0, 1, c->w, c->h - 1 - policy_rows);
		table_draw(&p->table, p, ui, &body, ui->focus == p->id);
		int x = 1;
		for (size_t i = 0; policy_rows > 0 && i < all->n_policy; i++)
			if (all->policy[i].family == s->family)
				x += 3 + canvas_printf(c, x, c->h - 1, ROLE_DIM, "policy %s %s", all->policy[i].chain, all->policy[i].policy);
	}
	for (int y = 1; is_old && y < c->h; y++)
		canvas_flags(c, 0, y, c->w, CELL_DIM);
}

bool
chains_foreign(const struct ui *ui, int *family, const char **chain, const char **text, const char **source)
{
	const struct pane *p = &ui->panes[PANE_CHAINS];
	const struct chain_row *r = table_current(&p->table, p, ui->view);
	const struct view_chains *all = &ui->view->chains;

	if (r == NULL || r->kind != ROW_RULE || strcmp(all->chains[r->chain].items[r->item].ban, "no") != 0)
		return false;
	*family = all->chains[r->chain].family;
	*chain = all->chains[r->chain].name;
	*text = all->chains[r->chain].items[r->item].text;
	*source = all->chains[r->chain].items[r->item].source;
	return true;
}

static bool
target(const struct pane *p, const struct ui *ui, struct target *t)
{
	const struct chain_row *r = table_current(&p->table, p, ui->view);
	const char *source, *jail;

	if (r == NULL || r->kind == ROW_CHAIN)
		return false;
	source = row_source(ui, r);
	jail = r->kind == ROW_RULE ? ui->view->chains.chains[r->chain].jail : ui->view->chains.drift[r->item].jail;
	if (*source == '\0' || strcmp(source, "0.0.0.0/0") == 0 || strcmp(source, "::/0") == 0)
		return false;
	const struct view_ban *ban = *jail != '\0' ? view_ban(ui->view, jail, source) : NULL;
	target_set(t, jail, source, source, ban != NULL);
	return true;
}

static void
repaired(void *arg, bool ok, const json_t *value, const char *error)
{
	struct ui *ui = arg;

	(void)value;
	if (ok)
		ui_message(ui, ROLE_GOOD, "repair was ordered; the next listing shows the result");
	else
		ui_message(ui, ROLE_BAD, "repair: %s", error);
}

static enum pane_result
act(struct pane *p, enum action action, struct ui *ui)
{
	struct chains_state *s = p->state;
	const struct chain_row *r = table_current(&p->table, p, ui->view);

	switch (action) {
	case ACT_FAMILY4:
	case ACT_FAMILY6:
		s->family = action == ACT_FAMILY4 ? 4 : 6;
		p->table.is_dirty = true;
		if (!s->is_zoomed)
			ui_zoom_push(ui, PANE_CHAINS);
		return PANE_DONE;
	case ACT_RAW:
		s->is_raw = !s->is_raw;
		if (!s->is_zoomed)
			ui_zoom_push(ui, PANE_CHAINS);
		p->table.is_dirty = true;
		return PANE_DONE;
	case ACT_REPAIR: {
		const char *words[2] = {"repair", NULL};
		size_t n = 1;
		if (ui->view->chains.n_drift == 0) {
			ui_message(ui, ROLE_NORMAL, "nothing to repair: every ban has its rule");
			return PANE_DONE;
		}
		if (r != NULL && r->kind == ROW_DRIFT && *row_source(ui, r) != '\0')
			words[n++] = row_source(ui, r);
		ui_message(ui, ROLE_NORMAL, "repairing...");
		if (ui->send == NULL || !ui->send(ui->send_arg, words, n, repaired, ui))
			ui_message(ui, ROLE_BAD, "no engine: nothing was sent");
		return PANE_DONE;
	}
	case ACT_SORT:
	case ACT_REVERSE:
		ui_message(ui, ROLE_NORMAL, "rules stand in the kernel's order: it decides what they do");
		return PANE_DONE;
	default:
		return PANE_PASS;
	}
}

const struct pane_ops pane_chains = {
    .name = "chains", .title = "Chains", .context = CTX_CHAINS, .source = &chain_source, .init = init, .update = update,
    .draw = draw, .act = act, .target = target, .done = done,
};
