/*
 * table: rows out of a source: filter, sort, a cursor that stays on its row, and drawing in columns.
 *
 * A row is held as slot + serial, never as a pointer: a snapshot replaces what pointers point to. The
 * cursor is an identity (the source's key): sorting, filtering and resyncs move the row, not the choice.
 */
#ifndef UI_TABLE_H
#define UI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/str.h"
#include "canvas.h"
#include "sieve.h"
#include "jailtop/view.h"

#define TABLE_KEY_MAX 1024
#define TABLE_MARKS_MAX 1000

struct ui;
struct pane;

/* In the order of need: an address that is cut names nobody. */
enum column_need { NEED_NONE, NEED_LEAD, NEED_WORDS, NEED_JAIL, NEED_CHAIN, NEEDS };

struct column {
	const char *name;
	int width, wide; /* columns at least, and at most when there is room */
	bool is_right, can_sort, is_down; /* is_down: the biggest first when it is chosen */
	int drop; /* the highest are dropped first when there is no room; 0: never */
	enum column_need need; /* grows before the others, until it fits */
};

struct source {
	const struct column *columns;
	int n_columns, first_sort;
	size_t (*slots)(const struct pane *p, const struct view *v);
	const void *(*row)(const struct pane *p, const struct view *v, uint32_t slot, uint64_t *serial); /* NULL: a hole */
	void (*key)(const void *row, char key[TABLE_KEY_MAX]);
	void (*text)(const struct ui *ui, const void *row, struct str *out); /* what / and \ look at */
	void (*addr)(const void *row, struct addr *out);
	int (*compare)(const void *a, const void *b, int column); /* NULL: the order of the slots */
	/* Optional: decides before compare() does. is_all: rows of one rank stand in the order of their addresses. */
	double (*rank)(const void *row, int column, bool *is_all);
	bool (*heading)(const struct ui *ui, const void *row, struct str *text, enum role *role); /* optional: true: one text over all columns */
	void (*prepare)(const struct pane *p, const struct ui *ui); /* optional: before the rows are built */
	/* Optional: decides instead of text and addr when it is a row for many; is_match is the answer then. */
	bool (*many)(const struct pane *p, const struct ui *ui, const void *row, const struct sieve *f, bool *is_match);
	/* Optional: the row with that key went into this one, or came out of it: the cursor goes along. */
	bool (*stands_for)(const void *row, const char *key);
	const char *(*lead)(const void *row); /* optional: what stands in the NEED_LEAD column */
	void (*cell)(const struct ui *ui, const void *row, int column, struct str *text, enum role *role);
};

struct table_row {
	uint64_t serial;
	uint32_t slot;
};

struct table {
	const struct source *source;
	struct table_row *rows; /* owned */
	size_t count, room, total; /* shown; before the filter */
	size_t cursor, top;
	int page;               /* rows that the pane shows; set by the layout */
	int lead;               /* columns of the longest lead, at most 39 */
	int sort;
	bool is_reversed;
	bool is_touched;        /* the cursor was moved: it stays on its row; else on the first */
	struct sieve *filter, *find; /* owned */
	char cursor_key[TABLE_KEY_MAX];
	char **marks;           /* owned keys */
	size_t n_marks;
	uint64_t epoch;          /* the view's, when the rows were built */
	uint64_t generation;
	double sorted_at;
	bool is_dirty;          /* filter or order changed */
};

void table_init(struct table *t, const struct source *source);
void table_done(struct table *t);
/* Builds the rows anew when something changed and it may (UX: at most once a second, not while keys come). */
bool table_update(struct table *t, const struct pane *p, const struct ui *ui, uint64_t generation, bool force);
const void *table_at(const struct table *t, const struct pane *p, const struct view *v, size_t i); /* NULL: gone */
const void *table_current(const struct table *t, const struct pane *p, const struct view *v);

void table_move(struct table *t, const struct pane *p, const struct view *v, long by);
void table_go(struct table *t, const struct pane *p, const struct view *v, size_t index);
void table_clamp(struct table *t);
void table_sort_next(struct table *t);
void table_sort_reverse(struct table *t);
void table_set_filter(struct table *t, struct sieve *f); /* takes it; NULL: all rows */

/* Goes to the next row (direction 1, -1; 0: from the cursor itself) that `find` matches. nth of all; false: none. */
bool table_find(struct table *t, const struct pane *p, const struct ui *ui, int direction, size_t *nth, size_t *all);

bool table_is_marked(const struct table *t, const char *key);
void table_mark(struct table *t, const char *key); /* toggles */
void table_unmark_all(struct table *t);

int table_jail_cols(const struct ui *ui); /* the longest jail's name, at most 32 */
/* "by LEFT ^" */
void table_order_text(const struct table *t, struct str *out);
/* Headings and rows, from row 0 of the canvas on. */
void table_draw(const struct table *t, const struct pane *p, const struct ui *ui, struct canvas *c, bool is_focused);

#endif
