/* Stacks transactions: boundaries, txid, and the few fields that proofs need (spec/blocks.md 2). */
#ifndef BLOCKSYNC_CHAIN_TX_H
#define BLOCKSYNC_CHAIN_TX_H

#include "common/chain/network.h"
#include "common/chain/reason.h"

enum tx_payload {
	TX_TRANSFER, TX_CONTRACT, TX_CALL, TX_POISON, TX_COINBASE, TX_COINBASE_ALT, TX_VERSIONED_CONTRACT,
	TX_TENURE_CHANGE, TX_COINBASE_VRF
};

struct tenure_change {
	uint8_t tenure[CH_LEN], prev_tenure[CH_LEN], burn_view[CH_LEN];
	uint8_t prev_end[ID_LEN];
	uint32_t prev_blocks;
	uint8_t cause;		/* 0 BlockFound, 1 Extended, 2..6 partial extensions */
	uint8_t pubkey_hash[HASH160_LEN];
};

struct tx {
	const uint8_t *bytes;		/* view into the caller's buffer */
	size_t len;
	bool testnet;			/* high bit of the version byte */
	uint32_t chain_id;
	uint8_t anchor_mode, post_mode;
	enum tx_payload payload;
	enum epoch since;		/* lowest epoch that allows all it uses */
	bool alt_recipient;
	struct tenure_change change;	/* if payload is TX_TENURE_CHANGE */
	uint8_t txid[32];		/* filled by tx_txid */
};

/* Parse the transaction at the cursor and move past it.  0, or -1 with the cursor bad; a short input sets
 * *need (if not NULL) to the least number of further bytes that could complete it, a wrong one to 0.
 * Nothing is allocated; the transaction is a view. */
int tx_parse(struct tx *, struct cursor *, size_t *need);
/* txid over the canonical bytes (version byte normalised): spec/blocks.md 2.1. */
void tx_txid(struct tx *);

#endif
