#include "match/literals.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A text is found by its first three bytes: most places of a line do not even begin one. */
#define SLOTS_LOG2 13
#define SLOTS (1u << SLOTS_LOG2)
#define NONE UINT16_MAX

struct literal {
	uint16_t next; /* in the same slot; NONE */
	uint16_t len;
	char *text; /* owned */
	struct literal_marks marks;
};

struct literals {
	uint64_t used[SLOTS / 64]; /* small enough to stay in the nearest cache */
	uint16_t first[SLOTS];
	struct literal *all; /* owned */
	size_t count, room;
};

struct literals *
literals_new(void)
{
	struct literals *l = xcalloc(1, sizeof *l);

	memset(l->first, 0xff, sizeof l->first);
	return l;
}

void
literals_free(struct literals *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->count; i++)
		free(l->all[i].text);
	free(l->all);
	free(l);
}

static unsigned
slot_of(const char *text)
{
	uint32_t word;

	memcpy(&word, text, sizeof word);
	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		word >>= 8;
	word &= 0xffffff;
	return (word * UINT32_C(0x9e3779b1)) >> (32 - SLOTS_LOG2);
}

void
literals_add(struct literals *l, const char *text, struct literal_marks marks)
{
	char start[4] = {text[0], text[1], text[2], '\0'};
	unsigned slot = slot_of(start);

	for (uint16_t i = l->first[slot]; i != NONE; i = l->all[i].next) {
		if (strcmp(l->all[i].text, text) == 0) {
			l->all[i].marks.at[0] |= marks.at[0];
			l->all[i].marks.at[1] |= marks.at[1];
			return;
		}
	}
	if (l->count == l->room) {
		l->room = l->room * 2 + 32;
		l->all = xreallocarray(l->all, l->room, sizeof *l->all);
	}
	l->all[l->count] = (struct literal){l->first[slot], (uint16_t)strlen(text), xstrdup(text), marks};
	l->first[slot] = (uint16_t)l->count++;
	l->used[slot / 64] |= UINT64_C(1) << slot % 64;
}

void
literals_scan(const struct literals *l, const char *text, size_t len, struct literal_marks *out)
{
	for (size_t at = 0; at + LITERAL_MIN <= len; at++) {
		unsigned slot = slot_of(text + at);
		if ((l->used[slot / 64] >> slot % 64 & 1) == 0)
			continue;
		for (uint16_t i = l->first[slot]; i != NONE; i = l->all[i].next) {
			const struct literal *one = &l->all[i];
			if (one->len <= len - at && memcmp(text + at, one->text, one->len) == 0) {
				out->at[0] |= one->marks.at[0];
				out->at[1] |= one->marks.at[1];
			}
		}
	}
}
