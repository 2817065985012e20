/*
 * bans: tickets to rows and back. `bans` is the history, a row for each ban; `bips` the latest ban
 * of each (id, jail). The data column is a BLOB of JSON, as fail2ban writes it.
 */
#include "store/db.h"

#include "base/mem.h"
#include "base/text.h"

#include <jansson.h>
#include <math.h>
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

/* The caller frees. */
static char *
data_of(const struct ticket *t, size_t max_matches)
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

static void
add_match(struct ticket *t, const json_t *match, size_t keep)
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

/* A new reference, or NULL. */
static json_t *
column_json(sqlite3_stmt *stmt, int column)
{
	const void *bytes = sqlite3_column_blob(stmt, column);
	int len = sqlite3_column_bytes(stmt, column);
	json_t *data = bytes != NULL && len > 0 && len <= DATA_MAX ? json_loadb(bytes, (size_t)len, JSON_ALLOW_NUL, NULL) : NULL;

	if (json_is_object(data))
		return data;
	json_decref(data);
	return NULL;
}

static int
failures_of(const json_t *data, int otherwise)
{
	const json_t *n = json_object_get(data, "failures");

	return json_is_integer(n) && json_integer_value(n) >= 0 && json_integer_value(n) < INT32_MAX ?
	    (int)json_integer_value(n) : otherwise;
}

static void
fill_groups(struct ticket *t, const json_t *data)
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

/* ---- writing ---- */

static void
insert(struct store *s, enum db_stmt id, const char *jail, const struct ticket *t, int64_t bantime, const char *data)
{
	db_write(s, id, 6, (struct db_value[]){db_text(jail), db_text(t->id), db_int(llrint(t->time)), db_int(bantime),
	                       db_int(t->bancount), db_blob(data)});
}

void
store_ban_add(struct store *s, const char *jail, const struct ticket *t, int64_t jail_bantime)
{
	if (s == NULL)
		return;
	char *data = data_of(t, s->max_matches);
	int64_t bantime = t->bantime != TICKET_UNSET ? t->bantime : jail_bantime;
	store_begin(s);
	insert(s, DB_BAN_ADD, jail, t, bantime, data);
	insert(s, DB_BIP_PUT, jail, t, bantime, data);
	store_commit(s);
	free(data);
}

static size_t
remove_rows(struct store *s, enum db_stmt stmt_id, const char *jail, const char *id)
{
	if (id == NULL)
		return db_write(s, stmt_id, 1, (struct db_value[]){db_text(jail)});
	return db_write(s, stmt_id, 2, (struct db_value[]){db_text(jail), db_text(id)});
}

size_t
store_ban_del(struct store *s, const char *jail, const char *id)
{
	if (s == NULL)
		return 0;
	store_begin(s);
	size_t removed = remove_rows(s, id != NULL ? DB_BIP_DEL : DB_BIP_DEL_ALL, jail, id);
	remove_rows(s, id != NULL ? DB_BAN_DEL : DB_BAN_DEL_ALL, jail, id);
	store_commit(s);
	return removed;
}

static void
move_rows(struct store *s, enum db_stmt stmt_id, const char *jail, const char *id, double from, double to)
{
	db_write(s, stmt_id, 4, (struct db_value[]){db_text(jail), db_text(id), db_int(llrint(from)), db_int(llrint(to))});
}

void
store_ban_move(struct store *s, const char *jail, const char *id, double from, double to)
{
	if (s == NULL)
		return;
	store_begin(s);
	move_rows(s, DB_BIP_MOVE, jail, id, from, to);
	move_rows(s, DB_BAN_MOVE, jail, id, from, to);
	store_commit(s);
}

/* ---- reading ---- */

/* What is left of a stored ban time under the jail's present settings. False: it is over. */
static bool
correct(const struct store_restore *rules, double *time, int64_t *bantime)
{
	int64_t most = rules->is_increment ? rules->maxtime : rules->bantime;

	if (*time > rules->now) /* the clock was set back: it may not last longer than it was meant to */
		*time = rules->now;
	if (*bantime == -2) /* unknown, from a schema of version 1 or 2 */
		*bantime = rules->bantime;
	else if (most >= 0 && (*bantime < 0 || *bantime > most))
		*bantime = most;
	if (*bantime < 0)
		*bantime = TICKET_FOREVER;
	return *bantime == TICKET_FOREVER || *time + (double)*bantime > rules->now;
}

size_t
store_bans_current(struct store *s, const char *jail, const struct store_restore *rules, store_ticket_fn fn, void *arg)
{
	sqlite3_stmt *stmt = s != NULL ? db_stmt(s, DB_CURRENT) : NULL;
	struct ticket **found = NULL;
	size_t n = 0, room = 0;

	if (stmt == NULL)
		return 0;
	db_bind_text(stmt, 1, jail);
	sqlite3_bind_double(stmt, 2, rules->now);
	/* without increment a shorter ban time of today also ends older bans */
	if (!rules->is_increment && rules->bantime >= 0)
		sqlite3_bind_double(stmt, 3, rules->now - (double)rules->bantime);
	else
		sqlite3_bind_int64(stmt, 3, INT64_MIN);
	while (db_row(s, stmt)) {
		const char *id = (const char *)sqlite3_column_text(stmt, 0);
		double time = sqlite3_column_double(stmt, 1);
		int64_t bantime = sqlite3_column_int64(stmt, 2);
		if (id == NULL || *id == '\0' || !correct(rules, &time, &bantime))
			continue;
		struct ticket *t = ticket_new(id, time);
		json_t *data = column_json(stmt, 4);
		t->bantime = bantime;
		t->bancount = sqlite3_column_int(stmt, 3);
		t->is_restored = true;
		t->failures = failures_of(data, 0);
		t->retry = failures_of(data, 1);
		size_t keep = rules->max_matches;
		const json_t *matches = json_object_get(data, "matches");
		for (size_t i = 0; i < json_array_size(matches); i++)
			add_match(t, json_array_get(matches, i), keep);
		fill_groups(t, data);
		json_decref(data);
		if (n == room) {
			room = room != 0 ? room * 2 : 64;
			found = xreallocarray(found, room, sizeof *found);
		}
		found[n++] = t;
	}
	/* only now: the callback may write */
	for (size_t i = 0; i < n; i++)
		fn(arg, found[i]);
	free(found);
	return n;
}

bool
store_history(struct store *s, const char *id, const char *jail, struct store_history *out)
{
	sqlite3_stmt *stmt = s != NULL ? db_stmt(s, jail != NULL ? DB_HISTORY : DB_HISTORY_ALL) : NULL;

	if (stmt == NULL)
		return false;
	db_bind_text(stmt, 1, id);
	if (jail != NULL)
		db_bind_text(stmt, 2, jail);
	if (!db_row(s, stmt))
		return false;
	*out = (struct store_history){
	    .bancount = sqlite3_column_int(stmt, 0),
	    .last = sqlite3_column_double(stmt, 1),
	    .bantime = sqlite3_column_int64(stmt, 2),
	};
	db_done(stmt);
	return true;
}

struct ticket *
store_bans_merged(struct store *s, const char *id, const char *jail)
{
	sqlite3_stmt *stmt = s != NULL ? db_stmt(s, jail != NULL ? DB_MERGED : DB_MERGED_ALL) : NULL;
	struct ticket *t = NULL;
	json_t *newest_first = json_array(); /* lines, at most max_matches */

	if (stmt != NULL) {
		db_bind_text(stmt, 1, id);
		if (jail != NULL)
			db_bind_text(stmt, 2, jail);
	}
	while (stmt != NULL && db_row(s, stmt)) {
		json_t *data = column_json(stmt, 1);
		const json_t *matches = json_object_get(data, "matches");
		if (t == NULL)
			t = ticket_new(id, 0);
		t->time = t->first = sqlite3_column_double(stmt, 0); /* compat: getBansMerged keeps the oldest time */
		t->failures += failures_of(data, 1);
		t->bancount++;
		for (size_t i = json_array_size(matches); i-- > 0 && json_array_size(newest_first) < s->max_matches;)
			json_array_append(newest_first, json_array_get(matches, i));
		fill_groups(t, data);
		json_decref(data);
	}
	if (t != NULL) {
		t->retry = t->failures;
		for (size_t i = json_array_size(newest_first); i-- > 0;)
			add_match(t, json_array_get(newest_first, i), s->max_matches);
	}
	json_decref(newest_first);
	return t;
}

struct value *
store_bans_of(struct store *s, const char *id, size_t most)
{
	sqlite3_stmt *stmt = s != NULL ? db_stmt(s, DB_BANS_OF) : NULL;
	struct value *list = value_list();

	if (stmt == NULL)
		return list;
	db_bind_text(stmt, 1, id);
	sqlite3_bind_int64(stmt, 2, (int64_t)most);
	while (db_row(s, stmt)) {
		struct value *ban = value_dict();
		const char *jail = (const char *)sqlite3_column_text(stmt, 0);
		value_put(ban, "jail", value_str(jail != NULL ? jail : ""));
		value_put(ban, "t", value_int(sqlite3_column_int64(stmt, 1)));
		value_put(ban, "bantime", value_int(sqlite3_column_int64(stmt, 2)));
		value_push(list, ban);
	}
	return list;
}
