/* The burnchain view under a virtual clock, with seeded sources: honest, late, failing, lying from
 * a height on, dead, nodes behind a balancer of which some lag; on chains that give way by a random
 * depth.  Honest sources are never blamed, liars are, and what is settled is the truth. */
// link: cmd/sortition-sync/view.c
// link: cmd/sortition-sync/view_dispute.c
// link: cmd/sortition-sync/view_order.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "cmd/sortition-sync/view.h"

#define FIRST 1000u
#define LENGTH 600u
#define MAX_ANSWERS 64

enum conduct { HONEST, LATE, FAILING, LIAR, DEAD, BALANCED };

struct answer { bool live, tip; uint64_t from, due; uint32_t n; };
struct source {
	enum conduct conduct;
	uint64_t lies_from, behind, switch_at;	/* when it follows the reorganisation */
	unsigned latency;
	bool batches, blamed;
	uint64_t next_tip;
	struct answer answers[MAX_ANSWERS];
};
struct world {
	struct network net;
	struct view view;
	struct source s[8];
	unsigned n, quorum;
	uint64_t now, tip[2], fork;	/* chain 0, and chain 1 that leaves it above `fork` */
	bool reorg;
	uint8_t got[LENGTH + 64][CH_LEN];	/* what the view has settled */
	bool has[LENGTH + 64];
	uint32_t seed;
};

static uint32_t dice(struct world *w, uint32_t n)
{
	w->seed = w->seed * 1664525 + 1013904223;
	return (w->seed >> 8) % n;
}

/* The row of a height on chain 0 or 1, as a liar or an honest source tells it. */
static void row(const struct world *w, int chain, bool lie, uint64_t h, struct rec_sortition *r)
{
	uint8_t kind = (uint8_t)((chain && h > w->fork) | (lie ? 2 : 0)),
		below = (uint8_t)((chain && h - 1 > w->fork) | (lie ? 2 : 0));

	memset(r, 0, sizeof(*r));
	r->burn_height = h;
	r->won = h % 5 != 0;
	memset(r->burn_hash, (int)(h % 251), 32);
	memset(r->miner, 7, sizeof(r->miner));
	put_be64(r->consensus_hash, h);
	r->consensus_hash[19] = kind + 1;
	put_be64(r->sortition_id, h);
	r->sortition_id[31] = kind + 1;
	put_be64(r->parent_sortition_id, h - 1);
	r->parent_sortition_id[31] = below + 1;
}

static int chain_of(const struct world *w, const struct source *s)
{
	return w->reorg && w->now >= s->switch_at;
}

static uint64_t tip_of(const struct world *w, const struct source *s)
{
	uint64_t tip = w->tip[chain_of(w, s)];

	return s->conduct == LATE ? tip - s->behind : tip;
}

static void told_row(const struct world *w, const struct source *s, uint64_t h,
    struct rec_sortition *r)
{
	row(w, chain_of(w, s), s->conduct == LIAR && h >= s->lies_from, h, r);
}

static void events(struct world *w)
{
	struct view_event e;

	while (view_event(&w->view, &e)) {
		switch (e.what) {
		case VIEW_SETTLED:
			memcpy(w->got[e.rec.burn_height - FIRST], e.rec.consensus_hash, CH_LEN);
			w->has[e.rec.burn_height - FIRST] = true;
			break;
		case VIEW_UNSETTLED:
			w->has[e.height - FIRST] = false;
			break;
		case VIEW_LIAR:
			if (w->s[e.source].conduct != LIAR)
				fail_msg("seed: an honest source %u is blamed at %llu", e.source,
				    (unsigned long long)e.height);
			w->s[e.source].blamed = true;
			break;
		case VIEW_CONTESTED:
			break;
		}
	}
}

static void answer(struct world *w, unsigned i, struct answer *a)
{
	struct source *s = &w->s[i];
	struct rec_sortition r;

	a->live = false;
	if (s->conduct == FAILING && dice(w, 3) == 0) {
		if (!a->tip)
			view_failed(&w->view, i, a->from, a->n);
		return;
	}
	if (a->tip) {
		told_row(w, s, tip_of(w, s), &r);
		view_tip(&w->view, i, &r);
		return;
	}
	for (uint64_t h = a->from; h < a->from + a->n; h++) {
		/* the first burn block is shown by nobody */
		if (h > tip_of(w, s) || h == FIRST || (s->conduct == BALANCED && dice(w, 3) == 0)) {
			view_missing(&w->view, i, h);
			continue;
		}
		told_row(w, s, h, &r);
		view_claim(&w->view, i, &r);
	}
}

static void step(struct world *w)
{
	view_tick(&w->view, w->now);
	for (unsigned i = 0; i < w->n; i++) {
		struct source *s = &w->s[i];
		for (unsigned k = 0; k < MAX_ANSWERS; k++) {
			struct answer *a = &s->answers[k];
			if (a->live && w->now >= a->due)
				answer(w, i, a);
			if (a->live || s->conduct == DEAD || w->view.sources[i].ignored)
				continue;
			*a = (struct answer){ .due = w->now + s->latency };
			if (w->now >= s->next_tip) {
				s->next_tip = w->now + 3000;
				a->live = a->tip = true;
			} else {
				a->live =
				    view_next(&w->view, i, s->batches ? 100 : 1, &a->from, &a->n);
			}
		}
	}
	events(w);
	w->now += 50;
}

static void world_new(struct world *w, uint32_t seed, unsigned n, unsigned quorum)
{
	static const uint8_t secret[32] = { 1, 2, 3 };

	memset(w, 0, sizeof(*w));
	w->seed = seed * 7919 + 1;
	w->net.first_burn_height = FIRST;
	w->net.stable_confirmations = 7;
	w->net.cycle_length = 20;
	w->n = n;
	w->quorum = quorum;
	w->now = 1000000;
	w->tip[0] = FIRST + LENGTH - 60;
	for (unsigned i = 0; i < n; i++) {
		w->s[i].latency = 50 + dice(w, 400);
		w->s[i].batches = dice(w, 2);
	}
	view_init(&w->view, &w->net, n, quorum, secret);
}

static void check(struct world *w, int chain)
{
	struct rec_sortition r;

	for (uint64_t h = FIRST + 1; h <= w->view.tip; h++) {
		row(w, chain, false, h, &r);
		assert_true(w->has[h - FIRST]);
		assert_memory_equal(w->got[h - FIRST], r.consensus_hash, CH_LEN);
	}
}

static bool run(struct world *w, unsigned steps, bool (*until)(struct world *))
{
	while (steps--) {
		step(w);
		if (until(w))
			return true;
	}
	return false;
}

static bool is_complete(struct world *w) { return view_complete(&w->view) && view_quiet(&w->view); }
static bool on_new_fork(struct world *w)
{
	return view_complete(&w->view) && w->view.tip == w->tip[1] && view_linked(&w->view) &&
	    w->has[w->fork + 1 - FIRST] && w->got[w->fork + 1 - FIRST][19] == 2;
}
static bool liars_blamed(struct world *w)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->s[i].conduct == LIAR && !w->s[i].blamed)
			return false;
	return is_complete(w);
}

static void test_mixes(void **state)
{
	for (uint32_t seed = 0; seed < 150; seed++) {
		struct world w;
		unsigned n = 1 + seed % 6, quorum = n / 2 + 1;
		world_new(&w, seed, n, quorum);
		for (unsigned i = quorum; i < n; i++) {	/* a minority of trouble */
			w.s[i].conduct = (enum conduct)(1 + dice(&w, 4));
			w.s[i].behind = 1 + dice(&w, 30);
			w.s[i].lies_from = FIRST + 1 + dice(&w, LENGTH - 100);
		}
		if (!run(&w, 20000, liars_blamed))
			fail_msg("seed %u does not end", seed);
		check(&w, 0);
		view_release(&w.view);
	}
}

static void test_reorg(void **state)
{
	for (uint32_t seed = 0; seed < 120; seed++) {
		struct world w;
		unsigned n = 1 + seed % 5, depth = 1 + seed % 40;
		world_new(&w, seed, n, n / 2 + 1);
		assert_true(run(&w, 20000, is_complete));
		check(&w, 0);
		w.fork = w.tip[0] - depth;
		/* sometimes the new chain is shorter for a while */
		w.tip[1] = w.tip[0] + 1 - dice(&w, 2) * dice(&w, depth);
		for (unsigned i = 0; i < n; i++)
			/* they do not see it at once */
			w.s[i].switch_at = w.now + dice(&w, 8000);
		w.reorg = true;
		if (!run(&w, 20000, on_new_fork))
			fail_msg("seed %u, depth %u: the view does not follow", seed, depth);
		check(&w, 1);
		view_release(&w.view);
	}
}

static void test_restart(void **state)
{
	for (uint32_t seed = 0; seed < 60; seed++) {
		struct world w;
		struct rec_sortition r;
		unsigned depth = seed % 30;
		uint64_t asked = 0;
		world_new(&w, seed, 3, 2);
		/* the store has chain 0 up to its tip */
		for (uint64_t h = FIRST + 1; h <= w.tip[0]; h++) {
			row(&w, 0, false, h, &r);
			view_load(&w.view, &r);
			memcpy(w.got[h - FIRST], r.consensus_hash, CH_LEN);
			w.has[h - FIRST] = true;
		}
		view_loaded(&w.view);
		w.fork = w.tip[0] - depth;
		w.tip[1] = w.tip[0] + 5;
		w.reorg = true;
		assert_true(run(&w, 20000, depth ? on_new_fork : is_complete));
		check(&w, 1);
		for (unsigned i = 0; i < 3; i++)
			for (uint64_t k = 0; k < w.view.n_slots; k++)
				asked += w.view.sources[i].asked[k / 8] >> (k % 8) & 1;
		/* what the store had is not asked for again */
		assert_true(asked < 3 * (depth + 40));
		view_release(&w.view);
	}
}

static void test_balanced(void **state)
{
	for (uint32_t seed = 0; seed < 20; seed++) {
		struct world w;
		unsigned n = 1 + seed % 3;
		world_new(&w, seed, n, n);
		for (unsigned i = 0; i < n; i++)
			w.s[i].conduct = BALANCED;
		if (!run(&w, 20000, is_complete))
			fail_msg("seed %u: what was missing once is missing for ever", seed);
		check(&w, 0);
		view_release(&w.view);
	}
}

static void test_two_of_two(void **state)
{
	struct world w;
	struct view_event e;
	bool contested = false;
	char why[160];

	world_new(&w, 3, 2, 2);
	w.s[1].conduct = LIAR;
	w.s[1].lies_from = FIRST + 200;
	for (unsigned i = 0; i < 200; i++) {
		struct view *v = &w.view;
		step(&w);
		contested |= v->has_tip && strstr(view_explain(v, why), "contradict") != NULL;
		while (view_event(v, &e))
			assert_int_not_equal(e.what, VIEW_LIAR);
	}
	assert_true(contested);
	/* what they agree on counts, the rest does not */
	for (uint64_t h = FIRST + 1; h <= w.view.tip; h++)
		assert_int_equal(w.has[h - FIRST], h < FIRST + 200);
	assert_false(view_complete(&w.view));
	view_release(&w.view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mixes),
		cmocka_unit_test(test_reorg),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_balanced),
		cmocka_unit_test(test_two_of_two),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Next: tests/sortition-sync.bats */
