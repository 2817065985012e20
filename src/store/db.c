#include "store/db.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define PENDING_KEPT (64 * 1024) /* bytes of room that stay between two transactions */

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
    [DB_PARKED_PUT] = "INSERT OR REPLACE INTO jailtopParked(row, jail, id, time, kind, failregex, data)"
                      " VALUES(?, ?, ?, ?, ?, ?, ?)",
    [DB_PARKED_DEL] = "DELETE FROM jailtopParked WHERE row = ?",
    [DB_PARKED_DEL_ALL] = "DELETE FROM jailtopParked WHERE jail = ?",
    [DB_PARKED_OF] = "SELECT id, time, kind, failregex, data FROM jailtopParked WHERE jail = ? ORDER BY row",
    [DB_PARKED_LAST] = "SELECT max(row) FROM jailtopParked",
    [DB_PURGE_BANS] = "DELETE FROM bans WHERE timeofban < ?1",
    /* compat: Fail2BanDb._outDatedFactor is 3 */
    [DB_PURGE_BIPS] = "DELETE FROM bips WHERE timeofban < ?1 AND bantime != -1 AND timeofban + bantime * 3 < ?1",
    [DB_PURGE_JAILS] = "DELETE FROM jails WHERE enabled = 0 AND name NOT IN (SELECT jail FROM bans)"
                       " AND name NOT IN (SELECT jail FROM bips)",
    [DB_PURGE_PARKED] = "DELETE FROM jailtopParked WHERE time < ?",
};

void
db_forget_statements(struct store *s)
{
	for (size_t i = 0; i < DB_COUNT; i++) {
		sqlite3_finalize(s->stmts[i]);
		s->stmts[i] = NULL;
	}
}

/* What changes a table of our own makes it first, also where old writes are done again. */
static void
make_table_of(struct store *s, enum db_stmt id)
{
	if (id == DB_WHITE_PUT || id == DB_WHITE_DEL)
		schema_make_own(s->db, OWN_WHITE);
	else if (id == DB_PARKED_PUT || id == DB_PARKED_DEL || id == DB_PARKED_DEL_ALL || id == DB_PURGE_PARKED)
		schema_make_own(s->db, OWN_PARKED);
}

sqlite3_stmt *
db_stmt(struct store *s, enum db_stmt id)
{
	if (s->stmts[id] == NULL)
		make_table_of(s, id);
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

struct db_value
db_text(const char *text)
{
	return (struct db_value){.kind = DB_TEXT, .bytes = text, .len = strlen(text)};
}

struct db_value
db_blob(const char *text)
{
	return (struct db_value){.kind = DB_BLOB, .bytes = text, .len = strlen(text)};
}

struct db_value
db_int(int64_t integer)
{
	return (struct db_value){.kind = DB_INT, .integer = integer};
}

struct db_value
db_real(double real)
{
	return (struct db_value){.kind = DB_REAL, .real = real};
}

static void
bind(sqlite3_stmt *stmt, size_t n, const struct db_value *values)
{
	for (size_t i = 0; i < n; i++) {
		const struct db_value *v = &values[i];
		int at = (int)i + 1;
		if (v->kind == DB_TEXT)
			sqlite3_bind_text(stmt, at, v->bytes, (int)v->len, SQLITE_STATIC);
		else if (v->kind == DB_INT)
			sqlite3_bind_int64(stmt, at, v->integer);
		else if (v->kind == DB_REAL)
			sqlite3_bind_double(stmt, at, v->real);
		else
			sqlite3_bind_blob(stmt, at, v->bytes, (int)v->len, SQLITE_STATIC);
	}
}

/* One remembered write: a head, the values' heads, then their bytes. */
struct packed {
	uint8_t stmt, n;
};

struct packed_value {
	uint8_t kind;
	uint32_t len; /* of the bytes that follow */
};

static void
remember(struct store *s, enum db_stmt id, size_t n, const struct db_value *values)
{
	struct packed head = {(uint8_t)id, (uint8_t)n};

	str_addn(&s->pending, (const char *)&head, sizeof head);
	for (size_t i = 0; i < n; i++) {
		const struct db_value *v = &values[i];
		struct packed_value part = {(uint8_t)v->kind, (uint32_t)v->len};
		const char *bytes = v->bytes;
		if (v->kind == DB_INT || v->kind == DB_REAL) {
			part.len = 8;
			bytes = v->kind == DB_INT ? (const char *)&v->integer : (const char *)&v->real;
		} else if (v->kind == DB_BLOB && v->len != 0 && v->len == s->blob_len &&
		    memcmp(s->pending.at + s->blob_at, v->bytes, v->len) == 0) {
			part = (struct packed_value){DB_BLOB_AGAIN, 0};
		}
		str_addn(&s->pending, (const char *)&part, sizeof part);
		if (part.kind == DB_BLOB) {
			s->blob_at = s->pending.len;
			s->blob_len = part.len;
		}
		str_addn(&s->pending, bytes, part.len);
	}
	s->n_pending++;
}

/* The write at *at, which moves behind it; *blob is the last blob so far. */
static struct packed
recall(const struct store *s, size_t *at, struct db_value values[DB_MAX_VALUES], struct db_value *blob)
{
	struct packed head;

	memcpy(&head, s->pending.at + *at, sizeof head);
	*at += sizeof head;
	for (size_t i = 0; i < head.n; i++) {
		struct packed_value part;
		memcpy(&part, s->pending.at + *at, sizeof part);
		*at += sizeof part;
		values[i] = (struct db_value){.kind = part.kind, .bytes = s->pending.at + *at, .len = part.len};
		if (part.kind == DB_INT)
			memcpy(&values[i].integer, values[i].bytes, 8);
		else if (part.kind == DB_REAL)
			memcpy(&values[i].real, values[i].bytes, 8);
		else if (part.kind == DB_BLOB)
			*blob = values[i];
		else if (part.kind == DB_BLOB_AGAIN)
			values[i] = *blob;
		*at += part.len;
	}
	return head;
}

static void
forget_from(struct store *s, size_t len)
{
	str_cut(&s->pending, len);
	if (s->blob_at + s->blob_len > len)
		s->blob_at = s->blob_len = 0;
}

void
db_forget_pending(struct store *s)
{
	s->n_pending = 0;
	if (s->pending.cap > PENDING_KEPT)
		str_done(&s->pending);
	forget_from(s, 0);
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

static int
run(sqlite3_stmt *stmt, size_t n, const struct db_value *values)
{
	bind(stmt, n, values);
	int rc = sqlite3_step(stmt);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

bool
db_replay(struct store *s)
{
	int rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	struct db_value values[DB_MAX_VALUES], blob = {0};

	for (size_t at = 0; rc == SQLITE_OK && at < s->pending.len;) {
		struct packed head = recall(s, &at, values, &blob);
		sqlite3_stmt *stmt = db_stmt(s, (enum db_stmt)head.stmt);
		rc = stmt != NULL ? run(stmt, head.n, values) : SQLITE_ERROR;
		if (stmt != NULL)
			db_done(stmt);
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
db_write(struct store *s, enum db_stmt id, size_t n, const struct db_value *values)
{
	sqlite3_stmt *stmt = s != NULL ? db_stmt(s, id) : NULL;
	size_t changes = 0;

	if (stmt == NULL)
		return 0;
	size_t before = s->pending.len;
	remember(s, id, n, values);
	if (!s->is_behind && begin(s)) {
		int rc = run(stmt, n, values);
		if (rc == SQLITE_OK)
			changes = (size_t)sqlite3_changes(s->db);
		if (is_data_error(rc)) {
			log_write(LOG_LEVEL_ERROR, STORE_LOGGER, "Database '%s': %s", s->path, sqlite3_errmsg(s->db));
			forget_from(s, before);
			s->n_pending--;
		}
		db_done(stmt);
		if (rc != SQLITE_OK && !is_data_error(rc)) {
			s->in_transaction = false;
			db_failed(s, rc);
			return 0; /* the statement may be gone with its connection */
		}
		if (s->depth == 0)
			db_commit(s);
	} else if (s->is_behind && s->n_pending > STORE_MAX_PENDING) {
		db_failed(s, SQLITE_FULL);
	}
	return changes;
}
