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
	struct slice text;        /* without the date, a line feed behind it, and slack */
	size_t date_from, date_to; /* of the line's own date */
	double time;              /* NAN: none */
	double odd;               /* it is so far from now that now was taken instead; 0: it is not */
	bool is_ascii, is_whole;  /* is_whole: fail2ban has the time as an integer */
	bool no_date;
	bool is_borrowed;         /* the line stands behind the last date: line is not as it was read */
	struct slice bad;         /* the text of a date, but there is no such day; at NULL: none */
};

struct stamps *stamps_new(struct core_base *base, struct datedetect *dates); /* takes dates */
struct stamps *stamps_dup(const struct stamps *s);
void stamps_free(struct stamps *s); /* lets go; NULL is fine */
bool stamps_are_same(const struct stamps *a, const struct stamps *b); /* will they go on the same? */
/* The line is valid UTF-8. is_trial: no time is odd, and a line without one stays without. */
void stamps_line(struct stamps *s, const struct line *line, bool is_ascii, double now, bool is_trial, struct dated *out);

#endif
