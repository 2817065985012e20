#include "config/stream.h"

#include "base/spec.h"
#include "base/text.h"
#include "config/actionconf.h"
#include "config/definition.h"
#include "config/jailconf.h"
#include "options.h"

#include <string.h>

#define NAME_COLS 24
#define VALUE_COLS 44

/* One row: the lines of a value below one another, the place behind the first. */
static void
add_row(struct str *out, const char *name, const char *value, const char *place)
{
	struct str clean = {0};
	const char *end = strchrnul(value, '\n');
	int lead = *end == '\0' || end != value ? 0 : 1; /* a value that begins on the next line */

	value += lead;
	for (bool is_first = true; is_first || value != NULL; is_first = false) {
		end = strchrnul(value, '\n');
		str_clear(&clean);
		text_clean(value, (size_t)(end - value), false, &clean);
		if (is_first && place[0] != '\0')
			str_addf(out, "  %-*s %-*s  %s\n", NAME_COLS, name, VALUE_COLS, str_text(&clean), place);
		else
			str_addf(out, "  %-*s %s\n", NAME_COLS, is_first ? name : "", str_text(&clean));
		value = *end != '\0' ? end + 1 : NULL;
		if (value == NULL)
			break;
	}
	str_done(&clean);
}

/* Where an option of a jail came from; the value that stands there when it is not what came out. */
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

static const char *
definition_place(const struct tree *t, const struct ini *ini, const struct opts *given, const char *key, char *text, size_t size)
{
	static const char *const sections[] = {"Definition", "Init"};

	for (size_t i = 0; i < 2; i++) {
		const struct ini_section *s = ini_section(ini, sections[i]);
		struct ini_place place = ini_place(s, key);
		if (place.file != 0 && (given == NULL || opts_find(given, key) == NULL || i == 1))
			return tree_where(t, place, text, size);
	}
	tree_where(t, ini_place(ini->defaults, key), text, size);
	if (text[0] == '\0')
		snprintf(text, size, "given by the jail");
	return text;
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

	if (j->filter == NULL)
		return true;
	if (!definition_combine(j->filter, NULL, &all, err))
		return false;
	str_addf(out, "\nFilter %s\n", opts_text(&j->options, "filter"));
	for (size_t i = 0; i < all.count; i++) {
		const struct opt *o = &all.at[i];
		if (o->kind != VALUE_NONE && !str_starts(o->key, "known/") && opts_find(&j->options, o->key) == NULL)
			add_row(out, o->key, o->text,
			    definition_place(j->tree, j->filter->ini, NULL, o->key, place, sizeof place));
	}
	opts_done(&all);
	return true;
}

static bool
explain_actions(const struct jailconf *j, struct str *out, struct err *err)
{
	char place[400];

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
			add_row(out, key, str_text(&text), definition_place(j->tree, ini, NULL, key, place, sizeof place));
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
		is_ok = explain_filter(&j, out, err) && explain_actions(&j, out, err);
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
