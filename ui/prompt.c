/*
 * prompt: one edited line, and questions. Both stand on the last rows; the panes go on above them.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "deed.h"
#include "ui.h"

#define PROMPT_MAX 4096

/* ---- the edited line ---- */
void
prompt_open(struct ui *ui, enum prompt_kind kind, const char *label, const char *text)
{
	struct prompt *p = &ui->prompt;

	p->kind = kind;
	snprintf(p->label, sizeof p->label, "%s", label);
	str_clear(&p->text);
	str_add(&p->text, text);
	p->at = p->text.len;
	p->recalled = -1;
	p->note[0] = '\0';
	ui->must_draw = true;
}

void
prompt_close(struct ui *ui)
{
	ui->prompt.kind = PROMPT_NONE;
	ui->must_draw = true;
}

static void
history_add(struct ui *ui, enum prompt_kind kind, const char *text)
{
	struct str *rows = ui->history[kind];
	int *n = &ui->n_history[kind];

	if (*text == '\0' || (*n > 0 && strcmp(str_text(&rows[*n - 1]), text) == 0))
		return;
	if (*n == UI_HISTORY_MAX) {
		str_done(&rows[0]);
		memmove(rows, rows + 1, sizeof *rows * (UI_HISTORY_MAX - 1));
		rows[--*n] = (struct str){0};
	}
	str_add(&rows[(*n)++], text);
}

static void
history_recall(struct ui *ui, int step)
{
	struct prompt *p = &ui->prompt;
	int n = ui->n_history[p->kind], to = p->recalled < 0 ? n + step : p->recalled + step;

	if (to < 0 || n == 0)
		return;
	str_clear(&p->text);
	if (to < n) {
		p->recalled = to;
		str_add(&p->text, str_text(&ui->history[p->kind][to]));
	} else {
		p->recalled = -1;
	}
	p->at = p->text.len;
}

static size_t
char_before(const struct str *s, size_t at)
{
	while (at > 0 && ((unsigned char)s->at[--at] & 0xc0) == 0x80)
		;
	return at;
}

static size_t
char_after(const struct str *s, size_t at)
{
	if (at < s->len)
		at++;
	while (at < s->len && ((unsigned char)s->at[at] & 0xc0) == 0x80)
		at++;
	return at;
}

static void
text_splice(struct str *s, size_t from, size_t to, const char *bytes, size_t len)
{
	struct str whole = {0};

	str_addn(&whole, str_text(s), from);
	str_addn(&whole, bytes, len);
	str_addn(&whole, str_text(s) + to, s->len - to);
	str_done(s);
	*s = whole;
}

/* Shared with the Regex pane's editor. True: the text changed. */
bool
prompt_edit(struct str *text, size_t *at, int key)
{
	struct str typed = {0};
	size_t to;

	switch (key) {
	case K_LEFT:
	case KEY_CTRL('B'):
		*at = char_before(text, *at);
		return false;
	case K_RIGHT:
	case KEY_CTRL('F'):
		*at = char_after(text, *at);
		return false;
	case K_HOME:
	case KEY_CTRL('A'):
		*at = 0;
		return false;
	case K_END:
	case KEY_CTRL('E'):
		*at = text->len;
		return false;
	case K_BACKSPACE:
	case KEY_CTRL('H'):
	case 127:
		to = *at;
		*at = char_before(text, to);
		text_splice(text, *at, to, "", 0);
		return true;
	case K_DELETE:
	case KEY_CTRL('D'):
		text_splice(text, *at, char_after(text, *at), "", 0);
		return true;
	case KEY_CTRL('U'):
		text_splice(text, 0, *at, "", 0);
		*at = 0;
		return true;
	case KEY_CTRL('K'):
		text_splice(text, *at, text->len, "", 0);
		return true;
	case KEY_CTRL('W'):
		to = *at;
		while (*at > 0 && text->at[*at - 1] == ' ')
			(*at)--;
		while (*at > 0 && text->at[*at - 1] != ' ')
			(*at)--;
		text_splice(text, *at, to, "", 0);
		return true;
	default:
		if (key < 32 || key >= 0x110000 || text->len > PROMPT_MAX || !text_is_printable((uint32_t)key))
			return false;
		text_encode((uint32_t)key, &typed);
		text_splice(text, *at, *at, str_text(&typed), typed.len);
		*at += typed.len;
		str_done(&typed);
		return true;
	}
}

/* Searches and filters show what they do while they are typed. */
static void
find_typed(struct ui *ui)
{
	struct prompt *p = &ui->prompt;
	struct table *t = &ui_focused(ui)->table;
	struct err err;
	struct sieve *f;

	p->nth = p->all = 0;
	if (ui->pager.is_open)
		return;
	t->cursor = p->old_cursor;
	t->top = p->old_top;
	if (p->text.len == 0 || (f = sieve_new(str_text(&p->text), false, &err)) == NULL)
		return;
	sieve_free(t->find);
	t->find = f;
	table_find(t, ui_focused(ui), ui, 0, &p->nth, &p->all);
}

void
prompt_key(struct ui *ui, int key)
{
	struct prompt *p = &ui->prompt;
	enum prompt_kind kind = p->kind;

	p->note[0] = '\0';
	switch (key) {
	case '\t':
		if (kind == PROMPT_COMMAND)
			typed_complete(ui);
		return;
	case KEY_ESC:
	case KEY_CTRL('C'):
		if (kind == PROMPT_FIND && !ui->pager.is_open) {
			struct table *t = &ui_focused(ui)->table;
			t->cursor = p->old_cursor;
			t->top = p->old_top;
			t->is_touched = p->old_touched;
		}
		prompt_close(ui);
		ui->message[0] = '\0';
		return;
	case '\r':
	case '\n':
		history_add(ui, kind, str_text(&p->text));
		actions_prompt_done(ui);
		return;
	case K_UP:
	case K_DOWN:
		history_recall(ui, key == K_UP ? -1 : 1);
		return;
	default:
		if (key == K_BACKSPACE && p->text.len == 0 && (kind == PROMPT_FIND || kind == PROMPT_COMMAND)) {
			prompt_key(ui, KEY_ESC);
			return;
		}
		if (prompt_edit(&p->text, &p->at, key) && kind == PROMPT_FIND)
			find_typed(ui);
	}
}

/* Draws a line under edit with its cursor in reverse; scrolls so that the cursor is seen. */
void
prompt_line_draw(struct canvas *c, int x, int y, const struct str *text, size_t at)
{
	int cursor = canvas_cols(str_text(text), at, c->is_ascii), room = c->w - x;
	int skip = cursor >= room ? cursor - room + 1 : 0;

	canvas_textn(c, x, y, -1, skip, ROLE_NORMAL, 0, str_text(text), text->len, NULL);
	canvas_flags(c, x + cursor - skip, y, 1, CELL_REVERSE);
}

void
prompt_draw(const struct ui *ui, struct canvas *c, int y)
{
	const struct prompt *p = &ui->prompt;

	/* whom it is for stands whole, in rows above if need be, and leaves room to type */
	int x, rows = canvas_rows(c, p->label);
	canvas_fill(c, 0, y, c->w, ROLE_NORMAL);
	if (rows >= y) {
		x = canvas_textn(c, 0, y, c->w / 2, 0, ROLE_KEY, 0, p->label, strlen(p->label), NULL);
	} else if ((x = canvas_wrap(c, y - rows + 1, ROLE_KEY, p->label)) > c->w - (c->w < 60 ? 10 : 14)) {
		canvas_wrap(c, y - rows, ROLE_KEY, p->label);
		canvas_fill(c, 0, y, c->w, ROLE_NORMAL);
		x = 0;
	}
	prompt_line_draw(c, x, y, &p->text, p->at);
	if (p->kind == PROMPT_FIND && !ui->pager.is_open && p->text.len > 0) {
		struct err err;
		struct sieve *f = sieve_new(str_text(&p->text), false, &err);
		if (f == NULL)
			canvas_textn(c, c->w > 45 ? c->w - 45 : 0, y, 45, 0, ROLE_BAD, 0, err.text, strlen(err.text), NULL);
		else if (c->w >= 40)
			canvas_printf(c, c->w - 16, y, p->all > 0 ? ROLE_NORMAL : ROLE_WARN, "%zu of %zu", p->nth, p->all);
		sieve_free(f);
	}
	canvas_fill(c, 0, y + 1, c->w, ROLE_NORMAL);
	static const char *const hints[PROMPTS] = {
	    [PROMPT_FIND] = "Enter: keep   n N: next, previous   Esc: back to where it was",
	    [PROMPT_FILTER] = "regex, address, network; !x: not x; empty: all rows   Enter: apply   Esc: cancel",
	    [PROMPT_COMMAND] = "fail2ban-client's commands: status sshd   Tab: complete  Up: history  Esc: cancel",
	    [PROMPT_WHITELIST] = "1h, 24h, 7d, any time, restart, or perm: for good   Enter: do it   Esc: cancel",
	    [PROMPT_BAN] = "JAIL and TIME in any order, perm: for ever   Enter: ban   Esc: cancel",
	    [PROMPT_EXTEND] = "x2, 24h, 7d, any time from now, or perm   Enter: do it   Esc: cancel",
	    [PROMPT_EXPORT] = "file.csv, file.json or file.txt; must not exist   Enter: write   Esc: cancel",
	};
	canvas_text(c, 0, y + 1, p->note[0] != '\0' ? ROLE_NORMAL : ROLE_DIM, p->note[0] != '\0' ? p->note : hints[p->kind]);
}

/* ---- questions ---- */
struct dialog *
dialog_open(struct ui *ui, void (*answer)(struct ui *ui, int value))
{
	dialog_close(ui);
	ui->dialog.is_open = true;
	ui->dialog.answer = answer;
	ui->is_gate_closed = true; /* what was typed before it is seen does not count */
	ui->must_draw = true;
	return &ui->dialog;
}

void
dialog_line(struct dialog *d, const char *format, ...)
{
	va_list args;

	if (d->n_lines >= DIALOG_LINES)
		return;
	va_start(args, format);
	vsnprintf(d->lines[d->n_lines], sizeof d->lines[0], format, args);
	va_end(args);
	d->n_lines++;
}

void
dialog_choice(struct dialog *d, int key, const char *label, int value)
{
	if (d->n_choices < DIALOG_CHOICES)
		d->choices[d->n_choices++] = (struct dialog_choice){key, label, value};
}

void
dialog_words(struct dialog *d, const char *const *words, size_t n)
{
	d->words = xcalloc(n + 1, sizeof *d->words);
	for (size_t i = 0; i < n; i++)
		d->words[i] = xstrdup(words[i]);
}

void
dialog_close(struct ui *ui)
{
	for (size_t i = 0; ui->dialog.marked != NULL && ui->dialog.marked[i] != NULL; i++)
		free(ui->dialog.marked[i]);
	free(ui->dialog.marked);
	for (size_t i = 0; ui->dialog.words != NULL && ui->dialog.words[i] != NULL; i++)
		free(ui->dialog.words[i]);
	free(ui->dialog.words);
	memset(&ui->dialog, 0, sizeof ui->dialog);
	ui->must_draw = true;
}

void
dialog_key(struct ui *ui, int key)
{
	struct dialog *d = &ui->dialog;

	for (int i = 0; i < d->n_choices; i++)
		if (d->choices[i].key == key) {
			void (*answer)(struct ui *, int) = d->answer;
			d->is_open = false;
			answer(ui, d->choices[i].value);
			/* the answer may have opened the next question */
			if (!ui->dialog.is_open)
				dialog_close(ui);
			return;
		}
	dialog_close(ui);
	ui_message(ui, ROLE_NORMAL, "nothing was done");
}

/* The answers, in as many rows as they need; draws nothing when c is NULL. Returns the rows. */
static int
choices_draw(const struct dialog *d, struct canvas *c, int y, int w, bool is_ascii)
{
	const char *no = d->n_choices > 0 && d->choices[d->n_choices - 1].key == 'n' ? "(Enter: n)" : "n no (Enter: n)";
	int x = 0, rows = 1;
	char name[16];

	if (c != NULL)
		canvas_fill(c, 0, y, w, ROLE_NORMAL);
	for (int i = 0; i <= d->n_choices; i++) {
		bool is_last = i == d->n_choices;
		const char *key = is_last ? "" : keys_name(d->choices[i].key, name), *label = is_last ? no : d->choices[i].label;
		int label_cols = canvas_cols(label, strlen(label), is_ascii), cols = (int)strlen(key) + label_cols + !is_last;
		if (x > 0 && x + cols > w) {
			x = 0;
			if (c != NULL)
				canvas_fill(c, 0, y + rows, w, ROLE_NORMAL);
			rows++;
		}
		if (c != NULL) {
			canvas_text(c, x, y + rows - 1, ROLE_KEY, key);
			canvas_text(c, x + cols - label_cols, y + rows - 1, ROLE_NORMAL, label);
		}
		x += cols + 2;
	}
	return rows;
}

void
dialog_draw(const struct ui *ui, struct canvas *c, int bottom)
{
	const struct dialog *d = &ui->dialog;
	int rows = choices_draw(d, NULL, 0, c->w, c->is_ascii), y = bottom + 1 - rows;

	choices_draw(d, c, y, c->w, c->is_ascii);
	for (int i = d->n_lines - 1; i >= 0; i--) {
		y -= canvas_rows(c, d->lines[i]);
		canvas_wrap(c, y, ROLE_MODE, d->lines[i]);
	}
}
