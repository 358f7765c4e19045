/* view_dispute - who contradicts what the quorum has settled.  A contradiction deep below the tip
 * is put to all sources again, one height at a time: whoever still contradicts is a liar. */
#include <stdio.h>

#include "cmd/sortition-sync/view_private.h"

/* Ask everybody about the height in dispute. */
static void ask_dispute(struct view *v)
{
	v->dispute.fresh = 0;
	v->dispute.asked = v->now;
	for (unsigned i = 0; i < v->n; i++)
		if (v->sources[i].fixed)
			v->dispute.fresh |= 1ull << i;
		else if (!v->sources[i].ignored)
			view_again(v, i, v->dispute.height);
}

static void open_dispute(struct view *v, uint64_t height)
{
	if (v->dispute.on)
		return;
	v->dispute.on = true;
	v->dispute.height = height;
	v->dispute.since = v->now;
	ask_dispute(v);
}

static void blame(struct view *v, unsigned source, uint64_t height)
{
	struct view_event e = { .what = VIEW_LIAR, .source = source, .height = height };

	view_ignore(v, source);
	view_add_event(v, &e);
}

/* Everybody who matters has been asked again: who still contradicts the quorum? */
static void judge_dispute(struct view *v)
{
	struct view_slot *slot = view_slot(v, v->dispute.height);
	uint64_t fresh = v->dispute.fresh & view_live_mask(v), liars = 0;

	if (!slot->digest)
		return;
	if ((unsigned)__builtin_popcountll(slot->mask & fresh) < v->quorum)
		return;
	for (struct view_cand *c = view_cand_first(v, v->dispute.height); c;
	     c = view_cand_next(v, c))
		liars |= c->mask & fresh;
	/* whoever changed its mind may just be the first to see a reorganisation */
	for (unsigned i = 0; i < v->n; i++)
		if (liars >> i & 1 && v->sources[i].agreed >= v->dispute.height &&
		    v->now - v->dispute.since < VIEW_PATIENCE)
			return;
	if (liars || fresh == view_live_mask(v))
		v->dispute.on = false;
	for (unsigned i = 0; i < v->n; i++)
		if (liars >> i & 1)
			blame(v, i, v->dispute.height);
}

bool view_is_deep(const struct view *v, uint64_t height)
{
	return v->has_tip && height + v->net->stable_confirmations <= v->tip;
}

/* A source contradicts a settled height: follow its ancestry down, and ask about deep ones. */
void view_contradicts(struct view *v, unsigned source, uint64_t height)
{
	struct view_source *s = &v->sources[source];
	uint64_t below = height - v->net->first_burn_height - 1;

	if (below > 0 && below < v->n_slots && !s->fixed && !view_bit(s->asked, below))
		view_again(v, source, height - 1);
	if (view_is_deep(v, height))
		open_dispute(v, height);
}

void view_dispute_heard(struct view *v, unsigned source, uint64_t height)
{
	if (!v->dispute.on || height != v->dispute.height)
		return;
	v->dispute.fresh |= 1ull << source;
	judge_dispute(v);
}

/* The lowest deep height that somebody contradicts; NULL: none. */
static const struct view_cand *deep_contradiction(const struct view *v)
{
	struct view_cand *c;

	RB_FOREACH (c, view_cands, (struct view_cands *)&v->cands) {
		const struct view_slot *slot = view_slot(v, c->height);
		if (slot && slot->digest && view_is_deep(v, c->height))
			return c;
	}
	return NULL;
}

bool view_quiet(const struct view *v) { return !v->dispute.on && !deep_contradiction(v); }

void view_dispute_tick(struct view *v)
{
	const struct view_cand *c;

	if (v->dispute.on && v->now - v->dispute.since > 3 * VIEW_PATIENCE)
		v->dispute.on = false; /* too few answered */
	if (v->dispute.on && v->now - v->dispute.asked >= 3000)
		ask_dispute(v);
	if (!v->dispute.on && (c = deep_contradiction(v)))
		open_dispute(v, c->height);
}

const char *view_explain(const struct view *v, char out[160])
{
	uint64_t h = v->tip;
	unsigned claims = 0, most = 0;

	if (!v->has_tip)
		return "no burn tip that enough sources have reached";
	while (h > v->net->first_burn_height + 1 && view_slot(v, h)->digest)
		h--;
	for (struct view_cand *c = view_cand_first(v, h); c; c = view_cand_next(v, c), claims++)
		if ((unsigned)__builtin_popcountll(c->mask) > most)
			most = (unsigned)__builtin_popcountll(c->mask);
	if (view_slot(v, h)->contested || claims > 1)
		snprintf(out, 160, "the sources contradict each other at burn height %llu",
		    (unsigned long long)h);
	else
		snprintf(out, 160, "burn height %llu: %u of %u sources that must agree",
		    (unsigned long long)h, most, v->quorum);
	return out;
}

/* Next: cmd/sortition-sync/view_order.c, what is asked next of whom. */
