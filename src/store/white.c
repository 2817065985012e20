/*
 * white: the operator's whitelist entries that have an end, so that they outlive a restart. A table of our
 * own beside fail2ban's, made when the first entry comes.
 */
#include "store/db.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

void
store_white_put(struct store *s, const char *jail, const char *ip, double until)
{
	if (s == NULL)
		return; /* it holds as long as the engine runs */
	db_write(s, DB_WHITE_PUT, 3, (struct db_value[]){db_text(jail), db_text(ip), db_int(llrint(until))});
}

void
store_white_del(struct store *s, const char *jail, const char *ip)
{
	if (s != NULL && schema_has_own(s->db, OWN_WHITE))
		db_write(s, DB_WHITE_DEL, 2, (struct db_value[]){db_text(jail), db_text(ip)});
}

void
store_white_each(struct store *s, const char *jail, void (*fn)(void *arg, const char *ip, double until), void *arg)
{
	sqlite3_stmt *stmt = s != NULL && schema_has_own(s->db, OWN_WHITE) ? db_stmt(s, DB_WHITE_OF) : NULL;
	struct {
		char *ip;
		double until;
	} *found = NULL;
	size_t n = 0;

	if (stmt == NULL)
		return;
	db_bind_text(stmt, 1, jail);
	while (db_row(s, stmt)) {
		const char *ip = (const char *)sqlite3_column_text(stmt, 0);
		if (ip == NULL)
			continue;
		found = xreallocarray(found, n + 1, sizeof *found);
		found[n].ip = xstrdup(ip);
		found[n++].until = sqlite3_column_double(stmt, 1);
	}
	/* only now: the callback may write */
	for (size_t i = 0; i < n; i++) {
		fn(arg, found[i].ip, found[i].until);
		free(found[i].ip);
	}
	free(found);
}
