/*
 * jail: one jail: it owns one object of each stage, and its settings.
 */
#ifndef JAIL_H
#define JAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "action/action.h"
#include "ban/bans.h"
#include "ban/failures.h"
#include "ban/ignore.h"
#include "base/err.h"
#include "event/rate.h"
#include "match/filter.h"
#include "source/source.h"

struct engine;

struct jail_log { /* one `addlogpath`, or one file that its glob found */
	char *path;        /* owned */
	bool is_glob;      /* path is a pattern; the files it found are entries of their own */
	bool from_glob;
	bool at_end;       /* "tail" */
	bool is_marked;    /* reload: not named again yet */
	struct tail *tail; /* owned; NULL while the jail is stopped, or for a glob */
	struct jail *jail;
	enum tail_state state; /* as last told */
	uint64_t stored_pos;   /* in the database, if is_stored */
	bool is_stored;
	bool is_left;          /* the jail is idle: it was left at stored_pos of the file with this first line */
	char left_hash[41];
	double behind_since;   /* monotonic: since when the file has unread bytes, 0: it has none */
	struct jail_log *prev, *next;
};

struct jail_action {
	struct action *action; /* owned */
	struct trouble *trouble; /* owned; NULL: it never failed */
	bool is_marked;        /* reload: not named again yet */
	struct jail_action *prev, *next;
};

struct ignore_cache { /* verdicts of the ignore rules, remembered by a key made of tags */
	char *key;        /* owned; NULL: no cache */
	int max_count;
	double max_time;  /* seconds */
	struct ignore_verdict *verdicts; /* owned */
};

struct jail {
	char *name; /* owned */
	uint64_t serial; /* no other jail of this engine has or had it */
	struct engine *engine;
	char *backend;      /* owned: as it shows: "pyinotify", "polling", "systemd" */
	char *backend_args; /* owned: of systemd[…] */
	bool is_running;
	bool is_idle;
	bool is_reloading; /* between jail_reload_begin and _end */
	bool is_in_stream; /* the configuration being loaded names it */
	char *error;  /* owned: why it is not running; NULL: no error */

	struct filter *filter;     /* owned */
	struct failures *failures; /* owned */
	struct bans *bans;         /* owned */
	struct ignore *ignore;     /* owned */
	struct jail_log *logs;     /* owned list, in order */
	struct journal *journal;   /* owned; NULL unless the backend is systemd */
	double journal_stored; /* position in the database, 0 none */
	bool is_journal_left;  /* idle: it goes on from there */
	struct value *journalmatch; /* owned: list of lists of words */
	struct jail_action *actions; /* owned list, in order */

	int maxretry, maxmatches;
	double findtime;
	bool has_float_findtime; /* compat: it came of an expression that Python makes a float of: 1.5h, 1mo */
	int64_t bantime;
	bool ignoreself;
	bool cuts; /* cutconnections: the established connections of who is banned end, too */
	char *ignorecommand; /* owned; NULL unset */
	struct ignore_cache ignorecache;
	char *logencoding;   /* owned */
	struct value *increment; /* owned dict: bantime.increment, .factor, … as set */

	struct rate fail_rate; /* 60 s slots */
	double last_line;      /* wall clock of the last line, 0 never */
	double changed_at;     /* monotonic: last change worth telling, for the slice */
	bool is_changed;
	size_t n_prolongs; /* bans whose actionprolong is due later */
	bool has_decided;  /* banned or unbanned in this turn: its log positions go into the same commit */
	UT_hash_handle hh;
};

/* NULL with err: the name is taken or the backend unknown. The jail belongs to the engine. */
struct jail *jail_new(struct engine *e, const char *name, const char *backend, struct err *err);
/* Takes it out of the engine and frees it; it must be stopped. */
void jail_free(struct jail *j);

bool jail_start(struct jail *j, struct err *err); /* actions, restored bans, logs */
/* Undoes its bans through the actions unless keep_bans, stops the actions, closes the logs. */
void jail_stop(struct jail *j, bool keep_bans);
bool jail_open_log(struct jail_log *log, struct err *err); /* starts to follow it */
void jail_log_free(struct jail *j, struct jail_log *log);
void jail_store_positions(struct jail *j); /* log positions that changed, to the database */
void jail_leave_logs(struct jail *j);      /* follows nothing any more; where it was is kept */
bool jail_match_journal(struct jail *j, struct err *err); /* journalmatch changed: the open journal follows */
/* Hooks of a journal; arg is the jail. */
void jail_journal_lines(void *arg, const struct line *lines, size_t count);
void jail_journal_log(void *arg, int level, const char *text);
void jail_set_idle(struct jail *j, bool idle); /* what is written meanwhile is read afterwards */

/* path may be a glob; a file that does not exist is waited for. */
bool jail_add_log(struct jail *j, const char *path, bool at_end, struct err *err);
bool jail_del_log(struct jail *j, const char *path);
void jail_scan_globs(struct jail *j); /* opens files that appeared since */

struct action *jail_action(const struct jail *j, const char *name); /* NULL: no such action */
struct action *jail_add_action(struct jail *j, const char *name, struct err *err);
bool jail_del_action(struct jail *j, const char *name);

/*
 * Reload: begin forgets expressions, ignoreip and action properties, keeps bans, counts and files;
 * the stream fills them again; end drops the logs and actions that it did not name.
 */
void jail_reload_begin(struct jail *j);
void jail_reload_end(struct jail *j);
bool jail_reload_same_backend(const struct jail *j, const char *backend);
/* The action of that name that was there before the reload, now named again; NULL: make a new one. */
struct action *jail_reload_action(struct jail *j, const char *name);

bool jail_set_encoding(struct jail *j, const char *encoding, struct err *err);
/* `key="<ip>", max-count=100, max-time=5m`; "" removes. */
bool jail_set_ignorecache(struct jail *j, const char *text, struct err *err);
/* The remembered verdict: "" counts, else why it is ignored; NULL: not known. */
const char *jail_cached_verdict(struct jail *j, const struct ticket *t);
void jail_cache_verdict(struct jail *j, const struct ticket *t, const char *why);
void jail_cache_done(struct ignore_cache *cache);
void jail_set_findtime(struct jail *j, double seconds);
void jail_set_bantime(struct jail *j, int64_t seconds);
void jail_touch(struct jail *j); /* its row changed: listeners hear of it with the next slice */
struct failures_limits jail_limits(const struct jail *j);

#endif
