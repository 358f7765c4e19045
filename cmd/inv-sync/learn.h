/* What peers have said they have: vectors are judged, compared with what was known, and kept
 * (learn.c); anchor blocks decide up to which cycle those of epoch 2.x mean anything. */
#ifndef BLOCKSYNC_INV_SYNC_LEARN_H
#define BLOCKSYNC_INV_SYNC_LEARN_H

#include "cmd/inv-sync/inv_sync.h"

/* What its key has answered before, in earlier conversations and runs. */
void learn_load(struct peer *);
/* Bits that were set in its answers, of all kinds. */
uint64_t learn_has(const struct peer *);
/* Nothing that was answered is its own any more. */
void learn_forget(struct peer *);

/* The vectors of an answer.  They overwrite what was known of the burn heights that they are
 * about. */
void learn_answer(struct peer *, struct inquiry, const struct message *);
/* By its Nack a peer follows other anchor blocks from the cycle on that was asked about. */
void learn_diverged(struct peer *, struct inquiry);
/* BlocksAvailable, MicroblocksAvailable: only set bits, of cycles that it has answered for. */
void learn_announced(struct peer *, const struct message *);
/* Put a fault of its key on record, but one in half a minute. */
void learn_fault(struct peer *, enum fault_class, const char *what, const char *evidence);

#endif
