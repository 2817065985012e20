#include "ban/ignore.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct entry {
	char *text;         /* owned; canonical for addresses */
	struct addr addr;   /* family 0: a name */
	double until;       /* wall clock as asked for, -1 for ever */
	double end_mono;    /* monotonic, meaningless for ever */
	struct addr *found; /* owned: what a name resolves to */
	size_t n_found;
};

struct ignore {
	const struct clock *clock;
	struct entry *entries; /* owned */
	size_t count, room;
};

struct ignore *
ignore_new(const struct clock *clock)
{
	struct ignore *g = xcalloc(1, sizeof *g);

	g->clock = clock;
	return g;
}

static void
entry_done(struct entry *e)
{
	free(e->text);
	free(e->found);
}

void
ignore_clear(struct ignore *g)
{
	for (size_t i = 0; i < g->count; i++)
		entry_done(&g->entries[i]);
	g->count = 0;
}

void
ignore_free(struct ignore *g)
{
	if (g == NULL)
		return;
	ignore_clear(g);
	free(g->entries);
	free(g);
}

/* The canonical text of an entry: addresses as the kernel writes them, names as they are. */
static bool
canonical(const char *text, struct addr *addr, char buffer[ADDR_TEXT_MAX], const char **out, struct err *err)
{
	*addr = (struct addr){0};
	*out = text;
	if (addr_parse(text, addr)) {
		addr_format(addr, buffer);
		*out = buffer;
		return true;
	}
	if (*text == '\0' || strchr(text, '/') != NULL)
		return err_set(err, "'%s' is neither an address, a network nor a host name", text);
	return true;
}

static struct entry *
find(const struct ignore *g, const char *text)
{
	for (size_t i = 0; i < g->count; i++)
		if (strcmp(g->entries[i].text, text) == 0)
			return &g->entries[i];
	return NULL;
}

bool
ignore_add(struct ignore *g, const char *text, double until, struct err *err)
{
	char buffer[ADDR_TEXT_MAX];
	const char *name;
	struct addr addr;

	if (!canonical(text, &addr, buffer, &name, err))
		return false;
	struct entry *e = find(g, name);
	if (e == NULL) {
		if (g->count >= IGNORE_MAX)
			return err_set(err, "more than %d entries to ignore", IGNORE_MAX);
		if (g->count == g->room) {
			g->room = g->room != 0 ? g->room * 2 : 8;
			g->entries = xreallocarray(g->entries, g->room, sizeof *g->entries);
		}
		e = &g->entries[g->count++];
		*e = (struct entry){.text = xstrdup(name), .addr = addr};
	}
	e->until = until < 0 ? -1 : until;
	e->end_mono = clock_monotonic(g->clock) + (until - clock_now(g->clock));
	return true;
}

static void
drop(struct ignore *g, struct entry *e)
{
	size_t i = (size_t)(e - g->entries);

	entry_done(e);
	memmove(e, e + 1, (--g->count - i) * sizeof *e);
}

bool
ignore_del(struct ignore *g, const char *text)
{
	char buffer[ADDR_TEXT_MAX];
	const char *name;
	struct addr addr;

	if (!canonical(text, &addr, buffer, &name, NULL))
		name = text;
	struct entry *e = find(g, name);
	if (e == NULL)
		return false;
	drop(g, e);
	return true;
}

const char *
ignore_text(const struct ignore *g, const char *text)
{
	char buffer[ADDR_TEXT_MAX];
	const char *name;
	struct addr addr;

	if (!canonical(text, &addr, buffer, &name, NULL))
		name = text;
	const struct entry *e = find(g, name);
	return e != NULL ? e->text : NULL;
}

void
ignore_shift(struct ignore *g, double seconds)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->entries[i].until >= 0)
			g->entries[i].until += seconds;
}

void
ignore_clear_lasting(struct ignore *g)
{
	for (size_t i = g->count; i-- > 0;)
		if (g->entries[i].until < 0)
			drop(g, &g->entries[i]);
}

void
ignore_set_name(struct ignore *g, const char *name, const struct addr *addrs, size_t count)
{
	struct entry *e = find(g, name);

	if (e == NULL || e->addr.family != 0)
		return;
	free(e->found);
	e->found = xcalloc(count, sizeof *addrs);
	if (count != 0)
		memcpy(e->found, addrs, count * sizeof *addrs);
	e->n_found = count;
}

void
ignore_each_name(const struct ignore *g, void (*fn)(void *arg, const char *name), void *arg)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->entries[i].addr.family == 0)
			fn(arg, g->entries[i].text);
}

const char *
ignore_why_name(enum ignore_why why)
{
	return why == IGNORE_DNS ? "dns" : "ip";
}

enum ignore_why
ignore_check(const struct ignore *g, const char *id, const struct addr *a)
{
	if (g->count == 0) /* asked for each failure and jail, and most lists are empty */
		return IGNORE_NOT;
	double mono = clock_monotonic(g->clock);
	for (size_t i = 0; i < g->count; i++) {
		const struct entry *e = &g->entries[i];
		if (e->until >= 0 && e->end_mono <= mono)
			continue;
		if (strcmp(e->text, id) == 0)
			return IGNORE_IP;
		if (a->family == 0)
			continue;
		if (e->addr.family != 0 && addr_contains(&e->addr, a))
			return IGNORE_IP;
		for (size_t k = 0; k < e->n_found; k++)
			if (addr_equal(&e->found[k], a))
				return IGNORE_DNS;
	}
	return IGNORE_NOT;
}

char *
ignore_pop_expired(struct ignore *g)
{
	double mono = clock_monotonic(g->clock);

	for (size_t i = 0; i < g->count; i++)
		if (g->entries[i].until >= 0 && g->entries[i].end_mono <= mono) {
			char *text = xstrdup(g->entries[i].text);
			drop(g, &g->entries[i]);
			return text;
		}
	return NULL;
}

void
ignore_list(const struct ignore *g, struct value *list, struct value *untils)
{
	/* compat: getIgnoreIP: networks and names first, then single addresses */
	for (int single = 0; single < 2; single++)
		for (size_t i = 0; i < g->count; i++) {
			if (addr_is_host(&g->entries[i].addr) != single)
				continue;
			value_push(list, value_str(g->entries[i].text));
			if (untils != NULL)
				value_push(untils, value_float(g->entries[i].until));
		}
}

size_t
ignore_count(const struct ignore *g)
{
	return g->count;
}
