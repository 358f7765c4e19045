/* Streams of microblocks: what is proven of one (spec/blocks.md 3.3).  Pure judgements, no I/O. */
#ifndef BLOCKSYNC_CHAIN_STREAM_H
#define BLOCKSYNC_CHAIN_STREAM_H

#include "common/chain/microblock.h"

/* What a stream is judged by. */
struct stream_view {
	const struct network *net;
	enum epoch epoch;      /* of the child's sortition, else of the parent's */
	const uint8_t *parent; /* 32 bytes: block hash of the anchored block below; NULL: it is
				* not known, nor is the child: what the lowest microblock says
				* counts */
	const uint8_t *key;    /* HASH160_LEN: that block's microblock_pubkey_hash */
	/* 32 bytes: parent_microblock of the anchored block above that confirms the stream, and its
	 * sequence; NULL: no such block is known */
	const uint8_t *tail;
	uint16_t tail_sequence;
	/* NULL, or HASH160_LEN: all microblocks of the vector were found to be signed by this key,
	 * and the public keys in them to be points: nothing of that is done again. */
	const uint8_t *signer;
	/* NULL, or the header of one more microblock (MICROBLOCK_HEADER bytes) that may be
	 * evidence. */
	const uint8_t *rival;
};

struct stream {
	struct microblock *m; /* owned; views into the caller's bytes */
	uint32_t n;	      /* those that stand, m[0..n), by sequence from 0 */
	/* Of a refusal: the hashes from the child's header on lead to these very bytes, so that it
	 * is the child that breaks the rule (without neighbours: they may, nobody knows); false:
	 * whoever gave the bytes is at fault. */
	bool committed;
	uint8_t signer[HASH160_LEN]; /* of the lowest microblock, if it was looked at */
	/* The signer of the stream made two microblocks for one place. */
	bool forked;
	uint32_t fork; /* the place: a sequence */
	/* Views: two headers of MICROBLOCK_HEADER bytes, first the one that is in the stream. */
	const uint8_t *poison[2];
};

/* Judge a vector of microblocks, the whole of p[0..n), ascending or descending.
 *
 * With a child: m is what the child confirms, from the parent up to the tail, found by hash; others
 * among the bytes may only be evidence.  A fork does not take from m what the child confirms.
 *
 * Without: m is what stands on the parent, one on another, below the first fork.  A refusal is of
 * what follows m[0..n), which stands.
 *
 * Without neighbours: the same, and REASON_OK says that one key signed all of m.
 *
 * Costs in this order: parsing, hashes, roots, then a point of the curve for each microblock that
 * stands up to the first that is not signed by the key, one more for evidence, and one for each
 * public key in the transactions, when all signatures hold.  Returns REASON_OK or REASON_CODEC,
 * TRAILING, MBLINK, MERKLE, DUPTX, NOTX, MBSEQ, TAIL, CHAINID, NETFLAG, FEATURE, COINBASE, ANCHOR,
 * MB25, MBKEY.  The stream is always to be released. */
enum chain_reason stream_judge(
    struct stream *, const struct stream_view *, const uint8_t *p, size_t n);
void stream_release(struct stream *);

/* The judgement for whoever judges a stream again, with the blocks at both ends. */
struct stream_trial {
	enum chain_reason reason;
	bool left;		      /* a refusal that only they can tell whose fault it is of */
	uint8_t signer[HASH160_LEN]; /* for that view: of all that came; zeros: nobody knows */
};
void stream_alone(
    struct stream_trial *, const struct stream_view *, const uint8_t *p, size_t n);

#endif
