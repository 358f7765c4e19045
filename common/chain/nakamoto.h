/* Nakamoto blocks: codec, hashes, and the static shape of tenure changes
 * (spec/blocks.md 1.1, 1.2, 1.5). */
#ifndef BLOCKSYNC_CHAIN_NAKAMOTO_H
#define BLOCKSYNC_CHAIN_NAKAMOTO_H

#include <sys/types.h>

#include "common/chain/tx.h"

#define SHADOW_BIT 0x80
enum block_kind { BLOCK_ORDINARY, BLOCK_START, BLOCK_EXTEND };

/* A parsed block: views into the bytes, which the caller keeps. */
struct nakamoto {
	const uint8_t *bytes;
	size_t len;			/* exactly this block's */
	uint8_t version;		/* of the header; SHADOW_BIT: nobody mined the block, a
					 * network file lists it */
	uint64_t height;		/* chain_length */
	uint64_t burn_spent, timestamp;
	const uint8_t *ch, *parent, *tx_root, *state_root, *miner_sig;
	uint32_t n_sigs;
	const uint8_t *sigs;		/* n_sigs times SIG_LEN */
	uint32_t pox_bits;
	const uint8_t *tail;		/* pox treatment and markers, as hashed */
	size_t tail_len;
	uint32_t n_markers;
	const uint8_t *markers;		/* n_markers times u32 index, u8 category */
	uint32_t n_txs;
	const uint8_t *txs;		/* first transaction */
	/* by the first transaction: a tenure change with cause 0, another cause, none */
	enum block_kind kind;
	struct tenure_change change;	/* if kind is not BLOCK_ORDINARY */
	uint8_t hash[32];		/* block hash: what signers sign */
	uint8_t id[ID_LEN];
};

/* The header only (bytes up to the transaction count), hash and id included.  Returns the bytes
 * used, 0 if more are needed (*need is the least number), -1 if it is no header. */
ssize_t nakamoto_header(struct nakamoto *, const uint8_t *p, size_t n, size_t *need);
/* What the miner signs, of a header. */
void nakamoto_miner_hash(uint8_t hash[32], const struct nakamoto *);

/* Where a block ends, found while its bytes come: the walk keeps where it stopped, so that all
 * calls together cost no more than one (limits.h, COSTS), and holds no pointer into the bytes.
 * It begins as zeros, for each block anew. */
struct block_walk {
	size_t at;			/* first byte of the transaction that is being read; 0: the
					 * header is not whole */
	uint32_t n;			/* transactions before it */
	bool headed;			/* hash and id are known */
	uint8_t hash[32], id[ID_LEN];
	enum block_kind kind;
	struct tenure_change change;
	struct tx_walk tx;
};
/* The header only, as nakamoto_header; its hashes need not be made again. */
ssize_t nakamoto_walk_header(struct block_walk *, struct nakamoto *, const uint8_t *p, size_t n,
    size_t *need);
/* Go on: p[0..n) are all bytes that are there, from the block's first one; p may have moved since
 * the last call.  Looks at the header and where each transaction ends, not at the merkle root, at
 * duplicates or at points of the curve.  Returns the block's length, 0 with *need (> n) if n is too
 * short, -1 if the bytes are no block.  Never reads beyond n. */
ssize_t nakamoto_walk(struct block_walk *, struct nakamoto *, const uint8_t *p, size_t n,
    size_t *need);
/* The same for bytes that are all there. */
ssize_t nakamoto_parse(struct nakamoto *, const uint8_t *p, size_t n, size_t *need);
/* Block hash and id of a header that starts at p with n bytes available, cheaper than a parse.  0
 * or -1. */
int nakamoto_peek(const uint8_t *p, size_t n, uint8_t id[ID_LEN], uint8_t ch[CH_LEN],
    uint64_t *height);

#endif
