#include "sieve.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "base/mem.h"

#define SIEVE_STEPS 20000 /* match limit: about a millisecond */

struct sieve {
	char *text; /* owned */
	bool is_inverted;
	struct addr net; /* family 0: the expression decides */
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *limits;
};

struct sieve *
sieve_new(const char *text, bool may_invert, struct err *err)
{
	struct sieve *f = xcalloc(1, sizeof *f);
	const char *pattern = text;
	int code;
	size_t at;

	f->text = xstrdup(text);
	if (may_invert && *pattern == '!') {
		f->is_inverted = true;
		pattern++;
	}
	if (addr_parse(pattern, &f->net))
		return f;
	f->net.family = 0;
	f->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
	    PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_CASELESS | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
	if (f->code == NULL) {
		PCRE2_UCHAR why[256];
		pcre2_get_error_message(code, why, sizeof why);
		err_set(err, "bad regex at %zu: %s", at + (f->is_inverted ? 1 : 0), (const char *)why);
		sieve_free(f);
		return NULL;
	}
	f->data = pcre2_match_data_create_from_pattern(f->code, NULL);
	f->limits = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(f->limits, SIEVE_STEPS);
	return f;
}

void
sieve_free(struct sieve *f)
{
	if (f == NULL)
		return;
	pcre2_match_context_free(f->limits);
	pcre2_match_data_free(f->data);
	pcre2_code_free(f->code);
	free(f->text);
	free(f);
}

bool
sieve_match(const struct sieve *f, const struct addr *addr, const char *text, size_t len)
{
	bool is_match;

	if (f->net.family != 0)
		is_match = addr->family != 0 && (addr_contains(&f->net, addr) || addr_contains(addr, &f->net));
	else
		is_match = pcre2_match(f->code, (PCRE2_SPTR)text, len, 0, 0, f->data, f->limits) >= 0;
	return is_match != f->is_inverted;
}

const char *
sieve_text(const struct sieve *f)
{
	return f->text;
}
