/* What two views say of the anchor blocks of reward cycles, and up to where they agree. */
#include "common/chain/inventory.h"
#include "common/chain/pox.h"

uint64_t pox_count(const struct network *net, uint64_t burn_tip)
{
	uint64_t cycle;
	uint32_t bit;

	if (burn_tip > UINT32_MAX)
		return UINT64_MAX;
	/* The bit of the tip's cycle is there, and that of the next one. */
	return inventory_bit(net, INV_POX, burn_tip, &cycle, &bit) ? (uint64_t)bit + 2 : 1;
}

void pox_own(uint8_t *bits, uint32_t n)
{
	memset(bits, 0xff, bitvec_bytes(n));
	if (n % 8)
		bits[n / 8] = (uint8_t)((1u << n % 8) - 1);
}

bool pox_disagree(const uint8_t *a, uint32_t n_a, const uint8_t *b, uint32_t n_b, uint32_t *cycle)
{
	uint32_t n = n_a < n_b ? n_a : n_b;

	for (uint32_t i = 0; i < n; i++)
		if (bitvec_get(a, n, i) != bitvec_get(b, n, i))
			return *cycle = i, true;
	return *cycle = n, n_a != n_b;
}

uint32_t pox_merge(
    uint8_t *bits, uint32_t *have, uint32_t room, uint32_t from, const uint8_t *answer, uint32_t n)
{
	uint32_t flipped = UINT32_MAX;

	if (from >= room)
		return flipped;
	if (n > room - from)
		n = room - from;
	for (uint32_t i = *have; i < from + n; i++)
		bitvec_clear(bits, i);
	for (uint32_t i = from; i < from + n && flipped == UINT32_MAX; i++)
		if (i < *have && !bitvec_get(bits, *have, i) && bitvec_get(answer, n, i - from))
			flipped = i;
	bitvec_merge(bits, from, answer, n, true);
	if (*have < from + n)
		*have = from + n;
	return flipped;
}

bool pox_stands(const struct network *net, uint32_t cycle, uint64_t burn_height)
{
	return burn_height < inventory_query_height(net, cycle);
}

/* Next: common/chain/profile.c, the networks that are built in. */
