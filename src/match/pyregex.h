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

/* Text with the source offset of each byte. from[] has text.len + 1 entries once something was added. */
struct mapped {
	struct str text;
	uint32_t *from; /* owned */
	size_t room;
};

void mapped_done(struct mapped *m);
/* Appends bytes that all come from source offset `from`. */
void mapped_add(struct mapped *m, const char *bytes, size_t len, uint32_t from);
void mapped_add_z(struct mapped *m, const char *text, uint32_t from);
/* Source offset of a byte of the text; past the end: the end of the source. */
uint32_t mapped_from(const struct mapped *m, size_t at);

/* What is wrong with an expression, and where. */
struct regex_fault {
	char text[200]; /* "missing closing parenthesis"; no column in it */
	size_t offset;  /* bytes into the text that was given; SIZE_MAX: no one place */
	size_t column;  /* the same in characters, 1-based; 0: no one place */
};

/* Fills the fault from a byte offset into text (column counted in characters). Returns false. */
bool regex_fault_set(struct regex_fault *fault, const char *text, size_t len, size_t offset,
    const char *format, ...) __attribute__((format(printf, 5, 6)));

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

#endif
