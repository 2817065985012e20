#include "config/logglob.h"

#include "base/mem.h"

#include <dirent.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct globbing {
	struct value *list;
	size_t max, found;
};

static bool
has_magic(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] == '*' || text[i] == '?' || text[i] == '[')
			return true;
	return false;
}

static void
globbing_add(struct globbing *g, const char *path)
{
	if (g->found++ < g->max)
		value_push(g->list, value_str(path));
}

/* compat: a ']' or a class of POSIX inside of [...] is what Python's fnmatch makes of it: no class */
static bool
name_matches(const char *pattern, const char *name)
{
	return fnmatch(pattern, name, FNM_NOESCAPE | FNM_PERIOD) == 0;
}

/* done: what is resolved already, with a slash at its end unless empty; rest: the pattern from there. */
static void
glob_from(struct globbing *g, const char *done, const char *rest)
{
	struct stat st;
	size_t magic = 0, part = 0, slashes;

	if (g->found > g->max)
		return;
	/* the names up to the first one with magic */
	for (;;) {
		part = strcspn(rest + magic, "/");
		if (has_magic(rest + magic, part))
			break;
		magic += part + strspn(rest + magic + part, "/");
		if (rest[magic] == '\0')
			break;
	}
	char *before = xasprintf("%s%.*s", done, (int)magic, rest);
	if (rest[magic] == '\0') {
		size_t len = strlen(before);
		if (len != 0 && (before[len - 1] == '/' ? stat(before, &st) == 0 && S_ISDIR(st.st_mode) : lstat(before, &st) == 0))
			globbing_add(g, before);
		free(before);
		return;
	}
	char *pattern = xstrndup(rest + magic, part);
	slashes = strspn(rest + magic + part, "/");
	DIR *dir = opendir(before[0] != '\0' ? before : ".");
	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || !name_matches(pattern, e->d_name))
			continue;
		char *path = xasprintf("%s%s%.*s", before, e->d_name, (int)slashes, rest + magic + part);
		if (slashes == 0)
			globbing_add(g, path);
		else if (stat(path, &st) == 0)
			glob_from(g, path, rest + magic + part + slashes);
		free(path);
	}
	if (dir != NULL)
		closedir(dir);
	free(pattern);
	free(before);
}

size_t
logglob(const char *pattern, size_t max, struct value *list)
{
	struct globbing g = {.list = list, .max = max};

	if (pattern[0] != '\0')
		glob_from(&g, "", pattern);
	return g.found;
}
