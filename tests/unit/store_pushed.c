/* Blocks that come unasked: which are kept, whose fault it is where they are not, and how much one
 * sender may send. */
#include "common/store/pushed.h"
#include "common/wire/message.h"
#include "tests/unit/chain_anchored.h"
#include "tests/unit/store_line.h"

static struct line l;
static uint8_t miner[HASH160_LEN];

/* The sortition of a tenure, and who won it. */
static void won(char tenure, uint64_t height, const uint8_t *by)
{
	struct rec_sortition r = { .burn_height = height, .won = by != NULL, .canonical = true };
	MDB_txn *txn = store_write(&l.w.s);

	world_ch(r.consensus_hash, tenure);
	if (by)
		memcpy(r.miner, by, HASH160_LEN);
	if (tenure == 'a')
		memcpy(r.committed, l.w.blocks[0].parent, ID_LEN);
	sortition_put(&l.w.s, txn, &r);
	store_commit_or_die(&l.w.s, txn);
}

static int setup(void **state)
{
	static const uint8_t other[HASH160_LEN] = { 9 };

	line_make_blocks(&l);
	made_hash160(miner, 1);
	won('a', 140, miner);
	won('b', 141, miner);
	won('c', 143, other);
	won('d', 144, NULL);
	world_restart(&l.w);
	return 0;
}

static int teardown(void **state)
{
	world_close(&l.w);
	return 0;
}

static struct bytes *block(int i) { return l.w.blocks[i].b; }

static void judges(enum pushed want, enum chain_reason reason, const struct bytes *b, bool alone)
{
	MDB_txn *txn = store_read(&l.w.s);
	enum chain_reason why;
	struct block n;

	assert_int_equal(pushed_judge(&l.w.s, txn, NULL, b->p, b->n, alone, &n, &why), want);
	assert_string_equal(chain_reason_word(why), chain_reason_word(reason));
	store_read_end(txn);
}

static void rule(void **state)
{
	struct bytes b = *block(0);

	judges(PUSHED_TAKEN, REASON_OK, &b, true);
	add_u8(&b, 0);
	judges(PUSHED_MALFORMED, REASON_TRAILING, &b, true);
	judges(PUSHED_TAKEN, REASON_OK, &b, false);
	b.n -= 2;
	judges(PUSHED_MALFORMED, REASON_CODEC, &b, true);
	b = *block(0);
	b.p[b.n - 1] ^= 1;
	judges(PUSHED_REFUSED, REASON_MERKLE, &b, true);
	b = *block(0);
	b.p[140] ^= 1;
	judges(PUSHED_REFUSED, REASON_MINER, &b, true);
	b.p[0] = 0x80;
	judges(PUSHED_REFUSED, REASON_SHADOW, &b, true);
	b.n = 100;
	judges(PUSHED_MALFORMED, REASON_CODEC, &b, true);
	judges(PUSHED_REFUSED, REASON_MINER, block(4), true);
	judges(PUSHED_REFUSED, REASON_NOWINNER, block(8), true);
	b = *block(0);
	memset(b.p + 17, 'x', CH_LEN);
	judges(PUSHED_REFUSED, REASON_NOSORTITION, &b, true);

	keeper_begin(l.w.k);
	world_give(&l.w, &l.w.blocks[0]);
	world_commit(&l.w);
	b = *block(0);
	judges(PUSHED_KNOWN, REASON_OK, &b, true);
	add_u8(&b, 0);
	judges(PUSHED_MALFORMED, REASON_TRAILING, &b, true);
}

static void judges_anchored(
    enum pushed want, enum chain_reason reason, const uint8_t *ch, const uint8_t *p, size_t n)
{
	MDB_txn *txn = store_read(&l.w.s);
	enum chain_reason why;
	struct block b;

	assert_int_equal(pushed_judge(&l.w.s, txn, ch, p, n, true, &b, &why), want);
	assert_string_equal(chain_reason_word(why), chain_reason_word(reason));
	store_read_end(txn);
}

/* Of epoch 2.x: the sortition's winner committed to the block, and no key is asked for. */
static void anchored(void **state)
{
	struct anchored all[ANCHORED];
	struct rec_sortition r = { .burn_height = 110, .won = true, .canonical = true };
	struct block b;
	MDB_txn *txn;
	size_t need;

	anchored_read(all);
	block_header(&b, MODEL_BIT(EPOCH2), all[1].ch, all[1].bytes, sizeof(all[1].bytes), &need);
	memcpy(r.consensus_hash, all[1].ch, CH_LEN);
	memcpy(r.committed, b.hash, 32);
	txn = store_write(&l.w.s);
	sortition_put(&l.w.s, txn, &r);
	store_commit_or_die(&l.w.s, txn);
	judges_anchored(PUSHED_TAKEN, REASON_OK, all[1].ch, all[1].bytes, ANCHORED_SIZE);
	judges_anchored(PUSHED_REFUSED, REASON_NOSORTITION, all[0].ch, all[1].bytes, ANCHORED_SIZE);
	judges_anchored(PUSHED_REFUSED, REASON_WINNER, all[1].ch, all[2].bytes, ANCHORED_SIZE);
	judges_anchored(PUSHED_MALFORMED, REASON_CODEC, all[1].ch, all[1].bytes, ANCHORED_SIZE - 1);
	judges_anchored(PUSHED_MALFORMED, REASON_CODEC, all[1].ch, all[1].bytes, 100);
	all[1].bytes[ANCHORED_SIZE - 1] ^= 1;
	judges_anchored(PUSHED_REFUSED, REASON_MERKLE, all[1].ch, all[1].bytes, ANCHORED_SIZE);
	all[1].bytes[0] ^= 1;
	judges_anchored(PUSHED_REFUSED, REASON_WINNER, all[1].ch, all[1].bytes, ANCHORED_SIZE);
}

static unsigned taken;

static void take(void *arg, const struct rec_block *row) { taken++; }

/* Blocks by their numbers, ended by -1. */
static enum chain_reason push(uint32_t n, const int *which)
{
	struct message m = { .id = MSG_NAKAMOTO_BLOCKS };
	struct bytes all = { .n = 0 };

	taken = 0;
	for (; *which >= 0; which++)
		add(&all, block(*which)->p, block(*which)->n);
	m.u.blocks.n = n;
	m.u.blocks.p = all.p;
	m.u.blocks.len = all.n;
	return pushed_message(&l.w.s, &m, take, NULL);
}
#define PUSH(n, ...) push(n, (const int[]){ __VA_ARGS__, -1 })

static void pushes(void **state)
{
	assert_int_equal(PUSH(2, 1, 3), REASON_OK);
	assert_int_equal(taken, 2);
	assert_int_equal(PUSH(2, 0, 1), REASON_OK);	/* the first is known */
	assert_int_equal(taken, 1);
	assert_int_equal(PUSH(2, 1, 1), REASON_CODEC);
	assert_int_equal(PUSH(1, 1, 3), REASON_TRAILING);
	assert_int_equal(taken, 0);
	assert_int_equal(PUSH(3, 1, 3), REASON_CODEC);
	/* Nothing behind a block that is refused is looked at. */
	assert_int_equal(PUSH(2, 4, 1), REASON_MINER);
	assert_int_equal(taken, 0);

	assert_int_equal(pushed_fault(REASON_MINER), PUSHED_REFUSED);
	assert_int_equal(pushed_fault(REASON_MERKLE), PUSHED_REFUSED);
	assert_int_equal(pushed_fault(REASON_CODEC), PUSHED_MALFORMED);
	assert_int_equal(pushed_fault(REASON_TRAILING), PUSHED_MALFORMED);
	assert_int_equal(pushed_fault(REASON_OK), PUSHED_TAKEN);
	assert_int_equal(pushed_fault(REASON_NOSORTITION), PUSHED_TAKEN);
	assert_int_equal(pushed_fault(REASON_NOWINNER), PUSHED_TAKEN);
	assert_int_equal(pushed_fault(REASON_UNCONFIRMED), PUSHED_TAKEN);
}

static void budgets(void **state)
{
	struct push_budgets *b = calloc(1, sizeof(*b));
	uint64_t now = 1000;
	char who[16];

	assert_true(push_allowed(b, "a", now, PUSH_BURST - PUSH_LEAST, 1));
	assert_true(push_allowed(b, "a", now, 1, 1));	/* little counts for PUSH_LEAST */
	assert_false(push_allowed(b, "a", now, 1, 1));
	assert_true(push_allowed(b, "b", now, PUSH_BURST, 1));
	assert_false(push_allowed(b, "a", now + 1000, PUSH_RATE + 1, 1));
	assert_true(push_allowed(b, "a", now + 1000, PUSH_RATE, 1));
	assert_false(push_allowed(b, "a", now + 1000, 1, 1));
	now += 3600000;
	assert_false(push_allowed(b, "a", now, PUSH_BURST + 1, 1));
	assert_false(push_allowed(b, "a", now, 1, PUSH_BURST / PUSH_LEAST + 1));
	assert_true(push_allowed(b, "a", now, 1, PUSH_BURST / PUSH_LEAST));
	/* Many others may push a sender out of the table; that gives, and never takes. */
	for (int i = 0; i < 10 * PUSH_SENDERS; i++) {
		snprintf(who, sizeof(who), "%d", i);
		assert_true(push_allowed(b, who, now, PUSH_BURST, 1));
	}
	free(b);
}

/* Where a sender's share is kept. */
static unsigned place_of(const char *who)
{
	struct push_budgets *b = calloc(1, sizeof(*b));
	unsigned i = 0;

	push_allowed(b, who, 1, 1, 1);
	while (b->of[i].who == 0)
		i++;
	free(b);
	return i;
}

/* Several senders have places side by side, so that a new one does not end the account of one that
 * has just sent. */
static void beside(void **state)
{
	struct push_budgets *b = calloc(1, sizeof(*b));
	char who[2][16] = { "first" };
	unsigned place = place_of(who[0]);

	assert_true(push_allowed(b, who[0], 1000, PUSH_BURST, 1));
	for (int i = 0; i == 0 || place_of(who[1]) != place; i++)
		snprintf(who[1], sizeof(who[1]), "%d", i);
	assert_true(push_allowed(b, who[1], 1001, PUSH_BURST, 1));
	assert_false(push_allowed(b, who[0], 1002, PUSH_LEAST, 1));
	assert_false(push_allowed(b, who[1], 1002, PUSH_LEAST, 1));
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rule), cmocka_unit_test(anchored),
		cmocka_unit_test(pushes), cmocka_unit_test(budgets), cmocka_unit_test(beside) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
