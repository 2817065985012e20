/*
 * export: the focused pane's rows as they are shown (filter, order) into a new file of the user.
 * Cells are cleaned like the screen's; a cell that a spreadsheet would run as a formula gets a quote in front.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "ui.h"

/* One row's cells, cleaned; the Log has one column on the screen, but time, jail and words here. */
static int
cells_of(const struct ui *ui, const struct pane *p, const void *row, struct str cells[16])
{
	const struct source *s = p->table.source;
	int n = 0;

	if (s->cell == NULL) {
		const struct view_event *e = row;
		struct str text = {0};
		format_clock(e->t, &cells[n++]);
		text_clean_z(e->jail, &cells[n++]);
		text_clean_z(e->ip, &cells[n++]);
		s->text(ui, row, &text);
		text_clean(str_text(&text), text.len, false, &cells[n++]);
		str_done(&text);
		return n;
	}
	for (; n < s->n_columns && n < 16; n++) {
		struct str text = {0};
		enum role role;
		s->cell(ui, row, n, &text, &role);
		text_clean(str_text(&text), text.len, false, &cells[n]);
		str_done(&text);
	}
	return n;
}

static const char *
name_of(const struct pane *p, int column)
{
	static const char *const log[] = {"TIME", "JAIL", "IP", "TEXT"};

	return p->table.source->cell == NULL ? log[column] : p->table.source->columns[column].name;
}

static void
csv_put(FILE *out, const struct str *cell, bool is_last)
{
	const char *text = str_text(cell);

	fputc('"', out);
	if (*text != '\0' && strchr("=+-@", *text) != NULL && strcmp(text, "-") != 0)
		fputc('\'', out);
	for (; *text != '\0'; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputs(is_last ? "\"\n" : "\",", out);
}

void
export_pane(struct ui *ui, const char *path)
{
	const struct pane *p = ui_focused(ui);
	bool is_csv = str_ends(path, ".csv"), is_json = str_ends(path, ".json");
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600), n = 0;
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	size_t rows = 0;

	if (out == NULL) {
		ui_message(ui, ROLE_BAD, errno == EEXIST ? "%s exists: nothing was written" : "%s: cannot be written", path);
		if (fd >= 0)
			close(fd);
		return;
	}
	for (size_t i = 0; i < p->table.count; i++) {
		const void *row = table_at(&p->table, p, ui->view, i);
		struct str cells[16] = {{0}};
		if (row == NULL)
			continue;
		n = cells_of(ui, p, row, cells);
		if (rows == 0 && is_csv)
			for (int k = 0; k < n; k++)
				fprintf(out, "%s%s", name_of(p, k), k + 1 < n ? "," : "\n");
		if (is_json) {
			json_t *object = json_object();
			for (int k = 0; k < n; k++)
				json_object_set_new(object, name_of(p, k), text_json(str_text(&cells[k]), cells[k].len));
			json_dumpf(object, out, JSON_COMPACT | JSON_PRESERVE_ORDER);
			fputc('\n', out);
			json_decref(object);
		} else {
			for (int k = 0; k < n; k++)
				if (is_csv)
					csv_put(out, &cells[k], k + 1 == n);
				else
					fprintf(out, "%s%s", str_text(&cells[k]), k + 1 < n ? "\t" : "\n");
		}
		for (int k = 0; k < n; k++)
			str_done(&cells[k]);
		rows++;
	}
	if (fclose(out) != 0)
		ui_message(ui, ROLE_BAD, "%s: %s", path, strerror(errno));
	else
		ui_message(ui, ROLE_GOOD, "%zu rows written to %s", rows, path);
}
