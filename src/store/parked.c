/*
 * parked: failures that wait for an ignorecommand or for a name, so that a kill does not lose them: their
 * lines count as read. A table of our own beside fail2ban's, made when the first one waits.
 */
#include "store/db.h"

#include "base/mem.h"

#include <stdlib.h>

enum { KIND_NAME = 1, KIND_INVALID = 2 };

int64_t
store_park(struct store *s, const char *jail, const struct ticket *t, bool is_name)
{
	if (s == NULL)
		return 0;
	if (s->parked_row == 0 && schema_has_own(s->db, OWN_PARKED)) {
		sqlite3_stmt *stmt = db_stmt(s, DB_PARKED_LAST);
		if (stmt != NULL && db_row(s, stmt)) {
			s->parked_row = sqlite3_column_int64(stmt, 0);
			db_done(stmt);
		}
	}
	char *data = data_text(t, s->max_matches);
	db_write(s, DB_PARKED_PUT, 7, (struct db_value[]){db_int(++s->parked_row), db_text(jail), db_text(t->id), db_real(t->time),
	                                  db_int((is_name ? KIND_NAME : 0) | (t->is_invalid ? KIND_INVALID : 0)),
	                                  db_int(t->failregex), db_blob(data)});
	free(data);
	return s->parked_row;
}

void
store_unpark(struct store *s, int64_t row)
{
	if (s != NULL && row != 0)
		db_write(s, DB_PARKED_DEL, 1, (struct db_value[]){db_int(row)});
}

void
store_parked_take(struct store *s, const char *jail, void (*fn)(void *arg, struct ticket *t, bool is_name), void *arg)
{
	sqlite3_stmt *stmt = s != NULL && schema_has_own(s->db, OWN_PARKED) ? db_stmt(s, DB_PARKED_OF) : NULL;
	struct {
		struct ticket *ticket;
		bool is_name;
	} *found = NULL;
	size_t n = 0;

	if (stmt == NULL)
		return;
	db_bind_text(stmt, 1, jail);
	while (db_row(s, stmt)) {
		const char *id = (const char *)sqlite3_column_text(stmt, 0);
		if (id == NULL || *id == '\0')
			continue;
		struct ticket *t = ticket_new(id, sqlite3_column_double(stmt, 1));
		int kind = sqlite3_column_int(stmt, 2);
		json_t *data = data_column(stmt, 4);
		t->is_invalid = (kind & KIND_INVALID) != 0;
		t->failregex = sqlite3_column_int(stmt, 3);
		data_fill(t, data, s->max_matches);
		json_decref(data);
		found = xreallocarray(found, n + 1, sizeof *found);
		found[n].ticket = t;
		found[n++].is_name = (kind & KIND_NAME) != 0;
	}
	db_write(s, DB_PARKED_DEL_ALL, 1, (struct db_value[]){db_text(jail)});
	/* only now: the callback may write */
	for (size_t i = 0; i < n; i++)
		fn(arg, found[i].ticket, found[i].is_name);
	free(found);
}
