/* view - which claim about a burn block has the quorum, and what follows from it.
 *
 * The part that counts votes; view_dispute.c finds liars, view_order.c decides what is asked
 * next. */
#include <stdlib.h>

#include "cmd/sortition-sync/view_private.h"
#include "common/chain/hash.h"
#include "common/sys/log.h"

int view_cand_cmp(const struct view_cand *a, const struct view_cand *b)
{
	if (a->height != b->height)
		return a->height < b->height ? -1 : 1;
	return a->digest < b->digest ? -1 : a->digest > b->digest;
}
RB_GENERATE(view_cands, view_cand, entry, view_cand_cmp)

uint64_t view_digest(const struct view *v, const struct rec_sortition *r)
{
	uint8_t head[9], out[32];

	put_be64(head, r->burn_height);
	head[8] = r->won;
	hash_begin();
	hash_add(v->secret, sizeof(v->secret));
	hash_add(head, sizeof(head));
	hash_add(r->burn_hash, sizeof(r->burn_hash));
	hash_add(r->consensus_hash, sizeof(r->consensus_hash));
	if (r->won) {
		hash_add(r->miner, sizeof(r->miner));
		hash_add(r->parent_ch, sizeof(r->parent_ch));
		hash_add(r->committed, sizeof(r->committed));
	}
	hash_end(out);
	return get_be64(out) | 1;	/* 0 stands for none */
}

void view_add_event(struct view *v, const struct view_event *e)
{
	if (v->n_events == v->cap_events) {
		v->cap_events = v->cap_events ? v->cap_events * 2 : 64;
		v->events = xrealloc(v->events, v->cap_events * sizeof(*v->events));
	}
	v->events[v->n_events++] = *e;
}

bool view_event(struct view *v, struct view_event *e)
{
	if (v->next_event == v->n_events) {
		v->next_event = v->n_events = 0;
		return false;
	}
	*e = v->events[v->next_event++];
	return true;
}

struct view_slot *view_slot(const struct view *v, uint64_t height)
{
	uint64_t i = height - v->net->first_burn_height;

	return height >= v->net->first_burn_height && i < v->n_slots ? &v->slots[i] : NULL;
}

const struct rec_sortition *view_top_row(const struct view *v, uint64_t height)
{
	const struct rec_sortition *r = &v->top[height % VIEW_TOP];
	const struct view_slot *s = view_slot(v, height);

	return s && s->digest && r->burn_height == height &&
		memcmp(r->consensus_hash, s->ch, CH_LEN) == 0 ?
	    r :
	    NULL;
}

struct view_cand *view_cand_first(const struct view *v, uint64_t height)
{
	struct view_cand find = { .height = height },
			 *c = RB_NFIND(view_cands, (struct view_cands *)&v->cands, &find);

	return c && c->height == height ? c : NULL;
}

struct view_cand *view_cand_next(const struct view *v, struct view_cand *c)
{
	struct view_cand *next = RB_NEXT(view_cands, (struct view_cands *)&v->cands, c);

	return next && next->height == c->height ? next : NULL;
}

static void cand_drop(struct view *v, struct view_cand *c)
{
	RB_REMOVE(view_cands, &v->cands, c);
	free(c);
}

uint64_t view_live_mask(const struct view *v)
{
	uint64_t m = 0;

	for (unsigned i = 0; i < v->n; i++)
		if (!v->sources[i].ignored)
			m |= 1ull << i;
	return m;
}

unsigned view_live(const struct view *v)
{
	return (unsigned)__builtin_popcountll(view_live_mask(v));
}

/* Take back what a source said of a height. */
static void retract(struct view *v, unsigned source, uint64_t height)
{
	struct view_slot *slot = view_slot(v, height);
	uint64_t bit = 1ull << source;
	struct view_cand *c, *next;

	slot->mask &= ~bit;
	for (c = view_cand_first(v, height); c; c = next) {
		next = view_cand_next(v, c);
		c->mask &= ~bit;
		if (!c->mask)
			cand_drop(v, c);
	}
}

/* The row that a source last claimed at a height, as far as it is still in memory. */
static const struct rec_sortition *claimed(const struct view *v, unsigned source, uint64_t height)
{
	const struct view_slot *slot = view_slot(v, height);
	uint64_t bit = 1ull << source;

	if (!slot)
		return NULL;
	for (struct view_cand *c = view_cand_first(v, height); c; c = view_cand_next(v, c))
		if (c->mask & bit)
			return &c->rec;
	return slot->mask & bit || slot->mask == 0 ? view_top_row(v, height) : NULL;
}

bool view_unlinked(const struct rec_sortition *above, const struct rec_sortition *below)
{
	return above && below && !all_zero(above->parent_sortition_id, 32) &&
	    !all_zero(below->sortition_id, 32) &&
	    memcmp(above->parent_sortition_id, below->sortition_id, 32) != 0;
}

/* A claim that does not stand on what the same source said below it (or above it): the other one is
 * stale. */
static void check_links(struct view *v, unsigned source, const struct rec_sortition *r)
{
	struct view_source *s = &v->sources[source];

	if (s->fixed || s->relinks >= VIEW_RELINKS)
		return;
	if (r->burn_height > v->net->first_burn_height + 1 &&
	    view_unlinked(r, claimed(v, source, r->burn_height - 1))) {
		s->relinks++;
		view_again(v, source, r->burn_height - 1);
	}
	if (view_unlinked(claimed(v, source, r->burn_height + 1), r)) {
		s->relinks++;
		view_again(v, source, r->burn_height + 1);
	}
}

/* All who could speak have, and nobody has the quorum: forget the claims, remember the fact. */
static void contest(struct view *v, uint64_t height)
{
	struct view_slot *slot = view_slot(v, height);
	struct view_event e = { .what = VIEW_CONTESTED, .height = height };
	struct view_cand *c, *next;
	uint64_t voters = 0;

	for (c = view_cand_first(v, height); c; c = view_cand_next(v, c))
		voters |= c->mask;
	if (~voters & view_live_mask(v))
		return;
	for (c = view_cand_first(v, height); c; c = next) {
		next = view_cand_next(v, c);
		cand_drop(v, c);
	}
	view_uncount(v, height);
	slot->contested = true;
	view_add_event(v, &e);
}

/* These are of the quorum's mind at a height. */
static void agreed(struct view *v, uint64_t mask, uint64_t height)
{
	for (unsigned i = 0; i < v->n; i++)
		if (mask >> i & 1 && height > v->sources[i].agreed)
			v->sources[i].agreed = height;
}

static void settle(struct view *v, struct view_cand *c)
{
	struct view_slot *slot = view_slot(v, c->height);
	struct view_event e = { .what = VIEW_SETTLED,
		.rec = c->rec,
		.replaced = slot->digest != 0,
		.height = c->height };
	uint64_t old = slot->mask, above = c->height + 1;

	e.rec.canonical = true;
	e.rec.sources = (uint32_t)__builtin_popcountll(c->mask);
	slot->digest = c->digest;
	slot->mask = c->mask;
	agreed(v, c->mask, c->height);
	slot->contested = false;
	slot->burn = c->rec.checked;
	memcpy(slot->ch, c->rec.consensus_hash, CH_LEN);
	if (!view_top_row(v, v->top[c->height % VIEW_TOP].burn_height) ||
	    v->top[c->height % VIEW_TOP].burn_height <= c->height)
		v->top[c->height % VIEW_TOP] = e.rec;	/* a newer row keeps its place */
	cand_drop(v, c);
	view_uncount(v, e.height);
	view_add_event(v, &e);
	v->retry.wait = 0;
	v->retry.at = v->retry.at < v->now + VIEW_RETRY ? v->retry.at : v->now + VIEW_RETRY;
	/* Whoever said otherwise before is asked again, and so is whoever vouches for what stood on
	 * the old row. */
	for (unsigned i = 0; e.replaced && i < v->n; i++)
		if (old >> i & 1)
			view_again(v, i, e.height);
	if (e.replaced && view_unlinked(view_top_row(v, above), &e.rec))
		for (unsigned i = 0; i < v->n; i++)
			if (!v->sources[i].fixed && !v->sources[i].ignored)
				view_again(v, i, above);
	for (struct view_cand *o = view_cand_first(v, e.height); o; o = view_cand_next(v, o))
		for (unsigned i = 0; i < v->n; i++)
			if (o->mask >> i & 1)
				view_contradicts(v, i, e.height);
}

/* Take over what an agreeing source knows and the first one did not. */
static void fill_in(struct rec_sortition *to, const struct rec_sortition *from)
{
	if (all_zero(to->sortition_id, 32)) {
		memcpy(to->sortition_id, from->sortition_id, 32);
		memcpy(to->parent_sortition_id, from->parent_sortition_id, 32);
	}
	if (!to->burn_time)
		to->burn_time = from->burn_time;
	if (all_zero(to->vrf_seed, 32))
		memcpy(to->vrf_seed, from->vrf_seed, 32);
	if (all_zero(to->last_ch, CH_LEN))
		memcpy(to->last_ch, from->last_ch, CH_LEN);
	if (from->has_burn && (from->checked || !to->has_burn)) {
		to->has_burn = true;
		to->total_burn = from->total_burn;
		memcpy(to->ops_hash, from->ops_hash, 32);
		to->checked = from->checked;
	}
}

/* A vote for a row that its slot does not have. */
static void vote(struct view *v, unsigned source, const struct rec_sortition *r, uint64_t d)
{
	struct view_cand find = { .height = r->burn_height, .digest = d },
			 *c = RB_FIND(view_cands, &v->cands, &find);
	struct view_slot *slot = view_slot(v, r->burn_height);

	if (!c) {
		c = xcalloc(1, sizeof(*c));
		c->height = r->burn_height;
		c->digest = d;
		c->rec = *r;
		RB_INSERT(view_cands, &v->cands, c);
	} else {
		fill_in(&c->rec, r);
	}
	c->mask |= 1ull << source;
	if ((unsigned)__builtin_popcountll(c->mask) >= v->quorum)
		settle(v, c);
	else if (slot->digest)
		view_contradicts(v, source, r->burn_height);
	else
		contest(v, r->burn_height);
}

/* An agreeing row whose burn totals fit its consensus hash, where the settled one has none: it
 * takes its place. */
static void complete_row(struct view *v, struct view_slot *slot, const struct rec_sortition *r)
{
	struct view_event e = { .what = VIEW_SETTLED, .rec = *r, .height = r->burn_height };

	if (!r->checked || slot->burn)
		return;
	slot->burn = true;
	e.rec.canonical = true;
	e.rec.sources = (uint32_t)__builtin_popcountll(slot->mask);
	view_add_event(v, &e);
}

void view_claim(struct view *v, unsigned source, const struct rec_sortition *r)
{
	struct view_source *s = &v->sources[source];
	struct view_slot *slot = view_slot(v, r->burn_height);
	uint64_t h = r->burn_height, d;

	if (s->ignored || !slot || h > v->tip)
		return;
	d = view_digest(v, r);
	view_set(s->asked, h - v->net->first_burn_height);
	if (view_is_deep(v, h) || v->tip < v->net->first_burn_height + v->net->stable_confirmations)
		s->deep = true;
	retract(v, source, h);
	if (slot->digest == d) {
		slot->mask |= 1ull << source;
		complete_row(v, slot, r);
	} else {
		vote(v, source, r, d);
	}
	if (s->ignored)
		return;
	if (slot->mask >> source & 1)
		agreed(v, slot->mask, h);
	check_links(v, source, r);
	view_dispute_heard(v, source, h);
}

void view_missing(struct view *v, unsigned source, uint64_t h)
{
	struct view_slot *slot = view_slot(v, h);
	struct view_event e = { .what = VIEW_UNSETTLED, .height = h };
	bool spoke;

	if (!slot)
		return;
	spoke = slot->mask >> source & 1;
	retract(v, source, h);
	view_uncount_one(v, source, h);
	if (!slot->digest || !spoke || slot->mask || h <= v->tip)
		return;
	if (v->done_to >= h)
		v->done_to = h - 1;
	/* it was on the fork that gave way, and the new one is not as high yet */
	slot->digest = 0;
	view_add_event(v, &e);
	for (unsigned i = 0; i < v->n; i++)
		if (view_slot(v, h + 1) && view_slot(v, h + 1)->mask >> i & 1)
			view_again(v, i, h + 1);
}

void view_ignore(struct view *v, unsigned source)
{
	struct view_source *s = &v->sources[source];
	uint64_t bit = 1ull << source;
	struct view_cand *c, *next;

	if (s->ignored)
		return;
	s->ignored = true;
	s->n_again = 0;
	for (uint64_t i = 0; i < v->n_slots; i++) {
		v->slots[i].mask &= ~bit;
		if (v->slots[i].contested)
			view_reopen(v, i);
	}
	for (c = RB_MIN(view_cands, &v->cands); c; c = next) {
		next = RB_NEXT(view_cands, &v->cands, c);
		c->mask &= ~bit;
		if (!c->mask)
			cand_drop(v, c);
	}
	view_find_tip(v);
}

void view_tick(struct view *v, uint64_t now)
{
	if (now / 60000 != v->now / 60000) {
		for (unsigned i = 0; i < v->n; i++)
			v->sources[i].relinks = 0;
		for (uint64_t i = 0; i < v->n_slots; i++)
			if (v->slots[i].contested)
				view_reopen(v, i);
	}
	v->now = now;
	view_ask_missing(v);
	view_dispute_tick(v);
}

/* Next: cmd/sortition-sync/view_dispute.c, who contradicts the quorum. */
