/* Blocks of a tenure on their parents.
 *
 * A block is judged when its parent is linked, so each is judged once and from the start upwards,
 * in whatever order they came. */
#include "common/store/judge.h"

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

bool grow_view_may_come(struct keeper *k, const struct node *n)
{
	struct burn_fact view;

	if (n->l.kind == BLOCK_ORDINARY)
		return false;
	view = burn_fact_of(k, n->l.view);
	/* One that a reorg took away was true: the block is of a fork, and nobody lied. */
	return view.found ? !view.canonical : !closed(k, n->t);
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

void grow_link(struct keeper *k, struct node *n)
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
	enum chain_reason reason = place_child(&n->l, &parent->l,
	    parent->l.height - parent->t->start_height + 1, &k->burn);

	if (reason == REASON_OK) {
		link_follow(&n->l, &parent->l);
		grow_link(k, n);
	} else if ((reason == REASON_EXTVIEW || reason == REASON_BURN) && grow_view_may_come(k, n))
		n->t->waits = true;
	else
		fall_refuse(k, n, reason);
}

/* What stands on blocks that were just linked: their children, and tenures. */
void grow_follow(struct keeper *k)
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
		fall_refuse(k, n, REASON_STRAY);
}

void grow_arrival(struct keeper *k, struct node *n)
{
	struct tenure *t = n->t;

	if (n->l.kind != BLOCK_START)
		judge_late(k, n);
	else {
		if (!t->has_start)
			tenure_set_start(k, t, n);
		tenure_touch(k, t);
		if (n->l.shadow && (t = tenure_holding(k, n->l.names)) != NULL)
			tenure_touch(k, t);
	}
	grow_follow(k);
}

/* Blocks that waited for a burn view. */
void grow_retry(struct keeper *k, struct tenure *t)
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

/* Next: common/store/fall.c, what happens when one does not hold. */
