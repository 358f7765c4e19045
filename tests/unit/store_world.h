/* A store in a directory of its own, and a small chain made by hand, for the tests of the store
 * room. Tenures are named by a letter: its consensus hash is that letter twenty times. */
#ifndef BLOCKSYNC_TESTS_STORE_WORLD_H
#define BLOCKSYNC_TESTS_STORE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/store/keeper.h"
#include "tests/unit/chain_make.h"

#define WORLD_BLOCKS 64
#define WORLD_TABLES ((1u << T_COUNT) - 1)

struct world_block {
	char tenure;
	enum model model;
	uint8_t hash[32], id[ID_LEN], parent[ID_LEN];
	uint64_t height;
	struct bytes *b;
};
struct world {
	char dir[64];
	struct store s;
	struct keeper *k;
	struct rec_buf out;
	struct world_block blocks[WORLD_BLOCKS];
	size_t n;
	/* NULL, or what makes the Nakamoto blocks that are made now break a rule of place */
	void (*bend)(struct made *, struct tenure_change *);
};

static inline void world_ch(uint8_t ch[CH_LEN], char tenure) { memset(ch, tenure, CH_LEN); }

static inline void world_open(struct world *w)
{
	static struct network net;

	memset(w, 0, sizeof(*w));
	snprintf(w->dir, sizeof(w->dir), "/tmp/store-unit.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	made_network(&net);
	store_open_net(&w->s, w->dir, &net, WORLD_TABLES, 0);
	mdb_env_set_flags(w->s.env, MDB_NOSYNC, 1);
}

static inline void world_close(struct world *w)
{
	char path[96];

	if (w->k)
		keeper_free(w->k);
	store_close(&w->s);
	rec_buf_release(&w->out);
	for (size_t i = 0; i < w->n; i++)
		free(w->blocks[i].b);
	for (const char *const *name = (const char *const[]){ "data.mdb", "lock.mdb", "lock",
		NULL }; *name; name++) {
		snprintf(path, sizeof(path), "%s/%s", w->dir, *name);
		unlink(path);
	}
	rmdir(w->dir);
}

/* A sortition that the tenure won, whose commit names `committed`. */
static inline void world_sortition(struct world *w, char tenure, uint64_t height,
    const uint8_t *committed, bool canonical)
{
	MDB_txn *txn = store_write(&w->s);
	struct rec_sortition r = { .burn_height = height, .won = true, .canonical = canonical };

	world_ch(r.consensus_hash, tenure);
	memcpy(r.committed, committed, ID_LEN);
	sortition_put(&w->s, txn, &r);
	store_commit_or_die(&w->s, txn);
}

/* What the bytes of a block say of it. */
static inline void world_parse(struct world_block *b, enum model model)
{
	struct block parsed;
	uint8_t ch[CH_LEN];
	size_t need;

	world_ch(ch, b->tenure);
	assert_true(block_parse(&parsed, MODEL_BIT(model), ch, b->b->p, b->b->n, &need) ==
	    (ssize_t)b->b->n);
	b->model = model;
	memcpy(b->hash, parsed.hash, 32);
	memcpy(b->id, parsed.id, ID_LEN);
	memcpy(b->parent, parsed.parent, ID_LEN);
}

/* One more block on another one (NULL: the boot block), kept in w->blocks.  A start counts `count`
 * blocks below. */
static inline struct world_block *world_block(struct world *w, char tenure,
    const struct world_block *parent, enum block_kind kind, uint32_t count,
    const uint8_t *burn_view)
{
	static const char boot[] =
	    "55c9861be5cff984a20ce6d99d4aa65941412889bdc665094136429b84f8c2ee";
	struct world_block *b = &w->blocks[w->n++];
	struct tenure_change c = { .prev_blocks = count, .cause = kind == BLOCK_START ? 0 : 1 };
	struct made m;

	assert_true(w->n <= WORLD_BLOCKS);
	made_block(&m, kind, 0);
	b->tenure = tenure;
	b->height = m.height = parent ? parent->height + 1 : 1;
	world_ch(m.ch, tenure);
	if (parent)
		memcpy(m.parent, parent->id, ID_LEN);
	else
		assert_int_equal(hex_to(m.parent, ID_LEN, boot, 64), 0);
	if (kind != BLOCK_ORDINARY) {
		world_ch(c.tenure, tenure);
		world_ch(c.prev_tenure,
		    kind == BLOCK_EXTEND ? tenure :
			parent		 ? parent->tenure :
					   0);
		memcpy(c.burn_view, burn_view ? burn_view : c.tenure, CH_LEN);
		memcpy(c.prev_end, m.parent, ID_LEN);
		made_hash160(c.pubkey_hash, 1);
		if (w->bend)
			w->bend(&m, &c);
		b->height = m.height;
		m.tx[0].n = 0;
		tx_change(&m.tx[0], &c);
	}
	/* Two blocks of one place differ. */
	m.tx[m.n_txs - 1].n = 0;
	tx_transfer(&m.tx[m.n_txs - 1], 100 + w->n);
	made_seal(&m);
	b->b = malloc(sizeof(*b->b));
	*b->b = m.out;
	world_parse(b, NAKAMOTO);
	return b;
}

/* A tenure of n blocks; returns the last. */
static inline struct world_block *world_tenure(struct world *w, char tenure,
    const struct world_block *parent, uint32_t prev_blocks, int n)
{
	struct world_block *b = world_block(w, tenure, parent, BLOCK_START, prev_blocks, NULL);

	while (--n > 0)
		b = world_block(w, tenure, b, BLOCK_ORDINARY, 0, NULL);
	return b;
}

static inline void world_restart(struct world *w)
{
	if (w->k)
		keeper_free(w->k);
	w->k = keeper_new(&w->s, "test");
}

static inline void world_give_to(struct keeper *k, const struct world_block *b)
{
	struct block block;
	uint8_t ch[CH_LEN];
	size_t need;

	world_ch(ch, b->tenure);
	block_parse(&block, MODEL_BIT(b->model), ch, b->b->p, b->b->n, &need);
	keeper_block(k, &block, 42, rec_str("giver"));
}

static inline void world_give(struct world *w, const struct world_block *b)
{
	world_give_to(w->k, b);
}

static inline void world_commit(struct world *w)
{
	w->out.n = 0;
	assert_int_equal(keeper_commit(w->k, &w->out), 0);
}

#endif
