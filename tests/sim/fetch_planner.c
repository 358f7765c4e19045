/* The download planner under a virtual clock, with seeded peers: honest, far, slow, dripping,
 * silent, dead, lying. */
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
// link: tests/sim/world/fetch_world.c
#include "tests/sim/world/fetch_world.h"

static struct world world;

static void honest_costs(void **state)
{
	struct world *w = &world;
	struct plan_state s;

	world_make(w, 3, 600, 40);
	world_view(w);
	for (unsigned i = 0; i < 4; i++)
		world_peer(w, HONEST, 1, 3000);
	assert_true(world_run(w, 120000));
	world_all_proven(w, "four honest peers");
	planner_state(w->plan, w->now, &s);
	print_message("# %u tenures, %llu requests, %.4f bytes sent a useful byte\n", s.wanted,
	    (unsigned long long)w->requests, (double)w->sent / (double)w->useful);
	assert_true(w->requests <= 2 * s.wanted);
	assert_true(w->sent <= w->useful + w->useful / 50);
	planner_free(w->plan);
}

/* Each fault alone: it completes, or ends within a minute, and the peer is at fault. */
static void alone(void **state)
{
	struct world *w = &world;
	char why[1000];

	for (unsigned c = SILENT; c < CONDUCTS; c++) {
		world_make(w, c, 60, 10);
		world_view(w);
		world_peer(w, (enum conduct)c, 10, 2000);
		if (!world_run(w, 60000))
			fail_msg("%s: not ended after a minute", conduct_name[c]);
		if (planner_missing(w->plan, why, sizeof(why)) && c != INVALID &&
		    !w->peers[0].faults)
			fail_msg("%s: nobody is blamed for: %s", conduct_name[c], why);
		if ((c == CUT || c == BUSY || c == SOME404) &&
		    planner_missing(w->plan, why, sizeof(why)))
			fail_msg("%s: should complete: %s", conduct_name[c], why);
		planner_free(w->plan);
	}
}

/* Each fault beside three honest peers: it completes in about
 * the time of three; bytes travel once. */
static void beside(void **state)
{
	struct world *w = &world;
	uint64_t ms[2];

	for (unsigned c = SILENT; c < CONDUCTS; c++) {
		for (unsigned with = 0; with < 2; with++) {
			world_make(w, 7, 400, 20);
			world_view(w);
			for (unsigned i = 0; i < 3; i++)
				world_peer(w, HONEST, 5, 400);
			if (with)
				world_peer(w, (enum conduct)c, 5, 400);
			ms[with] = world_run(w, 120000);
			assert_true(ms[with]);
			world_all_proven(w, conduct_name[c]);
			world_honest_unblamed(w, conduct_name[c]);
			if (with && w->sent > w->useful + w->useful / 10 + 100000)
				fail_msg("%s: %llu bytes for %llu", conduct_name[c],
				    (unsigned long long)w->sent, (unsigned long long)w->useful);
			if (with && !w->peers[3].faults && c != INVALID && c != BUSY &&
			    c != SOME404 && c != CUT && c != LIMITED)
				fail_msg("%s: nobody is blamed", conduct_name[c]);
			planner_free(w->plan);
		}
		if (ms[1] > ms[0] * 13 / 10 + 2500)
			fail_msg("%s: %llu ms, %llu without it", conduct_name[c],
			    (unsigned long long)ms[1], (unsigned long long)ms[0]);
	}
}

/* Honest peers that stand still for seconds now and then, as on a starved machine or a crowded
 * line: nobody is blamed. */
static void frozen(void **state)
{
	struct world *w = &world;

	for (uint32_t seed = 0; seed < 40; seed++) {
		world_make(w, seed, 400 + seed * 10, 40);
		world_view(w);
		w->freezes = 6000;
		for (unsigned i = 0; i < 4; i++)
			world_peer(w, HONEST, 5, seed % 2 ? 100 : 1000);
		assert_true(world_run(w, 600000));
		world_all_proven(w, "frozen");
		world_honest_unblamed(w, "frozen");
		planner_free(w->plan);
	}
}

/* Our own line is down for a while: all are silent at once, nobody is blamed, and it goes on when
 * they are back. */
static void outage(void **state)
{
	struct world *w = &world;

	for (unsigned once = 0; once < 2; once++) {
		world_make(w, 31, 300, 20);
		planner_free(w->plan);
		w->plan = planner_new(&w->net, FIRST, false, once);
		world_view(w);
		for (unsigned i = 0; i < 3; i++)
			world_peer(w, HONEST, 20, 100);
		for (; w->now < 2000; w->now += STEP) {
			world_serve(w);
			world_judge(w);
			world_act(w);
		}
		for (unsigned i = 0; i < 3; i++)
			w->peers[i].frozen = w->now + (once ? 15000 : 120000);
		assert_true(world_run(w, 600000));
		world_all_proven(w, "outage");
		world_honest_unblamed(w, "outage");
		planner_free(w->plan);
	}
}

/* 50 ms away costs little when judging is the bound. */
static void latency(void **state)
{
	struct world *w = &world;
	uint64_t ms[2];

	for (unsigned far = 0; far < 2; far++) {
		world_make(w, 5, 1500, 80);
		world_view(w);
		w->per_ms = 3;
		for (unsigned i = 0; i < 8; i++)
			world_peer(w, HONEST, far ? 100 : 0, 5000);
		ms[far] = world_run(w, 600000);
		assert_true(ms[far]);
		world_all_proven(w, "latency");
		world_honest_unblamed(w, "latency");
		planner_free(w->plan);
	}
	print_message("# %llu ms near, %llu ms at 100 ms\n", (unsigned long long)ms[0],
	    (unsigned long long)ms[1]);
	assert_true(ms[1] <= ms[0] * 3 / 2);
}

/* Eight peers of 1 to 1/64 of a speed: the whole takes about bytes over the sum of speeds. */
static void stealing(void **state)
{
	struct world *w = &world;
	double sum = 0;

	world_make(w, 9, 1500, 40);
	world_view(w);
	w->per_ms = 100;
	for (unsigned i = 0; i < 7; i++) {
		world_peer(w, HONEST, 5, 3000.0 / (1u << i));
		sum += 3000.0 / (1u << i);
	}
	assert_true(world_run(w, 600000));
	world_all_proven(w, "stealing");
	world_honest_unblamed(w, "stealing");
	print_message("# %llu ms, %.0f by speed; %.3f bytes sent a useful byte\n",
	    (unsigned long long)w->now, (double)w->useful / sum,
	    (double)w->sent / (double)w->useful);
	assert_true((double)w->now <= 1.3 * (double)w->useful / sum + 1000);
	planner_free(w->plan);
}

static void seeds(void **state)
{
	struct world *w = &world;
	char what[80];

	for (uint32_t seed = 1; seed <= 200; seed++) {
		world_make(w, seed, 40 + world_dice(w, 200), 20);
		w->seed = seed * 77;
		world_view(w);
		snprintf(what, sizeof(what), "seed %u", seed);
		for (unsigned i = 0, n = 3 + world_dice(w, 4); i < n; i++)
			world_peer(w, HONEST,
			    world_dice(w, 4) ? world_dice(w, 30) : world_dice(w, 200),
			    50 + world_dice(w, 4) * world_dice(w, 4) * 1000);
		for (unsigned i = 0, n = world_dice(w, 5); i < n; i++)
			world_peer(w, (enum conduct)(1 + world_dice(w, CONDUCTS - 1)),
			    world_dice(w, 100), 2000);
		assert_true(world_run(w, 120000));
		world_all_proven(w, what);
		world_honest_unblamed(w, what);
		planner_free(w->plan);
	}
}

/* Who answers as fast as the others, but only so many requests, is never slow. */
static void limited_is_not_slow(void **state)
{
	struct world *w = &world;
	struct plan_state st;
	char line[256];

	for (uint32_t seed = 1; seed <= 12; seed++) {
		world_make(w, seed, 400, 20);
		world_view(w);
		for (unsigned i = 0; i < 4; i++)
			world_peer(w, i ? HONEST : LIMITED, i ? 5 : 5 + seed * 40, 100);
		w->freezes = seed % 3 * 500;
		for (planner_state(w->plan, w->now, &st); !st.idle || w->head != w->tail;
		    planner_state(w->plan, w->now, &st)) {
			world_run(w, 50);
			assert_true(w->now < 300000);
			assert_true(planner_source_line(w->plan, 0, line));
			if (strstr(line, ", slow"))
				fail_msg("seed %u, after %llu ms: %s", seed,
				    (unsigned long long)w->now, line);
		}
		assert_int_equal(w->peers[0].slow, 0);
		planner_free(w->plan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limited_is_not_slow), cmocka_unit_test(honest_costs),
		cmocka_unit_test(alone),
		cmocka_unit_test(beside),
		cmocka_unit_test(frozen),
		cmocka_unit_test(outage),
		cmocka_unit_test(latency),
		cmocka_unit_test(stealing),
		cmocka_unit_test(seeds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
