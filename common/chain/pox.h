/* PoX inventories of epoch 2.x: a bit a reward cycle from cycle 0 on, 1 where the anchor block that
 * the cycle goes by is known (spec/sync.md A.1, A.2).  Vectors as in bitvec.h. */
#ifndef BLOCKSYNC_CHAIN_POX_H
#define BLOCKSYNC_CHAIN_POX_H

#include "common/chain/bitvec.h"
#include "common/chain/network.h"

/* Bits that a node at this burn tip has of the whole vector: (h - F - 1) / L + 2; one at or below
 * the first burn height; UINT64_MAX: a height that no burnchain reaches. */
uint64_t pox_count(const struct network *, uint64_t burn_tip);
/* Our own vector: all ones, since we follow the chain whose anchor blocks are all known.
 * bits: bitvec_bytes(n). */
void pox_own(uint8_t *bits, uint32_t n);
/* Compare two vectors both ways.  False: they are the same.  True: *cycle is the lowest cycle where
 * one has a bit that the other has not, or where one of them ends. */
bool pox_disagree(const uint8_t *a, uint32_t n_a, const uint8_t *b, uint32_t n_b, uint32_t *cycle);
/* Take an answer of n bits from cycle `from` on, which overwrites, into a vector of *have bits with
 * room for `room`; what does not fit is dropped, and cycles that were never asked about are 0.
 * Returns the lowest cycle whose bit was known as 0 and is 1 now: all that was said of blocks from
 * it on is void (pox_stands).  UINT32_MAX: none. */
uint32_t pox_merge(
    uint8_t *bits, uint32_t *have, uint32_t room, uint32_t from, const uint8_t *answer, uint32_t n);
/* Whether a bit of INV_BLOCKS or INV_MICROBLOCKS still means something where the views differ from
 * `cycle` on: those of the cycle itself begin at F + cL + 1 (mod 1). */
bool pox_stands(const struct network *, uint32_t cycle, uint64_t burn_height);

#endif
