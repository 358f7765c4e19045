/* Table microblocks: a row a stream, and two indexes: of the last microblock's id, and of the block
 * that a stream stands on.
 *
 *	's' ‖ child				row (stream)
 *	't' ‖ id of the last microblock ‖ child	nothing
 *	'p' ‖ parent ‖ child			nothing */
#include <stdlib.h>

#include "common/chain/hash.h"
#include "common/chain/microblock.h"
#include "common/store/blocks.h"
#include "common/store/streams.h"
#include "common/sys/log.h"

#define KEY_STREAM (1 + ID_LEN)
#define KEY_INDEX (1 + 2 * ID_LEN)

static void key_of(uint8_t key[KEY_STREAM], char kind, const uint8_t id[ID_LEN])
{
	key[0] = (uint8_t)kind;
	memcpy(key + 1, id, ID_LEN);
}

/* The keys of a stream's rows in the indexes. */
static void index_keys(uint8_t tail[KEY_INDEX], uint8_t parent[KEY_INDEX],
    const struct rec_stream *r)
{
	uint8_t id[ID_LEN];

	hash_block_id(id, r->tail, r->parent_ch);
	key_of(tail, 't', id);
	key_of(parent, 'p', r->parent_id);
	memcpy(tail + KEY_STREAM, r->child_id, ID_LEN);
	memcpy(parent + KEY_STREAM, r->child_id, ID_LEN);
}

const uint8_t *stream_at(const struct rec_stream *r, uint32_t i, uint32_t *len)
{
	uint32_t from = i ? rec_u32_at(r->ends, i - 1) : 0;

	*len = rec_u32_at(r->ends, i) - from;
	return (const uint8_t *)r->body.p + from;
}

/* Each microblock has a header at least, and the last one ends where the body does. */
static bool ends_fit(const struct rec_stream *r)
{
	uint32_t last = 0, end;

	for (uint32_t i = 0; i < r->ends.n; i++, last = end) {
		end = rec_u32_at(r->ends, i);
		if (end > r->body.n || end < last || end - last < MICROBLOCK_HEADER)
			return false;
	}
	return r->ends.n > 0 && last == r->body.n;
}

bool stream_sound(const struct rec_stream *r)
{
	uint8_t hash[32];
	uint32_t len;

	if (!ends_fit(r))
		return false;
	for (uint32_t i = 0; i < r->ends.n; i++) {
		const uint8_t *m = stream_at(r, i, &len);

		if (get_be16(m + 1) != (uint16_t)i || (i > 0 && memcmp(m + 3, hash, 32) != 0))
			return false;
		hash_once(hash, m, MICROBLOCK_HEADER);
	}
	return memcmp(hash, r->tail, 32) == 0;
}

/* A row as it was written. */
static bool row_fits(const MDB_val *key, const MDB_val *data, struct rec_stream *r)
{
	return key->mv_size == KEY_STREAM && store_row_fits(key, data, REC_STREAM, r) &&
	    memcmp(r->child_id, (uint8_t *)key->mv_data + 1, ID_LEN) == 0 && ends_fit(r);
}

enum stream_found stream_get(struct store *s, MDB_txn *txn, const uint8_t child[ID_LEN],
    struct rec_stream *r)
{
	uint8_t key[KEY_STREAM];
	MDB_val k = { sizeof(key), key }, v;

	key_of(key, 's', child);
	if (store_get(s, txn, T_MICROBLOCKS, key, sizeof(key), &v) < 0)
		return STREAM_ABSENT;
	if (row_fits(&k, &v, r))
		return STREAM_FOUND;
	*r = (struct rec_stream){ .ends = { NULL, 0 } };
	memcpy(r->child_id, child, ID_LEN);
	return STREAM_DAMAGED;
}

bool stream_known(struct store *s, MDB_txn *txn, const uint8_t child[ID_LEN])
{
	uint8_t key[KEY_STREAM];
	MDB_val v;

	key_of(key, 's', child);
	return store_get(s, txn, T_MICROBLOCKS, key, sizeof(key), &v) == 0;
}

/* The longest stream of an index. */
struct search {
	struct store *s;
	MDB_txn *txn;
	const uint8_t *prefix; /* KEY_STREAM */
	struct rec_stream *best;
	enum stream_found found;
};

static bool look_at(void *arg, const MDB_val *key, const MDB_val *data)
{
	struct search *q = arg;
	struct rec_stream r;
	enum stream_found got;

	if (key->mv_size != KEY_INDEX || memcmp(key->mv_data, q->prefix, KEY_STREAM) != 0)
		return false;
	got = stream_get(q->s, q->txn, (uint8_t *)key->mv_data + KEY_STREAM, &r);
	if (got > q->found || (got == STREAM_FOUND && r.ends.n > q->best->ends.n)) {
		q->found = got;
		*q->best = r;
	}
	return true;
}

static enum stream_found search(struct store *s, MDB_txn *txn, char kind, const uint8_t id[ID_LEN],
    struct rec_stream *best)
{
	uint8_t prefix[KEY_STREAM];
	struct search q = { s, txn, prefix, best, STREAM_ABSENT };

	key_of(prefix, kind, id);
	store_walk(s, txn, T_MICROBLOCKS, prefix, sizeof(prefix), look_at, &q);
	return q.found;
}

enum stream_found stream_by_tail(struct store *s, MDB_txn *txn, const uint8_t id[ID_LEN],
    struct rec_stream *r)
{
	return search(s, txn, 't', id, r);
}

enum stream_found stream_on(struct store *s, MDB_txn *txn, const uint8_t parent[ID_LEN],
    struct rec_stream *r)
{
	return search(s, txn, 'p', parent, r);
}

static bool header_of(struct store *s, MDB_txn *txn, const uint8_t id[ID_LEN], struct block *head)
{
	struct stored_block b;

	return block_get(s, txn, id, &b) == 0 && b.model == EPOCH2 && stored_header(&b, head) == 0;
}

bool stream_ends(struct store *s, MDB_txn *txn, const uint8_t child[ID_LEN], struct stream_ends *e)
{
	struct block above, below;

	if (!header_of(s, txn, child, &above) || !block_confirms(&above) ||
	    !header_of(s, txn, above.parent, &below))
		return false;
	memcpy(e->parent, below.hash, sizeof(e->parent));
	memcpy(e->key, below.epoch2.microblock_key, HASH160_LEN);
	memcpy(e->tail, above.epoch2.parent_microblock, sizeof(e->tail));
	e->tail_sequence = above.epoch2.parent_sequence;
	return true;
}

void stream_put(struct store *s, MDB_txn *txn, const struct rec_stream *r)
{
	uint8_t key[KEY_STREAM], tail[KEY_INDEX], parent[KEY_INDEX];

	if (!stream_sound(r))
		BUG("a stream whose hashes do not lead to its tail");
	if (stream_known(s, txn, r->child_id))
		stream_del(s, txn, r->child_id);
	key_of(key, 's', r->child_id);
	index_keys(tail, parent, r);
	store_put_row(s, txn, T_MICROBLOCKS, key, sizeof(key), REC_STREAM, r);
	store_put(s, txn, T_MICROBLOCKS, tail, sizeof(tail), "", 0);
	store_put(s, txn, T_MICROBLOCKS, parent, sizeof(parent), "", 0);
}

/* What a damaged row says of its place cannot be relied on: its index rows are looked for. */
struct strays {
	const uint8_t *child;
	uint8_t (*keys)[KEY_INDEX];
	size_t n;
};

static bool stray_add(void *arg, const MDB_val *key, const MDB_val *data)
{
	struct strays *l = arg;

	if (key->mv_size != KEY_INDEX ||
	    memcmp((uint8_t *)key->mv_data + KEY_STREAM, l->child, ID_LEN) != 0)
		return true;
	l->keys = xrealloc(l->keys, (l->n + 1) * sizeof(*l->keys));
	memcpy(l->keys[l->n++], key->mv_data, KEY_INDEX);
	return true;
}

void stream_del(struct store *s, MDB_txn *txn, const uint8_t child[ID_LEN])
{
	uint8_t key[KEY_STREAM], tail[KEY_INDEX], parent[KEY_INDEX];
	struct strays l = { .child = child };
	struct rec_stream r;

	if (stream_get(s, txn, child, &r) == STREAM_FOUND) {
		index_keys(tail, parent, &r);
		store_del(s, txn, T_MICROBLOCKS, tail, sizeof(tail));
		store_del(s, txn, T_MICROBLOCKS, parent, sizeof(parent));
	} else {
		store_walk(s, txn, T_MICROBLOCKS, NULL, 0, stray_add, &l);
		for (size_t i = 0; i < l.n; i++)
			store_del(s, txn, T_MICROBLOCKS, l.keys[i], KEY_INDEX);
		free(l.keys);
	}
	key_of(key, 's', child);
	store_del(s, txn, T_MICROBLOCKS, key, sizeof(key));
}

/* Sound, and found by both indexes. */
static bool whole(struct store *s, MDB_txn *txn, const struct rec_stream *r)
{
	uint8_t tail[KEY_INDEX], parent[KEY_INDEX];
	MDB_val v;

	index_keys(tail, parent, r);
	return stream_sound(r) &&
	    store_get(s, txn, T_MICROBLOCKS, tail, sizeof(tail), &v) == 0 &&
	    store_get(s, txn, T_MICROBLOCKS, parent, sizeof(parent), &v) == 0;
}

void stream_note(struct store *s, const uint8_t child[ID_LEN])
{
	uint8_t key[KEY_STREAM];

	key_of(key, 's', child);
	damaged_note_key(s, key, sizeof(key), child, "the stream of microblocks of ");
}

static bool noted_first(void *arg, const MDB_val *key, const MDB_val *data)
{
	uint8_t *child = arg;

	if (key->mv_size != KEY_STREAM)
		return true;
	memcpy(child, (uint8_t *)key->mv_data + 1, ID_LEN);
	return false;
}

void streams_heal(struct store *s, MDB_txn *txn,
    void (*gone)(void *, const uint8_t child[ID_LEN], const uint8_t ch[CH_LEN]), void *arg)
{
	uint8_t child[ID_LEN], key[KEY_STREAM], ch[CH_LEN];
	struct rec_stream r;
	uint64_t height;

	for (;;) {
		memset(child, 0, sizeof(child));
		store_walk(s, txn, T_DAMAGED, NULL, 0, noted_first, child);
		if (s->error || all_zero(child, ID_LEN))
			return;
		key_of(key, 's', child);
		store_del(s, txn, T_DAMAGED, key, sizeof(key));
		if (stream_get(s, txn, child, &r) == STREAM_FOUND && whole(s, txn, &r))
			continue;
		memset(ch, 0, sizeof(ch));
		blocks_where(s, txn, child, ch, &height);
		stream_del(s, txn, child);
		gone(arg, child, ch);
	}
}

struct scan {
	struct store *s;
	MDB_txn *txn;
	uint8_t *key;
	size_t *klen, left;
	void (*fn)(void *, const uint8_t *, const struct rec_stream *, const MDB_val *);
	void *arg;
	bool more;
};

static bool scan_row(void *arg, const MDB_val *key, const MDB_val *data)
{
	struct scan *p = arg;
	const uint8_t *k = key->mv_data;
	struct rec_stream r;

	if (p->left == 0) {
		memcpy(p->key, k, *p->klen = key->mv_size);
		p->more = true;
		return false;
	}
	p->left -= data->mv_size + key->mv_size < p->left ? data->mv_size + key->mv_size : p->left;
	if (key->mv_size == KEY_STREAM && k[0] == 's')
		p->fn(p->arg, k + 1,
		    row_fits(key, data, &r) && whole(p->s, p->txn, &r) ? &r : NULL, key);
	else if (key->mv_size != KEY_INDEX || !stream_known(p->s, p->txn, k + KEY_STREAM))
		p->fn(p->arg, NULL, NULL, key);
	return true;
}

bool streams_scan(struct store *s, MDB_txn *txn, uint8_t *key, size_t *klen, size_t bytes,
    void (*fn)(void *, const uint8_t *, const struct rec_stream *, const MDB_val *), void *arg)
{
	struct scan p = { s, txn, key, klen, bytes, fn, arg, false };
	uint8_t from[MAX_KEY];

	memcpy(from, key, *klen);
	store_walk(s, txn, T_MICROBLOCKS, from, *klen, scan_row, &p);
	return p.more;
}

/* Next: common/store/sum.c, the checksum. */
