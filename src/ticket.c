#include "ticket.h"

#include "base/mem.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct ticket *
ticket_new(const char *id, double time)
{
	struct ticket *t = xcalloc(1, sizeof *t);

	t->id = xstrdup(id);
	addr_parse(id, &t->addr);
	t->time = t->first = time;
	t->bantime = TICKET_UNSET;
	return t;
}

struct ticket *
ticket_dup(const struct ticket *t)
{
	struct ticket *copy = xmalloc(sizeof *copy);

	*copy = *t;
	copy->id = xstrdup(t->id);
	copy->ip = t->ip != NULL ? xstrdup(t->ip) : NULL;
	copy->matches = NULL;
	copy->groups = NULL;
	copy->n_matches = copy->n_groups = 0;
	copy->serial = 0;
	for (size_t i = 0; i < t->n_matches; i++) {
		ticket_share_match(copy, &t->matches[i], t->n_matches);
		copy->matches[i].time = t->matches[i].time;
		if (t->matches[i].user != NULL)
			copy->matches[i].user = ticket_text_share(t->matches[i].user);
	}
	for (size_t i = 0; i < t->n_groups; i++)
		ticket_set_group(copy, t->groups[i].name, t->groups[i].value);
	return copy;
}

struct text {
	int refs;
	uint32_t len, raw_len;
	char bytes[]; /* the text, a NUL, raw */
};

static struct text *
text_of(char *bytes)
{
	return (struct text *)(void *)(bytes - offsetof(struct text, bytes));
}

char *
ticket_text_new(const char *bytes, size_t len, struct slice raw)
{
	struct text *t = xmalloc(sizeof *t + len + 1 + raw.len);

	t->refs = 1;
	t->len = (uint32_t)len;
	t->raw_len = (uint32_t)raw.len;
	memcpy(t->bytes, bytes, len);
	t->bytes[len] = '\0';
	if (raw.len > 0)
		memcpy(t->bytes + len + 1, raw.at, raw.len);
	return t->bytes;
}

struct slice
ticket_text_raw(const char *text)
{
	const struct text *t = text_of((char *)(uintptr_t)text);

	return (struct slice){text + t->len + 1, t->raw_len};
}

char *
ticket_text_share(char *text)
{
	text_of(text)->refs++;
	return text;
}

void
ticket_text_free(char *text)
{
	if (text != NULL && --text_of(text)->refs == 0)
		free(text_of(text));
}

static void
match_done(struct ticket_match *m)
{
	ticket_text_free(m->bytes);
	ticket_text_free(m->user);
}

void
ticket_free(struct ticket *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n_matches; i++)
		match_done(&t->matches[i]);
	for (size_t i = 0; i < t->n_groups; i++) {
		free(t->groups[i].name);
		free(t->groups[i].value);
	}
	free(t->matches);
	free(t->groups);
	free(t->id);
	free(t->ip);
	free(t);
}

/* Takes text. */
static void
append_match(struct ticket *t, char *text, const struct ticket_match *m, size_t keep)
{
	size_t drop = t->n_matches >= keep ? t->n_matches - keep + (keep != 0) : 0;

	for (size_t i = 0; i < drop && i < t->n_matches; i++)
		match_done(&t->matches[i]);
	if (drop != 0) {
		t->n_matches -= drop;
		memmove(t->matches, t->matches + drop, t->n_matches * sizeof *t->matches);
	}
	if (keep == 0) {
		ticket_text_free(text);
		return;
	}
	t->matches = xreallocarray(t->matches, t->n_matches + 1, sizeof *t->matches);
	t->matches[t->n_matches++] = (struct ticket_match){.bytes = text, .len = m->len, .date_from = m->date_from,
	    .date_to = m->date_to, .is_joined = m->is_joined, .time = t->time};
}

void
ticket_share_match(struct ticket *t, const struct ticket_match *m, size_t keep)
{
	append_match(t, ticket_text_share(m->bytes), m, keep);
}

void
ticket_add_match(struct ticket *t, const char *bytes, size_t len, uint32_t date_from,
    uint32_t date_to, size_t keep)
{
	struct ticket_match m = {.len = len, .date_from = date_from, .date_to = date_to};

	append_match(t, ticket_text_new(bytes, len, (struct slice){0}), &m, keep);
}

void
ticket_set_group(struct ticket *t, const char *name, const char *value)
{
	for (size_t i = 0; i < t->n_groups; i++)
		if (strcmp(t->groups[i].name, name) == 0) {
			free(t->groups[i].value);
			t->groups[i].value = xstrdup(value);
			return;
		}
	t->groups = xreallocarray(t->groups, t->n_groups + 1, sizeof *t->groups);
	t->groups[t->n_groups++] = (struct ticket_group){xstrdup(name), xstrdup(value)};
}

const char *
ticket_group(const struct ticket *t, const char *name)
{
	for (size_t i = 0; i < t->n_groups; i++)
		if (strcmp(t->groups[i].name, name) == 0)
			return t->groups[i].value;
	return NULL;
}

const char *
ticket_ip(const struct ticket *t)
{
	return t->ip != NULL ? t->ip : t->id;
}
