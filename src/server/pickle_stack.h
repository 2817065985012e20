/*
 * pickle_stack: the unpickler's machine: stack, marks, memo, and the containers that grow on them.
 *
 * Internal to pickle_read. Counts all that is built against the caps of pickle_read.h. A node that
 * leaves the stack without an owner is dropped, not freed, because the memo may still name it.
 */
#ifndef SERVER_PICKLE_STACK_H
#define SERVER_PICKLE_STACK_H

#include <stdint.h>

#include "server/pickle_read.h"

/*
 * What is on the stack. The value comes first, so that value_free() frees the node.
 * An object that was fetched from the memo is copied (a value has one owner); to change either of
 * them afterwards would make the copies differ where Python has one object, so both are frozen.
 */
struct pickle_node {
	struct value v;
	unsigned depth;  /* nesting, 1 for what holds nothing */
	size_t weight;   /* values in it, itself included */
	size_t text;     /* bytes of strings in it */
	bool is_frozen;
	bool is_global;  /* a class or function named by GLOBAL: v is the text "module name" */
};

/* One reading; all zero but the first four is a good start. pickle_stack_done() frees what is left. */
struct pickle_reader {
	const unsigned char *at, *end;
	enum pickle_side side;
	struct err *err;
	struct pickle_node **stack; /* owned, and so are its nodes */
	size_t n_stack, room_stack;
	size_t *marks; /* owned; heights of the stack */
	size_t n_marks, room_marks;
	struct pickle_node **memo; /* owned; the nodes belong to the stack, to a node in it, or to the dropped */
	size_t n_memo, count_memo;
	struct pickle_node **dropped; /* owned with its nodes: the memo may still point at them */
	size_t n_dropped, room_dropped;
	size_t nodes, text, work;
};

void pickle_stack_done(struct pickle_reader *r);

/* ---- pushing ---- */
struct pickle_node *pickle_node_new(enum value_kind kind);
struct pickle_node *pickle_node_copy(const struct value *v); /* depth and weight are the caller's */
bool pickle_count(struct pickle_reader *r, size_t weight, size_t text); /* false: a cap is reached */
bool pickle_push(struct pickle_reader *r, struct pickle_node *n);
bool pickle_push_kind(struct pickle_reader *r, enum value_kind kind);
bool pickle_push_bool(struct pickle_reader *r, bool truth);
bool pickle_push_int(struct pickle_reader *r, int64_t integer);
bool pickle_push_float(struct pickle_reader *r, double real);
bool pickle_push_text(struct pickle_reader *r, const char *bytes, size_t len);
bool pickle_push_str(struct pickle_reader *r, struct str *s); /* takes over its bytes */
bool pickle_push_copy(struct pickle_reader *r, struct pickle_node *from);

/* ---- popping ---- never below the last mark */
struct pickle_node *pickle_top(const struct pickle_reader *r); /* NULL: nothing above the mark */
struct pickle_node *pickle_pop(struct pickle_reader *r);       /* NULL likewise; the caller drops or holds it */
void pickle_drop(struct pickle_reader *r, struct pickle_node *n);
bool pickle_discard(struct pickle_reader *r);        /* POP: the top, or the mark */
bool pickle_discard_marked(struct pickle_reader *r); /* POP_MARK */
bool pickle_mark(struct pickle_reader *r);
bool pickle_underflow(struct pickle_reader *r); /* sets the error; false */

/* ---- containers ---- */
bool pickle_gather(struct pickle_reader *r, enum value_kind kind, size_t n);   /* n on top become one */
bool pickle_gather_marked(struct pickle_reader *r, enum value_kind kind);
bool pickle_fill(struct pickle_reader *r, enum value_kind kind, size_t n);     /* n on top go into the one below */
bool pickle_fill_marked(struct pickle_reader *r, enum value_kind kind);
bool pickle_set_add(struct pickle_reader *r, struct pickle_node *set, struct pickle_node *item);
bool pickle_dict_put(struct pickle_reader *r, struct pickle_node *dict, struct pickle_node *key,
    struct pickle_node *item);

/* ---- memo ---- */
bool pickle_put(struct pickle_reader *r, uint64_t index);
bool pickle_get(struct pickle_reader *r, uint64_t index);

#endif
