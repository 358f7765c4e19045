/* What becomes of damaged blocks: out they go, what is sound of their runs is written anew, and so
 * are runs of schema 1.
 *
 * A checksum is never made of bytes that were not looked at, so that what is bad cannot become good
 * by being moved. */
#include <stdlib.h>

#include "common/store/run.h"
#include "common/sys/log.h"

#define UPGRADE_BYTES (4u << 20)	/* rewritten in one commit at most: some 10 ms */

struct saved { struct kept_block b; uint8_t id[ID_LEN]; uint8_t *copy; };
struct salvage {
	const uint8_t *ch;
	struct saved *v;
	size_t n, cap, lost, moved;
	MDB_val *keys;
	size_t n_keys;
};

static void save(struct salvage *g, const struct kept_block *b)
{
	struct saved *to;

	if (g->n == g->cap) {
		g->cap = g->cap ? g->cap * 2 : 64;
		g->v = xrealloc(g->v, g->cap * sizeof(*g->v));
	}
	to = &g->v[g->n++];
	to->b = *b;
	memcpy(to->id, b->id, ID_LEN);
	to->copy = xmalloc(b->len + b->source.n);
	memcpy(to->copy, b->bytes, b->len);
	if (b->source.n)
		memcpy(to->copy + b->len, b->source.p, b->source.n);
	to->b.bytes = to->copy;
	to->b.source.p = to->copy + b->len;
	to->b.summed = false;		/* it was looked at: it gets a checksum of its own */
}

static void save_run(struct salvage *g, const struct run *r)
{
	struct kept_block b;
	uint8_t id[ID_LEN];
	uint32_t i;

	for (i = 0; i < r->count; i++) {
		run_block(r, i, &b);
		if (block_sound(g->ch, &b)) {
			save(g, &b);
			continue;
		}
		/* The index of this run is broken: its source and weights cannot be relied on. */
		if (!r->sound && block_saved(g->ch, &b, id)) {
			b.source = rec_bytes(NULL, 0);
			b.weight = 0;
			save(g, &b);
			g->moved++;
		} else
			g->lost++;
	}
}

static void save_all(struct store *s, MDB_txn *txn, struct salvage *g)
{
	MDB_cursor *c = store_cursor(s, txn, T_BLOCKS);
	uint8_t key[KEY_RUN];
	MDB_val k = { KEY_RUN, key }, v;
	struct run r;
	int rc;

	run_key(key, g->ch, 0);
	rc = store_cursor_get(s, c, &k, &v, MDB_SET_RANGE);
	for (; rc == 0 && k.mv_size >= CH_LEN && memcmp(k.mv_data, g->ch, CH_LEN) == 0;
	    rc = store_cursor_get(s, c, &k, &v, MDB_NEXT)) {
		g->keys = xrealloc(g->keys, (g->n_keys + 1) * sizeof(*g->keys));
		g->keys[g->n_keys].mv_size = k.mv_size;
		g->keys[g->n_keys].mv_data = memcpy(xmalloc(k.mv_size), k.mv_data, k.mv_size);
		g->n_keys++;
		if (run_parse(&r, &k, &v) == 0)
			save_run(g, &r);
		else
			g->lost++;
	}
	mdb_cursor_close(c);
}

static int by_place(const void *a, const void *b)
{
	const struct kept_block *x = &((const struct saved *)a)->b,
	    *y = &((const struct saved *)b)->b;

	return x->height != y->height ? (x->height < y->height ? -1 : 1) :
	    x->sibling != y->sibling ? x->sibling - y->sibling :
	    memcmp(((const struct saved *)a)->id, ((const struct saved *)b)->id, ID_LEN);
}

/* One block a height in runs, the others beside it. */
static void put_saved(struct store *s, MDB_txn *txn, struct salvage *g)
{
	struct kept_block *line = xmalloc((g->n + 1) * sizeof(*line));
	size_t n = 0, i;

	if (g->n)
		qsort(g->v, g->n, sizeof(*g->v), by_place);
	for (i = 0; i < g->n; i++) {
		struct saved *one = &g->v[i];
		bool same = i && g->v[i - 1].b.height == one->b.height;

		one->b.id = one->id;
		if (same && memcmp(g->v[i - 1].id, one->id, ID_LEN) == 0)
			continue;
		one->b.sibling = same;
		if (same) {
			blocks_put_sibling(s, txn, g->ch, &one->b);
			continue;
		}
		if (n && line[n - 1].height + 1 != one->b.height) {
			blocks_put(s, txn, g->ch, line, n, false);
			n = 0;
		}
		line[n++] = one->b;
	}
	if (n)
		blocks_put(s, txn, g->ch, line, n, false);
	free(line);
}

struct stale { const uint8_t *ch; uint8_t (*ids)[ID_LEN]; size_t n, cap; };

static bool stale_add(void *arg, const MDB_val *key, const MDB_val *data)
{
	struct stale *l = arg;

	if (key->mv_size != ID_LEN || data->mv_size != CH_LEN + 8 ||
	    memcmp(data->mv_data, l->ch, CH_LEN) != 0)
		return true;
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 256;
		l->ids = xrealloc(l->ids, l->cap * sizeof(*l->ids));
	}
	memcpy(l->ids[l->n++], key->mv_data, ID_LEN);
	return true;
}

/* All rows of block_ids that lead to this tenure: those of what is kept are written again. */
static void ids_drop(struct store *s, MDB_txn *txn, const uint8_t *ch)
{
	struct stale l = { .ch = ch };
	size_t i;

	store_walk(s, txn, T_BLOCK_IDS, NULL, 0, stale_add, &l);
	for (i = 0; i < l.n; i++)
		store_del(s, txn, T_BLOCK_IDS, l.ids[i], ID_LEN);
	free(l.ids);
}

size_t blocks_salvage(struct store *s, MDB_txn *txn, const uint8_t ch[CH_LEN], bool anyway)
{
	struct salvage g = { .ch = ch };
	size_t i;

	save_all(s, txn, &g);
	if (anyway || g.lost + g.moved > 0) {
		ids_drop(s, txn, ch);
		for (i = 0; i < g.n_keys; i++)
			store_del(s, txn, T_BLOCKS, g.keys[i].mv_data, g.keys[i].mv_size);
		put_saved(s, txn, &g);
	}
	for (i = 0; i < g.n; i++)
		free(g.v[i].copy);
	for (i = 0; i < g.n_keys; i++)
		free(g.keys[i].mv_data);
	free(g.v);
	free(g.keys);
	return g.lost + g.moved;
}

bool blocks_scan(struct store *s, MDB_txn *txn, uint8_t *key, size_t *klen, size_t bytes,
    void (*fn)(void *, const uint8_t *, uint64_t, const struct kept_block *), void *arg)
{
	MDB_cursor *c = store_cursor(s, txn, T_BLOCKS);
	MDB_val k = { *klen, key }, v;
	struct kept_block b;
	struct run r;
	uint32_t i;
	int rc = store_cursor_get(s, c, &k, &v, *klen ? MDB_SET_RANGE : MDB_FIRST);

	for (; rc == 0 && bytes > 0; rc = store_cursor_get(s, c, &k, &v, MDB_NEXT)) {
		if (run_parse(&r, &k, &v) < 0 && k.mv_size >= KEY_RUN)
			fn(arg, k.mv_data, r.low, NULL);
		for (i = 0; i < r.count; i++) {
			run_block(&r, i, &b);
			fn(arg, k.mv_data, b.height, &b);
		}
		bytes -= v.mv_size < bytes ? v.mv_size : bytes;
	}
	*klen = rc == 0 && k.mv_size <= MAX_KEY ? k.mv_size : 0;
	memmove(key, k.mv_data, *klen);
	mdb_cursor_close(c);
	return *klen > 0;
}

/* ---- runs of schema 1 ---- */

/* The next row from a key on that has no checksums; *key becomes its key.  -1: there is none within
 * `bytes`, and then *key is where the search ended, or empty at the table's end. */
static int old_find(struct store *s, MDB_txn *txn, uint8_t *key, size_t *klen, size_t *bytes)
{
	MDB_cursor *c = store_cursor(s, txn, T_BLOCKS);
	MDB_val k = { *klen, key }, v;
	struct run r;
	int rc = store_cursor_get(s, c, &k, &v, *klen ? MDB_SET_RANGE : MDB_FIRST);
	bool old = false;

	for (; rc == 0 && *bytes > 0; rc = store_cursor_get(s, c, &k, &v, MDB_NEXT)) {
		old = run_parse(&r, &k, &v) == 0 && !r.summed;
		if (old)
			break;
		*bytes -= *bytes < 64 ? *bytes : 64;	/* what it costs to look */
	}
	*klen = rc == 0 && k.mv_size <= MAX_KEY ? k.mv_size : 0;
	memmove(key, k.mv_data, *klen);
	mdb_cursor_close(c);
	return old ? 0 : -1;
}

bool blocks_upgrade(struct store *s, MDB_txn *txn, uint8_t *key, size_t *klen)
{
	size_t bytes = UPGRADE_BYTES;

	while (old_find(s, txn, key, klen, &bytes) == 0) {
		size_t size = blocks_rewrite(s, txn, key, *klen);

		bytes -= size < bytes ? size : bytes;
	}
	return *klen > 0;
}

/* Next: common/store/pack.c, long runs out of short ones. */
