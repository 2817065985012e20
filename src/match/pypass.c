/*
 * pypass: what each item of an expression tells of the whole: its text, the literal prefix, what a line needs.
 */
#include "match/pypass.h"

#include <stdio.h>

void
pass_put(struct pass *p, const char *text, size_t from)
{
	mapped_add_z(&p->out->out, text, (uint32_t)from);
}

void
pass_put_number(struct pass *p, const char *before, unsigned long n, const char *after, size_t from)
{
	char text[48];

	snprintf(text, sizeof text, "%s%lu%s", before, n, after);
	pass_put(p, text, from);
}

/* ---- the literal prefix ---- */

void
pass_prefix_cut(struct pass *p, size_t len)
{
	p->in_prefix = false;
	if (p->out->prefix.len > len)
		str_cut(&p->out->prefix, len);
}

/* The prefix goes on with c; 0: it does not. */
static void
prefix_add(struct pass *p, uint32_t c)
{
	p->last_prefix = p->out->prefix.len;
	if (p->in_prefix && c >= 0x20 && c < 0x7f)
		str_addc(&p->out->prefix, (char)c);
	else
		p->in_prefix = false;
}

/* ---- items ---- */

void
pass_settle(struct pass *p)
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

void
pass_began(struct pass *p, enum item kind, struct shape shape)
{
	pass_settle(p);
	p->last = kind;
	p->last_shape = shape;
	p->last_min_zero = kind == ITEM_ANCHOR;
	p->last_point = 0;
	p->last_need.count = 0;
	p->only_flags = false;
}

static const struct shape FIXED = {false, true};

void
pass_began_other(struct pass *p, enum item kind)
{
	prefix_add(p, 0);
	pass_began(p, kind, kind == ITEM_ANCHOR ? (struct shape){0} : FIXED);
}

void
pass_began_literal(struct pass *p, uint32_t c)
{
	prefix_add(p, c);
	if (c >= '0' && c <= '9')
		p->out->tells_digits = true;
	pass_began(p, ITEM_ATOM, FIXED);
	p->last_point = c >= 0x20 && c < 0x7f ? c : 0;
}
