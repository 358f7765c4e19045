/* The keeper's graph of tenures: found by consensus hash and by the block that their start stands
 * on, written back as rows. */
#include <stdlib.h>

#include "common/store/graph.h"
#include "common/store/streams.h"
#include "common/sys/log.h"

uint64_t graph_hash(const struct keeper *k, const uint8_t *id)
{
	uint64_t x;

	memcpy(&x, id, sizeof(x));
	x = (x ^ k->secret) * 0x9e3779b97f4a7c15u;
	return x ^ x >> 29;
}

void tenure_list_add(struct tenure_list *l, struct tenure *t)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->v = xrealloc(l->v, l->cap * sizeof(*l->v));
	}
	l->v[l->n++] = t;
}

const char *source_intern(struct keeper *k, struct rec_view source)
{
	char text[MAX_SOURCE + 1];
	size_t i;

	if (k->last_source && rec_is(source, k->last_source))
		return k->last_source;
	rec_cstr(text, sizeof(text), source);
	for (i = 0; i < k->n_sources; i++)
		if (strcmp(k->sources[i], text) == 0)
			return k->last_source = k->sources[i];
	if (k->n_sources % 64 == 0)
		k->sources = xrealloc(k->sources, (k->n_sources + 64) * sizeof(*k->sources));
	return k->last_source = k->sources[k->n_sources++] = xstrdup(text);
}

static void index_ch(struct keeper *k, struct tenure *t)
{
	struct tenure **at = &k->by_ch[graph_hash(k, t->ch) & k->tenure_mask];

	t->ch_next = *at;
	*at = t;
}

static void index_parent(struct keeper *k, struct tenure *t)
{
	struct tenure **at = &k->by_parent[graph_hash(k, t->start_parent) & k->tenure_mask];

	t->parent_next = *at;
	*at = t;
}

static void unindex_parent(struct keeper *k, struct tenure *t)
{
	struct tenure **at = &k->by_parent[graph_hash(k, t->start_parent) & k->tenure_mask];

	while (*at && *at != t)
		at = &(*at)->parent_next;
	if (*at)
		*at = t->parent_next;
}

/* Twice the buckets when there are as many tenures. */
static void grow(struct keeper *k)
{
	struct tenure_slab *slab;
	unsigned i;

	if (k->n_tenures <= k->tenure_mask)
		return;
	k->tenure_mask = k->tenure_mask ? k->tenure_mask * 2 + 1 : 1023;
	free(k->by_ch);
	free(k->by_parent);
	k->by_ch = xcalloc(k->tenure_mask + 1, sizeof(*k->by_ch));
	k->by_parent = xcalloc(k->tenure_mask + 1, sizeof(*k->by_parent));
	for (slab = k->slabs; slab; slab = slab->next)
		for (i = 0; i < slab->n; i++) {
			index_ch(k, &slab->t[i]);
			if (slab->t[i].has_start)
				index_parent(k, &slab->t[i]);
		}
}

struct tenure *tenure_find(struct keeper *k, const uint8_t ch[CH_LEN])
{
	struct tenure *t = k->by_ch[graph_hash(k, ch) & k->tenure_mask];

	while (t && memcmp(t->ch, ch, CH_LEN) != 0)
		t = t->ch_next;
	return t;
}

struct tenure *tenure_make(struct keeper *k, const uint8_t ch[CH_LEN])
{
	struct tenure_slab *slab = k->slabs;
	struct tenure *t;

	if (k->n_tenures > 0 && (t = tenure_find(k, ch)) != NULL)
		return t;
	if (!slab || slab->n == TENURE_SLAB) {
		slab = xcalloc(1, sizeof(*slab));
		slab->next = k->slabs;
		k->slabs = slab;
	}
	t = &slab->t[slab->n];
	memcpy(t->ch, ch, CH_LEN);
	t->source = "";
	t->why = "";
	t->order = k->orders++;
	k->n_tenures++;
	grow(k);
	slab->n++;
	index_ch(k, t);
	return t;
}

struct tenure *tenure_holding(struct keeper *k, const uint8_t id[ID_LEN])
{
	struct node *n = node_find(k, id);
	uint8_t ch[CH_LEN];
	uint64_t height;

	if (n)
		return n->t;
	return blocks_where(k->s, k->txn, id, ch, &height) == 0 ? tenure_find(k, ch) : NULL;
}

void tenure_burn(struct keeper *k, struct tenure *t)
{
	struct burn_fact f = k->burn.fact(k->burn.arg, t->ch);

	if (f.found == t->burn_known && f.canonical == t->burn_canonical)
		return;
	t->burn_known = f.found;
	t->burn_canonical = f.canonical;
	t->burn_height = f.burn_height;
	if (t->linked)
		k->recanon = true;
	tenure_dirty(k, t);
}

void tenure_set_start(struct keeper *k, struct tenure *t, const struct node *start)
{
	if (t->has_start)
		unindex_parent(k, t);
	t->has_start = start != NULL;
	t->named = false;
	memset(t->start_id, 0, ID_LEN);
	memset(t->start_parent, 0, ID_LEN);
	memset(t->prev_ch, 0, CH_LEN);
	memset(t->tail, 0, sizeof(t->tail));
	t->start_height = t->prev_blocks = t->tail_sequence = 0;
	t->model = 0;
	if (start) {
		t->model = start->l.model;
		memcpy(t->start_id, start->l.id, ID_LEN);
		memcpy(t->start_parent, start->l.parent, ID_LEN);
		memcpy(t->prev_ch, start->l.prev_ch, CH_LEN);
		memcpy(t->tail, start->l.tail, sizeof(t->tail));
		t->tail_sequence = start->l.tail_sequence;
		t->start_height = start->l.height;
		t->prev_blocks = start->l.prev_blocks;
		t->source = start->source;
		index_parent(k, t);
	}
	tenure_dirty(k, t);
}

void tenure_start_link(const struct tenure *t, struct link *l)
{
	memset(l, 0, sizeof(*l));
	l->model = t->model;
	l->kind = BLOCK_START;
	memcpy(l->id, t->start_id, ID_LEN);
	memcpy(l->parent, t->start_parent, ID_LEN);
	memcpy(l->ch, t->ch, CH_LEN);
	memcpy(l->prev_ch, t->prev_ch, CH_LEN);
	l->height = t->start_height;
	l->prev_blocks = t->prev_blocks;
}

struct tenure *tenures_on(struct keeper *k, const uint8_t parent[ID_LEN], struct tenure *after)
{
	struct tenure *t =
	    after ? after->parent_next : k->by_parent[graph_hash(k, parent) & k->tenure_mask];

	while (t && memcmp(t->start_parent, parent, ID_LEN) != 0)
		t = t->parent_next;
	return t;
}

void tenure_touch(struct keeper *k, struct tenure *t)
{
	if (t->queued)
		return;
	t->queued = true;
	tenure_list_add(&k->queue, t);
}

void tenure_dirty(struct keeper *k, struct tenure *t)
{
	if (t->dirty)
		return;
	t->dirty = true;
	tenure_list_add(&k->dirty, t);
}

/* Where the chain leaves the tenure: below the canonical tenure above, else below the first that
 * stands on it, else its tip. */
static void tenure_end(const struct tenure *t, struct rec_tenure *r)
{
	const struct tenure *above = t->canonical ? t->up : t->child;

	if (above) {
		memcpy(r->end_id, above->start_parent, ID_LEN);
		r->end_height = above->start_height - 1;
	} else if (t->proven) {
		memcpy(r->end_id, t->tip_id, ID_LEN);
		r->end_height = t->tip_height;
	}
}

bool tenure_confirms(const struct tenure *t)
{
	return t->tail_sequence || !all_zero(t->tail, sizeof(t->tail));
}

/* At the bottom of the chain, on a block that is not there. */
static bool is_provisional(const struct tenure *t)
{
	struct link boot;

	return t->proven && t->base && !t->prev && !place_boot(&boot, t->start_parent);
}

void tenure_record(struct keeper *k, const struct tenure *t, struct rec_tenure *r)
{
	memset(r, 0, sizeof(*r));
	memcpy(r->consensus_hash, t->ch, CH_LEN);
	r->burn_height = t->burn_height;
	memcpy(r->start_id, t->start_id, ID_LEN);
	r->start_height = t->start_height;
	memcpy(r->parent_id, t->start_parent, ID_LEN);
	memcpy(r->prev_ch, t->prev_ch, CH_LEN);
	r->prev_blocks = t->prev_blocks;
	memcpy(r->tip_id, t->tip_id, ID_LEN);
	r->tip_height = t->tip_height;
	r->held = t->held;
	r->bytes = t->bytes;
	r->named = t->named;
	r->proven = t->proven;
	r->complete = t->complete;
	tenure_end(t, r);
	r->linked = t->linked;
	r->canonical = t->canonical;
	r->packed = t->packed;
	r->why = rec_str(is_provisional(t) ?
		"its height is provisional: the block that it stands on is not held" :
		t->why);
	r->siblings = t->siblings;
	r->source = rec_str(t->source);
	r->model = t->model;
	if (tenure_confirms(t))
		r->stream =
		    stream_known(k->s, k->txn, t->start_id) ? STREAM_PROVEN : STREAM_MISSING;
	memcpy(r->tail, t->tail, sizeof(t->tail));
	r->tail_sequence = t->tail_sequence;
}

void tenure_rows_write(struct keeper *k)
{
	struct rec_tenure r;
	size_t i;

	for (i = 0; i < k->dirty.n; i++) {
		struct tenure *t = k->dirty.v[i];

		tenure_record(k, t, &r);
		store_put_row(k->s, k->txn, T_TENURES, t->ch, CH_LEN, REC_TENURE, &r);
		if (t->announce)
			rec_encode(k->out, REC_TENURE, &r);
		t->announce = t->dirty = false;
	}
	k->dirty.n = 0;
}

/* A row into the graph. Borders and what follows from them are found again by keeper_new. */
bool tenure_add(void *arg, const struct rec_tenure *r)
{
	struct keeper *k = arg;
	struct tenure *t = tenure_make(k, r->consensus_hash);

	t->burn_height = r->burn_height;
	t->has_start = !all_zero(r->start_id, ID_LEN);
	memcpy(t->start_id, r->start_id, ID_LEN);
	memcpy(t->start_parent, r->parent_id, ID_LEN);
	memcpy(t->prev_ch, r->prev_ch, CH_LEN);
	memcpy(t->tip_id, r->tip_id, ID_LEN);
	t->start_height = r->start_height;
	t->tip_height = r->tip_height;
	t->prev_blocks = r->prev_blocks;
	t->held = r->held;
	t->bytes = r->bytes;
	t->named = r->named;
	t->proven = r->proven;
	t->complete = r->complete;
	t->packed = r->packed;
	t->canonical = r->canonical;
	t->siblings = r->siblings;
	t->model = r->model;
	memcpy(t->tail, r->tail, sizeof(t->tail));
	t->tail_sequence = (uint16_t)r->tail_sequence;
	t->source = source_intern(k, r->source);
	if (t->has_start)
		index_parent(k, t);
	k->counts.held += t->held;
	if (t->proven) {
		t->n_proven = (uint32_t)(t->tip_height - t->start_height + 1);
		k->counts.proven += t->n_proven;
		k->counts.tenures_proven++;
	}
	return true;
}

/* Next: common/store/nodes.c, the blocks of tenures in progress. */
