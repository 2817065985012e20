/*
 * mirror_jails: jails and their log files.
 */
#include "link/mirror_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "link/fields.h"

void
jails_free_one(struct view_jail *j)
{
	free(j->name);
	free(j->state);
	free(j->why);
	free(j->backend);
	for (size_t i = 0; i < j->n_files; i++) {
		free(j->files[i].path);
		free(j->files[i].state);
		free(j->files[i].error);
	}
	free(j->files);
	fields_words_free(j->actions);
	fields_words_free(j->failregex);
	fields_words_free(j->ignoreregex);
	free(j->prefregex);
	free(j->datepattern);
	free(j);
}

void
jails_spark(struct view_spark *spark, const json_t *j)
{
	size_t n = json_array_size(j), skip = n > VIEW_SPARK_MAX ? n - VIEW_SPARK_MAX : 0;

	spark->count = 0;
	for (size_t i = skip; i < n; i++) {
		double value = json_number_value(json_array_get(j, i));
		spark->at[spark->count++] = value > 0 && value < 4e9 ? (uint32_t)value : 0;
	}
}

static void
file_read(struct view_file *f, const json_t *j)
{
	f->path = field_dup(j, "path");
	f->state = field_dup(j, "state");
	f->error = field_dup(j, "error");
	f->size = field_int(j, "size");
	f->pos = field_int(j, "pos");
	f->last_line = field_real(j, "last_line");
	f->rotated = field_real(j, "rotated");
	f->retry = field_real(j, "retry");
}

static struct view_jail *
jail_read(const json_t *j)
{
	struct view_jail *jail = xcalloc(1, sizeof *jail);
	const json_t *files = json_object_get(j, "files");

	jail->name = field_dup(j, "name");
	jail->state = field_dup(j, "state");
	jail->why = field_dup(j, "why");
	jail->backend = field_dup(j, "backend");
	jail->fail_now = field_int(j, "fail_now");
	jail->fail_total = field_int(j, "fail_total");
	jail->fail_min = field_int(j, "fail_min");
	jail->ban_now = field_int(j, "ban_now");
	jail->ban_total = field_int(j, "ban_total");
	jail->lines = field_int(j, "lines");
	jail->matched = field_int(j, "matched");
	jail->missed = field_int(j, "missed");
	jail->ignored = field_int(j, "ignored");
	jail->limit = field_int(j, "limit");
	jail->no_date = field_int(j, "no_date");
	jail->maxretry = (int)field_int(j, "maxretry");
	jail->maxlines = (int)field_int(j, "maxlines");
	jail->findtime = field_real(j, "findtime");
	jail->bantime = field_real(j, "bantime");
	jails_spark(&jail->spark, json_object_get(j, "spark"));
	jail->n_files = json_array_size(files);
	jail->files = xcalloc(jail->n_files + 1, sizeof *jail->files);
	for (size_t i = 0; i < jail->n_files; i++)
		file_read(&jail->files[i], json_array_get(files, i));
	jail->actions = fields_words(j, "actions");
	jail->failregex = fields_words(j, "failregex");
	jail->ignoreregex = fields_words(j, "ignoreregex");
	jail->prefregex = field_dup(j, "prefregex");
	jail->datepattern = field_dup(j, "datepattern");
	return jail;
}

static size_t
jail_index(const struct view *v, const char *name)
{
	size_t i = 0;

	while (i < v->n_jails && strcmp(v->jails[i]->name, name) != 0)
		i++;
	return i;
}

void
jails_put(struct view *v, const json_t *j)
{
	const char *name = field_text(j, "name");
	size_t i = jail_index(v, name);

	if (*name == '\0' || i >= VIEW_JAILS_MAX)
		return;
	if (i == v->n_jails) {
		v->jails = xreallocarray(v->jails, v->n_jails + 1, sizeof(struct view_jail *));
		v->n_jails++;
	} else {
		jails_free_one(v->jails[i]);
	}
	v->jails[i] = jail_read(j);
	v->generation[VIEW_JAILS]++;
}

void
jails_drop(struct view *v, const char *name)
{
	size_t i = jail_index(v, name);

	if (i == v->n_jails)
		return;
	jails_free_one(v->jails[i]);
	memmove(&v->jails[i], &v->jails[i + 1], (v->n_jails - i - 1) * sizeof(struct view_jail *));
	v->n_jails--;
	v->generation[VIEW_JAILS]++;
}

void
jails_file(struct view *v, const json_t *j)
{
	size_t i = jail_index(v, field_text(j, "jail"));
	const char *path = field_text(j, "path");

	if (i == v->n_jails)
		return;
	struct view_jail *jail = v->jails[i];
	for (size_t k = 0; k < jail->n_files; k++) {
		struct view_file *f = &jail->files[k];
		if (strcmp(f->path, path) != 0)
			continue;
		struct view_file old = *f;
		file_read(f, j);
		/* an event tells what changed: the rest is what it was */
		if (json_object_get(j, "size") == NULL)
			f->size = old.size, f->pos = old.pos;
		if (json_object_get(j, "last_line") == NULL)
			f->last_line = old.last_line;
		if (json_object_get(j, "rotated") == NULL)
			f->rotated = old.rotated;
		free(old.path);
		free(old.state);
		free(old.error);
		v->generation[VIEW_JAILS]++;
		return;
	}
	jail->files = xreallocarray(jail->files, jail->n_files + 1, sizeof *jail->files);
	memset(&jail->files[jail->n_files], 0, sizeof *jail->files);
	file_read(&jail->files[jail->n_files++], j);
	v->generation[VIEW_JAILS]++;
}

const struct view_jail *
view_jail(const struct view *v, const char *name)
{
	size_t i = jail_index(v, name);

	return i < v->n_jails ? v->jails[i] : NULL;
}
