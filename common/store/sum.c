/* The checksum of what is stored.  The library's header is compiled in: that way its state needs no heap, and short inputs no call. */
#define XXH_INLINE_ALL
#include <xxhash.h>
#include "common/store/sum.h"

uint64_t sum_of(const void *p, size_t n)
{
	return XXH3_64bits(p, n);
}

uint64_t sum_of_three(const void *a, size_t na, const void *b, size_t nb, const void *c, size_t nc)
{
	XXH3_state_t s;

	XXH3_64bits_reset(&s);
	XXH3_64bits_update(&s, a, na);
	XXH3_64bits_update(&s, b, nb);
	XXH3_64bits_update(&s, c, nc);
	return XXH3_64bits_digest(&s);
}

/* Next: common/store/heal.c, what becomes of damaged blocks. */
