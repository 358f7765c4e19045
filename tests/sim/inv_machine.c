// link: cmd/inv-sync/machine.c
/* The inventory machine under a clock that the test owns, with peers made from a seed: honest ones
 * of any latency, ones that lose their connection, ones that are behind and ones that refuse.  None
 * delays another, none is asked more than it should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "cmd/inv-sync/machine.h"
#include "common/wire/message.h"

#define PEERS 8
#define FIRST 5		/* cycle of epoch 3.0 */
#define CYCLES 45
#define TIP (100 * (FIRST + CYCLES) - 50)
/* Nakamoto peers, and one of epoch 2.x */
static const struct asked nakamoto = { 0xfacade10, TIP }, epoch2 = { 0xfacade0a, TIP };
/* What is asked here, if nothing else is said. */
static const struct question tenures[] = {
	{ INV_TENURES, 1, NAKAMOTO, MSG_GET_NAKAMOTO_INV, MSG_NAKAMOTO_INV, 1 },
};

static const char network_text[] =
    "name sim\nchain_id 0x80000000\npeer_version 0xfacade10\nfirst_burn_height 0\n"
    "first_burn_hash "
    "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206\ncycle_length "
    "100\nprepare_length 10\n"
    "stable_confirmations 7\nprivate_peers 1\ninv_reward_cycles 3\nepoch 2.0 0\nepoch 3.0 520\n";

struct flight {
	struct inquiry of;
	uint64_t lands;
};
struct sim_peer {
	struct asks asks;
	struct flight flying[ASK_FLYING_MAX];
	unsigned n_flying;
	/* ms; chance in 1,000 that an answer is a lost connection instead */
	unsigned latency, lose;
	bool behind;			/* Nacks the newest cycle */
	unsigned told;			/* times that it counted as refusing */
	uint64_t answered[CYCLES + 1], asked[CYCLES + 1];
	unsigned asks_of[CYCLES + 1], first_asked[4], n_first;
};
struct sim {
	struct network net;
	struct machine m;
	struct sim_peer peer[PEERS];
	uint64_t now, seed;
};

static unsigned dice(struct sim *s, unsigned n)
{
	s->seed = s->seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(s->seed >> 33) % n;
}

static void sim_init(struct sim *s, uint64_t seed, bool once)
{
	char err[200];

	memset(s, 0, sizeof(*s));
	s->seed = seed;
	s->now = 1000;
	assert_int_equal(network_parse(&s->net, network_text, strlen(network_text), err), 0);
	machine_init(&s->m, &s->net, once, tenures, 1);
	assert_int_equal(s->m.first, FIRST);
	machine_tip(&s->m, TIP, false, s->now);
	for (uint64_t c = FIRST; c <= s->m.last; c++)
		machine_cycle_known(&s->m, c);
	for (int i = 0; i < PEERS; i++)
		s->peer[i].latency = 1 + dice(s, 400);
}

static void sim_release(struct sim *s)
{
	for (int i = 0; i < PEERS; i++)
		asks_release(&s->peer[i].asks);
	machine_release(&s->m);
}

static void land(struct sim *s, struct sim_peer *p, unsigned i)
{
	struct inquiry of = p->flying[i].of;

	p->flying[i] = p->flying[--p->n_flying];
	if (dice(s, 1000) < p->lose) {
		p->n_flying = 0;
		asks_lost(&p->asks, &s->m);
	} else if (p->behind && of.cycle == s->m.last) {
		p->told += asks_refused(&p->asks, &s->m, of, s->now);
	} else {
		asks_answered(&p->asks, &s->m, of, s->now);
		p->answered[of.cycle - FIRST] = s->now;
	}
}

static void ask(struct sim *s, struct sim_peer *p)
{
	struct inquiry of;

	while (asks_next(&p->asks, &s->m, &nakamoto, s->now, &of)) {
		assert_true(p->n_flying < ASK_FLYING_MAX);
		for (unsigned i = 0; i < p->n_flying; i++)
			assert_int_not_equal(p->flying[i].of.cycle, of.cycle);
		p->flying[p->n_flying++] = (struct flight){ of, s->now + p->latency };
		p->asked[of.cycle - FIRST] = s->now;
		p->asks_of[of.cycle - FIRST]++;
		if (p->n_first < 4)
			p->first_asked[p->n_first++] = (unsigned)of.cycle;
	}
}

static void run(struct sim *s, uint64_t ms)
{
	for (uint64_t end = s->now + ms; s->now < end; s->now += 10)
		for (int i = 0; i < PEERS; i++) {
			struct sim_peer *p = &s->peer[i];
			for (unsigned k = 0; k < p->n_flying; )
				if (p->flying[k].lands <= s->now)
					land(s, p, k);
				else
					k++;
			ask(s, p);
		}
}

static void whole_history(void **state)
{
	struct sim s;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		sim_init(&s, seed, true);
		run(&s, 10 + CYCLES * 420 / ASK_FLYING_MAX + 1000);
		for (int i = 0; i < PEERS; i++) {
			struct sim_peer *p = &s.peer[i];
			assert_true(asks_done(&p->asks, &s.m, &nakamoto));
			assert_int_equal(p->first_asked[0], s.m.last);
			assert_int_equal(p->first_asked[1], s.m.last - 1);
			for (int c = 0; c < CYCLES; c++)
				assert_int_equal(p->asks_of[c], 1);
		}
		sim_release(&s);
	}
}

static void bad_lines(void **state)
{
	struct sim s;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		sim_init(&s, seed, true);
		for (int i = 0; i < PEERS; i++)
			s.peer[i].lose = i * 40;
		run(&s, 60000);
		for (int i = 0; i < PEERS; i++)
			assert_true(asks_done(&s.peer[i].asks, &s.m, &nakamoto));
		sim_release(&s);
	}
}

static void refresh(void **state)
{
	struct sim s;

	sim_init(&s, 3, false);
	run(&s, 600000);
	for (int i = 0; i < PEERS; i++)
		for (int c = CYCLES - 4; c < CYCLES; c++)
			assert_true(s.now - s.peer[i].answered[c] <= 45000);
	for (int i = 0; i < PEERS; i++) {
		assert_true(s.peer[i].asks_of[0] <= 2);
		assert_true(s.peer[i].asks_of[CYCLES - 1] <= 16);
	}
	sim_release(&s);
}

static void burst(void **state)
{
	struct sim s;
	uint64_t at;

	sim_init(&s, 4, false);
	run(&s, 10000);
	at = s.now;
	machine_tip(&s.m, TIP + 1, true, s.now);
	run(&s, ASK_BURST_MS - 10);
	for (int i = 0; i < PEERS; i++)
		assert_true(s.peer[i].asked[CYCLES - 1] < at);
	run(&s, 1000);
	for (int i = 0; i < PEERS; i++) {
		assert_true(
		    s.peer[i].answered[CYCLES - 1] > at && s.peer[i].answered[CYCLES - 2] > at);
		assert_true(s.peer[i].answered[CYCLES - 3] < at);
		assert_int_equal(s.peer[i].asks_of[CYCLES - 1], 2);
	}
	/* A new cycle begins: it is asked for once its hash is known. */
	machine_tip(&s.m, 100 * (FIRST + CYCLES) + 1, true, s.now);
	run(&s, 3000);
	assert_int_equal(s.peer[0].asks_of[CYCLES], 0);
	machine_cycle_known(&s.m, FIRST + CYCLES);
	run(&s, 1000);
	for (int i = 0; i < PEERS; i++)
		assert_true(s.peer[i].answered[CYCLES] > at);
	sim_release(&s);
}

/* The question was on its way when the burn block came: its answer may not know of it.  And a peer
 * that had refused is asked at once. */
static void burst_in_flight(void **state)
{
	struct sim s;

	sim_init(&s, 8, false);
	run(&s, 10000);
	for (int i = 0; i < PEERS; i++)
		s.peer[i].latency = 3000;
	s.peer[1].behind = true;
	machine_tip(&s.m, TIP + 1, true, s.now);
	run(&s, 2000);
	/* asked about the one before at 1 s, answers at 4 s */
	machine_tip(&s.m, TIP + 2, true, s.now);
	run(&s, 6000);
	for (int i = 2; i < PEERS; i++)
		assert_int_equal(s.peer[i].asks_of[CYCLES - 1], 3);
	assert_int_equal(s.peer[1].asks_of[CYCLES - 1], 2);
	machine_tip(&s.m, TIP + 3, true, s.now);
	run(&s, 1100);
	assert_int_equal(s.peer[1].asks_of[CYCLES - 1], 3);
	sim_release(&s);
}

static void behind(void **state)
{
	struct sim s;
	struct sim_peer *p = &s.peer[2];

	sim_init(&s, 5, false);
	p->behind = true;
	run(&s, 4000);
	assert_int_equal(p->asks_of[CYCLES - 1], 1);
	for (int c = 0; c < CYCLES - 1; c++)
		assert_int_not_equal(p->answered[c], 0);	/* the others are not held up */
	run(&s, 96000);		/* 5, 10, 20, 45 s */
	assert_in_range(p->asks_of[CYCLES - 1], 5, 5);
	assert_int_equal(p->told, 1);		/* at the third refusal, and not again */
	p->behind = false;
	run(&s, 46000);
	assert_true(s.now - p->answered[CYCLES - 1] <= 46000);
	sim_release(&s);

	sim_init(&s, 6, true);
	p->behind = true;
	run(&s, 14000);
	assert_false(asks_done(&p->asks, &s.m, &nakamoto));
	run(&s, 3000);
	assert_true(asks_done(&p->asks, &s.m, &nakamoto));
	assert_int_equal(p->asks_of[CYCLES - 1], ASK_TRIES);
	sim_release(&s);
}

static void reorg(void **state)
{
	struct sim s;
	uint64_t at;

	sim_init(&s, 7, false);
	run(&s, 10000);
	at = s.now;
	for (int i = 0; i < PEERS; i++)
		asks_forget(&s.peer[i].asks, &s.m, FIRST + 3);
	run(&s, 1000);
	for (int i = 0; i < PEERS; i++)
		assert_true(s.peer[i].answered[3] > at && s.peer[i].answered[4] < at);
	for (int i = 0; i < PEERS; i++) {
		s.peer[i].latency = 3000;
		asks_forget(&s.peer[i].asks, &s.m, FIRST + 3);
	}
	run(&s, 1000);
	for (int i = 0; i < PEERS; i++)		/* once more, while the question is on its way */
		asks_forget(&s.peer[i].asks, &s.m, FIRST + 3);
	run(&s, 6000);
	for (int i = 0; i < PEERS; i++)
		assert_int_equal(s.peer[i].asks_of[3], 4);
	sim_release(&s);
}

/* Two questions side by side, each about the cycles of its own model: in the cycle in which epoch
 * 3.0 begins, both.  A peer that does not know one of them is done without it. */
static void two_questions(void **state)
{
	static const struct question two[] = {
		{ INV_TENURES, 1, NAKAMOTO, MSG_GET_NAKAMOTO_INV, MSG_NAKAMOTO_INV, 1 },
		{ INV_BLOCKS, 2, EPOCH2, MSG_GET_BLOCKS_INV, MSG_BLOCKS_INV, 1 },
	};
	static const uint8_t ones[2] = { 0xff, 0xff };
	unsigned asked[2][FIRST + CYCLES] = { 0 };
	struct asks a = { 0 };
	struct inquiry of;
	struct machine m;
	struct sim s;

	sim_init(&s, 9, true);
	machine_init(&m, &s.net, true, two, 2);
	assert_int_equal(m.first, 0);
	asks_pox_load(&a, ones, 16);
	machine_tip(&m, TIP, false, s.now);
	for (uint64_t c = 0; c <= m.last; c++)
		machine_cycle_known(&m, c);
	for (unsigned n = 0; asks_next(&a, &m, &epoch2, s.now, &of); n++) {
		assert_int_equal(of.question, 1);
		assert_int_equal(of.cycle, FIRST - n);
		asked[1][of.cycle]++;
		asks_answered(&a, &m, of, s.now);
	}
	assert_true(asks_done(&a, &m, &epoch2));
	assert_false(asks_done(&a, &m, &nakamoto));
	while (asks_next(&a, &m, &nakamoto, s.now, &of)) {
		asked[of.question][of.cycle]++;
		asks_answered(&a, &m, of, s.now);
	}
	assert_true(asks_done(&a, &m, &nakamoto));
	for (unsigned c = 0; c <= m.last; c++) {
		assert_int_equal(asked[0][c], c >= FIRST);
		assert_int_equal(asked[1][c], c <= FIRST);
	}
	asks_forget(&a, &m, FIRST);
	assert_true(asks_next(&a, &m, &nakamoto, s.now, &of));
	assert_true(asks_next(&a, &m, &nakamoto, s.now, &of));
	assert_false(asks_next(&a, &m, &nakamoto, s.now, &of));
	assert_int_equal(of.cycle, FIRST);
	asks_release(&a);
	machine_release(&m);
	sim_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(whole_history),
		cmocka_unit_test(bad_lines), cmocka_unit_test(refresh), cmocka_unit_test(burst),
		cmocka_unit_test(burst_in_flight), cmocka_unit_test(behind),
		cmocka_unit_test(reorg), cmocka_unit_test(two_questions) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
