/* What a stranger's bytes cost: each way in is given the dearest bytes that we know, and the work
 * that was counted is compared with the table in limits.h. */
#include "common/chain/stream.h"
#include "common/chain/work.h"
#include "common/store/pushed.h"
#include "common/wire/message.h"
#include "tests/unit/store_line.h"

#define X(way, curve, hashed, parsed) \
	COST_##way##_CURVE = curve, COST_##way##_HASHED = hashed, COST_##way##_PARSED = parsed,
enum { COSTS(X) };
#undef X

struct big { uint8_t *p; size_t n; };

static void put(struct big *b, const void *p, size_t n)
{
	assert_true(b->n + n <= MAX_BLOCK);
	memcpy(b->p + b->n, p, n);
	b->n += n;
}
static void put_fill(struct big *b, int c, size_t n) { memset(b->p + b->n, c, n); b->n += n; }
static void put_u8(struct big *b, uint8_t v) { put(b, &v, 1); }
static void put_u32(struct big *b, uint32_t v) { uint8_t p[4]; put_be32(p, v); put(b, p, 4); }

/* Version, chain and a condition of n fields, each of them one of these. */
static void put_head(struct big *b, uint8_t mode, uint32_t n, const uint8_t *field, size_t len)
{
	put(b, "\x80\x80\0\0\0\x04", 6);
	put_u8(b, mode);
	put_fill(b, 0x11, 20 + 8 + 8);
	put_u32(b, n);
	while (n--)
		put(b, field, len);
	put(b, "\0\0", 2);
}

static void put_tail(struct big *b, uint32_t posts)
{
	put(b, "\3\2", 2);
	put_u32(b, posts);
}

static void put_call(struct big *b, uint32_t arguments)
{
	put_head(b, 1, 0, NULL, 0);
	put_tail(b, 0);
	put(b, "\2\x16", 2);
	put_fill(b, 0x22, 20);
	put(b, "\1a\1b", 4);
	put_u32(b, arguments);
}

static void keys(struct big *b, size_t size)
{
	uint8_t secret[32], field[1 + KEY_LEN] = { 0 };

	made_secret(secret, 3);
	assert_int_equal(key_public(field + 1, secret), 0);
	put_head(b, 1, (uint32_t)(size / sizeof(field)), field, sizeof(field));
	put_tail(b, 0);
	put(b, "\1\1a\0\0\0\0", 7);
}

static void signatures(struct big *b, size_t size)
{
	static const uint8_t field[1 + SIG_LEN] = { 2 };

	put_head(b, 5, (uint32_t)(size / sizeof(field)), field, sizeof(field));
	put_tail(b, 0);
	put(b, "\1\1a\0\0\0\0", 7);
}

static void truths(struct big *b, size_t size)
{
	put_call(b, 1);
	put_u8(b, 0x0b);
	put_u32(b, (uint32_t)size);
	put_fill(b, 0x03, size);
}

static void arguments(struct big *b, size_t size)
{
	put_call(b, (uint32_t)size);
	put_fill(b, 0x03, size);
}

static void tuples(struct big *b, size_t size)
{
	uint32_t n = (uint32_t)(size / 8);

	put_call(b, 1);
	put_u8(b, 0x0b);
	put_u32(b, n);
	while (n--)
		put(b, "\x0c\0\0\0\1\1a\3", 8);
}

static void letters(struct big *b, size_t size)
{
	put_call(b, 1);
	put_u8(b, 0x0e);
	put_u32(b, (uint32_t)size);
	put_fill(b, 'a', size);
}

static void posts(struct big *b, size_t size)
{
	uint32_t n = (uint32_t)(size / 200);

	put_head(b, 1, 0, NULL, 0);
	put_tail(b, n);
	while (n--) {
		put(b, "\1\3\x16", 3);
		put_fill(b, 0x22, 20);
		put_u8(b, 40);
		put_fill(b, 'a', 40);
		put_u8(b, 0x16);
		put_fill(b, 0x22, 20);
		put(b, "\1a", 2);
		put_u8(b, 128);
		put_fill(b, 'z', 128);
		put_u8(b, 1);
		put_fill(b, 0, 8);
	}
	put(b, "\1\1a\0\0\0\0", 7);
}

static void source(struct big *b, size_t size)
{
	put_head(b, 1, 0, NULL, 0);
	put_tail(b, 0);
	put(b, "\1\1a", 3);
	put_u32(b, (uint32_t)size);
	put_fill(b, ' ', size);
}

/* The shortest transaction there is. */
static void tiny(struct big *b, size_t size)
{
	put_head(b, 1, 0, NULL, 0);
	b->p[b->n - 10] = (uint8_t)(b->n >> 16);	/* no two alike */
	b->p[b->n - 9] = (uint8_t)(b->n >> 8);
	b->p[b->n - 8] = (uint8_t)b->n;
	put_tail(b, 0);
	put(b, "\1\1a\0\0\0\0", 7);
}

static const struct bomb { const char *name; void (*tx)(struct big *, size_t); bool many;
    } bombs[] = {
	{ "keys", keys, false }, { "signatures", signatures, false }, { "truths", truths, false },
	{ "arguments", arguments, false }, { "tuples", tuples, false },
	    { "letters", letters, false },
	{ "posts", posts, false }, { "source", source, false }, { "tiny", tiny, true },
};
#define N_BOMBS (sizeof(bombs) / sizeof(*bombs))

/* Transactions of one bomb, or of many: how many, and their root. */
static uint32_t make_txs(
    struct big *txs, const struct bomb *bomb, size_t size, uint8_t root[32])
{
	uint8_t (*txids)[32] = malloc(MAX_BLOCK / 62 * 32);
	struct cursor c;
	uint32_t n = 0;
	struct tx tx;

	do {
		bomb->tx(txs, size - 300);
	} while (bomb->many && txs->n < size);
	c = cursor_of(txs->p, txs->n);
	for (; cursor_left(&c); n++) {
		assert_int_equal(tx_parse(&tx, &c, NULL), 0);
		tx_txid(&tx);
		memcpy(txids[n], tx.txid, 32);
	}
	hash_merkle_root(root, txids, n);
	free(txids);
	return n;
}

/* An anchored block of one bomb, or of many. */
static void build_anchored(struct big *out, const struct bomb *bomb, size_t size)
{
	struct big txs = { malloc(MAX_BLOCK), 0 };
	uint8_t root[32];
	uint32_t n = make_txs(&txs, bomb, size, root);

	out->n = 0;
	put_fill(out, 7, EPOCH2_HEADER);
	memcpy(out->p + 163, root, 32);
	put_u32(out, n);
	put(out, txs.p, txs.n);
	free(txs.p);
}

/* A vector of microblocks one on another, with a bomb each, which nobody signed: one, or as many as
 * make the size.  tail: hash of the last. */
static void build_stream(struct big *out, const struct bomb *bomb, size_t size, uint8_t tail[32])
{
	struct big txs = { malloc(MAX_BLOCK), 0 };
	uint32_t n = 0;

	memset(tail, 0x77, 32);
	out->n = 4;
	do {
		uint8_t root[32], sequence[2];
		size_t at = out->n;

		txs.n = 0;
		assert_int_equal(make_txs(&txs, bomb, bomb->many ? 1 : size, root), 1);
		put_be16(sequence, (uint16_t)n++);
		put_u8(out, 0);
		put(out, sequence, 2);
		put(out, tail, 32);
		put(out, root, 32);
		put_fill(out, 0, SIG_LEN);
		hash_once(tail, out->p + at, MICROBLOCK_HEADER);
		put_u32(out, 1);
		put(out, txs.p, txs.n);
	} while (bomb->many && out->n < size);
	put_be32(out->p, n);
	free(txs.p);
}

/* A block of one bomb, or of many, and of as many markers and signatures as a header may
 * have.  root, miner: whether its root and its miner's signature are true ones. */
static void build(struct big *out, const struct bomb *bomb, size_t size, uint32_t markers,
    uint32_t sigs, bool root, bool miner)
{
	struct big txs = { malloc(MAX_BLOCK), 0 };
	uint8_t tx_root[32], digest[32], secret[32], sig[SIG_LEN] = { 0 };
	uint32_t n = make_txs(&txs, bomb, size, tx_root);
	size_t tail;

	out->n = 0;
	put_u8(out, 1);
	put_fill(out, 0, 16);
	put_fill(out, 'a', CH_LEN);
	put_fill(out, 0x55, ID_LEN);
	tx_root[0] ^= !root;
	put(out, tx_root, 32);
	put_fill(out, 0, 32 + 8);
	out->n += SIG_LEN + 4 + (size_t)sigs * SIG_LEN;
	tail = out->n;
	put(out, "\0\x08\0\0\0\1\xff", 7);
	put_u32(out, markers);
	for (uint32_t i = 0; i < markers; i++) {
		put_u32(out, i);
		put_u8(out, 0);
	}
	hash_begin();
	hash_add(out->p, 141);
	hash_add(out->p + tail, out->n - tail);
	hash_end(digest);
	made_secret(secret, miner ? 1 : 2);
	assert_int_equal(key_sign(sig, secret, digest), 0);
	memcpy(out->p + 141, sig, SIG_LEN);
	put_be32(out->p + 206, sigs);
	for (uint32_t i = 0; i < sigs; i++)
		memcpy(out->p + 210 + (size_t)i * SIG_LEN, sig, SIG_LEN);
	put_u32(out, n);
	put(out, txs.p, txs.n);
	free(txs.p);
}

static void afford(struct work before, size_t n, unsigned curve, unsigned hashed, unsigned parsed,
    const char *way, const char *name)
{
	struct work w = work_since(before);

	if (w.curve <= curve && w.hashed <= COST_BLOCK + (uint64_t)hashed * n &&
	    w.parsed <= COST_BLOCK + (uint64_t)parsed * n)
		return;
	fail_msg("%s of %s, %zu bytes: %llu points, %.2f hashed and %.2f parsed a byte", way, name,
	    n, (unsigned long long)w.curve,
	    (double)w.hashed / (double)n, (double)w.parsed / (double)n);
}
#define AFFORD(way, before, n, name) \
	afford(before, n, COST_##way##_CURVE, COST_##way##_HASHED, COST_##way##_PARSED, #way, name)

static struct line l;
static struct signer_set set;
static uint8_t miner[HASH160_LEN];
static struct big block;

static int setup(void **state)
{
	struct rec_sortition r = { .burn_height = 190, .won = true, .canonical = true };
	MDB_txn *txn;

	block.p = malloc(MAX_BLOCK);
	line_make_blocks(&l);
	made_hash160(miner, 1);
	made_set(&set, 3);
	world_ch(r.consensus_hash, 'a');
	memcpy(r.miner, miner, HASH160_LEN);
	txn = store_write(&l.w.s);
	sortition_put(&l.w.s, txn, &r);
	store_commit_or_die(&l.w.s, txn);
	return 0;
}

static int teardown(void **state)
{
	world_close(&l.w);
	signer_set_release(&set);
	free(block.p);
	return 0;
}

/* As block-fetch gets it, some bytes at a time. */
static void answer(enum model model, const struct bomb *bomb, size_t step)
{
	struct work before = work_done;
	struct block_walk w;
	struct block b;
	size_t have = 0, need = 0;
	ssize_t used = 0;

	block_walk_begin(&w, MODEL_BIT(model), miner);
	while (used == 0 && have < block.n) {
		have = have + step < block.n ? have + step : block.n;
		if (have < need)
			continue;
		if (!w.headed && block_walk_header(&w, &b, block.p, have, &need) <= 0)
			continue;
		used = block_walk(&w, &b, block.p, have, &need);
	}
	assert_int_equal(used, block.n);
	AFFORD(ANSWER, before, block.n, bomb->name);
}

static void answers(void **state)
{
	for (size_t i = 0; i < N_BOMBS; i++) {
		build(&block, &bombs[i], 200000, i % 2 ? MAX_MARKERS : 0, i % 3 ? MAX_SIGNERS : 0,
		    true, true);
		answer(NAKAMOTO, &bombs[i], 1);
		answer(NAKAMOTO, &bombs[i], 17);
		answer(NAKAMOTO, &bombs[i], 16384);
		build(&block, &bombs[i], 900, 0, 0, true, true);
		answer(NAKAMOTO, &bombs[i], 1);
		build_anchored(&block, &bombs[i], 200000);
		answer(EPOCH2, &bombs[i], 1);
		answer(EPOCH2, &bombs[i], 17);
		answer(EPOCH2, &bombs[i], 16384);
		build_anchored(&block, &bombs[i], 900);
		answer(EPOCH2, &bombs[i], 1);
	}
}

static void upload(const uint8_t *ch, const struct bomb *bomb)
{
	MDB_txn *txn = store_read(&l.w.s);
	struct work before = work_done;
	enum chain_reason why;
	struct block b;

	pushed_judge(&l.w.s, txn, ch, block.p, block.n, true, &b, &why);
	AFFORD(UPLOAD, before, block.n, bomb->name);
	store_read_end(txn);
}

static void judge(const struct bomb *bomb)
{
	struct proof_view view = {
		.net = &l.w.s.net, .burn_height = 190, .miner = miner, .set = &set
	};
	struct work before = work_done;
	uint64_t weight;
	struct block b;

	assert_int_not_equal(proof_alone(&b, block.p, block.n, &view, &weight), REASON_OK);
	AFFORD(JUDGE, before, block.n, bomb->name);
}

/* By nobody; by the miner, of other transactions; by the miner alone; and with signatures that are
 * none of a signer's. */
static void blocks(void **state)
{
	static const struct { bool root, miner; uint32_t sigs, markers; size_t size; } kinds[] = {
		{ false, false, 0, 0, 1000000 }, { false, true, 0, 0, 1000000 },
		    { true, true, 0, 0, 1000000 },
		{ true, true, MADE_SIGNERS, 0, 300000 },
		    { true, true, MAX_SIGNERS, MAX_MARKERS, 300000 }, { true, true, 5, 0, 600 },
	};

	for (size_t i = 0; i < N_BOMBS; i++) {
		for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
			build(&block, &bombs[i], kinds[k].size, kinds[k].markers, kinds[k].sigs,
			    kinds[k].root, kinds[k].miner);
			upload(NULL, &bombs[i]);
			judge(&bombs[i]);
		}
	}
}

/* A block that nobody signed is not looked at behind its header. */
static void header_first(void **state)
{
	struct work before;

	build(&block, &bombs[0], 1000000, 0, 0, false, false);
	before = work_done;
	upload(NULL, &bombs[0]);
	judge(&bombs[0]);
	assert_true(work_since(before).parsed == 0 && work_since(before).hashed < 4096);
}

/* The winner of sortition 'x' committed to this. */
static void won_by(const uint8_t hash[32])
{
	struct rec_sortition r = { .burn_height = 110, .won = true, .canonical = true };
	MDB_txn *txn = store_write(&l.w.s);

	world_ch(r.consensus_hash, 'x');
	memcpy(r.committed, hash, 32);
	sortition_put(&l.w.s, txn, &r);
	store_commit_or_die(&l.w.s, txn);
}

/* An anchored block that lost its sortition is not looked at behind its header; what is not the
 * winner's own costs no point of the curve, whatever keys are in it. */
static void anchored(void **state)
{
	static const uint8_t loser[32];
	uint8_t winner[32], ch[CH_LEN];
	struct proof_view view = { .net = &l.w.s.net, .burn_height = 110, .model = EPOCH2 };
	struct work before;
	struct block b;
	uint64_t weight;

	world_ch(ch, 'x');
	for (size_t i = 0; i < N_BOMBS; i++) {
		build_anchored(&block, &bombs[i], 1000000);
		hash_once(winner, block.p, EPOCH2_HEADER);
		won_by(loser);
		before = work_done;
		upload(ch, &bombs[i]);
		assert_true(work_since(before).parsed == 0 && work_since(before).hashed < 4096);
		won_by(winner);
		upload(ch, &bombs[i]);
		view.committed = loser;
		before = work_done;
		assert_int_equal(proof_alone(&b, block.p, block.n, &view, &weight), REASON_WINNER);
		assert_true(work_since(before).parsed == 0 && work_since(before).hashed < 4096);
		view.committed = winner;
		block.p[block.n - 1] ^= 3;
		before = work_done;
		assert_int_not_equal(proof_alone(&b, block.p, block.n, &view, &weight), REASON_OK);
		AFFORD(JUDGE, before, block.n, bombs[i].name);
		assert_true(work_since(before).curve == 0);
	}
}

/* Streams as block-fetch gets them, and as they are judged: of an anchored block whose child names
 * them, and of one that has none yet. */
static void streams(void **state)
{
	static const uint8_t parent[32] = { [0 ... 31] = 0x77 };
	uint8_t tail[32];

	for (size_t i = 0; i < N_BOMBS; i++) {
		struct stream_view v = {
			.net = &l.w.s.net, .epoch = EPOCH_24, .parent = parent, .key = miner
		};
		struct work before = work_done;
		struct microblocks_walk w;
		struct stream s;
		size_t need;
		ssize_t used = 0;

		build_stream(&block, &bombs[i], 300000, tail);
		before = work_done;
		microblocks_walk_begin(&w, NULL);
		for (size_t have = 0; have < block.n && used == 0; have += 17)
			used = microblocks_walk(&w, block.p, have, &need);
		if (used == 0)
			used = microblocks_walk(&w, block.p, block.n, &need);
		assert_int_equal(used, block.n);
		AFFORD(ANSWER, before, block.n, bombs[i].name);
		for (int child = 0; child < 2; child++) {
			v.tail = child ? tail : NULL;
			v.tail_sequence = (uint16_t)(get_be32(block.p) - 1);
			before = work_done;
			assert_int_not_equal(stream_judge(&s, &v, block.p, block.n), REASON_OK);
			assert_int_equal(s.n, 0);
			AFFORD(STREAM, before, block.n, bombs[i].name);
			assert_true(work_since(before).curve <= 1);
			stream_release(&s);
		}
	}
}

static void messages(void **state)
{
	static uint8_t payload[MAX_PUSH];
	uint8_t secret[32], key[KEY_LEN], head[PREAMBLE_LEN] = { 0 };
	struct work before = work_done;

	made_secret(secret, 7);
	key_public(key, secret);
	assert_false(message_signed_by(head, payload, sizeof(payload), key));
	AFFORD(MESSAGE, before, sizeof(payload), "zeros");
}

/* The counters count: a block that its miner and its signers answer for costs a point a key. */
static void points(void **state)
{
	struct proof_view view = {
		.net = &l.w.s.net, .burn_height = 190, .miner = miner, .set = &set
	};
	struct made m;
	struct big tx = { malloc(MAX_BLOCK), 0 };
	struct work before;
	struct block b;
	uint64_t weight;

	made_block(&m, BLOCK_ORDINARY, 1);
	keys(&tx, 20 * (1 + KEY_LEN));
	memcpy(m.tx[0].p, tx.p, m.tx[0].n = tx.n);
	made_seal(&m);
	before = work_done;
	assert_int_equal(proof_alone(&b, m.out.p, m.out.n, &view, &weight), REASON_OK);
	assert_int_equal(work_since(before).curve, 1 + 4 + 20);
	free(tx.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(blocks),
		cmocka_unit_test(header_first),
		cmocka_unit_test(messages),
		cmocka_unit_test(anchored),
		cmocka_unit_test(streams),
		cmocka_unit_test(points),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
