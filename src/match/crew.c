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

/* The shortest of the texts that an expression needs, which hold no line feed (pyregex.c takes printable ones); 0: none. */
static size_t
strength(const struct need *n)
{
	size_t least = n->count > 0 ? SIZE_MAX : 0;

	for (size_t i = 0; i < n->count; i++) {
		size_t len = strlen(n->at[i]);
		least = len < least ? len : least;
	}
	return least;
}

static void
add_need(struct crew *w, const struct need *n, int which, size_t core)
{
	for (size_t i = 0; i < n->count; i++)
		literals_add(w->literals, n->at[i], mark(which, core));
}

static void
add_core(struct crew *w, const struct core *c, size_t index)
{
	const uint64_t bit = UINT64_C(1) << index;
	/* an ignoreregex may be tried before all, and counted; a prefregex cuts a window in any case */
	bool is_free = core_ignores_first(c) || (c->maxlines > 1 && c->pref != NULL);
	size_t pref = 0, fail = SIZE_MAX;

	if (c->maxlines > 1 && !is_free)
		w->windows |= bit;
	if (!is_free && c->pref != NULL)
		pref = strength(regex_need(c->pref->regex));
	for (size_t i = 0; i < c->fail.count && !is_free; i++) {
		size_t one = strength(regex_need(c->fail.at[i]->regex));
		fail = one < fail ? one : fail;
	}
	if (is_free)
		fail = 0;
	/* a short text beside a long one tells little, and costs more than it does */
	if (pref < LITERAL_LONG && fail >= LITERAL_LONG)
		pref = 0;
	else if (fail < LITERAL_LONG && pref >= LITERAL_LONG)
		fail = 0;
	if (pref == 0)
		w->always.at[MARK_PREF] |= bit;
	else
		add_need(w, regex_need(c->pref->regex), MARK_PREF, index);
	if (fail == 0)
		w->always.at[MARK_FAIL] |= bit;
	for (size_t i = 0; i < c->fail.count && fail != 0; i++)
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
	literals_ready(w->literals);
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
	double now;
	bool is_trial;
	/* what it and the first group had learned when they were compared, and whether it was the same */
	uint64_t learned, first_learned;
	bool was_compared, is_twin;
};

/* Of a line that was searched: which cores may find something in it. */
struct scanned {
	bool is_there;
	size_t from, to; /* the date that was left out */
	struct literal_marks hit;
};

struct feed {
	struct core *const *cores;
	size_t count;
	struct crew *crew; /* NULL: none */
	struct group groups[CREW_MAX];
	size_t n_groups;
	uint32_t seen[CREW_MAX]; /* lines that were not left out */
	/* of the line at hand */
	struct scanned whole, undated;
	struct dated first; /* what the first group made of it */
	bool has_first_text;
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

/* The date is not in the way: what is searched stands in one piece in the line. */
static bool
is_in_one_piece(const struct dated *d)
{
	return d->is_borrowed || d->line.date_from == 0;
}

static void
make_text(struct feed *f, struct group *g, struct dated *d)
{
	if (d != &f->first) {
		stamps_text(g->stamps, d);
	} else if (!f->has_first_text) {
		f->has_first_text = true;
		stamps_text(f->groups[0].stamps, d);
	}
}

static void
scan(struct feed *f, struct scanned *s, const char *text, size_t len)
{
	s->is_there = true;
	s->hit = f->crew->always;
	literals_scan(f->crew->literals, text, len, &s->hit);
}

/* Which cores the line gives hope. Mostly all groups see the date at its start, and one look at it will do for all. */
static struct literal_marks
hope(struct feed *f, struct group *g, const struct line *l, struct dated *d)
{
	struct scanned *s = &f->undated;

	if (is_in_one_piece(d)) {
		if (!f->whole.is_there)
			scan(f, &f->whole, l->bytes, l->len);
		return f->whole.hit;
	}
	if (!s->is_there || s->from != d->line.date_from || s->to != d->line.date_to) {
		make_text(f, g, d);
		scan(f, s, d->text.at, d->text.len);
		s->from = d->line.date_from;
		s->to = d->line.date_to;
	}
	return s->hit;
}

/* The line's date for a group: the first one's, when it is sure to be the same. */
static struct dated *
find_date(struct feed *f, struct group *g, const struct line *l, bool is_ascii, struct dated *own)
{
	struct group *first = &f->groups[0];

	if (g == first)
		own = &f->first;
	else if (f->first.is_learned && g->now == first->now && g->is_trial == first->is_trial) {
		uint64_t learned = stamps_learned(g->stamps), first_learned = stamps_learned(first->stamps);
		if (!g->was_compared || learned != g->learned || first_learned != g->first_learned) {
			g->is_twin = stamps_learned_the_same(g->stamps, first->stamps);
			g->was_compared = true;
			g->learned = learned;
			g->first_learned = first_learned;
		}
		if (g->is_twin && stamps_follow(g->stamps, &f->first, g->now))
			return &f->first;
	}
	stamps_line(g->stamps, l, is_ascii, g->now, g->is_trial, own);
	return own;
}

static void
feed_group(struct feed *f, struct group *g, const struct line *l, bool is_ascii, uint64_t serial)
{
	struct dated own, *d = find_date(f, g, l, is_ascii, &own);
	uint64_t todo = g->members;

	if (d->no_date)
		g->undated++;
	if (d->bad.at != NULL || (d->odd != 0 && !g->has_warned) || !l->in_operation) {
		todo &= ~tell_age(f, g, l, d);
		g->has_warned = g->has_warned || d->odd != 0;
	}
	if (f->crew != NULL) {
		struct literal_marks hit = hope(f, g, l, d);
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
	if (todo != 0)
		make_text(f, g, d);
	for (; todo != 0; todo &= todo - 1) {
		size_t i = (size_t)__builtin_ctzll(todo);
		core_line(f->cores[i], d, serial);
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
			f->groups[f->n_groups++] = (struct group){.stamps = f->cores[i]->stamps, .now = f->cores[i]->now,
			    .is_trial = f->cores[i]->trial != NULL};
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
		f.whole.is_there = f.undated.is_there = f.has_first_text = false;
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
