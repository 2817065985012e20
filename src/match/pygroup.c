/*
 * pygroup: parentheses, with all that may stand behind (?, and the branches in them.
 */
#include "match/pypass.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define DEPTH_MAX 200 /* below PCRE2's own nest limit of 250 */
#define GROUPS_MAX 10000

static bool
push(struct pass *p, size_t from, size_t group)
{
	if (p->depth == DEPTH_MAX)
		return FAULT(p, from, "parentheses nested deeper than %d", DEPTH_MAX);
	pass_settle(p);
	if (p->depth + 2 > p->stack_room) {
		p->stack_room *= 2;
		p->stack = xreallocarray(p->stack, p->stack_room, sizeof *p->stack);
	}
	p->stack[++p->depth] = (struct frame){.from = from, .group = group, .was_verbose = p->is_verbose,
	    .prefix = p->out->prefix.len};
	p->only_flags = false;
	return true;
}

bool
group_open(struct pass *p, size_t from, char *name)
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
	pass_put(p, "(", from);
	return push(p, from, n);
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

/* The name, up to ")", of a group that there is. */
static bool
take_known(struct pass *p, size_t *group)
{
	const char *name;
	size_t len, from = p->at;

	if (!take_name(p, ')', &name, &len))
		return false;
	*group = pyregex_group(p->out, name, len);
	if (*group == 0)
		return FAULT(p, from, "there is no group '%.*s'", (int)(len < 60 ? len : 60), name);
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
	} else if (!take_known(p, &n)) {
		return false;
	}
	pass_put_number(p, "(?(", n, ")", start);
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

/* Those that PCRE2 gets to see. */
static void
put_flags(struct pass *p, unsigned flags, size_t from)
{
	if (flags & PYREGEX_CASELESS)
		pass_put(p, "i", from);
	if (flags & PYREGEX_MULTILINE)
		pass_put(p, "m", from);
	if (flags & PYREGEX_DOTALL)
		pass_put(p, "s", from);
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
	pass_put(p, "(?", start);
	put_flags(p, on, start);
	if (off & (PYREGEX_CASELESS | PYREGEX_MULTILINE | PYREGEX_DOTALL))
		pass_put(p, "-", start);
	put_flags(p, off, start);
	pass_put(p, ":", start);
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

/* (?P<name>...) and (?P=name); p->at is behind the P. */
static bool
take_named(struct pass *p, size_t start)
{
	const char *name;
	size_t len, n, from = p->at + 1;

	if (peek(p, 0) == '<') {
		p->at++;
		if (!take_name(p, '>', &name, &len))
			return false;
		if (pyregex_group(p->out, name, len) != 0)
			return FAULT(p, start, "there are two groups '%.*s'", (int)(len < 60 ? len : 60), name);
		return group_open(p, start, xstrndup(name, len));
	}
	if (peek(p, 0) == '=') {
		p->at++;
		if (!take_known(p, &n))
			return false;
		if (p->is_open[n])
			return FAULT(p, from, "group '%.60s' refers to itself", p->out->groups[n].name);
		pass_put_number(p, "\\g{", n, "}", start);
		p->out->tells_digits = true;
		pass_began_other(p, ITEM_ATOM);
		return true;
	}
	return FAULT(p, start, "unknown extension (?P%.*s", has(p, 0) ? 1 : 0, p->s + p->at);
}

bool
group_take_extension(struct pass *p, size_t start)
{
	static const char *const plain[] = {":", "=", "!", "<=", "<!", ">"};

	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
		size_t n = strlen(plain[i]);
		if (p->len - p->at < n || memcmp(p->s + p->at, plain[i], n) != 0)
			continue;
		bool is_group = plain[i][0] == ':', is_atomic = plain[i][0] == '>';
		p->at += n;
		pass_put(p, "(?", start);
		pass_put(p, plain[i], start);
		p->out->has_atomic = p->out->has_atomic || is_atomic;
		if (!is_group)
			p->in_prefix = false;
		if (!push(p, start, 0))
			return false;
		p->stack[p->depth].is_elsewhere = !is_group && !is_atomic;
		return true;
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
		return take_named(p, start);
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

bool
group_close(struct pass *p)
{
	if (p->depth == 0)
		return FAULT(p, p->at, "unbalanced parenthesis");
	pass_settle(p);
	struct frame f = p->stack[p->depth--];
	bool is_loose = f.any_loose || branch_is_loose(&f.branch);
	struct shape shape = {is_loose || f.branch.has_unbounded, f.bars == 0 ? f.branch.has_fixed : !is_loose};
	if (f.group != 0)
		p->is_open[f.group] = false;
	p->is_verbose = f.was_verbose;
	pass_put(p, ")", p->at);
	p->at++;
	pass_began(p, ITEM_ATOM, shape);
	p->last_prefix = f.prefix;
	if (!f.is_elsewhere)
		need_end(&f.need, &p->last_need);
	return true;
}

bool
group_bar(struct pass *p)
{
	struct frame *f = &p->stack[p->depth];

	pass_settle(p);
	f->bars++;
	if (f->is_condition && f->bars > 1)
		return FAULT(p, p->at, "more than two branches behind a condition");
	if (branch_is_loose(&f->branch))
		f->any_loose = true;
	f->branch = (struct shape){0};
	need_bar(&f->need);
	p->only_flags = false;
	pass_prefix_cut(p, p->depth > 0 ? f->prefix : 0);
	if (p->depth == 0)
		p->out->has_top_bar = true;
	pass_put(p, "|", p->at);
	p->at++;
	return true;
}
