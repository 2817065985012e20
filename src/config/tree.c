#include "config/tree.h"

#include "base/spec.h"
#include "base/text.h"
#include "config/actionplan.h"
#include "config/interpolate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOGGER "fail2ban.configreader"
#define READING_KEPT (1 << 16) /* bytes of the buffer that files are read into */
#define DIR_NAMES_MAX 10000 /* of a directory that is remembered */

/* One file, read alone. */
struct tree_file {
	char *path;
	struct ini *ini; /* NULL: it could not be read */
	bool is_shared;  /* ini belongs to another name of the same file */
	dev_t dev;       /* which file it is, once it was read */
	ino_t ino;
	UT_hash_handle hh;
};

/* Which files some names lead to. compat: kept by name, so that the first look at a loop of includes counts. */
struct tree_list {
	char *key; /* the names, joined by \001 */
	char **paths;
	size_t count, room;
	UT_hash_handle hh;
};

/* What the files of a name say together. */
struct tree_name {
	char *name;
	struct ini *ini;
	enum tree_result result;
	bool is_seen; /* tree_is_new() was asked */
	UT_hash_handle hh;
};

/* The names in a directory: most files that could belong to a name are not there, and this says so at once. */
struct tree_dir {
	char *path;      /* with a slash at its end */
	char **names;    /* sorted; behind the NUL of each: whether it surely is a regular file */
	size_t count;
	bool is_unknown; /* could not be read: ask for each */
	UT_hash_handle hh;
};

struct tree *
tree_new(const char *dir, config_note_fn note, void *arg, struct err *err)
{
	struct stat st;
	size_t len = strlen(dir);

	if (stat(dir, &st) != 0) {
		err_set(err, "Base configuration directory %s does not exist or cannot be read: %s", dir, strerror(errno));
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
	struct tree_file *f, *next_file;
	HASH_ITER(hh, t->files, f, next_file)
	{
		HASH_DEL(t->files, f);
		if (!f->is_shared)
			ini_free(f->ini);
		free(f->path);
		free(f);
	}
	struct tree_list *l, *next_list;
	HASH_ITER(hh, t->lists, l, next_list)
	{
		HASH_DEL(t->lists, l);
		for (size_t i = 0; i < l->count; i++)
			free(l->paths[i]);
		free(l->paths);
		free(l->key);
		free(l);
	}
	struct tree_name *n, *next_name;
	HASH_ITER(hh, t->names, n, next_name)
	{
		HASH_DEL(t->names, n);
		ini_free(n->ini);
		free(n->name);
		free(n);
	}
	struct tree_dir *d, *next_dir;
	HASH_ITER(hh, t->dirs, d, next_dir)
	{
		HASH_DEL(t->dirs, d);
		for (size_t i = 0; i < d->count; i++)
			free(d->names[i]);
		free(d->names);
		free(d->path);
		free(d);
	}
	for (unsigned i = 0; i < t->n_paths; i++)
		free(t->paths[i]);
	free(t->paths);
	str_done(&t->reading);
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

static const char *
short_path(const struct tree *t, const char *path)
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
		snprintf(text, size, "%s:%u", short_path(t, path), place.line);
	return text;
}

/* ---- which files there are ---- */

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct tree_dir *
dir_of(struct tree *t, const char *path, size_t len)
{
	struct tree_dir *d;
	size_t room = 0;

	HASH_FIND(hh, t->dirs, path, len, d);
	if (d != NULL)
		return d;
	d = xcalloc(1, sizeof *d);
	d->path = xstrndup(path, len);
	HASH_ADD_KEYPTR(hh, t->dirs, d->path, len, d);
	DIR *dir = opendir(d->path);
	d->is_unknown = dir == NULL;
	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		if (d->count == DIR_NAMES_MAX) {
			d->is_unknown = true;
			break;
		}
		if (d->count == room) {
			room = room == 0 ? 128 : room * 2;
			d->names = xreallocarray(d->names, room, sizeof *d->names);
		}
		d->names[d->count] = xmalloc(strlen(e->d_name) + 2);
		strcpy(d->names[d->count], e->d_name);
		d->names[d->count++][strlen(e->d_name) + 1] = e->d_type == DT_REG;
	}
	if (dir != NULL)
		closedir(dir);
	qsort(d->names, d->count, sizeof *d->names, compare_paths);
	return d;
}

/* As access(path, F_OK) == 0. */
static bool
path_exists(struct tree *t, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash != NULL && slash[1] != '\0') {
		struct tree_dir *d = dir_of(t, path, (size_t)(slash + 1 - path));
		const char *name = slash + 1;
		char **found = d->is_unknown ? NULL : bsearch(&name, d->names, d->count, sizeof *d->names, compare_paths);
		if (!d->is_unknown && (found == NULL || (*found)[strlen(name) + 1]))
			return found != NULL;
	}
	return access(path, F_OK) == 0;
}

/* ---- one file ---- */

/* false with errno when it cannot be read; true with *is_large. */
static bool
read_bytes(struct tree_file *f, struct str *out, bool *is_large)
{
	struct stat st;
	const char *path = f->path;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	*is_large = false;
	if (fd < 0)
		return false;
	/* a device is read as well (/dev/null switches a file off), a pipe would wait */
	if (fstat(fd, &st) != 0 || !(S_ISREG(st.st_mode) || S_ISCHR(st.st_mode))) {
		int why = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		close(fd);
		errno = why;
		return false;
	}
	f->dev = st.st_dev;
	f->ino = S_ISREG(st.st_mode) ? st.st_ino : 0;
	for (;;) {
		str_reserve(out, S_ISREG(st.st_mode) && (size_t)st.st_size < INI_FILE_MAX ? (size_t)st.st_size + 1 : 65536);
		ssize_t n = read(fd, out->at + out->len, out->cap - out->len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int why = errno;
			close(fd);
			errno = why;
			return n == 0;
		}
		out->len += (size_t)n;
		out->at[out->len] = '\0';
		if (out->len > INI_FILE_MAX) {
			*is_large = true;
			close(fd);
			return true;
		}
		if (S_ISREG(st.st_mode) && out->len == (size_t)st.st_size) { /* all of it, as of now */
			close(fd);
			return true;
		}
	}
}

/* Line of the first byte that is no UTF-8; 0: all is well. */
static unsigned
bad_utf8_line(const char *bytes, size_t len)
{
	unsigned line = 1;

	for (size_t i = 0; i < len;) {
		uint64_t eight;
		uint32_t c;
		if (i + 8 <= len) {
			memcpy(&eight, bytes + i, 8);
			if ((eight & 0x8080808080808080u) == 0) {
				i += 8;
				continue;
			}
		}
		size_t n = text_decode(bytes + i, len - i, &c);
		if (n == 0) {
			for (size_t k = 0; k < i; k++)
				line += bytes[k] == '\n';
			return line;
		}
		i += n;
	}
	return 0;
}

static void
warn_long_values(struct tree *t, const struct ini_section *s)
{
	char where[300];

	for (size_t i = 0; i < ini_count(s); i++) {
		size_t len = strlen(ini_get(s, ini_key(s, i)));
		if (len > INI_VALUE_LONG)
			tree_note(t, LOG_LEVEL_WARNING, LOGGER, "%s: section [%s], option '%s': a value of %zu bytes",
			    tree_where(t, ini_place(s, ini_key(s, i)), where, sizeof where), s->name, ini_key(s, i), len);
	}
}

/* A loop of includes may come to one file by ever longer names: it is parsed once. */
static struct ini *
find_same(const struct tree *t, const char *path)
{
	struct stat st;

	if (strstr(path, "/.") == NULL || stat(path, &st) != 0)
		return NULL;
	for (const struct tree_file *f = t->files; f != NULL; f = f->hh.next)
		if (f->ino == st.st_ino && f->dev == st.st_dev && f->ini != NULL)
			return f->ini;
	return NULL;
}

/* *out: NULL when there is no such file, or none that can be used. false: a file that is wrong. */
static bool
load_file(struct tree *t, const char *path, struct ini **out, struct err *err)
{
	struct tree_file *f;
	struct str *bytes = &t->reading;
	bool is_large, is_ok = false;

	HASH_FIND_STR(t->files, path, f);
	if (f != NULL) {
		*out = f->ini;
		return true;
	}
	f = xcalloc(1, sizeof *f);
	f->path = xstrdup(path);
	f->ini = *out = find_same(t, path);
	HASH_ADD_KEYPTR(hh, t->files, f->path, strlen(f->path), f);
	f->is_shared = f->ini != NULL;
	if (f->is_shared)
		return true;
	str_clear(bytes);
	if (!read_bytes(f, bytes, &is_large))
		return true;
	t->bytes += bytes->len;
	unsigned bad = is_large ? 0 : bad_utf8_line(str_text(bytes), bytes->len);
	if (is_large) {
		err_set(err, "%s: larger than %d MiB", short_path(t, path), INI_FILE_MAX >> 20);
	} else if (t->bytes > TREE_BYTES_MAX) {
		err_set(err, "%s: the configuration is larger than %d MiB", short_path(t, path), TREE_BYTES_MAX >> 20);
	} else if (bad != 0) {
		tree_note(t, LOG_LEVEL_ERROR, LOGGER, "Error decoding config file '%s': line %u is not UTF-8; the file is left out",
		    path, bad);
		is_ok = true;
	} else {
		t->paths = xreallocarray(t->paths, t->n_paths + 1, sizeof *t->paths);
		t->paths[t->n_paths++] = xstrdup(path);
		f->ini = ini_new();
		is_ok = ini_parse(f->ini, str_text(bytes), bytes->len, t->n_paths, short_path(t, path), err);
		if (is_ok && bytes->len > INI_VALUE_LONG) {
			warn_long_values(t, f->ini->defaults);
			for (struct ini_section *s = f->ini->sections; s != NULL; s = s->hh.next)
				warn_long_values(t, s);
		}
		if (!is_ok) {
			ini_free(f->ini);
			f->ini = NULL;
		}
		*out = f->ini;
	}
	if (bytes->cap > READING_KEPT)
		str_done(bytes);
	return is_ok;
}

/* ---- inclusion ---- */

struct chain { /* the files whose includes are being looked at */
	const struct chain *up;
	const char *path;
	int depth;
};

static bool
is_file(struct tree *t, const char *path)
{
	struct stat st;

	return path_exists(t, path) && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* "dir/x.conf" -> "dir/x.local" */
static char *
local_sibling(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
	const char *dot = strrchr(base, '.');

	if (dot != NULL && strspn(base, ".") == (size_t)(dot - base) + 1)
		dot = NULL; /* only the dots that a name starts with */
	return xasprintf("%.*s.local", (int)(dot != NULL ? (size_t)(dot - path) : strlen(path)), path);
}

static bool
list_add(struct tree_list *l, const char *path, struct err *err)
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
    struct tree_list **out, struct err *err);

/* compat: fail2ban says nothing; names that end in .local are meant to be missing */
static void
note_missing(struct tree *t, const struct ini *ini, const char *option, const char *path)
{
	char where[300];
	struct tree_file *f;

	HASH_FIND_STR(t->files, path, f);
	if ((f == NULL || f->ini == NULL) && !path_exists(t, path) && !str_ends(path, ".local") && !str_ends(path, "/"))
		tree_note(t, LOG_LEVEL_WARNING, LOGGER, "%s: section [INCLUDES], option '%s': there is no file '%.200s'",
		    tree_where(t, ini_place(ini_section(ini, "INCLUDES"), option), where, sizeof where), option,
		    short_path(t, path));
}

/* Adds the files that `option` of [INCLUDES] names. */
static bool
add_includes(struct tree *t, const struct ini *ini, const char *option, const struct chain *at, struct tree_list *l,
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
		char *path = p[0] == '/' || slash == NULL
		    ? xstrndup(p, (size_t)(end - p))
		    : xasprintf("%.*s/%.*s", (int)(slash - at->path), at->path, (int)(end - p), p);
		p = *end != '\0' ? end + 1 : NULL;
		bool is_seen = false;
		for (const struct chain *c = at->up; c != NULL; c = c->up)
			is_seen |= strcmp(c->path, path) == 0;
		struct tree_list *more = NULL;
		bool is_ok = is_seen || expand_names(t, &path, 1, at, &more, err);
		for (size_t i = 0; is_ok && more != NULL && i < more->count; i++)
			is_ok = list_add(l, more->paths[i], err);
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
add_file(struct tree *t, const char *path, const struct chain *up, struct tree_list *l, struct err *err)
{
	struct chain at = {.up = up, .path = path, .depth = up != NULL ? up->depth + 1 : 0};
	struct ini *ini;

	if (!load_file(t, path, &ini, err))
		return false;
	if (ini == NULL)
		return true;
	struct ini_section *includes;
	HASH_FIND_STR(ini->sections, "INCLUDES", includes);
	return (includes == NULL || add_includes(t, ini, "before", &at, l, err)) && list_add(l, path, err) &&
	    (includes == NULL || add_includes(t, ini, "after", &at, l, err));
}

static bool
expand_names(struct tree *t, char *const *names, size_t count, const struct chain *up, struct tree_list **out,
    struct err *err)
{
	struct tree_list all = {0}, *l, made = {0};
	struct str key = {0};
	bool is_ok = true;

	for (size_t i = 0; is_ok && i < count; i++) {
		char *local = local_sibling(names[i]);
		bool is_named = false;
		for (size_t j = 0; !is_named && j < count; j++)
			is_named = strcmp(names[j], local) == 0;
		is_named = is_named || !is_file(t, local);
		is_ok = list_add(&all, names[i], err) && (is_named || list_add(&all, local, err));
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
		for (size_t i = 0; i < l->count; i++)
			free(l->paths[i]);
		free(l->paths);
		l->paths = made.paths;
		l->count = made.count;
		l->room = made.room;
	}
	for (size_t i = 0; i < all.count; i++)
		free(all.paths[i]);
	free(all.paths);
	str_done(&key);
	*out = l;
	return is_ok;
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
add_glob(struct tree_list *l, const char *base, const char *suffix, struct err *err)
{
	char *pattern = xjoin(base, ".d/*", suffix, NULL);
	glob_t found;
	bool is_ok = true;

	if (glob(pattern, GLOB_NOESCAPE, NULL, &found) == 0) {
		for (size_t i = 0; is_ok && i < found.gl_pathc; i++)
			if (access(found.gl_pathv[i], F_OK) == 0)
				is_ok = list_add(l, found.gl_pathv[i], err);
		globfree(&found);
	}
	free(pattern);
	return is_ok;
}

static bool
add_named(struct tree *t, struct tree_list *l, const char *base, const char *suffix, struct err *err)
{
	char *path = xjoin(base, suffix, NULL);
	bool is_ok = !path_exists(t, path) || list_add(l, path, err);

	free(path);
	return is_ok;
}

static bool
find_files(struct tree *t, struct tree_list *l, const char *base, struct err *err)
{
	static const char *const suffixes[] = {".conf", ".local"};

	char *dir = xjoin(base, ".d", NULL);
	bool has_dir = path_exists(t, dir);
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
merge_files(struct tree *t, const struct tree_list *files, struct ini *into, struct err *err)
{
	struct tree_list *all;
	size_t n_read = 0;
	struct str missed = {0};

	if (!expand_names(t, files->paths, files->count, NULL, &all, err))
		return TREE_FAILED;
	for (size_t i = 0; i < all->count; i++) {
		struct ini *one;
		if (!load_file(t, all->paths[i], &one, err))
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
list_done(struct tree_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->paths[i]);
	free(l->paths);
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
	struct tree_list files = {0};
	n->result = TREE_FAILED;
	if (find_files(t, &files, base, err)) {
		n->result = files.count != 0 ? merge_files(t, &files, n->ini, err) : TREE_NONE;
		if (n->result == TREE_NONE)
			note_none(t, name, base);
	}
	list_done(&files);
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
		struct tree_list files = {.paths = &copy, .count = 1};
		n->result = merge_files(t, &files, n->ini, err);
		free(copy);
	}
	return n->result;
}
