#include "config/stream.h"

#include "base/spec.h"
#include "base/text.h"
#include "config/actionconf.h"
#include "config/definition.h"
#include "config/interpolate.h"
#include "config/jailconf.h"
#include "options.h"

#include <string.h>

#define NAME_COLS 23
#define PLACE_COLS 36
#define GIVEN " in brackets"

/* One row: name, place, value; further lines of the value below its first. */
static void
add_row(struct str *out, const char *name, const char *value, const char *place)
{
	struct str clean = {0};

	if (value[0] == '\n') /* a value that begins on the next line */
		value++;
	for (const char *end;; value = end + 1) {
		end = strchrnul(value, '\n');
		str_clear(&clean);
		text_clean(value, (size_t)(end - value), false, &clean);
		str_addf(out, "  %-*s  %-*s  %s\n", NAME_COLS, name, PLACE_COLS, place, str_text(&clean));
		name = place = "";
		if (*end == '\0')
			break;
	}
	str_done(&clean);
}

/* Where an option of a jail came from. */
static const char *
jail_place(const struct jailconf *j, const char *key, char *text, size_t size)
{
	struct ini_place place = ini_place(ini_section(j->jails, j->name), key);
	const char *note = "";

	if (place.file == 0) {
		place = ini_place(j->jails->defaults, key);
		note = " [DEFAULT]";
	}
	if (tree_where(j->tree, place, text, size)[0] == '\0')
		snprintf(text, size, "built in");
	else
		strncat(text, note, size - strlen(text) - 1);
	return text;
}

/* Where an option of a filter or action came from; in_brackets: where the jail gives those. */
static const char *
definition_place(const struct tree *t, const struct ini *ini, bool is_given, const char *in_brackets, const char *key,
    char *text, size_t size)
{
	static const char *const sections[] = {"Definition", "Init"};

	if (is_given) {
		snprintf(text, size, "%s" GIVEN, in_brackets);
		return text;
	}
	for (size_t i = 0; i < 2; i++) {
		struct ini_place place = ini_place(ini_section(ini, sections[i]), key);
		if (place.file != 0)
			return tree_where(t, place, text, size);
	}
	if (tree_where(t, ini_place(ini->defaults, key), text, size)[0] == '\0')
		snprintf(text, size, "implied");
	return text;
}

/* What only stands there to be used by %(…)s. */
static bool
explain_material(const struct jailconf *j, struct str *out, struct err *err)
{
	const struct ini_section *own = ini_section(j->jails, j->name);
	char place[400];

	for (size_t i = 0; i < ini_count(own); i++) {
		const char *key = ini_key(own, i), *value;
		if (opts_find(&j->options, key) != NULL || ini_place(own, key).file == 0)
			continue;
		enum get_result r = config_get(j->tree, j->jails, j->name, key, NULL, &value, err);
		if (r == GET_FAILED)
			return false;
		if (r == GET_OK)
			add_row(out, key, value, jail_place(j, key, place, sizeof place));
	}
	return true;
}

static void
explain_options(const struct jailconf *j, struct str *out)
{
	char place[400];

	for (const struct option_row *row = options_jail; row->name != NULL && row->type != OPTION_MATERIAL; row++) {
		const struct opt *o = opts_find(&j->options, row->name);
		if (o != NULL)
			add_row(out, row->name, o->kind == VALUE_NONE ? "None" : o->kind == VALUE_BOOL ? (o->number ? "true" : "false") : o->text,
			    jail_place(j, row->name, place, sizeof place));
		else if (row->fallback != NULL && option_find(options_filter, row->name) == NULL)
			add_row(out, row->name, row->fallback, "built in");
	}
}

static bool
explain_filter(const struct jailconf *j, struct str *out, struct err *err)
{
	struct opts all = {0};
	char place[400];

	struct spec spec;
	char brackets[400];

	if (j->filter == NULL || !spec_parse(opts_text(&j->options, "filter"), &spec, err))
		return true;
	if (!definition_combine(j->filter, NULL, &all, err)) {
		spec_done(&spec);
		return false;
	}
	jail_place(j, "filter", brackets, sizeof brackets);
	str_addf(out, "\nFilter %s\n", opts_text(&j->options, "filter"));
	for (size_t i = 0; i < all.count; i++) {
		const struct opt *o = &all.at[i];
		if (o->kind != VALUE_NONE && !str_starts(o->key, "known/") && opts_find(&j->options, o->key) == NULL)
			add_row(out, o->key, o->text,
			    definition_place(j->tree, j->filter->ini, spec_get(&spec, o->key) != NULL, brackets, o->key, place,
			        sizeof place));
	}
	spec_done(&spec);
	opts_done(&all);
	return true;
}

static bool
explain_actions(const struct jailconf *j, struct str *out, struct err *err)
{
	char place[400], brackets[400];

	jail_place(j, "action", brackets, sizeof brackets);
	for (size_t i = 0; i < j->n_actions; i++) {
		struct value *stream = value_list();
		if (!actionconf_convert(j->actions[i], stream, err)) {
			value_free(stream);
			return false;
		}
		const struct ini *ini = actionconf_ini(j->actions[i]);
		str_addf(out, "\nAction %s (%s)\n", actionconf_name(j->actions[i]), actionconf_file(j->actions[i]));
		const struct value *pairs = value_at(value_at(stream, 1), 4);
		for (size_t k = 0; ini != NULL && k < value_count(pairs); k++) {
			struct str text = {0};
			value_to_text(value_at(value_at(pairs, k), 1), &text);
			const char *key = value_text(value_at(value_at(pairs, k), 0));
			bool is_given = actionconf_is_given(j->actions[i], key);
			bool is_implied = !is_given && (strcmp(key, "name") == 0 || strcmp(key, "actname") == 0);
			add_row(out, key, str_text(&text), is_implied ? "implied" : definition_place(j->tree, ini, is_given, brackets, key, place, sizeof place));
			str_done(&text);
		}
		value_free(stream);
	}
	return true;
}

static bool
fail_unknown(const struct ini *jails, const char *name, struct err *err)
{
	const char *near = NULL;
	int least = 4;

	for (const struct ini_section *s = jails->sections; s != NULL; s = s->hh.next) {
		int d = str_distance(s->name, name);
		if (d < least && !str_starts(s->name, "KNOWN/"))
			least = d, near = s->name;
	}
	return err_set(err, "there is no jail '%s'%s%s%s", name, near != NULL ? "; did you mean " : "", near != NULL ? near : "",
	    near != NULL ? "?" : "");
}

static bool
explain(struct tree *t, struct ini *jails, const char *name, struct str *out, struct err *err)
{
	struct jailconf j = {.tree = t, .jails = jails, .name = name};
	struct ini_section *own;
	bool is_ok = false;

	HASH_FIND_STR(jails->sections, name, own);
	if (own == NULL || str_starts(name, "KNOWN/") || strcmp(name, "INCLUDES") == 0)
		return fail_unknown(jails, name, err);
	jailconf_defaults(t, jails);
	switch (jailconf_load(&j, true, err)) {
	case JAILCONF_BAD:
		err_set(err, "jail '%s': %s", name, str_text(&j.why));
		break;
	case JAILCONF_OK:
	case JAILCONF_OFF:
		str_addf(out, "Jail %s, %s\n", name, opts_find(&j.first, "enabled")->number ? "enabled" : "not enabled");
		explain_options(&j, out);
		is_ok = explain_material(&j, out, err) && explain_filter(&j, out, err) && explain_actions(&j, out, err);
		break;
	case JAILCONF_FAILED:
		break;
	}
	jailconf_done(&j);
	return is_ok;
}

bool
config_explain(const struct config_request *req, const char *jail, struct str *out, struct err *err)
{
	struct tree *t = tree_new(config_default_dir(req->dir), req->note, req->arg, err);
	struct ini *jails;
	bool is_ok = false;

	if (t != NULL && tree_read(t, "jail", &jails, err) != TREE_FAILED)
		is_ok = explain(t, jails, jail, out, err);
	tree_free(t);
	return is_ok;
}
