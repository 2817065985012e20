#include "match/window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define WINDOW_REUSE_MAX 4096 /* one long line shall not cost its room for ever */

static void
let_go(struct window_line *l)
{
	if (--l->refs > 0)
		return;
	free(l->bytes);
	free(l);
}

void
window_clear(struct window *w)
{
	for (size_t i = 0; i < w->count; i++)
		let_go(w->lines[i]);
	free(w->lines);
	*w = (struct window){0};
}

static void
share(struct window *w, struct window_line *line)
{
	w->lines = xreallocarray(w->lines, w->count + 1, sizeof *w->lines);
	w->lines[w->count++] = line;
	line->refs++;
}

static void
fill(struct window_line *l, const struct failure_line *line)
{
	const size_t need = line->len + line->raw.len;

	if (need > l->room || l->room == 0) {
		l->room = need < 128 ? 128 : need;
		free(l->bytes);
		l->bytes = xmalloc(l->room);
	}
	memcpy(l->bytes, line->bytes, line->len);
	if (line->raw.len > 0)
		memcpy(l->bytes + line->len, line->raw.at, line->raw.len);
	l->len = line->len;
	l->raw_len = line->raw.len;
	l->date_from = line->date_from;
	l->date_to = line->date_to;
}

void
window_add(struct window *w, const struct failure_line *line)
{
	struct window_line *l = xcalloc(1, sizeof *l);

	fill(l, line);
	share(w, l);
}

void
window_roll(struct window *w, const struct failure_line *line, size_t count)
{
	struct window_line *oldest = w->count > 0 ? w->lines[0] : NULL;

	if (oldest == NULL || w->count != count || oldest->refs > 1 || oldest->room > WINDOW_REUSE_MAX) {
		window_add(w, line);
		window_keep_last(w, count);
		return;
	}
	/* the usual case: nobody else holds the one that goes */
	fill(oldest, line);
	memmove(w->lines, w->lines + 1, (count - 1) * sizeof *w->lines);
	w->lines[count - 1] = oldest;
}

bool
window_is_same(const struct window *a, const struct window *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct window_line *x = a->lines[i], *y = b->lines[i];
		if (x->len != y->len || x->date_from != y->date_from || x->date_to != y->date_to ||
		    memcmp(x->bytes, y->bytes, x->len) != 0)
			return false;
	}
	return true;
}

static void
share_range(struct window *to, const struct window *from, size_t begin, size_t end)
{
	for (size_t i = begin; i < end && i < from->count; i++)
		share(to, from->lines[i]);
}

void
window_keep_last(struct window *w, size_t count)
{
	if (w->count <= count)
		return;
	size_t gone = w->count - count;
	for (size_t i = 0; i < gone; i++)
		let_go(w->lines[i]);
	memmove(w->lines, w->lines + gone, count * sizeof *w->lines);
	w->count = count;
}

void
window_copy(struct window *to, const struct window *from)
{
	struct window copy = {0};

	share_range(&copy, from, 0, from->count);
	window_clear(to);
	*to = copy;
}

static void
add_undated(struct str *out, const struct window_line *l)
{
	str_addn(out, l->bytes, l->date_from);
	str_addn(out, l->bytes + l->date_to, l->len - l->date_to);
}

void
window_text(const struct window *w, struct str *out)
{
	str_clear(out);
	for (size_t i = 0; i < w->count; i++) {
		if (i > 0)
			str_addc(out, '\n');
		add_undated(out, w->lines[i]);
	}
	str_addc(out, '\n');
}

struct failure_line
window_at(const struct window *w, size_t i)
{
	const struct window_line *l = w->lines[i];

	return (struct failure_line){l->bytes, l->len, l->date_from, l->date_to, {l->bytes + l->len, l->raw_len}};
}

static size_t
count_line_feeds(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

/* As Python's splitlines() takes them: line feeds and their ASCII kin. */
static size_t
line_break(const char *text, size_t len)
{
	if (text[0] == '\r')
		return len > 1 && text[1] == '\n' ? 2 : 1;
	return text[0] == '\n' || text[0] == '\v' || text[0] == '\f' || (text[0] >= 0x1c && text[0] <= 0x1e);
}

static bool
is_undated(const struct window_line *l, const char *text, size_t len)
{
	struct str bare = {0};

	add_undated(&bare, l);
	bool same = bare.len == len && memcmp(str_text(&bare), text, len) == 0;
	str_done(&bare);
	return same;
}

/* Takes a line that was passed over from the matched ones, from `*n` on. */
static void
give_back(struct window *matched, struct window *rest, const char *text, size_t len, size_t *n)
{
	for (size_t m = *n; m < matched->count; m++) {
		if (!is_undated(matched->lines[m], text, len))
			continue;
		share(rest, matched->lines[m]);
		matched->lines[m]->refs--;
		memmove(matched->lines + m, matched->lines + m + 1, (matched->count - m - 1) * sizeof *matched->lines);
		matched->count--;
		*n = m;
		return;
	}
}

static void
give_back_skipped(const struct regex *r, const char *text, struct window *matched, struct window *rest)
{
	struct str skipped = {0};
	const size_t *spans = regex_spans(r);
	size_t n = 0;

	for (unsigned i = 0;; i++) {
		char name[24];
		snprintf(name, sizeof name, "skiplines%u", i);
		size_t group = regex_group(r, name);
		if (group == 0)
			break;
		if (spans[2 * group] != SIZE_MAX)
			str_addn(&skipped, text + spans[2 * group], spans[2 * group + 1] - spans[2 * group]);
	}
	const char *s = str_text(&skipped);
	for (size_t from = 0; from < skipped.len;) {
		size_t end = from;
		while (end < skipped.len && line_break(s + end, skipped.len - end) == 0)
			end++;
		give_back(matched, rest, s + from, end - from, &n);
		from = end < skipped.len ? end + line_break(s + end, skipped.len - end) : end;
	}
	str_done(&skipped);
}

/* compat: Regex.search */
void
window_split(const struct regex *r, const struct str *text, const struct window *all, struct window *matched,
    struct window *rest)
{
	struct window m = {0}, u = {0};

	if (all->count <= 1) {
		share_range(&m, all, 0, all->count);
	} else {
		const size_t *spans = regex_spans(r);
		size_t begin = spans[0] + 1 < text->len ? spans[0] + 1 : text->len, end = spans[1] > 0 ? spans[1] - 1 : text->len - 1;
		while (begin > 0 && text->at[begin - 1] != '\n')
			begin--;
		while (end < text->len && text->at[end] != '\n')
			end++;
		end = end < text->len ? end + 1 : text->len;
		size_t first = count_line_feeds(text->at, begin), last = count_line_feeds(text->at, end);
		share_range(&m, all, first, last);
		share_range(&u, all, 0, first);
		give_back_skipped(r, text->at, &m, &u);
		share_range(&u, all, last > first ? last : first, all->count);
	}
	window_clear(matched);
	window_clear(rest);
	*matched = m;
	*rest = u;
}
