/*
 * logs: where reading of each log file, or of the journal, goes on.
 */
#include "store/db.h"

#include <math.h>
#include <string.h>

/* The row of a log. False: none. hash "" also stands for NULL; *has_hash tells them apart. */
static bool
find(struct store *s, const char *jail, const char *path, char hash[64], bool *has_hash, double *pos)
{
	sqlite3_stmt *stmt = s != NULL ? db_stmt(s, DB_LOG_GET) : NULL;

	if (stmt == NULL)
		return false;
	db_bind_text(stmt, 1, jail);
	db_bind_text(stmt, 2, path);
	if (!db_row(s, stmt))
		return false;
	const char *text = (const char *)sqlite3_column_text(stmt, 0);
	*has_hash = text != NULL;
	strncpy(hash, text != NULL ? text : "", 63);
	hash[63] = '\0';
	*pos = sqlite3_column_double(stmt, 1);
	db_done(stmt);
	return true;
}

void
store_log_update(struct store *s, const char *jail, const char *path, const char *hash, double pos)
{
	bool is_whole = pos == floor(pos) && fabs(pos) < 9e15;

	db_write(s, DB_LOG_PUT, 4, (struct db_value[]){db_text(jail), db_text(path), db_text(hash),
	                               is_whole ? db_int((int64_t)pos) : db_real(pos)});
}

bool
store_log_add(struct store *s, const char *jail, const char *path, const char *hash, double pos, double *resume)
{
	char stored[64];
	bool has_hash = false;

	if (!find(s, jail, path, stored, &has_hash, resume) || !has_hash) {
		store_log_update(s, jail, path, hash, pos);
		return false;
	}
	return strcmp(stored, hash) == 0; /* another hash: the row stays until the new file was read */
}

bool
store_log_find(struct store *s, const char *jail, const char *path, char hash[41], double *pos)
{
	char stored[64];
	bool has_hash;

	if (!find(s, jail, path, stored, &has_hash, pos) || strlen(stored) > 40)
		return false;
	memcpy(hash, stored, strlen(stored) + 1);
	return true;
}

bool
store_log_pos(struct store *s, const char *jail, const char *path, double *pos)
{
	char hash[64];
	bool has_hash;

	return find(s, jail, path, hash, &has_hash, pos);
}
