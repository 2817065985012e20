#include "fold.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define NET_SLOT UINT32_MAX /* no host has it */
#define NO_GROUP UINT32_MAX

struct group {
	struct addr net;
	size_t count, at; /* at: where its next member goes */
	uint32_t order;
	bool stays;
	UT_hash_handle hh;
};

bool
fold_net_of(const struct addr *host, struct addr *net)
{
	if (host->family == 0 || !addr_is_host(host))
		return false;
	*net = *host;
	return addr_mask(net, host->family == 4 ? 24 : 64);
}

static bool
is_own(const struct view *v, const struct addr *a)
{
	for (int i = 0; i < v->n_own; i++)
		if (addr_equal(&v->own_addr[i], a))
			return true;
	return false;
}

void
fold_clear(struct fold *f)
{
	HASH_CLEAR(hh, f->index);
	for (size_t i = 0; i < f->n_nets; i++)
		free(f->nets[i].sum.jail);
	free(f->nets);
	free(f->members);
	free(f->is_in);
	memset(f, 0, sizeof *f);
}

/* Which hosts belong together; group_of: by slot. */
static struct group *
groups_make(const struct view *v, struct group *room, uint32_t *group_of)
{
	struct group *groups = NULL, *g;
	uint32_t n = 0;
	struct addr net;

	for (size_t slot = 0; slot < v->n_host_slots; slot++) {
		const struct view_host *h = v->hosts[slot];
		group_of[slot] = NO_GROUP;
		if (h == NULL || !fold_net_of(&h->addr, &net) || is_own(v, &h->addr))
			continue;
		HASH_FIND(hh, groups, &net, sizeof net, g);
		if (g == NULL) {
			g = &room[n];
			g->net = net;
			g->order = n++;
			HASH_ADD(hh, groups, net, sizeof g->net, g);
		}
		g->count++;
		group_of[slot] = g->order;
	}
	return groups;
}

void
fold_build(struct fold *f, const struct view *v, char *const *marks, size_t n_marks)
{
	struct group *room, *groups, *g;
	uint32_t *group_of;
	struct addr a, net;
	size_t n_in = 0;

	fold_clear(f);
	if (v->n_hosts < FOLD_LEAST)
		return;
	room = xcalloc(v->n_hosts, sizeof *room);
	group_of = xcalloc(v->n_host_slots, sizeof *group_of);
	groups = groups_make(v, room, group_of);
	for (size_t i = 0; i < n_marks; i++)
		if (addr_parse(marks[i], &a) && fold_net_of(&a, &net)) {
			HASH_FIND(hh, groups, &net, sizeof net, g);
			if (g != NULL)
				g->stays = true;
		}
	for (g = groups; g != NULL; g = g->hh.next)
		if (g->count >= FOLD_LEAST && !g->stays)
			f->n_nets++;
	if (f->n_nets > 0) {
		f->nets = xcalloc(f->n_nets, sizeof *f->nets);
		size_t n = 0;
		for (g = groups; g != NULL; g = g->hh.next) {
			if (g->count < FOLD_LEAST || g->stays) {
				g->stays = true;
				continue;
			}
			struct fold_net *x = &f->nets[n++];
			x->sum.slot = NET_SLOT;
			x->sum.addr = g->net;
			addr_format(&g->net, x->text);
			x->sum.ip = x->text;
			x->first = g->at = n_in;
			x->count = g->count;
			n_in += g->count;
			HASH_ADD(hh, f->index, sum.addr, sizeof x->sum.addr, x);
		}
		f->n_in = n_in;
		f->n_slots = v->n_host_slots;
		f->members = xcalloc(n_in, sizeof *f->members);
		f->is_in = xcalloc(f->n_slots, sizeof *f->is_in);
		for (uint32_t slot = 0; slot < f->n_slots; slot++) {
			g = group_of[slot] != NO_GROUP ? &room[group_of[slot]] : NULL;
			if (g == NULL || g->stays)
				continue;
			f->members[g->at++] = slot;
			f->is_in[slot] = true;
		}
		fold_count(f, v);
	}
	HASH_CLEAR(hh, groups);
	free(group_of);
	free(room);
}

bool
fold_has(const struct fold *f, uint32_t slot)
{
	return slot < f->n_slots && f->is_in[slot];
}

const struct view_host *
fold_member(const struct fold *f, const struct fold_net *net, const struct view *v, size_t i)
{
	uint32_t slot = f->members[net->first + i];
	const struct view_host *h = slot < v->n_host_slots ? v->hosts[slot] : NULL;

	/* the slot may have a new owner since */
	return h != NULL && addr_is_host(&h->addr) && addr_contains(&net->sum.addr, &h->addr) ? h : NULL;
}

const struct fold_net *
fold_is_net(const struct view_host *row)
{
	return row->slot == NET_SLOT ? (const struct fold_net *)(const void *)row : NULL;
}

/* ---- sums ---- */
static void
net_count(struct fold *f, struct fold_net *x, const struct view *v)
{
	struct view_host *sum = &x->sum;
	const char *jail = "";
	int64_t fail = 0, per_min = 0, votes = 0;

	sum->total = 0;
	sum->first = sum->last = 0;
	x->hosts = x->banned = x->white = 0;
	x->is_mixed = x->is_near = x->is_banned = x->is_repeat = x->is_broken = false;
	for (size_t i = 0; i < x->count; i++) {
		const struct view_host *h = fold_member(f, x, v, i);
		if (h == NULL)
			continue;
		bool is_other = strcmp(jail, h->jail) != 0;
		x->is_mixed |= x->hosts > 0 && is_other;
		if (is_other && votes <= h->fail) { /* the jail that has the majority of failures wins in one pass */
			jail = h->jail;
			votes = h->fail - votes;
		} else {
			votes += is_other ? -h->fail : h->fail;
		}
		sum->first = x->hosts == 0 || h->first < sum->first ? h->first : sum->first;
		sum->last = x->hosts == 0 || h->last > sum->last ? h->last : sum->last;
		x->hosts++;
		fail += h->fail;
		per_min += h->per_min;
		sum->total += h->total;
		x->is_near |= h->max > 0 && h->fail + 1 >= h->max;
	}
	snprintf(x->lead, sizeof x->lead, "%s (%zu)", x->text, x->hosts);
	sum->fail = fail < INT_MAX ? (int)fail : INT_MAX;
	sum->per_min = per_min < INT_MAX ? (int)per_min : INT_MAX;
	if (sum->jail == NULL || strcmp(sum->jail, jail) != 0) {
		free(sum->jail);
		sum->jail = xstrdup(jail);
	}
}

static struct fold_net *
net_find(const struct fold *f, const struct addr *net)
{
	struct fold_net *x;

	HASH_FIND(hh, f->index, net, sizeof *net, x);
	return x;
}

/* The network in which that address is a folded host. */
static struct fold_net *
net_with(const struct fold *f, const struct view *v, const struct addr *a, const char *ip)
{
	struct addr net;
	struct fold_net *x = fold_net_of(a, &net) ? net_find(f, &net) : NULL;
	const struct view_host *h = x != NULL ? view_host(v, ip) : NULL;

	return h != NULL && fold_has(f, h->slot) ? x : NULL;
}

void
fold_count(struct fold *f, const struct view *v)
{
	struct fold_net *x;

	for (size_t i = 0; i < f->n_nets; i++)
		net_count(f, &f->nets[i], v);
	for (size_t i = 0; i < v->n_ban_slots && f->n_nets > 0; i++) {
		const struct view_ban *b = v->bans[i];
		size_t jail = 0;
		if (b == NULL || b->addr.family == 0)
			continue;
		bool is_broken = b->rule == VIEW_RULE_FAIL || b->rule == VIEW_RULE_NONE;
		if (!addr_is_host(&b->addr)) {
			if ((x = net_find(f, &b->addr)) != NULL) {
				x->is_banned = true;
				x->is_repeat |= b->is_repeat;
				x->is_broken |= is_broken;
			}
		} else if ((x = net_with(f, v, &b->addr, b->ip)) != NULL) {
			x->banned += view_ban_next(v, b->ip, &jail) == b; /* once, however many jails */
			x->is_broken |= is_broken;
		}
	}
	for (size_t i = 0; i < v->n_white && f->n_nets > 0; i++)
		if ((x = net_with(f, v, &v->white[i].addr, v->white[i].ip)) != NULL)
			x->white++;
}

struct fold_look
fold_look(const struct view *v, const struct addr *net)
{
	struct fold_look look = {0};

	for (size_t i = 0; i < v->n_host_slots; i++)
		look.hosts += v->hosts[i] != NULL && v->hosts[i]->addr.family != 0 && addr_contains(net, &v->hosts[i]->addr);
	for (size_t i = 0; i < v->n_ban_slots; i++)
		look.bans += v->bans[i] != NULL && v->bans[i]->addr.family != 0 && addr_contains(net, &v->bans[i]->addr);
	for (size_t i = 0; i < v->n_white; i++)
		look.white += v->white[i].addr.family != 0 && addr_contains(net, &v->white[i].addr);
	return look;
}
