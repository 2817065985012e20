/*
 * pyneed: collects, while an expression is read, which texts must stand in whatever it matches (struct need).
 *
 * A frame is a pair of parentheses, or the whole expression. Its branches are fed item by item; each branch keeps the
 * best that it knows; a frame needs what one of its branches needs.
 */
#ifndef MATCH_PYNEED_H
#define MATCH_PYNEED_H

#include "match/pyregex.h"

/* All zero: an empty one. */
struct need_frame {
	char run[NEED_TEXT_MAX + 1]; /* literal characters that stand behind each other */
	size_t run_len;
	struct need best;  /* of the branch so far */
	struct need alternatives; /* of the branches before */
	bool is_open;      /* one of them needs nothing */
};

void need_literal(struct need_frame *f, char c, bool is_repeated); /* at least once */
void need_group(struct need_frame *f, const struct need *inner);   /* anything else that stands there at least once */
void need_break(struct need_frame *f);                             /* something that may be left out */
void need_bar(struct need_frame *f);
void need_end(struct need_frame *f, struct need *out);

#endif
