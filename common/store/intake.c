/* What comes in: blocks, news of the view, and what is to be looked at for damage. */
#include "common/store/judge.h"
#include "common/store/streams.h"
#include "common/sys/log.h"

/* A block as it came, for a report: it is of no tenure. */
static struct node came(struct keeper *k, const struct link *l, const struct block *b,
    uint64_t weight, struct rec_view source)
{
	return (struct node){ .l = *l,
		.bytes = b->bytes,
		.len = (uint32_t)b->len,
		.weight = (uint32_t)weight,
		.fresh = true,
		.source = source_intern(k, source) };
}

/* A block that is there already: the heavier signature set stays. */
static void keep_heavier(struct keeper *k, struct node *n, const struct node *other)
{
	struct kept_block b = { .id = other->l.id,
		.bytes = other->bytes,
		.len = other->len,
		.weight = other->weight,
		.height = n->l.height,
		.sibling = n->sibling,
		.source = rec_str(other->source) };

	if (other->weight <= n->weight) {
		report_verdict(k, other, STATUS_STORED, REASON_LIGHTER, "");
		return;
	}
	n->t->bytes += other->len - n->len;
	n->len = other->len;
	n->weight = other->weight;
	n->source = other->source;
	if (n->fresh)
		n->bytes = other->bytes;
	else {
		blocks_replace(k->s, k->txn, &b);
		report_stored(k, n);
	}
	tenure_dirty(k, n->t);
}

static void keep_new(struct keeper *k, struct tenure *t, const struct node *other)
{
	struct node *n = node_add(k, t, &other->l);

	n->bytes = other->bytes;
	n->len = other->len;
	n->weight = other->weight;
	n->source = other->source;
	n->fresh = true;
	n->order = ++k->orders;
	t->held++;
	t->bytes += n->len;
	t->siblings += n->sibling;
	k->counts.held++;
	tenure_dirty(k, t);
	grow_arrival(k, n);
}

/* A block that confirms a stream may have been refused for it. */
static void keep_confirming(struct keeper *k, struct tenure *t, const struct node *other)
{
	enum chain_reason reason = confirm_refused(k, other->l.id);

	if (reason == REASON_OK)
		keep_new(k, t, other);
	else
		report_verdict(k, other, STATUS_REFUSED, reason, chain_reason_text(reason));
}

/* A complete tenure is only read again for a block that it lacks. */
static bool stored_as_heavy(struct keeper *k, const struct tenure *t, const struct node *other)
{
	const struct link *l = &other->l;
	struct kept_block b;

	return !t->loaded && t->complete && block_known(k->s, k->txn, l->id) &&
	    blocks_find(k->s, k->txn, l->ch, l->height, l->id, &b) == 0 &&
	    other->weight <= b.weight && block_sound(l->ch, &b);
}

void keeper_block(struct keeper *k, const struct block *block, uint64_t weight,
    struct rec_view source)
{
	struct node other, *n;
	struct tenure *t;
	struct link link;
	bool placed = link_of(&link, block, &k->burn);

	other = came(k, &link, block, weight, source);
	if (!placed) {
		report_verdict(k, &other, STATUS_UNDECIDED, REASON_NOSORTITION,
		    chain_reason_text(REASON_NOSORTITION));
		return;
	}
	t = tenure_make(k, link.ch);
	if (!t->burn_known)
		tenure_burn(k, t);
	if (stored_as_heavy(k, t, &other)) {
		report_verdict(k, &other, STATUS_STORED, REASON_LIGHTER, "");
		return;
	}
	tenure_load(k, t);
	if ((n = node_find(k, link.id)) != NULL)
		keep_heavier(k, n, &other);
	else if (link.tail_sequence == 0 && all_zero(link.tail, sizeof(link.tail)))
		keep_new(k, t, &other);
	else
		keep_confirming(k, t, &other);
}

static bool take_any(void *found, const struct kept_block *b)
{
	*(bool *)found = true;
	return false;
}

void keeper_heal(struct keeper *k, const uint8_t ch[CH_LEN])
{
	struct tenure *t = tenure_find(k, ch);
	bool any = t != NULL;

	if (!t) {
		/* Its row was lost; or the name was, and nothing is left under it. */
		blocks_salvage(k->s, k->txn, ch, false);
		blocks_walk(k->s, k->txn, ch, 0, UINT64_MAX, take_any, &any);
		if (!any)
			return;
		t = tenure_make(k, ch);
	}
	if (!t->burn_known)
		tenure_burn(k, t);
	tenure_reload(k, t);
	if (t->held > 0 && !t->has_start)
		tenure_list_add(&k->fallen, t);
	tenure_dirty(k, t);
}

/* A row of block_ids that leads nowhere. */
static void lost_id_drop(struct keeper *k, const uint8_t *id)
{
	uint8_t ch[CH_LEN];
	struct kept_block b;
	uint64_t height;

	if (blocks_where(k->s, k->txn, id, ch, &height) == 0 &&
	    blocks_find(k->s, k->txn, ch, height, id, &b) < 0)
		store_del(k->s, k->txn, T_BLOCK_IDS, id, ID_LEN);
}

void keeper_condemn(struct keeper *k, const uint8_t ch[CH_LEN], const uint8_t *id)
{
	uint8_t where[CH_LEN];
	uint64_t height;

	/* It may be sound, and its row of block_ids lost or astray. */
	if (id && (blocks_where(k->s, k->txn, id, where, &height) < 0 ||
	    memcmp(where, ch, CH_LEN) != 0 || !blocks_condemn(k->s, k->txn, id)))
		blocks_salvage(k->s, k->txn, ch, true);
	keeper_heal(k, ch);
	if (id)
		lost_id_drop(k, id);
}

/* Its tenure's row says no longer that it is there. */
static void stream_gone(void *arg, const uint8_t child[ID_LEN], const uint8_t ch[CH_LEN])
{
	struct tenure *t = tenure_find(arg, ch);

	if (t)
		tenure_dirty(arg, t);
}

/* What readers found: they are looked at again. */
static void heal_noted(struct keeper *k)
{
	uint8_t id[ID_LEN], ch[CH_LEN];
	uint64_t height;

	while (k->s->error == 0 && damaged_first(k->s, k->txn, id, ch)) {
		blocks_where(k->s, k->txn, id, ch, &height);
		keeper_heal(k, ch);
		store_del(k->s, k->txn, T_DAMAGED, id, ID_LEN);
		lost_id_drop(k, id);
	}
	streams_heal(k->s, k->txn, stream_gone, k);
}

void keeper_sortition(struct keeper *k, const struct rec_sortition *r)
{
	struct tenure *t = tenure_find(k, r->consensus_hash);

	if (t)
		tenure_touch(k, t);
	if (!all_zero(r->committed, ID_LEN) && (t = tenure_holding(k, r->committed)) != NULL)
		tenure_touch(k, t);
}

void keeper_reorg(struct keeper *k, uint64_t fork_height)
{
	struct tenure_slab *slab;
	unsigned i;

	for (slab = k->slabs; slab; slab = slab->next)
		for (i = 0; i < slab->n; i++)
			if (slab->t[i].burn_height > fork_height || !slab->t[i].burn_known) {
				tenure_burn(k, &slab->t[i]);
				if (!slab->t[i].proven)
					tenure_touch(k, &slab->t[i]);
			}
}

/* burn blocks below the tip whose sortitions may have changed without a reorg record */
#define REORG_DEPTH 100

void keeper_rescan(struct keeper *k)
{
	struct tenure_slab *slab;
	uint64_t low =
	    k->best && k->best->burn_height > REORG_DEPTH ? k->best->burn_height - REORG_DEPTH : 0;
	unsigned i;

	for (slab = k->slabs; slab; slab = slab->next)
		for (i = 0; i < slab->n; i++) {
			struct tenure *t = &slab->t[i];

			if (t->burn_height > low)
				tenure_burn(k, t);
			if ((t->held && !t->proven) || t->waits || (t->below_unknown && !t->prev))
				tenure_touch(k, t);
		}
	heal_noted(k);
}

/* Next: common/store/keeper.c, the commit as a whole. */
