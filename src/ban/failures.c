#include "ban/failures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include <uthash.h>
#include <utlist.h>

#include "base/mem.h"

struct entry {
	struct ticket *ticket; /* owned */
	struct entry *prev, *next; /* in the order of the last failure */
	UT_hash_handle hh;     /* by ticket->id */
};

struct failures {
	struct entry *entries; /* owned */
	struct entry *order;   /* the head failed longest ago */
	double oldest;         /* no entry's time is before it */
	uint64_t total, evicted;
};

struct failures *
failures_new(void)
{
	struct failures *f = xcalloc(1, sizeof *f);

	f->oldest = INFINITY;
	return f;
}

static void
drop(struct failures *f, struct entry *e)
{
	if (f->entries != NULL) /* always: table and list hold the same ones, but the analyzer cannot see that */
		HASH_DEL(f->entries, e);
	DL_DELETE(f->order, e);
	ticket_free(e->ticket);
	free(e);
}

void
failures_free(struct failures *f)
{
	if (f == NULL)
		return;
	while (f->entries != NULL) /* both hold the same ones */
		drop(f, f->order);
	free(f);
}

static struct entry *
lookup(const struct failures *f, const char *id)
{
	struct entry *e;

	HASH_FIND_STR(f->entries, id, e);
	return e;
}

static struct entry *
insert(struct failures *f, const struct ticket *t, size_t len, unsigned hash)
{
	if (HASH_COUNT(f->entries) >= FAILURES_MAX) {
		drop(f, f->order);
		f->evicted++;
	}
	struct entry *e = xcalloc(1, sizeof *e);
	e->ticket = ticket_new(t->id, t->time);
	e->ticket->ip = t->ip != NULL ? xstrdup(t->ip) : NULL;
	e->ticket->addr = t->addr;
	e->ticket->is_invalid = t->is_invalid;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, f->entries, e->ticket->id, len, hash, e);
	DL_APPEND(f->order, e);
	f->oldest = fmin(f->oldest, t->time);
	return e;
}

const struct ticket *
failures_add(struct failures *f, const struct ticket *t, int attempts,
    const struct failures_limits *limits)
{
	size_t len = strlen(t->id);
	unsigned hash = hash_bytes(t->id, len);
	struct entry *e;

	HASH_FIND_BYHASHVALUE(hh, f->entries, t->id, len, hash, e);
	bool is_first = e == NULL;
	if (is_first) {
		e = insert(f, t, len, hash);
	} else if (e->next != NULL) {
		DL_DELETE(f->order, e);
		DL_APPEND(f->order, e);
	}
	struct ticket *own = e->ticket;
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
	f->total++;
	for (size_t i = 0; i < t->n_matches && limits->maxmatches > 0; i++) {
		ticket_share_match(own, &t->matches[i], (size_t)limits->maxmatches);
		own->matches[own->n_matches - 1].is_joined = !is_first || t->matches[i].is_joined; /* compat: FailTicket.inc */
		own->matches[own->n_matches - 1].time = t->matches[i].time;
	}
	const char *user = ticket_group(t, "user");
	if (user != NULL && t->n_matches != 0 && own->n_matches != 0)
		own->matches[own->n_matches - 1].user = xstrdup(user); /* of the failure's lines, the last one tells */
	for (size_t i = 0; is_first && i < t->n_groups; i++) /* compat: FailManager.addFailure keeps the first failure's */
		ticket_set_group(own, t->groups[i].name, t->groups[i].value);
	return own;
}

struct ticket *
failures_take(struct failures *f, const char *id)
{
	struct entry *e = lookup(f, id);

	if (e == NULL)
		return NULL;
	struct ticket *t = e->ticket;
	HASH_DEL(f->entries, e);
	DL_DELETE(f->order, e);
	free(e);
	return t;
}

const struct ticket *
failures_find(const struct failures *f, const char *id)
{
	struct entry *e = lookup(f, id);

	return e != NULL ? e->ticket : NULL;
}

bool
failures_forget(struct failures *f, const char *id)
{
	struct ticket *t = failures_take(f, id);

	ticket_free(t);
	return t != NULL;
}

void
failures_expire(struct failures *f, double now, double findtime,
    void (*gone)(void *arg, const struct ticket *t), void *arg)
{
	struct entry *e, *next;
	double oldest = INFINITY;

	if (f->oldest > now - findtime) /* the usual case: this is asked each second */
		return;
	DL_FOREACH_SAFE(f->order, e, next) {
		if (e->ticket->time > now - findtime) {
			oldest = fmin(oldest, e->ticket->time);
			continue;
		}
		if (gone != NULL)
			gone(arg, e->ticket);
		drop(f, e);
	}
	f->oldest = oldest;
}

void
failures_shift(struct failures *f, double seconds, double now)
{
	f->oldest += fmin(seconds, 0);
	for (struct entry *e = f->order; e != NULL; e = e->next) {
		struct ticket *t = e->ticket;
		bool is_new = seconds > 0 ? t->time + seconds > now + 1 : t->time > now - 2 && t->time < now + 1;
		if (is_new)
			continue;
		t->time += seconds;
		t->first += seconds;
	}
}

void
failures_each(const struct failures *f, void (*fn)(void *arg, const struct ticket *t), void *arg)
{
	for (struct entry *e = f->order; e != NULL; e = e->next)
		fn(arg, e->ticket);
}

size_t
failures_count(const struct failures *f)
{
	return HASH_COUNT(f->entries);
}

uint64_t
failures_total(const struct failures *f)
{
	return f->total;
}

uint64_t
failures_evicted(const struct failures *f)
{
	return f->evicted;
}
