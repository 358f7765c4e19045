/* What is wanted and lacking, by the view and the tenures alone: true also where no stage runs, and
 * where none got so far as to say.
 *
 * Wanted are the tenures of the chain that commits name: from the sources' tip, or from whom the
 * newest winner stands on, down by parents to the first cycle wanted.  How many blocks a tenure
 * lacks is known once the tenure above, which says so, is held. */
#include <stdlib.h>

#include "cmd/sync-status/status.h"

struct walk {
	struct store *s;
	MDB_txn *txn;
	struct rec_tip tip;
	bool has_tip, met_tip;
	uint64_t first;			/* burn height */
	struct wanted w;
};

static uint64_t first_height(struct store *s, MDB_txn *txn)
{
	uint64_t epoch = network_model_first(&s->net, NAKAMOTO), start;
	char text[24] = "";
	MDB_val v;

	if (meta_get(s, txn, "from_cycle", &v) == 0 && v.mv_size < sizeof(text))
		memcpy(text, v.mv_data, v.mv_size);
	start = network_cycle_start(&s->net, strtoull(text, NULL, 10));
	return epoch > start ? epoch : start;
}

/* The newest canonical sortition that somebody won, not below a height; false: none. */
static bool newest_winner(struct store *s, MDB_txn *txn, uint64_t from, struct rec_sortition *r)
{
	if (sortition_tip(s, txn, r) != 0)
		return false;
	for (uint64_t h = r->burn_height; h >= from && h > 0; h--)
		if (sortition_at(s, txn, h, r) == 0 && r->won)
			return true;
	return false;
}

/* Blocks that the tenure lacks: how many it has is said by the one above, or by the tip; if by
 * nobody yet, it lacks one at least. */
static void count_blocks(struct walk *k, const struct rec_sortition *r, const struct rec_tenure *t,
    const struct rec_tenure *above)
{
	bool is_tip = k->has_tip && memcmp(k->tip.consensus_hash, r->consensus_hash, CH_LEN) == 0;
	uint64_t has = t->held, size = has;

	if (is_tip && !all_zero(t->start_id, ID_LEN) && k->tip.height >= t->start_height) {
		size = k->tip.height - t->start_height + 1;
	} else if (!is_tip && above && !all_zero(above->start_id, ID_LEN)) {
		size = above->prev_blocks;
	} else if (!t->proven) {
		k->w.exact = false;
		size = has + 1;
	}
	if (size > has)
		k->w.blocks += size - has;
	k->w.total += size > has ? size : has;
	k->w.done += t->proven && size <= has;
}

/* Down by parents.  Where a parent is not in the view, what is wanted is known only if the view
 * reaches as far down as is wanted, and not if the walk finds nothing at all: a view that is false,
 * or not whole, has tips and winners whose parents it does not have. */
static void walk_down(struct walk *k, const uint8_t *from, uint64_t low)
{
	struct rec_tenure t, above;
	struct rec_sortition r;
	uint8_t ch[CH_LEN];
	bool has_above = false, there;

	memcpy(ch, from, CH_LEN);
	k->w = (struct wanted){ .known = true, .exact = true };
	k->met_tip = false;
	while ((there = sortition_get(k->s, k->txn, ch, &r) == 0) && r.burn_height >= k->first &&
	    r.won) {
		k->met_tip |= k->has_tip &&
		    memcmp(k->tip.consensus_hash, r.consensus_hash, CH_LEN) == 0;
		if (tenure_get(k->s, k->txn, ch, &t) != 0)
			t = (struct rec_tenure){ .held = 0 };
		k->w.tenures++;
		count_blocks(k, &r, &t, has_above ? &above : NULL);
		above = t;
		has_above = true;
		memcpy(ch, r.parent_ch, CH_LEN);
	}
	if (!there && (low > k->first || k->w.tenures == 0))
		k->w.known = k->w.exact = false;
}

struct wanted wanted_count(struct store *s, MDB_txn *txn, uint64_t low)
{
	struct walk k = { .s = s, .txn = txn, .first = first_height(s, txn) };
	struct rec_sortition newest;
	bool whole = low && low <= k.first;

	k.has_tip = meta_get_row(s, txn, "tip", REC_TIP, &k.tip) == 0;
	if (!newest_winner(s, txn, k.first, &newest))
		return (struct wanted){ .known = whole, .exact = whole };
	if (k.has_tip && memcmp(k.tip.consensus_hash, newest.consensus_hash, CH_LEN) == 0)
		walk_down(&k, newest.consensus_hash, low);
	else
		walk_down(&k, newest.parent_ch, low);
	if (k.has_tip && !k.met_tip)	/* the sources' tip is on another branch of commits than the
					 * newest winner */
		walk_down(&k, k.tip.consensus_hash, low);
	return k.w;
}

/* Next: cmd/sync-status/print.c, which says it to people. */
