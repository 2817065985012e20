/*
 * window: the last lines, for expressions that span several (maxlines > 1).
 *
 * Holds copies of the lines; says which of them an expression matched and which stay.
 */
#ifndef MATCH_WINDOW_H
#define MATCH_WINDOW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "flow.h"
#include "match/regex.h"

struct window_line {
	int refs;
	char *bytes; /* owned; raw stands behind the text */
	size_t len, raw_len, room;
	uint32_t date_from, date_to;
};

/* A list of lines, each shared with other lists. */
struct window {
	struct window_line **lines; /* owned */
	size_t count;
};

void window_clear(struct window *w);
void window_add(struct window *w, const struct failure_line *line);
void window_keep_last(struct window *w, size_t count);
void window_roll(struct window *w, const struct failure_line *line, size_t count); /* adds it, and keeps the last ones; count > 0 */
bool window_is_same(const struct window *a, const struct window *b);
void window_copy(struct window *to, const struct window *from);
/* What is searched: the lines without their dates, a line feed behind each. */
void window_text(const struct window *w, struct str *out);
struct failure_line window_at(const struct window *w, size_t i);

/*
 * After r hit in text: the lines of `all` that it matched, without those that <SKIPLINES> passed over,
 * and the rest. Both replace what was in them.
 */
void window_split(const struct regex *r, const struct str *text, const struct window *all, struct window *matched,
    struct window *rest);

#endif
