/*
 * jumps: which built-in chain leads to a chain or set, by what protocol and ports, and whether an earlier
 * rule accepts the same traffic first (then the bans behind it stop nobody).
 *
 * "Same traffic" is judged on protocol and destination ports. A rule with any other condition (interface,
 * source, connection state, …) lets only some of it by and is not counted. Rules of a chain that an earlier
 * unconditional jump leads to are looked at too (that is how front ends such as ufw are built).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firewall/model.h"

#define JUMPS_DEPTH 8
#define JUMPS_RANGES 32

/* What a rule asks of a packet. */
struct traffic {
	char protocol[32];  /* "": any */
	char text[128];     /* its ports as written; "": any */
	struct { unsigned from, to; } ports[JUMPS_RANGES];
	size_t n_ports;     /* 0: any */
	bool is_partial;    /* something else is asked too */
};

static void
read_ports(struct traffic *t, const char *text)
{
	snprintf(t->text, sizeof t->text, "%.127s", text);
	while (*text && t->n_ports < JUMPS_RANGES) {
		char *end;
		unsigned from = (unsigned)strtoul(text, &end, 10), to = from;

		if (end == text) {
			t->is_partial = true; /* a service name: iptables-save prints none */
			return;
		}
		if (*end == ':')
			to = (unsigned)strtoul(end + 1, &end, 10);
		t->ports[t->n_ports].from = from;
		t->ports[t->n_ports++].to = to;
		text = *end == ',' ? end + 1 : end;
		if (*end && *end != ',')
			return;
	}
}

/* Conditions that narrow nothing down for our purpose are skipped with their values. */
static struct traffic
read_traffic(const char *rule, const char *match_set)
{
	struct words w = { rule };
	struct traffic t = { .n_ports = 0 };
	char word[256];

	words_next(&w, word); /* -A */
	words_next(&w, word); /* its chain */
	while (words_next(&w, word)) {
		if (strcmp(word, "-j") == 0 || strcmp(word, "-g") == 0) {
			break;
		} else if (strcmp(word, "-p") == 0) {
			words_next(&w, word);
			snprintf(t.protocol, sizeof t.protocol, "%.31s", word);
		} else if (strcmp(word, "--dport") == 0 || strcmp(word, "--dports") == 0) {
			words_next(&w, word);
			read_ports(&t, word);
		} else if (strcmp(word, "-m") == 0) {
			words_next(&w, word);
			/* a module asks by its options, which come next, but for these */
			if (strcmp(word, "tcp") != 0 && strcmp(word, "udp") != 0 && strcmp(word, "multiport") != 0 &&
			    strcmp(word, "comment") != 0 && strcmp(word, "set") != 0)
				t.is_partial = true;
		} else if (strcmp(word, "--comment") == 0) {
			words_next(&w, word);
		} else if (match_set && strcmp(word, "--match-set") == 0) {
			words_next(&w, word);
			if (strcmp(word, match_set) != 0)
				t.is_partial = true;
			words_next(&w, word);
		} else {
			t.is_partial = true;
		}
	}
	return t;
}

/* Does some packet fit both? */
static bool
overlaps(const struct traffic *a, const struct traffic *b)
{
	if (*a->protocol && *b->protocol && strcmp(a->protocol, b->protocol) != 0)
		return false;
	if (!a->n_ports || !b->n_ports)
		return true;
	for (size_t i = 0; i < a->n_ports; i++) {
		for (size_t j = 0; j < b->n_ports; j++) {
			if (a->ports[i].from <= b->ports[j].to && b->ports[j].from <= a->ports[i].to)
				return true;
		}
	}
	return false;
}

/* The first of the rules before `end` that accepts what the jump is about. */
static const char *
find_shadow(const struct model *m, const struct fw_chain *c, size_t end, const struct traffic *jump, int depth)
{
	for (size_t i = 0; i < end; i++) {
		const struct fw_rule *r = &c->rules[i];
		struct model_chain *next;
		struct traffic t;
		bool accepts = strcmp(r->target, "ACCEPT") == 0;

		if (r->source.family || (!accepts && (depth >= JUMPS_DEPTH || !*r->target)))
			continue;
		next = accepts ? NULL : model_find(m, FW_CHAIN, c->family, c->table, r->target);
		if (!accepts && (!next || str_starts(r->target, "f2b-")))
			continue;
		t = read_traffic(r->text, NULL);
		if (t.is_partial || !overlaps(&t, jump))
			continue;
		if (accepts)
			return r->text;

		const char *shadow = find_shadow(m, &next->pub, next->pub.count, jump, depth + 1);

		if (shadow)
			return shadow;
	}
	return NULL;
}

static void
mark_reached(const struct model *m, struct model_chain *c, int depth)
{
	if (c->is_reached || depth > JUMPS_DEPTH)
		return;
	c->is_reached = true;
	for (size_t i = 0; i < c->pub.count; i++) {
		const char *target = c->pub.rules[i].target;
		struct model_chain *next;

		/* thousands of rules of one chain share their target's text */
		if (!*target || (i && target == c->pub.rules[i - 1].target))
			continue;
		next = model_find(m, FW_CHAIN, c->pub.family, c->pub.table, target);
		if (next)
			mark_reached(m, next, depth + 1);
	}
}

static void
add_jump(struct model *m, struct model_chain *to, const struct model_chain *from, size_t place, bool is_set)
{
	const struct fw_rule *r = &from->pub.rules[place];
	struct traffic t = read_traffic(r->text, is_set ? to->pub.name : NULL);
	const char *shadow = find_shadow(m, &from->pub, place, &t, 0);
	const char *text;

	if (*t.protocol)
		text = arena_printf(m->arena, "%s %s%s%s", from->pub.name, t.protocol, *t.text ? " " : "", t.text);
	else
		text = arena_printf(m->arena, "%s all", from->pub.name);
	if (!to->pub.from) {
		to->pub.from = text;
		to->pub.position = (unsigned)place + 1;
		to->pub.jump = FW_JUMP_OK;
	} else if (strlen(to->pub.from) < 64 && strcmp(to->pub.from, text) != 0) {
		to->pub.from = arena_printf(m->arena, "%s, %s", to->pub.from, text);
	}
	if (shadow) {
		to->pub.jump = FW_JUMP_SHADOWED;
		to->pub.shadow = shadow;
	}
	if (!is_set)
		return;
	/* what happens to the members, and how often, is this rule's to tell */
	to->is_reached = true;
	to->pub.pkts += r->pkts;
	to->pub.bytes += r->bytes;
	for (size_t i = 0; i < to->pub.count; i++)
		to->pub.rules[i].target = r->target;
}

void
jumps_find(struct model *m)
{
	for (size_t i = 0; i < m->count; i++) {
		if (m->chains[i]->pub.policy)
			mark_reached(m, m->chains[i], 0);
	}
	for (size_t i = 0; i < m->count; i++) {
		const struct model_chain *from = m->chains[i];

		if (from->pub.kind != FW_CHAIN || !from->is_reached)
			continue;
		for (size_t j = 0; j < from->pub.count; j++) {
			const struct fw_rule *r = &from->pub.rules[j];
			const char *set = strstr(r->text, "--match-set ");
			struct model_chain *to = NULL;

			if (*r->target && (!j || r->target != from->pub.rules[j - 1].target))
				to = model_find(m, FW_CHAIN, from->pub.family, from->pub.table, r->target);
			if (to)
				add_jump(m, to, from, j, false);
			if (set) {
				struct words w = { set + strlen("--match-set ") };
				char name[256];

				words_next(&w, name);
				to = model_find(m, FW_IPSET, from->pub.family, "", name);
				if (to)
					add_jump(m, to, from, j, true);
			}
		}
	}
}
