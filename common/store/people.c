/* Tables about others: peers, inventories, verdicts on their blocks, their faults, downloads in
 * progress.
 *
 * verdicts and faults are bounded.  They keep beside their rows ('k' ‖ key) an index by age ('a' ‖
 * sequence u64 -> key), so that the oldest goes first. */
#include <stdlib.h>

#include "common/chain/hash.h"
#include "common/store/blocks.h"
#include "common/sys/log.h"
#include "common/sys/stage.h"

#define MAX_VERDICTS 16384
#define MAX_FAULTS 4096

void peer_put(struct store *s, MDB_txn *txn, const struct rec_peer *r)
{
	store_put_row(s, txn, T_PEERS, r->key, KEY_LEN, REC_PEER, r);
}

int peer_get(struct store *s, MDB_txn *txn, const uint8_t key[KEY_LEN], struct rec_peer *r)
{
	return store_get_row(s, txn, T_PEERS, key, KEY_LEN, REC_PEER, r);
}

/* One walk for all tables whose values are rows of one type under a key prefix. */
struct typed_walk {
	struct store *s;
	enum store_table table;
	enum rec_type type;
	union rec_any *row;
	bool (*fn)(void *, const void *);
	void *arg;
	const uint8_t *prefix;
	size_t n;
};

static bool typed_next(void *arg, const MDB_val *key, const MDB_val *data)
{
	struct typed_walk *w = arg;

	if (key->mv_size < w->n || (w->n && memcmp(key->mv_data, w->prefix, w->n) != 0))
		return false;
	return store_row(w->s, w->table, key, data, w->type, w->row) < 0 || w->fn(w->arg, w->row);
}

static void typed_walk(struct store *s, MDB_txn *txn, enum store_table t, enum rec_type type,
    const void *prefix, size_t n, bool (*fn)(void *, const void *), void *arg)
{
	union rec_any row;
	struct typed_walk w = { s, t, type, &row, fn, arg, prefix, n };

	store_walk(s, txn, t, prefix, n, typed_next, &w);
}

/* A walk's typed callback behind the untyped one. */
#define WALK_THUNK(name)							\
	struct name##_walk { bool (*fn)(void *, const struct rec_##name *); void *arg; };	\
	static bool name##_thunk(void *arg, const void *row)			\
	{									\
		struct name##_walk *w = arg;					\
										\
		return w->fn(w->arg, row);					\
	}
WALK_THUNK(peer)
WALK_THUNK(inventory)
WALK_THUNK(verdict)
WALK_THUNK(fault)
WALK_THUNK(download)

void peer_walk(struct store *s, MDB_txn *txn, bool (*fn)(void *, const struct rec_peer *),
    void *arg)
{
	struct peer_walk w = { fn, arg };

	typed_walk(s, txn, T_PEERS, REC_PEER, NULL, 0, peer_thunk, &w);
}

struct stalest { bool found; uint8_t key[KEY_LEN]; uint64_t contact; };

static bool stalest_step(void *arg, const struct rec_peer *r)
{
	struct stalest *v = arg;

	if (r->pinned || r->banned_until || r->blocks ||
	    (v->found && r->last_contact >= v->contact))
		return true;
	*v = (struct stalest){ .found = true, .contact = r->last_contact };
	memcpy(v->key, r->key, KEY_LEN);
	return true;
}

static void inventories_del(struct store *s, MDB_txn *txn, const uint8_t peer[KEY_LEN])
{
	uint8_t key[KEY_LEN + 1 + 8];
	MDB_val k, v;

	for (;;) {
		MDB_cursor *c = store_cursor(s, txn, T_INVENTORIES);
		bool more;

		k = (MDB_val){ KEY_LEN, (void *)(uintptr_t)peer };
		more = store_cursor_get(s, c, &k, &v, MDB_SET_RANGE) == 0 &&
		    k.mv_size == sizeof(key) &&
		    memcmp(k.mv_data, peer, KEY_LEN) == 0;
		if (more)
			memcpy(key, k.mv_data, sizeof(key));
		mdb_cursor_close(c);
		if (!more)
			return;
		store_del(s, txn, T_INVENTORIES, key, sizeof(key));
	}
}

void peer_make_room(struct store *s, MDB_txn *txn)
{
	while (store_count(s, txn, T_PEERS) >= PEER_ROWS) {
		struct stalest v = { .found = false };

		peer_walk(s, txn, stalest_step, &v);
		if (!v.found)
			return;
		inventories_del(s, txn, v.key);
		store_del(s, txn, T_PEERS, v.key, KEY_LEN);
	}
}

static void inventory_key(
    uint8_t key[KEY_LEN + 1 + 8], const uint8_t *peer, enum inventory_kind kind, uint64_t cycle)
{
	memcpy(key, peer, KEY_LEN);
	/* t b m p: the kinds differ in their first letter */
	key[KEY_LEN] = (uint8_t)*inventory_kind_name(kind);
	put_be64(key + KEY_LEN + 1, cycle);
}

void inventory_put(struct store *s, MDB_txn *txn, const struct rec_inventory *r)
{
	uint8_t key[KEY_LEN + 1 + 8];

	inventory_key(key, r->peer, r->kind, r->cycle);
	store_put_row(s, txn, T_INVENTORIES, key, sizeof(key), REC_INVENTORY, r);
}

int inventory_get(struct store *s, MDB_txn *txn, const uint8_t peer[KEY_LEN],
    enum inventory_kind kind, uint64_t cycle, struct rec_inventory *r)
{
	uint8_t key[KEY_LEN + 1 + 8];

	inventory_key(key, peer, kind, cycle);
	return store_get_row(s, txn, T_INVENTORIES, key, sizeof(key), REC_INVENTORY, r);
}

void inventory_walk(struct store *s, MDB_txn *txn, const uint8_t *peer,
    bool (*fn)(void *, const struct rec_inventory *), void *arg)
{
	struct inventory_walk w = { fn, arg };

	typed_walk(s, txn, T_INVENTORIES, REC_INVENTORY, peer, peer ? KEY_LEN : 0, inventory_thunk,
	    &w);
}

/* Put a row into a bounded table: a new key takes the next sequence, and the oldest keys beyond the
 * bound go. */
static void bounded_put(struct store *s, MDB_txn *txn, enum store_table t, const uint8_t *key,
    size_t klen, uint64_t bound, enum rec_type type, const void *rec)
{
	uint8_t age[9] = { 'a' };
	MDB_cursor *c;
	MDB_val k, v;
	uint64_t first = 1, last = 0;

	if (store_get(s, txn, t, key, klen, &v) < 0) {
		c = store_cursor(s, txn, t);
		k = (MDB_val){ 1, (void *)(uintptr_t)"b" };
		if (store_cursor_get(s, c, &k, &v, MDB_SET_RANGE) == 0 ?
		    store_cursor_get(s, c, &k, &v, MDB_PREV) == 0 :
		    store_cursor_get(s, c, &k, &v, MDB_LAST) == 0)
			last = k.mv_size != sizeof(age) ? 0 : get_be64((uint8_t *)k.mv_data + 1);
		if (last && store_cursor_get(s, c, &k, &v, MDB_FIRST) == 0 &&
		    k.mv_size == sizeof(age))
			first = get_be64((uint8_t *)k.mv_data + 1);
		mdb_cursor_close(c);
		for (; last && last - first + 1 >= bound; first++) {
			uint8_t old[MAX_KEY];

			put_be64(age + 1, first);
			if (store_get(s, txn, t, age, sizeof(age), &v) == 0 &&
			    v.mv_size <= sizeof(old)) {
				size_t n = v.mv_size;

				memcpy(old, v.mv_data, n);
				store_del(s, txn, t, old, n);
			}
			store_del(s, txn, t, age, sizeof(age));
		}
		put_be64(age + 1, last + 1);
		store_put(s, txn, t, age, sizeof(age), key, klen);
	}
	store_put_row(s, txn, t, key, klen, type, rec);
}

/* Delete a row before its time, with its entry in the index by age.  The entry is found by a walk:
 * that is rare. */
static void bounded_del(struct store *s, MDB_txn *txn, enum store_table t, const uint8_t *key,
    size_t klen)
{
	MDB_cursor *c = store_cursor(s, txn, t);
	MDB_val k = { 1, (void *)(uintptr_t)"a" }, v;
	uint8_t age[9];
	bool found = false;
	int rc;

	for (rc = store_cursor_get(s, c, &k, &v, MDB_SET_RANGE);
	    rc == 0 && !found && k.mv_size == sizeof(age) && *(uint8_t *)k.mv_data == 'a';
	    rc = store_cursor_get(s, c, &k, &v, MDB_NEXT))
		if (v.mv_size == klen && memcmp(v.mv_data, key, klen) == 0) {
			memcpy(age, k.mv_data, sizeof(age));
			found = true;
		}
	mdb_cursor_close(c);
	if (found)
		store_del(s, txn, t, age, sizeof(age));
	store_del(s, txn, t, key, klen);
}

#define VERDICT_KEY (1 + ID_LEN + 32 + 32)
static void verdict_key(uint8_t key[VERDICT_KEY], const uint8_t *id, const uint8_t *body_hash,
    struct rec_view source)
{
	key[0] = 'k';
	memcpy(key + 1, id, ID_LEN);
	memcpy(key + 1 + ID_LEN, body_hash, 32);
	hash_once(key + 1 + ID_LEN + 32, source.p, source.n);
}

void verdict_put(struct store *s, MDB_txn *txn, const struct rec_verdict *r)
{
	uint8_t key[VERDICT_KEY];

	verdict_key(key, r->id, r->body_hash, r->source);
	bounded_put(s, txn, T_VERDICTS, key, sizeof(key), MAX_VERDICTS, REC_VERDICT, r);
}

int verdict_get(struct store *s, MDB_txn *txn, const uint8_t id[ID_LEN],
    const uint8_t body_hash[32], struct rec_view source, struct rec_verdict *r)
{
	uint8_t key[VERDICT_KEY];

	verdict_key(key, id, body_hash, source);
	return store_get_row(s, txn, T_VERDICTS, key, sizeof(key), REC_VERDICT, r);
}

void verdict_walk(struct store *s, MDB_txn *txn, const uint8_t *id,
    bool (*fn)(void *, const struct rec_verdict *), void *arg)
{
	struct verdict_walk w = { fn, arg };
	uint8_t prefix[1 + ID_LEN] = { 'k' };

	if (id)
		memcpy(prefix + 1, id, ID_LEN);
	typed_walk(s, txn, T_VERDICTS, REC_VERDICT, prefix, id ? sizeof(prefix) : 1, verdict_thunk,
	    &w);
}

/* Keys of the rows to delete: not while a cursor stands in their table. */
struct doomed {
	bool (*verdict)(const struct rec_verdict *);
	bool (*fault)(const struct rec_fault *);
	struct { uint8_t key[MAX_KEY]; size_t n; } *v;
	size_t n;
};

static uint8_t *doomed_add(struct doomed *d)
{
	d->v = xrealloc(d->v, (d->n + 1) * sizeof(*d->v));
	return d->v[d->n++].key;
}

static void doomed_delete(struct store *s, MDB_txn *txn, enum store_table t, struct doomed *d)
{
	for (size_t i = 0; i < d->n; i++)
		bounded_del(s, txn, t, d->v[i].key, d->v[i].n);
	free(d->v);
}

void verdict_del(struct store *s, MDB_txn *txn, const uint8_t id[ID_LEN],
    const uint8_t body_hash[32], struct rec_view source)
{
	uint8_t key[VERDICT_KEY];

	verdict_key(key, id, body_hash, source);
	bounded_del(s, txn, T_VERDICTS, key, sizeof(key));
}

static bool verdict_doom(void *arg, const struct rec_verdict *r)
{
	struct doomed *d = arg;

	if (d->verdict(r)) {
		verdict_key(doomed_add(d), r->id, r->body_hash, r->source);
		d->v[d->n - 1].n = VERDICT_KEY;
	}
	return true;
}

void verdict_forget(struct store *s, MDB_txn *txn, const uint8_t *id,
    bool (*which)(const struct rec_verdict *))
{
	struct doomed d = { .verdict = which };

	verdict_walk(s, txn, id, verdict_doom, &d);
	doomed_delete(s, txn, T_VERDICTS, &d);
}

/* who, class and what, ended by zeros: rows of one culprit stand together. */
static size_t fault_key(uint8_t key[MAX_KEY], const struct rec_fault *r)
{
	const struct rec_view parts[3] = { r->who, rec_str(fault_class_name(r->class)), r->what };
	size_t n = 0, i;

	key[n++] = 'k';
	for (i = 0; i < 3; i++) {
		size_t len = parts[i].n > 300 ? 300 : parts[i].n;

		if (n + len + 1 > MAX_KEY)
			len = MAX_KEY - n - 1;
		if (len)
			memcpy(key + n, parts[i].p, len);
		n += len;
		key[n++] = 0;
	}
	return n;
}

void fault_add(struct store *s, MDB_txn *txn, const struct rec_fault *f)
{
	struct rec_fault r = *f, old;
	uint8_t key[MAX_KEY];
	size_t n = fault_key(key, f);

	if (r.count == 0)
		r.count = 1;
	if (r.last == 0)
		r.last = now_unix();
	if (r.first == 0)
		r.first = r.last;
	if (store_get_row(s, txn, T_FAULTS, key, n, REC_FAULT, &old) == 0) {
		r.count += old.count;
		r.first = old.first;
	}
	bounded_put(s, txn, T_FAULTS, key, n, MAX_FAULTS, REC_FAULT, &r);
}

void fault_walk(struct store *s, MDB_txn *txn, bool (*fn)(void *, const struct rec_fault *),
    void *arg)
{
	struct fault_walk w = { fn, arg };

	typed_walk(s, txn, T_FAULTS, REC_FAULT, "k", 1, fault_thunk, &w);
}

static bool fault_doom(void *arg, const struct rec_fault *r)
{
	struct doomed *d = arg;

	if (d->fault(r)) {
		uint8_t *key = doomed_add(d);

		d->v[d->n - 1].n = fault_key(key, r);
	}
	return true;
}

void fault_forget(struct store *s, MDB_txn *txn, bool (*which)(const struct rec_fault *))
{
	struct doomed d = { .fault = which };

	fault_walk(s, txn, fault_doom, &d);
	doomed_delete(s, txn, T_FAULTS, &d);
}

#define DOWNLOAD_KEY (CH_LEN + ID_LEN + 32 + 32)
static size_t download_key(uint8_t key[DOWNLOAD_KEY], const struct rec_download *r)
{
	memcpy(key, r->consensus_hash, CH_LEN);
	memcpy(key + CH_LEN, r->id, ID_LEN);
	if (all_zero(r->body_hash, 32))
		return CH_LEN + ID_LEN;
	memcpy(key + CH_LEN + ID_LEN, r->body_hash, 32);
	hash_once(key + CH_LEN + ID_LEN + 32, r->source.p, r->source.n);
	return DOWNLOAD_KEY;
}

void download_put(struct store *s, MDB_txn *txn, const struct rec_download *r)
{
	uint8_t key[DOWNLOAD_KEY];
	size_t n = download_key(key, r);

	store_put_row(s, txn, T_DOWNLOADS, key, n, REC_DOWNLOAD, r);
}

void download_del(struct store *s, MDB_txn *txn, const struct rec_download *r)
{
	uint8_t key[DOWNLOAD_KEY];
	size_t n = download_key(key, r);

	store_del(s, txn, T_DOWNLOADS, key, n);
}

bool download_stands(struct store *s, MDB_txn *txn, const struct rec_download *r)
{
	uint8_t key[DOWNLOAD_KEY];
	size_t n = download_key(key, r);
	MDB_val v;

	return store_get(s, txn, T_DOWNLOADS, key, n, &v) == 0;
}

void download_walk(struct store *s, MDB_txn *txn, bool (*fn)(void *, const struct rec_download *),
    void *arg)
{
	struct download_walk w = { fn, arg };

	typed_walk(s, txn, T_DOWNLOADS, REC_DOWNLOAD, NULL, 0, download_thunk, &w);
}

/* Next: common/store/faults.c, faults on their way into the store. */
