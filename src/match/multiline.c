#include "match/multiline.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/mem.h"

struct session {
	struct str id;
	double expires;
	struct facts facts;
	UT_hash_handle hh;
};

struct sessions {
	struct session *table; /* uthash keeps them in the order they came */
	struct session *spare[SESSIONS_MAX + 1];
	size_t n_spare;
	struct facts gone;     /* of a connection that was just forgotten */
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
	facts_done(&c->facts);
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
	facts_done(&s->gone);
	free(s);
}

static struct session *
add(struct sessions *s, struct slice id, double expires)
{
	struct session *c = s->n_spare > 0 ? s->spare[--s->n_spare] : xcalloc(1, sizeof *c);

	str_clear(&c->id);
	str_addn(&c->id, id.at, id.len);
	facts_clear(&c->facts);
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
		facts_copy(&add(s, (struct slice){c->id.at, c->id.len}, c->expires)->facts, &c->facts);
	return s;
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

	HASH_FIND(hh, s->table, id.at, id.len, c);
	if (c != NULL && c->expires <= now) {
		drop(s, c);
		return NULL;
	}
	return c;
}

static void
add_user(struct facts *to, struct facts *from)
{
	if (facts_is_true(from, FACT_USER)) {
		struct slice user = facts_text(from, FACT_USER);
		facts_add_user(to, user.at, user.len);
	}
}

/* Overwrites what is known with what the line said. */
static void
update(struct facts *known, struct facts *fresh)
{
	for (size_t i = 0; i < fresh->count; i++) {
		const struct fact *v = &fresh->values[fresh->order[i]];
		if (v->kind != FACT_NONE)
			facts_set(known, fresh->order[i], v->kind, str_text(&fresh->text) + v->at, v->len);
	}
}

static void
swap(struct facts *a, struct facts *b)
{
	struct facts c = *a;

	*a = *b;
	*b = c;
}

/* compat: Filter._mergeFailure */
struct facts *
sessions_merge(struct sessions *s, struct facts *fresh, const struct failure_line *lines, size_t n_lines, double now)
{
	struct facts *f = fresh;
	bool is_gained = facts_is_true(fresh, FACT_GAINED), is_nofail, is_forget, was_nofail = false;

	if (is_gained && !facts_is_true(fresh, FACT_NOFAIL)) {
		struct slice word = facts_text(fresh, FACT_GAINED);
		char *copy = xstrndup(word.at, word.len);
		facts_set(fresh, FACT_NOFAIL, FACT_TEXT, copy, word.len);
		free(copy);
	}
	is_nofail = facts_is_true(fresh, FACT_NOFAIL);
	is_forget = facts_is_true(fresh, FACT_FORGET);
	facts_drop(fresh, FACT_FORGET);

	struct slice id = facts_text(fresh, FACT_MLFID);
	struct session *c = find(s, id, now);
	if (c != NULL) {
		struct facts *known = &c->facts;
		add_user(known, fresh);
		was_nofail = facts_is_true(known, FACT_NOFAIL) || facts_is_true(known, FACT_GAINED);
		facts_drop(known, FACT_NOFAIL);
		facts_drop(known, FACT_GAINED);
		if (is_gained)
			facts_drop(known, FACT_PENDING);
		if (!was_nofail && !facts_is_true(known, FACT_PENDING))
			line_list_clear(&known->matches); /* they were reported already */
		update(known, fresh);
		f = known;
		if (is_forget) {
			swap(&s->gone, &c->facts);
			f = &s->gone;
			drop(s, c);
		}
	} else if (!is_forget) {
		add_user(fresh, fresh);
		make_room(s, now);
		c = add(s, id, now + SESSION_S);
		swap(&c->facts, fresh);
		f = &c->facts;
	}
	bool was_pending = facts_is_true(f, FACT_PENDING);
	facts_drop(f, FACT_PENDING);
	if (was_pending || f->n_users > 1) {
		facts_drop(f, FACT_NOFAIL);
		facts_drop(f, FACT_GAINED);
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
