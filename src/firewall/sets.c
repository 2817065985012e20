/*
 * sets: `ipset save` and `nft -j list …` -> sets of the model, their members as rules.
 *
 * A set says nothing of what happens to its members: the rules that use it do, and the counters of those
 * rules are the set's. For ipsets jumps.c finds them; an nftables table comes with its rules.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "firewall/model.h"

bool
sets_read_ipset(struct model *m, char *text, struct err *err)
{
	struct model_chain *set = NULL;
	char *next;

	for (char *line = text; *line; line = next) {
		struct words w = { line };
		char verb[256], name[256], word[256];
		struct fw_rule *r;

		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		if (!words_next(&w, verb) || !words_next(&w, name))
			continue;
		if (strcmp(verb, "create") == 0) {
			uint8_t family = 4;

			while (words_next(&w, word)) {
				if (strcmp(word, "inet6") == 0)
					family = 6;
			}
			set = model_chain(m, FW_IPSET, family, "", name);
			continue;
		}
		if (strcmp(verb, "add") != 0 || !words_next(&w, word))
			continue;
		if (!set || strcmp(set->pub.name, name) != 0)
			return err_set(err, "ipset %s has members before it is created", name);
		r = model_add(set);
		r->text = line;
		word[strcspn(word, ",")] = '\0'; /* hash:ip,port and the like: the address leads */
		if (!addr_parse(word, &r->source))
			r->source = (struct addr){ 0 };
		while (words_next(&w, word)) {
			uint64_t *counter = strcmp(word, "packets") == 0 ? &r->pkts
			    : strcmp(word, "bytes") == 0                 ? &r->bytes
			                                                 : NULL;

			if (counter && words_next(&w, word))
				*counter = strtoull(word, NULL, 10);
		}
	}
	return true;
}

/* ---- nftables ---- */

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

size_t
sets_tables(const char *text, size_t len, char names[][256], size_t room)
{
	json_t *root = json_loadb(text, len, 0, NULL);
	const json_t *item;
	size_t i, count = 0;

	json_array_foreach (json_object_get(root, "nftables"), i, item) {
		const json_t *table = json_object_get(item, "table");
		const char *family = text_of(table, "family"), *name = text_of(table, "name");

		if (str_starts(name, "f2b") && count < room && strlen(name) < 240 && !strpbrk(name, " \t\n\"';{}"))
			snprintf(names[count++], 256, "%.8s %.240s", family, name);
	}
	json_decref(root);
	return count;
}

/* An element: "192.0.2.1", {"prefix": {"addr", "len"}}, or {"elem": {"val": …, "counter": …}}. */
static bool
read_element(struct model *m, const char *set, const json_t *element, struct fw_rule *r)
{
	const json_t *whole = json_object_get(element, "elem"), *prefix, *counter;
	char text[300];
	struct addr a;

	if (whole) {
		counter = json_object_get(whole, "counter");
		r->pkts = (uint64_t)json_integer_value(json_object_get(counter, "packets"));
		r->bytes = (uint64_t)json_integer_value(json_object_get(counter, "bytes"));
		element = json_object_get(whole, "val");
	}
	prefix = json_object_get(element, "prefix");
	if (prefix)
		snprintf(text, sizeof text, "%.200s/%d", text_of(prefix, "addr"),
		    (int)json_integer_value(json_object_get(prefix, "len")));
	else
		snprintf(text, sizeof text, "%.200s", json_is_string(element) ? json_string_value(element) : "");
	if (!addr_parse(text, &a))
		return false;
	r->source = a;
	addr_format(&a, text);
	r->text = arena_printf(m->arena, "%s { %s }", set, text);
	return true;
}

static void
read_set(struct model *m, const json_t *set)
{
	const char *type = text_of(set, "type"), *name = text_of(set, "name");
	uint8_t family = strcmp(type, "ipv6_addr") == 0 ? 6 : 4;
	struct model_chain *c;
	const json_t *element;
	size_t i;

	if (family == 4 && strcmp(type, "ipv4_addr") != 0)
		return;
	c = model_chain(m, FW_NFT_SET, family, text_of(set, "table"), name);
	json_array_foreach (json_object_get(set, "elem"), i, element) {
		struct fw_rule *r = model_add(c);

		if (!read_element(m, c->pub.name, element, r))
			c->pub.count--;
	}
}

/* What the statements of a rule say about the set that it tests the source with. */
struct use {
	const char *set;      /* without the @; NULL: none */
	const char *verdict;  /* "drop", "reject" … */
	char protocol[32];
	char ports[128];
	uint64_t pkts, bytes;
};

static void
add_port(struct use *u, const json_t *port)
{
	size_t len = strlen(u->ports), left = sizeof u->ports - len;
	const json_t *range = json_object_get(port, "range");
	const char *comma = len ? "," : "";

	if (json_is_integer(port))
		snprintf(u->ports + len, left, "%s%d", comma, (int)json_integer_value(port));
	else if (range)
		snprintf(u->ports + len, left, "%s%d:%d", comma, (int)json_integer_value(json_array_get(range, 0)),
		    (int)json_integer_value(json_array_get(range, 1)));
}

static void
read_match(struct use *u, const json_t *match)
{
	const json_t *left = json_object_get(match, "left"), *right = json_object_get(match, "right");
	const json_t *payload = json_object_get(left, "payload"), *port;
	const char *field = text_of(payload, "field");
	size_t i;

	if (strcmp(field, "saddr") == 0 && json_is_string(right) && *json_string_value(right) == '@')
		u->set = json_string_value(right) + 1;
	if (strcmp(text_of(json_object_get(left, "meta"), "key"), "l4proto") == 0 && json_is_string(right))
		snprintf(u->protocol, sizeof u->protocol, "%s", json_string_value(right));
	if (strcmp(field, "dport") != 0)
		return;
	snprintf(u->protocol, sizeof u->protocol, "%.31s", text_of(payload, "protocol"));
	add_port(u, right);
	json_array_foreach (json_object_get(right, "set"), i, port)
		add_port(u, port);
}

static void
read_use(struct model *m, const json_t *rule, const char *hook)
{
	struct use u = { .verdict = "" };
	json_t *statement, *value;
	const char *key;
	size_t i;

	json_array_foreach (json_object_get(rule, "expr"), i, statement) {
		json_object_foreach (statement, key, value) {
			if (strcmp(key, "match") == 0)
				read_match(&u, value);
			else if (strcmp(key, "counter") == 0) {
				u.pkts += (uint64_t)json_integer_value(json_object_get(value, "packets"));
				u.bytes += (uint64_t)json_integer_value(json_object_get(value, "bytes"));
			} else {
				u.verdict = key;
			}
		}
	}
	if (!u.set)
		return;

	const char *table = text_of(rule, "table");
	struct model_chain *c = model_find(m, FW_NFT_SET, 4, table, u.set);
	struct str from = { 0 };

	if (!c)
		c = model_find(m, FW_NFT_SET, 6, table, u.set);
	if (!c)
		return;
	c->pub.pkts += u.pkts;
	c->pub.bytes += u.bytes;
	str_addf(&from, "%s%s%s %s", hook, *u.protocol ? " " : "", u.protocol,
	    *u.ports ? u.ports : *u.protocol ? "" : "all");
	while (from.len && from.at[from.len - 1] == ' ')
		str_cut(&from, from.len - 1);
	if (!c->pub.from) {
		c->pub.from = arena_strdup(m->arena, str_text(&from));
		c->pub.jump = FW_JUMP_OK;
		c->is_reached = true;
	}
	str_done(&from);
	for (size_t j = 0; j < c->pub.count; j++) {
		if (!*c->pub.rules[j].target)
			c->pub.rules[j].target = j ? c->pub.rules[0].target : arena_strdup(m->arena, u.verdict);
	}
}

bool
sets_read_nft(struct model *m, const char *text, size_t len, struct err *err)
{
	json_error_t why;
	json_t *root = json_loadb(text, len, 0, &why);
	const json_t *item, *items = json_object_get(root, "nftables");
	size_t i, j;

	if (!root)
		return err_set(err, "nft printed no JSON: %s", why.text);
	json_array_foreach (items, i, item) {
		if (json_object_get(item, "set"))
			read_set(m, json_object_get(item, "set"));
	}
	json_array_foreach (items, i, item) {
		const json_t *rule = json_object_get(item, "rule"), *other;
		const char *hook = "";

		if (!rule)
			continue;
		/* a rule counts only where packets come by: in a chain with a hook */
		json_array_foreach (items, j, other) {
			const json_t *chain = json_object_get(other, "chain");

			if (chain && strcmp(text_of(chain, "name"), text_of(rule, "chain")) == 0)
				hook = text_of(chain, "hook");
		}
		if (*hook)
			read_use(m, rule, hook);
	}
	json_decref(root);
	return true;
}
