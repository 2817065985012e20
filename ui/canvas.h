/*
 * canvas: a grid of character cells in memory. Panes draw here; term.c puts it on the terminal.
 *
 * The only way from data to the screen: every text goes through base/text.h, so whatever a log or a
 * name holds becomes printable cells, and is cut at the canvas' edge. A canvas may be a window onto a
 * part of another one: (x, y) count from its own corner.
 */
#ifndef UI_CANVAS_H
#define UI_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum role { /* what a cell means; theme.c gives it a colour */
	ROLE_NORMAL,
	ROLE_TITLE,   /* pane titles and column headings */
	ROLE_FOCUS,   /* the title of the focused pane */
	ROLE_DIM,
	ROLE_GOOD,
	ROLE_WARN,
	ROLE_BAD,     /* bans, failures */
	ROLE_ALERT,   /* reverse: needs attention now */
	ROLE_MODE,    /* reverse: a mode is on */
	ROLE_YOU,
	ROLE_WHITE,   /* whitelisted */
	ROLE_KEY,     /* the key in the footer */
	ROLE_MARK,    /* what a search found */
	ROLE_COUNT,
};

#define CELL_REVERSE 1 /* toggles the role's reverse: the cursor's row, escapes */
#define CELL_BOLD 2
#define CELL_DIM 4

struct cell {
	char bytes[16]; /* one character with its marks; "" is the right half of a wide one */
	uint8_t role, flags;
};

struct canvas {
	struct cell *cells; /* of the whole grid */
	int stride, x, y, w, h; /* this window */
	bool is_ascii;      /* the terminal shows ASCII only */
};

void canvas_init(struct canvas *c, int w, int h, bool is_ascii); /* blank */
void canvas_done(struct canvas *c);                              /* of a canvas_init()ed one only */
void canvas_clear(struct canvas *c);
struct canvas canvas_window(const struct canvas *c, int x, int y, int w, int h); /* clipped to c */
struct cell *canvas_cell(const struct canvas *c, int x, int y); /* NULL outside */

/*
 * Draws at (x, y) at most max_cols columns (< 0: up to the edge) after leaving out the first skip columns.
 * Returns the columns drawn. A wide character that does not fit whole is left out.
 */
int canvas_textn(struct canvas *c, int x, int y, int max_cols, int skip, enum role role, int flags,
    const char *bytes, size_t len, bool *was_cut);
int canvas_text(struct canvas *c, int x, int y, enum role role, const char *text);
int canvas_printf(struct canvas *c, int x, int y, enum role role, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Fills w columns with text, cut with '>' in the last one when it is longer. right: aligned to the right end. */
void canvas_field(struct canvas *c, int x, int y, int w, bool right, enum role role, int flags, const char *text);
/* The text in as many rows as it needs, broken at blanks, the first one at y. Returns the columns of the last one. */
int canvas_wrap(struct canvas *c, int y, enum role role, const char *text);
int canvas_rows(const struct canvas *c, const char *text); /* that canvas_wrap() would need, at least 1 */
void canvas_hline(struct canvas *c, int x, int y, int w, enum role role);
void canvas_vbar(struct canvas *c, int x, int y, enum role role);
/* Sets flags on a run of cells (toggles CELL_REVERSE). */
void canvas_flags(struct canvas *c, int x, int y, int w, int flags);
void canvas_role(struct canvas *c, int x, int y, int w, enum role role);
void canvas_fill(struct canvas *c, int x, int y, int w, enum role role); /* blanks */
int canvas_cols(const char *bytes, size_t len, bool is_ascii); /* columns that the cleaned text takes */
void canvas_dump(const struct canvas *c, struct str *out);     /* rows of text, blanks at the end cut: for tests */

#endif
