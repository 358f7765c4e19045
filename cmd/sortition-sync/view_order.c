/* view_order - what is asked next of whom: the tip and the stable height first, then downwards;
 * what gave way or is in dispute before everything.
 *
 * Each source has a bit a height that says 'asked or answered', and a cursor that runs down over
 * heights that lack both the quorum and this bit.  A source may run ahead of the others only so
 * far: what has no quorum is kept whole. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/sortition-sync/view.h"
#include "cmd/sortition-sync/view_private.h"
#include "common/sys/log.h"

void view_init(struct view *v, const struct network *net, unsigned sources, unsigned quorum,
    const uint8_t secret[32])
{
	memset(v, 0, sizeof(*v));
	v->net = net;
	v->n = sources;
	v->quorum = quorum;
	memcpy(v->secret, secret, sizeof(v->secret));
	v->done_to = net->first_burn_height;
	RB_INIT(&v->cands);
	v->top = xcalloc(VIEW_TOP, sizeof(*v->top));
}

void view_release(struct view *v)
{
	for (unsigned i = 0; i < v->n; i++) {
		v->sources[i].ignored = false;
		view_ignore(v, i);	/* drops its candidates */
		free(v->sources[i].asked);
		free(v->sources[i].counted);
	}
	free(v->slots);
	free(v->top);
	free(v->events);
}

/* Room for slots up to a height. */
static void grow(struct view *v, uint64_t height)
{
	uint64_t n = height - v->net->first_burn_height + 1, cap;

	if (n > v->cap) {
		cap = (n + 4096) & ~7ull;
		v->slots = xrealloc(v->slots, cap * sizeof(*v->slots));
		memset(v->slots + v->cap, 0, (cap - v->cap) * sizeof(*v->slots));
		for (unsigned i = 0; i < v->n; i++) {
			struct view_source *s = &v->sources[i];
			s->asked = xrealloc(s->asked, cap / 8);
			s->counted = xrealloc(s->counted, cap / 8);
			memset(s->asked + v->cap / 8, 0, (cap - v->cap) / 8);
			memset(s->counted + v->cap / 8, 0, (cap - v->cap) / 8);
		}
		v->cap = cap;
	}
	if (n > v->n_slots)
		v->n_slots = n;
}

void view_load(struct view *v, const struct rec_sortition *r)
{
	struct view_slot *slot;

	if (r->burn_height < v->net->first_burn_height ||
	    r->burn_height - v->net->first_burn_height >= VIEW_MAX_HEIGHTS)
		return;
	grow(v, r->burn_height);
	slot = view_slot(v, r->burn_height);
	slot->digest = view_digest(v, r);
	slot->burn = r->checked;
	memcpy(slot->ch, r->consensus_hash, CH_LEN);
	v->top[r->burn_height % VIEW_TOP] = *r;
}

void view_loaded(struct view *v)
{
	uint64_t zone = v->net->stable_confirmations + 1;

	for (uint64_t i = v->n_slots; i-- > 1 && zone > 0; )
		if (v->slots[i].digest) {
			v->slots[i].verify = true;
			zone--;
		}
}

void view_again(struct view *v, unsigned source, uint64_t height)
{
	struct view_source *s = &v->sources[source];

	if (s->ignored || s->fixed || !view_slot(v, height))
		return;
	for (unsigned i = 0; i < s->n_again; i++)
		if (s->again[i] == height)
			return;
	if (s->n_again < VIEW_AGAIN)
		s->again[s->n_again++] = height;
}

void view_uncount_one(struct view *v, unsigned source, uint64_t height)
{
	struct view_source *s = &v->sources[source];
	uint64_t i = height - v->net->first_burn_height;

	if (view_bit(s->counted, i)) {
		view_clear(s->counted, i);
		s->ahead--;
	}
}

void view_uncount(struct view *v, uint64_t height)
{
	for (unsigned i = 0; i < v->n; i++)
		view_uncount_one(v, i, height);
}

static void cursor_up(struct view *v, unsigned source)
{
	v->sources[source].cursor = UINT64_MAX;
}

void view_reopen(struct view *v, uint64_t index)
{
	v->slots[index].contested = false;
	for (unsigned i = 0; i < v->n; i++) {
		view_clear(v->sources[i].asked, index);
		cursor_up(v, i);
	}
}

void view_tells_burn(struct view *v, unsigned source)
{
	struct view_source *s = &v->sources[source];

	s->tells_burn = true;
	for (uint64_t i = 0; i < v->n_slots; i++)
		if (v->slots[i].digest && !v->slots[i].burn)
			view_clear(s->asked, i);
	cursor_up(v, source);
}

void view_checked(struct view *v, uint64_t height)
{
	struct view_slot *slot = view_slot(v, height);

	if (slot)
		slot->burn = true;
}

void view_ask_missing(struct view *v)
{
	uint64_t first = v->net->first_burn_height;
	unsigned n = 0;

	if (!v->has_tip || v->now < v->retry.at)
		return;
	v->retry.wait = v->retry.wait == 0 ? VIEW_RETRY :
	    v->retry.wait < 30000	   ? 2 * v->retry.wait :
					     60000;
	v->retry.at = v->now + v->retry.wait;
	for (uint64_t h = v->tip; h > first && h > v->done_to && n < VIEW_AGAIN; h--) {
		const struct view_slot *slot = view_slot(v, h);
		if (slot->digest || slot->contested)
			continue;
		n++;
		/* a claim, and a request on its way, is counted */
		for (unsigned i = 0; i < v->n; i++) {
			const struct view_source *s = &v->sources[i];
			if (s->has_tip && h <= s->tip.burn_height &&
			    view_bit(s->asked, h - first) && !view_bit(s->counted, h - first))
				view_again(v, i, h);
		}
	}
}

static int descending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

void view_find_tip(struct view *v)
{
	uint64_t tips[VIEW_SOURCES], first = v->net->first_burn_height, tip;
	unsigned n = 0;

	for (unsigned i = 0; i < v->n; i++)
		if (v->sources[i].has_tip && !v->sources[i].ignored)
			tips[n++] = v->sources[i].tip.burn_height;
	if (n < v->quorum)
		return;
	qsort(tips, n, sizeof(*tips), descending);
	tip = tips[v->quorum - 1];
	if (tip < first)
		return;
	if (tip - first >= VIEW_MAX_HEIGHTS)
		tip = first + VIEW_MAX_HEIGHTS - 1;
	grow(v, tip);
	if (v->has_tip && v->tip == tip)
		return;
	for (unsigned i = 0; i < v->n; i++) {
		if (!v->has_tip && tip >= first + v->net->stable_confirmations)
			view_again(v, i, tip - v->net->stable_confirmations);
		cursor_up(v, i);
	}
	v->has_tip = true;
	v->tip = tip;
}

void view_tip(struct view *v, unsigned source, const struct rec_sortition *r)
{
	struct view_source *s = &v->sources[source];
	uint64_t first = v->net->first_burn_height,
		 old = s->has_tip ? s->tip.burn_height : UINT64_MAX;
	bool same = s->has_tip && memcmp(s->tip.consensus_hash, r->consensus_hash, CH_LEN) == 0;

	if (s->ignored || r->burn_height < first)
		return;
	s->has_tip = true;
	s->tip = *r;
	/* what it lacked it may have now */
	for (uint64_t h = old; h < r->burn_height && h - first + 1 < v->n_slots; h++)
		if (!(v->slots[h + 1 - first].mask >> source & 1))
			view_clear(s->asked, h + 1 - first);
	if (old != r->burn_height)
		cursor_up(v, source);
	view_find_tip(v);
	for (unsigned i = 0; v->has_tip && i < v->n; i++) {
		struct view_source *o = &v->sources[i];
		if (o->has_tip && o->tip.burn_height <= v->tip &&
		    (i == source || !view_bit(o->asked, o->tip.burn_height - first)))
			view_claim(v, i, &o->tip);
	}
	if (s->tells_burn && !same && v->has_tip && r->burn_height <= v->tip &&
	    !view_slot(v, r->burn_height)->burn)
		/* it named its tip without the totals */
		view_clear(s->asked, r->burn_height - first);
}

void view_failed(struct view *v, unsigned source, uint64_t from, uint32_t n)
{
	struct view_source *s = &v->sources[source];

	for (uint64_t h = from; h < from + n; h++) {
		const struct view_slot *slot = view_slot(v, h);
		if (!slot)
			continue;
		view_clear(s->asked, h - v->net->first_burn_height);
		view_uncount_one(v, source, h);
		if (n == 1 && slot->digest && !slot->verify && !s->tells_burn)
			view_again(v, source, h);	/* only ever asked for because of a doubt */
	}
	cursor_up(v, source);
}

static bool wanted(const struct view *v, const struct view_source *s, uint64_t height)
{
	const struct view_slot *slot = view_slot(v, height);

	if (view_bit(s->asked, height - v->net->first_burn_height) || slot->contested)
		return false;
	return !slot->digest || slot->verify || height == v->tip || (s->tells_burn && !slot->burn);
}

bool view_next(struct view *v, unsigned source, uint32_t max, uint64_t *from, uint32_t *n)
{
	struct view_source *s = &v->sources[source];
	uint64_t first = v->net->first_burn_height, top, h;

	if (s->ignored || !s->has_tip || !v->has_tip)
		return false;
	if (s->n_again > 0) {
		*from = s->again[0];
		*n = 1;
		memmove(s->again, s->again + 1, --s->n_again * sizeof(*s->again));
		view_set(s->asked, *from - first);
		return true;
	}
	if (s->ahead >= VIEW_AHEAD)
		return false;
	top = s->tip.burn_height < v->tip ? s->tip.burn_height : v->tip;
	for (h = s->cursor < top ? s->cursor : top; ; h--) {
		if (wanted(v, s, h))
			break;
		if (h == first) {
			s->cursor = first;
			return false;
		}
	}
	for (*from = h, *n = 0; *n < max && s->ahead < VIEW_AHEAD && wanted(v, s, h); h--) {
		view_set(s->asked, h - first);
		if (!view_slot(v, h)->digest) {
			view_set(s->counted, h - first);
			s->ahead++;
		}
		*from = h;
		++*n;
		if (h == first)
			break;
	}
	s->cursor = *from;
	return true;
}

bool view_head(const struct view *v, uint64_t *height)
{
	uint64_t first = v->net->first_burn_height, h;

	if (v->n_slots == 0)
		return false;
	h = v->has_tip && v->tip < first + v->n_slots - 1 ? v->tip : first + v->n_slots - 1;
	for (; ; h--) {
		if (view_slot(v, h)->digest) {
			*height = h;
			return true;
		}
		if (h == first)
			return false;
	}
}

uint64_t view_low(struct view *v)
{
	uint64_t first = v->net->first_burn_height, head, h;

	if (!view_head(v, &head))
		return 0;
	for (h = head; h > first && h > v->done_to && view_slot(v, h)->digest; h--)
		;
	if (h <= v->done_to || h == first) {
		if (head > v->done_to)
			v->done_to = head;
		return view_slot(v, first)->digest ? first : first + 1;
	}
	return h + 1;
}

uint64_t view_left(const struct view *v)
{
	uint64_t n = 0;

	for (uint64_t h = v->net->first_burn_height + 1; v->has_tip && h <= v->tip; h++)
		n += !view_slot(v, h)->digest;
	return n;
}

bool view_at_tip(const struct view *v)
{
	const struct view_slot *slot;

	if (!v->has_tip)
		return false;
	slot = view_slot(v, v->tip);
	return slot->digest && (unsigned)__builtin_popcountll(slot->mask) >= v->quorum;
}

bool view_complete(struct view *v)
{
	return view_at_tip(v) && view_low(v) <= v->net->first_burn_height + 1;
}

bool view_linked(const struct view *v)
{
	const struct rec_sortition *above, *below;
	uint64_t h;

	if (!view_head(v, &h))
		return true;
	for (above = view_top_row(v, h); above && h > v->net->first_burn_height + 1;
	     above = below) {
		below = view_top_row(v, --h);
		if (view_unlinked(above, below))
			return false;
	}
	return true;
}

int view_ch(void *view, uint64_t height, uint8_t *ch)
{
	const struct view *v = view;
	const struct view_slot *slot = view_slot(v, height);

	if (height == v->net->first_burn_height) {
		memset(ch, 0, CH_LEN);	/* the initial sortition's */
		return 0;
	}
	if (!slot || !slot->digest)
		return -1;
	memcpy(ch, slot->ch, CH_LEN);
	return 0;
}

/* Next: cmd/sortition-sync/claims.c, the same for reward sets and block tips. */
