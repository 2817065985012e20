#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pane.h"
#include "ui.h"

#define TABLE_COLUMNS_MAX 16
#define LEAD_MAX 39 /* the longest address */
#define LEAD_WORTH 20 /* columns for which others are dropped: a network and its count */
#define DROP_EASY 3   /* columns that are dropped for it */
#define SORT_EVERY_S 1.0
#define SORT_QUIET_S 1.0 /* no new order so soon after a key … */
#define SORT_LATEST_S 3.0 /* … but not for ever */

void
table_init(struct table *t, const struct source *source)
{
	memset(t, 0, sizeof *t);
	t->source = source;
	t->sort = source->first_sort;
	t->is_dirty = true;
	t->page = 1;
}

void
table_done(struct table *t)
{
	free(t->rows);
	sieve_free(t->filter);
	sieve_free(t->find);
	table_unmark_all(t);
	free(t->marks);
	memset(t, 0, sizeof *t);
}

/* ---- building the rows ---- */
struct sort_row {
	const void *row;
	double rank;  /* compared first, then the address: most pairs never touch the rows themselves */
	uint64_t tie; /* 0: compare() knows more */
	struct table_row id;
};

struct sort_by {
	const struct source *source;
	int column;
	bool is_reversed;
};

static int
sort_compare(const void *a, const void *b, void *arg)
{
	const struct sort_by *by = arg;
	const struct sort_row *x = a, *y = b;
	int order = x->rank < y->rank ? -1 : x->rank > y->rank;

	if (order == 0)
		order = x->tie < y->tie ? -1 : x->tie > y->tie;
	if (order == 0)
		order = by->source->compare(x->row, y->row, by->column);
	if (by->is_reversed)
		order = -order;
	if (order == 0)
		order = x->id.serial < y->id.serial ? -1 : x->id.serial > y->id.serial;
	return order;
}

static bool
row_passes(const struct table *t, const struct pane *p, const struct sieve *f, const struct ui *ui, const void *row, struct str *text)
{
	struct addr addr = {0};
	bool is_match;

	if (f == NULL)
		return true;
	if (t->source->many != NULL && t->source->many(p, ui, row, f, &is_match))
		return is_match;
	str_clear(text);
	t->source->text(ui, row, text);
	if (t->source->addr != NULL)
		t->source->addr(row, &addr);
	return sieve_match(f, &addr, str_text(text), text->len);
}

/* The family and the first bytes: an IPv4 address whole, of IPv6 what tells most apart. */
static uint64_t
addr_order(const struct source *s, const void *row)
{
	struct addr a = {0};
	uint64_t order;

	s->addr(row, &a);
	order = a.family;
	for (int i = 0; i < 7; i++)
		order = order << 8 | a.bytes[i];
	return order;
}

static void
rows_build(struct table *t, const struct pane *p, const struct ui *ui)
{
	const struct source *s = t->source;
	if (s->prepare != NULL)
		s->prepare(p, ui);
	size_t slots = s->slots(p, ui->view), n = 0;
	struct sort_row *found = xcalloc(slots + 1, sizeof *found);
	struct str text = {0};

	t->total = 0;
	t->lead = 0;
	for (uint32_t slot = 0; slot < slots; slot++) {
		uint64_t serial = slot;
		const void *row = s->row(p, ui->view, slot, &serial);
		if (row == NULL)
			continue;
		t->total++;
		if (!row_passes(t, p, t->filter, ui, row, &text))
			continue;
		if (s->lead != NULL && t->lead < LEAD_MAX) {
			size_t len = strlen(s->lead(row));
			t->lead = len > LEAD_MAX ? LEAD_MAX : (int)len > t->lead ? (int)len : t->lead;
		}
		struct sort_row *r = &found[n++];
		bool is_all = false;
		*r = (struct sort_row){.row = row, .id = {serial, slot}};
		if (s->rank != NULL)
			r->rank = s->rank(row, t->sort, &is_all);
		if (is_all && s->addr != NULL)
			r->tie = addr_order(s, row);
	}
	str_done(&text);
	if (s->compare != NULL && n > 1) {
		struct sort_by by = {s, t->sort, t->is_reversed != s->columns[t->sort].is_down};
		qsort_r(found, n, sizeof *found, sort_compare, &by);
	}
	if (n > t->room) {
		t->room = n + n / 2;
		t->rows = xreallocarray(t->rows, t->room, sizeof *t->rows);
	}
	for (size_t i = 0; i < n; i++)
		t->rows[i] = found[i].id;
	t->count = n;
	free(found);
}

static void
cursor_remember(struct table *t, const struct pane *p, const struct view *v)
{
	const void *row = table_current(t, p, v);

	t->cursor_key[0] = '\0';
	if (row != NULL)
		t->source->key(row, t->cursor_key);
}

/* The cursor goes to row i, which keeps its place on the screen. */
static void
cursor_to(struct table *t, size_t i)
{
	size_t offset = t->cursor >= t->top ? t->cursor - t->top : 0;

	t->cursor = i;
	t->top = i > offset ? i - offset : 0;
	table_clamp(t);
}

static void
cursor_restore(struct table *t, const struct pane *p, const struct view *v)
{
	char key[TABLE_KEY_MAX];

	if (!t->is_touched) {
		t->cursor = t->top = 0;
		cursor_remember(t, p, v);
		return;
	}
	if (t->cursor_key[0] != '\0')
		for (size_t i = 0; i < t->count; i++) {
			const void *row = table_at(t, p, v, i);
			if (row == NULL)
				continue;
			t->source->key(row, key);
			if (strcmp(key, t->cursor_key) == 0) {
				cursor_to(t, i);
				return;
			}
		}
	for (size_t i = 0; t->source->stands_for != NULL && t->cursor_key[0] != '\0' && i < t->count; i++) {
		const void *row = table_at(t, p, v, i);
		if (row != NULL && t->source->stands_for(row, t->cursor_key)) {
			cursor_to(t, i);
			cursor_remember(t, p, v);
			return;
		}
	}
	table_clamp(t);
	cursor_remember(t, p, v);
}

bool
table_update(struct table *t, const struct pane *p, const struct ui *ui, uint64_t generation, bool force)
{
	bool is_other_view = t->epoch != ui->view->epoch;

	if (!force && !t->is_dirty && !is_other_view) {
		double age = ui->mono - t->sorted_at;
		if (t->generation == generation || ui->is_paused)
			return false;
		if (t->count > 0 && (age < SORT_EVERY_S || (ui->mono - ui->key_at < SORT_QUIET_S && age < SORT_LATEST_S)))
			return false;
	}
	rows_build(t, p, ui);
	t->epoch = ui->view->epoch;
	t->generation = generation;
	t->sorted_at = ui->mono;
	t->is_dirty = false;
	cursor_restore(t, p, ui->view);
	return true;
}

const void *
table_at(const struct table *t, const struct pane *p, const struct view *v, size_t i)
{
	uint64_t serial = 0;

	if (i >= t->count || t->epoch != v->epoch)
		return NULL;
	serial = t->rows[i].slot;
	const void *row = t->source->row(p, v, t->rows[i].slot, &serial);
	return row != NULL && serial == t->rows[i].serial ? row : NULL;
}

const void *
table_current(const struct table *t, const struct pane *p, const struct view *v)
{
	return table_at(t, p, v, t->cursor);
}

/* ---- moving ---- */
void
table_clamp(struct table *t)
{
	size_t page = t->page > 0 ? (size_t)t->page : 1;

	if (t->count == 0) {
		t->cursor = t->top = 0;
		return;
	}
	if (t->cursor >= t->count)
		t->cursor = t->count - 1;
	/* the last row of the page says how many more there are */
	size_t rows = t->count > page && page > 1 ? page - 1 : page;
	if (t->cursor < t->top)
		t->top = t->cursor;
	else if (t->cursor >= t->top + rows)
		t->top = t->cursor - rows + 1;
	if (t->top + page >= t->count) {
		size_t last = t->count > page ? t->count - page : 0;
		if (t->top >= last && t->cursor >= last)
			t->top = last;
	}
}

void
table_go(struct table *t, const struct pane *p, const struct view *v, size_t index)
{
	t->is_touched = true;
	t->cursor = index;
	table_clamp(t);
	cursor_remember(t, p, v);
}

void
table_move(struct table *t, const struct pane *p, const struct view *v, long by)
{
	size_t to = t->cursor;

	if (by < 0)
		to = to > (size_t)-by ? to - (size_t)-by : 0;
	else
		to += (size_t)by;
	if (to >= t->count)
		to = t->count > 0 ? t->count - 1 : 0;
	table_go(t, p, v, to);
}

void
table_sort_next(struct table *t)
{
	for (int i = 1; i <= t->source->n_columns; i++) {
		int column = (t->sort + i) % t->source->n_columns;
		if (t->source->columns[column].can_sort) {
			t->sort = column;
			t->is_reversed = false;
			break;
		}
	}
	t->is_touched = true; /* the cursor stays on its address */
	t->is_dirty = true;
}

void
table_sort_reverse(struct table *t)
{
	t->is_reversed = !t->is_reversed;
	t->is_touched = true;
	t->is_dirty = true;
}

void
table_set_filter(struct table *t, struct sieve *f)
{
	sieve_free(t->filter);
	t->filter = f;
	t->is_dirty = true;
}

bool
table_find(struct table *t, const struct pane *p, const struct ui *ui, int direction, size_t *nth, size_t *all)
{
	struct str text = {0};
	size_t best = t->count, first = t->count, last = t->count;

	*nth = *all = 0;
	for (size_t i = 0; t->find != NULL && i < t->count; i++) {
		const void *row = table_at(t, p, ui->view, i);
		if (row == NULL || !row_passes(t, p, t->find, ui, row, &text))
			continue;
		(*all)++;
		if (first == t->count)
			first = i;
		last = i;
		if (direction < 0 ? i < t->cursor : best == t->count && (direction > 0 ? i > t->cursor : i >= t->cursor)) {
			best = i;
			*nth = *all;
		}
	}
	str_done(&text);
	if (*all == 0)
		return false;
	if (best == t->count) { /* round the end */
		best = direction < 0 ? last : first;
		*nth = direction < 0 ? *all : 1;
	}
	table_go(t, p, ui->view, best);
	return true;
}

/* ---- marks ---- */
bool
table_is_marked(const struct table *t, const char *key)
{
	for (size_t i = 0; i < t->n_marks; i++)
		if (strcmp(t->marks[i], key) == 0)
			return true;
	return false;
}

void
table_mark(struct table *t, const char *key)
{
	for (size_t i = 0; i < t->n_marks; i++)
		if (strcmp(t->marks[i], key) == 0) {
			free(t->marks[i]);
			t->marks[i] = t->marks[--t->n_marks];
			return;
		}
	if (t->n_marks >= TABLE_MARKS_MAX)
		return;
	t->marks = xreallocarray(t->marks, t->n_marks + 1, sizeof *t->marks);
	t->marks[t->n_marks++] = xstrdup(key);
}

void
table_unmark_all(struct table *t)
{
	for (size_t i = 0; i < t->n_marks; i++)
		free(t->marks[i]);
	t->n_marks = 0;
}

/* ---- drawing ---- */
void
table_order_text(const struct table *t, struct str *out)
{
	if (t->source->compare == NULL)
		return;
	const struct column *column = &t->source->columns[t->sort];
	str_addf(out, "by %s %s", column->name[0] == '/' ? column->name + 1 : column->name,
	    column->is_down != t->is_reversed ? "v" : "^");
}

int
table_jail_cols(const struct ui *ui)
{
	const struct view *v = ui->view;
	int most = 4;

	for (size_t i = 0; i < v->n_jails; i++) {
		int cols = canvas_cols(v->jails[i]->name, strlen(v->jails[i]->name), ui->is_ascii);
		most = cols > most ? cols : most;
	}
	return most < 32 ? most : 32;
}

/* The column that is needed least, of those with at least that drop; -1: none. */
static int
column_least(const struct source *s, const int *widths, int drop)
{
	int least = -1;

	for (int i = 0; i < s->n_columns; i++)
		if (widths[i] > 0 && s->columns[i].drop >= drop && (least < 0 || s->columns[i].drop > s->columns[least].drop))
			least = i;
	return least;
}

static void
column_drop(int *widths, int i, int *total)
{
	*total -= widths[i] + 1;
	widths[i] = 0;
}

/* An address that is cut names nobody: columns that only count leave when that makes it whole. */
static void
lead_make_room(const struct table *t, int w, int *widths, int *total)
{
	const struct source *s = t->source;
	int lead = -1, easy = 0, most = s->many != NULL && t->lead > LEAD_WORTH ? LEAD_WORTH : t->lead;

	for (int i = 0; i < s->n_columns; i++)
		if (s->columns[i].need == NEED_LEAD)
			lead = i;
		else if (s->columns[i].drop >= DROP_EASY && widths[i] > 0)
			easy += widths[i] + 1;
	if (lead < 0 || most - widths[lead] > w - *total + easy)
		return;
	for (int victim; most - widths[lead] > w - *total && (victim = column_least(s, widths, DROP_EASY)) >= 0;)
		column_drop(widths, victim, total);
}

static int
columns_fit(const struct table *t, const struct ui *ui, int w, int widths[TABLE_COLUMNS_MAX])
{
	const struct source *s = t->source;
	int total = 1; /* the cursor's column */

	for (int i = 0; i < s->n_columns; i++) {
		widths[i] = s->columns[i].width;
		total += widths[i] + 1;
	}
	total--;
	for (int victim; total > w && (victim = column_least(s, widths, 1)) >= 0;)
		column_drop(widths, victim, &total);
	lead_make_room(t, w, widths, &total);
	const int wish[NEEDS] = {0, t->lead, 18, table_jail_cols(ui), table_jail_cols(ui) + 7 /* f2b-… v6 */};
	for (int need = NEED_NONE + 1; need < NEEDS; need++)
		for (int i = 0; i < s->n_columns; i++)
			if ((int)s->columns[i].need == need && widths[i] > 0) {
				int more = wish[need] - widths[i] < w - total ? wish[need] - widths[i] : w - total;
				if (more > 0) {
					widths[i] += more;
					total += more;
				}
			}
	for (bool grew = true; grew && total < w;) { /* each in turn, so that none takes it all */
		grew = false;
		for (int i = 0; i < s->n_columns && total < w; i++)
			if (widths[i] > 0 && widths[i] < s->columns[i].wide) {
				widths[i]++;
				total++;
				grew = true;
			}
	}
	return total;
}

static void
row_draw(const struct table *t, const struct pane *p, const struct ui *ui, struct canvas *c, int y, size_t i,
    const int *widths, int bar, bool is_focused)
{
	const void *row = table_at(t, p, ui->view, i);
	bool is_cursor = i == t->cursor;
	struct str text = {0};
	char key[TABLE_KEY_MAX];
	int x = 1;

	if (is_cursor)
		canvas_text(c, 0, y, ROLE_NORMAL, ">");
	enum role all = ROLE_NORMAL;
	if (row != NULL && t->source->heading != NULL && t->source->heading(ui, row, &text, &all)) {
		canvas_field(c, x, y, c->w - x, false, all, 0, str_text(&text));
		bar = c->w;
	} else if (row != NULL) {
		for (int column = 0; column < t->source->n_columns; column++) {
			enum role role = ROLE_NORMAL;
			if (widths[column] == 0)
				continue;
			str_clear(&text);
			t->source->cell(ui, row, column, &text, &role);
			canvas_field(c, x, y, widths[column], t->source->columns[column].is_right, role, 0, str_text(&text));
			x += widths[column] + 1;
		}
		if (t->n_marks > 0) {
			t->source->key(row, key);
			if (table_is_marked(t, key))
				canvas_text(c, 0, y, ROLE_WARN, "*");
		}
	} else {
		canvas_text(c, x, y, ROLE_DIM, "(gone)");
	}
	str_done(&text);
	if (is_cursor && is_focused) { /* one bar: colours in reverse would be blocks, the letters say the same */
		canvas_role(c, 0, y, c->w, ROLE_NORMAL);
		canvas_flags(c, 0, y, bar, CELL_REVERSE);
	}
}

void
table_draw(const struct table *t, const struct pane *p, const struct ui *ui, struct canvas *c, bool is_focused)
{
	int widths[TABLE_COLUMNS_MAX];
	int x = 1, rows = c->h - 1;
	int bar = columns_fit(t, ui, c->w, widths); /* no further than the columns go: blanks in reverse cost bytes */
	for (int i = 0; i < t->source->n_columns; i++)
		if (widths[i] > 0) {
			canvas_field(c, x, 0, widths[i], t->source->columns[i].is_right, ROLE_DIM, 0, t->source->columns[i].name);
			x += widths[i] + 1;
		}
	for (int y = 0; y < rows && t->top + (size_t)y < t->count; y++) {
		size_t i = t->top + (size_t)y;
		if (y == rows - 1 && i + 1 < t->count && rows > 1) {
			canvas_printf(c, 1, y + 1, ROLE_DIM, "... %zu more (G: end)", t->count - i);
			break;
		}
		row_draw(t, p, ui, c, y + 1, i, widths, bar, is_focused);
	}
}
