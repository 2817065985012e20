/*
 * regex_row: one line of the Regex pane's result, with the log's own bytes where it has some that are no text.
 */
#include <string.h>

#include "base/text.h"
#include "ui.h"

static const char *
text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text != NULL ? text : "";
}

/* "^" alone is true of every line. */
static bool
says_more_than_anchor(const char *reach)
{
	return *reach != '\0' && strcmp(reach, "^") != 0 && strcmp(reach, "\\A") != 0;
}

int
regex_row_draw(const json_t *row, const json_t *raw, struct canvas *c, int y, int shift)
{
	const json_t *line = json_object_get(row, "line");
	const char *verdict = text_of(row, "verdict"), *reach = text_of(row, "reach");
	struct str text = {0};
	size_t from = 0;
	bool is_match = strcmp(verdict, "match") == 0, is_miss = strcmp(verdict, "miss") == 0, was_cut;
	enum role role = is_match ? ROLE_GOOD : strcmp(verdict, "limit") == 0 ? ROLE_ALERT : ROLE_DIM;

	if (json_is_string(line))
		text_restore(json_string_value(line), json_string_length(line), raw, &text);
	log_body(str_text(&text), text.len, &from);
	canvas_text(c, 1, y, role, is_match ? "+" : is_miss ? "-" : strcmp(verdict, "limit") == 0 ? "L" : "i");
	int x = 3;
	if (is_match && *text_of(row, "ip") != '\0')
		x += canvas_printf(c, x, y, ROLE_BAD, "%s ", text_of(row, "ip"));
	canvas_textn(c, x, y, -1, shift, is_match ? ROLE_NORMAL : ROLE_DIM, 0, str_text(&text) + from, text.len - from, &was_cut);
	if (was_cut)
		canvas_text(c, c->w - 1, y, ROLE_DIM, ">");
	str_done(&text);
	if (!is_miss || !says_more_than_anchor(reach) || y + 1 >= c->h)
		return 1;
	/* where it stopped is at the end */
	size_t len = strlen(reach), skip = 0;
	while (len - skip > 0 && canvas_cols(reach + skip, len - skip, c->is_ascii) + (skip > 0 ? 3 : 0) > c->w - 24) {
		skip++;
		while (((unsigned char)reach[skip] & 0xc0) == 0x80)
			skip++;
	}
	canvas_printf(c, 3, y + 1, ROLE_DIM, "matched as far as `%s%s`", skip > 0 ? "..." : "", reach + skip);
	return 2;
}
