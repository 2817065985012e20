#include "config/actionconf.h"

#include "base/spec.h"
#include "base/text.h"
#include "config/actionplan.h"
#include "config/definition.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define LOGGER "fail2ban.jailreader"
#define STEPS_MAX 200000 /* of matching one action's brackets */
#define DEPTH_MAX 2000   /* options in one action's brackets */

struct actionconf {
	char *jail, *name, *file;
	struct tree *tree;
	const struct ini *ini;
	struct definition *definition; /* NULL: a python action, or one with a plan */
	const struct actionplan *plan;
	struct opts given;             /* for the plan */
	struct spec spec;              /* as the jail wrote it */
	struct value *python;          /* the command that adds it */
};

/* ---- where an action ends ---- */

/* A list is split at white space outside of brackets; what is in them may hold quotes, lines and more brackets. */
struct splitter {
	const char *text;
	size_t len;
	int steps, depth;
};

#define NOWHERE ((size_t)-1)

static size_t match_options(struct splitter *s, size_t at);

static size_t
skip_space(const struct splitter *s, size_t at)
{
	for (size_t n; (n = spec_space(s->text + at, s->len - at)) != 0;)
		at += n;
	return at;
}

static bool
is_key_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.' || (c & 0x80) != 0;
}

/* Behind a value: a comma or "][" may follow, then more options. */
static size_t
match_rest(struct splitter *s, size_t at)
{
	size_t end = NOWHERE;

	at = skip_space(s, at);
	if (at < s->len && s->text[at] == ',')
		end = match_options(s, skip_space(s, at + 1));
	if (at < s->len && s->text[at] == ']') {
		size_t next = skip_space(s, at + 1);
		if (next < s->len && s->text[next] == '[')
			end = match_options(s, skip_space(s, next + 1));
	}
	return end != NOWHERE ? end : match_options(s, at);
}

/* From behind a '='. A quoted value is tried first, then one that ends at ',' or ']', then a shorter one. */
static size_t
match_value(struct splitter *s, size_t at)
{
	size_t run = at, end;

	if (++s->steps > STEPS_MAX)
		return NOWHERE;
	if (at < s->len && (s->text[at] == '"' || s->text[at] == '\'')) {
		const char *quote = memchr(s->text + at + 1, s->text[at], s->len - at - 1);
		if (quote != NULL && (end = match_rest(s, (size_t)(quote - s->text) + 1)) != NOWHERE)
			return end;
	}
	while (run < s->len && s->text[run] != ',' && s->text[run] != ']')
		run++;
	s->steps += (int)((run - at) / 64);
	if ((end = match_rest(s, run)) != NOWHERE)
		return end;
	/* a shorter value helps only if the next option has a quoted one */
	for (size_t p = run; p-- > at + 1 && s->steps <= STEPS_MAX;)
		if (s->text[p] == '=' && is_key_byte(s->text[p - 1]) && p + 1 < s->len &&
		    (s->text[p + 1] == '"' || s->text[p + 1] == '\'') && (end = match_value(s, p + 1)) != NOWHERE)
			return end;
	return NOWHERE;
}

/* Options and the closing bracket, behind which white space or the end must be. Returns where that is. */
static size_t
match_options(struct splitter *s, size_t at)
{
	size_t key = at, end;

	if (++s->steps > STEPS_MAX || s->depth >= DEPTH_MAX)
		return NOWHERE;
	while (key < s->len && is_key_byte(s->text[key]))
		key++;
	if (key > at && key < s->len && s->text[key] == '=') {
		s->depth++;
		end = match_value(s, key + 1);
		s->depth--;
		if (end != NOWHERE)
			return end;
	}
	if (at < s->len && s->text[at] == ']' && (at + 1 == s->len || spec_space(s->text + at + 1, s->len - at - 1) != 0))
		return at + 1;
	return NOWHERE;
}

bool
actionconf_next(const char **at, struct slice *out)
{
	struct splitter s = {.text = *at, .len = strlen(*at)};
	size_t start = skip_space(&s, 0), end = start;

	if (start == s.len)
		return false;
	while (end < s.len && s.text[end] != '[' && spec_space(s.text + end, s.len - end) == 0)
		end++;
	size_t open = skip_space(&s, end), close = NOWHERE;
	if (end > start && open < s.len && s.text[open] == '[')
		close = match_options(&s, skip_space(&s, open + 1));
	if (close != NOWHERE)
		end = close;
	else
		while (end < s.len && spec_space(s.text + end, s.len - end) == 0)
			end++;
	*out = (struct slice){s.text + start, end - start};
	*at = s.text + end;
	return true;
}

/* ---- one action ---- */

/* A string of JSON as Python writes it: ASCII only. */
static void
add_json(struct str *out, const char *text)
{
	str_addc(out, '"');
	for (size_t len = strlen(text); len != 0;) {
		uint32_t c;
		size_t n = text_decode(text, len, &c);
		if (n == 0)
			n = 1, c = 0xfffd;
		text += n;
		len -= n;
		if (c == '"' || c == '\\')
			str_addf(out, "\\%c", (char)c);
		else if (c == '\n' || c == '\r' || c == '\t' || c == '\b' || c == '\f')
			str_addf(out, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : c == '\b' ? 'b' : 'f');
		else if (c >= 0x10000)
			str_addf(out, "\\u%04x\\u%04x", (unsigned)(0xd800 + ((c - 0x10000) >> 10)),
			    (unsigned)(0xdc00 + ((c - 0x10000) & 0x3ff)));
		else if (c < 0x20 || c > 0x7e)
			str_addf(out, "\\u%04x", (unsigned)c);
		else
			str_addc(out, (char)c);
	}
	str_addc(out, '"');
}

static void
make_python(struct tree *t, struct actionconf *a, const struct spec *spec)
{
	struct str json = {0};
	const char *actname = spec_get(spec, "actname");

	a->name = actname != NULL ? xstrdup(actname) : xstrndup(spec->name, strlen(spec->name) - strlen(".py"));
	str_addc(&json, '{');
	for (size_t i = 0; i < spec->count; i++) {
		if (strcmp(spec->keys[i], "actname") == 0)
			continue;
		str_add(&json, json.len > 1 ? ", " : "");
		add_json(&json, spec->keys[i]);
		str_add(&json, ": ");
		add_json(&json, spec->values[i]);
	}
	str_addc(&json, '}');
	a->python = value_words("set", a->jail, "addaction", a->name, NULL);
	value_push(a->python, spec->name[0] == '/' ? value_str(spec->name)
	                                           : value_strf("%s/action.d/%s", t->dir, spec->name));
	value_push(a->python, value_strn(str_text(&json), json.len));
	str_done(&json);
}

/* The options in brackets, with name and actname, which are always there. */
static char *
given_options(struct tree *t, const char *jail, const struct spec *spec, struct opts *given)
{
	const char *name = spec_get(spec, "name"), *actname = spec_get(spec, "actname");
	char *text;

	opts_from_spec(given, t->arena, spec);
	if (name == NULL)
		opts_put(given, t->arena, "name", arena_strdup(t->arena, jail));
	if (actname != NULL)
		return xstrdup(actname);
	/* compat: another name makes another actname, so that an action can be used twice */
	if (name == NULL || strcmp(name, jail) == 0)
		text = xstrdup(spec->name);
	else if (str_starts(name, jail))
		text = xasprintf("%s%s", spec->name, name + strlen(jail));
	else
		text = xasprintf("%s-%s", spec->name, name);
	opts_put(given, t->arena, "actname", arena_strdup(t->arena, text));
	return text;
}

static enum actionconf_result
read_definition(struct tree *t, struct actionconf *a, const struct opts *jail_options, const struct spec *spec,
    struct str *why, struct err *err)
{
	struct opts given = {0};
	struct ini *ini;

	a->name = given_options(t, a->jail, spec, &given);
	bool is_path = spec->name[0] == '/' || str_starts(spec->name, "./");
	char *name = is_path ? xstrdup(spec->name) : xjoin("action.d/", spec->name, NULL);

	a->file = xstrdup(spec->name);
	enum tree_result found = tree_read(t, name, &ini, err);
	free(name);
	if (found != TREE_OK) {
		opts_done(&given);
		if (found == TREE_NONE) {
			str_add(why, "Unable to read action ");
			value_repr_str(spec->name, strlen(spec->name), why);
		}
		return found == TREE_NONE ? ACTIONCONF_BAD : ACTIONCONF_FAILED;
	}
	a->ini = ini;
	a->plan = actionplan_find(t, ini, &given);
	if (a->plan != NULL) {
		a->given = given;
		return ACTIONCONF_OK;
	}
	a->definition = definition_new(t, ini, options_action, &given);
	return definition_fetch(a->definition, jail_options, false, err) ? ACTIONCONF_OK : ACTIONCONF_FAILED;
}

enum actionconf_result
actionconf_read(struct tree *t, const char *jail, const struct opts *jail_options, struct slice text,
    struct actionconf **out, struct str *why, struct err *err)
{
	struct spec spec;
	struct err wrong;
	enum actionconf_result result = ACTIONCONF_OK;
	struct slice stripped = spec_strip(text);
	char *copy = xstrndup(stripped.at, stripped.len);

	*out = NULL;
	if (stripped.len == 0) {
		free(copy);
		return ACTIONCONF_OK;
	}
	if (!spec_parse(copy, &spec, &wrong)) {
		str_add(why, "Invalid action definition ");
		value_repr_str(copy, strlen(copy), why);
		str_addf(why, ": %s", wrong.text);
		free(copy);
		return ACTIONCONF_BAD;
	}
	struct actionconf *a = xcalloc(1, sizeof *a);
	a->jail = xstrdup(jail);
	a->tree = t;
	if (str_ends(spec.name, ".py")) {
		make_python(t, a, &spec);
		a->file = xstrdup(spec.name);
	} else {
		result = read_definition(t, a, jail_options, &spec, why, err);
		if (result == ACTIONCONF_FAILED)
			err_prefix(err, "jail '%s': error in action definition '%.200s'", jail, copy);
	}
	a->spec = spec;
	free(copy);
	if (result != ACTIONCONF_OK) {
		actionconf_free(a);
		return result;
	}
	*out = a;
	return result;
}

static struct value *
pair_of(const struct opt *o)
{
	if (o->kind == VALUE_STR)
		return value_words(o->key, o->text, NULL);
	struct value *pair = value_words(o->key, NULL);
	value_push(pair, opts_value(o));
	return pair;
}

/* compat: tags that only a ban gives a value are left alone */
static const char *const later[] = {"matches", "ipmatches", "ipjailmatches", "timeout", "bantime", NULL};

bool
actionconf_convert(struct actionconf *a, struct value *stream, struct err *err)
{
	struct opts all = {0}, sent = {0};

	if (a->python != NULL) {
		value_push(stream, value_dup(a->python));
		return true;
	}
	struct arena *texts = arena_new();
	if (a->plan != NULL) {
		actionplan_fill(a->plan, &a->given, texts, &sent);
		definition_convert(a->tree, options_action, &sent);
	} else if (definition_combine(a->definition, later, &all, err)) {
		actionplan_sent(&all, &a->definition->given, &sent);
		opts_done(&all);
	} else {
		arena_free(texts);
		return err_prefix(err, "jail '%s', action '%s'", a->jail, a->file);
	}
	struct value *pairs = value_list();
	for (size_t i = 0; i < sent.count; i++)
		value_push(pairs, pair_of(&sent.at[i]));
	opts_done(&sent);
	arena_free(texts);
	value_push(stream, value_words("set", a->jail, "addaction", a->name, NULL));
	struct value *command;
	if (value_count(pairs) > 1) {
		command = value_words("multi-set", a->jail, "action", a->name, NULL);
		value_push(command, pairs);
	} else {
		command = value_words("set", a->jail, "action", a->name, NULL);
		for (size_t i = 0; i < 2 && value_count(pairs) != 0; i++)
			value_push(command, value_dup(value_at(value_at(pairs, 0), i)));
		value_free(pairs);
	}
	value_push(stream, command);
	return true;
}

void
actionconf_free(struct actionconf *a)
{
	if (a == NULL)
		return;
	definition_free(a->definition);
	opts_done(&a->given);
	spec_done(&a->spec);
	value_free(a->python);
	free(a->jail);
	free(a->name);
	free(a->file);
	free(a);
}

const char *
actionconf_name(const struct actionconf *a)
{
	return a->name;
}

const char *
actionconf_file(const struct actionconf *a)
{
	return a->file;
}

const struct ini *
actionconf_ini(const struct actionconf *a)
{
	return a->ini;
}

bool
actionconf_is_given(const struct actionconf *a, const char *key)
{
	return spec_get(&a->spec, key) != NULL;
}
