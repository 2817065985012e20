/*
 * pyescape: backslashes, and characters as they stand.
 */
#include "match/pypass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/*
 * \d and its kin. Python counts U+001C to U+001F as blanks unless (?a) is on, PCRE2 does not. compat: [\S] alone
 * still takes them, which takes more than a class of one such member is worth.
 */
void
escape_put_set(struct pass *p, char set, bool in_class, size_t from)
{
	char text[3] = {'\\', set, '\0'};

	if ((set != 's' && (set != 'S' || in_class)) || (p->out->flags & PYREGEX_ASCII) != 0)
		pass_put(p, text, from);
	else if (in_class)
		pass_put(p, "\\s\\x1c-\\x1f", from);
	else
		pass_put(p, set == 's' ? "[\\s\\x1c-\\x1f]" : "[^\\s\\x1c-\\x1f]", from);
}

void
escape_put_point(struct pass *p, uint32_t c, size_t from)
{
	char text[16];

	if (c >= 0x80) {
		struct str utf8 = {0};
		p->out->needs_utf = true;
		text_encode(c, &utf8);
		mapped_add(&p->out->out, utf8.at, utf8.len, (uint32_t)from);
		str_done(&utf8);
	} else if (c < 0x20 || c == 0x7f) {
		snprintf(text, sizeof text, "\\x%02x", (unsigned)c);
		pass_put(p, text, from);
	} else if (is_letter((char)c) || is_digit((char)c) || strchr("_ /:;,'\"=<>@%&!~`", (char)c) != NULL) {
		text[0] = (char)c;
		text[1] = '\0';
		pass_put(p, text, from);
	} else {
		text[0] = '\\';
		text[1] = (char)c;
		text[2] = '\0';
		pass_put(p, text, from);
	}
}

uint32_t
escape_take_point(struct pass *p)
{
	uint32_t c;
	size_t n = text_decode(p->s + p->at, p->len - p->at, &c);

	if (n == 0) {
		p->at++;
		return 0xfffd;
	}
	p->at += n;
	return c;
}

void
escape_put_literal(struct pass *p, uint32_t c, size_t from)
{
	escape_put_point(p, c, from);
	pass_began_literal(p, c);
}

/* \xhh \uhhhh \Uhhhhhhhh: exactly `digits` of them. */
static bool
take_hex(struct pass *p, size_t start, size_t digits, uint32_t *c)
{
	char text[9];

	for (size_t i = 0; i < digits; i++) {
		if (!is_hex(peek(p, i)))
			return FAULT(p, start, "incomplete escape \\%c", p->s[start + 1]);
		text[i] = peek(p, i);
	}
	text[digits] = '\0';
	*c = (uint32_t)strtoul(text, NULL, 16);
	p->at += digits;
	if (*c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff))
		return FAULT(p, start, "no such character \\%c%s", p->s[start + 1], text);
	return true;
}

bool
escape_take_value(struct pass *p, size_t start, uint32_t *c)
{
	static const char from[] = "afnrtv", to[] = "\a\f\n\r\t\v";
	char e = p->s[p->at];
	const char *known = memchr(from, e, sizeof from - 1);

	if (known != NULL) {
		*c = (unsigned char)to[known - from];
		p->at++;
		return true;
	}
	if (e == 'x' || e == 'u' || e == 'U') {
		p->at++;
		return take_hex(p, start, e == 'x' ? 2 : e == 'u' ? 4 : 8, c);
	}
	if (is_letter(e))
		return FAULT(p, start, "unknown escape \\%c", e);
	*c = escape_take_point(p);
	return true;
}

bool
escape_take_octal(struct pass *p, size_t start, size_t digits, uint32_t *c)
{
	*c = 0;
	for (size_t i = 0; i < digits && is_octal(peek(p, 0)); i++)
		*c = *c * 8 + (uint32_t)(p->s[p->at++] - '0');
	if (*c > 0377)
		return FAULT(p, start, "octal escape above \\377");
	return true;
}

bool
escape_take(struct pass *p)
{
	size_t start = p->at++;
	uint32_t c;

	if (!has(p, 0))
		return FAULT(p, start, "backslash at the end");
	char e = p->s[p->at];
	if (memchr("AbB", e, 3) != NULL) {
		char text[3] = {'\\', e, '\0'};
		p->at++;
		pass_put(p, text, start);
		pass_began_other(p, ITEM_ANCHOR);
		return true;
	}
	if (e == 'Z') { /* the very end: PCRE2's \Z would also match before a last line feed */
		p->at++;
		pass_put(p, "\\z", start);
		pass_began_other(p, ITEM_ANCHOR);
		return true;
	}
	if (memchr("dDsSwW", e, 6) != NULL) {
		p->at++;
		escape_put_set(p, e, false, start);
		pass_began_other(p, ITEM_ATOM);
		return true;
	}
	if (e == '0' || (is_octal(e) && is_octal(peek(p, 1)) && is_octal(peek(p, 2)))) {
		if (!escape_take_octal(p, start, 3, &c))
			return false;
		escape_put_literal(p, c, start);
		return true;
	}
	if (is_digit(e)) {
		unsigned long n = (unsigned long)(e - '0');
		p->at++;
		if (is_digit(peek(p, 0)))
			n = n * 10 + (unsigned long)(p->s[p->at++] - '0');
		if (n > p->out->n_groups)
			return FAULT(p, start, "there is no group %lu", n);
		if (p->is_open != NULL && p->is_open[n])
			return FAULT(p, start, "group %lu refers to itself", n);
		pass_put_number(p, "\\g{", n, "}", start);
		p->out->tells_digits = true;
		pass_began_other(p, ITEM_ATOM);
		return true;
	}
	if (!escape_take_value(p, start, &c))
		return false;
	escape_put_literal(p, c, start);
	return true;
}
