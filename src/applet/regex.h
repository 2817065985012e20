/*
 * regex: the tester, `jailtop regex` and fail2ban-regex.
 *
 * regex_options.c reads the command line, regex_setup.c makes the filter; regex.c reads the log (regex_journal.c: the
 * journal), regex_lines.c runs its lines through the filter; regex_report.c prints the report for people, regex_rows.c what -o asks for, regex_json.c
 * what --json does, regex_explain.c what --explain adds.
 */
#ifndef APPLET_REGEX_H
#define APPLET_REGEX_H

#include <stdbool.h>
#include <stdio.h>
#include <uthash.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/value.h"
#include "match/filter.h"

struct tester_opts {
	const char *config, *datepattern, *timezone, *encoding, *usedns, *journalmatch, *out;
	int maxlines, verbose, log_level;
	long max_rows; /* --rows; -1: all */
	bool raw, verbose_date, debuggex, no_check_all, json, explain;
	bool no_missed, no_ignored, all_matched, all_missed, all_ignored;
};

struct tester_hit { /* for -v */
	char *id;    /* owned; NULL: pending */
	double time; /* NAN: none */
	bool is_one_of_many;
};

struct tester_regex {
	char *source; /* owned */
	size_t hits;
	struct tester_hit *list; /* owned; kept with -v only */
	size_t n_list;
};

struct tester_regexes {
	struct tester_regex *at; /* owned */
	size_t count;
};

struct tester_lines {
	long count;       /* in all; may be less than the list has. compat: and less than none, when a window's lines count twice */
	struct str *list; /* owned; of those that are kept */
	size_t n_list;
};

struct tester_names; /* cache of resolved names */

struct tester {
	struct tester_opts opts;
	struct clock clock;
	struct filter *filter;
	struct tester_regexes fail, ignore;
	struct tester_lines matched, ignored, missed;
	size_t tested;
	int maxlines;          /* as -L said, or 20: how many lines are listed */
	bool has_maxlines, has_datepattern, has_dates;
	size_t pref_matched;
	struct str pref_groups; /* for -v: printed lines */
	struct str pref_last;   /* the groups of the last line that it was tried on */
	size_t n_pref_groups;
	struct value *journalmatch; /* list of words; NULL */
	double start; /* of the program */
	double elapsed;
	struct tester_names *names;

	/* the line at hand */
	struct waiting *waiting; /* maxlines > 1: what waited for it; borrowed */
	size_t n_found;   /* failures */
	bool is_ignored;
	int first_regex;
	struct rows *rows;   /* -o */
	struct json_run *json;
};

/* One failure, after names are resolved: id is NULL when it is pending. */
struct tester_found {
	const struct filter_found *found;
	const char *id;
	struct addr addr; /* of id or of the address beside it */
};

/* ---- regex_options.c ---- */
int tester_parse(int argc, char **argv, struct tester_opts *o); /* -1: go on; else the exit code */
bool tester_check(int count, const struct tester_opts *o, const char *called); /* count: of the arguments left */

/* ---- regex_setup.c ---- */
bool tester_set_up(struct tester *t, char **args, int count); /* args: log, regex, ignoreregex */
void tester_regexes_done(struct tester_regexes *r);

/* ---- regex_lines.c ---- */
void tester_listen(struct tester *t); /* to its filter */
void tester_feed(void *tester, const struct line *lines, size_t count);

/* ---- regex_names.c ---- */
struct tester_name {
	char *name;         /* owned */
	struct addr *addrs; /* owned */
	size_t count;
	int error;          /* of getaddrinfo(); 0: none */
	UT_hash_handle hh;
};
struct tester_names *tester_names_new(void);
void tester_names_free(struct tester_names *names);
/* NULL: too many. is_new: nobody asked for it before. */
const struct tester_name *tester_resolve(struct tester_names *names, const char *name, bool *is_new);

/* ---- regex_report.c ---- */
void report_print(struct tester *t);
void report_say(const struct tester *t, const char *format, ...); /* a line in front of the report */
/* What went wrong, with its place in the expression that the filter refused: `in`, "failregex", …; NULL: none. False. */
bool report_error(const struct tester *t, const char *in, size_t index, const struct err *err);
/* A record of the library's, laid out as -v wants it. arg: the tester. */
void report_log(void *arg, int level, const char *text);
void report_log_of(const struct tester *t, const char *logger, int level, const char *text);
/* A text of at most 53 characters, or 50 and "...". */
void report_short(const char *text, struct str *out);

/* ---- regex_rows.c ---- */
struct rows;
struct rows *rows_new(struct tester *t, const char *token);
void rows_free(struct rows *r);
void rows_found(struct rows *r, const struct tester_found *f);
void rows_line(struct rows *r, bool is_ignored); /* the line is done */

/* ---- regex_json.c ---- */
struct json_run;
struct json_run *json_run_new(struct tester *t);
void json_run_found(struct json_run *j, const struct tester_found *f);
void json_run_line(struct json_run *j, const struct line *line, bool is_ignored);
void json_run_end(struct json_run *j); /* prints and frees */
/* in: "failregex", …; index 0: none; column 0: none */
void json_print_error(const char *text, size_t column, const char *in, size_t index);

/* ---- regex_journal.c ---- */
bool journal_run(struct tester *t, const char *spec, struct err *err); /* spec: "systemd-journal[…]" */
struct value *journal_words(const char *text); /* of -m: a list, which the caller frees */

/* ---- regex_explain.c ---- */
void explain_line(struct tester *t, const struct line *line);
void explain_end(struct tester *t);

#endif
