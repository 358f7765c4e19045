/* Bytes and transactions made by hand, for the tests of the chain room and of block-verify. */
#ifndef BLOCKSYNC_TESTS_CHAIN_MAKE_TX_H
#define BLOCKSYNC_TESTS_CHAIN_MAKE_TX_H

#include <assert.h>
#include <stdlib.h>

#include "common/chain/hash.h"
#include "common/chain/key.h"
#include "common/chain/tx.h"

#define MADE_CHAIN 0x80000000u

struct bytes { uint8_t p[4096]; size_t n; };

static inline void add(struct bytes *b, const void *p, size_t n)
{
	assert(b->n + n <= sizeof(b->p));
	memcpy(b->p + b->n, p, n);
	b->n += n;
}
static inline void add_u8(struct bytes *b, uint8_t v) { add(b, &v, 1); }
static inline void add_u16(struct bytes *b, uint16_t v)
{
	uint8_t p[2];
	put_be16(p, v);
	add(b, p, 2);
}
static inline void add_u32(struct bytes *b, uint32_t v)
{
	uint8_t p[4];
	put_be32(p, v);
	add(b, p, 4);
}
static inline void add_u64(struct bytes *b, uint64_t v)
{
	uint8_t p[8];
	put_be64(p, v);
	add(b, p, 8);
}
static inline void add_fill(struct bytes *b, int c, size_t n)
{
	assert(b->n + n <= sizeof(b->p));
	memset(b->p + b->n, c, n);
	b->n += n;
}

static inline void made_secret(uint8_t secret[32], int n)
{
	memset(secret, 0, 32);
	secret[31] = (uint8_t)n;
}
static inline void made_hash160(uint8_t hash[HASH160_LEN], int n)
{
	uint8_t secret[32], key[KEY_LEN];

	made_secret(secret, n);
	assert(key_public(key, secret) == 0);
	hash_hash160(hash, key, KEY_LEN);
}

/* Version to post-conditions of a single-signature transaction. */
static inline void tx_head(struct bytes *b, uint8_t version, uint32_t chain, uint8_t anchor,
    uint64_t nonce)
{
	add_u8(b, version);
	add_u32(b, chain);
	add_u8(b, 4);
	add_u8(b, 0);
	add_fill(b, 0x11, 20);
	add_u64(b, nonce);
	add_u64(b, 180);
	add_u8(b, 0);
	add_fill(b, 0, 65);
	add_u8(b, anchor);
	add_u8(b, 2);
	add_u32(b, 0);
}

static inline void tx_transfer(struct bytes *b, uint64_t nonce)
{
	tx_head(b, 0x80, MADE_CHAIN, 3, nonce);
	add(b, "\0\x05\x16", 3);
	add_fill(b, 0x22, 20);
	add_u64(b, 1000);
	add_fill(b, 0, 34);
}

static inline void tx_coinbase(struct bytes *b)
{
	tx_head(b, 0x80, MADE_CHAIN, 1, 7);
	add_u8(b, TX_COINBASE_VRF);
	add_fill(b, 0, 32);
	add_u8(b, 0x09);
	add_fill(b, 1, 80 - 32);
	add_fill(b, 0, 32);
}

static inline void tx_old_coinbase(struct bytes *b)
{
	tx_head(b, 0x80, MADE_CHAIN, 1, 7);
	add_u8(b, TX_COINBASE);
	add_fill(b, 0, 32);
}

static inline void tx_change(struct bytes *b, const struct tenure_change *c)
{
	tx_head(b, 0x80, MADE_CHAIN, 3, 6);
	add_u8(b, TX_TENURE_CHANGE);
	add(b, c->tenure, CH_LEN);
	add(b, c->prev_tenure, CH_LEN);
	add(b, c->burn_view, CH_LEN);
	add(b, c->prev_end, ID_LEN);
	add_u32(b, c->prev_blocks);
	add_u8(b, c->cause);
	add(b, c->pubkey_hash, HASH160_LEN);
}

#endif
