/* Microblocks made by hand, signed by whom a test likes. */
#ifndef BLOCKSYNC_TESTS_CHAIN_MAKE_MICROBLOCK_H
#define BLOCKSYNC_TESTS_CHAIN_MAKE_MICROBLOCK_H

#include "common/chain/microblock.h"
#include "tests/unit/chain_make_tx.h"

/* Sign the microblock at b->p anew, as the key with this secret does. */
static inline void microblock_sign(struct bytes *b, int secret)
{
	uint8_t key[32], digest[32];

	made_secret(key, secret);
	memset(b->p + MICROBLOCK_HEADER - SIG_LEN, 0, SIG_LEN);
	hash_once(digest, b->p, MICROBLOCK_HEADER);
	assert(key_sign(b->p + MICROBLOCK_HEADER - SIG_LEN, key, digest) == 0);
}

/* The transactions, of which there are n, in a microblock on prev. */
static inline void made_microblock(struct bytes *b, uint16_t sequence, const uint8_t prev[32],
    const struct bytes *txs, uint32_t n, int secret)
{
	uint8_t txids[8][32], root[32];

	for (uint32_t i = 0; i < n; i++)
		hash_once(txids[i], txs[i].p, txs[i].n);
	hash_merkle_root(root, txids, n);
	b->n = 0;
	add_u8(b, 0);
	add_u16(b, sequence);
	add(b, prev, 32);
	add(b, root, 32);
	add_fill(b, 0, SIG_LEN);
	add_u32(b, n);
	for (uint32_t i = 0; i < n; i++)
		add(b, txs[i].p, txs[i].n);
	microblock_sign(b, secret);
}

static inline void made_microblock_hash(uint8_t hash[32], const struct bytes *b)
{
	hash_once(hash, b->p, MICROBLOCK_HEADER);
}

#endif
