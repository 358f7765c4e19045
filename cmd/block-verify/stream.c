/* Streams of microblocks, between the two blocks that they belong to as far as the store holds
 * these, else by themselves.
 *
 * A stream is refused where its bytes are the fault of whoever gave them.  Where the child's header
 * may lead to them the keeper decides, who knows the neighbours.  Signatures are recovered here, on
 * all cores, and not again: the verdict says whose they are. */
#include "cmd/block-verify/verify.h"
#include "common/chain/stream.h"

void judge_stream(const struct judge *judge, struct job *j)
{
	struct stream_view v = { .net = judge->net,
		.epoch = network_epoch(judge->net, j->fact.burn_height) };
	struct stream_trial t;

	if (j->known != REASON_OK) {
		j->reason = j->known;
		return;
	}
	if (j->has_ends) {
		v.parent = j->ends.parent;
		v.key = j->ends.key;
		v.tail = j->ends.tail;
		v.tail_sequence = j->ends.tail_sequence;
	}
	stream_alone(&t, &v, j->body, j->body_len);
	memcpy(j->signer, t.signer, HASH160_LEN);
	j->reason = t.left ? REASON_OK : t.reason;
}

/* Next: cmd/block-store/main.c, judges each block in its place in the chain, commits it, and passes
 * on a short record of it. */
