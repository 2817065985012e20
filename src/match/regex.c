#include "match/regex.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem.h"
#include "match/byteset.h"
#include "match/linehead.h"

/*
 * A search may backtrack this often. The interpreter counts more than the JIT does, and takes longer for each.
 * Measured on ^(\w+\s?)+$ and its kin, either limit is reached within 3 ms.
 */
#define MATCH_LIMIT_JIT 500000
#define MATCH_LIMIT_INTERPRETER 120000
#define DEPTH_LIMIT 20000
/*
 * They count how often it backtracks, not how far it runs in between, which is as long as the text: in a long one
 * (?:\d+\.)*\d+x takes seconds within them. So a long text is searched with an eye on the time.
 */
#define LONG_TEXT 4096
#define LONG_TEXT_NS 20000000
#define STEPS_BETWEEN_LOOKS 64
#define HEAP_LIMIT_KIB 4096
#define JIT_STACK_MIN (32 * 1024)
#define JIT_STACK_MAX (4 * 1024 * 1024) /* (?:(\S+) )* on the longest line; it takes only what it touches */

struct regex_room {
	pcre2_match_context *jit, *interpreter;
	pcre2_jit_stack *stack;
};

/* One compiled form. */
struct copy {
	pcre2_code *code; /* owned; NULL: not made yet */
	bool is_jit, tried_jit;
	bool is_jit_closed, tried_jit_closed; /* for regex_search_closed() */
};

enum form { FORM_BYTES, FORM_UTF, FORM_BYTES_WATCHED, FORM_UTF_WATCHED, FORM_TRACE, N_FORMS };

struct regex {
	struct regex_room *room; /* borrowed */
	struct pyregex text;
	unsigned options;
	struct copy copies[N_FORMS];
	pcre2_match_data *match; /* owned */
	size_t *spans;           /* of the last hit; points into match */
	struct linehead *head;       /* owned; NULL: not of that form */
	bool is_anchored;
	bool knows_first, has_first;
	uint8_t first[BYTESET_SIZE];
	uint64_t limit_hits;
};

static pcre2_match_context *
limited(uint32_t match_limit)
{
	pcre2_match_context *c = pcre2_match_context_create(NULL);

	if (c == NULL)
		abort();
	pcre2_set_match_limit(c, match_limit);
	pcre2_set_depth_limit(c, DEPTH_LIMIT);
	pcre2_set_heap_limit(c, HEAP_LIMIT_KIB);
	return c;
}

struct regex_room *
regex_room_new(void)
{
	struct regex_room *room = xcalloc(1, sizeof *room);

	room->jit = limited(MATCH_LIMIT_JIT);
	room->interpreter = limited(MATCH_LIMIT_INTERPRETER);
	return room;
}

void
regex_room_free(struct regex_room *room)
{
	if (room == NULL)
		return;
	pcre2_match_context_free(room->jit);
	pcre2_match_context_free(room->interpreter);
	if (room->stack != NULL)
		pcre2_jit_stack_free(room->stack);
	free(room);
}

static pcre2_code *
compile(const struct regex *r, enum form form, const char *pattern, size_t len, int *error, size_t *at)
{
	uint32_t options = PCRE2_NEVER_BACKSLASH_C;
	unsigned flags = r->text.flags;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);

	if (context == NULL)
		abort();
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	if (flags & PYREGEX_CASELESS)
		options |= PCRE2_CASELESS;
	if (flags & PYREGEX_DOTALL)
		options |= PCRE2_DOTALL;
	if ((flags & PYREGEX_MULTILINE) || (r->options & REGEX_MULTILINE))
		options |= PCRE2_MULTILINE;
	options |= PCRE2_ALT_CIRCUMFLEX; /* with MULTILINE: ^ also behind a last line feed, as Python has it */
	if (r->text.has_atomic) /* it takes what stands behind an optional one for what must follow (10.42) */
		options |= PCRE2_NO_AUTO_POSSESS;
	if (form != FORM_BYTES && form != FORM_BYTES_WATCHED)
		options |= PCRE2_UTF | (flags & PYREGEX_ASCII ? 0 : PCRE2_UCP);
	if (form >= FORM_BYTES_WATCHED)
		options |= PCRE2_AUTO_CALLOUT;
	if (form == FORM_TRACE)
		options |= PCRE2_NO_START_OPTIMIZE | PCRE2_NO_AUTO_POSSESS | PCRE2_NO_DOTSTAR_ANCHOR;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, len, options, error, at, context);
	pcre2_compile_context_free(context);
	return code;
}

static void
make_code(struct regex *r, enum form form)
{
	int error;
	size_t at;

	r->copies[form].code = compile(r, form, str_text(&r->text.out.text), r->text.out.text.len, &error, &at);
}

/* Room for executable memory may be refused: then there is no JIT, and the library interprets. */
static bool
make_jit(struct regex *r, pcre2_code *code, uint32_t mode)
{
	if (pcre2_jit_compile(code, mode) != 0)
		return false;
	if (r->room->stack == NULL) {
		r->room->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
		pcre2_jit_stack_assign(r->room->jit, NULL, r->room->stack);
	}
	return true;
}

/* A copy that is ready to search; NULL if it cannot be made. */
static struct copy *
copy_of(struct regex *r, enum form form)
{
	struct copy *c = &r->copies[form];

	if (c->tried_jit)
		return c->code != NULL ? c : NULL;
	if (c->code == NULL)
		make_code(r, form);
	c->tried_jit = true;
	c->is_jit = c->code != NULL && form != FORM_TRACE && make_jit(r, c->code, PCRE2_JIT_COMPLETE);
	return c->code != NULL ? c : NULL;
}

/* The library's words for what our own reading of the expression does not find. */
static const char *
describe(int error, char *text, size_t size)
{
	switch (error) {
	case PCRE2_ERROR_LOOKBEHIND_NOT_FIXED_LENGTH:
	case PCRE2_ERROR_LOOKBEHIND_TOO_COMPLICATED:
		return "look-behind needs a fixed width";
	case PCRE2_ERROR_PARENTHESES_NEST_TOO_DEEP:
		return "parentheses nested too deep";
	case PCRE2_ERROR_PATTERN_TOO_LARGE:
	case PCRE2_ERROR_PATTERN_TOO_COMPLICATED:
	case PCRE2_ERROR_HEAP_FAILED:
		return "expression too large";
	default:
		if (pcre2_get_error_message(error, (PCRE2_UCHAR *)text, size) < 0)
			return "not a valid expression";
		return text;
	}
}

struct regex *
regex_new(struct regex_room *room, const char *pattern, size_t len, unsigned options, struct regex_fault *fault)
{
	struct regex *r = xcalloc(1, sizeof *r);
	int error;
	size_t at;
	char text[160];

	r->room = room;
	r->options = options;
	if (!pyregex_translate(pattern, len, &r->text, fault)) {
		free(r);
		return NULL;
	}
	enum form form = r->text.needs_utf ? FORM_UTF : FORM_BYTES;
	const struct str *out = &r->text.out.text;
	struct copy *c = &r->copies[form];
	c->code = compile(r, form, str_text(out), out->len, &error, &at);
	if (c->code == NULL) {
		regex_fault_set(fault, pattern, len, mapped_from(&r->text.out, at), "%s",
		    describe(error, text, sizeof text));
		regex_free(r);
		return NULL;
	}
	uint32_t effective = 0;
	pcre2_pattern_info(c->code, PCRE2_INFO_ALLOPTIONS, &effective);
	r->is_anchored = (effective & PCRE2_ANCHORED) != 0;
	r->match = pcre2_match_data_create((uint32_t)r->text.n_groups + 1, NULL);
	if (r->match == NULL)
		abort();
	r->spans = pcre2_get_ovector_pointer(r->match);
	if (r->is_anchored && options == 0)
		r->head = linehead_new(room, pattern, len, &r->text);
	return r;
}

void
regex_free(struct regex *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < N_FORMS; i++)
		if (r->copies[i].code != NULL)
			pcre2_code_free(r->copies[i].code);
	if (r->match != NULL)
		pcre2_match_data_free(r->match);
	linehead_free(r->head);
	pyregex_done(&r->text);
	free(r);
}

static enum regex_result
finish(struct regex *r, int rc)
{
	if (rc > 0) {
		/* the JIT leaves groups behind the last one that matched as they were */
		for (size_t i = (size_t)rc; i <= r->text.n_groups; i++)
			r->spans[2 * i] = r->spans[2 * i + 1] = PCRE2_UNSET;
		return REGEX_HIT;
	}
	if (rc == PCRE2_ERROR_NOMATCH || rc == PCRE2_ERROR_PARTIAL)
		return REGEX_MISS;
	r->limit_hits++;
	return REGEX_LIMIT;
}

static enum regex_result
run(struct regex *r, struct copy *c, bool is_jit, const char *text, size_t len, size_t from, uint32_t options)
{
	int rc;

	if (is_jit)
		rc = pcre2_jit_match(c->code, (PCRE2_SPTR)text, len, from, options, r->match, r->room->jit);
	else
		rc = pcre2_match(c->code, (PCRE2_SPTR)text, len, from, options | PCRE2_NO_UTF_CHECK, r->match,
		    r->room->interpreter);
	return finish(r, rc);
}

/* ---- long texts ---- */

struct watch {
	unsigned steps;
	int64_t until; /* of this thread's cpu time, ns */
};

static int64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int
look_at_time(pcre2_callout_block *block, void *arg)
{
	struct watch *w = arg;

	(void)block;
	return ++w->steps % STEPS_BETWEEN_LOOKS == 0 && cpu_ns() > w->until ? PCRE2_ERROR_MATCHLIMIT : 0;
}

static enum regex_result
search_watched(struct regex *r, const char *text, size_t len, size_t from, bool is_utf)
{
	struct copy *c = copy_of(r, is_utf ? FORM_UTF_WATCHED : FORM_BYTES_WATCHED);
	struct watch w = {.until = cpu_ns() + LONG_TEXT_NS};

	if (c == NULL)
		return REGEX_MISS;
	pcre2_match_context *context = c->is_jit ? r->room->jit : r->room->interpreter;
	pcre2_set_callout(context, look_at_time, &w);
	enum regex_result result = run(r, c, c->is_jit, text, len, from, 0);
	pcre2_set_callout(context, NULL, NULL);
	return result;
}

static enum form
form_for(const struct regex *r, bool is_ascii)
{
	return is_ascii && !r->text.needs_utf ? FORM_BYTES : FORM_UTF;
}

enum regex_result
regex_search(struct regex *r, const char *text, size_t len, size_t from, bool is_ascii)
{
	enum form form = form_for(r, is_ascii);

	if (len - from > LONG_TEXT)
		return search_watched(r, text, len, from, form == FORM_UTF);
	struct copy *c = copy_of(r, form);
	return c != NULL ? run(r, c, c->is_jit, text, len, from, 0) : REGEX_MISS;
}

enum regex_result
regex_search_line(struct regex *r, const char *text, size_t len, bool is_ascii)
{
	if (r->head == NULL || !is_ascii || len <= 1)
		return regex_search(r, text, len, 0, is_ascii);
	enum regex_result result = linehead_search(r->head, text, len, r->spans);
	r->limit_hits += result == REGEX_LIMIT;
	return result;
}

enum regex_result
regex_search_closed(struct regex *r, const char *text, size_t len, bool is_ascii)
{
	struct copy *c = copy_of(r, form_for(r, is_ascii));

	if (c == NULL)
		return REGEX_MISS;
	if (!c->tried_jit_closed) {
		c->tried_jit_closed = true;
		c->is_jit_closed = c->is_jit && make_jit(r, c->code, PCRE2_JIT_PARTIAL_HARD);
	}
	return run(r, c, c->is_jit_closed, text, len, 0, PCRE2_PARTIAL_HARD);
}

const size_t *
regex_spans(const struct regex *r)
{
	return r->spans;
}

size_t *
regex_spans_to_fill(struct regex *r)
{
	return r->spans;
}

bool
regex_tells_digits(const struct regex *r)
{
	return r->text.tells_digits;
}

size_t
regex_n_groups(const struct regex *r)
{
	return r->text.n_groups;
}

const char *
regex_group_name(const struct regex *r, size_t group)
{
	return group >= 1 && group <= r->text.n_groups ? r->text.groups[group].name : NULL;
}

size_t
regex_group(const struct regex *r, const char *name)
{
	return pyregex_group(&r->text, name, strlen(name));
}

bool
regex_is_anchored(const struct regex *r)
{
	return r->is_anchored;
}

/*
 * The library computes no first bytes for an anchored expression, so a copy without its ^ is asked.
 * Where that copy means something else (a|^b), the library gives no answer, or a larger set.
 */
static void
find_first(struct regex *r)
{
	const struct str *out = &r->text.out.text;
	int error;
	size_t at;

	r->knows_first = true;
	if (!r->is_anchored || out->len < 2 || out->at[0] != '^' || r->text.needs_utf)
		return;
	pcre2_code *code = compile(r, FORM_BYTES, out->at + 1, out->len - 1, &error, &at);
	if (code == NULL)
		return;
	uint32_t kind = 0, unit = 0;
	const uint8_t *bits = NULL;
	pcre2_pattern_info(code, PCRE2_INFO_FIRSTCODETYPE, &kind);
	if (kind == 1) {
		pcre2_pattern_info(code, PCRE2_INFO_FIRSTCODEUNIT, &unit);
		byteset_add(r->first, unit);
		if ((unit >= 'a' && unit <= 'z') || (unit >= 'A' && unit <= 'Z'))
			byteset_add(r->first, unit ^ 0x20); /* it does not tell whether case counts */
		r->has_first = true;
	} else if (kind == 0 && pcre2_pattern_info(code, PCRE2_INFO_FIRSTBITMAP, &bits) == 0 && bits != NULL) {
		memcpy(r->first, bits, sizeof r->first);
		r->has_first = true;
	}
	pcre2_code_free(code);
}

const uint8_t *
regex_first_bytes(struct regex *r)
{
	if (!r->knows_first)
		find_first(r);
	return r->has_first ? r->first : NULL;
}

struct slice
regex_prefix(const struct regex *r)
{
	return r->is_anchored ? (struct slice){str_text(&r->text.prefix), r->text.prefix.len} : (struct slice){"", 0};
}

const struct need *
regex_need(const struct regex *r)
{
	return &r->text.need;
}

void
regex_note_limit(struct regex *r)
{
	r->limit_hits++;
}

uint64_t
regex_limit_hits(const struct regex *r)
{
	return r->limit_hits;
}

size_t
regex_risk(const struct regex *r)
{
	return r->text.risk_offset;
}

struct trace {
	size_t reach;
	uint64_t steps;
};

static int
note_step(pcre2_callout_block *block, void *arg)
{
	struct trace *t = arg;

	t->steps++;
	if (block->pattern_position > t->reach)
		t->reach = block->pattern_position;
	return 0;
}

enum regex_result
regex_trace(struct regex *r, const char *text, size_t len, size_t *reach, uint64_t *steps)
{
	struct trace t = {0};
	struct copy *c = copy_of(r, FORM_TRACE);
	enum regex_result result = REGEX_MISS;

	*reach = 0;
	*steps = 0;
	if (c == NULL)
		return REGEX_MISS;
	pcre2_match_context *context = pcre2_match_context_copy(r->room->interpreter);
	if (context == NULL)
		abort();
	pcre2_set_callout(context, note_step, &t);
	result = finish(r, pcre2_match(c->code, (PCRE2_SPTR)text, len, 0, PCRE2_NO_UTF_CHECK, r->match, context));
	pcre2_match_context_free(context);
	*reach = mapped_from(&r->text.out, t.reach);
	*steps = t.steps;
	return result;
}
