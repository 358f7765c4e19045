/* The keeper and streams of microblocks: kept between two proven blocks, with the state in the
 * tenure's row. */
#include "common/chain/hash.h"
#include "common/chain/work.h"
#include "common/limits.h"
#include "common/store/streams.h"
#include "tests/unit/store_confirmed.h"

static void give_stream(struct confirmed *c)
{
	keeper_begin(c->w.k);
	keeper_stream(c->w.k, &c->r, NULL);
	world_commit(&c->w);
}

static bool held(struct confirmed *c)
{
	MDB_txn *txn = store_read(&c->w.s);
	struct rec_stream r;
	bool found = stream_get(&c->w.s, txn, c->h->id, &r) == STREAM_FOUND && stream_sound(&r) &&
	    r.ends.n == STREAM_N && memcmp(r.parent_id, c->g->id, ID_LEN) == 0;

	store_read_end(txn);
	return found;
}

static bool count_verdict(void *arg, const struct rec_verdict *r)
{
	return ++*(unsigned *)arg > 0;
}

/* In the same commit as its neighbours or later, after a restart; twice changes nothing. */
static void kept(void **state)
{
	struct confirmed c;
	struct world *w = &c.w;

	for (unsigned way = 0; way < 3; way++) {
		confirmed_make(&c, BEND_NONE);
		keeper_begin(w->k);
		world_give(w, c.h);
		world_give(w, c.g);
		if (way == 0)
			keeper_stream(w->k, &c.r, NULL);
		world_commit(w);
		if (way > 0)
			assert_int_equal(row_of(w, 'h').stream, STREAM_MISSING);
		if (way == 2)
			world_restart(w);
		if (way > 0)
			give_stream(&c);
		assert_int_equal(world_said(w, REC_VERDICT, NULL), 0);
		assert_int_equal(world_said(w, REC_STORED, NULL), way ? 1 : 3);
		assert_true(held(&c) && row_of(w, 'h').stream == STREAM_PROVEN);
		give_stream(&c);
		assert_int_equal(world_said(w, REC_VERDICT, "lighter"), 1);
		world_restart(w);
		give_range(w, 0, w->n);
		assert_true(held(&c) && row_of(w, 'h').stream == STREAM_PROVEN);
		world_close(w);
	}
}

static unsigned verdicts(struct world *w)
{
	MDB_txn *txn = store_read(&w->s);
	unsigned n = 0;

	verdict_walk(&w->s, txn, NULL, count_verdict, &n);
	store_read_end(txn);
	return n;
}

struct said { const char *source; enum verdict_status status; };

static bool take_said(void *arg, const struct rec_verdict *v)
{
	struct said *s = arg;

	if (rec_is(v->source, s->source))
		s->status = v->status;
	return true;
}

/* Of the verdict on what a source gave. */
static enum verdict_status said_of(struct world *w, const char *source)
{
	MDB_txn *txn = store_read(&w->s);
	struct said s = { source, STATUS_STORED };

	verdict_walk(&w->s, txn, NULL, take_said, &s);
	store_read_end(txn);
	return s.status;
}

/* Without its neighbours nothing is said against it: it waits for them, and what was said of it
 * meanwhile is forgotten. */
static void too_early(void **state)
{
	struct confirmed c;
	struct world *w = &c.w;

	confirmed_make(&c, BEND_NONE);
	give_stream(&c);
	assert_int_equal(world_said(w, REC_VERDICT, "unjudged"), 1);
	give_range(w, 1, 2);
	assert_int_equal(world_said(w, REC_VERDICT, NULL), 0);
	give_stream(&c);
	assert_int_equal(world_said(w, REC_VERDICT, "unjudged"), 1);
	assert_int_equal(world_said(w, REC_FAULT, NULL), 0);
	assert_true(!held(&c) && verdicts(w) == 1);
	memset(c.vector.p, 0, c.vector.n); /* a copy waits */
	give_range(w, 0, 1);
	assert_int_equal(world_said(w, REC_VERDICT, NULL), 0);
	assert_int_equal(world_said(w, REC_STORED, NULL), 2);
	assert_true(held(&c) && verdicts(w) == 0);
	world_close(w);
}

/* What waits is bounded, and the newest stays. */
static void too_many(void **state)
{
	struct confirmed c;
	struct world *w = &c.w;
	struct rec_microblocks other;
	uint32_t i;

	for (int last = 0; last < 2; last++) {
		confirmed_make(&c, BEND_NONE);
		other = c.r;
		keeper_begin(w->k);
		for (i = 0; i < 2 * MAX_WAITING; i++) {
			put_be32(other.child_id, i);
			keeper_stream(w->k, &other, NULL);
			if (i == (last ? MAX_WAITING + 1 : MAX_WAITING - 2))
				keeper_stream(w->k, &c.r, NULL);
		}
		world_commit(w);
		assert_int_equal(world_said(w, REC_VERDICT, "unjudged"), 2 * MAX_WAITING + 1);
		give_range(w, 0, 2);
		assert_true(held(&c) == last);
		give_stream(&c);
		assert_true(held(&c));
		world_close(w);
	}
}

/* Signatures that another judge looked at are not recovered again; a key that is not the parent's
 * is found all the same. */
static void signer_known(void **state)
{
	uint8_t key[HASH160_LEN];
	struct confirmed c;
	struct world *w = &c.w;
	struct work before;

	for (int secret = 3; secret <= 4; secret++) {
		confirmed_make(&c, BEND_NONE);
		give_range(w, 0, w->n);
		made_hash160(key, secret);
		before = work_done;
		keeper_begin(w->k);
		keeper_stream(w->k, &c.r, key);
		world_commit(w);
		assert_int_equal(work_since(before).curve, 0);
		assert_true(held(&c) == (secret == 3) && world_proven(w, c.h) == (secret == 3));
		assert_int_equal(world_said(w, REC_VERDICT, "mbkey"), secret == 4 ? 3 : 0);
		world_close(w);
	}
}

static bool take_row(void *arg, const MDB_val *key, const MDB_val *data)
{
	hash_add(key->mv_data, key->mv_size);
	hash_add(data->mv_data, data->mv_size);
	return true;
}

static bool take_block(void *arg, const struct stored_block *b)
{
	hash_add(b->id, ID_LEN);
	hash_add(b->bytes, b->len);
	return true;
}

/* What the rows of these tables and the proven blocks hash to; how blocks lie in runs hangs on
 * which came together. */
static void digest_of(struct world *w, uint8_t digest[32])
{
	static const enum store_table tables[] = { T_TENURES, T_CANONICAL, T_MICROBLOCKS,
		T_BLOCK_IDS, T_VERDICTS, T_FAULTS };
	MDB_txn *txn = store_read(&w->s);

	hash_begin();
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		store_walk(&w->s, txn, tables[i], NULL, 0, take_row, NULL);
	proven_walk(&w->s, txn, 0, take_block, NULL);
	store_read_end(txn);
	hash_end(digest);
}

/* The next permutation in the order of numbers; false: that was the last. */
static bool permute(unsigned *v, unsigned n)
{
	unsigned i = n - 1, j = n - 1, swap;

	while (i > 0 && v[i - 1] > v[i])
		i--;
	if (i == 0)
		return false;
	while (v[j] < v[i - 1])
		j--;
	swap = v[j];
	v[j] = v[i - 1];
	v[i - 1] = swap;
	for (j = n - 1; i < j; i++, j--) {
		swap = v[i];
		v[i] = v[j];
		v[j] = swap;
	}
	return true;
}

/* Two anchored blocks, the stream between them, and a Nakamoto tenure on them come in each order
 * that there is, a commit each: the store is the same. */
static void any_order(void **state)
{
	unsigned order[] = { 0, 1, 2, 3, 4 };
	const unsigned n = sizeof(order) / sizeof(*order), stream = n - 1;
	uint8_t first[32], digest[32];
	bool have = false;
	struct confirmed c;
	struct world *w = &c.w;

	do {
		confirmed_make(&c, BEND_NONE);
		world_tenure(w, 'a', c.h, 1, 2);
		assert_int_equal(w->n, stream);
		world_sortition(w, 'a', 140, c.h->id, true);
		world_sortition(w, 'b', 141, w->blocks[2].id, true);
		for (unsigned i = 0; i < n; i++) {
			keeper_begin(w->k);
			if (order[i] == stream)
				keeper_stream(w->k, &c.r, NULL);
			else
				world_give(w, &w->blocks[order[i]]);
			world_commit(w);
			assert_int_equal(world_said(w, REC_FAULT, NULL), 0);
		}
		while (keeper_idle_work(w->k)) {
			keeper_begin(w->k);
			world_commit(w);
		}
		assert_true(held(&c) && world_tip(w, &w->blocks[3]));
		digest_of(w, digest);
		if (!have)
			memcpy(first, digest, sizeof(first));
		have = true;
		assert_memory_equal(first, digest, sizeof(first));
		world_close(w);
	} while (permute(order, n));
}

/* A stream that is cut short, or has a byte changed, is its giver's fault; the right one is
 * kept. */
static void forged(void **state)
{
	struct confirmed c;
	struct world *w = &c.w;
	struct bytes cut;

	confirmed_make(&c, BEND_NONE);
	give_range(w, 0, w->n);
	vector_of(&cut, c.m, STREAM_N - 1);
	c.r.body = rec_bytes(cut.p, cut.n);
	give_stream(&c);
	assert_int_equal(world_said(w, REC_FAULT, NULL), 1);
	assert_int_equal(row_of(w, 'h').stream, STREAM_MISSING);
	c.r.body = rec_bytes(c.vector.p, c.vector.n);
	c.vector.p[c.vector.n - 1] ^= 1;
	give_stream(&c);
	assert_int_equal(world_said(w, REC_FAULT, NULL), 1);
	c.vector.p[c.vector.n - 1] ^= 1;
	give_stream(&c);
	assert_int_equal(world_said(w, REC_FAULT, NULL), 0);
	assert_true(held(&c) && world_proven(w, c.h));
	world_close(w);
}

/* What the child's own header leads to breaks a rule: the child is refused, for ever, and who gave
 * the stream is told that it is not needed. */
static void child_lies(void **state)
{
	static const char *const reasons[] = { "mbkey", "mbseq" };
	struct confirmed c;
	struct world *w = &c.w;

	for (unsigned i = 0; i < 2; i++) {
		confirmed_make(&c, i ? BEND_SEQUENCE : BEND_KEY);
		give_range(w, 0, w->n);
		assert_true(world_proven(w, c.h));
		give_stream(&c);
		assert_int_equal(world_said(w, REC_VERDICT, reasons[i]), 3);
		assert_int_equal(world_said(w, REC_FAULT, reasons[i]), 1);
		assert_true(said_of(w, "giver") == STATUS_REFUSED &&
		    said_of(w, "streamer") == STATUS_UNDECIDED);
		assert_true(!world_proven(w, c.h) && world_tip(w, c.g) && !held(&c));
		world_restart(w);
		give_range(w, 1, 2);
		assert_int_equal(world_said(w, REC_VERDICT, reasons[i]), 1);
		assert_true(!world_proven(w, c.h) && world_tip(w, c.g));
		world_close(w);
	}
}

/* The signer's second microblock for one place does not take away what the child confirms; the
 * evidence stays. */
static void forked(void **state)
{
	struct confirmed c;
	struct world *w = &c.w;
	struct bytes tx = { .n = 0 }, all[STREAM_N + 1];
	struct rec_stream r;
	MDB_txn *txn;

	confirmed_make(&c, BEND_NONE);
	give_range(w, 0, w->n);
	memcpy(all, c.m, sizeof(c.m));
	tx_transfer(&tx, 99);
	made_microblock(&all[STREAM_N], 1, c.m[1].p + 3, &tx, 1, 3);
	vector_of(&c.vector, all, STREAM_N + 1);
	c.r.body = rec_bytes(c.vector.p, c.vector.n);
	give_stream(&c);
	assert_true(held(&c) && row_of(w, 'h').stream == STREAM_PROVEN);
	txn = store_read(&w->s);
	assert_int_equal(stream_get(&w->s, txn, c.h->id, &r), STREAM_FOUND);
	assert_int_equal(r.evidence.n, 2 * MICROBLOCK_HEADER);
	store_read_end(txn);
	world_close(w);
}

/* A row that was lost is missing again. */
static void lost(void **state)
{
	struct confirmed c;
	struct world *w = &c.w;
	MDB_txn *txn;

	confirmed_make(&c, BEND_NONE);
	give_range(w, 0, w->n);
	give_stream(&c);
	assert_true(held(&c));
	txn = store_write(&w->s);
	stream_del(&w->s, txn, c.h->id);
	store_commit_or_die(&w->s, txn);
	stream_note(&w->s, c.h->id);
	keeper_begin(w->k);
	keeper_rescan(w->k);
	world_commit(w);
	assert_int_equal(row_of(w, 'h').stream, STREAM_MISSING);
	give_stream(&c);
	assert_true(held(&c) && row_of(w, 'h').stream == STREAM_PROVEN);
	world_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept),
		cmocka_unit_test(too_early),
		cmocka_unit_test(too_many),
		cmocka_unit_test(signer_known),
		cmocka_unit_test(any_order),
		cmocka_unit_test(forged),
		cmocka_unit_test(child_lies),
		cmocka_unit_test(forked),
		cmocka_unit_test(lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
