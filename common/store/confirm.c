/* Streams of microblocks in their place: between the anchored block that they stand on and the
 * child that confirms them, both proven. */
#include <stdlib.h>

#include "common/chain/hash.h"
#include "common/chain/stream.h"
#include "common/store/judge.h"
#include "common/store/streams.h"
#include "common/sys/log.h"
#include "common/sys/stage.h"

void keeper_stream(struct keeper *k, const struct rec_microblocks *r, const uint8_t *signer)
{
	struct offer *o;

	if (k->n_offers == k->cap_offers) {
		k->cap_offers = k->cap_offers ? k->cap_offers * 2 : 16;
		k->offers = xrealloc(k->offers, k->cap_offers * sizeof(*k->offers));
	}
	o = &k->offers[k->n_offers++];
	*o = (struct offer){ .r = *r };
	if (signer)
		memcpy(o->signer, signer, HASH160_LEN);
}

void confirm_free(struct keeper *k)
{
	for (size_t i = 0; i < k->n_offers; i++)
		free(k->offers[i].copy);
	free(k->offers);
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

/* Hashes lead from the child's header to the bytes that break the rule: the child does.  A verdict
 * of the stream, of no source, remembers that. */
static void refuse_child(struct keeper *k, struct tenure *t, enum chain_reason reason)
{
	struct rec_microblocks any = { .source = rec_str("") };
	struct node *n;

	memcpy(any.child_id, t->start_id, ID_LEN);
	memcpy(any.consensus_hash, t->ch, CH_LEN);
	verdict(k, &any, STATUS_REFUSED, reason, chain_reason_text(reason));
	tenure_load(k, t);
	if ((n = node_find(k, t->start_id)) != NULL)
		fall_refuse(k, n, reason);
}

static bool take_refusal(void *arg, const struct rec_verdict *v)
{
	if (v->kind == ITEM_STREAM && v->status == STATUS_REFUSED && v->source.n == 0)
		*(enum chain_reason *)arg = chain_reason_of(v->reason.p, v->reason.n);
	return *(enum chain_reason *)arg == REASON_OK;
}

enum chain_reason confirm_refused(struct keeper *k, const uint8_t child[ID_LEN])
{
	enum chain_reason reason = REASON_OK;

	verdict_walk(k->s, k->txn, child, take_refusal, &reason);
	return reason;
}

static void judge(struct keeper *k, struct tenure *t, const struct offer *o,
    const struct block *parent)
{
	const struct rec_microblocks *r = &o->r;
	struct stream_view view = { .net = &k->s->net,
		.epoch = network_epoch(&k->s->net, t->burn_height),
		.parent = parent->hash,
		.key = parent->epoch2.microblock_key,
		.signer = all_zero(o->signer, HASH160_LEN) ? NULL : o->signer,
		.tail = t->tail,
		.tail_sequence = t->tail_sequence,
		.rival = r->evidence.n == 2 * MICROBLOCK_HEADER ?
		    (const uint8_t *)r->evidence.p + MICROBLOCK_HEADER :
		    NULL };
	enum chain_reason reason;
	struct stream s;

	reason = stream_judge(&s, &view, r->body.p, r->body.n);
	if (reason == REASON_OK) {
		keep(k, t, r, &s);
		tenure_dirty(k, t);
		t->announce = true;
	} else if (s.committed) {
		refuse_child(k, t, reason);
		verdict(k, r, STATUS_UNDECIDED, reason, "the block that confirms it is refused");
	} else {
		k->counts.refused++;
		verdict(k, r, STATUS_REFUSED, reason, chain_reason_text(reason));
	}
	stream_release(&s);
}

/* What was said when it came. */
static void forget_verdict(struct keeper *k, const struct rec_microblocks *r)
{
	uint8_t body_hash[32];

	hash_once(body_hash, r->body.p, r->body.n);
	verdict_del(k->s, k->txn, r->child_id, body_hash, r->source);
}

/* False: it lacks a neighbour, or the one below is damaged. */
static bool decide(struct keeper *k, const struct offer *o)
{
	struct tenure *t = tenure_holding(k, o->r.child_id);
	struct block parent;
	bool known;

	if (!t || !t->proven || memcmp(t->start_id, o->r.child_id, ID_LEN) != 0)
		return false;
	known = stream_known(k->s, k->txn, o->r.child_id);
	if (tenure_confirms(t) && !known && (!t->prev || !parent_header(k, t, &parent)))
		return false;
	if (o->copy)
		forget_verdict(k, &o->r);
	if (!tenure_confirms(t))
		verdict(k, &o->r, STATUS_REFUSED, REASON_MBLINK,
		    chain_reason_text(REASON_MBLINK));
	else if (known)
		verdict(k, &o->r, STATUS_STORED, REASON_LIGHTER, "");
	else
		judge(k, t, o, &parent);
	return true;
}

/* ---- what waits ---- */

/* A copy of what it views. */
static void wait_copy(struct offer *o)
{
	struct rec_microblocks *r = &o->r;
	struct rec_view *const views[] = { &r->body, &r->source, &r->evidence };
	uint8_t *p = o->copy = xmalloc(r->body.n + r->source.n + r->evidence.n + 1);

	for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++) {
		if (views[i]->n)
			memcpy(p, views[i]->p, views[i]->n);
		views[i]->p = p;
		p += views[i]->n;
	}
	r->request = rec_str("");
}

/* The place of one of offers[0..n) that waits for the same block, from the same source; else n. */
static size_t place_of(const struct offer *offers, size_t n, const struct offer *later)
{
	const struct rec_microblocks *a, *b = &later->r;
	size_t i = 0;

	for (; i < n; i++) {
		a = &offers[i].r;
		if (memcmp(a->child_id, b->child_id, ID_LEN) == 0 && a->source.n == b->source.n &&
		    (b->source.n == 0 || memcmp(a->source.p, b->source.p, b->source.n) == 0))
			break;
	}
	return i;
}

/* Of offers[0..n), all of which wait, the newest that there is room for. */
static size_t trim(struct offer *o, size_t n)
{
	size_t from = n, bytes = 0, kept = 0;

	while (from > 0 && kept < MAX_WAITING &&
	    bytes + o[from - 1].r.body.n <= MAX_WAITING_BYTES) {
		bytes += o[--from].r.body.n;
		kept++;
	}
	for (size_t i = 0; i < from; i++)
		free(o[i].copy);
	if (kept > 0)
		memmove(o, o + from, kept * sizeof(*o));
	return kept;
}

void confirm_streams(struct keeper *k)
{
	size_t n = 0, place;

	for (size_t i = 0; i < k->n_offers; i++) {
		struct offer *o = &k->offers[i];

		if (decide(k, o)) {
			free(o->copy);
			continue;
		}
		place = n;
		if (!o->copy) {
			verdict(k, &o->r, STATUS_UNDECIDED, REASON_UNJUDGED,
			    "no proven block on a proven block confirms it");
			wait_copy(o);
			place = place_of(k->offers, n, o);
		}
		if (place < n)
			free(k->offers[place].copy);
		else
			n++;
		k->offers[place] = *o;
	}
	k->n_offers = trim(k->offers, n);
}

/* Next: common/store/canon.c, which chain is the canonical one. */
