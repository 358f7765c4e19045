/* Which tenures we claim: see inventory.h.  Pure. */
#include "cmd/block-serve/inventory.h"

void inv_plan_begin(struct inv_plan *p, const struct inv_tenure *top, const uint64_t *below)
{
	memset(p, 0, sizeof(*p));
	p->broken = true;
	if (!top)
		return;
	p->has_chain = top->complete || top->newest || below != NULL;
	if (p->has_chain)
		p->chain_top = top->complete || top->newest ? top->burn_height : *below;
}

/* The last tenure has found what is above it.  False: it is held in part, which breaks its run;
 * only the newest, with nothing on it yet, may be. */
static bool settle(struct inv_plan *p, bool joined)
{
	if (!p->has_last || (!p->last.complete && (joined || !p->last.newest)))
		return false;
	if (p->broken)
		p->from = p->last.burn_height;
	p->to = p->last.burn_height;
	p->has_run = true;
	p->broken = false;
	return true;
}

void inv_plan_add(struct inv_plan *p, const struct inv_tenure *t)
{
	/* A tenure joins the one below if its commit names the start there. */
	bool joined = p->has_last && memcmp(t->committed, p->last.start_id, ID_LEN) == 0;

	if (!settle(p, joined) || !joined)
		p->broken = true;
	p->last = *t;
	p->has_last = true;
}

void inv_plan_end(struct inv_plan *p)
{
	settle(p, false);
	p->has_last = false;
}

bool inv_claims(const struct inv_plan *p, uint64_t burn_height, bool canonical)
{
	if (p->has_chain)
		return canonical && burn_height <= p->chain_top;
	return p->has_run && burn_height >= p->from && burn_height <= p->to;
}

uint32_t inv_length(const struct network *net, uint64_t cycle, uint64_t burn_tip)
{
	uint32_t length = inventory_length(net, INV_TENURES, cycle, burn_tip);

	return length < MAX_CYCLE_BITS ? length : MAX_CYCLE_BITS;
}

void inv_index_key(struct inv_index *x, const uint8_t key[32], uint64_t now_ms)
{
	bool stale = x->planned && x->behind && now_ms - x->made >= x->keep_ms;

	if (memcmp(x->key, key, 32) == 0 && !stale)
		return;
	memcpy(x->key, key, 32);
	x->n = 0;
	x->planned = false;
	x->drops++;
}

static struct inv_cycle *lookup(struct inv_index *x, enum model model, uint64_t cycle)
{
	for (unsigned i = 0; i < x->n; i++)
		if (x->cycles[i].cycle == cycle && x->cycles[i].model == model)
			return &x->cycles[i];
	return NULL;
}

struct inv_cycle *inv_index_find(struct inv_index *x, enum model model, uint64_t cycle)
{
	struct inv_cycle *c = lookup(x, model, cycle);

	if (c) {
		c->used = ++x->clock;
		x->hits++;
	} else {
		x->misses++;
	}
	return c;
}

struct inv_cycle *inv_index_place(struct inv_index *x, enum model model, uint64_t cycle)
{
	struct inv_cycle *c = lookup(x, model, cycle);

	if (!c && x->n < INV_CYCLES) {
		c = &x->cycles[x->n++];
	} else if (!c) {
		c = &x->cycles[0];
		for (unsigned i = 1; i < x->n; i++)
			if (x->cycles[i].used < c->used)
				c = &x->cycles[i];
	}
	memset(c, 0, sizeof(*c));
	c->model = model;
	c->cycle = cycle;
	c->used = ++x->clock;
	return c;
}

/* Next: cmd/block-serve/claims.c, which fills the plan and the index from the store. */
