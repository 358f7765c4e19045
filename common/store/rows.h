/* Raw rows, for tables whose key is made elsewhere; a part of store.h. */
#ifndef BLOCKSYNC_STORE_ROWS_H
#define BLOCKSYNC_STORE_ROWS_H

/* get: 0, or -1 if absent; data points into the map until the transaction ends. */
int store_get(struct store *, MDB_txn *, enum store_table, const void *key, size_t klen,
    MDB_val *data);
void store_put(struct store *, MDB_txn *, enum store_table, const void *key, size_t klen,
    const void *data, size_t len);
/* A record's row as the value, with a checksum over key and row behind it.  Returns the value's
 * length. */
size_t store_put_row(struct store *, MDB_txn *, enum store_table, const void *key, size_t klen,
    enum rec_type, const void *rec);
void store_del(struct store *, MDB_txn *, enum store_table, const void *key, size_t klen);
/* A row out of what a get or a walk gave; or that stands under a key.  0, or -1: it is damaged, or
 * there is none. */
int store_row(struct store *, enum store_table, const MDB_val *key, const MDB_val *data,
    enum rec_type, void *rec);
/* The same for whoever has another use for a damaged row: nobody is told. */
bool store_row_fits(const MDB_val *key, const MDB_val *data, enum rec_type, void *rec);
/* What store_row says of a damaged row, for one that is no record: -1, or the end where the store
 * is strict. */
int store_row_bad(struct store *, enum store_table, const MDB_val *key);
int store_get_row(struct store *, MDB_txn *, enum store_table, const void *key, size_t klen,
    enum rec_type, void *rec);
/* Room for a value of len bytes that the caller fills before the next put; NULL after an error. */
void *store_reserve(struct store *, MDB_txn *, enum store_table, const void *key, size_t klen,
    size_t len);
/* A cursor that the caller closes before the transaction ends (mdb_cursor_close). */
MDB_cursor *store_cursor(struct store *, MDB_txn *, enum store_table);
/* mdb_cursor_get: 0, or -1 where there is no such row.  With MDB_NEXT and MDB_PREV key holds what
 * the last call gave. */
int store_cursor_get(struct store *, MDB_cursor *, MDB_val *key, MDB_val *data, MDB_cursor_op);
/* Walk rows with key >= from, ascending, until fn returns false. */
void store_walk(struct store *, MDB_txn *, enum store_table, const void *from, size_t flen,
    bool (*fn)(void *arg, const MDB_val *key, const MDB_val *data), void *arg);
size_t store_count(struct store *, MDB_txn *, enum store_table);

#endif
