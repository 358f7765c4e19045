/* What block-serve claims: no set bits may lead a peer to ids that are not held (spec/sync.md D.3),
 * with any holes; and the index of cycles. */
// link: cmd/block-serve/inventory.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "cmd/block-serve/inventory.h"

#define FIRST 100
#define LENGTH 10
#define HEIGHTS 120

/* A made-up world: at each height perhaps a tenure that started; its start id is its height. */
struct world {
	struct network net;
	bool started[HEIGHTS], held[HEIGHTS], whole[HEIGHTS], canonical[HEIGHTS];
	int parent[HEIGHTS];		/* height of the tenure below, -1 for the first */
	int last;			/* newest started tenure */
};

static void id_of(uint8_t id[ID_LEN], int h)
{
	memset(id, 0, ID_LEN);
	put_be32(id, (uint32_t)(h + 1));
}

static void make_world(struct world *w, unsigned seed, unsigned holes)
{
	int below = -1;
	bool linked = true;

	memset(w, 0, sizeof(*w));
	srand(seed);
	w->net.first_burn_height = FIRST;
	w->net.cycle_length = LENGTH;
	for (int h = 0; h < HEIGHTS; h++) {
		if (rand() % 100 < 20)
			continue;
		w->started[h] = true;
		w->parent[h] = below;
		w->held[h] = w->whole[h] = (unsigned)rand() % 1000 >= holes;
		if (w->held[h] && rand() % 20 == 0)
			w->whole[h] = holes == 0;
		below = w->last = h;
	}
	for (int h = 0; h < HEIGHTS; h++) {
		if (!w->started[h])
			continue;
		/* A tenure is whole only if the one above starts on it. */
		w->canonical[h] = linked && w->held[h];
		linked = w->canonical[h] && w->whole[h];
	}
}

static void describe(const struct world *w, int h, struct inv_tenure *t)
{
	int above = h + 1;

	while (above < HEIGHTS && !w->started[above])
		above++;
	memset(t, 0, sizeof(*t));
	t->burn_height = FIRST + (uint64_t)h;
	id_of(t->start_id, h);
	if (w->parent[h] >= 0)
		id_of(t->committed, w->parent[h]);
	t->complete = w->whole[h] && above < HEIGHTS && w->held[above];
	t->newest = h >= w->last - 2;
}

static void plan_of(const struct world *w, struct inv_plan *p)
{
	struct inv_tenure t, *top = NULL;
	uint64_t below = 0;
	int h, top_height = -1;
	struct inv_tenure chain;

	for (h = 0; h < HEIGHTS; h++) {
		if (!w->canonical[h])
			continue;
		if (top_height >= 0)
			below = FIRST + (uint64_t)top_height;
		top_height = h;
		describe(w, h, &t);
		top = &t;
	}
	chain = t;
	memset(p, 0, sizeof(*p));
	inv_plan_begin(p, top ? &chain : NULL, below ? &below : NULL);
	inv_runs_begin(p);
	for (h = HEIGHTS; h-- > 0;) {
		if (w->held[h]) {
			describe(w, h, &t);
			inv_runs_add(p, &w->net, &t);
		}
	}
}

static bool bit(const struct world *w, const struct inv_plan *p, int h)
{
	return h < HEIGHTS && w->held[h] &&
	    inv_claims(p, &w->net, FIRST + (uint64_t)h, w->canonical[h]);
}

/* The next set bit after h, as a stacks-node looks for it: no further than the cycle after that of
 * `from`. */
static int next_bit(const struct world *w, const struct inv_plan *p, int h, int from)
{
	for (h++; h < HEIGHTS && h / LENGTH <= from / LENGTH + 1; h++)
		if (bit(w, p, h))
			return h;
	return -1;
}

static unsigned runs_seen[INV_RUNS + 1]; /* worlds with so many runs */

static int check_world(const struct world *w)
{
	struct inv_plan p;
	int taken = 0;

	plan_of(w, &p);
	for (int i = 0; i < HEIGHTS; i++) {
		if (!bit(w, &p, i))
			continue;
		int j = next_bit(w, &p, i, i);
		int k = j < 0 ? -1 : next_bit(w, &p, j, i);
		if (k < 0)
			continue;
		assert_int_equal(w->parent[j], i);	/* W[j].winning is the start of i */
		assert_int_equal(w->parent[k], j);
		assert_true(w->held[i] && w->whole[i] && w->held[j]);
		taken++;
	}
	runs_seen[p.n_runs]++;
	return taken;
}

static void holes_never_mislead(void **state)
{
	struct world w;

	for (unsigned seed = 0; seed < 2000; seed++) {
		make_world(&w, seed, seed % 300);
		check_world(&w);
		/* The same without a chain. */
		memset(w.canonical, 0, sizeof(w.canonical));
		check_world(&w);
	}
	assert_true(runs_seen[1] > 20 && runs_seen[2] > 20 && runs_seen[3] > 20);
}

static void whole_chain_is_claimed(void **state)
{
	struct world w;
	struct inv_plan p;

	for (unsigned seed = 0; seed < 50; seed++) {
		make_world(&w, seed, 0);
		plan_of(&w, &p);
		for (int h = 0; h < HEIGHTS; h++)
			assert_int_equal(bit(&w, &p, h), w.started[h]);
		assert_true(check_world(&w) > 0);
	}
}

/* A hole: the chain below it is claimed, and what is above it from the second cycle after that of
 * the chain's top on.  Without a chain: what is above it, and below it what is as far away. */
static void beyond_a_hole(void **state)
{
	struct world w;
	struct inv_plan p;
	int hole = 34, top;

	make_world(&w, 7, 0);
	while (!w.started[hole])
		hole++;
	w.held[hole] = w.whole[hole] = false;
	for (int h = hole; h < HEIGHTS; h++)
		w.canonical[h] = false;
	plan_of(&w, &p);
	assert_true(p.has_chain && p.n_runs == 1);
	/* The chain's top is held in part: the one above is unknown. */
	top = w.parent[w.parent[hole]];
	for (int h = 0; h < HEIGHTS; h++)
		assert_int_equal(bit(&w, &p, h), w.started[h] &&
		    (h <= top || h / LENGTH >= top / LENGTH + 2));
	check_world(&w);
	memset(w.canonical, 0, sizeof(w.canonical));
	plan_of(&w, &p);
	assert_int_equal(p.n_runs, 2);
	for (top = hole + 1; !w.started[top];)
		top++;
	for (int h = 0; h < HEIGHTS; h++)
		assert_int_equal(bit(&w, &p, h), w.started[h] &&
		    (h > hole || h / LENGTH + 2 <= top / LENGTH));
	check_world(&w);
}

/* The chain has grown into the runs that were made before: the gap is kept. */
static void chain_grows(void **state)
{
	struct inv_tenure top = { .complete = true };
	struct world w;
	struct inv_plan p;

	make_world(&w, 7, 0);
	memset(w.canonical, 0, sizeof(w.canonical));
	plan_of(&w, &p);
	assert_int_equal(p.n_runs, 1);
	for (unsigned h = 0; h < HEIGHTS; h++) {
		top.burn_height = FIRST + h;
		inv_plan_begin(&p, &top, NULL);
		for (unsigned i = h + 1; i < HEIGHTS; i++)
			assert_true(!inv_claims(&p, &w.net, FIRST + i, false) ||
			    i / LENGTH >= h / LENGTH + 2);
		assert_true(inv_claims(&p, &w.net, FIRST + h, true));
		assert_false(inv_claims(&p, &w.net, FIRST + h, false));
	}
}

static void nothing_held(void **state)
{
	struct network net = { .first_burn_height = FIRST, .cycle_length = LENGTH };
	struct inv_plan p;

	memset(&p, 0, sizeof(p));
	inv_plan_begin(&p, NULL, NULL);
	assert_false(inv_claims(&p, &net, FIRST, true));
	assert_false(inv_claims(&p, &net, FIRST + 50, false));
	assert_int_equal(inv_length(&net, 0, FIRST + 3), 4);
	assert_int_equal(inv_length(&net, 1, FIRST + 9), 0);
	assert_int_equal(inv_length(&net, 1, FIRST + 500), LENGTH);
}

static void index_is_bounded(void **state)
{
	static struct inv_index x;
	uint8_t key[32] = { 1 }, other[32] = { 2 };

	inv_index_key(&x, key, 0);
	for (uint64_t c = 0; c < INV_CYCLES + 5; c++) {
		assert_null(inv_index_find(&x, NAKAMOTO, c));
		inv_index_place(&x, NAKAMOTO, c);
		/* in use, so it stays */
		assert_non_null(inv_index_find(&x, NAKAMOTO, 0));
		assert_non_null(inv_index_find(&x, NAKAMOTO, c));
	}
	assert_int_equal(x.n, INV_CYCLES);
	assert_null(inv_index_find(&x, NAKAMOTO, 1));
	inv_index_key(&x, key, 5000);
	assert_int_equal(x.n, INV_CYCLES);
	inv_index_key(&x, other, 5000);
	assert_int_equal(x.n, 0);
	assert_false(x.planned);
	/* Without a chain the plan ages. */
	x.planned = x.behind = true;
	x.keep_ms = 1500;
	inv_index_place(&x, NAKAMOTO, 3);
	inv_index_key(&x, other, 1499);
	assert_int_equal(x.n, 1);
	inv_index_key(&x, other, 1500);
	assert_int_equal(x.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holes_never_mislead),
		cmocka_unit_test(whole_chain_is_claimed),
		cmocka_unit_test(beyond_a_hole),
		cmocka_unit_test(chain_grows),
		cmocka_unit_test(nothing_held),
		cmocka_unit_test(index_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
