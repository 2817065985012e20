/*
 * store: what survives the process: bans, their history and log positions, in fail2ban's database
 * (SQLite, schema version 4), so that either program takes over from the other at any time.
 *
 * Writing cannot fail for the caller. When the file cannot be written (disk full, read-only, broken)
 * the store goes on in memory, says so once in the log and in store_problem(), and writes the file
 * anew as soon as it can. A committed write survives SIGKILL (WAL); readers are never locked out.
 * One writer: the engine's loop. Every function takes NULL for "no database" (dbfile = None):
 * writes do nothing, reads find nothing.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/value.h"
#include "ticket.h"

#define STORE_VERSION 4          /* of the schema */
#define STORE_PURGE_AGE 86400    /* defaults of fail2ban */
#define STORE_MAX_MATCHES 10
#define STORE_RETRY_S 60         /* how often a store in memory tries the file again */
#define STORE_MAX_PENDING 200000 /* writes kept while another program locks the file; then: in memory */

struct store;

/* ---- life ---- */

/*
 * Opens or makes the file and the last missing level of its directory, 0600. An older schema is
 * upgraded after a backup, a corrupt file is set aside as PATH.YYYYMMDD-HHMMSS and what is readable
 * in it is taken over, a newer schema is not touched (then: in memory). NULL, no database, only where
 * libsqlite3 is missing.
 * ":memory:" is allowed. Says what it did as logger fail2ban.database.
 */
struct store *store_open(const char *path, const struct clock *clock);
void store_close(struct store *s); /* commits; leaves one file, without -wal */
const char *store_path(const struct store *s); /* as given; NULL without store */
/* NULL: all is well. Else one line for the operator: "disk full: kept in memory since …". */
const char *store_problem(const struct store *s);
/* Once in a while (each second is fine): tries again what could not be written. */
void store_tick(struct store *s);

void store_set_purge_age(struct store *s, int64_t seconds);
void store_set_max_matches(struct store *s, size_t lines); /* per ban, 0: none */

/*
 * One transaction for all the writes of a loop turn. Nests; a write outside of one is its own.
 * What was reported to anybody must have been committed before.
 */
void store_begin(struct store *s);
void store_commit(struct store *s);

/* Drops bans older than the purge age, long expired bad ips, jails without any row. Hourly. */
void store_purge(struct store *s);

/* ---- jails ---- all are off after store_jails_off(), as fail2ban does at start */
void store_jails_off(struct store *s);
void store_jail_on(struct store *s, const char *jail);  /* adds it when new; before logs and bans of it */
void store_jail_off(struct store *s, const char *jail);

/* ---- logs ---- hash: 40 hex digits, "" while the first line is incomplete; a journal's ISO time */

/*
 * The file is followed from now on. True and the position to resume at, when the stored hash is the
 * same; otherwise it is new, or another file, and read from its beginning.
 */
bool store_log_add(struct store *s, const char *jail, const char *path, const char *hash, double pos,
    double *resume);
void store_log_update(struct store *s, const char *jail, const char *path, const char *hash, double pos);
/* The stored hash and position of a file, whatever it is now; false: none. */
bool store_log_find(struct store *s, const char *jail, const char *path, char hash[41], double *pos);
/* The stored position whatever the hash (journals: path "systemd-journal", a time); false: none. */
bool store_log_pos(struct store *s, const char *jail, const char *path, double *pos);

/* ---- bans ---- */

/*
 * A new ban: a row of history and the latest one of (id, jail). Not for restored tickets.
 * jail_bantime applies when the ticket has none of its own.
 */
void store_ban_add(struct store *s, const char *jail, const struct ticket *t, int64_t jail_bantime);
/* Unbanned by hand: all rows of it are removed. id NULL: of every id in the jail. Returns rows of bips. */
size_t store_ban_del(struct store *s, const char *jail, const char *id);

/* The clock was set: the rows of a ban that began at `from` say `to` now. */
void store_ban_move(struct store *s, const char *jail, const char *id, double from, double to);

/* ---- the operator's whitelist with ends, in a table of our own ---- jail: a name, or "all" */
void store_white_put(struct store *s, const char *jail, const char *ip, double until);
void store_white_del(struct store *s, const char *jail, const char *ip);
void store_white_each(struct store *s, const char *jail, void (*fn)(void *arg, const char *ip, double until), void *arg);

/* ---- failures that wait for an answer, in a table of our own ---- */

/* Remembers one (is_name: its id is to be resolved) until store_unpark() of what this returns, 0 without store. */
int64_t store_park(struct store *s, const char *jail, const struct ticket *t, bool is_name);
void store_unpark(struct store *s, int64_t row); /* 0 is fine */
/* Takes out what waited when the last process ended, oldest first; the callback owns the ticket. */
void store_parked_take(struct store *s, const char *jail, void (*fn)(void *arg, struct ticket *t, bool is_name), void *arg);

struct store_restore {
	double now;
	int64_t bantime;    /* the jail's, -1 for ever */
	bool is_increment;  /* bantime.increment */
	int64_t maxtime;    /* bantime.maxtime, -1: none; counts only with is_increment */
	size_t max_matches; /* the jail's maxmatches */
};

/*
 * Bans of the jail that still hold, ordered by id, to be banned again: bantime is set (as it was,
 * capped by the jail's), is_restored, time is never in the future, bancount as stored.
 * The callback owns the ticket. Returns how many.
 */
typedef void (*store_ticket_fn)(void *arg, struct ticket *t);
size_t store_bans_current(struct store *s, const char *jail, const struct store_restore *rules,
    store_ticket_fn fn, void *arg);

struct store_history {
	int bancount;    /* how often it was banned */
	double last;     /* the latest ban */
	int64_t bantime; /* of the latest; with overalljails the sum */
};

/* What is known of a bad id, for increments. jail NULL: summed over all jails (overalljails). False: nothing. */
bool store_history(struct store *s, const char *id, const char *jail, struct store_history *out);

/* All stored bans of an id as one ticket, for <ipmatches>, <ipfailures> (jail NULL) and <ipjail…>. NULL: none. */
struct ticket *store_bans_merged(struct store *s, const char *id, const char *jail);

/* Bans of an id in any jail, oldest first, at most `most` (the latest): a list of dicts jail, t, bantime. */
struct value *store_bans_of(struct store *s, const char *id, size_t most);

#endif
