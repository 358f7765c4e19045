/* What becomes of answers and announcements: answers overwrite the burn heights that they are
 * about, announcements only set bits of cycles that were answered for, anchor blocks that became
 * others void what hangs on them, and no length that a peer gives is believed. */
// link: cmd/inv-sync/*.c
#include "cmd/inv-sync/learn.h"
#include "common/chain/bitvec.h"
#include "tests/unit/store_world.h"

#define TIP 135 /* F is 100, L 20: cycle 1 has 15 heights of its 20, from 121 on */
#define NO_WINNER 113
enum { TENURES, POX, BLOCKS };

static struct world w;
static struct inv_sync s;
static struct peer p;

static void ch_of(uint8_t ch[CH_LEN], uint64_t height) { memset(ch, (int)height, CH_LEN); }

/* Our view: a sortition at each burn height, all canonical. */
static void setup_view(uint64_t tip)
{
	MDB_txn *txn = store_write(&w.s);

	for (uint64_t h = 101; h <= tip; h++) {
		struct rec_sortition r = {
			.burn_height = h, .won = h != NO_WINNER, .canonical = true
		};

		ch_of(r.consensus_hash, h);
		memset(r.burn_hash, (int)h ^ 0x55, 32);
		sortition_put(&w.s, txn, &r);
	}
	store_commit_or_die(&w.s, txn);
	s.self.view.burn_height = tip;
	s.self.view.stable_height = tip - 7;
	memset(s.self.view.burn_hash, (int)tip ^ 0x55, 32);
	machine_tip(&s.machine, tip, false, 1000);
	for (uint64_t c = 0; c <= s.machine.last; c++)
		machine_cycle_known(&s.machine, c);
}

static int setup(void **state)
{
	world_open(&w);
	memset(&s, 0, sizeof(s));
	memset(&p, 0, sizeof(p));
	s.store = w.s;
	TAILQ_INIT(&s.peers);
	machine_init(&s.machine, &s.store.net, false, inv_questions, n_inv_questions);
	save_init(&s);
	setup_view(TIP);
	p.s = &s;
	p.key[0] = 2;
	p.has_key = true;
	p.fault_at = 1;
	return 0;
}

static int teardown(void **state)
{
	learn_forget(&p);
	save_release(&s);
	machine_release(&s.machine);
	world_close(&w);
	return 0;
}

/* A preamble of our own view. */
static struct message said(unsigned id)
{
	struct message m = { .id = id };

	m.pre.burn_height = s.self.view.burn_height;
	m.pre.stable_height = s.self.view.stable_height;
	memcpy(m.pre.burn_hash, s.self.view.burn_hash, 32);
	return m;
}

static void bits_of(uint8_t *bits, const char *text)
{
	for (uint32_t i = 0; text[i]; i++)
		if (text[i] == '1')
			bitvec_set(bits, i);
}

/* A BlocksInv of these bits to a question for as many, with the same for streams. */
static void blocks(uint64_t cycle, const char *text)
{
	uint8_t bits[INV_BYTES] = { 0 };
	struct message m = said(MSG_BLOCKS_INV);
	uint32_t n = (uint32_t)strlen(text);

	bits_of(bits, text);
	m.u.inv.count = (uint16_t)n;
	m.u.inv.bits = m.u.inv.bits2 = bits;
	learn_answer(&p, (struct inquiry){ BLOCKS, cycle, n }, &m);
}

/* A PoxInv of these bits to a question from cycle 0 on, for `asked`. */
static void pox(const char *text, uint32_t asked)
{
	uint8_t bits[INV_BYTES] = { 0 };
	struct message m = said(MSG_POX_INV);

	bits_of(bits, text);
	m.u.inv.count = (uint16_t)strlen(text);
	m.u.inv.bits = bits;
	learn_answer(&p, (struct inquiry){ POX, 0, asked }, &m);
}

static void assert_row(enum inventory_kind kind, uint64_t cycle, const char *want)
{
	uint8_t bits[INV_BYTES] = { 0 };
	uint32_t n = save_known(&p, kind, cycle, bits);
	char text[INV_BYTES * 8 + 1];

	for (uint32_t i = 0; i < n; i++)
		text[i] = bitvec_get(bits, n, i) ? '1' : '0';
	text[n] = '\0';
	assert_string_equal(text, want);
}

/* The last fault is newer than before. */
static bool faulted(void)
{
	bool fresh = p.fault_at != 1;

	p.fault_at = 1;
	return fresh;
}

/* Zero is how a test asks for the next fault without a pause. */
static void no_pause(void) { p.fault_at = 0; }

static void answers(void **state)
{
	pox("111", 3);
	assert_row(INV_POX, 0, "111");
	blocks(0, "11111111111101111111");
	assert_row(INV_BLOCKS, 0, "11111111111101111111");
	assert_row(INV_MICROBLOCKS, 0, "11111111111101111111");
	assert_int_equal(learn_has(&p), 38);
	/* Overwritten, and not beyond what the answer is about. */
	blocks(0, "0101");
	assert_row(INV_BLOCKS, 0, "01011111111101111111");
	blocks(1, "111");
	blocks(1, "00001");
	assert_row(INV_BLOCKS, 1, "00001");
	assert_false(faulted());
	/* A bit of a sortition that nobody won is left out, and a lie. */
	no_pause();
	blocks(0, "11111111111111111111");
	assert_true(faulted());
	assert_row(INV_BLOCKS, 0, "11111111111101111111");
}

/* From the cycle on whose anchor block it does not know, mod 1: what it said is void. */
static void unlearnt(void **state)
{
	pox("111", 3);
	blocks(0, "11");
	blocks(1, "11");
	pox("101", 3);
	assert_row(INV_POX, 0, "101");
	assert_row(INV_BLOCKS, 0, "11");
	assert_row(INV_BLOCKS, 1, "");
	assert_row(INV_MICROBLOCKS, 1, "");
	assert_int_equal(learn_has(&p), 4);
	assert_int_equal(p.asks.agreed, 1);
	/* By its Nack: nothing is left. */
	learn_diverged(&p, (struct inquiry){ POX, 0, 3 });
	assert_row(INV_POX, 0, "");
	assert_row(INV_BLOCKS, 0, "");
	/* What a Nack to another question says of anchor blocks is nothing. */
	pox("111", 3);
	learn_diverged(&p, (struct inquiry){ BLOCKS, 0, 3 });
	assert_row(INV_POX, 0, "111");
	assert_false(faulted());
}

/* One item, as often as it is said; wrong: another burn block than the sortition's. */
static void announce(unsigned id, uint64_t height, unsigned times, bool wrong)
{
	uint8_t payload[4 + 32 * (CH_LEN + 32)];
	struct message m = said(id);

	put_be32(payload, times);
	for (unsigned i = 0; i < times; i++) {
		ch_of(payload + 4 + i * (CH_LEN + 32), height);
		memset(
		    payload + 4 + i * (CH_LEN + 32) + CH_LEN, (int)height ^ (wrong ? 0 : 0x55), 32);
	}
	m.u.blocks.p = payload;
	m.u.blocks.len = 4 + times * (CH_LEN + 32);
	p.announced_at = 0;
	learn_announced(&p, &m);
}

static void announced(void **state)
{
	uint64_t digest;

	/* Neither without a scan, nor beyond the cycles that were scanned. */
	announce(MSG_BLOCKS_AVAILABLE, 103, 1, false);
	assert_row(INV_BLOCKS, 0, "");
	pox("111", 3);
	blocks(0, "01");
	announce(MSG_BLOCKS_AVAILABLE, 122, 1, false);
	assert_row(INV_BLOCKS, 1, "");
	announce(MSG_BLOCKS_AVAILABLE, 101, 1, false);
	assert_row(INV_BLOCKS, 0, "11");
	assert_row(INV_MICROBLOCKS, 0, "01");
	/* The second time is no news. */
	digest = p.said[INV_BLOCKS].at[0].digest;
	announce(MSG_BLOCKS_AVAILABLE, 101, 32, false);
	assert_true(digest == p.said[INV_BLOCKS].at[0].digest);
	assert_int_equal(p.said[INV_BLOCKS].at[0].has, 2);
	/* Sparse growth, of streams too; nothing is ever cleared. */
	announce(MSG_BLOCKS_AVAILABLE, 106, 2, false);
	assert_row(INV_BLOCKS, 0, "110001");
	announce(MSG_MICROBLOCKS_AVAILABLE, 101, 1, false);
	assert_row(INV_MICROBLOCKS, 0, "11");
	/* A sortition that we do not know. */
	announce(MSG_BLOCKS_AVAILABLE, 200, 1, false);
	assert_false(faulted());
	/* What cannot be: nobody won, another burn block. */
	no_pause();
	announce(MSG_BLOCKS_AVAILABLE, NO_WINNER, 1, false);
	assert_true(faulted());
	no_pause();
	announce(MSG_BLOCKS_AVAILABLE, 104, 1, true);
	assert_true(faulted());
	assert_row(INV_BLOCKS, 0, "110001");
	/* None of it counts while another machine speaks for the key. */
	p.contends = true;
	announce(MSG_BLOCKS_AVAILABLE, 104, 1, false);
	blocks(1, "11");
	assert_row(INV_BLOCKS, 0, "110001");
	assert_row(INV_BLOCKS, 1, "");
}

/* A flood of them is dropped: ten at once, then ten a second. */
static void floods(void **state)
{
	uint8_t payload[4] = { 0 };
	struct message m = said(MSG_BLOCKS_AVAILABLE);
	uint64_t before;

	m.u.blocks.p = payload;
	m.u.blocks.len = 4;
	for (unsigned i = 0; i < 10000; i++)
		learn_announced(&p, &m);
	before = p.announced_at;
	learn_announced(&p, &m);
	assert_in_range(p.announced_at - before, 0, 100);
	assert_in_range(p.announced_at, now_ms() - 200, now_ms());
}

static void of_nakamoto(void **state)
{
	setup_view(150);
	pox("1111", 4);
	blocks(1, "01010101010101010100");
	announce(MSG_BLOCKS_AVAILABLE, 140, 1, false);
	assert_row(INV_BLOCKS, 1, "01010101010101010100");
	assert_true(p.fault_at == 1);
}

/* Lengths that lie, up to what the wire can say. */
static void lengths(void **state)
{
	static uint8_t ones[8192];
	struct message m = said(MSG_BLOCKS_INV);

	memset(ones, 0xff, sizeof(ones));
	pox("111", 3);
	for (uint32_t count = 1; count <= UINT16_MAX; count = count * 2 + 1) {
		m.u.inv.count = (uint16_t)count;
		m.u.inv.bits = m.u.inv.bits2 = ones;
		no_pause();
		learn_answer(&p, (struct inquiry){ BLOCKS, 1, 10 }, &m);
		assert_true(faulted());
		assert_true(save_known(&p, INV_BLOCKS, 1, (uint8_t[INV_BYTES]){ 0 }) <= 10);
	}
	/* The whole of a PoxInv that nobody asked for. */
	m = said(MSG_POX_INV);
	m.u.inv.count = MAX_POX_BITS;
	m.u.inv.bits = ones;
	no_pause();
	learn_answer(&p, (struct inquiry){ POX, 0, 3 }, &m);
	assert_true(faulted());
	assert_row(INV_POX, 0, "111");
	assert_int_equal(p.asks.agreed, 3);
	/* Fewer than asked is no lie: it knows no more. */
	pox("1", 3);
	assert_row(INV_POX, 0, "1");
	assert_false(faulted());
	assert_int_equal(p.asks.agreed, 1);
}

/* Up to where a peer is asked about epoch 2.x: our tip where it is ahead or has the same, its tip
 * where it is behind on our chain, and what both hold for stable where it names another tip. */
static void reach(void **state)
{
	struct preamble pre = { .burn_height = TIP, .stable_height = TIP - 7 };

	memset(pre.burn_hash, TIP ^ 0x55, 32);
	assert_int_equal(view_reach(&s, &pre), TIP);
	pre.burn_height = TIP + 50;
	pre.stable_height = TIP + 43;
	assert_int_equal(view_reach(&s, &pre), TIP);
	pre.burn_height = TIP - 20;
	pre.stable_height = TIP - 27;
	memset(pre.burn_hash, (TIP - 20) ^ 0x55, 32);
	assert_int_equal(view_reach(&s, &pre), TIP - 20);
	memset(pre.burn_hash, 1, 32);
	assert_int_equal(view_reach(&s, &pre), TIP - 27);
	pre.burn_height = TIP;
	pre.stable_height = TIP - 7;
	assert_int_equal(view_reach(&s, &pre), TIP - 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers, setup, teardown),
		cmocka_unit_test_setup_teardown(unlearnt, setup, teardown),
		cmocka_unit_test_setup_teardown(announced, setup, teardown),
		cmocka_unit_test_setup_teardown(floods, setup, teardown),
		cmocka_unit_test_setup_teardown(of_nakamoto, setup, teardown),
		cmocka_unit_test_setup_teardown(lengths, setup, teardown),
		cmocka_unit_test_setup_teardown(reach, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
