/*
 * regex_journal: the journal as the tester's log: all entries that are there now.
 */
#include "applet/regex.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/mem.h"
#include "source/source.h"

#define QUIET_TURNS 5 /* of the loop without a line, once the end was seen */

static void
on_lines(void *arg, const struct line *lines, size_t count)
{
	struct tester *t = arg;

	filter_feed(t->filter, lines, count);
}

static void
on_closed(void *arg)
{
	(void)arg;
}

/* The words of journalctl's matches, as a shell would part them. */
struct value *
journal_words(const char *text)
{
	struct value *words = value_list();
	struct str word = {0};
	char quote = '\0';
	bool has_word = false;

	for (; *text != '\0'; text++) {
		if (quote == '\0' && str_is_blank(*text)) {
			if (has_word)
				value_push(words, value_str(str_text(&word)));
			str_clear(&word);
			has_word = false;
		} else if (quote == '\0' && (*text == '"' || *text == '\'')) {
			quote = *text;
			has_word = true;
		} else if (*text == quote) {
			quote = '\0';
		} else {
			if (*text == '\\' && quote != '\'' && text[1] != '\0')
				text++;
			str_addc(&word, *text);
			has_word = true;
		}
	}
	if (has_word)
		value_push(words, value_str(str_text(&word)));
	str_done(&word);
	return words;
}

static void
read_to_end(uv_loop_t *loop, const struct journal *j)
{
	struct journal_status before = {0}, now;

	for (int quiet = 0; quiet < QUIET_TURNS;) {
		journal_status(j, &now);
		quiet = now.lines == before.lines && now.in_operation ? quiet + 1 : 0;
		before = now;
		if (uv_run(loop, now.in_operation ? UV_RUN_NOWAIT : UV_RUN_ONCE) == 0)
			break;
	}
}

bool
journal_run(struct tester *t, const char *spec, struct err *err)
{
	const char *args = strchr(spec, '['), *words[64];
	struct tail_hooks hooks = {.lines = on_lines, .arg = t};
	char *inner = args != NULL ? xstrndup(args + 1, strlen(args + 1) - str_ends(args, "]")) : xstrdup("");
	size_t n = 0;
	uv_loop_t loop;

	for (; n < value_count(t->journalmatch) && n < sizeof words / sizeof *words; n++)
		words[n] = value_text(value_at(t->journalmatch, n));
	uv_loop_init(&loop);
	struct source *s = source_new(&loop, &t->clock);
	struct journal *j = journal_new(s, inner, 0, &hooks, err);
	bool ok = j != NULL && (n == 0 || journal_add_match(j, words, n, err)) && journal_start(j, err);
	if (ok)
		read_to_end(&loop, j);
	if (j != NULL)
		journal_free(j);
	source_close(s, on_closed, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	free(inner);
	return ok;
}
