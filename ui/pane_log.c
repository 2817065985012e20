/*
 * pane_log: what is happening, oldest row on top, the newest at the bottom. Follows until it is paused
 * (space) or scrolled up; the engine goes on and the title counts what is not shown.
 */
#include <stdlib.h>
#include <string.h>

#include "ui.h"

/* Rows of the log are told by their serial; slots are places in the ring, oldest 0. */
static size_t
log_slots(const struct pane *p, const struct view *v)
{
	(void)p;
	return v->n_log;
}

static const void *
log_row(const struct pane *p, const struct view *v, uint32_t slot, uint64_t *serial)
{
	const struct view_event *e;

	(void)p;
	/* a row keeps its serial and moves through the slots as older ones leave: *serial is 0 or the slot on the way in */
	e = view_log_at(v, slot);
	if (e != NULL)
		*serial = e->serial;
	return e;
}

static void
log_key(const void *row, char key[TABLE_KEY_MAX])
{
	snprintf(key, TABLE_KEY_MAX, "%llu", (unsigned long long)((const struct view_event *)row)->serial);
}

static void
log_addr(const void *row, struct addr *out)
{
	if (!addr_parse(((const struct view_event *)row)->ip, out))
		out->family = 0;
}

/* What stands in the narrow column between jail and address. */
static void
verdict_text(const struct view_event *e, struct str *out, enum role *role)
{
	*role = ROLE_NORMAL;
	switch (e->kind) {
	case VIEW_FOUND:
		if (strcmp(e->verdict, "own") == 0) {
			str_add(out, "YOU");
			*role = ROLE_YOU;
		} else if (strcmp(e->verdict, "ignored") == 0) {
			str_add(out, "ign");
			*role = ROLE_WHITE;
		} else if (strcmp(e->verdict, "invalid") == 0) {
			str_add(out, "bad");
			*role = ROLE_WARN;
		} else {
			str_addf(out, "%d/%d", e->n, e->max);
			*role = e->max > 0 && e->n >= e->max ? ROLE_BAD : e->max > 0 && e->n + 1 >= e->max ? ROLE_WARN : ROLE_NORMAL;
		}
		break;
	case VIEW_BAN:
	case VIEW_PROLONG:
		str_add(out, e->kind == VIEW_BAN ? "BAN" : "EXT");
		*role = ROLE_BAD;
		break;
	case VIEW_UNBAN:
		str_add(out, "UNB");
		*role = ROLE_GOOD;
		break;
	case VIEW_ACTION_FAILED:
		str_add(out, "!fw");
		*role = ROLE_ALERT;
		break;
	case VIEW_FILE:
		str_add(out, strcmp(e->verdict, "ok") == 0 ? "log" : "!log");
		*role = strcmp(e->verdict, "ok") == 0 ? ROLE_NORMAL : ROLE_ALERT;
		break;
	case VIEW_NOTICE:
		str_add(out, e->level == 2 ? "!" : "note");
		*role = e->level == 2 ? ROLE_ALERT : e->level == 1 ? ROLE_WARN : ROLE_NORMAL;
		break;
	case VIEW_REPAIR:
		str_add(out, "fix");
		*role = ROLE_GOOD;
		break;
	}
}

static void
event_text(const struct view_event *e, struct str *out)
{
	size_t from = 0;
	double seconds;

	switch (e->kind) {
	case VIEW_FOUND:
		if (strcmp(e->verdict, "own") == 0) {
			str_add(out, "your own address: counted, not banned  ");
		} else if (strcmp(e->verdict, "held") == 0) {
			str_add(out, "HOLD: counted, not banned  ");
		} else if (strcmp(e->verdict, "ignored") == 0) {
			str_addf(out, "ignored (%s)  ", *e->why != '\0' ? e->why : "ip");
		} else if (strcmp(e->verdict, "invalid") == 0) {
			str_add(out, "no real address  ");
		}
		log_body(e->text, e->text_len, &from);
		str_addn(out, e->text + from, e->text_len - from);
		break;
	case VIEW_BAN:
	case VIEW_PROLONG:
		seconds = strtod(e->text, NULL);
		if (e->is_dry)
			str_add(out, e->kind == VIEW_BAN ? "would ban, " : "would extend, ");
		if (seconds >= 0)
			str_add(out, "for ");
		format_span(seconds, out);
		if (e->n > 1) {
			str_add(out, ", ");
			format_ordinal(e->n, out);
			str_add(out, " time");
		}
		if (e->applied_ms > 0)
			str_addf(out, "; applied in %.0f ms", e->applied_ms);
		break;
	case VIEW_UNBAN:
		seconds = strtod(e->text, NULL);
		if (strcmp(e->why, "expired") == 0)
			str_add(out, "ban time over");
		else if (strcmp(e->why, "command") == 0)
			str_add(out, "by command");
		else if (strcmp(e->why, "whitelist") == 0)
			str_add(out, "whitelisted");
		else if (strcmp(e->why, "stop") == 0)
			str_add(out, "the jail stops");
		else
			str_add(out, e->why);
		if (seconds >= 1 && strcmp(e->why, "expired") != 0) {
			str_add(out, ", ");
			format_span(seconds, out);
			str_add(out, " were left");
		}
		if (e->applied_ms > 0)
			str_addf(out, "; lifted in %.0f ms", e->applied_ms);
		break;
	default:
		str_addn(out, e->text, e->text_len);
	}
}

static void
log_text(const struct ui *ui, const void *row, struct str *out)
{
	const struct view_event *e = row;
	enum role role;

	(void)ui;
	str_addf(out, "%s ", e->jail);
	verdict_text(e, out, &role);
	str_addf(out, " %s ", e->ip);
	if (e->kind == VIEW_FOUND)
		str_addn(out, e->text, e->text_len);
	else
		event_text(e, out);
}

static const struct column columns[] = {{"TIME", 8, 8, false, false, false, 0, NEED_NONE}};

static const struct source source = {
    .columns = columns, .n_columns = 1, .slots = log_slots, .row = log_row, .key = log_key, .text = log_text, .addr = log_addr,
};

/* ---- follow and pause ---- */
struct log_state {
	bool is_scrolled;      /* paused by scrolling up */
	uint64_t frozen;       /* the newest row shown then */
	uint64_t first_serial; /* of the ring's slot 0 when the rows were built */
};

static void
init(struct pane *p)
{
	p->state = calloc(1, sizeof(struct log_state));
	if (p->state == NULL)
		abort();
}

static void
done(struct pane *p)
{
	free(p->state);
}

static uint64_t
frozen_at(const struct ui *ui, const struct log_state *s)
{
	uint64_t at = 0;

	if (s->is_scrolled)
		at = s->frozen;
	if (ui->is_paused && (at == 0 || ui->paused_serial < at))
		at = ui->paused_serial;
	return at;
}

int64_t
log_paused_rows(const struct ui *ui)
{
	const struct log_state *s = ui->panes[PANE_LOG].state;

	if (!ui->is_paused && !s->is_scrolled)
		return -1;
	uint64_t at = frozen_at(ui, s);
	return ui->view->log_serial > at ? (int64_t)(ui->view->log_serial - at) : 0;
}

static void
scroll_pause(struct ui *ui)
{
	struct log_state *s = ui->panes[PANE_LOG].state;

	if (s->is_scrolled)
		return;
	s->is_scrolled = true;
	s->frozen = ui->is_paused ? ui->paused_serial : ui->view->log_serial;
}

void
log_pause(struct ui *ui)
{
	ui->is_paused = true;
	ui->paused_serial = ui->view->log_serial;
}

void
log_resume(struct ui *ui)
{
	struct log_state *s = ui->panes[PANE_LOG].state;

	ui->is_paused = false;
	s->is_scrolled = false;
	ui->panes[PANE_LOG].table.is_touched = false;
	ui->panes[PANE_LOG].table.is_dirty = true;
	for (int i = 0; i < PANES; i++)
		ui->panes[i].table.is_dirty = true;
}

static bool
update(struct pane *p, const struct ui *ui, bool force)
{
	struct table *t = &p->table;
	struct log_state *s = p->state;
	const struct view *v = ui->view;
	uint64_t limit = frozen_at(ui, s);
	bool follows = limit == 0 && !ui->is_paused;
	uint64_t first = v->n_log > 0 ? v->log_serial - v->n_log + 1 : 0;
	(void)force;

	if (!t->is_dirty && t->generation == v->generation[VIEW_LOG] && t->epoch == v->epoch && first == s->first_serial)
		return false;
	/* unlike other tables the rows are rebuilt with every change: slots move as the ring turns */
	uint64_t at_top = 0, at_cursor = 0;
	size_t old_rows = t->count;
	for (size_t i = 0; i < old_rows && i <= t->cursor; i++) {
		if (i == t->top)
			at_top = t->rows[i].serial;
		if (i == t->cursor)
			at_cursor = t->rows[i].serial;
	}
	struct str text = {0};
	t->count = t->total = 0;
	if (t->room < v->n_log) {
		t->room = VIEW_LOG_MAX;
		t->rows = realloc(t->rows, t->room * sizeof *t->rows);
		if (t->rows == NULL)
			abort();
	}
	size_t cursor = 0, top = 0;
	for (uint32_t i = 0; i < v->n_log; i++) {
		const struct view_event *e = view_log_at(v, i);
		struct addr addr;
		if ((limit > 0 || ui->is_paused) && e->serial > limit)
			break;
		t->total++;
		if (t->filter != NULL) {
			str_clear(&text);
			log_text(ui, e, &text);
			log_addr(e, &addr);
			if (!sieve_match(t->filter, &addr, str_text(&text), text.len))
				continue;
		}
		if (e->serial <= at_cursor)
			cursor = t->count;
		if (e->serial <= at_top)
			top = t->count;
		t->rows[t->count++] = (struct table_row){e->serial, i};
	}
	str_done(&text);
	t->epoch = v->epoch;
	t->generation = v->generation[VIEW_LOG];
	s->first_serial = first;
	t->is_dirty = false;
	if (follows) {
		t->cursor = t->count > 0 ? t->count - 1 : 0;
		t->top = t->count > (size_t)t->page ? t->count - (size_t)t->page : 0;
	} else {
		t->cursor = cursor;
		t->top = top;
		table_clamp(t);
		if (t->top + (size_t)t->page > t->count)
			t->top = t->count > (size_t)t->page ? t->count - (size_t)t->page : 0;
	}
	return true;
}

/* ---- drawing ---- */
static int
head_draw(const struct ui *ui, const struct view_event *e, struct canvas *c, int y)
{
	struct str text = {0};
	enum role role;
	int ip_cols = c->w >= 110 ? 18 : 15, jail_cols = table_jail_cols(ui), x = 0;

	if (jail_cols > (c->w >= 100 ? 18 : 9))
		jail_cols = c->w >= 100 ? 18 : 9;
	format_clock(e->t, &text);
	if (c->w < 60) { /* the time goes first */
		x = 0;
		jail_cols = 0;
	} else {
		canvas_text(c, 0, y, ROLE_DIM, str_text(&text));
		x = 9;
	}
	if (jail_cols > 0)
		canvas_field(c, x, y, jail_cols, false, ROLE_NORMAL, 0, e->jail);
	x += jail_cols > 0 ? jail_cols + 1 : 0;
	str_clear(&text);
	verdict_text(e, &text, &role);
	canvas_field(c, x, y, text.len > 3 ? (int)text.len : 3, false, role, 0, str_text(&text));
	x += (text.len > 3 ? (int)text.len : 3) + 1;
	str_done(&text);
	int cols = canvas_cols(e->ip, strlen(e->ip), c->is_ascii);
	if (*e->ip == '\0')
		return x; /* not about one address: the words begin here */
	if (cols < ip_cols)
		cols = ip_cols;
	if (cols > 45)
		cols = 45;
	canvas_field(c, x, y, cols, false, role == ROLE_YOU ? ROLE_YOU : ROLE_NORMAL, 0, e->ip);
	return x + cols + 1;
}

static int
event_rows(const struct ui *ui, const struct canvas *c, const struct view_event *e)
{
	struct str text = {0};
	int head, rows;

	if (!ui->is_wrapped || c->w < 20)
		return 1;
	event_text(e, &text);
	struct canvas off = *c; /* measure without drawing: a window of no height */
	off.h = 0;
	head = head_draw(ui, e, &off, 0);
	int room = c->w - head > 10 ? c->w - head : 10;
	rows = (canvas_cols(str_text(&text), text.len, c->is_ascii) + room - 1) / room;
	str_done(&text);
	return rows < 1 ? 1 : rows > 20 ? 20 : rows;
}

static void
event_draw(const struct ui *ui, struct canvas *c, int y, int rows, const struct view_event *e, bool is_cursor)
{
	struct str text = {0};
	enum role role = ROLE_NORMAL;
	bool was_cut;
	int head = head_draw(ui, e, c, y);

	event_text(e, &text);
	if (e->kind == VIEW_ACTION_FAILED || (e->kind == VIEW_NOTICE && e->level == 2))
		role = ROLE_BAD;
	if (rows == 1 && !ui->is_wrapped) {
		canvas_textn(c, head, y, -1, ui->shift, role, 0, str_text(&text), text.len, &was_cut);
		if (was_cut)
			canvas_text(c, c->w - 1, y, ROLE_DIM, ">");
	} else {
		int room = c->w - head > 10 ? c->w - head : 10;
		for (int i = 0; i < rows; i++)
			canvas_textn(c, head, y + i, room, i * room, role, 0, str_text(&text), text.len, NULL);
	}
	str_done(&text);
	if (is_cursor) {
		canvas_role(c, 0, y, c->w, ROLE_NORMAL);
		canvas_flags(c, 0, y, c->w, CELL_REVERSE);
	}
}

static void
title_draw(const struct pane *p, const struct ui *ui, struct canvas *c)
{
	const struct view_stats *s = &ui->view->stats;
	int64_t paused = log_paused_rows(ui);
	struct str text = {0}, right = {0};
	enum role role = ROLE_DIM;

	str_add(&text, paused < 0 ? " following  all jails" : " ");
	if (paused >= 0)
		str_addf(&text, "PAUSED +%lld  F: follow", (long long)paused);
	if (s->sample_found > s->sample_sent) {
		/* the nearest honest fraction: one line stands for that many */
		int64_t each = s->sample_sent > 0 ? (s->sample_found + s->sample_sent - 1) / s->sample_sent : s->sample_found;
		str_addf(&text, "  %d of %lld shown", s->sample_sent > 0 ? 1 : 0, (long long)each);
	}
	if (p->table.filter != NULL) {
		str_addf(&right, "filter: %s  %zu of %zu", sieve_text(p->table.filter), p->table.count, p->table.total);
		role = ROLE_MODE;
	} else if (c->w >= 110 && s->received > 0) {
		format_count(s->fail_min, &right);
		str_add(&right, " matched/min");
	}
	pane_title(p, ui, c, str_text(&text), str_text(&right), role);
	str_done(&text);
	str_done(&right);
}

/* Nothing yet: say what proves that it is alive. */
static void
empty_draw(const struct pane *p, const struct ui *ui, struct canvas *c)
{
	const struct view *v = ui->view;
	const struct view_file *latest = NULL;
	struct str text = {0};

	if (!v->is_filled)
		return;
	if (p->table.filter != NULL && v->n_log > 0) {
		canvas_text(c, 1, 1, ROLE_DIM, "no row matches the filter");
		return;
	}
	if (v->n_jails == 0) {
		str_add(&text, v->engine.state == VIEW_STARTING ? "the jails are starting"
		    : NO_JAIL_ENABLED);
	} else {
		str_add(&text, "no failures yet");
		for (size_t i = 0; i < v->n_jails; i++)
			for (size_t k = 0; k < v->jails[i]->n_files; k++)
				if (v->jails[i]->files[k].last_line > 0 &&
				    (latest == NULL || v->jails[i]->files[k].last_line > latest->last_line))
					latest = &v->jails[i]->files[k];
		if (latest != NULL) {
			const char *slash = strrchr(latest->path, '/');
			double age = ui_now(ui) - latest->last_line;
			str_add(&text, "; last line read ");
			format_span(age > 0 ? age : 0, &text);
			str_addf(&text, " ago from %s", slash != NULL ? slash + 1 : latest->path);
		} else {
			str_add(&text, "; no line read yet");
		}
	}
	pane_notice(c, ROLE_DIM, str_text(&text));
	str_done(&text);
}

static void
draw(const struct pane *p, const struct ui *ui, struct canvas *c)
{
	const struct table *t = &p->table;
	bool is_focused = ui->focus == p->id;

	title_draw(p, ui, c);
	if (t->count == 0) {
		empty_draw(p, ui, c);
		return;
	}
	struct canvas body = canvas_window(c, 0, 1, c->w, c->h - 1);
	size_t from = t->top;
	if (ui->is_wrapped) { /* from the cursor's page upwards, as many as fit */
		size_t last = t->top + (size_t)t->page;
		if (last > t->count)
			last = t->count;
		if (t->cursor + 1 < last && t->cursor < t->top + 1)
			last = t->top + (size_t)t->page;
		int rows = 0;
		from = last;
		while (from > 0) {
			const struct view_event *e = table_at(t, p, ui->view, from - 1);
			int need = e != NULL ? event_rows(ui, &body, e) : 1;
			if (rows + need > body.h && rows > 0 && from - 1 < t->cursor + 1)
				break;
			rows += need;
			from--;
			if (rows >= body.h)
				break;
		}
		if (t->cursor < from)
			from = t->cursor;
	}
	for (int y = 0; y < body.h && from < t->count; from++) {
		const struct view_event *e = table_at(t, p, ui->view, from);
		if (e == NULL) {
			y++;
			continue;
		}
		int rows = event_rows(ui, &body, e);
		if (rows > body.h - y)
			rows = body.h - y;
		event_draw(ui, &body, y, rows, e, is_focused && from == t->cursor && (!(log_paused_rows(ui) < 0)));
		y += rows;
	}
}

static enum pane_result
act(struct pane *p, enum action action, struct ui *ui)
{
	switch (action) {
	case ACT_UP:
	case ACT_PAGE_UP:
	case ACT_HALF_UP:
	case ACT_HOME:
		if (p->table.count > 0)
			scroll_pause(ui);
		return PANE_PASS;
	case ACT_END:
	case ACT_FOLLOW:
		log_resume(ui);
		return PANE_DONE;
	case ACT_SORT:
	case ACT_REVERSE:
		ui_message(ui, ROLE_NORMAL, "the Log is in the order of time; Tab to a list to sort it");
		return PANE_DONE;
	default:
		return PANE_PASS;
	}
}

static bool
target(const struct pane *p, const struct ui *ui, struct target *t)
{
	const struct view_event *e = table_current(&p->table, p, ui->view);

	if (e == NULL || *e->ip == '\0')
		return false;
	target_set(t, e->jail, e->ip, e->ip, false);
	return true;
}

const struct pane_ops pane_log = {
    .name = "log", .title = "Log", .context = CTX_LOG, .source = &source, .init = init, .update = update, .draw = draw,
    .act = act, .target = target, .done = done,
};
