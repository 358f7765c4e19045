/* Linked and canonical: what reaches down to the first tenure wanted, and the highest such chain on
 * canonical sortitions.
 *
 * Both follow tenures upward along borders that were judged good.  A new or longer chain is taken
 * in at once; when something gives way (a reorg, a tenure un-proven) the choice is made anew over
 * all tenures, which are in memory. */
#include <stdlib.h>

#include "common/store/judge.h"
#include "common/sys/log.h"

static void row_put(struct keeper *k, struct tenure *t, bool canonical)
{
	uint8_t key[8];

	put_be64(key, t->start_height);
	if (canonical)
		store_put(k->s, k->txn, T_CANONICAL, key, sizeof(key), t->ch, CH_LEN);
	else
		store_del(k->s, k->txn, T_CANONICAL, key, sizeof(key));
	t->canonical = canonical;
	tenure_dirty(k, t);
}

void canon_leave(struct keeper *k, struct tenure *t)
{
	if (t->canonical)
		row_put(k, t, false);
}

/* Make the chain below `top` the canonical one, as far down as it is linked: what is canonical
 * already below a common tenure stays. */
static void take(struct keeper *k, struct tenure *top)
{
	struct tenure *t, *above, *fork;

	for (fork = top; fork && fork->on_canonical && !fork->canonical; fork = fork->prev)
		;
	if (fork && !fork->canonical)
		fork = NULL;
	for (t = k->best; t && t != fork; t = t->prev)
		canon_leave(k, t);
	for (t = top, above = NULL; t && t != fork && t->on_canonical; above = t, t = t->prev) {
		row_put(k, t, true);
		t->up = above;
	}
	if (fork) {
		fork->up = above;
		tenure_dirty(k, fork);
	}
	k->best = top;
}

/* What is below a canonical tenure and was linked after it (epoch 2.x, under the first Nakamoto
 * tenure) is canonical too. */
static void take_below(struct keeper *k, struct tenure *above)
{
	struct tenure *t = above->prev;

	for (; t && t->on_canonical && !t->canonical; above = t, t = t->prev) {
		row_put(k, t, true);
		t->up = above;
	}
}

void canon_grown(struct keeper *k, struct tenure *t)
{
	/* At equal heights the first stays. */
	if (!k->settling && t->on_canonical && k->best != t &&
	    (!k->best || t->tip_height > k->best->tip_height))
		take(k, t);
}

/* Follow a change of `linked` upwards, without recursion: chains are long. */
void canon_linked(struct keeper *k, struct tenure *top)
{
	struct tenure_list work = { 0 };
	struct tenure *t, *child;

	tenure_list_add(&work, top);
	while (work.n > 0) {
		bool linked, on;

		t = work.v[--work.n];
		linked = t->proven && (t->base || (t->prev && t->prev->linked));
		on = linked && t->burn_canonical && (t->base || t->prev->on_canonical);
		if (t->canonical && on && !k->settling)
			take_below(k, t);
		if (linked == t->linked && on == t->on_canonical)
			continue;
		if (t->on_canonical && !on)
			k->recanon = true;
		t->linked = linked;
		t->on_canonical = on;
		if (!k->settling)
			tenure_dirty(k, t);
		canon_grown(k, t);
		for (child = t->child; child; child = child->child_next)
			tenure_list_add(&work, child);
	}
	free(work.v);
}

static void each_tenure(struct keeper *k, void (*fn)(struct keeper *, struct tenure *))
{
	struct tenure_slab *slab;
	unsigned i;

	for (slab = k->slabs; slab; slab = slab->next)
		for (i = 0; i < slab->n; i++)
			fn(k, &slab->t[i]);
}

static void forget(struct keeper *k, struct tenure *t)
{
	t->was_linked = t->linked;
	t->on_canonical = t->linked = false;
}

static void follow(struct keeper *k, struct tenure *t)
{
	if (t->base && t->proven)
		canon_linked(k, t);
}

static void changed(struct keeper *k, struct tenure *t)
{
	if (!t->on_canonical)
		canon_leave(k, t);
	if (t->linked != t->was_linked)
		tenure_dirty(k, t);
}

/* The highest; at equal heights the one that stands, else the first that came. */
static struct tenure *choose(struct keeper *k)
{
	struct tenure *best = k->best && k->best->on_canonical ? k->best : NULL, *t;
	struct tenure_slab *slab;
	unsigned i;

	for (slab = k->slabs; slab; slab = slab->next)
		for (i = 0; i < slab->n; i++) {
			t = &slab->t[i];
			if (t->on_canonical &&
			    (!best || t->tip_height > best->tip_height ||
				(t->tip_height == best->tip_height && best != k->best &&
				    t->order < best->order)))
				best = t;
		}
	return best;
}

static void leave_all(struct keeper *k, struct tenure *t)
{
	if (t->canonical)
		tenure_dirty(k, t);
	t->canonical = false;
	t->up = NULL;
}

/* Rows that do not fit the tenures were damaged: none is left, and the chain that is chosen gets
 * all of its own. */
static void canon_clear(struct keeper *k)
{
	MDB_cursor *c = store_cursor(k->s, k->txn, T_CANONICAL);
	uint8_t (*keys)[MAX_KEY] = NULL;
	size_t n = store_count(k->s, k->txn, T_CANONICAL), i = 0;
	size_t *lens = xcalloc(n + 1, sizeof(*lens));
	MDB_val key, v;
	int rc = store_cursor_get(k->s, c, &key, &v, MDB_FIRST);

	keys = xcalloc(n + 1, sizeof(*keys));
	for (; rc == 0 && i < n; rc = store_cursor_get(k->s, c, &key, &v, MDB_NEXT)) {
		lens[i] = key.mv_size < MAX_KEY ? key.mv_size : MAX_KEY;
		memcpy(keys[i], key.mv_data, lens[i]);
		i++;
	}
	mdb_cursor_close(c);
	while (i-- > 0)
		store_del(k->s, k->txn, T_CANONICAL, keys[i], lens[i]);
	free(keys);
	free(lens);
	each_tenure(k, leave_all);
	k->best = NULL;
	k->canon_bad = false;
}

void canon_settle(struct keeper *k)
{
	struct tenure *best;

	if (!k->recanon)
		return;
	if (k->canon_bad)
		canon_clear(k);
	k->settling = true;
	each_tenure(k, forget);
	each_tenure(k, follow);
	each_tenure(k, changed);
	k->settling = k->recanon = false;
	best = choose(k);
	/* One that fell and was proven again in the same commit has lost its row. */
	if (best != k->best || (best && !best->canonical))
		take(k, best);
	for (; best; best = best->prev)
		if (best->canonical)
			take_below(k, best);
}

struct canon_rows { struct keeper *k; size_t n; bool bad; };

static bool canon_row(void *arg, const MDB_val *key, const MDB_val *v)
{
	struct canon_rows *r = arg;
	struct tenure *t = NULL;

	r->n++;
	if (key->mv_size == 8 && v->mv_size == CH_LEN)
		t = tenure_find(r->k, v->mv_data);
	r->bad = !t || !t->canonical || t->start_height != get_be64(key->mv_data);
	return !r->bad;
}

static size_t marked(struct keeper *k)
{
	struct tenure_slab *slab;
	size_t n = 0;

	for (slab = k->slabs; slab; slab = slab->next)
		for (unsigned i = 0; i < slab->n; i++)
			n += slab->t[i].canonical;
	return n;
}

/* Each canonical tenure has its row, and there are no others. */
static bool rows_fit(struct keeper *k)
{
	struct canon_rows r = { .k = k };

	store_walk(k->s, k->txn, T_CANONICAL, NULL, 0, canon_row, &r);
	return !r.bad && r.n == marked(k);
}

void canon_restore(struct keeper *k)
{
	MDB_cursor *c = store_cursor(k->s, k->txn, T_CANONICAL);
	struct tenure *t, *above = NULL;
	MDB_val key, v;

	k->settling = true;
	each_tenure(k, follow);
	k->settling = false;
	if (store_cursor_get(k->s, c, &key, &v, MDB_LAST) == 0 && v.mv_size == CH_LEN)
		k->best = tenure_find(k, v.mv_data);
	mdb_cursor_close(c);
	for (t = k->best; t; above = t, t = t->prev)
		t->up = above;
	/* The view may have turned while nobody kept. */
	k->canon_bad = !rows_fit(k);
	k->recanon = k->canon_bad || choose(k) != k->best;
}

/* Next: common/store/report.c, what the world is told. */
