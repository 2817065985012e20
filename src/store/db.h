/*
 * db: inside the store: the connection, its statements, and writing that does not fail.
 *
 * A write is remembered, statement and values, until its transaction is committed, so that it can be done
 * again in memory, in a new file, or when another program has let go of the lock.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"
#include "store/sqlite.h"
#include "store/store.h"

#define STORE_LOGGER "fail2ban.database"
#define DB_MAX_VALUES 8 /* of one statement */

enum db_stmt {
	DB_JAIL_NEW,
	DB_JAIL_ON,
	DB_JAIL_OFF,
	DB_JAILS_OFF,
	DB_LOG_GET,
	DB_LOG_PUT,
	DB_BAN_ADD,
	DB_BIP_PUT,
	DB_BAN_DEL,
	DB_BIP_DEL,
	DB_BAN_DEL_ALL,
	DB_BIP_DEL_ALL,
	DB_CURRENT,
	DB_HISTORY,
	DB_HISTORY_ALL,
	DB_MERGED,
	DB_MERGED_ALL,
	DB_BANS_OF,
	DB_BIP_MOVE,
	DB_BAN_MOVE,
	DB_WHITE_PUT,
	DB_WHITE_DEL,
	DB_WHITE_OF,
	DB_PARKED_PUT,
	DB_PARKED_DEL,
	DB_PARKED_DEL_ALL,
	DB_PARKED_OF,
	DB_PARKED_LAST,
	DB_PURGE_BANS,
	DB_PURGE_BIPS,
	DB_PURGE_JAILS,
	DB_PURGE_PARKED,
	DB_COUNT,
};

struct store {
	char *path; /* owned */
	const struct clock *clock;
	sqlite3 *db; /* owned; the file, or memory */
	sqlite3_stmt *stmts[DB_COUNT]; /* owned; prepared at first use */
	int64_t purge_age;
	size_t max_matches;
	unsigned depth;     /* of store_begin() */
	bool in_transaction;
	struct str pending; /* owned: what was written since the last commit, one packed write behind the other */
	size_t n_pending;   /* writes in it */
	size_t blob_at, blob_len; /* the last blob in it: a ban's second row has the same */
	int wal_pages;      /* in the log of the file, at the last commit */
	bool wrote;         /* since the last tick */
	bool in_memory;     /* the file cannot be written; ":memory:" is not meant */
	bool is_behind;     /* the file is locked by another program: writes wait in pending */
	bool is_incomplete; /* what was in the file could not be read whole: it must not be overwritten */
	char *problem;      /* owned; NULL: none */
	double retry_at;    /* monotonic */
	int64_t parked_row; /* given last; 0: none yet */
};

/* ---- statements ---- */

/* Ready to be bound; NULL when the database is broken (then reads find nothing). */
sqlite3_stmt *db_stmt(struct store *s, enum db_stmt id);
void db_bind_text(sqlite3_stmt *stmt, int i, const char *text); /* must live until db_done() */

struct db_value {
	enum db_kind { DB_TEXT, DB_BLOB, DB_BLOB_AGAIN, DB_INT, DB_REAL } kind;
	const char *bytes;
	size_t len;
	int64_t integer;
	double real;
};

struct db_value db_text(const char *text);
struct db_value db_blob(const char *text);
struct db_value db_int(int64_t integer);
struct db_value db_real(double real);

/* Runs a statement that changes something, in the open transaction or one of its own. Rows changed. */
size_t db_write(struct store *s, enum db_stmt id, size_t n, const struct db_value *values);
/* Next row of a bound query; at its end, or on an error, it is reset and false. */
bool db_row(struct store *s, sqlite3_stmt *stmt);
void db_done(sqlite3_stmt *stmt); /* leaves a query early */
void db_commit(struct store *s);
bool db_replay(struct store *s); /* pending writes, in one transaction; forgets them when done */
void db_forget_pending(struct store *s);
void db_forget_statements(struct store *s);
/*
 * A write failed with this sqlite code: finds another place for it (store.c). The transaction is rolled
 * back, and what was pending is written there. Statements may be gone after it.
 */
void db_failed(struct store *s, int rc);

/* ---- schema.c ---- */
enum schema_state {
	SCHEMA_OK,
	SCHEMA_NEW,     /* an empty file: tables were made */
	SCHEMA_OLD,     /* *version is 1 to 3: schema_upgrade() it */
	SCHEMA_FUTURE,  /* *version is newer than STORE_VERSION */
	SCHEMA_CORRUPT, /* err says what */
	SCHEMA_FAILED,  /* cannot be used now (locked, read-only, no space); err says why */
};

enum schema_state schema_check(sqlite3 *db, int *version, struct err *err);
bool schema_create(sqlite3 *db, struct err *err);
/* Tables of our own beside fail2ban's, which leaves them alone; each is made when it is first needed. */
enum own_table { OWN_WHITE, OWN_PARKED, OWN_COUNT };
bool schema_has_own(sqlite3 *db, enum own_table table);
bool schema_make_own(sqlite3 *db, enum own_table table);
bool schema_upgrade(sqlite3 *db, int version, struct err *err);
/* Copies what can be read of all tables, in one transaction; false if something could not be. replace: empties them first. */
bool schema_copy(sqlite3 *from, sqlite3 *to, bool replace, size_t *rows);

/* ---- data.c: the data column ---- */
char *data_text(const struct ticket *t, size_t max_matches); /* the caller frees */
json_t *data_column(sqlite3_stmt *stmt, int column); /* a new reference, or NULL */
int data_failures(const json_t *data, int otherwise);
void data_add_match(struct ticket *t, const json_t *match, size_t keep);
void data_fill_groups(struct ticket *t, const json_t *data);
void data_fill(struct ticket *t, const json_t *data, size_t keep); /* lines and groups */

#endif
