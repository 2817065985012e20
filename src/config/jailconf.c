#include "config/jailconf.h"

#include "base/spec.h"
#include "base/version.h"
#include "config/actionconf.h"
#include "config/checks.h"
#include "config/definition.h"
#include "config/filterstream.h"
#include "config/interpolate.h"
#include "config/logglob.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOGGER "fail2ban.jailreader"

/* What is there without being set; NULL: nothing. */
static const char *
default_of(const char *name)
{
	switch (name[0]) {
	case 'a':
		return strcmp(name, "action") == 0 ? "" : NULL;
	case 'b':
		return strcmp(name, "backend") == 0 ? "auto" : NULL;
	case 'e':
		return strcmp(name, "enabled") == 0 ? "false" : NULL;
	case 'f':
		return strcmp(name, "filter") == 0 ? "" : NULL;
	default:
		return NULL;
	}
}

static bool
is_material(const struct option_row *row)
{
	return row->type == OPTION_MATERIAL;
}

/* compat: over what the file says */
void
jailconf_defaults(struct tree *t, struct ini *jails)
{
	ini_put(jails->defaults, "fail2ban_version", JAILTOP_COMPAT_VERSION, (struct ini_place){0});
	ini_put(jails->defaults, "fail2ban_confpath", t->dir, (struct ini_place){0});
}

/* Fetches the options of the table; first_only: those that decide whether to go on. */
static bool
fetch_options(struct jailconf *j, struct opts *out, bool first_only, struct err *err)
{
	char where[300];
	struct ini_section *own = ini_section(j->jails, j->name);

	if (own == NULL)
		return err_set(err, "No section: '%s'", j->name);
	for (const struct option_row *row = options_jail; row->name != NULL && !is_material(row); row++) {
		const char *text, *fallback = default_of(row->name);
		if (first_only && (fallback == NULL || row->name[0] == 'a'))
			continue;
		enum get_result r = config_get_from(j->tree, j->jails, own, row->name, NULL, &text, err);
		if (r == GET_FAILED)
			return false;
		if (r == GET_NO_OPTION) {
			if (fallback == NULL)
				continue;
			tree_note(j->tree, LOG_LEVEL_WARNING, "fail2ban.configreader", "'%s' not defined in '%s'. Using default one: '%s'",
			    row->name, j->name, fallback);
			text = fallback;
		}
		if (row->type != OPTION_BOOL && row->type != OPTION_INT) {
			opts_put(out, j->tree->arena, row->name, text);
		} else if (!definition_put(out, j->tree->arena, row->type, row->name, text)) {
			struct ini_place place = ini_place(own, row->name);
			if (place.file == 0)
				place = ini_place(j->jails->defaults, row->name);
			tree_note(j->tree, LOG_LEVEL_WARNING, "fail2ban.configreader",
			    "Wrong value '%s' for '%s' in '%s' (%s): expected a whole number. Using default one: 'None'", text,
			    row->name, j->name, tree_where(j->tree, place, where, sizeof where));
		}
	}
	return true;
}

static bool
is_enabled(const struct jailconf *j)
{
	const struct opt *o = opts_find(&j->first, "enabled");

	return o != NULL && o->number != 0;
}

/* What the filter says becomes known/… of the jail, so that %(known/failregex)s extends its list. */
static bool
add_known(struct jailconf *j, struct err *err)
{
	struct ini_section *own = ini_section(j->jails, j->name);
	struct opts *all = arena_alloc(j->tree->arena, sizeof *all), kept = {0};

	if (!definition_combine(j->filter, NULL, &kept, err))
		return err_prefix(err, "jail '%s', filter", j->name);
	/* compat: known/maxlines is a number, which no %(...)s takes, and None is nothing; they are no strings */
	*all = kept;
	all->at = arena_alloc(j->tree->arena, kept.count * sizeof *all->at);
	memcpy(all->at, kept.at, kept.count * sizeof *all->at);
	opts_done(&kept);
	own->known = all;
	return true;
}

static enum jailconf_result
read_filter(struct jailconf *j, const char *text, struct err *err)
{
	struct spec spec;
	struct err wrong;
	struct ini *ini;

	if (!spec_parse(text, &spec, &wrong)) {
		str_add(&j->why, "Invalid filter definition ");
		value_repr_str(text, strlen(text), &j->why);
		str_addf(&j->why, ": %s", wrong.text);
		return JAILCONF_BAD;
	}
	bool is_path = spec.name[0] == '/' || str_starts(spec.name, "./");
	char *name = is_path ? xstrdup(spec.name) : xjoin("filter.d/", spec.name, NULL);
	enum tree_result found = tree_read(j->tree, name, &ini, err);
	free(name);
	if (found != TREE_OK) {
		if (found == TREE_NONE) {
			str_add(&j->why, "Unable to read the filter ");
			value_repr_str(spec.name, strlen(spec.name), &j->why);
		}
		spec_done(&spec);
		return found == TREE_NONE ? JAILCONF_BAD : JAILCONF_FAILED;
	}
	struct opts given = {0};
	opts_from_spec(&given, j->tree->arena, &spec);
	j->filter = definition_new(j->tree, ini, options_filter, &given);
	spec_done(&spec);
	filterstream_imply(j->filter, opts_text(&j->first, "backend"));
	if (!definition_fetch(j->filter, &j->first, true, err)) {
		err_prefix(err, "jail '%s', filter '%.100s'", j->name, text);
		return JAILCONF_FAILED;
	}
	return add_known(j, err) ? JAILCONF_OK : JAILCONF_FAILED;
}

static enum jailconf_result
read_actions(struct jailconf *j, struct err *err)
{
	const char *at = opts_text(&j->options, "action");
	struct slice text;

	while (actionconf_next(&at, &text)) {
		struct actionconf *a;
		if (j->n_actions >= ACTIONCONF_MAX) {
			err_set(err, "jail '%s': more than %d actions", j->name, ACTIONCONF_MAX);
			return JAILCONF_FAILED;
		}
		enum actionconf_result r = actionconf_read(j->tree, j->name, &j->options, text, &a, &j->why, err);
		if (r != ACTIONCONF_OK)
			return r == ACTIONCONF_BAD ? JAILCONF_BAD : JAILCONF_FAILED;
		if (a == NULL)
			continue;
		j->actions = xreallocarray(j->actions, j->n_actions + 1, sizeof *j->actions);
		j->actions[j->n_actions++] = a;
	}
	if (j->n_actions == 0)
		tree_note(j->tree, LOG_LEVEL_WARNING, LOGGER, "No actions were defined for %s", j->name);
	return JAILCONF_OK;
}

enum jailconf_result
jailconf_load(struct jailconf *j, bool force_enable, struct err *err)
{
	if (!fetch_options(j, &j->first, true, err))
		return JAILCONF_FAILED;
	if (!force_enable && !is_enabled(j))
		return JAILCONF_OFF;
	const char *filter = opts_text(&j->first, "filter");
	if (filter[0] != '\0') {
		enum jailconf_result r = read_filter(j, filter, err);
		if (r != JAILCONF_OK)
			return r;
	} else {
		tree_note(j->tree, LOG_LEVEL_WARNING, LOGGER, "No filter set for jail %s", j->name);
	}
	if (!fetch_options(j, &j->options, false, err))
		return JAILCONF_FAILED;
	if (j->filter != NULL && !definition_fetch(j->filter, &j->options, false, err)) {
		err_prefix(err, "jail '%s', filter", j->name);
		return JAILCONF_FAILED;
	}
	if (j->tree->note != NULL)
		checks_jail(j->tree, j->jails, ini_section(j->jails, j->name), &j->options);
	return read_actions(j, err);
}

/* ---- commands ---- */

static void
add_ignoreip(struct jailconf *j, struct value *stream, const char *text)
{
	struct value *command = value_words("set", j->name, "addignoreip", NULL);

	for (const char *p = text; *p != '\0';) {
		size_t n = strcspn(p, " ,\n"); /* compat: a TAB does not separate */
		struct slice word = spec_strip((struct slice){p, n});
		if (word.len != 0)
			value_push(command, value_strn(word.at, word.len));
		p += n;
		p += strspn(p, " ,\n");
	}
	value_push(stream, command);
}

/* One line of logpath: a pattern, and behind its last blank "head" or "tail". */
static size_t
add_logs(struct jailconf *j, struct value *later, struct slice line, enum config_logs logs)
{
	const char *blank = memrchr(line.at, ' ', line.len);
	size_t n = 0;
	char *pattern = xstrndup(line.at, blank != NULL ? (size_t)(blank - line.at) : line.len);
	char *tail = blank != NULL ? xstrndup(blank + 1, line.len - (size_t)(blank + 1 - line.at)) : xstrdup("head");
	struct value *files = value_list();

	if (logs == CONFIG_LOGS_AWAITED && *pattern != '\0') {
		value_push(later, value_words("set", j->name, "addlogpath", pattern, tail, NULL));
		value_free(files);
		free(pattern);
		free(tail);
		return 1;
	}
	size_t found = logglob(pattern, JAILCONF_FILES_MAX, files);
	if (found > JAILCONF_FILES_MAX)
		tree_note(j->tree, LOG_LEVEL_ERROR, LOGGER, "%s: more than %d log files, the rest is left out", pattern,
		    JAILCONF_FILES_MAX);
	for (size_t i = 0; i < value_count(files); i++) {
		const char *path = value_text(value_at(files, i));
		if (access(path, F_OK) != 0) {
			tree_note(j->tree, LOG_LEVEL_WARNING, LOGGER, "File %s is a dangling link, thus cannot be monitored", path);
			continue;
		}
		n++;
		value_push(later, value_words("set", j->name, "addlogpath", path, tail, NULL));
	}
	if (n == 0)
		tree_note(j->tree, LOG_LEVEL_NOTICE, LOGGER, "No file(s) found for glob %s", pattern);
	value_free(files);
	free(pattern);
	free(tail);
	return n;
}

static bool
add_logpath(struct jailconf *j, struct value *later, const char *text, enum config_logs logs, struct err *err)
{
	size_t n = 0;

	for (const char *p = text; p != NULL;) {
		const char *end = strchrnul(p, '\n');
		n += add_logs(j, later, (struct slice){p, (size_t)(end - p)}, logs);
		p = *end != '\0' ? end + 1 : NULL;
	}
	if (n != 0)
		return true;
	if (logs == CONFIG_LOGS_NEEDED)
		return err_set(err, "Have not found any log file for %s jail (logpath: %.200s)", j->name, text);
	tree_note(j->tree, LOG_LEVEL_WARNING, LOGGER, "Have not found any log file for %s jail", j->name);
	return true;
}

static bool
is_of_filter(const char *name)
{
	return option_find(options_filter, name) != NULL || strcmp(name, "action") == 0 || strcmp(name, "filter") == 0 ||
	    strcmp(name, "enabled") == 0;
}

static bool
convert_jail(struct jailconf *j, enum config_logs logs, struct value *stream, struct err *err)
{
	struct value *own = value_list(), *later = value_list();
	const char *backend = opts_text(&j->options, "backend");
	bool is_ok = j->filter == NULL || filterstream_filter(own, j->filter, j->name, err);

	is_ok = is_ok && filterstream_fill(own, &j->options, j->name, err);
	for (size_t i = 0; is_ok && i < j->options.count; i++) {
		const struct opt *o = &j->options.at[i];
		const char *name = o->key;
		if (strcmp(name, "logpath") == 0) {
			if (!str_starts(backend, "systemd"))
				is_ok = add_logpath(j, later, o->text, logs, err);
		} else if (strcmp(name, "ignoreip") == 0) {
			add_ignoreip(j, own, o->text);
		} else if (strcmp(name, "backend") != 0 && !is_of_filter(name)) {
			struct value *command = value_words("set", j->name, name, NULL);
			value_push(command, opts_value(o));
			value_push(own, command);
		}
	}
	value_push(stream, value_words("add", j->name, backend, NULL));
	struct value *parts[] = {own, later};
	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < parts[k]->seq.count; i++)
			value_push(stream, parts[k]->seq.items[i]);
		parts[k]->seq.count = 0; /* they belong to the stream now */
		value_free(parts[k]);
	}
	for (size_t i = 0; is_ok && i < j->n_actions; i++)
		is_ok = actionconf_convert(j->actions[i], stream, err);
	return is_ok;
}

enum jailconf_result
jailconf_read(struct tree *t, struct ini *jails, const char *name, bool force_enable, enum config_logs logs,
    struct value *stream, struct err *err)
{
	struct jailconf j = {.tree = t, .jails = jails, .name = name};
	enum jailconf_result result = jailconf_load(&j, force_enable, err);

	if (result == JAILCONF_OK && !convert_jail(&j, logs, stream, err))
		result = JAILCONF_FAILED;
	if (result == JAILCONF_BAD) {
		tree_note(t, LOG_LEVEL_ERROR, LOGGER, "%s", str_text(&j.why));
		struct value *command = value_words("config-error", NULL);
		value_push(command, value_strf("Jail '%s' skipped, because of wrong configuration: %s", name, str_text(&j.why)));
		value_push(stream, command);
	}
	jailconf_done(&j);
	struct ini_section *own = ini_section(jails, name);
	if (own != NULL && !t->keeps_known) {
		own->known = NULL;
		arena_reset(t->arena);
	}
	return result;
}

void
jailconf_done(struct jailconf *j)
{
	for (size_t i = 0; i < j->n_actions; i++)
		actionconf_free(j->actions[i]);
	free(j->actions);
	definition_free(j->filter);
	opts_done(&j->first);
	opts_done(&j->options);
	str_done(&j->why);
}
