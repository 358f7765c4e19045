/* Which tenures we claim: see inventory.h.  Pure. */
#include "cmd/block-serve/inventory.h"

/* A tenure joins the run below it if its commit names the start there. */
static bool joins(const struct inv_plan *p, const struct inv_tenure *t)
{
	return p->has_last && memcmp(t->committed, p->last.start_id, ID_LEN) == 0;
}

static void show(struct inv_plan *p, uint64_t burn_height)
{
	p->shown = burn_height;
	p->has_shown = true;
	if (p->n_spans > 0 && p->spans[p->n_spans - 1].from >= p->run_from) {
		p->spans[p->n_spans - 1].to = burn_height;
	} else if (p->n_spans < INV_SPANS) {
		p->spans[p->n_spans].from = p->spans[p->n_spans].to = burn_height;
		p->n_spans++;
	}
}

/* The last tenure added has found what is above it, or the end.  False: it is
 * held in part, which breaks its run; only the newest, with nothing on it yet, may be. */
static bool settle(struct inv_plan *p, bool joined)
{
	if (!p->has_last)
		return false;
	if (!p->last.complete && (joined || !p->last.newest))
		return false;
	if (p->last.burn_height >= p->run_from)
		show(p, p->last.burn_height);
	return true;
}

/* A peer that stands in the cycle of the highest claimed bit looks for its next bits there and in the next cycle. */
static void new_run(struct inv_plan *p)
{
	p->run_from = 0;
	if (p->has_shown)
		p->run_from = network_cycle_start(p->net, network_cycle(p->net, p->shown) + 2);
}

void inv_plan_begin(struct inv_plan *p, const struct network *net, const struct inv_tenure *top, const uint64_t *below)
{
	memset(p, 0, sizeof *p);
	p->net = net;
	if (top == NULL)
		return;
	if (top->complete || top->newest) {
		p->has_chain = true;
		p->chain_top = top->burn_height;
	} else if (below != NULL) {
		p->has_chain = true;
		p->chain_top = *below;
	}
	p->has_shown = p->has_chain;
	p->shown = p->chain_top;
	new_run(p);
}

void inv_plan_add(struct inv_plan *p, const struct inv_tenure *t)
{
	bool joined = joins(p, t);

	if (!settle(p, joined) || !joined)
		new_run(p);
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
	if (canonical)
		return p->has_chain && burn_height <= p->chain_top;
	for (unsigned i = 0; i < p->n_spans; i++)
		if (burn_height >= p->spans[i].from && burn_height <= p->spans[i].to)
			return true;
	return false;
}

uint32_t inv_length(const struct network *net, uint64_t cycle, uint64_t burn_tip)
{
	uint64_t base = network_cycle_start(net, cycle);
	uint64_t max = net->cycle_length < MAX_CYCLE_BITS ? net->cycle_length : MAX_CYCLE_BITS;

	if (burn_tip < base)
		return 0;
	return (uint32_t)(burn_tip - base + 1 < max ? burn_tip - base + 1 : max);
}

void inv_index_key(struct inv_index *x, const uint8_t key[32], uint64_t now_ms)
{
	bool stale = x->planned && x->behind && now_ms - x->made >= 1000;

	if (memcmp(x->key, key, 32) == 0 && !stale)
		return;
	memcpy(x->key, key, 32);
	x->n = 0;
	x->planned = false;
	x->drops++;
}

const struct inv_cycle *inv_index_find(struct inv_index *x, uint64_t cycle)
{
	for (unsigned i = 0; i < x->n; i++) {
		if (x->cycles[i].cycle == cycle) {
			x->cycles[i].used = ++x->clock;
			x->hits++;
			return &x->cycles[i];
		}
	}
	x->misses++;
	return NULL;
}

struct inv_cycle *inv_index_place(struct inv_index *x, uint64_t cycle)
{
	struct inv_cycle *c = &x->cycles[0];

	if (x->n < INV_CYCLES) {
		c = &x->cycles[x->n++];
	} else {
		for (unsigned i = 1; i < x->n; i++)
			if (x->cycles[i].used < c->used)
				c = &x->cycles[i];
	}
	memset(c, 0, sizeof *c);
	c->cycle = cycle;
	c->used = ++x->clock;
	return c;
}

/* Next: cmd/block-serve/claims.c, which fills the plan and the index from the store. */
