#include "config/inclusion.h"

#include "base/str.h"
#include "config/interpolate.h"
#include "config/treefile.h"

#include <stdlib.h>
#include <string.h>

#define LOGGER "fail2ban.configreader"

struct chain { /* the files whose includes are being looked at */
	const struct chain *up;
	const char *path;
	int depth;
};

static char *
join_path(const char *head, size_t head_len, const char *tail, size_t tail_len)
{
	char *path = xmalloc(head_len + tail_len + 1);

	memcpy(path, head, head_len);
	memcpy(path + head_len, tail, tail_len);
	path[head_len + tail_len] = '\0';
	return path;
}

/* "dir/x.conf" -> "dir/x.local" */
static char *
local_sibling(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
	const char *dot = strrchr(base, '.');

	if (dot != NULL && strspn(base, ".") == (size_t)(dot - base) + 1)
		dot = NULL; /* only the dots that a name starts with */
	return join_path(path, dot != NULL ? (size_t)(dot - path) : strlen(path), ".local", strlen(".local"));
}

bool
inclusion_add(struct inclusion *l, const char *path, struct err *err)
{
	if (l->count >= TREE_FILES_MAX)
		return err_set(err, "%s: more than %d files are included", path, TREE_FILES_MAX);
	if (l->count == l->room) {
		l->room = l->room == 0 ? 8 : l->room * 2;
		l->paths = xreallocarray(l->paths, l->room, sizeof *l->paths);
	}
	l->paths[l->count++] = xstrdup(path);
	return true;
}

static bool expand_names(struct tree *t, char *const *names, size_t count, const struct chain *up,
    struct inclusion **out, struct err *err);

/* compat: fail2ban says nothing; names that end in .local are meant to be missing */
static void
note_missing(struct tree *t, const struct ini *ini, const char *option, const char *path)
{
	char where[300];

	if (!treefile_is_read(t, path) && !treefile_exists(t, path) && !str_ends(path, ".local") && !str_ends(path, "/"))
		tree_note(t, LOG_LEVEL_WARNING, LOGGER, "%s: section [INCLUDES], option '%s': there is no file '%.200s'",
		    tree_where(t, ini_place(ini_section(ini, "INCLUDES"), option), where, sizeof where), option,
		    tree_short(t, path));
}

/* Adds the files that `option` of [INCLUDES] names. */
static bool
add_includes(struct tree *t, const struct ini *ini, const char *option, const struct chain *at, struct inclusion *l,
    struct err *err)
{
	const char *value;
	const char *slash = strrchr(at->path, '/');
	enum get_result r = config_get(t, ini, "INCLUDES", option, NULL, &value, err);

	if (r != GET_OK)
		return r != GET_FAILED;
	if (at->depth >= TREE_DEPTH_MAX)
		return err_set(err, "%.300s...: files include one another more than %d deep, in a loop?", at->path, TREE_DEPTH_MAX);
	for (const char *p = value; p != NULL;) {
		const char *end = strchrnul(p, '\n');
		size_t dir_len = p[0] == '/' || slash == NULL ? 0 : (size_t)(slash + 1 - at->path);
		char *path = join_path(at->path, dir_len, p, (size_t)(end - p));
		p = *end != '\0' ? end + 1 : NULL;
		bool is_seen = false;
		for (const struct chain *c = at->up; c != NULL; c = c->up)
			is_seen |= strcmp(c->path, path) == 0;
		struct inclusion *more = NULL;
		bool is_ok = is_seen || expand_names(t, &path, 1, at, &more, err);
		for (size_t i = 0; is_ok && more != NULL && i < more->count; i++)
			is_ok = inclusion_add(l, more->paths[i], err);
		if (is_ok && !is_seen)
			note_missing(t, ini, option, path);
		free(path);
		if (!is_ok)
			return false;
	}
	return true;
}

/* The files that one file leads to: those before it, itself, those after it. Nothing when it cannot be read. */
static bool
add_file(struct tree *t, const char *path, const struct chain *up, struct inclusion *l, struct err *err)
{
	struct chain at = {.up = up, .path = path, .depth = up != NULL ? up->depth + 1 : 0};
	struct ini *ini;

	if (!treefile_load(t, path, &ini, err))
		return false;
	if (ini == NULL)
		return true;
	struct ini_section *includes;
	HASH_FIND_STR(ini->sections, "INCLUDES", includes);
	return (includes == NULL || add_includes(t, ini, "before", &at, l, err)) && inclusion_add(l, path, err) &&
	    (includes == NULL || add_includes(t, ini, "after", &at, l, err));
}

static bool
expand_names(struct tree *t, char *const *names, size_t count, const struct chain *up, struct inclusion **out,
    struct err *err)
{
	struct inclusion all = {0}, *l, made = {0};
	struct str key = {0};
	bool is_ok = true;

	for (size_t i = 0; is_ok && i < count; i++) {
		char *local = local_sibling(names[i]);
		bool is_named = false;
		for (size_t j = 0; !is_named && j < count; j++)
			is_named = strcmp(names[j], local) == 0;
		is_named = is_named || !treefile_is_regular(t, local);
		is_ok = inclusion_add(&all, names[i], err) && (is_named || inclusion_add(&all, local, err));
		free(local);
	}
	for (size_t i = 0; i < all.count; i++) {
		if (i != 0)
			str_addc(&key, '\001');
		str_add(&key, all.paths[i]);
	}
	HASH_FIND_STR(t->lists, str_text(&key), l);
	if (l == NULL) {
		for (size_t i = 0; is_ok && i < all.count; i++)
			is_ok = add_file(t, all.paths[i], up, &made, err);
		/* a loop may have come to the same names meanwhile: what is found last stays */
		HASH_FIND_STR(t->lists, str_text(&key), l);
		if (l == NULL) {
			l = xcalloc(1, sizeof *l);
			l->key = str_take(&key);
			HASH_ADD_KEYPTR(hh, t->lists, l->key, strlen(l->key), l);
		}
		inclusion_done(l);
		l->paths = made.paths;
		l->count = made.count;
		l->room = made.room;
	}
	inclusion_done(&all);
	str_done(&key);
	*out = l;
	return is_ok;
}

bool
inclusion_expand(struct tree *t, const struct inclusion *names, struct inclusion **out, struct err *err)
{
	return expand_names(t, names->paths, names->count, NULL, out, err);
}

void
inclusion_done(struct inclusion *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->paths[i]);
	free(l->paths);
}

void
inclusion_free_all(struct tree *t)
{
	struct inclusion *l, *next;

	HASH_ITER(hh, t->lists, l, next)
	{
		HASH_DEL(t->lists, l);
		inclusion_done(l);
		free(l->key);
		free(l);
	}
}
