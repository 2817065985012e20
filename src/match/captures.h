/*
 * captures: what the groups of an expression said about one failure: names and values, in order.
 *
 * A name is a small number here (struct names keeps the words), so that a line that matches costs
 * copies of a few short texts and nothing else. Texts are owned by the facts.
 */
#ifndef MATCH_CAPTURES_H
#define MATCH_CAPTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/value.h"
#include "flow.h"

/* Names with a meaning of their own. Others follow behind. */
enum capture_name {
	CAPTURE_IP4,
	CAPTURE_IP6,
	CAPTURE_DNS,
	CAPTURE_FID,
	CAPTURE_CIDR,
	CAPTURE_USER,
	CAPTURE_MLFID,
	CAPTURE_NOFAIL,
	CAPTURE_GAINED,
	CAPTURE_FORGET,
	CAPTURE_CONTENT,
	CAPTURE_IP,      /* the address beside another id; set by the filter */
	CAPTURE_USERS,   /* set of users of one connection */
	CAPTURE_PENDING, /* a failure without an address so far */
	CAPTURE_FIXED,
};

struct names {
	char **at; /* owned */
	size_t count;
};
void names_init(struct names *n); /* with the fixed ones */
void names_done(struct names *n);
size_t names_add(struct names *n, const char *name); /* its number; made if new */

enum capture_kind { CAPTURE_ABSENT, CAPTURE_NONE, CAPTURE_TEXT, CAPTURE_TUPLE, CAPTURE_FLAG, CAPTURE_SET };

struct capture {
	enum capture_kind kind;
	uint32_t at, len; /* in facts.text */
};

/* Lines, copied. */
struct line_list {
	struct str bytes;
	struct line_entry {
		uint32_t at, len, date_from, date_to, raw_len; /* raw stands behind the text */
	} *entries; /* owned */
	size_t count, room;
};
void line_list_done(struct line_list *l);
void line_list_clear(struct line_list *l);
void line_list_add(struct line_list *l, const struct failure_line *line);
void line_list_append(struct line_list *to, const struct line_list *from);
struct failure_line line_list_at(const struct line_list *l, size_t i);

struct captures {
	struct str text;
	struct capture *values;  /* owned; by name */
	size_t n_values;      /* room of values and order */
	uint16_t *order;      /* owned; the names that are there, as they came */
	size_t count;
	struct capture *users;   /* owned; members of CAPTURE_USERS */
	size_t n_users, users_room;
	struct line_list matches, nofail_matches;
};

void captures_done(struct captures *f);
void captures_clear(struct captures *f);
bool captures_are_same(const struct captures *a, const struct captures *b);
void captures_copy(struct captures *to, const struct captures *from);
void captures_set(struct captures *f, size_t name, enum capture_kind kind, const char *text, size_t len);
void captures_drop(struct captures *f, size_t name);

static inline enum capture_kind
captures_kind(const struct captures *f, size_t name)
{
	return name < f->n_values ? f->values[name].kind : CAPTURE_ABSENT;
}

/* Is it there and not empty? (Python's truth) */
static inline bool
captures_is_true(const struct captures *f, size_t name)
{
	enum capture_kind kind = captures_kind(f, name);
	return kind > CAPTURE_TEXT || (kind == CAPTURE_TEXT && f->values[name].len > 0);
}

struct slice captures_any_text(struct captures *f, size_t name); /* of a tuple, as Python writes it */
/* Its text; at NULL when it is not there or None. A tuple's may move the others. */
static inline struct slice
captures_text(struct captures *f, size_t name)
{
	switch (captures_kind(f, name)) {
	case CAPTURE_TEXT:
		return (struct slice){f->text.at + f->values[name].at, f->values[name].len};
	case CAPTURE_TUPLE:
		return captures_any_text(f, name);
	default:
		return (struct slice){NULL, 0};
	}
}

/* Adds a part to a value and makes a tuple of it: (old, part). part NULL: None. */
void captures_add_tuple(struct captures *f, size_t name, const char *part, size_t len);
void captures_add_user(struct captures *f, const char *user, size_t len); /* to CAPTURE_USERS, once each */
/*
 * Keeps a whole searched text at once; captures_point() then makes values of its parts, which costs
 * no copy each. Returns where it stands.
 */
uint32_t captures_keep(struct captures *f, const char *text, size_t len);

static inline void
captures_point(struct captures *f, size_t name, enum capture_kind kind, uint32_t at, uint32_t len)
{
	struct capture *v = &f->values[name];

	if (v->kind == CAPTURE_ABSENT)
		f->order[f->count++] = (uint16_t)name;
	*v = (struct capture){kind, at, len};
}
void captures_make_room(struct captures *f, size_t names); /* for captures_point() */
/* What `fresh` says, but for None, on top of what is there. */
void captures_update(struct captures *f, const struct captures *fresh);
/* A copy as Python's dict; the caller frees. */
struct value *captures_value(const struct captures *f, const struct names *names);

#endif
