/* The checksum that stands beside what is stored: XXH3, 64 bits, against flipped bits and not
 * against malice. */
#ifndef BLOCKSYNC_STORE_SUM_H
#define BLOCKSYNC_STORE_SUM_H

#include <stddef.h>
#include <stdint.h>

/* Of one piece of bytes, and of three, one behind the other. */
uint64_t sum_of(const void *, size_t);
uint64_t sum_of_three(const void *, size_t, const void *, size_t, const void *, size_t);

#endif
