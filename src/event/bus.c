#include "event/bus.h"

#include <stdlib.h>
#include <uthash.h>
#include <utlist.h>

#include "base/mem.h"

struct bus_reader {
	bus_fn fn;
	void *arg;
	struct bus_reader *prev, *next;
};

struct held {
	enum event_kind kind;
	struct str line; /* owned */
	struct held *prev, *next;
};

struct bus {
	const struct clock *clock;
	struct bus_reader *readers; /* owned */
	uint64_t seq;
	char *history[BUS_HISTORY]; /* owned, without LF; a ring */
	size_t n_history, oldest;
	bool is_held;
	struct held *held; /* owned: told at bus_release() */
	double slice;
	int found_in_slice, unheard_in_slice;
};

static const char *const names[] = {
#define X(symbol, name) [symbol] = name,
    EVENT_TABLE(X)
#undef X
};

struct bus *
bus_new(const struct clock *clock)
{
	struct bus *b = xcalloc(1, sizeof *b);

	b->clock = clock;
	return b;
}

void
bus_free(struct bus *b)
{
	if (b == NULL)
		return;
	while (b->readers != NULL)
		bus_unsubscribe(b, b->readers);
	bus_release(b);
	for (size_t i = 0; i < b->n_history; i++)
		free(b->history[i]);
	free(b);
}

struct bus_reader *
bus_subscribe(struct bus *b, bus_fn fn, void *arg)
{
	struct bus_reader *r = xcalloc(1, sizeof *r);

	if (b->is_held) { /* a new reader's snapshot holds what waits: it must not hear it twice */
		bus_release(b);
		b->is_held = true;
	}
	r->fn = fn;
	r->arg = arg;
	DL_APPEND(b->readers, r);
	return r;
}

void
bus_unsubscribe(struct bus *b, struct bus_reader *r)
{
	if (r == NULL)
		return;
	DL_DELETE(b->readers, r);
	free(r);
}

bool
bus_has_readers(const struct bus *b)
{
	return b->readers != NULL;
}

static void
slice_begin(struct bus *b)
{
	double slice = clock_monotonic(b->clock);

	if (slice >= b->slice + BUS_SLICE_S || slice < b->slice) {
		b->slice = slice;
		b->found_in_slice = b->unheard_in_slice = 0;
	}
}

bool
bus_found_budget(struct bus *b)
{
	slice_begin(b);
	return b->found_in_slice++ < BUS_FOUND_PER_SLICE;
}

bool
bus_is_wanted(struct bus *b)
{
	slice_begin(b);
	return b->readers != NULL || b->unheard_in_slice++ < BUS_UNHEARD_PER_SLICE;
}

static bool
is_history(enum event_kind kind)
{
	return kind == EVENT_FOUND || kind == EVENT_BAN || kind == EVENT_UNBAN || kind == EVENT_PROLONG ||
	    kind == EVENT_REPAIR || kind == EVENT_NOTICE;
}

/* Takes line. */
static void
tell(struct bus *b, enum event_kind kind, struct str *line)
{
	struct bus_reader *r, *next;

	DL_FOREACH_SAFE(b->readers, r, next)
		r->fn(r->arg, kind, line->at, line->len);
	str_done(line);
}

void
bus_hold(struct bus *b)
{
	b->is_held = true;
}

void
bus_release(struct bus *b)
{
	b->is_held = false;
	while (b->held != NULL) {
		struct held *h = b->held;
		DL_DELETE(b->held, h);
		tell(b, h->kind, &h->line);
		free(h);
	}
}

void
bus_publish(struct bus *b, enum event_kind kind, json_t *fields)
{
	b->seq++;
	if (!is_history(kind) && b->readers == NULL) {
		json_decref(fields);
		return;
	}
	json_object_set_new(fields, "ev", json_string(names[kind]));
	json_object_set_new(fields, "seq", json_integer((json_int_t)b->seq));
	json_object_set_new(fields, "t", json_real(clock_now(b->clock)));
	char *text = json_dumps(fields, JSON_COMPACT);
	json_decref(fields);
	if (text == NULL)
		return;

	if (b->readers != NULL) {
		struct str line = {0};
		str_add(&line, text);
		str_addc(&line, '\n');
		if (b->is_held) {
			struct held *h = xcalloc(1, sizeof *h);
			h->kind = kind;
			h->line = line;
			DL_APPEND(b->held, h);
		} else {
			tell(b, kind, &line);
		}
	}

	if (!is_history(kind)) {
		free(text);
	} else if (b->n_history < BUS_HISTORY) {
		b->history[b->n_history++] = text;
	} else {
		free(b->history[b->oldest]);
		b->history[b->oldest] = text;
		b->oldest = (b->oldest + 1) % BUS_HISTORY;
	}
}

uint64_t
bus_seq(const struct bus *b)
{
	return b->seq;
}

void
bus_history(const struct bus *b, struct str *out)
{
	for (size_t i = 0; i < b->n_history; i++) {
		if (i != 0)
			str_addc(out, ',');
		str_add(out, b->history[(b->oldest + i) % b->n_history]);
	}
}
