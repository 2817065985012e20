/*
 * hash: for uthash tables that are asked for each log line or failure: eight bytes at a time instead of uthash's own,
 * byte by byte. Include it before <uthash.h>.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline unsigned
hash_bytes(const char *bytes, size_t len)
{
	uint64_t h = len * UINT64_C(0x9e3779b97f4a7c15), word;

	for (; len >= 8; bytes += 8, len -= 8) {
		memcpy(&word, bytes, 8);
		h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 32;
	}
	word = 0;
	if (len > 0)
		memcpy(&word, bytes, len);
	h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
	return (unsigned)(h ^ h >> 32);
}
#define HASH_FUNCTION(key, len, hash) ((hash) = hash_bytes((const char *)(key), (len)))

#endif
