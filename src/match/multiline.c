#include "match/multiline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include <uthash.h>

#include "base/mem.h"

#define SAME_MOMENT_S 10 /* two that read the same lines one after the other */

struct session {
	struct str id;
	double expires;
	struct captures facts;
	UT_hash_handle hh;
};

struct sessions {
	struct session *table; /* uthash keeps them in the order they came */
	struct session *spare[SESSIONS_MAX + 1];
	size_t n_spare;
	struct captures gone;     /* of a connection that was just forgotten */
};

struct sessions *
sessions_new(void)
{
	return xcalloc(1, sizeof(struct sessions));
}

static void
session_free(struct session *c)
{
	str_done(&c->id);
	captures_done(&c->facts);
	free(c);
}

void
sessions_free(struct sessions *s)
{
	struct session *c, *next;

	if (s == NULL)
		return;
	HASH_ITER (hh, s->table, c, next) {
		HASH_DEL(s->table, c);
		session_free(c);
	}
	for (size_t i = 0; i < s->n_spare; i++)
		session_free(s->spare[i]);
	captures_done(&s->gone);
	free(s);
}

static struct session *
add(struct sessions *s, struct slice id, double expires)
{
	struct session *c = s->n_spare > 0 ? s->spare[--s->n_spare] : xcalloc(1, sizeof *c);

	str_clear(&c->id);
	str_addn(&c->id, id.at, id.len);
	captures_clear(&c->facts);
	c->expires = expires;
	HASH_ADD_KEYPTR(hh, s->table, c->id.at, c->id.len, c);
	return c;
}

static void
drop(struct sessions *s, struct session *c)
{
	HASH_DEL(s->table, c);
	if (s->n_spare < SESSIONS_MAX)
		s->spare[s->n_spare++] = c;
	else
		session_free(c);
}

struct sessions *
sessions_dup(const struct sessions *from)
{
	struct sessions *s = sessions_new();

	for (const struct session *c = from->table; c != NULL; c = c->hh.next)
		captures_copy(&add(s, (struct slice){c->id.at, c->id.len}, c->expires)->facts, &c->facts);
	return s;
}

bool
sessions_are_same(const struct sessions *a, const struct sessions *b)
{
	const struct session *x = a->table, *y = b->table;

	for (; x != NULL && y != NULL; x = x->hh.next, y = y->hh.next)
		if (x->id.len != y->id.len || memcmp(x->id.at, y->id.at, x->id.len) != 0 ||
		    fabs(x->expires - y->expires) > SAME_MOMENT_S || !captures_are_same(&x->facts, &y->facts))
			return false;
	return x == y;
}

/* Makes room as fail2ban does: the oldest go until a live one went. */
static void
make_room(struct sessions *s, double now)
{
	if (HASH_COUNT(s->table) < SESSIONS_MAX)
		return;
	while (s->table != NULL) {
		bool was_live = s->table->expires > now;
		drop(s, s->table);
		if (was_live)
			break;
	}
}

static struct session *
find(struct sessions *s, struct slice id, double now)
{
	struct session *c;

	if (id.at == NULL)
		return NULL;
	HASH_FIND(hh, s->table, id.at, id.len, c);
	if (c != NULL && c->expires <= now) {
		drop(s, c);
		return NULL;
	}
	return c;
}

static void
add_user(struct captures *to, struct captures *from)
{
	if (captures_is_true(from, CAPTURE_USER)) {
		struct slice user = captures_text(from, CAPTURE_USER);
		captures_add_user(to, user.at, user.len);
	}
}

static void
swap(struct captures *a, struct captures *b)
{
	struct captures c = *a;

	*a = *b;
	*b = c;
}

/* compat: Filter._mergeFailure */
struct captures *
sessions_merge(struct sessions *s, struct captures *fresh, const struct failure_line *lines, size_t n_lines, double now)
{
	struct captures *f = fresh;
	bool is_gained = captures_is_true(fresh, CAPTURE_GAINED), is_nofail, is_forget, was_nofail = false;

	if (is_gained && !captures_is_true(fresh, CAPTURE_NOFAIL)) {
		struct capture word = fresh->values[CAPTURE_GAINED];
		captures_point(fresh, CAPTURE_NOFAIL, word.kind, word.at, word.len);
	}
	is_nofail = captures_is_true(fresh, CAPTURE_NOFAIL);
	is_forget = captures_is_true(fresh, CAPTURE_FORGET);
	captures_drop(fresh, CAPTURE_FORGET);

	struct slice id = captures_text(fresh, CAPTURE_MLFID);
	struct session *c = find(s, id, now);
	if (c != NULL) {
		struct captures *known = &c->facts;
		add_user(known, fresh);
		was_nofail = captures_is_true(known, CAPTURE_NOFAIL) || captures_is_true(known, CAPTURE_GAINED);
		captures_drop(known, CAPTURE_NOFAIL);
		captures_drop(known, CAPTURE_GAINED);
		if (is_gained)
			captures_drop(known, CAPTURE_PENDING);
		if (!was_nofail && !captures_is_true(known, CAPTURE_PENDING))
			line_list_clear(&known->matches); /* they were reported already */
		captures_update(known, fresh);
		f = known;
		if (is_forget) {
			swap(&s->gone, &c->facts);
			f = &s->gone;
			drop(s, c);
		}
	} else if (!is_forget) {
		add_user(fresh, fresh); /* which may move the texts */
		make_room(s, now);
		c = add(s, captures_text(fresh, CAPTURE_MLFID), now + SESSION_S);
		swap(&c->facts, fresh);
		f = &c->facts;
	}
	bool was_pending = captures_is_true(f, CAPTURE_PENDING);
	captures_drop(f, CAPTURE_PENDING);
	if (was_pending || f->n_users > 1) {
		captures_drop(f, CAPTURE_NOFAIL);
		captures_drop(f, CAPTURE_GAINED);
		is_nofail = is_gained = false;
	}
	if (!is_nofail) {
		/* held back lines first, then what is not yet reported, then this one */
		line_list_append(&f->nofail_matches, &f->matches);
		for (size_t i = 0; i < n_lines && !is_gained; i++)
			line_list_add(&f->nofail_matches, &lines[i]);
		struct line_list merged = f->nofail_matches;
		f->nofail_matches = f->matches;
		line_list_clear(&f->nofail_matches);
		f->matches = merged;
	} else if (!is_forget) {
		for (size_t i = 0; i < n_lines; i++)
			line_list_add(&f->nofail_matches, &lines[i]);
	}
	return f;
}
