/*
 * engine: everything that runs: the loop, the jails, and the taps. One per process.
 *
 * Made empty; commands (command/) fill it, as fail2ban's server is filled by its client. Nothing in
 * here blocks: what may wait is a child process or a query in libuv's pool.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "action/action.h"
#include "ban/ignore.h"
#include "base/addr.h"
#include "base/clock.h"
#include "base/resolve.h"
#include "event/bus.h"
#include "event/hosts.h"
#include "event/rate.h"
#include "source/source.h"

#define ENGINE_RECENT_BYTES (512 * 1024) /* raw lines kept per log file, for the Regex pane */
#define ENGINE_HOLD_MAX_S 86400          /* a hold that is forgotten must end */
#define ENGINE_RETRY_MAX_S 60
#define ENGINE_RETRY_ROUND 1000         /* failed bans that are tried again in one second, once one went well */
#define ENGINE_MAX_OWN 64                /* protected addresses of attached operators */

struct jail;
struct store;
struct truth;
struct cut;
struct leftover;
struct parked;
struct recent; /* the last raw lines of one log file */

enum engine_state { ENGINE_STARTING, ENGINE_OK, ENGINE_STOPPING };

struct engine_stats { /* exact, since the start */
	uint64_t lines, matched, found, found_sent, limit;
	uint64_t bans, unbans;
	struct rate line_rate, fail_rate, ban_rate, unban_rate;
	uint64_t action_fails;       /* failed outcomes in a row of firewall actions */
	char action_error[256];      /* the last one's reason, "" none */
	double lag;                  /* seconds that the slowest log is behind */
};

struct own_addr { /* an operator's address: PROTECTED while somebody attached has it */
	struct addr addr;
	int holders;
};

struct engine {
	uv_loop_t *loop;       /* borrowed */
	struct clock clock;
	const char *dir;       /* borrowed: configuration directory, NULL: none (server-stream only) */
	bool is_dry;           /* everything but the commands */
	const char *why_dry;   /* "not root", "asked for" */
	bool is_owned;         /* started by a screen, which may stop it when it leaves */
	bool repair_auto;      /* rules that vanish are put back */
	bool has_failed;       /* some ban's action failed: it is tried again */
	double retry_at;       /* monotonic: when */
	double retry_pause;    /* seconds: 1, 2, 4 … ENGINE_RETRY_MAX_S */
	double hold_until;     /* monotonic: till then no failure bans; 0: no hold */
	bool keep_bans;        /* at stop: leave the rules in the kernel */
	enum engine_state state;
	double started;        /* wall clock */
	int jails_announced;   /* jails that the configuration will start */
	int config_notes;      /* warnings while reading it */

	struct source *source;      /* owned */
	struct resolve *resolve;    /* owned */
	struct action_queue *queue; /* owned */
	struct store *store;        /* owned; NULL: no database */
	struct truth *truth;        /* owned */
	struct cut *cut;            /* owned; NULL: no jail has cut a connection so far */
	struct leftover *leftover;  /* owned; NULL in a dry run */
	struct bus *bus;            /* owned */
	struct hosts *hosts;        /* owned */
	struct jail *jails;         /* owned; uthash by name, in the order they were added */
	uint64_t jail_serial;       /* given to the last one */
	struct recent *recent;      /* owned; uthash by path */
	struct ignore *white;       /* owned: `set all addignoreip` */
	struct own_addr own[ENGINE_MAX_OWN];
	size_t n_own;
	struct addr *self;          /* owned: this host's addresses, for ignoreself */
	size_t n_self;
	double self_at;             /* monotonic, when they were read */
	struct parked *parked;      /* owned; failures that wait for an ignorecommand */
	size_t n_parked, n_asking;  /* of them, those whose command runs */
	double dropped_at;          /* monotonic: there were too many, 0 never */
	struct engine_stats stats;
	struct failures_book *book; /* counted; of all jails */
	struct looked_at *looked;   /* owned; the failure that was told last; NULL: none so far */

	/* server options, as get/set name them */
	char *syslogsocket; /* owned */
	char *loglevel;     /* owned: as it was set, in capitals */
	int stacksize;
	int wants_stop;     /* enum command_stop: asked for by a command, done by the process's owner */
	int64_t dbpurgeage;
	int dbmaxmatches;
	double purged_at; /* monotonic: old rows were removed from the database last */
	char *allowipv6;                /* owned */

	double stats_at;     /* monotonic: counters were told last */
	uint64_t stats_seen; /* sum of the counters then */

	bool is_in_turn;     /* engine_turn() */
	double clock_ahead;  /* of the wall clock before the monotonic one, at the last look */

	uv_prepare_t before_poll;
	uv_check_t after_poll;
	uv_timer_t tick;   /* once a second: expiry, housekeeping */
	uv_timer_t expiry; /* at the next end of a ban */
	uv_timer_t slice;  /* four times a second while somebody listens: hosts, stats */
	void (*stopped)(void *arg); /* called once when engine_stop has ended */
	void *stopped_arg;
};

/* For so many seconds failures are counted and ban nobody; 0 ends it. Bans by command go on. */
void engine_hold(struct engine *e, double seconds);
double engine_hold_left(const struct engine *e); /* seconds; 0: no hold */

struct engine *engine_new(uv_loop_t *loop, bool dry_run, const char *why_dry);
/* After `stopped` ran. */
void engine_free(struct engine *e);

/*
 * Ends everything in order: jails stop (bans are undone by their actions unless keep_bans, and stay
 * in the database), queued commands finish, descriptors close; then `stopped` is called.
 */
void engine_stop(struct engine *e, bool keep_bans, void (*stopped)(void *arg), void *arg);

/* Opens (or with NULL, "None": closes) the database. */
void engine_open_store(struct engine *e, const char *path);

/*
 * What a loop turn did becomes visible all at once: engine_turn() before anything that may ban or unban; the
 * database is committed, with the log positions of the jails that changed, and then the log lines, the events
 * and the commands go out. Ends by itself before the loop waits; engine_turn_end() ends it now (before a reply).
 */
void engine_turn(struct engine *e);
void engine_turn_end(struct engine *e);

struct jail *engine_jail(const struct engine *e, const char *name); /* NULL: no such jail */

/* The operator's own address: taken with a client, dropped with it. */
void engine_protect(struct engine *e, const struct addr *a);
void engine_unprotect(struct engine *e, const struct addr *a);
/* True if a, host or network, is or holds a protected address. */
bool engine_is_own(const struct engine *e, const struct addr *a);
bool engine_is_self(struct engine *e, const struct addr *a); /* an address of this host */

void engine_start_timers(struct engine *e); /* engine_new() does */
/* Ends the established connections of who was just banned. */
void engine_cut(struct engine *e, const char *jail, const struct addr *a);

/* Re-arms the timer for the next end of a ban; call after bans changed. */
void engine_arm_expiry(struct engine *e);
/* Runs the bans again whose rules the kernel does not have (ip NULL: all). How many. */
size_t engine_repair(struct engine *e, const char *ip);
/* Looks up the names in the jail's ignoreip, or with NULL in the whitelist of all jails. */
void engine_refresh_names(struct engine *e, struct jail *j);
/* Whitelist entries with an end, from the database: the jail's, or with NULL those of all jails. */
void engine_restore_white(struct engine *e, struct jail *j);
void engine_store_white(struct engine *e, struct jail *j);  /* all of them, anew */
void engine_expire_white(struct engine *e, struct jail *j); /* those that are over go */
/* Tells listeners the counters now instead of at the next slice. */
void engine_publish_stats(struct engine *e);

/* ---- the last raw lines of a log (recent.c) ---- */
void recent_add(struct engine *e, const char *path, const struct line *lines, size_t count);
/* Calls fn for up to n of the last lines of `path`, oldest first. raw: for each U+FFFD what the log has, "9b fe". */
void recent_each(const struct engine *e, const char *path, size_t n,
    void (*fn)(void *arg, struct slice text, struct slice raw), void *arg);
void recent_free(struct engine *e);

#endif
