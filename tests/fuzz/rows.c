/* A store whose rows may hold anything: of a small chain that was kept well, rows are changed,
 * cut, taken out, or written from foreign bytes. Every reader comes to an end, what it gives away
 * as a block is a block that was stored, byte for byte, and the keeper goes on or says that the
 * store is damaged. */
#include "tests/fuzz/escape.h"
#include "tests/unit/store_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct line l;
static struct store *s = &l.w.s;
static struct row { enum store_table table; uint8_t key[128]; size_t klen; uint8_t *value;
    size_t len; } rows[400];
static size_t n_rows;
static unsigned seen;

static void remove_store(void) { world_close(&l.w); }

static void copy_rows(void)
{
	MDB_txn *txn = store_read(s);

	for (unsigned t = T_META + 1; t < T_COUNT; t++) {
		MDB_cursor *c = store_cursor(s, txn, t);
		MDB_val k, v;

		while (mdb_cursor_get(c, &k, &v, MDB_NEXT) == 0) {
			struct row *r = &rows[n_rows++];

			assert(n_rows < 400 && k.mv_size <= sizeof(r->key));
			r->table = t;
			memcpy(r->key, k.mv_data, r->klen = k.mv_size);
			assert((r->value = malloc(v.mv_size + 1)));
			memcpy(r->value, v.mv_data, r->len = v.mv_size);
		}
		mdb_cursor_close(c);
	}
	store_read_end(txn);
}

/* What the tables about others hold. */
static void fill(void)
{
	static const uint8_t key[KEY_LEN] = { 2, 9 }, bits[20] = { 0xff };
	struct rec_peer peer = { .address = rec_str("1.2.3.4:20444"), .state = PEER_UP };
	struct rec_inventory inv = { .cycle = 2, .count = 20, .kind = INV_TENURES,
		.bits = rec_bytes(bits, 3) };
	struct rec_fault fault = { .who = rec_str("x"), .class = FAULT_LYING,
		.what = rec_str("y"), .stage = rec_str("z") };
	struct rec_verdict verdict = { .source = rec_str("x"), .status = STATUS_HELD };
	struct rec_download download = { .state = DOWNLOAD_UNAVAILABLE };
	struct rec_block block = { .height = 1, .source = rec_str("x"),
		.body = rec_bytes(bits, 20) };
	uint8_t keys[KEY_LEN] = { 3 }, weights[4] = { 0, 0, 0, 1 };
	struct rec_reward_set set = { .cycle = 2, .keys = { keys, 1 }, .weights = { weights, 1 } };
	MDB_txn *txn = store_write(s);

	memcpy(peer.key, key, KEY_LEN);
	memcpy(inv.peer, key, KEY_LEN);
	peer_put(s, txn, &peer);
	inventory_put(s, txn, &inv);
	fault_add(s, txn, &fault);
	verdict_put(s, txn, &verdict);
	download_put(s, txn, &download);
	upload_put(s, txn, &block);
	reward_set_put(s, txn, &set);
	assert(store_commit(s, txn) == 0);
}

static void setup(void)
{
	setenv("BLOCKSYNC_MAP", "67108864", 1);
	line_make(&l);
	keeper_begin(l.w.k);
	for (size_t i = 0; i < l.w.n; i++)
		world_give(&l.w, &l.w.blocks[i]);
	world_commit(&l.w);
	keeper_free(l.w.k);
	l.w.k = NULL;
	fill();
	copy_rows();
	atexit(remove_store);
}

/* Take n bytes, fewer at the end. */
static const uint8_t *some(const uint8_t **p, size_t *n, size_t *want)
{
	const uint8_t *at = *p;

	if (*want > *n)
		*want = *n;
	*p += *want;
	*n -= *want;
	return at;
}

/* A row of foreign bytes. */
static void put_foreign(MDB_txn *txn, const uint8_t **p, size_t *n)
{
	size_t two = 4, klen, len;
	const uint8_t *head = some(p, n, &two), *key, *value;
	MDB_val k, v;

	if (two < 4)
		return;
	klen = head[1] % 120 + 1;
	len = get_be16(head + 2);
	key = some(p, n, &klen);
	value = some(p, n, &len);
	k = (MDB_val){ klen, (void *)(uintptr_t)key };
	v = (MDB_val){ len, (void *)(uintptr_t)value };
	if (klen > 0)
		mdb_put(txn, s->dbi[T_META + 1 + head[0] % (T_COUNT - T_META - 1)], &k, &v, 0);
}

/* The chain's rows, but as the bytes at p have it: the row, what is done to it, where. */
static void damage(const uint8_t *p, size_t n)
{
	MDB_txn *txn = store_write(s);
	uint8_t *copies[400] = { NULL };
	size_t lens[400];

	for (size_t t = T_META + 1; t < T_COUNT; t++)
		assert(mdb_drop(txn, s->dbi[t], 0) == 0);
	for (size_t i = 0; i < n_rows; i++) {
		assert((copies[i] = malloc(rows[i].len + 1)));
		memcpy(copies[i], rows[i].value, lens[i] = rows[i].len);
	}
	for (; n >= 5; p += 5, n -= 5) {
		size_t i = p[0] % n_rows, at = get_be16(p + 2);

		if (p[1] == 0)
			break;
		if (lens[i] == SIZE_MAX)
			continue;
		if (p[1] < 200 && lens[i])
			copies[i][at % lens[i]] = p[4];
		else if (p[1] < 230)
			lens[i] = at < lens[i] ? at : lens[i];
		else
			lens[i] = SIZE_MAX;
	}
	for (size_t i = 0; i < n_rows; i++) {
		MDB_val k = { rows[i].klen, rows[i].key }, v = { lens[i], copies[i] };

		if (lens[i] != SIZE_MAX)
			assert(mdb_put(txn, s->dbi[rows[i].table], &k, &v, 0) == 0);
		free(copies[i]);
	}
	while (n > 0)
		put_foreign(txn, &p, &n);
	assert(store_commit(s, txn) == 0);
}

/* What is given away was stored. */
static bool sound(void *arg, const struct stored_block *b)
{
	if (b->bytes && !b->damaged) {
		bool found = false;

		for (size_t i = 0; i < l.w.n; i++)
			found |= l.w.blocks[i].b->n == b->len &&
			    memcmp(l.w.blocks[i].b->p, b->bytes, b->len) == 0;
		assert(found);
	}
	return ++seen < 100000;
}

static bool row(void *arg, const void *r) { return ++seen < 100000; }
#define WALK(type) (bool (*)(void *, const struct rec_##type *))row

static bool upload(void *arg, uint64_t seq, const struct rec_block *b) { return ++seen < 100000; }

static void read_chain(MDB_txn *txn)
{
	struct stored_block b;
	struct rec_tenure t;
	uint8_t id[ID_LEN], ch[CH_LEN];
	uint64_t height;

	for (size_t i = 0; i < l.w.n; i++) {
		const uint8_t *one = l.w.blocks[i].id;

		if (block_get(s, txn, one, &b) == 0)
			assert(b.len == l.w.blocks[i].b->n &&
			    memcmp(b.bytes, l.w.blocks[i].b->p, b.len) == 0);
		block_proven(s, txn, one);
		tenure_blocks_down(s, txn, one, NULL, sound, NULL);
		proven_blocks_down(s, txn, one, l.w.blocks[0].id, sound, NULL);
		world_ch(ch, l.w.blocks[i].tenure);
		tenure_get(s, txn, ch, &t);
		if (canonical_at(s, txn, i, &b) == 0)
			sound(NULL, &b);
	}
	canonical_tip(s, txn, &t, &height, id);
	tenure_walk(s, txn, WALK(tenure), NULL);
	proven_walk(s, txn, 0, sound, NULL);
}

static void read_others(MDB_txn *txn)
{
	struct rec_sortition r;
	struct rec_peer peer;
	struct rec_verdict verdict;
	struct signer_set set;
	static const uint8_t key[KEY_LEN] = { 2, 9 }, zero[ID_LEN];
	struct store_txn st = { s, txn };
	uint8_t ch[CH_LEN];

	for (char c = 'a'; c < 'g'; c++) {
		world_ch(ch, c);
		sortition_get(s, txn, ch, &r);
		sortition_fact(&st, ch);
	}
	for (uint64_t h = 138; h < 148; h++)
		sortition_at(s, txn, h, &r);
	sortition_tip(s, txn, &r);
	sortition_walk(s, txn, 0, WALK(sortition), NULL);
	sortition_naming(s, txn, l.w.blocks[0].id, WALK(sortition), NULL);
	if (reward_set_load(s, txn, 2, &set) == 0)
		signer_set_release(&set);
	peer_get(s, txn, key, &peer);
	peer_walk(s, txn, WALK(peer), NULL);
	inventory_walk(s, txn, NULL, WALK(inventory), NULL);
	inventory_walk(s, txn, key, WALK(inventory), NULL);
	verdict_get(s, txn, zero, zero, rec_str("x"), &verdict);
	verdict_walk(s, txn, NULL, WALK(verdict), NULL);
	fault_walk(s, txn, WALK(fault), NULL);
	download_walk(s, txn, WALK(download), NULL);
	upload_walk(s, txn, 0, upload, NULL);
}

static void read_all(void)
{
	MDB_txn *volatile txn = store_read(s);

	seen = 0;
	if (!ESCAPES()) {
		read_chain(txn);
		read_others(txn);
		escape_armed = 0;
	}
	store_read_end(txn);
}

/* What is written beside what is there. */
static void write_all(void)
{
	static struct keeper *volatile k;
	struct rec_block block = { .height = 1, .source = rec_str("x"), .body = rec_bytes("y", 1) };

	k = NULL;
	if (ESCAPES()) {
		if (k && keeper_txn(k))
			store_abort(keeper_txn(k));
		return;		/* the keeper's memory is lost */
	}
	k = keeper_new(s, "fuzz");
	keeper_begin(k);
	for (size_t i = 0; i < l.w.n; i += 2)
		world_give_to(k, &l.w.blocks[i]);
	upload_put(s, keeper_txn(k), &block);
	l.w.out.n = 0;
	(void)!keeper_commit(k, &l.w.out);
	for (int i = 0; i < 8 && keeper_idle_work(k); i++) {
		keeper_begin(k);
		(void)!keeper_commit(k, &l.w.out);
	}
	escape_armed = 0;
	keeper_free(k);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (!s->env)
		setup();
	damage(p, n);
	read_all();
	write_all();
	read_all();
	return 0;
}
