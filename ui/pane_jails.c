/*
 * pane_jails: what is watched, and whether it can be read. Zoomed: one row for each log file.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ui.h"

enum { JAIL_NAME, JAIL_STATE, JAIL_MIN, JAIL_SPARK, JAIL_FOUND, JAIL_BANS, JAIL_TOTAL, JAIL_FILE, JAIL_SIZE, JAIL_READ, JAIL_LAST, JAIL_LOG, JAIL_COLUMNS };

static const struct column columns[JAIL_COLUMNS] = {
    [JAIL_NAME] = {"JAIL", 16, 16, false, true, false, 0, NEED_JAIL},
    [JAIL_STATE] = {"STATE", 5, 8, false, false, false, 0, NEED_NONE},
    [JAIL_MIN] = {"/MIN", 4, 5, true, true, true, 1, NEED_NONE},
    [JAIL_SPARK] = {"LAST 30 MIN", 15, 15, false, false, false, 5, NEED_NONE},
    [JAIL_FOUND] = {"FOUND", 5, 7, true, true, true, 4, NEED_NONE},
    [JAIL_BANS] = {"BANNED", 6, 6, true, true, true, 0, NEED_NONE},
    [JAIL_TOTAL] = {"TOTAL", 5, 6, true, true, true, 2, NEED_NONE},
    [JAIL_FILE] = {"FILE", 12, 24, false, false, false, 6, NEED_NONE},
    [JAIL_SIZE] = {"SIZE", 5, 5, true, false, false, 9, NEED_NONE},
    [JAIL_READ] = {"READ", 5, 5, true, false, false, 8, NEED_NONE},
    [JAIL_LAST] = {"LAST LINE", 9, 10, false, false, false, 7, NEED_NONE},
    [JAIL_LOG] = {"LOG", 9, 50, false, false, false, 0, NEED_WORDS},
};

struct jail_row {
	size_t jail, file;
	const char *name; /* borrowed from the view that the rows were made from */
};

struct jails_state {
	struct jail_row *rows; /* owned */
	size_t count;
	bool is_zoomed;
	uint64_t epoch, generation;
};

static size_t
slots(const struct pane *p, const struct view *v)
{
	(void)v;
	return ((const struct jails_state *)p->state)->count;
}

static const void *
row(const struct pane *p, const struct view *v, uint32_t slot, uint64_t *serial)
{
	const struct jails_state *s = p->state;

	(void)serial;
	if (slot >= s->count || s->epoch != v->epoch || s->generation != v->generation[VIEW_JAILS])
		return NULL;
	return &s->rows[slot];
}

static void
key(const void *at, char out[TABLE_KEY_MAX])
{
	const struct jail_row *r = at;

	snprintf(out, TABLE_KEY_MAX, "%s/%zu", r->name, r->file);
}

/* The worst that is to be said of a file; empty: nothing. */
static void
file_trouble(const struct ui *ui, const struct view_file *f, struct str *out)
{
	double rotated = ui_now(ui) - f->rotated;

	if (strcmp(f->state, "missing") == 0)
		str_add(out, "NO FILE");
	else if (strcmp(f->state, "denied") == 0)
		str_add(out, "DENIED");
	else if (strcmp(f->state, "error") == 0)
		str_addf(out, "ERROR %s", f->error);
	else if (f->rotated > 0 && rotated >= 0 && rotated < 60) {
		str_add(out, "rotated ");
		format_span(rotated, out);
		str_add(out, " ago");
		return;
	} else {
		return;
	}
	if (f->retry >= 1) {
		str_add(out, ", retry ");
		format_span(f->retry, out);
	}
}

static void
log_words(const struct ui *ui, const struct view_jail *j, const struct view_file *only, struct str *out, enum role *role)
{
	double latest = 0;

	*role = ROLE_ALERT;
	if (strcmp(j->state, "error") == 0) {
		str_add(out, *j->why != '\0' ? j->why : "error");
		return;
	}
	for (size_t i = 0; i < j->n_files; i++) {
		if (only != NULL && only != &j->files[i])
			continue;
		file_trouble(ui, &j->files[i], out);
		if (j->files[i].last_line > latest)
			latest = j->files[i].last_line;
		if (out->len > 0) {
			if (str_starts(out->at, "rotated"))
				*role = ROLE_NORMAL;
			return;
		}
	}
	*role = ROLE_WARN;
	if (j->no_date > 0 && j->no_date >= j->lines && j->lines > 0) {
		str_addf(out, "no date found in %lld lines", (long long)j->no_date);
		return;
	}
	if (j->lines >= 100 && j->matched == 0 && j->ignored == 0) {
		format_count(j->lines, out);
		str_add(out, " lines, 0 matches: wrong filter?");
		return;
	}
	if (latest > 0 && ui_now(ui) - latest > 3600) {
		str_add(out, "no line for ");
		format_span(ui_now(ui) - latest, out);
		return;
	}
	*role = ROLE_GOOD;
	str_add(out, j->n_files == 0 ? *j->backend != '\0' ? j->backend : "no log" : "ok");
}

static bool
jail_is_bad(const struct ui *ui, const struct view_jail *j)
{
	struct str text = {0};
	enum role role;

	log_words(ui, j, NULL, &text, &role);
	str_done(&text);
	return role == ROLE_ALERT;
}

static void
text(const struct ui *ui, const void *at, struct str *out)
{
	const struct jail_row *r = at;
	const struct view_jail *j = ui->view->jails[r->jail];
	enum role role;

	str_addf(out, "%s %s ", j->name, j->state);
	if (r->file < j->n_files)
		str_addf(out, "%s ", j->files[r->file].path);
	log_words(ui, j, NULL, out, &role);
}

static void
cell(const struct ui *ui, const void *at, int column, struct str *out, enum role *role)
{
	const struct jail_row *r = at;
	const struct jails_state *s = ui->panes[PANE_JAILS].state;
	const struct view_jail *j = ui->view->jails[r->jail];
	const struct view_file *f = r->file < j->n_files ? &j->files[r->file] : NULL;

	if (r->file > 0 && column < JAIL_FILE)
		return;
	switch (column) {
	case JAIL_NAME:
		str_add(out, j->name);
		break;
	case JAIL_STATE:
		if (jail_is_bad(ui, j)) {
			str_add(out, "!");
			*role = ROLE_ALERT;
		} else {
			str_add(out, j->state);
		}
		break;
	case JAIL_MIN:
		format_count(j->fail_min, out);
		break;
	case JAIL_SPARK: { /* two minutes to a column */
		struct view_spark pairs = {0};
		int first = j->spark.count > 30 ? j->spark.count - 30 : 0;
		for (int i = first + (j->spark.count - first) % 2; i + 1 < j->spark.count; i += 2)
			pairs.at[pairs.count++] = j->spark.at[i] + j->spark.at[i + 1];
		format_spark(&pairs, 15, ui->is_ascii, out);
		break;
	}
	case JAIL_FOUND:
		format_count(j->fail_total, out);
		break;
	case JAIL_BANS:
		format_count(j->ban_now, out);
		if (j->ban_now > 0)
			*role = ROLE_BAD;
		break;
	case JAIL_TOTAL:
		format_count(j->ban_total, out);
		break;
	case JAIL_FILE:
		if (f != NULL) {
			const char *slash = strrchr(f->path, '/');
			str_add(out, slash != NULL && strlen(f->path) > 24 ? slash + 1 : f->path);
			if (!s->is_zoomed && j->n_files > 1)
				str_addf(out, " +%zu", j->n_files - 1);
		}
		break;
	case JAIL_SIZE:
		if (f != NULL)
			format_count(f->size, out);
		break;
	case JAIL_READ:
		if (f != NULL && f->size > 0)
			str_addf(out, "%d%%", (int)(f->pos >= f->size ? 100 : f->pos * 100 / f->size));
		else if (f != NULL)
			str_add(out, "-");
		break;
	case JAIL_LAST:
		if (f != NULL && f->last_line > 0) {
			double age = ui_now(ui) - f->last_line;
			if (age < 60)
				str_add(out, "<1m ago");
			else {
				format_span(age < 3600 ? 60 * (int)(age / 60) : age, out);
				str_add(out, " ago");
			}
		} else {
			str_add(out, "-");
		}
		break;
	case JAIL_LOG:
		log_words(ui, j, s->is_zoomed ? f : NULL, out, role);
		break;
	}
}

static const struct source source = {
    .columns = columns, .n_columns = JAIL_COLUMNS, .slots = slots, .row = row, .key = key, .text = text, .cell = cell,
};

static void
init(struct pane *p)
{
	p->state = xcalloc(1, sizeof(struct jails_state));
}

static void
done(struct pane *p)
{
	free(((struct jails_state *)p->state)->rows);
	free(p->state);
}

static bool
update(struct pane *p, const struct ui *ui, bool force)
{
	struct jails_state *s = p->state;
	const struct view *v = ui->view;
	bool is_zoomed = ui->n_zoom > 0 && ui->zoom[ui->n_zoom - 1] == PANE_JAILS;
	size_t room = 1;

	if (!force && !p->table.is_dirty && s->epoch == v->epoch && s->generation == v->generation[VIEW_JAILS] && s->is_zoomed == is_zoomed)
		return false;
	for (size_t i = 0; i < v->n_jails; i++)
		room += 1 + v->jails[i]->n_files;
	free(s->rows);
	s->rows = xcalloc(room, sizeof *s->rows);
	s->count = 0;
	s->is_zoomed = is_zoomed;
	for (size_t i = 0; i < v->n_jails; i++) {
		s->rows[s->count++] = (struct jail_row){i, 0, v->jails[i]->name};
		for (size_t k = 1; is_zoomed && k < v->jails[i]->n_files; k++)
			s->rows[s->count++] = (struct jail_row){i, k, v->jails[i]->name};
	}
	s->epoch = v->epoch;
	s->generation = v->generation[VIEW_JAILS];
	return table_update(&p->table, p, ui, s->generation, true);
}

/* One line for all: first what is wrong. */
static void
line_draw(const struct ui *ui, struct canvas *c)
{
	struct str text = {0}, trouble = {0};
	enum role role;
	int x = 1;
	size_t shown = 0;

	for (size_t pass = 0, i = 0; pass < 2; i + 1 < ui->view->n_jails ? i++ : (i = 0, pass++)) {
		const struct view_jail *j = ui->view->jails[i];
		str_clear(&text);
		str_clear(&trouble);
		log_words(ui, j, NULL, &trouble, &role);
		bool is_bad = role == ROLE_ALERT;
		if (is_bad != (pass == 0))
			continue;
		if (is_bad)
			str_addf(&text, "!%s %s", j->name, str_text(&trouble));
		else {
			str_add(&text, j->name);
			if (j->fail_min > 0) {
				str_addc(&text, ' ');
				format_count(j->fail_min, &text);
				str_add(&text, "/min");
			}
			str_add(&text, " ban ");
			format_count(j->ban_now, &text);
		}
		int cols = canvas_cols(str_text(&text), text.len, c->is_ascii), last = shown + 1 < ui->view->n_jails ? 6 : 0; /* +12 */
		if (x + cols + last > c->w && x > 1) {
			canvas_printf(c, x, 1, ROLE_DIM, "+%zu", ui->view->n_jails - shown);
			break;
		}
		canvas_text(c, x, 1, is_bad ? ROLE_ALERT : ROLE_NORMAL, str_text(&text));
		x += cols + 3;
		shown++;
	}
	str_done(&text);
	str_done(&trouble);
}

static void
draw(const struct pane *p, const struct ui *ui, struct canvas *c)
{
	const struct view *v = ui->view;
	struct str title = {0}, right = {0};
	size_t good = 0;

	for (size_t i = 0; i < v->n_jails; i++)
		good += !jail_is_bad(ui, v->jails[i]);
	if (v->is_filled)
		str_addf(&title, "%zu/%zu", good, v->n_jails);
	if (p->table.filter != NULL)
		str_addf(&right, "filter: %s  %zu of %zu", sieve_text(p->table.filter), p->table.count, p->table.total);
	pane_title(p, ui, c, str_text(&title), str_text(&right), ROLE_MODE);
	str_done(&title);
	str_done(&right);
	if (v->n_jails == 0) {
		if (v->is_filled && v->engine.state != VIEW_STARTING)
			pane_notice(c, ROLE_WARN, NO_JAIL_ENABLED);
	} else if (p->is_line) {
		line_draw(ui, c);
	} else {
		struct canvas body = canvas_window(c, 0, 1, c->w, c->h - 1);
		table_draw(&p->table, p, ui, &body, ui->focus == p->id);
	}
}

static enum pane_result
act(struct pane *p, enum action action, struct ui *ui)
{
	const struct jail_row *r = table_current(&p->table, p, ui->view);

	if (action == ACT_INSPECT && r != NULL) {
		const struct view_jail *j = ui->view->jails[r->jail];
		struct str text = {0};
		enum role role;
		pager_open(ui, j->name, false);
		log_words(ui, j, NULL, &text, &role);
		pager_add(ui, " STATE    %s%s%s   log: %s", j->state, *j->why != '\0' ? ", " : "", j->why, str_text(&text));
		str_clear(&text);
		str_add(&text, " RULE     ");
		str_addf(&text, "%d failures in ", j->maxretry);
		format_span(j->findtime, &text);
		str_add(&text, " -> ban for ");
		format_span(j->bantime, &text);
		pager_add(ui, "%s", str_text(&text));
		pager_add(ui, " COUNTS   failures: %lld now, %lld in all   bans: %lld now, %lld in all", (long long)j->fail_now,
		    (long long)j->fail_total, (long long)j->ban_now, (long long)j->ban_total);
		pager_add(ui, " LINES    %lld read: %lld match, %lld miss, %lld ignored, %lld without a date, %lld given up at the limit",
		    (long long)j->lines, (long long)j->matched, (long long)j->missed, (long long)j->ignored, (long long)j->no_date,
		    (long long)j->limit);
		for (size_t i = 0; i < j->n_files; i++) {
			str_clear(&text);
			file_trouble(ui, &j->files[i], &text);
			pager_add(ui, " %-8s %s   %lld bytes, read up to %lld   %s", i == 0 ? "FILES" : "", j->files[i].path,
			    (long long)j->files[i].size, (long long)j->files[i].pos, text.len > 0 ? str_text(&text) : "ok");
		}
		for (size_t i = 0; j->actions[i] != NULL; i++)
			pager_add(ui, " %-8s %s", i == 0 ? "ACTIONS" : "", j->actions[i]);
		if (*j->prefregex != '\0')
			pager_add(ui, " PREFIX   %s", j->prefregex);
		for (size_t i = 0; j->failregex[i] != NULL; i++)
			pager_add(ui, " %-8s #%zu %s", i == 0 ? "REGEX" : "", i + 1, j->failregex[i]);
		for (size_t i = 0; j->ignoreregex[i] != NULL; i++)
			pager_add(ui, " %-8s #%zu %s", i == 0 ? "IGNORE" : "", i + 1, j->ignoreregex[i]);
		str_done(&text);
		return PANE_DONE;
	}
	if (action == ACT_REGEX && r != NULL) {
		regex_open(ui, ui->view->jails[r->jail]->name, 1);
		return PANE_DONE;
	}
	if (action == ACT_SORT || action == ACT_REVERSE) {
		ui_message(ui, ROLE_NORMAL, "jails stand in the order of the configuration");
		return PANE_DONE;
	}
	return PANE_PASS;
}

const struct pane_ops pane_jails = {
    .name = "jails", .title = "Jails", .context = CTX_JAILS, .source = &source, .init = init, .update = update, .draw = draw,
    .act = act, .done = done,
};
