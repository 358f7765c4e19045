/* Anchored blocks of epoch 2.x made by hand: a block that keeps every rule until a test bends it.
 */
#ifndef BLOCKSYNC_TESTS_CHAIN_MAKE_EPOCH2_H
#define BLOCKSYNC_TESTS_CHAIN_MAKE_EPOCH2_H

#include "common/chain/epoch2.h"
#include "tests/unit/chain_make_tx.h"

/* What an anchored block is made of. */
struct made2 {
	uint64_t burn, height;
	uint8_t parent[32], tail[32], key[HASH160_LEN];
	uint16_t sequence;
	struct bytes tx[4];
	uint32_t n_txs;
	bool bad_root;
	struct bytes out;
	uint8_t hash[32];
};

/* A coinbase and a transfer, at height 9, confirming no microblocks. */
static inline void made2_block(struct made2 *m)
{
	memset(m, 0, sizeof(*m));
	m->burn = 5000;
	m->height = 9;
	memset(m->parent, 0x55, 32);
	memset(m->key, 0x66, HASH160_LEN);
	tx_old_coinbase(&m->tx[0]);
	tx_transfer(&m->tx[1], 1);
	m->n_txs = 2;
}

/* Merkle root and hash: m->out becomes the block. */
static inline void made2_seal(struct made2 *m)
{
	uint8_t txids[4][32], root[32];
	struct bytes *b = &m->out;

	for (uint32_t i = 0; i < m->n_txs; i++)
		hash_once(txids[i], m->tx[i].p, m->tx[i].n);
	hash_merkle_root(root, txids, m->n_txs);
	root[0] ^= m->bad_root;
	b->n = 0;
	add_u8(b, 0);
	add_u64(b, m->burn);
	add_u64(b, m->height);
	add_fill(b, 0x01, 80);
	add(b, m->parent, 32);
	add(b, m->tail, 32);
	add_u16(b, m->sequence);
	add(b, root, 32);
	add_fill(b, 0x77, 32);
	add(b, m->key, HASH160_LEN);
	hash_once(m->hash, b->p, b->n);
	assert(b->n == EPOCH2_HEADER);
	add_u32(b, m->n_txs);
	for (uint32_t i = 0; i < m->n_txs; i++)
		add(b, m->tx[i].p, m->tx[i].n);
}

#endif
