/* Microblocks and streams of them: a stream that keeps every rule, bent in each way that one
 * forbids, with and without the block that confirms it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "common/chain/stream.h"
#include "common/chain/work.h"
#include "common/limits.h"
#include "tests/unit/chain_row.h"

/* Refused for what the child says, or for what the giver gave. */
static void refused(const struct row *r, int tail, enum chain_reason why, bool committed)
{
	assert_reason(judge(r, tail), why);
	assert_int_equal(s.n, 0);
	assert_int_equal(s.committed, committed);
	assert_false(s.forked);
}

/* What stands without a child, and why the rest does not. */
static void stands(const struct row *r, uint32_t n, enum chain_reason why)
{
	assert_reason(judge(r, -1), why);
	assert_int_equal(s.n, n);
	assert_false(s.committed);
}

static void one_microblock(void **state)
{
	struct microblock m;
	struct row r;
	uint8_t own[HASH160_LEN], digest[32], copy[MICROBLOCK_HEADER];
	size_t need;

	row_make(&r);
	assert_int_equal(microblock_parse(&m, r.m[2].p, r.m[2].n, &need), r.m[2].n);
	assert_int_equal(m.sequence, 2);
	assert_int_equal(m.n_txs, 2);
	assert_memory_equal(m.prev, r.hash[1], 32);
	assert_memory_equal(m.hash, r.hash[2], 32);
	assert_int_equal(microblock_signer(own, &m), 0);
	assert_memory_equal(own, key, HASH160_LEN);
	for (size_t cut = 0; cut < r.m[2].n; cut++) {
		assert_int_equal(microblock_parse(&m, r.m[2].p, cut, &need), 0);
		assert_true(need > cut && need <= r.m[2].n);
	}
	/* The hash is over the signature, what is signed is not. */
	memcpy(copy, r.m[2].p, sizeof(copy));
	memset(copy + MICROBLOCK_HEADER - SIG_LEN, 0, SIG_LEN);
	hash_once(digest, copy, sizeof(copy));
	assert_memory_not_equal(digest, m.hash, 32);
	/* A signature that cannot be one. */
	r.m[2].p[MICROBLOCK_HEADER - SIG_LEN] = 4;
	assert_int_equal(microblock_header(&m, r.m[2].p, r.m[2].n, &need), -1);
	/* More transactions than a block has room for. */
	put_be32(r.m[3].p + MICROBLOCK_HEADER, MAX_BLOCK / 62);
	assert_int_equal(microblock_parse(&m, r.m[3].p, r.m[3].n, &need), -1);
}

static ssize_t walk(const struct row *r, const uint8_t *tail, size_t step)
{
	struct microblocks_walk w;
	size_t n = vector(stuff, r), have = 0, need = 0;
	ssize_t used = 0;

	microblocks_walk_begin(&w, tail);
	while (used == 0 && have < n) {
		have = need > have + step ? need : have + step;
		have = have < n ? have : n;
		used = microblocks_walk(&w, stuff, have, &need);
		assert_true(used != 0 || (need > have && need <= n));
	}
	return used == (ssize_t)n ? 0 : used;
}

static void tail_first(struct row *r)
{
	for (int i = 0; i < MANY; i++)
		r->order[i] = MANY - 1 - i;
}

static void walks(void **state)
{
	static const size_t steps[] = { 1, 7, 500, 65536 };
	struct microblocks_walk w;
	struct row r;
	size_t need;

	row_make(&r);
	for (int i = 0; i < 4; i++)
		assert_int_equal(walk(&r, NULL, steps[i]), 0);
	/* Linked, they come from the tail down. */
	assert_int_equal(walk(&r, r.hash[MANY - 1], 7), -1);
	tail_first(&r);
	for (int i = 0; i < 4; i++)
		assert_int_equal(walk(&r, r.hash[MANY - 1], steps[i]), 0);
	assert_int_equal(walk(&r, r.hash[MANY - 2], 7), -1);
	r.order[2] = r.order[3];
	assert_int_equal(walk(&r, r.hash[MANY - 1], 7), -1);
	/* A vector of nothing, and one that could not fit. */
	r.n = 0;
	assert_int_equal(walk(&r, NULL, 7), -1);
	put_be32(stuff, MAX_STREAM / MICROBLOCK_HEADER);
	microblocks_walk_begin(&w, NULL);
	assert_int_equal(microblocks_walk(&w, stuff, 4, &need), -1);
}

/* One point of the curve a microblock, whatever the order. */
static void good(void **state)
{
	struct work before;
	struct row r;

	row_make(&r);
	for (int turn = 0; turn < 2; turn++) {
		before = work_done;
		assert_reason(judge(&r, MANY - 1), REASON_OK);
		assert_int_equal(work_since(before).curve, MANY);
		assert_int_equal(s.n, MANY);
		assert_memory_equal(s.m[0].hash, r.hash[0], 32);
		assert_memory_equal(s.m[MANY - 1].hash, r.hash[MANY - 1], 32);
		/* Up to a tail below the last. */
		assert_reason(judge(&r, 2), REASON_OK);
		assert_int_equal(s.n, 3);
		stands(&r, MANY, REASON_OK);
		tail_first(&r);
	}
	r.n = 1;
	r.order[0] = 0;
	assert_reason(judge(&r, 0), REASON_OK);
}

/* The giver's lies cost no point of the curve. */
static void lies(void **state)
{
	struct work before = work_done;
	struct row r;

	row_make(&r);
	r.n = MANY - 1; /* cut at the top */
	refused(&r, MANY - 1, REASON_MBLINK, false);
	row_make(&r);
	for (int i = 0; i < MANY - 1; i++) /* ... and at the bottom */
		r.order[i] = i + 1;
	r.n = MANY - 1;
	refused(&r, MANY - 1, REASON_MBLINK, false);
	row_make(&r);
	r.order[2] = 3; /* reordered */
	r.order[3] = 2;
	refused(&r, MANY - 1, REASON_MBLINK, false);
	row_make(&r);
	r.m[2].p[1] ^= 1; /* forged: another header ... */
	refused(&r, MANY - 1, REASON_MBLINK, false);
	row_make(&r);
	r.m[2].p[r.m[2].n - 1] ^= 1; /* ... or another body */
	refused(&r, MANY - 1, REASON_MERKLE, false);
	row_make(&r);
	add(&r.m[MANY - 1], "x", 1);
	refused(&r, MANY - 1, REASON_TRAILING, false);
	row_make(&r);
	r.m[0].p[MICROBLOCK_HEADER + 4 + 5] = 9; /* no kind of signer */
	refused(&r, MANY - 1, REASON_CODEC, false);
	assert_int_equal(work_since(before).curve, 0);
}

/* A root is the same with the last transactions repeated: that is the giver's doing. */
static void repeated(void **state)
{
	struct bytes tx[3], whole;
	struct row r;

	row_make(&r);
	for (uint64_t i = 0; i < 3; i++)
		tx_of(&tx[i], i);
	made_microblock(&r.m[0], 0, parent, tx, 3, OWNER);
	made_microblock_hash(r.hash[0], &r.m[0]);
	row_from(&r, 1);
	assert_reason(judge(&r, MANY - 1), REASON_OK);
	whole = r.m[0];
	add(&r.m[0], tx[2].p, tx[2].n);
	put_be32(r.m[0].p + MICROBLOCK_HEADER, 4);
	refused(&r, MANY - 1, REASON_DUPTX, false);
	stands(&r, 0, REASON_DUPTX);
	r.m[0] = whole;
	assert_reason(judge(&r, MANY - 1), REASON_OK);
}

/* What the child's own header leads to is the child's. */
static void committed(void **state)
{
	struct work before;
	struct row r;

	row_make(&r);
	row_put(&r, 2, 2, r.hash[1], 20, STRANGER);
	row_from(&r, 3);
	before = work_done;
	refused(&r, MANY - 1, REASON_MBKEY, true);
	assert_int_equal(work_since(before).curve, 3);
	stands(&r, 2, REASON_MBKEY);
	row_make(&r);
	row_put(&r, 2, 3, r.hash[1], 20, OWNER);
	row_from(&r, 3);
	refused(&r, MANY - 1, REASON_MBSEQ, true);
	stands(&r, 2, REASON_MBLINK);
	row_make(&r);
	row_put(&r, 0, 1, parent, 0, OWNER);
	row_from(&r, 1);
	refused(&r, MANY - 1, REASON_MBSEQ, true);
	stands(&r, 0, REASON_MBLINK);
	/* Two with the same sequence, the tail first. */
	r.n = 2;
	r.order[0] = 1;
	r.order[1] = 0;
	refused(&r, 1, REASON_MBSEQ, true);
	row_make(&r);
	assert_reason(judge_at(&r, MANY - 1, MANY, EPOCH_24), REASON_TAIL);
	assert_true(s.committed);
	assert_reason(judge_at(&r, MANY - 1, MANY - 1, EPOCH_25), REASON_MB25);
	assert_true(s.committed);
	/* On another block. */
	row_put(&r, 0, 0, r.hash[3], 0, OWNER);
	row_from(&r, 1);
	refused(&r, MANY - 1, REASON_MBSEQ, true);
	stands(&r, 0, REASON_MBLINK);
}

/* The transactions of a microblock, one rule after another. */
static void transactions(void **state)
{
	static const struct {
		uint8_t version;
		uint32_t chain;
		uint8_t anchor;
		enum chain_reason want;
	} heads[] = {
		{ 0x80, MADE_CHAIN, 3, REASON_OK },
		{ 0x80, MADE_CHAIN, 2, REASON_OK },
		{ 0x80, MADE_CHAIN, 1, REASON_ANCHOR },
		{ 0x80, MADE_CHAIN + 1, 3, REASON_CHAINID },
		{ 0x00, MADE_CHAIN, 3, REASON_NETFLAG },
	};
	struct bytes tx = { .n = 0 };
	struct row r;

	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		row_make(&r);
		tx.n = 0;
		tx_head(&tx, heads[i].version, heads[i].chain, heads[i].anchor, 1);
		add(&tx, "\1\1a\0\0\0\0", 7);
		made_microblock(&r.m[3], 3, r.hash[2], &tx, 1, OWNER);
		made_microblock_hash(r.hash[3], &r.m[3]);
		row_from(&r, 4);
		if (heads[i].want == REASON_OK) {
			assert_reason(judge(&r, MANY - 1), REASON_OK);
			stands(&r, MANY, REASON_OK);
		} else {
			refused(&r, MANY - 1, heads[i].want, true);
			stands(&r, 3, heads[i].want);
		}
		/* A child that confirms only what is below has nothing to do with it. */
		assert_reason(judge(&r, 2), REASON_OK);
	}
	/* Nobody mines a microblock for a reward. */
	tx.n = 0;
	tx_old_coinbase(&tx);
	row_make(&r);
	made_microblock(&r.m[3], 3, r.hash[2], &tx, 1, OWNER);
	made_microblock_hash(r.hash[3], &r.m[3]);
	row_from(&r, 4);
	refused(&r, MANY - 1, REASON_COINBASE, true);
	/* A contract of Clarity 2, which begins with epoch 2.1. */
	tx.n = 0;
	tx_head(&tx, 0x80, MADE_CHAIN, 3, 1);
	add(&tx, "\6\2\1a\0\0\0\0", 8);
	row_make(&r);
	made_microblock(&r.m[0], 0, parent, &tx, 1, OWNER);
	made_microblock_hash(r.hash[0], &r.m[0]);
	row_from(&r, 1);
	assert_reason(judge_at(&r, 2, 2, EPOCH_205), REASON_FEATURE);
	assert_reason(judge_at(&r, 2, 2, EPOCH_21), REASON_OK);
	/* None at all. */
	made_microblock(&r.m[0], 0, parent, NULL, 0, OWNER);
	made_microblock_hash(r.hash[0], &r.m[0]);
	row_from(&r, 1);
	refused(&r, MANY - 1, REASON_NOTX, true);
}

/* A key that is no point is found when the signatures hold. */
static void points(void **state)
{
	struct bytes tx = { .n = 0 };
	struct row r;

	row_make(&r);
	add(&tx, "\x80\x80\0\0\0\x04\x01", 7);
	add_fill(&tx, 0x11, 20 + 8 + 8);
	add_u32(&tx, 1);
	add(&tx, "\0\2", 2);
	add_fill(&tx, 0xff, 32);
	add(&tx, "\0\0\3\2\0\0\0\0\1\1a\0\0\0\0", 15);
	made_microblock(&r.m[2], 2, r.hash[1], &tx, 1, OWNER);
	made_microblock_hash(r.hash[2], &r.m[2]);
	row_from(&r, 3);
	refused(&r, MANY - 1, REASON_CODEC, true);
	stands(&r, 2, REASON_CODEC);
	assert_reason(judge(&r, 1), REASON_OK);
}

/* Two of one place: the stream ends below without a child, and a child keeps what it confirms. */
static void equivocation(void **state)
{
	struct row r;

	row_make(&r);
	row_put(&r, MANY, 3, r.hash[2], 99, OWNER);
	for (int turn = 0; turn < 2; turn++) {
		r.order[MANY] = MANY; /* behind all, or before the third */
		if (turn) {
			memmove(r.order + 4, r.order + 3, 3 * sizeof(*r.order));
			r.order[4] = 3;
			r.order[3] = MANY;
			r.order[5] = 4;
			r.order[6] = 5;
		} else {
			r.order[MANY] = 5;
			r.order[5] = 4;
			r.order[4] = MANY;
		}
		r.n = MANY + 1;
		assert_reason(judge(&r, MANY - 1), REASON_OK);
		assert_int_equal(s.n, MANY);
		check_fork(&r, 3, 3, MANY);
		/* The other branch has a child, too. */
		assert_reason(judge_at(&r, MANY, 3, EPOCH_24), REASON_OK);
		assert_int_equal(s.n, 4);
		check_fork(&r, 3, MANY, 3);
		stands(&r, 3, REASON_OK);
		check_fork(&r, 3, turn ? MANY : 3, turn ? 3 : MANY);
	}
}

/* The same place by its parent alone, or by its sequence alone. */
/* Of a vector whose blocks nobody knows: whose key signed all of it, and whose fault it can be. */
static void check_alone(const struct row *r, enum chain_reason reason, bool left, bool known)
{
	struct stream_view v = { .net = &net, .epoch = EPOCH_24 };
	struct stream_trial t;
	size_t n = vector(stuff, r);

	stream_alone(&t, &v, stuff, n);
	assert_reason(t.reason, reason);
	assert_true(t.left == left);
	assert_true(known ? memcmp(t.signer, key, HASH160_LEN) == 0 :
			    all_zero(t.signer, HASH160_LEN));
}

static void alone(void **state)
{
	struct work before;
	struct row r;

	row_make(&r);
	before = work_done;
	check_alone(&r, REASON_OK, false, true);
	assert_int_equal(work_since(before).curve, MANY);
	/* above a fork nobody has looked */
	row_put(&r, MANY, 3, r.hash[2], 99, OWNER);
	r.order[MANY] = MANY;
	r.n = MANY + 1;
	check_alone(&r, REASON_OK, false, false);
	/* a child may say so */
	row_make(&r);
	row_put(&r, 2, 2, r.hash[1], 20, OWNER + 1);
	row_from(&r, 3);
	check_alone(&r, REASON_MBKEY, true, false);
	row_make(&r);
	r.order[2] = 3;
	r.order[3] = 2;
	check_alone(&r, REASON_MBLINK, true, false);
	/* no child says so */
	row_make(&r);
	r.m[2].p[r.m[2].n - 1] ^= 1;
	check_alone(&r, REASON_MERKLE, false, false);
	add(&r.m[MANY - 1], "x", 1);
	check_alone(&r, REASON_TRAILING, false, false);
}

static void fork_by_one(void **state)
{
	struct row r;

	for (int by = 0; by < 2; by++) {
		row_make(&r);
		row_put(&r, MANY, by ? 2 : MANY, by ? r.hash[4] : r.hash[1], 99, OWNER);
		r.order[MANY] = MANY;
		r.n = MANY + 1;
		stands(&r, 2, REASON_OK);
		check_fork(&r, 2, 2, MANY);
		assert_reason(judge(&r, MANY - 1), REASON_OK);
		check_fork(&r, 2, 2, MANY);
		/* A stranger's is no evidence, and costs one point. */
		row_put(&r, MANY, by ? 2 : MANY, by ? r.hash[4] : r.hash[1], 99, STRANGER);
		assert_reason(judge(&r, MANY - 1), REASON_OK);
		assert_int_equal(s.n, MANY);
		assert_false(s.forked);
		assert_reason(judge(&r, -1), REASON_MBKEY);
		assert_int_equal(s.n, MANY);
	}
}

/* Of several forks the lowest counts, wherever it stands; the tail first, beside its own rival. */
static void two_forks(void **state)
{
	static const int order[] = { 5, MANY, 4, 3, 2, 1, MANY + 1, 0 };
	struct row r;

	row_make(&r);
	row_put(&r, MANY, 5, r.hash[4], 99, OWNER);
	row_put(&r, MANY + 1, 1, r.hash[0], 98, OWNER);
	for (int turn = 0; turn < 2; turn++) {
		for (r.n = 0; r.n < MANY + 2; r.n++)
			r.order[r.n] = order[turn ? MANY + 1 - r.n : r.n];
		assert_reason(judge(&r, 5), REASON_OK);
		assert_int_equal(s.n, MANY);
		check_fork(&r, 1, 1, MANY + 1);
		assert_reason(judge(&r, -1), REASON_OK);
		assert_int_equal(s.n, 1);
		assert_true(s.forked && s.fork == 1);
	}
	/* The higher of them first. */
	for (r.n = 0; r.n < MANY; r.n++)
		r.order[r.n] = (int)r.n;
	memmove(r.order + 2, r.order, MANY * sizeof(*r.order));
	r.order[0] = 0;
	r.order[1] = MANY;
	r.order[2] = MANY + 1;
	for (int i = 1; i < MANY; i++)
		r.order[i + 2] = i;
	r.n = MANY + 2;
	assert_reason(judge(&r, 5), REASON_OK);
	check_fork(&r, 1, 1, MANY + 1);
}

/* Twice the same is once; what has no place is nothing. */
static void beside(void **state)
{
	struct row r;

	row_make(&r);
	r.order[MANY] = MANY - 1;
	r.n = MANY + 1;
	assert_reason(judge(&r, MANY - 1), REASON_OK);
	assert_false(s.forked);
	stands(&r, MANY, REASON_OK);
	row_put(&r, MANY, 50, parent, 99, OWNER);
	memset(r.m[MANY].p + 3, 0x99, 32);
	microblock_sign(&r.m[MANY], OWNER);
	r.order[MANY] = MANY;
	assert_reason(judge(&r, MANY - 1), REASON_OK);
	assert_false(s.forked);
	stands(&r, MANY, REASON_MBLINK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_microblock),
		cmocka_unit_test(walks),
		cmocka_unit_test(good),
		cmocka_unit_test(lies),
		cmocka_unit_test(repeated),
		cmocka_unit_test(committed),
		cmocka_unit_test(transactions),
		cmocka_unit_test(points),
		cmocka_unit_test(equivocation),
		cmocka_unit_test(fork_by_one),
		cmocka_unit_test(alone),
		cmocka_unit_test(two_forks),
		cmocka_unit_test(beside),
	};

	return cmocka_run_group_tests(tests, row_setup, row_teardown);
}
