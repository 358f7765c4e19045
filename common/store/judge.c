/* Tenures on the tenures below them, by the rules of their model (common/chain/place.h).
 *
 * A tenure is judged when it is touched: its start came, a commit came that names it, or the block
 * that it stands on was linked.  Hash links and signatures are genuine by then; only the place is
 * in question. */
#include "common/store/judge.h"

static bool is_named(struct keeper *k, const struct tenure *t, enum model model,
    const uint8_t id[ID_LEN])
{
	return place_rules(model)->named(t->ch, id, &k->burn);
}

/* Among several starts the one that a commit names. */
static void prefer_named(struct keeper *k, struct tenure *t)
{
	struct node *n;
	uint32_t i;

	for (i = 0; i < t->n_nodes && !t->named; i++) {
		n = t->nodes[i];
		if (n->l.kind != BLOCK_START || !is_named(k, t, n->l.model, n->l.id))
			continue;
		if (memcmp(n->l.id, t->start_id, ID_LEN) != 0) {
			fall_unprove(k, t);
			tenure_set_start(k, t, n);
		}
		t->named = true;
		tenure_dirty(k, t);
	}
}

/* The tenure below began at a block that no commit names, and the blocks in between are all here:
 * if the commit of the upper one names another, that is what is wrong. */
static enum chain_reason judge_unnamed(struct keeper *k, const struct node *start,
    struct tenure *below)
{
	struct node *n;

	tenure_load(k, below);
	for (n = node_find(k, start->l.parent); n && n->t == below && n->l.kind != BLOCK_START;)
		n = node_find(k, n->l.parent);
	if (!n || n->t != below)
		return REASON_OK;
	return place_rules(start->l.model)->commit(&start->l, n->l.id, &k->burn);
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
	struct tenure *p = tenure_holding(k, start->l.parent);
	struct node *parent;

	*below = NULL;
	if (!p || p == start->t)
		return REASON_OK;
	if (!p->proven)
		return judge_unnamed(k, start, p);
	tenure_load(k, p);
	parent = node_find(k, start->l.parent);
	if (!parent || !parent->linked)
		return REASON_OK;
	*below = p;
	return place_rules(start->l.model)->border(&start->l, &parent->l, p->start_id,
	    parent->l.height - p->start_height + 1, &k->burn);
}

/* What is below a start: *below is the tenure whose border holds. */
static enum chain_reason judge_below(struct keeper *k, struct tenure *t, struct node *start,
    struct tenure **below)
{
	enum chain_reason reason = bottom_judge(k, t, &start->l);

	return reason == REASON_OK ? judge_border(k, start, below) : reason;
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
	struct tenure *below = tenure_holding(k, start->l.parent);

	t->proven = t->announce = true;
	t->why = "";
	k->counts.tenures_proven++;
	t->tip_height = 0;
	grow_link(k, start);
	/* The tenure below is closed now; what waited there for a burn view waits no longer. */
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

static void judge_tenure(struct keeper *k, struct tenure *t)
{
	enum chain_reason reason = REASON_OK;
	struct tenure *below = NULL;
	struct node *start;

	tenure_burn(k, t);
	if (t->proven && !t->named && is_named(k, t, t->model, t->start_id)) {
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
	if (!t->proven)
		reason = place_rules(t->model)->start(&start->l, &k->burn);
	if (reason == REASON_NOSORTITION ||
	    (reason != REASON_OK && grow_view_may_come(k, start))) {
		t->waits = true;
		t->why = chain_reason_text(reason);
		return;
	}
	if (reason == REASON_OK && !t->prev)
		reason = judge_below(k, t, start, &below);
	if (reason != REASON_OK) {
		fall_refuse(k, start, reason);
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
		grow_retry(k, t);
}

void judge_queue(struct keeper *k)
{
	size_t i;

	do {
		for (i = 0; i < k->queue.n; i++) {
			struct tenure *t = k->queue.v[i];

			t->queued = false;
			judge_tenure(k, t);
			grow_follow(k);
		}
		k->queue.n = 0;
		while (k->fallen.n > 0)
			fall_again(k, k->fallen.v[--k->fallen.n]);
	} while (k->queue.n > 0);
}

/* Next: common/store/confirm.c, the microblocks between two blocks. */
