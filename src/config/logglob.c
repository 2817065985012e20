#include "config/logglob.h"

#include "base/mem.h"
#include "base/text.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
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

/* A character; a byte that is no UTF-8 is one of its own. */
static uint32_t
next_char(const char **at)
{
	uint32_t c;
	size_t n = text_decode(*at, strlen(*at), &c);

	if (n == 0)
		n = 1, c = 0xdc00u + (unsigned char)**at;
	*at += n;
	return c;
}

/* Behind the first ']' that can end the set which begins at p, behind its '['; NULL: there is none. */
static const char *
set_end(const char *p)
{
	p += *p == '!';
	p = strchr(p + (*p == ']'), ']');
	return p != NULL ? p + 1 : NULL;
}

static bool
set_holds(const char *p, const char *end, uint32_t c)
{
	bool is_negated = *p == '!', is_found = false;

	for (p += is_negated; p < end;) {
		uint32_t low = next_char(&p), high = low;
		if (*p == '-' && p + 1 < end) {
			p++;
			high = next_char(&p);
		}
		is_found = is_found || (low <= c && c <= high);
	}
	return is_found != is_negated;
}

/* compat: Python's fnmatch, by characters: '!' alone negates a set, which knows no classes, and no backslash escapes */
static bool
pattern_matches(const char *pattern, const char *name)
{
	const char *star = NULL, *tried = NULL, *end;

	while (*name != '\0' || *pattern != '\0') {
		const char *p = pattern, *n = name;
		uint32_t c = *p != '\0' ? next_char(&p) : 0;
		if (c == '*') {
			star = pattern = p;
			tried = name;
			continue;
		}
		if (c != 0 && *n != '\0') {
			uint32_t of_name = next_char(&n);
			bool is_same = c == of_name || c == '?';
			if (c == '[' && (end = set_end(p)) != NULL) {
				is_same = set_holds(p, end - 1, of_name);
				p = end;
			}
			if (is_same) {
				pattern = p;
				name = n;
				continue;
			}
		}
		if (star == NULL || *tried == '\0')
			return false;
		next_char(&tried); /* the last star takes one more */
		pattern = star;
		name = tried;
	}
	return true;
}

static bool
name_matches(const char *pattern, const char *name)
{
	return (name[0] != '.' || pattern[0] == '.') && pattern_matches(pattern, name);
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
