/* What sync-status knows, gathered from the store in one short read transaction. */
#ifndef SYNC_STATUS_H
#define SYNC_STATUS_H

#include <jansson.h>

#include "common/store/lock.h"

#define STATUS_ROWS 1000	/* of each list: the status is for reading */

/* wanted.c: blocks that are lacking, and tenures, as the view names them; low: lowest burn height
 * of the view.  known: the view reaches as far down as is wanted; exact: `blocks` (lacking) and
 * `total` (all that are wanted) are the very numbers, else they are at least so many.  A block of
 * epoch 2.x is a tenure of one.
 *
 * streams: microblock streams that these confirm and that are lacking.  Other winners of epoch 2.x,
 * which nobody misses: offered, of which a peer has claimed the block or we hold it; proven ones of
 * these; unclaimed. */
struct wanted {
	bool known, exact;
	uint64_t tenures, done, blocks, total, streams, offered, offered_done, unclaimed;
};
struct wanted wanted_count(struct store *, MDB_txn *, uint64_t low);

/* The whole status as one JSON object (DESIGN 6): mode, burn_tip, proven_height, held, wanted,
 * unavailable[], peers[], rate, eta, faults[] and what else explains a sync.  writer: who holds the
 * store's lock, or NULL.  *running: block-fetch is at work.  The caller owns the object. */
json_t *status_gather(struct store *, const struct store_holder *writer, bool *running);
/* The same for people, on stdout. */
void status_print(const json_t *, bool running);

#endif
