/*
 * bus: the read-only tap: what happened, as JSON lines, to whoever listens, and a bounded history
 * for those who come later. Each event is rendered once, however many listen.
 */
#ifndef EVENT_BUS_H
#define EVENT_BUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/str.h"
#include "jailtop/event.h"

#define BUS_HISTORY 500        /* events kept for a new client's Log pane */
#define BUS_FOUND_PER_SLICE 50 /* "found" events rendered per slice; the rest is only counted */
#define BUS_UNHEARD_PER_SLICE 250 /* other events made while nobody listens; the rest of a storm is in the log file */
#define BUS_SLICE_S 0.25

struct bus;
struct bus_reader;

/* line: the whole message with its LF; borrowed for the call. */
typedef void (*bus_fn)(void *arg, enum event_kind kind, const char *line, size_t len);

struct bus *bus_new(const struct clock *clock);
void bus_free(struct bus *b); /* NULL is fine */

struct bus_reader *bus_subscribe(struct bus *b, bus_fn fn, void *arg);
void bus_unsubscribe(struct bus *b, struct bus_reader *r); /* NULL is fine */
bool bus_has_readers(const struct bus *b);

/* True if a "found" event may still be rendered in this slice of time (else it is only counted). */
bool bus_found_budget(struct bus *b);
/* False: nobody listens and enough was told in this slice: the event need not be made. */
bool bus_is_wanted(struct bus *b);

/* Takes `fields` (an object); adds ev, seq, t. Kinds of the Log pane are kept in the history. */
void bus_publish(struct bus *b, enum event_kind kind, json_t *fields);
/* While held, events wait; bus_release() tells them in order. The history has them at once. */
void bus_hold(struct bus *b);
void bus_release(struct bus *b);
uint64_t bus_seq(const struct bus *b); /* of the last event */
/* Appends the history as "{…},{…}", oldest first. */
void bus_history(const struct bus *b, struct str *out);

#endif
