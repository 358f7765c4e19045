/* Anchored blocks and microblocks that come unasked: which are kept, and whose fault it is where
 * they are not. */
#include "common/store/pushed.h"
#include "common/store/streams.h"
#include "common/wire/message.h"
#include "tests/unit/store_confirmed.h"

static void judges(struct world *w, enum pushed want, enum chain_reason reason, enum model model,
    char tenure, const struct bytes *b)
{
	MDB_txn *txn = store_read(&w->s);
	enum chain_reason why;
	uint8_t ch[CH_LEN];
	struct block n;

	world_ch(ch, tenure);
	assert_int_equal(pushed_judge(&w->s, txn, model == EPOCH2 ? ch : NULL, b->p, b->n, true, &n,
	    &why), want);
	assert_string_equal(chain_reason_word(why), chain_reason_word(reason));
	store_read_end(txn);
}

/* The last height below epoch 3.0 may have either model, the others one. */
static void anchored_blocks(void **state)
{
	struct crossing x;
	struct world *w = &x.w;
	struct bytes b;

	cross_make(&x);
	b = *x.p->b;
	judges(w, PUSHED_TAKEN, REASON_OK, EPOCH2, 'p', &b);
	judges(w, PUSHED_REFUSED, REASON_NOSORTITION, EPOCH2, 'x', &b);
	judges(w, PUSHED_REFUSED, REASON_WINNER, EPOCH2, 'q', &b);
	judges(w, PUSHED_REFUSED, REASON_WINNER, EPOCH2, 'r', &b);
	judges(w, PUSHED_REFUSED, REASON_VERSION, EPOCH2, 'a', &b);
	judges(w, PUSHED_TAKEN, REASON_OK, EPOCH2, 'r', x.r->b);
	b.p[b.n - 1] ^= 1;
	judges(w, PUSHED_REFUSED, REASON_MERKLE, EPOCH2, 'p', &b);
	b = *x.p->b;
	b.p[20] ^= 1;
	judges(w, PUSHED_REFUSED, REASON_WINNER, EPOCH2, 'p', &b);
	b = *x.p->b;
	add_u8(&b, 0);
	judges(w, PUSHED_MALFORMED, REASON_TRAILING, EPOCH2, 'p', &b);
	b.n = 246;
	judges(w, PUSHED_MALFORMED, REASON_CODEC, EPOCH2, 'p', &b);
	b.n = 300;
	judges(w, PUSHED_MALFORMED, REASON_CODEC, EPOCH2, 'p', &b);
	/* A Nakamoto block of an epoch 2.x sortition, as one or the other. */
	b = *w->blocks[x.starts[0]].b;
	memset(b.p + 17, 'p', CH_LEN);
	judges(w, PUSHED_REFUSED, REASON_VERSION, NAKAMOTO, 'p', &b);
	memset(b.p + 17, 'r', CH_LEN);
	judges(w, PUSHED_REFUSED, REASON_NOWINNER, NAKAMOTO, 'r', &b);
	judges(w, PUSHED_MALFORMED, REASON_CODEC, EPOCH2, 'r', &b);
	give_range(w, 0, w->n);
	judges(w, PUSHED_KNOWN, REASON_OK, EPOCH2, 'p', x.p->b);
	world_close(w);
}

static unsigned taken;

static void take(void *arg, const struct rec_block *row)
{
	taken++;
	assert_int_equal(row->model, EPOCH2);
}

static enum chain_reason push(struct world *w, unsigned id, const struct bytes *payload)
{
	struct message m = { .id = id };

	m.u.blocks.p = payload->p;
	m.u.blocks.len = payload->n;
	taken = 0;
	return pushed_message(&w->s, &m, take, NULL);
}

static void add_anchored(struct bytes *b, const struct world_block *block)
{
	uint8_t ch[CH_LEN];

	world_ch(ch, block->tenure);
	add(b, ch, CH_LEN);
	add(b, block->b->p, block->b->n);
}

static void pushed_blocks(void **state)
{
	struct bytes m = { .n = 0 };
	struct crossing x;
	struct world *w = &x.w;

	cross_make(&x);
	add_u32(&m, 3);
	add_anchored(&m, x.p);
	add_anchored(&m, x.s);
	assert_int_equal(push(w, MSG_BLOCKS, &m), REASON_CODEC);	/* the third is not there */
	assert_int_equal(taken, 2);
	add_anchored(&m, x.p);
	assert_int_equal(push(w, MSG_BLOCKS, &m), REASON_CODEC);	/* twice */
	put_be32(m.p, 2);
	assert_int_equal(push(w, MSG_BLOCKS, &m), REASON_TRAILING);
	put_be32(m.p, UINT32_MAX);
	assert_int_equal(push(w, MSG_BLOCKS, &m), REASON_CODEC);
	m.n = 4;
	assert_int_equal(push(w, MSG_BLOCKS, &m), REASON_CODEC);
	m.n = 3;
	assert_int_equal(push(w, MSG_BLOCKS, &m), REASON_OK);
	assert_int_equal(taken, 0);
	world_close(w);
}

static enum chain_reason streamed(struct confirmed *c, const uint8_t parent[ID_LEN],
    const struct bytes *vector, enum pushed want)
{
	MDB_txn *txn = store_read(&c->w.s);
	enum chain_reason why;
	struct rec_block row;

	assert_int_equal(
	    pushed_stream(&c->w.s, txn, parent, vector->p, vector->n, &row, &why), want);
	if (want == PUSHED_TAKEN) {
		assert_memory_equal(row.id, c->h->id, ID_LEN);
		assert_true(row.kind == ITEM_STREAM && row.height == c->h->height);
		assert_int_equal(row.body.n, c->vector.n);
		assert_int_equal(get_be32(row.body.p), STREAM_N);
		assert_memory_equal((const uint8_t *)row.body.p + 4, c->m[0].p, c->m[0].n);
		free((void *)(uintptr_t)row.body.p);
	}
	store_read_end(txn);
	return why;
}

/* In any order, and beside others; but all that the child confirms, and nothing that its header
 * does not lead to. */
static void streams(void **state)
{
	struct confirmed c;
	struct world *w = &c.w;
	struct bytes v;
	uint8_t none[ID_LEN] = { 1 };

	confirmed_make(&c, BEND_NONE);
	assert_int_equal(
	    streamed(&c, c.g->id, &c.vector, PUSHED_REFUSED), REASON_UNCONFIRMED);
	give_range(w, 0, w->n);
	assert_int_equal(streamed(&c, c.g->id, &c.vector, PUSHED_TAKEN), REASON_OK);
	assert_int_equal(streamed(&c, none, &c.vector, PUSHED_REFUSED), REASON_UNCONFIRMED);
	assert_int_equal(streamed(&c, c.h->id, &c.vector, PUSHED_REFUSED), REASON_UNCONFIRMED);
	v.n = 0;
	add_u32(&v, STREAM_N + 1);
	for (int i = 0; i < STREAM_N; i++)
		add(&v, c.m[i].p, c.m[i].n);
	add(&v, c.m[1].p, c.m[1].n);
	assert_int_equal(streamed(&c, c.g->id, &v, PUSHED_TAKEN), REASON_OK);
	/* One is lacking; the whole is cut; there is more; a count of nothing, and of too many. */
	vector_of(&v, c.m, STREAM_N - 1);
	assert_int_equal(streamed(&c, c.g->id, &v, PUSHED_REFUSED), REASON_UNCONFIRMED);
	v = c.vector;
	v.n--;
	assert_int_equal(streamed(&c, c.g->id, &v, PUSHED_MALFORMED), REASON_CODEC);
	v = c.vector;
	add_u8(&v, 0);
	assert_int_equal(streamed(&c, c.g->id, &v, PUSHED_MALFORMED), REASON_TRAILING);
	put_be32(v.p, 0);
	assert_int_equal(streamed(&c, c.g->id, &v, PUSHED_MALFORMED), REASON_CODEC);
	put_be32(v.p, UINT32_MAX);
	assert_int_equal(streamed(&c, c.g->id, &v, PUSHED_MALFORMED), REASON_CODEC);
	/* The same headers, another transaction. */
	v = c.vector;
	v.p[v.n - 1] ^= 1;
	assert_int_equal(streamed(&c, c.g->id, &v, PUSHED_REFUSED), REASON_MERKLE);
	assert_int_equal(pushed_fault(REASON_MERKLE), PUSHED_REFUSED);
	keeper_begin(w->k);
	keeper_stream(w->k, &c.r, NULL);
	world_commit(w);
	assert_int_equal(streamed(&c, c.g->id, &c.vector, PUSHED_KNOWN), REASON_OK);
	world_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anchored_blocks),
		cmocka_unit_test(pushed_blocks),
		cmocka_unit_test(streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
