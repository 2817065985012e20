#include "firewall/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct model *
model_new(void)
{
	struct model *m = xcalloc(1, sizeof *m);

	m->arena = arena_new();
	return m;
}

void
model_free(struct model *m)
{
	if (!m)
		return;
	HASH_CLEAR(hh, m->by_key);
	for (size_t i = 0; i < m->count; i++) {
		free(m->chains[i]->pub.rules);
		free(m->chains[i]->by_source);
	}
	for (size_t i = 0; i < m->n_texts; i++)
		free(m->texts[i]);
	free(m->texts);
	free(m->chains);
	arena_free(m->arena); /* the chains lie there */
	free(m);
}

char *
model_keep(struct model *m, const char *bytes, size_t len)
{
	m->texts = xreallocarray(m->texts, m->n_texts + 1, sizeof *m->texts);
	return m->texts[m->n_texts++] = xstrndup(bytes, len);
}

static void
make_key(char key[MODEL_KEY_MAX], enum fw_kind kind, uint8_t family, const char *table, const char *name)
{
	snprintf(key, MODEL_KEY_MAX, "%d %d %s %s", (int)kind, family, table, name);
}

struct model_chain *
model_find(const struct model *m, enum fw_kind kind, uint8_t family, const char *table, const char *name)
{
	char key[MODEL_KEY_MAX];
	struct model_chain *c;

	if (table) {
		make_key(key, kind, family, table, name);
		HASH_FIND_STR(m->by_key, key, c);
		return c;
	}
	for (size_t i = 0; i < m->count; i++) {
		c = m->chains[i];
		if (c->pub.kind == kind && c->pub.family == family && strcmp(c->pub.name, name) == 0)
			return c;
	}
	return NULL;
}

struct model_chain *
model_chain(struct model *m, enum fw_kind kind, uint8_t family, const char *table, const char *name)
{
	struct model_chain *c = model_find(m, kind, family, table, name);
	char key[MODEL_KEY_MAX];

	if (c)
		return c;
	make_key(key, kind, family, table, name);
	c = arena_alloc(m->arena, sizeof *c);
	c->key = arena_strdup(m->arena, key);
	c->pub.kind = kind;
	c->pub.family = family;
	c->pub.table = arena_strdup(m->arena, table);
	c->pub.name = arena_strdup(m->arena, name);
	c->pub.jump = FW_JUMP_MISSING;
	HASH_ADD_KEYPTR(hh, m->by_key, c->key, strlen(c->key), c);
	if (m->count == m->room) {
		m->room = m->room ? m->room * 2 : 16;
		m->chains = xreallocarray(m->chains, m->room, sizeof(*m->chains));
	}
	return m->chains[m->count++] = c;
}

struct fw_rule *
model_add(struct model_chain *c)
{
	struct fw_rule *r;

	if (c->pub.count == c->room) {
		c->room = c->room ? c->room * 2 : 8;
		c->pub.rules = xreallocarray(c->pub.rules, c->room, sizeof(*c->pub.rules));
	}
	r = &c->pub.rules[c->pub.count++];
	*r = (struct fw_rule){ .target = "", .text = "" };
	return r;
}

static int
compare_sources(const void *a, const void *b, void *arg)
{
	const struct fw_rule *rules = arg;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	int order = addr_compare(&rules[i].source, &rules[j].source);

	return order ? order : (i > j) - (i < j);
}

size_t
model_rule_of(struct model_chain *c, const struct addr *source)
{
	size_t low = 0, high;

	if (!c->by_source) {
		c->by_source = xreallocarray(NULL, c->pub.count + 1, sizeof(*c->by_source));
		for (size_t i = 0; i < c->pub.count; i++) {
			if (c->pub.rules[i].source.family)
				c->by_source[c->n_by_source++] = (uint32_t)i;
		}
		qsort_r(c->by_source, c->n_by_source, sizeof *c->by_source, compare_sources, c->pub.rules);
	}
	high = c->n_by_source;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (addr_compare(&c->pub.rules[c->by_source[middle]].source, source) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == c->n_by_source || !addr_equal(&c->pub.rules[c->by_source[low]].source, source))
		return SIZE_MAX;
	return c->by_source[low];
}

bool
words_next(struct words *w, char word[256])
{
	size_t len = 0;
	bool is_quoted = false, is_word = false;

	while (*w->at == ' ' || *w->at == '\t')
		w->at++;
	for (; *w->at && *w->at != '\n'; w->at++) {
		char c = *w->at;

		if (!is_quoted && (c == ' ' || c == '\t'))
			break;
		is_word = true;
		if (c == '"') {
			is_quoted = !is_quoted;
			continue;
		}
		if (c == '\\' && is_quoted && w->at[1])
			c = *++w->at;
		if (len < 255)
			word[len++] = c;
	}
	word[len] = '\0';
	return is_word;
}
