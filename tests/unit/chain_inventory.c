/* The alignment of inventory bits: tenures from the first burn height of a cycle, blocks and
 * microblocks from the one after it, a bit a cycle for PoX. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/chain/inventory.h"

static const struct network net = { .first_burn_height = 666050, .cycle_length = 2100 };

static void check(enum inventory_kind kind, uint64_t height, uint64_t cycle, uint32_t bit)
{
	uint64_t c;
	uint32_t b;

	assert_true(inventory_bit(&net, kind, height, &c, &b));
	assert_true(c == cycle);
	assert_int_equal(b, bit);
}

static void heights(void **state)
{
	/* Cycle 96 of mainnet: what its consensus hash, of 867651, names. */
	assert_true(inventory_height(&net, INV_TENURES, 96, 0) == 867650);
	assert_true(inventory_height(&net, INV_BLOCKS, 96, 0) == 867651);
	assert_true(inventory_height(&net, INV_MICROBLOCKS, 96, 2099) == 869750);
	assert_true(inventory_height(&net, INV_POX, 0, 96) == 867651);
	assert_true(inventory_height(&net, INV_POX, 90, 6) == 867651);
}

static void bits(void **state)
{
	uint64_t c = 7;
	uint32_t b = 7;

	check(INV_TENURES, 666050, 0, 0);
	check(INV_TENURES, 867650, 96, 0);
	check(INV_TENURES, 867649, 95, 2099);
	check(INV_BLOCKS, 666051, 0, 0);
	check(INV_BLOCKS, 867651, 96, 0);
	check(INV_BLOCKS, 867650, 95, 2099);
	check(INV_MICROBLOCKS, 867650, 95, 2099);
	check(INV_POX, 867650, 0, 95);
	check(INV_POX, 867651, 0, 96);
	assert_false(inventory_bit(&net, INV_TENURES, 666049, &c, &b));
	assert_true(c == 0 && b == 0);
	assert_false(inventory_bit(&net, INV_BLOCKS, 666050, &c, &b));
	assert_false(inventory_bit(&net, INV_POX, 666050, &c, &b));
	assert_false(inventory_bit(&net, INV_BLOCKS, 0, &c, &b));
}

static void both_ways(void **state)
{
	for (enum inventory_kind kind = INV_TENURES; kind < INV_POX; kind++)
		for (uint64_t h = 670249; h < 672353; h++) {
			uint64_t c;
			uint32_t b;
			assert_true(inventory_bit(&net, kind, h, &c, &b));
			assert_true(inventory_height(&net, kind, c, b) == h);
		}
}

static void lengths(void **state)
{
	assert_int_equal(inventory_length(&net, INV_TENURES, 1, 668149), 0);
	assert_int_equal(inventory_length(&net, INV_TENURES, 1, 668150), 1);
	assert_int_equal(inventory_length(&net, INV_BLOCKS, 1, 668150), 0);
	assert_int_equal(inventory_length(&net, INV_BLOCKS, 1, 668151), 1);
	assert_int_equal(inventory_length(&net, INV_TENURES, 1, 670249), 2100);
	assert_int_equal(inventory_length(&net, INV_TENURES, 1, 670250), 2100);
	assert_int_equal(inventory_length(&net, INV_BLOCKS, 1, 670249), 2099);
	assert_int_equal(inventory_length(&net, INV_BLOCKS, 0, UINT64_MAX), 2100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heights),
		cmocka_unit_test(bits),
		cmocka_unit_test(both_ways),
		cmocka_unit_test(lengths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
