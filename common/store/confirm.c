/* Streams of microblocks in their place: between the anchored block that they stand on and the
 * child that confirms them, both proven. */
#include <stdlib.h>

#include "common/chain/hash.h"
#include "common/chain/stream.h"
#include "common/store/judge.h"
#include "common/store/streams.h"
#include "common/sys/log.h"
#include "common/sys/stage.h"

void keeper_stream(struct keeper *k, const struct rec_microblocks *r)
{
	if (k->n_streams == k->cap_streams) {
		k->cap_streams = k->cap_streams ? k->cap_streams * 2 : 16;
		k->streams = xrealloc(k->streams, k->cap_streams * sizeof(*k->streams));
	}
	k->streams[k->n_streams++] = *r;
}

static void verdict(struct keeper *k, const struct rec_microblocks *r, enum verdict_status status,
    enum chain_reason reason, const char *detail)
{
	struct rec_verdict v = { .status = status,
		.reason = rec_str(chain_reason_word(reason)),
		.detail = rec_str(detail),
		.kind = ITEM_STREAM,
		.source = r->source,
		.time = now_unix() };

	memcpy(v.id, r->child_id, ID_LEN);
	memcpy(v.consensus_hash, r->consensus_hash, CH_LEN);
	hash_once(v.body_hash, r->body.p, r->body.n);
	if (status == STATUS_STORED)
		rec_encode(k->out, REC_VERDICT, &v);
	else
		keeper_verdict(k, &v);
}

/* The header of the block that the stream stands on. */
static bool parent_header(struct keeper *k, const struct tenure *child, struct block *head)
{
	struct kept_block b = { .bytes = NULL };
	struct node *n;
	size_t need;

	tenure_load(k, child->prev);
	n = node_find(k, child->start_parent);
	if (n && n->fresh) {
		b.bytes = n->bytes;
		b.len = n->len;
	} else if (!n ||
	    blocks_find(k->s, k->txn, n->l.ch, n->l.height, n->l.id, &b) < 0)
		return false;
	return block_header(head, MODEL_BIT(EPOCH2), n->l.ch, b.bytes, b.len, &need) > 0;
}

/* What stands goes into the store. */
static void keep(struct keeper *k, const struct tenure *t, const struct rec_microblocks *r,
    const struct stream *s)
{
	struct rec_stream row = { .source = r->source };
	struct rec_stored told = { .height = t->start_height, .source = r->source, .proven = true,
		.kind = ITEM_STREAM };
	uint8_t *body = xmalloc(r->body.n), *ends = xmalloc(4 * (size_t)s->n + 1),
		evidence[2 * MICROBLOCK_HEADER];
	size_t n = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		memcpy(body + n, s->m[i].bytes, s->m[i].len);
		n += s->m[i].len;
		put_be32(ends + 4 * (size_t)i, (uint32_t)n);
	}
	memcpy(row.child_id, t->start_id, ID_LEN);
	memcpy(row.consensus_hash, t->ch, CH_LEN);
	memcpy(row.parent_id, t->start_parent, ID_LEN);
	memcpy(row.parent_ch, t->prev_ch, CH_LEN);
	memcpy(row.tail, t->tail, sizeof(row.tail));
	row.ends = (struct rec_view){ ends, s->n };
	row.body = rec_bytes(body, n);
	if (s->forked) {
		memcpy(evidence, s->poison[0], MICROBLOCK_HEADER);
		memcpy(evidence + MICROBLOCK_HEADER, s->poison[1], MICROBLOCK_HEADER);
		row.evidence = rec_bytes(evidence, sizeof(evidence));
	}
	stream_put(k->s, k->txn, &row);
	memcpy(told.id, t->start_id, ID_LEN);
	memcpy(told.consensus_hash, t->ch, CH_LEN);
	told.size = (uint32_t)n;
	rec_encode(k->out, REC_STORED, &told);
	free(body);
	free(ends);
}

/* Hashes lead from the child's header to the bytes that break the rule: the child does. */
static void refuse_child(struct keeper *k, struct tenure *t, enum chain_reason reason)
{
	struct node *n;

	tenure_load(k, t);
	if ((n = node_find(k, t->start_id)) != NULL)
		fall_refuse(k, n, reason);
}

static void judge(struct keeper *k, struct tenure *t, const struct rec_microblocks *r)
{
	enum chain_reason reason;
	struct block parent;
	struct stream_view view;
	struct stream s;

	if (!parent_header(k, t, &parent)) {
		verdict(k, r, STATUS_UNDECIDED, REASON_UNJUDGED, "the block below is damaged");
		return;
	}
	view = (struct stream_view){ .net = &k->s->net,
		.epoch = network_epoch(&k->s->net, t->burn_height),
		.parent = parent.hash,
		.key = parent.epoch2.microblock_key,
		.tail = t->tail,
		.tail_sequence = t->tail_sequence };
	reason = stream_judge(&s, &view, r->body.p, r->body.n);
	if (reason == REASON_OK) {
		keep(k, t, r, &s);
		tenure_dirty(k, t);
		t->announce = true;
	} else if (s.committed) {
		refuse_child(k, t, reason);
	} else {
		k->counts.refused++;
		verdict(k, r, STATUS_REFUSED, reason, chain_reason_text(reason));
	}
	stream_release(&s);
}

void confirm_streams(struct keeper *k)
{
	for (size_t i = 0; i < k->n_streams; i++) {
		const struct rec_microblocks *r = &k->streams[i];
		struct tenure *t = tenure_holding(k, r->child_id);

		if (!t || !t->proven || !t->prev || !tenure_confirms(t) ||
		    memcmp(t->start_id, r->child_id, ID_LEN) != 0)
			verdict(k, r, STATUS_UNDECIDED, REASON_UNJUDGED,
			    "no proven block on a proven block confirms it");
		else if (stream_known(k->s, k->txn, r->child_id))
			verdict(k, r, STATUS_STORED, REASON_LIGHTER, "");
		else
			judge(k, t, r);
	}
	k->n_streams = 0;
}

/* Next: common/store/canon.c, which chain is the canonical one. */
