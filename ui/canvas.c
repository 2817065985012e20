#include "canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static void
cell_blank(struct cell *cell)
{
	memset(cell, 0, sizeof *cell);
	cell->bytes[0] = ' ';
}

void
canvas_init(struct canvas *c, int w, int h, bool is_ascii)
{
	*c = (struct canvas){.stride = w, .w = w, .h = h, .is_ascii = is_ascii};
	c->cells = xcalloc((size_t)w * (size_t)h + 1, sizeof *c->cells);
	canvas_clear(c);
}

void
canvas_done(struct canvas *c)
{
	free(c->cells);
	memset(c, 0, sizeof *c);
}

struct cell *
canvas_cell(const struct canvas *c, int x, int y)
{
	if (x < 0 || y < 0 || x >= c->w || y >= c->h)
		return NULL;
	return &c->cells[(size_t)(c->y + y) * (size_t)c->stride + (size_t)(c->x + x)];
}

void
canvas_clear(struct canvas *c)
{
	for (int y = 0; y < c->h; y++)
		for (int x = 0; x < c->w; x++)
			cell_blank(canvas_cell(c, x, y));
}

struct canvas
canvas_window(const struct canvas *c, int x, int y, int w, int h)
{
	struct canvas part = *c;

	if (x < 0)
		w += x, x = 0;
	if (y < 0)
		h += y, y = 0;
	part.x = c->x + x;
	part.y = c->y + y;
	part.w = w > c->w - x ? c->w - x : w;
	part.h = h > c->h - y ? c->h - y : h;
	if (part.w < 0)
		part.w = 0;
	if (part.h < 0)
		part.h = 0;
	return part;
}

static void
cell_put(struct canvas *c, int x, int y, const char *bytes, size_t len, int cols, enum role role, int flags)
{
	struct cell *cell = canvas_cell(c, x, y);

	if (cell == NULL || len >= sizeof cell->bytes)
		return;
	/* half of a wide character that stood here must not stay */
	if (cell->bytes[0] == '\0' && x > 0)
		cell_blank(canvas_cell(c, x - 1, y));
	struct cell *after = canvas_cell(c, x + cols, y);
	if (after != NULL && after->bytes[0] == '\0')
		cell_blank(after);
	memset(cell, 0, sizeof *cell);
	memcpy(cell->bytes, bytes, len);
	cell->role = (uint8_t)role;
	cell->flags = (uint8_t)flags;
	if (cols == 2) {
		struct cell *right = canvas_cell(c, x + 1, y);
		if (right != NULL) {
			memset(right, 0, sizeof *right);
			right->role = (uint8_t)role;
			right->flags = (uint8_t)flags;
		}
	}
}

int
canvas_textn(struct canvas *c, int x, int y, int max_cols, int skip, enum role role, int flags, const char *bytes,
    size_t len, bool *was_cut)
{
	int start = x, end = c->w;
	struct text_cell cell;

	if (was_cut != NULL)
		*was_cut = false;
	if (max_cols >= 0 && x + max_cols < end)
		end = x + max_cols;
	for (size_t i = 0; i < len;) {
		i += text_next(bytes + i, len - i, c->is_ascii, &cell);
		if (skip > 0 && cell.cols <= skip) {
			skip -= cell.cols;
			continue;
		}
		/* an escape is ASCII and may be cut anywhere; a character is drawn whole or not */
		int from = cell.is_escape ? skip : 0;
		if (skip > 0 && !cell.is_escape) {
			skip = 0;
			cell_put(c, x++, y, " ", 1, 1, role, flags);
			continue;
		}
		skip = 0;
		if (cell.is_escape) {
			for (int k = from; k < cell.len; k++) {
				if (x >= end) {
					if (was_cut != NULL)
						*was_cut = true;
					return x - start;
				}
				cell_put(c, x++, y, cell.bytes + k, 1, 1, role, flags ^ CELL_REVERSE);
			}
			continue;
		}
		if (x + cell.cols > end) {
			if (was_cut != NULL)
				*was_cut = true;
			break;
		}
		cell_put(c, x, y, cell.bytes, cell.len, cell.cols, role, flags);
		x += cell.cols;
	}
	return x - start;
}

int
canvas_text(struct canvas *c, int x, int y, enum role role, const char *text)
{
	return canvas_textn(c, x, y, -1, 0, role, 0, text, strlen(text), NULL);
}

int
canvas_printf(struct canvas *c, int x, int y, enum role role, const char *format, ...)
{
	struct str text = {0};
	va_list args;
	int cols;

	va_start(args, format);
	str_addv(&text, format, args);
	va_end(args);
	cols = canvas_textn(c, x, y, -1, 0, role, 0, str_text(&text), text.len, NULL);
	str_done(&text);
	return cols;
}

int
canvas_cols(const char *bytes, size_t len, bool is_ascii)
{
	struct text_cell cell;
	int cols = 0;

	for (size_t i = 0; i < len;) {
		i += text_next(bytes + i, len - i, is_ascii, &cell);
		cols += cell.cols;
	}
	return cols;
}

void
canvas_field(struct canvas *c, int x, int y, int w, bool right, enum role role, int flags, const char *text)
{
	size_t len = strlen(text);
	bool was_cut;
	int cols = canvas_cols(text, len, c->is_ascii);

	if (w <= 0)
		return;
	/* a blank has no colour, only a background: another role would cost the terminal a change there and back */
	canvas_fill(c, x, y, w, role == ROLE_ALERT || role == ROLE_MODE ? role : ROLE_NORMAL);
	canvas_flags(c, x, y, w, flags);
	if (cols <= w) {
		canvas_textn(c, right ? x + w - cols : x, y, cols, 0, role, flags, text, len, NULL);
		return;
	}
	canvas_textn(c, x, y, w - 1, 0, role, flags, text, len, &was_cut);
	cell_put(c, x + w - 1, y, ">", 1, 1, ROLE_DIM, flags);
}

/* How many bytes of text stand on one row of w columns: up to a blank, if there is one. */
static size_t
row_take(const char *text, size_t len, int w, bool is_ascii)
{
	struct text_cell cell;
	size_t at = 0, blank = 0;
	int cols = 0;

	while (at < len) {
		size_t n = text_next(text + at, len - at, is_ascii, &cell);
		if (cols + cell.cols > w)
			return blank > 0 ? blank : at > 0 ? at : n;
		cols += cell.cols;
		at += n;
		if (text[at - 1] == ' ')
			blank = at;
	}
	return len;
}

int
canvas_rows(const struct canvas *c, const char *text)
{
	size_t len = strlen(text);
	int rows = 0;

	do {
		size_t n = row_take(text, len, c->w, c->is_ascii);
		text += n;
		len -= n;
		rows++;
	} while (len > 0);
	return rows;
}

int
canvas_wrap(struct canvas *c, int y, enum role role, const char *text)
{
	size_t len = strlen(text);
	int cols;

	do {
		size_t n = row_take(text, len, c->w, c->is_ascii);
		canvas_fill(c, 0, y, c->w, role);
		cols = canvas_textn(c, 0, y++, -1, 0, role, 0, text, n, NULL);
		text += n;
		len -= n;
	} while (len > 0);
	return cols;
}

void
canvas_hline(struct canvas *c, int x, int y, int w, enum role role)
{
	for (int i = 0; i < w; i++)
		if (c->is_ascii)
			cell_put(c, x + i, y, "-", 1, 1, role, 0);
		else
			cell_put(c, x + i, y, "\xe2\x94\x80", 3, 1, role, 0);
}

void
canvas_vbar(struct canvas *c, int x, int y, enum role role)
{
	if (c->is_ascii)
		cell_put(c, x, y, "|", 1, 1, role, 0);
	else
		cell_put(c, x, y, "\xe2\x94\x82", 3, 1, role, 0);
}

void
canvas_flags(struct canvas *c, int x, int y, int w, int flags)
{
	for (int i = 0; i < w; i++) {
		struct cell *cell = canvas_cell(c, x + i, y);
		if (cell != NULL)
			cell->flags = (uint8_t)((cell->flags ^ (flags & CELL_REVERSE)) | (flags & ~CELL_REVERSE));
	}
}

void
canvas_role(struct canvas *c, int x, int y, int w, enum role role)
{
	for (int i = 0; i < w; i++) {
		struct cell *cell = canvas_cell(c, x + i, y);
		if (cell != NULL)
			cell->role = (uint8_t)role;
	}
}

void
canvas_fill(struct canvas *c, int x, int y, int w, enum role role)
{
	for (int i = 0; i < w; i++)
		cell_put(c, x + i, y, " ", 1, 1, role, 0);
}

void
canvas_dump(const struct canvas *c, struct str *out)
{
	for (int y = 0; y < c->h; y++) {
		size_t keep = out->len;
		for (int x = 0; x < c->w; x++) {
			const struct cell *cell = canvas_cell(c, x, y);
			str_add(out, cell->bytes);
			if (strcmp(cell->bytes, " ") != 0)
				keep = out->len;
		}
		str_cut(out, keep);
		str_addc(out, '\n');
	}
}
