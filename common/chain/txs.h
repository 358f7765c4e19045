/* A vector of transactions, in which a block of either model and a microblock end: a count of four
 * bytes, then the transactions back to back (spec/blocks.md 0, 2). */
#ifndef BLOCKSYNC_CHAIN_TXS_H
#define BLOCKSYNC_CHAIN_TXS_H

#include "common/chain/tx.h"

/* The walk over such a vector while its bytes come: it keeps where it stopped, so that no byte is
 * looked at twice, and holds no pointer into them.  Begins as zeros. */
struct txs_walk {
	size_t at;  /* first byte of the next transaction, counted from the block's first byte;
		     * 0: the count was not read yet */
	uint32_t n; /* transactions before it */
	bool ended; /* tx is the last one that ended, not one that is being read */
	struct tx_walk tx;
};
/* Both: p[0..n) are all bytes of the block that are there, from its first one; p may have moved
 * since the last call.  1; 0 if they are too short, with *need (> n) the least number that could
 * do; -1: wrong, or the block would be larger than MAX_BLOCK. */
/* The count, which stands at p[at]. */
int txs_count(
    struct txs_walk *, const uint8_t *p, size_t n, size_t at, uint32_t *n_txs, size_t *need);
/* One more of n_txs transactions: tx.tx is it, but for bytes and len, until the next call. */
int txs_next(struct txs_walk *, const uint8_t *p, size_t n, uint32_t n_txs, size_t *need);

/* The transactions of a block or microblock that was parsed: views into its bytes. */
struct txs {
	const uint8_t *p; /* the first one */
	size_t len;	  /* of all */
	uint32_t n;
	const uint8_t *root; /* 32 bytes: the header's tx_merkle_root */
};
/* Judges one transaction, the i-th; its txid is not filled. */
typedef enum chain_reason tx_judge(void *arg, uint32_t i, const struct tx *);
/* Judge all.  A copy with other transactions says nothing about the block that its header is of,
 * so the root comes first: REASON_MERKLE or REASON_DUPTX (a root stays the same when the last
 * transactions are repeated), then REASON_NOTX, then the first reason that `each` gave, which may
 * be NULL.  REASON_CODEC: they were not parsed. */
enum chain_reason txs_judge(const struct txs *, tx_judge *each, void *arg);
/* Whether all public keys in them are points of the curve: a square root a key (tx_points). */
bool txs_points(const struct txs *);
bool tx_is_coinbase(const struct tx *);
/* Whether a transaction is of this network, and uses nothing that the epoch does not know:
 * REASON_OK, REASON_CHAINID, REASON_NETFLAG, REASON_FEATURE. */
enum chain_reason tx_allowed(const struct tx *, const struct network *, enum epoch);

#endif
