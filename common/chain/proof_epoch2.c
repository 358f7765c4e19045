/* An anchored block of epoch 2.x on its own: the winner of its sortition, and what its bytes and
 * its epoch ask of it (spec/blocks.md 3.1, 3.3). */
#include "common/chain/proof.h"

/* What the walk over the transactions gathers. */
struct shape {
	const struct network *net;
	enum epoch epoch;
	uint32_t coinbases;
	bool coinbase_first, has_keys;
};

static enum chain_reason judge_tx(void *arg, uint32_t i, const struct tx *tx)
{
	struct shape *s = arg;
	enum chain_reason reason = tx_allowed(tx, s->net, s->epoch);

	s->has_keys |= tx->has_keys;
	if (tx_is_coinbase(tx)) {
		s->coinbases++;
		s->coinbase_first |= i == 0;
	}
	if (reason != REASON_OK)
		return reason;
	return tx->anchor_mode == ANCHOR_MICROBLOCK ? REASON_ANCHOR : REASON_OK;
}

/* What the header alone tells, at the price of one hash. */
static enum chain_reason judge_header(
    const struct block *b, const struct proof_view *view, enum epoch epoch)
{
	/* At height 0 all headers have one hash, the boot block's, which no commit names. */
	if (b->height == 0 || memcmp(b->hash, view->committed, 32) != 0)
		return REASON_WINNER;
	if (!block_confirms(b))
		return REASON_OK;
	if (epoch >= EPOCH_25)
		return REASON_MB25;
	return all_zero(b->epoch2.parent_microblock, 32) ? REASON_TAIL : REASON_OK;
}

enum chain_reason epoch2_alone(
    struct block *b, const uint8_t *p, size_t n, const struct proof_view *view)
{
	enum epoch epoch = network_epoch(view->net, view->burn_height);
	struct shape s = { .net = view->net, .epoch = epoch };
	enum chain_reason reason;
	struct txs txs;
	size_t need;
	struct block_walk w;
	ssize_t used;

	/* The header's hashes are made once for both looks. */
	block_walk_begin(&w, MODEL_BIT(EPOCH2), view->ch);
	if (block_walk_header(&w, b, p, n, &need) <= 0)
		return REASON_CODEC;
	if ((reason = judge_header(b, view, epoch)) != REASON_OK)
		return reason;
	if ((used = block_walk(&w, b, p, n, &need)) <= 0)
		return REASON_CODEC;
	if ((size_t)used < n)
		return REASON_TRAILING;
	txs = block_txs(b);
	if ((reason = txs_judge(&txs, judge_tx, &s)) != REASON_OK)
		return reason;
	if (s.coinbases != 1 || !s.coinbase_first)
		return REASON_COINBASE;
	/* The winner answers for them. */
	return s.has_keys && !txs_points(&txs) ? REASON_CODEC : REASON_OK;
}

/* Next: common/chain/signers.c, how a signer is found. */
