/*
 * core_search: stage 4 for a line: which expressions take it, one line at a time or several.
 */
#include "match/core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "match/byteset.h"

/* ---- dispatch ---- */

static void
make_dispatch(struct core *c)
{
	struct dispatch *d = &c->dispatch;
	size_t at = 0;

	d->lists = xreallocarray(d->lists, 256 * (c->fail.count + 1), sizeof *d->lists);
	d->prefixes = xreallocarray(d->prefixes, c->fail.count + 1, sizeof *d->prefixes);
	for (size_t i = 0; i < c->fail.count; i++) {
		struct slice prefix = regex_prefix(c->fail.at[i]->regex);
		size_t n = prefix.len < sizeof(uint64_t) ? prefix.len : sizeof(uint64_t);
		d->prefixes[i] = (struct dispatch_prefix){0};
		memcpy(&d->prefixes[i].bytes, prefix.at, n);
		memset(&d->prefixes[i].mask, 0xff, n);
	}
	for (unsigned byte = 0; byte < 256; byte++) {
		d->start[byte] = (uint32_t)at;
		d->is_blind[byte] = true;
		for (size_t i = 0; i < c->fail.count; i++) {
			struct regex *r = c->fail.at[i]->regex;
			const uint8_t *first = regex_first_bytes(r);
			if (first != NULL && byte < 0x80 && !byteset_has(first, (unsigned char)byte))
				continue;
			d->lists[at++] = (uint16_t)i;
			if (regex_tells_digits(r) || regex_n_groups(r) > MEMO_GROUPS_MAX)
				d->is_blind[byte] = false;
		}
		d->lists[at++] = UINT16_MAX;
	}
	d->is_ready = true;
}

/* ---- one line ---- */

static enum regex_result
note_limit(struct core *c, enum regex_result r)
{
	if (r == REGEX_LIMIT) {
		c->counters.limit++;
		c->last.over_limit = true;
	}
	return r;
}

static enum regex_result
try_expr(struct core *c, const struct expr *e, const struct search *s)
{
	return note_limit(c, regex_search(e->regex, s->text, s->len, 0, s->is_ascii));
}

/* Does an ignoreregex take the text? All are tried when the tester wants to count. */
static bool
is_ignored(struct core *c, const struct search *s)
{
	bool found = false;

	for (size_t i = 0; i < c->ignore.count; i++) {
		if (try_expr(c, c->ignore.at[i], s) != REGEX_HIT)
			continue;
		found = true;
		if (c->trial != NULL && c->trial->ignored != NULL)
			c->trial->ignored(c->trial->arg, i);
		if (c->trial == NULL || !c->trial->check_all)
			break;
	}
	if (found)
		c->last.verdict = FILTER_IGNORED;
	return found;
}

static void
warn_no_date(struct core *c)
{
	const char *bytes = c->line.bytes;
	size_t from = c->line.date_from, to = c->line.date_to;

	if (!core_may_warn(c, WARNED_NO_DATE))
		return;
	struct str quoted = {0}, whole = {0};
	value_repr_str(bytes + from, to - from, &quoted);
	core_warn(c, "Found a match but no valid date/time found for %s.", str_text(&quoted));
	str_addn(&whole, bytes, c->line.len); /* with the date that it was lent, if any */
	core_warn(c, "Match without a timestamp: %s", str_text(&whole));
	core_warn(c, "Please try setting a custom date pattern (see man page jail.conf(5)).", NULL);
	str_done(&quoted);
	str_done(&whole);
}

/* The text of a failregex among the captures; it is mostly a part of what the prefregex was tried on. */
static uint32_t
keep_searched(struct captures *f, const struct expr *pref, const struct search *whole, const struct search *s)
{
	if (pref != NULL && s->text >= whole->text && s->text + s->len <= whole->text + whole->len)
		return (uint32_t)(s->text - whole->text);
	return captures_keep(f, s->text, s->len);
}

/* History without a date: nobody knows whether it still counts. */
static bool
is_dateless(const struct core *c, double time)
{
	return isnan(time) && c->trial == NULL;
}

/*
 * A failregex matched s. `lines` are the matched ones. Returns whether to go on with the next
 * expression (the tester) or to be done with this line.
 */
static bool
matched(struct core *c, size_t index, const struct search *whole, const struct search *s,
    const struct failure_line *lines, size_t n_lines, double time, bool no_date)
{
	const struct expr *e = c->fail.at[index], *pref = c->pref;
	struct captures *f = &c->captures;

	if (no_date)
		warn_no_date(c);
	if (is_dateless(c, time))
		return true;
	c->last.verdict = FILTER_MATCHED;
	captures_clear(f);
	if (pref != NULL)
		expr_collect(pref, whole->text, captures_keep(f, whole->text, whole->len), f);
	expr_collect(e, s->text, keep_searched(f, pref, whole, s), f);
	if (captures_kind(f, CAPTURE_MLFID) > CAPTURE_NONE) {
		f = sessions_merge(c->sessions, f, lines, n_lines, c->now);
		if (captures_is_true(f, CAPTURE_NOFAIL) && !core_checks_all(c))
			return false;
	} else if (n_lines != 1 || lines != &c->line) {
		for (size_t i = 0; i < n_lines; i++)
			line_list_add(&f->matches, &lines[i]);
	}
	return core_tell(c, index, f, time, s->text) && core_checks_all(c);
}

/* The prefregex on one line; another core with the same one may have done it. */
static enum regex_result
search_pref(struct core *c, const struct search *s)
{
	struct crew_pref *shared = c->serial != 0 ? c->shared_pref : NULL;
	struct regex *r = c->pref->regex;

	if (shared != NULL && shared->serial == c->serial) {
		if (shared->result == REGEX_HIT && shared->regex != r)
			memcpy(regex_spans_to_fill(r), regex_spans(shared->regex), 2 * (regex_n_groups(r) + 1) * sizeof(size_t));
		else if (shared->result == REGEX_LIMIT)
			regex_note_limit(r);
		return (enum regex_result)shared->result;
	}
	enum regex_result result = regex_search_line(r, s->text, s->len, s->is_ascii);
	if (shared != NULL)
		*shared = (struct crew_pref){c->serial, result, r};
	return result;
}

static bool
match_pref(struct core *c, const struct search *s)
{
	/* one line, unless there is a window of them */
	enum regex_result r = c->maxlines > 1 ? try_expr(c, c->pref, s) : note_limit(c, search_pref(c, s));

	if (r != REGEX_HIT) {
		c->last.has_pref = false;
		return false;
	}
	c->last.has_pref = true;
	c->last.is_pref_older = false;
	return true;
}

/* The content that prefregex cut out, with a line feed behind; false if there is none. */
static bool
cut_content(struct core *c, const struct search *s, struct search *out)
{
	const size_t *spans = regex_spans(c->pref->regex);
	size_t content = c->pref->content;

	if (content == 0)
		return false;
	size_t from = spans[2 * content], to = spans[2 * content + 1];
	if (from == SIZE_MAX || to == from)
		return false;
	if (s->text[to] == '\n') { /* to < len: the text ends with a line feed */
		*out = (struct search){s->text + from, to - from + 1, s->is_ascii};
		return true;
	}
	str_clear(&c->content);
	str_addn(&c->content, s->text + from, to - from);
	str_addc(&c->content, '\n');
	str_reserve(&c->content, CORE_SLACK);
	*out = (struct search){c->content.at, c->content.len, s->is_ascii};
	return true;
}

void
core_content(struct core *c, const char **text, size_t *len)
{
	struct search whole = {c->text.at, c->text.len, false}, content;

	if (cut_content(c, &whole, &content)) {
		*text = content.text;
		*len = content.len;
	}
}

static void
count_text(struct dispatch *d, unsigned char first, bool is_taken)
{
	if (++*(is_taken ? &d->taken[first] : &d->missed[first]) == 1024) {
		d->taken[first] /= 2;
		d->missed[first] /= 2;
	}
}

/* The next of a list whose literal beginning, if it has one, is the text's. */
static const uint16_t *
next_candidate(const struct dispatch *d, const uint16_t *next, uint64_t first)
{
	while (*next != UINT16_MAX && ((first ^ d->prefixes[*next].bytes) & d->prefixes[*next].mask) != 0)
		next++;
	return next;
}

/* Where the answer on a text is remembered; NULL: nowhere, as it does not follow from the text's shape alone. */
static struct memo_slot *
find_memo(struct core *c, const struct search *s, bool *is_known)
{
	const struct dispatch *d = &c->dispatch;
	unsigned char first = (unsigned char)s->text[0];

	/* a text that no expression takes is mostly found out sooner than its shape is looked up */
	if (!s->is_ascii || s->len > MEMO_TEXT_MAX || c->ignore.count > 0 || core_checks_all(c) || !d->is_blind[first] ||
	    d->taken[first] * 4u < d->missed[first])
		return NULL;
	if (c->memo == NULL)
		c->memo = memo_new();
	return memo_find(c->memo, s->text, s->len, is_known);
}

void
core_find_failure(struct core *c, const struct search *whole, double time, bool no_date)
{
	struct search s = *whole;
	bool has_ignore = c->ignore.count > 0;

	if (core_ignores_first(c) && is_ignored(c, whole)) {
		c->last.is_pref_older = true;
		return;
	}
	if (c->pref != NULL) {
		if (!match_pref(c, whole))
			return;
		struct search content;
		if (cut_content(c, whole, &content))
			s = content;
	}
	if (!c->dispatch.is_ready)
		make_dispatch(c);
	struct dispatch *d = &c->dispatch;
	unsigned char byte = (unsigned char)s.text[0];
	uint64_t first;
	memcpy(&first, s.text, sizeof first); /* CORE_SLACK allows it */
	const uint16_t *next = next_candidate(d, d->lists + d->start[byte], first);
	if (*next == UINT16_MAX)
		return;
	bool is_known, is_taken = false;
	struct memo_slot *slot = find_memo(c, &s, &is_known);
	if (slot != NULL && is_known) {
		count_text(d, byte, slot->index != MEMO_NOTHING);
		if (slot->index == MEMO_NOTHING)
			return;
		struct regex *r = c->fail.at[slot->index]->regex;
		memo_get_spans(slot, regex_spans_to_fill(r), regex_n_groups(r));
		matched(c, slot->index, whole, &s, &c->line, 1, time, no_date);
		return;
	}
	for (; *next != UINT16_MAX; next = next_candidate(d, next + 1, first)) {
		if (try_expr(c, c->fail.at[*next], &s) != REGEX_HIT)
			continue;
		if (slot != NULL && !is_taken) {
			const struct regex *r = c->fail.at[*next]->regex;
			slot->index = *next;
			memo_keep_spans(slot, regex_spans(r), regex_n_groups(r));
		}
		is_taken = true;
		if (has_ignore && is_ignored(c, &s)) {
			if (!core_checks_all(c))
				return;
			continue;
		}
		if (!matched(c, *next, whole, &s, &c->line, 1, time, no_date))
			break;
	}
	count_text(d, byte, is_taken);
	if (slot != NULL && c->last.over_limit)
		slot->len = 0; /* another try may have more luck */
}

/* ---- several lines (maxlines > 1) ---- */

static struct search
window_search(const struct window *w, struct str *into)
{
	window_text(w, into);
	return (struct search){into->at, into->len, !core_has_high_byte(into->at, into->len)};
}

/* What an expression matched is ignored if an ignoreregex takes those lines. */
static bool
is_match_ignored(struct core *c)
{
	if (c->ignore.count == 0)
		return false;
	struct str text = {0};
	struct search s = window_search(&c->matched, &text);
	bool yes = is_ignored(c, &s);
	str_done(&text);
	if (yes)
		window_copy(&c->window, &c->rest);
	return yes;
}

/* compat: Filter.findFailure with a line buffer, whose texts and lists drift apart as there. */
void
core_find_failure_in_window(struct core *c, double time, bool no_date)
{
	struct search s;
	struct failure_line *lines = NULL;

	window_roll(&c->window, &c->line, (size_t)c->maxlines);
	if (c->hopeful == 0) /* nothing in the window can match */
		return;
	window_copy(&c->whole, &c->window);
	s = window_search(&c->window, &c->joined);
	c->text = (struct slice){s.text, s.len};
	const struct search whole = s;
	if (core_ignores_first(c) && is_ignored(c, &s)) {
		c->last.is_pref_older = true;
		return;
	}
	if (c->pref != NULL) {
		struct search content;
		if (!match_pref(c, &s))
			return;
		if (cut_content(c, &s, &content)) {
			struct failure_line bare = {.bytes = content.text, .len = content.len - 1};
			window_clear(&c->window);
			window_add(&c->window, &bare);
			s = window_search(&c->window, &c->content);
		}
	}
	struct str again = {0};
	for (size_t i = 0; i < c->fail.count; i++) {
		const struct expr *e = c->fail.at[i];
		if (try_expr(c, e, &s) != REGEX_HIT)
			continue;
		struct str searched = {0};
		str_addn(&searched, s.text, s.len);
		window_split(e->regex, &searched, &c->whole, &c->matched, &c->rest);
		str_done(&searched);
		bool go_on;
		if (is_match_ignored(c)) {
			go_on = core_checks_all(c);
		} else if (no_date && is_dateless(c, time)) {
			warn_no_date(c);
			continue; /* compat: its lines stay in the window, and may match with a later one's date */
		} else {
			window_copy(&c->window, &c->rest);
			lines = xreallocarray(lines, c->matched.count + 1, sizeof *lines);
			for (size_t k = 0; k < c->matched.count; k++)
				lines[k] = window_at(&c->matched, k);
			go_on = matched(c, i, &whole, &s, lines, c->matched.count, time, no_date);
		}
		if (!go_on)
			break;
		s = window_search(&c->window, &again);
	}
	str_done(&again);
	free(lines);
}
