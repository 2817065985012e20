#include "config/interpolate.h"

#include "base/str.h"
#include "options.h"

#include <ctype.h>
#include <string.h>

/* One fetch. */
struct fetch {
	struct tree *tree;
	const struct ini *ini;
	const struct ini_section *section; /* NULL: only the defaults */
	const char *section_name, *option;
	const struct interpolate_vars *vars;
	struct str *out;
	struct err *err;
};

void
interpolate_probe(struct tree *t, const char *name)
{
	const struct option_row *row = option_find(options_jail, name);

	if (strchr(name, '\002') != NULL || (row != NULL && row->type != OPTION_MATERIAL))
		t->probe = TREE_PROBE_BROKEN;
}

static const char *
look_up(const struct fetch *f, const char *name)
{
	if (f->tree->probe != TREE_PROBE_OFF)
		interpolate_probe(f->tree, name);
	if (f->vars != NULL) {
		uint32_t hash = opts_hash(name);
		const struct opt *o = f->vars->given != NULL ? opts_find_lower(f->vars->given, f->vars->n_given, name, hash) : NULL;
		if (o == NULL && f->vars->jail != NULL)
			o = opts_find_lower(f->vars->jail, f->vars->jail->count, name, hash);
		if (o != NULL)
			return o->text;
	}
	return ini_get_either(f->section, f->ini->defaults, name);
}

static bool
is_section_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || (c & 0x80) != 0;
}

/* "section/option" as it stands between the parentheses, not yet in lower case. */
static const char *
look_up_foreign(const struct fetch *f, const char *name)
{
	size_t n = 0;
	char section[256], known[300];

	while (is_section_byte(name[n]))
		n++;
	if (n == 0 || n >= sizeof section || name[n] != '/' || name[n + 1] == '\0')
		return NULL;
	memcpy(section, name, n);
	section[n] = '\0';
	const char *option = name + n + 1, *value = NULL;
	if (strcasecmp(section, "known") == 0) {
		snprintf(known, sizeof known, "KNOWN/%.255s", f->section_name);
		value = ini_get(ini_section(f->ini, known), option);
	} else if (strcasecmp(section, "default") != 0) {
		struct ini_section *s;
		HASH_FIND_STR(f->ini->sections, section, s);
		if (s == NULL)
			return NULL;
		value = ini_get(s, option);
	}
	return value != NULL ? value : ini_get(f->ini->defaults, option);
}

static bool
fetch_fail(const struct fetch *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "jail.local:12: section [sshd], option 'bantime': …", the place being that of the option. */
static bool
fetch_fail(const struct fetch *f, const char *format, ...)
{
	char text[700], where[300];
	struct ini_place place = ini_place(f->section, f->option);
	va_list args;

	if (place.file == 0)
		place = ini_place(f->ini->defaults, f->option);
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	tree_where(f->tree, place, where, sizeof where);
	return err_set(f->err, "%s%ssection [%s], option '%s': %s", where, where[0] != '\0' ? ": " : "", f->section_name,
	    f->option, text);
}

/* The nearest name that could have been meant. */
static const char *
nearest_name(const struct fetch *f, const char *name)
{
	const struct ini_section *in[] = {f->section, f->ini->defaults};
	const char *best = NULL;
	int least = 3;

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < ini_count(in[k]) && i < INI_OPTIONS_MAX; i++) {
			int d = str_distance(name, ini_key(in[k], i));
			if (d < least)
				least = d, best = ini_key(in[k], i);
		}
	return best;
}

static bool
add_text(struct fetch *f, const char *text, size_t len)
{
	if (f->out->len + len > INTERPOLATE_VALUE_MAX)
		return fetch_fail(f, "%%(...)s makes more than %d bytes of it", INTERPOLATE_VALUE_MAX);
	str_addn(f->out, text, len);
	return tree_spend(f->tree, len, f->err);
}

/* A text that is being expanded, and the one that asked for it. */
struct level {
	const struct level *up;
	const char *text;
};

/* compat: a name with capitals reaches a foreign section only where it stands in lower case, too, in the text or above it */
static bool
is_also_lower(const struct level *l, const char *name)
{
	size_t len = strlen(name);

	for (; l != NULL; l = l->up)
		for (const char *p = l->text; (p = strstr(p, name)) != NULL; p++)
			if (p - l->text >= 2 && p[-2] == '%' && p[-1] == '(' && p[len] == ')' && p[len + 1] == 's')
				return true;
	return false;
}

static bool
expand(struct fetch *f, const char *text, int depth, const struct level *up)
{
	const struct level level = {up, text};

	if (depth > INTERPOLATE_DEPTH_MAX)
		return fetch_fail(f, "%%(...)s refers to itself, or more than %d deep, in '%.100s'", INTERPOLATE_DEPTH_MAX, text);
	for (const char *p = text; *p != '\0';) {
		size_t n = strcspn(p, "%");
		if (!add_text(f, p, n))
			return false;
		p += n;
		if (*p == '\0')
			return true;
		if (p[1] == '%') {
			if (!add_text(f, "%", 1))
				return false;
			p += 2;
			continue;
		}
		if (p[1] != '(')
			return fetch_fail(f, "'%%' must be followed by '%%' or '(', found '%.60s'", p);
		size_t len = strcspn(p + 2, ")");
		if (len == 0 || p[2 + len] != ')' || p[3 + len] != 's')
			return fetch_fail(f, "expected %%(name)s, found '%.60s'", p);
		if (!tree_spend(f->tree, 16 + len, f->err)) /* steps count too: a bomb may expand to nothing */
			return false;
		char *written = arena_strndup(f->tree->arena, p + 2, len), *name = written;
		if (!opts_is_lower(written)) {
			struct str lower = {0};
			ini_lower(written, len, &lower);
			name = arena_strdup(f->tree->arena, str_text(&lower));
			str_done(&lower);
		}
		p += len + 4;
		const char *value = strcmp(name, "__name__") == 0 ? f->section_name : look_up(f, name);
		if (value == NULL && name != written && !tree_spend(f->tree, strlen(text) / 16, f->err)) /* the search has a price */
			return false;
		if (value == NULL && (name == written || is_also_lower(&level, name)))
			value = look_up_foreign(f, name);
		bool is_ok;
		const char *near = value == NULL ? nearest_name(f, name) : NULL;
		if (value == NULL)
			is_ok = fetch_fail(f, "%%(%.100s)s is no option here%s%s%s, in '%.200s'", written,
			    near != NULL ? ", did you mean %(" : "", near != NULL ? near : "", near != NULL ? ")s?" : "", text);
		else if (strcmp(value, opts_none) == 0)
			is_ok = fetch_fail(f, "%%(%.100s)s has no value", written);
		else if (strchr(value, '%') != NULL)
			is_ok = expand(f, value, depth + 1, &level);
		else
			is_ok = add_text(f, value, strlen(value));
		if (!is_ok)
			return false;
	}
	return true;
}

enum get_result
config_get_from(struct tree *t, const struct ini *ini, const struct ini_section *section, const char *option,
    const struct interpolate_vars *vars, const char **out, struct err *err)
{
	struct fetch f = {.tree = t, .ini = ini, .section = section, .option = option, .vars = vars, .out = &t->expansion, .err = err};

	f.section_name = section != NULL ? section->name : "DEFAULT";
	const char *value = look_up(&f, option);
	if (value == NULL)
		return GET_NO_OPTION;
	if (strchr(value, '%') == NULL) {
		*out = value; /* lives as long as the files, or as the caller's variables */
		return GET_OK;
	}
	str_clear(f.out);
	if (!expand(&f, value, 1, NULL))
		return GET_FAILED;
	*out = arena_strndup(t->arena, str_text(f.out), f.out->len);
	return GET_OK;
}

enum get_result
config_get(struct tree *t, const struct ini *ini, const char *section, const char *option, const struct interpolate_vars *vars,
    const char **out, struct err *err)
{
	struct ini_section *s;

	HASH_FIND_STR(ini->sections, section, s);
	if (s == NULL && strcmp(section, "DEFAULT") != 0)
		return GET_NO_SECTION;
	if (!opts_is_lower(option)) {
		struct str lower = {0};
		ini_lower(option, strlen(option), &lower);
		option = arena_strdup(t->arena, str_text(&lower));
		str_done(&lower);
	}
	return config_get_from(t, ini, s, option, vars, out, err);
}

enum get_result
config_get_ex(struct tree *t, const struct ini *ini, const char *section, const char *option, const struct interpolate_vars *vars,
    const char **out, struct err *err)
{
	char name[256], known[300];
	size_t n = 0;

	while (is_section_byte(option[n]))
		n++;
	const char *rest = option + n + 1;
	bool is_foreign = n != 0 && n < sizeof name && option[n] == '/' && rest[0] != '\0' &&
	    strpbrk(rest, " \t\n\r\v\f>") == NULL;
	if (is_foreign) {
		memcpy(name, option, n);
		name[n] = '\0';
		const char *where[2] = {name, NULL};
		if (strcasecmp(name, "known") == 0) {
			snprintf(known, sizeof known, "KNOWN/%.255s", section);
			where[0] = known;
			where[1] = section;
		} else if (strcasecmp(name, "default") == 0) {
			where[0] = "DEFAULT";
		}
		for (size_t i = 0; i < 2 && where[i] != NULL; i++) {
			enum get_result r = config_get(t, ini, where[i], rest, NULL, out, err);
			if (r == GET_OK || r == GET_FAILED)
				return r;
		}
	}
	return config_get(t, ini, section, option, vars, out, err);
}
