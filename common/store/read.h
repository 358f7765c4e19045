/* Reading what is held: blocks, tenures and the canonical chain (read.c). */
#ifndef BLOCKSYNC_STORE_READ_H
#define BLOCKSYNC_STORE_READ_H

#include "common/store/store.h"

/* blocks, block_ids, tenures, canonical: written by the holder of DIR/lock (block-store, block-cat
 * -i) through common/store/blocks.h; read by all.  A block's bytes point into the map until the
 * transaction ends. */
struct stored_block {
	const uint8_t *bytes;		/* NULL where damaged, and in lists */
	size_t len;
	/* sum: the checksum that was kept with it, 0 in a run of schema 1 */
	uint64_t height, sum;
	uint8_t ch[CH_LEN], id[ID_LEN];
	/* Where bytes is not NULL. */
	enum model model;
	uint8_t parent[ID_LEN];		/* the id of its parent */
	bool damaged;			/* not the bytes that were stored: nobody gets it */
};
/* The header of a block with bytes, its parent's id included.  0; -1: the bytes are none. */
int stored_header(const struct stored_block *, struct block *);
/* 0; or -1: damaged says whether it is stored and lost, or not known at all. */
int block_get(struct store *, MDB_txn *, const uint8_t id[ID_LEN], struct stored_block *);
bool block_known(struct store *, MDB_txn *, const uint8_t id[ID_LEN]);
/* Whether the block is proven: its tenure is, and it links down to the start. */
bool block_proven(struct store *, MDB_txn *, const uint8_t id[ID_LEN]);
int tenure_get(struct store *, MDB_txn *, const uint8_t ch[CH_LEN], struct rec_tenure *);
/* by consensus hash */
void tenure_walk(struct store *, MDB_txn *, bool (*fn)(void *, const struct rec_tenure *), void *);
/* canonical: highest block; block and tenure at a Stacks
 * height. 0, or -1 (of a damaged block too). */
int canonical_tip(struct store *, MDB_txn *, struct rec_tenure *tenure, uint64_t *height,
    uint8_t id[ID_LEN]);
int canonical_at(struct store *, MDB_txn *, uint64_t height, struct stored_block *);
/* Every proven block from a height on, ascending by height (ties by id): the order of block-cat -l.
 * Damaged ones too; where a height lacks its block, the store's `holes` is set. Bytes may be used
 * until fn returns. */
void proven_walk(struct store *, MDB_txn *, uint64_t from,
    bool (*fn)(void *, const struct stored_block *), void *);
/* The same without a look at the bytes. */
void proven_list(struct store *, MDB_txn *, uint64_t from,
    bool (*fn)(void *, const struct stored_block *), void *arg);
/* The chain of one tenure from block id downwards to its start (newest first), or until `stop`
 * (exclusive, may be NULL). A damaged block is the last that fn sees. */
void tenure_blocks_down(struct store *, MDB_txn *, const uint8_t id[ID_LEN], const uint8_t *stop,
    bool (*fn)(void *, const struct stored_block *), void *);
/* The same if that block is proven (then all below are); else false, and nothing is called. */
bool proven_blocks_down(struct store *, MDB_txn *, const uint8_t id[ID_LEN], const uint8_t *stop,
    bool (*fn)(void *, const struct stored_block *), void *);

#endif
