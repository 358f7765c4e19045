/* Growing the chain, one burn block at a time: its sortition,
 * and the tenure that its winner mines. */
#include <inttypes.h>
#include <stdlib.h>

#include "common/chain/hash.h"
#include "tests/helper/chain-maker/epoch2.h"

static struct slot *slot_of(const struct maker *m, uint64_t h)
{
	return &m->slots[h - m->p.first_height];
}

/* Highest burn height that a tenure can extend to: below the next one that starts. */
static uint64_t top_view(const struct maker *m, uint64_t h)
{
	while (h < m->tip_height && !slot_of(m, h + 1)->started)
		h++;
	return h;
}

static void add_start(struct maker *m, uint64_t h)
{
	struct plan p = { .kind = BLOCK_START, .burn_height = h };
	struct tip on = m->tip;

	consensus_hash(m, h, p.ch);
	memcpy(p.change.tenure, p.ch, CH_LEN);
	memcpy(p.change.burn_view, p.ch, CH_LEN);
	memcpy(p.change.prev_tenure, on.ch, CH_LEN);
	memcpy(p.change.prev_end, on.id, ID_LEN);
	memcpy(p.change.pubkey_hash, m->miners[slot_of(m, h)->miner].hash, HASH160_LEN);
	p.change.prev_blocks = on.count;
	p.burn_spent = total_burn(m, h);
	if (on.timestamp < burn_time(m, h) + 30)
		on.timestamp = burn_time(m, h) + 30;
	block_add(m, &p, &on, true);
}

/* Any later block of a tenure, perhaps with an extension to a higher burn view. */
static void add_next(struct maker *m, uint64_t h, uint64_t *view, const struct tip *on,
    bool canonical)
{
	struct plan p = { .kind = BLOCK_ORDINARY,
		.burn_height = h,
		.burn_spent = on->burn_spent,
		.last = on->count + 1 == slot_of(m, h)->size };
	uint64_t top = top_view(m, h);

	consensus_hash(m, h, p.ch);
	if (canonical && dice_chance(&m->dice, m->p.extend_rate)) {
		p.kind = BLOCK_EXTEND;
		p.change.cause = 1;
		if (*view < top && dice_chance(&m->dice, 0.6))
			*view = dice_range(&m->dice, *view + 1, top);
		else if (network_epoch(&m->net, h) >= EPOCH_33)
			p.change.cause = (uint8_t)dice_range(&m->dice, 1, 6);
		memcpy(p.change.tenure, p.ch, CH_LEN);
		memcpy(p.change.prev_tenure, p.ch, CH_LEN);
		consensus_hash(m, *view, p.change.burn_view);
		memcpy(p.change.prev_end, on->id, ID_LEN);
		memcpy(p.change.pubkey_hash, m->miners[slot_of(m, h)->miner].hash, HASH160_LEN);
		p.change.prev_blocks = on->count;
		p.burn_spent = total_burn(m, *view);
	}
	block_add(m, &p, on, canonical);
}

static int by_height(const void *a, const void *b)
{
	const struct draft *x = a, *y = b;

	if (x->height != y->height)
		return x->height < y->height ? -1 : 1;
	return (int)y->canonical - (int)x->canonical;
}

/* Siblings of canonical blocks, at least one block shorter than what they rival. */
static void add_orphans(struct maker *m, uint64_t h, const struct tip *tips, uint32_t n)
{
	struct tip kept = m->tip;
	uint64_t view = h;
	uint32_t at = (uint32_t)dice_range(&m->dice, 0, n - 3);

	m->tip = tips[at];
	for (uint32_t left = (uint32_t)dice_range(&m->dice, 1, n - 2 - at); left; left--) {
		struct tip on = m->tip;
		add_next(m, h, &view, &on, false);
	}
	m->tip = kept;
}

static void grow_tenure(struct maker *m, uint64_t h)
{
	struct slot *s = slot_of(m, h);
	struct tip *tips = xcalloc(s->size, sizeof(*tips));
	uint32_t first = m->n_drafts;
	uint64_t view = h;

	dice_seed(&m->dice, "%" PRIu64 "%s/tenure/%" PRIu64, m->p.seed, side(m, 0, h), h);
	m->tenures[1] = m->tenures[0];
	m->tenures[0] = h;
	add_start(m, h);
	tips[0] = m->tip;
	for (uint32_t i = 1; i < s->size; i++) {
		add_next(m, h, &view, &tips[i - 1], true);
		tips[i] = m->tip;
	}
	if (s->orphan) {
		add_orphans(m, h, tips, s->size);
		qsort(m->drafts + first, m->n_drafts - first, sizeof(*m->drafts), by_height);
	}
	free(tips);
}

/* A tenure of one block that nobody mined or signs; its coinbase names the start of the tenure
 * below (spec/blocks.md 1.7). */
static void grow_shadow(struct maker *m, uint64_t h)
{
	struct plan p = { .kind = BLOCK_START, .burn_height = h, .last = true };
	struct tip on = m->tip;

	dice_seed(&m->dice, "%" PRIu64 "%s/shadow/%" PRIu64, m->p.seed, side(m, 0, h), h);
	consensus_hash(m, h, p.ch);
	memcpy(p.change.tenure, p.ch, CH_LEN);
	memcpy(p.change.burn_view, p.ch, CH_LEN);
	memcpy(p.change.prev_tenure, on.ch, CH_LEN);
	memcpy(p.change.prev_end, on.id, ID_LEN);
	p.change.prev_blocks = on.count;
	p.burn_spent = total_burn(m, h);
	p.shadow = on.start;
	m->tenures[1] = m->tenures[0];
	m->tenures[0] = h;
	block_add(m, &p, &on, true);
	memcpy(m->shadow[m->n_shadow++], m->tip.id, ID_LEN);
}

/* The sortition of a Nakamoto tenure names the first block of the one below. */
static void put_winner(struct maker *m, uint64_t h, const uint8_t *committed)
{
	const struct slot *s = slot_of(m, h);
	struct winner w = { .miner = s->shadow ? NULL : m->miners[s->miner].hash,
		.parent_ch = m->tip.ch,
		.committed = committed,
		.seed = !s->shadow };

	files_sortition(m, h, 0, s->won || s->shadow ? &w : NULL);
}

void grow_sortition(struct maker *m, uint64_t h)
{
	static const uint8_t nobodys[ID_LEN] = { [ID_LEN - 1] = 1 };
	struct slot *s = slot_of(m, h);
	bool lie = m->rule && m->rule->place == PLACE_COMMIT && !m->broken && s->started &&
	    !s->shadow && h >= m->p.break_at;

	if (m->tip.count == 0) {	/* the boot block, which counts as a tenure of one */
		static const uint8_t zeros[32];
		hash_block_id(m->tip.id, zeros, zeros);
		memcpy(m->tip.start, m->tip.id, ID_LEN);
		m->tip.count = 1;
		m->tip.burn_spent = total_burn(m, h);
		m->tip.timestamp = burn_time(m, h);
	}
	if (h > m->p.first_height && h < m->start3) {
		epoch2_grow(m, h);
		return;
	}
	if (h == m->start3)
		epoch2_end(m);
	put_winner(m, h, lie ? nobodys : m->tip.start);
	if (s->shadow)
		grow_shadow(m, h);
	else if (s->started)
		grow_tenure(m, h);
}

/* Next: tests/helper/chain-maker/files.c, where it is written. */
