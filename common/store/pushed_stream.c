/* Microblocks that came unasked (pushed.h).  Their headers name each other by hash from the tail
 * that a proven block confirms down to the block that they are on, so that no signature is looked
 * at to tell them from others. */
#include <stdlib.h>

#include "common/chain/microblock.h"
#include "common/store/pushed.h"
#include "common/store/streams.h"
#include "common/sys/log.h"

/* The vector, parsed.  Of each sequence the first microblock is found by it, and others behind
 * that. */
struct vector {
	struct microblock *m;
	uint32_t n;
	uint32_t *first, *next; /* index + 1; n of each, 0: none */
};

static enum chain_reason split(struct vector *v, const uint8_t *p, size_t n)
{
	struct cursor c = cursor_of(p, n);
	uint32_t count = cursor_u32(&c);
	size_t need;

	if (c.bad || count == 0 || n > MAX_STREAM || count > cursor_left(&c) / MICROBLOCK_HEADER)
		return REASON_CODEC;
	v->m = xcalloc(count, sizeof(*v->m));
	v->first = xcalloc(2 * (size_t)count, sizeof(*v->first));
	v->next = v->first + count;
	for (; v->n < count; v->n++) {
		ssize_t used = microblock_parse(&v->m[v->n], c.p, cursor_left(&c), &need);

		if (used <= 0)
			return REASON_CODEC;
		cursor_take(&c, (size_t)used);
		if (v->m[v->n].sequence < count) {
			v->next[v->n] = v->first[v->m[v->n].sequence];
			v->first[v->m[v->n].sequence] = v->n + 1;
		}
	}
	return cursor_left(&c) > 0 ? REASON_TRAILING : REASON_OK;
}

static const struct microblock *find(
    const struct vector *v, const uint8_t hash[32], uint32_t sequence)
{
	for (uint32_t i = v->first[sequence]; i > 0; i = v->next[i - 1])
		if (memcmp(v->m[i - 1].hash, hash, 32) == 0)
			return &v->m[i - 1];
	return NULL;
}

/* Those from the tail down into `out`, by sequence; how many there are.  0: some are lacking. */
static uint32_t pick(const struct vector *v, const struct rec_tenure *child,
    const uint8_t parent_hash[32], const struct microblock **out)
{
	const uint8_t *want = child->tail;
	uint32_t i = child->tail_sequence;

	if (i >= v->n)
		return 0;
	for (;; i--) {
		if ((out[i] = find(v, want, i)) == NULL)
			return 0;
		want = out[i]->prev;
		if (i == 0)
			return memcmp(want, parent_hash, 32) == 0 ? child->tail_sequence + 1 : 0;
	}
}

/* One of the vectors that a child confirms: its row, with a body in memory of its own. */
static enum chain_reason make_row(struct rec_block *row, const struct rec_tenure *child,
    const struct microblock **picked, uint32_t n)
{
	size_t len = 4, at = 4;
	uint8_t *body;

	for (uint32_t i = 0; i < n; i++) {
		struct txs txs = microblock_txs(picked[i]);
		enum chain_reason why = txs_judge(&txs, NULL, NULL);

		if (why != REASON_OK)
			return why;
		len += picked[i]->len;
	}
	body = xmalloc(len);
	put_be32(body, n);
	for (uint32_t i = 0; i < n; at += picked[i]->len, i++)
		memcpy(body + at, picked[i]->bytes, picked[i]->len);
	*row = (struct rec_block){ .height = child->start_height,
		.model = EPOCH2,
		.kind = ITEM_STREAM,
		.body = rec_bytes(body, len) };
	memcpy(row->id, child->start_id, ID_LEN);
	memcpy(row->consensus_hash, child->consensus_hash, CH_LEN);
	return REASON_OK;
}

struct search {
	struct store *s;
	MDB_txn *txn;
	const struct vector *v;
	const struct microblock **picked;
	const struct block *parent;
	uint64_t top;
	struct rec_block *row;
	enum chain_reason why;
	bool known;
};

/* Whether this sortition's block is a child that confirms some of them. */
static bool try_child(void *arg, const struct rec_sortition *r)
{
	struct search *q = arg;
	struct rec_tenure t;
	uint32_t n;

	if (r->burn_height > q->top)
		return false;
	if (!r->won || tenure_get(q->s, q->txn, r->consensus_hash, &t) < 0 || !t.proven ||
	    t.model != EPOCH2 || memcmp(t.parent_id, q->parent->id, ID_LEN) != 0 ||
	    all_zero(t.tail, sizeof(t.tail)) ||
	    (n = pick(q->v, &t, q->parent->hash, q->picked)) == 0)
		return true;
	q->known = stream_known(q->s, q->txn, t.start_id);
	q->why = q->known ? REASON_OK : make_row(q->row, &t, q->picked, n);
	return q->known;
}

static enum pushed judge(struct search *q)
{
	struct rec_sortition own;

	if (sortition_get(q->s, q->txn, q->parent->ch, &own) < 0)
		return PUSHED_REFUSED;
	q->top = own.burn_height + PUSH_CHILDREN;
	sortition_walk(q->s, q->txn, own.burn_height + 1, try_child, q);
	if (q->why == REASON_OK)
		return q->known ? PUSHED_KNOWN : PUSHED_TAKEN;
	return PUSHED_REFUSED;
}

enum pushed pushed_stream(struct store *s, MDB_txn *txn, const uint8_t parent[ID_LEN],
    const uint8_t *p, size_t n, struct rec_block *row, enum chain_reason *why)
{
	enum pushed got = PUSHED_REFUSED;
	struct stored_block stored;
	struct vector v = { .n = 0 };
	struct block head;

	*why = REASON_UNCONFIRMED;
	if (block_proven(s, txn, parent) && block_get(s, txn, parent, &stored) == 0 &&
	    stored.model == EPOCH2 && stored_header(&stored, &head) == 0)
		*why = REASON_OK;
	if (*why == REASON_OK && (*why = split(&v, p, n)) == REASON_OK) {
		struct search q = { .s = s, .txn = txn, .v = &v, .parent = &head, .row = row,
			.picked = xcalloc(v.n, sizeof(*q.picked)), .why = REASON_UNCONFIRMED };

		got = judge(&q);
		*why = q.why;
		free(q.picked);
	}
	free(v.m);
	free(v.first);
	return *why == REASON_CODEC || *why == REASON_TRAILING ? PUSHED_MALFORMED : got;
}

/* Next: common/store/blocks.c, how blocks lie on disk. */
