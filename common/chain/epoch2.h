/* Anchored blocks of epochs 1.0 to 2.5: the header (spec/blocks.md 3.1).  Programs read blocks
 * through common/chain/block.h, which calls the codec below. */
#ifndef BLOCKSYNC_CHAIN_EPOCH2_H
#define BLOCKSYNC_CHAIN_EPOCH2_H

#include <sys/types.h>

#include "common/chain/bytes.h"

#define EPOCH2_HEADER 247	/* bytes */
#define EPOCH2_PARENT 97	/* block hash of the parent in them */

/* What a block of this model has beside the fields of struct block: views into its bytes. */
struct epoch2 {
	uint8_t version;
	uint64_t burn;			/* total_work.burn: sats burned before its sortition */
	const uint8_t *vrf_proof;	/* 80 bytes */
	/* hash and sequence of the last microblock of its parent that it confirms; zeros: it
	 * confirms none */
	const uint8_t *parent_microblock;
	uint16_t parent_sequence;
	const uint8_t *microblock_key;	/* HASH160_LEN: of the key that signs its microblocks */
};

struct block;
/* The header's fields, as nakamoto_fields.  The parent is the parent's block hash. */
ssize_t epoch2_fields(struct block *, const uint8_t *p, size_t n, size_t *need);
/* Block hash, and the id where the consensus hash is known. */
void epoch2_hash(struct block *);

#endif
