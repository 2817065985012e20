/*
 * pyclass: [...].
 */
#include "match/pypass.h"

#include <string.h>

/* One member of a class: a character, or a set such as \d (then *is_set). */
static bool
take_member(struct pass *p, uint32_t *c, bool *is_set)
{
	size_t start = p->at;

	*is_set = false;
	if (p->s[p->at] != '\\') {
		*c = escape_take_point(p);
		return true;
	}
	p->at++;
	if (!has(p, 0))
		return FAULT(p, start, "backslash at the end");
	char e = p->s[p->at];
	if (memchr("dDsSwW", e, 6) != NULL) {
		*is_set = true;
		*c = (unsigned char)e;
		p->at++;
		return true;
	}
	if (e == 'b') {
		p->at++;
		*c = '\b';
		return true;
	}
	if (is_octal(e))
		return escape_take_octal(p, start, 3, c);
	if (is_digit(e))
		return FAULT(p, start, "unknown escape \\%c", e);
	return escape_take_value(p, start, c);
}

static void
put_member(struct pass *p, uint32_t c, bool is_set, size_t from)
{
	if (is_set)
		escape_put_set(p, (char)c, true, from);
	else
		escape_put_point(p, c, from);
}

bool
class_take(struct pass *p)
{
	size_t start = p->at++;
	unsigned digits = 0; /* bit by bit, those that it names */

	pass_put(p, "[", start);
	if (peek(p, 0) == '^') {
		pass_put(p, "^", p->at);
		p->at++;
	}
	for (bool is_first = true;; is_first = false) {
		size_t from = p->at;
		uint32_t lo, hi;
		bool lo_set, hi_set;
		if (!has(p, 0))
			return FAULT(p, start, "missing closing bracket");
		if (p->s[p->at] == ']' && !is_first)
			break;
		if (!take_member(p, &lo, &lo_set))
			return false;
		if (peek(p, 0) == '-' && has(p, 1) && peek(p, 1) != ']') {
			p->at++;
			if (!take_member(p, &hi, &hi_set))
				return false;
			if (lo_set || hi_set || hi < lo)
				return FAULT(p, from, "bad range in brackets: %.*s", (int)(p->at - from), p->s + from);
			put_member(p, lo, false, from);
			pass_put(p, "-", from);
			put_member(p, hi, false, from);
		} else {
			put_member(p, lo, lo_set, from);
			hi = lo;
		}
		for (uint32_t d = '0'; d <= '9' && !lo_set; d++)
			if (lo <= d && d <= hi)
				digits |= 1u << (d - '0');
	}
	if (digits != 0 && digits != 0x3ff)
		p->out->tells_digits = true;
	pass_put(p, "]", p->at);
	p->at++;
	pass_began_other(p, ITEM_ATOM);
	return true;
}
