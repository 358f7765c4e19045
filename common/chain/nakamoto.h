/* Nakamoto blocks: the header (spec/blocks.md 1.1, 1.2).  Programs read blocks through
 * common/chain/block.h, which calls the codec below. */
#ifndef BLOCKSYNC_CHAIN_NAKAMOTO_H
#define BLOCKSYNC_CHAIN_NAKAMOTO_H

#include <sys/types.h>

#include "common/chain/txs.h"

#define SHADOW_BIT 0x80
#define NAKAMOTO_CH 17		/* consensus hash in the header */
#define NAKAMOTO_PARENT 37	/* id of the parent */

/* What a block of this model has beside the fields of struct block: views into its bytes. */
struct nakamoto {
	uint8_t version; /* of the header; SHADOW_BIT: nobody mined the block, a
			  * network file lists it */
	uint64_t burn_spent, timestamp;
	const uint8_t *miner_sig;
	uint32_t n_sigs;
	const uint8_t *sigs;		/* n_sigs times SIG_LEN */
	uint32_t pox_bits;
	const uint8_t *tail;		/* pox treatment and markers, as hashed */
	size_t tail_len;
	uint32_t n_markers;
	const uint8_t *markers;		/* n_markers times u32 index, u8 category */
	struct tenure_change change;	/* if the block's kind is not BLOCK_ORDINARY */
};

struct block;
/* The header's fields, without hashes, into a block of zeros whose bytes are p.  Returns the bytes
 * used, 0 if more are needed (*need is the least number), -1 if it is no header. */
ssize_t nakamoto_fields(struct block *, const uint8_t *p, size_t n, size_t *need);
/* Block hash (what signers sign) and id, of fields that were read. */
void nakamoto_hash(struct block *);
/* What the miner signs, of a header. */
void nakamoto_miner_hash(uint8_t hash[32], const struct block *);

#endif
