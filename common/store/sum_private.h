/* One text of the checksum for two ways to compile it.  Not for programs. */
#ifndef BLOCKSYNC_STORE_SUM_PRIVATE_H
#define BLOCKSYNC_STORE_SUM_PRIVATE_H

#include <stdbool.h>

#include "common/store/sum.h"

uint64_t sum_of_plain(const void *, size_t);
uint64_t sum_of_three_plain(const void *, size_t, const void *, size_t, const void *, size_t);
uint64_t sum_of_wide(const void *, size_t);	/* on x86-64 alone */
uint64_t sum_of_three_wide(const void *, size_t, const void *, size_t, const void *, size_t);

/* After xxhash.h. */
#define SUM_FUNCTIONS(way)                                                                \
	uint64_t sum_of_##way(const void *p, size_t n) { return XXH3_64bits(p, n); }      \
	uint64_t sum_of_three_##way(                                                      \
	    const void *a, size_t na, const void *b, size_t nb, const void *c, size_t nc) \
	{                                                                                 \
		XXH3_state_t s;                                                           \
                                                                                          \
		XXH3_64bits_reset(&s);                                                    \
		XXH3_64bits_update(&s, a, na);                                            \
		XXH3_64bits_update(&s, b, nb);                                            \
		XXH3_64bits_update(&s, c, nc);                                            \
		return XXH3_64bits_digest(&s);                                            \
	}

#endif
