/*
 * ticket: one identifier of one jail that is counted, banned, and unbanned; the noun that passes
 * from stage 5 (failures) through decide and bans to the actions and the database.
 * A ticket owns all that it points to.
 */
#ifndef TICKET_H
#define TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/str.h"

#define TICKET_FOREVER (-1) /* bantime of a permanent ban */

struct ticket_match { /* one log line as it was read; the date text is bytes[date_from, date_to) */
	char *bytes;  /* a counted text (below): jails that count the same line share it */
	size_t len;
	uint32_t date_from, date_to; /* equal: the line had no date */
	bool is_joined; /* compat: FailTicket.inc joins the lines of all failures but the first: stored as one string */
	double time;    /* of the failure that it belongs to */
	char *user;     /* a counted text: whom it tried; NULL: not known */
};

struct ticket_group { /* a named group of the expression: "user" = "root" */
	char *name;  /* owned, lower case */
	char *value; /* owned; never NULL: unmatched groups are left out */
};

struct ticket {
	char *id;         /* owned; what is banned: canonical address, network, or any text (<F-ID>) */
	char *ip;         /* owned; the address if it is not the id, else NULL */
	struct addr addr; /* of ip if there is one, else of id; family 0 when that is no valid address */
	double time;      /* of the last failure; of the ban once banned */
	double first;     /* of the first failure within findtime */
	int64_t bantime;  /* seconds, TICKET_FOREVER; TICKET_UNSET: the jail's own applies */
	int retry;        /* failures counted within findtime (rate-estimated, as fail2ban's) */
	int failures;     /* failures in all since first seen */
	int bancount;     /* bans of this id so far, this one included */
	bool is_restored; /* came from the database */
	bool is_manual;   /* banned by command */
	bool is_invalid;  /* looks like an address, is none (999.1.1.1): counted and shown, never banned */
	uint64_t serial;  /* of a failure that several jails hear of, the same number for all; 0: none. Copies have none. */
	int failregex;    /* 1-based index of the expression that matched last, 0 unknown */
	struct ticket_match *matches; /* owned; the last maxmatches lines, oldest first */
	size_t n_matches;
	struct ticket_group *groups; /* owned */
	size_t n_groups;
};

#define TICKET_UNSET (INT64_MIN)

struct ticket *ticket_new(const char *id, double time);
struct ticket *ticket_dup(const struct ticket *t);
void ticket_free(struct ticket *t); /* NULL is fine */
/* A text with several owners, NUL-terminated; the last one to let go frees it. raw: as in struct failure_line. */
char *ticket_text_new(const char *bytes, size_t len, struct slice raw);
struct slice ticket_text_raw(const char *text);
char *ticket_text_share(char *text);
void ticket_text_free(char *text); /* NULL is fine */
/* Appends m, whose text is shared; keeps only the last `keep` lines (0: none). */
void ticket_share_match(struct ticket *t, const struct ticket_match *m, size_t keep);
/* Appends a copy; keeps only the last `keep` lines (0: none). */
void ticket_add_match(struct ticket *t, const char *bytes, size_t len, uint32_t date_from,
    uint32_t date_to, size_t keep);
void ticket_set_group(struct ticket *t, const char *name, const char *value);
const char *ticket_group(const struct ticket *t, const char *name); /* NULL when absent */
/* The address to act on as text: ip if set, else id. */
const char *ticket_ip(const struct ticket *t);

#endif
