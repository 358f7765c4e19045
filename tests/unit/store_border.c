/* The keeper where epoch 2.x goes over into Nakamoto: orders of arrival, the bottom of the chain,
 * borders that do not hold, reorgs. */
#include "tests/unit/store_crossing.h"

static void both_orders(void **state)
{
	struct crossing x;
	struct world *w = &x.w;
	struct rec_tenure t;
	unsigned first, restart;

	for (first = 0; first < 2; first++)
		for (restart = 0; restart < 2; restart++) {
			cross_make(&x);
			give_range(w, first ? x.starts[0] : 0, first ? w->n : x.starts[0]);
			assert_int_equal(world_listed(w), first ? 6 : 4);
			assert_true(canonical(w, first ? 'a' : 'p'));
			if (restart)
				world_restart(w);
			give_range(w, first ? 0 : x.starts[0], first ? x.starts[0] : w->n);
			assert_int_equal(world_said(w, REC_FAULT, NULL), 0);
			assert_int_equal(world_listed(w), 10);
			assert_true(world_tip(w, x.c));
			t = row_of(w, 'r');
			assert_true(t.model == EPOCH2 && t.named && t.complete && t.canonical);
			assert_int_equal(t.prev_blocks, 1);
			assert_memory_equal(t.end_id, x.r->id, ID_LEN);
			t = row_of(w, 's');
			assert_true(t.proven && t.linked && !t.canonical);
			world_restart(w);
			keeper_begin(w->k);
			keeper_rescan(w->k);
			world_commit(w);
			assert_true(world_tip(w, x.c));
			world_close(w);
		}
}

/* All blocks in any order, the view before or between, with restarts: one and the same state. */
static void any_order(void **state)
{
	struct crossing x;
	struct world *w = &x.w;
	size_t order[WORLD_BLOCKS], i, j, swap;

	for (unsigned seed = 1; seed <= 40; seed++) {
		cross_make(&x);
		srand(seed);
		for (i = 0; i < w->n; i++)
			order[i] = i;
		for (i = w->n - 1; i > 0; i--) {
			j = (size_t)rand() % (i + 1);
			swap = order[i];
			order[i] = order[j];
			order[j] = swap;
		}
		keeper_begin(w->k);
		for (i = 0; i < w->n; i++) {
			world_give(w, &w->blocks[order[i]]);
			if (rand() % 2)
				continue;
			world_commit(w);
			assert_int_equal(world_said(w, REC_FAULT, NULL), 0);
			if (rand() % 2)
				world_restart(w);
			keeper_begin(w->k);
			if (rand() % 2)
				keeper_rescan(w->k);
		}
		world_commit(w);
		assert_int_equal(world_listed(w), 10);
		assert_true(world_tip(w, x.c) && !canonical(w, 's'));
		world_close(w);
	}
}

/* Nakamoto does not wait for epoch 2.x: it is linked before, while, and after that comes from the
 * top down, which is canonical once it is whole. */
static void provisional(void **state)
{
	struct crossing x;
	struct world *w = &x.w;
	struct rec_tenure t;

	cross_make(&x);
	give_range(w, x.starts[0], w->n);
	assert_true(canonical(w, 'a') && canonical(w, 'c') && row_of(w, 'a').why.n > 0);
	give_range(w, 2, 3);
	assert_int_equal(row_of(w, 'a').why.n, 0);
	t = row_of(w, 'r');
	assert_true(t.proven && t.complete && !t.linked && !t.canonical && canonical(w, 'a'));
	world_restart(w);
	give_range(w, 1, 2);
	t = row_of(w, 'q');
	assert_true(t.proven && !t.linked && canonical(w, 'c'));
	give_range(w, 0, 1);
	assert_true(canonical(w, 'p') && canonical(w, 'r') && world_tip(w, x.c));
	world_close(w);
}

static void want_from(struct world *w, const char *cycle)
{
	MDB_txn *txn = store_write(&w->s);

	meta_put(&w->s, txn, "from_cycle", cycle, 1);
	store_commit_or_die(&w->s, txn);
}

/* The lowest cycle wanted is 2.x's second (q is its first), then Nakamoto's, then the first. */
static void lowest_wanted(void **state)
{
	struct crossing x;
	struct world *w = &x.w;

	for (unsigned restart = 0; restart < 2; restart++) {
		cross_make(&x);
		want_from(w, "1");
		give_range(w, 1, w->n);
		assert_true(canonical(w, 'q') && canonical(w, 'a') && world_listed(w) == 9);
		if (restart)
			world_restart(w);
		want_from(w, "2");
		keeper_begin(w->k);
		world_commit(w);
		assert_true(canonical(w, 'a') && canonical(w, 'c'));
		if (restart)
			world_restart(w);
		want_from(w, "0");
		give_range(w, 0, 1);
		assert_true(canonical(w, 'p') && world_tip(w, x.c));
		world_close(w);
	}
}

static void bend_height(struct made *m, struct tenure_change *c) { m->height++; }
static void bend_count(struct made *m, struct tenure_change *c) { c->prev_blocks++; }
static void bend_burn(struct made *m, struct tenure_change *c) { m->burn_spent = 5; }
static void bend_prev(struct made *m, struct tenure_change *c)
{
	memset(c->prev_tenure, 'q', CH_LEN);
}

/* Gives a range, and counts what it brings of a fault. */
static unsigned faults_of(struct world *w, size_t from, size_t to, const char *reason)
{
	give_range(w, from, to);
	return world_said(w, REC_FAULT, reason);
}

/* The first Nakamoto tenure's start breaks a rule of the border, and a commit names it.  Whichever
 * side comes first: it is refused for that, its source is blamed, and the tenure falls; with the
 * right start (named as well) it stands. */
static void wrong_first(void **state)
{
	static const struct {
		void (*bend)(struct made *, struct tenure_change *);
		const char *reason;
	} rules[] = { { bend_height, "height" }, { bend_count, "count" }, { bend_burn, "burn" },
		{ bend_prev, "prevtenure" }, { NULL, "commit" } };
	struct crossing x;
	struct world *w = &x.w;
	struct world_block *bad;
	unsigned i, faults;
	size_t n;

	for (i = 0; i < 10; i++) {
		const char *reason = rules[i / 2].reason;

		cross_make(&x);
		n = w->n;
		w->bend = rules[i / 2].bend;
		bad = world_block(w, 'a', x.r, BLOCK_START, 1, NULL);
		w->bend = NULL;
		world_sortition(w, 'e', 145, bad->id, true);
		if (!rules[i / 2].bend)	/* names q, not r */
			world_sortition(w, 'a', 140, x.q->id, true);
		faults = faults_of(w, i % 2 ? 0 : n, i % 2 ? x.starts[0] : n + 1, reason);
		assert_true(faults == (i == 2));	/* a count of two shows by itself */
		assert_true(world_proven(w, bad) == (i % 2 == 0 && i != 2));
		faults += faults_of(w, i % 2 ? n : 0, i % 2 ? n + 1 : x.starts[0], reason);
		assert_int_equal(faults, 1);
		assert_false(world_proven(w, bad));
		assert_true(world_tip(w, x.r));
		world_restart(w);
		if (rules[i / 2].bend) {
			assert_int_equal(faults_of(w, x.starts[0], n, NULL), 0);
			assert_true(world_tip(w, x.c));
		}
		world_close(w);
	}
}

/* An anchored block that the view contradicts, or whose height does: refused at once, or when the
 * block below it is there; the right one stands. */
static void wrong_anchored(void **state)
{
	static const char *const rules[] = { "winner", "parent", "burn", "height" };
	struct crossing x;
	struct world *w = &x.w;
	struct world_block *bad, other;

	for (unsigned i = 0; i < 8; i++) {
		const char *reason = rules[i / 2];
		bool late = i / 2 == 3, first = i % 2;
		unsigned faults;
		size_t n;

		cross_blocks(&x);
		n = w->n;
		other = *x.p;
		other.hash[0] ^= i / 2 == 1;
		bad = world_anchored(w, 'q', &other,
		    (struct world_anchor){ .burn = 10 + (i / 2 == 2), .height = late ? 7 : 0 });
		cross_view(&x);
		if (i / 2 != 0)
			world_won(w, bad, x.p, 125, true, 20);
		world_restart(w);
		faults = faults_of(w, first ? n : 0, first ? n + 1 : 1, reason);
		assert_int_equal(faults, first && !late);
		faults += faults_of(w, first ? 0 : n, first ? 1 : n + 1, reason);
		assert_int_equal(faults, 1);
		assert_true(!world_proven(w, bad) && world_tip(w, x.p));
		world_won(w, x.q, x.p, 125, true, 20);
		assert_int_equal(faults_of(w, 1, n, NULL), 0);
		assert_true(world_tip(w, x.c));
		world_close(w);
	}
}

static void mark(struct world *w, char tenure, uint64_t height, bool yes)
{
	MDB_txn *txn = store_write(&w->s);
	uint8_t ch[CH_LEN];

	world_ch(ch, tenure);
	sortition_mark(&w->s, txn, height, ch, yes);
	store_commit_or_die(&w->s, txn);
}

/* A reorg takes away r and all of Nakamoto on it; x, on s, is what the other side has.  And
 * back. */
static void reorg(void **state)
{
	struct crossing x;
	struct world *w = &x.w;
	struct world_block *tip;

	for (unsigned told = 0; told < 2; told++) {
		cross_make(&x);
		tip = world_tenure(w, 'x', x.s, 1, 2);
		world_sortition(w, 'x', 142, x.s->id, false);
		give_range(w, 0, w->n);
		assert_true(world_listed(w) == 12 && world_tip(w, x.c));
		for (unsigned back = 0; back < 2; back++) {
			mark(w, 'r', 139, back);
			mark(w, 'a', 140, back);
			mark(w, 'b', 141, back);
			mark(w, 'c', 143, back);
			mark(w, 'd', 144, back);
			mark(w, 'x', 142, !back);
			if (!told)
				world_restart(w);
			keeper_begin(w->k);
			if (told)
				keeper_reorg(w->k, 138);
			world_commit(w);
			assert_true(world_tip(w, back ? x.c : tip) && world_listed(w) == 12);
			assert_true(canonical(w, 'r') == (back == 1));
			assert_true(canonical(w, 's') == (back == 0) && canonical(w, 'q'));
		}
		world_close(w);
	}
}

/* The view takes back only what is below the transition, and gives it again: the tip stays. */
static void reorg_below(void **state)
{
	struct crossing x;
	struct world *w = &x.w;

	cross_make(&x);
	give_range(w, 0, w->n);
	for (unsigned back = 0; back < 2; back++) {
		mark(w, 'r', 139, back);
		keeper_begin(w->k);
		keeper_reorg(w->k, 138);
		world_commit(w);
		assert_true(canonical(w, 'r') == (back == 1) && canonical(w, 'c'));
	}
	assert_true(world_tip(w, x.c));
	world_close(w);
}

/* The first Nakamoto tenure may be elected at the last height below epoch 3.0: the one above it is
 * not taken for the first, whatever comes first. */
static void early_first(void **state)
{
	struct crossing x;
	struct world *w = &x.w;
	struct world_block *tip;
	struct rec_tenure t;
	size_t n, up;

	for (int blocks = 1; blocks <= 2; blocks++) {
		cross_blocks(&x);
		world_won(w, x.p, NULL, 110, true, 10);
		world_won(w, x.q, x.p, 125, true, 20);
		n = w->n;
		tip = world_tenure(w, 'n', x.q, 1, blocks);
		up = w->n;
		tip = world_tenure(w, 'm', tip, (uint32_t)blocks, 2);
		world_sortition(w, 'n', 139, x.q->id, true);
		world_sortition(w, 'm', 140, w->blocks[n].id, true);
		world_sortition(w, 'o', 141, w->blocks[up].id, true);
		world_restart(w);
		give_range(w, up, w->n);
		give_range(w, n, up);
		assert_int_equal(world_said(w, REC_FAULT, NULL), 0);
		t = row_of(w, 'm');
		assert_true(t.canonical && canonical(w, 'n'));
		give_range(w, 0, 2);
		assert_int_equal(world_said(w, REC_FAULT, NULL), 0);
		assert_true(world_tip(w, tip) && row_of(w, 'q').complete);
		world_close(w);
	}
}

/* A Nakamoto start in a sortition that an anchored block has won is not what its commit names. */
static void two_models(void **state)
{
	struct crossing x;
	struct world *w = &x.w;
	struct world_block *lie;
	size_t n;

	for (unsigned first = 0; first < 2; first++) {
		cross_make(&x);
		n = w->n;
		lie = world_block(w, 'r', x.q, BLOCK_START, 1, NULL);
		give_range(w, first ? n : 0, first ? n + 1 : n);
		give_range(w, first ? 0 : n, first ? n : n + 1);
		assert_false(world_proven(w, lie));
		assert_true(world_tip(w, x.c));
		world_restart(w);
		keeper_begin(w->k);
		keeper_rescan(w->k);
		world_commit(w);
		assert_true(!world_proven(w, lie) && world_tip(w, x.c));
		world_close(w);
	}
}

/* What the store has of an anchored block is enough to judge it again. */
static void judged_again(void **state)
{
	struct rec_sortition r;
	struct crossing x;
	struct world *w = &x.w;
	MDB_txn *txn;
	uint8_t ch[CH_LEN];

	cross_make(&x);
	give_range(w, 0, 3);
	world_restart(w);
	keeper_begin(w->k);
	for (const char *name = "pqr"; *name; name++) {
		world_ch(ch, *name);
		txn = keeper_txn(w->k);
		assert_int_equal(sortition_get(&w->s, txn, ch, &r), 0);
		keeper_sortition(w->k, &r);
		keeper_heal(w->k, ch);
	}
	world_commit(w);
	assert_true(world_said(w, REC_VERDICT, NULL) == 0 && world_tip(w, x.r));
	world_close(w);
}

/* Without its sortition, or what that builds on, an anchored block has no place: it is not kept. */
static void without_view(void **state)
{
	struct crossing x;
	struct world *w = &x.w;

	cross_blocks(&x);
	world_restart(w);
	give_range(w, 0, 1);
	assert_int_equal(world_said(w, REC_VERDICT, "nosortition"), 1);
	assert_int_equal(world_said(w, REC_FAULT, NULL), 0);
	world_won(w, x.q, NULL, 125, true, 20);
	give_range(w, 1, 2);
	assert_int_equal(world_said(w, REC_VERDICT, "nosortition"), 1);
	cross_view(&x);
	give_range(w, 0, w->n);
	assert_true(world_tip(w, x.c));
	world_close(w);
}

/* The row says which microblocks the block confirms, and that they are missing. */
static void stream_row(void **state)
{
	struct world_anchor m = { .burn = 40, .tail = { 9 }, .tail_sequence = 2 };
	struct crossing x;
	struct world *w = &x.w;
	struct world_block *b;
	struct rec_tenure t;

	cross_make(&x);
	b = world_anchored(w, 'e', x.r, m);
	world_won(w, b, x.r, 140, false, 50);
	give_range(w, 0, w->n);
	world_restart(w);
	give_range(w, 0, w->n);
	t = row_of(w, 'e');
	assert_true(t.proven && t.stream == STREAM_MISSING && t.tail_sequence == 2);
	assert_memory_equal(t.tail, m.tail, sizeof(t.tail));
	assert_int_equal(row_of(w, 'r').stream, STREAM_NONE);
	world_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_orders),
		cmocka_unit_test(any_order),
		cmocka_unit_test(provisional),
		cmocka_unit_test(lowest_wanted),
		cmocka_unit_test(wrong_first),
		cmocka_unit_test(wrong_anchored),
		cmocka_unit_test(reorg),
		cmocka_unit_test(reorg_below),
		cmocka_unit_test(early_first),
		cmocka_unit_test(two_models),
		cmocka_unit_test(judged_again),
		cmocka_unit_test(without_view),
		cmocka_unit_test(stream_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
