/*
 * regex: one expression in Python's dialect, ready to search. The only file that knows PCRE2.
 *
 * Each expression has up to two compiled copies, made when first needed: a byte one for ASCII lines
 * and a UTF one for the others. Every search has a budget; running out of it is no match, and counted.
 */
#ifndef MATCH_REGEX_H
#define MATCH_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "match/pyregex.h"

/* Where searches work: the JIT's stack and the limits. One for all expressions of a filter. */
struct regex_room;
struct regex_room *regex_room_new(void);
void regex_room_free(struct regex_room *room);

struct regex;

enum regex_option { REGEX_MULTILINE = 1 };

/* NULL, and fault says why. room is borrowed for the expression's life. */
struct regex *regex_new(struct regex_room *room, const char *pattern, size_t len, unsigned options,
    struct regex_fault *fault);
void regex_free(struct regex *r);

enum regex_result { REGEX_MISS, REGEX_HIT, REGEX_LIMIT };

/*
 * text is valid UTF-8; is_ascii says that it has no byte above 0x7f (not checked again). The search
 * starts at `from`, what stands before it is seen by ^, \b and look-behinds only.
 */
enum regex_result regex_search(struct regex *r, const char *text, size_t len, size_t from, bool is_ascii);
/* As regex_search from 0; text is one line that ends with its only line feed. */
enum regex_result regex_search_line(struct regex *r, const char *text, size_t len, bool is_ascii);
/* As regex_search, but fails if the outcome could have depended on anything at or behind len. */
enum regex_result regex_search_closed(struct regex *r, const char *text, size_t len, bool is_ascii);

/* Spans of the last hit: [2 * group] from, [2 * group + 1] to; SIZE_MAX where a group took no part. */
const size_t *regex_spans(const struct regex *r);
size_t regex_n_groups(const struct regex *r);
const char *regex_group_name(const struct regex *r, size_t group); /* 1-based; NULL: not named */
size_t regex_group(const struct regex *r, const char *name);       /* its number, 0: none */

/* Puts back what a hit had left in the spans. */
size_t *regex_spans_to_fill(struct regex *r);
/* May it take one digit and refuse another? */
bool regex_tells_digits(const struct regex *r);
/* Can a match begin at the start of the text only? */
bool regex_is_anchored(const struct regex *r);
/* 256 bits: the bytes that an ASCII text must begin with; only for anchored ones, NULL: not known. */
const uint8_t *regex_first_bytes(struct regex *r);
/* Literal text that every match begins with; only for anchored ones, else empty. */
struct slice regex_prefix(const struct regex *r);
/* One of these texts stands in everything that it matches. */
const struct need *regex_need(const struct regex *r);
void regex_note_limit(struct regex *r); /* another's search, which would have been the same, ran out of its budget */
uint64_t regex_limit_hits(const struct regex *r); /* searches that ran out of their budget */
size_t regex_risk(const struct regex *r);         /* offset of a repeat that backtracks without bound; SIZE_MAX */

/*
 * How far into the expression a search got (offset into its text), and the steps it took: for
 * explanations, not for speed.
 */
enum regex_result regex_trace(struct regex *r, const char *text, size_t len, size_t *reach, uint64_t *steps);

#endif
