/* Which tenures we claim: see inventory.h.  Pure. */
#include "cmd/block-serve/inventory.h"

void inv_plan_begin(struct inv_plan *p, const struct inv_tenure *top, const uint64_t *below)
{
	p->has_chain = top && (top->complete || top->newest || below);
	if (p->has_chain)
		p->chain_top = top->complete || top->newest ? top->burn_height : *below;
}

/* With a whole cycle between it and the chain. */
uint64_t inv_plan_low(const struct inv_plan *p, const struct network *net)
{
	return p->has_chain ? network_cycle_start(net, network_cycle(net, p->chain_top) + 2) : 0;
}

void inv_runs_begin(struct inv_plan *p)
{
	p->n_runs = 0;
	p->has_above = p->open = false;
}

/* One that is held in part breaks its run; only the newest, with nothing on it yet, may be. */
static bool is_whole(const struct inv_tenure *t, bool joined)
{
	return t->complete || (t->newest && !joined);
}

/* A run may end here: a whole cycle lies between it and the one above. */
static bool is_apart(const struct inv_plan *p, const struct network *net, uint64_t burn_height)
{
	return p->n_runs == 0 ||
	    network_cycle(net, burn_height) + 2 <=
		network_cycle(net, p->runs[p->n_runs - 1].from);
}

void inv_runs_add(struct inv_plan *p, const struct network *net, const struct inv_tenure *t)
{
	/* The tenure above joins this one if its commit names the start here. */
	bool joined = p->has_above && memcmp(p->above.committed, t->start_id, ID_LEN) == 0;
	bool fits = is_whole(t, joined) && t->burn_height >= inv_plan_low(p, net);

	if (fits && p->open && joined) {
		p->runs[p->n_runs - 1].from = t->burn_height;
	} else {
		p->open = fits && p->n_runs < INV_RUNS && is_apart(p, net, t->burn_height);
		if (p->open)
			p->runs[p->n_runs++] =
			    (struct inv_run){ t->burn_height, t->burn_height };
	}
	p->above = *t;
	p->has_above = true;
}

bool inv_claims(
    const struct inv_plan *p, const struct network *net, uint64_t burn_height, bool canonical)
{
	if (p->has_chain && burn_height <= p->chain_top)
		return canonical;
	/* The chain may have grown since the runs were made. */
	if (burn_height < inv_plan_low(p, net))
		return false;
	for (unsigned i = 0; i < p->n_runs; i++)
		if (burn_height >= p->runs[i].from && burn_height <= p->runs[i].to)
			return true;
	return false;
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
