#include "match/core.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#define SLACK 16          /* bytes that may be read behind a searched text */
#define STALE_S 60        /* a date that is further off than this is not the line's own (compat) */
#define DAY_S (24 * 60 * 60)

struct core_base *
core_base_new(void)
{
	struct core_base *b = xcalloc(1, sizeof *b);

	b->refs = 1;
	b->room = regex_room_new();
	names_init(&b->names);
	return b;
}

void
core_base_free(struct core_base *b)
{
	if (b == NULL || --b->refs > 0)
		return;
	regex_room_free(b->room);
	names_done(&b->names);
	free(b);
}

void
core_init(struct core *c, struct core_base *base)
{
	*c = (struct core){.base = base, .maxlines = 1, .findtime = 600, .usedns = USEDNS_WARN};
	c->sessions = sessions_new();
}

static void
list_done(struct expr_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		expr_free(l->at[i]);
	free(l->at);
	*l = (struct expr_list){0};
}

void
core_done(struct core *c)
{
	expr_free(c->pref);
	list_done(&c->fail);
	list_done(&c->ignore);
	free(c->datepattern);
	free(c->zone);
	datedetect_free(c->dates);
	free(c->dispatch.lists);
	free(c->dispatch.prefixes);
	memo_free(c->memo);
	sessions_free(c->sessions);
	window_clear(&c->window);
	window_clear(&c->whole);
	window_clear(&c->matched);
	window_clear(&c->rest);
	str_done(&c->last_stamp);
	str_done(&c->stamped);
	str_done(&c->clean);
	str_done(&c->text);
	str_done(&c->content);
	str_done(&c->undated);
	str_done(&c->values);
	captures_done(&c->captures);
	free(c->groups);
	free(c->lines);
	free(c->filters);
	core_base_free(c->base);
}

static struct expr_list
list_dup(const struct expr_list *l)
{
	struct expr_list out = {xreallocarray(NULL, l->count + 1, sizeof *l->at), l->count};

	for (size_t i = 0; i < l->count; i++) {
		out.at[i] = l->at[i];
		out.at[i]->refs++;
	}
	return out;
}

static bool
is_same_list(const struct expr_list *a, const struct expr_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!expr_is_same(a->at[i], b->at[i]))
			return false;
	return true;
}

static bool
is_same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
core_is_twin(const struct core *a, const struct core *b)
{
	return a->counters.lines == 0 && b->counters.lines == 0 && a->trial == NULL && b->trial == NULL &&
	    a->usedns == b->usedns && a->maxlines == b->maxlines && a->findtime == b->findtime &&
	    is_same_text(a->datepattern, b->datepattern) && is_same_text(a->zone, b->zone) &&
	    (a->pref == NULL || b->pref == NULL ? a->pref == b->pref : expr_is_same(a->pref, b->pref)) &&
	    is_same_list(&a->fail, &b->fail) && is_same_list(&a->ignore, &b->ignore);
}

struct core *
core_dup(const struct core *from)
{
	struct core *c = xcalloc(1, sizeof *c);

	from->base->refs++;
	core_init(c, from->base);
	c->usedns = from->usedns;
	c->pref = from->pref;
	if (c->pref != NULL)
		c->pref->refs++;
	c->fail = list_dup(&from->fail);
	c->ignore = list_dup(&from->ignore);
	c->maxlines = from->maxlines;
	c->datepattern = from->datepattern != NULL ? xstrdup(from->datepattern) : NULL;
	c->zone = from->zone != NULL ? xstrdup(from->zone) : NULL;
	c->findtime = from->findtime;
	c->trial = from->trial;
	c->dates = datedetect_share(from->dates);
	sessions_free(c->sessions);
	c->sessions = sessions_dup(from->sessions);
	window_copy(&c->window, &from->window);
	window_copy(&c->whole, &from->whole);
	str_addn(&c->last_stamp, str_text(&from->last_stamp), from->last_stamp.len);
	c->last_date = from->last_date;
	c->last_is_whole = from->last_is_whole;
	memcpy(c->warn_after, from->warn_after, sizeof c->warn_after);
	c->counters = from->counters;
	return c;
}

void
core_changed(struct core *c)
{
	c->dispatch.is_ready = false;
	if (c->memo != NULL)
		memo_clear(c->memo);
}

bool
core_make_dates(struct core *c, double now, struct err *err)
{
	time_t whole = (time_t)now;
	struct tm tm;
	bool ok = true;

	localtime_r(&whole, &tm);
	struct datedetect *d = datedetect_new(c->base->room, tm.tm_year + 1900);
	if (c->datepattern != NULL) {
		const char *s = c->datepattern;
		while (ok && *s != '\0') {
			size_t n = strcspn(s, "\n");
			struct slice one = slice_trim((struct slice){s, n});
			if (one.len > 0) {
				char *pattern = xstrndup(one.at, one.len);
				ok = datedetect_add(d, pattern, err);
				free(pattern);
			}
			s += n + (s[n] == '\n');
		}
	}
	ok = ok && datedetect_set_zone(d, c->zone, err);
	if (!ok) {
		datedetect_free(d);
		return false;
	}
	datedetect_free(c->dates);
	c->dates = d;
	return true;
}

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
			if (first != NULL && byte < 0x80 && (first[byte / 8] >> byte % 8 & 1) == 0)
				continue;
			d->lists[at++] = (uint16_t)i;
			if (regex_tells_digits(r) || regex_n_groups(r) > MEMO_GROUPS_MAX)
				d->is_blind[byte] = false;
		}
		d->lists[at++] = UINT16_MAX;
	}
	d->is_ready = true;
}

/* ---- telling ---- */

static void
warn(struct core *c, const char *format, const char *text)
{
	filter_log(c, LOG_LEVEL_WARNING, format, text);
}

/* Once a day. */
static bool
may_warn(struct core *c, enum warned what)
{
	if (!filter_wants_log(c) || c->now < c->warn_after[what])
		return false;
	c->warn_after[what] = c->now + DAY_S;
	return true;
}

static const char *
line_text(struct core *c, const char *bytes, size_t len)
{
	str_clear(&c->undated);
	str_addn(&c->undated, bytes, len);
	return str_text(&c->undated);
}

/* ---- the failure ---- */

struct who {
	enum failure_kind kind;
	struct addr addr;
	bool is_invalid;
	const char *id, *ip; /* owned by core.values */
};

static const char *
keep_text(struct core *c, const char *text, size_t len)
{
	size_t at = c->values.len;

	str_addn(&c->values, text, len);
	str_addc(&c->values, '\0');
	return c->values.at + at;
}

static const char *
keep_addr(struct core *c, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	addr_format(a, text);
	return keep_text(c, text, strlen(text));
}

/* The usual case of the next, as inet_pton(3) has it. */
static bool
parse_ip4(struct slice text, struct addr *out)
{
	size_t at = 0;

	for (int i = 0; i < 4; i++) {
		unsigned n = 0;
		size_t digits = 0;
		for (; at < text.len && text.at[at] >= '0' && text.at[at] <= '9'; at++, digits++)
			n = n * 10 + (unsigned)(text.at[at] - '0');
		if (digits == 0 || digits > 3 || n > 255 || (digits > 1 && text.at[at - digits] == '0'))
			return false;
		out->bytes[i] = (uint8_t)n;
		if (i < 3 && (at == text.len || text.at[at++] != '.'))
			return false;
	}
	out->family = 4;
	out->prefix = 32;
	return at == text.len;
}

/* An address without prefix in its text; cidr < 0: a host. */
static bool
parse_addr(struct slice text, long cidr, struct addr *out)
{
	if (memchr(text.at, '/', text.len) != NULL || memchr(text.at, '[', text.len) != NULL)
		return false;
	if (cidr < 0) {
		struct addr a = {0};
		if (parse_ip4(text, &a)) {
			*out = a;
			return true;
		}
		return addr_parsen(text.at, text.len, out);
	}
	/* with the prefix at once, as a network within ::ffff:0:0/96 stays IPv6 */
	char with[128];
	int n = snprintf(with, sizeof with, "%.*s/%ld", (int)text.len, text.at, cidr > 128 ? 128 : cidr);
	return n > 0 && (size_t)n < sizeof with && addr_parsen(with, (size_t)n, out);
}

static long
prefix_of(struct captures *f)
{
	struct slice cidr = captures_text(f, CAPTURE_CIDR);
	long n = 0;

	if (cidr.at == NULL || cidr.len == 0)
		return -1;
	for (size_t i = 0; i < cidr.len && n < 1000; i++)
		n = n * 10 + (cidr.at[i] - '0');
	return n;
}

static bool
same(struct slice a, struct slice b)
{
	return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

enum blame { BLAME_NONE, BLAME_ONE, BLAME_NOBODY };

/* compat: DNSUtils.textToIp: a name that is an IPv4 address in digits needs no resolving. */
static enum blame
blame_name(struct core *c, struct slice name, struct who *who)
{
	if (memchr(name.at, ':', name.len) == NULL && addr_parsen(name.at, name.len, &who->addr) &&
	    addr_is_host(&who->addr)) {
		who->id = keep_addr(c, &who->addr);
		who->kind = FAILURE_ADDR;
		return BLAME_ONE;
	}
	who->addr = (struct addr){0};
	if (c->usedns == USEDNS_NO)
		return BLAME_NOBODY;
	who->kind = FAILURE_NAME;
	who->id = keep_text(c, name.at, name.len);
	return BLAME_ONE;
}

/*
 * Whom a failure is about. BLAME_NONE: its lines do not tell yet. BLAME_NOBODY: a name that usedns
 * does not let us resolve.
 */
static enum blame
find_blame(struct core *c, struct captures *f, struct who *who)
{
	bool is_raw = c->usedns == USEDNS_RAW || (c->trial != NULL && c->trial->raw_names);
	bool is_addr = true, is_tuple = captures_kind(f, CAPTURE_FID) == CAPTURE_TUPLE;
	/* a tuple's text is made here, and moves the others: so it goes first */
	struct slice fid = captures_text(f, CAPTURE_FID);
	if (is_tuple)
		fid.at = keep_text(c, fid.at, fid.len);
	struct slice ip = captures_text(f, CAPTURE_IP4);

	*who = (struct who){0};
	if (ip.at == NULL)
		ip = captures_text(f, CAPTURE_IP6);
	if (ip.at == NULL) {
		is_addr = false;
		ip = captures_text(f, CAPTURE_DNS);
		if (ip.at != NULL && !is_raw)
			return blame_name(c, ip, who);
	}
	if (ip.at == NULL && fid.at == NULL)
		return BLAME_NONE;
	if (ip.at != NULL) {
		bool ok = is_addr && parse_addr(ip, prefix_of(f), &who->addr);
		/* what is taken for an IPv4 host is in its one valid form already */
		bool is_canonical = ok && who->addr.family == 4 && addr_is_host(&who->addr) && ip.len <= 15 &&
		    memchr(ip.at, ':', ip.len) == NULL;
		const char *text = ok && !is_canonical ? keep_addr(c, &who->addr) : keep_text(c, ip.at, ip.len);
		who->is_invalid = is_addr && !ok;
		if (fid.at == NULL || same(fid, ip)) {
			who->kind = ok ? FAILURE_ADDR : FAILURE_TEXT;
			who->id = text;
			return BLAME_ONE;
		}
		who->ip = text;
		captures_set(f, CAPTURE_IP, CAPTURE_TEXT, text, strlen(text));
		if (!is_tuple)
			fid = captures_text(f, CAPTURE_FID);
	}
	/* the id is a text, which may happen to be an address or a network */
	struct addr a = {0};
	if (!is_raw && !is_tuple && addr_parsen(fid.at, fid.len, &a)) {
		who->id = keep_addr(c, &a);
		who->kind = FAILURE_ADDR;
		if (who->ip == NULL)
			who->addr = a;
	} else {
		who->id = keep_text(c, fid.at, fid.len);
		who->kind = FAILURE_TEXT;
	}
	return BLAME_ONE;
}

static void
set_groups(struct core *c, struct captures *f, struct failure *out)
{
	if (c->groups_room < f->count) {
		c->groups_room = f->count + 8;
		c->groups = xreallocarray(c->groups, c->groups_room, sizeof *c->groups);
	}
	size_t n = 0;
	for (size_t i = 0; i < f->count; i++) {
		size_t name = f->order[i];
		enum capture_kind kind = f->values[name].kind;
		if (kind == CAPTURE_FLAG || kind == CAPTURE_SET)
			continue;
		struct slice text = captures_text(f, name);
		c->groups[n].name = c->base->names.at[name];
		c->groups[n++].value = text.at != NULL ? keep_text(c, text.at, text.len) : NULL;
	}
	out->groups = c->groups;
	out->n_groups = n;
}

static void
set_lines(struct core *c, struct captures *f, struct failure *out)
{
	size_t n = f->matches.count;

	if (n == 0) { /* the usual case: this line alone, not copied */
		out->lines = &c->line;
		out->n_lines = 1;
		return;
	}
	if (c->lines_room < n) {
		c->lines_room = n + 8;
		c->lines = xreallocarray(c->lines, c->lines_room, sizeof *c->lines);
	}
	for (size_t i = 0; i < n; i++)
		c->lines[i] = line_list_at(&f->matches, i);
	out->lines = c->lines;
	out->n_lines = n;
}

/* Where the address stands in the line; the searched text is the line without its date. */
static void
locate(struct core *c, const struct expr *e, const char *text, struct filter_found *found)
{
	static const enum capture_name ids[] = {CAPTURE_IP4, CAPTURE_IP6, CAPTURE_DNS, CAPTURE_FID};
	const size_t *spans = regex_spans(e->regex);
	const char *base = str_text(&c->text);

	if (text < base || text > base + c->text.len || c->maxlines > 1)
		return;
	for (size_t k = 0; k < sizeof ids / sizeof *ids; k++) {
		for (size_t i = 1; i <= e->n_groups; i++) {
			if (e->names[i] != ids[k] || spans[2 * i] == SIZE_MAX)
				continue;
			size_t from = spans[2 * i] + (size_t)(text - base), to = spans[2 * i + 1] + (size_t)(text - base);
			size_t date = c->last.date_to - c->last.date_from;
			found->id_from = from + (from >= c->last.date_from ? date : 0);
			found->id_to = to + (to > c->last.date_from ? date : 0);
			return;
		}
	}
}

/*
 * values may not move while texts are added to it: so room is made first for all that can come. Each
 * text is kept at most twice, and a tuple's is the only one longer than its source, by less than 10 times.
 */
static void
reserve_values(struct core *c, const struct captures *f)
{
	c->values.len = 0;
	str_reserve(&c->values, f->text.len * 22 + f->count * 80 + 8 * ADDR_TEXT_MAX);
}

/* What was found in one expression's match becomes a failure, or is kept for later. */
static bool
tell(struct core *c, size_t index, struct captures *f, double time, const char *text)
{
	struct who who;
	struct failure out = {.failregex = (int)index + 1, .time = time};
	/* compat: only the tester takes a <F-NOFAIL> without a connection for none */
	bool is_nofail = c->trial != NULL && captures_is_true(f, CAPTURE_NOFAIL);

	if (c->trial != NULL && c->trial->count_only &&
	    (captures_kind(f, CAPTURE_IP4) > CAPTURE_NONE || captures_kind(f, CAPTURE_IP6) > CAPTURE_NONE)) {
		out.id = "";
		struct filter_found found = {.failregex = out.failregex, .is_nofail = is_nofail, .failure = &out};
		c->counters.failures += !is_nofail;
		c->trial->found(c->trial->arg, &found);
		return true;
	}
	reserve_values(c, f);
	enum blame blame = find_blame(c, f, &who);
	if (blame == BLAME_NONE) {
		captures_set(f, CAPTURE_PENDING, CAPTURE_FLAG, NULL, 0);
		if (c->trial == NULL || !(c->trial->check_all || c->trial->show_pending))
			return false;
	}
	if (blame == BLAME_NOBODY)
		return true;
	out.kind = who.kind;
	out.id = who.id;
	out.ip = who.ip;
	out.addr = who.addr;
	out.is_invalid_addr = who.is_invalid;
	if (c->trial == NULL || !c->trial->no_groups)
		set_groups(c, f, &out);
	set_lines(c, f, &out);
	c->counters.failures += !is_nofail;
	if (c->trial != NULL) {
		struct filter_found found = {.failregex = out.failregex, .is_nofail = is_nofail, .is_whole_time = c->is_whole_time,
		    .failure = &out, .captures = f};
		locate(c, c->fail.at[index], text, &found);
		c->trial->found(c->trial->arg, &found);
	} else {
		if (time > c->now)
			out.time = c->now;
		filter_tell(c, &out);
	}
	return true;
}

/* ---- one line ---- */

struct search { /* what the expressions are tried on */
	const char *text;
	size_t len;
	bool is_ascii;
};

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

static bool
checks_all(const struct core *c)
{
	return c->trial != NULL && c->trial->check_all;
}

static void
warn_no_date(struct core *c)
{
	const char *bytes = c->line.bytes;
	size_t from = c->line.date_from, to = c->line.date_to;

	if (!may_warn(c, WARNED_NO_DATE))
		return;
	struct str quoted = {0}, bare = {0};
	value_repr_str(bytes + from, to - from, &quoted);
	warn(c, "Found a match but no valid date/time found for %s.", str_text(&quoted));
	str_addn(&bare, bytes, from);
	str_addn(&bare, bytes + to, c->line.len - to);
	warn(c, "Match without a timestamp: %s", str_text(&bare));
	warn(c, "Please try setting a custom date pattern (see man page jail.conf(5)).", NULL);
	str_done(&quoted);
	str_done(&bare);
}

/* The text of a failregex among the captures; it is mostly a part of what the prefregex was tried on. */
static uint32_t
keep_searched(struct captures *f, const struct expr *pref, const struct search *whole, const struct search *s)
{
	if (pref != NULL && s->text >= whole->text && s->text + s->len <= whole->text + whole->len)
		return (uint32_t)(s->text - whole->text);
	return captures_keep(f, s->text, s->len);
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
	if (isnan(time) && c->trial == NULL)
		return true; /* history without a date: nobody knows whether it still counts */
	c->last.verdict = FILTER_MATCHED;
	captures_clear(f);
	if (pref != NULL)
		expr_collect(pref, whole->text, captures_keep(f, whole->text, whole->len), f);
	expr_collect(e, s->text, keep_searched(f, pref, whole, s), f);
	if (captures_kind(f, CAPTURE_MLFID) > CAPTURE_NONE) {
		f = sessions_merge(c->sessions, f, lines, n_lines, c->now);
		if (captures_is_true(f, CAPTURE_NOFAIL) && !checks_all(c))
			return false;
	} else if (n_lines != 1 || lines != &c->line) {
		for (size_t i = 0; i < n_lines; i++)
			line_list_add(&f->matches, &lines[i]);
	}
	return tell(c, index, f, time, s->text) && checks_all(c);
}

static bool
match_pref(struct core *c, const struct search *s)
{
	/* one line, unless there is a window of them */
	enum regex_result r = c->maxlines > 1 ? try_expr(c, c->pref, s)
	                                      : note_limit(c, regex_search_line(c->pref->regex, s->text, s->len, s->is_ascii));

	if (r != REGEX_HIT) {
		c->last.has_pref = false;
		return false;
	}
	c->last.has_pref = true;
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
	str_reserve(&c->content, SLACK);
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
	if (!s->is_ascii || s->len > MEMO_TEXT_MAX || c->ignore.count > 0 || checks_all(c) || !d->is_blind[first] ||
	    d->taken[first] * 4u < d->missed[first])
		return NULL;
	if (c->memo == NULL)
		c->memo = memo_new();
	return memo_find(c->memo, s->text, s->len, is_known);
}

static void
find_failure(struct core *c, const struct search *whole, double time, bool no_date)
{
	struct search s = *whole;
	bool has_ignore = c->ignore.count > 0;

	if (has_ignore && c->ignore.count + 2 < c->fail.count && is_ignored(c, whole))
		return;
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
	memcpy(&first, s.text, sizeof first); /* SLACK allows it */
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
			if (!checks_all(c))
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

static bool
has_high_byte(const char *bytes, size_t len)
{
	size_t i = 0;

	for (; i + 32 <= len; i += 32) {
		uint64_t w[4];
		memcpy(w, bytes + i, 32);
		if (((w[0] | w[1] | w[2] | w[3]) & 0x8080808080808080u) != 0)
			return true;
	}
	if (len >= 32) { /* what is left, and some of what was seen */
		i = 0;
		bytes += len - 32;
		len = 32;
	}
	for (; i + 8 <= len; i += 8) {
		uint64_t word;
		memcpy(&word, bytes + i, 8);
		if ((word & 0x8080808080808080u) != 0)
			return true;
	}
	for (; i < len; i++)
		if ((unsigned char)bytes[i] >= 0x80)
			return true;
	return false;
}

static struct search
window_search(const struct window *w, struct str *into)
{
	window_text(w, into);
	return (struct search){into->at, into->len, !has_high_byte(into->at, into->len)};
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
static void
find_failure_in_window(struct core *c, double time, bool no_date)
{
	struct search s;
	struct failure_line *lines = NULL;

	window_add(&c->window, &c->line);
	window_keep_last(&c->window, (size_t)c->maxlines);
	window_copy(&c->whole, &c->window);
	s = window_search(&c->window, &c->text);
	const struct search whole = s;
	if (c->ignore.count > 0 && c->ignore.count + 2 < c->fail.count && is_ignored(c, &s))
		return;
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
			go_on = checks_all(c);
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

/* ---- the date ---- */

static void
remember_stamp(struct core *c, const char *text, size_t len, double time, bool is_whole)
{
	str_clear(&c->last_stamp);
	str_addn(&c->last_stamp, text, len);
	c->last_date = time;
	c->last_is_whole = c->is_whole_time = is_whole;
}

/* The line stands behind the last date that was seen. */
static double
borrow_stamp(struct core *c, const struct line *l)
{
	str_clear(&c->stamped);
	str_addn(&c->stamped, str_text(&c->last_stamp), c->last_stamp.len);
	str_addn(&c->stamped, l->bytes, l->len);
	c->line = (struct failure_line){str_text(&c->stamped), c->stamped.len, 0, (uint32_t)c->last_stamp.len};
	c->is_whole_time = c->last_is_whole;
	return c->last_date;
}

/* compat: how a journal's entry begins in `matches`: Python's isoformat() of local time, and a blank. */
static size_t
journal_stamp(double time, char text[64])
{
	double whole = floor(time);
	long micro = lround((time - whole) * 1e6);
	time_t seconds = (time_t)whole + (micro == 1000000);
	struct tm tm;

	localtime_r(&seconds, &tm);
	size_t n = strftime(text, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	if (micro != 0 && micro != 1000000)
		n += (size_t)snprintf(text + n, 16, ".%06ld", micro);
	long east = tm.tm_gmtoff / 60;
	n += (size_t)snprintf(text + n, 16, "%c%02ld:%02ld ", east < 0 ? '-' : '+', labs(east) / 60, labs(east) % 60);
	return n;
}

/* Time of a line; NAN: none. Sets core.line. */
static double
find_date(struct core *c, const struct line *l, bool is_ascii, bool *no_date)
{
	struct date_result d;
	double time = NAN;
	bool has_recent = c->last_date != 0 && c->last_date > c->now - STALE_S;

	c->is_whole_time = false;
	c->line = (struct failure_line){l->bytes, l->len, 0, 0};
	if (!isnan(l->time)) {
		char stamp[64];
		remember_stamp(c, stamp, journal_stamp(l->time, stamp), l->time, false);
		return borrow_stamp(c, l);
	}
	datedetect_find(c->dates, l->bytes, l->len, is_ascii, c->now, &d);
	c->line.date_from = c->last.date_from = (uint32_t)d.from;
	c->line.date_to = c->last.date_to = (uint32_t)d.to;
	switch (d.found) {
	case DATE_FOUND:
		time = d.time;
		if (d.to - d.from == c->last_stamp.len) /* the usual case: the same place, another second */
			memcpy(c->last_stamp.at, l->bytes + d.from, d.to - d.from);
		else
			remember_stamp(c, l->bytes + d.from, d.to - d.from, time, d.is_whole);
		c->last_date = time;
		c->last_is_whole = c->is_whole_time = d.is_whole;
		return time;
	case DATE_EMPTY:
		c->last.date_from = c->last.date_to = 0;
		if (has_recent)
			return borrow_stamp(c, l);
		c->line.date_from = c->line.date_to = 0;
		return c->now;
	case DATE_BAD:
		filter_log(c, LOG_LEVEL_ERROR, "findFailure failed to parse timeText: %s",
		    line_text(c, l->bytes + d.from, d.to - d.from));
		break;
	case DATE_NONE:
		break;
	}
	*no_date = true;
	c->counters.no_date++;
	if (has_recent) {
		c->last.date_from = c->last.date_to = 0;
		return borrow_stamp(c, l);
	}
	if (c->trial == NULL && l->in_operation)
		time = c->now;
	return time;
}

static void
warn_odd_time(struct core *c, const struct line *l, double delta)
{
	char length[64], *text;

	if (!may_warn(c, WARNED_ODD_TIME))
		return;
	duration_format(fabs(delta), length, sizeof length);
	text = xasprintf("Detected a log entry %s %s the current time in operation mode. This looks like a %s problem. "
	    "Treating such entries as if they just happened.", length, delta < 0 ? "before" : "after",
	    delta >= -3300 && delta < 0 ? "latency" : "timezone");
	warn(c, "%s", text);
	free(text);
	warn(c, "Please check a jail for a timing issue. Line with odd timestamp: %s", line_text(c, l->bytes, l->len));
}

/* Does the line count at all? May set its time to now. */
static bool
judge_time(struct core *c, const struct line *l, double *time)
{
	if (isnan(*time) || c->trial != NULL)
		return true;
	if (l->in_operation) {
		double delta = trunc(*time - c->now);
		if (fabs(delta) > STALE_S) {
			warn_odd_time(c, l, delta);
			*time = c->last_date = c->now;
		}
		return true;
	}
	if (*time >= c->now - c->findtime)
		return true;
	if (may_warn(c, WARNED_OLD)) {
		char *text = xasprintf("Ignoring all log entries older than %gs; these are probably messages generated while "
		    "fail2ban was not running.", c->findtime);
		warn(c, "%s", text);
		free(text);
		warn(c, "Please check a jail for a timing issue. Line with odd timestamp: %s", line_text(c, l->bytes, l->len));
	}
	c->counters.too_old++;
	c->last.verdict = FILTER_TOO_OLD;
	return false;
}

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

void
core_line(struct core *c, const struct line *given)
{
	struct line l = *given;
	bool no_date = false, is_ascii = l.is_ascii || !has_high_byte(l.bytes, l.len);

	c->counters.lines++;
	c->last.verdict = FILTER_MISSED;
	c->last.over_limit = false;
	c->last.date_from = c->last.date_to = 0;
	if (!is_ascii && !is_utf8(l.bytes, l.len)) { /* the matcher's memory safety hangs on it: do not trust */
		str_clear(&c->clean);
		text_to_utf8(l.bytes, l.len, &c->clean);
		l.bytes = str_text(&c->clean);
		l.len = c->clean.len;
	}
	double time = find_date(c, &l, is_ascii, &no_date);
	if (!judge_time(c, &l, &time))
		return;
	if (c->maxlines > 1) {
		find_failure_in_window(c, time, no_date);
	} else {
		const struct failure_line *f = &c->line;
		c->text.len = 0;
		str_reserve(&c->text, f->len + 1 + SLACK);
		memcpy(c->text.at, f->bytes, f->date_from);
		memcpy(c->text.at + f->date_from, f->bytes + f->date_to, f->len - f->date_to);
		c->text.len = f->len - (f->date_to - f->date_from);
		c->text.at[c->text.len++] = '\n';
		c->text.at[c->text.len] = '\0';
		struct search s = {c->text.at, c->text.len, is_ascii};
		find_failure(c, &s, time, no_date);
	}
	switch (c->last.verdict) {
	case FILTER_MATCHED: c->counters.matched++; break;
	case FILTER_IGNORED: c->counters.ignored++; break;
	default: c->counters.missed++;
	}
}
