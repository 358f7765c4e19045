/* What holds and what falls: blocks on their parents, tenures on the tenures below them.
 *
 * A block is judged when its parent is linked, so each is judged once and from the start upwards,
 * in whatever order they came.  A tenure is judged when it is touched: its start came, a commit
 * came that names it, or the block that it stands on was linked.  Hash links and signatures are
 * genuine by then; only the place is in question. */
#include <stdlib.h>

#include "common/store/graph.h"
#include "common/sys/log.h"

static struct burn_fact fact_of(struct keeper *k, const uint8_t *ch)
{
	struct store_txn st = { k->s, k->txn };

	return sortition_fact(&st, ch);
}

#define VIEW_REACH 500	/* burn blocks that are looked through */

/* Whether the view has every burn block from one height up to another, which is not looked at. */
static bool view_whole(struct keeper *k, uint64_t from, uint64_t to)
{
	struct rec_sortition r;

	if (to < from || to - from > VIEW_REACH)
		return false;
	for (; from < to; from++)
		if (sortition_at(k->s, k->txn, from, &r) < 0)
			return false;
	return true;
}

/* A tenure that another, proven one stands on got no burn views above that one's sortition: with a
 * whole view up to there, what is unknown is wrong. */
static bool closed(struct keeper *k, const struct tenure *t)
{
	struct tenure *above;
	uint32_t i;

	for (i = 0; i < t->n_nodes; i++)
		for (above = tenures_on(k, t->nodes[i]->l.id, NULL); above;
		     above = tenures_on(k, t->nodes[i]->l.id, above))
			if (above->proven && t->burn_known && above->burn_known &&
			    view_whole(k, t->burn_height, above->burn_height))
				return true;
	return false;
}

/* Our view may be behind the block's burn view, or on the other side of a reorg. */
static bool view_may_come(struct keeper *k, const struct node *n)
{
	struct burn_fact view;

	if (n->l.kind == BLOCK_ORDINARY)
		return false;
	view = fact_of(k, n->l.change.burn_view);
	/* One that a reorg took away was true: the block is of a fork, and nobody lied. */
	return view.found ? !view.canonical : !closed(k, n->t);
}

void tenure_unprove(struct keeper *k, struct tenure *t)
{
	struct tenure *n, *next, **at;
	uint32_t i;

	if (!t->proven)
		return;
	k->counts.proven -= t->n_proven;
	k->counts.tenures_proven--;
	t->n_proven = 0;
	t->proven = t->complete = false;
	t->announce = true;
	memset(t->tip_id, 0, ID_LEN);
	t->tip_height = 0;
	for (i = 0; i < t->n_nodes; i++)
		t->nodes[i]->linked = false;
	canon_leave(k, t);
	if (t->prev) {
		for (at = &t->prev->child; *at && *at != t;)
			at = &(*at)->child_next;
		if (*at)
			*at = t->child_next;
		t->child_next = NULL;
		t->prev->complete = t->prev->child != NULL;
		tenure_dirty(k, t->prev);
		t->prev = NULL;
	}
	t->base = false;
	canon_linked(k, t);
	for (n = t->child; n; n = next) {
		next = n->child_next;
		n->prev = NULL;
		n->child_next = NULL;
		canon_linked(k, n);
		if (!n->named)
			tenure_unprove(k, n);
		tenure_touch(k, n);
	}
	t->child = NULL;
	tenure_dirty(k, t);
}

/* Another start of the tenure that came, if there is one. */
static void choose_start(struct keeper *k, struct tenure *t)
{
	uint32_t i;

	tenure_set_start(k, t, NULL);
	for (i = 0; i < t->n_nodes; i++)
		if (t->nodes[i]->l.kind == BLOCK_START) {
			tenure_set_start(k, t, t->nodes[i]);
			tenure_touch(k, t);
			return;
		}
}

void node_refuse(struct keeper *k, struct node *n, enum chain_reason reason)
{
	struct tenure *t = n->t;
	bool start = t->has_start && memcmp(n->l.id, t->start_id, ID_LEN) == 0;

	report_verdict(k, n, STATUS_REFUSED, reason, chain_reason_text(reason));
	if (start)
		tenure_unprove(k, t);
	if (!n->fresh)
		blocks_remove(k->s, k->txn, n->l.id);
	t->held--;
	t->bytes -= n->len;
	if (n->sibling)
		t->siblings--;
	k->counts.held--;
	k->counts.refused++;
	t->why = chain_reason_text(reason);
	node_drop(k, n);
	if (start)
		choose_start(k, t);
	tenure_dirty(k, t);
}

/* The highest block, of several the one that came first. */
static bool higher(struct keeper *k, const struct tenure *t, const struct node *n)
{
	const struct node *tip;

	if (t->tip_height != n->l.height)
		return t->tip_height < n->l.height;
	tip = node_find(k, t->tip_id);
	return tip && n->order < tip->order;
}

static void link_node(struct keeper *k, struct node *n)
{
	struct tenure *t = n->t;

	n->linked = true;
	t->n_proven++;
	k->counts.proven++;
	if (higher(k, t, n)) {
		t->tip_height = n->l.height;
		memcpy(t->tip_id, n->l.id, ID_LEN);
		canon_grown(k, t);
	}
	tenure_dirty(k, t);
	node_list_add(&k->grown, n);
}

/* A block on its linked parent. */
static void judge_child(struct keeper *k, struct node *n, struct node *parent)
{
	struct store_txn st = { k->s, k->txn };
	enum chain_reason reason;

	reason = place_child(&n->l, &parent->l, parent->l.height - parent->t->start_height + 1,
	    sortition_fact, &st);
	if (reason == REASON_OK) {
		link_follow(&n->l, &parent->l);
		link_node(k, n);
	} else if ((reason == REASON_EXTVIEW || reason == REASON_BURN) && view_may_come(k, n))
		n->t->waits = true;
	else
		node_refuse(k, n, reason);
}

/* What stands on blocks that were just linked: their children, and tenures. */
static void follow_up(struct keeper *k)
{
	struct node *n, *child, *next;
	struct tenure *t;

	while (k->grown.n > 0) {
		n = k->grown.v[--k->grown.n];
		for (t = tenures_on(k, n->l.id, NULL); t; t = tenures_on(k, n->l.id, t))
			tenure_touch(k, t);
		for (child = node_child(k, n->l.id); child; child = next) {
			next = node_child_next(child);
			if (child->l.kind != BLOCK_START && !child->linked)
				judge_child(k, child, n);
		}
	}
}

/* A block that came after its parent.  On a good block of another tenure it is a stray; the
 * children of a stray are not judged: they are above a refused block. */
static void judge_late(struct keeper *k, struct node *n)
{
	struct node *parent = node_find(k, n->l.parent);
	uint8_t ch[CH_LEN];
	uint64_t height;

	if (parent && parent->linked)
		judge_child(k, n, parent);
	else if (!parent && blocks_where(k->s, k->txn, n->l.parent, ch, &height) == 0 &&
	    memcmp(ch, n->l.ch, CH_LEN) != 0 && block_proven(k->s, k->txn, n->l.parent))
		node_refuse(k, n, REASON_STRAY);
}

void judge_arrival(struct keeper *k, struct node *n)
{
	struct tenure *t = n->t;

	if (n->l.kind != BLOCK_START)
		judge_late(k, n);
	else {
		if (!t->has_start)
			tenure_set_start(k, t, n);
		tenure_touch(k, t);
	}
	follow_up(k);
}

struct named { const struct tenure *t; bool yes; };

static bool names(void *arg, const struct rec_sortition *r)
{
	struct named *q = arg;

	q->yes = r->canonical && r->burn_height > q->t->burn_height;
	return !q->yes;
}

static bool is_named(struct keeper *k, const struct tenure *t, const uint8_t *start)
{
	struct named q = { t, false };

	sortition_naming(k->s, k->txn, start, names, &q);
	return q.yes;
}

/* Among several starts the one that a commit names. */
static void prefer_named(struct keeper *k, struct tenure *t)
{
	struct node *n;
	uint32_t i;

	for (i = 0; i < t->n_nodes && !t->named; i++) {
		n = t->nodes[i];
		if (n->l.kind != BLOCK_START || !is_named(k, t, n->l.id))
			continue;
		if (memcmp(n->l.id, t->start_id, ID_LEN) != 0) {
			tenure_unprove(k, t);
			tenure_set_start(k, t, n);
		}
		t->named = true;
		tenure_dirty(k, t);
	}
}

/* Whether the tenure below began under a floor: by its sortition, or because the view has all from
 * the floor up to this tenure and it is not there. */
static bool below_floor(struct keeper *k, const struct tenure *t, uint64_t floor)
{
	struct burn_fact below = fact_of(k, t->prev_ch);

	return below.found ? below.burn_height < floor :
			     t->burn_known && view_whole(k, floor, t->burn_height);
}

bool tenure_is_first(struct keeper *k, const struct tenure *t)
{
	return all_zero(t->prev_ch, CH_LEN) ||
	    below_floor(k, t, network_model_first(&k->s->net, NAKAMOTO));
}

bool tenure_is_lowest(struct keeper *k, const struct tenure *t)
{
	return k->has_from && below_floor(k, t, network_cycle_start(&k->s->net, k->from_cycle));
}

/* A winner of epoch 3.0 below the tenure: then it need not be the first, whatever it says. */
static bool earlier_winner(struct keeper *k, const struct tenure *t)
{
	uint64_t height = network_model_first(&k->s->net, NAKAMOTO);
	struct rec_sortition r;

	if (t->burn_height > height + VIEW_REACH)
		return true;
	for (; height < t->burn_height; height++)
		if (sortition_at(k->s, k->txn, height, &r) == 0 && r.won)
			return true;
	return false;
}

/* Whether the tenure is the lowest one wanted, and, if it is
 * the first of all, whether it may be. */
static bool judge_base(struct keeper *k, struct tenure *t, struct node *start,
    enum chain_reason *reason)
{
	struct store_txn st = { k->s, k->txn };
	uint8_t ch[CH_LEN];
	uint64_t height;
	bool held = node_find(k, start->l.parent) ||
	    blocks_where(k->s, k->txn, start->l.parent, ch, &height) == 0;
	/* the block under the first one is none of ours */
	bool first = !held && tenure_is_first(k, t);

	t->below_unknown = !first && !held && !fact_of(k, t->prev_ch).found;
	*reason = first ? place_first(&start->l, sortition_fact, &st) : REASON_OK;
	/* Its commit names another block than the one that it stands on: it lies about the tenure
	 * below, and the border will show how. */
	if (*reason != REASON_OK &&
	    memcmp(fact_of(k, t->ch).committed, start->l.parent, ID_LEN) != 0 &&
	    earlier_winner(k, t)) {
		*reason = REASON_OK;
		first = false;
	}
	return first || tenure_is_lowest(k, t);
}

/* The tenure below began at a block that no commit names, and the blocks in between are all here:
 * if the commit of the upper one names another, that is what is wrong. */
static enum chain_reason judge_unnamed(struct keeper *k, const struct node *start,
    struct tenure *below)
{
	struct burn_fact own = fact_of(k, start->t->ch);
	struct node *n;

	tenure_load(k, below);
	for (n = node_find(k, start->l.parent); n && n->t == below && n->l.kind != BLOCK_START;)
		n = node_find(k, n->l.parent);
	if (!n || n->t != below || !own.found || !own.won ||
	    memcmp(own.committed, n->l.id, ID_LEN) == 0)
		return REASON_OK;
	return REASON_COMMIT;
}

/* A tenure whose start nobody names: what stands on it may say why. */
static void touch_above(struct keeper *k, const struct tenure *t)
{
	struct tenure *above;

	for (uint32_t i = 0; i < t->n_nodes; i++)
		for (above = tenures_on(k, t->nodes[i]->l.id, NULL); above;
		     above = tenures_on(k, t->nodes[i]->l.id, above))
			if (above->proven)
				tenure_touch(k, above);
}

/* The border below a tenure, if the block under it is linked in a proven tenure: then *below is set
 * and the judgement returned. */
static enum chain_reason judge_border(struct keeper *k, struct node *start, struct tenure **below)
{
	struct store_txn st = { k->s, k->txn };
	uint8_t ch[CH_LEN];
	struct node *parent = node_find(k, start->l.parent);
	struct tenure *p = parent ? parent->t : NULL;
	uint64_t height;

	*below = NULL;
	if (!p && blocks_where(k->s, k->txn, start->l.parent, ch, &height) == 0)
		p = tenure_find(k, ch);
	if (!p || p == start->t)
		return REASON_OK;
	if (!p->proven)
		return judge_unnamed(k, start, p);
	tenure_load(k, p);
	parent = node_find(k, start->l.parent);
	if (!parent || !parent->linked)
		return REASON_OK;
	*below = p;
	return place_border(&start->l, &parent->l, p->start_id,
	    parent->l.height - p->start_height + 1, sortition_fact, &st);
}

static void stand_on(struct keeper *k, struct tenure *t, struct tenure *below)
{
	t->prev = below;
	t->child_next = below->child;
	below->child = t;
	tenure_dirty(k, t);
	tenure_dirty(k, below);
}

static void prove(struct keeper *k, struct tenure *t, struct node *start)
{
	struct node *parent = node_find(k, start->l.parent);
	uint8_t ch[CH_LEN];
	uint64_t height;
	struct tenure *below = parent ? parent->t : NULL;

	t->proven = t->announce = true;
	t->why = "";
	k->counts.tenures_proven++;
	t->tip_height = 0;
	link_node(k, start);
	/* The tenure below is closed now; what waited there for a burn view waits no longer. */
	if (!below && blocks_where(k->s, k->txn, start->l.parent, ch, &height) == 0)
		below = tenure_find(k, ch);
	if (below && below->waits)
		tenure_touch(k, below);
}

static void complete(struct keeper *k, struct tenure *t)
{
	struct tenure *below = t->prev;

	if (!below || !t->proven || below->complete)
		return;
	below->complete = below->announce = true;
	if (!below->packed && !below->to_pack) {
		below->to_pack = true;
		tenure_list_add(&k->pack, below);
	}
	tenure_dirty(k, below);
}

/* Blocks that waited for a burn view. */
static void retry_waiting(struct keeper *k, struct tenure *t)
{
	struct node *parent;
	uint32_t i;

	t->waits = false;
	for (i = 0; i < t->n_nodes; i++) {
		struct node *n = t->nodes[i];
		uint32_t before = t->n_nodes;

		if (n->linked || n->l.kind == BLOCK_START ||
		    !(parent = node_find(k, n->l.parent)) || !parent->linked)
			continue;
		judge_child(k, n, parent);
		if (t->n_nodes < before)
			i--;
	}
}

static void judge_tenure(struct keeper *k, struct tenure *t)
{
	struct store_txn st = { k->s, k->txn };
	enum chain_reason reason = REASON_OK;
	struct tenure *below = NULL;
	struct node *start;

	tenure_burn(k, t);
	if (t->proven && !t->named && is_named(k, t, t->start_id)) {
		t->named = true;
		tenure_dirty(k, t);
	}
	if (t->proven && t->named && !t->waits && t->prev)
		return;
	tenure_load(k, t);
	if (!t->named)
		prefer_named(k, t);
	if (!t->has_start || !(start = node_find(k, t->start_id)))
		return;
	if (!t->proven) {
		reason = place_start(&start->l, sortition_fact, &st);
		if (reason == REASON_NOSORTITION ||
		    (reason != REASON_OK && view_may_come(k, start))) {
			t->waits = true;
			t->why = chain_reason_text(reason);
			return;
		}
	}
	if (reason == REASON_OK && !t->prev)
		t->base = judge_base(k, t, start, &reason);
	if (reason == REASON_OK && !t->prev)
		reason = judge_border(k, start, &below);
	if (reason != REASON_OK) {
		node_refuse(k, start, reason);
		return;
	}
	if (below)
		stand_on(k, t, below);
	if (!t->proven && (t->named || t->prev || t->base))
		prove(k, t, start);
	else if (!t->proven) {
		t->why = chain_reason_text(REASON_NOTNAMED);
		touch_above(k, t);
	}
	complete(k, t);
	canon_linked(k, t);
	if (t->waits && t->proven)
		retry_waiting(k, t);
}

/* Some of its blocks are gone: it is proven anew from its start, as far as it goes. */
static void fall(struct keeper *k, struct tenure *t)
{
	tenure_unprove(k, t);
	t->waits = false;
	if (!t->has_start || !node_find(k, t->start_id))
		choose_start(k, t);
	tenure_touch(k, t);
}

void judge_queue(struct keeper *k)
{
	size_t i;

	do {
		for (i = 0; i < k->queue.n; i++) {
			struct tenure *t = k->queue.v[i];

			t->queued = false;
			judge_tenure(k, t);
			follow_up(k);
		}
		k->queue.n = 0;
		while (k->fallen.n > 0)
			fall(k, k->fallen.v[--k->fallen.n]);
	} while (k->queue.n > 0);
}

/* Next: common/store/canon.c, which chain is the canonical one. */
