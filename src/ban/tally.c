#include "ban/tally.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct tally_origin {
	int refs;
	bool is_invalid;
	struct addr addr;
	const char *ip; /* in the texts; NULL: none */
	size_t n_groups;
	struct ticket_group groups[]; /* their texts stand behind them */
};

struct tally_lines {
	int refs;
	size_t count;
	struct ticket_match at[]; /* oldest first */
};

/* ---- the first failure ---- */

/* Copies a text into the room that was counted for it; returns where the next one goes. */
static char *
put_text(char *room, const char *text)
{
	size_t size = strlen(text) + 1;

	memcpy(room, text, size);
	return room + size;
}

/* compat: FailManager.addFailure keeps the first failure's */
static struct tally_origin *
origin_new(const struct ticket *t)
{
	size_t room = t->ip != NULL ? strlen(t->ip) + 1 : 0;

	for (size_t i = 0; i < t->n_groups; i++)
		room += strlen(t->groups[i].name) + strlen(t->groups[i].value) + 2;
	struct tally_origin *o = xmalloc(sizeof *o + t->n_groups * sizeof *o->groups + room);
	char *text = (char *)&o->groups[t->n_groups];
	*o = (struct tally_origin){.refs = 1, .is_invalid = t->is_invalid, .addr = t->addr, .n_groups = t->n_groups};
	for (size_t i = 0; i < t->n_groups; i++) {
		o->groups[i].name = text;
		text = put_text(text, t->groups[i].name);
		o->groups[i].value = text;
		text = put_text(text, t->groups[i].value);
	}
	if (t->ip != NULL) {
		o->ip = text;
		put_text(text, t->ip);
	}
	return o;
}

static void
origin_free(struct tally_origin *o)
{
	if (--o->refs == 0)
		free(o);
}

/* ---- lines ---- */

static void
let_go(struct ticket_match *m)
{
	ticket_text_free(m->bytes);
	ticket_text_free(m->user);
}

static void
lines_free(struct tally_lines *l)
{
	if (l == NULL || --l->refs > 0)
		return;
	for (size_t i = 0; i < l->count; i++)
		let_go(&l->at[i]);
	free(l);
}

/* Those of old and then t's, the last `keep` of them. Lets go of old. */
static struct tally_lines *
lines_next(struct tally_lines *old, const struct ticket *t, size_t keep)
{
	size_t fresh = t->n_matches < keep ? t->n_matches : keep, had = old != NULL ? old->count : 0;
	size_t stay = had < keep - fresh ? had : keep - fresh;
	struct tally_lines *l = xmalloc(sizeof *l + (stay + fresh) * sizeof *l->at);

	*l = (struct tally_lines){.refs = 1, .count = stay};
	if (stay > 0)
		memcpy(l->at, old->at + had - stay, stay * sizeof *l->at);
	if (old != NULL && old->refs == 1) { /* they move */
		for (size_t i = 0; i < had - stay; i++)
			let_go(&old->at[i]);
		old->count = 0;
	} else {
		for (size_t i = 0; i < stay; i++) {
			ticket_text_share(l->at[i].bytes);
			if (l->at[i].user != NULL)
				ticket_text_share(l->at[i].user);
		}
	}
	for (size_t i = t->n_matches - fresh; i < t->n_matches; i++) {
		struct ticket_match *m = &l->at[l->count++];
		*m = t->matches[i];
		m->bytes = ticket_text_share(t->matches[i].bytes);
		m->user = NULL;
	}
	lines_free(old);
	return l;
}

/* compat: FailManager.addFailure: the first failure's lines stay all, later ones are cut to the last maxmatches */
static void
add_lines(struct tally *own, const struct ticket *t, bool is_first, int maxmatches)
{
	const bool is_whole = is_first && t->failures <= 1;

	if (!is_whole && maxmatches <= 0) {
		lines_free(own->lines);
		own->lines = NULL;
		return;
	}
	if (t->n_matches == 0 && own->lines == NULL)
		return;
	own->lines = lines_next(own->lines, t, is_whole ? t->n_matches : (size_t)maxmatches);
	if (t->n_matches == 0)
		return;
	struct ticket_match *all = own->lines->at;
	size_t count = own->lines->count, fresh = t->n_matches < count ? t->n_matches : count;
	for (size_t i = count - fresh; i < count; i++)
		all[i].is_joined = !is_first || all[i].is_joined; /* compat: FailTicket.inc */
	const char *user = ticket_group(t, "user");
	if (user != NULL)
		all[count - 1].user = ticket_text_new(user, strlen(user), (struct slice){0}); /* of the failure's lines, the last one tells */
}

/* ---- the value ---- */

/* A value of our own to change. Lets go of from. */
static struct tally *
to_change(struct tally *from)
{
	if (from->refs == 1)
		return from;
	struct tally *own = xmalloc(sizeof *own);
	*own = *from;
	own->refs = 1;
	own->origin->refs++;
	if (own->lines != NULL)
		own->lines->refs++;
	from->refs--;
	return own;
}

struct tally *
tally_next(struct tally *from, const struct ticket *t, int attempts, const struct failures_limits *limits)
{
	bool is_first = from == NULL;
	struct tally *own = is_first ? xcalloc(1, sizeof *own) : to_change(from);

	if (is_first) {
		own->refs = 1;
		own->origin = origin_new(t);
		own->time = own->first = t->time;
	}
	if (t->time > own->time) {
		if (own->first < t->time - limits->findtime) {
			/* compat: FailTicket.adjustTime; rint() rounds half to even as Python's round() */
			own->retry = (int)rint(own->retry / (t->time - own->first) * limits->findtime);
			own->first = t->time - limits->findtime;
		}
		own->time = t->time;
	}
	own->retry += attempts;
	own->failures += t->failures > 1 ? t->failures : 1; /* compat: FailTicket.inc: calls, not what they weigh */
	own->failregex = t->failregex;
	add_lines(own, t, is_first, limits->maxmatches);
	return own;
}

struct tally *
tally_share(struct tally *t)
{
	t->refs++;
	return t;
}

void
tally_free(struct tally *t)
{
	if (t == NULL || --t->refs > 0)
		return;
	origin_free(t->origin);
	lines_free(t->lines);
	free(t);
}

const struct addr *
tally_addr(const struct tally *t)
{
	return &t->origin->addr;
}

bool
tally_is_invalid(const struct tally *t)
{
	return t->origin->is_invalid;
}

void
tally_view(const struct tally *t, const char *id, struct ticket *out)
{
	struct tally_origin *o = t->origin;

	*out = (struct ticket){
	    .id = (char *)(uintptr_t)id,
	    .ip = (char *)(uintptr_t)o->ip,
	    .addr = o->addr,
	    .time = t->time,
	    .first = t->first,
	    .bantime = TICKET_UNSET,
	    .retry = t->retry,
	    .failures = t->failures,
	    .is_invalid = o->is_invalid,
	    .failregex = t->failregex,
	    .matches = t->lines != NULL ? t->lines->at : NULL,
	    .n_matches = t->lines != NULL ? t->lines->count : 0,
	    .groups = o->groups,
	    .n_groups = o->n_groups,
	};
}
