/*
 * literals: which of many short texts stand in a line, found in one pass.
 *
 * Each text carries two sets of marks; a pass returns the marks of all texts that it met, together.
 */
#ifndef MATCH_LITERALS_H
#define MATCH_LITERALS_H

#include <stddef.h>
#include <stdint.h>

#define LITERAL_MIN 3 /* bytes of the shortest text */

struct literals;

struct literal_marks {
	uint64_t at[2];
};

struct literals *literals_new(void);
void literals_free(struct literals *l); /* NULL is fine */
/* The same text may be added again: its marks come together. */
void literals_add(struct literals *l, const char *text, struct literal_marks marks);
/* 4 bytes behind the text may be read. Adds to *out. */
void literals_scan(const struct literals *l, const char *text, size_t len, struct literal_marks *out);

#endif
