/* How blocks lie on disk: for writers (the keeper) and for the readers of common/store/read.c.  store(5) has the formats.
 *
 * A value of `blocks` is a run: blocks of one tenure at consecutive heights, with an index.  One block a height is in runs; others
 * of the same tenure and height (siblings) are runs of one beside them.
 *	key	consensus hash ‖ lowest height u64		(a sibling: ‖ its id)
 *	value	count u16 ‖ n u16 ‖ source[n] ‖ count times { id[32] ‖ weight u32 ‖ end u32 } ‖ bodies
 * end counts from the first body.  A run names its source until its tenure is packed. */
#ifndef BLOCKSYNC_STORE_BLOCKS_H
#define BLOCKSYNC_STORE_BLOCKS_H

#include "common/store/store.h"

#define RUN_BYTES (64u << 10)	/* what a run aims at */
#define RUN_MAX 4096		/* blocks in one */

struct kept_block {
	const uint8_t *id;		/* ID_LEN */
	const uint8_t *bytes;
	uint32_t len, weight;
	uint64_t height;
	bool sibling;
	struct rec_view source;		/* empty once packed */
};

/* Write n blocks of consecutive ascending heights, cut into runs; those with another source than the one before
 * begin a new run unless `packed`, which leaves sources out.  No row of these heights may exist. */
void blocks_put(struct store *, MDB_txn *, const uint8_t ch[CH_LEN], const struct kept_block *, size_t n, bool packed);
/* A block beside another of its height. */
void blocks_put_sibling(struct store *, MDB_txn *, const uint8_t ch[CH_LEN], const struct kept_block *);
/* Take one block out; its run is written anew without it. The row of block_ids goes too. */
void blocks_remove(struct store *, MDB_txn *, const uint8_t id[ID_LEN]);
/* The same block with other bytes (a heavier signature set). */
void blocks_replace(struct store *, MDB_txn *, const struct kept_block *);
/* Runs of blocks whose rows of block_ids stand already, without sources. */
void blocks_repack(struct store *, MDB_txn *, const uint8_t ch[CH_LEN], const struct kept_block *, size_t n);
/* Rewrite the runs of a tenure as long ones, if that saves a sixteenth of their pages.  Returns bytes written. */
size_t blocks_pack(struct store *, MDB_txn *, const uint8_t ch[CH_LEN]);

/* All blocks of a tenure with height in [low, high], ascending, siblings right behind; until fn returns false.
 * Pointers are into the map: fn must not write. */
void blocks_walk(struct store *, MDB_txn *, const uint8_t ch[CH_LEN], uint64_t low, uint64_t high,
    bool (*fn)(void *, const struct kept_block *), void *arg);
/* The block of the runs at a height (id NULL), or the one with this id.  0, or -1. */
int blocks_find(struct store *, MDB_txn *, const uint8_t ch[CH_LEN], uint64_t height, const uint8_t *id, struct kept_block *);
/* From the block `id` of a tenure down along parents, newest first, until fn returns false or a parent is not of the tenure. */
void blocks_down(struct store *, MDB_txn *, const uint8_t ch[CH_LEN], uint64_t height, const uint8_t id[ID_LEN],
    bool (*fn)(void *, const struct kept_block *), void *arg);
/* The row of block_ids.  0, or -1. */
int blocks_where(struct store *, MDB_txn *, const uint8_t id[ID_LEN], uint8_t ch[CH_LEN], uint64_t *height);

#define BLOCK_PARENT_OFFSET 37	/* of the parent's id in a block (spec/blocks.md 1.1) */

#endif
