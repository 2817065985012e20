#include "config/definition.h"

#include "base/spec.h"
#include "config/checks.h"
#include "config/interpolate.h"
#include "config/tags.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LOGGER "fail2ban.configreader"

struct definition *
definition_new(struct tree *t, const struct ini *ini, const struct option_row *rows, struct opts *given)
{
	struct definition *d = xcalloc(1, sizeof *d);

	d->tree = t;
	d->ini = ini;
	d->rows = rows;
	HASH_FIND_STR(ini->sections, "Definition", d->own);
	d->given = *given;
	*given = (struct opts){0};
	return d;
}

void
definition_free(struct definition *d)
{
	if (d == NULL)
		return;
	opts_done(&d->given);
	opts_done(&d->options);
	opts_done(&d->looked_up);
	free(d);
}

/* compat: a condition with capitals makes names that are never found, which is the end of it all */
static bool
fetch_own(struct definition *d, const struct ini_section *s, const char *key, const char **value, struct err *err)
{
	enum get_result r = opts_is_lower(key) ? config_get_from(d->tree, d->ini, s, key, NULL, value, err)
	                                       : config_get(d->tree, d->ini, s->name, key, NULL, value, err);

	return r == GET_OK || (r != GET_FAILED &&
	    err_set(err, "no option '%s' in section [%s]: a condition must be in lower case", key, s->name));
}

/* [Init]: what the brackets did not give, and all of it again as known/… */
static bool
fetch_init(struct definition *d, struct err *err)
{
	struct ini_section *init;
	struct arena *arena = d->tree->arena;

	HASH_FIND_STR(d->ini->sections, "Init", init);
	for (size_t i = 0; init != NULL && i < ini_count(init); i++) {
		const char *key = ini_key(init, i), *value;
		bool is_known = str_starts(key, "known/"), is_given = opts_find(&d->given, key) != NULL;
		if (strcmp(key, "__name__") == 0 || (is_known && is_given))
			continue;
		if (!fetch_own(d, init, key, &value, err))
			return false;
		if (!is_known)
			opts_put(&d->given, arena, arena_join(arena, "known/", key, NULL), value);
		if (!is_given)
			opts_put(&d->given, arena, key, value);
	}
	return true;
}

/* compat: without the jail's options and those in brackets */
static bool
fetch_rest(struct definition *d, const struct ini_section *own, struct err *err)
{
	for (size_t i = 0; own != NULL && i < ini_count(own); i++) {
		const char *key = ini_key(own, i), *value;
		if (strcmp(key, "__name__") == 0 || opts_find(&d->options, key) != NULL)
			continue;
		if (!fetch_own(d, own, key, &value, err))
			return false;
		opts_put(&d->options, d->tree->arena, key, value);
	}
	return true;
}

bool
definition_fetch(struct definition *d, const struct opts *jail, bool all, struct err *err)
{
	static const struct opts nothing;
	const struct ini_section *own = d->own;
	struct interpolate_vars vars = {&d->given, d->given.count, jail};

	bool is_first = d->jail == NULL;
	d->jail = jail != NULL ? jail : &nothing;
	d->n_given = d->given.count;
	opts_done(&d->options);
	for (const struct option_row *row = d->rows; row->name != NULL; row++) {
		const char *value;
		if (opts_find(d->jail, row->name) != NULL || opts_find(&d->given, row->name) != NULL)
			continue;
		if (own == NULL) {
			opts_put_none(&d->options, d->tree->arena, row->name);
			continue;
		}
		enum get_result r = config_get_from(d->tree, d->ini, own, row->name, &vars, &value, err);
		if (r == GET_FAILED)
			return false;
		if (r == GET_OK)
			opts_put(&d->options, d->tree->arena, row->name, value);
	}
	if (is_first && d->tree->note != NULL && d->tree->probe == TREE_PROBE_OFF && tree_is_new(d->tree, d->ini))
		checks_definition(d->tree, d->ini, d->rows);
	if (own == NULL)
		tree_note(d->tree, LOG_LEVEL_ERROR, LOGGER, "No section: 'Definition'");
	return fetch_init(d, err) && (!all || fetch_rest(d, own, err));
}

/* The usual case, <ip> and <HOST> and their like: no option has that name, and it is none of a section. */
static bool
is_nobodys(const struct definition *d, const char *name)
{
	char lower[64];
	size_t len = 0;

	for (; name[len] != '\0'; len++) {
		if (len + 1 == sizeof lower || (name[len] & 0x80) != 0 || (name[len] == '/' && len != 0))
			return false;
		lower[len] = (char)(name[len] >= 'A' && name[len] <= 'Z' ? name[len] + ('a' - 'A') : name[len]);
	}
	lower[len] = '\0';
	uint32_t hash = opts_hash(lower);
	return opts_find_lower(&d->given, d->n_given, lower, hash) == NULL &&
	    opts_find_lower(d->jail, d->jail->count, lower, hash) == NULL && ini_get_either(d->own, d->ini->defaults, lower) == NULL;
}

/* A tag that the options do not hold: any option of [Definition] or [DEFAULT], or section/option. */
static const char *
look_up_tag(void *arg, const char *name, uint32_t hash, bool *is_ok, struct err *err)
{
	struct definition *d = arg;
	struct interpolate_vars vars = {&d->given, d->n_given, d->jail};
	const struct opt *known = opts_find_hashed(&d->looked_up, name, hash);
	const char *value = opts_none;

	if (d->tree->probe != TREE_PROBE_OFF)
		interpolate_probe(d->tree, name);
	if (known != NULL)
		return known->text == opts_none ? NULL : known->text;
	/* compat: every answer is kept; among very many it takes long to find one */
	if (!tree_spend(d->tree, d->looked_up.count, err)) {
		*is_ok = false;
		return NULL;
	}
	if (!is_nobodys(d, name) &&
	    config_get_ex(d->tree, d->ini, "Definition", name, &vars, &value, err) == GET_FAILED) {
		*is_ok = false;
		return NULL;
	}
	/* only ever found by its name as it is written */
	const char *key = arena_strdup(d->tree->arena, name);
	opts_add(&d->looked_up, &(struct opt){.key = key, .lower = key, .text = value, .hash = hash, .lower_hash = hash});
	return value == opts_none ? NULL : value;
}

/* "word?cond": what stands before the '?'; 0: it is no such name. */
static size_t
condition_at(const char *name)
{
	size_t n = 0;

	while (isalnum((unsigned char)name[n]) || name[n] == '_' || (name[n] & 0x80) != 0)
		n++;
	return n != 0 && name[n] == '?' && name[n + 1] != '\0' ? n : 0;
}

bool
definition_substitute(struct definition *d, const char *const *ignore, struct opts *out, struct err *err)
{
	static const char *const nothing[] = {NULL};
	struct arena *arena = d->tree->arena;
	const char *const *left_out = ignore != NULL ? ignore : nothing;
	const char **own = NULL;
	size_t n = 0;

	opts_copy(out, &d->options);
	for (size_t i = 0; i < d->given.count; i++)
		opts_put_text(out, &d->given.at[i]);
	for (size_t i = 0; i < out->count; i++) {
		size_t len = condition_at(out->at[i].key);
		if (len == 0)
			continue;
		if (own == NULL) {
			own = xcalloc(out->count + 32, sizeof *own);
			for (; n < 16 && left_out[n] != NULL; n++)
				own[n] = left_out[n];
		}
		own[n++] = arena_strndup(arena, out->at[i].key, len);
	}
	bool is_ok = tags_replace(d->tree, out, own != NULL ? own : left_out, look_up_tag, d, err);
	free(own);
	if (!is_ok)
		opts_done(out);
	return is_ok;
}

void
definition_convert(struct tree *t, const struct option_row *rows, struct opts *o)
{
	for (const struct option_row *row = rows; row->name != NULL; row++) {
		if (row->type != OPTION_BOOL && row->type != OPTION_INT)
			continue;
		const char *text = opts_text(o, row->name);
		if (text != NULL && !definition_put(o, t->arena, row->type, row->name, text))
			tree_note(t, LOG_LEVEL_WARNING, LOGGER, "Wrong value '%s' for '%s': expected a whole number", text, row->name);
	}
}

bool
definition_combine(struct definition *d, const char *const *ignore, struct opts *out, struct err *err)
{
	if (!definition_substitute(d, ignore, out, err))
		return false;
	definition_convert(d->tree, d->rows, out);
	return true;
}

bool
definition_put(struct opts *o, struct arena *a, enum option_type type, const char *key, const char *text)
{
	static const char *const yes[] = {"1", "on", "true", "yes"};
	bool truth = false;

	if (type == OPTION_BOOL) {
		for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
			truth |= strcasecmp(text, yes[i]) == 0;
		opts_put_bool(o, a, key, truth);
		return true;
	}
	struct slice s = spec_strip(slice_of(text));
	size_t i = s.len != 0 && (s.at[0] == '-' || s.at[0] == '+');
	bool is_ok = i < s.len && isdigit((unsigned char)s.at[i]), is_negative = i != 0 && s.at[0] == '-';
	int64_t n = 0;
	for (; is_ok && i < s.len; i++) { /* Python allows 1_000 */
		if (s.at[i] == '_' && i + 1 < s.len && isdigit((unsigned char)s.at[i + 1]))
			i++;
		int digit = s.at[i] - '0';
		is_ok = isdigit((unsigned char)s.at[i]) && !__builtin_mul_overflow(n, 10, &n) &&
		    !__builtin_add_overflow(n, is_negative ? -digit : digit, &n);
	}
	if (is_ok)
		opts_put_int(o, a, key, n);
	else
		opts_put_none(o, a, key);
	return is_ok;
}
