/*
 * err: a reason a person can act on, filled in where the failure is noticed.
 *
 * Functions that can fail for such a reason return bool and take `struct err *` last.
 * The text names file:line, jail or option, starts lower case and ends without a full stop.
 * It is raw: clean it (base/text.h) before it reaches a terminal.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

struct err {
	char text[1024]; /* cut, never overrun */
};

/* Sets the text and returns false, so that `return err_set(err, ...)` reads well. err may be NULL. */
bool err_set(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#ifdef __clang_analyzer__ /* which cannot see that it never returns true */
#define err_set(...) ((void)(err_set)(__VA_ARGS__), false)
#endif

/* Puts "prefix: " before the text that is there. Returns false. */
bool err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
