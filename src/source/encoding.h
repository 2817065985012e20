/*
 * encoding: what the name of a text encoding means, as Python knows it: how lines are cut, and what makes UTF-8 of them.
 */
#ifndef SOURCE_ENCODING_H
#define SOURCE_ENCODING_H

#include <iconv.h>
#include <stdbool.h>
#include <stddef.h>

enum coding {
	CODING_UTF8,
	CODING_UTF8_SIG, /* compat: a byte order mark at the start of any line is no text */
	CODING_ASCII,
	CODING_LATIN1,
	CODING_TABLE, /* by iconv, a line feed is the byte 0x0a */
	CODING_WIDE,  /* by iconv, in units of 2 or 4 bytes */
};

struct encoding {
	enum coding coding;
	size_t unit;      /* bytes of a character, at least */
	bool is_big;      /* CODING_WIDE: most significant byte first */
	bool wants_mark;  /* a byte order mark may come, and decides */
	iconv_t iconv;    /* CODING_TABLE, CODING_WIDE; else (iconv_t)-1 */
};

/* False: nobody knows the name; there is nothing to close then. */
bool encoding_open(struct encoding *e, const char *name);
void encoding_close(struct encoding *e);
/* After a byte order mark of CODING_WIDE. */
void encoding_set_order(struct encoding *e, bool is_big);
char *encoding_of_locale(void); /* its name; the caller frees */

#endif
