/*
 * pager: text over the panes: the help (made from the key table), replies of commands, the white list.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ui.h"

#define PAGER_LINES_MAX 20000

void
pager_open(struct ui *ui, const char *title, bool is_help)
{
	pager_close(ui);
	ui->pager.is_open = true;
	ui->pager.is_help = is_help;
	snprintf(ui->pager.title, sizeof ui->pager.title, "%s", title);
	ui->must_draw = true;
}

void
pager_add(struct ui *ui, const char *format, ...)
{
	struct pager *p = &ui->pager;
	struct str text = {0};
	va_list args;

	if (p->n_lines >= PAGER_LINES_MAX)
		return;
	va_start(args, format);
	str_addv(&text, format, args);
	va_end(args);
	p->lines = xreallocarray(p->lines, p->n_lines + 1, sizeof *p->lines);
	p->lines[p->n_lines++] = str_take(&text);
}

void
pager_close(struct ui *ui)
{
	struct pager *p = &ui->pager;

	for (size_t i = 0; i < p->n_lines; i++)
		free(p->lines[i]);
	free(p->lines);
	sieve_free(p->find);
	memset(p, 0, sizeof *p);
	ui->must_draw = true;
}

static size_t
page_rows(const struct ui *ui)
{
	int rows = ui->h - header_rows(ui) - 3;

	return rows > 0 ? (size_t)rows : 1;
}

static void
scroll_to(struct ui *ui, size_t top)
{
	size_t rows = page_rows(ui), last = ui->pager.n_lines > rows ? ui->pager.n_lines - rows : 0;

	ui->pager.top = top < last ? top : last;
}

void
pager_find(struct ui *ui, int direction)
{
	struct pager *p = &ui->pager;
	struct addr none = {0};
	size_t nth = 0, all = 0, best = SIZE_MAX, best_nth = 0, first = SIZE_MAX, last = 0;

	if (p->find == NULL)
		return;
	for (size_t i = 0; i < p->n_lines; i++) {
		if (!sieve_match(p->find, &none, p->lines[i], strlen(p->lines[i])))
			continue;
		all++;
		if (first == SIZE_MAX)
			first = i;
		last = i;
		nth++;
		if (direction < 0 ? i < p->top : best == SIZE_MAX && (direction > 0 ? i > p->top : i >= p->top)) {
			best = i;
			best_nth = nth;
		}
	}
	if (all == 0) {
		ui_message(ui, ROLE_WARN, "/%s  not found", sieve_text(p->find));
		return;
	}
	if (best == SIZE_MAX) {
		best = direction < 0 ? last : first;
		best_nth = direction < 0 ? all : 1;
	}
	scroll_to(ui, best);
	ui_message(ui, ROLE_NORMAL, "/%s  %zu of %zu", sieve_text(p->find), best_nth, all);
}

bool
pager_act(struct ui *ui, enum action act)
{
	size_t top = ui->pager.top, rows = page_rows(ui);

	switch (act) {
	case ACT_DOWN:
		scroll_to(ui, top + 1);
		break;
	case ACT_UP:
		scroll_to(ui, top > 0 ? top - 1 : 0);
		break;
	case ACT_PAGE_DOWN:
	case ACT_PAUSE: /* space pages in every pager */
		scroll_to(ui, top + rows);
		break;
	case ACT_PAGE_UP:
		scroll_to(ui, top > rows ? top - rows : 0);
		break;
	case ACT_HALF_DOWN:
		scroll_to(ui, top + rows / 2);
		break;
	case ACT_HALF_UP:
		scroll_to(ui, top > rows / 2 ? top - rows / 2 : 0);
		break;
	case ACT_HOME:
		scroll_to(ui, 0);
		break;
	case ACT_END:
		scroll_to(ui, ui->pager.n_lines);
		break;
	case ACT_FIND_NEXT:
		pager_find(ui, 1);
		break;
	case ACT_FIND_BACK:
		pager_find(ui, -1);
		break;
	default:
		return false;
	}
	ui->must_draw = true;
	return true;
}

void
pager_draw(const struct ui *ui, struct canvas *c)
{
	const struct pager *p = &ui->pager;
	int top = header_rows(ui);
	struct addr none = {0};
	size_t rows = page_rows(ui), pages = (p->n_lines + rows - 1) / rows;

	for (int y = top; y < c->h - 2; y++)
		canvas_fill(c, 0, y, c->w, ROLE_NORMAL);
	int x = canvas_textn(c, 0, top, c->w / 2, 0, ROLE_FOCUS, CELL_REVERSE, p->title, strlen(p->title), NULL);
	if (pages > 1)
		x += canvas_printf(c, x + 1, top, ROLE_TITLE, "%zu/%zu", (p->top + rows - 1) / rows + 1, pages) + 1;
	canvas_hline(c, x + 1, top, c->w - x - 1, ROLE_TITLE);
	const char *hint = " q or Esc: close   /: search ";
	if (c->w >= 70)
		canvas_text(c, c->w - (int)strlen(hint) - 2, top, ROLE_TITLE, hint);
	for (size_t i = 0; i < rows && p->top + i < p->n_lines; i++) {
		const char *line = p->lines[p->top + i];
		bool is_found = p->find != NULL && sieve_match(p->find, &none, line, strlen(line));
		bool was_cut;
		canvas_textn(c, 0, top + 1 + (int)i, -1, 0, is_found ? ROLE_MARK : ROLE_NORMAL, 0, line, strlen(line), &was_cut);
		if (was_cut)
			canvas_text(c, c->w - 1, top + 1 + (int)i, ROLE_DIM, ">");
	}
}

/* ---- the help: from the table ---- */
static void
help_row(struct ui *ui, const struct binding *b, const struct binding *table, size_t n)
{
	struct str keys = {0};
	char name[16];

	str_add(&keys, keys_name(b->key, name));
	for (size_t i = 0; i < n; i++)
		if ((table[i].flags & KEY_ALIAS) && table[i].action == b->action && table[i].context == b->context)
			str_addf(&keys, " %s", keys_name(table[i].key, name));
	/* words go on below themselves when the line is short */
	size_t room = ui->w > 40 ? (size_t)ui->w - 18 : 22, len = strlen(b->help), from = 0;
	while (from < len || from == 0) {
		size_t take = len - from;
		if (take > room) {
			take = room;
			while (take > 0 && b->help[from + take] != ' ')
				take--;
			if (take == 0)
				take = room;
		}
		pager_add(ui, "  %-15s %.*s", from == 0 ? str_text(&keys) : "", (int)take, b->help + from);
		from += take;
		while (b->help[from] == ' ')
			from++;
		if (len == 0)
			break;
	}
	str_done(&keys);
}

void
help_open(struct ui *ui)
{
	static const char *const groups[][2] = {
	    {"MOVE", ""}, {"FIND", ""}, {"VIEW", ""}, {"ACT", "on the address under the cursor, as it was when the key was pressed"},
	    {"WHY", ""}, {"PANE", "only in the pane that is named"}, {"LEAVE", "never stops an engine that is a service"},
	};
	size_t n;
	const struct binding *table = keys_table(&n);

	pager_open(ui, "Help", true);
	for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
		pager_add(ui, " %s%s%s", groups[g][0], *groups[g][1] != '\0' ? ": " : "", groups[g][1]);
		for (size_t i = 0; i < n; i++)
			if (strcmp(table[i].group, groups[g][0]) == 0 && !(table[i].flags & KEY_ALIAS))
				help_row(ui, &table[i], table, n);
	}
	pager_add(ui, " FLAGS");
	pager_add(ui, "  %-15s %s", "B", "banned");
	pager_add(ui, "  %-15s %s", "B 3/7", "a network's row: three of its seven hosts are; B alone: the network is");
	pager_add(ui, "  %-15s %s", "B net", "banned with its whole network");
	pager_add(ui, "  %-15s %s", "R", "repeat offender: banned before");
	pager_add(ui, "  %-15s %s", "M", "banned by hand");
	pager_add(ui, "  %-15s %s", "W 52m", "whitelisted, and for how long still");
	pager_add(ui, "  %-15s %s", "YOU", "your own address: counted, never banned");
	pager_add(ui, "  %-15s %s", "!rule", "on the ban list, but its rule is not in the firewall");
	pager_add(ui, "  %-15s %s", ".. dry", "the rule is on its way; a dry run makes none");
	pager_add(ui, "  %-15s %s", "3/5", "the 3rd failure of maxretry 5");
	pager_add(ui, "  %-15s %s", "192.0.2.0/24 (7)", "seven hosts of one network failed: Enter shows them; with a filter each has its row");
	pager_add(ui, "  %-15s %s", "> at the edge", "the text is cut: Right scrolls, z wraps");
	pager_add(ui, " STATE");
	pager_add(ui, "  %-15s %s", "ENGINE ok 0.2s", "it runs, and is that far behind the logs");
	pager_add(ui, "  %-15s %s", "ENGINE DOWN", "no connection; bans in the firewall stay, nothing new is banned");
	pager_add(ui, "  %-15s %s", "FW FAIL 3", "commands of the firewall fail; i on a !rule ban shows why");
	pager_add(ui, "  %-15s %s", "LOGS 3/4!", "one of four log files cannot be read: see Jails (5)");
	pager_add(ui, "  %-15s %s", "drift 1!", "bans and rules differ: see Chains (4), R repairs");
	pager_add(ui, "  %-15s %s", "YOU unknown!", "your address was not found: nothing protects it from b and B");
}

/* ---- replies ---- */
static void
scalar_text(const json_t *v, struct str *out)
{
	if (json_is_string(v))
		str_addn(out, json_string_value(v), json_string_length(v));
	else if (json_is_true(v) || json_is_false(v))
		str_add(out, json_is_true(v) ? "True" : "False");
	else if (json_is_integer(v))
		str_addf(out, "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		str_addf(out, "%g", json_real_value(v));
	else
		str_add(out, "None");
}

static bool
is_pair(const json_t *v)
{
	return json_is_array(v) && json_array_size(v) == 2 && json_is_string(json_array_get(v, 0));
}

static bool
is_pairs(const json_t *v)
{
	size_t i;
	const json_t *row;

	if (!json_is_array(v) || json_array_size(v) == 0)
		return false;
	json_array_foreach(v, i, row)
		if (!is_pair(row))
			return false;
	return true;
}

static bool
is_scalar(const json_t *v)
{
	return !json_is_array(v) && !json_is_object(v);
}

static void
reply_add(struct ui *ui, const json_t *v, int depth, const char *name)
{
	struct str text = {0};
	size_t i;
	const json_t *row;
	const char *key;

	for (int k = 0; k < depth; k++)
		str_add(&text, "   ");
	if (name != NULL)
		str_addf(&text, "%s: ", name);
	if (is_scalar(v)) {
		scalar_text(v, &text);
		/* a text of several lines */
		char *line = text.at, *end;
		while (line != NULL && (end = strchr(line, '\n')) != NULL) {
			*end = '\0';
			pager_add(ui, "%s", line);
			line = end + 1;
		}
		pager_add(ui, "%s", line != NULL ? line : "");
	} else if (json_is_object(v)) {
		if (name != NULL)
			pager_add(ui, "%s", str_text(&text));
		json_object_foreach((json_t *)(uintptr_t)v, key, row)
			reply_add(ui, row, depth + (name != NULL), key);
	} else if (is_pairs(v)) {
		if (name != NULL)
			pager_add(ui, "%s", str_text(&text));
		json_array_foreach(v, i, row)
			reply_add(ui, json_array_get(row, 1), depth + (name != NULL), json_string_value(json_array_get(row, 0)));
	} else {
		bool is_short = true;
		json_array_foreach(v, i, row)
			is_short = is_short && is_scalar(row);
		if (is_short && json_array_size(v) <= 40) {
			json_array_foreach(v, i, row) {
				if (i > 0)
					str_addc(&text, ' ');
				scalar_text(row, &text);
			}
			pager_add(ui, "%s", str_text(&text));
		} else {
			if (name != NULL)
				pager_add(ui, "%s", str_text(&text));
			json_array_foreach(v, i, row)
				if (depth < 16)
					reply_add(ui, row, depth + 1, NULL);
		}
	}
	str_done(&text);
}

void
reply_show(struct ui *ui, const char *title, const json_t *value)
{
	struct str text = {0};

	if (is_scalar(value)) {
		scalar_text(value, &text);
		if (strchr(str_text(&text), '\n') == NULL) {
			ui_message(ui, ROLE_GOOD, "%s -> %s", title, str_text(&text));
			str_done(&text);
			return;
		}
	}
	str_done(&text);
	ui->message[0] = '\0'; /* that it was sent */
	pager_open(ui, title, false);
	reply_add(ui, value, 0, NULL);
}
