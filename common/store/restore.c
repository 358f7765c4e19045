/* The keeper's start: its graph out of the rows; and the first cycle wanted, which decides where
 * the chain's bottom is. */
#include <stdlib.h>

#include "common/store/judge.h"

/* The first cycle wanted, as block-fetch wrote it; whether it is another than before. */
static bool from_cycle_read(struct keeper *k)
{
	uint64_t was = k->has_from ? k->from_cycle : 0;
	char text[24] = "";
	MDB_val v;

	k->has_from = meta_get(k->s, k->txn, "from_cycle", &v) == 0 && v.mv_size > 0 &&
	    v.mv_size < sizeof(text);
	if (k->has_from)
		memcpy(text, v.mv_data, v.mv_size);
	k->from_cycle = strtoull(text, NULL, 10);
	return k->from_cycle != was;
}

/* A proven tenure, by what its row has. */
static void find_bottom(struct keeper *k, struct tenure *t)
{
	struct link start;

	tenure_start_link(t, &start);
	bottom_judge(k, t, &start);
}

/* Another first cycle is wanted: which tenures stand at the bottom, and what is linked, is found
 * anew.  One that was proven because it stood there, unnamed, is proven no longer. */
void restore_from_cycle(struct keeper *k)
{
	struct tenure_slab *slab;

	if (!from_cycle_read(k))
		return;
	for (slab = k->slabs; slab; slab = slab->next)
		for (struct tenure *t = slab->t; t < slab->t + slab->n; t++) {
			if (!t->proven)
				continue;
			find_bottom(k, t);
			if (!t->base && !t->named && !t->prev) {
				tenure_load(k, t);
				fall_unprove(k, t);
				tenure_touch(k, t);
			}
		}
	k->recanon = true;
}

/* Where the last run left off to give runs of schema 1 their checksums. */
static void upgrade_read(struct keeper *k)
{
	MDB_val v;

	k->upgrading = meta_get(k->s, k->txn, "upgrade", &v) == 0;
	if (k->upgrading && v.mv_size <= MAX_KEY) {
		memcpy(k->upgrade, v.mv_data, v.mv_size);
		k->upgrade_len = v.mv_size;
	}
}

/* The border of a row was judged if both sides are proven and the block between them is. */
static void restore_border(struct keeper *k, struct tenure *t)
{
	struct tenure *below = tenure_holding(k, t->start_parent);

	if (below && below != t && below->proven && block_proven(k->s, k->txn, t->start_parent)) {
		t->prev = below;
		t->child_next = below->child;
		below->child = t;
	}
}

/* What waited for the view waits again; rows do not tell, so blocks that are not proven are looked
 * at once. */
static void restore_tenure(struct keeper *k, struct tenure *t)
{
	tenure_burn(k, t);
	if (t->proven) {
		restore_border(k, t);
		find_bottom(k, t);
		t->waits = t->held > t->n_proven;
	}
	if (t->complete && !t->packed) {
		t->to_pack = true;
		tenure_list_add(&k->pack, t);
	}
}

void restore_rows(struct keeper *k)
{
	struct tenure_slab *slab;
	unsigned i;

	k->txn = store_read(k->s);
	from_cycle_read(k);
	upgrade_read(k);
	tenure_walk(k->s, k->txn, tenure_add, k);
	for (slab = k->slabs; slab; slab = slab->next)
		for (i = 0; i < slab->n; i++)
			restore_tenure(k, &slab->t[i]);
	canon_restore(k);
	store_read_end(k->txn);
	k->txn = NULL;
	for (i = 0; i < k->dirty.n; i++)
		k->dirty.v[i]->dirty = false;
	k->dirty.n = 0;
}

/* Next: common/store/intake.c, what comes in. */
