/*
 * schema: the tables of fail2ban's database, version 4, and the way there from versions 1 to 3.
 * Names, columns and keys are the contract with fail2ban, which opens the same file.
 */
#include "store/db.h"

#include <string.h>

static const char create_logs[] =
    "CREATE TABLE IF NOT EXISTS logs("
    " jail TEXT NOT NULL,"
    " path TEXT,"
    " firstlinemd5 TEXT,"
    " lastfilepos INTEGER DEFAULT 0,"
    " FOREIGN KEY(jail) REFERENCES jails(name) ON DELETE CASCADE,"
    " UNIQUE(jail, path),"
    " UNIQUE(jail, path, firstlinemd5));"
    "CREATE INDEX IF NOT EXISTS logs_path ON logs(path);"
    "CREATE INDEX IF NOT EXISTS logs_jail_path ON logs(jail, path);";

static const char create_bans[] =
    "CREATE TABLE IF NOT EXISTS bans("
    " jail TEXT NOT NULL,"
    " ip TEXT,"
    " timeofban INTEGER NOT NULL,"
    " bantime INTEGER NOT NULL,"
    " bancount INTEGER NOT NULL DEFAULT 1,"
    " data JSON,"
    " FOREIGN KEY(jail) REFERENCES jails(name));"
    "CREATE INDEX IF NOT EXISTS bans_jail_timeofban_ip ON bans(jail, timeofban);"
    "CREATE INDEX IF NOT EXISTS bans_jail_ip ON bans(jail, ip);"
    "CREATE INDEX IF NOT EXISTS bans_ip ON bans(ip);";

static const char create_bips[] =
    "CREATE TABLE IF NOT EXISTS bips("
    " ip TEXT NOT NULL,"
    " jail TEXT NOT NULL,"
    " timeofban INTEGER NOT NULL,"
    " bantime INTEGER NOT NULL,"
    " bancount INTEGER NOT NULL DEFAULT 1,"
    " data JSON,"
    " PRIMARY KEY(ip, jail),"
    " FOREIGN KEY(jail) REFERENCES jails(name));"
    "CREATE INDEX IF NOT EXISTS bips_timeofban ON bips(timeofban);"
    "CREATE INDEX IF NOT EXISTS bips_ip ON bips(ip);";

static const char create_rest[] =
    "CREATE TABLE IF NOT EXISTS fail2banDb(version INTEGER);"
    "INSERT INTO fail2banDb(version) SELECT 4 WHERE NOT EXISTS (SELECT 1 FROM fail2banDb);"
    "CREATE TABLE IF NOT EXISTS jails("
    " name TEXT NOT NULL UNIQUE,"
    " enabled INTEGER NOT NULL DEFAULT 1);"
    "CREATE INDEX IF NOT EXISTS jails_name ON jails(name);";

static bool
run(sqlite3 *db, const char *sql, struct err *err)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	return err_set(err, "%s", sqlite3_errmsg(db));
}

/* The first number that a query gives; fallback when there is no row. */
static int
number(sqlite3 *db, const char *sql, int64_t fallback, int64_t *out)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(stmt);
	*out = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : fallback;
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

bool
schema_create(sqlite3 *db, struct err *err)
{
	if (!run(db, "BEGIN IMMEDIATE", err))
		return false;
	if (run(db, create_rest, err) && run(db, create_logs, err) && run(db, create_bans, err) &&
	    run(db, create_bips, err) && run(db, "COMMIT", err))
		return true;
	run(db, "ROLLBACK", NULL);
	return false;
}

static bool
has_table(sqlite3 *db, const char *name)
{
	char sql[120];
	int64_t n = 0;

	sqlite3_snprintf(sizeof sql, sql, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = %Q", name);
	return number(db, sql, 0, &n) == SQLITE_OK && n != 0;
}

static const struct {
	const char *name, *columns;
} own_tables[OWN_COUNT] = {
    [OWN_WHITE] = {"jailtopWhite", "jail TEXT NOT NULL, ip TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY(jail, ip)"},
    [OWN_PARKED] = {"jailtopParked", "row INTEGER PRIMARY KEY, jail TEXT NOT NULL, id TEXT NOT NULL, time REAL NOT NULL,"
                                     " kind INTEGER NOT NULL, failregex INTEGER NOT NULL, data JSON"},
};

bool
schema_make_own(sqlite3 *db, enum own_table table)
{
	char sql[300];

	sqlite3_snprintf(sizeof sql, sql, "CREATE TABLE IF NOT EXISTS %w(%s)", own_tables[table].name, own_tables[table].columns);
	return run(db, sql, NULL);
}

bool
schema_has_own(sqlite3 *db, enum own_table table)
{
	return has_table(db, own_tables[table].name);
}

/* The table under another name, made anew, and filled from it. */
static bool
rebuild(sqlite3 *db, const char *name, const char *create, const char *columns, struct err *err)
{
	char sql[400];

	if (!has_table(db, name))
		return run(db, create, err);
	sqlite3_snprintf(sizeof sql, sql,
	    "CREATE TEMPORARY TABLE older AS SELECT * FROM %w; DROP TABLE %w;", name, name);
	if (!run(db, sql, err) || !run(db, create, err))
		return false;
	sqlite3_snprintf(sizeof sql, sql, "INSERT OR IGNORE INTO %w SELECT %s FROM older; DROP TABLE older;", name, columns);
	return run(db, sql, err);
}

bool
schema_upgrade(sqlite3 *db, int version, struct err *err)
{
	bool ok = run(db, "PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE", err);

	ok = ok && run(db, create_rest, err);
	if (version < 2) /* logs became unique */
		ok = ok && rebuild(db, "logs", create_logs, "jail, path, firstlinemd5, lastfilepos", err);
	if (version < 3) /* -2: ban time unknown, see store_bans_current() */
		ok = ok && rebuild(db, "bans", create_bans, "jail, ip, timeofban, -2, 1, data", err);
	if (version < 4 && !has_table(db, "bips"))
		ok = ok && run(db, create_bips, err) &&
		    run(db, "INSERT OR REPLACE INTO bips(ip, jail, timeofban, bantime, bancount, data)"
		            " SELECT ip, jail, timeofban, bantime, bancount, data FROM bans ORDER BY timeofban", err);
	ok = ok && run(db, create_logs, err) && run(db, create_bans, err) && run(db, create_bips, err) &&
	    run(db, "UPDATE fail2banDb SET version = 4; COMMIT", err);
	if (!ok)
		run(db, "ROLLBACK", NULL);
	run(db, "PRAGMA foreign_keys = ON", NULL);
	return ok;
}

static enum schema_state
broken(sqlite3 *db, int rc, struct err *err)
{
	err_set(err, "%s", sqlite3_errmsg(db));
	rc &= 0xff;
	return rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB || rc == SQLITE_ERROR ? SCHEMA_CORRUPT : SCHEMA_FAILED;
}

/* Reading every page is quick up to this size; what is broken in a larger file shows when it is used. */
#define CHECK_MAX_PAGES 16384

static bool
is_sound(sqlite3 *db, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int64_t pages = 0;
	bool ok = true;

	if (number(db, "PRAGMA page_count", 0, &pages) != SQLITE_OK || pages > CHECK_MAX_PAGES)
		return true;
	if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW) {
		const char *says = (const char *)sqlite3_column_text(stmt, 0);
		ok = says != NULL && strcmp(says, "ok") == 0;
		if (!ok)
			err_set(err, "%s", says != NULL ? says : "not readable");
	}
	sqlite3_finalize(stmt);
	return ok;
}

enum schema_state
schema_check(sqlite3 *db, int *version, struct err *err)
{
	int64_t tables = 0, found = STORE_VERSION, columns = 0;
	int rc = number(db, "SELECT count(*) FROM sqlite_master", 0, &tables);

	if (rc != SQLITE_OK)
		return broken(db, rc, err);
	bool is_new = !has_table(db, "fail2banDb");
	if (!is_new && (rc = number(db, "SELECT version FROM fail2banDb LIMIT 1", STORE_VERSION, &found)) != SQLITE_OK)
		return broken(db, rc, err);
	*version = (int)found;
	if (found > STORE_VERSION)
		return SCHEMA_FUTURE;
	if (!is_sound(db, err))
		return SCHEMA_CORRUPT;
	if (found < STORE_VERSION)
		return SCHEMA_OLD;
	/* what is missing is made, as fail2ban does when it checks */
	if ((is_new || !has_table(db, "jails") || !has_table(db, "logs") || !has_table(db, "bans") || !has_table(db, "bips")) &&
	    !schema_create(db, err))
		return broken(db, sqlite3_errcode(db), err);
	rc = number(db,
	    "SELECT (SELECT count(*) FROM pragma_table_info('bans')) + (SELECT count(*) FROM pragma_table_info('bips'))"
	    " + (SELECT count(*) FROM pragma_table_info('logs'))", 0, &columns);
	if (rc != SQLITE_OK)
		return broken(db, rc, err);
	if (columns < 6 + 6 + 4) {
		err_set(err, "tables with missing columns");
		return SCHEMA_CORRUPT;
	}
	return is_new ? SCHEMA_NEW : SCHEMA_OK;
}

enum copy_result { COPY_WHOLE, COPY_PART, COPY_NOT_WRITABLE };

/* One table in one direction. COPY_PART: reading stopped before the end. */
static enum copy_result
copy_table(sqlite3 *from, sqlite3 *to, const char *select, const char *insert, int columns, size_t *rows)
{
	sqlite3_stmt *read = NULL, *write = NULL;
	int rc = sqlite3_prepare_v2(from, select, -1, &read, NULL);
	bool is_writable = sqlite3_prepare_v2(to, insert, -1, &write, NULL) == SQLITE_OK;

	while (rc == SQLITE_OK && is_writable && (rc = sqlite3_step(read)) == SQLITE_ROW) {
		for (int i = 0; i < columns; i++)
			sqlite3_bind_value(write, i + 1, sqlite3_column_value(read, i));
		is_writable = sqlite3_step(write) == SQLITE_DONE;
		*rows += (size_t)sqlite3_changes(to);
		sqlite3_reset(write);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(read);
	sqlite3_finalize(write);
	return !is_writable ? COPY_NOT_WRITABLE : rc == SQLITE_DONE ? COPY_WHOLE : COPY_PART;
}

bool
schema_copy(sqlite3 *from, sqlite3 *to, bool replace, size_t *rows)
{
	static const struct {
		const char *select, *insert;
		int columns;
		enum own_table own; /* OWN_COUNT: one of fail2ban's */
	} tables[] = {
	    {"SELECT name, enabled FROM jails ORDER BY rowid", "INSERT OR IGNORE INTO jails(name, enabled) VALUES(?, ?)", 2, OWN_COUNT},
	    {"SELECT jail, path, firstlinemd5, lastfilepos FROM logs ORDER BY rowid",
	     "INSERT OR IGNORE INTO logs(jail, path, firstlinemd5, lastfilepos) VALUES(?, ?, ?, ?)", 4, OWN_COUNT},
	    /* bans has no key: the row number keeps what is read from both ends apart */
	    {"SELECT rowid, jail, ip, timeofban, bantime, bancount, data FROM bans ORDER BY rowid",
	     "INSERT OR IGNORE INTO bans(rowid, jail, ip, timeofban, bantime, bancount, data) VALUES(?, ?, ?, ?, ?, ?, ?)", 7, OWN_COUNT},
	    {"SELECT ip, jail, timeofban, bantime, bancount, data FROM bips ORDER BY rowid",
	     "INSERT OR IGNORE INTO bips(ip, jail, timeofban, bantime, bancount, data) VALUES(?, ?, ?, ?, ?, ?)", 6, OWN_COUNT},
	    {"SELECT jail, ip, until FROM jailtopWhite ORDER BY rowid",
	     "INSERT OR IGNORE INTO jailtopWhite(jail, ip, until) VALUES(?, ?, ?)", 3, OWN_WHITE},
	    {"SELECT row, jail, id, time, kind, failregex, data FROM jailtopParked ORDER BY row",
	     "INSERT OR IGNORE INTO jailtopParked(row, jail, id, time, kind, failregex, data) VALUES(?, ?, ?, ?, ?, ?, ?)", 7, OWN_PARKED},
	};
	char sql[300];
	enum copy_result result = COPY_WHOLE;
	bool ok = run(to, "PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE", NULL), is_whole = true;

	for (enum own_table own = 0; ok && own < OWN_COUNT; own++) {
		sqlite3_snprintf(sizeof sql, sql, "DELETE FROM %w", own_tables[own].name);
		if (schema_has_own(from, own))
			ok = schema_make_own(to, own);
		if (ok && replace && schema_has_own(to, own))
			ok = run(to, sql, NULL);
	}
	if (ok && replace)
		ok = run(to, "DELETE FROM bips; DELETE FROM bans; DELETE FROM logs; DELETE FROM jails", NULL);
	for (size_t i = 0; ok && result != COPY_NOT_WRITABLE && i < sizeof tables / sizeof *tables; i++) {
		if (tables[i].own != OWN_COUNT && !schema_has_own(from, tables[i].own))
			continue;
		result = copy_table(from, to, tables[i].select, tables[i].insert, tables[i].columns, rows);
		if (result == COPY_PART) { /* a broken page in the middle: the rest from the other end */
			sqlite3_snprintf(sizeof sql, sql, "%s DESC", tables[i].select);
			result = copy_table(from, to, sql, tables[i].insert, tables[i].columns, rows);
			is_whole = false;
		}
	}
	ok = ok && result != COPY_NOT_WRITABLE && run(to, "COMMIT", NULL);
	if (!ok)
		run(to, "ROLLBACK", NULL);
	run(to, "PRAGMA foreign_keys = ON", NULL);
	return ok && is_whole;
}
