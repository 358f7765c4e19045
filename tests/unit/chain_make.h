/* Nakamoto blocks made by hand, for the tests of the chain room and of block-verify: a network, a
 * miner, five signers of weight 10 to 14 (70 % of 60 is 42), and a block that keeps every rule
 * until a test bends it. */
#ifndef BLOCKSYNC_TESTS_CHAIN_MAKE_H
#define BLOCKSYNC_TESTS_CHAIN_MAKE_H

#include "common/chain/proof.h"
#include "tests/unit/chain_make_tx.h"

#define MADE_SIGNERS 5

/* What a block is made of. */
struct made {
	uint8_t version;
	uint64_t height, burn_spent;
	uint8_t ch[CH_LEN], parent[ID_LEN];
	struct bytes tx[4];
	uint32_t n_txs;
	bool bad_root;
	uint32_t marker[2];
	uint32_t n_markers;
	int miner;			/* secret of the miner */
	/* index into the set, in the order of signing; -1: a stranger, -2: no signature */
	int signer[MADE_SIGNERS + 3];
	uint32_t n_signers;
	struct bytes out;
};

/* The signers' secrets 10 to 14, in the order of their keys. */
static inline void made_signers(int secrets[MADE_SIGNERS], uint8_t keys[MADE_SIGNERS][KEY_LEN])
{
	for (int i = 0; i < MADE_SIGNERS; i++) {
		uint8_t secret[32], key[KEY_LEN];
		int at = i;

		made_secret(secret, 10 + i);
		assert(key_public(key, secret) == 0);
		for (; at > 0 && memcmp(keys[at - 1], key, KEY_LEN) > 0; at--) {
			memcpy(keys[at], keys[at - 1], KEY_LEN);
			secrets[at] = secrets[at - 1];
		}
		memcpy(keys[at], key, KEY_LEN);
		secrets[at] = 10 + i;
	}
}

static inline void made_set(struct signer_set *set, uint64_t cycle)
{
	static const uint32_t weights[MADE_SIGNERS] = { 10, 11, 12, 13, 14 };
	uint8_t keys[MADE_SIGNERS][KEY_LEN];
	int secrets[MADE_SIGNERS];

	made_signers(secrets, keys);
	assert(signer_set_init(set, cycle, MADE_SIGNERS, (const uint8_t(*)[KEY_LEN])keys,
		   weights) == 0);
}

/* Cycles of 20 from burn height 100; 3.0 at 140, 4.0 at 180. */
static inline void made_network(struct network *net)
{
	static const char text[] =
	    "name made\nchain_id 0x80000000\nfirst_burn_height 100\nfirst_burn_hash "
	    "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206\ncycle_length "
	    "20\nprepare_length 5\n"
	    "stable_confirmations 7\nepoch 2.0 100\nepoch 2.5 101\nepoch 3.0 140\nepoch 4.0 180\n";
	char err[200];

	assert(network_parse(net, text, sizeof(text) - 1, err) == 0);
}

/* An ordinary block of two transfers; a start; an extension.  version 1 is epoch 4.0's. */
static inline void made_block(struct made *m, enum block_kind kind, uint8_t version)
{
	struct tenure_change c = { .prev_blocks = 3, .cause = kind == BLOCK_START ? 0 : 1 };

	memset(m, 0, sizeof(*m));
	m->version = version;
	m->height = 9;
	m->burn_spent = 5000;
	m->miner = 1;
	memset(m->ch, 0x44, CH_LEN);
	memset(m->parent, 0x55, ID_LEN);
	memset(c.tenure, 0x44, CH_LEN);
	memset(c.prev_tenure, kind == BLOCK_START ? 0x33 : 0x44, CH_LEN);
	memset(c.burn_view, 0x44, CH_LEN);
	memset(c.prev_end, 0x55, ID_LEN);
	made_hash160(c.pubkey_hash, 1);
	if (kind != BLOCK_ORDINARY)
		tx_change(&m->tx[m->n_txs++], &c);
	if (kind == BLOCK_START)
		tx_coinbase(&m->tx[m->n_txs++]);
	if (kind == BLOCK_ORDINARY)
		tx_transfer(&m->tx[m->n_txs++], 1);
	tx_transfer(&m->tx[m->n_txs++], 2);
	for (int i = 0; i < 4; i++)
		m->signer[m->n_signers++] = i;
}

static inline void add_signature(struct bytes *b, int secret, const uint8_t digest[32])
{
	uint8_t key[32], sig[SIG_LEN];

	made_secret(key, secret);
	assert(key_sign(sig, key, digest) == 0);
	add(b, sig, SIG_LEN);
}

/* Merkle root, tail and signatures: m->out becomes the block. */
static inline void made_seal(struct made *m)
{
	uint8_t txids[4][32], root[32], digest[32], keys[MADE_SIGNERS][KEY_LEN];
	struct bytes tail = { .n = 0 }, *b = &m->out;
	int secrets[MADE_SIGNERS];

	for (uint32_t i = 0; i < m->n_txs; i++)
		hash_once(txids[i], m->tx[i].p, m->tx[i].n);
	hash_merkle_root(root, txids, m->n_txs);
	root[0] ^= m->bad_root;
	b->n = 0;
	add_u8(b, m->version);
	add_u64(b, m->height);
	add_u64(b, m->burn_spent);
	add(b, m->ch, CH_LEN);
	add(b, m->parent, ID_LEN);
	add(b, root, 32);
	add_fill(b, 0x77, 32);
	add_u64(b, 1700000000);
	add(&tail, "\0\x08\0\0\0\x01\xff", 7);
	if (m->version & 0x7f)
		add_u32(&tail, m->n_markers);
	for (uint32_t i = 0; (m->version & 0x7f) && i < m->n_markers; i++) {
		add_u32(&tail, m->marker[i]);
		add_u8(&tail, 0);
	}
	hash_begin();
	hash_add(b->p, b->n);
	hash_add(tail.p, tail.n);
	hash_end(digest);
	add_signature(b, m->miner, digest);
	hash_begin();
	hash_add(b->p, b->n);
	hash_add(tail.p, tail.n);
	hash_end(digest);
	add_u32(b, m->n_signers);
	made_signers(secrets, keys);
	for (uint32_t i = 0; i < m->n_signers; i++) {
		if (m->signer[i] == -2)
			add_fill(b, 0xff, SIG_LEN);
		else
			add_signature(b, m->signer[i] < 0 ? 99 : secrets[m->signer[i]], digest);
	}
	add(b, tail.p, tail.n);
	add_u32(b, m->n_txs);
	for (uint32_t i = 0; i < m->n_txs; i++)
		add(b, m->tx[i].p, m->tx[i].n);
}

#endif
