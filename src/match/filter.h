/*
 * filter: stages 3 and 4 of one jail: a batch of lines in, failures out.
 *
 * Knows nothing of jails, bans or files. The engine, and `jailtop regex`, drive it. Another matcher
 * can take its place behind this interface.
 */
#ifndef MATCH_FILTER_H
#define MATCH_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "base/value.h"
#include "flow.h"

struct filter;

struct filter_hooks {
	const struct clock *clock; /* borrowed for the filter's life */
	/* Each failure, in order. The failure is borrowed for the call, in which no filter may be changed or freed. */
	void (*failure)(void *arg, const struct failure *f);
	/* What fail2ban would write to its log about these lines (level: base/log.h). May be NULL. */
	void (*log)(void *arg, int level, const char *text);
	void *arg;
};

/* Exact counts since the filter was made. */
struct filter_counters {
	uint64_t lines;    /* fed */
	uint64_t matched;  /* gave a failure or was taken by a failregex */
	uint64_t ignored;  /* dropped by an ignoreregex */
	uint64_t missed;
	uint64_t failures; /* emitted */
	uint64_t limit;    /* expressions that ran out of their budget */
	uint64_t no_date;  /* no date found */
	uint64_t too_old;  /* older than findtime, skipped while catching up */
};

/* `jail` is used in log texts ("[sshd] …"); copied. */
struct filter *filter_new(const char *jail, const struct filter_hooks *hooks);
void filter_free(struct filter *f); /* NULL is fine */

/* ---- settings: each may be called at any time, in fail2ban's order of commands ---- */
enum filter_usedns { USEDNS_WARN, USEDNS_YES, USEDNS_NO, USEDNS_RAW };
const char *filter_usedns_name(enum filter_usedns mode);
bool filter_usedns_parse(const char *text, enum filter_usedns *mode);
void filter_set_usedns(struct filter *f, enum filter_usedns mode); /* baked into <HOST> of expressions added later */
enum filter_usedns filter_usedns(const struct filter *f);

bool filter_set_prefregex(struct filter *f, const char *source, struct err *err); /* "" removes */
bool filter_add_failregex(struct filter *f, const char *source, struct err *err);
bool filter_add_ignoreregex(struct filter *f, const char *source, struct err *err);
bool filter_del_failregex(struct filter *f, size_t index);   /* false: no such index */
bool filter_del_ignoreregex(struct filter *f, size_t index);
/* What `get JAIL failregex` prints: the expression with its tags expanded. NULL past the end. */
const char *filter_prefregex(const struct filter *f); /* "" when unset */
const char *filter_failregex(const struct filter *f, size_t index);
const char *filter_ignoreregex(const struct filter *f, size_t index);
const char *filter_failregex_source(const struct filter *f, size_t index); /* as it was given, tags unexpanded */

void filter_clear(struct filter *f); /* reload: forgets all expressions, date pattern, zone; keeps counters and open sessions */

bool filter_set_maxlines(struct filter *f, int lines, struct err *err); /* >= 1 */
int filter_maxlines(const struct filter *f);
bool filter_set_datepattern(struct filter *f, const char *pattern, struct err *err);
/* What fail2ban shows: "%Y (Year)" as its two parts; both NULL for "Default Detectors" use name only. */
void filter_datepattern(const struct filter *f, const char **pattern, const char **name);
bool filter_set_logtimezone(struct filter *f, const char *zone, struct err *err);
const char *filter_logtimezone(const struct filter *f); /* NULL when unset */
void filter_set_findtime(struct filter *f, double seconds); /* lines older than this are skipped while catching up */

/* ---- work ---- */
void filter_feed(struct filter *f, const struct line *lines, size_t count);
/*
 * The same batch for all filters that follow one file: what they have in common (date, prefregex,
 * expressions) is done once. Same result as filter_feed on each in turn.
 */
void filters_feed(struct filter *const *filters, size_t n_filters, const struct line *lines, size_t count);

void filter_counters(const struct filter *f, struct filter_counters *out);
/*
 * The date that the text of one line has, NAN: none. Leaves no trace in the counters or in what later lines
 * without date borrow: for finding a place in a log.
 */
double filter_date(struct filter *f, const struct line *line);
/* Time of the last dated line, 0 if none yet: for "last line read 2s ago". */
double filter_last_date(const struct filter *f);

/* Searches of one failregex that ran out of their budget. 0 past the end. */
uint64_t filter_failregex_limit(const struct filter *f, size_t index);

/*
 * Where the last expression or datepattern that was refused is wrong; text "" if it was fine.
 * Valid until the next setting.
 */
struct filter_fault {
	const char *text; /* the reason alone */
	size_t column;    /* 1-based, in the text that was given; 0: no one place */
};
void filter_fault(const struct filter *f, struct filter_fault *out);

/* ---- trial: for the tester, which wants to see more than failures ---- */

/* One expression that took the line. Borrowed for the call. */
struct filter_found {
	int failregex;        /* 1-based */
	bool is_nofail;
	bool is_whole_time;   /* fail2ban shows the time as an integer */
	const struct failure *failure; /* id NULL: pending, nobody to blame yet; time NAN: none */
	const void *captures; /* for filter_found_value() */
	size_t id_from, id_to; /* of the address in the line; equal: elsewhere */
};

struct filter_trial {
	bool check_all;      /* every failregex is tried, not only up to the first that matches */
	bool show_pending;   /* report failures without an address too */
	bool raw_names;      /* a host name is the id itself */
	bool no_groups;      /* found->failure->groups stays empty: saves time */
	bool count_only;     /* neither id nor lines of an address are wanted: saves more */
	void (*found)(void *arg, const struct filter_found *found); /* instead of hooks.failure */
	void (*ignored)(void *arg, size_t ignoreregex);             /* 0-based */
	void (*line)(void *arg, const struct line *line);           /* a line is done; may be NULL */
	void *arg;
};
/* Before the first line. No line is too old, none in the future. */
void filter_set_trial(struct filter *f, const struct filter_trial *trial);
/* The data of a failure as fail2ban has it, but for `matches`: a dict, which the caller frees. */
struct value *filter_found_value(const struct filter *f, const struct filter_found *found);

/* About the last line that was fed. */
enum filter_verdict { FILTER_MISSED, FILTER_MATCHED, FILTER_IGNORED, FILTER_TOO_OLD };
struct filter_last {
	enum filter_verdict verdict;
	bool over_limit;      /* some expression ran out of its budget on it */
	bool has_pref;        /* the prefregex matched it (the last one that it was tried on) */
	bool is_pref_older;   /* which was an earlier line, as this one was ignored before */
	struct slice text;    /* what was searched: the line without its date */
	size_t date_from, date_to; /* in the line */
	struct failure_line line;  /* as a failure would have it */
};
void filter_last(const struct filter *f, struct filter_last *out);
bool filter_has_pref_match(const struct filter *f); /* its has_pref, false without a prefregex */
/* Dict of its groups on the last line, which the caller frees; NULL: it was not tried on that one. */
struct value *filter_pref_value(const struct filter *f);
/* With maxlines > 1: the lines that wait for more. */
size_t filter_window(const struct filter *f);
struct failure_line filter_window_at(const struct filter *f, size_t i);

/* How near the last line came to a match: the longest beginning of an expression that still held. */
struct filter_reach {
	int failregex;     /* 1-based; 0: it was the prefregex that did not match */
	const char *source; /* the expression as given; NULL: there is none */
	size_t len;        /* so much of it matched */
	uint64_t steps;    /* of all expressions that were tried */
};
void filter_reach(struct filter *f, struct filter_reach *out);

/* What to think of an expression (1-based; 0: the prefregex). */
struct filter_advice {
	bool is_forgeable; /* nothing ties it to the line's start: whoever can write into the log can make it match */
	size_t risk_column; /* 1-based, of a repeat that backtracks without bound; 0: none */
};
void filter_advice(const struct filter *f, int failregex, struct filter_advice *out);

struct datedetect;
const struct datedetect *filter_dates(const struct filter *f);

#endif
