/* Raw rows.  Whatever LMDB finds wrong with its pages ends the program with one line; walks are in order or end it too, so that pages
 * which lead back to each other hold nobody. */
#include "common/store/store.h"
#include "common/sys/log.h"

/* One thread a store counts, another may read. */
static void look(struct store *s)
{
	atomic_store_explicit(&s->looked, atomic_load_explicit(&s->looked, memory_order_relaxed) + 1, memory_order_relaxed);
}

int store_get(struct store *s, MDB_txn *txn, enum store_table t, const void *key, size_t klen, MDB_val *data)
{
	MDB_val k = { klen, (void *)(uintptr_t)key };
	int rc = s->dbi[t] == NO_TABLE ? MDB_NOTFOUND : mdb_get(txn, s->dbi[t], &k, data);

	look(s);
	if (rc != 0 && rc != MDB_NOTFOUND && rc != MDB_BAD_TXN)
		store_failed(s, rc);
	return rc == 0 ? 0 : -1;
}

static void declared(const struct store *s, enum store_table t)
{
	if (!(s->writes & TABLE(t)))
		BUG("'%s' is not among the tables that %s writes", store_table_name(t), log_program());
}

void store_put(struct store *s, MDB_txn *txn, enum store_table t, const void *key, size_t klen, const void *data, size_t len)
{
	MDB_val k = { klen, (void *)(uintptr_t)key }, v = { len, (void *)(uintptr_t)data };
	int rc;

	declared(s, t);
	rc = s->error ? s->error : mdb_put(txn, s->dbi[t], &k, &v, 0);
	if (rc != 0 && s->error == 0)
		s->error = rc;
}

void *store_reserve(struct store *s, MDB_txn *txn, enum store_table t, const void *key, size_t klen, size_t len)
{
	MDB_val k = { klen, (void *)(uintptr_t)key }, v = { len, NULL };
	int rc;

	declared(s, t);
	rc = s->error ? s->error : mdb_put(txn, s->dbi[t], &k, &v, MDB_RESERVE);
	if (rc != 0 && s->error == 0)
		s->error = rc;
	return rc == 0 ? v.mv_data : NULL;
}

void store_del(struct store *s, MDB_txn *txn, enum store_table t, const void *key, size_t klen)
{
	MDB_val k = { klen, (void *)(uintptr_t)key };
	int rc;

	declared(s, t);
	rc = s->error ? s->error : mdb_del(txn, s->dbi[t], &k, NULL);
	if (rc != 0 && rc != MDB_NOTFOUND && s->error == 0)
		s->error = rc;
}

MDB_cursor *store_cursor(struct store *s, MDB_txn *txn, enum store_table t)
{
	MDB_cursor *c;
	int rc = mdb_cursor_open(txn, s->dbi[t], &c);

	if (rc != 0)
		store_failed(s, rc == MDB_BAD_TXN && s->error ? s->error : rc);
	return c;
}

int store_cursor_get(struct store *s, MDB_cursor *c, MDB_val *k, MDB_val *v, MDB_cursor_op op)
{
	MDB_val was = *k;
	int rc = mdb_cursor_get(c, k, v, op), order;

	look(s);
	if (rc == 0 && (op == MDB_NEXT || op == MDB_PREV)) {
		order = mdb_cmp(mdb_cursor_txn(c), mdb_cursor_dbi(c), &was, k);
		if (op == MDB_NEXT ? order >= 0 : order <= 0)
			store_damaged(s, "its rows are out of order");
	}
	if (rc != 0 && rc != MDB_NOTFOUND)
		store_failed(s, rc == MDB_BAD_TXN && s->error ? s->error : rc);
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

size_t store_count(struct store *s, MDB_txn *txn, enum store_table t)
{
	MDB_stat st;

	return s->dbi[t] != NO_TABLE && mdb_stat(txn, s->dbi[t], &st) == 0 ? st.ms_entries : 0;
}

/* Next: common/store/lock.c, one writer of blocks a store. */
