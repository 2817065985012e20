/*
 * data: the data column of a ban: a BLOB of JSON, as fail2ban writes it: its lines, its groups.
 */
#include "store/db.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define DATA_MAX (4 << 20) /* bytes; of a longer one only the ban itself is used */

/* ---- ticket -> JSON ---- */

/* compat: the raw line is [before, date, after]; lines of later failures are one string. */
static json_t *
match_json(const struct ticket_match *m)
{
	if (m->is_joined || m->date_from > m->date_to || m->date_to > m->len)
		return text_json(m->bytes, m->len);
	json_t *parts = json_array();
	json_array_append_new(parts, text_json(m->bytes, m->date_from));
	json_array_append_new(parts, text_json(m->bytes + m->date_from, m->date_to - m->date_from));
	json_array_append_new(parts, text_json(m->bytes + m->date_to, m->len - m->date_to));
	return parts;
}

static void
put_text(json_t *data, const char *key, const char *text)
{
	json_t *name = text_json(key, strlen(key));

	json_object_set_new(data, json_string_value(name), text_json(text, strlen(text)));
	json_decref(name);
}

char *
data_text(const struct ticket *t, size_t max_matches)
{
	json_t *data = json_object();
	size_t from = t->n_matches > max_matches ? t->n_matches - max_matches : 0;

	if (max_matches != 0 || t->n_matches == 0) {
		json_t *matches = json_array();
		for (size_t i = from; i < t->n_matches; i++)
			json_array_append_new(matches, match_json(&t->matches[i]));
		json_object_set_new(data, "matches", matches);
	}
	json_object_set_new(data, "failures", json_integer(t->failures));
	for (size_t i = 0; i < t->n_groups; i++)
		put_text(data, t->groups[i].name, t->groups[i].value);
	if (t->ip != NULL)
		put_text(data, "ip", t->ip);
	char *text = json_dumps(data, 0); /* ", " and ": " between, UTF-8 as it is: Python's form */
	json_decref(data);
	return text != NULL ? text : xstrdup("{}");
}

/* ---- JSON -> ticket ---- */

void
data_add_match(struct ticket *t, const json_t *match, size_t keep)
{
	uint32_t from = 0, to = 0;
	struct str line = {0};

	if (json_is_string(match))
		str_addn(&line, json_string_value(match), json_string_length(match));
	for (size_t i = 0; i < json_array_size(match); i++) {
		const json_t *part = json_array_get(match, i);
		if (i == 1)
			from = (uint32_t)line.len;
		if (json_is_string(part))
			str_addn(&line, json_string_value(part), json_string_length(part));
		if (i == 1)
			to = (uint32_t)line.len;
	}
	ticket_add_match(t, str_text(&line), line.len, from, to, keep);
	if (t->n_matches != 0)
		t->matches[t->n_matches - 1].is_joined = !json_is_array(match);
	str_done(&line);
}

json_t *
data_column(sqlite3_stmt *stmt, int column)
{
	const void *bytes = sqlite3_column_blob(stmt, column);
	int len = sqlite3_column_bytes(stmt, column);
	json_t *data = bytes != NULL && len > 0 && len <= DATA_MAX ? json_loadb(bytes, (size_t)len, JSON_ALLOW_NUL, NULL) : NULL;

	if (json_is_object(data))
		return data;
	json_decref(data);
	return NULL;
}

int
data_failures(const json_t *data, int otherwise)
{
	const json_t *n = json_object_get(data, "failures");

	return json_is_integer(n) && json_integer_value(n) >= 0 && json_integer_value(n) < INT32_MAX ?
	    (int)json_integer_value(n) : otherwise;
}

void
data_fill_groups(struct ticket *t, const json_t *data)
{
	const char *key;
	json_t *item;

	json_object_foreach((json_t *)(uintptr_t)data, key, item) {
		if (strcmp(key, "matches") == 0 || strcmp(key, "failures") == 0)
			continue;
		if (json_is_string(item) && strcmp(key, "ip") == 0) {
			if (t->ip == NULL && strcmp(json_string_value(item), t->id) != 0) {
				t->ip = xstrdup(json_string_value(item));
				if (!addr_parse(t->ip, &t->addr))
					memset(&t->addr, 0, sizeof t->addr);
			}
		} else if (json_is_string(item)) {
			ticket_set_group(t, key, json_string_value(item));
		} else if (json_is_integer(item)) {
			char *text = xasprintf("%lld", (long long)json_integer_value(item));
			ticket_set_group(t, key, text);
			free(text);
		}
	}
}

void
data_fill(struct ticket *t, const json_t *data, size_t keep)
{
	const json_t *matches = json_object_get(data, "matches");

	for (size_t i = 0; i < json_array_size(matches); i++)
		data_add_match(t, json_array_get(matches, i), keep);
	data_fill_groups(t, data);
}
