#include "base/spec.h"

#include "base/mem.h"
#include "base/text.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

size_t
spec_space(const char *text, size_t len)
{
	if (len == 0)
		return 0;
	unsigned char b = (unsigned char)text[0];
	if (b < 0x80)
		return b == ' ' || (b >= '\t' && b <= '\r') || (b >= 0x1c && b <= 0x1f);
	if (b != 0xc2 && b != 0xe1 && b != 0xe2 && b != 0xe3)
		return 0;
	uint32_t c;
	size_t n = text_decode(text, len, &c);
	if (n == 0)
		return 0;
	return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
	        c == 0x202f || c == 0x205f || c == 0x3000
	    ? n
	    : 0;
}

struct slice
spec_strip(struct slice s)
{
	for (size_t n; (n = spec_space(s.at, s.len)) != 0;)
		s.at += n, s.len -= n;
	while (s.len != 0) {
		size_t n = 1;
		while (n < s.len && n < 4 && ((unsigned char)s.at[s.len - n] & 0xc0) == 0x80)
			n++;
		if (spec_space(s.at + s.len - n, n) != n)
			break;
		s.len -= n;
	}
	return s;
}

static bool
is_key_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.' || (c & 0x80) != 0;
}

static bool
spec_put(struct spec *s, struct slice key, struct slice value, struct err *err)
{
	for (size_t i = 0; i < s->count; i++)
		if (slice_is(key, s->keys[i])) {
			free(s->values[i]);
			s->values[i] = xstrndup(value.at, value.len);
			return true;
		}
	if (s->count == SPEC_OPTIONS_MAX)
		return err_set(err, "more than %d options in brackets", SPEC_OPTIONS_MAX);
	s->keys = xreallocarray(s->keys, s->count + 1, sizeof *s->keys);
	s->values = xreallocarray(s->values, s->count + 1, sizeof *s->values);
	s->keys[s->count] = xstrndup(key.at, key.len);
	s->values[s->count++] = xstrndup(value.at, value.len);
	return true;
}

static size_t
skip_spaces(const char *text, size_t at, size_t len)
{
	for (size_t n; (n = spec_space(text + at, len - at)) != 0;)
		at += n;
	return at;
}

/* Characters before `at`, and at most 25 of what stands there: for messages. */
static bool
bad_syntax(struct err *err, const char *what, const char *text, size_t at, size_t len, const char *after, size_t after_len)
{
	size_t chars = 0, end = at;

	for (size_t i = 0; i < at; i++)
		chars += ((unsigned char)text[i] & 0xc0) != 0x80;
	for (int n = 0; n < 25 && end < len; n++)
		do
			end++;
		while (end < len && ((unsigned char)text[end] & 0xc0) == 0x80);
	if (after != NULL)
		return err_set(err, "%s at %zu after option '%.*s': %.*s", what, chars, (int)after_len, after,
		    (int)(end - at), text + at);
	return err_set(err, "expected option, %s at %zu: %.*s", what, chars, (int)(end - at), text + at);
}

/* What stands between the first '[' and the last ']'. */
static bool
parse_options(struct spec *out, const char *text, size_t len, struct err *err)
{
	size_t at = 0;

	while (at < len) {
		size_t key = skip_spaces(text, at, len), p = key;
		while (p < len && is_key_byte(text[p]))
			p++;
		if (p == key || p == len || text[p] != '=') {
			/* nothing more but at most one comma and white space */
			p = at + (text[at] == ',');
			if (skip_spaces(text, p, len) == len)
				return true;
			return bad_syntax(err, "wrong syntax", text, at, len, NULL, 0);
		}
		struct slice name = {text + key, p - key}, value = {text + ++p, 0};
		const char *end = p < len && (text[p] == '"' || text[p] == '\'')
		    ? memchr(text + p + 1, text[p], len - p - 1)
		    : NULL;
		if (end != NULL) {
			value = (struct slice){text + p + 1, (size_t)(end - (text + p + 1))};
			p = (size_t)(end - text) + 1;
		} else {
			while (p < len && text[p] != ',' && text[p] != ']')
				p++;
			value.len = (size_t)(text + p - value.at);
		}
		if (!spec_put(out, name, spec_strip(value), err))
			return false;
		if (p == len || (p + 1 == len && text[p] == '\n'))
			return true;
		size_t next = text[p] == ']' ? skip_spaces(text, p + 1, len) : len;
		if (text[p] == ',')
			at = p + 1;
		else if (next < len && text[next] == '[')
			at = next + 1;
		else
			return bad_syntax(err, "unexpected syntax", text, p, len, name.at, name.len);
	}
	return true;
}

bool
spec_parse(const char *text, struct spec *out, struct err *err)
{
	const char *open = strchr(text, '[');

	*out = (struct spec){0};
	if (open == text || text[0] == '\0')
		return err_set(err, "unexpected option syntax");
	if (open == NULL) {
		out->name = xstrdup(text);
		return true;
	}
	struct slice rest = spec_strip((struct slice){open, strlen(open)}); /* starts with '[': only the end moves */
	const char *close = rest.at + rest.len - 1;
	if (close == open || *close != ']')
		return err_set(err, "unexpected option syntax");
	out->name = xstrndup(text, (size_t)(open - text));
	if (parse_options(out, open + 1, (size_t)(close - open - 1), err))
		return true;
	spec_done(out);
	return false;
}

void
spec_done(struct spec *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->keys[i]);
		free(s->values[i]);
	}
	free(s->keys);
	free(s->values);
	free(s->name);
	*s = (struct spec){0};
}

const char *
spec_get(const struct spec *s, const char *key)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->keys[i], key) == 0)
			return s->values[i];
	return NULL;
}
