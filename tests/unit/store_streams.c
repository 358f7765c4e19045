/* Table microblocks: a stream is found by its child, its tail and its parent; a bit that flipped is
 * seen; what was noted goes, and its tenure is told. */
#include "common/store/streams.h"
#include "tests/unit/chain_make_microblock.h"
#include "tests/unit/store_world.h"

#define N 4

/* N microblocks, each on the one before, the first on a block whose hash is 32 times 'h'. */
struct made_stream {
	uint8_t body[8192], ends[4 * N];
	size_t len;
	struct rec_stream r;
};

static void stream_make(struct made_stream *m, char child, char parent, uint32_t n)
{
	struct bytes tx = { .n = 0 }, b;
	uint8_t prev[32];

	memset(m, 0, sizeof(*m));
	memset(prev, 'h', 32);
	for (uint32_t i = 0; i < n; i++) {
		tx.n = 0;
		tx_transfer(&tx, i);
		made_microblock(&b, (uint16_t)i, prev, &tx, 1, 1);
		made_microblock_hash(prev, &b);
		memcpy(m->body + m->len, b.p, b.n);
		m->len += b.n;
		put_be32(m->ends + (size_t)4 * i, (uint32_t)m->len);
	}
	memset(m->r.child_id, child, ID_LEN);
	memset(m->r.consensus_hash, child, CH_LEN);
	memset(m->r.parent_id, parent, ID_LEN);
	memset(m->r.parent_ch, parent, CH_LEN);
	memcpy(m->r.tail, prev, 32);
	m->r.ends = (struct rec_view){ m->ends, n };
	m->r.body = rec_bytes(m->body, m->len);
	m->r.source = rec_str("giver");
	m->r.evidence = rec_bytes("e", 1);
}

static void put(struct world *w, const struct made_stream *m)
{
	MDB_txn *txn = store_write(&w->s);

	stream_put(&w->s, txn, &m->r);
	store_commit_or_die(&w->s, txn);
}

static void same(const struct rec_stream *got, const struct made_stream *m)
{
	uint32_t len;

	assert_memory_equal(got->child_id, m->r.child_id, ID_LEN);
	assert_memory_equal(got->parent_ch, m->r.parent_ch, CH_LEN);
	assert_memory_equal(got->tail, m->r.tail, 32);
	assert_int_equal(got->body.n, m->len);
	assert_memory_equal(got->body.p, m->body, m->len);
	assert_int_equal(got->ends.n, m->r.ends.n);
	for (uint32_t i = 0; i < got->ends.n; i++)
		assert_int_equal(get_be16(stream_at(got, i, &len) + 1), i);
	assert_true(rec_is(got->source, "giver") && rec_is(got->evidence, "e"));
}

/* A child that confirms two of the four microblocks, one that confirms all, one of another
 * parent. */
static void found_three_ways(void **state)
{
	struct made_stream two, four, other;
	struct rec_stream r;
	uint8_t id[ID_LEN];
	struct world w;
	MDB_txn *txn;

	world_open(&w);
	stream_make(&two, '2', 'p', 2);
	stream_make(&four, '4', 'p', 4);
	stream_make(&other, 'o', 'q', 3);
	put(&w, &two);
	put(&w, &four);
	put(&w, &other);
	put(&w, &four);
	txn = store_read(&w.s);
	assert_int_equal(store_count(&w.s, txn, T_MICROBLOCKS), 9);
	assert_int_equal(stream_get(&w.s, txn, four.r.child_id, &r), STREAM_FOUND);
	same(&r, &four);
	assert_true(stream_known(&w.s, txn, two.r.child_id));
	assert_false(stream_known(&w.s, txn, two.r.parent_id));
	assert_int_equal(stream_get(&w.s, txn, two.r.parent_id, &r), STREAM_ABSENT);
	hash_block_id(id, two.r.tail, two.r.parent_ch);
	assert_int_equal(stream_by_tail(&w.s, txn, id, &r), STREAM_FOUND);
	same(&r, &two);
	hash_block_id(id, two.r.tail, other.r.parent_ch);
	assert_int_equal(stream_by_tail(&w.s, txn, id, &r), STREAM_ABSENT);
	assert_int_equal(stream_on(&w.s, txn, two.r.parent_id, &r), STREAM_FOUND);
	same(&r, &four);
	store_read_end(txn);
	/* Without the longer one the shorter one is left. */
	txn = store_write(&w.s);
	stream_del(&w.s, txn, four.r.child_id);
	stream_del(&w.s, txn, four.r.child_id);
	assert_int_equal(store_count(&w.s, txn, T_MICROBLOCKS), 6);
	assert_int_equal(stream_on(&w.s, txn, two.r.parent_id, &r), STREAM_FOUND);
	same(&r, &two);
	store_commit_or_die(&w.s, txn);
	world_close(&w);
}

static void row_key(uint8_t key[1 + ID_LEN], const struct made_stream *m)
{
	key[0] = 's';
	memcpy(key + 1, m->r.child_id, ID_LEN);
}

/* Flip one bit of the row.  False: it has not so many. */
static bool flip(struct world *w, MDB_txn *txn, const struct made_stream *m, size_t bit)
{
	uint8_t key[1 + ID_LEN], copy[16384];
	MDB_val v;

	row_key(key, m);
	assert_int_equal(store_get(&w->s, txn, T_MICROBLOCKS, key, sizeof(key), &v), 0);
	if (bit >= v.mv_size * 8)
		return false;
	memcpy(copy, v.mv_data, v.mv_size);
	copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
	store_put(&w->s, txn, T_MICROBLOCKS, key, sizeof(key), copy, v.mv_size);
	return true;
}

static void every_bit_of_a_row(void **state)
{
	struct made_stream m;
	struct rec_stream r;
	struct world w;
	MDB_txn *txn;
	size_t bit, found = 0;

	world_open(&w);
	stream_make(&m, 'c', 'p', N);
	put(&w, &m);
	txn = store_write(&w.s);
	for (bit = 0; flip(&w, txn, &m, bit); bit++) {
		assert_int_equal(stream_get(&w.s, txn, m.r.child_id, &r), STREAM_DAMAGED);
		assert_memory_equal(r.child_id, m.r.child_id, ID_LEN);
		assert_int_equal(stream_on(&w.s, txn, m.r.parent_id, &r), STREAM_DAMAGED);
		flip(&w, txn, &m, bit);
		found += stream_get(&w.s, txn, m.r.child_id, &r) == STREAM_FOUND;
	}
	assert_true(bit > m.len * 8 && found == bit);
	store_abort(txn);
	world_close(&w);
}

struct told { unsigned n; uint8_t child[ID_LEN]; };

static void gone(void *arg, const uint8_t child[ID_LEN], const uint8_t ch[CH_LEN])
{
	struct told *t = arg;

	t->n++;
	memcpy(t->child, child, ID_LEN);
	assert_true(all_zero(ch, CH_LEN));
}

static void heal(struct world *w, struct told *t)
{
	MDB_txn *txn = store_write(&w->s);

	*t = (struct told){ .n = 0 };
	streams_heal(&w->s, txn, gone, t);
	store_commit_or_die(&w->s, txn);
}

/* A stream that was noted and is sound stays; one that is bad goes with its rows in the indexes. */
static void noted_and_healed(void **state)
{
	struct made_stream good, bad;
	struct world w;
	struct told t;
	MDB_txn *txn;

	world_open(&w);
	stream_make(&good, 'g', 'p', 2);
	stream_make(&bad, 'b', 'p', 3);
	put(&w, &good);
	put(&w, &bad);
	txn = store_write(&w.s);
	flip(&w, txn, &bad, 4000);
	store_commit_or_die(&w.s, txn);
	stream_note(&w.s, good.r.child_id);
	stream_note(&w.s, bad.r.child_id);
	stream_note(&w.s, bad.r.child_id);
	heal(&w, &t);
	assert_int_equal(t.n, 1);
	assert_memory_equal(t.child, bad.r.child_id, ID_LEN);
	txn = store_read(&w.s);
	assert_int_equal(store_count(&w.s, txn, T_MICROBLOCKS), 3);
	assert_int_equal(store_count(&w.s, txn, T_DAMAGED), 0);
	assert_true(stream_known(&w.s, txn, good.r.child_id));
	store_read_end(txn);
	/* It comes again. */
	put(&w, &bad);
	heal(&w, &t);
	assert_int_equal(t.n, 0);
	world_close(&w);
}

struct seen { unsigned sound, bad, strays; };

static void see(void *arg, const uint8_t *child, const struct rec_stream *r, const MDB_val *key)
{
	struct seen *s = arg;

	if (!child)
		s->strays++;
	else if (r)
		s->sound++;
	else
		s->bad++;
}

static struct seen scan(struct world *w, size_t bytes)
{
	struct seen s = { 0 };
	uint8_t key[MAX_KEY];
	size_t klen = 0;
	bool more = true;

	while (more) {
		MDB_txn *txn = store_read(&w->s);

		more = streams_scan(&w->s, txn, key, &klen, bytes, see, &s);
		store_read_end(txn);
	}
	return s;
}

/* However small the pieces, each row is looked at once; rows of the indexes and streams that do not
 * belong together show. */
static void all_rows_are_seen(void **state)
{
	static const size_t pieces[] = { 1, 100, 2000, 1 << 20 };
	struct made_stream m[3];
	uint8_t key[1 + 2 * ID_LEN] = "p";
	struct world w;
	struct seen s;
	MDB_txn *txn;

	world_open(&w);
	for (int i = 0; i < 3; i++) {
		stream_make(&m[i], (char)('a' + i), 'p', 2 + (uint32_t)i % 3);
		put(&w, &m[i]);
	}
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		s = scan(&w, pieces[i]);
		assert_true(s.sound == 3 && s.bad == 0 && s.strays == 0);
	}
	txn = store_write(&w.s);
	memcpy(key + 1, m[1].r.parent_id, ID_LEN);
	memcpy(key + 1 + ID_LEN, m[1].r.child_id, ID_LEN);
	store_del(&w.s, txn, T_MICROBLOCKS, key, sizeof(key));
	memset(key + 1 + ID_LEN, 'n', ID_LEN);
	store_put(&w.s, txn, T_MICROBLOCKS, key, sizeof(key), "", 0);
	store_put(&w.s, txn, T_MICROBLOCKS, "x", 1, "", 0);
	store_commit_or_die(&w.s, txn);
	s = scan(&w, 500);
	assert_true(s.sound == 2 && s.bad == 1 && s.strays == 2);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_three_ways),
		cmocka_unit_test(every_bit_of_a_row),
		cmocka_unit_test(noted_and_healed),
		cmocka_unit_test(all_rows_are_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
