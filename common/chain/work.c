/* The counters of work. */
#include "common/chain/work.h"

_Thread_local struct work work_done;

struct work work_since(struct work before)
{
	return (struct work){ work_done.curve - before.curve, work_done.hashed - before.hashed,
		work_done.parsed - before.parsed };
}

/* Next: common/chain/hash.c, the hashes that identifiers are. */
