/* Long runs out of short ones: what is done to a tenure when it is complete.
 *
 * A tenure comes in as many runs as commits brought pieces of it.  Values above half a page take
 * whole pages of their own, so short runs waste what their last page has left.  Rewriting costs a
 * second write of the bytes, so it is only done where it pays: when it saves a sixteenth of the
 * pages. */
#include <stdlib.h>

#include "common/store/run.h"
#include "common/sys/log.h"

#define PAGE 4096

struct gathered {
	const uint8_t *ch;
	struct kept_block *b;
	size_t n, cap, bytes, pages, runs;
};

/* Pages that a value of this size takes: a large one has pages of its own, a short one is counted
 * as if it had one. */
static size_t pages_of(size_t size)
{
	return size > PAGE / 2 - 40 ? (16 + size + PAGE - 1) / PAGE : 1;
}

static bool gather(void *arg, const struct kept_block *b)
{
	struct gathered *g = arg;

	if (b->sibling)
		return true;
	if (g->n == g->cap) {
		g->cap = g->cap ? g->cap * 2 : 64;
		g->b = xrealloc(g->b, g->cap * sizeof(*g->b));
	}
	g->b[g->n++] = *b;
	g->bytes += b->len + RUN_ENTRY;
	return true;
}

/* Runs are told apart by where their bodies lie: a body follows the one before it within a run. */
static void count_pages(struct gathered *g)
{
	size_t i, size = 0;

	for (i = 0; i < g->n; i++) {
		if (i && g->b[i].bytes != g->b[i - 1].bytes + g->b[i - 1].len) {
			g->pages += pages_of(size);
			g->runs++;
			size = 0;
		}
		if (size == 0)
			size = RUN_HEAD + g->b[i].source.n;
		size += g->b[i].len + RUN_ENTRY;
	}
	if (size) {
		g->pages += pages_of(size);
		g->runs++;
	}
}

/* Views into the map become views into one copy. */
static uint8_t *copy_out(struct gathered *g)
{
	uint8_t *copy = xmalloc(g->bytes + 1), *p = copy;
	size_t i;

	for (i = 0; i < g->n; i++) {
		block_carry(g->ch, &g->b[i]);
		memcpy(p, g->b[i].id, ID_LEN);
		g->b[i].id = p;
		p += ID_LEN;
		memcpy(p, g->b[i].bytes, g->b[i].len);
		g->b[i].bytes = p;
		p += g->b[i].len;
	}
	return copy;
}

size_t blocks_pack(struct store *s, MDB_txn *txn, const uint8_t ch[CH_LEN])
{
	struct gathered g = { .ch = ch };
	uint8_t key[CH_LEN + 8], *copy;
	size_t i, from, written = 0;

	blocks_walk(s, txn, ch, 0, UINT64_MAX, gather, &g);
	count_pages(&g);
	if (g.runs > 1 && g.pages * 15 > (g.bytes + PAGE / 2) / PAGE * 16) {
		memcpy(key, ch, CH_LEN);
		copy = copy_out(&g);
		/* at most heights where a run begins have a row; the others are no rows */
		for (i = 0; i < g.n; i++) {
			put_be64(key + CH_LEN, g.b[i].height);
			store_del(s, txn, T_BLOCKS, key, sizeof(key));
		}
		for (from = 0, i = 1; i <= g.n; i++)
			if (i == g.n || g.b[i].height != g.b[i - 1].height + 1) {
				blocks_repack(s, txn, ch, g.b + from, i - from);
				from = i;
			}
		written = g.bytes;
		free(copy);
	}
	free(g.b);
	return written;
}

/* Next: common/store/damaged.c, which blocks were found bad. */
