/* What the world is told of a commit: records, and the rows of verdicts and faults. */
#include "common/chain/hash.h"
#include "common/store/judge.h"
#include "common/sys/stage.h"

static void fault_report(struct keeper *k, struct rec_view source, struct rec_view word,
    const uint8_t *id, struct rec_view detail)
{
	char evidence[MAX_REASON + 1], hex[2 * ID_LEN + 1], text[120];
	struct rec_fault f = { .who = source,
		.class = FAULT_INVALID,
		.what = word,
		.stage = rec_str(k->stage),
		.count = 1 };

	if (source.n == 0)
		return;
	snprintf(evidence, sizeof(evidence), "block %s: %s", hex_of(hex, id, ID_LEN),
	    rec_cstr(text, sizeof(text), detail));
	f.evidence = rec_str(evidence);
	f.first = f.last = now_unix();
	fault_add(k->s, k->txn, &f);
	rec_encode(k->out, REC_FAULT, &f);
}

void keeper_verdict(struct keeper *k, const struct rec_verdict *v)
{
	rec_encode(k->out, REC_VERDICT, v);
	verdict_put(k->s, k->txn, v);
	if (v->status == STATUS_REFUSED)
		fault_report(k, v->source, v->reason, v->id, v->detail);
}

void report_verdict(struct keeper *k, const struct node *n, enum verdict_status status,
    enum chain_reason reason, const char *detail)
{
	struct rec_verdict v = { .status = status,
		.reason = rec_str(chain_reason_word(reason)),
		.detail = rec_str(detail) };
	struct kept_block b;

	memcpy(v.id, n->l.id, ID_LEN);
	memcpy(v.consensus_hash, n->l.ch, CH_LEN);
	v.height = n->l.height;
	v.weight = n->weight;
	v.time = now_unix();
	v.source = rec_str(n->source);
	if (n->fresh)
		hash_once(v.body_hash, n->bytes, n->len);
	else if (blocks_find(k->s, k->txn, n->l.ch, n->l.height, n->l.id, &b) == 0)
		hash_once(v.body_hash, b.bytes, b.len);
	/* What is stored has its row in block_ids. */
	if (status == STATUS_STORED)
		rec_encode(k->out, REC_VERDICT, &v);
	else
		keeper_verdict(k, &v);
}

void report_stored(struct keeper *k, const struct node *n)
{
	struct rec_stored r = { .height = n->l.height,
		.size = n->len,
		.weight = n->weight,
		.source = rec_str(n->source),
		.proven = n->linked };

	memcpy(r.id, n->l.id, ID_LEN);
	memcpy(r.consensus_hash, n->l.ch, CH_LEN);
	rec_encode(k->out, REC_STORED, &r);
}

/* Next: common/store/restore.c, how the keeper starts. */
