/* Blocks on their own: header vectors of spec/blocks.md 7, and a block bent in each way that a rule
 * forbids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "common/limits.h"
#include "tests/unit/chain_make.h"

static struct network net;
static struct signer_set set;
static uint8_t miner[HASH160_LEN];

static int setup(void **state)
{
	made_network(&net);
	made_set(&set, 3);
	made_hash160(miner, 1);
	return 0;
}

static int teardown(void **state)
{
	signer_set_release(&set);
	return 0;
}

/* Epoch 3.0 for version 0, 4.0 for version 1. */
static enum chain_reason judge_at(struct made *m, uint64_t burn_height, uint64_t *weight)
{
	struct proof_view view = {
		.net = &net, .burn_height = burn_height, .miner = miner, .set = &set
	};
	struct block b;

	made_seal(m);
	return proof_alone(&b, m->out.p, m->out.n, &view, weight);
}

static enum chain_reason judge(struct made *m)
{
	uint64_t weight;

	return judge_at(m, m->version & 0x7f ? 190 : 150, &weight);
}

#define assert_reason(got, want) \
	assert_string_equal(chain_reason_word(got), chain_reason_word(want))

static void assert_hex(const void *p, const char *want)
{
	char hex[65];

	assert_string_equal(hex_of(hex, p, 32), want);
}

static void header_vectors(void **state)
{
	static const struct {
		uint8_t version;
		const char *tail, *miner, *hash, *id;
		size_t n;
	} v[] = {
		{ 0, "\0\x08\0\0\0\x01\0",
		    "ecde8306b7a11c5e888aea737823d5ca2b1c880d3b3df1a5a60ef319eab4e25e",
		    "8f0e7cde8cb6adff35cd2cbbcb0c84f3b75cc8c5b0195cae2d78ae35d6917d2c",
		    "f04f0e46f1eccd89cf2d8d07c1ded6bd311d0d21d54438e1b964937eb26beeb5", 7 },
		{ 1, "\0\x08\0\0\0\x01\0\0\0\0\0",
		    "bcbdc7da6ef91e026012d083657327da76234fbeda47470b1fda98740a11f0c4",
		    "29326d713ffe4c0169a8a8f4c41a83a573e85af190d693b4cfccbc0e0144c9cc",
		    "df4be598672fcc982bb6e0aced84a7d1765adeba724ac11aaa467adaec7057e0", 11 },
	};

	for (int i = 0; i < 2; i++) {
		struct bytes b = { .n = 0 };
		struct block h;
		uint8_t digest[32];
		size_t need;

		add_u8(&b, v[i].version);
		add_u64(&b, 2);
		add_u64(&b, 3);
		add_fill(&b, 4, 20);
		add_fill(&b, 5, 32);
		add_fill(&b, 6, 32);
		add_fill(&b, 7, 32);
		add_u64(&b, 8);
		add_fill(&b, 0, 65);
		add_u32(&b, 1);
		add_fill(&b, 0, 65);
		add(&b, v[i].tail, v[i].n);
		assert_int_equal(block_header(&h, MODEL_BIT(NAKAMOTO), NULL, b.p, b.n, &need), b.n);
		assert_int_equal(b.n, 275 + v[i].n);
		nakamoto_miner_hash(digest, &h);
		assert_hex(digest, v[i].miner);
		assert_hex(h.hash, v[i].hash);
		assert_hex(h.id, v[i].id);
		assert_int_equal(h.height, 2);
		for (size_t cut = 0; cut < b.n; cut++) {
			assert_int_equal(
			    block_header(&h, MODEL_BIT(NAKAMOTO), NULL, b.p, cut, &need), 0);
			assert_true(need > cut && need <= b.n);
		}
	}
}

static void header_bounds(void **state)
{
	struct made m;
	struct block b;
	size_t need;

	made_block(&m, BLOCK_ORDINARY, 1);
	made_seal(&m);
	put_be32(m.out.p + 206, MAX_SIGNERS + 1);
	assert_int_equal(block_header(&b, MODEL_BIT(NAKAMOTO), NULL, m.out.p, m.out.n, &need), -1);
	made_seal(&m);
	put_be16(m.out.p + 210 + 4 * SIG_LEN, 0);
	assert_int_equal(block_header(&b, MODEL_BIT(NAKAMOTO), NULL, m.out.p, m.out.n, &need), -1);
	made_seal(&m);
	put_be32(m.out.p + 212 + 4 * SIG_LEN, 2);
	assert_int_equal(block_header(&b, MODEL_BIT(NAKAMOTO), NULL, m.out.p, m.out.n, &need), -1);
	made_seal(&m);
	/* Treatment bits that are as many as both counts say, and one more than there may be. */
	put_be16(m.out.p + 210 + 4 * SIG_LEN, MAX_TREATMENT + 1);
	put_be32(m.out.p + 212 + 4 * SIG_LEN, (MAX_TREATMENT + 1 + 7) / 8);
	assert_int_equal(block_header(&b, MODEL_BIT(NAKAMOTO), NULL, m.out.p, m.out.n, &need), -1);
	made_seal(&m);
	put_be32(m.out.p + 217 + 4 * SIG_LEN, MAX_MARKERS + 1);
	assert_int_equal(block_header(&b, MODEL_BIT(NAKAMOTO), NULL, m.out.p, m.out.n, &need), -1);
	made_seal(&m);
	put_be32(m.out.p + 221 + 4 * SIG_LEN, 0x7fffffff);
	assert_int_equal(block_parse(&b, MODEL_BIT(NAKAMOTO), NULL, m.out.p, m.out.n, &need), -1);
}

static void good_blocks(void **state)
{
	static const enum block_kind kinds[] = { BLOCK_ORDINARY, BLOCK_START, BLOCK_EXTEND };
	struct made m;
	uint64_t weight;

	for (int k = 0; k < 3; k++) {
		for (uint8_t version = 0; version < 2; version++) {
			made_block(&m, kinds[k], version);
			assert_reason(judge_at(&m, version ? 180 : 179, &weight), REASON_OK);
			assert_int_equal(weight, 10 + 11 + 12 + 13);
		}
	}
	/* The last sortition before 3.0 may have the first tenure. */
	made_block(&m, BLOCK_START, 0);
	assert_reason(judge_at(&m, 139, &weight), REASON_OK);
	assert_reason(judge_at(&m, 138, &weight), REASON_VERSION);
}

static void codec(void **state)
{
	struct proof_view view = { .net = &net, .burn_height = 150, .miner = miner, .set = &set };
	struct block b;
	struct made m;
	uint64_t weight;

	made_block(&m, BLOCK_ORDINARY, 0);
	made_seal(&m);
	assert_reason(proof_alone(&b, m.out.p, m.out.n - 1, &view, &weight), REASON_CODEC);
	assert_reason(proof_alone(&b, m.out.p, 0, &view, &weight), REASON_CODEC);
	add_u8(&m.out, 0);
	assert_reason(proof_alone(&b, m.out.p, m.out.n, &view, &weight), REASON_TRAILING);
	made_seal(&m);
	m.out.p[m.out.n - 1] ^= 1;
	assert_reason(proof_alone(&b, m.out.p, m.out.n, &view, &weight), REASON_MERKLE);
}

static void versions(void **state)
{
	struct made m;
	uint64_t weight;

	made_block(&m, BLOCK_ORDINARY, 0);
	assert_reason(judge_at(&m, 180, &weight), REASON_VERSION);
	made_block(&m, BLOCK_ORDINARY, 1);
	assert_reason(judge_at(&m, 179, &weight), REASON_VERSION);
	made_block(&m, BLOCK_ORDINARY, 2);
	assert_reason(judge_at(&m, 180, &weight), REASON_VERSION);
	made_block(&m, BLOCK_ORDINARY, 0x80);
	assert_reason(judge_at(&m, 150, &weight), REASON_SHADOW);
}

/* Unsigned, and listed by the network file: its word is enough. */
static void shadow(void **state)
{
	struct made m;
	struct block b;
	size_t need;

	made_block(&m, BLOCK_ORDINARY, 0x80);
	m.n_signers = 0;
	made_seal(&m);
	assert_true(block_parse(&b, MODEL_BIT(NAKAMOTO), NULL, m.out.p, m.out.n, &need) > 0);
	memcpy(net.shadow[0], b.id, ID_LEN);
	net.n_shadow = 1;
	assert_reason(judge(&m), REASON_OK);
	net.n_shadow = 0;
	assert_reason(judge(&m), REASON_SHADOW);
}

static void transactions(void **state)
{
	struct made m;

	made_block(&m, BLOCK_ORDINARY, 0);
	m.bad_root = true;
	assert_reason(judge(&m), REASON_MERKLE);
	made_block(&m, BLOCK_ORDINARY, 0);
	m.n_txs = 0;
	assert_reason(judge(&m), REASON_NOTX);
	made_block(&m, BLOCK_ORDINARY, 0);
	m.tx[1] = m.tx[0];
	assert_reason(judge(&m), REASON_DUPTX);
	made_block(&m, BLOCK_ORDINARY, 0);
	m.tx[1].p[4] = 42;
	assert_reason(judge(&m), REASON_CHAINID);
	made_block(&m, BLOCK_ORDINARY, 0);
	m.tx[1].p[0] = 0;
	assert_reason(judge(&m), REASON_NETFLAG);
	made_block(&m, BLOCK_ORDINARY, 0);
	m.tx[1].p[110] = 3;	/* originator mode is 3.4's */
	assert_reason(judge(&m), REASON_FEATURE);
	m.version = 1;
	assert_reason(judge(&m), REASON_OK);
}

static void markers(void **state)
{
	struct made m;

	made_block(&m, BLOCK_ORDINARY, 1);
	m.n_markers = 2;
	m.marker[1] = 1;
	assert_reason(judge(&m), REASON_OK);
	m.marker[1] = 0;
	assert_reason(judge(&m), REASON_MARKERS);
	m.marker[1] = 2;
	assert_reason(judge(&m), REASON_MARKERS);
	made_block(&m, BLOCK_START, 1);
	m.n_markers = 1;
	m.marker[0] = 1;
	assert_reason(judge(&m), REASON_MARKERS);
	m.marker[0] = 2;
	assert_reason(judge(&m), REASON_OK);
}

static void swap(struct made *m, int a, int b)
{
	struct bytes t = m->tx[a];

	m->tx[a] = m->tx[b];
	m->tx[b] = t;
}

/* Offset of the tenure change in its transaction. */
#define CHANGE 116

static void tenure_shapes(void **state)
{
	struct made m;

	made_block(&m, BLOCK_START, 0);
	swap(&m, 0, 1);
	assert_reason(judge(&m), REASON_SWAPPED);
	made_block(&m, BLOCK_START, 0);
	swap(&m, 1, 2);
	assert_reason(judge(&m), REASON_LATECOINBASE);
	swap(&m, 0, 1);
	assert_reason(judge(&m), REASON_LATECHANGE);
	made_block(&m, BLOCK_EXTEND, 0);
	swap(&m, 0, 1);
	assert_reason(judge(&m), REASON_LATECHANGE);
	made_block(&m, BLOCK_START, 0);
	swap(&m, 1, 2);
	m.n_txs = 2;
	assert_reason(judge(&m), REASON_NOCOINBASE);
	made_block(&m, BLOCK_START, 0);
	swap(&m, 0, 2);
	m.n_txs = 2;
	assert_reason(judge(&m), REASON_NOCHANGE);
	made_block(&m, BLOCK_START, 0);
	m.tx[1].n = 0;
	tx_old_coinbase(&m.tx[1]);
	assert_reason(judge(&m), REASON_OLDCOINBASE);
	made_block(&m, BLOCK_START, 0);
	tx_coinbase(&m.tx[3]);
	m.tx[3].p[30]++;
	m.n_txs = 4;
	assert_reason(judge(&m), REASON_MANYCHANGES);
	made_block(&m, BLOCK_START, 0);
	m.tx[0].p[CHANGE + 96] = 1;
	assert_reason(judge(&m), REASON_STARTCAUSE);
}

static void tenure_words(void **state)
{
	struct made m;

	made_block(&m, BLOCK_START, 0);
	m.tx[0].p[CHANGE + 60]++;
	assert_reason(judge(&m), REASON_PREVEND);
	made_block(&m, BLOCK_EXTEND, 0);
	m.tx[0].p[CHANGE]++;
	assert_reason(judge(&m), REASON_OTHERTENURE);
	made_block(&m, BLOCK_EXTEND, 0);
	m.tx[0].p[CHANGE + 20]++;
	assert_reason(judge(&m), REASON_EXTPREV);
	made_block(&m, BLOCK_START, 0);
	m.tx[0].p[CHANGE + 97]++;
	assert_reason(judge(&m), REASON_MINERHASH);
}

static void signers(void **state)
{
	struct made m;

	made_block(&m, BLOCK_ORDINARY, 1);
	m.miner = 2;
	assert_reason(judge(&m), REASON_MINER);
	made_block(&m, BLOCK_ORDINARY, 1);
	m.n_signers = 0;
	assert_reason(judge(&m), REASON_FEW);
	m.n_signers = 3;
	assert_reason(judge(&m), REASON_FEW);		/* 33 of 60 */
	made_block(&m, BLOCK_ORDINARY, 1);
	m.signer[3] = -2;
	assert_reason(judge(&m), REASON_SIGNATURE);
	m.signer[3] = -1;
	assert_reason(judge(&m), REASON_SIGNER);
	m.signer[3] = 2;
	assert_reason(judge(&m), REASON_SIGNER);	/* twice */
	made_block(&m, BLOCK_ORDINARY, 1);
	m.n_signers = MADE_SIGNERS + 1;			/* more than there are: no curve work */
	for (uint32_t i = 0; i < m.n_signers; i++)
		m.signer[i] = -2;
	assert_reason(judge(&m), REASON_SIGNER);
}

/* 3.x remembers the first index only; 4.0 wants all of them ascending. */
static void order(void **state)
{
	static const int later[] = { 0, 3, 1, 2 }, first[] = { 1, 0, 2, 3 };
	struct made m;

	made_block(&m, BLOCK_ORDINARY, 0);
	memcpy(m.signer, later, sizeof(later));
	assert_reason(judge(&m), REASON_OK);
	memcpy(m.signer, first, sizeof(first));
	assert_reason(judge(&m), REASON_ORDER);
	made_block(&m, BLOCK_ORDINARY, 1);
	memcpy(m.signer, later, sizeof(later));
	assert_reason(judge(&m), REASON_ORDER);
}

static void thresholds(void **state)
{
	static const struct {
		uint32_t total;
		uint64_t threshold;
	} want[] = { { 10, 7 }, { 11, 8 }, { 99, 70 }, { 3999, 2800 } };
	static const uint8_t keys[2][KEY_LEN] = { { 2, 1 }, { 2, 2 } };
	struct signer_set s;
	uint32_t big[2] = { UINT32_MAX, 1 };

	for (int i = 0; i < 4; i++) {
		uint32_t weights[2] = { 1, want[i].total - 1 };

		assert_int_equal(signer_set_init(&s, 0, 2, keys, weights), 0);
		assert_int_equal(s.threshold, want[i].threshold);
		assert_int_equal(signer_set_find(&s, keys[1]), 1);
		assert_int_equal(signer_set_find(&s, set.keys[0]), -1);
		signer_set_release(&s);
	}
	assert_int_equal(signer_set_init(&s, 0, 2, keys, big), -1);
	assert_int_equal(signer_set_init(&s, 0, 0, keys, big), -1);
	assert_int_equal(signer_set_init(&s, 0, 2, keys, (const uint32_t[2]){ 0, 0 }), -1);
}

/* The start of a shadow tenure says what no commit does; the network file must list it. */
static void shadow_commit(void **state)
{
	static struct network listed;
	uint8_t id[ID_LEN], want[ID_LEN];
	struct made m;
	struct block b;
	size_t need;

	memset(want, 0x99, sizeof(want));
	made_block(&m, BLOCK_START, 1 | SHADOW_BIT);
	/* the payload, behind a head without post-conditions and the id */
	memset(m.tx[1].p + m.tx[1].n - 80 - 1 - 32, 0x99, 32);
	made_seal(&m);
	assert_int_equal(
	    block_parse(&b, MODEL_BIT(NAKAMOTO), NULL, m.out.p, m.out.n, &need), m.out.n);
	listed = net;
	assert_false(block_shadow_commit(&b, &listed, id));
	memcpy(listed.shadow[listed.n_shadow++], b.id, ID_LEN);
	assert_true(block_shadow_commit(&b, &listed, id));
	assert_memory_equal(id, want, ID_LEN);
	/* Listed ones that start no tenure. */
	made_block(&m, BLOCK_ORDINARY, 1 | SHADOW_BIT);
	m.tx[1].n = 0;
	tx_coinbase(&m.tx[1]);
	made_seal(&m);
	assert_true(block_parse(&b, MODEL_BIT(NAKAMOTO), NULL, m.out.p, m.out.n, &need) > 0);
	memcpy(listed.shadow[0], b.id, ID_LEN);
	assert_false(block_shadow_commit(&b, &listed, id));
	made_block(&m, BLOCK_EXTEND, 1 | SHADOW_BIT);
	made_seal(&m);
	assert_true(block_parse(&b, MODEL_BIT(NAKAMOTO), NULL, m.out.p, m.out.n, &need) > 0);
	memcpy(listed.shadow[0], b.id, ID_LEN);
	assert_false(block_shadow_commit(&b, &listed, id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_vectors),
		cmocka_unit_test(header_bounds),
		cmocka_unit_test(good_blocks),
		cmocka_unit_test(codec),
		cmocka_unit_test(versions),
		cmocka_unit_test(shadow),
		cmocka_unit_test(transactions),
		cmocka_unit_test(markers),
		cmocka_unit_test(tenure_shapes),
		cmocka_unit_test(tenure_words),
		cmocka_unit_test(signers),
		cmocka_unit_test(order),
		cmocka_unit_test(thresholds),
		cmocka_unit_test(shadow_commit),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
