/*
 * memo: which expression took a text, remembered by the text's shape.
 *
 * Expressions that never tell one digit from another give the same on two texts that differ in digits
 * only. Attackers repeat themselves: "Failed password for root from 192.0.2.17 port 40212" comes again
 * and again with other digits, and needs no search then. Small, direct-mapped, a newer text replaces.
 */
#ifndef MATCH_MEMO_H
#define MATCH_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMO_TEXT_MAX 120  /* longer texts are not remembered */
#define MEMO_GROUPS_MAX 15 /* nor are expressions with more groups */
#define MEMO_NOTHING UINT16_MAX /* no expression takes it */

struct memo;

struct memo *memo_new(void);
void memo_free(struct memo *m); /* NULL is fine */
void memo_clear(struct memo *m); /* the expressions changed */

struct memo_slot {
	uint16_t len;   /* of the text; 0: empty */
	uint16_t index; /* the expression's, or MEMO_NOTHING */
	uint8_t spans[2 * (MEMO_GROUPS_MAX + 1)]; /* UINT8_MAX: the group took no part */
	uint64_t text[MEMO_TEXT_MAX / 8]; /* with 0 for each digit */
};

/*
 * The slot of an ASCII text of 1 to MEMO_TEXT_MAX bytes, behind which 8 more may be read. *is_known: it holds
 * this text's answer; else the text was written into it, and the caller fills in the answer, or sets len to 0.
 */
struct memo_slot *memo_find(struct memo *m, const char *text, size_t len, bool *is_known);

void memo_keep_spans(struct memo_slot *slot, const size_t *spans, size_t n_groups);
void memo_get_spans(const struct memo_slot *slot, size_t *spans, size_t n_groups);

#endif
