/* Microblocks of epoch 2.x and vectors of them: codec and hashes (spec/blocks.md 3.2). */
#ifndef BLOCKSYNC_CHAIN_MICROBLOCK_H
#define BLOCKSYNC_CHAIN_MICROBLOCK_H

#include <sys/types.h>

#include "common/chain/txs.h"

#define MICROBLOCK_HEADER 132

/* A parsed microblock: views into the bytes, which the caller keeps. */
struct microblock {
	const uint8_t *bytes; /* MICROBLOCK_HEADER of them are what a proof of
			       * equivocation shows */
	size_t len;	      /* exactly this microblock's, or its header's */
	uint8_t version;
	uint16_t sequence;   /* 0 stands on the anchored block */
	const uint8_t *prev; /* 32 bytes: hash of the microblock before it, or the
			      * anchored block's hash */
	const uint8_t *tx_root;
	const uint8_t *sig; /* SIG_LEN */
	uint32_t n_txs;
	const uint8_t *txs; /* first transaction, of a whole microblock */
	/* Over the whole header, signature included.  Its id is hash_block_id of this and the
	 * consensus hash of the anchored block. */
	uint8_t hash[32];
};

/* Both return the bytes used, 0 if more than n are needed (*need > n is the least number), -1 if
 * the bytes are no microblock, and never read beyond n. */
/* The header, hash included. */
ssize_t microblock_header(struct microblock *, const uint8_t *p, size_t n, size_t *need);
/* The whole microblock.  Looks at the header, at whether the signature could be one, and where each
 * transaction ends; stream.h judges the rest. */
ssize_t microblock_parse(struct microblock *, const uint8_t *p, size_t n, size_t *need);
/* Hash160 of the key that signed it: one point of the curve.  0, or -1: unrecoverable. */
int microblock_signer(uint8_t hash[HASH160_LEN], const struct microblock *);
struct txs microblock_txs(const struct microblock *);

/* The walk over a vector of microblocks while its bytes come: a count of four bytes, 1 or more,
 * then the microblocks back to back, as /v2/microblocks/confirmed/ID answers (the tail first) and
 * as the message Microblocks holds.  It keeps where it stopped, so that all calls together cost no
 * more than one (limits.h, COSTS), and holds no pointer into the bytes. */
struct microblocks_walk {
	uint32_t count, n; /* of the vector, and how many of them are whole */
	size_t at;	   /* first byte of the one that is being read; 0: the count
			    * was not read yet */
	bool headed;	   /* the header of that one was looked at */
	bool linked;	   /* next is asked for */
	uint8_t next[32];  /* hash that the next one must have */
	struct txs_walk txs;
};
/* tail: hash of the first microblock, each of which is followed by the one that it stands on, so
 * that a vector ends where it leaves the one that was asked for; NULL: any microblocks, in any
 * order. */
void microblocks_walk_begin(struct microblocks_walk *, const uint8_t *tail);
/* Go on: p[0..n) are all bytes that are there, from the count on; p may have moved since the last
 * call.  Returns the vector's length, at most MAX_STREAM, or as microblock_parse. */
ssize_t microblocks_walk(struct microblocks_walk *, const uint8_t *p, size_t n, size_t *need);

#endif
