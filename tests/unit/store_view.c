/* The keeper and its view: reorgs, burn views that come late
 * or go back, the lowest tenure wanted. */
#include "tests/unit/store_line.h"

struct news { bool sortition; size_t i; };

/* Blocks and the view in any order, with restarts: an extension, its view, a fork that a reorg left
 * behind. */
static void view_any_order(void **state)
{
	static const uint64_t heights[] = { 140, 141, 143, 144, 146, 145, 145, 148 };
	static const char names[] = "abcdexvf";
	struct digest first = { .n = 0 }, now;
	struct line l;
	struct world *w = &l.w;
	struct world_block *ext, *above, *tip;
	struct news all[WORLD_BLOCKS], x;
	uint8_t committed[8][ID_LEN] = { { 0 } }, view[CH_LEN];
	size_t i, j, n, e;
	MDB_txn *txn;
	unsigned seed;

	for (seed = 1; seed <= 200; seed++) {
		line_make_blocks(&l);
		world_ch(view, 'v');
		ext = world_block(w, 'd', l.d, BLOCK_EXTEND, 2, view);
		above = world_block(w, 'd', ext, BLOCK_ORDINARY, 0, NULL);
		world_tenure(w, 'x', l.c, 4, 3);
		e = w->n;
		tip = world_tenure(w, 'e', above, 4, 2);
		memcpy(committed[0], w->blocks[0].parent, ID_LEN);
		memcpy(committed[1], w->blocks[0].id, ID_LEN);
		memcpy(committed[2], w->blocks[3].id, ID_LEN);
		memcpy(committed[3], w->blocks[4].id, ID_LEN);
		memcpy(committed[5], w->blocks[4].id, ID_LEN);
		memcpy(committed[4], w->blocks[8].id, ID_LEN);
		memcpy(committed[7], w->blocks[e].id, ID_LEN);
		for (n = 0; n < w->n + 8; n++)
			all[n] = (struct news){ n >= w->n, n >= w->n ? n - w->n : n };
		srand(seed);
		for (i = n - 1; seed > 1 && i > 0; i--) {
			j = (size_t)rand() % (i + 1);
			x = all[i];
			all[i] = all[j];
			all[j] = x;
		}
		keeper_begin(w->k);
		for (i = 0; i < n; i++) {
			if (!all[i].sortition) {
				world_give(w, &w->blocks[all[i].i]);
				continue;
			}
			world_commit(w);
			assert_int_equal(world_said(w, REC_FAULT, NULL), 0);
			world_sortition(w, names[all[i].i], heights[all[i].i], committed[all[i].i],
			    names[all[i].i] != 'x');
			if (rand() % 3 == 0)
				world_restart(w);
			keeper_begin(w->k);
			if (rand() % 2)
				keeper_rescan(w->k);
		}
		keeper_rescan(w->k);
		world_commit(w);
		assert_int_equal(world_said(w, REC_FAULT, NULL), 0);
		now = (struct digest){ .n = 0 };
		txn = store_read(&w->s);
		proven_walk(&w->s, txn, 0, digest_add, &now);
		store_read_end(txn);
		if (seed == 1)
			first = now;
		assert_int_equal(now.n, 17);
		assert_memory_equal(&now, &first, sizeof(now));
		assert_true(world_tip(w, tip));
		world_close(w);
	}
}

/* Two forks above c: which one is canonical is the view's to say, without new blocks. */
static void reorg(void **state)
{
	struct line l;
	struct world *w = &l.w;
	struct world_block *fork;
	uint8_t ch[CH_LEN];
	MDB_txn *txn;
	size_t i;

	line_make(&l);
	fork = world_tenure(w, 'x', l.c, 4, 5);
	world_sortition(w, 'x', 144, w->blocks[4].id, false);
	keeper_begin(w->k);
	for (i = 0; i < w->n; i++)
		world_give(w, &w->blocks[i]);
	world_commit(w);
	assert_int_equal(world_listed(w), 15);
	assert_true(world_tip(w, l.d));
	txn = store_write(&w->s);
	world_ch(ch, 'd');
	sortition_mark(&w->s, txn, 144, ch, false);
	world_ch(ch, 'e');
	sortition_mark(&w->s, txn, 146, ch, false);
	world_ch(ch, 'x');
	sortition_mark(&w->s, txn, 144, ch, true);
	store_commit_or_die(&w->s, txn);
	keeper_begin(w->k);
	keeper_reorg(w->k, 143);
	world_commit(w);
	assert_true(world_tip(w, fork));
	assert_int_equal(world_listed(w), 15);
	/* And back, as a keeper sees it that was not told. */
	txn = store_write(&w->s);
	sortition_mark(&w->s, txn, 144, ch, false);
	world_ch(ch, 'd');
	sortition_mark(&w->s, txn, 144, ch, true);
	store_commit_or_die(&w->s, txn);
	keeper_begin(w->k);
	keeper_rescan(w->k);
	world_commit(w);
	assert_true(world_tip(w, l.d));
	world_close(w);
}

static void mark(struct world *w, char tenure, uint64_t height, bool canonical)
{
	MDB_txn *txn = store_write(&w->s);
	uint8_t ch[CH_LEN];

	world_ch(ch, tenure);
	sortition_mark(&w->s, txn, height, ch, canonical);
	store_commit_or_die(&w->s, txn);
}

/* Back and forth between d e, x y and d z while their blocks come, told of it or not, with
 * restarts: after each commit the canonical tip is the highest one of the side that is in force. */
static void reorgs(void **state)
{
	static const struct { char name; uint64_t height; unsigned sides; } tenures[] = {
		{ 'd', 144, 5 }, { 'e', 146, 1 }, { 'x', 145, 2 }, { 'y', 147, 2 }, { 'z', 148, 4 },
	};
	const struct world_block *tips[3], *b;
	struct world_block *x;
	struct line l;
	struct world *w = &l.w;
	unsigned seed, side, step, i;
	size_t next, n;

	for (seed = 1; seed <= 60; seed++) {
		srand(seed);
		line_make(&l);
		tips[0] = world_tenure(w, 'e', l.d, 2, 3);
		n = w->n;
		x = world_tenure(w, 'x', l.c, 4, 2);
		world_sortition(w, 'x', 145, w->blocks[4].id, false);
		tips[1] = world_tenure(w, 'y', x, 2, 4);
		world_sortition(w, 'y', 147, w->blocks[n].id, false);
		n = w->n;
		tips[2] = world_tenure(w, 'z', l.d, 2, 2);
		world_sortition(w, 'z', 148, w->blocks[8].id, false);
		side = 0;
		keeper_begin(w->k);
		for (next = 0; next < 8; next++)
			world_give(w, &w->blocks[next]);
		world_commit(w);
		for (step = 0; step < 60; step++) {
			if (rand() % 3 == 0) {
				side = (unsigned)rand() % 3;
				for (i = 0; i < 5; i++)
					mark(w, tenures[i].name, tenures[i].height,
					    tenures[i].sides >> side & 1);
			}
			if (rand() % 6 == 0)
				world_restart(w);
			keeper_begin(w->k);
			for (i = (unsigned)rand() % 4; i > 0 && next < w->n; i--)
				world_give(w, &w->blocks[next++]);
			if (rand() % 2)
				keeper_reorg(w->k, 143);
			else
				keeper_rescan(w->k);
			world_commit(w);
			b = l.c;
			for (i = 0; i < next; i++)
				if (w->blocks[i].height > b->height &&
				    (strchr("abc", w->blocks[i].tenure) ||
					strchr(side == 0  ? "de" :
						side == 1 ? "xy" :
							    "dz",
					    w->blocks[i].tenure)))
					b = &w->blocks[i];
			assert_true(world_tip(w, b));
		}
		assert_true(next == w->n && world_tip(w, tips[side]) && world_listed(w) == w->n);
		world_close(w);
	}
}

/* An extension whose burn view the store does not know yet waits for it, also in a keeper that was
 * started anew on a store that only has what its rows say; nobody is blamed. */
static void late_view(void **state)
{
	struct line l;
	struct world *w = &l.w;
	struct world_block *ext, *above;
	uint8_t view[CH_LEN], none[ID_LEN] = { 0 };
	size_t i;
	int restart;

	for (restart = 0; restart < 2; restart++) {
		line_make(&l);
		world_ch(view, 'v');
		ext = world_block(w, 'd', l.d, BLOCK_EXTEND, 2, view);
		above = world_block(w, 'd', ext, BLOCK_ORDINARY, 0, NULL);
		keeper_begin(w->k);
		for (i = 0; i < w->n; i++)
			world_give(w, &w->blocks[i]);
		world_commit(w);
		assert_int_equal(world_said(w, REC_VERDICT, NULL), 0);
		assert_int_equal(world_listed(w), 10);
		if (restart)
			world_restart(w);
		world_sortition(w, 'v', 147, none, true);
		keeper_begin(w->k);
		keeper_rescan(w->k);
		world_commit(w);
		assert_true(world_proven(w, above));
		assert_true(world_tip(w, above));
		world_close(w);
	}
}

/* A burn view that a reorg has taken away is nobody's lie, also when another tenure stands below
 * the extension. */
static void view_of_a_fork(void **state)
{
	struct line l;
	struct world *w = &l.w;
	struct world_block *ext, *e;
	uint8_t view[CH_LEN], none[ID_LEN] = { 0 };
	size_t i, n;

	line_make(&l);
	n = w->n;
	e = world_tenure(w, 'e', l.d, 2, 1);
	world_sortition(w, 'f', 148, w->blocks[n].id, true);
	world_ch(view, 'v');
	world_sortition(w, 'v', 145, none, false);
	ext = world_block(w, 'd', l.d, BLOCK_EXTEND, 2, view);
	keeper_begin(w->k);
	for (i = 0; i < w->n; i++)
		world_give(w, &w->blocks[i]);
	world_commit(w);
	assert_int_equal(world_said(w, REC_VERDICT, NULL) + world_said(w, REC_FAULT, NULL), 0);
	assert_false(world_proven(w, ext));
	assert_true(world_tip(w, e));
	world_close(w);
}

static void from_cycle_set(struct world *w, const char *cycle)
{
	MDB_txn *txn = store_write(&w->s);

	meta_put(&w->s, txn, "from_cycle", cycle, 1);
	store_commit_or_die(&w->s, txn);
}

static bool canonical(struct world *w, char tenure)
{
	MDB_txn *txn = store_read(&w->s);
	struct rec_tenure t;
	uint8_t ch[CH_LEN];
	bool yes;

	world_ch(ch, tenure);
	yes = tenure_get(&w->s, txn, ch, &t) == 0 && t.proven && t.linked && t.canonical;
	store_read_end(txn);
	return yes;
}

/* Extensions with the views of 147 and 145: the second goes back, also when its tenure was read
 * again in between. */
static void view_goes_back(void **state)
{
	struct line l;
	struct world *w = &l.w;
	struct world_block *up, *above, *back;
	uint8_t view[CH_LEN], none[ID_LEN] = { 0 };
	size_t i, n;
	int restart;

	for (restart = 0; restart < 2; restart++) {
		line_make(&l);
		world_sortition(w, 'u', 147, none, true);
		world_sortition(w, 'v', 145, none, true);
		world_ch(view, 'u');
		up = world_block(w, 'd', l.d, BLOCK_EXTEND, 2, view);
		above = world_block(w, 'd', up, BLOCK_ORDINARY, 0, NULL);
		n = w->n;
		world_ch(view, 'v');
		back = world_block(w, 'd', above, BLOCK_EXTEND, 4, view);
		keeper_begin(w->k);
		for (i = 0; i < n; i++)
			world_give(w, &w->blocks[i]);
		world_commit(w);
		if (restart)
			world_restart(w);
		keeper_begin(w->k);
		world_give(w, back);
		world_commit(w);
		assert_int_equal(world_said(w, REC_VERDICT, "extview"), 1);
		assert_true(world_tip(w, above));
		world_close(w);
	}
}

/* The view comes newest first: that a tenure is the lowest one wanted may show late, and after a
 * restart. */
static void late_floor(void **state)
{
	struct world_block *m, *n;
	struct line l;
	struct world *w = &l.w;
	uint8_t none[ID_LEN] = { 0 };
	uint64_t height;
	int restart;

	for (restart = 0; restart < 2; restart++) {
		line_make(&l);
		/* Cycles of 20 from 100: n, at 163, is the first of cycle 3; the sortition of m
		 * below it is unknown. */
		m = world_tenure(w, 'm', l.d, 2, 1);
		n = world_tenure(w, 'n', m, 1, 1);
		world_sortition(w, 'n', 163, m->id, true);
		world_sortition(w, 'o', 164, n->id, true);
		from_cycle_set(w, "3");
		world_restart(w);
		keeper_begin(w->k);
		world_give(w, n);
		world_commit(w);
		assert_true(world_proven(w, n) && !canonical(w, 'n'));
		if (restart)
			world_restart(w);
		for (height = 160; height < 163; height++)
			world_sortition(w, (char)('0' + height % 10), height, none, true);
		keeper_begin(w->k);
		keeper_rescan(w->k);
		world_commit(w);
		assert_true(canonical(w, 'n'));
		world_close(w);
	}
}

/* With -F the lowest wanted tenure is linked without the ones below it. */
static void from_cycle(void **state)
{
	struct line l;
	struct world *w = &l.w;

	line_make(&l);
	/* Cycles of 20 from 100: a tenure at 160 begins cycle 3. */
	world_tenure(w, 'n', l.d, 2, 2);
	world_sortition(w, 'n', 160, w->blocks[8].id, true);
	from_cycle_set(w, "3");
	world_sortition(w, 'o', 161, w->blocks[10].id, true);
	world_restart(w);
	keeper_begin(w->k);
	world_give(w, &w->blocks[11]);
	world_give(w, &w->blocks[10]);
	world_commit(w);
	assert_true(canonical(w, 'n'));
	world_close(w);
}

/* The first cycle wanted changes under a running keeper: heard at its next commit, before or after
 * the blocks came; lowered, what stood at the bottom waits for what is below; raised, it stands
 * there again. */
static void from_cycle_changes(void **state)
{
	struct world_block *n;
	struct line l;
	struct world *w = &l.w;
	size_t i;
	int late;

	for (late = 0; late < 2; late++) {
		line_make(&l);
		n = world_tenure(w, 'n', l.d, 2, 2);
		world_sortition(w, 'n', 160, w->blocks[8].id, true);
		world_sortition(w, 'o', 161, w->blocks[10].id, true);
		world_restart(w);
		if (!late)
			from_cycle_set(w, "3");
		keeper_begin(w->k);
		world_give(w, n);
		world_give(w, &w->blocks[10]);
		world_commit(w);
		assert_true(world_proven(w, n) && canonical(w, 'n') == !late);
		from_cycle_set(w, "3");
		keeper_begin(w->k);
		world_commit(w);
		assert_true(canonical(w, 'n'));
		from_cycle_set(w, "1");
		keeper_begin(w->k);
		world_commit(w);
		assert_true(world_proven(w, n) && !canonical(w, 'n'));
		keeper_begin(w->k);
		for (i = 0; i < 10; i++)
			world_give(w, &w->blocks[i]);
		world_commit(w);
		assert_true(world_tip(w, n));
		from_cycle_set(w, "3");
		keeper_begin(w->k);
		world_commit(w);
		assert_true(canonical(w, 'n') && canonical(w, 'a') && world_tip(w, n));
		world_close(w);
	}
}

/* A tenure that no commit names is proven where it is the lowest one wanted; with a lower one
 * wanted it waits again. */
static void unnamed_base(void **state)
{
	struct world_block *n;
	struct line l;
	struct world *w = &l.w;
	size_t i;

	line_make(&l);
	n = world_tenure(w, 'n', l.d, 2, 2);
	world_sortition(w, 'n', 160, w->blocks[8].id, true);
	from_cycle_set(w, "3");
	keeper_begin(w->k);
	world_give(w, n);
	world_give(w, &w->blocks[10]);
	world_commit(w);
	assert_true(canonical(w, 'n') && world_listed(w) == 2);
	from_cycle_set(w, "1");
	keeper_begin(w->k);
	world_commit(w);
	assert_true(!world_proven(w, n) && world_listed(w) == 0);
	keeper_begin(w->k);
	for (i = 0; i < 10; i++)
		world_give(w, &w->blocks[i]);
	world_commit(w);
	assert_true(world_tip(w, n) && world_listed(w) == 12);
	world_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(view_any_order),
		cmocka_unit_test(reorg),
		cmocka_unit_test(reorgs),
		cmocka_unit_test(late_view),
		cmocka_unit_test(view_of_a_fork),
		cmocka_unit_test(view_goes_back),
		cmocka_unit_test(late_floor),
		cmocka_unit_test(from_cycle),
		cmocka_unit_test(from_cycle_changes),
		cmocka_unit_test(unnamed_base),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
