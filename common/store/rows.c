/* Raw rows.  Whatever LMDB finds wrong with its pages ends the program with one line; walks are in
 * order or end it too, so that pages which lead back to each other hold nobody. */
#include <stdio.h>

#include "common/store/intact.h"
#include "common/store/sum.h"
#include "common/sys/log.h"

/* One thread a store counts, another may read. */
static void look(struct store *s)
{
	atomic_store_explicit(&s->looked,
	    atomic_load_explicit(&s->looked, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* A leaf page of LMDB (mdb.c): its header, then where its nodes lie; they fill the page from
 * `upper` on without a gap. */
#define LEAF_HEAD 16
#define NODE_HEAD 8
#define NODE_BIG 1		/* the value is in pages of its own, and the node has their
				 * number */
#define NODE_KINDS 7
struct leaf_head { uint64_t number; uint16_t pad, flags, lower, upper; };
struct node_head { uint16_t low, high, flags, key; };
#define FLAG_LEAF 2
#define FLAG_DIRTY 0x10

static size_t node_size(const uint8_t *page, uint16_t at)
{
	struct node_head n;
	size_t data;

	memcpy(&n, page + at, sizeof(n));
	data = n.flags & NODE_BIG ? 8 : (size_t)n.high << 16 | n.low;
	return n.flags & ~NODE_KINDS ? SIZE_MAX / 2 : (NODE_HEAD + n.key + data + 1) & ~(size_t)1;
}

/* A key lies in its leaf, so the leaf can be looked at: bits that flipped in its head, or in the
 * lengths of its nodes, do not add up. */
static void leaf_check(const struct store *s, const MDB_val *key)
{
	const uint8_t *page =
	    (const uint8_t *)((uintptr_t)key->mv_data & ~((uintptr_t)s->page - 1));
	struct leaf_head h;
	size_t used = 0, i;
	uint16_t at;

	if (!intact_holds(page))	/* a page that this transaction has changed is in the
					 * heap */
		return;
	memcpy(&h, page, sizeof(h));
	if (h.number != intact_number(s, page))
		store_damaged(s, "a page is not where it belongs");
	if ((h.flags & ~FLAG_DIRTY) == FLAG_LEAF && h.lower >= LEAF_HEAD && h.lower <= h.upper &&
	    h.upper <= s->page && h.lower % 2 == 0) {
		for (i = LEAF_HEAD; i < h.lower; i += 2) {
			memcpy(&at, page + i, 2);
			used += at >= h.upper && at <= s->page - NODE_HEAD ? node_size(page, at) :
			    SIZE_MAX / 4;
			if (used > s->page)
				break;
		}
		if (used == s->page - h.upper)
			return;
	}
	store_damaged(s, "a page of rows does not add up");
}

/* Nothing was found at a key: what stands before and behind it says so too.  A bit that flipped
 * above the leaves leads astray. */
static void absent_check(struct store *s, MDB_txn *txn, MDB_dbi dbi, const MDB_val *key)
{
	MDB_val k = *key, v;
	MDB_cursor *c;
	int rc = INTACT(mdb_cursor_open(txn, dbi, &c));

	if (rc != 0)
		store_failed(s, rc);
	rc = INTACT(mdb_cursor_get(c, &k, &v, MDB_SET_RANGE));
	if (rc == 0) {
		leaf_check(s, &k);
		if (mdb_cmp(txn, dbi, key, &k) > 0)
			store_damaged(s, "its rows are out of order");
		rc = INTACT(mdb_cursor_get(c, &k, &v, MDB_PREV));
	} else if (rc == MDB_NOTFOUND)
		rc = INTACT(mdb_cursor_get(c, &k, &v, MDB_LAST));
	if (rc == 0) {
		leaf_check(s, &k);
		if (mdb_cmp(txn, dbi, key, &k) <= 0)
			store_damaged(s, "its rows are out of order");
	} else if (rc != MDB_NOTFOUND)
		store_failed(s, rc);
	mdb_cursor_close(c);
}

int store_get(struct store *s, MDB_txn *txn, enum store_table t, const void *key, size_t klen,
    MDB_val *data)
{
	MDB_val k = { klen, (void *)(uintptr_t)key };
	int rc;

	if (s->dbi[t] == NO_TABLE)
		return -1;
	look(s);
	rc = INTACT(mdb_get(txn, s->dbi[t], &k, data));
	if (rc == MDB_NOTFOUND)
		absent_check(s, txn, s->dbi[t], &k);
	else if (rc != 0 && rc != MDB_BAD_TXN)
		store_failed(s, rc);
	return rc == 0 ? 0 : -1;
}

static void declared(const struct store *s, enum store_table t)
{
	if (!(s->writes & TABLE(t)))
		BUG("'%s' is not among the tables that %s writes", store_table_name(t),
		    log_program());
}

/* LMDB takes from a page's head which page is freed, and of a large value how many: if that is
 * damaged, pages of others. */
static void place_check(struct store *s, MDB_txn *txn, enum store_table t, const MDB_val *key)
{
	MDB_val k = *key, v;
	MDB_cursor *c;

	if (s->error != 0 || INTACT(mdb_cursor_open(txn, s->dbi[t], &c)) != 0)
		return;
	if (INTACT(mdb_cursor_get(c, &k, &v, MDB_SET_RANGE)) == 0) {
		leaf_check(s, &k);
		if (intact_holds(v.mv_data) && mdb_cmp(txn, s->dbi[t], key, &k) == 0)
			intact_large(s, &v);
	}
	mdb_cursor_close(c);
}

void store_put(struct store *s, MDB_txn *txn, enum store_table t, const void *key, size_t klen,
    const void *data, size_t len)
{
	MDB_val k = { klen, (void *)(uintptr_t)key }, v = { len, (void *)(uintptr_t)data };
	int rc;

	declared(s, t);
	place_check(s, txn, t, &k);
	rc = s->error ? s->error : INTACT(mdb_put(txn, s->dbi[t], &k, &v, 0));
	if (rc != 0 && s->error == 0)
		s->error = rc;
}

void *store_reserve(struct store *s, MDB_txn *txn, enum store_table t, const void *key, size_t klen,
    size_t len)
{
	MDB_val k = { klen, (void *)(uintptr_t)key }, v = { len, NULL };
	int rc;

	declared(s, t);
	place_check(s, txn, t, &k);
	rc = s->error ? s->error : INTACT(mdb_put(txn, s->dbi[t], &k, &v, MDB_RESERVE));
	if (rc != 0 && s->error == 0)
		s->error = rc;
	return rc == 0 ? v.mv_data : NULL;
}

void store_del(struct store *s, MDB_txn *txn, enum store_table t, const void *key, size_t klen)
{
	MDB_val k = { klen, (void *)(uintptr_t)key };
	int rc;

	declared(s, t);
	place_check(s, txn, t, &k);
	rc = s->error ? s->error : INTACT(mdb_del(txn, s->dbi[t], &k, NULL));
	if (rc != 0 && rc != MDB_NOTFOUND && s->error == 0)
		s->error = rc;
}

MDB_cursor *store_cursor(struct store *s, MDB_txn *txn, enum store_table t)
{
	MDB_cursor *c;
	int rc = INTACT(mdb_cursor_open(txn, s->dbi[t], &c));

	if (rc != 0)
		store_failed(s, rc == MDB_BAD_TXN && s->error ? s->error : rc);
	return c;
}

static bool same_page(const struct store *s, const MDB_val *a, const MDB_val *b)
{
	return ((uintptr_t)a->mv_data ^ (uintptr_t)b->mv_data) < s->page &&
	    ((uintptr_t)a->mv_data & ~((uintptr_t)s->page - 1)) ==
	    ((uintptr_t)b->mv_data & ~((uintptr_t)s->page - 1));
}

int store_cursor_get(struct store *s, MDB_cursor *c, MDB_val *k, MDB_val *v, MDB_cursor_op op)
{
	MDB_txn *txn = mdb_cursor_txn(c);
	MDB_dbi dbi = mdb_cursor_dbi(c);
	bool step = op == MDB_NEXT || op == MDB_PREV;
	MDB_val was = *k;
	int rc = INTACT(mdb_cursor_get(c, k, v, op)), order;

	look(s);
	if (rc == MDB_BAD_TXN && s->error)
		store_failed(s, s->error);
	if (rc != 0 && rc != MDB_NOTFOUND)
		store_failed(s, rc);
	order = step && rc == 0 ? mdb_cmp(txn, dbi, &was, k) : 0;
	if (step && rc == 0 && (op == MDB_NEXT ? order >= 0 : order <= 0))
		store_damaged(s, "its rows are out of order");
	if (op == MDB_SET_RANGE && (rc != 0 || mdb_cmp(txn, dbi, &was, k) != 0))
		absent_check(s, txn, dbi, &was);
	else if (rc == 0 && !(step && same_page(s, &was, k)))
		leaf_check(s, k);
	return rc == 0 ? 0 : -1;
}

void store_walk(struct store *s, MDB_txn *txn, enum store_table t, const void *from, size_t flen,
    bool (*fn)(void *, const MDB_val *, const MDB_val *), void *arg)
{
	MDB_val k = { flen, (void *)(uintptr_t)from }, v;
	MDB_cursor *c;
	size_t n = 0;
	int rc;

	if (s->dbi[t] == NO_TABLE)
		return;
	c = store_cursor(s, txn, t);
	rc = store_cursor_get(s, c, &k, &v, flen ? MDB_SET_RANGE : MDB_FIRST);
	for (; rc == 0 && fn(arg, &k, &v); n++)
		rc = store_cursor_get(s, c, &k, &v, MDB_NEXT);
	mdb_cursor_close(c);
	if (rc != 0 && flen == 0 && n != store_count(s, txn, t))
		store_damaged(s, "a table has not as many rows as it says");
}

/* ---- rows that are records ---- */

#define SUM_MARK "\xc1sum"	/* no msgpack begins with it: a row of schema 1 has none behind
				 * it */
#define SUM_LEN 12

size_t store_put_row(struct store *s, MDB_txn *txn, enum store_table t, const void *key,
    size_t klen, enum rec_type type, const void *rec)
{
	struct rec_buf buf = { 0 };
	uint8_t tail[SUM_LEN] = SUM_MARK;
	size_t n;

	rec_encode_row(&buf, type, rec);
	n = buf.n;
	buf.p = xrealloc(buf.p, n + SUM_LEN);
	put_be64(tail + 4, sum_of_three(key, klen, buf.p, n, "", 0));
	memcpy(buf.p + n, tail, SUM_LEN);
	store_put(s, txn, t, key, klen, buf.p, n + SUM_LEN);
	rec_buf_release(&buf);
	return n + SUM_LEN;
}

int store_row_bad(struct store *s, enum store_table t, const MDB_val *key)
{
	char what[80];

	snprintf(what, sizeof(what), "a row of '%s'", store_table_name(t));
	if (s->strict)
		store_damaged(s, what);
	if (s->bad_row)
		s->bad_row(s->bad_row_arg, t, key);
	else if (!s->hurt)
		log_warnx("store '%s' is damaged: %s: it is left out; " STORE_DAMAGED_ADVICE,
		    s->dir, what);
	s->hurt = true;
	return -1;
}

bool store_row_fits(const MDB_val *key, const MDB_val *data, enum rec_type type, void *rec)
{
	const uint8_t *p = data->mv_data;
	size_t n = data->mv_size;
	bool good = true;

	if (n > SUM_LEN && memcmp(p + n - SUM_LEN, SUM_MARK, 4) == 0) {
		n -= SUM_LEN;
		good = get_be64(p + n + 4) == sum_of_three(key->mv_data, key->mv_size, p, n, "", 0);
	}
	return good && rec_decode_row(type, rec, p, n) == 0;
}

int store_row(struct store *s, enum store_table t, const MDB_val *key, const MDB_val *data,
    enum rec_type type, void *rec)
{
	return store_row_fits(key, data, type, rec) ? 0 : store_row_bad(s, t, key);
}

int store_get_row(struct store *s, MDB_txn *txn, enum store_table t, const void *key, size_t klen,
    enum rec_type type, void *rec)
{
	MDB_val k = { klen, (void *)(uintptr_t)key }, v;

	return store_get(s, txn, t, key, klen, &v) == 0 ? store_row(s, t, &k, &v, type, rec) : -1;
}

size_t store_count(struct store *s, MDB_txn *txn, enum store_table t)
{
	MDB_stat st;

	return s->dbi[t] != NO_TABLE && mdb_stat(txn, s->dbi[t], &st) == 0 ? st.ms_entries : 0;
}

/* Next: common/store/lock.c, one writer of blocks a store. */
