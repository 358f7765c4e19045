/* Any bytes as a vector of microblocks: nothing is read beyond them; whole or in pieces the same
 * comes of it, at no higher price than limits.h says; what is asked for is never too much; and
 * judging ends in a reason, with what stands in order and linked. */
#include <assert.h>
#include <stdlib.h>

#include "common/chain/stream.h"
#include "common/chain/work.h"
#include "common/limits.h"

#define X(way, curve, hashed, parsed) \
	COST_##way##_CURVE = curve, COST_##way##_HASHED = hashed, COST_##way##_PARSED = parsed,
enum { COSTS(X) };
#undef X

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* A few bytes more each time, at another place. */
static ssize_t walk(const uint8_t *p, size_t n, const uint8_t *tail, size_t step)
{
	struct work before = work_done, cost;
	struct microblocks_walk w;
	size_t have = 0, need = 0;
	ssize_t used = 0;

	microblocks_walk_begin(&w, tail);
	while (used == 0 && have < n) {
		uint8_t *copy;

		have = need > have + step ? need : have + step;
		have = have < n ? have : n;
		assert((copy = malloc(have)));
		memcpy(copy, p, have);
		used = microblocks_walk(&w, copy, have, &need);
		assert(used != 0 || (need > have && need <= MAX_STREAM));
		free(copy);
	}
	assert(used <= (ssize_t)n && used <= (ssize_t)MAX_STREAM);
	cost = work_since(before);
	assert(cost.curve == COST_ANSWER_CURVE &&
	    cost.hashed <= COST_BLOCK + COST_ANSWER_HASHED * n &&
	    cost.parsed <= COST_BLOCK + COST_ANSWER_PARSED * n);
	return used;
}

static void check_stream(
    const struct stream *s, const struct stream_view *v, enum chain_reason reason)
{
	const uint8_t *below = v->parent;

	assert(reason < REASONS_END && (reason == REASON_OK || !v->tail || s->n == 0));
	assert(!s->committed || (v->tail && reason != REASON_OK));
	for (uint32_t i = 0; i < s->n; i++) {
		assert(s->m[i].sequence == i && memcmp(s->m[i].prev, below, 32) == 0);
		below = s->m[i].hash;
	}
	if (v->tail && reason == REASON_OK)
		assert(s->n && memcmp(below, v->tail, 32) == 0 &&
		    s->n == (uint32_t)v->tail_sequence + 1);
	if (s->forked)
		assert(
		    reason == REASON_OK && memcmp(s->poison[0], s->poison[1], MICROBLOCK_HEADER));
}

/* On the block that the lowest one names, with its key or another, up to any of them. */
static void judge(const uint8_t *p, size_t n)
{
	static const struct network net = { .chain_id = 0x80000000, .cycle_length = 20 };
	struct stream_view v = { .net = &net, .epoch = n & 1 ? EPOCH_24 : EPOCH_20 };
	struct microblock first = { .len = 0 }, last = first, m;
	uint8_t key[HASH160_LEN] = { 0 };
	size_t at = 4, need;
	uint32_t left = n < 4 ? 0 : get_be32(p);
	struct stream s;

	for (; left && at < n; left--, last = m, at += m.len) {
		if (microblock_parse(&m, p + at, n - at, &need) <= 0)
			break;
		if (!first.len)
			first = m;
	}
	if (!last.len)
		return;
	if (microblock_signer(key, &first) < 0)
		key[0] = 1;
	v.key = key;
	for (int turn = 0; turn < 4; turn++) {
		const struct microblock *low = turn & 1 ? &first : &last;
		const struct microblock *high = turn & 1 ? &last : &first;
		struct work before = work_done;

		v.parent = low->prev;
		v.tail = turn & 2 ? high->hash : NULL;
		v.tail_sequence = high->sequence;
		check_stream(&s, &v, stream_judge(&s, &v, p, n));
		/* A signature each, and one more; keys cost 34 bytes each. */
		assert(work_since(before).curve <= 1 + n / KEY_LEN);
		assert(work_since(before).hashed <= COST_BLOCK + COST_STREAM_HASHED * n);
		stream_release(&s);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	ssize_t whole = walk(p, n, NULL, n ? n : 1);

	assert(walk(p, n, NULL, 1) == whole);
	assert(walk(p, n, NULL, 37) == whole);
	if (whole > 0) {
		struct microblock m;
		size_t need;
		ssize_t linked;

		assert(microblock_parse(&m, p + 4, n - 4, &need) > 0);
		linked = walk(p, n, m.hash, 1);
		assert(walk(p, n, m.hash, n) == linked && (linked == whole || linked == -1));
	}
	judge(p, n);
	return 0;
}
