/* Blocks and microblocks that others give us unasked, by an upload or a push: one rule for every
 * program that takes them.  What costs little is judged here, so that nobody fills the table
 * `uploads` with what no miner made.
 *
 * Of either model the sortition is known, and may have a block of that model.  A Nakamoto block is
 * signed by the winner; an anchored block is the one that the winner's commit names; microblocks
 * are those that a proven block of ours confirms, by their hashes, and whose stream we lack.  The
 * transactions are those of the header.  All other rules are the pipeline's business. */
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
/* The microblocks of p[0..n), a vector: taken where a child of this block confirms some of them,
 * *row is then the row of `uploads` but for its source and request, and its body is the caller's to
 * free; known where its stream is.  *why may also be REASON_UNCONFIRMED: of a block that we do not
 * have, or that nobody confirms, or not all of them. */
enum pushed pushed_stream(struct store *, MDB_txn *, const uint8_t parent[ID_LEN],
    const uint8_t *p, size_t n, struct rec_block *row, enum chain_reason *why);

/* A push: NakamotoBlocks, Blocks or Microblocks of the wire; any other message is one of nothing.
 * take is called for each that is to be kept, in a read transaction, with a row without source and
 * request that ends with the call.  Returns REASON_OK, or why the push is looked at no further:
 * pushed_fault says whose fault that is. */
struct message;
enum chain_reason pushed_message(struct store *, const struct message *,
    void (*take)(void *arg, const struct rec_block *row), void *arg);
/* For how many blocks a push counts. */
uint32_t pushed_count(const struct message *);
/* PUSHED_MALFORMED or PUSHED_REFUSED: its sender's fault, which ends a conversation; PUSHED_TAKEN:
 * nobody's, as we may be behind. */
enum pushed pushed_fault(enum chain_reason);

/* How much each sender has sent lately.  Begins as zeros. */
struct push_budgets { struct { uint64_t who, at; uint32_t left; } of[PUSH_SENDERS]; };
/* Whether `who`, a key or an address, may send len bytes of n blocks more; if so they are
 * counted.  now: now_ms(). */
bool push_allowed(struct push_budgets *, const char *who, uint64_t now, size_t len, uint32_t n);

#endif
