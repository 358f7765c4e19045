/* A block of either model, out of bytes: the one parser, for whoever meets blocks
 * (spec/blocks.md 1, 3.1).
 *
 * Which model a block has: the caller says which ones may be (network_models of its sortition, or
 * the one that was asked for), and, if there are two, the consensus hash of the sortition as the
 * giver says it.  A Nakamoto header holds that hash at its bytes 17 to 36; where it stands there
 * the block is a Nakamoto block, else one of epoch 2.x.  No block is ever both: at that place an
 * epoch 2.x header has the first bytes of its VRF proof, and the sortition's consensus hash is a
 * hash over the burn block in which the commit to that header stands, so that nobody can make a
 * header that holds it.  Bytes that do are of no block of epoch 2.x, whoever says that they are. */
#ifndef BLOCKSYNC_CHAIN_BLOCK_H
#define BLOCKSYNC_CHAIN_BLOCK_H

#include "common/chain/epoch2.h"
#include "common/chain/model.h"
#include "common/chain/nakamoto.h"

/* By the first transaction of a Nakamoto block: a tenure change with cause 0, another cause, none.
 * An epoch 2.x block is the start (and the end) of its sortition's tenure. */
enum block_kind { BLOCK_ORDINARY, BLOCK_START, BLOCK_EXTEND };

/* A parsed block: views into the bytes, which the caller keeps. */
struct block {
	enum model model;
	enum block_kind kind;		/* of a whole block */
	const uint8_t *bytes;
	size_t len;			/* exactly this block's, or its header's */
	uint8_t hash[32];		/* block hash */
	uint8_t id[ID_LEN];		/* zeros where ch is not known */
	/* The id of the parent.  Of an epoch 2.x block it is the parent's block hash, as its header
	 * has it: link_of (place.h) and the store (kept_parent) make the id of it. */
	uint8_t parent[ID_LEN];
	/* Of a Nakamoto block as its header has it, of an epoch 2.x block as the giver says. */
	uint8_t ch[CH_LEN];
	bool has_ch;			/* false: an epoch 2.x block whose giver does not say it */
	uint64_t height;
	const uint8_t *tx_root, *state_root;
	uint32_t n_txs;
	const uint8_t *txs;		/* first transaction, of a whole block */
	union {
		struct nakamoto nakamoto;
		struct epoch2 epoch2;
	};
};

/* All of these: models is a mask (MODEL_BIT, ANY_MODEL), ch the consensus hash that the giver says,
 * or NULL, if there is only one model.  They return the bytes used, 0 if more than n are needed
 * (*need > n is the least number), -1 if the bytes are not such a block, and never read beyond
 * n. */

/* The model and the parent alone, of a block whose consensus hash is known: as the header has it (a
 * view), or NULL if n is too short.  The cheapest look at a block. */
const uint8_t *block_parent(enum model *, const uint8_t ch[CH_LEN], const uint8_t *p, size_t n);
/* The header's fields, without hash and id: what its height, sortition and parent are. */
ssize_t block_peek(struct block *, unsigned models, const uint8_t *ch, const uint8_t *p, size_t n,
    size_t *need);
/* The header: bytes up to the transaction count, hash and id included. */
ssize_t block_header(struct block *, unsigned models, const uint8_t *ch, const uint8_t *p, size_t n,
    size_t *need);
/* Whether the block of this header, of which n bytes are there, begins with a tenure change: reads
 * its first transaction and nothing behind it. */
bool block_change(const struct block *header, size_t n, struct tenure_change *);
/* The whole block.  Looks at the header and where each transaction ends, not at the merkle root, at
 * duplicates or at points of the curve: proof.h does. */
ssize_t block_parse(struct block *, unsigned models, const uint8_t *ch, const uint8_t *p, size_t n,
    size_t *need);

/* Whether its header confirms microblocks of its parent: of epoch 2.x only. */
bool block_confirms(const struct block *);
/* The transactions of a whole block. */
struct txs block_txs(const struct block *);

/* Nobody won the sortition of a shadow tenure that the network file lists, so no commit names the
 * tenure below: the 32 bytes of the coinbase of its start do (spec/blocks.md 1.7).  True: a whole
 * block is such a start, and id the first block of the tenure below. */
bool block_shadow_commit(const struct block *, const struct network *, uint8_t id[ID_LEN]);

/* Where a block ends, found while its bytes come: the walk keeps where it stopped, so that all
 * calls together cost no more than one (limits.h, COSTS), and holds no pointer into the bytes. */
struct block_walk {
	unsigned models;
	uint8_t ch[CH_LEN];		/* of the giver */
	bool has_ch;
	bool headed;			/* hash and id are known */
	uint8_t hash[32], id[ID_LEN];
	struct txs_walk txs;
	enum block_kind kind;
	struct tenure_change change;
};
/* For each block anew. */
void block_walk_begin(struct block_walk *, unsigned models, const uint8_t *ch);
/* block_header; its hashes need not be made again. */
ssize_t block_walk_header(struct block_walk *, struct block *, const uint8_t *p, size_t n,
    size_t *need);
/* block_parse, going on: p[0..n) are all bytes that are there, from the block's first one; p may
 * have moved since the last call. */
ssize_t block_walk(struct block_walk *, struct block *, const uint8_t *p, size_t n, size_t *need);

#endif
