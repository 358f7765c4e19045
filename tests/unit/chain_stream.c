/* Streams of microblocks without neighbours, with a signer that is known already, and counts that
 * cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "common/chain/work.h"
#include "tests/unit/chain_row.h"

/* Without neighbours: whether one key signed all, and nobody can be blamed for sure. */
static void alone(void **state)
{
	struct stream_view v = { .net = &net, .epoch = EPOCH_24 };
	struct work before = work_done;
	struct row r;

	row_make(&r);
	assert_reason(stream_judge(&s, &v, stuff, vector(stuff, &r)), REASON_OK);
	assert_int_equal(work_since(before).curve, MANY);
	assert_int_equal(s.n, MANY);
	assert_memory_equal(s.signer, key, HASH160_LEN);
	stream_release(&s);
	row_put(&r, MANY, 2, r.hash[1], 99, STRANGER);
	r.order[MANY] = MANY;
	r.n = MANY + 1;
	assert_reason(stream_judge(&s, &v, stuff, vector(stuff, &r)), REASON_MBKEY);
	assert_int_equal(s.n, MANY);
	assert_true(s.committed && !s.forked);
	stream_release(&s);
	row_put(&r, MANY, 2, r.hash[1], 99, OWNER);
	assert_reason(stream_judge(&s, &v, stuff, vector(stuff, &r)), REASON_OK);
	assert_int_equal(s.n, 2);
	check_fork(&r, 2, 2, MANY);
	stream_release(&s);
	r.n = MANY;
	row_put(&r, 2, 2, r.hash[1], 20, STRANGER);
	row_from(&r, 3);
	assert_reason(stream_judge(&s, &v, stuff, vector(stuff, &r)), REASON_MBKEY);
	assert_int_equal(s.n, 2);
	assert_true(s.committed);
	stream_release(&s);
	v.epoch = EPOCH_25;
	assert_reason(stream_judge(&s, &v, stuff, vector(stuff, &r)), REASON_MB25);
	assert_false(s.committed);
	stream_release(&s);
}

/* Signatures that were looked at are not looked at again: only whose they are. */
static void known_signer(void **state)
{
	struct stream_view v = { .net = &net, .epoch = EPOCH_24, .parent = parent, .key = key };
	uint8_t stranger[HASH160_LEN];
	struct work before = work_done;
	struct row r;

	row_make(&r);
	v.tail = r.hash[MANY - 1];
	v.tail_sequence = MANY - 1;
	v.signer = key;
	assert_reason(stream_judge(&s, &v, stuff, vector(stuff, &r)), REASON_OK);
	stream_release(&s);
	made_hash160(stranger, STRANGER);
	v.signer = stranger;
	assert_reason(stream_judge(&s, &v, stuff, vector(stuff, &r)), REASON_MBKEY);
	assert_true(s.committed);
	assert_int_equal(work_since(before).curve, 0);
	stream_release(&s);
}

/* Counts that the bytes cannot have. */
static void counts(void **state)
{
	struct stream_view v = { .net = &net, .epoch = EPOCH_24, .parent = parent, .key = key };
	struct row r;
	size_t n;

	row_make(&r);
	n = vector(stuff, &r);
	put_be32(stuff, 0);
	assert_reason(stream_judge(&s, &v, stuff, n), REASON_CODEC);
	assert_reason(stream_judge(&s, &v, stuff, 4), REASON_CODEC);
	assert_reason(stream_judge(&s, &v, stuff, 3), REASON_CODEC);
	put_be32(stuff, MANY + 1);
	assert_reason(stream_judge(&s, &v, stuff, n), REASON_CODEC);
	stream_release(&s);
	put_be32(stuff, UINT32_MAX);
	assert_reason(stream_judge(&s, &v, stuff, n), REASON_CODEC);
	assert_null(s.m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alone),
		cmocka_unit_test(known_signer),
		cmocka_unit_test(counts),
	};

	return cmocka_run_group_tests(tests, row_setup, row_teardown);
}
