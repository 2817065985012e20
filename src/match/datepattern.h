/*
 * datepattern: one date template: "%Y-%m-%d %H:%M:%S", "EPOCH", "{^LN-BEG}…" -> an expression that
 * finds the date in a line, and what its groups mean.
 */
#ifndef MATCH_DATEPATTERN_H
#define MATCH_DATEPATTERN_H

#include <stdbool.h>

#include "base/err.h"
#include "match/datevalue.h"
#include "match/regex.h"

enum date_flags { /* fail2ban's numbers */
	DATE_WORD_END = 1,
	DATE_WORD_BEGIN = 2,
	DATE_LINE_END = 4,
	DATE_LINE_BEGIN = 8,
};

enum date_kind { DATE_FROM_FIELDS, DATE_FROM_EPOCH, DATE_FROM_LONG_EPOCH, DATE_FROM_TAI64N };

struct datepattern {
	int refs;      /* of datepattern_take() */
	char *name;    /* owned; "ExYear-Month-Day …": how reports call it */
	char *pattern; /* owned; as it was given; NULL for the built-in epoch and TAI64N ones */
	char *text;    /* owned; the expression */
	enum date_kind kind;
	unsigned flags;
	double weight;
	size_t value_group; /* of epoch kinds: the group with the number */
	bool is_plain; /* fields and fixed text only: see datelearn.c */
	size_t least_digits; /* ASCII text without so many digits behind each other has no such date; 0: not known */
	struct regex *regex;      /* owned; made by datepattern_compile() */
	enum date_field *fields;  /* owned; by group number */
};

/* year: the one now, for %ExY. */
bool datepattern_init(struct datepattern *d, const char *pattern, int year, struct err *err);
void datepattern_done(struct datepattern *d);
/* On the heap, for several owners: takes what d holds. The last one to let go ends it. */
struct datepattern *datepattern_take(struct datepattern *d);
void datepattern_release(struct datepattern *d);
/* Compiles on first use. False: the expression is wrong (fault says where in `text`). */
bool datepattern_compile(struct datepattern *d, struct regex_room *room, struct regex_fault *fault);
/* Does the character of a pattern stand for itself, or for any one character? */
bool datepattern_is_fixed(char c);
/* The pattern with its marks of boundaries taken off, for use inside another one. The caller frees. */
char *datepattern_unbound(const char *pattern);

/* The built-in templates in their order of preference (datetable.c). NULL past the end. */
const char *datetable_at(size_t i);

#endif
