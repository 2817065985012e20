/*
 * stamps: stage 3 for the lines of a log: their times, what stands in when a line has none, and their text without the date.
 *
 * Shared by cores that saw the same lines with the same datepattern: a line's date is looked for once.
 */
#ifndef MATCH_STAMPS_H
#define MATCH_STAMPS_H

#include "base/str.h"
#include "flow.h"
#include "match/datedetect.h"

struct core_base;

#define STAMPS_SLACK 16 /* bytes that may be read behind a text without its date */

struct stamps {
	int refs;               /* of cores */
	struct core_base *base; /* counted */
	struct datedetect *dates; /* owned */
	struct str last;        /* text of the last date */
	double last_date;       /* 0: none */
	bool last_is_whole;

	/* work space of one line */
	struct str stamped;     /* a line without a date, behind the last date */
	struct str text;
};

/* A line with its time. Borrowed until the next line. */
struct dated {
	struct failure_line line; /* as it is reported */
	struct slice text;        /* without the date, a line feed behind it, and slack; stamps_text() makes it */
	size_t date_from, date_to; /* of the line's own date */
	double time;              /* NAN: none */
	double odd;               /* it is so far from now that now was taken instead; 0: it is not */
	bool is_ascii, is_whole;  /* is_whole: fail2ban has the time as an integer */
	bool no_date;
	bool is_borrowed;         /* the line stands behind the last date: line is not as it was read */
	bool is_learned;          /* found by what an earlier line taught: stamps_follow() */
	struct slice bad;         /* the text of a date, but there is no such day; at NULL: none */
};

struct stamps *stamps_new(struct core_base *base, struct datedetect *dates); /* takes dates */
struct stamps *stamps_dup(const struct stamps *s);
void stamps_free(struct stamps *s); /* lets go; NULL is fine */
bool stamps_are_same(const struct stamps *a, const struct stamps *b); /* will they go on the same? */
/* The line's time. It is valid UTF-8. is_trial: no time is odd, and a line without one stays without. */
void stamps_line(struct stamps *s, const struct line *line, bool is_ascii, double now, bool is_trial, struct dated *out);
/* out->text, when somebody wants to search it. */
void stamps_text(struct stamps *s, struct dated *out);
/*
 * What `lead` found in the line at hand (is_learned) is what s finds, as both learned the same: s goes on as if it had
 * looked. False: it has to look. stamps_learned() changes when one of them learns: until then they remain the same.
 */
bool stamps_follow(struct stamps *s, const struct dated *lead, double now);
bool stamps_learned_the_same(const struct stamps *a, const struct stamps *b);
uint64_t stamps_learned(const struct stamps *s);

#endif
