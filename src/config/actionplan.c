#include "config/actionplan.h"

#include "config/definition.h"

#include <stdlib.h>
#include <string.h>

#define MARK '\002'    /* "\002<index of the value>\003" */
#define MARK_END '\003'

struct actionplan {
	char *key;         /* the action, the names in brackets, the values that are part of it */
	unsigned uses;     /* the first one is worked out as ever: most actions are used once */
	bool is_usable;
	struct opts sent;  /* texts with marks */
	UT_hash_handle hh;
};

/* compat: what later stages give a value, as in actionconf.c */
static const char *const later[] = {"matches", "ipmatches", "ipjailmatches", "timeout", "bantime", NULL};

static bool
is_opaque(const char *text)
{
	return strpbrk(text, "%<>\002\003") == NULL;
}

static char *
make_key(const struct ini *ini, const struct opts *given)
{
	struct str key = {0};

	str_addn(&key, (const char *)&ini, sizeof ini); /* an address may hold a NUL: the key has its length */
	for (size_t i = 0; i < given->count; i++) {
		str_addc(&key, '\001');
		str_add(&key, given->at[i].key);
		str_addc(&key, is_opaque(given->at[i].text) ? '=' : ':');
		if (!is_opaque(given->at[i].text))
			str_add(&key, given->at[i].text);
	}
	str_addc(&key, '\0');
	return str_take(&key);
}

static size_t
key_len(const char *key)
{
	return sizeof(struct ini *) + strlen(key + sizeof(struct ini *));
}

static void
make_plan(struct tree *t, const struct ini *ini, const struct opts *given, struct actionplan *plan)
{
	struct opts marked = {0};
	struct err ignored;
	struct arena *of_jail = t->arena;

	t->arena = t->plans_arena;

	for (size_t i = 0; i < given->count; i++)
		opts_put(&marked, t->arena, arena_strdup(t->arena, given->at[i].key),
		    is_opaque(given->at[i].text) ? arena_printf(t->arena, "%c%zu%c", MARK, i, MARK_END)
		                                 : arena_strdup(t->arena, given->at[i].text));
	struct definition *d = definition_new(t, ini, options_action, &marked);
	struct opts all = {0};
	t->probe = TREE_PROBE_ON;
	bool is_ok = d->own != NULL && definition_fetch(d, NULL, false, &ignored) &&
	    definition_substitute(d, later, &all, &ignored);
	plan->is_usable = is_ok && t->probe == TREE_PROBE_ON;
	t->probe = TREE_PROBE_OFF;
	if (plan->is_usable)
		actionplan_sent(&all, &d->given, &plan->sent);
	opts_done(&all);
	definition_free(d);
	t->arena = of_jail;
}

const struct actionplan *
actionplan_find(struct tree *t, const struct ini *ini, const struct opts *given)
{
	struct actionplan *plan;
	char *key = make_key(ini, given);

	HASH_FIND(hh, t->plans, key, key_len(key), plan);
	if (plan == NULL) {
		plan = xcalloc(1, sizeof *plan);
		plan->key = key;
		HASH_ADD_KEYPTR(hh, t->plans, plan->key, key_len(plan->key), plan);
	} else {
		free(key);
	}
	if (++plan->uses == 2)
		make_plan(t, ini, given, plan);
	return plan->is_usable ? plan : NULL;
}

/* A text with its marks replaced by the values; out: room to make it in. */
static const char *
fill(struct arena *arena, const char *text, const struct opts *given, struct str *out)
{
	const char *p = strchr(text, MARK);

	if (p == NULL)
		return text;
	str_clear(out);
	for (const char *from = text;; p = strchr(from, MARK)) {
		if (p == NULL) {
			str_add(out, from);
			break;
		}
		str_addn(out, from, (size_t)(p - from));
		size_t i = 0;
		for (from = p + 1; *from != MARK_END; from++)
			i = i * 10 + (size_t)(*from - '0');
		str_add(out, given->at[i].text);
		from++;
	}
	return arena_strndup(arena, str_text(out), out->len);
}

void
actionplan_fill(const struct actionplan *plan, const struct opts *given, struct arena *arena, struct opts *sent)
{
	struct str room = {0};

	opts_copy(sent, &plan->sent);
	for (size_t i = 0; i < sent->count; i++)
		sent->at[i].text = fill(arena, sent->at[i].text, given, &room);
	str_done(&room);
}

void
actionplan_sent(const struct opts *all, const struct opts *given, struct opts *sent)
{
	for (size_t i = 0; i < all->count; i++)
		if (option_find(options_action, all->at[i].key) != NULL)
			opts_add(sent, &all->at[i]);
	for (size_t i = 0; i < given->count; i++)
		if (option_find(options_action, given->at[i].key) == NULL && !str_starts(given->at[i].key, "known/"))
			opts_add(sent, &given->at[i]);
}

void
actionplan_free_all(struct tree *t)
{
	struct actionplan *plan, *next;

	HASH_ITER(hh, t->plans, plan, next)
	{
		HASH_DEL(t->plans, plan);
		opts_done(&plan->sent);
		free(plan->key);
		free(plan);
	}
}
