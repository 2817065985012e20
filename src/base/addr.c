#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned
whole(const struct addr *a)
{
	return a->family == 4 ? 32 : 128;
}

static bool
parse_prefix(const char *text, const struct addr *a, unsigned *prefix)
{
	if (*text == '\0')
		return false;
	char *end;
	if (strspn(text, "0123456789") == strlen(text)) {
		unsigned long n = strtoul(text, &end, 10);
		if (strlen(text) > 3)
			return false;
		*prefix = n > whole(a) ? whole(a) : (unsigned)n; /* compat: "/33" is taken as the whole address */
		return true;
	}
	struct addr mask = {0};
	if (inet_pton(a->family == 4 ? AF_INET : AF_INET6, text, mask.bytes) != 1)
		return false;
	unsigned bits = 0, all = whole(a);
	while (bits < all && (mask.bytes[bits / 8] & (0x80u >> bits % 8)) != 0)
		bits++;
	for (unsigned i = bits; i < all; i++)
		if ((mask.bytes[i / 8] & (0x80u >> i % 8)) != 0)
			return false; /* not contiguous */
	*prefix = bits;
	return true;
}

bool
addr_parsen(const char *text, size_t len, struct addr *out)
{
	char copy[128];
	struct addr a = {0};

	if (len == 0 || len >= sizeof copy || memchr(text, '\0', len) != NULL)
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';

	char *host = copy, *slash = strchr(copy, '/');
	if (slash != NULL)
		*slash++ = '\0';
	size_t n = strlen(host);
	if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		host++;
	}
	if (inet_pton(AF_INET, host, a.bytes) == 1)
		a.family = 4;
	else if (inet_pton(AF_INET6, host, a.bytes) == 1)
		a.family = 6;
	else
		return false;
	a.prefix = (uint8_t)whole(&a);
	if (slash != NULL) {
		unsigned prefix;
		if (!parse_prefix(slash, &a, &prefix))
			return false;
		addr_mask(&a, prefix);
	}
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	if (a.family == 6 && a.prefix == 128 && memcmp(a.bytes, mapped, sizeof mapped) == 0) {
		memmove(a.bytes, a.bytes + 12, 4);
		memset(a.bytes + 4, 0, 12);
		a.family = 4;
		a.prefix = 32;
	}
	*out = a;
	return true;
}

bool
addr_parse(const char *text, struct addr *out)
{
	return addr_parsen(text, strlen(text), out);
}

static char *
put_octet(char *text, unsigned n)
{
	if (n >= 100)
		*text++ = (char)('0' + n / 100);
	if (n >= 10)
		*text++ = (char)('0' + n / 10 % 10);
	*text++ = (char)('0' + n % 10);
	return text;
}

static char *
put_group(char *text, unsigned n)
{
	static const char digits[] = "0123456789abcdef";

	for (int shift = 12; shift > 0; shift -= 4)
		if (n >> shift != 0)
			*text++ = digits[n >> shift & 15];
	*text++ = digits[n & 15];
	return text;
}

/* inet_ntop(3)'s text, at a tenth of its time: every failure's address passes here. */
static void
format_host(const struct addr *a, char *text)
{
	unsigned group[8];
	int best = -1, best_len = 1;

	if (a->family == 4) {
		for (int i = 0; i < 4; i++) {
			text = put_octet(text, a->bytes[i]);
			*text++ = i < 3 ? '.' : '\0';
		}
		return;
	}
	for (int i = 0; i < 8; i++)
		group[i] = (unsigned)a->bytes[2 * i] << 8 | a->bytes[2 * i + 1];
	for (int i = 0, run = 0; i < 8; i++) {
		run = group[i] == 0 ? run + 1 : 0;
		if (run > best_len) {
			best_len = run;
			best = i - run + 1;
		}
	}
	if (best == 0 && (best_len == 6 || (best_len == 5 && group[5] == 0xffff) || (best_len == 7 && group[7] != 1))) {
		inet_ntop(AF_INET6, a->bytes, text, ADDR_TEXT_MAX); /* with an IPv4 address at its end */
		return;
	}
	for (int i = 0; i < 8; i++) {
		if (i == best) {
			*text++ = ':';
			i += best_len - 1;
			if (i == 7)
				*text++ = ':';
			continue;
		}
		if (i > 0)
			*text++ = ':';
		text = put_group(text, group[i]);
	}
	*text = '\0';
}

void
addr_format(const struct addr *a, char text[ADDR_TEXT_MAX])
{
	text[0] = '\0';
	if (a->family == 0)
		return;
	format_host(a, text);
	if (!addr_is_host(a))
		snprintf(text + strlen(text), ADDR_TEXT_MAX - strlen(text), "/%u", a->prefix);
}

bool
addr_is_host(const struct addr *a)
{
	return a->family != 0 && a->prefix == whole(a);
}

int
addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	int order = memcmp(a->bytes, b->bytes, sizeof a->bytes);
	if (order != 0)
		return order;
	return (int)a->prefix - (int)b->prefix;
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_compare(a, b) == 0;
}

bool
addr_mask(struct addr *a, unsigned prefix)
{
	if (prefix > whole(a))
		return false;
	for (unsigned i = 0; i < sizeof a->bytes; i++) {
		unsigned from = i * 8;
		if (from >= prefix)
			a->bytes[i] = 0;
		else if (prefix - from < 8)
			a->bytes[i] &= (uint8_t)(0xff00u >> (prefix - from));
	}
	a->prefix = (uint8_t)prefix;
	return true;
}

bool
addr_contains(const struct addr *net, const struct addr *a)
{
	if (net->family == 0 || net->family != a->family || a->prefix < net->prefix)
		return false;
	struct addr masked = *a;
	addr_mask(&masked, net->prefix);
	return memcmp(masked.bytes, net->bytes, sizeof net->bytes) == 0;
}
