/*
 * opts: the options of one jail, filter or action as they are fetched, in order. Names and texts are
 * borrowed: they live as long as the tree.
 */
#ifndef CONFIG_OPTS_H
#define CONFIG_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/spec.h"
#include "base/value.h"

struct opt {
	const char *key, *lower;   /* lower: as %(…)s finds it */
	const char *text;          /* str() of it; opts_none when it is None */
	uint32_t hash, lower_hash;
	enum value_kind kind;      /* STR, NONE, BOOL or INT */
	int64_t number;            /* of BOOL and INT */
};

struct opts {
	struct opt *at; /* owned */
	size_t count, room;
	uint64_t seen[4]; /* a bit for each hash: most names that are looked for are not there */
};

/* The text of what is there but is nothing (None): using it in a text is an error. */
extern const char opts_none[];

void opts_done(struct opts *o);
uint32_t opts_hash(const char *text);
bool opts_is_lower(const char *key); /* lower case already */
const struct opt *opts_find(const struct opts *o, const char *key);   /* NULL when absent */
const struct opt *opts_find_hashed(const struct opts *o, const char *key, uint32_t hash);
const char *opts_text(const struct opts *o, const char *key);         /* NULL when absent or not a string */
const struct opt *opts_find_lower(const struct opts *o, size_t count, const char *lower, uint32_t hash); /* the last of the first `count` */
/* These replace. The arena takes what must be made: names in lower case, numbers. */
void opts_put(struct opts *o, struct arena *a, const char *key, const char *text);
void opts_put_none(struct opts *o, struct arena *a, const char *key);
void opts_put_bool(struct opts *o, struct arena *a, const char *key, bool truth);
void opts_put_int(struct opts *o, struct arena *a, const char *key, int64_t number);
void opts_put_text(struct opts *o, const struct opt *one);            /* its name and text */
void opts_add(struct opts *o, const struct opt *one);                 /* its name must be new */
void opts_copy(struct opts *to, const struct opts *from);             /* to is empty before */
void opts_from_spec(struct opts *o, struct arena *a, const struct spec *spec);

struct value *opts_value(const struct opt *o);    /* a new one */

#endif
