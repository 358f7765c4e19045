/* Streams of microblocks: table microblocks (spec/blocks.md 3.2, 3.3; store(5)).
 *
 * A stream stands here once it is proven: the microblocks that an epoch 2.x block confirms, from
 * sequence 0 to that block's tail, under the id of that block, the child.  The id of a microblock,
 * as HTTP names it, is hash_block_id of its hash and the parent's consensus hash.
 *
 * A row has a checksum of its key and all its bytes.  Nobody gets what does not fit. */
#ifndef BLOCKSYNC_STORE_STREAMS_H
#define BLOCKSYNC_STORE_STREAMS_H

#include "common/store/store.h"

/* For the holder of DIR/lock.  Write a stream; one that the child has already goes.  ends and body
 * are those of a stream that was judged, and lie outside of the map. */
void stream_put(struct store *, MDB_txn *, const struct rec_stream *);
/* The stream of a child goes, damaged or not. */
void stream_del(struct store *, MDB_txn *, const uint8_t child[ID_LEN]);
/* Streams that readers noted (stream_note) are looked at: those that are bad go, and `gone` is told
 * of each, with the consensus hash of its child (zeros: not known), so that it is wanted again. */
void streams_heal(struct store *, MDB_txn *,
    void (*gone)(void *arg, const uint8_t child[ID_LEN], const uint8_t ch[CH_LEN]), void *arg);

/* For all.  Views point into the map until the transaction ends. */
enum stream_found {
	STREAM_ABSENT,
	STREAM_DAMAGED, /* there is one, and not the one that was stored; child_id is set */
	STREAM_FOUND
};
enum stream_found stream_get(struct store *, MDB_txn *, const uint8_t child[ID_LEN],
    struct rec_stream *);
/* Whether a child has one, without a look at its bytes. */
bool stream_known(struct store *, MDB_txn *, const uint8_t child[ID_LEN]);
/* A stream whose last microblock has this id; the longest one that stands on a block. */
enum stream_found stream_by_tail(struct store *, MDB_txn *, const uint8_t id[ID_LEN],
    struct rec_stream *);
enum stream_found stream_on(struct store *, MDB_txn *, const uint8_t parent[ID_LEN],
    struct rec_stream *);
/* What the blocks at both ends of a stream say of it.  False: they are not both held, or the child
 * confirms none. */
struct stream_ends {
	uint8_t parent[32], key[HASH160_LEN];	/* the parent's block hash, and its key's hash */
	uint8_t tail[32];
	uint16_t tail_sequence;
};
bool stream_ends(struct store *, MDB_txn *, const uint8_t child[ID_LEN], struct stream_ends *);
/* Microblock i < ends.n of a stream: its bytes, and how many. */
const uint8_t *stream_at(const struct rec_stream *, uint32_t i, uint32_t *len);
/* Whether the bytes are what the row says: hashes lead from the tail down to a first microblock.
 * Signatures and transactions are not looked at again. */
bool stream_sound(const struct rec_stream *);
/* A reader found it bad: a row in `damaged`, in a write transaction of its own, and a warning, as
 * damaged_note. */
void stream_note(struct store *, const uint8_t child[ID_LEN]);

/* All rows of the table from a key on (room for MAX_KEY; length 0: the first), some `bytes` of
 * them.  fn gets the child's id and its stream (NULL: it is damaged, or the indexes lack it), or a
 * NULL id for a row of an index, under `key`, whose stream is not there.  False: that was the last;
 * else *key is where to go on. */
bool streams_scan(struct store *, MDB_txn *, uint8_t *key, size_t *klen, size_t bytes,
    void (*fn)(void *arg, const uint8_t *child, const struct rec_stream *, const MDB_val *key),
    void *arg);

#endif
