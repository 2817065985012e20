#include "match/literals.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/*
 * A pass looks at four bytes (a gram) in every `stride`th place of the line: of `stride` grams behind each other in a text,
 * one stands in such a place, wherever the text begins. So that many grams of each text are known, the rarest ones.
 * Texts too short for that are few, or the stride is made smaller: each is looked for by its rarest byte.
 */
#define GRAM 4
#define STRIDE_MAX 4
#define SHORT_FEW 4   /* so many short ones cost less than a smaller stride */
#define SHORT_MAX 32  /* of more, all are taken to be there */
#define SLOTS_LOG2 14
#define SLOTS (1u << SLOTS_LOG2)
#define NONE UINT16_MAX

struct literal {
	uint16_t len;
	char *text; /* owned */
	struct literal_marks marks;
};

struct gram {
	uint32_t word;
	uint16_t next; /* in the same slot; NONE */
	uint16_t literal;
	uint8_t offset; /* in the text */
};

struct rare { /* a short text */
	uint16_t literal;
	uint8_t offset; /* of its rarest byte */
};

struct literals {
	uint64_t used[SLOTS / 64]; /* small enough to stay in the nearest cache */
	uint16_t first[SLOTS];
	struct gram *grams;  /* owned */
	size_t n_grams;
	struct rare shorts[SHORT_MAX];
	size_t n_shorts, stride;
	struct literal_marks always; /* of short ones beyond the cap */
	struct literal *all; /* owned */
	size_t count, room;
};

struct literals *
literals_new(void)
{
	return xcalloc(1, sizeof(struct literals));
}

void
literals_free(struct literals *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->count; i++)
		free(l->all[i].text);
	free(l->all);
	free(l->grams);
	free(l);
}

static void
add_marks(struct literal_marks *to, const struct literal_marks *from)
{
	to->at[0] |= from->at[0];
	to->at[1] |= from->at[1];
}

void
literals_add(struct literals *l, const char *text, struct literal_marks marks)
{
	for (size_t i = 0; i < l->count; i++) {
		if (strcmp(l->all[i].text, text) == 0) {
			add_marks(&l->all[i].marks, &marks);
			return;
		}
	}
	if (l->count == NONE) {
		add_marks(&l->always, &marks);
		return;
	}
	if (l->count == l->room) {
		l->room = l->room * 2 + 32;
		l->all = xreallocarray(l->all, l->room, sizeof *l->all);
	}
	l->all[l->count++] = (struct literal){(uint16_t)strlen(text), xstrdup(text), marks};
}

/* ---- the plan ---- */

/* How often a byte stands in logs, roughly. */
static unsigned
commonness(unsigned char c)
{
	if (c >= 'a' && c <= 'z')
		return strchr("etaoinsrd", c) != NULL ? 5 : 4;
	if (c == ' ' || (c >= '0' && c <= '9'))
		return 5;
	if (c >= 'A' && c <= 'Z')
		return 2;
	return strchr(":.-_=[](),/", c) != NULL ? 3 : 1;
}

static uint32_t
word_at(const char *text)
{
	uint32_t word;

	memcpy(&word, text, sizeof word);
	return word;
}

static unsigned
slot_of(uint32_t word)
{
	return (word * UINT32_C(0x9e3779b1)) >> (32 - SLOTS_LOG2);
}

/* The place of the text where `width` bytes are the rarest. */
static size_t
rarest(const struct literal *one, size_t width)
{
	size_t best = 0;
	unsigned least = UINT32_MAX;

	for (size_t from = 0; from + width <= one->len; from++) {
		unsigned sum = 0;
		for (size_t i = 0; i < width; i++)
			sum += commonness((unsigned char)one->text[from + i]);
		if (sum < least) {
			least = sum;
			best = from;
		}
	}
	return best;
}

static void
add_grams(struct literals *l, size_t index)
{
	const struct literal *one = &l->all[index];
	size_t from = rarest(one, GRAM - 1 + l->stride);

	for (size_t i = from; i < from + l->stride; i++) {
		uint32_t word = word_at(one->text + i);
		unsigned slot = slot_of(word);
		bool is_first = (l->used[slot / 64] >> slot % 64 & 1) == 0;
		l->grams[l->n_grams] = (struct gram){word, is_first ? NONE : l->first[slot], (uint16_t)index, (uint8_t)i};
		l->first[slot] = (uint16_t)l->n_grams++;
		l->used[slot / 64] |= UINT64_C(1) << slot % 64;
	}
}

static bool
is_short(const struct literal *one, size_t stride)
{
	return one->len < GRAM - 1 + stride;
}

void
literals_ready(struct literals *l)
{
	size_t few;

	l->stride = STRIDE_MAX + 1;
	do {
		l->stride--;
		few = 0;
		for (size_t i = 0; i < l->count; i++)
			few += is_short(&l->all[i], l->stride);
	} while (l->stride > 1 && (few > SHORT_FEW || (l->count - few) * l->stride >= NONE));
	l->grams = xreallocarray(l->grams, l->count * l->stride + 1, sizeof *l->grams);
	for (size_t i = 0; i < l->count; i++) {
		if (!is_short(&l->all[i], l->stride))
			add_grams(l, i);
		else if (l->n_shorts < SHORT_MAX)
			l->shorts[l->n_shorts++] = (struct rare){(uint16_t)i, (uint8_t)rarest(&l->all[i], 1)};
		else
			add_marks(&l->always, &l->all[i].marks);
	}
}

/* ---- a line ---- */

static bool
is_news(const struct literal *one, const struct literal_marks *out)
{
	return ((one->marks.at[0] & ~out->at[0]) | (one->marks.at[1] & ~out->at[1])) != 0;
}

static void
scan_short(const struct literal *one, size_t offset, const char *text, size_t len, struct literal_marks *out)
{
	if (one->len > len || !is_news(one, out))
		return;
	const char *at = text + offset, *end = at + (len - one->len) + 1;
	while ((at = memchr(at, one->text[offset], (size_t)(end - at))) != NULL) {
		if (memcmp(at - offset, one->text, one->len) == 0) {
			add_marks(out, &one->marks);
			return;
		}
		at++;
	}
}

/* A gram of some text stands at `at`, or another one of its slot. */
static void
look(const struct literals *l, unsigned slot, uint32_t word, const char *text, size_t len, size_t at, struct literal_marks *out)
{
	for (uint16_t i = l->first[slot]; i != NONE; i = l->grams[i].next) {
		const struct gram *g = &l->grams[i];
		const struct literal *one = &l->all[g->literal];
		if (g->word != word || at < g->offset || at - g->offset + one->len > len || !is_news(one, out))
			continue;
		if (memcmp(text + at - g->offset, one->text, one->len) == 0)
			add_marks(out, &one->marks);
	}
}

void
literals_scan(const struct literals *l, const char *text, size_t len, struct literal_marks *out)
{
	const size_t stride = l->stride;

	add_marks(out, &l->always);
	for (size_t at = 0; at + GRAM <= len; at += stride) {
		uint32_t word = word_at(text + at);
		unsigned slot = slot_of(word);
		if ((l->used[slot / 64] >> slot % 64 & 1) != 0)
			look(l, slot, word, text, len, at, out);
	}
	for (size_t i = 0; i < l->n_shorts; i++)
		scan_short(&l->all[l->shorts[i].literal], l->shorts[i].offset, text, len, out);
}
