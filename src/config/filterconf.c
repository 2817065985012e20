#include "config/filterconf.h"

#include "base/spec.h"
#include "config/filterstream.h"
#include "config/interpolate.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JAIL "fail2ban-regex-jail" /* the jail that a filter without one belongs to */

/* `name`, `dir/name.conf`, `/path/name[…]`: compat: anything else is taken for an expression. */
static bool
looks_like_filter(const char *spec)
{
	size_t n = strspn(spec, "/"), len;

	if (n > 3)
		return false;
	while (isalnum((unsigned char)spec[n]) || strchr("/_-.", spec[n]) != NULL || (spec[n] & 0x80) != 0) {
		if (spec[n] == '\0')
			return n != strspn(spec, "/");
		n++;
	}
	len = strlen(spec);
	return n != strspn(spec, "/") && spec[n] == '[' && (spec[len - 1] == ']' || str_ends(spec, "]\n"));
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool
is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* compat: a dot among the last six characters: the name has its suffix. */
static bool
has_suffix(const char *name)
{
	size_t len = strlen(name);

	return strchr(name + (len > 6 ? len - 6 : 0), '.') != NULL;
}

/* Finds the file; *dir becomes the directory it stands in when the name has one. */
static char *
find_file(const char *name, char **dir)
{
	static const char *const suffixes[] = {"", ".conf", ".local"};

	for (size_t i = 0; i < (has_suffix(name) ? 1 : 3); i++) {
		char *path = xasprintf("%s%s", name, suffixes[i]);
		if (strchr(path, '/') == NULL) {
			char *full = xasprintf("%s/%s%s", *dir, strcmp(base_name(*dir), "filter.d") == 0 ? "" : "filter.d/", path);
			free(path);
			path = full;
		} else {
			free(*dir);
			*dir = xstrndup(path, (size_t)(base_name(path) - path) - (base_name(path) - path > 1));
		}
		if (is_file(path))
			return path;
		free(path);
	}
	return NULL;
}

static char **
take_lines(const struct value *from, size_t *count)
{
	char **lines = xcalloc(value_count(from) + 1, sizeof *lines);

	*count = value_count(from);
	for (size_t i = 0; i < *count; i++)
		lines[i] = xstrdup(value_text(value_at(from, i)));
	return lines;
}

static void
take_command(struct filterconf *f, const struct value *command)
{
	const char *what = value_text(value_at(command, 2));
	const struct value *arg = value_at(command, 3);

	if (strcmp(what, "addfailregex") == 0 || strcmp(what, "addignoreregex") == 0) {
		struct value *one = value_list();
		if (arg->kind != VALUE_LIST)
			value_push(one, value_dup(arg));
		bool is_fail = strcmp(what, "addfailregex") == 0;
		char ***at = is_fail ? &f->failregex : &f->ignoreregex;
		*at = take_lines(arg->kind == VALUE_LIST ? arg : one, is_fail ? &f->n_failregex : &f->n_ignoreregex);
		value_free(one);
	} else if (strcmp(what, "prefregex") == 0) {
		f->prefregex = xstrdup(value_text(arg));
	} else if (strcmp(what, "datepattern") == 0) {
		f->datepattern = xstrdup(value_text(arg));
	} else if (strcmp(what, "usedns") == 0) {
		f->usedns = xstrdup(value_text(arg));
	} else if (strcmp(what, "maxlines") == 0 && arg->kind == VALUE_INT) {
		f->has_maxlines = true;
		f->maxlines = arg->integer > INT_MAX ? INT_MAX : arg->integer < INT_MIN ? INT_MIN : (int)arg->integer;
	} else if (strcmp(what, "addjournalmatch") == 0) {
		struct value *words = value_list();
		for (size_t i = 3; i < value_count(command); i++)
			value_push(words, value_dup(value_at(command, i)));
		value_push(f->journalmatch, words);
	}
}

/* logtype, datepattern, what stood in brackets, and what [Init] added to that, as they came out. */
static bool
take_options(struct filterconf *f, struct definition *d, struct err *err)
{
	struct opts all = {0};

	if (!definition_combine(d, NULL, &all, err))
		return false;
	f->options = value_dict();
	for (size_t i = 0; i < d->given.count + 2; i++) {
		const char *name = i == 0 ? "logtype" : i == 1 ? "datepattern" : d->given.at[i - 2].key;
		const char *text;
		if (opts_find(&all, name) != NULL) {
			value_put(f->options, name, opts_value(opts_find(&all, name)));
			continue;
		}
		enum get_result r = config_get(d->tree, d->ini, "Definition", name, NULL, &text, err);
		if (r == GET_OK)
			value_put(f->options, name, value_str(text));
		if (r == GET_FAILED) {
			opts_done(&all);
			return false;
		}
	}
	opts_done(&all);
	return true;
}

static bool
load(struct filterconf *f, const char *backend, config_note_fn note, void *arg, struct err *err)
{
	struct tree *t = tree_new(f->basedir != NULL ? f->basedir : "/", note, arg, err);
	struct definition *d = NULL;
	struct value *stream = value_list();
	struct ini *ini;
	bool is_ok = false;

	if (t == NULL)
		goto done;
	char *name = f->basedir != NULL ? xasprintf("filter.d/%s", f->name) : NULL;
	enum tree_result found = f->basedir != NULL ? tree_read(t, name, &ini, err) : tree_read_file(t, f->file, &ini, err);
	free(name);
	f->is_unreadable = found == TREE_NONE;
	if (f->is_unreadable)
		err_set(err, "failed to load filter %s", f->name);
	if (found != TREE_OK)
		goto done;
	struct opts given = {0};
	for (size_t i = 0; i < value_count(f->given); i++)
		opts_put(&given, t->arena, value_text(f->given->seq.items[2 * i]), value_text(f->given->seq.items[2 * i + 1]));
	d = definition_new(t, ini, options_filter, &given);
	filterstream_imply(d, backend);
	is_ok = definition_fetch(d, NULL, false, err) && take_options(f, d, err) && filterstream_filter(stream, d, JAIL, err);
	for (size_t i = 0; is_ok && i < value_count(stream); i++)
		take_command(f, value_at(stream, i));
done:
	value_free(stream);
	definition_free(d);
	tree_free(t);
	return is_ok;
}

enum filterconf_kind
filterconf_load(const char *dir, const char *text, const char *backend, config_note_fn note, void *arg,
    struct filterconf *out, struct err *err)
{
	struct spec spec;

	*out = (struct filterconf){0};
	if (!looks_like_filter(text))
		return FILTERCONF_NONE;
	if (!spec_parse(text, &spec, err)) {
		return FILTERCONF_FAILED;
	}
	char *base = xstrdup(config_default_dir(dir));
	while (strlen(base) > 1 && str_ends(base, "/"))
		base[strlen(base) - 1] = '\0';
	char *given_dir = xstrdup(base);
	out->file = find_file(spec.name, &base);
	if (out->file == NULL) {
		spec_done(&spec);
		free(base);
		free(given_dir);
		return FILTERCONF_NONE;
	}
	out->given = value_dict();
	for (size_t i = 0; i < spec.count; i++)
		value_put(out->given, spec.keys[i], value_str(spec.values[i]));
	out->journalmatch = value_list();
	bool is_filter_d = strcmp(base_name(base), "filter.d") == 0;
	if (strcmp(base, given_dir) == 0 || is_filter_d || (!has_suffix(spec.name) && strchr(spec.name, '/') == NULL)) {
		if (is_filter_d) {
			size_t cut = (size_t)(base_name(base) - base);
			free(given_dir);
			given_dir = cut > 1 ? xstrndup(base, cut - 1) : xstrdup(cut == 1 ? "/" : ".");
		}
		const char *name = base_name(spec.name), *dot = strrchr(name, '.');
		out->basedir = xstrdup(is_filter_d ? given_dir : strcmp(base, given_dir) == 0 ? config_default_dir(dir) : base);
		out->name = dot != NULL && dot != name ? xstrndup(name, (size_t)(dot - name)) : xstrdup(name);
	} else { /* a file elsewhere: it and what it includes */
		out->name = xstrdup(spec.name);
	}
	spec_done(&spec);
	free(base);
	free(given_dir);
	return load(out, backend, note, arg, err) ? FILTERCONF_FILE : FILTERCONF_FAILED;
}

static void
free_lines(char **lines, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(lines[i]);
	free(lines);
}

void
filterconf_done(struct filterconf *f)
{
	free(f->name);
	free(f->file);
	free(f->basedir);
	value_free(f->given);
	value_free(f->options);
	free(f->prefregex);
	free(f->datepattern);
	free(f->usedns);
	free_lines(f->failregex, f->n_failregex);
	free_lines(f->ignoreregex, f->n_ignoreregex);
	value_free(f->journalmatch);
	*f = (struct filterconf){0};
}
