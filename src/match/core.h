/*
 * core: the matching of a filter without its jail: expressions, dates, and what is remembered from
 * line to line. Filters with equal settings that read the same lines share one (filter.c decides).
 */
#ifndef MATCH_CORE_H
#define MATCH_CORE_H

#include "match/crew.h"
#include "match/expr.h"
#include "match/filter.h"
#include "match/memo.h"
#include "match/multiline.h"
#include "match/stamps.h"
#include "match/window.h"

struct expr_list {
	struct expr **at; /* owned, each one reference */
	size_t count;
};

/* Compiled things that many cores may use: room and names. */
struct core_base {
	int refs;
	struct regex_room *room;
	struct names names;
};

/* For which first bytes which failregexes are worth a try. */
struct dispatch {
	bool is_ready;
	uint16_t *lists;     /* owned; all lists behind each other, each ends with UINT16_MAX */
	uint32_t start[256]; /* by first byte */
	struct dispatch_prefix { /* by expression: the first bytes of all its matches */
		uint64_t bytes, mask;
	} *prefixes; /* owned */
	bool is_blind[256];  /* by first byte: none of them tells digits apart */
	uint16_t taken[256], missed[256]; /* texts by first byte, lately */
};

enum warned { WARNED_ODD_TIME, WARNED_OLD, WARNED_NO_DATE, N_WARNED };

struct core {
	struct core_base *base;
	const struct clock *clock;

	/* settings */
	enum filter_usedns usedns;
	struct expr *pref;   /* NULL: none */
	struct expr_list fail, ignore;
	int maxlines;
	char *datepattern;   /* as given; NULL: defaults */
	char *zone;          /* logtimezone as given; NULL */
	double findtime;
	const struct filter_trial *trial; /* NULL: a jail */

	/* state */
	struct stamps *stamps;    /* made with the first line, or with datepattern; shared by those that read the same */
	struct dispatch dispatch;
	struct memo *memo;        /* made when first of use */
	struct sessions *sessions;
	struct window window, whole; /* maxlines > 1: lineBuffer, orgBuffer */
	int hopeful;              /* for so many lines the window may hold a match */
	double warn_after[N_WARNED];
	struct filter_counters counters;

	/* work space of one line */
	double now;
	uint64_t serial;     /* of the line, for what is shared about it; 0: nothing is */
	bool is_whole_time;
	struct slice text;   /* what is searched */
	struct str clean;    /* a line that was not UTF-8 */
	struct str joined, content, undated;
	struct captures captures;
	struct failure_line line;    /* as it is reported */
	struct filter_last last;
	struct window matched, rest;
	struct str values;           /* NUL-terminated texts of the failure being told */
	struct failure_group *groups;
	struct failure_line *lines;
	size_t groups_room, lines_room;

	struct filter **filters; /* who listens; owned list of borrowed filters */
	size_t n_filters;
	bool is_listed;          /* filters_feed() */
	struct crew *crew;       /* that this core belongs to; NULL: none */
	struct crew_pref *shared_pref; /* NULL: nobody else has this prefregex */
};

void core_init(struct core *c, struct core_base *base, const struct clock *clock);
void core_done(struct core *c);
/* serial: the line's, 0 when nothing about it is shared. */
void core_line(struct core *c, const struct dated *d, uint64_t serial);
/* After the prefregex matched core.text: what it cut out, or all. */
void core_content(struct core *c, const char **text, size_t *len);
/* Expressions or usedns changed. */
void core_changed(struct core *c);
bool core_make_dates(struct core *c, double now, struct err *err);
struct core_base *core_base_new(void);
void core_base_free(struct core_base *b);
/* Would the times of coming lines be the same for both? */
bool core_stamps_are_same(const struct core *a, const struct core *b);
/* Would the two find the same in the same lines? */
bool core_is_twin(const struct core *a, const struct core *b);
/* The same settings, and what was learned so far; without filters. */
struct core *core_dup(const struct core *c);

/* ---- between the files of core ---- */

#define CORE_SLACK STAMPS_SLACK /* bytes that may be read behind a searched text */

struct search { /* what the expressions are tried on */
	const char *text;
	size_t len;
	bool is_ascii;
};

static inline bool
core_checks_all(const struct core *c)
{
	return c->trial != NULL && c->trial->check_all;
}

/* Are lines held against the ignoreregexes before all else? */
static inline bool
core_ignores_first(const struct core *c)
{
	return c->ignore.count > 0 && c->ignore.count + 2 < c->fail.count;
}

bool core_has_high_byte(const char *bytes, size_t len);
/* Does the line still count? */
bool core_judge_time(struct core *c, const struct line *l, const struct dated *d);
void core_find_failure(struct core *c, const struct search *whole, double time, bool no_date);
void core_find_failure_in_window(struct core *c, double time, bool no_date);
/* The captures of failregex `index` become a failure, or wait for more. False: the line is done with. */
bool core_tell(struct core *c, size_t index, struct captures *f, double time, const char *text);
void core_warn(struct core *c, const char *format, const char *text);
bool core_may_warn(struct core *c, enum warned what); /* once a day */
const char *core_line_text(struct core *c, const char *bytes, size_t len); /* NUL-terminated, until the next */

/* Provided by filter.c: hands to all that listen. */
void filter_tell(const struct core *c, const struct failure *f);
void filter_log(const struct core *c, int level, const char *format, const char *text);
bool filter_wants_log(const struct core *c);

#endif
