/* What is wanted and lacking, by the view and the tenures alone: true also where no stage runs, and
 * where none got so far as to say.
 *
 * Wanted are the tenures of the chain that commits name: from the sources' tip, or from whom the
 * newest winner stands on, down by parents to the first cycle wanted.  How many blocks a tenure
 * lacks is known once the tenure above, which says so, is held.  What a commit of epoch 2.x builds
 * on is no reason to want it: there the sources' tip alone counts. */
#include <stdlib.h>

#include "cmd/sync-status/status.h"
#include "common/chain/bitvec.h"
#include "common/chain/inventory.h"
#include "common/sys/log.h"

#define MOST_HEIGHTS 1000000 /* of epoch 2.x: mainnet has 201,817 */

struct walk {
	struct store *s;
	MDB_txn *txn;
	struct rec_tip tip;
	bool has_tip, met_tip;
	uint64_t first;			/* burn height */
	struct wanted w;
	/* By burn height from `first` on, below `end`, of epoch 2.x: what is needed, and what a
	 * peer has claimed. */
	uint64_t end;
	uint8_t *needed, *claimed;
};

static uint64_t first_height(struct store *s, MDB_txn *txn)
{
	char text[24] = "";
	MDB_val v;

	if (meta_get(s, txn, "from_cycle", &v) == 0 && v.mv_size < sizeof(text))
		memcpy(text, v.mv_data, v.mv_size);
	return network_first_wanted(&s->net, strtoull(text, NULL, 10));
}

static bool only_epoch2(const struct walk *k, uint64_t burn_height)
{
	return network_models(&k->s->net, burn_height) == MODEL_BIT(EPOCH2);
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

	if (only_epoch2(k, r->burn_height) || (has && t->model == EPOCH2)) {
		size = 1;
	} else if (is_tip && !all_zero(t->start_id, ID_LEN) && k->tip.height >= t->start_height) {
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
	memset(k->needed, 0, bitvec_bytes((uint32_t)(k->end - k->first)));
	while ((there = sortition_get(k->s, k->txn, ch, &r) == 0) && r.burn_height >= k->first &&
	    r.won) {
		k->met_tip |= k->has_tip &&
		    memcmp(k->tip.consensus_hash, r.consensus_hash, CH_LEN) == 0;
		if (tenure_get(k->s, k->txn, ch, &t) != 0)
			t = (struct rec_tenure){ .held = 0 };
		k->w.tenures++;
		count_blocks(k, &r, &t, has_above ? &above : NULL);
		if (r.burn_height < k->end)
			bitvec_set(k->needed, (uint32_t)(r.burn_height - k->first));
		/* A stream leads from a block that is wanted, too. */
		k->w.streams += has_above && above.stream == STREAM_MISSING;
		above = t;
		has_above = true;
		memcpy(ch, r.parent_ch, CH_LEN);
	}
	if (!there && (low > k->first || k->w.tenures == 0))
		k->w.known = k->w.exact = false;
}

/* Whether the commit of this winner names what it builds on. */
static bool names_parent(const struct walk *k, const struct rec_sortition *winner)
{
	struct rec_sortition parent;

	return !only_epoch2(k, winner->burn_height) &&
	    (sortition_get(k->s, k->txn, winner->parent_ch, &parent) != 0 ||
		!only_epoch2(k, parent.burn_height));
}

/* A tip of epoch 2.x counts only before Nakamoto: where a tenure is named that does not stand on
 * it, it is of a fork that lost. */
static bool tip_lost(const struct walk *k, const struct rec_sortition *newest)
{
	uint64_t first = network_model_first(&k->s->net, NAKAMOTO);
	struct rec_sortition tip, named;

	return sortition_get(k->s, k->txn, k->tip.consensus_hash, &tip) == 0 &&
	    tip.burn_height < first &&
	    sortition_get(k->s, k->txn, newest->parent_ch, &named) == 0 &&
	    named.burn_height >= first;
}

static void count_needed(struct walk *k, uint64_t low)
{
	struct rec_sortition newest;
	bool whole = low && low <= k->first, won = newest_winner(k->s, k->txn, k->first, &newest);

	if (!won)
		k->w = (struct wanted){ .known = whole, .exact = whole };
	else if (k->has_tip && memcmp(k->tip.consensus_hash, newest.consensus_hash, CH_LEN) == 0)
		walk_down(k, newest.consensus_hash, low);
	else if (names_parent(k, &newest))
		walk_down(k, newest.parent_ch, low);
	/* the sources' tip is on another branch of commits than the newest winner */
	if (k->has_tip && !k->met_tip && !(won && tip_lost(k, &newest)))
		walk_down(k, k->tip.consensus_hash, low);
}

/* ---- winners of epoch 2.x that are not needed ---- */

static bool on_inventory(void *arg, const struct rec_inventory *v)
{
	struct walk *k = arg;
	uint64_t h;

	if (v->kind != INV_BLOCKS || v->cycle >= MAX_CYCLES || v->bits.n < bitvec_bytes(v->count))
		return true;
	for (int64_t b = bitvec_next(v->bits.p, v->count, 0); b >= 0;
	     b = bitvec_next(v->bits.p, v->count, (uint32_t)b + 1)) {
		h = inventory_height(&k->s->net, INV_BLOCKS, v->cycle, (uint32_t)b);
		if (h >= k->first && h < k->end)
			bitvec_set(k->claimed, (uint32_t)(h - k->first));
	}
	return true;
}

static bool on_sortition(void *arg, const struct rec_sortition *r)
{
	struct walk *k = arg;
	uint32_t bit = (uint32_t)(r->burn_height - k->first);
	struct rec_tenure t;

	if (r->burn_height >= k->end)
		return false;
	if (!r->canonical || !r->won || bitvec_get(k->needed, bit + 1, bit))
		return true;
	if (tenure_get(k->s, k->txn, r->consensus_hash, &t) != 0)
		t = (struct rec_tenure){ .held = 0 };
	if (t.held || bitvec_get(k->claimed, bit + 1, bit)) {
		k->w.offered++;
		k->w.offered_done += t.proven;
	} else
		k->w.unclaimed++;
	return true;
}

struct wanted wanted_count(struct store *s, MDB_txn *txn, uint64_t low)
{
	struct walk k = { .s = s, .txn = txn, .first = first_height(s, txn) };
	uint64_t border = network_model_first(&s->net, NAKAMOTO) - 1;
	struct rec_sortition top;

	k.end = sortition_tip(s, txn, &top) == 0 ? top.burn_height + 1 : k.first;
	k.end = k.end < border ? k.end : border;
	if (k.end < k.first)
		k.end = k.first;
	if (k.end > k.first + MOST_HEIGHTS)
		k.end = k.first + MOST_HEIGHTS;
	k.needed = xcalloc(1, bitvec_bytes((uint32_t)(k.end - k.first)) + 1);
	k.claimed = xcalloc(1, bitvec_bytes((uint32_t)(k.end - k.first)) + 1);
	k.has_tip = meta_get_row(s, txn, "tip", REC_TIP, &k.tip) == 0;
	count_needed(&k, low);
	inventory_walk(s, txn, NULL, on_inventory, &k);
	sortition_walk(s, txn, k.first, on_sortition, &k);
	free(k.needed);
	free(k.claimed);
	return k.w;
}

/* Next: cmd/sync-status/print.c, which says it to people. */
