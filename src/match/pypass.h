/*
 * pypass: what the files of pyregex share: one reading of an expression, and what is known of it so far.
 *
 *   pyregex.c   what comes next: the loop, and repeats
 *   pygroup.c   parentheses and their branches, with all that may stand behind (?
 *   pyclass.c   [...]
 *   pyescape.c  backslashes, and characters as they stand
 *   pypass.c    what each item tells of the whole: its text, the literal prefix, what a line needs, the shape
 *   pyneed.c    the texts that a line needs
 *
 * Each reads from p->at and leaves it behind what it took. False: the expression is wrong, and p->fault says why.
 */
#ifndef MATCH_PYPASS_H
#define MATCH_PYPASS_H

#include "match/pyneed.h"
#include "match/pyregex.h"

enum item { ITEM_NONE, ITEM_ANCHOR, ITEM_ATOM, ITEM_REPEAT };

/* What a repeat needs to know of the thing that it repeats. */
struct shape {
	bool has_unbounded; /* holds something that can match any number of times */
	bool has_fixed;     /* and something beside it that must match */
};

struct frame {
	size_t from;       /* source offset of the parenthesis */
	size_t group;      /* capture number, 0 if it captures nothing */
	bool was_verbose;
	bool is_condition; /* (?(1)yes|no) */
	int bars;
	size_t prefix;     /* length of the literal prefix in front of it */
	struct shape branch; /* of the branch so far */
	bool any_loose;      /* an earlier branch was nothing but something unbounded */
	bool is_elsewhere;   /* what it holds need not stand where it stands: (?=x), (?(1)x), (?i:x) */
	struct need_frame need;
};

struct pass {
	const char *s;
	size_t len, at;
	struct pyregex *out;
	struct regex_fault *fault;
	struct frame *stack; /* owned */
	size_t depth, stack_room;
	bool is_verbose;
	bool only_flags;   /* nothing but global flags so far */
	enum item last;
	struct shape last_shape;
	bool last_min_zero;
	uint32_t last_point; /* the character, if it is one; 0 */
	struct need last_need; /* of a group */
	bool in_prefix;    /* the literal prefix may go on */
	size_t last_prefix; /* its length in front of the last item */
	bool *is_open;     /* by group number */
	size_t open_room;
	size_t forward_group, forward_at; /* highest (?(N) that was not yet defined */
};

#define FAULT(p, where, ...) \
	((void)regex_fault_set((p)->fault, (p)->s, (p)->len, (where), __VA_ARGS__), false)

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
is_octal(char c)
{
	return c >= '0' && c <= '7';
}

static inline bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline char
peek(const struct pass *p, size_t ahead)
{
	return p->at + ahead < p->len ? p->s[p->at + ahead] : '\0';
}

static inline bool
has(const struct pass *p, size_t ahead)
{
	return p->at + ahead < p->len;
}

/* ---- pypass.c ---- */

void pass_put(struct pass *p, const char *text, size_t from);
void pass_put_number(struct pass *p, const char *before, unsigned long n, const char *after, size_t from);
/* An item begins; the one before it is settled, and can no more be repeated. */
void pass_began(struct pass *p, enum item kind, struct shape shape);
void pass_began_literal(struct pass *p, uint32_t c);
void pass_began_other(struct pass *p, enum item kind); /* an atom or anchor that is no literal character */
void pass_settle(struct pass *p);
void pass_prefix_cut(struct pass *p, size_t len);

/* ---- pyescape.c ---- */

bool escape_take(struct pass *p);
/* Those that stand for one character, inside a class or not. p->at is behind the backslash, which is at start. */
bool escape_take_value(struct pass *p, size_t start, uint32_t *c);
bool escape_take_octal(struct pass *p, size_t start, size_t digits, uint32_t *c);
/* One character of the source as it stands; the source is UTF-8, a bad byte stands for U+FFFD. */
uint32_t escape_take_point(struct pass *p);
void escape_put_point(struct pass *p, uint32_t c, size_t from); /* safe inside and outside a class */
void escape_put_set(struct pass *p, char set, bool in_class, size_t from); /* \d and its kin */
void escape_put_literal(struct pass *p, uint32_t c, size_t from); /* an item of one character */

/* ---- pyclass.c ---- */

bool class_take(struct pass *p);

/* ---- pygroup.c ---- */

bool group_open(struct pass *p, size_t from, char *name); /* name: taken; NULL: it has none */
bool group_take_extension(struct pass *p, size_t start);  /* what follows "(?"; p->at is behind it */
bool group_close(struct pass *p);
bool group_bar(struct pass *p); /* the next branch of the group that is open */

#endif
