/*
 * multiline: what one line alone does not tell: connections (<F-MLFID>), whose lines are merged into
 * one failure.
 */
#ifndef MATCH_MULTILINE_H
#define MATCH_MULTILINE_H

#include <stdbool.h>

#include "match/captures.h"

#define SESSIONS_MAX 100 /* compat: mlfidCache; the oldest leaves */
#define SESSION_S 300    /* from the first line of a connection */

struct sessions;

struct sessions *sessions_new(void);
void sessions_free(struct sessions *s);
struct sessions *sessions_dup(const struct sessions *from);
bool sessions_are_same(const struct sessions *a, const struct sessions *b); /* but for a few seconds of age */

/*
 * Merges what a line says with what is known of its connection. `fresh` holds the line's groups, with
 * CAPTURE_MLFID among them; `lines` are what the expression matched. Returns where the merged facts are:
 * `fresh`, or the connection's own, to be used until the next call. If CAPTURE_NOFAIL is true in there,
 * it is no failure. The returned facts' `matches` are the failure's lines.
 */
struct captures *sessions_merge(struct sessions *s, struct captures *fresh, const struct failure_line *lines,
    size_t n_lines, double now);

#endif
