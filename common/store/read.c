/* What other programs ask of blocks, tenures and the canonical chain.
 *
 * Which blocks of a proven tenure are proven: those that link down to its start.  As place_child
 * has it that heights count by one, and refused blocks are taken out, that is every block of the
 * runs from the start's height to the tip's, unless the tenure holds siblings; then the links
 * themselves are followed. */
#include <stdlib.h>

#include "common/store/blocks.h"
#include "common/sys/log.h"

/* The header facts of a block, without a look at its bytes. */
static void facts_out(struct stored_block *out, const uint8_t *ch, const struct kept_block *b)
{
	out->bytes = NULL;
	out->len = b->len;
	out->height = b->height;
	out->damaged = !(b->summed ? b->listed : block_sound(ch, b));
	memcpy(out->ch, ch, CH_LEN);
	memcpy(out->id, b->id, ID_LEN);
}

/* Everything that leaves the store comes by here. */
static void block_out(struct store *s, MDB_txn *txn, struct stored_block *out, const uint8_t *ch,
    const struct kept_block *b)
{
	facts_out(out, ch, b);
	out->damaged =
	    !block_sound(ch, b) || !kept_parent(s, txn, ch, b, &out->model, out->parent);
	out->sum = b->sum;
	out->bytes = out->damaged ? NULL : b->bytes;
}

int stored_header(const struct stored_block *b, struct block *head)
{
	size_t need;

	if (block_header(head, ANY_MODEL, b->ch, b->bytes, b->len, &need) <= 0)
		return -1;
	memcpy(head->parent, b->parent, ID_LEN);
	return 0;
}

int block_get(struct store *s, MDB_txn *txn, const uint8_t id[ID_LEN], struct stored_block *out)
{
	uint8_t ch[CH_LEN];
	struct kept_block b;
	uint64_t height;

	memset(out, 0, sizeof(*out));
	if (blocks_where(s, txn, id, ch, &height) < 0)
		return -1;
	memcpy(out->id, id, ID_LEN);
	memcpy(out->ch, ch, CH_LEN);
	out->height = height;
	out->damaged = true;	/* not where its row says */
	if (blocks_find(s, txn, ch, height, id, &b) == 0)
		block_out(s, txn, out, ch, &b);
	return out->damaged ? -1 : 0;
}

bool block_known(struct store *s, MDB_txn *txn, const uint8_t id[ID_LEN])
{
	MDB_val v;

	return store_get(s, txn, T_BLOCK_IDS, id, ID_LEN, &v) == 0;
}

int tenure_get(struct store *s, MDB_txn *txn, const uint8_t ch[CH_LEN], struct rec_tenure *r)
{
	return store_get_row(s, txn, T_TENURES, ch, CH_LEN, REC_TENURE, r);
}

struct tenure_rows { struct store *s; bool (*fn)(void *, const struct rec_tenure *); void *arg; };

static bool tenure_next(void *arg, const MDB_val *key, const MDB_val *data)
{
	struct tenure_rows *w = arg;
	struct rec_tenure r;

	return store_row(w->s, T_TENURES, key, data, REC_TENURE, &r) < 0 || w->fn(w->arg, &r);
}

void tenure_walk(struct store *s, MDB_txn *txn, bool (*fn)(void *, const struct rec_tenure *),
    void *arg)
{
	struct tenure_rows w = { s, fn, arg };

	store_walk(s, txn, T_TENURES, NULL, 0, tenure_next, &w);
}

/* Proven blocks of one tenure, ascending.  With siblings, `below` holds the proven ids of the
 * height below. */
#define MAX_SIBLINGS 16
struct proven_pass {
	struct store *s;
	MDB_txn *txn;
	const struct rec_tenure *t;
	bool (*fn)(void *, const uint8_t *ch, const struct kept_block *);
	void *arg;
	uint64_t height;
	uint8_t below[MAX_SIBLINGS][ID_LEN], here[MAX_SIBLINGS][ID_LEN];
	unsigned n_below, n_here;
	bool on, hole;			/* goes on; a height has no block */
};

static bool links(struct proven_pass *p, const struct kept_block *b)
{
	uint8_t parent[ID_LEN];
	enum model model;
	unsigned i;

	if (b->height != p->height) {
		memcpy(p->below, p->here, sizeof(p->below));
		p->n_below = p->n_here;
		p->n_here = 0;
		p->height = b->height;
	}
	if (b->height == p->t->start_height)
		return memcmp(b->id, p->t->start_id, ID_LEN) == 0;
	if (!kept_parent(p->s, p->txn, p->t->consensus_hash, b, &model, parent))
		return false;
	for (i = 0; i < p->n_below; i++)
		if (memcmp(p->below[i], parent, ID_LEN) == 0)
			return true;
	return false;
}

static bool proven_next(void *arg, const struct kept_block *b)
{
	struct proven_pass *p = arg;

	if (!p->t->siblings) {
		p->hole |= b->height != p->height;
		p->height = b->height + 1;
	} else {
		if (!links(p, b))
			return true;
		if (p->n_here < MAX_SIBLINGS)
			memcpy(p->here[p->n_here++], b->id, ID_LEN);
	}
	return p->on = p->fn(p->arg, p->t->consensus_hash, b);
}

static bool proven_pass(struct store *s, MDB_txn *txn, const struct rec_tenure *t, uint64_t high,
    bool (*fn)(void *, const uint8_t *, const struct kept_block *), void *arg)
{
	struct proven_pass p = { .s = s,
		.txn = txn,
		.t = t,
		.fn = fn,
		.arg = arg,
		.height = t->siblings ? UINT64_MAX : t->start_height,
		.on = true };

	high = high < t->tip_height ? high : t->tip_height;
	if (t->proven)
		blocks_walk(s, txn, t->consensus_hash, t->start_height, high, proven_next, &p);
	/* No refused block leaves a hole: what is not there was lost. */
	s->holes |= p.hole || (t->proven && p.on && !t->siblings && p.height != high + 1);
	return p.on;
}

struct id_search { const uint8_t *id; bool found; };

static bool id_search(void *arg, const uint8_t *ch, const struct kept_block *b)
{
	struct id_search *q = arg;

	q->found = memcmp(b->id, q->id, ID_LEN) == 0;
	return !q->found;
}

/* Whether a block is proven, and where it lies. */
static bool proven_where(struct store *s, MDB_txn *txn, const uint8_t id[ID_LEN],
    uint8_t ch[CH_LEN], uint64_t *height)
{
	struct id_search q = { id, false };
	struct rec_tenure t;

	if (blocks_where(s, txn, id, ch, height) < 0 || tenure_get(s, txn, ch, &t) < 0 ||
	    !t.proven || *height < t.start_height || *height > t.tip_height)
		return false;
	if (!t.siblings)
		return true;
	proven_pass(s, txn, &t, *height, id_search, &q);
	return q.found;
}

bool block_proven(struct store *s, MDB_txn *txn, const uint8_t id[ID_LEN])
{
	uint8_t ch[CH_LEN];
	uint64_t height;

	return proven_where(s, txn, id, ch, &height);
}

/* The list of proven blocks: tenures by height; where forks overlap their blocks are sorted
 * together. */
struct span { uint64_t low, high; uint8_t ch[CH_LEN]; };
struct spans { struct span *v; size_t n, cap; };
struct entry { uint64_t height; uint8_t id[ID_LEN], ch[CH_LEN]; };
struct entries { struct entry *v; size_t n, cap; };
struct listing {
	struct store *s;
	MDB_txn *txn;
	bool (*fn)(void *, const struct stored_block *);
	void *arg;
	uint64_t from;
	bool facts;
};

static bool span_add(void *arg, const struct rec_tenure *t)
{
	struct spans *l = arg;

	if (!t->proven)
		return true;
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 256;
		l->v = xrealloc(l->v, l->cap * sizeof(*l->v));
	}
	l->v[l->n].low = t->start_height;
	l->v[l->n].high = t->tip_height;
	memcpy(l->v[l->n++].ch, t->consensus_hash, CH_LEN);
	return true;
}

static int span_order(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->low != y->low ? (x->low < y->low ? -1 : 1) : memcmp(x->ch, y->ch, CH_LEN);
}

static int entry_order(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->height != y->height ? (x->height < y->height ? -1 : 1) :
					memcmp(x->id, y->id, ID_LEN);
}

static bool list_one(void *arg, const uint8_t *ch, const struct kept_block *b)
{
	struct listing *l = arg;
	struct stored_block out;

	if (b->height < l->from)
		return true;
	if (l->facts)
		facts_out(&out, ch, b);
	else
		block_out(l->s, l->txn, &out, ch, b);
	return l->fn(l->arg, &out);
}

static bool entry_add(void *arg, const uint8_t *ch, const struct kept_block *b)
{
	struct entries *e = arg;

	if (e->n == e->cap) {
		e->cap = e->cap ? e->cap * 2 : 256;
		e->v = xrealloc(e->v, e->cap * sizeof(*e->v));
	}
	e->v[e->n].height = b->height;
	memcpy(e->v[e->n].ch, ch, CH_LEN);
	memcpy(e->v[e->n++].id, b->id, ID_LEN);
	return true;
}

/* Tenures [from, to) overlap (or hold siblings): sort their blocks. */
static bool list_sorted(struct store *s, MDB_txn *txn, const struct span *v, size_t n,
    struct listing *l)
{
	struct entries e = { 0 };
	struct rec_tenure t;
	struct kept_block b;
	bool on = true;
	size_t i;

	for (i = 0; i < n; i++)
		if (tenure_get(s, txn, v[i].ch, &t) == 0)
			proven_pass(s, txn, &t, UINT64_MAX, entry_add, &e);
	if (e.n)
		qsort(e.v, e.n, sizeof(*e.v), entry_order);
	for (i = 0; on && i < e.n; i++)
		if (blocks_find(s, txn, e.v[i].ch, e.v[i].height, e.v[i].id, &b) == 0)
			on = list_one(l, e.v[i].ch, &b);
	free(e.v);
	return on;
}

static void proven_all(struct store *s, MDB_txn *txn, struct listing *l)
{
	struct spans all = { 0 };
	struct rec_tenure t;
	size_t i, to;
	uint64_t high;
	bool on = true;

	tenure_walk(s, txn, span_add, &all);
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), span_order);
	for (i = 0; on && i < all.n; i = to) {
		high = all.v[i].high;
		for (to = i + 1; to < all.n && all.v[to].low <= high; to++)
			high = all.v[to].high > high ? all.v[to].high : high;
		if (high < l->from)
			continue;
		if (to - i > 1 || tenure_get(s, txn, all.v[i].ch, &t) < 0 || t.siblings)
			on = list_sorted(s, txn, all.v + i, to - i, l);
		else
			on = proven_pass(s, txn, &t, UINT64_MAX, list_one, l);
	}
	free(all.v);
}

void proven_walk(struct store *s, MDB_txn *txn, uint64_t from,
    bool (*fn)(void *, const struct stored_block *), void *arg)
{
	struct listing l = { s, txn, fn, arg, from, false };

	proven_all(s, txn, &l);
}

void proven_list(struct store *s, MDB_txn *txn, uint64_t from,
    bool (*fn)(void *, const struct stored_block *), void *arg)
{
	struct listing l = { s, txn, fn, arg, from, true };

	proven_all(s, txn, &l);
}

/* canonical: lowest height u64 of a tenure's part -> consensus hash.  A row has no checksum: its
 * tenure's row must say the same. */
static int canonical_seek(struct store *s, MDB_txn *txn, uint64_t height, struct rec_tenure *t)
{
	MDB_cursor *c = store_cursor(s, txn, T_CANONICAL);
	uint8_t key[8], ch[CH_LEN];
	MDB_val k = { 8, key }, v;
	uint8_t row[MAX_KEY];
	bool bad;
	int rc;

	put_be64(key, height);
	rc = store_cursor_get(s, c, &k, &v, MDB_SET_RANGE);
	if (rc != 0)
		rc = store_cursor_get(s, c, &k, &v, MDB_LAST);
	else if (k.mv_size != 8 || get_be64(k.mv_data) != height)
		rc = store_cursor_get(s, c, &k, &v, MDB_PREV);
	mdb_cursor_close(c);
	if (rc != 0)
		return -1;
	bad = k.mv_size != 8 || v.mv_size != CH_LEN;
	k.mv_data = memcpy(row, k.mv_data, k.mv_size);
	if (!bad)
		memcpy(ch, v.mv_data, CH_LEN);
	bad = bad || tenure_get(s, txn, ch, t) < 0 || !t->canonical ||
	    t->start_height != get_be64(row);
	return bad ? store_row_bad(s, T_CANONICAL, &k) : 0;
}

int canonical_tip(struct store *s, MDB_txn *txn, struct rec_tenure *tenure, uint64_t *height,
    uint8_t id[ID_LEN])
{
	struct rec_tenure t;

	if (canonical_seek(s, txn, UINT64_MAX, &t) < 0)
		return -1;
	if (tenure)
		*tenure = t;
	*height = t.end_height;
	memcpy(id, t.end_id, ID_LEN);
	return 0;
}

struct at_height { uint64_t height; struct stored_block *out; bool found; };

static bool at_height(void *arg, const struct stored_block *b)
{
	struct at_height *q = arg;

	if (b->height != q->height)
		return true;
	*q->out = *b;
	q->found = true;
	return false;
}

int canonical_at(struct store *s, MDB_txn *txn, uint64_t height, struct stored_block *out)
{
	struct at_height q = { height, out, false };
	struct kept_block b;
	struct rec_tenure t;

	if (canonical_seek(s, txn, height, &t) < 0 || height < t.start_height ||
	    height > t.end_height)
		return -1;
	if (t.siblings) {
		tenure_blocks_down(s, txn, t.end_id, NULL, at_height, &q);
		return q.found && !out->damaged ? 0 : -1;
	}
	if (blocks_find(s, txn, t.consensus_hash, height, NULL, &b) < 0)
		return -1;
	block_out(s, txn, out, t.consensus_hash, &b);
	return out->damaged ? -1 : 0;
}

struct down {
	struct store *s;
	MDB_txn *txn;
	const uint8_t *ch, *stop;
	bool (*fn)(void *, const struct stored_block *);
	void *arg;
};

static bool down_next(void *arg, const struct kept_block *b)
{
	struct down *d = arg;
	struct stored_block out;

	block_out(d->s, d->txn, &out, d->ch, b);
	return d->fn(d->arg, &out) && !out.damaged &&
	    (!d->stop || memcmp(out.parent, d->stop, ID_LEN) != 0);
}

void tenure_blocks_down(struct store *s, MDB_txn *txn, const uint8_t id[ID_LEN],
    const uint8_t *stop, bool (*fn)(void *, const struct stored_block *), void *arg)
{
	uint8_t ch[CH_LEN];
	struct down d = { s, txn, ch, stop, fn, arg };
	uint64_t height;

	if (blocks_where(s, txn, id, ch, &height) == 0)
		blocks_down(s, txn, ch, height, id, down_next, &d);
}

bool proven_blocks_down(struct store *s, MDB_txn *txn, const uint8_t id[ID_LEN],
    const uint8_t *stop, bool (*fn)(void *, const struct stored_block *), void *arg)
{
	uint8_t ch[CH_LEN];
	struct down d = { s, txn, ch, stop, fn, arg };
	uint64_t height;

	if (!proven_where(s, txn, id, ch, &height))
		return false;
	blocks_down(s, txn, ch, height, id, down_next, &d);
	return true;
}

/* Next: common/store/graph.c, what the keeper sees of all this. */
