/* The download planner in epoch 2.x and across its end, under a virtual clock: what is needed, on
 * offer and unclaimed, streams, slow and withholding peers, reorgs. */
// link: cmd/block-fetch/trouble.c
// link: cmd/block-fetch/slots.c
// link: cmd/block-fetch/planner.c
// link: cmd/block-fetch/names.c
// link: cmd/block-fetch/claims.c
// link: cmd/block-fetch/sources.c
// link: cmd/block-fetch/crowd.c
// link: cmd/block-fetch/answers.c
// link: cmd/block-fetch/ends.c
// link: cmd/block-fetch/verdicts.c
// link: cmd/block-fetch/asks.c
// link: cmd/block-fetch/schedule.c
// link: cmd/block-fetch/singles.c
// link: cmd/block-fetch/patience.c
// link: cmd/block-fetch/state.c
// link: tests/sim/world/epoch2_world.c
#include "tests/sim/world/epoch2_world.h"

static struct world2 world;

/* So many sortitions of epoch 2.x have this fate. */
static uint32_t fates(const struct world2 *w, enum fate fate)
{
	uint32_t n = 0;

	for (uint32_t t = 0; t < w->epoch3; t++)
		n += w->at[t].fate == fate;
	return n;
}

static void complete(struct world2 *w, const char *what)
{
	char why[1000];

	if (planner_missing(w->plan, why, sizeof(why)))
		fail_msg("%s: %s", what, why);
}

/* Blocks and streams of epoch 2.x, then tenures: all that is needed comes, streams after the blocks
 * at both ends; forks that a peer claims come too; a winner whose block nobody claims is not asked
 * for. */
static void crossing(void **state)
{
	struct world2 *w = &world;
	struct plan_state s;

	for (uint32_t seed = 1; seed <= 40; seed++) {
		world2_make(w, seed, 200, 120 + seed);
		for (unsigned i = 0; i < seed % 2; i++)
			world2_peer(w, ALL, 200);	/* claims before the view */
		world2_view(w);
		while (w->n_peers < 3)
			world2_peer(w, ALL, 200);
		assert_true(world2_run(w, 120000));
		complete(w, "crossing");
		world2_whole(w, true, "crossing");
		world2_unblamed(w);
		assert_int_equal(w->asked_unclaimed, 0);
		for (uint32_t t = 0; t < w->epoch3; t++)
			if (w->at[t].fate == FORK)
				assert_true(w->at[t].stored);
		planner_state(w->plan, w->now, &s);
		assert_int_equal(s.offered, fates(w, FORK));
		assert_int_equal(s.unclaimed, fates(w, PHANTOM));
		assert_int_equal(s.streams, 0);
		assert_int_equal(s.missing, 0);
		assert_int_equal(s.wanted, s.proven);
		planner_free(w->plan);
	}
}

/* A peer at a hundredth of the others' speed costs little. */
static void slow_peer(void **state)
{
	struct world2 *w = &world;
	uint64_t ms[2];

	for (unsigned with = 0; with < 2; with++) {
		world2_make(w, 7, 500, 450);
		world2_view(w);
		for (unsigned i = 0; i < 3; i++)
			world2_peer(w, ALL, 500);
		if (with)
			world2_peer(w, ALL, 5);
		ms[with] = world2_run(w, 600000);
		assert_true(ms[with]);
		complete(w, "a slow peer");
		world2_whole(w, true, "a slow peer");
		planner_free(w->plan);
	}
	print_message("# %llu ms, %llu with a slow peer\n", (unsigned long long)ms[0],
	    (unsigned long long)ms[1]);
	assert_true(ms[1] <= ms[0] * 13 / 10);
}

/* A peer that claims a low block and does not give it: others do; where none does, all else is
 * proven, and what is missing is that block. */
static void withheld(void **state)
{
	struct world2 *w = &world;
	struct plan_state s;
	char why[1000], height[40];

	for (unsigned others = 0; others < 2; others++) {
		world2_make(w, 11, 150, 120);
		for (w->hidden = 3; w->at[w->hidden].fate != CHAIN; w->hidden++)
			;
		world2_view(w);
		world2_peer(w, WITHHOLDS, 300);
		if (others)
			world2_peer(w, ALL, 300);
		assert_true(world2_run(w, 120000));
		if (others) {
			complete(w, "withheld");
			world2_whole(w, true, "withheld");
		} else {
			planner_state(w->plan, w->now, &s);
			assert_int_equal(s.wanted - s.proven, 1);
			assert_true(planner_missing(w->plan, why, sizeof(why)));
			snprintf(height, sizeof(height), "burn height %u: 404", FIRST + w->hidden);
			assert_non_null(strstr(why, height));
		}
		planner_free(w->plan);
	}
}

/* A peer without the streams that it claims is not at fault, and holds up no block: others give
 * them; where none does, the streams are what is missing, and each is told once. */
static void no_streams(void **state)
{
	struct world2 *w = &world;
	struct plan_state s;
	uint32_t streams = 0;
	char why[1000];

	for (unsigned others = 0; others < 2; others++) {
		world2_make(w, 13, 150, 120);
		world2_view(w);
		world2_peer(w, NO_STREAMS, 300);
		if (others)
			world2_peer(w, ALL, 100);
		assert_true(world2_run(w, 120000));
		world2_whole(w, others, "no streams");
		world2_unblamed(w);
		planner_state(w->plan, w->now, &s);
		assert_int_equal(s.wanted, s.proven);
		for (uint32_t t = 0; t < w->n; t++)
			streams += !others && w->at[t].confirms;
		if (others) {
			complete(w, "no streams");
			assert_int_equal(s.streams, 0);
		} else {
			assert_true(planner_missing(w->plan, why, sizeof(why)));
			assert_non_null(strstr(why, "microblock streams missing"));
			assert_int_equal(s.streams, streams);
			planner_tell_missing(w->plan);
			for (struct action a; planner_action(w->plan, &a);)
				w->wants[a.item == ITEM_STREAM] += a.kind == ACT_WANT;
			assert_int_equal(w->wants[1], streams);
			assert_int_equal(w->wants[0], 0);
		}
		planner_free(w->plan);
	}
}

/* Fork blocks that a peer claims and does not have: it ends, and nothing is missing. */
static void boasted(void **state)
{
	struct world2 *w = &world;

	world2_make(w, 17, 150, 120);
	world2_view(w);
	world2_peer(w, BOASTS, 300);
	assert_true(fates(w, FORK) > 0);
	assert_true(world2_run(w, 120000));
	complete(w, "boasted");
	world2_whole(w, true, "boasted");
	assert_int_equal(w->wants[0], 0);
	planner_free(w->plan);
}

/* Before Nakamoto the quorum's tip says what is needed; without it nothing is known to be, though
 * all that peers claim is fetched. */
static void quorum(void **state)
{
	struct world2 *w = &world;
	struct plan_state s;
	char why[1000];

	world2_make(w, 19, 120, 400);
	world2_view(w);
	world2_peer(w, ALL, 300);
	assert_true(world2_run(w, 120000));
	planner_state(w->plan, w->now, &s);
	assert_int_equal(s.wanted, 0);
	assert_int_equal(s.offered, fates(w, CHAIN) + fates(w, FORK));
	assert_true(planner_missing(w->plan, why, sizeof(why)));
	assert_non_null(strstr(why, "nothing says"));
	world2_tip(w, w->top);
	world2_run(w, 120000);
	complete(w, "quorum");
	planner_state(w->plan, w->now, &s);
	assert_int_equal(s.wanted, fates(w, CHAIN));
	assert_int_equal(s.proven, s.wanted);
	assert_int_equal(s.offered, fates(w, FORK));
	planner_free(w->plan);
}

/* No winner of epoch 2.x has a block, and the first tenure stands on the boot block: tenures alone
 * are wanted, and when they are here nothing is missing. */
static void on_boot(void **state)
{
	struct world2 *w = &world;
	struct plan_state s;

	world2_make(w, 29, 60, 10);
	for (uint32_t t = 0; t < w->n; t++) {
		w->at[t].fate = t < w->epoch3 ? PHANTOM : w->at[t].fate;
		if (w->at[t].below < w->epoch3)
			w->at[t].below = NOBODY;
	}
	world2_view(w);
	world2_peer(w, ALL, 300);
	assert_true(world2_run(w, 120000));
	complete(w, "on_boot");
	planner_state(w->plan, w->now, &s);
	assert_true(s.wanted > 0);
	assert_int_equal(s.proven, s.wanted);
	assert_int_equal(s.unclaimed, w->epoch3);
	planner_free(w->plan);
}

/* The sources' own tip is on a fork of epoch 2.x that lost: what commits of Nakamoto name is wanted
 * all the same, and missing until somebody has it. */
static void lost_tip(void **state)
{
	struct world2 *w = &world;
	char text[500];
	uint32_t fork;

	world2_make(w, 31, 160, 120);
	for (uint32_t t = 0; t < w->n; t++)
		world2_sortition(w, t);
	for (fork = 0; fork < w->epoch3 && w->at[fork].fate != FORK; fork++)
		;
	assert_true(fork < w->epoch3);
	world2_tip(w, fork);
	world2_peer(w, ALL, 300);
	world2_run(w, 120000);
	/* No reward set is known, so none of Nakamoto came. */
	assert_true(planner_missing(w->plan, text, sizeof(text)));
	planner_free(w->plan);
}

/* A reorg that reaches below the transition: what is needed follows the other branch. */
static void reorg(void **state)
{
	struct world2 *w = &world;
	struct plan_state s;

	for (uint32_t seed = 20; seed < 30; seed++) {
		world2_make(w, seed, 160, 120);
		world2_view(w);
		for (unsigned i = 0; i < 2; i++)
			world2_peer(w, ALL, 300);
		world2_run(w, 200);
		planner_unlearn(w->plan, FIRST + 100);
		for (uint32_t t = 101; t < w->n; t++)
			world2_sortition(w, t);
		world2_tip(w, w->top);
		assert_true(world2_run(w, 120000));
		complete(w, "reorg");
		world2_whole(w, true, "reorg");
		planner_unlearn(w->plan, FIRST + w->epoch3 - 1);
		planner_state(w->plan, w->now, &s);
		assert_int_equal(s.wanted, 0);
		/* What is left is counted, and no more. */
		planner_unlearn(w->plan, FIRST + 10);
		planner_state(w->plan, w->now, &s);
		uint32_t winners = 0;
		for (uint32_t t = 0; t <= 10; t++)
			winners += w->at[t].fate != NO_WINNER;
		assert_int_equal(s.wanted, 0);
		assert_int_equal(s.offered + s.unclaimed, winners);
		planner_free(w->plan);
	}
}

/* A block that the chain itself has wrong: refused from two sources, then given up; its stream and
 * its child's are not asked for. */
static void refused(void **state)
{
	struct world2 *w = &world;
	struct plan_state s;
	uint32_t bad = 20;

	world2_make(w, 23, 150, 120);
	while (w->at[bad].fate != CHAIN || !w->at[bad].confirms)
		bad++;
	w->at[bad].refused = true;
	world2_view(w);
	for (unsigned i = 0; i < 3; i++)
		world2_peer(w, ALL, 300);
	assert_true(world2_run(w, 120000));
	planner_state(w->plan, w->now, &s);
	assert_int_equal(s.unavailable, 1);
	assert_int_equal(s.wanted - s.proven, 1);
	assert_int_equal(s.sources, 3);
	world2_unblamed(w);
	planner_free(w->plan);
}

/* The same bad stream from two sources says nothing against it: the third is asked. */
static void bad_stream(void **state)
{
	struct world2 *w = &world;
	uint32_t bad = 20;

	world2_make(w, 31, 150, 120);
	while (w->at[bad].fate != CHAIN || !w->at[bad].confirms)
		bad++;
	w->at[bad].bad_streams = 2;
	world2_view(w);
	for (unsigned i = 0; i < 3; i++)
		world2_peer(w, ALL, 300);
	assert_true(world2_run(w, 120000));
	complete(w, "a bad stream");
	world2_whole(w, true, "a bad stream");
	planner_free(w->plan);
}

/* The last sortition before epoch 3.0 may have elected either: its own commit says which, whatever
 * a later winner commits to. */
static void border(void **state)
{
	struct world2 *w = &world;
	struct action a;
	char path[200];

	for (unsigned n = 0; n < 3; n++) {
		static const uint8_t other[ID_LEN] = { 0x66 };
		bool nakamoto = n == 1, lie = n == 2;
		const char *want = nakamoto ? "/v3/" : "/v2/blocks/";
		bool asked = false;

		world2_make(w, 29, 40, 30);
		uint32_t t = w->epoch3 - 1;
		w->at[t].fate = w->at[t - 1].fate = w->at[t + 1].fate = CHAIN;
		w->at[t].below = t - 1;
		w->at[t + 1].below = t;
		w->at[t].nakamoto = nakamoto;
		if (nakamoto)
			memset(w->at[t].id, 0x77, ID_LEN);
		if (lie)
			planner_sortition(w->plan, FIRST + t + 2, w->at[t + 2].ch, true,
			    w->at[t].ch, other);
		world2_view(w);
		planner_source(w->plan, 1, "http://127.0.0.1:1", true);
		for (w->now = 1; w->now < 20000 && !asked; w->now += 100) {
			planner_turn(w->plan, w->now);
			while (planner_action(w->plan, &a)) {
				if (a.kind != ACT_REQUEST)
					continue;
				planner_path(&a, path);
				if (a.height == FIRST + t) {
					asked = true;
					assert_memory_equal(path, want, strlen(want));
				}
				planner_end(w->plan, w->now, a.transfer, END_DONE, 404, 0);
			}
		}
		assert_true(asked);
		planner_free(w->plan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crossing),
		cmocka_unit_test(slow_peer),
		cmocka_unit_test(withheld),
		cmocka_unit_test(no_streams),
		cmocka_unit_test(boasted),
		cmocka_unit_test(quorum),
		cmocka_unit_test(on_boot),
		cmocka_unit_test(lost_tip),
		cmocka_unit_test(reorg),
		cmocka_unit_test(refused),
		cmocka_unit_test(bad_stream),
		cmocka_unit_test(border),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
