#include "config/tree.h"

#include "base/str.h"
#include "config/actionplan.h"
#include "config/inclusion.h"
#include "config/treefile.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOGGER "fail2ban.configreader"

/* What the files of a name say together. */
struct tree_name {
	char *name;
	struct ini *ini;
	enum tree_result result;
	bool is_seen; /* tree_is_new() was asked */
	UT_hash_handle hh;
};

struct tree *
tree_new(const char *dir, config_note_fn note, void *arg, struct err *err)
{
	struct stat st;
	size_t len = strlen(dir);

	if (stat(dir, &st) != 0) {
		if (errno == ENOENT)
			err_set(err, "Base configuration directory %s does not exist ", dir); /* compat: with that blank */
		else
			err_set(err, "Base configuration directory %s cannot be read: %s", dir, strerror(errno));
		return NULL;
	}
	while (len > 0 && dir[len - 1] == '/')
		len--;
	struct tree *t = xcalloc(1, sizeof *t);
	t->dir = xstrndup(dir, len);
	t->arena = arena_new();
	t->plans_arena = arena_new();
	t->note = note;
	t->arg = arg;
	if (access(dir, R_OK | X_OK) != 0)
		tree_note(t, LOG_LEVEL_ERROR, LOGGER, "configuration directory %s cannot be read: %s", dir, strerror(errno));
	return t;
}

void
tree_free(struct tree *t)
{
	if (t == NULL)
		return;
	actionplan_free_all(t);
	treefile_free_all(t);
	inclusion_free_all(t);
	struct tree_name *n, *next;
	HASH_ITER(hh, t->names, n, next)
	{
		HASH_DEL(t->names, n);
		ini_free(n->ini);
		free(n->name);
		free(n);
	}
	for (unsigned i = 0; i < t->n_paths; i++)
		free(t->paths[i]);
	free(t->paths);
	str_done(&t->reading);
	str_done(&t->expansion);
	arena_free(t->arena);
	arena_free(t->plans_arena);
	free(t->dir);
	free(t);
}

void
tree_note(const struct tree *t, int level, const char *logger, const char *format, ...)
{
	va_list args;
	struct str text = {0};

	if (t->note == NULL)
		return;
	va_start(args, format);
	str_addv(&text, format, args);
	va_end(args);
	t->note(t->arg, level, logger, str_text(&text));
	str_done(&text);
}

bool
tree_spend(struct tree *t, size_t bytes, struct err *err)
{
	t->expanded += bytes;
	return t->expanded <= TREE_EXPAND_MAX ||
	    err_set(err, "%%(...)s and <...> make more than %d MiB of the configuration", TREE_EXPAND_MAX >> 20);
}

const char *
tree_path(const struct tree *t, unsigned file)
{
	return file != 0 && file <= t->n_paths ? t->paths[file - 1] : NULL;
}

const char *
tree_short(const struct tree *t, const char *path)
{
	size_t n = strlen(t->dir);

	return strncmp(path, t->dir, n) == 0 && path[n] == '/' ? path + n + 1 : path;
}

const char *
tree_where(const struct tree *t, struct ini_place place, char *text, size_t size)
{
	const char *path = tree_path(t, place.file);

	text[0] = '\0';
	if (path != NULL)
		snprintf(text, size, "%s:%u", tree_short(t, path), place.line);
	return text;
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ---- the files of a name ---- */

static char *
absolute_path(const char *path)
{
	char cwd[PATH_MAX], *text;
	struct str out = {0};

	if (path[0] == '/' || getcwd(cwd, sizeof cwd) == NULL)
		cwd[0] = '\0';
	text = xasprintf("%s/%s", cwd, path);
	for (char *save = NULL, *part = strtok_r(text, "/", &save); part != NULL; part = strtok_r(NULL, "/", &save)) {
		if (strcmp(part, ".") == 0)
			continue;
		if (strcmp(part, "..") == 0) {
			const char *slash = strrchr(str_text(&out), '/');
			str_cut(&out, slash != NULL ? (size_t)(slash - str_text(&out)) : 0);
			continue;
		}
		str_addc(&out, '/');
		str_add(&out, part);
	}
	free(text);
	return out.len != 0 ? str_take(&out) : xstrdup("/");
}

static bool
add_glob(struct inclusion *l, const char *base, const char *suffix, struct err *err)
{
	char *pattern = xjoin(base, ".d/*", suffix, NULL);
	glob_t found;
	bool is_ok = true;

	if (glob(pattern, GLOB_NOESCAPE, NULL, &found) == 0) {
		for (size_t i = 0; is_ok && i < found.gl_pathc; i++)
			if (access(found.gl_pathv[i], F_OK) == 0)
				is_ok = inclusion_add(l, found.gl_pathv[i], err);
		globfree(&found);
	}
	free(pattern);
	return is_ok;
}

static bool
add_named(struct tree *t, struct inclusion *l, const char *base, const char *suffix, struct err *err)
{
	char *path = xjoin(base, suffix, NULL);
	bool is_ok = !treefile_exists(t, path) || inclusion_add(l, path, err);

	free(path);
	return is_ok;
}

static bool
find_files(struct tree *t, struct inclusion *l, const char *base, struct err *err)
{
	static const char *const suffixes[] = {".conf", ".local"};

	char *dir = xjoin(base, ".d", NULL);
	bool has_dir = treefile_exists(t, dir);
	if (has_dir && access(dir, R_OK | X_OK) != 0)
		tree_note(t, LOG_LEVEL_WARNING, LOGGER, "%s cannot be read: %s; what is in it does not count", dir, strerror(errno));
	free(dir);
	for (size_t k = 0; k < 2; k++) {
		if (!add_named(t, l, base, suffixes[k], err))
			return false;
		size_t first = l->count;
		if (has_dir && !add_glob(l, base, suffixes[k], err))
			return false;
		/* by bytes, whatever the locale says */
		if (l->count > first)
			qsort(l->paths + first, l->count - first, sizeof *l->paths, compare_paths);
	}
	return true;
}

/* Reads what the files lead to into one. */
static enum tree_result
merge_files(struct tree *t, const struct inclusion *files, struct ini *into, struct err *err)
{
	struct inclusion *all;
	size_t n_read = 0;
	struct str missed = {0};

	if (!inclusion_expand(t, files, &all, err))
		return TREE_FAILED;
	for (size_t i = 0; i < all->count; i++) {
		struct ini *one;
		if (!treefile_load(t, all->paths[i], &one, err))
			return TREE_FAILED;
		if (one == NULL)
			continue;
		n_read++;
		ini_merge(into, one);
	}
	for (size_t i = 0; i < files->count; i++) {
		bool is_read = false;
		for (size_t j = 0; !is_read && j < all->count; j++)
			is_read = strcmp(all->paths[j], files->paths[i]) == 0;
		if (!is_read)
			str_addf(&missed, "%s%s", missed.len != 0 ? ", " : "", files->paths[i]);
	}
	if (missed.len != 0)
		tree_note(t, LOG_LEVEL_ERROR, LOGGER, "Could not read config files: %s", str_text(&missed));
	str_done(&missed);
	return n_read != 0 ? TREE_OK : TREE_NONE;
}

static struct tree_name *
name_of(struct tree *t, const char *name, bool *is_new)
{
	struct tree_name *n;

	HASH_FIND_STR(t->names, name, n);
	*is_new = n == NULL;
	if (n == NULL) {
		n = xcalloc(1, sizeof *n);
		n->name = xstrdup(name);
		n->ini = ini_new();
		HASH_ADD_KEYPTR(hh, t->names, n->name, strlen(n->name), n);
	}
	return n;
}

static void
note_none(struct tree *t, const char *name, const char *base)
{
	char *path = xjoin(base, ".conf", NULL);
	bool is_denied = access(path, F_OK) != 0 && errno == EACCES;

	tree_note(t, LOG_LEVEL_ERROR, LOGGER, "Found no accessible config files for '%s' under %s%s", name, t->dir,
	    is_denied ? ": permission denied" : "");
	free(path);
}

enum tree_result
tree_read(struct tree *t, const char *name, struct ini **out, struct err *err)
{
	bool is_new;
	struct tree_name *n = name_of(t, name, &is_new);

	*out = n->ini;
	if (!is_new)
		return n->result;
	char *base = str_starts(name, "./") ? absolute_path(name)
	    : name[0] == '/'                ? xstrdup(name)
	                                    : xjoin(t->dir, "/", name, NULL);
	struct inclusion files = {0};
	n->result = TREE_FAILED;
	if (find_files(t, &files, base, err)) {
		n->result = files.count != 0 ? merge_files(t, &files, n->ini, err) : TREE_NONE;
		if (n->result == TREE_NONE)
			note_none(t, name, base);
	}
	inclusion_done(&files);
	free(base);
	return n->result;
}

bool
tree_is_new(struct tree *t, const struct ini *ini)
{
	/* it is mostly the one that was read last */
	struct tree_name *n = t->names != NULL ? ELMT_FROM_HH(t->names->hh.tbl, t->names->hh.tbl->tail) : NULL;

	for (; n != NULL; n = n->hh.prev)
		if (n->ini == ini) {
			bool was_seen = n->is_seen;
			n->is_seen = true;
			return !was_seen;
		}
	return false;
}

enum tree_result
tree_read_file(struct tree *t, const char *path, struct ini **out, struct err *err)
{
	bool is_new;
	struct tree_name *n = name_of(t, path, &is_new);

	*out = n->ini;
	if (is_new) {
		char *copy = xstrdup(path);
		struct inclusion files = {.paths = &copy, .count = 1};
		n->result = merge_files(t, &files, n->ini, err);
		free(copy);
	}
	return n->result;
}
