#include "config/definition.h"

#include "base/spec.h"
#include "config/interpolate.h"
#include "config/tags.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LOGGER "fail2ban.configreader"

struct definition *
definition_new(struct tree *t, const struct ini *ini, const struct option_row *rows, struct value *given)
{
	struct definition *d = xcalloc(1, sizeof *d);

	d->tree = t;
	d->ini = ini;
	d->rows = rows;
	d->given = given;
	d->options = value_dict();
	d->looked_up = ini_section_new("");
	return d;
}

void
definition_free(struct definition *d)
{
	if (d == NULL)
		return;
	value_free(d->given);
	value_free(d->options);
	for (int i = 0; i < d->rounds; i++)
		ini_section_free(d->vars[i]);
	ini_section_free(d->looked_up);
	free(d);
}

/* str(v) of each, under the name in lower case. */
static void
add_vars(struct ini_section *vars, const struct value *from)
{
	struct str name = {0}, text = {0};

	for (size_t i = 0; i < value_count(from); i++) {
		const struct value *key = from->seq.items[2 * i], *v = from->seq.items[2 * i + 1];
		str_clear(&name);
		str_clear(&text);
		ini_lower(value_text(key), key->text.len, &name);
		if (v->kind == VALUE_NONE)
			str_add(&text, interpolate_none);
		else
			value_to_text(v, &text);
		ini_put(vars, str_text(&name), str_text(&text), (struct ini_place){0});
	}
	str_done(&name);
	str_done(&text);
}

/* [Init]: what the brackets did not give, and all of it again as known/… */
static bool
fetch_init(struct definition *d, struct err *err)
{
	struct ini_section *init;

	HASH_FIND_STR(d->ini->sections, "Init", init);
	for (size_t i = 0; init != NULL && i < ini_count(init); i++) {
		const char *key = ini_key(init, i), *value;
		bool is_known = str_starts(key, "known/");
		if (strcmp(key, "__name__") == 0 || (is_known && value_get(d->given, key) != NULL))
			continue;
		if (config_get(d->tree, d->ini, "Init", key, NULL, &value, err) == GET_FAILED)
			return false;
		if (!is_known) {
			char *known = xasprintf("known/%s", key);
			value_put(d->given, known, value_str(value));
			free(known);
		}
		if (value_get(d->given, key) == NULL)
			value_put(d->given, key, value_str(value));
	}
	return true;
}

bool
definition_fetch(struct definition *d, const struct value *jail, bool all, struct err *err)
{
	struct ini_section *vars = ini_section_new("");
	struct ini_section *own;
	bool has_section = true;

	d->vars[d->rounds++] = vars;
	add_vars(vars, jail);
	add_vars(vars, d->given);
	value_free(d->options);
	d->options = value_dict();
	HASH_FIND_STR(d->ini->sections, "Definition", own);
	for (const struct option_row *row = d->rows; row->name != NULL; row++) {
		const char *value;
		if (value_get(jail, row->name) != NULL || value_get(d->given, row->name) != NULL)
			continue;
		switch (config_get(d->tree, d->ini, "Definition", row->name, vars, &value, err)) {
		case GET_OK:
			value_put(d->options, row->name, value_str(value));
			break;
		case GET_NO_SECTION:
			value_put(d->options, row->name, value_none());
			has_section = false;
			break;
		case GET_NO_OPTION:
			break;
		case GET_FAILED:
			return false;
		}
	}
	if (!has_section)
		tree_note(d->tree, LOG_LEVEL_ERROR, LOGGER, "No section: 'Definition'");
	if (!fetch_init(d, err))
		return false;
	for (size_t i = 0; all && own != NULL && i < ini_count(own); i++) {
		const char *key = ini_key(own, i), *value;
		if (strcmp(key, "__name__") == 0 || value_get(d->options, key) != NULL)
			continue;
		/* compat: without the jail's options and those in brackets */
		if (config_get(d->tree, d->ini, "Definition", key, NULL, &value, err) == GET_FAILED)
			return false;
		value_put(d->options, key, value_str(value));
	}
	return true;
}

/* A tag that the options do not hold: any option of [Definition] or [DEFAULT], or section/option. */
static const char *
look_up_tag(void *arg, const char *name, bool *is_ok, struct err *err)
{
	struct definition *d = arg;
	const char *value = ini_get(d->looked_up, name);

	if (value == NULL) {
		switch (config_get_ex(d->tree, d->ini, "Definition", name, d->vars[d->rounds - 1], &value, err)) {
		case GET_OK:
			break;
		case GET_NO_OPTION:
		case GET_NO_SECTION:
			value = interpolate_none;
			break;
		case GET_FAILED:
			*is_ok = false;
			return NULL;
		}
		ini_put(d->looked_up, name, value, (struct ini_place){0});
	}
	return strcmp(value, interpolate_none) == 0 ? NULL : value;
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
definition_combine(struct definition *d, const struct value *ignore, struct value **out, struct err *err)
{
	struct value *all = value_dup(d->options);
	struct value *left_out = ignore != NULL ? value_dup(ignore) : value_list();

	for (size_t i = 0; i < value_count(d->given); i++)
		value_put(all, value_text(d->given->seq.items[2 * i]), value_dup(d->given->seq.items[2 * i + 1]));
	for (size_t i = 0; i < value_count(all); i++) {
		const char *name = value_text(all->seq.items[2 * i]);
		size_t n = condition_at(name);
		if (n != 0)
			value_push(left_out, value_strn(name, n));
	}
	bool is_ok = tags_replace(d->tree, all, left_out, look_up_tag, d, err);
	value_free(left_out);
	if (!is_ok) {
		value_free(all);
		return false;
	}
	for (const struct option_row *row = d->rows; row->name != NULL; row++) {
		const char *text = value_text(value_get(all, row->name));
		if (text == NULL || (row->type != OPTION_BOOL && row->type != OPTION_INT))
			continue;
		bool is_wrong = false;
		struct value *v = definition_convert(row->type, text, &is_wrong);
		if (is_wrong)
			tree_note(d->tree, LOG_LEVEL_WARNING, LOGGER, "Wrong value '%s' for '%s': expected a whole number", text,
			    row->name);
		value_put(all, row->name, v);
	}
	*out = all;
	return true;
}

struct value *
definition_convert(enum option_type type, const char *text, bool *is_wrong)
{
	static const char *const yes[] = {"1", "on", "true", "yes"};
	struct str digits = {0};
	char *end;

	*is_wrong = false;
	if (type == OPTION_BOOL) {
		for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
			if (strcasecmp(text, yes[i]) == 0)
				return value_bool(true);
		return value_bool(false);
	}
	struct slice s = spec_strip(slice_of(text));
	size_t i = s.len != 0 && (s.at[0] == '-' || s.at[0] == '+');
	bool is_ok = i < s.len && isdigit((unsigned char)s.at[i]);
	str_addn(&digits, s.at, i);
	for (; is_ok && i < s.len; i++) { /* Python allows 1_000 */
		if (s.at[i] == '_' && i + 1 < s.len && isdigit((unsigned char)s.at[i + 1]))
			i++;
		is_ok = isdigit((unsigned char)s.at[i]) != 0;
		str_addc(&digits, s.at[i]);
	}
	errno = 0;
	long long n = strtoll(str_text(&digits), &end, 10);
	is_ok = is_ok && errno == 0;
	str_done(&digits);
	*is_wrong = !is_ok;
	return is_ok ? value_int(n) : value_none();
}
