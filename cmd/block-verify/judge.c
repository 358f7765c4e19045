/* One block, one verdict: the program's whole opinion, taken from common/chain.  Streams of
 * microblocks are stream.c's. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/block-verify/verify.h"
#include "common/chain/hash.h"

/* Without a sortition or a set only the bytes can be judged: what is no block will never be one. */
static enum chain_reason judge_bytes(const struct job *j)
{
	struct block b;
	size_t need;
	ssize_t used = block_parse(&b, MODEL_BIT(j->model), j->ch, j->body, j->body_len, &need);

	if (used <= 0)
		return REASON_CODEC;
	return (size_t)used < j->body_len ? REASON_TRAILING : j->known;
}

static void judge_block(const struct judge *judge, struct job *j)
{
	struct block b;
	struct proof_view view = { .net = judge->net,
		.burn_height = j->fact.burn_height,
		.miner = j->fact.miner,
		.model = j->model,
		.committed = j->fact.committed,
		.ch = j->ch };
	size_t need;

	if (block_header(&b, MODEL_BIT(j->model), j->ch, j->body, j->body_len, &need) > 0) {
		memcpy(j->id, b.id, ID_LEN);
		j->height = b.height;
	}
	if (judge->has_crash && memcmp(j->id, judge->crash, ID_LEN) == 0)
		abort();
	if (j->known != REASON_OK) {
		j->reason = judge_bytes(j);
		return;
	}
	view.set = j->signers ? &j->signers->set : NULL;
	j->reason = proof_alone(&b, j->body, j->body_len, &view, &j->weight);
}

void judge_job(const struct judge *judge, struct job *j)
{
	hash_once(j->body_hash, j->body, j->body_len);
	if (j->kind == ITEM_STREAM)
		judge_stream(judge, j);
	else
		judge_block(judge, j);
}

enum verdict_status judge_status(enum chain_reason reason)
{
	switch (reason) {
	case REASON_OK:
		return STATUS_HELD;
	case REASON_NOSORTITION: case REASON_NOSET:
		return STATUS_UNDECIDED;
	default:
		return STATUS_REFUSED;
	}
}

void judge_detail(char *out, size_t size, const struct job *j)
{
	if (j->reason == REASON_FEW)
		snprintf(out, size,
		    "signed by a weight of %" PRIu64 ", at least %" PRIu64 " of %" PRIu64 " needed",
		    j->weight, j->signers->set.threshold, j->signers->set.total);
	else
		snprintf(out, size, "%s", chain_reason_text(j->reason));
}

/* Next: cmd/block-verify/stream.c, the same for streams of microblocks. */
