/* Streams of microblocks, between the two blocks that they belong to as far as the store holds
 * these, else on their own.
 *
 * A stream is refused where its bytes are whoever gave them's fault.  Where the child's header may
 * lead to them the keeper decides, who knows the neighbours.  Signatures are recovered here, on all
 * cores, and not again: the verdict says whose they are. */
#include "cmd/block-verify/verify.h"
#include "common/chain/stream.h"

static bool header_of(struct view *v, MDB_txn *txn, const uint8_t id[ID_LEN], struct block *head)
{
	struct stored_block b;

	return block_get(v->store, txn, id, &b) == 0 && b.model == EPOCH2 &&
	    stored_header(&b, head) == 0;
}

void view_neighbours(struct view *v, const uint8_t child[ID_LEN], struct neighbours *n)
{
	struct block above, below;
	MDB_txn *txn;

	memset(n, 0, sizeof(*n));
	if (!v->store)
		return;
	txn = store_read(v->store);
	n->known = header_of(v, txn, child, &above) && epoch2_confirms(&above) &&
	    header_of(v, txn, above.parent, &below);
	if (n->known) {
		memcpy(n->parent, below.hash, sizeof(n->parent));
		memcpy(n->key, below.epoch2.microblock_key, HASH160_LEN);
		memcpy(n->tail, above.epoch2.parent_microblock, sizeof(n->tail));
		n->tail_sequence = above.epoch2.parent_sequence;
	}
	store_read_end(txn);
}

void judge_stream(const struct judge *judge, struct job *j)
{
	struct stream_view v = { .net = judge->net,
		.epoch = network_epoch(judge->net, j->fact.burn_height) };
	struct stream s;

	if (j->known != REASON_OK) {
		j->reason = j->known;
		return;
	}
	if (j->near.known) {
		v.parent = j->near.parent;
		v.key = j->near.key;
		v.tail = j->near.tail;
		v.tail_sequence = j->near.tail_sequence;
	}
	j->reason = stream_judge(&s, &v, j->body, j->body_len);
	if (j->reason == REASON_OK && (v.tail || !s.forked))
		memcpy(j->signer, s.signer, HASH160_LEN);
	if (s.committed)
		j->reason = REASON_OK;
	stream_release(&s);
}

/* Next: cmd/block-store/main.c, judges each block in its place in the chain, commits it, and passes
 * on a short record of it. */
