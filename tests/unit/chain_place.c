/* Blocks in their place: borders, extensions, burn views; and
 * consensus hashes out of their inputs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/chain/hash.h"
#include "common/chain/proof.h"

/* Tenure n is the sortition at burn height n with consensus hash n n n ..., whose commit names
 * start id n-1. */
static struct burn_fact facts[8];

static struct burn_fact lookup(void *arg, const uint8_t ch[CH_LEN])
{
	return ch[0] < 8 ? facts[ch[0]] : (struct burn_fact){ .found = false };
}

static int setup(void **state)
{
	for (int i = 0; i < 8; i++) {
		facts[i] = (struct burn_fact){
			.found = true, .canonical = true, .burn_height = (uint64_t)i, .won = i > 0
		};
		memset(facts[i].committed, 0x10 + i - 1, ID_LEN);
	}
	return 0;
}

/* Block of a tenure at a height, on the parent of the height below. Ids: 0x20 + height; starts:
 * 0x10 + tenure. */
static struct link block(int tenure, uint64_t height, enum block_kind kind, int view)
{
	struct link l = { .height = height, .burn_spent = 1000, .kind = kind };

	memset(l.id, 0x20 + (int)height, ID_LEN);
	memset(l.parent, 0x20 + (int)height - 1, ID_LEN);
	memset(l.ch, tenure, CH_LEN);
	memset(l.change.tenure, tenure, CH_LEN);
	memset(l.change.prev_tenure, kind == BLOCK_START ? tenure - 1 : tenure, CH_LEN);
	memset(l.change.burn_view, view, CH_LEN);
	memset(l.view, view, CH_LEN);
	l.change.cause = kind == BLOCK_EXTEND;
	return l;
}

#define assert_reason(got, want) \
	assert_string_equal(chain_reason_word(got), chain_reason_word(want))

static void ordinary(void **state)
{
	struct link parent = block(3, 9, BLOCK_START, 3), child = block(3, 10, BLOCK_ORDINARY, 0);

	assert_reason(place_child(&child, &parent, 1, lookup, NULL), REASON_OK);
	child.height = 11;
	assert_reason(place_child(&child, &parent, 1, lookup, NULL), REASON_HEIGHT);
	child = block(3, 10, BLOCK_ORDINARY, 0);
	child.burn_spent++;
	assert_reason(place_child(&child, &parent, 1, lookup, NULL), REASON_BURN);
	child = block(2, 10, BLOCK_ORDINARY, 0);
	assert_reason(place_child(&child, &parent, 1, lookup, NULL), REASON_STRAY);
}

static void extension(void **state)
{
	struct link parent = block(3, 9, BLOCK_START, 3), child = block(3, 10, BLOCK_EXTEND, 5);

	child.change.prev_blocks = 1;
	child.burn_spent = 1200;
	assert_reason(place_child(&child, &parent, 1, lookup, NULL), REASON_OK);
	assert_reason(place_child(&child, &parent, 2, lookup, NULL), REASON_EXTCOUNT);
	child.burn_spent = 999;
	assert_reason(place_child(&child, &parent, 1, lookup, NULL), REASON_BURN);
	facts[5].has_total_burn = true;
	facts[5].total_burn = 1300;
	child.burn_spent = 1200;
	assert_reason(place_child(&child, &parent, 1, lookup, NULL), REASON_BURN);
	child.burn_spent = 1300;
	assert_reason(place_child(&child, &parent, 1, lookup, NULL), REASON_OK);
	memset(child.change.burn_view, 9, CH_LEN);
	assert_reason(place_child(&child, &parent, 1, lookup, NULL), REASON_EXTVIEW);
	memset(child.change.burn_view, 2, CH_LEN);
	assert_reason(place_child(&child, &parent, 1, lookup, NULL), REASON_EXTVIEW);
	memset(child.change.burn_view, 6, CH_LEN);
	facts[6].canonical = false;
	assert_reason(place_child(&child, &parent, 1, lookup, NULL), REASON_EXTVIEW);
}

/* From view to view a chain goes up. */
static void views(void **state)
{
	struct link parent = block(3, 9, BLOCK_EXTEND, 5), child = block(3, 10, BLOCK_ORDINARY, 0),
		    ext = block(3, 11, BLOCK_EXTEND, 4);
	struct link next = block(4, 11, BLOCK_START, 4);

	link_follow(&child, &parent);
	assert_memory_equal(child.view, parent.change.burn_view, CH_LEN);
	ext.change.prev_blocks = 2;
	assert_reason(place_child(&ext, &child, 2, lookup, NULL), REASON_EXTVIEW);
	assert_reason(place_child(&next, &child, 0, lookup, NULL), REASON_BURNVIEW);
	memset(ext.change.burn_view, 5, CH_LEN);
	memset(next.change.burn_view, 5, CH_LEN);
	assert_reason(place_child(&ext, &child, 2, lookup, NULL), REASON_OK);
	assert_reason(place_child(&next, &child, 0, lookup, NULL), REASON_OK);
	/* What a reorg took away is no measure. */
	facts[5].canonical = false;
	memset(ext.change.burn_view, 4, CH_LEN);
	assert_reason(place_child(&ext, &child, 2, lookup, NULL), REASON_OK);
}

static void start(void **state)
{
	struct link l = block(3, 10, BLOCK_START, 3);

	assert_reason(place_start(&l, lookup, NULL), REASON_OK);
	memset(l.change.burn_view, 2, CH_LEN);
	assert_reason(place_start(&l, lookup, NULL), REASON_BURNVIEW);
	memset(l.change.burn_view, 9, CH_LEN);
	assert_reason(place_start(&l, lookup, NULL), REASON_BURNVIEW);
	memset(l.change.burn_view, 4, CH_LEN);
	assert_reason(place_start(&l, lookup, NULL), REASON_OK);
	facts[4].has_total_burn = true;
	facts[4].total_burn = 1001;
	assert_reason(place_start(&l, lookup, NULL), REASON_BURN);
	facts[3].won = false;
	assert_reason(place_start(&l, lookup, NULL), REASON_NOWINNER);
	facts[3].found = false;
	assert_reason(place_start(&l, lookup, NULL), REASON_NOSORTITION);
}

static void border(void **state)
{
	struct link parent = block(2, 9, BLOCK_ORDINARY, 2), l = block(3, 10, BLOCK_START, 3);
	uint8_t parent_start[ID_LEN], other[ID_LEN] = { 1 };

	memset(parent_start, 0x12, ID_LEN);
	l.change.prev_blocks = 4;
	assert_reason(place_border(&l, &parent, parent_start, 4, lookup, NULL), REASON_OK);
	assert_reason(place_border(&l, &parent, parent_start, 3, lookup, NULL), REASON_COUNT);
	assert_reason(place_border(&l, &parent, other, 4, lookup, NULL), REASON_COMMIT);
	l.height = 12;
	assert_reason(place_border(&l, &parent, parent_start, 4, lookup, NULL), REASON_HEIGHT);
	l.height = 10;
	memset(l.change.prev_tenure, 1, CH_LEN);
	assert_reason(place_border(&l, &parent, parent_start, 4, lookup, NULL), REASON_PREVTENURE);
	memset(l.change.prev_tenure, 2, CH_LEN);
	l.burn_spent = 999;
	assert_reason(place_border(&l, &parent, parent_start, 4, lookup, NULL), REASON_BURN);
	l.burn_spent = 1000;
	facts[2].burn_height = 3;	/* the tenure below cannot be as high */
	assert_reason(place_border(&l, &parent, parent_start, 4, lookup, NULL), REASON_PREVTENURE);
	parent = block(3, 9, BLOCK_ORDINARY, 3);	/* a second start in a tenure */
	memset(l.change.prev_tenure, 3, CH_LEN);
	assert_reason(place_border(&l, &parent, parent_start, 4, lookup, NULL), REASON_PREVTENURE);
}

static void first(void **state)
{
	struct link l = block(1, 40, BLOCK_START, 1);
	uint8_t zeros[32] = { 0 }, before[CH_LEN];

	l.change.prev_blocks = 1;
	memset(l.parent, 0x10, ID_LEN);
	assert_reason(place_first(&l, lookup, NULL), REASON_OK);
	l.change.prev_blocks = 2;
	assert_reason(place_first(&l, lookup, NULL), REASON_COUNT);
	l.change.prev_blocks = 1;
	memcpy(before, l.change.prev_tenure, CH_LEN);
	memcpy(l.change.prev_tenure, l.ch, CH_LEN);	/* a tenure is not below itself */
	assert_reason(place_first(&l, lookup, NULL), REASON_PREVTENURE);
	memcpy(l.change.prev_tenure, before, CH_LEN);
	memset(l.parent, 0x11, ID_LEN);
	assert_reason(place_first(&l, lookup, NULL), REASON_COMMIT);
	hash_block_id(l.parent, zeros, zeros);
	memcpy(facts[1].committed, l.parent, ID_LEN);
	assert_reason(place_first(&l, lookup, NULL), REASON_HEIGHT);
	l.height = 1;
	assert_reason(place_first(&l, lookup, NULL), REASON_OK);
	memset(l.change.prev_tenure, 7, CH_LEN);
	assert_reason(place_first(&l, lookup, NULL), REASON_PREVTENURE);
}

static int earlier(void *arg, uint64_t height, uint8_t *ch)
{
	uint64_t *asked = arg;

	*asked |= 1ull << height;
	memset(ch, (int)height, CH_LEN);
	return height == 40 ? -1 : 0;
}

/* The preimage by hand: first height 10, cycles of 20. */
static void consensus(void **state)
{
	static struct network net = { .first_burn_height = 10, .cycle_length = 20 };
	uint8_t burn[32], ops[32], ch[CH_LEN], want[CH_LEN], in[4 + 32 + 32 + 8 + 3 + 4 * CH_LEN];
	uint64_t asked = 0;

	memset(burn, 1, 32);
	memset(ops, 2, 32);
	memcpy(in, "\x17\0\0\0", 4);
	memset(in + 4, 1, 32);
	memset(in + 36, 2, 32);
	put_be64(in + 68, 777);
	memset(in + 76, '1', 3);
	/* Height 31: two cycles have begun; hashes at 30, 29, 27, 23, 15. */
	assert_int_equal(view_consensus_hash(ch, &net, 31, burn, ops, 777, earlier, &asked), 0);
	assert_true(asked == (1ull << 30 | 1ull << 29 | 1ull << 27 | 1ull << 23 | 1ull << 15));
	/* Height 18: one cycle, hashes at 17, 16, 14, and zeros at the first height. */
	memset(in + 76, '1', 2);
	memset(in + 78, 17, CH_LEN);
	memset(in + 98, 16, CH_LEN);
	memset(in + 118, 14, CH_LEN);
	memset(in + 138, 0, CH_LEN);
	hash_hash160(want, in, 158);
	asked = 0;
	assert_int_equal(view_consensus_hash(ch, &net, 18, burn, ops, 777, earlier, &asked), 0);
	assert_memory_equal(ch, want, CH_LEN);
	assert_int_equal(view_consensus_hash(ch, &net, 41, burn, ops, 777, earlier, &asked), -1);
	assert_int_equal(view_consensus_hash(ch, &net, 10, burn, ops, 777, earlier, &asked), 0);
	memset(want, 0, CH_LEN);
	assert_memory_equal(ch, want, CH_LEN);
	assert_int_equal(view_consensus_hash(ch, &net, 9, burn, ops, 777, earlier, &asked), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ordinary, setup),
		cmocka_unit_test_setup(extension, setup),
		cmocka_unit_test_setup(views, setup),
		cmocka_unit_test_setup(start, setup),
		cmocka_unit_test_setup(border, setup),
		cmocka_unit_test_setup(first, setup),
		cmocka_unit_test(consensus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
