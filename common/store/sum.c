/* The checksum of what is stored.  The library's header is compiled in: that way its state needs no
 * heap, and short inputs no call; and it is compiled twice, for it runs more than twice as fast
 * with wide registers, and everything that is served passes through it. */
#ifndef __clang__
#pragma GCC optimize("O3")
#endif
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/store/sum_private.h"

SUM_FUNCTIONS(plain)

#ifdef __x86_64__
#define WIDE __builtin_cpu_supports("avx2")
#else
#define WIDE false
#define sum_of_wide sum_of_plain
#define sum_of_three_wide sum_of_three_plain
#endif

uint64_t sum_of(const void *p, size_t n)
{
	return WIDE ? sum_of_wide(p, n) : sum_of_plain(p, n);
}

uint64_t sum_of_three(const void *a, size_t na, const void *b, size_t nb, const void *c, size_t nc)
{
	return WIDE ? sum_of_three_wide(a, na, b, nb, c, nc) :
	    sum_of_three_plain(a, na, b, nb, c, nc);
}

/* Next: common/store/sum_wide.c, the same with wide registers. */
