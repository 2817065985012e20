#include "base/mem.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
check(void *p)
{
	if (p == NULL) {
		fputs("jailtop: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *
xmalloc(size_t size)
{
	return check(malloc(size != 0 ? size : 1));
}

void *
xcalloc(size_t count, size_t size)
{
	return check(calloc(count != 0 ? count : 1, size != 0 ? size : 1));
}

void *
xrealloc(void *old, size_t size)
{
	return check(realloc(old, size != 0 ? size : 1));
}

void *
xreallocarray(void *old, size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / size)
		check(NULL);
	return xrealloc(old, count * size);
}

char *
xstrdup(const char *text)
{
	return check(strdup(text));
}

char *
xstrndup(const char *text, size_t len)
{
	char *copy = xmalloc(len + 1);

	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *
xasprintf(const char *format, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, format);
	int n = vasprintf(&text, format, args);
	va_end(args);
	return check(n < 0 ? NULL : text);
}

/* Bytes of all of them, with a NUL. */
static size_t
joined_size(const char *first, va_list args)
{
	size_t size = 1;

	for (const char *text = first; text != NULL; text = va_arg(args, const char *))
		size += strlen(text);
	return size;
}

static char *
join(char *to, const char *first, va_list args)
{
	char *end = to;

	for (const char *text = first; text != NULL; text = va_arg(args, const char *))
		end = stpcpy(end, text);
	*end = '\0';
	return to;
}

char *
xjoin(const char *first, ...)
{
	va_list args;

	va_start(args, first);
	char *text = xmalloc(joined_size(first, args));
	va_end(args);
	va_start(args, first);
	join(text, first, args);
	va_end(args);
	return text;
}

/* ---- arena ---- */

#define ARENA_FIRST 960   /* of the first block: malloc has such at hand */
#define ARENA_BLOCK 8192

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct arena {
	struct arena_block *blocks; /* owned; the first one is being filled */
};

struct arena *
arena_new(void)
{
	return xcalloc(1, sizeof(struct arena));
}

static void
free_blocks(struct arena_block *b)
{
	while (b != NULL) {
		struct arena_block *next = b->next;
		free(b);
		b = next;
	}
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	free_blocks(a->blocks);
	free(a);
}

void
arena_reset(struct arena *a)
{
	free_blocks(a->blocks);
	a->blocks = NULL;
}

static void *
arena_take(struct arena *a, size_t size)
{
	const size_t align = _Alignof(max_align_t);

	if (size > SIZE_MAX - 2 * ARENA_BLOCK)
		check(NULL);
	size = (size + align - 1) / align * align;

	struct arena_block *b = a->blocks;
	if (b == NULL || b->size - b->used < size) {
		size_t usual = b == NULL ? ARENA_FIRST : ARENA_BLOCK, room = size > usual ? size : usual;
		b = xmalloc(sizeof *b + room);
		b->size = room;
		b->used = 0;
		b->next = a->blocks;
		a->blocks = b;
	}
	void *p = b->bytes + b->used;
	b->used += size;
	return p;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	return memset(arena_take(a, size), 0, size);
}

char *
arena_strndup(struct arena *a, const char *text, size_t len)
{
	char *copy = arena_take(a, len + 1);

	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *
arena_strdup(struct arena *a, const char *text)
{
	return arena_strndup(a, text, strlen(text));
}

char *
arena_join(struct arena *a, const char *first, ...)
{
	va_list args;

	va_start(args, first);
	char *text = arena_take(a, joined_size(first, args));
	va_end(args);
	va_start(args, first);
	join(text, first, args);
	va_end(args);
	return text;
}

char *
arena_printf(struct arena *a, const char *format, ...)
{
	va_list args, again;

	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	char *text = arena_alloc(a, (size_t)(n < 0 ? 0 : n) + 1);
	if (n > 0)
		vsnprintf(text, (size_t)n + 1, format, again);
	va_end(again);
	return text;
}
