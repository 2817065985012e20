/*
 * addr: an IPv4 or IPv6 address or network, as the kernel and fail2ban write it.
 *
 * IPv4-mapped IPv6 (::ffff:a.b.c.d) becomes IPv4, as fail2ban does; a network inside that range
 * stays IPv6. Text is canonical by inet_ntop(3); a prefix is written only when it is not whole.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDR_TEXT_MAX 64 /* an address with its prefix, and the NUL */

struct addr {
	uint8_t family;    /* 4 or 6; 0: none */
	uint8_t prefix;    /* bits; 32 or 128 for one host */
	uint8_t bytes[16]; /* network order; the first 4 for IPv4; host bits are zero */
};

/* "192.0.2.1", "192.0.2.0/24", "192.0.2.0/255.255.255.0", "[2001:db8::1]", "2001:db8::/32". */
bool addr_parse(const char *text, struct addr *out);
bool addr_parsen(const char *text, size_t len, struct addr *out);
void addr_format(const struct addr *a, char text[ADDR_TEXT_MAX]);
bool addr_is_host(const struct addr *a); /* one host, not a network */
bool addr_equal(const struct addr *a, const struct addr *b);
int addr_compare(const struct addr *a, const struct addr *b); /* IPv4 first, then by number, then by prefix */
bool addr_contains(const struct addr *net, const struct addr *a); /* a, host or network, lies whole in net */
bool addr_mask(struct addr *a, unsigned prefix); /* widens to a network; false if prefix is out of range */

#endif
