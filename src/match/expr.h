/*
 * expr: one failregex, ignoreregex or prefregex: its text as given and expanded, its compiled form,
 * and what its groups feed. Shared by filters that have the same one.
 */
#ifndef MATCH_EXPR_H
#define MATCH_EXPR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "match/captures.h"
#include "match/regex.h"

struct expr_feed { /* alt_user_2 -> user */
	size_t group;
	uint16_t to;       /* name */
	bool is_tuple;
	bool is_own_group; /* the expression has a group of that name itself */
};

struct expr {
	int refs;
	char *source;        /* as given */
	unsigned options;
	struct mapped text;  /* expanded */
	struct regex *regex;
	size_t n_groups;
	uint16_t *names;     /* by group number; EXPR_UNNAMED */
	struct expr_feed *feeds; /* alternatives first, by name; then tuples */
	size_t n_feeds;
	size_t names_room;   /* above the highest name */
	size_t content;      /* of a prefregex: the group that the failregexes are tried on, 0 none */
	bool has_id;         /* a group that can tell whom to ban */
};

#define EXPR_UNNAMED UINT16_MAX

/*
 * On failure err is what fail2ban says, with our reason; fault (may be NULL) has the place in `source`.
 */
struct expr *expr_new(struct regex_room *room, struct names *names, const char *source, bool with_names,
    unsigned options, struct err *err, struct regex_fault *fault);
void expr_free(struct expr *e); /* lets go; NULL is fine */
bool expr_is_same(const struct expr *a, const struct expr *b); /* would find the same */

/* It is a prefregex: its group `content` is the text of the failregexes, not one of the captures. */
void expr_set_pref(struct expr *e, bool is_pref);
/*
 * Adds what the groups of the last hit say to captures; text is what was searched, and stands at `base` in
 * there (captures_keep).
 */
void expr_collect(const struct expr *e, const char *text, uint32_t base, struct captures *out);

#endif
