/* The keeper's commits: blocks in, judged, written, packed; and the start from what the store
 * holds. */
#include <stdlib.h>

#include "common/store/graph.h"
#include "common/sys/log.h"
#include "common/sys/start.h"

#define NODE_BUCKETS 65536
#define PACK_BYTES (4u << 20)	/* rewritten in one commit at most: some 10 ms */

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

/* Whether a proven tenure is the lowest one wanted, or the first of all; held: the block that it
 * stands on is in the store. */
static void find_base(struct keeper *k, struct tenure *t, bool held)
{
	t->base = tenure_is_lowest(k, t) || (!held && tenure_is_first(k, t));
}

/* Another first cycle is wanted: which tenures stand at the bottom, and what is linked, is found
 * anew.  One that was proven because it stood there, unnamed, is proven no longer. */
static void rebase(struct keeper *k)
{
	struct store_txn st = { k->s, k->txn };
	struct tenure_slab *slab;
	uint8_t ch[CH_LEN];
	uint64_t height;

	for (slab = k->slabs; slab; slab = slab->next)
		for (struct tenure *t = slab->t; t < slab->t + slab->n; t++) {
			if (!t->proven)
				continue;
			find_base(k, t,
			    blocks_where(k->s, k->txn, t->start_parent, ch, &height) == 0);
			t->below_unknown = !t->prev && !t->base &&
			    !sortition_fact(&st, t->prev_ch).found;
			if (!t->base && !t->named && !t->prev) {
				tenure_load(k, t);
				tenure_unprove(k, t);
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

static void upgrade_some(struct keeper *k)
{
	if (!k->upgrading)
		return;
	k->upgrading = blocks_upgrade(k->s, k->txn, k->upgrade, &k->upgrade_len);
	if (k->upgrading)
		meta_put(k->s, k->txn, "upgrade", k->upgrade, k->upgrade_len);
	else
		store_del(k->s, k->txn, T_META, "upgrade", strlen("upgrade"));
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
}

/* The border of a row was judged if both sides are proven and the block between them is. */
static void restore_border(struct keeper *k, struct tenure *t)
{
	struct tenure *below;
	uint8_t ch[CH_LEN];
	uint64_t height;
	bool held;

	if (!t->proven)
		return;
	held = blocks_where(k->s, k->txn, t->start_parent, ch, &height) == 0;
	below = held ? tenure_find(k, ch) : NULL;
	if (below && below != t && below->proven && block_proven(k->s, k->txn, t->start_parent)) {
		t->prev = below;
		t->child_next = below->child;
		below->child = t;
	}
	find_base(k, t, held);
}

/* What waited for the view waits again; rows do not tell, so blocks that are not proven are looked
 * at once. */
static void restore_waiting(struct keeper *k, struct tenure *t)
{
	struct store_txn st = { k->s, k->txn };

	if (!t->proven)
		return;
	t->waits = t->held > t->n_proven;
	t->below_unknown = !t->prev && !t->base && !sortition_fact(&st, t->prev_ch).found;
}

static void restore(struct keeper *k)
{
	struct tenure_slab *slab;
	unsigned i;

	k->txn = store_read(k->s);
	from_cycle_read(k);
	upgrade_read(k);
	tenure_walk(k->s, k->txn, tenure_add, k);
	for (slab = k->slabs; slab; slab = slab->next)
		for (i = 0; i < slab->n; i++) {
			tenure_burn(k, &slab->t[i]);
			restore_border(k, &slab->t[i]);
			restore_waiting(k, &slab->t[i]);
			if (slab->t[i].complete && !slab->t[i].packed) {
				slab->t[i].to_pack = true;
				tenure_list_add(&k->pack, &slab->t[i]);
			}
		}
	canon_restore(k);
	store_read_end(k->txn);
	k->txn = NULL;
	for (i = 0; i < k->dirty.n; i++)
		k->dirty.v[i]->dirty = false;
	k->dirty.n = 0;
}

struct keeper *keeper_new(struct store *s, const char *stage)
{
	struct keeper *k = xcalloc(1, sizeof(*k));

	k->s = s;
	k->stage = stage;
	k->tenure_mask = 1023;
	k->by_ch = xcalloc(k->tenure_mask + 1, sizeof(*k->by_ch));
	k->by_parent = xcalloc(k->tenure_mask + 1, sizeof(*k->by_parent));
	k->node_mask = NODE_BUCKETS - 1;
	k->by_id = xcalloc(NODE_BUCKETS, sizeof(*k->by_id));
	k->by_parent_node = xcalloc(NODE_BUCKETS, sizeof(*k->by_parent_node));
	random_bytes(&k->secret, sizeof(k->secret));
	restore(k);
	return k;
}

void keeper_free(struct keeper *k)
{
	struct tenure_slab *slab, *next;
	struct node *n, *after;
	size_t i;

	for (i = 0; i < NODE_BUCKETS; i++)
		for (n = k->by_id[i]; n; n = after) {
			after = n->id_next;
			free(n);
		}
	for (slab = k->slabs; slab; slab = next) {
		next = slab->next;
		for (i = 0; i < slab->n; i++)
			free(slab->t[i].nodes);
		free(slab);
	}
	for (i = 0; i < k->n_sources; i++)
		free(k->sources[i]);
	free(k->sources);
	free(k->by_ch);
	free(k->by_parent);
	free(k->by_id);
	free(k->by_parent_node);
	free(k->queue.v);
	free(k->dirty.v);
	free(k->loaded.v);
	free(k->pack.v);
	free(k->fallen.v);
	free(k->grown.v);
	rec_buf_release(&k->pending);
	free(k);
}

void keeper_begin(struct keeper *k)
{
	k->txn = store_write(k->s);
	k->out = &k->pending;
	k->pending.n = 0;
	k->commits++;
	if (from_cycle_read(k))
		rebase(k);
}

MDB_txn *keeper_txn(struct keeper *k)
{
	return k->txn;
}

/* A block that is there already: the heavier signature set stays. */
static void keep_heavier(struct keeper *k, struct node *n, const uint8_t *bytes, size_t len,
    uint64_t weight, struct rec_view source)
{
	struct node other = *n;
	struct kept_block b = { .id = n->l.id,
		.bytes = bytes,
		.len = (uint32_t)len,
		.weight = (uint32_t)weight,
		.height = n->l.height,
		.sibling = n->sibling,
		.source = source };

	if (weight <= n->weight) {
		other.weight = (uint32_t)weight;
		other.fresh = true;
		other.bytes = bytes;
		other.len = (uint32_t)len;
		other.source = source_intern(k, source);
		report_verdict(k, &other, STATUS_STORED, REASON_LIGHTER, "");
		return;
	}
	n->t->bytes += len - n->len;
	n->len = (uint32_t)len;
	n->weight = (uint32_t)weight;
	n->source = source_intern(k, source);
	if (n->fresh)
		n->bytes = bytes;
	else {
		blocks_replace(k->s, k->txn, &b);
		report_stored(k, n);
	}
	tenure_dirty(k, n->t);
}

void keeper_block(
    struct keeper *k, const struct block *block, uint64_t weight, struct rec_view source)
{
	struct link link;
	struct tenure *t;
	struct node *n;

	link_of(&link, block);
	t = tenure_make(k, link.ch);
	if (!t->burn_known)
		tenure_burn(k, t);
	/* A complete tenure is only read again for a block that it lacks. */
	if (!t->loaded && t->complete && block_known(k->s, k->txn, link.id)) {
		struct kept_block b;

		if (blocks_find(k->s, k->txn, link.ch, link.height, link.id, &b) == 0 &&
		    weight <= b.weight && block_sound(link.ch, &b)) {
			struct node twin = { .l = link,
				.t = t,
				.bytes = block->bytes,
				.len = (uint32_t)block->len,
				.weight = (uint32_t)weight,
				.fresh = true,
				.source = source_intern(k, source) };

			report_verdict(k, &twin, STATUS_STORED, REASON_LIGHTER, "");
			return;
		}
	}
	tenure_load(k, t);
	if ((n = node_find(k, link.id)) != NULL) {
		keep_heavier(k, n, block->bytes, block->len, weight, source);
		return;
	}
	n = node_add(k, t, &link);
	n->bytes = block->bytes;
	n->len = (uint32_t)block->len;
	n->weight = (uint32_t)weight;
	n->source = source_intern(k, source);
	n->fresh = true;
	n->order = ++k->orders;
	t->held++;
	t->bytes += block->len;
	t->siblings += n->sibling;
	k->counts.held++;
	tenure_dirty(k, t);
	judge_arrival(k, n);
}

void keeper_sortition(struct keeper *k, const struct rec_sortition *r)
{
	struct tenure *t = tenure_find(k, r->consensus_hash);
	uint8_t ch[CH_LEN];
	uint64_t height;
	struct node *n;

	if (t)
		tenure_touch(k, t);
	if (all_zero(r->committed, ID_LEN))
		return;
	if ((n = node_find(k, r->committed)) != NULL)
		tenure_touch(k, n->t);
	else if (blocks_where(k->s, k->txn, r->committed, ch, &height) == 0 &&
	    (t = tenure_find(k, ch)) != NULL)
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

static int by_place(const void *a, const void *b)
{
	const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;

	return x->l.height != y->l.height ? (x->l.height < y->l.height ? -1 : 1) :
					    x->sibling - y->sibling;
}

static struct kept_block kept_of(const struct node *n)
{
	return (struct kept_block){ .id = n->l.id,
		.bytes = n->bytes,
		.len = n->len,
		.weight = n->weight,
		.height = n->l.height,
		.sibling = n->sibling,
		.source = rec_str(n->source) };
}

/* The fresh blocks of one tenure as runs of consecutive heights. */
static void write_tenure(struct keeper *k, struct tenure *t)
{
	struct kept_block *b = xmalloc((t->n_nodes + 1) * sizeof(*b));
	size_t n = 0;
	uint32_t i;

	qsort(t->nodes, t->n_nodes, sizeof(*t->nodes), by_place);
	for (i = 0; i < t->n_nodes; i++) {
		struct node *node = t->nodes[i];

		if (!node->fresh)
			continue;
		node->fresh = false;
		report_stored(k, node);
		k->counts.stored++;
		if (node->sibling) {
			struct kept_block one = kept_of(node);

			blocks_put_sibling(k->s, k->txn, t->ch, &one);
			continue;
		}
		if (n && b[n - 1].height + 1 != node->l.height) {
			blocks_put(k->s, k->txn, t->ch, b, n, t->complete);
			n = 0;
		}
		b[n++] = kept_of(node);
	}
	if (n)
		blocks_put(k->s, k->txn, t->ch, b, n, t->complete);
	free(b);
}

static void write_fresh(struct keeper *k)
{
	struct tenure *t;
	size_t i;
	uint32_t j;

	for (i = 0; i < k->loaded.n; i++) {
		t = k->loaded.v[i];
		if (t->used != k->commits)
			continue;
		for (j = 0; j < t->n_nodes && !t->nodes[j]->fresh; j++)
			;
		if (j < t->n_nodes)
			write_tenure(k, t);
		for (j = 0; j < t->n_nodes; j++)
			t->nodes[j]->bytes = NULL;
	}
}

static void pack_some(struct keeper *k)
{
	size_t done = 0, i;

	for (i = 0; i < k->pack.n && done < PACK_BYTES; i++) {
		struct tenure *t = k->pack.v[i];

		t->to_pack = false;
		if (!t->complete)
			continue;
		done += blocks_pack(k->s, k->txn, t->ch) + 4096;
		t->packed = true;
		tenure_dirty(k, t);
	}
	if (i)
		memmove(k->pack.v, k->pack.v + i, (k->pack.n - i) * sizeof(*k->pack.v));
	k->pack.n -= i;
}

int keeper_commit(struct keeper *k, struct rec_buf *out)
{
	int rc;

	judge_queue(k);
	canon_settle(k);
	write_fresh(k);
	pack_some(k);
	upgrade_some(k);
	tenure_rows_write(k);
	rc = store_commit(k->s, k->txn);
	k->txn = NULL;
	if (rc < 0)
		return -1;
	nodes_trim(k);
	if (k->pending.n) {
		size_t need = out->n + k->pending.n;

		if (need > out->cap) {
			out->cap = need * 2;
			out->p = xrealloc(out->p, out->cap);
		}
		memcpy(out->p + out->n, k->pending.p, k->pending.n);
		out->n = need;
	}
	return 0;
}

bool keeper_idle_work(const struct keeper *k)
{
	return k->pack.n > 0 || k->upgrading;
}

bool keeper_upgrading(const struct keeper *k)
{
	return k->upgrading && k->pack.n == 0;
}

void keeper_counts(const struct keeper *k, struct keeper_counts *c)
{
	*c = k->counts;
	c->tenures = k->n_tenures;
	c->waiting = c->held - c->proven;
}

/* Next: common/wire/preamble.c, what stands before each P2P message. */
