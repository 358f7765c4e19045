/* Blocks of both models out of bytes: which model, the header, where the block ends. */
#include "common/chain/block.h"
#include "common/sys/log.h"

/* All that differs between the models. */
static const struct codec {
	ssize_t (*fields)(struct block *, const uint8_t *, size_t, size_t *);
	void (*hash)(struct block *);
	size_t parent_at;	/* in the header */
} codecs[] = {
	[NAKAMOTO] = { nakamoto_fields, nakamoto_hash, NAKAMOTO_PARENT },
	[EPOCH2] = { epoch2_fields, epoch2_hash, EPOCH2_PARENT },
};

/* Of either, of bytes that reach so far. */
static enum model model_of(const uint8_t *p, const uint8_t *ch)
{
	return memcmp(p + NAKAMOTO_CH, ch, CH_LEN) == 0 ? NAKAMOTO : EPOCH2;
}

const uint8_t *block_parent(enum model *model, const uint8_t ch[CH_LEN], const uint8_t *p, size_t n)
{
	if (n < EPOCH2_PARENT + ID_LEN)
		return NULL;
	*model = model_of(p, ch);
	return p + codecs[*model].parent_at;
}

ssize_t block_peek(
    struct block *b, unsigned models, const uint8_t *ch, const uint8_t *p, size_t n, size_t *need)
{
	memset(b, 0, sizeof(*b));
	if (models == ANY_MODEL) {
		if (!ch)
			BUG("either model, and no consensus hash");
		if (n < NAKAMOTO_CH + CH_LEN)
			return *need = NAKAMOTO_CH + CH_LEN, 0;
		b->model = model_of(p, ch);
	} else {
		b->model = models == MODEL_BIT(EPOCH2) ? EPOCH2 : NAKAMOTO;
	}
	b->bytes = p;
	if (ch) {
		memcpy(b->ch, ch, CH_LEN);
		b->has_ch = true;
	}
	return codecs[b->model].fields(b, p, n, need);
}

ssize_t block_header(
    struct block *b, unsigned models, const uint8_t *ch, const uint8_t *p, size_t n, size_t *need)
{
	ssize_t used = block_peek(b, models, ch, p, n, need);

	if (used > 0) {
		b->len = (size_t)used;
		codecs[b->model].hash(b);
	}
	return used;
}

bool block_change(const struct block *header, size_t n, struct tenure_change *change)
{
	struct tx_walk w = { .at = 0 };
	size_t at = header->len + 4, need;

	if (n <= at || tx_walk(&w, header->bytes + at, n - at, &need) != 1 ||
	    w.tx.payload != TX_TENURE_CHANGE)
		return false;
	*change = w.tx.change;
	return true;
}

bool block_confirms(const struct block *b)
{
	return b->model == EPOCH2 &&
	    (b->epoch2.parent_sequence || !all_zero(b->epoch2.parent_microblock, 32));
}

struct txs block_txs(const struct block *b)
{
	return (struct txs){ b->txs, b->len - (size_t)(b->txs - b->bytes), b->n_txs, b->tx_root };
}

bool block_shadow_commit(const struct block *b, const struct network *net, uint8_t id[ID_LEN])
{
	struct txs txs = block_txs(b);
	struct cursor c = cursor_of(txs.p, txs.len);
	struct tx tx;

	if (b->model != NAKAMOTO || !(b->nakamoto.version & SHADOW_BIT) || b->kind != BLOCK_START ||
	    b->n_txs < 2 || !network_is_shadow(net, b->id))
		return false;
	/* The tenure change, and the coinbase behind it. */
	if (tx_parse(&tx, &c, NULL) < 0 || tx_parse(&tx, &c, NULL) < 0 || !tx_is_coinbase(&tx))
		return false;
	memcpy(id, tx.bytes + tx.payload_at, ID_LEN);
	return true;
}

void block_walk_begin(struct block_walk *w, unsigned models, const uint8_t *ch)
{
	*w = (struct block_walk){ .models = models, .has_ch = ch != NULL };
	if (ch)
		memcpy(w->ch, ch, CH_LEN);
}

ssize_t block_walk_header(
    struct block_walk *w, struct block *b, const uint8_t *p, size_t n, size_t *need)
{
	ssize_t used = block_header(b, w->models, w->has_ch ? w->ch : NULL, p, n, need);

	if (used > 0) {
		w->headed = true;
		memcpy(w->hash, b->hash, 32);
		memcpy(w->id, b->id, ID_LEN);
	}
	return used;
}

/* The transactions from where the walk stopped: as txs_next. */
static int walk_txs(struct block_walk *w, const struct block *b, size_t n, size_t *need)
{
	const struct tx *tx = &w->txs.tx.tx;

	while (w->txs.n < b->n_txs) {
		int more = txs_next(&w->txs, b->bytes, n, b->n_txs, need);

		if (more <= 0)
			return more;
		if (w->txs.n == 1 && tx->payload == TX_TENURE_CHANGE) {
			w->kind = tx->change.cause == 0 ? BLOCK_START : BLOCK_EXTEND;
			w->change = tx->change;
		}
	}
	return 1;
}

/* The block is whole. */
static void finish(const struct block_walk *w, struct block *b)
{
	b->len = w->txs.at;
	if (b->model == NAKAMOTO) {
		b->kind = w->kind;
		b->nakamoto.change = w->change;
	}
	if (w->headed) {
		memcpy(b->hash, w->hash, 32);
		memcpy(b->id, w->id, ID_LEN);
	} else {
		codecs[b->model].hash(b);
	}
}

ssize_t block_walk(struct block_walk *w, struct block *b, const uint8_t *p, size_t n, size_t *need)
{
	ssize_t used = block_peek(b, w->models, w->has_ch ? w->ch : NULL, p, n, need);
	size_t at = (size_t)used;
	int more;

	if (used <= 0)
		return used;
	b->txs = p + at + 4;
	if ((more = txs_count(&w->txs, p, n, at, &b->n_txs, need)) <= 0 ||
	    (more = walk_txs(w, b, n, need)) <= 0)
		return more;
	finish(w, b);
	return (ssize_t)b->len;
}

ssize_t block_parse(
    struct block *b, unsigned models, const uint8_t *ch, const uint8_t *p, size_t n, size_t *need)
{
	struct block_walk w;

	block_walk_begin(&w, models, ch);
	return block_walk(&w, b, p, n, need);
}

/* Next: common/chain/proof.c, whether such a block is good. */
