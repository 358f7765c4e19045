/* Blocks that others give us unasked, by an upload or a push: one rule for every program that
 * takes them.  What costs little is judged here, so that nobody fills the table `uploads` with what
 * no miner made: the sortition is known, its winner signed the header (epoch 2.x: committed to it),
 * and the transactions are those of the header.  The signers are the pipeline's business. */
#ifndef BLOCKSYNC_STORE_PUSHED_H
#define BLOCKSYNC_STORE_PUSHED_H

#include "common/chain/proof.h"
#include "common/limits.h"
#include "common/store/store.h"

enum pushed {
	PUSHED_TAKEN,		/* worth keeping */
	PUSHED_KNOWN,		/* the store has it */
	PUSHED_MALFORMED,	/* no block */
	PUSHED_REFUSED,		/* a block that is not to be kept */
	PUSHED_FULL		/* not now: its sender has sent too much, or too much waits */
};

/* Judge the block at p[0..n), what costs little first (limits.h, UPLOAD of COSTS).  ch: NULL of a
 * Nakamoto block; of an anchored block of epoch 2.x the consensus hash of its sortition, as the
 * giver says.  alone: no byte may follow it.  *b is the whole block, of b->len bytes, where it is
 * taken or known, and its header, as far as there is one, where it is not.  *why is the reason
 * where it is malformed or refused, else REASON_OK.  Never PUSHED_FULL. */
enum pushed pushed_judge(struct store *, MDB_txn *, const uint8_t *ch, const uint8_t *p, size_t n,
    bool alone, struct block *b, enum chain_reason *why);

/* The blocks of a push: n of them, back to back in p[0..len).  take is called for each that is to
 * be kept, in a read transaction.  Returns REASON_OK, or why the push is looked at no further:
 * pushed_fault says whose fault that is. */
enum chain_reason pushed_each(struct store *, const uint8_t *p, size_t len, uint32_t n,
    void (*take)(void *arg, const struct block *), void *arg);
/* PUSHED_MALFORMED or PUSHED_REFUSED: its sender's fault, which ends a conversation; PUSHED_TAKEN:
 * nobody's, as we may be behind. */
enum pushed pushed_fault(enum chain_reason);

/* How much each sender has sent lately.  Begins as zeros. */
struct push_budgets { struct { uint64_t who, at; uint32_t left; } of[PUSH_SENDERS]; };
/* Whether `who`, a key or an address, may send len bytes of n blocks more; if so they are
 * counted.  now: now_ms(). */
bool push_allowed(struct push_budgets *, const char *who, uint64_t now, size_t len, uint32_t n);

#endif
