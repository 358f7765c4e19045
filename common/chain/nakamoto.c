/* Nakamoto blocks out of bytes: header, hashes, boundary (spec/blocks.md 1.1, 1.2). */
#include "common/chain/hash.h"
#include "common/chain/nakamoto.h"
#include "common/limits.h"

#define PREFIX 141		/* version to timestamp: what the miner signs, with the tail */
#define MIN_TX 62		/* no transaction can be shorter */

/* The fields up to the transaction count.  Returns bytes used, 0 and *need, or -1; no hashes. */
static ssize_t read_fields(struct nakamoto *b, const uint8_t *p, size_t n, size_t *need)
{
	size_t at = PREFIX + SIG_LEN + 4, bits;

	memset(b, 0, sizeof(*b));
	b->bytes = p;
	if (n < at)
		return *need = at, 0;
	b->version = p[0];
	b->height = get_be64(p + 1);
	b->burn_spent = get_be64(p + 9);
	b->ch = p + 17;
	b->parent = p + 37;
	b->tx_root = p + 69;
	b->state_root = p + 101;
	b->timestamp = get_be64(p + 133);
	b->miner_sig = p + PREFIX;
	b->n_sigs = get_be32(p + 206);
	/* More than any set has signers can never be good. */
	if (b->n_sigs > MAX_SIGNERS)
		return -1;
	b->sigs = p + at;
	at += (size_t)b->n_sigs * SIG_LEN;
	if (n < at + 6)
		return *need = at + 6, 0;
	b->tail = p + at;
	b->pox_bits = get_be16(p + at);
	bits = (b->pox_bits + 7u) / 8;
	if (b->pox_bits < 1 || b->pox_bits > MAX_TREATMENT || get_be32(p + at + 2) != bits)
		return -1;
	at += 6 + bits;
	if ((b->version & 0x7f) >= 1) {
		if (n < at + 4)
			return *need = at + 4, 0;
		b->n_markers = get_be32(p + at);
		if (b->n_markers > MAX_MARKERS)
			return -1;
		b->markers = p + at + 4;
		at += 4 + (size_t)b->n_markers * 5;
	}
	if (n < at)
		return *need = at, 0;
	b->tail_len = (size_t)(p + at - b->tail);
	return (ssize_t)at;
}

static void hash_header(struct nakamoto *b)
{
	hash_begin();
	hash_add(b->bytes, PREFIX + SIG_LEN);
	hash_add(b->tail, b->tail_len);
	hash_end(b->hash);
	hash_block_id(b->id, b->hash, b->ch);
}

void nakamoto_miner_hash(uint8_t hash[32], const struct nakamoto *b)
{
	hash_begin();
	hash_add(b->bytes, PREFIX);
	hash_add(b->tail, b->tail_len);
	hash_end(hash);
}

ssize_t nakamoto_header(struct nakamoto *b, const uint8_t *p, size_t n, size_t *need)
{
	ssize_t used = read_fields(b, p, n, need);

	if (used > 0) {
		b->len = (size_t)used;
		hash_header(b);
	}
	return used;
}

/* The transactions from where the walk stopped.  Returns the block's length, 0 and *need, or -1. */
static ssize_t walk_txs(struct block_walk *w, const struct nakamoto *b, size_t n, size_t *need)
{
	for (; w->n < b->n_txs; w->n++) {
		size_t more, rest = (size_t)(b->n_txs - w->n) * MIN_TX;
		int whole = tx_walk(&w->tx, b->bytes + w->at, n - w->at, &more);

		if (whole < 0)
			return -1;
		if (whole == 0) {
			/* This one up to the bytes it asks for, and all that follow it. */
			more += n + rest - MIN_TX;
			if (more < w->at + rest)
				more = w->at + rest;
			return more > MAX_BLOCK ? -1 : (*need = more, 0);
		}
		if (w->n == 0 && w->tx.tx.payload == TX_TENURE_CHANGE) {
			w->kind = w->tx.tx.change.cause == 0 ? BLOCK_START : BLOCK_EXTEND;
			w->change = w->tx.tx.change;
		}
		w->at += w->tx.at;
		tx_walk_begin(&w->tx);
	}
	return w->at > MAX_BLOCK ? -1 : (ssize_t)w->at;
}

ssize_t nakamoto_walk_header(struct block_walk *w, struct nakamoto *b, const uint8_t *p, size_t n,
    size_t *need)
{
	ssize_t used = nakamoto_header(b, p, n, need);

	if (used > 0) {
		w->headed = true;
		memcpy(w->hash, b->hash, 32);
		memcpy(w->id, b->id, ID_LEN);
	}
	return used;
}

ssize_t nakamoto_walk(struct block_walk *w, struct nakamoto *b, const uint8_t *p, size_t n,
    size_t *need)
{
	ssize_t used = read_fields(b, p, n, need);
	size_t at = (size_t)used;

	if (used <= 0)
		return used;
	if (n < at + 4)
		return *need = at + 4, 0;
	b->n_txs = get_be32(p + at);
	at += 4;
	if (b->n_txs > (MAX_BLOCK - at) / MIN_TX)
		return -1;
	b->txs = p + at;
	if (w->at == 0)
		w->at = at;
	used = walk_txs(w, b, n, need);
	if (used > 0) {
		b->len = (size_t)used;
		b->kind = w->kind;
		b->change = w->change;
		if (w->headed) {
			memcpy(b->hash, w->hash, 32);
			memcpy(b->id, w->id, ID_LEN);
		} else {
			hash_header(b);
		}
	}
	return used;
}

ssize_t nakamoto_parse(struct nakamoto *b, const uint8_t *p, size_t n, size_t *need)
{
	struct block_walk w = { .at = 0 };

	return nakamoto_walk(&w, b, p, n, need);
}

int nakamoto_peek(const uint8_t *p, size_t n, uint8_t id[ID_LEN], uint8_t ch[CH_LEN],
    uint64_t *height)
{
	struct nakamoto b;
	size_t need;

	if (read_fields(&b, p, n, &need) <= 0)
		return -1;
	hash_header(&b);
	memcpy(id, b.id, ID_LEN);
	memcpy(ch, b.ch, CH_LEN);
	*height = b.height;
	return 0;
}

/* Next: common/chain/proof.c, whether such a block is good. */
