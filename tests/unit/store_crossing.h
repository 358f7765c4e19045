/* A chain that crosses from epoch 2.x to Nakamoto, for the tests of the keeper. */
#ifndef BLOCKSYNC_TESTS_STORE_CROSSING_H
#define BLOCKSYNC_TESTS_STORE_CROSSING_H

#include "tests/unit/chain_make_epoch2.h"
#include "tests/unit/store_asked.h"

/* An anchored block of epoch 2.x on another one (NULL: the boot block); height 0: the next. */
struct world_anchor {
	uint64_t burn, height;
	uint8_t tail[32];
	uint16_t tail_sequence;
	int secret;			/* of its microblocks; 0: nobody's */
};

static inline struct world_block *world_anchored(struct world *w, char tenure,
    const struct world_block *parent, struct world_anchor a)
{
	struct world_block *b = &w->blocks[w->n++];
	struct made2 m;

	assert_true(w->n <= WORLD_BLOCKS);
	made2_block(&m);
	b->tenure = tenure;
	b->height = m.height = a.height ? a.height : parent ? parent->height + 1 : 1;
	m.burn = a.burn;
	memset(m.parent, 0, sizeof(m.parent));
	if (parent)
		memcpy(m.parent, parent->hash, sizeof(m.parent));
	memcpy(m.tail, a.tail, sizeof(m.tail));
	m.sequence = a.tail_sequence;
	if (a.secret)
		made_hash160(m.key, a.secret);
	m.tx[1].n = 0;
	tx_transfer(&m.tx[1], 100 + w->n);
	made2_seal(&m);
	b->b = malloc(sizeof(*b->b));
	*b->b = m.out;
	world_parse(b, EPOCH2);
	return b;
}

/* The sortition that an anchored block has won, with a commit on that of its parent. */
static inline void world_won(struct world *w, const struct world_block *b,
    const struct world_block *parent, uint64_t height, bool canonical, uint64_t total_burn)
{
	MDB_txn *txn = store_write(&w->s);
	struct rec_sortition r = { .burn_height = height, .won = true, .canonical = canonical,
		.has_burn = true, .checked = true, .total_burn = total_burn };

	world_ch(r.consensus_hash, b->tenure);
	memset(r.last_ch, 0xee, CH_LEN);
	if (parent)
		world_ch(r.parent_ch, parent->tenure);
	memcpy(r.committed, b->hash, ID_LEN);
	sortition_put(&w->s, txn, &r);
	store_commit_or_die(&w->s, txn);
}

/* Anchored blocks p q r in a line on the boot block, s beside r; Nakamoto tenures a b c of 3, 1, 2
 * blocks on r; d's sortition names c.  Cycles of 20 from burn height 100, Nakamoto from 140. */
struct crossing {
	struct world w;
	struct world_block *p, *q, *r, *s, *a, *b, *c;	/* a b c: the last of theirs */
	size_t starts[3];
};

static inline void cross_blocks(struct crossing *x)
{
	struct world *w = &x->w;

	memset(x, 0, sizeof(*x));
	world_open(w);
	x->p = world_anchored(w, 'p', NULL, (struct world_anchor){ .burn = 0 });
	x->q = world_anchored(w, 'q', x->p, (struct world_anchor){ .burn = 10 });
	x->r = world_anchored(w, 'r', x->q, (struct world_anchor){ .burn = 20 });
	x->s = world_anchored(w, 's', x->q, (struct world_anchor){ .burn = 20 });
	x->starts[0] = w->n;
	x->a = world_tenure(w, 'a', x->r, 1, 3);
	x->starts[1] = w->n;
	x->b = world_tenure(w, 'b', x->a, 3, 1);
	x->starts[2] = w->n;
	x->c = world_tenure(w, 'c', x->b, 1, 2);
}

static inline void cross_view(struct crossing *x)
{
	struct world *w = &x->w;

	world_won(w, x->p, NULL, 110, true, 10);
	world_won(w, x->q, x->p, 125, true, 20);
	world_won(w, x->s, x->q, 137, true, 30);
	world_won(w, x->r, x->q, 139, true, 40);
	world_sortition(w, 'a', 140, x->r->id, true);
	world_sortition(w, 'b', 141, w->blocks[x->starts[0]].id, true);
	world_sortition(w, 'c', 143, w->blocks[x->starts[1]].id, true);
	world_sortition(w, 'd', 144, w->blocks[x->starts[2]].id, true);
}

static inline void cross_make(struct crossing *x)
{
	cross_blocks(x);
	cross_view(x);
	world_restart(&x->w);
}

static inline void give_range(struct world *w, size_t from, size_t to)
{
	keeper_begin(w->k);
	for (size_t i = from; i < to; i++)
		world_give(w, &w->blocks[i]);
	world_commit(w);
}

static inline struct rec_tenure row_of(struct world *w, char tenure)
{
	MDB_txn *txn = store_read(&w->s);
	struct rec_tenure t;
	uint8_t ch[CH_LEN];

	world_ch(ch, tenure);
	assert_int_equal(tenure_get(&w->s, txn, ch, &t), 0);
	store_read_end(txn);
	return t;
}

static inline bool canonical(struct world *w, char tenure)
{
	struct rec_tenure t = row_of(w, tenure);

	return t.proven && t.linked && t.canonical;
}

#endif
