#include "match/crew.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "match/core.h"
#include "match/literals.h"

enum { MARK_PREF, MARK_FAIL };

struct crew {
	int refs; /* of cores */
	bool is_stale;
	size_t count;
	struct literals *literals; /* owned */
	struct literal_marks always; /* cores that need none of them */
	uint64_t windows;            /* cores that search several lines together */
	struct crew_pref *prefs;   /* owned */
	uint64_t serial;           /* of the line at hand */
};

/* ---- the plan ---- */

static struct literal_marks
mark(int which, size_t core)
{
	struct literal_marks m = {{0}};

	m.at[which] = UINT64_C(1) << core;
	return m;
}

static void
add_need(struct crew *w, const struct need *n, int which, size_t core)
{
	struct literal_marks m = mark(which, core);

	if (n->count == 0)
		w->always.at[which] |= m.at[which];
	for (size_t i = 0; i < n->count; i++)
		literals_add(w->literals, n->at[i], m);
}

static void
add_core(struct crew *w, const struct core *c, size_t index)
{
	static const struct need nothing;
	/* an ignoreregex may be tried before all, and counted; a prefregex cuts a window in any case */
	bool is_free = core_ignores_first(c) || (c->maxlines > 1 && c->pref != NULL);

	if (c->maxlines > 1 && !is_free)
		w->windows |= UINT64_C(1) << index;
	add_need(w, is_free || c->pref == NULL ? &nothing : regex_need(c->pref->regex), MARK_PREF, index);
	if (is_free)
		add_need(w, &nothing, MARK_FAIL, index);
	for (size_t i = 0; i < c->fail.count && !is_free; i++)
		add_need(w, regex_need(c->fail.at[i]->regex), MARK_FAIL, index);
}

/* The first core that has the same prefregex and the same times, or the core's own index. */
static size_t
same_pref(struct core *const *cores, size_t index)
{
	const struct core *c = cores[index];

	for (size_t i = 0; i < index && c->pref != NULL && c->maxlines == 1; i++)
		if (cores[i]->pref != NULL && cores[i]->maxlines == 1 && cores[i]->stamps == c->stamps &&
		    expr_is_same(cores[i]->pref, c->pref))
			return i;
	return index;
}

static void
share_stamps(struct core *const *cores, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (!core_stamps_are_same(cores[k], cores[i]))
				continue;
			if (cores[k]->stamps == cores[i]->stamps)
				break;
			cores[k]->stamps->refs++;
			stamps_free(cores[i]->stamps);
			cores[i]->stamps = cores[k]->stamps;
			break;
		}
	}
}

void
crew_new(struct core *const *cores, size_t count)
{
	struct crew *w = xcalloc(1, sizeof *w);

	w->count = count;
	w->literals = literals_new();
	w->prefs = xcalloc(count, sizeof *w->prefs);
	share_stamps(cores, count);
	for (size_t i = 0; i < count; i++) {
		crew_leave(cores[i]);
		cores[i]->crew = w;
		cores[i]->shared_pref = NULL;
		cores[i]->hopeful = cores[i]->maxlines;
		w->refs++;
		add_core(w, cores[i], i);
		size_t first = same_pref(cores, i);
		if (first != i)
			cores[i]->shared_pref = cores[first]->shared_pref = &w->prefs[first];
	}
}

void
crew_leave(struct core *c)
{
	struct crew *w = c->crew;

	c->crew = NULL;
	c->shared_pref = NULL;
	if (w == NULL)
		return;
	w->is_stale = true;
	if (--w->refs > 0)
		return;
	literals_free(w->literals);
	free(w->prefs);
	free(w);
}

bool
crew_is_for(struct core *const *cores, size_t count)
{
	const struct crew *w = count > 0 ? cores[0]->crew : NULL;

	if (w == NULL || w->is_stale || w->count != count)
		return false;
	for (size_t i = 1; i < count; i++)
		if (cores[i]->crew != w)
			return false;
	return true;
}

/* ---- feeding ---- */

struct group { /* cores with the same stamps */
	struct stamps *stamps;
	uint64_t members;
	uint64_t undated; /* lines */
	bool has_warned;  /* of an odd time, all who may: the next lines of this batch are no news */
};

struct feed {
	struct core *const *cores;
	size_t count;
	struct crew *crew; /* NULL: none */
	struct group groups[CREW_MAX];
	size_t n_groups;
	uint32_t seen[CREW_MAX]; /* lines that were not left out */
	struct scanned {         /* of the line at hand: what was found in it without the date that stands there */
		bool is_there;
		size_t from, to;
		struct literal_marks hit;
	} scanned;
};

static bool
is_utf8(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t point;
		size_t n = (unsigned char)bytes[i] < 0x80 ? 1 : text_decode(bytes + i, len - i, &point);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

/* Those that count it as too old; they are done with it. */
static uint64_t
tell_age(struct feed *f, const struct group *g, const struct line *l, const struct dated *d)
{
	uint64_t out = 0;

	for (uint64_t rest = g->members; rest != 0; rest &= rest - 1) {
		size_t i = (size_t)__builtin_ctzll(rest);
		if (!core_judge_time(f->cores[i], l, d)) {
			out |= UINT64_C(1) << i;
			f->seen[i]++;
		}
	}
	return out;
}

/* Which cores the line's text gives hope. Mostly all groups see the same date, and the text without it is the same. */
static struct literal_marks
scan(struct feed *f, const struct dated *d)
{
	struct scanned *s = &f->scanned;

	if (s->is_there && !d->is_borrowed && s->from == d->line.date_from && s->to == d->line.date_to)
		return s->hit;
	struct literal_marks hit = f->crew->always;
	literals_scan(f->crew->literals, d->text.at, d->text.len, &hit);
	if (!d->is_borrowed)
		*s = (struct scanned){true, d->line.date_from, d->line.date_to, hit};
	return hit;
}

static void
feed_group(struct feed *f, struct group *g, const struct line *l, bool is_ascii, uint64_t serial)
{
	const struct core *one = f->cores[__builtin_ctzll(g->members)];
	struct dated d;
	uint64_t todo = g->members;

	stamps_line(g->stamps, l, is_ascii, one->now, one->trial != NULL, &d);
	if (d.no_date)
		g->undated++;
	if (d.bad.at != NULL || (d.odd != 0 && !g->has_warned) || !l->in_operation) {
		todo &= ~tell_age(f, g, l, &d);
		g->has_warned = g->has_warned || d.odd != 0;
	}
	if (f->crew != NULL) {
		struct literal_marks hit = scan(f, &d);
		uint64_t windows = todo & f->crew->windows;
		todo &= (hit.at[MARK_PREF] & hit.at[MARK_FAIL]) | windows;
		for (; windows != 0; windows &= windows - 1) {
			size_t i = (size_t)__builtin_ctzll(windows);
			struct core *c = f->cores[i];
			if ((hit.at[MARK_FAIL] >> i & 1) != 0)
				c->hopeful = c->maxlines;
			else if (c->hopeful > 0)
				c->hopeful--;
		}
	} else {
		for (uint64_t rest = todo; rest != 0; rest &= rest - 1)
			f->cores[__builtin_ctzll(rest)]->hopeful = INT_MAX;
	}
	for (; todo != 0; todo &= todo - 1) {
		size_t i = (size_t)__builtin_ctzll(todo);
		core_line(f->cores[i], &d, serial);
		f->seen[i]++;
	}
}

static void
make_groups(struct feed *f)
{
	for (size_t i = 0; i < f->count; i++) {
		size_t g = 0;
		while (g < f->n_groups && f->groups[g].stamps != f->cores[i]->stamps)
			g++;
		if (g == f->n_groups)
			f->groups[f->n_groups++] = (struct group){.stamps = f->cores[i]->stamps};
		f->groups[g].members |= UINT64_C(1) << i;
	}
	/* stamps go with the lines of all who share them: those who are not here keep theirs */
	for (size_t g = 0; g < f->n_groups; g++) {
		struct group *one = &f->groups[g];
		if (one->stamps->refs == __builtin_popcountll(one->members))
			continue;
		struct stamps *own = stamps_dup(one->stamps);
		for (uint64_t rest = one->members; rest != 0; rest &= rest - 1) {
			struct core *c = f->cores[__builtin_ctzll(rest)];
			stamps_free(c->stamps);
			c->stamps = own;
			own->refs++;
		}
		stamps_free(own);
		one->stamps = own;
	}
}

void
crew_feed(struct core *const *cores, size_t count, const struct line *lines, size_t n_lines)
{
	struct feed f = {.cores = cores, .count = count, .crew = count > 1 && crew_is_for(cores, count) ? cores[0]->crew : NULL};
	struct str *clean = &cores[0]->clean;

	make_groups(&f);
	for (size_t k = 0; k < n_lines; k++) {
		struct line l = lines[k];
		bool is_ascii = l.is_ascii || !core_has_high_byte(l.bytes, l.len);
		uint64_t serial = f.crew != NULL ? ++f.crew->serial : 0;
		if (!is_ascii && !is_utf8(l.bytes, l.len)) { /* the matcher's memory safety hangs on it: do not trust */
			str_clear(clean);
			text_to_utf8(l.bytes, l.len, clean);
			l.bytes = str_text(clean);
			l.len = clean->len;
			l.raw.len = 0;
		}
		f.scanned.is_there = false;
		for (size_t g = 0; g < f.n_groups; g++)
			feed_group(&f, &f.groups[g], &l, is_ascii, serial);
		if (cores[0]->trial != NULL && cores[0]->trial->line != NULL)
			cores[0]->trial->line(cores[0]->trial->arg, &lines[k]);
	}
	for (size_t i = 0; i < count; i++) {
		cores[i]->counters.lines += n_lines;
		cores[i]->counters.missed += n_lines - f.seen[i];
	}
	for (size_t g = 0; g < f.n_groups; g++)
		for (uint64_t rest = f.groups[g].members; rest != 0; rest &= rest - 1)
			cores[__builtin_ctzll(rest)]->counters.no_date += f.groups[g].undated;
}
