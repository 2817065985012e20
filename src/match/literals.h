/*
 * literals: which of many short texts stand in a line, found in one pass that looks at some of its places only.
 *
 * Each text carries two sets of marks; a pass returns the marks of all texts that it met, together.
 */
#ifndef MATCH_LITERALS_H
#define MATCH_LITERALS_H

#include <stddef.h>
#include <stdint.h>

#define LITERAL_MIN 3  /* bytes of the shortest text */
#define LITERAL_LONG 6 /* so long ones are found with the least work */

struct literals;

struct literal_marks {
	uint64_t at[2];
};

struct literals *literals_new(void);
void literals_free(struct literals *l); /* NULL is fine */
/* The same text may be added again: its marks come together. */
void literals_add(struct literals *l, const char *text, struct literal_marks marks);
/* All are there: must be called before the first scan. */
void literals_ready(struct literals *l);
/* Adds to *out; marks of a text that is not there may come too, but only when there are very many short ones. */
void literals_scan(const struct literals *l, const char *text, size_t len, struct literal_marks *out);

#endif
