/*
 * rules: what iptables-save -c and ip6tables-save -c print -> chains and rules of the model.
 *
 * Chain names and comments are root's words, but root may have been talked into them: nothing here trusts
 * a length. A line that is not understood is left out.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "firewall/model.h"

/* "[12:720] " in front of a line; returns what follows. */
static char *
take_counters(char *line, uint64_t *pkts, uint64_t *bytes)
{
	char *end;

	*pkts = *bytes = 0;
	if (*line != '[')
		return line;
	*pkts = strtoull(line + 1, &end, 10);
	if (*end == ':')
		*bytes = strtoull(end + 1, &end, 10);
	if (*end++ != ']')
		return line;
	while (*end == ' ')
		end++;
	return end;
}

/* ":INPUT ACCEPT [0:0]" */
static void
read_chain(struct model *m, uint8_t family, const char *table, const char *line)
{
	struct words w = { line + 1 };
	char name[256], policy[256];
	struct model_chain *c;

	if (!words_next(&w, name) || !words_next(&w, policy))
		return;
	c = model_chain(m, FW_CHAIN, family, table, name);
	if (strcmp(policy, "-") != 0)
		c->pub.policy = arena_strdup(m->arena, policy);
}

/* Targets repeat: one copy of each run of equal ones. */
static const char *
keep_target(struct model *m, const struct model_chain *c, const char *target)
{
	if (c->pub.count > 1 && strcmp(c->pub.rules[c->pub.count - 2].target, target) == 0)
		return c->pub.rules[c->pub.count - 2].target;
	return arena_strdup(m->arena, target);
}

/* "-A f2b-sshd -s 203.0.113.7/32 -j REJECT --reject-with …" */
static void
read_rule(struct model *m, uint8_t family, const char *table, char *line, struct model_chain **last,
    uint64_t pkts, uint64_t bytes)
{
	struct words w = { line + 3 };
	char word[256];
	struct fw_rule *r;
	bool is_not = false;

	if (!words_next(&w, word))
		return;
	if (!*last || strcmp((*last)->pub.name, word) != 0 || strcmp((*last)->pub.table, table) != 0)
		*last = model_chain(m, FW_CHAIN, family, table, word);
	r = model_add(*last);
	r->text = line;
	r->pkts = pkts;
	r->bytes = bytes;
	(*last)->pub.pkts += pkts;
	(*last)->pub.bytes += bytes;
	while (words_next(&w, word)) {
		if (strcmp(word, "-s") == 0 && words_next(&w, word)) {
			if (!is_not && !addr_parse(word, &r->source))
				r->source = (struct addr){ 0 };
			/* 0.0.0.0/0 is not printed, but would be no ban */
			if (r->source.family && !r->source.prefix)
				r->source = (struct addr){ 0 };
		} else if (strcmp(word, "-j") == 0 || strcmp(word, "-g") == 0) {
			if (words_next(&w, word))
				r->target = keep_target(m, *last, word);
			return; /* the target's own options follow */
		}
		is_not = strcmp(word, "!") == 0;
	}
}

bool
rules_read(struct model *m, uint8_t family, char *text, struct err *err)
{
	char table[256] = "";
	struct model_chain *last = NULL;
	bool is_whole = false;
	char *next;

	for (char *line = text; *line; line = next) {
		uint64_t pkts, bytes;

		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		line = take_counters(line, &pkts, &bytes);
		if (*line == '*') {
			struct words w = { line + 1 };

			words_next(&w, table);
			is_whole = false;
		} else if (*line == ':') {
			read_chain(m, family, table, line);
		} else if (strncmp(line, "-A ", 3) == 0) {
			read_rule(m, family, table, line, &last, pkts, bytes);
		} else if (strcmp(line, "COMMIT") == 0) {
			is_whole = true;
		}
	}
	if (*table && !is_whole)
		return err_set(err, "the listing ends in the middle of table %s", table);
	return true;
}

size_t
rules_sets(const struct model *m, const char **names, size_t room)
{
	size_t count = 0;

	for (size_t i = 0; i < m->count; i++) {
		const struct fw_chain *c = &m->chains[i]->pub;

		for (size_t j = 0; c->kind == FW_CHAIN && j < c->count; j++) {
			const char *set = strstr(c->rules[j].text, "--match-set ");
			struct words w;
			char name[256], direction[256];
			bool is_known = false;

			if (!set)
				continue;
			w.at = set + strlen("--match-set ");
			if (!words_next(&w, name) || !words_next(&w, direction) || strcmp(direction, "src") != 0)
				continue;
			for (size_t k = 0; k < count; k++)
				is_known |= strcmp(names[k], name) == 0;
			if (!is_known && count < room)
				names[count++] = arena_strdup(m->arena, name);
		}
	}
	return count;
}
