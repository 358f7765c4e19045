/* Which tenures may stand at the bottom of the chain, linked without anything below them:
 *
 *	- one on the boot block, whose border is judged like any other;
 *	- the lowest one wanted (-F), whatever it stands on;
 *	- the first Nakamoto tenure.  Epoch 2.x may come after it, or never: until the block that it
 *	  stands on is proven its height is provisional, and the chain above does not wait for it.
 *
 * For the last two it must be known how low the tenure below is, which need not be held: its
 * sortition tells, or, where the view has none of that name, that the view has every burn block
 * from a floor up to the tenure. */
#include "common/store/judge.h"

#define VIEW_REACH 500	/* burn blocks that are looked through */

bool view_whole(struct keeper *k, uint64_t from, uint64_t to)
{
	struct rec_sortition r;

	if (to < from || to - from > VIEW_REACH)
		return false;
	for (; from < to; from++)
		if (sortition_at(k->s, k->txn, from, &r) < 0)
			return false;
	return true;
}

/* The tenure below is not in the view: whether it must be lower than this. */
static bool under(struct keeper *k, const struct tenure *t, uint64_t floor)
{
	return t->burn_known && view_whole(k, floor, t->burn_height);
}

static bool is_lowest(struct keeper *k, const struct tenure *t, const struct burn_fact *below)
{
	uint64_t floor = network_cycle_start(&k->s->net, k->from_cycle);

	return k->has_from && (below->found ? below->burn_height < floor : under(k, t, floor));
}

/* Models that the tenure below may have, as a mask; 0: nobody knows.  What is not in the view may
 * be lower than it reaches, or a lie. */
static unsigned models_below(struct keeper *k, const struct tenure *t,
    const struct burn_fact *below)
{
	if (below->found)
		return network_models(&k->s->net, below->burn_height);
	return under(k, t, network_model_first(&k->s->net, NAKAMOTO)) ? ANY_MODEL : 0;
}

enum chain_reason bottom_judge(struct keeper *k, struct tenure *t, const struct link *start)
{
	struct tenure *holder = tenure_holding(k, start->parent);
	struct burn_fact below = burn_fact_of(k, start->prev_ch);
	enum chain_reason reason;
	struct link boot;

	t->below_unknown = false;
	t->base = place_boot(&boot, start->parent);
	if (t->base)
		return place_rules(start->model)->border(start, &boot, boot.id, 1, &k->burn);
	reason = place_crossing(start,
	    holder ? MODEL_BIT(holder->model) : models_below(k, t, &below), &t->base, &k->burn);
	t->base |= is_lowest(k, t, &below);
	t->below_unknown = !t->base && !holder && !below.found;
	/* With the block below, the border will show what is wrong. */
	return holder ? REASON_OK : reason;
}

/* Next: common/store/grow.c, what stands on blocks that are linked. */
