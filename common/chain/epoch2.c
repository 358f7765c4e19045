/* Headers of anchored blocks out of bytes (spec/blocks.md 3.1). */
#include "common/chain/block.h"
#include "common/chain/hash.h"

ssize_t epoch2_fields(struct block *b, const uint8_t *p, size_t n, size_t *need)
{
	struct epoch2 *h = &b->epoch2;

	if (n < EPOCH2_HEADER)
		return *need = EPOCH2_HEADER, 0;
	/* Nobody can make such a header, and the store takes each for a Nakamoto block's. */
	if (b->has_ch && memcmp(p + NAKAMOTO_CH, b->ch, CH_LEN) == 0)
		return -1;
	h->version = p[0];
	h->burn = get_be64(p + 1);
	b->height = get_be64(p + 9);
	h->vrf_proof = p + 17;
	memcpy(b->parent, p + EPOCH2_PARENT, ID_LEN);
	h->parent_microblock = p + 129;
	h->parent_sequence = get_be16(p + 161);
	b->tx_root = p + 163;
	b->state_root = p + 195;
	h->microblock_key = p + 227;
	/* Its sortition's whole tenure is this block. */
	b->kind = BLOCK_START;
	return EPOCH2_HEADER;
}

void epoch2_hash(struct block *b)
{
	/* The boot block, which nobody mined, has a hash of zeros. */
	if (b->height == 0)
		memset(b->hash, 0, 32);
	else
		hash_once(b->hash, b->bytes, EPOCH2_HEADER);
	if (b->has_ch)
		hash_block_id(b->id, b->hash, b->ch);
}

/* Next: common/chain/block.c, blocks of both models. */
