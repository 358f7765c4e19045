/* The download planner when the world changes: a growing tip, a made-up one, a reorg, a bad block,
 * suspects; and its size. */
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

/* The newest tenure grows block by block: each travels once, soon after its tip is named. */
static void growing(void **state)
{
	struct world *w = &world;
	uint64_t sent, began;

	world_make(w, 21, 40, 5);
	world_view(w);
	for (unsigned i = 0; i < 3; i++)
		world_peer(w, HONEST, 20, 1000);
	assert_true(world_run(w, 60000));
	world_all_proven(w, "before it grows");
	sent = w->sent;
	began = w->now;
	uint32_t from = w->tenures[w->last].blocks;
	for (uint32_t b = from; b < from + 30; b++) {
		w->tenures[w->last].blocks = b + 1;
		world_name_tip(w, b);
		for (uint64_t end = w->now + 500; w->now < end; w->now += STEP) {
			world_serve(w);
			world_judge(w);
			world_act(w);
		}
		assert_true(w->tenures[w->last].stored[b]);
		sent += world_block_size(w->last, b);
	}
	assert_true(w->now >= began + 15000);
	assert_true(w->sent <= sent + 30 * 5000);
	world_all_proven(w, "after it has grown");
	world_honest_unblamed(w, "growing");
	planner_free(w->plan);
}

/* A made-up tip: asked of all, nobody has it, nobody is blamed; the rest is proven, it ends, and
 * the true tip is taken then. */
static void madeup_tip(void **state)
{
	struct world *w = &world;
	struct plan_state s;
	char why[1000];

	world_make(w, 22, 40, 5);
	world_view(w);
	world_name_tip(w, 77);
	for (unsigned i = 0; i < 3; i++)
		world_peer(w, HONEST, 20, 1000);
	assert_true(world_run(w, 60000));
	planner_state(w->plan, w->now, &s);
	assert_int_equal(s.proven, s.wanted - 1);
	assert_true(planner_missing(w->plan, why, sizeof(why)));
	world_honest_unblamed(w, "made-up tip");
	world_name_tip(w, w->tenures[w->last].blocks - 1);
	assert_true(world_run(w, 60000));
	world_all_proven(w, "the true tip");
	planner_free(w->plan);
}

/* A quorum that lags behind the commits: where the block above says how far a tenure goes, an older
 * tip does not make it shorter. */
static void stale_tip(void **state)
{
	struct world *w = &world;
	struct plan_tip tip = { .ch = { 0 } };
	struct plan_state s;
	uint8_t ch[CH_LEN], end[ID_LEN];
	uint32_t above = 30, t;

	world_make(w, 24, 40, 8);
	while (w->tenures[above].below == UINT32_MAX || !w->tenures[above].started ||
	    w->tenures[w->tenures[above].below].blocks < 3)
		above++;
	t = w->tenures[above].below;
	world_view(w);
	w->tenures[above].stored[0] = true;
	world_ch(tip.ch, t);
	world_ch(ch, above);
	world_id(end, t, w->tenures[t].blocks - 1);
	planner_held(w->plan, ch, true, end, tip.ch);
	world_id(tip.id, t, 1);
	world_id(tip.start_id, t, 0);
	planner_tip(w->plan, &tip);
	for (unsigned i = 0; i < 3; i++)
		world_peer(w, HONEST, 20, 1000);
	assert_true(world_run(w, 60000));
	for (uint32_t b = 0; b < w->tenures[t].blocks; b++)
		assert_true(w->tenures[t].stored[b]);
	planner_state(w->plan, w->now, &s);
	assert_true(s.body > 0);
	planner_free(w->plan);
}

/* The view gives way: what hung on it is dropped, the rest is finished on the other fork. */
static void reorg(void **state)
{
	struct world *w = &world;
	static const uint8_t none[ID_LEN];
	uint8_t ch[CH_LEN], id[ID_LEN], parent[CH_LEN];

	world_make(w, 13, 60, 5);
	world_view(w);
	for (unsigned i = 0; i < 3; i++)
		world_peer(w, HONEST, 5, 500);
	for (w->now = 1; w->now < 100; w->now += STEP) {
		world_serve(w);
		world_judge(w);
		world_act(w);
	}
	planner_unlearn(w->plan, FIRST + 40);
	for (uint32_t t = 41; t < 60; t++) {
		world_ch(ch, t);
		world_ch(parent, w->tenures[t].below);
		world_id(id, w->tenures[t].below, 0);
		planner_sortition(w->plan, FIRST + t, ch, true, parent,
		    w->tenures[t].below == UINT32_MAX ? none : id);
	}
	assert_true(world_run(w, 60000));
	world_all_proven(w, "reorg");
	world_honest_unblamed(w, "reorg");
	planner_free(w->plan);
}

/* A block that the chain itself has wrong: refused from two sources, then given up; all else is
 * proven, nobody is left out. */
static void bad_block(void **state)
{
	struct world *w = &world;
	struct plan_state s;

	world_make(w, 11, 100, 10);
	world_view(w);
	w->has_bad = true;
	for (w->bad_tenure = 30; w->tenures[w->bad_tenure].blocks < 3; w->bad_tenure++)
		;
	w->bad_block = 1;
	for (unsigned i = 0; i < 3; i++)
		world_peer(w, HONEST, 5, 2000);
	assert_true(world_run(w, 60000));
	planner_state(w->plan, w->now, &s);
	assert_int_equal(s.proven, s.wanted - 1);
	assert_int_equal(s.sources, 3);
	world_honest_unblamed(w, "bad block");
	for (uint32_t b = 0; b < w->tenures[w->bad_tenure].blocks; b++)
		assert_int_equal(w->tenures[w->bad_tenure].stored[b], b != 1);
	planner_free(w->plan);
}

/* Winners that start nothing name whatever they like: what the others build on is fetched all the
 * same, and nobody is blamed. */
static void wrong_commits(void **state)
{
	struct world *w = &world;

	for (uint32_t seed = 40; seed < 60; seed++) {
		world_make(w, seed, 60, 8);
		w->wrong_commits = true;
		world_view(w);
		for (unsigned i = 0; i < 3; i++)
			world_peer(w, HONEST, 10, 500);
		assert_true(world_run(w, 60000));
		world_all_proven(w, "wrong commits");
		world_honest_unblamed(w, "wrong commits");
		planner_free(w->plan);
	}
}

/* A reorg leaves an older tenure as the newest one, and that grows on: its new tip is fetched. */
static void shorter(void **state)
{
	struct world *w = &world;
	struct plan_state s;
	uint32_t below;

	world_make(w, 14, 40, 5);
	world_view(w);
	for (unsigned i = 0; i < 3; i++)
		world_peer(w, HONEST, 20, 1000);
	assert_true(world_run(w, 60000));
	below = w->tenures[w->last].below;
	planner_unlearn(w->plan, FIRST + below);
	w->last = below;
	w->tenures[below].blocks += 3;
	world_name_tip(w, w->tenures[below].blocks - 1);
	assert_true(world_run(w, 60000));
	world_all_proven(w, "a shorter chain");
	planner_state(w->plan, w->now, &s);
	for (uint32_t b = 0; b < w->tenures[below].blocks; b++)
		assert_true(w->tenures[below].stored[b]);
	planner_free(w->plan);
}

/* The newest tenures are gone at the peers, as after a reorg that we have not heard of: nobody is
 * blamed. */
static void vanished(void **state)
{
	struct world *w = &world;
	struct plan_state s;

	world_make(w, 24, 60, 5);
	w->net.stable_confirmations = 7;
	world_view(w);
	for (uint32_t t = 55; t < 59; t++)
		w->tenures[t].blocks = 0;
	for (unsigned i = 0; i < 3; i++)
		world_peer(w, HONEST, 20, 1000);
	assert_true(world_run(w, 60000));
	planner_state(w->plan, w->now, &s);
	assert_true(s.proven < s.wanted);
	world_honest_unblamed(w, "vanished");
	planner_free(w->plan);
}

/* A peer with a URL of no use is left out, once told; with a better one it is asked; a liar does
 * not come back so. */
static void moved(void **state)
{
	struct world *w = &world;
	struct plan_state s;
	struct action a;

	world_make(w, 26, 10, 3);
	for (unsigned i = 0; i < 3; i++)
		planner_useless(w->plan, w->now, "peer", TROUBLE_PRIVATE, "http://10.0.0.1");
	for (unsigned i = 0; planner_action(w->plan, &a); i++)
		assert_true(i == 0 && a.kind == ACT_FAULT);
	planner_state(w->plan, w->now, &s);
	assert_int_equal(s.sources, 0);
	assert_int_equal(planner_source(w->plan, w->now, "peer", false), 0);
	planner_state(w->plan, w->now, &s);
	assert_int_equal(s.sources, 1);
	planner_free(w->plan);

	world_make(w, 26, 60, 10);
	world_view(w);
	world_peer(w, GARBAGE, 5, 500);
	assert_true(world_run(w, 60000));
	planner_useless(w->plan, w->now, "peer 0", TROUBLE_PRIVATE, "http://10.0.0.1");
	planner_source(w->plan, w->now, "peer 0", false);
	planner_state(w->plan, w->now, &s);
	assert_int_equal(s.sources, 0);
	planner_free(w->plan);
}

/* All places are taken by sources that are left out: a new one gets one of them. */
static void full_house(void **state)
{
	struct world *w = &world;
	char name[16];

	world_make(w, 25, 10, 3);
	for (unsigned i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "bad %u", i);
		planner_useless(w->plan, w->now, name, TROUBLE_PRIVATE, "http://10.0.0.1");
	}
	assert_int_not_equal(planner_source(w->plan, w->now, "good", false), -1);
	for (unsigned i = 1; i < 64; i++) {
		snprintf(name, sizeof(name), "good %u", i);
		assert_int_not_equal(planner_source(w->plan, w->now, name, false), -1);
	}
	assert_int_equal(planner_source(w->plan, w->now, "one too many", false), -1);
	planner_free(w->plan);
}

/* Peers are ahead of the quorum: what all of them name as their tip travels once. */
static void ahead(void **state)
{
	struct world *w = &world;
	uint8_t ch[CH_LEN], tip[ID_LEN], stop[ID_LEN];
	uint64_t requests;

	world_make(w, 21, 40, 5);
	world_view(w);
	for (unsigned i = 0; i < 8; i++)
		world_peer(w, HONEST, 20, 1000);
	assert_true(world_run(w, 60000));
	uint32_t from = w->tenures[w->last].blocks;
	w->tenures[w->last].blocks += 2;
	world_ch(ch, w->last);
	world_id(tip, w->last, from + 1);
	world_id(stop, w->last, from - 1);
	requests = w->requests;
	for (unsigned i = 0; i < 8; i++)
		planner_claim(w->plan, w->now, i, ch, tip, stop);
	assert_in_range(world_run(w, 60000), 1, 5000);
	assert_true(w->tenures[w->last].stored[from] && w->tenures[w->last].stored[from + 1]);
	assert_int_equal(w->requests, requests + 1);
	planner_free(w->plan);
}

/* A peer names a tip that it does not give: the others' word is taken then. */
static void ahead_of_liar(void **state)
{
	struct world *w = &world;
	uint8_t ch[CH_LEN], tip[ID_LEN], stop[ID_LEN];

	world_make(w, 21, 40, 5);
	world_view(w);
	for (unsigned i = 0; i < 4; i++)
		world_peer(w, i ? HONEST : NOTHING, 20, 1000);
	assert_true(world_run(w, 60000));
	uint32_t from = w->tenures[w->last].blocks++;
	world_ch(ch, w->last);
	world_id(tip, w->last, from);
	world_id(stop, w->last, from - 1);
	for (unsigned i = 0; i < 4; i++)
		planner_claim(w->plan, w->now, i, ch, tip, stop);
	assert_true(world_run(w, 60000));
	assert_true(w->tenures[w->last].stored[from]);
	world_honest_unblamed(w, "ahead of a liar");
	planner_free(w->plan);
}

/* Suspects go one at a time, from another source than before, and nothing else is on its way then;
 * their tenures wait.  Other blocks go first, until one has a verdict. */
static void suspects(void **state)
{
	struct world *w = &world;
	struct plan_state s;
	struct action a;
	uint8_t ch[CH_LEN], id[ID_LEN], of[3];
	unsigned asked = 0, flying;

	world_make(w, 23, 40, 5);
	world_view(w);
	for (unsigned i = 0; i < 3; i++)
		world_peer(w, HONEST, 20, 1000);
	for (uint32_t t = 0, n = 0; n < 3; t++, n++) {
		while (!w->tenures[t].started)
			t++;
		of[n] = (uint8_t)t;
		world_ch(ch, t);
		world_id(id, t, 0);
		planner_suspect(w->plan, ch, id, "peer 0");
	}
	for (w->now = 1; planner_state(w->plan, w->now, &s), s.suspects; w->now += STEP) {
		assert_true(w->now < 10000);
		world_serve(w);
		world_judge(w);
		planner_turn(w->plan, w->now);
		planner_state(w->plan, w->now, &s);
		while (planner_action(w->plan, &a)) {
			for (unsigned i = flying = 0; i < 128; i++)
				flying += w->answers[i].live;
			if (a.kind == ACT_REQUEST && a.ask == ASK_BLOCK) {
				assert_true(w->head > 0 && w->head == w->tail && !flying);
				assert_int_not_equal(a.source, 0);
				asked++;
			} else if (a.kind == ACT_REQUEST && s.suspects && a.ask != ASK_INFO) {
				world_ch(ch, of[0]);
				assert_memory_not_equal(a.ch, ch, CH_LEN);
			}
			world_do(w, &a);
		}
	}
	assert_int_equal(asked, 3);
	assert_true(world_run(w, 60000));
	world_all_proven(w, "after suspects");
	planner_free(w->plan);
}

/* Where no block gets a verdict no suspect is tried while others are on offer; where suspects are
 * all that is, the first one is. */
static void suspects_first(void **state)
{
	struct world *w = &world;
	struct action a;
	uint8_t ch[CH_LEN], id[ID_LEN];
	unsigned others, singles;

	for (unsigned only = 0; only < 2; only++) {
		world_make(w, 23, 40, 5);
		world_view(w);
		world_peer(w, HONEST, 20, 1000);
		for (uint32_t t = 0; t < w->n; t++) {
			if (!w->tenures[t].started || (t > 5 && !only))
				continue;
			world_ch(ch, t);
			world_id(id, t, 0);
			planner_suspect(w->plan, ch, id, "peer 0");
		}
		for (others = singles = 0, w->now = 1; w->now < 8000; w->now += STEP) {
			planner_turn(w->plan, w->now);
			while (planner_action(w->plan, &a)) {
				others += a.kind == ACT_REQUEST && a.ask != ASK_BLOCK &&
				    a.ask != ASK_INFO;
				singles += a.kind == ACT_REQUEST && a.ask == ASK_BLOCK;
			}
		}
		assert_true(only ? singles == 1 && others == 0 : singles == 0 && others > 0);
		planner_free(w->plan);
	}
}

/* A copy that is set aside costs neither the block nor the tenure while another source has one;
 * when all copies are, the tenure is given up, until they may be tried again. */
static void set_aside(void **state)
{
	struct world *w = &world;

	for (unsigned copies = 1; copies <= 2; copies++) {
		world_make(w, 29, 20, 5);
		world_view(w);
		world_peer(w, HONEST, 20, 1000);
		world_peer(w, HONEST, 20, 1000);
		for (w->aside_tenure = 7; !w->tenures[w->aside_tenure].started; w->aside_tenure++)
			;
		w->aside_sources = copies == 1 ? 1 : 3;
		world_run(w, 60000);
		if (copies == 2) {
			struct plan_state s;
			planner_state(w->plan, w->now, &s);
			assert_int_equal(s.unavailable, 1);
			w->aside_sources = 0;
			planner_forgive(w->plan);
			world_run(w, 60000);
		}
		world_all_proven(w, "after what was set aside");
		planner_free(w->plan);
	}
}

/* A whole history: memory and the time of a turn. */
static void history(void **state)
{
	struct network net = {
		.cycle_length = 2100, .n_epochs = 1, .epochs = { { EPOCH_30, FIRST } }
	};
	struct planner *p = planner_new(&net, FIRST, false, false);
	uint8_t ch[CH_LEN], parent[CH_LEN], id[ID_LEN];
	struct action a;
	clock_t begin = clock();

	for (uint32_t t = 0; t < 100000; t++) {
		world_ch(ch, t);
		world_ch(parent, t ? t - 1 : 999999);
		world_id(id, t ? t - 1 : 0, 0);
		planner_sortition(p, FIRST + t, ch, true, parent, id);
	}
	for (uint64_t c = 0; c < 60; c++)
		planner_reward_set(p, c);
	planner_source(p, 1, "http://127.0.0.1:1", true);
	planner_turn(p, 1);
	while (planner_action(p, &a))
		;
	double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
	print_message("# 100,000 tenures: %zu kB, %.0f ms\n", planner_memory(p) / 1000,
	    seconds * 1000);
	assert_true(planner_memory(p) <= 17000000);
	begin = clock();
	for (uint64_t now = 100; now < 10100; now += 100) {
		planner_turn(p, now);
		while (planner_action(p, &a))
			if (a.kind == ACT_REQUEST)
				planner_end(p, now, a.transfer, END_DONE, 404, 0);
	}
	print_message("# a turn: %.3f ms\n", (double)(clock() - begin) / CLOCKS_PER_SEC * 10);
	planner_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(growing),
		cmocka_unit_test(stale_tip),
		cmocka_unit_test(madeup_tip),
		cmocka_unit_test(reorg),
		cmocka_unit_test(bad_block),
		cmocka_unit_test(wrong_commits),
		cmocka_unit_test(shorter),
		cmocka_unit_test(vanished),
		cmocka_unit_test(moved),
		cmocka_unit_test(full_house),
		cmocka_unit_test(ahead),
		cmocka_unit_test(ahead_of_liar),
		cmocka_unit_test(suspects),
		cmocka_unit_test(suspects_first),
		cmocka_unit_test(set_aside),
		cmocka_unit_test(history),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
