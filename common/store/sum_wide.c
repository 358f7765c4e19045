/* The checksum with wide registers, for processors that have them. */
#ifdef __x86_64__
#ifndef __clang__
#pragma GCC optimize("O3")
#endif
#pragma GCC target("avx2")
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/store/sum_private.h"

SUM_FUNCTIONS(wide)
#endif

/* Next: common/store/heal.c, what becomes of damaged blocks. */
