/* The download planner and what sources claim: only the upper part of the chain, a tenure where
 * nobody won, a peer that comes back, a bad tip. */
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

/* Two sources name the same bad block as the tip of a tenure that is proven: that costs them, not
 * the tenure. */
static void refused_tip(void **state)
{
	struct world *w = &world;
	struct plan_state s;
	uint8_t ch[CH_LEN], id[ID_LEN], hash[32] = { 7 };

	world_make(w, 21, 40, 5);
	world_view(w);
	for (unsigned i = 0; i < 3; i++)
		world_peer(w, HONEST, 20, 1000);
	assert_true(world_run(w, 60000));
	world_ch(ch, w->last);
	world_id(id, w->last, 50);
	for (int i = 0; i < 2; i++) {
		struct plan_judged v = { ITEM_BODY, FIRST + w->last, ch, id, hash, i, "signer" };
		planner_verdict(w->plan, w->now, VERDICT_REFUSED, &v);
	}
	world_run(w, 60000);
	world_all_proven(w, "a refused tip");
	planner_state(w->plan, w->now, &s);
	assert_int_equal(s.unavailable, 0);
	planner_free(w->plan);
}

/* A tenure where nobody won, as shadow tenures are: it is named and claimed, and so it is fetched,
 * also where the peers spoke before the view. */
static void no_winner(void **state)
{
	struct world *w = &world;
	uint32_t odd = 7;

	world_make(w, 35, 20, 3);
	for (unsigned i = 0; i < 3; i++)
		world_peer(w, HONEST, 5, 2000);
	while (!w->tenures[odd].started)
		odd++;
	for (uint32_t t = 0; t < w->n; t++) {
		uint8_t ch[CH_LEN], parent[CH_LEN], id[ID_LEN];
		world_ch(ch, t);
		world_ch(parent, w->tenures[t].below);
		world_id(id, w->tenures[t].below, 0);
		planner_sortition(w->plan, FIRST + t, ch, t != odd, parent, id);
	}
	for (uint64_t c = 0; c < 4; c++)
		planner_reward_set(w->plan, c);
	world_name_tip(w, w->tenures[w->last].blocks - 1);
	assert_true(world_run(w, 60000));
	assert_true(w->tenures[odd].stored[0]);
	planner_free(w->plan);
}

/* A peer that went and comes back is asked at once for what it claimed before. */
static void comes_back(void **state)
{
	struct world *w = &world;

	world_make(w, 37, 60, 5);
	planner_free(w->plan);
	w->plan = planner_new(&w->net, FIRST, false, false);
	world_view(w);
	world_peer(w, HONEST, 5, 2000);
	planner_source_down(w->plan, 0);
	for (unsigned n = 0; n < 20; n++, w->now += 10000)
		world_run(w, STEP);	/* long enough for retries without it */
	world_act(w);
	w->now += 100;
	assert_int_equal(planner_source(w->plan, w->now, "peer 0", false), 0);
	planner_turn(w->plan, w->now);
	struct action a;
	unsigned requests = 0;
	while (planner_action(w->plan, &a))
		requests += a.kind == ACT_REQUEST && a.ask != ASK_INFO &&
		    a.height < FIRST + w->tenures[w->last].below;	/* not for the tip */
	assert_true(requests > 0);
	planner_free(w->plan);
}

/* Peers that have only the upper part are asked for it, however much is lacking below. */
static void upper_part(void **state)
{
	struct world *w = &world;
	struct plan_state s;

	world_make(w, 33, 1500, 3);
	world_view(w);
	w->claim_from = (FIRST + 1200) / 50;
	for (unsigned i = 0; i < 3; i++)
		world_peer(w, HONEST, 5, 2000);
	assert_true(world_run(w, 60000));
	planner_state(w->plan, w->now, &s);
	assert_in_range(s.proven, 200, 301);
	/* All at once, not each after the one above. */
	assert_true(w->now < 1000);
	planner_free(w->plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(upper_part),
		cmocka_unit_test(comes_back),
		cmocka_unit_test(no_winner),
		cmocka_unit_test(refused_tip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
