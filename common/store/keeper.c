/* The keeper's commits: what came is judged, written, packed. */
#include <stdlib.h>

#include "common/store/judge.h"
#include "common/sys/log.h"
#include "common/sys/start.h"

#define NODE_BUCKETS 65536
#define PACK_BYTES (4u << 20)	/* rewritten in one commit at most: some 10 ms */

/* struct burn_lookup: of the open transaction, within which no sortition changes. */
static struct burn_fact view_fact(void *arg, const uint8_t ch[CH_LEN])
{
	struct keeper *k = arg;
	struct fact_seen *seen = &k->seen[graph_hash(k, ch) % FACTS_SEEN];

	if (seen->commit != k->commits || memcmp(seen->ch, ch, CH_LEN) != 0) {
		seen->commit = k->commits;
		memcpy(seen->ch, ch, CH_LEN);
		seen->fact = sortition_fact(&(struct store_txn){ k->s, k->txn }, ch);
	}
	return seen->fact;
}

/* Whether the start of a shadow tenure above a burn height names this block, as a commit would. */
static bool shadow_names(struct keeper *k, const uint8_t id[ID_LEN], uint64_t above)
{
	for (unsigned i = 0; i < k->s->net.n_shadow; i++) {
		struct tenure *t = tenure_holding(k, k->s->net.shadow[i]);
		struct burn_fact own;
		struct node *n;

		if (!t)
			continue;
		tenure_load(k, t);
		n = node_find(k, k->s->net.shadow[i]);
		own = burn_fact_of(k, t->ch);
		if (n && n->l.shadow && memcmp(n->l.names, id, ID_LEN) == 0 && own.canonical &&
		    own.burn_height > above)
			return true;
	}
	return false;
}

static bool view_names(void *arg, const uint8_t id[ID_LEN], uint64_t above)
{
	struct keeper *k = arg;

	return sortition_names(&(struct store_txn){ k->s, k->txn }, id, above) ||
	    shadow_names(k, id, above);
}

struct keeper *keeper_new(struct store *s, const char *stage)
{
	struct keeper *k = xcalloc(1, sizeof(*k));

	k->s = s;
	k->stage = stage;
	k->burn = (struct burn_lookup){ view_fact, view_names, k, &s->net };
	k->commits = 1;
	k->tenure_mask = 1023;
	k->by_ch = xcalloc(k->tenure_mask + 1, sizeof(*k->by_ch));
	k->by_parent = xcalloc(k->tenure_mask + 1, sizeof(*k->by_parent));
	k->node_mask = NODE_BUCKETS - 1;
	k->by_id = xcalloc(NODE_BUCKETS, sizeof(*k->by_id));
	k->by_parent_node = xcalloc(NODE_BUCKETS, sizeof(*k->by_parent_node));
	random_bytes(&k->secret, sizeof(k->secret));
	restore_rows(k);
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
	confirm_free(k);
	rec_buf_release(&k->pending);
	free(k);
}

void keeper_begin(struct keeper *k)
{
	k->txn = store_write(k->s);
	k->out = &k->pending;
	k->pending.n = 0;
	k->commits++;
	restore_from_cycle(k);
}

MDB_txn *keeper_txn(struct keeper *k)
{
	return k->txn;
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
	confirm_streams(k);
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
