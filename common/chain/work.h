/* What was done to foreign bytes, counted: the price of each way in is agreed in common/limits.h,
 * and tests and fuzz targets compare it with these counters, which no load of the machine
 * changes. */
#ifndef BLOCKSYNC_CHAIN_WORK_H
#define BLOCKSYNC_CHAIN_WORK_H

#include <stdint.h>

struct work {
	uint64_t curve;		/* points found on the curve: one a key that is checked, one a
				 * signature that is recovered */
	uint64_t hashed;	/* bytes hashed, and HASH_FIXED more a hash */
	uint64_t parsed;	/* reads of transactions, and characters that were looked at one by
				 * one */
};
#define HASH_FIXED 64

/* All that this thread has done; it only grows. */
extern _Thread_local struct work work_done;
/* What this thread did since `before`, a copy of work_done. */
struct work work_since(struct work before);

#endif
