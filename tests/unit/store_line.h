/* Four tenures in a line, and the sum of what is proven: for the tests of the keeper. */
#ifndef BLOCKSYNC_TESTS_STORE_LINE_H
#define BLOCKSYNC_TESTS_STORE_LINE_H

#include "tests/unit/store_asked.h"

/* Tenures a b c d of 3, 1, 4, 2 blocks; a stands on the boot block; e's sortition names d. */
struct line { struct world w; struct world_block *a, *b, *c, *d; uint8_t zero[ID_LEN]; };

/* Their starts are blocks 0, 3, 4 and 8. */
static inline void line_make_blocks(struct line *l)
{
	struct world *w = &l->w;

	memset(l, 0, sizeof(*l));
	world_open(w);
	l->a = world_tenure(w, 'a', NULL, 1, 3);
	l->b = world_tenure(w, 'b', l->a, 3, 1);
	l->c = world_tenure(w, 'c', l->b, 1, 4);
	l->d = world_tenure(w, 'd', l->c, 4, 2);
	world_restart(w);
}

static inline void line_make(struct line *l)
{
	struct world *w = &l->w;

	line_make_blocks(l);
	world_sortition(w, 'a', 140, w->blocks[0].parent, true);
	world_sortition(w, 'b', 141, w->blocks[0].id, true);
	world_sortition(w, 'c', 143, w->blocks[3].id, true);
	world_sortition(w, 'd', 144, w->blocks[4].id, true);
	world_sortition(w, 'e', 146, w->blocks[8].id, true);
	world_restart(w);
}

struct digest { uint8_t sum[32]; unsigned n; };

static inline bool digest_add(void *arg, const struct stored_block *b)
{
	struct digest *d = arg;
	uint8_t both[64];

	memcpy(both, d->sum, 32);
	memcpy(both + 32, b->id, 32);
	hash_once(d->sum, both, sizeof(both));
	d->n++;
	return true;
}

#endif
