#include "base/value.h"

#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SEQ_ROOM 4 /* members that stand in one piece with their list: most commands have about as many */

static struct value *
value_new(enum value_kind kind)
{
	struct value *v = xcalloc(1, sizeof *v);

	v->kind = kind;
	return v;
}

/* With room for members, and for so many bytes of their own behind it. */
static struct value *
seq_new_sized(enum value_kind kind, size_t room, size_t bytes)
{
	size_t size = sizeof(struct value) + room * sizeof(struct value *) + bytes;
	struct value *v = xmalloc(size);

	assert(size <= UINT32_MAX); /* they are words */
	v->kind = kind;
	v->piece = bytes != 0 ? (uint32_t)size : 0;
	v->seq.items = (struct value **)(v + 1);
	v->seq.count = 0;
	v->seq.room = room;
	return v;
}

static struct value *
seq_new(enum value_kind kind)
{
	return seq_new_sized(kind, SEQ_ROOM, 0);
}

static bool
is_in_one_piece(const struct value *v)
{
	return v->seq.items == (struct value *const *)(v + 1);
}

static bool
is_in_piece(const struct value *list, const struct value *item)
{
	return (uintptr_t)item - (uintptr_t)list < list->piece;
}

static void
member_free(const struct value *list, struct value *item)
{
	if (!is_in_piece(list, item))
		value_free(item);
}

struct value *
value_none(void)
{
	return value_new(VALUE_NONE);
}

struct value *
value_bool(bool truth)
{
	struct value *v = value_new(VALUE_BOOL);

	v->truth = truth;
	return v;
}

struct value *
value_int(int64_t integer)
{
	struct value *v = value_new(VALUE_INT);

	v->integer = integer;
	return v;
}

struct value *
value_float(double real)
{
	struct value *v = value_new(VALUE_FLOAT);

	v->real = real;
	return v;
}

/* A string whose bytes stand right behind it: v has room for them and a NUL. */
static struct value *
make_str(struct value *v, const char *bytes, size_t len)
{
	v->kind = VALUE_STR;
	v->text.bytes = (char *)(v + 1);
	v->text.len = len;
	memcpy(v->text.bytes, bytes, len);
	v->text.bytes[len] = '\0';
	return v;
}

struct value *
value_strn(const char *bytes, size_t len)
{
	return make_str(xmalloc(sizeof(struct value) + len + 1), bytes, len); /* in one piece: most values are short strings */
}

struct value *
value_str(const char *text)
{
	return value_strn(text, strlen(text));
}

struct value *
value_strf(const char *format, ...)
{
	struct str s = {0};
	va_list args;

	va_start(args, format);
	str_addv(&s, format, args);
	va_end(args);
	struct value *v = value_new(VALUE_STR);
	v->text.len = s.len;
	v->text.bytes = str_take(&s);
	return v;
}

struct value *
value_list(void)
{
	return seq_new(VALUE_LIST);
}

struct value *
value_tuple(void)
{
	return seq_new(VALUE_TUPLE);
}

struct value *
value_set(void)
{
	return seq_new(VALUE_SET);
}

struct value *
value_dict(void)
{
	return seq_new(VALUE_DICT);
}

static bool
is_seq(const struct value *v)
{
	return v != NULL && v->kind >= VALUE_LIST;
}

static size_t
slots(const struct value *v)
{
	return v->kind == VALUE_DICT ? v->seq.count * 2 : v->seq.count;
}

static void
grow(struct value *v, size_t want)
{
	if (want <= v->seq.room)
		return;
	size_t room = v->seq.room < SEQ_ROOM ? SEQ_ROOM : v->seq.room * 2;
	if (is_in_one_piece(v)) {
		struct value **items = xreallocarray(NULL, room, sizeof *items);
		memcpy(items, v->seq.items, v->seq.room * sizeof *items);
		v->seq.items = items;
	} else {
		v->seq.items = xreallocarray(v->seq.items, room, sizeof *v->seq.items);
	}
	v->seq.room = room;
}

void
value_push(struct value *list, struct value *item)
{
	grow(list, list->seq.count + 1);
	list->seq.items[list->seq.count++] = item;
}

void
value_put(struct value *dict, const char *key, struct value *item)
{
	for (size_t i = 0; i < dict->seq.count; i++)
		if (value_text_is(dict->seq.items[2 * i], key)) {
			value_free(dict->seq.items[2 * i + 1]);
			dict->seq.items[2 * i + 1] = item;
			return;
		}
	grow(dict, slots(dict) + 2);
	dict->seq.items[slots(dict)] = value_str(key);
	dict->seq.items[slots(dict) + 1] = item;
	dict->seq.count++;
}

/* Bytes of a string of the list, such that the next one stands right. */
static size_t
word_size(size_t len)
{
	const size_t align = _Alignof(struct value);

	return (sizeof(struct value) + len + align) / align * align;
}

struct value *
value_words(const char *first, ...)
{
	va_list args;
	size_t n = 0, size = 0;

	va_start(args, first);
	for (const char *word = first; word != NULL; word = va_arg(args, const char *)) {
		n++;
		size += word_size(strlen(word));
	}
	va_end(args);
	size_t room = n + 1 > SEQ_ROOM ? n + 1 : SEQ_ROOM; /* mostly one more comes */
	struct value *list = seq_new_sized(VALUE_LIST, room, size);
	char *at = (char *)(list->seq.items + room);
	va_start(args, first);
	for (const char *word = first; word != NULL; word = va_arg(args, const char *)) {
		size_t len = strlen(word);
		list->seq.items[list->seq.count++] = make_str((struct value *)at, word, len);
		at += word_size(len);
	}
	va_end(args);
	return list;
}

struct value *
value_dup(const struct value *v)
{
	if (v == NULL)
		return NULL;
	if (v->kind == VALUE_STR)
		return value_strn(v->text.bytes, v->text.len);
	if (!is_seq(v)) {
		struct value *copy = value_new(v->kind);
		*copy = *v;
		return copy;
	}
	struct value *copy = seq_new(v->kind);
	copy->seq.count = v->seq.count;
	if (slots(v) > SEQ_ROOM) {
		copy->seq.items = xcalloc(slots(v), sizeof *copy->seq.items);
		copy->seq.room = slots(v);
	}
	for (size_t i = 0; i < slots(v); i++)
		copy->seq.items[i] = value_dup(v->seq.items[i]);
	return copy;
}

void
value_free(struct value *v)
{
	if (v == NULL)
		return;
	if (v->kind == VALUE_STR && v->text.bytes != (char *)(v + 1))
		free(v->text.bytes);
	if (is_seq(v)) {
		for (size_t i = 0; i < slots(v); i++)
			member_free(v, v->seq.items[i]);
		if (!is_in_one_piece(v))
			free(v->seq.items);
	}
	free(v);
}

size_t
value_size(const struct value *v)
{
	size_t size = sizeof *v + (v->kind == VALUE_STR ? v->text.len : 0);

	if (!is_seq(v))
		return size;
	size += v->piece + slots(v) * sizeof v;
	for (size_t i = 0; i < slots(v); i++)
		if (!is_in_piece(v, v->seq.items[i]))
			size += value_size(v->seq.items[i]);
	return size;
}

void
value_clear(struct value *list)
{
	while (list->seq.count != 0)
		member_free(list, list->seq.items[--list->seq.count]);
}

bool
value_is_list(const struct value *v)
{
	return v != NULL && (v->kind == VALUE_LIST || v->kind == VALUE_TUPLE);
}

size_t
value_count(const struct value *v)
{
	return is_seq(v) ? v->seq.count : 0;
}

const struct value *
value_at(const struct value *list, size_t i)
{
	return is_seq(list) && list->kind != VALUE_DICT && i < list->seq.count ? list->seq.items[i] : NULL;
}

const struct value *
value_get(const struct value *dict, const char *key)
{
	if (dict == NULL || dict->kind != VALUE_DICT)
		return NULL;
	for (size_t i = 0; i < dict->seq.count; i++)
		if (value_text_is(dict->seq.items[2 * i], key))
			return dict->seq.items[2 * i + 1];
	return NULL;
}

const char *
value_text(const struct value *v)
{
	return v != NULL && v->kind == VALUE_STR ? v->text.bytes : NULL;
}

bool
value_text_is(const struct value *v, const char *text)
{
	size_t len = strlen(text);

	return v != NULL && v->kind == VALUE_STR && v->text.len == len &&
	    memcmp(v->text.bytes, text, len) == 0;
}

static bool
set_holds(const struct value *set, const struct value *item)
{
	for (size_t i = 0; i < set->seq.count; i++)
		if (value_equal(set->seq.items[i], item))
			return true;
	return false;
}

bool
value_equal(const struct value *a, const struct value *b)
{
	if (a == NULL || b == NULL || a->kind != b->kind)
		return a == b;
	switch (a->kind) {
	case VALUE_NONE:
		return true;
	case VALUE_BOOL:
		return a->truth == b->truth;
	case VALUE_INT:
		return a->integer == b->integer;
	case VALUE_FLOAT:
		return a->real == b->real;
	case VALUE_STR:
		return a->text.len == b->text.len &&
		    memcmp(a->text.bytes, b->text.bytes, a->text.len) == 0;
	case VALUE_LIST:
	case VALUE_TUPLE:
	case VALUE_SET:
	case VALUE_DICT:
		break;
	}
	if (a->seq.count != b->seq.count)
		return false;
	for (size_t i = 0; i < a->seq.count; i++) {
		if (a->kind == VALUE_SET) {
			if (!set_holds(b, a->seq.items[i]))
				return false;
		} else if (a->kind == VALUE_DICT) {
			const struct value *key = a->seq.items[2 * i];
			if (!value_equal(a->seq.items[2 * i + 1], value_get(b, key->text.bytes)))
				return false;
		} else if (!value_equal(a->seq.items[i], b->seq.items[i])) {
			return false;
		}
	}
	return true;
}
