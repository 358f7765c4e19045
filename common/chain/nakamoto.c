/* Headers of Nakamoto blocks out of bytes (spec/blocks.md 1.1, 1.2). */
#include "common/chain/block.h"
#include "common/chain/hash.h"
#include "common/limits.h"

#define PREFIX 141 /* version to timestamp: what the miner signs, with the tail */

ssize_t nakamoto_fields(struct block *b, const uint8_t *p, size_t n, size_t *need)
{
	struct nakamoto *h = &b->nakamoto;
	size_t at = PREFIX + SIG_LEN + 4, bits;

	if (n < at)
		return *need = at, 0;
	h->version = p[0];
	b->height = get_be64(p + 1);
	h->burn_spent = get_be64(p + 9);
	memcpy(b->ch, p + NAKAMOTO_CH, CH_LEN);
	b->has_ch = true;
	memcpy(b->parent, p + NAKAMOTO_PARENT, ID_LEN);
	b->tx_root = p + 69;
	b->state_root = p + 101;
	h->timestamp = get_be64(p + 133);
	h->miner_sig = p + PREFIX;
	h->n_sigs = get_be32(p + 206);
	/* More than any set has signers can never be good. */
	if (h->n_sigs > MAX_SIGNERS)
		return -1;
	h->sigs = p + at;
	at += (size_t)h->n_sigs * SIG_LEN;
	if (n < at + 6)
		return *need = at + 6, 0;
	h->tail = p + at;
	h->pox_bits = get_be16(p + at);
	bits = (h->pox_bits + 7u) / 8;
	if (h->pox_bits < 1 || h->pox_bits > MAX_TREATMENT || get_be32(p + at + 2) != bits)
		return -1;
	at += 6 + bits;
	if ((h->version & 0x7f) >= 1) {
		if (n < at + 4)
			return *need = at + 4, 0;
		h->n_markers = get_be32(p + at);
		if (h->n_markers > MAX_MARKERS)
			return -1;
		h->markers = p + at + 4;
		at += 4 + (size_t)h->n_markers * 5;
	}
	if (n < at)
		return *need = at, 0;
	h->tail_len = (size_t)(p + at - h->tail);
	return (ssize_t)at;
}

void nakamoto_hash(struct block *b)
{
	hash_begin();
	hash_add(b->bytes, PREFIX + SIG_LEN);
	hash_add(b->nakamoto.tail, b->nakamoto.tail_len);
	hash_end(b->hash);
	hash_block_id(b->id, b->hash, b->ch);
}

void nakamoto_miner_hash(uint8_t hash[32], const struct block *b)
{
	hash_begin();
	hash_add(b->bytes, PREFIX);
	hash_add(b->nakamoto.tail, b->nakamoto.tail_len);
	hash_end(hash);
}

/* Next: common/chain/epoch2.c, the headers of the other model. */
