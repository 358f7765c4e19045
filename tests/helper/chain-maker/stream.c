/* Microblocks: a stream after an anchored block, signed by the key that the block names
 * (spec/blocks.md 3.2, 3.3). */
#include <inttypes.h>

#include "common/chain/hash.h"
#include "common/chain/key.h"
#include "tests/helper/chain-maker/epoch2.h"

enum { HEADER_VERSION = 6, SIGNATURE_AT = 67, HEADER_LEN = 132 };

static void write_micro(struct plan_micro *p, struct micro *out)
{
	struct buf *raw = &out->raw;
	uint8_t digest[32];

	buf_release(raw);
	buf_u8(raw, HEADER_VERSION);
	buf_u16(raw, p->sequence);
	buf_put(raw, p->prev, 32);
	buf_put(raw, p->root, 32);
	memset(buf_room(raw, SIG_LEN), 0, SIG_LEN);
	hash_once(digest, raw->p, HEADER_LEN);
	if (key_sign(raw->p + SIGNATURE_AT, p->key->secret, digest) != 0)
		BUG("a producer cannot sign");
	hash_once(out->hash, raw->p, HEADER_LEN);
	out->sequence = p->sequence;
	buf_u32(raw, p->n_txs);
	for (uint32_t i = 0; i < p->n_txs; i++) {
		buf_put(raw, p->txs[i].p, p->txs[i].n);
		buf_release(&p->txs[i]);
	}
}

static void make_micro(struct maker *m, const struct anchored *on, uint32_t sequence,
    const uint8_t prev[32], const struct rule2 *rule, struct micro *out)
{
	struct plan_micro p = { .sequence = (uint16_t)sequence, .key = &on->producer };
	uint64_t n = dice_range(&m->dice, 1, 3);

	memcpy(p.prev, prev, 32);
	while (n--)
		tx_transfer(m, &p.txs[p.n_txs++],
		    dice_chance(&m->dice, 0.5) ? ANCHOR_MICROBLOCK : ANCHOR_ANY);
	if (rule && rule->micro_txs)
		rule->micro_txs(m, &p);
	txs_root(p.root, p.txs, p.n_txs);
	if (rule && rule->micro)
		rule->micro(m, &p);
	write_micro(&p, out);
}

void stream_make(struct maker *m, struct anchored *on, const struct rule2 *rule)
{
	struct dice kept = m->dice;
	const uint8_t *prev = on->hash;
	uint32_t next = 0;

	dice_seed(&m->dice, "%" PRIu64 "%s/stream/%" PRIu64, m->p.seed,
	    side(m, on->fork, on->burn_height), on->burn_height);
	on->n_stream = (uint32_t)dice_range(&m->dice, 1, MAX_STREAM);
	for (uint32_t i = 0; i < on->n_stream; i++) {
		make_micro(m, on, next, prev, i == 0 ? rule : NULL, &on->stream[i]);
		prev = on->stream[i].hash;
		next = on->stream[i].sequence + 1u;
	}
	buf_release(&on->rival.raw);
	if (dice_chance(&m->dice, m->p.equivocations)) {
		uint32_t at = on->rival_at = (uint32_t)dice_range(&m->dice, 0, on->n_stream - 1);
		make_micro(m, on, on->stream[at].sequence, at ? on->stream[at - 1].hash : on->hash,
		    NULL, &on->rival);
	}
	m->dice = kept;
}

/* The last two may come too late for the child; a second child takes the rival, if there is one. */
void stream_confirm(struct maker *m, struct plan2 *p, struct anchored *child)
{
	struct anchored *on = p->parent;
	uint32_t low = on->n_stream > 2 ? on->n_stream - 2 : 0, n;
	const struct rule2 *rule;
	const struct micro *last;

	if (on->n_stream == 0 || network_epoch(&m->net, p->burn_height) >= EPOCH_25)
		return;
	n = (uint32_t)dice_range(&m->dice, low, on->n_stream);
	child->by_rival = on->rival.raw.n && !on->rival_taken && on->taken > on->rival_at;
	if (child->by_rival)
		n = on->rival_at + 1;
	if (n == 0)
		return;
	p->n_confirmed = child->n_confirmed = n;
	rule = on->taken == 0 && !on->rival_taken ? rule2_of(m, p, true) : NULL;
	if (rule) {
		stream_make(m, on, rule);
		epoch2_broken(m, child);
	}
	last = child->by_rival ? &on->rival : &on->stream[n - 1];
	memcpy(p->tail, last->hash, 32);
	p->tail_sequence = last->sequence;
	if (child->by_rival)
		on->rival_taken = true;
	else if (on->taken < n)
		on->taken = n;
}

/* Next: tests/helper/chain-maker/rules2.c, which rules they can break. */
