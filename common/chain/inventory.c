/* The bits of inventories and their burn heights. */
#include "common/chain/inventory.h"

/* Burn height of bit 0 of cycle 0. */
static uint64_t bit_zero(const struct network *net, enum inventory_kind kind)
{
	return net->first_burn_height + (kind == INV_TENURES ? 0 : 1);
}

uint64_t inventory_height(const struct network *net, enum inventory_kind kind, uint64_t cycle,
    uint32_t bit)
{
	uint64_t length = net->cycle_length;

	return bit_zero(net, kind) +
	    (kind == INV_POX ? (cycle + bit) * length : cycle * length + bit);
}

uint64_t inventory_query_height(const struct network *net, uint64_t cycle)
{
	return inventory_height(net, INV_POX, cycle, 0);
}

bool inventory_bit(const struct network *net, enum inventory_kind kind, uint64_t burn_height,
    uint64_t *cycle, uint32_t *bit)
{
	uint64_t base = bit_zero(net, kind), above = burn_height - base;

	*cycle = 0;
	*bit = 0;
	if (burn_height < base)
		return false;
	if (kind == INV_POX) {
		*bit = (uint32_t)(above / net->cycle_length);
		return true;
	}
	*cycle = above / net->cycle_length;
	*bit = (uint32_t)(above % net->cycle_length);
	return true;
}

uint32_t inventory_length(const struct network *net, enum inventory_kind kind, uint64_t cycle,
    uint64_t burn_tip)
{
	uint64_t base = inventory_height(net, kind, cycle, 0);

	if (burn_tip < base)
		return 0;
	return burn_tip - base < net->cycle_length ? (uint32_t)(burn_tip - base + 1) :
						     net->cycle_length;
}

/* Next: common/chain/pox.c, up to which cycle two inventories speak of one chain. */
