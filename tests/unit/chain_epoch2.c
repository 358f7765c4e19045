/* Anchored blocks of epoch 2.x: captured chains are proven whole, streams too; and a block bent in
 * each way that a rule forbids, on its own and on its parent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "common/chain/work.h"
#include "tests/unit/chain_feed.h"
#include "tests/unit/chain_make_epoch2.h"

static const char epoch2x[] =
    "name epoch2x\nchain_id 0x80000000\nfirst_burn_height 0\nfirst_burn_hash "
    "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206\ncycle_length 5\n"
    "prepare_length 3\nstable_confirmations 7\nepoch 2.0 0\n";
static const char transition[] =
    "name transition\nchain_id 0x80000000\nfirst_burn_height 0\nfirst_burn_hash "
    "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206\ncycle_length 10\n"
    "prepare_length 5\nstable_confirmations 7\nepoch 2.0 0\nepoch 2.5 0\nepoch 3.0 42\n";
/* One epoch a burn block. */
static const char made[] =
    "name made\nchain_id 0x80000000\nfirst_burn_height 100\nfirst_burn_hash "
    "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206\ncycle_length 20\n"
    "prepare_length 5\nstable_confirmations 7\nepoch 2.0 100\nepoch 2.05 101\nepoch 2.1 102\n"
    "epoch 2.2 103\nepoch 2.3 104\nepoch 2.4 105\nepoch 2.5 106\nepoch 3.0 107\n";
enum { IN_20 = 100, IN_205, IN_21, IN_22, IN_23, IN_24, IN_25, IN_30 };

#define assert_reason(got, want) \
	assert_string_equal(chain_reason_word(got), chain_reason_word(want))

static struct feed feed;

static void whole(const char *path, const char *network, size_t blocks, size_t streams)
{
	struct work before = work_done;
	size_t n = 0, microblocks = 0;
	bool committed;

	feed_open(&feed, path, network);
	assert_int_equal(feed.n, blocks);
	for (size_t i = 0; i < feed.n; i++) {
		struct feed_block *b = &feed.b[i];

		assert_reason(feed_judge(&feed, b, &committed), REASON_OK);
		assert_int_equal(block_confirms(&b->block), b->stream_len > 0);
		n += b->stream_len > 0;
		microblocks += b->stream_len ? get_be32(b->stream) : 0;
	}
	assert_int_equal(n, streams);
	/* Nothing is recovered but the signature of each microblock, once. */
	assert_int_equal(work_since(before).curve, microblocks);
}

static void captured(void **state)
{
	whole("tests/fixtures/epoch2x.blocks", epoch2x, 12, 11);
	feed_close(&feed);
	whole("tests/fixtures/transition.blocks", transition, 16, 0);
	feed_close(&feed);
}

/* A captured block whose sortition, or the one below, says otherwise by a little. */
static void in_its_place(void **state)
{
	struct feed_block *b, *below;

	whole("tests/fixtures/transition.blocks", transition, 16, 0);
	b = &feed.b[feed.n - 1];
	below = feed_find(&feed, b->fact.parent_ch);
	assert_true(below->fact.has_total_burn && below->fact.total_burn > 0);
	assert_reason(feed_place(&feed, b), REASON_OK);
	below->fact.total_burn++;
	assert_reason(feed_place(&feed, b), REASON_BURN);
	below->fact.has_total_burn = false;
	assert_reason(feed_place(&feed, b), REASON_OK);
	below->fact.committed[0] ^= 1;
	assert_reason(feed_place(&feed, b), REASON_PARENT);
	below->fact.committed[0] ^= 1;
	below->link.height++;
	assert_reason(feed_place(&feed, b), REASON_HEIGHT);
	feed_close(&feed);
}

static struct network net;

static int setup(void **state)
{
	char err[200];

	return network_parse(&net, made, strlen(made), err);
}

static enum chain_reason judge_sealed(const struct made2 *m, uint64_t burn_height)
{
	static const uint8_t ch[CH_LEN] = { 0x44 };
	struct proof_view view = { .net = &net,
		.burn_height = burn_height,
		.model = EPOCH2,
		.ch = ch,
		.committed = m->hash };
	uint8_t id[ID_LEN];
	struct block b;
	uint64_t weight;
	enum chain_reason reason = proof_alone(&b, m->out.p, m->out.n, &view, &weight);

	assert_true(weight == 0);
	if (reason == REASON_OK) {
		hash_block_id(id, m->hash, ch);
		assert_memory_equal(b.id, id, ID_LEN);
	}
	return reason;
}

static enum chain_reason judge(struct made2 *m, uint64_t burn_height)
{
	made2_seal(m);
	return judge_sealed(m, burn_height);
}

static void every_epoch(void **state)
{
	struct made2 m;

	made2_block(&m);
	for (uint64_t h = IN_20; h <= IN_25; h++)
		assert_reason(judge(&m, h), REASON_OK);
	assert_reason(judge(&m, IN_30), REASON_VERSION);
}

static void header_rules(void **state)
{
	struct work before = work_done;
	struct made2 m;

	made2_block(&m);
	made2_seal(&m);
	m.hash[31] ^= 1;
	assert_reason(judge_sealed(&m, IN_20), REASON_WINNER);
	/* Of a row that names zeros: so do all headers of height 0. */
	m.height = 0;
	made2_seal(&m);
	memset(m.hash, 0, 32);
	assert_reason(judge_sealed(&m, IN_20), REASON_WINNER);
	m.height = 9;
	m.tail[5] = 1;
	m.sequence = 3;
	assert_reason(judge(&m, IN_25), REASON_MB25);
	/* A sequence with nothing that it would be of. */
	m.tail[5] = 0;
	assert_reason(judge(&m, IN_24), REASON_TAIL);
	assert_reason(judge(&m, IN_25), REASON_MB25);
	/* None of it cost more than hashes of headers. */
	assert_true(work_since(before).parsed == 0);
	m.tail[5] = 1;
	assert_reason(judge(&m, IN_24), REASON_OK);
	m.out.n = EPOCH2_HEADER - 1;
	assert_reason(judge_sealed(&m, IN_24), REASON_CODEC);
}

static void bytes(void **state)
{
	struct made2 m;

	made2_block(&m);
	m.bad_root = true;
	assert_reason(judge(&m, IN_20), REASON_MERKLE);
	m.bad_root = false;
	made2_seal(&m);
	add(&m.out, "x", 1);
	assert_reason(judge_sealed(&m, IN_20), REASON_TRAILING);
	m.out.n -= 2;
	assert_reason(judge_sealed(&m, IN_20), REASON_CODEC);
	m.tx[2] = m.tx[1];
	m.n_txs = 3;
	assert_reason(judge(&m, IN_20), REASON_DUPTX);
	m.n_txs = 0;
	assert_reason(judge(&m, IN_20), REASON_NOTX);
}

static void coinbases(void **state)
{
	struct made2 m;
	struct bytes swap;

	made2_block(&m);
	swap = m.tx[0]; /* second */
	m.tx[0] = m.tx[1];
	m.tx[1] = swap;
	assert_reason(judge(&m, IN_20), REASON_COINBASE);
	m.n_txs = 1; /* none */
	assert_reason(judge(&m, IN_20), REASON_COINBASE);
	made2_block(&m);
	m.n_txs = 3; /* two */
	tx_head(&m.tx[2], 0x80, MADE_CHAIN, 1, 8);
	add_u8(&m.tx[2], TX_COINBASE);
	add_fill(&m.tx[2], 0, 32);
	assert_reason(judge(&m, IN_20), REASON_COINBASE);
	m.n_txs = 2;
	m.tx[0].n = 0; /* of Nakamoto */
	tx_coinbase(&m.tx[0]);
	assert_reason(judge(&m, IN_25), REASON_FEATURE);
	m.tx[0].n = 0; /* to somebody else: from 2.1 on */
	tx_head(&m.tx[0], 0x80, MADE_CHAIN, 1, 7);
	add_u8(&m.tx[0], TX_COINBASE_ALT);
	add_fill(&m.tx[0], 0, 32);
	add(&m.tx[0], "\x05\x1a", 2);
	add_fill(&m.tx[0], 0x22, 20);
	assert_reason(judge(&m, IN_205), REASON_FEATURE);
	assert_reason(judge(&m, IN_21), REASON_OK);
}

static void transactions(void **state)
{
	static const struct {
		uint8_t version;
		uint32_t chain;
		uint8_t anchor;
		enum chain_reason want;
	} heads[] = {
		{ 0x80, MADE_CHAIN, 3, REASON_OK },
		{ 0x80, MADE_CHAIN, 1, REASON_OK },
		{ 0x80, MADE_CHAIN, 2, REASON_ANCHOR },
		{ 0x80, MADE_CHAIN + 1, 3, REASON_CHAINID },
		{ 0x00, MADE_CHAIN, 3, REASON_NETFLAG },
	};
	static const struct {
		const char *payload;
		size_t n;
		uint64_t since;
	} payloads[] = {
		{ "\1\1a\0\0\0\0", 7, IN_20 },	 /* a contract */
		{ "\6\1\1a\0\0\0\0", 8, IN_21 }, /* ... that says its Clarity */
		{ "\6\2\1a\0\0\0\0", 8, IN_21 },
		{ "\6\3\1a\0\0\0\0", 8, IN_30 },
	};
	struct tenure_change change = { .cause = 0 };
	struct made2 m;

	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		made2_block(&m);
		m.tx[1].n = 0;
		tx_head(&m.tx[1], heads[i].version, heads[i].chain, heads[i].anchor, 1);
		add(&m.tx[1], "\1\1a\0\0\0\0", 7);
		assert_reason(judge(&m, IN_24), heads[i].want);
	}
	for (size_t i = 0; i < sizeof(payloads) / sizeof(*payloads); i++) {
		m.tx[1].n = 0;
		tx_head(&m.tx[1], 0x80, MADE_CHAIN, 3, 1);
		add(&m.tx[1], payloads[i].payload, payloads[i].n);
		for (uint64_t h = IN_20; h <= IN_25; h++)
			assert_reason(
			    judge(&m, h), h < payloads[i].since ? REASON_FEATURE : REASON_OK);
	}
	m.tx[1].n = 0;
	tx_change(&m.tx[1], &change);
	assert_reason(judge(&m, IN_25), REASON_FEATURE);
}

/* A signer's key that is no point; and an order of signing that begins with epoch 3.0. */
static void signers(void **state)
{
	static const struct {
		uint8_t mode, key;
		enum chain_reason want;
	} v[] = { { 1, 2, REASON_OK }, { 1, 0, REASON_CODEC }, { 5, 2, REASON_FEATURE } };
	struct made2 m;

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		uint8_t secret[32], key[KEY_LEN] = { 2 };

		made2_block(&m);
		made_secret(secret, v[i].key);
		memset(key + 1, 0xff, 32);
		if (v[i].key)
			assert_int_equal(key_public(key, secret), 0);
		m.tx[1].n = 0;
		add(&m.tx[1], "\x80\x80\0\0\0\x04", 6);
		add_u8(&m.tx[1], v[i].mode);
		add_fill(&m.tx[1], 0x11, 20 + 8 + 8);
		add_u32(&m.tx[1], 1);
		add_u8(&m.tx[1], 0);
		add(&m.tx[1], key, KEY_LEN);
		add(&m.tx[1], "\0\0\3\2\0\0\0\0\1\1a\0\0\0\0", 15);
		assert_reason(judge(&m, IN_24), v[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(captured),
		cmocka_unit_test(in_its_place),
		cmocka_unit_test(every_epoch),
		cmocka_unit_test(header_rules),
		cmocka_unit_test(bytes),
		cmocka_unit_test(coinbases),
		cmocka_unit_test(transactions),
		cmocka_unit_test(signers),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
