/* How blocks lie on disk: for writers (the keeper) and for the readers of common/store/read.c.
 * store(5) has the formats.
 *
 * A value of `blocks` is a run: blocks of one tenure at consecutive heights, with an index.  One
 * block a height is in runs; others of the same tenure and height (siblings) are runs of one beside
 * them.
 *	key	consensus hash ‖ lowest height u64		(a sibling: ‖ its id)
 *	value	count u16 ‖ n u16 ‖ sum u64 ‖ source[n] ‖
 *		count times { id[32] ‖ weight u32 ‖ end u32 ‖ sum u64 } ‖ bodies
 * end counts from the first body.  A run names its source until its tenure is packed.  run.c says
 * what the sums are over.
 *
 * What is found or walked here is as it lies on the disk: who gives it away asks block_sound
 * first. */
#ifndef BLOCKSYNC_STORE_BLOCKS_H
#define BLOCKSYNC_STORE_BLOCKS_H

#include "common/chain/block.h"
#include "common/store/store.h"

#define RUN_BYTES (64u << 10)	/* what a run aims at */
#define RUN_MAX 4096		/* blocks in one */
#define MAX_KEY 511		/* LMDB's own bound */

struct kept_block {
	const uint8_t *id;		/* ID_LEN */
	const uint8_t *bytes;
	uint32_t len, weight;
	uint64_t height;
	bool sibling;
	struct rec_view source;		/* empty once packed */
	/* Of a block that was read; with a new one they are left out. */
	uint64_t sum;
	bool summed, listed;		/* has a checksum; its entry is as it was written */
};

/* Whether a block that was found in this tenure is byte for byte the one that was stored: by its
 * checksum, or, in a run of schema 1, as far as its id and the root of its transactions tell. */
bool block_sound(const uint8_t ch[CH_LEN], const struct kept_block *);
/* The same where the run's index cannot be trusted: id and height out of the bytes, into id and *b.
 * False: nothing can be saved. */
bool block_saved(const uint8_t ch[CH_LEN], struct kept_block *b, uint8_t id[ID_LEN]);
/* The checksum that is kept with a block. */
uint64_t block_sum(const uint8_t id[ID_LEN], const uint8_t *bytes, size_t len);

/* Write n blocks of consecutive ascending heights, cut into runs; those with another source than
 * the one before begin a new run unless `packed`, which leaves sources out.  No row of these
 * heights may exist. */
void blocks_put(struct store *, MDB_txn *, const uint8_t ch[CH_LEN], const struct kept_block *,
    size_t n, bool packed);
/* A block beside another of its height. */
void blocks_put_sibling(struct store *, MDB_txn *, const uint8_t ch[CH_LEN],
    const struct kept_block *);
/* Take one block out; its run is written anew without it. The row of block_ids goes too. */
void blocks_remove(struct store *, MDB_txn *, const uint8_t id[ID_LEN]);
/* The same block with other bytes (a heavier signature set). */
void blocks_replace(struct store *, MDB_txn *, const struct kept_block *);
/* Runs of blocks whose rows of block_ids stand already, without sources. */
void blocks_repack(struct store *, MDB_txn *, const uint8_t ch[CH_LEN], const struct kept_block *,
    size_t n);
/* Rewrite the runs of a tenure as long ones, if that saves a sixteenth of their pages.  Returns
 * bytes written. */
size_t blocks_pack(struct store *, MDB_txn *, const uint8_t ch[CH_LEN]);

/* Take out what is damaged of a tenure and write the rest anew; rows of block_ids follow.  Returns
 * how many blocks or runs were bad.  If there are none, nothing is touched, unless `anyway`: then
 * rows of block_ids were lost, and all are written. */
size_t blocks_salvage(struct store *, MDB_txn *, const uint8_t ch[CH_LEN], bool anyway);
/* Give runs of schema 1, from *key on (room for MAX_KEY; length 0: the first), their checksums:
 * some 4 MiB.  A block whose id does not fit gets one that never fits.  False: that was the last;
 * else *key is where to go on. */
bool blocks_upgrade(struct store *, MDB_txn *, uint8_t *key, size_t *klen);
/* Write the run under this key again, with checksums.  Returns its bytes. */
size_t blocks_rewrite(struct store *, MDB_txn *, const uint8_t *key, size_t klen);

/* Every block that is stored, as it lies there, from the run at *key on (room for MAX_KEY; length
 * 0: the first), some `bytes` of them: tenure, height, block; or NULL for a run that cannot be
 * read.  False: that was the last; else *key is where to go on. */
bool blocks_scan(struct store *, MDB_txn *, uint8_t *key, size_t *klen, size_t bytes,
    void (*fn)(void *, const uint8_t ch[CH_LEN], uint64_t height, const struct kept_block *),
    void *arg);
/* Give a block a checksum that never fits.  False: it is not found by its row of block_ids. */
bool blocks_condemn(struct store *, MDB_txn *, const uint8_t id[ID_LEN]);

/* All blocks of a tenure with height in [low, high], ascending, siblings right behind; until fn
 * returns false. Pointers are into the map: fn must not write. */
void blocks_walk(struct store *, MDB_txn *, const uint8_t ch[CH_LEN], uint64_t low, uint64_t high,
    bool (*fn)(void *, const struct kept_block *), void *arg);
/* The block of the runs at a height (id NULL), or the one with this id.  0, or -1. */
int blocks_find(struct store *, MDB_txn *, const uint8_t ch[CH_LEN], uint64_t height,
    const uint8_t *id, struct kept_block *);
/* The model of a block that lies in this tenure, which its bytes tell (block.h), and the id of its
 * parent: of a block of epoch 2.x it is made of the hash in the header and of the parent's
 * consensus hash, which stands in the tenure's row (prev_ch).  False: the bytes are no block.
 * Nobody has looked at their checksum. */
bool kept_parent(struct store *, MDB_txn *, const uint8_t ch[CH_LEN], const struct kept_block *,
    enum model *, uint8_t parent[ID_LEN]);
/* From the block `id` of a tenure down along parents, newest first, until fn returns false or a
 * parent is not of the tenure. */
void blocks_down(struct store *, MDB_txn *, const uint8_t ch[CH_LEN], uint64_t height,
    const uint8_t id[ID_LEN], bool (*fn)(void *, const struct kept_block *), void *arg);
/* The row of block_ids.  0, or -1. */
int blocks_where(struct store *, MDB_txn *, const uint8_t id[ID_LEN], uint8_t ch[CH_LEN],
    uint64_t *height);

#endif
