/*
 * dateslots: the date templates of a detector, in the order in which they are tried.
 *
 * Those of the table, or those of a datepattern option. The order follows their success: datedetect counts it.
 */
#ifndef MATCH_DATESLOTS_H
#define MATCH_DATESLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "match/datepattern.h"

#define NOWHERE SIZE_MAX /* no such index or offset */

struct dateslot {
	struct datepattern *pattern; /* counted */
	uint64_t hits;   /* won */
	uint64_t tried;  /* matched, won or not */
	double last_used;
	size_t distance; /* where it won last */
};

struct dateslots {
	struct regex_room *room; /* borrowed */
	int year;                /* the one now */
	struct dateslot **at;    /* owned; in the order of trial */
	size_t count;
	size_t first_unused;
};

void dateslots_done(struct dateslots *l);
void dateslots_copy(struct dateslots *l, const struct dateslots *from); /* l: void before */
/* The same templates, with the same success? Both are of one clock. */
bool dateslots_are_same(const struct dateslots *a, const struct dateslots *b);

bool dateslots_add(struct dateslots *l, const char *pattern, struct err *err); /* as datedetect_add() */
/* The table; the line-anchored twins of its formats before all, or alone. */
void dateslots_add_defaults(struct dateslots *l, bool only_line_begin);

double dateslot_weight(const struct dateslot *s);
size_t dateslots_move_up(struct dateslots *l, size_t i); /* a winner: its new index */

#endif
