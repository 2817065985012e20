/*
 * filter: what / and \ take: an address or network, else a regular expression without case; !x inverts.
 * The one file of the screen that includes pcre2.h. Matching is limited, so that no pattern can hang the screen.
 */
#ifndef UI_FILTER_H
#define UI_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/err.h"

struct filter;

/* NULL and err ("bad regex at 4: …") when the text is none. */
struct filter *filter_new(const char *text, bool may_invert, struct err *err);
void filter_free(struct filter *f); /* NULL is fine */
/* addr: of the row, family 0 when it has none. */
bool filter_match(const struct filter *f, const struct addr *addr, const char *text, size_t len);
const char *filter_text(const struct filter *f); /* as typed */

#endif
