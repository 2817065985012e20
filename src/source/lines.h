/*
 * lines: stage 2, raw bytes of a log -> struct line.
 *
 * Splits at LF, decodes the log's encoding to UTF-8 (bad bytes become U+FFFD), strips CR LF, cuts
 * at LINE_MAX_BYTES. A last line without LF is kept back until the rest comes (or lines_end()).
 * Allocates nothing per line; pure ASCII/UTF-8 input is handed on without copying.
 */
#ifndef SOURCE_LINES_H
#define SOURCE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "flow.h"

struct lines;

/* Takes a batch (at most LINES_BATCH); the lines are valid for the call only. */
typedef void (*lines_fn)(void *arg, const struct line *lines, size_t count);

#define LINES_BATCH 256

/* encoding: fail2ban's logencoding: "auto" (the locale's), "UTF-8", "ascii", "latin1", "utf-16le", … */
struct lines *lines_new(const char *encoding, lines_fn fn, void *arg, struct err *err); /* NULL: unknown encoding */
void lines_free(struct lines *l);
void lines_feed(struct lines *l, const char *bytes, size_t len, bool in_operation);
void lines_end(struct lines *l, bool in_operation); /* hands over an unfinished last line */
void lines_drop(struct lines *l);                   /* forgets an unfinished last line (rotation) */
bool lines_rest_ends(const struct lines *l);        /* whether an unfinished last line has a CR at its end */
size_t lines_pending(const struct lines *l);        /* raw bytes of the unfinished last line */
uint64_t lines_bad(const struct lines *l);          /* lines that held undecodable bytes so far */
const char *lines_encoding(const struct lines *l);  /* as fail2ban names it: "UTF-8" */

#endif
