/*
 * byteset: a set of bytes, 256 bits.
 */
#ifndef MATCH_BYTESET_H
#define MATCH_BYTESET_H

#include <stdbool.h>
#include <stdint.h>

#define BYTESET_SIZE 32

static inline void
byteset_add(uint8_t bits[BYTESET_SIZE], unsigned char c)
{
	bits[c / 8] |= (uint8_t)(1u << c % 8);
}

static inline bool
byteset_has(const uint8_t bits[BYTESET_SIZE], unsigned char c)
{
	return (bits[c / 8] >> c % 8 & 1) != 0;
}

#endif
