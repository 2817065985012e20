/*
 * pyregex: Python's regular-expression dialect -> PCRE2's.
 *
 * Translates where the two differ, refuses what Python refuses, and remembers for each byte of the
 * result where it came from, so that any complaint names the column in the text the user wrote.
 * Knows nothing of tags, dates or lines. Groups become numbers; their names stay here.
 */
#ifndef MATCH_PYREGEX_H
#define MATCH_PYREGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "match/mapped.h"

enum pyregex_flags {
	PYREGEX_CASELESS = 1, /* (?i) at the start */
	PYREGEX_MULTILINE = 2,
	PYREGEX_DOTALL = 4,
	PYREGEX_VERBOSE = 8,
	PYREGEX_ASCII = 16, /* (?a): \w \d \s \b know ASCII only */
};

/*
 * Texts of which one stands in everything that an expression matches, as far as that can be seen without running it:
 * a line with none of them need not be searched. ASCII, case counts.
 */
#define NEED_MAX 8
#define NEED_TEXT_MAX 24 /* of a longer one, the beginning */
#define NEED_TEXT_MIN 3  /* shorter ones stand everywhere */
struct need {
	size_t count; /* 0: nothing is known */
	char at[NEED_MAX][NEED_TEXT_MAX + 1];
};

struct pyregex_group {
	char *name; /* owned; NULL: not named */
};

struct pyregex {
	struct mapped out;   /* PCRE2 pattern; from[] leads into the source */
	unsigned flags;      /* enum pyregex_flags that were set globally */
	struct pyregex_group *groups; /* [1..n_groups]; [0] unused; owned */
	size_t n_groups;
	bool needs_utf;      /* cannot run as plain bytes, even on ASCII lines */
	bool has_atomic;     /* (?>x) or x*+ */
	bool tells_digits;   /* may take one digit and refuse another: "8", [0-5], \1 */
	bool has_top_bar;    /* an alternative outside of all parentheses */
	struct str prefix;   /* literal text that a match must begin with; only if it begins with ^ */
	struct need need;
	size_t risk_offset;  /* source offset of a repeat that can backtrack without bound; SIZE_MAX: none */
};

/* source need not be NUL-terminated. On failure `fault` says why, and out needs no pyregex_done(). */
bool pyregex_translate(const char *source, size_t len, struct pyregex *out, struct regex_fault *fault);
void pyregex_done(struct pyregex *p);
size_t pyregex_group(const struct pyregex *p, const char *name, size_t len); /* its number; 0: none */

#endif
