/*
 * core_tell: what an expression's captures mean: whom a failure is about, and telling it; and warnings.
 */
#include "match/core.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#define DAY_S (24 * 60 * 60)

/* ---- telling ---- */

void
core_warn(struct core *c, const char *format, const char *text)
{
	filter_log(c, LOG_LEVEL_WARNING, format, text);
}

/* Once a day. */
bool
core_may_warn(struct core *c, enum warned what)
{
	if (c->now < c->warn_after[what] || !filter_wants_log(c))
		return false;
	c->warn_after[what] = c->now + DAY_S;
	return true;
}

const char *
core_line_text(struct core *c, const char *bytes, size_t len)
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
	if (n <= 0 || (size_t)n >= sizeof with || !addr_parsen(with, (size_t)n, out))
		return false;
	if (cidr == 0) /* compat: told without its prefix; and a line is no reason to ban everybody */
		out->prefix = out->family == 4 ? 32 : 128;
	return true;
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

/*
 * compat: an id is read as an address with a prefix even when it is none: its brackets go, and a number
 * or what looks like a mask behind its first slash. What fails there, and loses the failure, stays here.
 */
static struct slice
bare_id(struct slice id)
{
	const char *slash;
	struct addr mask;

	if (id.len > 2 && id.at[0] == '[' && id.at[id.len - 1] == ']')
		id = (struct slice){id.at + 1, id.len - 2};
	slash = id.len > 0 ? memchr(id.at, '/', id.len) : NULL;
	if (slash == NULL || slash == id.at)
		return id;
	struct slice tail = {slash + 1, (size_t)(id.at + id.len - slash) - 1}, head = {id.at, (size_t)(slash - id.at)};
	if (tail.len == 0)
		return id;
	if (memchr(tail.at, '.', tail.len) != NULL || memchr(tail.at, ':', tail.len) != NULL) {
		char masked[64];
		int n = snprintf(masked, sizeof masked, "0.0.0.0/%.*s", tail.len < 48 ? (int)tail.len : 48, tail.at);
		return addr_parsen(tail.at, tail.len, &mask) && !addr_parsen(masked, (size_t)n, &mask) ? id : head;
	}
	for (size_t i = tail.len > 1 && (tail.at[0] == '-' || tail.at[0] == '+'); i < tail.len; i++)
		if (tail.at[i] < '0' || tail.at[i] > '9')
			return id;
	return head;
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
		long cidr = prefix_of(f);
		bool ok = is_addr && parse_addr(ip, cidr, &who->addr);
		/* what is taken for an IPv4 host is in its one valid form already */
		bool is_canonical = ok && who->addr.family == 4 && addr_is_host(&who->addr) && cidr != 0 && ip.len <= 15 &&
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
		fid = is_raw || is_tuple ? fid : bare_id(fid);
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
	const char *base = c->text.at;

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
bool
core_tell(struct core *c, size_t index, struct captures *f, double time, const char *text)
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
		if (captures_kind(f, CAPTURE_MLFID) <= CAPTURE_NONE)
			return true; /* nobody, and no later line will tell whom; compat: no failure, for the tester too */
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
