/*
 * sieve: what / and \ take: an address or network, else a regular expression without case; !x inverts.
 * The one file of the screen that includes pcre2.h. Matching is limited, so that no pattern can hang the screen.
 */
#ifndef UI_SIEVE_H
#define UI_SIEVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/err.h"

struct sieve;

/* NULL and err ("bad regex at 4: …") when the text is none. */
struct sieve *sieve_new(const char *text, bool may_invert, struct err *err);
void sieve_free(struct sieve *f); /* NULL is fine */
/* addr: of the row, family 0 when it has none. */
bool sieve_match(const struct sieve *f, const struct addr *addr, const char *text, size_t len);
const char *sieve_text(const struct sieve *f); /* as typed */

#endif
