/*
 * mem: allocation that cannot fail, and an arena.
 *
 * Out of memory ends the process: everything that must survive is in the kernel or in
 * sqlite, and no caller could do better. xmalloc(0) returns a valid pointer.
 * What these return is freed by free(3).
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
/* count * size, checked for overflow: for growing arrays. */
void *xreallocarray(void *old, size_t count, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t len); /* copies exactly len bytes, adds NUL */
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *xjoin(const char *first, ...) __attribute__((sentinel)); /* texts one behind the other, up to NULL */

/* Bump allocator: freed as a whole. For what is built once and dropped together. */
struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a); /* NULL is fine */
void arena_reset(struct arena *a); /* gives up all that was taken */
void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned for any type */
char *arena_strdup(struct arena *a, const char *text);
char *arena_strndup(struct arena *a, const char *text, size_t len);
char *arena_join(struct arena *a, const char *first, ...) __attribute__((sentinel)); /* as xjoin() */
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
