// link: cmd/inv-sync/machine.c
/* The inventory machine over epoch 2.x, under a clock that the test owns: anchor blocks first, then
 * blocks as far as they agree; what a peer that turns again and again costs; and both models side
 * by side, where neither holds up the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cmd/inv-sync/machine.h"
#include "common/chain/bitvec.h"
#include "common/chain/inventory.h"
#include "common/chain/pox.h"

#define LENGTH 100
#define CROSSING 20 /* the cycle in which epoch 3.0 begins, at its height 120 */
#define CYCLES 30
#define TIP (100 + LENGTH * CYCLES - 50)
#define NAKAMOTO_BURN (100 + LENGTH * CROSSING + 20)
enum { TENURES, POX, BLOCKS };

static const char network_text[] =
    "name sim\nchain_id 0x80000000\npeer_version 0xfacade10\nfirst_burn_height 100\n"
    "first_burn_hash "
    "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206\ncycle_length "
    "100\nprepare_length 10\n"
    "stable_confirmations 7\nprivate_peers 1\ninv_reward_cycles 3\nepoch 2.0 100\nepoch 3.0 2120\n";

/* One peer: what it says of anchor blocks, and what it was asked. */
struct sim {
	struct network net;
	struct machine m;
	struct asks asks;
	struct asked peer;
	uint8_t pox[MAX_POX_BITS / 8];
	uint32_t n_pox; /* that it knows */
	uint64_t now, voided;
	bool mute; /* no answer to any question of epoch 2.x */
	unsigned asked[3][CYCLES], count[3][CYCLES], total[3];
};

static void known(struct sim *s)
{
	for (uint64_t c = 0; c <= s->m.last; c++)
		machine_cycle_known(&s->m, c);
}

static void sim_init(struct sim *s, bool once)
{
	char err[200];

	memset(s, 0, sizeof(*s));
	s->now = 1000;
	s->peer = (struct asked){ 0xfacade10, TIP };
	s->n_pox = MAX_POX_BITS;
	pox_own(s->pox, MAX_POX_BITS);
	assert_int_equal(network_parse(&s->net, network_text, strlen(network_text), err), 0);
	machine_init(&s->m, &s->net, once, inv_questions, n_inv_questions);
	machine_tip(&s->m, TIP, false, s->now);
	assert_int_equal(s->m.last, CYCLES - 1);
	known(s);
}

static void sim_release(struct sim *s)
{
	asks_release(&s->asks);
	machine_release(&s->m);
}

static void answer_pox(struct sim *s, struct inquiry i)
{
	uint8_t bits[ASK_POX_STEP / 8] = { 0 };
	uint32_t n = s->n_pox > i.cycle + i.count ? i.count :
	    s->n_pox > i.cycle			  ? s->n_pox - (uint32_t)i.cycle :
						    0;

	assert_in_range(i.count, 1, ASK_POX_STEP);
	for (uint32_t b = 0; b < n; b++)
		if (bitvec_get(s->pox, MAX_POX_BITS, (uint32_t)i.cycle + b))
			bitvec_set(bits, b);
	s->voided = asks_pox(&s->asks, &s->m, i, bits, n, s->now);
}

static void answer(struct sim *s, struct inquiry i)
{
	s->asked[i.question][i.cycle]++;
	s->count[i.question][i.cycle] = i.count;
	s->total[i.question]++;
	if (i.question != TENURES && s->mute)
		return;
	asks_answered(&s->asks, &s->m, i, s->now);
	if (i.question == POX)
		answer_pox(s, i);
	else if (i.question == BLOCKS)
		assert_true(i.cycle < s->asks.agreed);
}

/* All that is due now. */
static void settle(struct sim *s)
{
	struct inquiry i;

	while (asks_next(&s->asks, &s->m, &s->peer, s->now, &i))
		answer(s, i);
}

static void run(struct sim *s, uint64_t ms)
{
	for (uint64_t end = s->now + ms; s->now < end; s->now += 1000)
		settle(s);
}

static void both_models(void **state)
{
	struct sim s;

	sim_init(&s, true);
	settle(&s);
	assert_true(asks_done(&s.asks, &s.m, &s.peer));
	for (unsigned c = 0; c < CYCLES; c++) {
		assert_int_equal(s.asked[TENURES][c], c >= CROSSING);
		assert_int_equal(s.asked[BLOCKS][c], c <= CROSSING);
		assert_int_equal(s.asked[POX][c], c % ASK_POX_STEP == 0 && c <= CROSSING);
		if (c <= CROSSING)
			assert_int_equal(s.count[BLOCKS][c], LENGTH);
	}
	assert_int_equal(s.count[POX][0], ASK_POX_STEP);
	assert_int_equal(s.count[POX][16], CROSSING + 1 - 16);
	assert_int_equal(s.asks.agreed, CROSSING + 1);
	sim_release(&s);
}

/* As many bits as both views reach: of a tip in the middle of a cycle, of a peer that is behind. */
static void counts(void **state)
{
	struct sim s;

	sim_init(&s, false);
	s.peer.reach = 100 + LENGTH * 9 + 30;
	settle(&s);
	assert_int_equal(s.count[BLOCKS][8], LENGTH);
	assert_int_equal(s.count[BLOCKS][9], 30);
	assert_int_equal(s.asked[BLOCKS][10], 0);
	assert_int_equal(s.count[POX][8], 3); /* cycles 8, 9 and 10 */
	assert_int_equal(s.asked[POX][16], 0);
	assert_true(asks_done(&s.asks, &s.m, &s.peer));
	/* The first height of a cycle is its second burn block (mod 1). */
	s.peer.reach = 100 + LENGTH * 10;
	run(&s, 45000);
	assert_int_equal(s.count[BLOCKS][9], LENGTH);
	assert_int_equal(s.asked[BLOCKS][10], 0);
	s.peer.reach++;
	run(&s, 45000);
	assert_int_equal(s.count[BLOCKS][10], 1);
	/* On its way up it is asked for its newest cycles at most, not for all. */
	assert_int_equal(s.asked[BLOCKS][5], 1);
	sim_release(&s);
}

static void disagreement(void **state)
{
	struct sim s;

	sim_init(&s, false);
	bitvec_clear(s.pox, 12);
	settle(&s);
	assert_int_equal(s.asks.agreed, 12);
	for (unsigned c = 0; c <= CROSSING; c++)
		assert_int_equal(s.asked[BLOCKS][c], c < 12);
	/* Anchor blocks are asked about beyond it, and Nakamoto is not touched by it. */
	assert_int_equal(s.asked[POX][16], 1);
	assert_int_equal(s.total[TENURES], CYCLES - CROSSING);
	assert_true(asks_done(&s.asks, &s.m, &s.peer));
	/* The peer has found the anchor block: what it said of blocks from there on is void. */
	bitvec_set(s.pox, 12);
	run(&s, ASK_OLD_MS + 1000);
	assert_int_equal(s.asks.agreed, CROSSING + 1);
	for (unsigned c = 12; c <= CROSSING; c++)
		assert_true(s.asked[BLOCKS][c] > 0);
	sim_release(&s);

	/* It knows fewer cycles than its tip has. */
	sim_init(&s, false);
	s.n_pox = 10;
	settle(&s);
	assert_int_equal(s.asks.agreed, 10);
	assert_int_equal(s.asked[POX][16], 0);
	assert_int_equal(s.asked[BLOCKS][10], 0);
	sim_release(&s);
}

/* Each flip is told with its cycle; blocks from there on are asked for again, and no others. */
static void flips(void **state)
{
	struct sim s;

	for (uint32_t c = 0; c <= CROSSING; c++) {
		struct inquiry i = { POX, c / ASK_POX_STEP * ASK_POX_STEP, ASK_POX_STEP };

		if (i.cycle + i.count > CROSSING + 1)
			i.count = CROSSING + 1 - (uint32_t)i.cycle;
		sim_init(&s, false);
		settle(&s);
		bitvec_clear(s.pox, c);
		answer_pox(&s, i);
		assert_int_equal(s.voided, c);
		assert_int_equal(s.asks.agreed, c);
		memset(s.asked, 0, sizeof(s.asked));
		settle(&s);
		assert_int_equal(s.asked[BLOCKS][c ? c - 1 : CROSSING], 0);
		bitvec_set(s.pox, c);
		answer_pox(&s, i);
		assert_int_equal(s.voided, c);
		assert_int_equal(s.asks.agreed, CROSSING + 1);
		answer_pox(&s, i);
		assert_true(s.voided == UINT64_MAX);
		sim_release(&s);
	}
}

/* A peer whose anchor blocks become others in each answer costs one scan in ASK_OLD_MS. */
static void turncoat(void **state)
{
	struct sim s;
	unsigned first;

	sim_init(&s, false);
	run(&s, 2000);
	first = s.total[BLOCKS];
	assert_int_equal(first, CROSSING + 1);
	for (unsigned n = 0; n < 600; n++) {
		struct inquiry i = { POX, 0, ASK_POX_STEP };

		s.pox[0] ^= 1;
		answer_pox(&s, i);
		run(&s, 1000);
	}
	assert_in_range(s.total[BLOCKS] - first, 0, 3 * (CROSSING + 1));
	sim_release(&s);
}

/* A burn block is news for anchor blocks, too: of the newest cycles alone. */
static void burn_block(void **state)
{
	struct sim s;

	sim_init(&s, false);
	s.m.net = &s.net;
	machine_release(&s.m);
	machine_init(&s.m, &s.net, false, inv_questions, n_inv_questions);
	s.peer.reach = 100 + LENGTH * 17 + 30;
	machine_tip(&s.m, s.peer.reach, false, s.now);
	known(&s);
	settle(&s);
	s.now += 2000;
	machine_tip(&s.m, ++s.peer.reach, true, s.now);
	run(&s, 3000);
	assert_int_equal(s.asked[POX][16], 2);
	assert_int_equal(s.asked[POX][8], 1);
	assert_int_equal(s.asked[BLOCKS][17], 2);
	assert_int_equal(s.asked[BLOCKS][16], 2);
	assert_int_equal(s.asked[BLOCKS][15], 1);
	assert_int_equal(s.count[BLOCKS][17], 31);
	/* The view has a cycle more while an answer is on its way. */
	machine_tip(&s.m, 100 + LENGTH * 29 + 1, false, s.now);
	known(&s);
	asks_answered(&s.asks, &s.m, (struct inquiry){ POX, 16, 3 }, s.now);
	bitvec_clear(s.pox, 17);
	answer_pox(&s, (struct inquiry){ POX, 16, 3 });
	assert_int_equal(s.voided, 17);
	sim_release(&s);
}

/* A peer that says nothing to one model's questions answers the other's as fast as ever. */
static void side_by_side(void **state)
{
	struct sim s;

	sim_init(&s, false);
	s.mute = true;
	asks_pox_load(&s.asks, s.pox, CROSSING + 1);
	run(&s, 200000);
	assert_int_equal(s.total[TENURES], (CYCLES - CROSSING) + 4 * 5 - 4);
	assert_int_equal(s.asks.flying[EPOCH2], ASK_FLYING_MAX);
	assert_int_equal(s.asks.flying[NAKAMOTO], 0);
	sim_release(&s);

	/* A peer before Nakamoto is asked nothing of it. */
	sim_init(&s, false);
	s.peer.version = 0xfacade0a;
	run(&s, 100000);
	assert_int_equal(s.total[TENURES], 0);
	assert_int_equal(s.asked[BLOCKS][CROSSING], 1);
	sim_release(&s);
}

static void wanted(void **state)
{
	struct sim s;

	sim_init(&s, true);
	machine_want(&s.m, network_first_wanted(&s.net, 15));
	settle(&s);
	for (unsigned c = 0; c <= CROSSING; c++)
		assert_int_equal(s.asked[BLOCKS][c], c >= 14);
	assert_true(asks_done(&s.asks, &s.m, &s.peer));
	/* All is wanted now. */
	machine_want(&s.m, network_first_wanted(&s.net, 0));
	assert_false(asks_done(&s.asks, &s.m, &s.peer));
	settle(&s);
	assert_int_equal(s.asked[BLOCKS][0], 1);
	sim_release(&s);

	sim_init(&s, true);
	machine_want(&s.m, network_first_wanted(&s.net, CROSSING));
	settle(&s);
	assert_int_equal(s.total[POX] + s.total[BLOCKS], 0);
	assert_int_equal(s.total[TENURES], CYCLES - CROSSING);
	sim_release(&s);
}

static void starts(void **state)
{
	assert_int_equal(scan_start(8, 0, 8), 7);
	assert_int_equal(scan_start(8, 1, 8), 7);
	assert_int_equal(scan_start(8, 2, 8), 6);
	assert_int_equal(scan_start(8, 3, 8), 5);
	assert_int_equal(scan_start(8, 300, 8), 0);
	assert_int_equal(scan_start(8, 3, 1), 1);
	assert_int_equal(scan_start(0, 0, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_models),
		cmocka_unit_test(counts),
		cmocka_unit_test(disagreement),
		cmocka_unit_test(flips),
		cmocka_unit_test(turncoat),
		cmocka_unit_test(burn_block),
		cmocka_unit_test(side_by_side),
		cmocka_unit_test(wanted),
		cmocka_unit_test(starts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
