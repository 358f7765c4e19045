/* Which burn height each bit of an inventory is about: the only place that knows how the bits of a
 * cycle are aligned (spec/blocks.md 6.3).  F is the network's first burn height, L the length of a
 * cycle. */
#ifndef BLOCKSYNC_CHAIN_INVENTORY_H
#define BLOCKSYNC_CHAIN_INVENTORY_H

#include "common/chain/network.h"
#include "enums.h"	/* generated: enum inventory_kind */

/* What the bits of a vector of a kind say.  A cycle c has L bits of the first three kinds:
 *   INV_TENURES      NakamotoInv: bit i is burn height F + cL + i
 *   INV_BLOCKS       BlocksInv, anchored blocks: bit i is burn height F + cL + 1 + i
 *   INV_MICROBLOCKS  BlocksInv, the stream that the block of that height confirms: the same
 *   INV_POX          PoxInv: a bit a cycle, bit i of a vector from cycle c is cycle c + i; its
 *                    burn height is the one whose consensus hash names that cycle */

/* Burn height of a bit of a cycle's vector. */
uint64_t inventory_height(const struct network *, enum inventory_kind, uint64_t cycle,
    uint32_t bit);
/* Height whose consensus hash names a cycle in GetNakamotoInv, GetBlocksInv and GetPoxInv. */
uint64_t inventory_query_height(const struct network *, uint64_t cycle);
/* The cycle and the bit of a burn height; of INV_POX, cycle 0 and the bit in a vector from there.
 * False, and both are 0: below the first bit of the first cycle. */
bool inventory_bit(const struct network *, enum inventory_kind, uint64_t burn_height,
    uint64_t *cycle, uint32_t *bit);
/* How many bits of a cycle's vector are at or below a burn height: 0 to L.  Not of INV_POX. */
uint32_t inventory_length(const struct network *, enum inventory_kind, uint64_t cycle,
    uint64_t burn_tip);

#endif
