/* Anchored blocks of epoch 2.x in the store, beside a Nakamoto block: their model, and the ids of
 * their parents, which no header holds. */
#include "common/store/keeper.h"
#include "common/store/rows.h"
#include "tests/unit/chain_anchored.h"
#include "tests/unit/store_world.h"

static struct world w;
static struct anchored anchored[ANCHORED];
static struct world_block *nakamoto;

static void tenure(MDB_txn *txn, const uint8_t *ch, const uint8_t *prev_ch, const uint8_t *id,
    uint64_t height, const uint8_t *bytes, size_t len)
{
	struct kept_block b = { .id = id, .bytes = bytes, .len = (uint32_t)len, .height = height };
	struct rec_tenure t = {
		.start_height = height, .tip_height = height, .held = 1, .proven = true
	};

	memcpy(t.consensus_hash, ch, CH_LEN);
	memcpy(t.prev_ch, prev_ch, CH_LEN);
	memcpy(t.start_id, id, ID_LEN);
	memcpy(t.tip_id, id, ID_LEN);
	blocks_put(&w.s, txn, ch, &b, 1, false);
	store_put_row(&w.s, txn, T_TENURES, ch, CH_LEN, REC_TENURE, &t);
}

/* The first one stands on the boot block, whose consensus hash is zeros. */
static int setup(void **state)
{
	static const uint8_t none[CH_LEN];
	uint8_t ch[CH_LEN];
	MDB_txn *txn;

	anchored_read(anchored);
	world_open(&w);
	txn = store_write(&w.s);
	for (int i = 0; i < ANCHORED; i++)
		tenure(txn, anchored[i].ch, i ? anchored[i - 1].ch : none, anchored[i].id,
		    (uint64_t)i + 1, anchored[i].bytes, ANCHORED_SIZE);
	nakamoto = world_block(&w, 'a', NULL, BLOCK_START, 1, NULL);
	world_ch(ch, 'a');
	tenure(txn, ch, anchored[2].ch, nakamoto->id, 4, nakamoto->b->p, nakamoto->b->n);
	store_commit_or_die(&w.s, txn);
	return 0;
}

static int teardown(void **state)
{
	world_close(&w);
	return 0;
}

static void check(const struct stored_block *b, int i)
{
	static const char boot[] =
	    "55c9861be5cff984a20ce6d99d4aa65941412889bdc665094136429b84f8c2ee";
	uint8_t first[ID_LEN];
	struct block header;

	hex_to(first, ID_LEN, boot, 64);
	assert_false(b->damaged);
	assert_int_equal(b->model, i < ANCHORED ? EPOCH2 : NAKAMOTO);
	assert_memory_equal(b->parent,
	    i == ANCHORED ? nakamoto->parent :
		i	  ? anchored[i - 1].id :
			    first,
	    ID_LEN);
	assert_int_equal(stored_header(b, &header), 0);
	assert_int_equal(header.model, b->model);
	assert_memory_equal(header.id, b->id, ID_LEN);
	assert_memory_equal(header.parent, b->parent, ID_LEN);
}

static bool walked(void *arg, const struct stored_block *b)
{
	check(b, (*(int *)arg)++);
	return true;
}

static bool listed(void *arg, const struct stored_block *b)
{
	int *n = arg;

	*n += b->height == (uint64_t)*n + 1 && !b->bytes && !b->damaged;
	return true;
}

static void found(void **state)
{
	MDB_txn *txn = store_read(&w.s);
	struct stored_block b;
	int n = 0;

	for (int i = 0; i < ANCHORED; i++) {
		assert_int_equal(block_get(&w.s, txn, anchored[i].id, &b), 0);
		check(&b, i);
		n = i;
		assert_true(
		    proven_blocks_down(&w.s, txn, anchored[i].id, anchored[0].id, walked, &n));
		assert_int_equal(n, i + 1);
	}
	n = 0;
	proven_walk(&w.s, txn, 0, walked, &n);
	assert_int_equal(n, ANCHORED + 1);
	n = 0;
	proven_list(&w.s, txn, 0, listed, &n);
	assert_int_equal(n, ANCHORED + 1);
	store_read_end(txn);
}

/* Where the index of a run cannot be trusted the bytes tell, if they lie in their own tenure. */
static void saved(void **state)
{
	struct kept_block b = { .bytes = anchored[1].bytes, .len = ANCHORED_SIZE, .listed = true };
	uint8_t id[ID_LEN];

	assert_true(block_saved(anchored[1].ch, &b, id));
	assert_memory_equal(id, anchored[1].id, ID_LEN);
	assert_int_equal(b.height, 2);
	b.bytes = nakamoto->b->p;
	b.len = (uint32_t)nakamoto->b->n;
	assert_false(block_saved(anchored[1].ch, &b, id));
}

static void sortition(struct world *k, int i)
{
	struct rec_sortition r = { .burn_height = 101 + (uint64_t)i,
		.won = true,
		.canonical = true };
	struct block header;
	MDB_txn *txn = store_write(&k->s);
	size_t need;

	block_header(&header, MODEL_BIT(EPOCH2), anchored[i].ch, anchored[i].bytes, ANCHORED_SIZE,
	    &need);
	memcpy(r.consensus_hash, anchored[i].ch, CH_LEN);
	memcpy(r.committed, header.hash, 32);
	if (i)
		memcpy(r.parent_ch, anchored[i - 1].ch, CH_LEN);
	sortition_put(&k->s, txn, &r);
	store_commit_or_die(&k->s, txn);
}

static void give(struct world *k, int i)
{
	struct block b;
	size_t need;

	block_parse(
	    &b, MODEL_BIT(EPOCH2), anchored[i].ch, anchored[i].bytes, ANCHORED_SIZE, &need);
	keeper_block(k->k, &b, 0, rec_str("giver"));
}

static void all_proven(struct world *k)
{
	MDB_txn *txn = store_read(&k->s);
	struct stored_block b;
	struct rec_tenure t;

	for (int i = 0; i < ANCHORED; i++) {
		assert_int_equal(block_get(&k->s, txn, anchored[i].id, &b), 0);
		check(&b, i);
		assert_true(block_proven(&k->s, txn, anchored[i].id));
		assert_int_equal(tenure_get(&k->s, txn, anchored[i].ch, &t), 0);
		assert_int_equal(t.model, EPOCH2);
		assert_memory_equal(t.parent_id, b.parent, ID_LEN);
		if (i)
			assert_memory_equal(t.prev_ch, anchored[i - 1].ch, CH_LEN);
	}
	store_read_end(txn);
}

/* The keeper places them by what their sortitions say, in any order, and again from the store. */
static void kept(void **state)
{
	static const int order[ANCHORED] = { 2, 0, 1 };
	static struct world k;

	world_open(&k);
	for (int i = 0; i < ANCHORED; i++)
		sortition(&k, i);
	world_restart(&k);
	for (int i = 0; i < ANCHORED; i++) {
		keeper_begin(k.k);
		give(&k, order[i]);
		world_commit(&k);
	}
	all_proven(&k);
	world_restart(&k);
	keeper_begin(k.k);
	keeper_rescan(k.k);
	for (int i = 0; i < ANCHORED; i++) {
		keeper_heal(k.k, anchored[i].ch);
		give(&k, i);
	}
	world_commit(&k);
	all_proven(&k);
	world_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(found), cmocka_unit_test(saved),
		cmocka_unit_test(kept) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
