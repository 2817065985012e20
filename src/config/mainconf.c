#include "config/mainconf.h"

#include "config/checks.h"
#include "config/definition.h"
#include "config/interpolate.h"

#include <stdlib.h>
#include <string.h>

#define LOGGER "fail2ban.configreader"

/* An option of [Definition]; fallback NULL: it may be missing. *out NULL: it is. */
static bool
fetch(struct tree *t, struct ini *ini, const char *name, const char *fallback, const char **out, struct err *err)
{
	switch (config_get(t, ini, "Definition", name, NULL, out, err)) {
	case GET_OK:
		return true;
	case GET_FAILED:
		return false;
	case GET_NO_OPTION:
		if (fallback != NULL)
			tree_note(t, LOG_LEVEL_WARNING, LOGGER, "'%s' not defined in 'Definition'. Using default one: '%s'", name,
			    fallback);
		break;
	case GET_NO_SECTION:
		break;
	}
	*out = fallback;
	return true;
}

static bool
fetch_path(struct tree *t, struct ini *ini, const char *name, const char *over, char **out, struct err *err)
{
	const char *text = over;

	if (text == NULL && !fetch(t, ini, name, option_find(options_main, name)->fallback, &text, err))
		return false;
	*out = xstrdup(text);
	return true;
}

bool
mainconf_read(struct tree *t, const struct config_overrides *over, struct config_paths *out, struct err *err)
{
	struct ini *ini;
	struct ini_section *own;

	*out = (struct config_paths){0};
	if (tree_read(t, "fail2ban", &ini, err) == TREE_FAILED)
		return false;
	HASH_FIND_STR(ini->sections, "Definition", own);
	if (own == NULL)
		tree_note(t, LOG_LEVEL_ERROR, LOGGER, "No section: 'Definition'");
	const char *dbfile;
	bool is_ok = fetch_path(t, ini, "socket", over->socket, &out->socket, err) &&
	    fetch_path(t, ini, "pidfile", over->pidfile, &out->pidfile, err) &&
	    fetch_path(t, ini, "loglevel", over->loglevel, &out->loglevel, err) &&
	    fetch_path(t, ini, "logtarget", over->logtarget, &out->logtarget, err) &&
	    fetch_path(t, ini, "syslogsocket", over->syslogsocket, &out->syslogsocket, err);
	if (is_ok && config_get(t, ini, "Definition", "dbfile", NULL, &dbfile, err) == GET_OK)
		out->dbfile = xstrdup(dbfile);
	else if (is_ok)
		out->dbfile = xstrdup(option_find(options_main, "dbfile")->fallback);
	struct {
		const char *name;
		char **out;
	} ours[] = {{"monitorsocket", &out->monitorsocket}, {"monitorgroup", &out->monitorgroup}};
	for (size_t i = 0; is_ok && i < sizeof ours / sizeof *ours; i++) {
		const char *text;
		enum get_result r = config_get(t, ini, "Definition", ours[i].name, NULL, &text, err);
		is_ok = r != GET_FAILED;
		if (r == GET_OK && *text != '\0')
			*ours[i].out = xstrdup(text);
	}
	if (is_ok && log_level_parse(out->loglevel) < 0 && strcasecmp(out->loglevel, "NOTSET") != 0) {
		char where[300];
		const char *near = option_nearest((const struct option_row[]){{.name = "CRITICAL"}, {.name = "ERROR"},
		    {.name = "WARNING"}, {.name = "NOTICE"}, {.name = "INFO"}, {.name = "DEBUG"}, {0}}, out->loglevel);
		tree_where(t, over->loglevel != NULL ? (struct ini_place){0} : ini_place(own, "loglevel"), where, sizeof where);
		is_ok = err_set(err, "Invalid log level '%s'%s%s%s%s%s%s", out->loglevel, where[0] != '\0' ? " (" : "", where,
		    where[0] != '\0' ? ")" : "", near != NULL ? ", did you mean " : "", near != NULL ? near : "", near != NULL ? "?" : "");
	}
	if (!is_ok)
		config_paths_done(out);
	return is_ok;
}

static void
push_set(struct value *stream, const char *name, struct value *v)
{
	struct value *command = value_words("set", name, NULL);

	value_push(command, v);
	value_push(stream, command);
}

static struct value *
whole_number(struct tree *t, const struct ini_section *s, const char *name, const char *text)
{
	char where[300];
	struct opts one = {0};

	if (!definition_put(&one, t->arena, OPTION_INT, name, text))
		tree_note(t, LOG_LEVEL_WARNING, LOGGER,
		    "Wrong value '%s' for '%s' in '%s' (%s): expected a whole number. Using default one: 'None'", text, name,
		    s != NULL ? s->name : "DEFAULT", tree_where(t, ini_place(s, name), where, sizeof where));
	struct value *v = opts_value(&one.at[0]);
	opts_done(&one);
	return v;
}

bool
mainconf_convert(struct tree *t, const struct config_paths *paths, struct value *stream, struct err *err)
{
	struct ini *ini;
	struct ini_section *own, *thread;
	const char *allow, *dbfile, *matches, *age, *stack;

	if (tree_read(t, "fail2ban", &ini, err) == TREE_FAILED)
		return false;
	HASH_FIND_STR(ini->sections, "Definition", own);
	HASH_FIND_STR(ini->sections, "Thread", thread);
	if (t->note != NULL)
		checks_main(t, ini);
	if (!fetch(t, ini, "allowipv6", "auto", &allow, err) ||
	    !fetch(t, ini, "dbfile", option_find(options_main, "dbfile")->fallback, &dbfile, err) ||
	    !fetch(t, ini, "dbmaxmatches", NULL, &matches, err) || !fetch(t, ini, "dbpurgeage", "1d", &age, err))
		return false;
	if (thread != NULL) {
		enum get_result r = config_get(t, ini, "Thread", "stacksize", NULL, &stack, err);
		if (r == GET_FAILED)
			return false;
		if (r == GET_OK) {
			struct value *d = value_dict();
			value_put(d, "stacksize", whole_number(t, thread, "stacksize", stack));
			push_set(stream, "thread", d);
		}
	}
	push_set(stream, "syslogsocket", value_str(paths->syslogsocket));
	push_set(stream, "loglevel", value_str(paths->loglevel));
	push_set(stream, "logtarget", value_str(paths->logtarget));
	push_set(stream, "allowipv6", value_str(allow));
	push_set(stream, "dbfile", value_str(dbfile));
	if (matches != NULL)
		push_set(stream, "dbmaxmatches", whole_number(t, own, "dbmaxmatches", matches));
	else if (own == NULL)
		push_set(stream, "dbmaxmatches", value_none());
	push_set(stream, "dbpurgeage", value_str(age));
	return true;
}

void
config_paths_done(struct config_paths *p)
{
	free(p->socket);
	free(p->pidfile);
	free(p->loglevel);
	free(p->logtarget);
	free(p->syslogsocket);
	free(p->monitorsocket);
	free(p->monitorgroup);
	free(p->dbfile);
	*p = (struct config_paths){0};
}
