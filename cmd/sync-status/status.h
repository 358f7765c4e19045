/* What sync-status knows, gathered from the store in one short read transaction. */
#ifndef SYNC_STATUS_H
#define SYNC_STATUS_H

#include <jansson.h>
#include "common/store/lock.h"

#define STATUS_ROWS 1000	/* of each list: the status is for reading */

/* The whole status as one JSON object (DESIGN 6): mode, burn_tip, proven_height, held, wanted, unavailable[], peers[], rate,
 * eta, faults[] and what else explains a sync.  writer: who holds the store's lock, or NULL.  The caller owns the object. */
json_t *status_gather(struct store *, const struct store_holder *writer);
/* The same for people, on stdout. */
void status_print(const json_t *);

#endif
