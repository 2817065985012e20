#include "match/pypass.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SOURCE_MAX (256u * 1024)
#define REPEAT_MAX 65535 /* PCRE2's; Python's is larger */

/* {m} {m,} {,n} {m,n}: false if it is none of them, which is literal text. */
static bool
take_braces(struct pass *p, unsigned long *min, unsigned long *max, bool *is_open_ended, size_t *end)
{
	size_t i = p->at + 1;
	size_t digits = 0, more = 0;
	bool has_comma = false;

	*min = *max = 0;
	for (; i < p->len && is_digit(p->s[i]); i++, digits++)
		*min = *min < REPEAT_MAX * 10ul ? *min * 10 + (unsigned long)(p->s[i] - '0') : *min;
	if (i < p->len && p->s[i] == ',') {
		has_comma = true;
		for (i++; i < p->len && is_digit(p->s[i]); i++, more++)
			*max = *max < REPEAT_MAX * 10ul ? *max * 10 + (unsigned long)(p->s[i] - '0') : *max;
	}
	if (i >= p->len || p->s[i] != '}' || (digits == 0 && !has_comma))
		return false;
	if (!has_comma)
		*max = *min;
	*is_open_ended = has_comma && more == 0;
	*end = i + 1;
	return true;
}

static bool
take_repeat(struct pass *p)
{
	size_t start = p->at, end = start + 1;
	unsigned long min = 0, max = 0;
	bool is_open_ended = false;
	char c = p->s[start];

	if (c == '{') {
		if (!take_braces(p, &min, &max, &is_open_ended, &end)) {
			p->at++;
			escape_put_literal(p, '{', start);
			return true;
		}
	} else {
		min = c == '+';
		max = c == '?';
		is_open_ended = c != '?';
	}
	if (p->last == ITEM_NONE || p->last == ITEM_ANCHOR)
		return FAULT(p, start, "nothing to repeat");
	if (p->last == ITEM_REPEAT)
		return FAULT(p, start, "multiple repeat");
	if (min > REPEAT_MAX || max > REPEAT_MAX)
		return FAULT(p, start, "repeat count above %d", REPEAT_MAX);
	if (!is_open_ended && max < min)
		return FAULT(p, start, "repeat counts out of order");
	if (c == '{') {
		pass_put_number(p, "{", min, "", start);
		if (is_open_ended)
			pass_put(p, ",}", start);
		else if (max == min)
			pass_put(p, "}", start);
		else
			pass_put_number(p, ",", max, "}", start);
	} else {
		char text[2] = {c, '\0'};
		pass_put(p, text, start);
	}
	pass_prefix_cut(p, p->last_prefix);
	p->at = end;
	bool is_possessive = peek(p, 0) == '+';
	if (is_possessive || peek(p, 0) == '?') {
		pass_put(p, is_possessive ? "+" : "?", p->at);
		p->out->has_atomic = p->out->has_atomic || is_possessive;
		p->at++;
	}
	/* (x+)+ with nothing else in it that must match: each character may end the inner run or not */
	bool is_many = is_open_ended || max > 16;
	if (is_many && !is_possessive && p->last_shape.has_unbounded && !p->last_shape.has_fixed &&
	    p->out->risk_offset == SIZE_MAX)
		p->out->risk_offset = start;
	p->last = ITEM_REPEAT;
	p->last_min_zero = min == 0;
	if (is_many && !is_possessive)
		p->last_shape = (struct shape){true, false};
	return true;
}

static bool
take_one(struct pass *p)
{
	size_t start = p->at;
	char c = p->s[start];

	if (p->is_verbose) {
		if (c == ' ' || (c >= '\t' && c <= '\r')) {
			p->at++;
			return true;
		}
		if (c == '#') {
			while (has(p, 0) && peek(p, 0) != '\n')
				p->at++;
			return true;
		}
	}
	switch (c) {
	case '\\':
		return escape_take(p);
	case '[':
		return class_take(p);
	case '(':
		p->at++;
		if (peek(p, 0) == '?') {
			p->at++;
			return group_take_extension(p, start);
		}
		return group_open(p, start, NULL);
	case ')':
		return group_close(p);
	case '|':
		return group_bar(p);
	case '*':
	case '+':
	case '?':
	case '{':
		return take_repeat(p);
	case '^':
	case '$':
		p->at++;
		pass_put(p, c == '^' ? "^" : "$", start);
		if (c == '^' && start == 0) {
			p->in_prefix = true;
			pass_began(p, ITEM_ANCHOR, (struct shape){0});
		} else {
			pass_began_other(p, ITEM_ANCHOR);
		}
		return true;
	case '.':
		p->at++;
		pass_put(p, ".", start);
		pass_began_other(p, ITEM_ATOM);
		return true;
	default:
		escape_put_literal(p, escape_take_point(p), start);
		return true;
	}
}

void
pyregex_done(struct pyregex *p)
{
	mapped_done(&p->out);
	str_done(&p->prefix);
	for (size_t i = 1; i <= p->n_groups; i++)
		free(p->groups[i].name);
	free(p->groups);
	*p = (struct pyregex){0};
}

size_t
pyregex_group(const struct pyregex *p, const char *name, size_t len)
{
	for (size_t i = 1; i <= p->n_groups; i++)
		if (p->groups[i].name != NULL && strlen(p->groups[i].name) == len &&
		    memcmp(p->groups[i].name, name, len) == 0)
			return i;
	return 0;
}

bool
pyregex_translate(const char *source, size_t len, struct pyregex *out, struct regex_fault *fault)
{
	*out = (struct pyregex){.risk_offset = SIZE_MAX};
	if (len > SOURCE_MAX)
		return regex_fault_set(fault, source, len, SIZE_MAX, "longer than %u bytes", SOURCE_MAX);

	struct pass *p = xcalloc(1, sizeof *p);
	*p = (struct pass){.s = source, .len = len, .out = out, .fault = fault, .only_flags = true, .stack_room = 8};
	p->stack = xcalloc(p->stack_room, sizeof *p->stack);
	bool ok = true;
	mapped_add(&out->out, "", 0, 0);
	while (ok && p->at < len)
		ok = take_one(p);
	if (ok && p->depth > 0)
		ok = FAULT(p, p->stack[p->depth].from, "missing closing parenthesis");
	if (ok && p->forward_group > out->n_groups)
		ok = FAULT(p, p->forward_at, "there is no group %zu", p->forward_group);
	mapped_add(&out->out, "", 0, (uint32_t)len);
	if (ok) {
		pass_settle(p);
		need_end(&p->stack[0].need, &out->need);
	}
	if ((out->flags & PYREGEX_CASELESS) != 0) {
		str_cut(&out->prefix, 0);
		out->need.count = 0;
	}
	free(p->is_open);
	free(p->stack);
	free(p);
	if (!ok)
		pyregex_done(out);
	return ok;
}
