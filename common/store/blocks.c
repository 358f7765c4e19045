/* Tables blocks and block_ids: runs of blocks (blocks.h says why and how they look).
 *
 * Everything is copied out of the map before a put: a page that is written may move. */
#include <stdlib.h>

#include "common/chain/hash.h"
#include "common/store/run.h"
#include "common/sys/log.h"

#define PAGE 4096
#define PAGE_HEAD 16		/* of LMDB: a large value takes whole pages behind one header */

/* The run that would hold a height: the last of the tenure
 * that begins at or below it.  0, or -1. */
static int run_seek(struct store *s, MDB_cursor *c, const uint8_t *ch, uint64_t height,
    struct run *r)
{
	uint8_t key[KEY_RUN];
	MDB_val k = { KEY_RUN, key }, v;
	int rc;

	run_key(key, ch, height);
	rc = store_cursor_get(s, c, &k, &v, MDB_SET_RANGE);
	if (rc != 0)
		rc = store_cursor_get(s, c, &k, &v, MDB_LAST);
	else if (k.mv_size != KEY_RUN || memcmp(k.mv_data, key, KEY_RUN) != 0)
		rc = store_cursor_get(s, c, &k, &v, MDB_PREV);
	while (rc == 0 && k.mv_size >= KEY_RUN && memcmp(k.mv_data, ch, CH_LEN) == 0) {
		if (k.mv_size == KEY_RUN)
			return run_parse(r, &k, &v);
		rc = store_cursor_get(s, c, &k, &v, MDB_PREV);
	}
	return -1;
}

static int sibling_find(struct store *s, MDB_txn *txn, const uint8_t *ch, uint64_t height,
    const uint8_t *id, struct kept_block *b)
{
	uint8_t key[KEY_SIBLING];
	MDB_val k = { KEY_SIBLING, key }, v;
	struct run r;

	run_key(key, ch, height);
	memcpy(key + KEY_RUN, id, ID_LEN);
	if (store_get(s, txn, T_BLOCKS, key, sizeof(key), &v) < 0 || run_parse(&r, &k, &v) < 0)
		return -1;
	run_block(&r, 0, b);
	return memcmp(b->id, id, ID_LEN) == 0 ? 0 : -1;
}

int blocks_find(struct store *s, MDB_txn *txn, const uint8_t ch[CH_LEN], uint64_t height,
    const uint8_t *id, struct kept_block *b)
{
	MDB_cursor *c = store_cursor(s, txn, T_BLOCKS);
	struct run r;
	int rc = -1;

	if (run_seek(s, c, ch, height, &r) == 0 && height < r.low + r.count) {
		run_block(&r, (uint32_t)(height - r.low), b);
		rc = id && memcmp(id, b->id, ID_LEN) != 0 ? -1 : 0;
	}
	mdb_cursor_close(c);
	return rc == 0 || !id ? rc : sibling_find(s, txn, ch, height, id, b);
}

/* The block `id` at the run's height, or its sibling; the run
 * is sought again only where it ends. */
static int step_down(struct store *s, MDB_txn *txn, MDB_cursor *c, struct run *r, const uint8_t *ch,
    uint64_t height, const uint8_t *id, struct kept_block *b)
{
	if (height - r->low >= r->count && run_seek(s, c, ch, height, r) != 0)
		r->count = 0;
	if (height - r->low < r->count) {
		run_block(r, (uint32_t)(height - r->low), b);
		if (memcmp(b->id, id, ID_LEN) == 0)
			return 0;
	}
	return sibling_find(s, txn, ch, height, id, b);
}

bool kept_parent(struct store *s, MDB_txn *txn, const uint8_t ch[CH_LEN],
    const struct kept_block *b, enum model *model, uint8_t parent[ID_LEN])
{
	const uint8_t *said = block_parent(model, ch, b->bytes, b->len);
	struct rec_tenure t;

	if (!said)
		return false;
	if (*model == EPOCH2 && tenure_get(s, txn, ch, &t) == 0)
		hash_block_id(parent, said, t.prev_ch);
	else
		memcpy(parent, said, ID_LEN);
	return true;
}

void blocks_down(struct store *s, MDB_txn *txn, const uint8_t ch[CH_LEN], uint64_t height,
    const uint8_t id[ID_LEN], bool (*fn)(void *, const struct kept_block *), void *arg)
{
	MDB_cursor *c = store_cursor(s, txn, T_BLOCKS);
	struct run r = { 0 };
	uint8_t parent[ID_LEN];
	struct kept_block b;
	enum model model;

	for (; step_down(s, txn, c, &r, ch, height, id, &b) == 0 && fn(arg, &b) && height > 0 &&
	    kept_parent(s, txn, ch, &b, &model, parent); height--)
		id = parent;
	mdb_cursor_close(c);
}

int blocks_where(struct store *s, MDB_txn *txn, const uint8_t id[ID_LEN], uint8_t ch[CH_LEN],
    uint64_t *height)
{
	MDB_val v;

	if (store_get(s, txn, T_BLOCK_IDS, id, ID_LEN, &v) < 0 || v.mv_size < CH_LEN + 8)
		return -1;
	memcpy(ch, v.mv_data, CH_LEN);
	*height = get_be64((uint8_t *)v.mv_data + CH_LEN);
	return 0;
}

/* Siblings of a height sort behind the run that begins there, but before the later blocks of a run
 * that began lower: a run is held back block by block until the next row's height. */
void blocks_walk(struct store *s, MDB_txn *txn, const uint8_t ch[CH_LEN], uint64_t low,
    uint64_t high, bool (*fn)(void *, const struct kept_block *), void *arg)
{
	MDB_cursor *c = store_cursor(s, txn, T_BLOCKS);
	uint8_t key[KEY_RUN];
	MDB_val k = { KEY_RUN, key }, v;
	struct run run = { 0 }, next;
	struct kept_block b;
	uint32_t at = 0;
	bool more, on = true;
	int rc;

	if (run_seek(s, c, ch, low, &run) == 0 && run.low + run.count > low) {
		at = (uint32_t)(low - run.low);
	} else
		run.count = 0;
	run_key(key, ch, low);
	rc = store_cursor_get(s, c, &k, &v, MDB_SET_RANGE);
	if (rc == 0 && run.count && run.low == low && k.mv_size == KEY_RUN &&
	    memcmp(k.mv_data, key, KEY_RUN) == 0)
		rc = store_cursor_get(s, c, &k, &v, MDB_NEXT);
	while (on) {
		more = rc == 0 && k.mv_size >= KEY_RUN && memcmp(k.mv_data, ch, CH_LEN) == 0;
		if (more)
			run_parse(&next, &k, &v);	/* one that is broken counts no blocks */
		for (; on && at < run.count && (!more || run.low + at < next.low + next.sibling);
		     at++) {
			run_block(&run, at, &b);
			on = b.height <= high && fn(arg, &b);
		}
		if (!more || next.low > high)
			break;
		if (next.sibling && next.count) {
			run_block(&next, 0, &b);
			on = on && fn(arg, &b);
		} else if (!next.sibling) {
			run = next;
			at = 0;
		}
		rc = store_cursor_get(s, c, &k, &v, MDB_NEXT);
	}
	mdb_cursor_close(c);
}

static void run_put(struct store *s, MDB_txn *txn, const uint8_t *key, size_t klen,
    const struct kept_block *b, size_t n, struct rec_view source)
{
	uint8_t *p = store_reserve(s, txn, T_BLOCKS, key, klen, run_size(b, n, source));

	if (p)
		run_write(p, key, klen, b, n, source);
}

/* How many of n blocks make the next run: near RUN_BYTES, cut
 * where the last page is best filled. */
static size_t run_cut(const struct kept_block *b, size_t n, struct rec_view source, bool packed)
{
	size_t size = RUN_HEAD + source.n, i, best = 1, waste;
	double ratio, best_ratio = 2;

	for (i = 0; i < n && i < RUN_MAX; i++) {
		if (i && !packed &&
		    (b[i].source.n != source.n ||
			(source.n && memcmp(b[i].source.p, source.p, source.n) != 0)))
			return i;
		if (i && size + RUN_ENTRY + b[i].len > RUN_BYTES * 5 / 4)
			return best;
		size += RUN_ENTRY + b[i].len;
		waste = (PAGE - (size + PAGE_HEAD) % PAGE) % PAGE;
		ratio = (double)waste / (double)size;
		if (i == 0 || size < RUN_BYTES / 2 || ratio <= best_ratio) {
			best_ratio = size < RUN_BYTES / 2 ? 2 : ratio;
			best = i + 1;
		}
	}
	return i;
}

static void id_put(struct store *s, MDB_txn *txn, const uint8_t *ch, const struct kept_block *b)
{
	uint8_t where[CH_LEN + 8];

	run_key(where, ch, b->height);
	store_put(s, txn, T_BLOCK_IDS, b->id, ID_LEN, where, sizeof(where));
}

static void runs_put(struct store *s, MDB_txn *txn, const uint8_t *ch, const struct kept_block *b,
    size_t n, bool packed)
{
	uint8_t key[KEY_RUN];
	struct rec_view source;
	size_t i, cut;

	for (i = 0; i < n; i += cut) {
		source = packed ? rec_bytes(NULL, 0) : b[i].source;
		cut = run_cut(b + i, n - i, source, packed);
		run_key(key, ch, b[i].height);
		run_put(s, txn, key, sizeof(key), b + i, cut, source);
	}
}

void blocks_put(struct store *s, MDB_txn *txn, const uint8_t ch[CH_LEN], const struct kept_block *b,
    size_t n, bool packed)
{
	size_t i;

	runs_put(s, txn, ch, b, n, packed);
	for (i = 0; i < n; i++)
		id_put(s, txn, ch, &b[i]);
}

void blocks_repack(struct store *s, MDB_txn *txn, const uint8_t ch[CH_LEN],
    const struct kept_block *b, size_t n)
{
	runs_put(s, txn, ch, b, n, true);
}

static void sibling_row(struct store *s, MDB_txn *txn, const uint8_t *ch,
    const struct kept_block *b)
{
	uint8_t key[KEY_SIBLING];

	run_key(key, ch, b->height);
	memcpy(key + KEY_RUN, b->id, ID_LEN);
	run_put(s, txn, key, sizeof(key), b, 1, b->source);
}

void blocks_put_sibling(struct store *s, MDB_txn *txn, const uint8_t ch[CH_LEN],
    const struct kept_block *b)
{
	sibling_row(s, txn, ch, b);
	id_put(s, txn, ch, b);
}

/* A run out of the map: one copy that all views of the blocks point into. */
static struct kept_block *run_copy(const struct run *r, const uint8_t *ch, uint8_t **copy)
{
	struct kept_block *b = xmalloc(r->count * sizeof(*b));
	struct run mine = *r;
	uint32_t i;

	*copy = xmalloc(r->size);
	memcpy(*copy, r->value, r->size);
	mine.source.p = *copy + ((const uint8_t *)r->source.p - r->value);
	mine.index = *copy + (r->index - r->value);
	mine.bodies = *copy + (r->bodies - r->value);
	for (i = 0; i < r->count; i++) {
		run_block(&mine, i, &b[i]);
		block_carry(ch, &b[i]);
	}
	return b;
}

/* Write the run around one block anew, with `with` in its place or without it. */
static void run_change(struct store *s, MDB_txn *txn, const uint8_t *id,
    const struct kept_block *with)
{
	uint8_t ch[CH_LEN], key[KEY_SIBLING], *copy;
	MDB_cursor *c = store_cursor(s, txn, T_BLOCKS);
	struct kept_block *b, was;
	uint64_t height;
	struct run r;
	size_t at;

	if (blocks_where(s, txn, id, ch, &height) < 0 ||
	    blocks_find(s, txn, ch, height, id, &was) < 0)
		store_damaged(s, "a block is not where its row in block_ids says");
	run_key(key, ch, height);
	if (was.sibling) {
		memcpy(key + KEY_RUN, id, ID_LEN);
		mdb_cursor_close(c);
		store_del(s, txn, T_BLOCKS, key, KEY_SIBLING);
		if (with)
			sibling_row(s, txn, ch, with);
		return;
	}
	run_seek(s, c, ch, height, &r);
	b = run_copy(&r, ch, &copy);
	mdb_cursor_close(c);
	at = (size_t)(height - r.low);
	if (with) {
		b[at].bytes = with->bytes;
		b[at].len = with->len;
		b[at].weight = with->weight;
		b[at].summed = with->summed;
		b[at].sum = with->sum;
	}
	run_key(key, ch, r.low);
	store_del(s, txn, T_BLOCKS, key, KEY_RUN);
	if (with)
		runs_put(s, txn, ch, b, r.count, false);
	else {
		runs_put(s, txn, ch, b, at, false);
		runs_put(s, txn, ch, b + at + 1, r.count - at - 1, false);
	}
	free(b);
	free(copy);
}

size_t blocks_rewrite(struct store *s, MDB_txn *txn, const uint8_t *key, size_t klen)
{
	MDB_val k = { klen, (void *)(uintptr_t)key }, v;
	struct kept_block *b;
	uint8_t *copy;
	struct run r;

	if (store_get(s, txn, T_BLOCKS, key, klen, &v) < 0 || run_parse(&r, &k, &v) < 0)
		return 0;
	b = run_copy(&r, key, &copy);
	run_put(s, txn, key, klen, b, r.count,
	    rec_bytes(copy + ((const uint8_t *)r.source.p - r.value), r.source.n));
	free(b);
	free(copy);
	return r.size;
}

void blocks_remove(struct store *s, MDB_txn *txn, const uint8_t id[ID_LEN])
{
	run_change(s, txn, id, NULL);
	store_del(s, txn, T_BLOCK_IDS, id, ID_LEN);
}

void blocks_replace(struct store *s, MDB_txn *txn, const struct kept_block *b)
{
	run_change(s, txn, b->id, b);
}

bool blocks_condemn(struct store *s, MDB_txn *txn, const uint8_t id[ID_LEN])
{
	uint8_t ch[CH_LEN], *copy;
	struct kept_block b;
	uint64_t height;

	if (blocks_where(s, txn, id, ch, &height) < 0 ||
	    blocks_find(s, txn, ch, height, id, &b) < 0)
		return false;
	copy = memcpy(xmalloc(b.len + b.source.n), b.bytes, b.len);
	if (b.source.n)
		memcpy(copy + b.len, b.source.p, b.source.n);
	b.id = id;
	b.bytes = copy;
	b.source.p = copy + b.len;
	b.sum = ~block_sum(id, b.bytes, b.len);
	b.summed = true;
	blocks_replace(s, txn, &b);
	free(copy);
	return true;
}

/* Next: common/store/run.c, a run as bytes. */
