/* Walking and counting bit vectors, a byte at a time where bytes are empty. */
#include "common/chain/bitvec.h"

int64_t bitvec_next(const uint8_t *bits, uint32_t n, uint32_t i)
{
	while (i < n) {
		if (i % 8 == 0 && bits[i / 8] == 0)
			i += 8;
		else if (bitvec_get(bits, n, i))
			return i;
		else
			i++;
	}
	return -1;
}

uint32_t bitvec_count(const uint8_t *bits, uint32_t n)
{
	uint32_t count = 0;

	/* Spare bits of the last byte may be set on the wire: they do not count. */
	for (uint32_t i = 0; i < n / 8; i++)
		count += (uint32_t)__builtin_popcount(bits[i]);
	if (n % 8)
		count += (uint32_t)__builtin_popcount(bits[n / 8] & ((1u << n % 8) - 1));
	return count;
}

uint32_t bitvec_merge(uint8_t *into, uint32_t at, const uint8_t *from, uint32_t n, bool clear)
{
	uint32_t fresh = 0;

	for (uint32_t i = 0; i < n; i++) {
		bool had = bitvec_get(into, UINT32_MAX, at + i), has = bitvec_get(from, n, i);

		if (has && !had) {
			bitvec_set(into, at + i);
			fresh++;
		} else if (clear && !has && had) {
			bitvec_clear(into, at + i);
		}
	}
	return fresh;
}

/* Next: common/chain/network.c, which cycle and epoch a bit stands in. */
