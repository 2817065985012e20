/*
 * datedetect: stage 3, which date of a line counts, and when it is.
 *
 * Tries the template that won last first, keeps the others in an order that follows their success,
 * and parses a stamp that differs from the last one in its minute and second only without an expression.
 */
#ifndef MATCH_DATEDETECT_H
#define MATCH_DATEDETECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "match/regex.h"

struct datedetect;

/* year: the one now. The default templates are used until others are added. */
struct datedetect *datedetect_new(struct regex_room *room, int year);
void datedetect_free(struct datedetect *d); /* NULL is fine */
struct datedetect *datedetect_dup(const struct datedetect *d); /* with what it learned from lines */
/* The same templates, and the same learned: will the two go on to find the same? Both are of one clock. */
bool datedetect_is_same(const struct datedetect *a, const struct datedetect *b);

/*
 * Adds one line of a datepattern option. "{^LN-BEG}" and "…{DATE}…" add many.
 * Expressions are compiled at once, so that a wrong one is refused here.
 */
bool datedetect_add(struct datedetect *d, const char *pattern, struct err *err);
/* Text of logtimezone; NULL: local time. */
bool datedetect_set_zone(struct datedetect *d, const char *zone, struct err *err);

enum date_found {
	DATE_NONE,  /* no template matches */
	DATE_FOUND, /* with a time */
	DATE_EMPTY, /* matched nothing: {NONE} */
	DATE_BAD,   /* matched, but there is no such time: February 30th */
};

struct date_result {
	enum date_found found;
	size_t from, to; /* the date's text in the line */
	double time;
	bool is_whole; /* fail2ban has it as an integer: the text names its zone, or is TAI64N */
	bool is_learned; /* told by what an earlier line taught */
};

/* The line is valid UTF-8. now: seconds since the epoch, may be the same for a whole batch. */
void datedetect_find(struct datedetect *d, const char *line, size_t len, bool is_ascii, double now,
    struct date_result *out);

/*
 * Two that learned the same from earlier lines find the same in a line to which one's answer is_learned: the other one
 * follows, and has counted it as datedetect_find() would have. False: it must look itself.
 */
bool datedetect_follow(struct datedetect *d, double now);
bool datedetect_learned_the_same(const struct datedetect *a, const struct datedetect *b);
uint64_t datedetect_learned(const struct datedetect *d); /* another number whenever it learned or forgot */

/* ---- for reports ---- */
size_t datedetect_count(const struct datedetect *d); /* 0 before the first line if no pattern was added */
struct datedetect_template {
	const char *name, *pattern, *text; /* pattern: "" when it has none */
	uint64_t hits;
	double weight, own_weight;
};
void datedetect_template(const struct datedetect *d, size_t i, struct datedetect_template *out);

#endif
