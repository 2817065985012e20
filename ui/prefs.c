#include "prefs.h"

#include <errno.h>
#include <fcntl.h>
#include <iniparser/iniparser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "ui.h"

#define PREFS_MAX_BYTES 65536
#define PREFS_VALUE_MAX 900 /* libiniparser refuses a file with a line over 1024 bytes */

static int
quiet(const char *format, ...)
{
	(void)format;
	return 0;
}

/* ---- the file ---- */
static char *
path_find(struct err *err)
{
	const char *dir = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (dir != NULL && *dir == '/')
		return xasprintf("%s/jailtop/jailtop.conf", dir);
	if (home != NULL && *home == '/')
		return xasprintf("%s/.config/jailtop/jailtop.conf", home);
	err_set(err, "neither HOME nor XDG_CONFIG_HOME names a folder");
	return NULL;
}

/* NULL: no file (err->text is ""), or not one that may be read. */
static dictionary *
file_read(const char *path, struct err *err)
{
	struct stat st;

	err->text[0] = '\0';
	if (stat(path, &st) != 0) {
		if (errno != ENOENT)
			err_set(err, "%s: %s", path, strerror(errno));
		return NULL;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > PREFS_MAX_BYTES) {
		err_set(err, "%s is no small file", path);
		return NULL;
	}
	iniparser_set_error_callback(quiet);
	dictionary *d = iniparser_load(path);
	iniparser_set_error_callback(NULL);
	if (d == NULL)
		err_set(err, "%s has a line that is no setting", path);
	return d;
}

/* ---- reading ---- */
static void
pane_load(const dictionary *d, struct pane *p)
{
	struct table *t = &p->table;
	const struct source *s = p->ops->source;
	struct err err;
	char key[64];

	snprintf(key, sizeof key, "%s:sort", p->ops->name);
	const char *sort = iniparser_getstring(d, key, "");
	for (int i = 0; s->compare != NULL && i < s->n_columns; i++)
		if (s->columns[i].can_sort && strcasecmp(sort, s->columns[i].name) == 0)
			t->sort = i;
	snprintf(key, sizeof key, "%s:reverse", p->ops->name);
	t->is_reversed = s->compare != NULL && iniparser_getboolean(d, key, 0) == 1;
	snprintf(key, sizeof key, "%s:filter", p->ops->name);
	const char *filter = iniparser_getstring(d, key, "");
	if (*filter != '\0')
		table_set_filter(t, sieve_new(filter, true, &err)); /* NULL when it is no expression: all rows */
}

void
prefs_load(struct prefs *p, struct ui *ui)
{
	struct err err;
	char *path = path_find(&err);
	dictionary *d = path != NULL ? file_read(path, &err) : NULL;

	free(path);
	if (d == NULL)
		return;
	theme_parse(iniparser_getstring(d, "screen:theme", "dark"), &ui->theme);
	p->no_color = iniparser_getboolean(d, "screen:color", 1) == 0;
	p->is_slow = iniparser_getboolean(d, "screen:slow", 0) == 1;
	ui->can_copy = iniparser_getboolean(d, "screen:clipboard", 0) == 1;
	ui->is_wrapped = iniparser_getboolean(d, "screen:wrap", 0) == 1;
	ui->is_mouse_on = iniparser_getboolean(d, "screen:mouse", 0) == 1;
	const char *focus = iniparser_getstring(d, "screen:focus", "");
	for (int i = 0; i < PANES; i++) {
		if (ui->panes[i].ops->source == NULL)
			continue;
		if (strcmp(focus, ui->panes[i].ops->name) == 0)
			ui->focus = ui->focus_before = (enum pane_id)i;
		pane_load(d, &ui->panes[i]);
	}
	ui_layout(ui);
	iniparser_freedict(d);
}

/* ---- writing ---- */
static void
put(dictionary *d, const char *section, const char *name, const char *value)
{
	char key[64];

	snprintf(key, sizeof key, "%s:%s", section, name);
	iniparser_set(d, section, NULL);
	if (value != NULL)
		iniparser_set(d, key, value);
	else
		iniparser_unset(d, key);
}

/* In the quotes that the text leaves free. */
static bool
put_quoted(dictionary *d, const char *section, const char *name, const char *text, struct err *err)
{
	char quote = strchr(text, '"') == NULL ? '"' : '\'';

	if (strchr(text, quote) != NULL || strlen(text) > PREFS_VALUE_MAX)
		return err_set(err, "the filter of %s is too long or has both kinds of quotes", section);
	char *value = xasprintf("%c%s%c", quote, text, quote);
	put(d, section, name, value);
	free(value);
	return true;
}

static bool
pane_save(dictionary *d, const struct pane *p, struct err *err)
{
	const struct table *t = &p->table;
	const char *name = p->ops->name;

	if (p->ops->source->compare != NULL) {
		put(d, name, "sort", p->ops->source->columns[t->sort].name);
		put(d, name, "reverse", t->is_reversed ? "yes" : "no");
	}
	if (t->filter != NULL)
		return put_quoted(d, name, "filter", sieve_text(t->filter), err);
	if (iniparser_find_entry(d, name))
		put(d, name, "filter", NULL);
	return true;
}

static bool
choices_put(dictionary *d, const struct ui *ui, struct err *err)
{
	enum pane_id focus = ui->focus == PANE_INSPECT || ui->focus == PANE_REGEX ? ui->focus_before : ui->focus;

	put(d, "screen", "theme", theme_text(ui->theme));
	put(d, "screen", "focus", ui->panes[focus].ops->name);
	put(d, "screen", "wrap", ui->is_wrapped ? "yes" : "no");
	put(d, "screen", "mouse", ui->is_mouse_on ? "yes" : "no");
	for (int i = 0; i < PANES; i++)
		if (ui->panes[i].ops->source != NULL && !pane_save(d, &ui->panes[i], err))
			return false;
	return true;
}

static void
folders_make(const char *path)
{
	char *copy = xstrdup(path), *first = strstr(copy, "/jailtop/jailtop.conf"), *above;

	*first = '\0';
	above = strrchr(copy, '/');
	if (above != NULL && above != copy) {
		*above = '\0';
		mkdir(copy, 0700);
		*above = '/';
	}
	mkdir(copy, 0700);
	*first = '/';
	*strrchr(copy, '/') = '\0';
	mkdir(copy, 0700); /* what cannot be made is told by the open() that follows */
	free(copy);
}

/* Written whole beside the old one, then put in its place. */
static bool
file_write(const dictionary *d, const char *path, struct err *err)
{
	char *fresh = xasprintf("%s.%ld", path, (long)getpid()), *old = xasprintf("%s~", path);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
	bool ok = file != NULL;

	if (ok) {
		iniparser_dump_ini(d, file);
		ok = fflush(file) == 0 && fsync(fd) == 0;
		ok = fclose(file) == 0 && ok;
		if (ok && access(path, F_OK) == 0) {
			unlink(old);
			ok = link(path, old) == 0;
		}
		ok = ok && rename(fresh, path) == 0;
	} else if (fd >= 0) {
		close(fd);
	}
	if (!ok) {
		err_set(err, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			unlink(fresh);
	}
	free(fresh);
	free(old);
	return ok;
}

bool
prefs_save(const struct ui *ui, struct str *done, struct err *err)
{
	char *path = path_find(err), *real;

	if (path == NULL)
		return false;
	folders_make(path);
	if ((real = realpath(path, NULL)) != NULL) { /* a link stays a link */
		free(path);
		path = real;
	}
	dictionary *d = file_read(path, err);
	bool ok = d != NULL || err->text[0] == '\0';
	if (ok && d == NULL)
		d = dictionary_new(0);
	ok = ok && choices_put(d, ui, err) && file_write(d, path, err);
	str_add(done, path);
	if (d != NULL)
		iniparser_freedict(d);
	free(path);
	return ok;
}
