#include "match/pyregex.h"
#include "match/pyneed.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define SOURCE_MAX (256u * 1024)
#define DEPTH_MAX 200   /* below PCRE2's own nest limit of 250 */
#define GROUPS_MAX 10000
#define REPEAT_MAX 65535 /* PCRE2's; Python's is larger */

/* ---- mapped text ---- */

void
mapped_done(struct mapped *m)
{
	str_done(&m->text);
	free(m->from);
	*m = (struct mapped){0};
}

void
mapped_add(struct mapped *m, const char *bytes, size_t len, uint32_t from)
{
	if (m->text.len + len + 1 > m->room) {
		m->room = (m->text.len + len + 1) * 2;
		m->from = xreallocarray(m->from, m->room, sizeof *m->from);
	}
	for (size_t i = 0; i <= len; i++)
		m->from[m->text.len + i] = from;
	str_addn(&m->text, bytes, len);
}

void
mapped_add_z(struct mapped *m, const char *text, uint32_t from)
{
	mapped_add(m, text, strlen(text), from);
}

uint32_t
mapped_from(const struct mapped *m, size_t at)
{
	if (m->from == NULL)
		return 0;
	return m->from[at < m->text.len ? at : m->text.len];
}

bool
regex_fault_set(struct regex_fault *fault, const char *text, size_t len, size_t offset,
    const char *format, ...)
{
	va_list args;

	if (fault == NULL)
		return false;
	va_start(args, format);
	vsnprintf(fault->text, sizeof fault->text, format, args);
	va_end(args);
	fault->offset = offset;
	fault->column = 0;
	if (offset != SIZE_MAX) {
		fault->column = 1;
		for (size_t i = 0; i < offset && i < len; i++)
			if (((unsigned char)text[i] & 0xc0) != 0x80)
				fault->column++;
	}
	return false;
}

/* ---- the translation ---- */

enum item { ITEM_NONE, ITEM_ANCHOR, ITEM_ATOM, ITEM_REPEAT };

/* What a repeat needs to know of the thing that it repeats. */
struct shape {
	bool has_unbounded; /* holds something that can match any number of times */
	bool has_fixed;     /* and something beside it that must match */
};

struct frame {
	size_t from;       /* source offset of the parenthesis */
	size_t group;      /* capture number, 0 if it captures nothing */
	bool was_verbose;
	bool is_condition; /* (?(1)yes|no) */
	int bars;
	size_t prefix;     /* length of the literal prefix in front of it */
	struct shape branch; /* of the branch so far */
	bool any_loose;      /* an earlier branch was nothing but something unbounded */
	bool is_elsewhere;   /* what it holds need not stand where it stands: (?=x), (?(1)x), (?i:x) */
	struct need_frame need;
};

struct pass {
	const char *s;
	size_t len, at;
	struct pyregex *out;
	struct regex_fault *fault;
	struct frame *stack; /* owned */
	size_t depth, stack_room;
	bool is_verbose;
	bool only_flags;   /* nothing but global flags so far */
	enum item last;
	struct shape last_shape;
	bool last_min_zero;
	uint32_t last_point; /* the character, if it is one; 0 */
	struct need last_need; /* of a group */
	bool in_prefix;    /* the literal prefix may go on */
	size_t last_prefix; /* its length in front of the last item */
	bool *is_open;     /* by group number */
	size_t open_room;
	size_t forward_group, forward_at; /* highest (?(N) that was not yet defined */
};

#define FAULT(p, where, ...) \
	((void)regex_fault_set((p)->fault, (p)->s, (p)->len, (where), __VA_ARGS__), false)

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_octal(char c)
{
	return c >= '0' && c <= '7';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static char
peek(const struct pass *p, size_t ahead)
{
	return p->at + ahead < p->len ? p->s[p->at + ahead] : '\0';
}

static bool
has(const struct pass *p, size_t ahead)
{
	return p->at + ahead < p->len;
}

static void
put(struct pass *p, const char *text, size_t from)
{
	mapped_add_z(&p->out->out, text, (uint32_t)from);
}

static void
put_number(struct pass *p, const char *before, unsigned long n, const char *after, size_t from)
{
	char text[48];

	snprintf(text, sizeof text, "%s%lu%s", before, n, after);
	put(p, text, from);
}

/* ---- the literal prefix ---- */

static void
prefix_cut(struct pass *p, size_t len)
{
	p->in_prefix = false;
	if (p->out->prefix.len > len)
		str_cut(&p->out->prefix, len);
}

static void
prefix_literal(struct pass *p, uint32_t c)
{
	p->last_prefix = p->out->prefix.len;
	if (p->in_prefix && c >= 0x20 && c < 0x7f)
		str_addc(&p->out->prefix, (char)c);
	else
		p->in_prefix = false;
}

static void
prefix_ends(struct pass *p)
{
	p->last_prefix = p->out->prefix.len;
	p->in_prefix = false;
}

/*
 * \d and its kin. Python counts U+001C to U+001F as blanks unless (?a) is on, PCRE2 does not. compat: [\S] alone
 * still takes them, which takes more than a class of one such member is worth.
 */
static void
put_set(struct pass *p, char set, bool in_class, size_t from)
{
	char text[3] = {'\\', set, '\0'};

	if ((set != 's' && (set != 'S' || in_class)) || (p->out->flags & PYREGEX_ASCII) != 0)
		put(p, text, from);
	else if (in_class)
		put(p, "\\s\\x1c-\\x1f", from);
	else
		put(p, set == 's' ? "[\\s\\x1c-\\x1f]" : "[^\\s\\x1c-\\x1f]", from);
}

/* A literal code point, safe inside and outside a class. */
static void
put_point(struct pass *p, uint32_t c, size_t from)
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
		put(p, text, from);
	} else if (is_letter((char)c) || is_digit((char)c) || strchr("_ /:;,'\"=<>@%&!~`", (char)c) != NULL) {
		text[0] = (char)c;
		text[1] = '\0';
		put(p, text, from);
	} else {
		text[0] = '\\';
		text[1] = (char)c;
		text[2] = '\0';
		put(p, text, from);
	}
}

/* One character of the source as it stands; the source is UTF-8, a bad byte stands for U+FFFD. */
static uint32_t
take_point(struct pass *p)
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

/* A finished item: what stood before it is settled, it may be repeated next. */
static void
settle(struct pass *p)
{
	struct shape *b = &p->stack[p->depth].branch;
	struct need_frame *need = &p->stack[p->depth].need;

	if (p->last == ITEM_ATOM || p->last == ITEM_REPEAT) {
		if (p->last_min_zero)
			need_break(need);
		else if (p->last_point != 0)
			need_literal(need, (char)p->last_point, p->last == ITEM_REPEAT);
		else
			need_group(need, &p->last_need);
		/* two that must both match, such as \S+\s+, are taken to tell each other's end */
		if (p->last_shape.has_unbounded && b->has_unbounded && !p->last_min_zero)
			b->has_fixed = true;
		if (p->last_shape.has_unbounded)
			b->has_unbounded = true;
		if (p->last_shape.has_fixed && !p->last_min_zero)
			b->has_fixed = true;
	}
	p->last = ITEM_NONE;
}

static void
began(struct pass *p, enum item kind, struct shape shape)
{
	settle(p);
	p->last = kind;
	p->last_shape = shape;
	p->last_min_zero = kind == ITEM_ANCHOR;
	p->last_point = 0;
	p->last_need.count = 0;
	p->only_flags = false;
}

static const struct shape FIXED = {false, true};

/* An atom or anchor that is no literal character. */
static void
began_other(struct pass *p, enum item kind)
{
	prefix_ends(p);
	began(p, kind, kind == ITEM_ANCHOR ? (struct shape){0} : FIXED);
}

static void
put_literal(struct pass *p, uint32_t c, size_t from)
{
	put_point(p, c, from);
	prefix_literal(p, c);
	if (c >= '0' && c <= '9')
		p->out->tells_digits = true;
	began(p, ITEM_ATOM, FIXED);
	p->last_point = c >= 0x20 && c < 0x7f ? c : 0;
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

/* Escapes that stand for one character, inside a class or not. p->at is behind the backslash. */
static bool
take_escaped_point(struct pass *p, size_t start, uint32_t *c)
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
	*c = take_point(p);
	return true;
}

static bool
take_octal(struct pass *p, size_t start, size_t digits, uint32_t *c)
{
	*c = 0;
	for (size_t i = 0; i < digits && is_octal(peek(p, 0)); i++)
		*c = *c * 8 + (uint32_t)(p->s[p->at++] - '0');
	if (*c > 0377)
		return FAULT(p, start, "octal escape above \\377");
	return true;
}

static bool
take_escape(struct pass *p)
{
	size_t start = p->at++;
	uint32_t c;

	if (!has(p, 0))
		return FAULT(p, start, "backslash at the end");
	char e = p->s[p->at];
	if (memchr("AbB", e, 3) != NULL) {
		char text[3] = {'\\', e, '\0'};
		p->at++;
		put(p, text, start);
		began_other(p, ITEM_ANCHOR);
		return true;
	}
	if (e == 'Z') { /* the very end: PCRE2's \Z would also match before a last line feed */
		p->at++;
		put(p, "\\z", start);
		began_other(p, ITEM_ANCHOR);
		return true;
	}
	if (memchr("dDsSwW", e, 6) != NULL) {
		p->at++;
		put_set(p, e, false, start);
		began_other(p, ITEM_ATOM);
		return true;
	}
	if (e == '0' || (is_octal(e) && is_octal(peek(p, 1)) && is_octal(peek(p, 2)) && e != '0')) {
		if (!take_octal(p, start, 3, &c))
			return false;
		put_literal(p, c, start);
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
		put_number(p, "\\g{", n, "}", start);
		p->out->tells_digits = true;
		began_other(p, ITEM_ATOM);
		return true;
	}
	if (!take_escaped_point(p, start, &c))
		return false;
	put_literal(p, c, start);
	return true;
}

/* One member of a class: a character, or a set such as \d (then *is_set). */
static bool
take_member(struct pass *p, uint32_t *c, bool *is_set)
{
	size_t start = p->at;

	*is_set = false;
	if (p->s[p->at] != '\\') {
		*c = take_point(p);
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
		return take_octal(p, start, 3, c);
	if (is_digit(e))
		return FAULT(p, start, "unknown escape \\%c", e);
	return take_escaped_point(p, start, c);
}

static void
put_member(struct pass *p, uint32_t c, bool is_set, size_t from)
{
	if (is_set)
		put_set(p, (char)c, true, from);
	else
		put_point(p, c, from);
}

static bool
take_class(struct pass *p)
{
	size_t start = p->at++;
	unsigned digits = 0; /* bit by bit, those that it names */

	put(p, "[", start);
	if (peek(p, 0) == '^') {
		put(p, "^", p->at);
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
			put(p, "-", from);
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
	put(p, "]", p->at);
	p->at++;
	began_other(p, ITEM_ATOM);
	return true;
}

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
			put_literal(p, '{', start);
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
		put_number(p, "{", min, "", start);
		if (is_open_ended)
			put(p, ",}", start);
		else if (max == min)
			put(p, "}", start);
		else
			put_number(p, ",", max, "}", start);
	} else {
		char text[2] = {c, '\0'};
		put(p, text, start);
	}
	prefix_cut(p, p->last_prefix);
	p->at = end;
	bool is_possessive = peek(p, 0) == '+';
	if (is_possessive || peek(p, 0) == '?') {
		put(p, is_possessive ? "+" : "?", p->at);
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
push(struct pass *p, size_t from, size_t group)
{
	if (p->depth == DEPTH_MAX)
		return FAULT(p, from, "parentheses nested deeper than %d", DEPTH_MAX);
	settle(p);
	if (p->depth + 2 > p->stack_room) {
		p->stack_room *= 2;
		p->stack = xreallocarray(p->stack, p->stack_room, sizeof *p->stack);
	}
	p->stack[++p->depth] = (struct frame){.from = from, .group = group, .was_verbose = p->is_verbose,
	    .prefix = p->out->prefix.len};
	p->only_flags = false;
	return true;
}

static bool
open_group(struct pass *p, size_t from, char *name)
{
	size_t n = p->out->n_groups + 1;

	if (n > GROUPS_MAX) {
		free(name);
		return FAULT(p, from, "more than %d groups", GROUPS_MAX);
	}
	if (n + 1 > p->open_room) {
		p->open_room = (n + 1) * 2;
		p->is_open = xreallocarray(p->is_open, p->open_room, sizeof *p->is_open);
		p->out->groups = xreallocarray(p->out->groups, p->open_room, sizeof *p->out->groups);
	}
	p->out->n_groups = n;
	p->out->groups[n].name = name;
	p->is_open[n] = true;
	put(p, "(", from);
	return push(p, from, n);
}

static size_t
find_group(const struct pyregex *out, const char *name, size_t len)
{
	for (size_t i = 1; i <= out->n_groups; i++)
		if (out->groups[i].name != NULL && strlen(out->groups[i].name) == len &&
		    memcmp(out->groups[i].name, name, len) == 0)
			return i;
	return 0;
}

/* A name up to `stop`; p->at is at its first byte, and behind `stop` afterwards. */
static bool
take_name(struct pass *p, char stop, const char **name, size_t *len)
{
	size_t from = p->at;
	const char *end = memchr(p->s + from, stop, p->len - from);

	if (end == NULL)
		return FAULT(p, from, "missing %c behind the group's name", stop);
	*name = p->s + from;
	*len = (size_t)(end - *name);
	if (*len == 0)
		return FAULT(p, from, "missing group name");
	for (size_t i = 0; i < *len; i++) {
		unsigned char c = (unsigned char)(*name)[i];
		if (!(is_letter((char)c) || c == '_' || c >= 0x80 || (i > 0 && is_digit((char)c))))
			return FAULT(p, from, "bad character in group name '%.*s'", (int)(*len < 60 ? *len : 60), *name);
	}
	p->at = from + *len + 1;
	return true;
}

static bool
take_condition(struct pass *p, size_t start)
{
	size_t n = 0, from = p->at;

	if (is_digit(peek(p, 0))) {
		for (; is_digit(peek(p, 0)); p->at++)
			n = n < GROUPS_MAX ? n * 10 + (size_t)(p->s[p->at] - '0') : n;
		if (peek(p, 0) != ')')
			return FAULT(p, from, "missing closing parenthesis behind the group's number");
		if (n == 0 || n >= GROUPS_MAX)
			return FAULT(p, from, "bad group number");
		p->at++;
		if (n > p->out->n_groups && n > p->forward_group) {
			p->forward_group = n;
			p->forward_at = from;
		}
	} else {
		const char *name;
		size_t len;
		if (!take_name(p, ')', &name, &len))
			return false;
		n = find_group(p->out, name, len);
		if (n == 0)
			return FAULT(p, from, "there is no group '%.*s'", (int)(len < 60 ? len : 60), name);
	}
	put_number(p, "(?(", n, ")", start);
	p->in_prefix = false;
	if (!push(p, start, 0))
		return false;
	p->stack[p->depth].is_condition = p->stack[p->depth].is_elsewhere = true;
	return true;
}

static unsigned
flag_of(char c)
{
	switch (c) {
	case 'i': return PYREGEX_CASELESS;
	case 'm': return PYREGEX_MULTILINE;
	case 's': return PYREGEX_DOTALL;
	case 'x': return PYREGEX_VERBOSE;
	case 'a': return PYREGEX_ASCII;
	default: return 0; /* u: what we do anyway */
	}
}

/* (?imsx) at the start, (?imsx-imsx:...) anywhere. */
static bool
take_flags(struct pass *p, size_t start)
{
	unsigned on = 0, off = 0;
	bool is_off = false, any_off = false, has_unicode = false;

	for (; has(p, 0) && peek(p, 0) != ')' && peek(p, 0) != ':'; p->at++) {
		char c = peek(p, 0);
		if (c == '-' && !is_off) {
			is_off = true;
			continue;
		}
		if (c == 'L')
			return FAULT(p, p->at, "the flag L is for bytes, not for text");
		if (memchr("imsxau", c, 6) == NULL || (is_off && (c == 'a' || c == 'u')))
			return FAULT(p, p->at, is_letter(c) ? "unknown flag %c" : "missing -, : or )", c);
		if (is_off) {
			off |= flag_of(c);
			any_off = true;
		} else {
			on |= flag_of(c);
			has_unicode = has_unicode || c == 'u';
		}
	}
	if (!has(p, 0))
		return FAULT(p, start, "missing closing parenthesis");
	if (is_off && !any_off)
		return FAULT(p, p->at, "missing flag");
	if (has_unicode && (on & PYREGEX_ASCII) != 0)
		return FAULT(p, p->at, "the flags a and u exclude each other");
	if (peek(p, 0) == ')') {
		if (is_off)
			return FAULT(p, p->at, "flags can be switched off for a group only: (?-i:...)");
		if (p->depth > 0 || !p->only_flags)
			return FAULT(p, start, "global flags not at the start of the expression");
		p->at++;
		p->out->flags |= on;
		if ((on & PYREGEX_VERBOSE) != 0)
			p->is_verbose = true;
		return true;
	}
	if ((on & PYREGEX_ASCII) != 0)
		return FAULT(p, start, "(?a:...) for a part of the expression is not supported");
	if ((on & off) != 0)
		return FAULT(p, start, "flag switched on and off at once");
	p->at++;
	put(p, "(?", start);
	if (on & PYREGEX_CASELESS) put(p, "i", start);
	if (on & PYREGEX_MULTILINE) put(p, "m", start);
	if (on & PYREGEX_DOTALL) put(p, "s", start);
	if (off & (PYREGEX_CASELESS | PYREGEX_MULTILINE | PYREGEX_DOTALL)) put(p, "-", start);
	if (off & PYREGEX_CASELESS) put(p, "i", start);
	if (off & PYREGEX_MULTILINE) put(p, "m", start);
	if (off & PYREGEX_DOTALL) put(p, "s", start);
	put(p, ":", start);
	p->in_prefix = false;
	if (!push(p, start, 0))
		return false;
	p->stack[p->depth].is_elsewhere = (on & PYREGEX_CASELESS) != 0;
	if (on & PYREGEX_VERBOSE)
		p->is_verbose = true;
	if (off & PYREGEX_VERBOSE)
		p->is_verbose = false;
	return true;
}

/* What follows "(?"; p->at is behind it. */
static bool
take_extension(struct pass *p, size_t start)
{
	static const struct { const char *text; } plain[] = {{":"}, {"="}, {"!"}, {"<="}, {"<!"}, {">"}};
	const char *name;
	size_t len;

	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
		size_t n = strlen(plain[i].text);
		if (p->len - p->at >= n && memcmp(p->s + p->at, plain[i].text, n) == 0) {
			p->at += n;
			put(p, "(?", start);
			put(p, plain[i].text, start);
			p->out->has_atomic = p->out->has_atomic || strcmp(plain[i].text, ">") == 0;
			if (i != 0)
				p->in_prefix = false;
			if (!push(p, start, 0))
				return false;
			p->stack[p->depth].is_elsewhere = i != 0 && strcmp(plain[i].text, ">") != 0;
			return true;
		}
	}
	switch (peek(p, 0)) {
	case '(':
		p->at++;
		return take_condition(p, start);
	case '#': {
		const char *end = memchr(p->s + p->at, ')', p->len - p->at);
		if (end == NULL)
			return FAULT(p, start, "missing ) behind the comment");
		p->at = (size_t)(end - p->s) + 1;
		return true;
	}
	case 'P':
		p->at++;
		if (peek(p, 0) == '<') {
			p->at++;
			if (!take_name(p, '>', &name, &len))
				return false;
			if (find_group(p->out, name, len) != 0)
				return FAULT(p, start, "there are two groups '%.*s'", (int)(len < 60 ? len : 60), name);
			return open_group(p, start, xstrndup(name, len));
		}
		if (peek(p, 0) == '=') {
			p->at++;
			size_t from = p->at;
			if (!take_name(p, ')', &name, &len))
				return false;
			size_t n = find_group(p->out, name, len);
			if (n == 0)
				return FAULT(p, from, "there is no group '%.*s'", (int)(len < 60 ? len : 60), name);
			if (p->is_open[n])
				return FAULT(p, from, "group '%.*s' refers to itself", (int)(len < 60 ? len : 60), name);
			put_number(p, "\\g{", n, "}", start);
			p->out->tells_digits = true;
			began_other(p, ITEM_ATOM);
			return true;
		}
		return FAULT(p, start, "unknown extension (?P%.*s", has(p, 0) ? 1 : 0, p->s + p->at);
	case '\0':
		if (!has(p, 0))
			return FAULT(p, start, "missing closing parenthesis");
		break;
	default:
		if (memchr("imsxauL-", peek(p, 0), 8) != NULL)
			return take_flags(p, start);
	}
	return FAULT(p, start, "unknown extension (?%.*s", (int)(p->len - p->at < 2 ? p->len - p->at : peek(p, 0) == '<' ? 2 : 1),
	    p->s + p->at);
}

static bool
branch_is_loose(const struct shape *b)
{
	return b->has_unbounded && !b->has_fixed;
}

static bool
take_close(struct pass *p)
{
	if (p->depth == 0)
		return FAULT(p, p->at, "unbalanced parenthesis");
	settle(p);
	struct frame f = p->stack[p->depth--];
	bool is_loose = f.any_loose || branch_is_loose(&f.branch);
	struct shape shape = {is_loose || f.branch.has_unbounded, f.bars == 0 ? f.branch.has_fixed : !is_loose};
	if (f.group != 0)
		p->is_open[f.group] = false;
	p->is_verbose = f.was_verbose;
	put(p, ")", p->at);
	p->at++;
	p->last_prefix = f.prefix;
	p->last = ITEM_ATOM;
	p->last_shape = shape;
	p->last_min_zero = false;
	p->last_point = 0;
	p->last_need.count = 0;
	if (!f.is_elsewhere)
		need_end(&f.need, &p->last_need);
	return true;
}

static bool
take_bar(struct pass *p)
{
	struct frame *f = &p->stack[p->depth];

	settle(p);
	f->bars++;
	if (f->is_condition && f->bars > 1)
		return FAULT(p, p->at, "more than two branches behind a condition");
	if (branch_is_loose(&f->branch))
		f->any_loose = true;
	f->branch = (struct shape){0};
	need_bar(&f->need);
	p->only_flags = false;
	prefix_cut(p, p->depth > 0 ? f->prefix : 0);
	if (p->depth == 0)
		p->out->has_top_bar = true;
	put(p, "|", p->at);
	p->at++;
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
		return take_escape(p);
	case '[':
		return take_class(p);
	case '(':
		p->at++;
		if (peek(p, 0) == '?') {
			p->at++;
			return take_extension(p, start);
		}
		return open_group(p, start, NULL);
	case ')':
		return take_close(p);
	case '|':
		return take_bar(p);
	case '*':
	case '+':
	case '?':
	case '{':
		return take_repeat(p);
	case '^':
	case '$':
		p->at++;
		put(p, c == '^' ? "^" : "$", start);
		if (c == '^' && start == 0) {
			p->in_prefix = true;
			began(p, ITEM_ANCHOR, (struct shape){0});
		} else {
			began_other(p, ITEM_ANCHOR);
		}
		return true;
	case '.':
		p->at++;
		put(p, ".", start);
		began_other(p, ITEM_ATOM);
		return true;
	default:
		put_literal(p, take_point(p), start);
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
		settle(p);
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
