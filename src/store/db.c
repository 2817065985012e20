#include "store/db.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static const char *const statements[DB_COUNT] = {
    [DB_JAIL_NEW] = "INSERT OR IGNORE INTO jails(name, enabled) VALUES(?, 1)",
    [DB_JAIL_ON] = "UPDATE jails SET enabled = 1 WHERE name = ? AND enabled != 1",
    [DB_JAIL_OFF] = "UPDATE jails SET enabled = 0 WHERE name = ?",
    [DB_JAILS_OFF] = "UPDATE jails SET enabled = 0",
    [DB_LOG_GET] = "SELECT firstlinemd5, lastfilepos FROM logs WHERE jail = ? AND path = ?",
    [DB_LOG_PUT] = "INSERT OR REPLACE INTO logs(jail, path, firstlinemd5, lastfilepos) VALUES(?, ?, ?, ?)",
    [DB_BAN_ADD] = "INSERT INTO bans(jail, ip, timeofban, bantime, bancount, data) VALUES(?, ?, ?, ?, ?, ?)",
    [DB_BIP_PUT] = "INSERT OR REPLACE INTO bips(jail, ip, timeofban, bantime, bancount, data) VALUES(?, ?, ?, ?, ?, ?)",
    [DB_BAN_DEL] = "DELETE FROM bans WHERE jail = ? AND ip = ?",
    [DB_BIP_DEL] = "DELETE FROM bips WHERE jail = ? AND ip = ?",
    [DB_BAN_DEL_ALL] = "DELETE FROM bans WHERE jail = ?",
    [DB_BIP_DEL_ALL] = "DELETE FROM bips WHERE jail = ?",
    [DB_CURRENT] = "SELECT ip, timeofban, bantime, bancount, data FROM bips WHERE jail = ?1"
                   " AND (timeofban + bantime > ?2 OR bantime <= -1) AND timeofban > ?3 ORDER BY ip",
    [DB_HISTORY] = "SELECT bancount, timeofban, bantime FROM bips WHERE ip = ?1 AND jail = ?2",
    [DB_HISTORY_ALL] = "SELECT sum(bancount), max(timeofban), sum(bantime) FROM bips WHERE ip = ?1 GROUP BY ip",
    [DB_MERGED] = "SELECT timeofban, data FROM bans WHERE ip = ?1 AND jail = ?2 ORDER BY timeofban DESC LIMIT 10000",
    [DB_MERGED_ALL] = "SELECT timeofban, data FROM bans WHERE ip = ?1 ORDER BY timeofban DESC LIMIT 10000",
    [DB_BANS_OF] = "SELECT jail, timeofban, bantime FROM (SELECT jail, timeofban, bantime, rowid FROM bans WHERE ip = ?1"
                   " ORDER BY timeofban DESC, rowid DESC LIMIT ?2) ORDER BY timeofban, rowid",
    [DB_BIP_MOVE] = "UPDATE bips SET timeofban = ?4 WHERE jail = ?1 AND ip = ?2 AND timeofban = ?3",
    [DB_BAN_MOVE] = "UPDATE bans SET timeofban = ?4 WHERE jail = ?1 AND ip = ?2 AND timeofban = ?3",
    [DB_WHITE_PUT] = "INSERT OR REPLACE INTO jailtopWhite(jail, ip, until) VALUES(?, ?, ?)",
    [DB_WHITE_DEL] = "DELETE FROM jailtopWhite WHERE jail = ? AND ip = ?",
    [DB_WHITE_OF] = "SELECT ip, until FROM jailtopWhite WHERE jail = ? ORDER BY rowid",
    [DB_PURGE_BANS] = "DELETE FROM bans WHERE timeofban < ?1",
    /* compat: Fail2BanDb._outDatedFactor is 3 */
    [DB_PURGE_BIPS] = "DELETE FROM bips WHERE timeofban < ?1 AND bantime != -1 AND timeofban + bantime * 3 < ?1",
    [DB_PURGE_JAILS] = "DELETE FROM jails WHERE enabled = 0 AND name NOT IN (SELECT jail FROM bans)"
                       " AND name NOT IN (SELECT jail FROM bips)",
};

void
db_forget_statements(struct store *s)
{
	for (size_t i = 0; i < DB_COUNT; i++) {
		sqlite3_finalize(s->stmts[i]);
		s->stmts[i] = NULL;
	}
}

sqlite3_stmt *
db_stmt(struct store *s, enum db_stmt id)
{
	if (s->stmts[id] == NULL &&
	    sqlite3_prepare_v3(s->db, statements[id], -1, SQLITE_PREPARE_PERSISTENT, &s->stmts[id], NULL) != SQLITE_OK)
		log_write(LOG_LEVEL_ERROR, STORE_LOGGER, "Database '%s': %s", s->path, sqlite3_errmsg(s->db));
	return s->stmts[id];
}

void
db_bind_text(sqlite3_stmt *stmt, int i, const char *text)
{
	sqlite3_bind_text(stmt, i, text, -1, SQLITE_STATIC);
}

void
db_done(sqlite3_stmt *stmt)
{
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
}

bool
db_row(struct store *s, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE)
		log_write(LOG_LEVEL_ERROR, STORE_LOGGER, "Database '%s': %s", s->path, sqlite3_errmsg(s->db));
	db_done(stmt);
	if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB)
		db_failed(s, rc);
	return false;
}

/* ---- writing ---- */

static void
remember(struct store *s, sqlite3_stmt *stmt)
{
	char *sql = sqlite3_expanded_sql(stmt);

	if (sql == NULL)
		return;
	if (s->n_pending == s->room_pending) {
		s->room_pending = s->room_pending != 0 ? s->room_pending * 2 : 32;
		s->pending = xreallocarray(s->pending, s->room_pending, sizeof *s->pending);
	}
	s->pending[s->n_pending++] = sql;
}

void
db_forget_pending(struct store *s)
{
	for (size_t i = 0; i < s->n_pending; i++)
		sqlite3_free(s->pending[i]);
	s->n_pending = 0;
}

static bool
is_data_error(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
	case SQLITE_RANGE:
		return true;
	default:
		return false;
	}
}

bool
db_replay(struct store *s)
{
	int rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	for (size_t i = 0; rc == SQLITE_OK && i < s->n_pending; i++) {
		rc = sqlite3_exec(s->db, s->pending[i], NULL, NULL, NULL);
		if (is_data_error(rc))
			rc = SQLITE_OK;
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
	if (rc == SQLITE_OK) {
		db_forget_pending(s);
		return true;
	}
	sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return false;
}

static bool
begin(struct store *s)
{
	if (s->in_transaction)
		return true;
	int rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		db_failed(s, rc);
	s->in_transaction = rc == SQLITE_OK;
	return s->in_transaction;
}

void
db_commit(struct store *s)
{
	if (!s->in_transaction)
		return;
	s->in_transaction = false;
	int rc = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		db_forget_pending(s);
	else
		db_failed(s, rc);
}

size_t
db_write(struct store *s, sqlite3_stmt *stmt)
{
	size_t changes = 0;

	remember(s, stmt);
	if (!s->is_behind && begin(s)) {
		int rc = sqlite3_step(stmt);
		if (rc == SQLITE_DONE)
			changes = (size_t)sqlite3_changes(s->db);
		if (is_data_error(rc)) {
			log_write(LOG_LEVEL_ERROR, STORE_LOGGER, "Database '%s': %s", s->path, sqlite3_errmsg(s->db));
			sqlite3_free(s->pending[--s->n_pending]);
		} else if (rc != SQLITE_DONE) {
			db_done(stmt);
			s->in_transaction = false;
			db_failed(s, rc);
			return 0; /* the statement may be gone with its connection */
		}
		db_done(stmt);
		if (s->depth == 0)
			db_commit(s);
	} else if (s->is_behind) {
		db_done(stmt);
		if (s->n_pending > STORE_MAX_PENDING)
			db_failed(s, SQLITE_FULL);
	}
	return changes;
}
