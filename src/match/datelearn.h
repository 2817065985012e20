/*
 * datelearn: the date of a line that begins as an earlier one did, read without an expression.
 *
 * Learned is the start of the last line, when its date stood there: a line that begins with the same bytes, but for digits of
 * minute, second and fraction, has its date in the same place, of the same hour. It holds for templates made of fields and
 * fixed text, and only as far as the search looked.
 */
#ifndef MATCH_DATELEARN_H
#define MATCH_DATELEARN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "match/datepattern.h"
#include "match/datevalue.h"

#define DATELEARN_MAX 64 /* bytes of a line's start that a learned stamp may cover */

struct datelearn {
	size_t len;
	uint8_t bytes[DATELEARN_MAX], mask[DATELEARN_MAX];
	size_t minute, second; /* offsets of two digits each */
	size_t digits[6];      /* offsets that must hold a digit of any value (fraction) */
	size_t n_digits;
	size_t from, to;       /* the date's text in the line */
	double base;           /* time at minute 0, second 0 */
	double until;          /* of `now`; 0: always */
	bool is_whole;
};

/* A line whose date was just found by p; the spans are still p's. */
struct datelearn_from {
	const struct datepattern *pattern;
	const char *line;
	size_t len;
	bool is_ascii;
	const struct date_fields *fields;
	const struct date_value *value;
};

/* Learning costs searches: it takes one of *credit. False: nothing is learned, and what is in l is void. */
bool datelearn_make(struct datelearn *l, const struct datelearn_from *from, struct date_clock *clock, int *credit);
bool datelearn_read(const struct datelearn *l, const char *line, size_t len, double now, double *time);
/* Would the two read the same in any line? */
bool datelearn_is_same(const struct datelearn *a, const struct datelearn *b);

#endif
