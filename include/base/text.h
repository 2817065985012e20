/*
 * text: UTF-8, columns, and the one function that makes foreign bytes safe for a terminal.
 *
 * Everything that came from a log, DNS, a socket, a file name or a command is hostile until it
 * went through text_clean(). Widths follow wcwidth(3) of the C library under a UTF-8 locale.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define TEXT_MAX_COMBINING 2 /* marks kept per base character; more are dropped */

/* Decodes one code point; returns its length in bytes, 0 if it is not valid UTF-8 (RFC 3629). len >= 1. */
size_t text_decode(const char *bytes, size_t len, uint32_t *point);
void text_encode(uint32_t point, struct str *out);

/* As Python's str.isprintable(): not a control, format, surrogate, private, unassigned or separator, but the blank is. */
bool text_is_printable(uint32_t point);

/* What one input unit becomes on a terminal. */
struct text_cell {
	char bytes[24];  /* NUL-terminated UTF-8: the character with its marks, or an escape such as \x1b or \u202e */
	uint8_t len;     /* bytes */
	uint8_t cols;    /* columns that it takes */
	bool is_escape;  /* draw it in reverse, so that a typed \x1b differs from a real one */
};

/*
 * Takes the next unit from bytes (len >= 1) and returns how many input bytes it used (>= 1).
 * ascii_only: every code point above 0x7e is escaped as well (for locales that are not UTF-8).
 */
size_t text_next(const char *bytes, size_t len, bool ascii_only, struct text_cell *cell);

/* Appends the cleaned form of all bytes. */
void text_clean(const char *bytes, size_t len, bool ascii_only, struct str *out);
void text_clean_z(const char *text, struct str *out); /* of a NUL-terminated one, UTF-8 kept */

/* A JSON string of any bytes; what is not UTF-8 becomes U+FFFD. New reference. */
json_t *text_json(const char *bytes, size_t len);
/* Appends bytes with each invalid one replaced by U+FFFD. */
void text_to_utf8(const char *bytes, size_t len, struct str *out);

/*
 * What was in the place of each U+FFFD of a text, in order: pieces of a length byte and so many bytes. So a reader
 * may replace bytes that are no text, and who shows the text to somebody can still tell them.
 */
void text_note(struct str *raw, const char *bytes, size_t len); /* appends one piece; at most 255 bytes are kept */
bool text_note_next(struct slice *raw, struct slice *piece);    /* takes the first piece; false: none is left */
/* As text_to_utf8(), and notes. */
void text_to_utf8_noting(const char *bytes, size_t len, struct str *out, struct str *raw);
/* The way back, over the wire: raw is a list of the pieces in hex, NULL or not well formed: U+FFFD stays. */
void text_restore(const char *bytes, size_t len, const json_t *raw, struct str *out);

#endif
