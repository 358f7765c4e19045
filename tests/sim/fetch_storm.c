/* The download planner in a storm: verdicts of all kinds, reorgs, tips, losses, suspects, claims
 * and peers that come and go, in any order.  No state follows another that it may not follow (that
 * is a BUG, which aborts), no count goes wrong, and when it is over all is fetched. */
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
// link: tests/sim/world/epoch2_world.c
#include "tests/sim/world/epoch2_world.h"

#define TURNS 1500u

static struct world world;
static struct world2 world2;

/* What may befall any slot, of either world. */
static void befall(struct world *w, struct planner *p, uint64_t now, uint64_t height,
    const uint8_t ch[CH_LEN], const uint8_t id[ID_LEN], enum item_kind kind)
{
	uint8_t hash[32] = { (uint8_t)world_dice(w, 2) };
	struct plan_judged v = { kind, height, ch, id, hash, (int)world_dice(w, 4) - 1, "signer" };

	switch (world_dice(w, 9)) {
	case 0: planner_relook(p, ch); break;
	case 1: planner_recheck(p); break;
	case 2: planner_suspect(p, ch, id, "peer 1"); break;
	case 3: planner_forgive(p); break;
	case 4: planner_source_down(p, world_dice(w, 3)); break;
	case 5: planner_claim(p, now, world_dice(w, 3), ch, id, NULL); break;
	default:
		planner_verdict(p, now, (enum plan_verdict)world_dice(w, 4), &v);
	}
}

static void counts_hold(struct planner *p, uint64_t now)
{
	struct plan_state s;

	planner_state(p, now, &s);
	assert_true(s.proven + s.unavailable <= s.wanted);
	assert_int_equal(s.missing, s.wanted - s.proven - s.unavailable);
	assert_true(s.wanted <= MAX_TENURES && s.streams <= MAX_TENURES);
	assert_true(s.offered <= MAX_TENURES && s.unclaimed <= MAX_TENURES);
}

static void peers_back(struct planner *p, uint64_t now)
{
	char name[16];

	for (unsigned i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "peer %u", i);
		planner_source(p, now, name, false);
	}
}

static void nakamoto(void **state)
{
	struct world *w = &world;

	for (uint32_t seed = 1; seed <= 60; seed++) {
		world_make(w, seed, 80, 6);
		planner_free(w->plan);
		w->plan = planner_new(&w->net, FIRST, false, false);
		world_view(w);
		for (unsigned i = 0; i < 3; i++)
			world_peer(w, HONEST, 10, 100);
		for (unsigned n = 0; n < TURNS; n++, w->now += STEP) {
			uint32_t t = world_dice(w, w->n), roll = world_dice(w, 60);
			uint8_t ch[CH_LEN], id[ID_LEN];
			world_ch(ch, t);
			world_id(id, t, world_dice(w, 3));
			if (roll < 20)
				befall(w, w->plan, w->now, FIRST + t, ch, id, ITEM_BODY);
			if (roll == 20)
				planner_unlearn(w->plan, FIRST + t);
			if (roll == 21)
				world_view(w);
			if (roll == 22)
				world_name_tip(w, world_dice(w, 9));
			if (roll == 23)
				peers_back(w->plan, w->now);
			world_serve(w);
			world_judge(w);
			world_act(w);
			counts_hold(w->plan, w->now);
		}
		world_view(w);
		peers_back(w->plan, w->now);
		planner_forgive(w->plan);
		w->now += 700000;	/* who was left out is asked again */
		for (unsigned n = 0; n < 30; n++, w->now += 30000) {
			world_run(w, 3000);
			planner_relook(w->plan, (const uint8_t[CH_LEN]){ 1 });
		}
		world_all_proven(w, "after the storm");
		planner_free(w->plan);
	}
}

static void epoch2(void **state)
{
	struct world *dice = &world;
	struct world2 *w = &world2;
	struct plan_state s;
	char why[1000];

	for (uint32_t seed = 1; seed <= 60; seed++) {
		dice->seed = seed;
		world2_make(w, seed, 120, 90);
		planner_free(w->plan);
		w->plan = planner_new(&w->net, FIRST, false, false);
		world2_view(w);
		for (unsigned i = 0; i < 3; i++)
			world2_peer(w, ALL, 100);
		for (unsigned n = 0; n < TURNS; n++) {
			uint32_t t = world_dice(dice, w->n), roll = world_dice(dice, 60);
			struct sortition2 *x = &w->at[t];
			if (roll < 20)
				befall(dice, w->plan, w->now, FIRST + t, x->ch, x->id,
				    world_dice(dice, 3) || x->nakamoto ? ITEM_BODY : ITEM_STREAM);
			if (roll == 20)
				planner_unlearn(w->plan, FIRST + t);
			if (roll == 21)
				world2_view(w);
			if (roll == 22 && (x->fate == CHAIN || x->fate == FORK))
				world2_tip(w, t);
			if (roll == 23)
				peers_back(w->plan, w->now);
			world2_run(w, STEP);
			counts_hold(w->plan, w->now);
		}
		world2_view(w);
		peers_back(w->plan, w->now);
		planner_forgive(w->plan);
		w->now += 700000;
		for (unsigned n = 0; n < 30; n++, w->now += 30000)
			world2_run(w, 3000);
		planner_state(w->plan, w->now, &s);
		if (planner_missing(w->plan, why, sizeof(why)))
			fail_msg("after the storm, seed %u: %s", seed, why);
		assert_int_equal(s.proven, s.wanted);
		planner_free(w->plan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nakamoto),
		cmocka_unit_test(epoch2),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
