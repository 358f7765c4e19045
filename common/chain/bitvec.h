/* Bit vectors of inventories: bit i is byte i/8, mask 1 << i%8 (spec/wire.md 1,
 * spec/blocks.md 6.3). */
#ifndef BLOCKSYNC_CHAIN_BITVEC_H
#define BLOCKSYNC_CHAIN_BITVEC_H

#include "common/chain/bytes.h"

static inline bool bitvec_get(const uint8_t *bits, uint32_t n, uint32_t i)
{
	return i < n && bits[i / 8] >> (i % 8) & 1;
}
static inline void bitvec_set(uint8_t *bits, uint32_t i)
{
	bits[i / 8] |= (uint8_t)(1u << (i % 8));
}
static inline void bitvec_clear(uint8_t *bits, uint32_t i)
{
	bits[i / 8] &= (uint8_t) ~(1u << (i % 8));
}
static inline size_t bitvec_bytes(uint32_t n) { return (n + 7u) / 8; }
/* Next set bit at or after i, or -1. */
int64_t bitvec_next(const uint8_t *bits, uint32_t n, uint32_t i);
uint32_t bitvec_count(const uint8_t *bits, uint32_t n);

/* Take n bits of `from` into `into` from its bit `at` on.  clear: they overwrite, as an answer
 * does; else they only set, as an announcement does.  Returns how many are new. */
uint32_t bitvec_merge(uint8_t *into, uint32_t at, const uint8_t *from, uint32_t n, bool clear);

#endif
