/* What an answer proves about the peer that gave it.  Only what contradicts itself or a burnchain
 * view that both share is a lie. */
#include <inttypes.h>
#include <stdio.h>

#include "cmd/inv-sync/machine.h"
#include "common/chain/bitvec.h"
#include "common/chain/inventory.h"
#include "common/chain/model.h"
#include "common/wire/message.h"

/* What bits of a kind say: blocks of which model, and whether of one chain, not of forks too. */
static const struct {
	enum model model;
	bool one_chain;
	const char *outside; /* of a bit of a burn height without blocks of the model */
} kinds[] = {
	[INV_TENURES] = { NAKAMOTO, true, "before epoch 3.0" },
	[INV_BLOCKS] = { EPOCH2, false, "outside of epoch 2.x" },
	[INV_MICROBLOCKS] = { EPOCH2, false, "outside of epoch 2.x" },
};

#define TIP_SLACK 2	/* burn blocks by which a tip may move between an answer and its preamble */

/* The highest burn height up to which the peer is known to have our view. */
static uint64_t agreed(const struct judge_view *v)
{
	if (v->same_tip)
		return v->peer_tip < v->tip ? v->peer_tip : v->tip;
	if (v->same_stable)
		return v->peer_stable < v->stable ? v->peer_stable : v->stable;
	return 0;
}

/* An honest peer answers what was asked for (spec/wire.md 4.5), or min(L, tip - start + 1) bits
 * (4.4).  Which tip is sure only where both views reach. */
static enum judgement judge_length(const struct judge_view *v, enum inventory_kind kind,
    uint64_t cycle, uint32_t *count, char evidence[160])
{
	uint64_t length = v->net->cycle_length;
	uint64_t tip = v->tip > v->peer_tip ? v->tip : v->peer_tip;
	uint64_t stable = v->stable < v->peer_stable ? v->stable : v->peer_stable;
	uint64_t expected = inventory_length(v->net, kind, cycle, tip);
	uint64_t most = expected + TIP_SLACK < length ? expected + TIP_SLACK : length, least = 0;
	uint32_t had = *count;

	if (v->asked)
		least = most = v->asked;
	else if (inventory_length(v->net, kind, cycle, stable) == length)
		least = length;
	else if (v->same_tip && v->peer_tip == v->tip && expected > TIP_SLACK)
		least = expected - TIP_SLACK;
	if (had > most) {
		*count = (uint32_t)most;
		snprintf(evidence, 160,
		    "inventory length: %u bits of cycle %" PRIu64 ", at most %" PRIu64 " can be",
		    had, cycle, most);
		return JUDGE_LIE;
	}
	if (had < least) {
		snprintf(evidence, 160,
		    "inventory length: %u bits of cycle %" PRIu64 ", at least %" PRIu64 " must be",
		    had, cycle, least);
		return JUDGE_LIE;
	}
	return JUDGE_FINE;
}

/* Bits are one ancestry: a tenure that builds on something older than the bit before it denies that
 * bit.  But a tenure has one start: where two winners on the same parent name two, the view
 * contradicts itself (a stray block ends a tenure), and nobody lies. */
static bool denies(const struct judge_fact *f, const struct judge_fact *before,
    uint64_t before_height)
{
	if (!f->known || !before_height || !f->parent || f->parent >= before_height)
		return false;
	return before->parent != f->parent || memcmp(before->committed, f->committed, ID_LEN) == 0;
}

/* What cannot be true of one bit alone; NULL: nothing.  *both: both views reach it, and *f is what
 * ours says. */
static const char *bit_lie(const struct judge_view *v, enum inventory_kind kind, uint64_t height,
    struct judge_fact *f, bool *both)
{
	*f = (struct judge_fact){ 0 };
	*both = false;
	if (!(network_models(v->net, height) & MODEL_BIT(kinds[kind].model)))
		return kinds[kind].outside;
	/* shadow tenures may stand where nobody won */
	*both = height <= agreed(v) && !v->net->n_shadow;
	if (*both)
		*f = v->fact(v->arg, height);
	return f->known && !f->won ? "without winner" : NULL;
}

enum judgement judge_inventory(const struct judge_view *v, enum inventory_kind kind, uint64_t cycle,
    uint8_t *bits, uint32_t *count, char evidence[160])
{
	uint64_t start = inventory_height(v->net, kind, cycle, 0);
	enum judgement judged = judge_length(v, kind, cycle, count, evidence);
	struct judge_fact f, before = { 0 };	/* before: of the set bit before this one */
	uint64_t last = 0;			/* its height */
	char first[160] = "";			/* lie among the bits */
	bool both = false;

	for (uint32_t i = *count; i < bitvec_bytes(*count) * 8; i++)
		bitvec_clear(bits, i);
	for (int64_t i = bitvec_next(bits, *count, 0); i >= 0;
	     i = bitvec_next(bits, *count, (uint32_t)i + 1)) {
		uint64_t height = inventory_height(v->net, kind, cycle, (uint32_t)i);
		const char *lie = bit_lie(v, kind, height, &f, &both);

		if (lie) {
			bitvec_clear(bits, (uint32_t)i);
			if (!first[0])
				snprintf(first, sizeof(first),
				    "inventory: bit of burn height %" PRIu64 ", %s", height, lie);
			continue;
		}
		if (!both)
			continue;
		if (kinds[kind].one_chain && denies(&f, &before, last)) {
			if (!first[0])
				snprintf(first, sizeof(first),
				    "inventory: bits of burn heights %" PRIu64 " and %" PRIu64
				    ", but the latter builds on %" PRIu64,
				    last, height, f.parent);
			for (uint64_t h = f.parent + 1 > start ? f.parent + 1 : start; h < height;
			     h++)
				bitvec_clear(bits, (uint32_t)(h - start));
		}
		last = height;
		before = f;
	}
	if (judged == JUDGE_LIE || !first[0])
		return judged;
	snprintf(evidence, 160, "%s", first);
	return JUDGE_LIE;
}

enum node_status judge_nack(
    const struct judge_view *v, enum model model, uint64_t cycle, uint32_t code)
{
	struct nack_view n = { v->tip, v->peer_tip, v->same_stable ? HASH_SAME : HASH_UNKNOWN,
		v->same_tip ? HASH_SAME : HASH_UNKNOWN };
	bool denial = code == NACK_NO_SUCH_BLOCK || code == NACK_INVALID_POX_FORK;

	if (model == NAKAMOTO && denial && inventory_query_height(v->net, cycle) <= agreed(v))
		return NODE_BROKEN;
	return nack_status(code, &n);
}

/* Next: cmd/inv-sync/save.c, what becomes of it. */
