#include "config/checks.h"

#include "base/duration.h"
#include "base/str.h"

#include <string.h>
#include <strings.h>

#define LOGGER "fail2ban.config"
#define SEARCH_MAX (64 << 20) /* bytes, for who uses an option that is unknown */

static void
warn(struct tree *t, const struct ini_section *s, const char *option, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void
warn(struct tree *t, const struct ini_section *s, const char *option, const char *format, ...)
{
	char text[500], where[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	tree_where(t, ini_place(s, option), where, sizeof where);
	tree_note(t, LOG_LEVEL_WARNING, LOGGER, "%s%ssection [%s], option '%s': %s", where, where[0] != '\0' ? ": " : "", s->name,
	    option, text);
}

/* ---- who uses what ---- */

/* Whether some value holds %(key)s, %(section/key)s, <key> or <section/key>. */
static bool
section_uses(struct tree *t, const struct ini_section *s, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < ini_count(s); i++) {
		const char *text = ini_get(s, ini_key(s, i)), *p = text;
		t->searched += strlen(text) + 16;
		for (; (p = strcasestr(p, key)) != NULL; p += len) {
			bool opens = p != text && (p[-1] == '(' || p[-1] == '/' || p[-1] == '<');
			if (opens && (p[len] == ')' || p[len] == '>'))
				return true;
		}
	}
	return false;
}

static bool
is_used(struct tree *t, const struct ini *ini, const char *key)
{
	if (t->searched > SEARCH_MAX)
		return true; /* many are unknown: nobody reads on */
	if (section_uses(t, ini->defaults, key))
		return true;
	for (const struct ini_section *s = ini->sections; s != NULL; s = s->hh.next)
		if (section_uses(t, s, key))
			return true;
	return false;
}

static void
check_names(struct tree *t, const struct ini *ini, const struct ini_section *s, const struct option_row *rows, bool near_only)
{
	for (size_t i = 0; i < ini_count(s); i++) {
		const char *key = ini_key(s, i);
		size_t base = strcspn(key, "?");
		char name[128];
		if (base >= sizeof name)
			continue;
		memcpy(name, key, base);
		name[base] = '\0';
		if (option_find(rows, name) != NULL || ini_place(s, key).file == 0)
			continue;
		const char *near = option_nearest(rows, name);
		if ((near == NULL && near_only) || is_used(t, ini, name))
			continue;
		if (near != NULL)
			warn(t, s, key, "unknown option; did you mean %s?", near);
		else
			warn(t, s, key, "unknown option, and nothing uses it");
	}
}

static void
check_section(struct tree *t, const struct ini_section *s, const char *const *known)
{
	char where[300] = "";
	const char *near = NULL;

	for (const char *const *k = known; *k != NULL; k++)
		if (strcmp(s->name, *k) == 0)
			return;
	const struct str_word word = str_word(s->name);
	for (const char *const *k = known; *k != NULL; k++) {
		if (strcasecmp(s->name, *k) == 0 || str_distance_below(&word, *k, 3) < 3)
			near = *k;
	}
	if (near == NULL)
		return;
	if (ini_count(s) != 0)
		tree_where(t, ini_place(s, ini_key(s, 0)), where, sizeof where);
	tree_note(t, LOG_LEVEL_WARNING, LOGGER, "%s%sunknown section [%s]; did you mean [%s]?", where, where[0] != '\0' ? ": " : "",
	    s->name, near);
}

/* ---- values ---- */

static bool
is_bool(const char *text)
{
	static const char *const words[] = {"1", "on", "true", "yes", "0", "off", "false", "no", ""};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

static bool
is_one_of(const char *text, size_t len, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strlen(*words) == len && strncasecmp(text, *words, len) == 0)
			return true;
	return false;
}

static void
check_value(struct tree *t, const struct ini_section *s, const struct option_row *row, const char *text)
{
	static const char *const backends[] = {"auto", "pyinotify", "gamin", "polling", "systemd", NULL};
	static const char *const dns[] = {"yes", "warn", "no", "raw", "", NULL};
	struct err err;
	double seconds;

	if (row->type == OPTION_TIME && !duration_parse(text, &seconds, &err))
		warn(t, s, row->name, "%s", err.text);
	else if (strcmp(row->name, "backend") == 0 && !is_one_of(text, strcspn(text, "[ "), backends))
		warn(t, s, row->name, "'%.60s' is none of auto, pyinotify, gamin, polling, systemd", text);
	else if (strcmp(row->name, "usedns") == 0 && !is_one_of(text, strlen(text), dns))
		warn(t, s, row->name, "'%.60s' is none of yes, warn, no, raw", text);
}

/* ---- the files ---- */

void
checks_main(struct tree *t, const struct ini *ini)
{
	static const char *const known[] = {"Definition", "Thread", "INCLUDES", "DEFAULT", NULL};

	for (const struct ini_section *s = ini->sections; s != NULL; s = s->hh.next) {
		check_section(t, s, known);
		if (strcmp(s->name, "Definition") == 0)
			check_names(t, ini, s, options_main, false);
	}
}

void
checks_jails(struct tree *t, const struct ini *jails)
{
	static const char *const known[] = {"INCLUDES", "DEFAULT", NULL};

	check_names(t, jails, jails->defaults, options_jail, true);
	for (const struct ini_section *s = jails->sections; s != NULL; s = s->hh.next)
		if (!str_starts(s->name, "KNOWN/"))
			check_section(t, s, known);
}

void
checks_jail(struct tree *t, const struct ini *jails, const struct ini_section *own, const struct opts *options)
{
	bool is_first = !t->has_checked_jail; /* what [DEFAULT] says is looked at with the first jail only */

	t->has_checked_jail = true;

	check_names(t, jails, own, options_jail, false);
	for (size_t i = 0; i < options->count; i++) {
		const struct opt *o = &options->at[i];
		const struct ini_section *s = ini_get(own, o->key) != NULL ? own : jails->defaults;
		if (s != own && !is_first)
			continue;
		const struct option_row *row = option_find(options_jail, o->key);
		if (row == NULL || ini_place(s, o->key).file == 0)
			continue;
		if (o->kind == VALUE_STR)
			check_value(t, s, row, o->text);
		else if (o->kind == VALUE_BOOL && strchr(ini_get(s, o->key), '%') == NULL && !is_bool(ini_get(s, o->key)))
			warn(t, s, o->key, "'%.60s' is neither true nor false; it counts as false", ini_get(s, o->key));
	}
}

void
checks_definition(struct tree *t, const struct ini *ini, const struct option_row *rows)
{
	static const char *const known[] = {"Definition", "Init", "INCLUDES", "DEFAULT", NULL};

	for (const struct ini_section *s = ini->sections; s != NULL; s = s->hh.next) {
		if (str_starts(s->name, "KNOWN/"))
			continue;
		check_section(t, s, known);
		if (strcmp(s->name, "Definition") == 0)
			check_names(t, ini, s, rows, true);
	}
}
