/* The inventory's plan and bits, made from the store when they are asked for and kept until the
 * chain moves. */
#include "cmd/block-serve/serve.h"
#include "common/store/streams.h"
#include "common/sys/stage.h"

#define NEWEST_WINNERS 2	/* so many winners above a tenure leave it among the newest */
#define NEWEST_WINDOW 200	/* they are looked for in so many burn blocks */

struct walk {
	struct serve *s;
	MDB_txn *txn;
	uint64_t winners;		/* canonical winners above the chain's top, in the window */
	/* heights of the newest winners, newest first */
	uint64_t last_winners[NEWEST_WINNERS + 1];
};

static bool note_winner(void *arg, const struct rec_sortition *r)
{
	struct walk *w = arg;

	if (r->canonical && r->won) {
		memmove(&w->last_winners[1], &w->last_winners[0],
		    NEWEST_WINNERS * sizeof(w->last_winners[0]));
		w->last_winners[0] = r->burn_height;
		w->winners++;
	}
	return true;
}

static bool is_newest(const struct walk *w, const struct view *v, const uint8_t ch[CH_LEN],
    uint64_t burn_height)
{
	if (v->has_tip &&
	    (memcmp(ch, v->tip.consensus_hash, CH_LEN) == 0 ||
		memcmp(ch, v->tip.parent_ch, CH_LEN) == 0))
		return true;
	return w->winners <= NEWEST_WINNERS || burn_height >= w->last_winners[NEWEST_WINNERS];
}

static int tenure_of(struct serve *s, MDB_txn *txn, const struct rec_sortition *r,
    struct inv_tenure *t, struct rec_tenure *row)
{
	if (!r->canonical || !r->won || tenure_get(&s->store, txn, r->consensus_hash, row) != 0 ||
	    !row->proven || row->model != NAKAMOTO)
		return -1;
	memset(t, 0, sizeof(*t));
	t->burn_height = r->burn_height;
	memcpy(t->start_id, row->start_id, ID_LEN);
	memcpy(t->committed, r->committed, ID_LEN);
	t->complete = row->complete;
	return 0;
}

static void add_proven(struct walk *w, uint64_t burn_height)
{
	struct rec_sortition r;
	struct inv_tenure t;
	struct rec_tenure row;

	if (sortition_at(&w->s->store, w->txn, burn_height, &r) != 0 ||
	    tenure_of(w->s, w->txn, &r, &t, &row) != 0)
		return;
	t.newest = is_newest(w, &w->s->view, r.consensus_hash, r.burn_height);
	inv_runs_add(&w->s->inv.plan, &w->s->store.net, &t);
}

/* Burn heights of proven tenures: there may be few among many sortitions. */
struct heights { uint64_t low, *v; size_t n, cap; };

static bool note_height(void *arg, const struct rec_tenure *t)
{
	struct heights *h = arg;

	if (!t->proven || t->model != NAKAMOTO || t->burn_height < h->low)
		return true;
	if (h->n == h->cap) {
		h->cap = h->cap ? h->cap * 2 : 256;
		h->v = xrealloc(h->v, h->cap * sizeof(*h->v));
	}
	h->v[h->n++] = t->burn_height;
	return true;
}

static int by_height(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void make_runs(struct walk *w)
{
	struct inv_plan *p = &w->s->inv.plan;
	struct heights h = { .low = inv_plan_low(p, &w->s->store.net) };

	inv_runs_begin(p);
	tenure_walk(&w->s->store, w->txn, note_height, &h);
	if (h.n > 0)
		qsort(h.v, h.n, sizeof(h.v[0]), by_height);
	for (size_t i = h.n; i-- > 0;)
		if (i + 1 == h.n || h.v[i] != h.v[i + 1])
			add_proven(w, h.v[i]);
	free(h.v);
}

/* The runs above the chain, if there is room for any.  They cost more than the rest of the plan,
 * and the chain grows with each commit. */
static void plan_runs(struct walk *w)
{
	struct inv_index *x = &w->s->inv;
	const struct view *v = &w->s->view;
	uint64_t begun = now_ms();

	x->behind = v->burn.burn_height >= inv_plan_low(&x->plan, &w->s->store.net);
	if (!x->behind)
		x->plan.n_runs = 0;
	if (!x->behind || (memcmp(x->burn, v->burn.consensus_hash, CH_LEN) == 0 &&
	    begun - x->made < x->keep_ms))
		return;
	make_runs(w);
	memcpy(x->burn, v->burn.consensus_hash, CH_LEN);
	x->made = now_ms();
	x->keep_ms = 1000 + 20 * (x->made - begun);
}

static void make_plan(struct serve *s, MDB_txn *txn)
{
	const struct view *v = &s->view;
	bool has_chain = v->has_chain && v->tenure.model == NAKAMOTO;
	struct walk w = { .s = s, .txn = txn };
	struct inv_tenure top = { 0 };
	struct rec_tenure below = { 0 };
	uint64_t from = 0, window = 0;
	bool has_below = false;

	if (has_chain) {
		top.burn_height = v->tenure.burn_height;
		memcpy(top.start_id, v->tenure.start_id, ID_LEN);
		top.complete = v->tenure.complete;
		from = v->tenure.burn_height + 1;
		has_below =
		    tenure_get(&s->store, txn, v->tenure.prev_ch, &below) == 0 &&
		    below.canonical && below.model == NAKAMOTO;
	}
	if (v->burn.burn_height > NEWEST_WINDOW && from < v->burn.burn_height - NEWEST_WINDOW)
		window = v->burn.burn_height - NEWEST_WINDOW;
	sortition_walk(&s->store, txn, window > from ? window : from, note_winner, &w);
	if (has_chain)
		top.newest = is_newest(&w, v, v->tenure.consensus_hash, v->tenure.burn_height);
	inv_plan_begin(&s->inv.plan, has_chain ? &top : NULL,
	    has_below ? &below.burn_height : NULL);
	plan_runs(&w);
	s->inv.planned = true;
}

int claims_top(struct serve *s, MDB_txn *txn, struct rec_tenure *t)
{
	struct rec_sortition row;

	if (!s->inv.planned)
		make_plan(s, txn);
	if (s->inv.plan.n_runs == 0 ||
	    sortition_at(&s->store, txn, s->inv.plan.runs[0].to, &row) != 0)
		return -1;
	return tenure_get(&s->store, txn, row.consensus_hash, t);
}

struct fill { struct serve *s; MDB_txn *txn; struct inv_cycle *c; };

static bool set_bit(void *arg, const struct rec_sortition *r)
{
	struct fill *f = arg;
	struct inv_tenure t;
	struct rec_tenure row;
	uint64_t cycle;
	uint32_t bit;

	inventory_bit(&f->s->store.net, INV_TENURES, r->burn_height, &cycle, &bit);
	if (cycle != f->c->cycle || bit >= f->c->count)
		return false;
	if (tenure_of(f->s, f->txn, r, &t, &row) == 0 &&
	    inv_claims(&f->s->inv.plan, &f->s->store.net, r->burn_height, row.canonical))
		bitvec_set(f->c->bits, bit);
	return true;
}

const struct inv_cycle *claims_cycle(struct serve *s, uint64_t cycle)
{
	uint32_t count =
	    s->view.has_burn ? inv_length(&s->store.net, cycle, s->view.burn.burn_height) : 0;
	const struct inv_cycle *known;

	if (count == 0)
		return NULL;
	if ((known = inv_index_find(&s->inv, NAKAMOTO, cycle)) != NULL)
		return known;
	MDB_txn *txn = store_read(&s->store);
	if (!s->inv.planned)
		make_plan(s, txn);
	struct fill f = { s, txn, inv_index_place(&s->inv, NAKAMOTO, cycle) };
	f.c->count = count;
	sortition_walk(&s->store, txn, inventory_height(&s->store.net, INV_TENURES, cycle, 0),
	    set_bit, &f);
	store_read_end(txn);
	return f.c;
}

/* Bits of blocks and streams change with many commits: while they come, a cycle's are kept so
 * long. */
#define BLOCKS_KEEP_MS 1000

/* Every proven anchored block, of lost forks too, whose sortition is canonical, and the streams
 * that they confirm.  The bits end where a burn block is not known. */
static bool set_block(void *arg, const struct rec_sortition *r)
{
	struct fill *f = arg;
	struct rec_tenure row;
	uint64_t cycle;
	uint32_t bit;

	if (!r->canonical)
		return true;
	inventory_bit(&f->s->store.net, INV_BLOCKS, r->burn_height, &cycle, &bit);
	if (cycle != f->c->cycle || bit != f->c->count || bit >= MAX_CYCLE_BITS)
		return false;
	f->c->count++;
	if (r->won && tenure_get(&f->s->store, f->txn, r->consensus_hash, &row) == 0 &&
	    row.proven && row.model == EPOCH2) {
		bitvec_set(f->c->bits, bit);
		if (stream_known(&f->s->store, f->txn, row.start_id))
			bitvec_set(f->c->streams, bit);
	}
	return true;
}

const struct inv_cycle *claims_blocks(struct serve *s, uint64_t cycle)
{
	struct inv_cycle *known = inv_index_find(&s->inv, EPOCH2, cycle);
	uint64_t now = now_ms();

	if (known && (known->seen == s->store.seen || now - known->made < BLOCKS_KEEP_MS))
		return known;
	MDB_txn *txn = store_read(&s->store);
	struct fill f = { s, txn, inv_index_place(&s->inv, EPOCH2, cycle) };

	f.c->seen = s->store.seen;
	f.c->made = now;
	sortition_walk(&s->store, txn, inventory_height(&s->store.net, INV_BLOCKS, cycle, 0),
	    set_block, &f);
	store_read_end(txn);
	return f.c;
}

/* Next: cmd/block-serve/p2p.c, which answers with it. */
