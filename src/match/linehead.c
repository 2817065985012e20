#include "match/linehead.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "match/byteset.h"

#define KEPT_MAX 64 /* bytes of a beginning */
#define N_KEPT 8
#define CREDIT 16

/* The beginning of a line, and what it gave. */
struct kept {
	size_t len;               /* up to where HEAD ended; 0: unused */
	uint8_t bytes[KEPT_MAX];
	uint8_t digits[KEPT_MAX]; /* 0xff where a digit stands */
	uint8_t tried[BYTESET_SIZE]; /* bytes that stood behind it */
	uint8_t next[BYTESET_SIZE];  /* those with which HEAD ended there, and looked no further */
	size_t *spans;            /* owned */
};

struct linehead {
	struct regex *regex; /* "^HEAD(?=.)"; owned */
	size_t n_groups;     /* its */
	struct kept kept[N_KEPT];
	size_t last;  /* the one that served last */
	size_t spare; /* the one to be replaced next */
	int credit;
	unsigned misses;
};

struct linehead *
linehead_new(struct regex_room *room, const char *pattern, size_t len, const struct pyregex *parsed)
{
	static const char tail[] = ".+)$", look[] = "(?=.)";
	size_t n = parsed->n_groups;

	if (len < sizeof tail || pattern[0] != '^' || parsed->flags != 0 || n == 0 || parsed->tells_digits ||
	    parsed->needs_utf || parsed->has_top_bar || memcmp(pattern + len - 4, tail, 4) != 0)
		return NULL;
	const char *name = parsed->groups[n].name;
	size_t group_len = name != NULL ? strlen(name) + 5 : 1; /* "(?P<" ">" or "(" */
	if (len < 4 + group_len)
		return NULL;
	size_t open = len - 4 - group_len;
	if (name != NULL ? memcmp(pattern + open, "(?P<", 4) != 0 || memcmp(pattern + open + 4, name, strlen(name)) != 0
	                 : pattern[open] != '(' || (open > 0 && pattern[open - 1] == '\\'))
		return NULL;
	char *text = xmalloc(open + sizeof look);
	memcpy(text, pattern, open);
	memcpy(text + open, look, sizeof look);
	struct regex *head = regex_new(room, text, open + sizeof look - 1, 0, NULL);
	free(text);
	if (head == NULL)
		return NULL;
	/* its last group must have been the tail, at the top */
	if (regex_n_groups(head) != n - 1 || !regex_is_anchored(head)) {
		regex_free(head);
		return NULL;
	}
	struct linehead *h = xcalloc(1, sizeof *h);
	h->regex = head;
	h->n_groups = n - 1;
	h->credit = CREDIT;
	return h;
}

void
linehead_free(struct linehead *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < N_KEPT; i++)
		free(h->kept[i].spans);
	regex_free(h->regex);
	free(h);
}

static bool
same_but_digits(const struct kept *m, const char *text)
{
	for (size_t i = 0; i < m->len; i += 8) {
		uint64_t have, want, digits;
		memcpy(&want, m->bytes + i, 8);
		memcpy(&digits, m->digits + i, 8);
		memcpy(&have, text + i, 8);
		if (m->len - i < 8) {
			uint64_t keep = ~UINT64_C(0) >> (64 - 8 * (m->len - i));
			if (((have ^ want) & ~digits & keep) != 0)
				return false;
			digits &= keep;
		} else if (((have ^ want) & ~digits) != 0) {
			return false;
		}
		/* where a digit is due: high nibble 3, and no carry when 6 is added to the low one */
		uint64_t low = have & UINT64_C(0x0f0f0f0f0f0f0f0f), high = have & UINT64_C(0xf0f0f0f0f0f0f0f0);
		uint64_t wrong = (high ^ UINT64_C(0x3030303030303030)) |
		    ((low + UINT64_C(0x0606060606060606)) & UINT64_C(0x1010101010101010));
		if ((wrong & digits) != 0)
			return false;
	}
	return true;
}

static bool
serves(const struct kept *m, const char *text, size_t len)
{
	return m->len != 0 && len > m->len + 8 && byteset_has(m->next, (unsigned char)text[m->len]) && same_but_digits(m, text);
}

static const struct kept *
find_kept(struct linehead *h, const char *text, size_t len)
{
	if (serves(&h->kept[h->last], text, len))
		return &h->kept[h->last];
	for (size_t i = 0; i < N_KEPT; i++) {
		if (i != h->last && serves(&h->kept[i], text, len)) {
			h->last = i;
			return &h->kept[i];
		}
	}
	return NULL;
}

/* The one of this beginning, made if there is none. */
static struct kept *
kept_of(struct linehead *h, const char *text, size_t len, size_t end)
{
	for (size_t i = 0; i < N_KEPT; i++)
		if (h->kept[i].len == end && len > end + 8 && same_but_digits(&h->kept[i], text))
			return &h->kept[i];
	struct kept *m = &h->kept[h->spare];
	h->spare = (h->spare + 1) % N_KEPT;
	free(m->spans);
	*m = (struct kept){.len = end};
	memcpy(m->bytes, text, end);
	for (size_t i = 0; i < end; i++)
		m->digits[i] = text[i] >= '0' && text[i] <= '9' ? 0xff : 0;
	return m;
}

/* Does the head end in the same place whatever stands behind the next byte? */
static bool
is_closed(struct linehead *h, const char *text, size_t end, const size_t *spans, size_t n)
{
	return regex_search_closed(h->regex, text, end + 1, true) == REGEX_HIT &&
	    memcmp(regex_spans(h->regex), spans, n * sizeof *spans) == 0;
}

static void
learn(struct linehead *h, const char *text, size_t len)
{
	size_t *found = regex_spans_to_fill(h->regex), n = 2 * (h->n_groups + 1), end = found[1];

	if (h->credit == 0 || end == 0 || end >= KEPT_MAX)
		return;
	struct kept *m = kept_of(h, text, len, end);
	if (byteset_has(m->tried, (unsigned char)text[end]))
		return;
	h->credit--;
	byteset_add(m->tried, (unsigned char)text[end]);
	size_t *spans = xreallocarray(NULL, n, sizeof *spans);
	memcpy(spans, found, n * sizeof *spans);
	bool closed = is_closed(h, text, end, spans, n);
	memcpy(found, spans, n * sizeof *spans); /* the caller reads them */
	if (closed && m->spans == NULL) {
		m->spans = spans;
		spans = NULL;
	}
	if (closed && (spans == NULL || memcmp(m->spans, spans, n * sizeof *spans) == 0))
		byteset_add(m->next, (unsigned char)text[end]);
	free(spans);
}

/* head: the spans of HEAD; the group behind its own is the tail. */
static void
fill_spans(const struct linehead *h, const size_t *head, size_t len, size_t *spans)
{
	size_t tail = h->n_groups + 1;

	memcpy(spans + 2, head + 2, 2 * h->n_groups * sizeof *spans);
	spans[0] = 0;
	spans[1] = spans[2 * tail + 1] = len - 1;
	spans[2 * tail] = head[1];
}

enum regex_result
linehead_search(struct linehead *h, const char *text, size_t len, size_t *spans)
{
	const struct kept *m = find_kept(h, text, len);

	if (m != NULL) {
		if (h->credit < CREDIT)
			h->credit++;
		fill_spans(h, m->spans, len, spans);
		return REGEX_HIT;
	}
	if (h->credit == 0 && ++h->misses >= 64) {
		h->misses = 0;
		h->credit = 1;
	}
	enum regex_result result = regex_search(h->regex, text, len, 0, true);
	if (result != REGEX_HIT)
		return result;
	learn(h, text, len);
	fill_spans(h, regex_spans(h->regex), len, spans);
	return REGEX_HIT;
}
