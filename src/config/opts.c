#include "config/opts.h"

#include "config/ini.h"

#include <stdlib.h>
#include <string.h>

const char opts_none[] = "\001none";

void
opts_done(struct opts *o)
{
	free(o->at);
	*o = (struct opts){0};
}

uint32_t
opts_hash(const char *text)
{
	uint32_t h = 2166136261u;

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * 16777619u;
	return h;
}

static bool
is_seen(const struct opts *o, uint32_t hash)
{
	return (o->seen[hash >> 6 & 3] >> (hash & 63) & 1) != 0;
}

static void
mark_seen(struct opts *o, uint32_t hash)
{
	o->seen[hash >> 6 & 3] |= UINT64_C(1) << (hash & 63);
}

static struct opt *
find(const struct opts *o, const char *key, uint32_t hash)
{
	if (!is_seen(o, hash))
		return NULL;
	for (size_t i = 0; i < o->count; i++)
		if (o->at[i].hash == hash && strcmp(o->at[i].key, key) == 0)
			return &o->at[i];
	return NULL;
}

const struct opt *
opts_find(const struct opts *o, const char *key)
{
	return find(o, key, opts_hash(key));
}

const struct opt *
opts_find_hashed(const struct opts *o, const char *key, uint32_t hash)
{
	return find(o, key, hash);
}

const char *
opts_text(const struct opts *o, const char *key)
{
	const struct opt *one = opts_find(o, key);

	return one != NULL && one->kind == VALUE_STR ? one->text : NULL;
}

const struct opt *
opts_find_lower(const struct opts *o, size_t count, const char *lower, uint32_t hash)
{
	if (!is_seen(o, hash))
		return NULL;
	for (size_t i = count; i-- > 0;)
		if (o->at[i].lower_hash == hash && strcmp(o->at[i].lower, lower) == 0)
			return &o->at[i];
	return NULL;
}

bool
opts_is_lower(const char *key)
{
	for (; *key != '\0'; key++)
		if ((*key >= 'A' && *key <= 'Z') || (*key & 0x80) != 0)
			return false;
	return true;
}

static struct opt *
add(struct opts *o, const struct opt *one)
{
	if (o->count == o->room) {
		o->room = o->room == 0 ? 16 : o->room * 2;
		o->at = xreallocarray(o->at, o->room, sizeof *o->at);
	}
	mark_seen(o, one->hash);
	mark_seen(o, one->lower_hash);
	o->at[o->count] = *one;
	return &o->at[o->count++];
}

static struct opt *
place_for(struct opts *o, struct arena *a, const char *key)
{
	uint32_t hash = opts_hash(key);
	struct opt *found = find(o, key, hash);

	if (found != NULL)
		return found;
	struct opt one = {.key = key, .lower = key, .hash = hash, .lower_hash = hash};
	if (!opts_is_lower(key)) {
		struct str lower = {0};
		ini_lower(key, strlen(key), &lower);
		one.lower = arena_strdup(a, str_text(&lower));
		one.lower_hash = opts_hash(one.lower);
		str_done(&lower);
	}
	return add(o, &one);
}

void
opts_add(struct opts *o, const struct opt *one)
{
	add(o, one);
}

void
opts_put_text(struct opts *o, const struct opt *one)
{
	struct opt *place = find(o, one->key, one->hash);

	if (place == NULL)
		place = add(o, one);
	place->kind = VALUE_STR;
	place->text = one->text;
}

void
opts_put(struct opts *o, struct arena *a, const char *key, const char *text)
{
	struct opt *one = place_for(o, a, key);

	one->kind = VALUE_STR;
	one->text = text;
}

void
opts_put_none(struct opts *o, struct arena *a, const char *key)
{
	struct opt *one = place_for(o, a, key);

	one->kind = VALUE_NONE;
	one->text = opts_none;
}

void
opts_put_bool(struct opts *o, struct arena *a, const char *key, bool truth)
{
	struct opt *one = place_for(o, a, key);

	one->kind = VALUE_BOOL;
	one->number = truth;
	one->text = truth ? "True" : "False";
}

void
opts_put_int(struct opts *o, struct arena *a, const char *key, int64_t number)
{
	struct opt *one = place_for(o, a, key);
	struct str text = {0};

	str_addi(&text, number);
	one->kind = VALUE_INT;
	one->number = number;
	one->text = arena_strndup(a, str_text(&text), text.len);
	str_done(&text);
}

void
opts_copy(struct opts *to, const struct opts *from)
{
	*to = *from;
	to->room = from->count + 16;
	to->at = xreallocarray(NULL, to->room, sizeof *to->at);
	if (from->count != 0)
		memcpy(to->at, from->at, from->count * sizeof *to->at);
}

void
opts_from_spec(struct opts *o, struct arena *a, const struct spec *spec)
{
	for (size_t i = 0; i < spec->count; i++)
		opts_put(o, a, arena_strdup(a, spec->keys[i]), arena_strdup(a, spec->values[i]));
}

struct value *
opts_value(const struct opt *o)
{
	switch (o->kind) {
	case VALUE_BOOL:
		return value_bool(o->number != 0);
	case VALUE_INT:
		return value_int(o->number);
	case VALUE_NONE:
		return value_none();
	default:
		return value_str(o->text);
	}
}
