/*
 * str: a growing byte string. Always NUL-terminated once something was added; may hold NULs.
 *
 * struct str s = {0}; is a valid empty one. str_done() frees it; str_take() hands the bytes over.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct str {
	char *at;   /* owned; NULL while nothing was added */
	size_t len; /* bytes, without the NUL */
	size_t cap;
};

void str_done(struct str *s);
void str_clear(struct str *s);                 /* empties, keeps the memory */
char *str_take(struct str *s);                 /* never NULL; the caller frees; s is empty after */
void str_reserve(struct str *s, size_t extra); /* room for extra more bytes */

static inline const char * /* "" while empty */
str_text(const struct str *s)
{
	return s->at != NULL ? s->at : "";
}

static inline void
str_addc(struct str *s, char c)
{
	if (s->cap - s->len < 2)
		str_reserve(s, 1);
	s->at[s->len++] = c;
	s->at[s->len] = '\0';
}

void str_add(struct str *s, const char *text);
void str_addn(struct str *s, const char *bytes, size_t len);
void str_addi(struct str *s, long long number); /* in decimal */
void str_addf(struct str *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void str_addv(struct str *s, const char *format, va_list args);
void str_cut(struct str *s, size_t len); /* shortens to len */

/* A borrowed piece of somebody's bytes. */
struct slice {
	const char *at;
	size_t len;
};

struct slice slice_of(const char *text);
struct slice slice_trim(struct slice s); /* blanks, tabs, CR, LF, VT, FF on both sides */
bool slice_is(struct slice s, const char *text);

bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);
bool str_is_blank(char c); /* the six ASCII white space characters */
char *str_lower_dup(const char *text); /* ASCII only; the caller frees */

/* Edit distance of two words, capped at 99: for "did you mean". */
int str_distance(const char *a, const char *b);
/* A word that is held against many. */
struct str_word {
	const char *text; /* borrowed */
	size_t len;
	unsigned letters; /* which it has */
};

struct str_word str_word(const char *text);
/* As str_distance(), or `limit` when they are no nearer, which is mostly seen without counting. */
int str_distance_below(const struct str_word *word, const char *other, int limit);

#endif
