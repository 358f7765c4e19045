/* Who has what: the inventories of sources, found by kind and cycle. */
#include <stdlib.h>

#include "cmd/block-fetch/plan.h"
#include "common/chain/bitvec.h"
#include "common/sys/log.h"

enum inventory_kind claim_kind(const struct planner *p, uint32_t slot, enum item_kind kind)
{
	if (kind == ITEM_STREAM)
		return INV_MICROBLOCKS;
	return p->slots[slot].model == EPOCH2 ? INV_BLOCKS : INV_TENURES;
}

/* What the source said of the cycle of an item, or NULL; and the item's bit in it. */
static const struct claim *claim_find(const struct planner *p, const struct source *s,
    uint32_t slot, enum item_kind item, uint32_t *bit)
{
	enum inventory_kind kind = claim_kind(p, slot, item);
	uint64_t cycle;

	if (!inventory_bit(p->net, kind, slot_height(p, slot), &cycle, bit))
		return NULL;
	cycle -= p->base[kind];
	if (cycle >= s->n_claims[kind] || !s->claims[kind][cycle].bits)
		return NULL;
	return &s->claims[kind][cycle];
}

bool source_claims(const struct planner *p, const struct source *s, uint32_t slot,
    enum item_kind item)
{
	const struct claim *c;
	uint32_t bit;

	if (s->is_url)
		return true;
	c = claim_find(p, s, slot, item, &bit);
	return c && bitvec_get(c->bits, c->count, bit);
}

bool source_told(const struct planner *p, const struct source *s, uint32_t slot,
    enum item_kind item)
{
	uint32_t bit;

	return s->is_url || claim_find(p, s, slot, item, &bit);
}

void claims_free(struct source *s)
{
	for (unsigned k = 0; k < INV_POX; k++) {
		for (uint32_t i = 0; i < s->n_claims[k]; i++)
			free(s->claims[k][i].bits);
		free(s->claims[k]);
		s->claims[k] = NULL;
		s->n_claims[k] = 0;
	}
}

size_t claims_memory(const struct source *s)
{
	size_t n = 0;

	for (unsigned k = 0; k < INV_POX; k++) {
		n += s->n_claims[k] * sizeof(struct claim);
		for (uint32_t i = 0; i < s->n_claims[k]; i++)
			n += s->claims[k][i].bits ? bitvec_bytes(s->claims[k][i].count) + 1 : 0;
	}
	return n;
}

/* Height of the highest bit that it has set. */
static uint64_t top_of(const struct planner *p, const struct source *s, enum inventory_kind kind)
{
	for (uint32_t i = s->n_claims[kind]; i-- > 0;)
		if (s->claims[kind][i].above)
			return inventory_height(p->net, kind, p->base[kind] + i,
			    s->claims[kind][i].above - 1);
	return 0;
}

/* Some source has this of a slot.  A winner of epoch 2.x that nothing wanted builds on is on offer
 * by it. */
static void mark(struct planner *p, uint32_t i, enum inventory_kind kind)
{
	enum item_kind item = kind == INV_MICROBLOCKS ? ITEM_STREAM : ITEM_BODY;
	uint64_t bit = 1ull << i % 64;

	if (claim_kind(p, i, item) != kind)
		return;
	p->claimed[item][i / 64] |= bit;
	if (kind == INV_TENURES)
		p->claimed[ITEM_START][i / 64] |= bit;
	if (kind == INV_BLOCKS)
		slot_offer(p, i);
}

static void mark_all(struct planner *p, const struct claim *c, enum inventory_kind kind,
    uint64_t cycle)
{
	uint64_t from = inventory_height(p->net, kind, cycle, 0);

	for (int64_t b = bitvec_next(c->bits, c->count, 0); b >= 0;
	     b = bitvec_next(c->bits, c->count, (uint32_t)b + 1)) {
		uint64_t h = from + (uint64_t)b;
		if (h >= p->first && h - p->first < p->n_slots)
			mark(p, (uint32_t)(h - p->first), kind);
	}
}

void slot_claimed(struct planner *p, uint32_t i)
{
	const struct slot *s = &p->slots[i];

	for (unsigned k = 0; k < p->n_sources; k++)
		for (unsigned m = 0; m < 2 && !p->sources[k].is_url; m++) {
			enum item_kind item = (enum item_kind)s->item[m].kind;
			if (source_claims(p, &p->sources[k], i, item))
				mark(p, i, claim_kind(p, i, item));
		}
	/* The quorum's tip is asked of anyone. */
	if (s->facts & FACT_TIP)
		mark(p, i, claim_kind(p, i, ITEM_BODY));
}

void claims_gather(struct planner *p)
{
	p->any_url = false;
	for (unsigned k = 0; k < ITEM_KINDS; k++)
		memset(p->claimed[k], 0, p->cap_slots / 8);
	for (unsigned n = 0; n < p->n_sources; n++) {
		const struct source *s = &p->sources[n];
		p->any_url |= s->is_url && s->up;
		for (unsigned k = 0; k < INV_POX && s->up; k++)
			for (uint32_t c = 0; c < s->n_claims[k]; c++)
				if (s->claims[k][c].bits)
					mark_all(p, &s->claims[k][c], (enum inventory_kind)k,
					    p->base[k] + c);
	}
	for (uint32_t i = 0; i < p->n_slots; i++)
		if (p->slots[i].facts & FACT_TIP)
			slot_claimed(p, i);
}

void planner_claims(struct planner *p, unsigned source, enum inventory_kind kind, uint64_t cycle,
    const uint8_t *bits, uint32_t count)
{
	struct source *s = &p->sources[source];
	struct claim *c;

	if (kind >= INV_POX || cycle >= MAX_CYCLES || count > MAX_CYCLE_BITS ||
	    cycle < p->base[kind] ||
	    (cycle - p->base[kind]) * p->net->cycle_length > MAX_BURN_BLOCKS)
		return;
	uint32_t i = (uint32_t)(cycle - p->base[kind]), n = s->n_claims[kind];
	if (i >= n) {
		s->claims[kind] = xrealloc(s->claims[kind], (i + 1) * sizeof(*c));
		memset(s->claims[kind] + n, 0, (i + 1 - n) * sizeof(*c));
		s->n_claims[kind] = i + 1;
	}
	c = &s->claims[kind][i];
	c->bits = xrealloc(c->bits, bitvec_bytes(count) + 1);
	memcpy(c->bits, bits, bitvec_bytes(count));
	c->count = c->above = count;
	while (c->above && !bitvec_get(bits, count, c->above - 1))
		c->above--;
	s->top[kind] = top_of(p, s, kind);
	mark_all(p, c, kind, cycle);
	planner_changed(p);
}

/* Next: cmd/block-fetch/sources.c, whom we ask. */
