/* Blocks in their place: borders, extensions, burn views; and
 * consensus hashes out of their inputs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/chain/hash.h"
#include "common/chain/place.h"
#include "common/chain/proof.h"

/* Tenure n is the sortition at burn height n with consensus hash n n n ..., whose commit names
 * start id n-1. */
static struct burn_fact facts[8];

static struct burn_fact lookup(void *arg, const uint8_t ch[CH_LEN])
{
	return ch[0] < 8 ? facts[ch[0]] : (struct burn_fact){ .found = false };
}

/* Start ids that a later commit names. */
static bool names(void *arg, const uint8_t id[ID_LEN], uint64_t above)
{
	for (int i = 0; i < 8; i++)
		if (facts[i].canonical && facts[i].burn_height > above &&
		    memcmp(facts[i].committed, id, ID_LEN) == 0)
			return true;
	return false;
}

static const struct burn_lookup chain = { lookup, names, NULL, NULL };

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
	struct link l = { .height = height, .burn = 1000, .kind = kind };

	memset(l.id, 0x20 + (int)height, ID_LEN);
	memset(l.parent, 0x20 + (int)height - 1, ID_LEN);
	memset(l.ch, tenure, CH_LEN);
	memset(l.prev_ch, kind == BLOCK_START ? tenure - 1 : tenure, CH_LEN);
	memset(l.view, view, CH_LEN);
	return l;
}

#define assert_reason(got, want) \
	assert_string_equal(chain_reason_word(got), chain_reason_word(want))

static void ordinary(void **state)
{
	struct link parent = block(3, 9, BLOCK_START, 3), child = block(3, 10, BLOCK_ORDINARY, 0);

	assert_reason(place_child(&child, &parent, 1, &chain), REASON_OK);
	child.height = 11;
	assert_reason(place_child(&child, &parent, 1, &chain), REASON_HEIGHT);
	child = block(3, 10, BLOCK_ORDINARY, 0);
	child.burn++;
	assert_reason(place_child(&child, &parent, 1, &chain), REASON_BURN);
	child = block(2, 10, BLOCK_ORDINARY, 0);
	assert_reason(place_child(&child, &parent, 1, &chain), REASON_STRAY);
}

static void extension(void **state)
{
	struct link parent = block(3, 9, BLOCK_START, 3), child = block(3, 10, BLOCK_EXTEND, 5);

	child.prev_blocks = 1;
	child.burn = 1200;
	assert_reason(place_child(&child, &parent, 1, &chain), REASON_OK);
	assert_reason(place_child(&child, &parent, 2, &chain), REASON_EXTCOUNT);
	child.burn = 999;
	assert_reason(place_child(&child, &parent, 1, &chain), REASON_BURN);
	facts[5].has_total_burn = true;
	facts[5].total_burn = 1300;
	child.burn = 1200;
	assert_reason(place_child(&child, &parent, 1, &chain), REASON_BURN);
	child.burn = 1300;
	assert_reason(place_child(&child, &parent, 1, &chain), REASON_OK);
	memset(child.view, 9, CH_LEN);
	assert_reason(place_child(&child, &parent, 1, &chain), REASON_EXTVIEW);
	memset(child.view, 2, CH_LEN);
	assert_reason(place_child(&child, &parent, 1, &chain), REASON_EXTVIEW);
	memset(child.view, 6, CH_LEN);
	facts[6].canonical = false;
	assert_reason(place_child(&child, &parent, 1, &chain), REASON_EXTVIEW);
}

static enum chain_reason border_of(const struct link *start, const struct link *parent)
{
	uint8_t parent_start[ID_LEN];

	memset(parent_start, 0x10 + parent->ch[0], ID_LEN);
	return place_rules(NAKAMOTO)->border(start, parent, parent_start, 0, &chain);
}

/* From view to view a chain goes up. */
static void views(void **state)
{
	struct link parent = block(3, 9, BLOCK_EXTEND, 5), child = block(3, 10, BLOCK_ORDINARY, 0),
		    ext = block(3, 11, BLOCK_EXTEND, 4);
	struct link next = block(4, 11, BLOCK_START, 4);

	link_follow(&child, &parent);
	assert_memory_equal(child.view, parent.view, CH_LEN);
	ext.prev_blocks = 2;
	assert_reason(place_child(&ext, &child, 2, &chain), REASON_EXTVIEW);
	assert_reason(border_of(&next, &child), REASON_BURNVIEW);
	memset(ext.view, 5, CH_LEN);
	memset(next.view, 5, CH_LEN);
	assert_reason(place_child(&ext, &child, 2, &chain), REASON_OK);
	assert_reason(border_of(&next, &child), REASON_OK);
	/* What a reorg took away is no measure. */
	facts[5].canonical = false;
	memset(ext.view, 4, CH_LEN);
	assert_reason(place_child(&ext, &child, 2, &chain), REASON_OK);
}

static void start(void **state)
{
	struct link l = block(3, 10, BLOCK_START, 3);

	assert_reason(place_rules(NAKAMOTO)->start(&l, &chain), REASON_OK);
	memset(l.view, 2, CH_LEN);
	assert_reason(place_rules(NAKAMOTO)->start(&l, &chain), REASON_BURNVIEW);
	memset(l.view, 9, CH_LEN);
	assert_reason(place_rules(NAKAMOTO)->start(&l, &chain), REASON_BURNVIEW);
	memset(l.view, 4, CH_LEN);
	assert_reason(place_rules(NAKAMOTO)->start(&l, &chain), REASON_OK);
	facts[4].has_total_burn = true;
	facts[4].total_burn = 1001;
	assert_reason(place_rules(NAKAMOTO)->start(&l, &chain), REASON_BURN);
	facts[3].won = false;
	assert_reason(place_rules(NAKAMOTO)->start(&l, &chain), REASON_NOWINNER);
	facts[3].found = false;
	assert_reason(place_rules(NAKAMOTO)->start(&l, &chain), REASON_NOSORTITION);
}

static void border(void **state)
{
	struct link parent = block(2, 9, BLOCK_ORDINARY, 2), l = block(3, 10, BLOCK_START, 3);
	const struct place_rules *rules = place_rules(NAKAMOTO);
	uint8_t parent_start[ID_LEN], other[ID_LEN] = { 1 };

	memset(parent_start, 0x12, ID_LEN);
	l.prev_blocks = 4;
	assert_reason(rules->border(&l, &parent, parent_start, 4, &chain), REASON_OK);
	assert_reason(rules->border(&l, &parent, parent_start, 3, &chain), REASON_COUNT);
	assert_reason(rules->border(&l, &parent, other, 4, &chain), REASON_COMMIT);
	l.height = 12;
	assert_reason(rules->border(&l, &parent, parent_start, 4, &chain), REASON_HEIGHT);
	l.height = 10;
	memset(l.prev_ch, 1, CH_LEN);
	assert_reason(rules->border(&l, &parent, parent_start, 4, &chain), REASON_PREVTENURE);
	memset(l.prev_ch, 2, CH_LEN);
	l.burn = 999;
	assert_reason(rules->border(&l, &parent, parent_start, 4, &chain), REASON_BURN);
	l.burn = 1000;
	facts[2].burn_height = 3;	/* the tenure below cannot be as high */
	assert_reason(rules->border(&l, &parent, parent_start, 4, &chain), REASON_PREVTENURE);
	parent = block(3, 9, BLOCK_ORDINARY, 3);	/* a second start in a tenure */
	memset(l.prev_ch, 3, CH_LEN);
	assert_reason(rules->border(&l, &parent, parent_start, 4, &chain), REASON_PREVTENURE);
}

static void named(void **state)
{
	struct link l = block(3, 10, BLOCK_START, 3);
	uint8_t id[ID_LEN];

	memset(id, 0x13, ID_LEN);
	assert_true(place_rules(NAKAMOTO)->named(l.ch, id, &chain));
	facts[4].canonical = false;
	assert_false(place_rules(NAKAMOTO)->named(l.ch, id, &chain));
	facts[4].canonical = true;
	facts[4].burn_height = 3;	/* not above its own */
	assert_false(place_rules(NAKAMOTO)->named(l.ch, id, &chain));
}

/* A start whose parent is not held: as far as its own commit and the tenure below tell. */
static void crossing(void **state)
{
	struct link l = block(1, 40, BLOCK_START, 1);
	bool yes;

	l.prev_blocks = 1;
	memset(l.parent, 0x10, ID_LEN);
	assert_reason(place_crossing(&l, ANY_MODEL, &yes, &chain), REASON_OK);
	assert_true(yes);
	assert_reason(place_crossing(&l, 0, &yes, &chain), REASON_OK);
	assert_false(yes);
	assert_reason(place_crossing(&l, MODEL_BIT(NAKAMOTO), &yes, &chain), REASON_OK);
	assert_false(yes);
	l.prev_blocks = 2;
	assert_reason(place_crossing(&l, 0, &yes, &chain), REASON_COUNT);
	memset(l.parent, 0x11, ID_LEN);
	assert_reason(place_crossing(&l, ANY_MODEL, &yes, &chain), REASON_OK);
	assert_false(yes);
	assert_reason(place_crossing(&l, MODEL_BIT(EPOCH2), &yes, &chain), REASON_COMMIT);
	l.model = EPOCH2;
	assert_reason(place_crossing(&l, MODEL_BIT(EPOCH2), &yes, &chain), REASON_OK);
	assert_false(yes);
}

/* Epoch 2.x: tenure n is one block, of hash 0x40 + n, that its own sortition names. */
static int setup2(void **state)
{
	setup(state);
	for (int i = 1; i < 8; i++) {
		memset(facts[i].committed, 0x40 + i, ID_LEN);
		memset(facts[i].parent_ch, i - 1, CH_LEN);
	}
	return 0;
}

static struct link anchored(int tenure, uint64_t height)
{
	struct link l = block(tenure, height, BLOCK_START, tenure);
	uint8_t hash[32];

	l.model = EPOCH2;
	l.prev_blocks = 1;
	memset(hash, 0x40 + tenure, 32);
	hash_block_id(l.id, hash, l.ch);
	memset(hash, 0x40 + tenure - 1, 32);
	hash_block_id(l.parent, hash, l.prev_ch);
	return l;
}

static void epoch2(void **state)
{
	const struct place_rules *rules = place_rules(EPOCH2);
	struct link below = anchored(2, 9), l = anchored(3, 10);

	assert_true(rules->named(l.ch, l.id, &chain));
	assert_false(rules->named(l.ch, below.id, &chain));
	assert_reason(rules->start(&l, &chain), REASON_OK);
	assert_reason(rules->border(&l, &below, below.id, 1, &chain), REASON_OK);
	l.height = 11;
	assert_reason(rules->border(&l, &below, below.id, 1, &chain), REASON_HEIGHT);
	l.height = 10;
	facts[2].burn_height = 3;
	assert_reason(rules->border(&l, &below, below.id, 1, &chain), REASON_PREVTENURE);
	facts[2].burn_height = 2;
	facts[2].has_total_burn = true;
	facts[2].total_burn = 1001;	/* up to the parent's sortition, not to its own */
	assert_reason(rules->border(&l, &below, below.id, 1, &chain), REASON_BURN);
	assert_reason(rules->start(&l, &chain), REASON_BURN);
	l.burn = 1001;
	assert_reason(rules->border(&l, &below, below.id, 1, &chain), REASON_OK);
	below.model = NAKAMOTO;
	assert_reason(rules->border(&l, &below, below.id, 1, &chain), REASON_PARENT);
	memset(facts[2].committed, 1, ID_LEN);
	assert_reason(rules->start(&l, &chain), REASON_PARENT);
	facts[2].found = false;
	assert_reason(rules->start(&l, &chain), REASON_OK);
	memset(facts[3].committed, 1, ID_LEN);
	assert_reason(rules->start(&l, &chain), REASON_WINNER);
	facts[3].won = false;
	assert_reason(rules->start(&l, &chain), REASON_NOWINNER);
	facts[3].found = false;
	assert_reason(rules->start(&l, &chain), REASON_NOSORTITION);
}

/* The first Nakamoto tenure on an epoch 2.x block: as on any tenure of one block. */
static void transition(void **state)
{
	const struct place_rules *rules = place_rules(NAKAMOTO);
	struct link below = anchored(2, 9), l = block(3, 10, BLOCK_START, 3), child;

	l.prev_blocks = 1;
	memcpy(l.parent, below.id, ID_LEN);
	memcpy(facts[3].committed, below.id, ID_LEN);
	assert_reason(rules->border(&l, &below, below.id, 1, &chain), REASON_OK);
	l.height = 11;
	assert_reason(rules->border(&l, &below, below.id, 1, &chain), REASON_HEIGHT);
	l.height = 10;
	l.prev_blocks = 2;
	assert_reason(rules->border(&l, &below, below.id, 1, &chain), REASON_COUNT);
	l.prev_blocks = 1;
	memset(l.prev_ch, 1, CH_LEN);
	assert_reason(rules->border(&l, &below, below.id, 1, &chain), REASON_PREVTENURE);
	memset(l.prev_ch, 2, CH_LEN);
	l.burn = 999;
	assert_reason(rules->border(&l, &below, below.id, 1, &chain), REASON_BURN);
	l.burn = 1000;
	facts[3].committed[0] ^= 1;
	assert_reason(rules->border(&l, &below, below.id, 1, &chain), REASON_COMMIT);
	/* An epoch 2.x tenure has one block. */
	child = block(2, 10, BLOCK_ORDINARY, 0);
	assert_reason(place_child(&child, &below, 1, &chain), REASON_STRAY);
}

static void boot(void **state)
{
	uint8_t zeros[32] = { 0 }, id[ID_LEN];
	struct link l = block(1, 1, BLOCK_START, 1), first = anchored(1, 1), zero;

	hash_block_id(id, zeros, zeros);
	assert_false(place_boot(&zero, l.id));
	assert_true(place_boot(&zero, id));
	l.prev_blocks = 1;
	memcpy(l.parent, id, ID_LEN);
	memcpy(first.parent, id, ID_LEN);
	/* The first winner of all: only the boot block can be its parent. */
	memset(first.prev_ch, 0, CH_LEN);
	facts[1].first = true;
	assert_reason(place_rules(EPOCH2)->start(&first, &chain), REASON_OK);
	facts[0].found = false;
	first.parent[0] ^= 1;
	assert_reason(place_rules(EPOCH2)->start(&first, &chain), REASON_PARENT);
	first.parent[0] ^= 1;
	assert_reason(place_rules(EPOCH2)->border(&first, &zero, id, 1, &chain), REASON_OK);
	first.height = 2;
	assert_reason(place_rules(EPOCH2)->border(&first, &zero, id, 1, &chain), REASON_HEIGHT);
	memcpy(facts[1].committed, id, ID_LEN);
	assert_reason(place_rules(NAKAMOTO)->border(&l, &zero, id, 1, &chain), REASON_OK);
	memset(l.prev_ch, 7, CH_LEN);
	assert_reason(place_rules(NAKAMOTO)->border(&l, &zero, id, 1, &chain), REASON_PREVTENURE);
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
		cmocka_unit_test_setup(named, setup),
		cmocka_unit_test_setup(crossing, setup),
		cmocka_unit_test_setup(epoch2, setup2),
		cmocka_unit_test_setup(transition, setup2),
		cmocka_unit_test_setup(boot, setup2),
		cmocka_unit_test(consensus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
