/*
 * mapped: text made of other text, which knows for each byte where it came from; and what is wrong with a text, and where.
 *
 * So a complaint about the last of a row of translations names the column in the text that the user wrote.
 */
#ifndef MATCH_MAPPED_H
#define MATCH_MAPPED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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
static inline void
mapped_add_z(struct mapped *m, const char *text, uint32_t from)
{
	mapped_add(m, text, strlen(text), from);
}

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

#endif
