#include "source/sha1.h"

#include <stdint.h>
#include <string.h>

static uint32_t
rotate_left(uint32_t word, unsigned bits)
{
	return word << bits | word >> (32 - bits);
}

/* One block of FIPS 180-4, section 6.1.2. */
static void
add_block(uint32_t state[5], const uint8_t block[64])
{
	uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
		    (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < 80; i++)
		w[i] = rotate_left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (int i = 0; i < 80; i++) {
		uint32_t mix, constant;

		if (i < 20) {
			mix = (b & c) | (~b & d);
			constant = 0x5a827999;
		} else if (i < 40) {
			mix = b ^ c ^ d;
			constant = 0x6ed9eba1;
		} else if (i < 60) {
			mix = (b & c) | (b & d) | (c & d);
			constant = 0x8f1bbcdc;
		} else {
			mix = b ^ c ^ d;
			constant = 0xca62c1d6;
		}
		uint32_t next = rotate_left(a, 5) + mix + e + constant + w[i];

		e = d;
		d = c;
		c = rotate_left(b, 30);
		b = a;
		a = next;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

void
sha1_hex(const void *bytes, size_t len, char text[SHA1_TEXT_MAX])
{
	static const char digits[] = "0123456789abcdef";
	uint32_t state[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	const uint8_t *at = bytes;
	size_t left = len;
	uint8_t last[128] = { 0 };
	size_t last_len;

	for (; left >= 64; at += 64, left -= 64)
		add_block(state, at);
	if (left)
		memcpy(last, at, left);
	last[left] = 0x80;
	last_len = left < 56 ? 64 : 128;
	for (int i = 0; i < 8; i++)
		last[last_len - 1 - (size_t)i] = (uint8_t)((uint64_t)len * 8 >> (8 * i));
	add_block(state, last);
	if (last_len == 128)
		add_block(state, last + 64);
	for (int i = 0; i < 40; i++)
		text[i] = digits[state[i / 8] >> (28 - 4 * (i % 8)) & 15];
	text[40] = '\0';
}
