#include "config/treefile.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOGGER "fail2ban.configreader"
#define READING_KEPT (1 << 16) /* bytes of the buffer that files are read into */
#define DIR_NAMES_MAX 10000    /* of a directory that is remembered */

/* One file, read alone. */
struct treefile {
	char *path;
	struct ini *ini; /* NULL: it could not be read */
	bool is_shared;  /* ini belongs to another name of the same file */
	dev_t dev;       /* which file it is, once it was read */
	ino_t ino;
	UT_hash_handle hh;
};

struct treename {
	char *name;
	bool is_file; /* surely a regular one; false: not known */
};

/* The names in a directory: most files that could belong to a name are not there, and this says so at once. */
struct treedir {
	char *path;      /* with a slash at its end */
	struct treename *names; /* sorted */
	size_t count;
	bool is_unknown; /* could not be read: ask for each */
	UT_hash_handle hh;
};

/* ---- which there are ---- */

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const struct treename *)a)->name, ((const struct treename *)b)->name);
}

static struct treedir *
dir_of(struct tree *t, const char *path, size_t len)
{
	struct treedir *d;
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
		d->names[d->count++] = (struct treename){xstrdup(e->d_name), e->d_type == DT_REG};
	}
	if (dir != NULL)
		closedir(dir);
	qsort(d->names, d->count, sizeof *d->names, compare_names);
	return d;
}

bool
treefile_exists(struct tree *t, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash != NULL && slash[1] != '\0') {
		struct treedir *d = dir_of(t, path, (size_t)(slash + 1 - path));
		const struct treename key = {.name = (char *)(uintptr_t)(slash + 1)}; /* only looked at */
		const struct treename *found =
		    d->is_unknown ? NULL : bsearch(&key, d->names, d->count, sizeof *d->names, compare_names);
		if (!d->is_unknown && (found == NULL || found->is_file))
			return found != NULL;
	}
	return access(path, F_OK) == 0;
}

bool
treefile_is_regular(struct tree *t, const char *path)
{
	struct stat st;

	return treefile_exists(t, path) && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* ---- reading one ---- */

/* false with errno when it cannot be read; true with *is_large. */
static bool
read_bytes(struct treefile *f, struct str *out, bool *is_large)
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
		uint64_t some[4];
		uint32_t c;
		if (i + sizeof some <= len) { /* most are ASCII */
			memcpy(some, bytes + i, sizeof some);
			if (((some[0] | some[1] | some[2] | some[3]) & 0x8080808080808080u) == 0) {
				i += sizeof some;
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
	for (const struct treefile *f = t->files; f != NULL; f = f->hh.next)
		if (f->ino == st.st_ino && f->dev == st.st_dev && f->ini != NULL)
			return f->ini;
	return NULL;
}

bool
treefile_load(struct tree *t, const char *path, struct ini **out, struct err *err)
{
	struct treefile *f;
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
	if (!read_bytes(f, bytes, &is_large)) {
		/* compat: fail2ban says nothing of those that are included */
		if (errno != ENOENT && errno != ENOTDIR && errno != EISDIR && errno != EINVAL)
			tree_note(t, LOG_LEVEL_WARNING, LOGGER, "%s cannot be read: %s; what is in it does not count", path, strerror(errno));
		return true;
	}
	t->bytes += bytes->len;
	unsigned bad = is_large ? 0 : bad_utf8_line(str_text(bytes), bytes->len);
	if (is_large) {
		err_set(err, "%s: larger than %d MiB", tree_short(t, path), INI_FILE_MAX >> 20);
	} else if (t->bytes > TREE_BYTES_MAX) {
		err_set(err, "%s: the configuration is larger than %d MiB", tree_short(t, path), TREE_BYTES_MAX >> 20);
	} else if (bad != 0) {
		tree_note(t, LOG_LEVEL_ERROR, LOGGER, "Error decoding config file '%s': line %u is not UTF-8; the file is left out",
		    path, bad);
		is_ok = true;
	} else {
		t->paths = xreallocarray(t->paths, t->n_paths + 1, sizeof *t->paths);
		t->paths[t->n_paths++] = xstrdup(path);
		f->ini = ini_new();
		is_ok = ini_parse(f->ini, str_text(bytes), bytes->len, t->n_paths, tree_short(t, path), err);
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

bool
treefile_is_read(const struct tree *t, const char *path)
{
	struct treefile *f;

	HASH_FIND_STR(t->files, path, f);
	return f != NULL && f->ini != NULL;
}

void
treefile_free_all(struct tree *t)
{
	struct treefile *f, *next_file;
	HASH_ITER(hh, t->files, f, next_file)
	{
		HASH_DEL(t->files, f);
		if (!f->is_shared)
			ini_free(f->ini);
		free(f->path);
		free(f);
	}
	struct treedir *d, *next_dir;
	HASH_ITER(hh, t->dirs, d, next_dir)
	{
		HASH_DEL(t->dirs, d);
		for (size_t i = 0; i < d->count; i++)
			free(d->names[i].name);
		free(d->names);
		free(d->path);
		free(d);
	}
}
