#include "base/str.h"

#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STR_ROOM 64 /* of the first piece: names and short lines fit */

void
str_done(struct str *s)
{
	free(s->at);
	*s = (struct str){0};
}

void
str_clear(struct str *s)
{
	str_cut(s, 0);
}

char *
str_take(struct str *s)
{
	char *at = s->at != NULL ? s->at : xstrdup("");

	*s = (struct str){0};
	return at;
}

void
str_reserve(struct str *s, size_t extra)
{
	if (s->cap - s->len > extra)
		return;
	size_t cap = s->cap < STR_ROOM ? STR_ROOM : s->cap;
	while (cap - s->len <= extra)
		cap *= 2;
	s->at = xrealloc(s->at, cap);
	s->cap = cap;
}

void
str_addn(struct str *s, const char *bytes, size_t len)
{
	str_reserve(s, len);
	if (len != 0)
		memcpy(s->at + s->len, bytes, len);
	s->len += len;
	s->at[s->len] = '\0';
}

void
str_add(struct str *s, const char *text)
{
	str_addn(s, text, strlen(text));
}

void
str_addi(struct str *s, long long number)
{
	char text[24], *at = text + sizeof text;
	unsigned long long n = number < 0 ? 0 - (unsigned long long)number : (unsigned long long)number;

	do
		*--at = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	if (number < 0)
		*--at = '-';
	str_addn(s, at, (size_t)(text + sizeof text - at));
}

void
str_addv(struct str *s, const char *format, va_list args)
{
	va_list again;

	str_reserve(s, 63); /* most fit at once */
	va_copy(again, args);
	int n = vsnprintf(s->at + s->len, s->cap - s->len, format, again);
	va_end(again);
	if (n < 0) {
		s->at[s->len] = '\0';
		return;
	}
	if ((size_t)n >= s->cap - s->len) {
		str_reserve(s, (size_t)n);
		vsnprintf(s->at + s->len, (size_t)n + 1, format, args);
	}
	s->len += (size_t)n;
}

void
str_addf(struct str *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	str_addv(s, format, args);
	va_end(args);
}

void
str_cut(struct str *s, size_t len)
{
	if (len < s->len)
		s->len = len;
	if (s->at != NULL)
		s->at[s->len] = '\0';
}

struct slice
slice_of(const char *text)
{
	return (struct slice){text, strlen(text)};
}

struct slice
slice_trim(struct slice s)
{
	while (s.len != 0 && str_is_blank(s.at[0]))
		s.at++, s.len--;
	while (s.len != 0 && str_is_blank(s.at[s.len - 1]))
		s.len--;
	return s;
}

bool
slice_is(struct slice s, const char *text)
{
	return strlen(text) == s.len && memcmp(s.at, text, s.len) == 0;
}

bool
str_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool
str_ends(const char *text, const char *suffix)
{
	size_t n = strlen(text), m = strlen(suffix);

	return n >= m && memcmp(text + n - m, suffix, m) == 0;
}

bool
str_is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

char *
str_lower_dup(const char *text)
{
	char *copy = xstrdup(text);

	for (char *p = copy; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + ('a' - 'A'));
	return copy;
}

int
str_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	int row[64];

	if (n >= 64 || m >= 64)
		return 99;
	for (size_t j = 0; j <= m; j++)
		row[j] = (int)j;
	for (size_t i = 1; i <= n; i++) {
		int corner = row[0];
		row[0] = (int)i;
		for (size_t j = 1; j <= m; j++) {
			int best = corner + (a[i - 1] != b[j - 1]);
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			corner = row[j];
			row[j] = best;
		}
	}
	return row[m];
}

/* The letters of a word as bits. */
static unsigned
letters_of(const char *word)
{
	unsigned letters = 0;

	for (; *word != '\0'; word++)
		letters |= 1u << ((unsigned char)*word & 31);
	return letters;
}

struct str_word
str_word(const char *text)
{
	return (struct str_word){text, strlen(text), letters_of(text)};
}

int
str_distance_below(const struct str_word *word, const char *other, int limit)
{
	size_t n = word->len, m = strlen(other);

	/* each difference changes the length by one at most, and brings and takes one letter at most */
	if ((n > m ? n - m : m - n) >= (size_t)limit)
		return limit;
	unsigned letters = letters_of(other);
	if (__builtin_popcount(word->letters & ~letters) >= limit || __builtin_popcount(letters & ~word->letters) >= limit)
		return limit;
	int distance = str_distance(word->text, other);
	return distance < limit ? distance : limit;
}
