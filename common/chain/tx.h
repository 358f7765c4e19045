/* Stacks transactions: boundaries, txid, and the few fields that proofs need (spec/blocks.md 2). */
#ifndef BLOCKSYNC_CHAIN_TX_H
#define BLOCKSYNC_CHAIN_TX_H

#include "common/chain/clarity.h"
#include "common/chain/network.h"
#include "common/chain/reason.h"

enum tx_payload {
	TX_TRANSFER,
	TX_CONTRACT,
	TX_CALL,
	TX_POISON,
	TX_COINBASE,
	TX_COINBASE_ALT,
	TX_VERSIONED_CONTRACT,
	TX_TENURE_CHANGE,
	TX_COINBASE_VRF
};

/* Where a transaction may stand: in anchored and Nakamoto blocks, in microblocks, in either. */
enum anchor_mode { ANCHOR_BLOCK = 1, ANCHOR_MICROBLOCK, ANCHOR_ANY };

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
	uint8_t anchor_mode, post_mode; /* enum anchor_mode; 1 allow, 2 deny, 3 originator */
	enum tx_payload payload;
	uint32_t payload_at; /* first byte behind the payload's id, from the transaction's first */
	enum epoch since;		/* lowest epoch that allows all it uses */
	bool alt_recipient;
	bool has_keys;			/* there are public keys among its signatures: see
					 * tx_points */
	struct tenure_change change;	/* if payload is TX_TENURE_CHANGE */
	uint8_t txid[32];		/* filled by tx_txid */
};

/* The walk over one transaction.  It keeps where it stopped, so that bytes may come in pieces and
 * none is looked at again; it holds no pointer into them.  Begins as zeros. */
struct tx_walk {
	struct tx tx;			/* once it is whole, but for bytes and len */
	size_t at;			/* bytes taken */
	uint8_t step, after;		/* what comes next, and after the value that is being
					 * read */
	uint8_t conditions, mode, asset;
	uint32_t left, signatures;	/* of the list that is being read */
	struct value_walk value;
	bool points;			/* public keys must be points of the curve: a square root a
					 * key */
};
void tx_walk_begin(struct tx_walk *);	/* for another transaction */
/* Go on: p[0..n) are all bytes of the transaction that are there, from its first one; p may have
 * moved since. 1: whole, and at is its length; 0: short, and *need (> 0) the least number of bytes
 * that are lacking; -1: wrong. */
int tx_walk(struct tx_walk *, const uint8_t *p, size_t n, size_t *need);
/* Parse the transaction at the cursor and move past it.  0, or -1 with the cursor bad; a short
 * input sets *need (if not NULL) to the least number of further bytes that could complete it, a
 * wrong one to 0. Nothing is allocated; the transaction is a view.  Whether its public keys are
 * points is left to tx_points. */
int tx_parse(struct tx *, struct cursor *, size_t *need);
/* Whether its public keys are points of the curve, as nodes demand: for transactions that somebody
 * answers for, as each key costs as much as a kilobyte of hashing. */
bool tx_points(const struct tx *);
/* txid over the canonical bytes (version byte normalised): spec/blocks.md 2.1. */
void tx_txid(struct tx *);

#endif
