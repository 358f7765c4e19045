/* What falls: a block that is refused, a tenure that is proven no longer, and what stood on
 * them. */
#include "common/store/judge.h"
#include "common/store/streams.h"

void fall_unprove(struct keeper *k, struct tenure *t)
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
			fall_unprove(k, n);
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

void fall_refuse(struct keeper *k, struct node *n, enum chain_reason reason)
{
	struct tenure *t = n->t;
	bool start = t->has_start && memcmp(n->l.id, t->start_id, ID_LEN) == 0;

	report_verdict(k, n, STATUS_REFUSED, reason, chain_reason_text(reason));
	if (start)
		fall_unprove(k, t);
	if (!n->fresh)
		blocks_remove(k->s, k->txn, n->l.id);
	if (stream_known(k->s, k->txn, n->l.id))
		stream_del(k->s, k->txn, n->l.id);
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

/* Some of its blocks are gone: it is proven anew from its start, as far as it goes. */
void fall_again(struct keeper *k, struct tenure *t)
{
	fall_unprove(k, t);
	t->waits = false;
	if (!t->has_start || !node_find(k, t->start_id))
		choose_start(k, t);
	tenure_touch(k, t);
}

/* Next: common/store/judge.c, tenures on the tenures below them. */
