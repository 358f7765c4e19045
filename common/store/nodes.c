/* Blocks of tenures in progress, in memory: found by id and by parent.  The store has them too, so
 * a tenure that is finished, or that has not been touched for long, is let go and read again when
 * it is needed. */
#include <stdlib.h>

#include "common/store/graph.h"
#include "common/sys/log.h"

#define MAX_NODES 32768		/* about 10 MiB; a commit brings at most 1,024 more */

void node_list_add(struct node_list *l, struct node *n)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->v = xrealloc(l->v, l->cap * sizeof(*l->v));
	}
	l->v[l->n++] = n;
}

struct node *node_find(struct keeper *k, const uint8_t id[ID_LEN])
{
	struct node *n = k->by_id[graph_hash(k, id) & k->node_mask];

	while (n && memcmp(n->l.id, id, ID_LEN) != 0)
		n = n->id_next;
	return n;
}

static struct node *same_parent(struct node *n, const uint8_t *parent)
{
	while (n && memcmp(n->l.parent, parent, ID_LEN) != 0)
		n = n->parent_next;
	return n;
}

struct node *node_child(struct keeper *k, const uint8_t parent[ID_LEN])
{
	return same_parent(k->by_parent_node[graph_hash(k, parent) & k->node_mask], parent);
}

struct node *node_child_next(const struct node *n)
{
	return same_parent(n->parent_next, n->l.parent);
}

/* First slot of the tenure's array with this height or above. */
static uint32_t slot_of(const struct tenure *t, uint64_t height)
{
	uint32_t low = 0, high = t->n_nodes, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (t->nodes[mid]->l.height < height)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct node *node_add(struct keeper *k, struct tenure *t, const struct link *l)
{
	struct node *n = xcalloc(1, sizeof(*n)), **at;
	uint32_t i = slot_of(t, l->height), j;

	n->l = *l;
	n->t = t;
	for (j = i; j < t->n_nodes && t->nodes[j]->l.height == l->height; j++)
		if (!t->nodes[j]->sibling)
			n->sibling = true;
	if (t->n_nodes == t->cap_nodes) {
		t->cap_nodes = t->cap_nodes ? t->cap_nodes * 2 : 16;
		t->nodes = xrealloc(t->nodes, t->cap_nodes * sizeof(*t->nodes));
	}
	memmove(t->nodes + i + 1, t->nodes + i, (t->n_nodes - i) * sizeof(*t->nodes));
	t->nodes[i] = n;
	t->n_nodes++;
	at = &k->by_id[graph_hash(k, l->id) & k->node_mask];
	n->id_next = *at;
	*at = n;
	at = &k->by_parent_node[graph_hash(k, l->parent) & k->node_mask];
	n->parent_next = *at;
	*at = n;
	k->n_nodes++;
	return n;
}

static void node_forget(struct keeper *k, struct node *n)
{
	struct node **at;

	for (at = &k->by_id[graph_hash(k, n->l.id) & k->node_mask]; *at != n;)
		at = &(*at)->id_next;
	*at = n->id_next;
	for (at = &k->by_parent_node[graph_hash(k, n->l.parent) & k->node_mask]; *at != n;)
		at = &(*at)->parent_next;
	*at = n->parent_next;
	k->n_nodes--;
	free(n);
}

void node_drop(struct keeper *k, struct node *n)
{
	struct tenure *t = n->t;
	uint32_t i = slot_of(t, n->l.height);

	while (t->nodes[i] != n)
		i++;
	memmove(t->nodes + i, t->nodes + i + 1, (t->n_nodes - i - 1) * sizeof(*t->nodes));
	t->n_nodes--;
	node_forget(k, n);
}

struct loading { struct keeper *k; struct tenure *t; bool bad; };

static bool load_one(void *arg, const struct kept_block *b)
{
	struct loading *l = arg;
	struct block block;
	struct link link;
	struct node *n;
	size_t need;

	if (!block_sound(l->t->ch, b) ||
	    block_parse(&block, ANY_MODEL, l->t->ch, b->bytes, b->len, &need) <= 0) {
		l->bad = true;
		return true;
	}
	link_of(&link, &block, &l->k->burn);
	n = node_add(l->k, l->t, &link);
	n->sibling = b->sibling;
	n->len = b->len;
	n->weight = b->weight;
	n->source = b->source.n ? source_intern(l->k, b->source) : l->t->source;
	return true;
}

/* Linked are, in a proven tenure, those that hang on the start up to the tip that was judged. */
static void relink(struct keeper *k, struct tenure *t)
{
	struct node *n, *p;
	uint32_t i;

	for (i = 0; i < t->n_nodes; i++) {
		n = t->nodes[i];
		if (memcmp(n->l.id, t->start_id, ID_LEN) == 0) {
			n->linked = true;
			continue;
		}
		if (n->l.height > t->tip_height || n->l.kind == BLOCK_START)
			continue;
		p = node_find(k, n->l.parent);
		n->linked = p && p->t == t && p->linked;
		if (n->linked)
			link_follow(&n->l, &p->l);
	}
}

static void nodes_forget(struct keeper *k, struct tenure *t)
{
	uint32_t i;

	for (i = 0; i < t->n_nodes; i++)
		node_forget(k, t->nodes[i]);
	free(t->nodes);
	t->nodes = NULL;
	t->n_nodes = t->cap_nodes = 0;
}

static void unload(struct keeper *k, struct tenure *t)
{
	nodes_forget(k, t);
	t->loaded = false;
}

/* What was lost on the disk is taken out, and the tenure falls back when judging has come to an end
 * (judge_queue). */
static void load_damaged(struct keeper *k, struct tenure *t)
{
	struct loading l = { k, t, false };
	uint32_t i;

	nodes_forget(k, t);
	if (blocks_salvage(k->s, k->txn, t->ch, false) > 0) {
		log_warnx("blocks of the tenure at burn height %llu are damaged: removed",
		    (unsigned long long)t->burn_height);
		tenure_list_add(&k->fallen, t);
	}
	blocks_walk(k->s, k->txn, t->ch, 0, UINT64_MAX, load_one, &l);
	k->counts.held += t->n_nodes - (uint64_t)t->held;
	t->held = t->n_nodes;
	t->bytes = t->siblings = 0;
	t->packed = false;
	for (i = 0; i < t->n_nodes; i++) {
		t->bytes += t->nodes[i]->len;
		t->siblings += t->nodes[i]->sibling;
	}
	tenure_dirty(k, t);
}

void tenure_load(struct keeper *k, struct tenure *t)
{
	struct loading l = { k, t, false };

	t->used = k->commits;
	if (t->loaded)
		return;
	blocks_walk(k->s, k->txn, t->ch, 0, UINT64_MAX, load_one, &l);
	if (l.bad || t->n_nodes != t->held)
		load_damaged(k, t);
	t->loaded = true;
	tenure_list_add(&k->loaded, t);
	if (t->proven)
		relink(k, t);
}

void tenure_reload(struct keeper *k, struct tenure *t)
{
	uint32_t i;

	for (i = 0; t->loaded && i < k->loaded.n; i++)
		if (k->loaded.v[i] == t) {
			memmove(&k->loaded.v[i], &k->loaded.v[i + 1],
			    (--k->loaded.n - i) * sizeof(*k->loaded.v));
			unload(k, t);
		}
	tenure_load(k, t);
}

/* After a commit: complete tenures in which nothing waits go at once, others, longest untouched
 * first, while there are too many blocks. */
void nodes_trim(struct keeper *k)
{
	uint32_t age, i, j;

	for (i = j = 0; i < k->loaded.n; i++)
		if (k->loaded.v[i]->complete && k->loaded.v[i]->linked && !k->loaded.v[i]->waits)
			unload(k, k->loaded.v[i]);
		else
			k->loaded.v[j++] = k->loaded.v[i];
	k->loaded.n = j;
	for (age = 4096; k->n_nodes > MAX_NODES; age /= 2) {
		for (i = j = 0; i < k->loaded.n; i++)
			if (k->commits - k->loaded.v[i]->used >= age && k->n_nodes > MAX_NODES)
				unload(k, k->loaded.v[i]);
			else
				k->loaded.v[j++] = k->loaded.v[i];
		k->loaded.n = j;
		if (age == 0)
			break;
	}
}

/* Next: common/store/bottom.c, where a chain may begin. */
