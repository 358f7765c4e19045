/* The view of block-verify out of records and out of a store, and what the judge makes of it. */
// link: cmd/block-verify/view.c
// link: cmd/block-verify/judge.c
// link: cmd/block-verify/stream.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "cmd/block-verify/verify.h"
#include "tests/unit/chain_make.h"

static struct network net;

static int setup(void **state)
{
	made_network(&net);
	return 0;
}

static void take_sortition(struct view *v, uint8_t ch, uint64_t height, bool won, int miner)
{
	struct rec r = { .type = REC_SORTITION, .known = true };

	memset(r.u.sortition.consensus_hash, ch, CH_LEN);
	r.u.sortition.burn_height = height;
	r.u.sortition.won = won;
	made_hash160(r.u.sortition.miner, miner);
	view_take(v, &r);
}

/* The made signers, or the first n of them. */
static void reward_set(struct rec_reward_set *set, uint64_t cycle, uint32_t n)
{
	static const uint8_t weights[] = { 0, 0, 0, 10, 0, 0, 0, 11, 0, 0, 0, 12, 0, 0, 0, 13, 0, 0,
		0, 14 };
	static uint8_t keys[MADE_SIGNERS][KEY_LEN];
	int secrets[MADE_SIGNERS];

	made_signers(secrets, keys);
	*set = (struct rec_reward_set){
		.cycle = cycle, .keys = rec_bytes(keys, n), .weights = rec_bytes(weights, n)
	};
}

static void take_set(struct view *v, uint64_t cycle, uint32_t n)
{
	struct rec r = { .type = REC_REWARD_SET, .known = true };

	reward_set(&r.u.reward_set, cycle, n);
	view_take(v, &r);
}

/* The reason of a look-up; *n is the size of the set, 0 without. */
static enum chain_reason look(struct view *v, uint8_t ch, uint32_t *n)
{
	uint8_t key[CH_LEN];
	struct signers *s;
	struct fact f;
	enum chain_reason reason;

	memset(key, ch, CH_LEN);
	reason = view_lookup(v, key, &f, &s);
	*n = s ? s->set.n : 0;
	signers_unref(s);
	return reason;
}

static void from_records(void **state)
{
	struct view v;
	uint32_t n;

	view_init(&v, &net, NULL);
	assert_int_equal(look(&v, 0x44, &n), REASON_NOSORTITION);
	take_sortition(&v, 0x44, 150, true, 1);
	take_sortition(&v, 0x45, 151, false, 1);
	take_sortition(&v, 0x46, 138, true, 1);	/* before any Nakamoto tenure */
	assert_int_equal(look(&v, 0x44, &n), REASON_NOSET);
	assert_int_equal(look(&v, 0x45, &n), REASON_NOWINNER);
	assert_int_equal(look(&v, 0x46, &n), REASON_NOSET);
	assert_int_equal(look(&v, 0x47, &n), REASON_NOSORTITION);
	take_set(&v, 3, 5);
	take_set(&v, 1, 5);
	take_set(&v, 2, 5);
	assert_int_equal(look(&v, 0x44, &n), REASON_OK);
	assert_int_equal(n, 5);
	take_set(&v, 2, 4);	/* said anew */
	assert_int_equal(look(&v, 0x44, &n), REASON_OK);
	assert_int_equal(n, 4);
	assert_int_equal(v.n_given, 3);
	view_release(&v);
}

static void many(void **state)
{
	struct view v;
	struct rec r = { .type = REC_SORTITION, .known = true };
	struct signers *s;
	struct fact f;

	view_init(&v, &net, NULL);
	for (uint32_t i = 1; i <= 5000; i++) {
		put_be32(r.u.sortition.consensus_hash, i);
		r.u.sortition.burn_height = 200 + i;
		r.u.sortition.won = true;
		view_take(&v, &r);
	}
	for (uint32_t i = 1; i <= 5000; i++) {
		uint8_t ch[CH_LEN] = { 0 };

		put_be32(ch, i);
		assert_int_equal(view_lookup(&v, ch, &f, &s), REASON_NOSET);
		assert_int_equal(f.burn_height, 200 + i);
	}
	assert_int_equal(v.n_rows, 5000);
	view_release(&v);
}

/* What another process commits is seen at the next look-up, and a set that changes is read anew. */
static void from_store(void **state)
{
	static struct store st;
	char dir[] = "/tmp/verify-view-XXXXXX", file[64];
	struct rec_sortition row = { .burn_height = 150, .won = true, .canonical = true };
	struct rec_reward_set set;
	struct view v;
	MDB_txn *txn;
	uint32_t n;

	assert_non_null(mkdtemp(dir));
	setenv("BLOCKSYNC_MAP", "16777216", 1);
	snprintf(file, sizeof(file), "%s/network", dir);
	FILE *f = fopen(file, "w");
	assert_non_null(f);
	fputs(net.text, f);
	fclose(f);
	store_open(&st, dir, file, TABLE(T_SORTITIONS) | TABLE(T_REWARD_SETS) | TABLE(T_META), 0);
	view_init(&v, &net, &st);
	assert_int_equal(look(&v, 0x44, &n), REASON_NOSORTITION);
	memset(row.consensus_hash, 0x44, CH_LEN);
	for (uint32_t size = 5; size >= 4; size--) {
		for (uint64_t cycle = 0; cycle < 6; cycle++) {
			row.burn_height = 110 + 20 * cycle;
			row.consensus_hash[0] = (uint8_t)(0x40 + cycle);
			reward_set(&set, cycle, size);
			txn = store_write(&st);
			sortition_put(&st, txn, &row);
			reward_set_put(&st, txn, &set);
			assert_int_equal(store_commit(&st, txn), 0);
		}
		for (uint64_t cycle = 0; cycle < 6; cycle++) {
			uint8_t ch[CH_LEN];
			struct signers *s;
			struct fact fact;

			memset(ch, 0x44, CH_LEN);
			ch[0] = (uint8_t)(0x40 + cycle);
			assert_int_equal(view_lookup(&v, ch, &fact, &s), REASON_OK);
			assert_int_equal(s->set.cycle, cycle);
			assert_int_equal(s->set.n, size);
			signers_unref(s);
		}
	}
	view_release(&v);
	store_close(&st);
	assert_true(snprintf(file, sizeof(file), "rm -r %s", dir) > 0);
	assert_int_equal(system(file), 0);
}

/* A job of a made block, with what the view said. */
static struct job *job_of(const struct bytes *body, struct view *v, uint8_t ch)
{
	struct job *j = calloc(1, sizeof(*j) + body->n);
	uint8_t key[CH_LEN];

	memset(key, ch, CH_LEN);
	memcpy(j->payload, body->p, body->n);
	j->body = j->payload;
	j->body_len = body->n;
	j->known = view_lookup(v, key, &j->fact, &j->signers);
	return j;
}

static void judge_as(const struct bytes *body, struct view *v, uint8_t ch,
    enum verdict_status status, const char *reason)
{
	const struct judge judge = { .net = &net };
	struct job *j = job_of(body, v, ch);
	char detail[200];

	judge_job(&judge, j);
	assert_int_equal(judge_status(j->reason), status);
	assert_string_equal(chain_reason_word(j->reason), reason);
	judge_detail(detail, sizeof(detail), j);
	assert_true(j->reason == REASON_OK || detail[0]);
	signers_unref(j->signers);
	free(j);
}

static void judging(void **state)
{
	struct bytes nothing = { .n = 0 };
	struct view v;
	struct made m;

	view_init(&v, &net, NULL);
	made_block(&m, BLOCK_START, 0);
	made_seal(&m);
	judge_as(&nothing, &v, 0x44, STATUS_REFUSED, "codec");
	judge_as(&m.out, &v, 0x44, STATUS_UNDECIDED, "nosortition");
	take_sortition(&v, 0x44, 150, true, 1);
	take_sortition(&v, 0x45, 150, false, 1);
	judge_as(&m.out, &v, 0x44, STATUS_UNDECIDED, "noset");
	judge_as(&m.out, &v, 0x45, STATUS_REFUSED, "nowinner");
	take_set(&v, 2, 5);
	judge_as(&m.out, &v, 0x44, STATUS_HELD, "ok");
	take_set(&v, 2, 2);
	judge_as(&m.out, &v, 0x44, STATUS_REFUSED, "signer");
	take_set(&v, 2, 5);
	m.n_signers = 1;
	made_seal(&m);
	judge_as(&m.out, &v, 0x44, STATUS_REFUSED, "few");
	add_u8(&m.out, 0);
	judge_as(&m.out, &v, 0x44, STATUS_REFUSED, "trailing");
	judge_as(&m.out, &v, 0x47, STATUS_REFUSED, "trailing");
	view_release(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_records),
		cmocka_unit_test(many),
		cmocka_unit_test(from_store),
		cmocka_unit_test(judging),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
