/* Two anchored blocks, and the microblocks between them. */
#ifndef BLOCKSYNC_TESTS_STORE_CONFIRMED_H
#define BLOCKSYNC_TESTS_STORE_CONFIRMED_H

#include "tests/unit/chain_make_microblock.h"
#include "tests/unit/store_crossing.h"

#define STREAM_N 3

/* Anchored blocks g and h; h confirms three microblocks that g's key signed, but for `bend`. */
struct confirmed {
	struct world w;
	struct world_block *g, *h;
	struct bytes m[STREAM_N];
	struct bytes vector;
	struct rec_microblocks r;
};

enum bend { BEND_NONE, BEND_KEY, BEND_SEQUENCE };

/* Their count and the microblocks themselves, the tail first. */
static inline void vector_of(struct bytes *v, const struct bytes *m, uint32_t n)
{
	v->n = 0;
	add_u32(v, n);
	while (n-- > 0)
		add(v, m[n].p, m[n].n);
}

static inline void confirmed_make(struct confirmed *c, enum bend bend)
{
	struct world_anchor child = { .burn = 10, .tail_sequence = STREAM_N - 1 };
	struct world *w = &c->w;
	struct bytes tx = { .n = 0 };
	uint8_t prev[32];

	memset(c, 0, sizeof(*c));
	world_open(w);
	/* epoch 2.5, which has no microblocks, later than the chain */
	w->s.net.epochs[1].start = 135;
	c->g = world_anchored(w, 'g', NULL, (struct world_anchor){ .secret = 3 });
	memcpy(prev, c->g->hash, 32);
	tx_head(&tx, 0x80, MADE_CHAIN, 2, 5);
	add(&tx, "\0\x05\x16", 3);
	add_fill(&tx, 0x22, 20);
	add_u64(&tx, 1000);
	add_fill(&tx, 0, 34);
	for (uint16_t i = 0; i < STREAM_N; i++) {
		put_be64(tx.p + 27, 5u + i);	/* its nonce */
		made_microblock(&c->m[i], i + (bend == BEND_SEQUENCE && i == 1), prev, &tx, 1,
		    bend == BEND_KEY && i == 1 ? 4 : 3);
		made_microblock_hash(prev, &c->m[i]);
	}
	memcpy(child.tail, prev, 32);
	c->h = world_anchored(w, 'h', c->g, child);
	world_won(w, c->g, NULL, 110, true, 10);
	world_won(w, c->h, c->g, 120, true, 20);
	world_restart(w);
	vector_of(&c->vector, c->m, STREAM_N);
	memcpy(c->r.child_id, c->h->id, ID_LEN);
	world_ch(c->r.consensus_hash, 'h');
	c->r.source = rec_str("streamer");
	c->r.body = rec_bytes(c->vector.p, c->vector.n);
}

#endif
