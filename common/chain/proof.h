/* What is proven: pure judgements, no I/O, no clock (DESIGN 4, spec/blocks.md 1.3 to 1.7). */
#ifndef BLOCKSYNC_CHAIN_PROOF_H
#define BLOCKSYNC_CHAIN_PROOF_H

#include "common/chain/block.h"

/* The signers of one cycle, in the order of the reward set. */
struct signer_set {
	uint64_t cycle;
	uint32_t n;
	uint8_t (*keys)[KEY_LEN];	/* owned */
	uint32_t *weights;		/* owned */
	uint64_t total, threshold;	/* threshold = ceil(total * 7 / 10) */
	uint32_t *buckets;		/* owned: hash index over keys */
	uint32_t mask;
};
/* Copy n signers.  -1: no signers, no weight or a sum above u32, or more than MAX_SIGNERS. */
int signer_set_init(struct signer_set *, uint64_t cycle, uint32_t n, const uint8_t (*keys)[KEY_LEN],
    const uint32_t *weights);
void signer_set_release(struct signer_set *);
/* Index of a key, or -1. */
int signer_set_find(const struct signer_set *, const uint8_t key[KEY_LEN]);

/* What the judge of one block must know about its tenure's sortition. */
struct proof_view {
	const struct network *net;
	uint64_t burn_height;			/* of the tenure's sortition */
	const uint8_t *miner;			/* HASH160_LEN: hash of the winner's signing key */
	const struct signer_set *set;		/* of the cycle of burn_height */
	enum model model;			/* of the block, as its giver says */
	/* of a block of epoch 2.x: consensus hash of its sortition, as the giver says, and the
	 * block hash that the sortition's winner committed to */
	const uint8_t *ch, *committed;
};

/* Judge a block on its own, what costs little first: whether its sortition may have a block of this
 * model, header, version, the miner's signature; then
 * the codec (the whole of p[0..n)), hashes, merkle root, static and epoch rules; then the signers'
 * signatures with weight and order; and the public keys inside of transactions last, when somebody
 * answers for them.  Each signature is recovered once; more signatures than signers are refused
 * before any curve work.  *weight is the sum of the signers' weights. block is filled as far as it
 * parses. */
enum chain_reason proof_alone(
    struct block *block, const uint8_t *p, size_t n, const struct proof_view *, uint64_t *weight);
/* The same of an anchored block, which its sortition's commit names by its hash and nobody signs:
 * header, epoch, winner, and what the header says of microblocks; then the codec, merkle root and
 * static rules; then public keys. */
enum chain_reason epoch2_alone(
    struct block *, const uint8_t *p, size_t n, const struct proof_view *);
/* The miner's signature of a header: REASON_OK or REASON_MINER.  miner: hash of the winner's
 * signing key. */
enum chain_reason proof_miner(const struct block *, const uint8_t miner[HASH160_LEN]);
/* Whether these are the block's own transactions, by its merkle root and none twice, of a parsed
 * block: what makes a copy with others.  REASON_OK, REASON_MERKLE, REASON_DUPTX, REASON_NOTX if it
 * has none, or REASON_CODEC if it was not parsed. */
enum chain_reason proof_root(const struct block *);

/* Consensus hash of a burn block from its inputs and the earlier consensus hashes
 * (spec/blocks.md 5.6). prev(arg, height, ch) gives CH at a height or returns -1 (then the result
 * is -1: not checkable). */
int view_consensus_hash(uint8_t ch[CH_LEN], const struct network *, uint64_t height,
    const uint8_t burn_hash[32], const uint8_t ops_hash[32], uint64_t total_burn,
    int (*prev)(void *, uint64_t, uint8_t *), void *arg);

#endif
