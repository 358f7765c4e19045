/* Tables of the burnchain view: sortitions with their indexes, reward_sets; and meta.
 *
 * sortitions holds four kinds of rows, told apart by the first byte of the key (store(5)):
 *	'h' height u64 ‖ consensus hash	the row (a rec_sortition)
 *	'b' burn hash ‖ height u64	nothing: there is a row of this burn block at this height
 *	'c' consensus hash		its height, u64
 *	'n' committed ‖ height ‖ consensus hash	nothing: the sortition whose commit names this block
 */
#include <stdlib.h>

#include "common/store/store.h"
#include "common/sys/log.h"

#define KEY_H (1 + 8 + CH_LEN)
#define KEY_C (1 + CH_LEN)
#define KEY_N (1 + ID_LEN + 8 + CH_LEN)
#define KEY_B (1 + 32 + 8)

int meta_get(struct store *s, MDB_txn *txn, const char *name, MDB_val *v)
{
	return store_get(s, txn, T_META, name, strlen(name), v);
}

int meta_get_row(struct store *s, MDB_txn *txn, const char *name, enum rec_type type, void *rec)
{
	return store_get_row(s, txn, T_META, name, strlen(name), type, rec);
}

void meta_put(struct store *s, MDB_txn *txn, const char *name, const void *p, size_t n)
{
	store_put(s, txn, T_META, name, strlen(name), p, n);
}

void meta_put_row(struct store *s, MDB_txn *txn, const char *name, enum rec_type type,
    const void *rec)
{
	store_put_row(s, txn, T_META, name, strlen(name), type, rec);
}

static void key_h(uint8_t key[KEY_H], uint64_t height, const uint8_t *ch)
{
	key[0] = 'h';
	put_be64(key + 1, height);
	memcpy(key + 9, ch, CH_LEN);
}

static void key_n(uint8_t key[KEY_N], const struct rec_sortition *r)
{
	key[0] = 'n';
	memcpy(key + 1, r->committed, ID_LEN);
	put_be64(key + 1 + ID_LEN, r->burn_height);
	memcpy(key + 1 + ID_LEN + 8, r->consensus_hash, CH_LEN);
}

static void key_b(uint8_t key[KEY_B], const uint8_t burn_hash[32], uint64_t height)
{
	key[0] = 'b';
	memcpy(key + 1, burn_hash, 32);
	put_be64(key + 33, height);
}

static int sortition_row(struct store *s, MDB_txn *txn, uint64_t height, const uint8_t *ch,
    struct rec_sortition *r)
{
	uint8_t key[KEY_H];

	key_h(key, height, ch);
	return store_get_row(s, txn, T_SORTITIONS, key, sizeof(key), REC_SORTITION, r);
}

static void sortition_write(struct store *s, MDB_txn *txn, const struct rec_sortition *r)
{
	uint8_t key[KEY_H];

	key_h(key, r->burn_height, r->consensus_hash);
	store_put_row(s, txn, T_SORTITIONS, key, sizeof(key), REC_SORTITION, r);
}

void sortition_put(struct store *s, MDB_txn *txn, const struct rec_sortition *r)
{
	struct rec_sortition other;
	uint8_t key[KEY_N], height[8];

	if (sortition_row(s, txn, r->burn_height, r->consensus_hash, &other) == 0 &&
	    memcmp(other.committed, r->committed, ID_LEN) != 0 &&
	    !all_zero(other.committed, ID_LEN)) {
		key_n(key, &other);
		store_del(s, txn, T_SORTITIONS, key, KEY_N);
	}
	if (r->canonical && sortition_at(s, txn, r->burn_height, &other) == 0 &&
	    memcmp(other.consensus_hash, r->consensus_hash, CH_LEN) != 0) {
		other.canonical = false;
		sortition_write(s, txn, &other);
	}
	sortition_write(s, txn, r);
	key[0] = 'c';
	memcpy(key + 1, r->consensus_hash, CH_LEN);
	put_be64(height, r->burn_height);
	store_put(s, txn, T_SORTITIONS, key, KEY_C, height, 8);
	if (!all_zero(r->committed, ID_LEN)) {
		key_n(key, r);
		store_put(s, txn, T_SORTITIONS, key, KEY_N, "", 0);
	}
	if (!all_zero(r->burn_hash, 32)) {
		key_b(key, r->burn_hash, r->burn_height);
		store_put(s, txn, T_SORTITIONS, key, KEY_B, "", 0);
	}
}

int sortition_get(struct store *s, MDB_txn *txn, const uint8_t ch[CH_LEN], struct rec_sortition *r)
{
	uint8_t key[KEY_C] = { 'c' };
	MDB_val v;

	memcpy(key + 1, ch, CH_LEN);
	if (store_get(s, txn, T_SORTITIONS, key, sizeof(key), &v) < 0 || v.mv_size != 8)
		return -1;
	return sortition_row(s, txn, get_be64(v.mv_data), ch, r);
}

struct row_walk {
	struct store *s;
	bool (*fn)(void *, const struct rec_sortition *);
	void *arg;
};

static bool row_next(void *arg, const MDB_val *key, const MDB_val *data)
{
	struct row_walk *w = arg;
	struct rec_sortition r;

	if (key->mv_size != KEY_H || *(uint8_t *)key->mv_data != 'h')
		return false;
	return store_row(w->s, T_SORTITIONS, key, data, REC_SORTITION, &r) < 0 || w->fn(w->arg, &r);
}

void sortition_walk(struct store *s, MDB_txn *txn, uint64_t from,
    bool (*fn)(void *, const struct rec_sortition *), void *arg)
{
	struct row_walk w = { s, fn, arg };
	uint8_t key[9] = { 'h' };

	put_be64(key + 1, from);
	store_walk(s, txn, T_SORTITIONS, key, sizeof(key), row_next, &w);
}

struct canonical_pick { uint64_t height; struct rec_sortition *r; int rc; };

static bool pick_canonical(void *arg, const struct rec_sortition *r)
{
	struct canonical_pick *p = arg;

	if (r->burn_height != p->height)
		return false;
	if (!r->canonical)
		return true;
	*p->r = *r;
	p->rc = 0;
	return false;
}

int sortition_at(struct store *s, MDB_txn *txn, uint64_t height, struct rec_sortition *r)
{
	struct canonical_pick p = { height, r, -1 };

	sortition_walk(s, txn, height, pick_canonical, &p);
	return p.rc;
}

struct burn_search {
	const uint8_t *hash;
	struct store *s;
	MDB_txn *txn;
	struct rec_sortition *r;
	int rc;
};

static bool burn_next(void *arg, const MDB_val *key, const MDB_val *data)
{
	struct burn_search *q = arg;
	const uint8_t *k = key->mv_data;

	if (key->mv_size != KEY_B || *k != 'b' || memcmp(k + 1, q->hash, 32) != 0)
		return false;
	if (sortition_at(q->s, q->txn, get_be64(k + 33), q->r) == 0 &&
	    memcmp(q->r->burn_hash, q->hash, 32) == 0)
		q->rc = 0;
	return q->rc != 0;
}

int sortition_by_burn(struct store *s, MDB_txn *txn, const uint8_t burn_hash[32],
    struct rec_sortition *r)
{
	struct burn_search q = { burn_hash, s, txn, r, -1 };
	uint8_t key[KEY_B];

	key_b(key, burn_hash, 0);
	store_walk(s, txn, T_SORTITIONS, key, sizeof(key), burn_next, &q);
	return q.rc;
}

/* Rows of a version that did not know this index: looked for in bounded transactions, and so
 * written. */
#define INDEX_SLICE 8192
struct slice {
	struct store *s;
	MDB_txn *txn;
	uint64_t next;			/* height to go on from */
	unsigned n, n_missing;
	uint8_t (*missing)[KEY_B];
};

static bool slice_next(void *arg, const struct rec_sortition *r)
{
	struct slice *l = arg;
	uint8_t *key = l->missing[l->n_missing];
	MDB_val v;

	/* All rows of a height are in one slice, or in the next one once more. */
	l->next = r->burn_height;
	if (++l->n == INDEX_SLICE)
		return false;
	key_b(key, r->burn_hash, r->burn_height);
	l->n_missing += !all_zero(r->burn_hash, 32) &&
	    store_get(l->s, l->txn, T_SORTITIONS, key, KEY_B, &v) < 0;
	return true;
}

static void slice_read(struct slice *l, uint64_t from)
{
	l->n = l->n_missing = 0;
	l->next = from;
	l->txn = store_read(l->s);
	sortition_walk(l->s, l->txn, from, slice_next, l);
	store_read_end(l->txn);
}

static void slice_write(struct slice *l)
{
	uint8_t mark[8];

	l->txn = store_write(l->s);
	for (unsigned i = 0; i < l->n_missing; i++)
		store_put(l->s, l->txn, T_SORTITIONS, l->missing[i], KEY_B, "", 0);
	put_be64(mark, l->next);
	meta_put(l->s, l->txn, "burn_index", mark, sizeof(mark));
	store_commit_or_die(l->s, l->txn);
}

void sortition_index(struct store *s)
{
	struct slice l = { .s = s, .missing = xcalloc(INDEX_SLICE, KEY_B) };
	MDB_txn *txn = store_read(s);
	uint64_t marked = 0, from;
	bool last;
	MDB_val v;

	if (meta_get(s, txn, "burn_index", &v) == 0 && v.mv_size == 8)
		marked = get_be64(v.mv_data);
	store_read_end(txn);
	from = marked;
	do {
		slice_read(&l, from);
		last = l.n < INDEX_SLICE || l.next == from;
		/* Nothing but a new mark is worth a commit where it saves reading at the next
		 * start. */
		if (l.n_missing > 0 || (last && l.next >= marked + INDEX_SLICE))
			slice_write(&l);
		from = l.next;
	} while (!last);
	free(l.missing);
}

int sortition_tip(struct store *s, MDB_txn *txn, struct rec_sortition *r)
{
	MDB_cursor *c = store_cursor(s, txn, T_SORTITIONS);
	MDB_val k = { 1, (void *)(uintptr_t)"i" }, v;	/* 'i' follows 'h' */
	int rc;

	rc = store_cursor_get(s, c, &k, &v, MDB_SET_RANGE);
	rc = store_cursor_get(s, c, &k, &v, rc == 0 ? MDB_PREV : MDB_LAST);
	while (rc == 0 && *(uint8_t *)k.mv_data == 'h') {
		if (store_row(s, T_SORTITIONS, &k, &v, REC_SORTITION, r) == 0 && r->canonical) {
			mdb_cursor_close(c);
			return 0;
		}
		rc = store_cursor_get(s, c, &k, &v, MDB_PREV);
	}
	mdb_cursor_close(c);
	return -1;
}

void sortition_naming(struct store *s, MDB_txn *txn, const uint8_t id[ID_LEN],
    bool (*fn)(void *, const struct rec_sortition *), void *arg)
{
	MDB_cursor *c = store_cursor(s, txn, T_SORTITIONS);
	uint8_t prefix[1 + ID_LEN] = { 'n' };
	struct rec_sortition r;
	const uint8_t *p;
	MDB_val k, v;
	int rc;

	memcpy(prefix + 1, id, ID_LEN);
	k = (MDB_val){ sizeof(prefix), prefix };
	rc = store_cursor_get(s, c, &k, &v, MDB_SET_RANGE);
	while (rc == 0 && k.mv_size == KEY_N && memcmp(k.mv_data, prefix, sizeof(prefix)) == 0) {
		p = (const uint8_t *)k.mv_data + sizeof(prefix);
		if (sortition_row(s, txn, get_be64(p), p + 8, &r) == 0 && !fn(arg, &r))
			break;
		rc = store_cursor_get(s, c, &k, &v, MDB_NEXT);
	}
	mdb_cursor_close(c);
}

void sortition_mark(struct store *s, MDB_txn *txn, uint64_t height, const uint8_t ch[CH_LEN],
    bool canonical)
{
	struct rec_sortition r;

	if (sortition_row(s, txn, height, ch, &r) < 0 || r.canonical == canonical)
		return;
	r.canonical = canonical;
	sortition_put(s, txn, &r);
}

struct burn_fact sortition_fact(void *arg, const uint8_t ch[CH_LEN])
{
	struct store_txn *st = arg;
	struct burn_fact f = { 0 };
	struct rec_sortition r;

	if (sortition_get(st->s, st->txn, ch, &r) < 0)
		return f;
	f.found = true;
	f.canonical = r.canonical;
	f.burn_height = r.burn_height;
	/* a total that hashes to no consensus hash is anybody's word */
	f.has_total_burn = r.has_burn && r.checked;
	f.total_burn = r.total_burn;
	f.won = r.won;
	memcpy(f.committed, r.committed, ID_LEN);
	memcpy(f.parent_ch, r.parent_ch, CH_LEN);
	f.first = r.won && all_zero(r.parent_ch, CH_LEN) && all_zero(r.last_ch, CH_LEN);
	return f;
}

struct naming { uint64_t above; bool found; };

static bool names_above(void *arg, const struct rec_sortition *r)
{
	struct naming *q = arg;

	q->found = r->canonical && r->burn_height > q->above;
	return !q->found;
}

bool sortition_names(void *arg, const uint8_t id[ID_LEN], uint64_t above)
{
	struct store_txn *st = arg;
	struct naming q = { above, false };

	sortition_naming(st->s, st->txn, id, names_above, &q);
	return q.found;
}

void reward_set_put(struct store *s, MDB_txn *txn, const struct rec_reward_set *r)
{
	uint8_t key[8];

	put_be64(key, r->cycle);
	store_put_row(s, txn, T_REWARD_SETS, key, sizeof(key), REC_REWARD_SET, r);
}

int reward_set_get(struct store *s, MDB_txn *txn, uint64_t cycle, struct rec_reward_set *r)
{
	uint8_t key[8];

	put_be64(key, cycle);
	return store_get_row(s, txn, T_REWARD_SETS, key, sizeof(key), REC_REWARD_SET, r);
}

int signer_set_of_record(struct signer_set *set, const struct rec_reward_set *r)
{
	uint32_t i, *weights;
	int rc;

	if (r->keys.n == 0 || r->keys.n != r->weights.n)
		return -1;
	weights = xmalloc(r->keys.n * sizeof(*weights));
	for (i = 0; i < r->keys.n; i++)
		weights[i] = rec_u32_at(r->weights, i);
	rc = signer_set_init(set, r->cycle, r->keys.n, (const uint8_t(*)[KEY_LEN])r->keys.p,
	    weights);
	free(weights);
	return rc;
}

int reward_set_load(struct store *s, MDB_txn *txn, uint64_t cycle, struct signer_set *set)
{
	struct rec_reward_set r;

	return reward_set_get(s, txn, cycle, &r) == 0 ? signer_set_of_record(set, &r) : -1;
}

/* Next: common/store/people.c, the tables about others. */
