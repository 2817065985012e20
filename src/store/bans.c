/*
 * bans: tickets to rows and back. `bans` is the history, a row for each ban; `bips` the latest ban
 * of each (id, jail).
 */
#include "store/db.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

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
	char *data = data_text(t, s->max_matches);
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
		json_t *data = data_column(stmt, 4);
		t->bantime = bantime;
		t->bancount = sqlite3_column_int(stmt, 3);
		t->is_restored = true;
		t->failures = data_failures(data, 0);
		t->retry = data_failures(data, 1);
		data_fill(t, data, rules->max_matches);
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
		json_t *data = data_column(stmt, 1);
		const json_t *matches = json_object_get(data, "matches");
		if (t == NULL)
			t = ticket_new(id, 0);
		t->time = t->first = sqlite3_column_double(stmt, 0); /* compat: getBansMerged keeps the oldest time */
		t->failures += data_failures(data, 1);
		t->bancount++;
		for (size_t i = json_array_size(matches); i-- > 0 && json_array_size(newest_first) < s->max_matches;)
			json_array_append(newest_first, json_array_get(matches, i));
		data_fill_groups(t, data);
		json_decref(data);
	}
	if (t != NULL) {
		t->retry = t->failures;
		for (size_t i = json_array_size(newest_first); i-- > 0;)
			data_add_match(t, json_array_get(newest_first, i), s->max_matches);
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
