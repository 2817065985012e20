/*
 * facts: what the groups of an expression said about one failure: names and values, in order.
 *
 * A name is a small number here (struct names keeps the words), so that a line that matches costs
 * copies of a few short texts and nothing else. Texts are owned by the facts.
 */
#ifndef MATCH_FACTS_H
#define MATCH_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/value.h"
#include "flow.h"

/* Names with a meaning of their own. Others follow behind. */
enum fact_name {
	FACT_IP4,
	FACT_IP6,
	FACT_DNS,
	FACT_FID,
	FACT_CIDR,
	FACT_USER,
	FACT_MLFID,
	FACT_NOFAIL,
	FACT_GAINED,
	FACT_FORGET,
	FACT_CONTENT,
	FACT_IP,      /* the address beside another id; set by the filter */
	FACT_USERS,   /* set of users of one connection */
	FACT_PENDING, /* a failure without an address so far */
	FACT_FIXED,
};

struct names {
	char **at; /* owned */
	size_t count;
};
void names_init(struct names *n); /* with the fixed ones */
void names_done(struct names *n);
size_t names_add(struct names *n, const char *name); /* its number; made if new */

enum fact_kind { FACT_ABSENT, FACT_NONE, FACT_TEXT, FACT_TUPLE, FACT_FLAG, FACT_SET };

struct fact {
	enum fact_kind kind;
	uint32_t at, len; /* in facts.text */
};

/* Lines, copied. */
struct line_list {
	struct str bytes;
	struct line_entry {
		uint32_t at, len, date_from, date_to;
	} *entries; /* owned */
	size_t count, room;
};
void line_list_done(struct line_list *l);
void line_list_clear(struct line_list *l);
void line_list_add(struct line_list *l, const struct failure_line *line);
void line_list_append(struct line_list *to, const struct line_list *from);
struct failure_line line_list_at(const struct line_list *l, size_t i);

struct facts {
	struct str text;
	struct fact *values;  /* owned; by name */
	size_t n_values;      /* room of values and order */
	uint16_t *order;      /* owned; the names that are there, as they came */
	size_t count;
	struct fact *users;   /* owned; members of FACT_USERS */
	size_t n_users;
	struct line_list matches, nofail_matches;
};

void facts_done(struct facts *f);
void facts_clear(struct facts *f);
void facts_copy(struct facts *to, const struct facts *from);
void facts_set(struct facts *f, size_t name, enum fact_kind kind, const char *text, size_t len);
void facts_drop(struct facts *f, size_t name);

static inline enum fact_kind
facts_kind(const struct facts *f, size_t name)
{
	return name < f->n_values ? f->values[name].kind : FACT_ABSENT;
}

/* Is it there and not empty? (Python's truth) */
static inline bool
facts_is_true(const struct facts *f, size_t name)
{
	enum fact_kind kind = facts_kind(f, name);
	return kind > FACT_TEXT || (kind == FACT_TEXT && f->values[name].len > 0);
}

/* Its text; at NULL when it is not there or None. A tuple's text is as Python writes it. */
struct slice facts_text(struct facts *f, size_t name);
/* Adds a part to a value and makes a tuple of it: (old, part). part NULL: None. */
void facts_add_tuple(struct facts *f, size_t name, const char *part, size_t len);
void facts_add_user(struct facts *f, const char *user, size_t len); /* to FACT_USERS, once each */
/* A copy as Python's dict; the caller frees. */
struct value *facts_value(const struct facts *f, const struct names *names);

#endif
