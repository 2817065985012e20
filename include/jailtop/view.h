/*
 * view: what the panes draw: the engine's state as this client knows it, and its making from wire messages.
 *
 * Panes only read it. Everything in it is foreign text, already valid UTF-8 (JSON) but not clean:
 * it reaches a terminal through the canvas only. Caps are below; what does not fit is counted.
 * A part's generation grows with each change of it, so that a pane knows when to rebuild its rows.
 */
#ifndef JAILTOP_VIEW_H
#define JAILTOP_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define VIEW_LOG_MAX 5000       /* log rows kept, the oldest leaves */
#define VIEW_LINE_MAX 4096      /* bytes of one log line kept */
#define VIEW_BANS_MAX 1000000   /* rows; more are counted in bans_over */
#define VIEW_HOSTS_MAX 200000
#define VIEW_JAILS_MAX 1000
#define VIEW_SPARK_MAX 60

enum view_part { VIEW_ENGINE, VIEW_STATS, VIEW_LOG, VIEW_BANS, VIEW_HOSTS, VIEW_JAILS, VIEW_CHAINS, VIEW_WHITE, VIEW_PARTS };

struct view_spark {
	int count;
	uint32_t at[VIEW_SPARK_MAX]; /* oldest first */
};

struct view_engine {
	char *version, *host, *config, *why; /* owned, never NULL */
	long pid;
	double started;
	bool is_dry, is_owned;
	enum { VIEW_STARTING, VIEW_OK, VIEW_STOPPING } state;
	int jails_ready, jails_all, config_notes;
	double hold; /* till then no failure bans; 0: no hold */
};

struct view_stats {
	double lines_s, lag;
	int64_t lines, matched, found, found_sent, fail_min, bans, bans_min, unbans_min, queue, drift, limit, white;
	int fw_fails, logs_ok, logs_all;
	bool fw_failed, db_failed, db_off;
	char *fw_error, *db_error; /* owned, never NULL */
	struct view_spark spark;   /* failures per 10 s */
	double received;           /* clock_monotonic of the last ones, 0: none yet */
	int64_t sample_found, sample_sent; /* of the last seconds: `sent of found` failures were shown */
};

struct view_file {
	char *path, *state, *error; /* owned, never NULL */
	int64_t size, pos;
	double last_line, rotated, retry;
};

struct view_jail {
	char *name, *state, *why, *backend; /* owned, never NULL */
	int64_t fail_now, fail_total, fail_min, ban_now, ban_total;
	int64_t lines, matched, missed, ignored, limit, no_date;
	int maxretry;
	double findtime, bantime;
	struct view_spark spark; /* failures per minute */
	struct view_file *files;
	size_t n_files;
	char **actions, **failregex, **ignoreregex; /* NULL-terminated, owned */
	char *prefregex, *datepattern;              /* owned, never NULL */
	int maxlines;
};

enum view_rule { VIEW_RULE_OK, VIEW_RULE_WAIT, VIEW_RULE_FAIL, VIEW_RULE_NONE, VIEW_RULE_DRY };

struct view_ban {
	char *key;        /* owned: jail, '\n', id: what selection and undo hold */
	const char *jail; /* inside key's allocation, like id and ip */
	const char *id, *ip;
	struct addr addr; /* of ip; family 0: no address */
	double since, until, bantime; /* until < 0: for ever */
	int count, fails;
	int64_t hits;
	uint8_t rule; /* enum view_rule */
	bool is_repeat, is_manual, is_restored;
	uint32_t slot;
	uint64_t serial; /* never used again for another row */
};

struct view_host {
	char *ip; /* owned */
	struct addr addr;
	char *jail; /* owned: where it failed last */
	int fail, max, per_min;
	int64_t total;
	double first, last;
	uint32_t slot;
	uint64_t serial;
};

enum view_event_kind {
	VIEW_FOUND,
	VIEW_BAN,
	VIEW_UNBAN,
	VIEW_PROLONG,
	VIEW_ACTION_FAILED,
	VIEW_FILE,
	VIEW_NOTICE,
	VIEW_REPAIR,
};

/* One row of the Log pane. */
struct view_event {
	uint64_t serial; /* grows by one with each row of this client, never repeats */
	double t;
	enum view_event_kind kind;
	const char *jail, *ip, *text; /* inside `own`; text: the raw log line, or what happened in words */
	size_t text_len; /* the text may hold NULs */
	const char *verdict, *why;
	int n, max, regex;
	bool is_dry;
	int level; /* of a notice: 0 info, 1 warning, 2 error */
	double applied_ms; /* of a ban or unban: how long its commands took; 0: not known yet */
	char *own; /* owned */
};

struct view_white {
	char *ip, *jail;  /* owned; jail "all": every jail */
	struct addr addr;
	double until;     /* < 0: until the engine restarts or it is taken back */
};

struct view_rule_item {
	int n;
	int64_t pkts, bytes;
	double pkts_s; /* since the listing before */
	char *target, *source, *ban, *text; /* owned, never NULL */
};

struct view_chain {
	char *name, *jail, *from, *jump; /* owned, never NULL */
	int family, rules, cut;
	int64_t pkts, bytes;
	double pkts_s;
	struct view_rule_item *items;
	size_t n_items;
};

struct view_drift {
	char *kind, *jail, *ip, *chain; /* owned, never NULL */
};

struct view_policy {
	char *chain, *policy; /* owned */
	int family;
};

struct view_chains {
	bool is_known;
	double t, ms, every;
	char *error; /* owned, never NULL */
	struct view_chain *chains;
	size_t n_chains;
	struct view_drift *drift;
	size_t n_drift;
	struct view_policy *policy;
	size_t n_policy;
};

/* Slots: an array with holes (NULL); a row's slot is stable while the row lives. */
struct view {
	uint64_t generation[VIEW_PARTS];
	uint64_t epoch; /* grows with each snapshot: nothing of before is there any more, but the log */
	bool is_filled; /* a whole snapshot was received */
	double now;     /* the engine's clock at the last message */
	double now_at;  /* clock_monotonic then */

	struct view_engine engine;
	struct view_stats stats;
	struct view_jail **jails; /* in the engine's order, no holes */
	size_t n_jails;
	struct view_ban **bans;
	size_t n_ban_slots, n_bans;
	struct view_host **hosts;
	size_t n_host_slots, n_hosts;
	int64_t bans_over, hosts_over; /* beyond the caps */
	struct view_event *log;        /* a ring: use view_log_at() */
	size_t log_first, n_log;
	uint64_t log_serial;           /* of the newest row; 0: none yet */
	struct view_white *white;
	size_t n_white;
	struct view_chains chains;
	char *own[8]; /* the operator's addresses, owned; set by the screen */
	struct addr own_addr[8];
	int n_own;
};

/* ---- reading ---- */
const struct view_event *view_log_at(const struct view *v, size_t i); /* 0: the oldest kept */
const struct view_jail *view_jail(const struct view *v, const char *name); /* NULL: none */
const struct view_ban *view_ban(const struct view *v, const char *jail, const char *id);
const struct view_host *view_host(const struct view *v, const char *ip);
/* The next ban of the address, jail after jail; start with *jail 0. NULL when there is none left. */
const struct view_ban *view_ban_next(const struct view *v, const char *ip, size_t *jail);
bool view_is_own(const struct view *v, const struct addr *a); /* an own address, or a network that holds one */
const struct view_white *view_white_of(const struct view *v, const struct addr *a);

/* ---- making: src/link/mirror.c ---- */
struct mirror; /* the view and the snapshot that is being received */

struct mirror *mirror_new(void);
void mirror_free(struct mirror *m);
struct view *mirror_view(struct mirror *m); /* the same one as long as the mirror lives */
/*
 * Takes one message (a snapshot's part or an event); monotonic: when it came. Answers ("id") are not
 * for the model and return false, as does anything that it does not know; hostile input is only ignored.
 */
bool mirror_feed(struct mirror *m, const json_t *message, double monotonic);

#endif
