/* Rows of microblocks for tests: one on another, in a vector of any order, and how they are
 * judged. */
#ifndef BLOCKSYNC_TESTS_CHAIN_ROW_H
#define BLOCKSYNC_TESTS_CHAIN_ROW_H

#include "common/chain/stream.h"
#include "tests/unit/chain_make.h"
#include "tests/unit/chain_make_microblock.h"

#define OWNER 5 /* secret of the anchored block's key */
#define STRANGER 6
#define MANY 6

static struct network net;
static const uint8_t parent[32] = { 0x77 };
static uint8_t key[HASH160_LEN];

static inline int row_setup(void **state)
{
	made_network(&net);
	made_hash160(key, OWNER);
	return 0;
}

/* Microblocks one on another; n of them are in the vector, in the order of `order`. */
struct row {
	struct bytes m[MANY + 2];
	uint8_t hash[MANY + 2][32];
	int order[MANY + 2];
	uint32_t n;
};

static inline void tx_of(struct bytes *tx, uint64_t nonce)
{
	tx->n = 0;
	tx_transfer(tx, nonce);
}

static inline void row_put(
    struct row *r, int i, uint16_t sequence, const uint8_t prev[32], uint64_t nonce, int secret)
{
	struct bytes tx[2];

	tx_of(&tx[0], nonce);
	tx_of(&tx[1], nonce + 1);
	made_microblock(&r->m[i], sequence, prev, tx, 2, secret);
	made_microblock_hash(r->hash[i], &r->m[i]);
}

static inline const uint8_t *below(const struct row *r, int i)
{
	return i ? r->hash[i - 1] : parent;
}

/* From the i-th on anew, one on another. */
static inline void row_from(struct row *r, int i)
{
	for (; i < MANY; i++)
		row_put(r, i, (uint16_t)i, below(r, i), 10 * (uint64_t)i, OWNER);
}

static inline void row_make(struct row *r)
{
	memset(r, 0, sizeof(*r));
	row_from(r, 0);
	for (r->n = 0; r->n < MANY; r->n++)
		r->order[r->n] = (int)r->n;
}

static inline size_t vector(uint8_t *out, const struct row *r)
{
	size_t at = 4;

	put_be32(out, r->n);
	for (uint32_t i = 0; i < r->n; i++) {
		memcpy(out + at, r->m[r->order[i]].p, r->m[r->order[i]].n);
		at += r->m[r->order[i]].n;
	}
	return at;
}

static uint8_t stuff[65536];
static struct stream s;

/* tail: index of the microblock that a child names, or -1 for no child. */
static inline enum chain_reason judge_at(
    const struct row *r, int tail, uint16_t sequence, enum epoch epoch)
{
	struct stream_view v = { &net, epoch, parent, key, tail < 0 ? NULL : r->hash[tail],
		sequence, NULL, NULL };
	size_t n = vector(stuff, r);

	stream_release(&s);
	return stream_judge(&s, &v, stuff, n);
}

static inline enum chain_reason judge(const struct row *r, int tail)
{
	return judge_at(r, tail, (uint16_t)(tail < 0 ? 0 : tail), EPOCH_24);
}

#define assert_reason(got, want) \
	assert_string_equal(chain_reason_word(got), chain_reason_word(want))

static inline void check_fork(const struct row *r, uint32_t place, int mine, int other)
{
	assert_true(s.forked);
	assert_int_equal(s.fork, place);
	assert_memory_equal(s.poison[0], r->m[mine].p, MICROBLOCK_HEADER);
	assert_memory_equal(s.poison[1], r->m[other].p, MICROBLOCK_HEADER);
}

static inline int row_teardown(void **state)
{
	stream_release(&s);
	return 0;
}

#endif
