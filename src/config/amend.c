#include "config/amend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/interpolate.h"
#include "config/stream.h"
#include "config/tree.h"

#define AMEND_FILE_MAX (1 << 20) /* bytes of a file that is changed; a larger one is refused */
#define ENABLED_FILE "jail.d/zz-jailtop-enabled.local"
#define OWN_FILE "jail.d/zz-jailtop.local" /* the last of jail.d, so that it holds */

void
amend_done(struct amendment *a)
{
	free(a->path);
	free(a->before);
	free(a->after);
	free(a->filter);
	*a = (struct amendment){0};
}

static bool
file_read(const char *path, char **text, struct err *err)
{
	FILE *in = fopen(path, "re");
	struct str all = {0};
	char buffer[4096];
	size_t n;

	if (in == NULL && errno != ENOENT)
		return err_set(err, "%s: %s", path, strerror(errno));
	while (in != NULL && (n = fread(buffer, 1, sizeof buffer, in)) > 0 && all.len <= AMEND_FILE_MAX)
		str_addn(&all, buffer, n);
	if (in != NULL)
		fclose(in);
	if (all.len > AMEND_FILE_MAX || memchr(str_text(&all), '\0', all.len) != NULL) {
		str_done(&all);
		return err_set(err, "%s: too long, or no text", path);
	}
	*text = all.at != NULL ? str_take(&all) : xstrdup("");
	return true;
}

/* ---- ignoreip ---- */

/* The words of a value on one line, without `ip`; then `ip` unless it is to go. */
static void
ignoreip_put(struct str *out, const char *value, const char *ip, bool is_removal)
{
	char *copy = xstrdup(value != NULL ? value : ""), *rest = copy, *word;

	str_add(out, "ignoreip =");
	while ((word = strsep(&rest, " \t\r\n,")) != NULL)
		if (*word != '\0' && strcmp(word, ip) != 0)
			str_addf(out, " %s", word);
	if (!is_removal)
		str_addf(out, " %s", ip);
	str_addc(out, '\n');
	free(copy);
}

/* The tree that owns the jails. NULL: they cannot be read. */
static struct tree *
read_jails(const char *dir, struct ini **jails, struct err *err)
{
	struct tree *t = tree_new(config_default_dir(dir), NULL, NULL, err);

	if (t == NULL || tree_read(t, "jail", jails, err) == TREE_OK)
		return t;
	tree_free(t);
	return NULL;
}

bool
amend_ignoreip(const char *dir, const char *ip, bool is_removal, struct amendment *out, struct err *err)
{
	struct ini *jails;
	struct tree *t = read_jails(dir, &jails, err);
	struct str text = {0};

	*out = (struct amendment){0};
	if (t == NULL)
		return false;
	out->path = xasprintf("%s/%s", config_default_dir(dir), OWN_FILE);
	str_add(&text, "# Written by jailtop: addresses that were whitelisted for good. It is read last: an ignoreip\n"
	    "# that you change elsewhere holds again when it stands here too, or when this file is gone.\n[DEFAULT]\n");
	ignoreip_put(&text, ini_get(jails->defaults, "ignoreip"), ip, is_removal);
	for (struct ini_section *s = jails->sections; s != NULL; s = s->hh.next)
		if (!str_starts(s->name, "KNOWN/") && strcmp(s->name, "INCLUDES") != 0 && ini_get(s, "ignoreip") != NULL) {
			str_addf(&text, "\n[%s]\n", s->name);
			ignoreip_put(&text, ini_get(s, "ignoreip"), ip, is_removal);
		}
	tree_free(t);
	out->after = str_take(&text);
	if (file_read(out->path, &out->before, err))
		return true;
	amend_done(out);
	return false;
}

/* ---- failregex ---- */

/* One expression as a value is written: % is doubled, a `;` behind a blank and a # at the start would be comments. */
static void
expression_put(struct str *out, const char *e)
{
	if (*e == '#')
		str_addc(out, '\\');
	for (const char *p = e; *p != '\0'; p++) {
		if (*p == '%')
			str_addc(out, '%');
		else if (*p == ';' && p > e && (p[-1] == ' ' || p[-1] == '\t'))
			str_addc(out, '\\');
		str_addc(out, *p == '\n' || *p == '\r' ? ' ' : *p);
	}
	str_addc(out, '\n');
}

/* "[Definition]", "failregex = …": the line's name, in the parser's eyes. */
static bool
line_is_section(const char *line, size_t len, const char *name)
{
	size_t n = strlen(name);

	return len >= n + 2 && line[0] == '[' && memcmp(line + 1, name, n) == 0 && line[n + 1] == ']';
}

static bool
line_sets(const char *line, size_t len, const char *name)
{
	size_t n = strlen(name);

	if (len < n || strncasecmp(line, name, n) != 0)
		return false;
	while (n < len && (line[n] == ' ' || line[n] == '\t'))
		n++;
	return n < len && (line[n] == '=' || line[n] == ':');
}

/* The text with that option of the section replaced by `value`, which goes right behind the section's head when it is new. */
static void
option_put(const char *text, const char *section, const char *option, const char *value, struct str *out)
{
	bool is_inside = false, is_put = false, is_old = false;
	size_t head_end = 0;
	struct str between = {0}; /* empty lines and comments, which do not end a value */

	for (const char *line = text, *next; *line != '\0'; line = next) {
		size_t len = strcspn(line, "\n");
		next = line + len + (line[len] == '\n');
		bool is_blank = strspn(line, " \t\r") >= len, goes_on = !is_blank && (*line == ' ' || *line == '\t');
		if (is_old && goes_on)
			str_clear(&between);
		else if (is_old && (is_blank || *line == '#' || *line == ';'))
			str_addn(&between, line, (size_t)(next - line));
		if (is_old && (goes_on || is_blank || *line == '#' || *line == ';'))
			continue; /* the old value's further lines */
		str_addn(out, str_text(&between), between.len);
		str_clear(&between);
		is_old = false;
		if (*line == '[')
			is_inside = line_is_section(line, len, section);
		if (is_inside && line_sets(line, len, option)) {
			is_old = true;
			if (!is_put)
				str_add(out, value);
			is_put = true;
			continue;
		}
		str_addn(out, line, (size_t)(next - line));
		if (line[len] != '\n')
			str_addc(out, '\n');
		if (is_inside && head_end == 0)
			head_end = out->len;
	}
	str_addn(out, str_text(&between), between.len);
	str_done(&between);
	if (is_put)
		return;
	if (head_end == 0) {
		str_addf(out, "%s[%s]\n%s", out->len > 0 ? "\n" : "", section, value);
	} else {
		char *tail = xstrdup(out->at + head_end);
		str_cut(out, head_end);
		str_addf(out, "%s%s", value, tail);
		free(tail);
	}
}

static bool
filter_name(const char *dir, const char *jail, char **name, struct err *err)
{
	struct tree *t = tree_new(config_default_dir(dir), NULL, NULL, err);
	struct ini *jails;
	const char *value = NULL;

	if (t == NULL)
		return false;
	if (tree_read(t, "jail", &jails, err) != TREE_OK || config_get(t, jails, jail, "filter", NULL, &value, err) == GET_FAILED) {
		tree_free(t);
		return false;
	}
	if (value == NULL || strcmp(value, "%(__name__)s") == 0)
		value = jail;
	*name = xstrndup(value, strcspn(value, "["));
	tree_free(t);
	for (size_t i = strlen(*name); i > 0 && strchr(" \t\n", (*name)[i - 1]) != NULL; i--)
		(*name)[i - 1] = '\0';
	if (str_ends(*name, ".conf"))
		(*name)[strlen(*name) - 5] = '\0';
	if (**name != '\0' && strchr(*name, '/') == NULL && **name != '.')
		return true;
	err_set(err, "the filter of %s has no name of its own: %s", jail, *name);
	free(*name);
	return false;
}

bool
amend_failregex(const char *dir, const char *jail, const char *const *list, size_t count, struct amendment *out, struct err *err)
{
	struct str value = {0}, text = {0};

	*out = (struct amendment){0};
	if (!filter_name(dir, jail, &out->filter, err))
		return false;
	out->path = xasprintf("%s/filter.d/%s.local", config_default_dir(dir), out->filter);
	if (!file_read(out->path, &out->before, err)) {
		amend_done(out);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		str_add(&value, i == 0 ? "failregex = " : "            ");
		expression_put(&value, list[i]);
	}
	if (*out->before == '\0')
		str_addf(&text, "# Written by jailtop: these expressions hold instead of those in %s.conf.\n", out->filter);
	option_put(out->before, "Definition", "failregex", str_text(&value), &text);
	if (*out->before == '\0') { /* the comment stands before the section */
		str_clear(&text);
		str_addf(&text, "# Written by jailtop: these expressions hold instead of those in %s.conf.\n[Definition]\n%s", out->filter, str_text(&value));
	}
	out->after = str_take(&text);
	str_done(&value);
	return true;
}

/* ---- enabled ---- */
static void
jails_name(const struct ini *jails, struct str *out)
{
	for (struct ini_section *s = jails->sections; s != NULL && out->len < 200; s = s->hh.next)
		if (!str_starts(s->name, "KNOWN/") && strcmp(s->name, "INCLUDES") != 0)
			str_addf(out, "%s%s", out->len > 0 ? ", " : "", s->name);
}

bool
amend_enable(const char *dir, const char *jail, struct amendment *out, struct err *err)
{
	struct ini *jails;
	struct tree *t = read_jails(dir, &jails, err);
	struct str text = {0};

	*out = (struct amendment){0};
	if (t == NULL)
		return false;
	bool is_there = ini_section(jails, jail) != NULL && !str_starts(jail, "KNOWN/") && strcmp(jail, "INCLUDES") != 0;
	if (!is_there) {
		jails_name(jails, &text);
		err_set(err, "the configuration has no jail '%s'; there are: %s", jail, str_text(&text));
		str_clear(&text);
	}
	tree_free(t);
	out->path = xasprintf("%s/%s", config_default_dir(dir), ENABLED_FILE);
	if (!is_there || !file_read(out->path, &out->before, err)) {
		str_done(&text);
		amend_done(out);
		return false;
	}
	if (*out->before == '\0')
		str_add(&text, "# Written by jailtop: jails that were switched on from the screen.\n");
	option_put(out->before, jail, "enabled", "enabled = true\n", &text);
	out->after = str_take(&text);
	return true;
}

/* ---- writing ---- */
bool
amend_write(const struct amendment *a, struct err *err)
{
	char *fresh = xasprintf("%s.jailtop~", a->path), *old = xasprintf("%s~", a->path), *folder = xstrdup(a->path);
	size_t len = strlen(a->after), done = 0;
	int fd;
	bool ok;

	*strrchr(folder, '/') = '\0';
	if (mkdir(folder, 0755) != 0 && errno != EEXIST)
		goto failed;
	unlink(fresh); /* of a write that was cut off */
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		goto failed;
	while (done < len) {
		ssize_t n = write(fd, a->after + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	ok = done == len && fchmod(fd, 0644) == 0 && fsync(fd) == 0;
	close(fd);
	if (ok && *a->before != '\0') {
		unlink(old);
		ok = link(a->path, old) == 0 || errno == ENOENT;
	}
	if (ok && rename(fresh, a->path) == 0) {
		free(fresh);
		free(old);
		free(folder);
		return true;
	}
	int problem = errno;
	unlink(fresh);
	errno = problem;
failed:
	err_set(err, "%s: %s", a->path, strerror(errno));
	free(fresh);
	free(old);
	free(folder);
	return false;
}
