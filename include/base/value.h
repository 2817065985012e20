/*
 * value: what a command, its reply and a wire message are made of: Python's plain data.
 *
 * One owner per value; lists and dicts own their members. Strings are bytes with a length
 * (UTF-8 by convention, not checked). Dicts keep insertion order, keys are strings.
 * Depth is capped by the readers (value_from_json, pickle), not here.
 */
#ifndef BASE_VALUE_H
#define BASE_VALUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum value_kind {
	VALUE_NONE,
	VALUE_BOOL,
	VALUE_INT,
	VALUE_FLOAT,
	VALUE_STR,
	VALUE_LIST,
	VALUE_TUPLE,
	VALUE_SET,
	VALUE_DICT,
};

struct value {
	enum value_kind kind;
	uint32_t piece; /* of a list: its bytes, when members stand within them (value_words); else 0 */
	union {
		bool truth;
		int64_t integer;
		double real;
		struct {
			char *bytes; /* owned, NUL-terminated */
			size_t len;
		} text;
		struct {
			struct value **items; /* owned, few of them in one piece with the list; a dict's are key, value, key, value … */
			size_t count;         /* members; a dict's pairs */
			size_t room;
		} seq;
	};
};

/* ---- making ---- */
struct value *value_none(void);
struct value *value_bool(bool truth);
struct value *value_int(int64_t integer);
struct value *value_float(double real);
struct value *value_str(const char *text);
struct value *value_strn(const char *bytes, size_t len);
struct value *value_strf(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct value *value_list(void);
struct value *value_tuple(void);
struct value *value_set(void);
struct value *value_dict(void);
struct value *value_words(const char *first, ...) __attribute__((sentinel)); /* list of strings, ends with NULL */
struct value *value_dup(const struct value *v);
void value_free(struct value *v); /* NULL is fine */
size_t value_size(const struct value *v); /* about how many bytes it takes */
void value_clear(struct value *list); /* empties a list, a tuple or a set */

/* ---- building: these take ownership of `item` ---- */
void value_push(struct value *list, struct value *item);
void value_put(struct value *dict, const char *key, struct value *item); /* replaces */

/* ---- reading ---- */
bool value_is_list(const struct value *v); /* list or tuple */
size_t value_count(const struct value *v); /* members of a list, tuple or set, pairs of a dict, else 0 */
const struct value *value_at(const struct value *list, size_t i); /* NULL when out of range */
const struct value *value_get(const struct value *dict, const char *key); /* NULL when absent */
const char *value_text(const struct value *v); /* the string's bytes; NULL for every other kind and for NULL */
bool value_text_is(const struct value *v, const char *text);
bool value_equal(const struct value *a, const struct value *b); /* kinds must agree, sets regardless of order */

/* str(v) of Python: strings bare, everything else as value_repr. */
void value_to_text(const struct value *v, struct str *out);
/* repr(v) of Python 3: quotes chosen as Python does, \x \u escapes for what is not printable. */
void value_repr(const struct value *v, struct str *out);
void value_repr_str(const char *bytes, size_t len, struct str *out);

/* ---- JSON ---- tuples and sets become arrays; bytes that are not UTF-8 become U+FFFD. */
json_t *value_to_json(const struct value *v); /* a new reference */
struct value *value_from_json(const json_t *j); /* arrays become lists */

#endif
