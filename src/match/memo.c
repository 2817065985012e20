#include "match/memo.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SLOTS 512

struct memo {
	struct memo_slot slots[SLOTS];
};

struct memo *
memo_new(void)
{
	return xcalloc(1, sizeof(struct memo));
}

void
memo_free(struct memo *m)
{
	free(m);
}

void
memo_clear(struct memo *m)
{
	for (size_t i = 0; i < SLOTS; i++)
		m->slots[i].len = 0;
}

/* Eight ASCII bytes with '0' for every digit. */
static uint64_t
without_digits(uint64_t w)
{
	uint64_t from_0 = w + UINT64_C(0x5050505050505050), above_9 = w + UINT64_C(0x4646464646464646);
	uint64_t is_digit = (from_0 & ~above_9) & UINT64_C(0x8080808080808080);

	/* 0x80 -> 0x0f in each byte: '0' to '9' are 0x30 to 0x39 */
	return w & ~((is_digit >> 3) - (is_digit >> 7));
}

struct memo_slot *
memo_find(struct memo *m, const char *text, size_t len, bool *is_known)
{
	uint64_t shape[MEMO_TEXT_MAX / 8], hash = len;
	size_t words = (len + 7) / 8;

	for (size_t i = 0; i < words; i++) {
		uint64_t w;
		memcpy(&w, text + 8 * i, sizeof w);
		if (i + 1 == words && len % 8 != 0)
			w &= ~UINT64_C(0) >> (64 - 8 * (len % 8));
		shape[i] = without_digits(w);
		hash = (hash ^ shape[i]) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	struct memo_slot *slot = &m->slots[hash >> 7 & (SLOTS - 1)];
	*is_known = slot->len == len && memcmp(slot->text, shape, words * sizeof *shape) == 0;
	if (!*is_known) {
		slot->len = (uint16_t)len;
		slot->index = MEMO_NOTHING;
		memcpy(slot->text, shape, words * sizeof *shape);
	}
	return slot;
}

void
memo_keep_spans(struct memo_slot *slot, const size_t *spans, size_t n_groups)
{
	for (size_t i = 0; i < 2 * (n_groups + 1); i++)
		slot->spans[i] = spans[i] == SIZE_MAX ? UINT8_MAX : (uint8_t)spans[i];
}

void
memo_get_spans(const struct memo_slot *slot, size_t *spans, size_t n_groups)
{
	for (size_t i = 0; i < 2 * (n_groups + 1); i++)
		spans[i] = slot->spans[i] == UINT8_MAX ? SIZE_MAX : slot->spans[i];
}
