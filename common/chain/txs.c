/* The transactions of a block: where they end, found while their bytes come, and what all of them
 * must be. */
#include <stdlib.h>

#include "common/chain/hash.h"
#include "common/chain/txs.h"
#include "common/limits.h"
#include "common/sys/log.h"

#define MIN_TX 62 /* no transaction can be shorter */

int txs_count(
    struct txs_walk *w, const uint8_t *p, size_t n, size_t at, uint32_t *n_txs, size_t *need)
{
	if (n < at + 4)
		return *need = at + 4, 0;
	*n_txs = get_be32(p + at);
	if (*n_txs > (MAX_BLOCK - at - 4) / MIN_TX)
		return -1;
	if (w->at == 0)
		w->at = at + 4;
	return 1;
}

int txs_next(struct txs_walk *w, const uint8_t *p, size_t n, uint32_t n_txs, size_t *need)
{
	size_t more, rest = (size_t)(n_txs - w->n) * MIN_TX;
	int whole;

	if (w->ended)
		tx_walk_begin(&w->tx);
	w->ended = false;
	if ((whole = tx_walk(&w->tx, p + w->at, n - w->at, &more)) < 0)
		return -1;
	if (whole == 0) {
		/* This one up to the bytes it asks for, and all that follow it. */
		more += n + rest - MIN_TX;
		if (more < w->at + rest)
			more = w->at + rest;
		return more > MAX_BLOCK ? -1 : (*need = more, 0);
	}
	w->at += w->tx.at;
	w->n++;
	w->ended = true;
	return w->at > MAX_BLOCK ? -1 : 1;
}

static int by_txid(const void *a, const void *b) { return memcmp(a, b, 32); }

/* Root and duplicates, of n txids with room for as many behind them.  The root is taken last, as it
 * overwrites; a sorted copy finds what is twice, in a time that no choice of txids can lengthen. */
static enum chain_reason judge_txids(const uint8_t *root, uint8_t (*txids)[32], uint32_t n)
{
	uint8_t own[32], (*sorted)[32] = txids + n;

	memcpy(sorted, txids, (size_t)n * 32);
	hash_merkle_root(own, txids, n);
	if (memcmp(own, root, 32) != 0)
		return REASON_MERKLE;
	qsort(sorted, n, 32, by_txid);
	for (uint32_t i = 1; i < n; i++)
		if (memcmp(sorted[i - 1], sorted[i], 32) == 0)
			return REASON_DUPTX;
	return n ? REASON_OK : REASON_NOTX;
}

enum chain_reason txs_judge(const struct txs *txs, tx_judge *each, void *arg)
{
	struct cursor c = cursor_of(txs->p, txs->len);
	uint8_t(*txids)[32] = xmalloc(((size_t)txs->n * 2 + 1) * 32);
	enum chain_reason first = REASON_OK, reason;
	struct tx tx;

	for (uint32_t i = 0; i < txs->n && tx_parse(&tx, &c, NULL) == 0; i++) {
		tx_txid(&tx);
		memcpy(txids[i], tx.txid, 32);
		reason = each ? each(arg, i, &tx) : REASON_OK;
		if (first == REASON_OK)
			first = reason;
	}
	reason = c.bad ? REASON_CODEC : judge_txids(txs->root, txids, txs->n);
	free(txids);
	return reason != REASON_OK ? reason : first;
}

bool txs_points(const struct txs *txs)
{
	struct cursor c = cursor_of(txs->p, txs->len);
	struct tx tx;

	for (uint32_t i = 0; i < txs->n; i++)
		if (tx_parse(&tx, &c, NULL) < 0 || (tx.has_keys && !tx_points(&tx)))
			return false;
	return true;
}

bool tx_is_coinbase(const struct tx *tx)
{
	return tx->payload == TX_COINBASE || tx->payload == TX_COINBASE_ALT ||
	    tx->payload == TX_COINBASE_VRF;
}

enum chain_reason tx_allowed(const struct tx *tx, const struct network *net, enum epoch epoch)
{
	if (tx->chain_id != net->chain_id)
		return REASON_CHAINID;
	/* Chain ids of test networks have the high bit set, and their transactions that of the
	 * version. */
	if (tx->testnet != (net->chain_id != 1))
		return REASON_NETFLAG;
	return tx->since > epoch ? REASON_FEATURE : REASON_OK;
}

/* Next: common/chain/microblock.c, the smallest thing that has transactions. */
