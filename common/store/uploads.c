/* The table of blocks that came unasked and are not judged yet: sequence u64 -> row; the key 0xff
 * holds the bytes of all rows.  It is bounded, and the oldest goes first. */
#include "common/store/blocks.h"

#define MAX_UPLOADS 4096
#define MAX_UPLOAD_BYTES ((uint64_t)64 << 20)

static const uint8_t uploads_total[1] = { 0xff };

static uint64_t uploads_drop_first(struct store *s, MDB_txn *txn)
{
	MDB_cursor *c = store_cursor(s, txn, T_UPLOADS);
	uint8_t key[8];
	uint64_t freed = 0;
	MDB_val k, v;

	if (store_cursor_get(s, c, &k, &v, MDB_FIRST) == 0 && k.mv_size == 8) {
		memcpy(key, k.mv_data, 8);
		freed = v.mv_size;
	}
	mdb_cursor_close(c);
	if (freed)
		store_del(s, txn, T_UPLOADS, key, 8);
	return freed;
}

uint64_t upload_put(struct store *s, MDB_txn *txn, const struct rec_block *r)
{
	uint64_t seq = 1, total = 0, freed;
	uint8_t key[8], sum[8];
	MDB_cursor *c;
	MDB_val k, v;

	if (store_get(s, txn, T_UPLOADS, uploads_total, 1, &v) == 0 && v.mv_size == 8)
		total = get_be64(v.mv_data);
	c = store_cursor(s, txn, T_UPLOADS);
	if (store_cursor_get(s, c, &k, &v, MDB_LAST) == 0 &&
	    store_cursor_get(s, c, &k, &v, MDB_PREV) == 0 && k.mv_size == 8)
		seq = get_be64(k.mv_data) + 1;
	mdb_cursor_close(c);
	put_be64(key, seq);
	total += store_put_row(s, txn, T_UPLOADS, key, 8, REC_BLOCK, r);
	while ((total > MAX_UPLOAD_BYTES || store_count(s, txn, T_UPLOADS) > MAX_UPLOADS + 1) &&
	    (freed = uploads_drop_first(s, txn)) != 0)
		total -= freed < total ? freed : total;
	put_be64(sum, total);
	store_put(s, txn, T_UPLOADS, uploads_total, 1, sum, 8);
	return seq;
}

struct upload_walk {
	struct store *s;
	bool (*fn)(void *, uint64_t, const struct rec_block *);
	void *arg;
};

static bool upload_next(void *arg, const MDB_val *key, const MDB_val *data)
{
	struct upload_walk *w = arg;
	struct rec_block r;

	if (key->mv_size != 8)
		return false;
	return store_row(w->s, T_UPLOADS, key, data, REC_BLOCK, &r) < 0 ||
	    w->fn(w->arg, get_be64(key->mv_data), &r);
}

void upload_walk(struct store *s, MDB_txn *txn, uint64_t from,
    bool (*fn)(void *, uint64_t, const struct rec_block *), void *arg)
{
	struct upload_walk w = { s, fn, arg };
	uint8_t key[8];

	put_be64(key, from);
	store_walk(s, txn, T_UPLOADS, key, 8, upload_next, &w);
}

/* Next: common/store/pushed.c, which blocks get into one of them. */
