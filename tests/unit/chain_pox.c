/* PoX inventories and what hangs on them: our own vector, disagreement both ways, what it voids;
 * the merge of answers and announcements; and what a Nack says of a peer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/chain/inventory.h"
#include "common/chain/pox.h"
#include "common/wire/message.h"
#include "common/wire/nack.h"

/* '0' and '1', cycle 0 first. */
static uint32_t bits_of(uint8_t bits[8], const char *text)
{
	uint32_t n = (uint32_t)strlen(text);

	memset(bits, 0, 8);
	for (uint32_t i = 0; i < n; i++)
		if (text[i] == '1')
			bitvec_set(bits, i);
	return n;
}

static void assert_bits(const uint8_t *bits, const char *text)
{
	uint8_t want[8];
	uint32_t n = bits_of(want, text);

	for (uint32_t i = 0; i < n; i++)
		if (bitvec_get(bits, n, i) != bitvec_get(want, n, i))
			fail_msg("bit %u is not that of %s", i, text);
}

static void own(void **state)
{
	struct network mainnet = { .first_burn_height = 666050, .cycle_length = 2100 };
	struct network small = { .first_burn_height = 0, .cycle_length = 10 };
	uint8_t bits[3] = { 0, 0, 0xaa };

	assert_int_equal(pox_count(&mainnet, 0), 1);
	assert_int_equal(pox_count(&mainnet, 666050), 1);
	assert_int_equal(pox_count(&mainnet, 666051), 2);
	assert_int_equal(pox_count(&mainnet, 668150), 2);
	/* A cycle's bit comes with its second burn block, which names it. */
	assert_int_equal(pox_count(&mainnet, 668151), 3);
	assert_int_equal(pox_count(&mainnet, inventory_query_height(&mainnet, 140)), 142);
	/* A node at 111 answered 7 bits from cycle 6 and 2 from cycle 11. */
	assert_int_equal(pox_count(&small, 111), 13);
	assert_true(pox_count(&small, UINT64_MAX) == UINT64_MAX);
	pox_own(bits, 13);
	assert_int_equal(bits[0], 0xff);
	assert_int_equal(bits[1], 0x1f);
	assert_int_equal(bits[2], 0xaa);
	pox_own(bits, 16);
	assert_int_equal(bits[1], 0xff);
	assert_int_equal(bits[2], 0xaa);
}

static void disagreement(void **state)
{
	static const struct {
		const char *a, *b;
		bool differ;
		uint32_t cycle;
	} v[] = {
		{ "1111", "1111", false, 4 },
		{ "1111", "1101", true, 2 },
		{ "1101", "1111", true, 2 },
		{ "0111", "1110", true, 0 },
		{ "1111", "11111", true, 4 },
		{ "11110", "1111", true, 4 },
		{ "1011", "11", true, 1 },
		{ "1", "1", false, 1 },
		{ "111111111", "111111110", true, 8 },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		uint8_t a[8], b[8];
		uint32_t n_a = bits_of(a, v[i].a), n_b = bits_of(b, v[i].b), cycle = 99;

		assert_int_equal(pox_disagree(a, n_a, b, n_b, &cycle), v[i].differ);
		assert_int_equal(cycle, v[i].cycle);
		assert_int_equal(pox_disagree(b, n_b, a, n_a, &cycle), v[i].differ);
		assert_int_equal(cycle, v[i].cycle);
	}
	/* Spare bits of the last byte are no cycles. */
	assert_false(
	    pox_disagree((const uint8_t *)"\xff", 3, (const uint8_t *)"\x07", 3, &(uint32_t){ 0 }));
}

/* Up to the mod-1 boundary: the first height of a cycle belongs to the vector below. */
static void void_above(void **state)
{
	struct network net = { .first_burn_height = 100, .cycle_length = 5 };
	uint64_t cycle;
	uint32_t bit;

	assert_true(pox_stands(&net, 3, 115));
	assert_false(pox_stands(&net, 3, 116));
	assert_false(pox_stands(&net, 0, 101));
	for (uint64_t h = 101; h < 130; h++) {
		assert_true(inventory_bit(&net, INV_BLOCKS, h, &cycle, &bit));
		assert_int_equal(pox_stands(&net, 3, h), cycle < 3);
		assert_true(inventory_bit(&net, INV_MICROBLOCKS, h, &cycle, &bit));
		assert_int_equal(pox_stands(&net, 3, h), cycle < 3);
	}
}

static void pox_answers(void **state)
{
	uint8_t bits[8], answer[8];
	uint32_t have = bits_of(bits, "10111");

	/* The same again, and one less. */
	assert_int_equal(
	    pox_merge(bits, &have, 64, 0, answer, bits_of(answer, "10111")), UINT32_MAX);
	assert_int_equal(pox_merge(bits, &have, 64, 2, answer, bits_of(answer, "101")), UINT32_MAX);
	assert_bits(bits, "10101");
	/* A flip from 0 to 1, the lowest of two. */
	assert_int_equal(pox_merge(bits, &have, 64, 0, answer, bits_of(answer, "1111")), 1);
	assert_bits(bits, "11111");
	assert_int_equal(have, 5);
	/* What was not known before is no flip. */
	assert_int_equal(
	    pox_merge(bits, &have, 64, 4, answer, bits_of(answer, "1111")), UINT32_MAX);
	assert_int_equal(have, 8);
	/* A gap, with old bits behind the end. */
	bitvec_set(bits, 9);
	assert_int_equal(pox_merge(bits, &have, 64, 10, answer, bits_of(answer, "11")), UINT32_MAX);
	assert_int_equal(have, 12);
	assert_bits(bits, "111111110011");
	assert_int_equal(pox_merge(bits, &have, 64, 8, answer, bits_of(answer, "01")), 9);
	/* No further than there is room. */
	assert_int_equal(
	    pox_merge(bits, &have, 13, 12, answer, bits_of(answer, "111")), UINT32_MAX);
	assert_int_equal(have, 13);
	assert_false(bitvec_get(bits, 64, 13));
	assert_int_equal(pox_merge(bits, &have, 13, 13, answer, bits_of(answer, "1")), UINT32_MAX);
	assert_int_equal(have, 13);
	/* Each cycle of 33 in turn. */
	for (uint32_t flip = 0; flip < 33; flip++) {
		have = 33;
		pox_own(bits, 33);
		bitvec_clear(bits, flip);
		pox_own(answer, 33);
		assert_int_equal(pox_merge(bits, &have, 64, 0, answer, 33), flip);
	}
}

static void merged(uint32_t at, const char *with, bool clear, const char *want, uint32_t fresh)
{
	uint8_t bits[8], from[8];
	uint32_t n = bits_of(from, with);

	bits_of(bits, "1100110011001100");
	assert_int_equal(bitvec_merge(bits, at, from, n, clear), fresh);
	assert_bits(bits, want);
}

/* Answers overwrite the range that they are about, announcements only set. */
static void merges(void **state)
{
	merged(0, "00110011", false, "1111111111001100", 4);
	merged(0, "00110011", true, "0011001111001100", 4);
	merged(8, "11111111", false, "1100110011111111", 4);
	merged(8, "00000000", true, "1100110000000000", 0);
	merged(3, "10101", false, "1101110111001100", 2);
	merged(3, "10101", true, "1101010111001100", 2);
	merged(3, "1", false, "1101110011001100", 1);
	merged(3, "1", true, "1101110011001100", 1);
	merged(4, "1", false, "1100110011001100", 0);
	merged(14, "0111", false, "110011001100110111", 3);    /* past the end */
	merged(20, "101", true, "11001100110011000000101", 2); /* apart */
	merged(5, "", true, "1100110011001100", 0);
}

#define SAME HASH_SAME
#define DIFF HASH_DIFFERS
#define UNKN HASH_UNKNOWN
static void nacks(void **state)
{
	static const struct {
		uint32_t code;
		struct nack_view v;
		enum node_status want;
	} t[] = {
		{ NACK_THROTTLED, { 50, 50, SAME, SAME }, NODE_DEAD },
		{ NACK_HANDSHAKE_REQUIRED, { 50, 40, DIFF, DIFF }, NODE_DEAD },
		{ NACK_NO_SUCH_BLOCK, { 50, 49, SAME, SAME }, NODE_STALE },
		{ NACK_NO_SUCH_BLOCK, { 50, 49, DIFF, DIFF }, NODE_STALE },
		{ NACK_NO_SUCH_BLOCK, { 50, 50, DIFF, SAME }, NODE_DIVERGED },
		{ NACK_NO_SUCH_BLOCK, { 50, 50, UNKN, SAME }, NODE_DIVERGED },
		{ NACK_NO_SUCH_BLOCK, { 50, 50, SAME, DIFF }, NODE_DIVERGED },
		{ NACK_NO_SUCH_BLOCK, { 50, 51, SAME, UNKN }, NODE_DIVERGED },
		{ NACK_NO_SUCH_BLOCK, { 50, 51, SAME, SAME }, NODE_DIVERGED },
		{ NACK_NO_SUCH_BLOCK, { 50, 50, SAME, SAME }, NODE_BROKEN },
		{ NACK_INVALID_POX_FORK, { 50, 50, SAME, SAME }, NODE_DIVERGED },
		{ NACK_INVALID_POX_FORK, { 50, 10, DIFF, DIFF }, NODE_DIVERGED },
		{ NACK_INVALID_MESSAGE, { 50, 50, SAME, SAME }, NODE_BROKEN },
		{ NACK_STALE_VIEW, { 50, 10, SAME, SAME }, NODE_BROKEN },
		{ NACK_FUTURE_VIEW, { 50, 60, SAME, SAME }, NODE_BROKEN },
		{ 0, { 50, 50, SAME, SAME }, NODE_BROKEN },
		{ 0xffffffff, { 50, 50, SAME, SAME }, NODE_BROKEN },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		if (nack_status(t[i].code, &t[i].v) != t[i].want)
			fail_msg("row %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own),
		cmocka_unit_test(disagreement),
		cmocka_unit_test(void_above),
		cmocka_unit_test(pox_answers),
		cmocka_unit_test(merges),
		cmocka_unit_test(nacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
