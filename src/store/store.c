#include "store/store.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define OPEN_BUSY_MS 3000 /* another program may be leaving */
#define RUN_BUSY_MS 50    /* the loop waits; what is locked longer is written later */
#define BUSY_RETRY_S 1
#define WAL_PAGES 1000      /* of the file's log that are moved into it, in a quiet moment */
#define WAL_MAX_PAGES 4000  /* or at once */

static bool
is_meant_memory(const struct store *s)
{
	return strcmp(s->path, ":memory:") == 0;
}

static void
set_problem(struct store *s, char *text)
{
	free(s->problem);
	s->problem = text;
}

/* ---- files ---- */

/* PATH.YYYYMMDD-HHMMSS, in UTC as fail2ban names its backups; the caller frees. */
static char *
backup_name(const struct store *s)
{
	time_t now = (time_t)clock_now(s->clock);
	struct tm tm;
	char stamp[32];

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &tm);
	char *name = xasprintf("%s.%s", s->path, stamp);
	for (int i = 1; access(name, F_OK) == 0 && i < 100; i++) {
		free(name);
		name = xasprintf("%s.%s.%d", s->path, stamp, i);
	}
	return name;
}

static void
move_with_wal(const char *from, const char *to)
{
	static const char *const ends[] = {"", "-wal", "-shm"};

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		char *a = xasprintf("%s%s", from, ends[i]), *b = xasprintf("%s%s", to, ends[i]);
		rename(a, b);
		free(a);
		free(b);
	}
}

static void
make_file(const char *path)
{
	char *dir = xstrdup(path), *slash = strrchr(dir, '/');

	if (slash != NULL && slash != dir) {
		*slash = '\0';
		mkdir(dir, 0755);
	}
	free(dir);
	int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
}

static bool
run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* A checkpoint waits for the disk: it is for the tick of a quiet second, unless the log grows too long. */
static int
on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct store *s = arg;

	s->wal_pages = pages;
	s->wrote = true;
	return pages >= WAL_MAX_PAGES ? sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) : SQLITE_OK;
}

static void
checkpoint(struct store *s)
{
	if (s->wal_pages >= WAL_PAGES && !s->wrote) {
		s->wal_pages = 0;
		sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	}
	s->wrote = false;
}

static sqlite3 *
open_file(const char *path, struct err *err)
{
	sqlite3 *db = NULL;

	make_file(path);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK) {
		err_set(err, "%s", db != NULL ? sqlite3_errmsg(db) : "out of memory");
		sqlite3_close(db);
		return NULL;
	}
	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, OPEN_BUSY_MS);
	/*
	 * WAL: a commit is in the file's log before it is reported, so SIGKILL loses nothing, and
	 * readers go on while we write. NORMAL: a power cut costs at most the last moments.
	 */
	run(db, "PRAGMA foreign_keys = ON");
	run(db, "PRAGMA journal_mode = WAL");
	run(db, "PRAGMA synchronous = NORMAL");
	run(db, "PRAGMA temp_store = MEMORY");
	run(db, "PRAGMA cache_size = -1000"); /* KiB: the rows of a storm are written once, in order */
	return db;
}

static sqlite3 *
open_memory(void)
{
	sqlite3 *db = NULL;

	if (sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		abort(); /* out of memory */
	sqlite3_extended_result_codes(db, 1);
	run(db, "PRAGMA foreign_keys = ON");
	schema_create(db, NULL);
	return db;
}

/* For a file that cannot be written: read as it lies there, without the locks that need writing. */
static sqlite3 *
open_immutable(const char *path)
{
	struct str uri = {0};
	sqlite3 *db = NULL;

	str_add(&uri, "file:");
	for (const char *p = path; *p != '\0'; p++)
		if (*p == '%' || *p == '?' || *p == '#')
			str_addf(&uri, "%%%02x", (unsigned char)*p);
		else
			str_addc(&uri, *p);
	str_add(&uri, "?mode=ro&immutable=1");
	if (sqlite3_open_v2(uri.at, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) != SQLITE_OK) {
		sqlite3_close(db);
		db = NULL;
	}
	str_done(&uri);
	return db;
}

static void
use_db(struct store *s)
{
	sqlite3_busy_timeout(s->db, RUN_BUSY_MS);
	sqlite3_wal_hook(s->db, on_wal, s);
	s->wal_pages = 0;
}

static void
take_db(struct store *s, sqlite3 *db)
{
	db_forget_statements(s);
	sqlite3_close(s->db);
	s->db = db;
	use_db(s);
}

/* ---- when the file fails ---- */

/* Goes on in memory with what can be read from the file. */
static void
to_memory(struct store *s, const char *why)
{
	char stamp[32];
	time_t now = (time_t)clock_now(s->clock);
	struct tm tm;
	sqlite3 *memory = open_memory(), *from = s->db;
	size_t rows = 0;
	int version;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &tm);
	if (from == NULL || (schema_check(from, &version, NULL) != SCHEMA_OK && access(s->path, R_OK) == 0)) {
		from = open_immutable(s->path);
		if (from != NULL && schema_check(from, &version, NULL) != SCHEMA_OK) {
			sqlite3_close(from);
			from = NULL;
		}
	}
	s->is_incomplete = (from == NULL && access(s->path, F_OK) == 0) ||
	    (from != NULL && !schema_copy(from, memory, false, &rows));
	if (from != NULL && from != s->db)
		sqlite3_close(from);
	take_db(s, memory);
	s->in_memory = true;
	s->is_behind = false;
	s->retry_at = clock_monotonic(s->clock) + STORE_RETRY_S;
	set_problem(s, xasprintf("%s: kept in memory since %s", why, stamp));
	log_write(LOG_LEVEL_ERROR, STORE_LOGGER, "Database '%s': %s. Bans are kept in memory until it can be written again",
	    s->path, why);
	if (s->n_pending != 0)
		db_replay(s);
	db_forget_pending(s);
}

/* A corrupt file leaves under another name; what is readable in it goes into a new one. */
static bool
set_aside(struct store *s, const char *why)
{
	char *backup = backup_name(s);
	struct err err;
	size_t rows = 0;
	bool whole = false;

	log_write(LOG_LEVEL_ERROR, STORE_LOGGER, "Error opening fail2ban persistent database '%s': %s", s->path, why);
	log_write(LOG_LEVEL_INFO, STORE_LOGGER, "Trying to repair database %s", s->path);
	db_forget_statements(s);
	if (s->db != NULL) {
		sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		sqlite3_close(s->db);
		s->db = NULL;
	}
	move_with_wal(s->path, backup);
	log_write(LOG_LEVEL_INFO, STORE_LOGGER, "  Database backup created: %s", backup);
	sqlite3 *db = open_file(s->path, &err);
	bool ok = db != NULL && schema_create(db, &err);
	if (ok) {
		sqlite3 *old = open_immutable(backup);
		if (old != NULL)
			whole = schema_copy(old, db, false, &rows);
		sqlite3_close(old);
		s->db = db;
		use_db(s);
		log_write(LOG_LEVEL_WARNING, STORE_LOGGER, "Corrupt database set aside as '%s', %s%zu rows taken over",
		    backup, whole ? "all " : "", rows);
	} else {
		sqlite3_close(db);
	}
	free(backup);
	return ok;
}

/* A text for the operator in place of sqlite's. */
static const char *
reason(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return "disk full";
	case SQLITE_READONLY:
		return "read-only";
	case SQLITE_IOERR:
		return "input/output error";
	case SQLITE_CANTOPEN:
		return "cannot be opened";
	default:
		return sqlite3_errstr(rc & 0xff);
	}
}

void
db_failed(struct store *s, int rc)
{
	int code = rc & 0xff;

	s->in_transaction = false;
	if (!sqlite3_get_autocommit(s->db))
		run(s->db, "ROLLBACK");
	if (s->in_memory || is_meant_memory(s)) {
		log_write(LOG_LEVEL_ERROR, STORE_LOGGER, "Database in memory: %s", sqlite3_errstr(code));
		db_forget_pending(s);
	} else if ((code == SQLITE_BUSY || code == SQLITE_LOCKED) && s->n_pending <= STORE_MAX_PENDING) {
		if (!s->is_behind) {
			log_write(LOG_LEVEL_WARNING, STORE_LOGGER,
			    "Database '%s' is locked by another program: changes wait", s->path);
			set_problem(s, xstrdup("locked by another program: changes wait"));
		}
		s->is_behind = true;
		s->retry_at = clock_monotonic(s->clock) + BUSY_RETRY_S;
	} else if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
		if (!set_aside(s, sqlite3_errstr(code)) || !db_replay(s))
			to_memory(s, "corrupt");
	} else {
		to_memory(s, reason(rc));
	}
}

/* The file again, with all that memory holds, in one transaction. */
static bool
back_to_file(struct store *s)
{
	struct err err;
	size_t rows = 0;
	int version;

	if (s->is_incomplete && access(s->path, F_OK) == 0) {
		char *backup = backup_name(s);
		move_with_wal(s->path, backup);
		free(backup);
	}
	sqlite3 *db = open_file(s->path, &err);
	if (db == NULL)
		return false;
	enum schema_state state = schema_check(db, &version, &err);
	if (sqlite3_db_readonly(db, "main") != 0 || (state != SCHEMA_OK && state != SCHEMA_NEW) ||
	    !schema_copy(s->db, db, true, &rows)) {
		sqlite3_close(db);
		return false;
	}
	take_db(s, db);
	s->in_memory = s->is_incomplete = false;
	set_problem(s, NULL);
	log_write(LOG_LEVEL_WARNING, STORE_LOGGER, "Database '%s' can be written again, %zu rows written", s->path, rows);
	return true;
}

static void
retry(struct store *s)
{
	if (s->is_behind && db_replay(s)) {
		s->is_behind = false;
		set_problem(s, NULL);
		log_write(LOG_LEVEL_INFO, STORE_LOGGER, "Database '%s' is free again, changes written", s->path);
	} else if (s->is_behind) {
		s->retry_at = clock_monotonic(s->clock) + BUSY_RETRY_S;
	}
	if (s->in_memory && !back_to_file(s))
		s->retry_at = clock_monotonic(s->clock) + STORE_RETRY_S;
}

void
store_tick(struct store *s)
{
	if (s != NULL && s->depth == 0 && (s->is_behind || s->in_memory) && clock_monotonic(s->clock) >= s->retry_at)
		retry(s);
	if (s != NULL && s->depth == 0 && !s->in_transaction)
		checkpoint(s);
}

/* ---- life ---- */

static bool
upgrade(struct store *s, int version, struct err *err)
{
	char *backup = backup_name(s), *sql;
	int fd = open(backup, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	bool ok = false;

	log_write(LOG_LEVEL_INFO, STORE_LOGGER, "Upgrade database: %s from version '%d'", s->path, version);
	if (fd >= 0)
		close(fd);
	sql = sqlite3_mprintf("VACUUM INTO %Q", backup);
	if (sql == NULL || !run(s->db, sql)) {
		err_set(err, "backup %s: %s", backup, sqlite3_errmsg(s->db));
	} else {
		log_write(LOG_LEVEL_INFO, STORE_LOGGER, "  Database backup created: %s", backup);
		ok = schema_upgrade(s->db, version, err);
	}
	if (ok)
		log_write(LOG_LEVEL_WARNING, STORE_LOGGER, "Database updated from '%d' to '%d'", version, STORE_VERSION);
	sqlite3_free(sql);
	free(backup);
	return ok;
}

static void
open_it(struct store *s)
{
	struct err err = {""};
	int version = STORE_VERSION;

	s->db = open_file(s->path, &err);
	if (s->db == NULL) {
		to_memory(s, err.text);
		return;
	}
	switch (schema_check(s->db, &version, &err)) {
	case SCHEMA_OK:
		break;
	case SCHEMA_NEW:
		log_write(LOG_LEVEL_INFO, STORE_LOGGER, "Connected to fail2ban persistent database '%s'", s->path);
		log_write(LOG_LEVEL_WARNING, STORE_LOGGER, "New database created. Version '%d'", STORE_VERSION);
		return;
	case SCHEMA_OLD:
		if (upgrade(s, version, &err))
			break;
		log_write(LOG_LEVEL_ERROR, STORE_LOGGER, "Failed to upgrade database '%s': %s", s->path, err.text);
		to_memory(s, err.text);
		s->is_incomplete = true;
		return;
	case SCHEMA_FUTURE:
		err_set(&err, "schema version %d is newer than %d", version, STORE_VERSION);
		sqlite3_close(s->db);
		s->db = NULL;
		to_memory(s, err.text);
		s->retry_at = INFINITY; /* another program's: it stays as it is */
		return;
	case SCHEMA_CORRUPT:
		if (!set_aside(s, err.text))
			to_memory(s, "corrupt");
		return;
	case SCHEMA_FAILED:
		to_memory(s, err.text);
		return;
	}
	log_write(LOG_LEVEL_INFO, STORE_LOGGER, "Connected to fail2ban persistent database '%s'", s->path);
	if (sqlite3_db_readonly(s->db, "main") != 0)
		to_memory(s, "read-only");
}

struct store *
store_open(const char *path, const struct clock *clock)
{
	struct err err;

	if (!sqlite_load(&err)) {
		log_write(LOG_LEVEL_CRITICAL, STORE_LOGGER, "Database '%s': %s; nothing will be kept", path, err.text);
		return NULL;
	}
	struct store *s = xcalloc(1, sizeof *s);
	s->path = xstrdup(path);
	s->clock = clock;
	s->purge_age = STORE_PURGE_AGE;
	s->max_matches = STORE_MAX_MATCHES;
	if (is_meant_memory(s))
		s->db = open_memory();
	else
		open_it(s);
	use_db(s);
	return s;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	s->depth = 0;
	db_commit(s);
	if ((s->is_behind || s->in_memory) && s->retry_at < INFINITY)
		retry(s);
	if (s->is_behind || s->in_memory)
		log_write(LOG_LEVEL_ERROR, STORE_LOGGER, "Database '%s': %s. What was not written is lost", s->path,
		    s->problem);
	db_forget_statements(s);
	sqlite3_close(s->db);
	log_write(LOG_LEVEL_INFO, STORE_LOGGER, "Connection to database closed.");
	db_forget_pending(s);
	str_done(&s->pending);
	free(s->problem);
	free(s->path);
	free(s);
}

const char *
store_path(const struct store *s)
{
	return s != NULL ? s->path : NULL;
}

const char *
store_problem(const struct store *s)
{
	return s != NULL ? s->problem : NULL;
}

void
store_set_purge_age(struct store *s, int64_t seconds)
{
	if (s != NULL)
		s->purge_age = seconds;
}

void
store_set_max_matches(struct store *s, size_t lines)
{
	if (s != NULL)
		s->max_matches = lines;
}

void
store_begin(struct store *s)
{
	if (s != NULL)
		s->depth++;
}

void
store_commit(struct store *s)
{
	if (s != NULL && s->depth != 0 && --s->depth == 0)
		db_commit(s);
}

void
store_purge(struct store *s)
{
	static const enum db_stmt ids[] = {DB_PURGE_BANS, DB_PURGE_BIPS, DB_PURGE_JAILS};

	if (s == NULL)
		return;
	store_begin(s);
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		struct db_value before = db_int((int64_t)clock_now(s->clock) - s->purge_age);
		db_write(s, ids[i], ids[i] != DB_PURGE_JAILS, &before);
	}
	if (schema_has_own(s->db, OWN_PARKED)) { /* of jails that never came back */
		struct db_value before = db_int((int64_t)clock_now(s->clock) - s->purge_age);
		db_write(s, DB_PURGE_PARKED, 1, &before);
	}
	store_commit(s);
}

/* ---- jails ---- */

static void
write_jail(struct store *s, enum db_stmt id, const char *jail)
{
	struct db_value name = db_text(jail != NULL ? jail : "");

	db_write(s, id, jail != NULL, &name);
}

void
store_jails_off(struct store *s)
{
	write_jail(s, DB_JAILS_OFF, NULL);
}

void
store_jail_on(struct store *s, const char *jail)
{
	store_begin(s);
	write_jail(s, DB_JAIL_NEW, jail);
	write_jail(s, DB_JAIL_ON, jail);
	store_commit(s);
}

void
store_jail_off(struct store *s, const char *jail)
{
	write_jail(s, DB_JAIL_OFF, jail);
}
