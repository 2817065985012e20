/*
 * flow: the nouns that pass between the stages, and nothing else. Read this first.
 *
 *   1 source -> 2 line -> 3 date -> 4 match -> 5 failures -> 6 decide -> 7 action -> firewall
 *
 * A stage maps noun to noun, gets its settings as arguments and includes no other stage's header.
 * Between 4 and 5 only `struct failure` crosses, so that 1-4 can become a process of their own.
 */
#ifndef FLOW_H
#define FLOW_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/str.h"

/* ---- caps of what comes from outside ---- */
#define LINE_MAX_BYTES 65536 /* a longer line is cut there; the rest is dropped and counted */

/* Stage 2: one line, decoded to valid UTF-8, without its CR LF. Borrowed for the call that hands it over. */
struct line {
	const char *bytes;
	size_t len;
	double time;       /* of a journal entry, seconds since the epoch; NAN: find the date in the text */
	bool in_operation; /* the reader had reached the file's end before: the line is new, not history */
	bool is_cut;       /* was longer than LINE_MAX_BYTES */
	bool is_ascii;     /* known to have no byte above 0x7f; false: nobody looked */
	struct slice raw;  /* what the log has where bytes have U+FFFD, each in turn (text_note()); empty: U+FFFD itself */
};

/* One matched log line inside a failure. */
struct failure_line {
	const char *bytes;
	size_t len;
	uint32_t date_from, date_to; /* where the date text stands; equal: none */
	struct slice raw; /* as of struct line: for eyes, nothing matches it */
};

struct failure_group {
	const char *name;  /* lower case */
	const char *value; /* NULL: the group did not take part in the match */
};

enum failure_kind {
	FAILURE_ADDR, /* id is a valid address or network */
	FAILURE_TEXT, /* id is any other text: <F-ID>, usedns=raw, or digits that look like an address but are none */
	FAILURE_NAME, /* id is a host name that must be resolved first; one failure for each address */
};

/* Stage 4's output, by value: everything is borrowed for the call. */
struct failure {
	enum failure_kind kind;
	const char *id;   /* canonical when an address */
	const char *ip;   /* the address when the id is something else (<F-ID>), else NULL */
	struct addr addr; /* of ip, else of id; family 0 when there is none */
	bool is_invalid_addr; /* looks like an address, is none (999.1.1.1): count and show, never act */
	double time;      /* seconds since the epoch, already completed, zoned and clamped to now */
	int failregex;    /* 1-based */
	const struct failure_line *lines; /* what matched, oldest first; the last one is the current line */
	size_t n_lines;
	const struct failure_group *groups;
	size_t n_groups;
	size_t nth;       /* so many others were told the same one, right before; nothing was told in between */
};

#endif
