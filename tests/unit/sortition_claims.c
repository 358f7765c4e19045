/* Quorums of reward sets and of block tips. */
// link: cmd/sortition-sync/claims.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "cmd/sortition-sync/claims.h"
#include "common/chain/bytes.h"

static const uint8_t keys_a[2][KEY_LEN] = { { 2, 1 }, { 2, 2 } },
		     keys_b[2][KEY_LEN] = { { 2, 1 }, { 3, 3 } };
static const uint8_t weights[2][4] = { { 0, 0, 0, 1 }, { 0, 0, 0, 2 } };

static struct rec_reward_set set_of(uint64_t cycle, const void *keys)
{
	return (struct rec_reward_set){
		.cycle = cycle, .keys = { keys, 2 }, .weights = { weights, 2 }
	};
}

static struct claims three(void)
{
	struct claims c;

	claims_init(&c, 3, 2, 5);
	c.sets_from = c.tips_from = 7;
	claims_want(&c, 8);
	return c;
}

static void test_sets(void **state)
{
	struct claims c = three();
	struct rec_reward_set a = set_of(6, keys_a), b = set_of(6, keys_b), out;
	uint64_t liars;

	/* the liar is first */
	assert_int_equal(claims_set(&c, 0, &b, &out, &liars), CLAIM_NOTED);
	assert_int_equal(claims_set(&c, 1, &a, &out, &liars), CLAIM_NOTED);
	assert_int_equal(liars, 0);
	assert_int_equal(claims_set(&c, 2, &a, &out, &liars), CLAIM_SETTLED);
	assert_int_equal(out.sources, 2);
	assert_memory_equal(out.keys.p, keys_a, sizeof(keys_a));
	assert_int_equal(liars, 1);
	claims_ignore(&c, 0);
	assert_int_equal(claims_set(&c, 0, &b, &out, &liars), CLAIM_NOTED);
	a.cycle = b.cycle = 7;
	claims_set(&c, 1, &a, &out, &liars);
	assert_int_equal(claims_set(&c, 2, &a, &out, &liars), CLAIM_SETTLED);
	claims_release(&c);

	c = three();
	a.cycle = b.cycle = 5;
	claims_set(&c, 0, &a, &out, &liars);
	assert_int_equal(claims_set(&c, 1, &a, &out, &liars), CLAIM_SETTLED);
	/* the liar is last */
	assert_int_equal(claims_set(&c, 2, &b, &out, &liars), CLAIM_FALSE);
	assert_int_equal(liars, 4);
	claims_release(&c);
}

static void test_change(void **state)
{
	struct claims c = three();
	struct rec_reward_set a = set_of(6, keys_a), b = set_of(6, keys_b), out;
	uint8_t flood[2][KEY_LEN] = { { 2, 9 }, { 2, 9 } };
	struct rec_reward_set many = set_of(6, flood);
	uint64_t liars, cycle;
	unsigned n = 0;

	/* Of one source the last word counts, and only that is kept. */
	for (unsigned i = 0; i < 1000; i++) {
		put_be32(flood[0] + 2, i);
		assert_int_equal(claims_set(&c, 0, &many, &out, &liars), CLAIM_NOTED);
	}
	for (const struct set_claim *p = c.cycles[6 - c.low].claims; p; p = p->next)
		n++;
	assert_int_equal(n, 1);
	assert_int_equal(claims_set(&c, 0, &a, &out, &liars), CLAIM_NOTED);
	assert_int_equal(claims_set(&c, 1, &a, &out, &liars), CLAIM_SETTLED);
	assert_int_equal(liars, 0);

	/* The burnchain gives way, and with it the set: nobody lies. */
	while (claims_next(&c, 2, &cycle))
		;
	claims_recheck(&c, 6);
	assert_true(claims_next(&c, 2, &cycle) && cycle == 7 && claims_next(&c, 2, &cycle));
	assert_int_equal(cycle, 6);
	assert_false(claims_next(&c, 2, &cycle));
	assert_int_equal(claims_set(&c, 1, &b, &out, &liars), CLAIM_NOTED);
	assert_int_equal(claims_set(&c, 2, &b, &out, &liars), CLAIM_SETTLED);
	assert_int_equal(liars, 0);
	assert_memory_equal(out.keys.p, keys_b, sizeof(keys_b));
	claims_release(&c);
}

static void test_store(void **state)
{
	struct claims c = three();
	struct rec_reward_set a = set_of(7, keys_a), b = set_of(7, keys_b), out;
	uint64_t liars, cycle;

	claims_load(&c, &a);
	/* what the store has is no witness */
	assert_int_equal(claims_set(&c, 0, &b, &out, &liars), CLAIM_NOTED);
	assert_int_equal(liars, 0);
	assert_int_equal(claims_set(&c, 1, &b, &out, &liars), CLAIM_SETTLED);
	assert_true(claims_next(&c, 2, &cycle));
	assert_int_equal(cycle, 7);
	claims_failed(&c, 2, cycle);
	assert_true(claims_next(&c, 2, &cycle));
	assert_int_equal(cycle, 7);
	claims_missing(&c, 2, cycle);
	assert_true(claims_next(&c, 2, &cycle));
	assert_int_equal(cycle, 6);
	assert_false(claims_complete(&c, 8));
	for (unsigned s = 0; s < 3; s++)
		for (uint64_t i = 5; i < 7; i++)
			claims_missing(&c, s, i);
	assert_true(claims_complete(&c, 8));	/* nobody has it: nothing to wait for */
	claims_release(&c);
}

static struct rec_tip tip_of(uint8_t n, uint64_t height, uint8_t tenure, uint8_t start)
{
	return (struct rec_tip){
		.id = { n }, .height = height, .consensus_hash = { tenure }, .start_id = { start }
	};
}

static void test_tips(void **state)
{
	struct claims c = three();
	struct rec_tip t1 = tip_of(1, 100, 1, 1), t2 = tip_of(2, 101, 1, 1),
		       lie = tip_of(9, 1100, 1, 9), fork = tip_of(3, 99, 2, 2);
	uint64_t liars;

	assert_int_equal(claims_tip(&c, 0, &t1, &liars), CLAIM_NOTED);
	/* one block ahead of the other */
	assert_int_equal(claims_tip(&c, 0, &t2, &liars), CLAIM_NOTED);
	assert_int_equal(claims_tip(&c, 1, &t1, &liars), CLAIM_SETTLED);
	assert_int_equal(c.best.height, 100);
	assert_int_equal(claims_tip(&c, 2, &lie, &liars), CLAIM_FALSE);
	assert_int_equal(liars, 4);
	claims_ignore(&c, 2);
	assert_int_equal(claims_tip(&c, 1, &t2, &liars), CLAIM_SETTLED);
	assert_int_equal(c.best.height, 101);
	/* the chain gave way: a lower tip, named last */
	assert_int_equal(claims_tip(&c, 0, &fork, &liars), CLAIM_NOTED);
	assert_int_equal(claims_tip(&c, 1, &fork, &liars), CLAIM_SETTLED);
	assert_int_equal(c.best.height, 99);
	claims_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_sets),
		cmocka_unit_test(test_change), cmocka_unit_test(test_store),
		cmocka_unit_test(test_tips) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Next: tests/sim/sortition_view.c */
