/* The keeper: orders of arrival, borders, forks, restarts. */
#include "tests/unit/store_line.h"

static void any_order(void **state)
{
	struct line l;
	size_t order[WORLD_BLOCKS], i, j, x;
	unsigned seed;

	for (seed = 1; seed <= 40; seed++) {
		line_make(&l);
		srand(seed);
		for (i = 0; i < l.w.n; i++)
			order[i] = i;
		for (i = l.w.n - 1; i > 0; i--) {
			j = (size_t)rand() % (i + 1);
			x = order[i];
			order[i] = order[j];
			order[j] = x;
		}
		keeper_begin(l.w.k);
		for (i = 0; i < l.w.n; i++) {
			world_give(&l.w, &l.w.blocks[order[i]]);
			if (rand() % 3 == 0) {
				world_commit(&l.w);
				if (rand() % 2)
					world_restart(&l.w);
				keeper_begin(l.w.k);
			}
		}
		world_commit(&l.w);
		assert_int_equal(world_listed(&l.w), 10);
		assert_true(world_tip(&l.w, l.d));
		world_restart(&l.w);
		keeper_begin(l.w.k);
		world_commit(&l.w);
		assert_true(world_tip(&l.w, l.d));
		world_close(&l.w);
	}
}

/* Forks, tails that nobody built on, a stray, a wrong count and a wrong extension, by every way:
 * one and the same list. */
static void hostile_any_order(void **state)
{
	struct digest first = { .n = 0 }, now;
	struct line l;
	struct world *w = &l.w;
	struct world_block *start;
	uint8_t ch[CH_LEN];
	MDB_txn *txn;
	size_t i, j, x, n, order[WORLD_BLOCKS];
	unsigned seed;

	for (seed = 1; seed <= 60; seed++) {
		line_make(&l);
		/* a fork of d */
		world_tenure(w, 'x', l.c, 4, 3);
		world_sortition(w, 'x', 145, w->blocks[4].id, false);
		/* a tail beside c's */
		world_block(w, 'c', &w->blocks[5], BLOCK_ORDINARY, 0, NULL);
		/* a stray, and its child */
		world_block(w, 'c', l.d, BLOCK_ORDINARY, 0, NULL);
		world_block(w, 'd', &w->blocks[w->n - 1], BLOCK_ORDINARY, 0, NULL);
		world_ch(ch, 'd');
		/* counts seven, not two */
		world_block(w, 'd', l.d, BLOCK_EXTEND, 7, ch);
		world_block(w, 'd', &w->blocks[w->n - 1], BLOCK_ORDINARY, 0, NULL);
		n = w->n;
		/* counts nine, not two */
		world_tenure(w, 'e', l.d, 9, 2);
		start = &w->blocks[n];
		world_sortition(w, 'f', 147, start->id, true);
		srand(seed);
		for (i = 0; i < w->n; i++)
			order[i] = i;
		for (i = w->n - 1; seed > 1 && i > 0; i--) {
			j = (size_t)rand() % (i + 1);
			x = order[i];
			order[i] = order[j];
			order[j] = x;
		}
		keeper_begin(w->k);
		for (i = 0; i < w->n; i++) {
			world_give(w, &w->blocks[order[i]]);
			if (seed > 1 && rand() % 3 == 0) {
				world_commit(w);
				if (rand() % 2)
					world_restart(w);
				keeper_begin(w->k);
			}
		}
		world_commit(w);
		now = (struct digest){ .n = 0 };
		txn = store_read(&w->s);
		proven_walk(&w->s, txn, 0, digest_add, &now);
		assert_false(block_proven(&w->s, txn, start->id));
		store_read_end(txn);
		if (seed == 1)
			first = now;
		assert_int_equal(now.n, 14);
		assert_memory_equal(&now, &first, sizeof(now));
		assert_true(world_tip(w, l.d));
		world_close(w);
	}
}

/* A tenure is proven without the ones below it, and linked when they come. */
static void holes(void **state)
{
	struct rec_tenure t;
	struct line l;
	uint8_t ch[CH_LEN];
	MDB_txn *txn;
	size_t i;

	line_make(&l);
	keeper_begin(l.w.k);
	for (i = 4; i < 8; i++)
		world_give(&l.w, &l.w.blocks[i]);
	world_commit(&l.w);
	assert_int_equal(world_listed(&l.w), 4);
	assert_int_equal(world_said(&l.w, REC_STORED, NULL), 4);
	world_ch(ch, 'c');
	txn = store_read(&l.w.s);
	assert_int_equal(tenure_get(&l.w.s, txn, ch, &t), 0);
	assert_true(t.proven && t.named && !t.linked && !t.complete);
	assert_int_equal(t.held, 4);
	store_read_end(txn);
	keeper_begin(l.w.k);
	for (i = 0; i < l.w.n; i++)
		world_give(&l.w, &l.w.blocks[i]);
	world_commit(&l.w);
	assert_int_equal(world_said(&l.w, REC_STORED, NULL), 6);
	assert_int_equal(world_said(&l.w, REC_VERDICT, "lighter"), 4);
	txn = store_read(&l.w.s);
	assert_int_equal(tenure_get(&l.w.s, txn, ch, &t), 0);
	assert_true(t.proven && t.linked && t.complete && t.canonical);
	assert_memory_equal(t.end_id, l.c->id, ID_LEN);
	store_read_end(txn);
	world_close(&l.w);
}

/* The upper tenure came first and is named; the border shows
 * its lie when the lower one is whole. */
static void border_falls(void **state)
{
	struct line l;
	struct world *w = &l.w;
	struct world_block *start, *top;
	size_t i, n;

	line_make(&l);
	n = w->n;
	top = world_tenure(w, 'e', l.d, 3, 2);	/* d has two */
	start = &w->blocks[n];
	world_sortition(w, 'f', 147, start->id, true);
	keeper_begin(w->k);
	world_give(w, top);
	world_give(w, start);
	world_commit(w);
	assert_true(world_proven(w, top));
	world_restart(w);
	keeper_begin(w->k);
	for (i = 0; i < n; i++)
		world_give(w, &w->blocks[i]);
	world_commit(w);
	assert_int_equal(world_said(w, REC_VERDICT, "count"), 1);
	assert_int_equal(world_said(w, REC_FAULT, "count"), 1);
	assert_false(world_proven(w, top));
	assert_int_equal(world_listed(w), 10);
	assert_true(world_tip(w, l.d));
	world_close(w);
}

/* The commit of the upper tenure names another start than the one that it stands on. */
static void commit_names_another(void **state)
{
	struct line l;
	struct world *w = &l.w;
	struct world_block *start;
	size_t i, n;

	line_make(&l);
	n = w->n;
	world_tenure(w, 'e', l.d, 2, 1);
	start = &w->blocks[n];
	world_sortition(w, 'e', 146, w->blocks[0].id, true);	/* a's start, not d's */
	world_sortition(w, 'f', 147, start->id, true);
	keeper_begin(w->k);
	for (i = 0; i < w->n; i++)
		world_give(w, &w->blocks[i]);
	world_commit(w);
	assert_int_equal(world_said(w, REC_VERDICT, "commit"), 1);
	assert_int_equal(world_listed(w), 10);
	world_close(w);
}

/* Of two chains of one height the first stays; one block more decides. */
static void ties(void **state)
{
	struct line l;
	struct world *w = &l.w;
	struct world_block *tail, *more;
	size_t i, n;

	line_make(&l);
	n = w->n;
	/* The last tenure's tail forks: two blocks of one height in one tenure. */
	tail = world_block(w, 'd', &w->blocks[n - 2], BLOCK_ORDINARY, 0, NULL);
	more = world_block(w, 'd', tail, BLOCK_ORDINARY, 0, NULL);
	keeper_begin(w->k);
	for (i = 0; i < n; i++)
		world_give(w, &w->blocks[i]);
	world_give(w, tail);
	world_commit(w);
	assert_true(world_tip(w, l.d));
	assert_int_equal(world_listed(w), 11);
	assert_true(world_proven(w, tail));
	keeper_begin(w->k);
	world_give(w, more);
	world_commit(w);
	assert_true(world_tip(w, more));
	assert_int_equal(world_listed(w), 12);
	world_restart(w);
	keeper_begin(w->k);
	world_commit(w);
	assert_true(world_tip(w, more));
	world_close(w);
}

/* Two tenures on one parent, of one height: the one stored first is the tip, also after a restart,
 * until the other grows. */
static void first_of_equals(void **state)
{
	struct line l;
	struct world *w = &l.w;
	struct world_block *tips[2], *more[2];
	size_t i, n;
	int first;

	for (first = 0; first < 2; first++) {
		line_make(&l);
		n = w->n;
		tips[0] = world_tenure(w, 'e', l.d, 2, 1);
		tips[1] = world_tenure(w, 'g', l.d, 2, 1);
		world_sortition(w, 'g', 148, w->blocks[8].id, true);
		more[0] = world_block(w, 'e', tips[0], BLOCK_ORDINARY, 0, NULL);
		more[1] = world_block(w, 'g', tips[1], BLOCK_ORDINARY, 0, NULL);
		keeper_begin(w->k);
		for (i = 0; i < n; i++)
			world_give(w, &w->blocks[i]);
		world_give(w, tips[first]);
		world_commit(w);
		assert_true(world_tip(w, tips[first]));
		keeper_begin(w->k);
		world_give(w, tips[!first]);
		world_commit(w);
		assert_true(world_proven(w, tips[!first]) && world_tip(w, tips[first]));
		world_restart(w);
		keeper_begin(w->k);
		keeper_rescan(w->k);
		world_commit(w);
		assert_true(world_tip(w, tips[first]));
		keeper_begin(w->k);
		world_give(w, more[!first]);
		world_commit(w);
		assert_true(world_tip(w, more[!first]));
		world_close(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order),
		cmocka_unit_test(hostile_any_order),
		cmocka_unit_test(holes),
		cmocka_unit_test(border_falls),
		cmocka_unit_test(commit_names_another),
		cmocka_unit_test(ties),
		cmocka_unit_test(first_of_equals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
