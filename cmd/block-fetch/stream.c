/* Streams of microblocks in answers (spec/blocks.md 3.3, 4.3).  An answer is a vector, the tail
 * first; it leaves as one record, ascending.  The block that confirms the stream says which
 * microblock is the tail, and each one which is below it, so that no byte is looked at behind the
 * first one that is another. */
#include <stdlib.h>

#include "cmd/block-fetch/fetch.h"
#include "common/limits.h"
#include "common/store/blocks.h"
#include "common/sys/log.h"

/* With -o the block that confirms it need not be in the store: then any stream is passed on. */
void stream_begin(struct fetch *f, struct xfer *x)
{
	MDB_txn *txn = store_read(&f->store);
	struct stored_block child;
	struct block b;
	size_t need;
	bool held = block_get(&f->store, txn, x->a.id, &child) == 0 &&
	    block_header(&b, MODEL_BIT(EPOCH2), child.ch, child.bytes, child.len, &need) > 0;

	microblocks_walk_begin(&x->stream, held ? b.epoch2.parent_microblock : NULL);
	if (held)
		memcpy(x->below, b.parent, sizeof(x->below));
	store_read_end(txn);
}

/* A whole vector, ascending by sequence, into out.  Whether it reaches down to the block below: a
 * first microblock that stands on another one is for the judge to tell whose fault it is. */
static bool ascend(const struct xfer *x, const uint8_t *p, size_t n, uint8_t *out)
{
	struct microblock m = { .sequence = 0 };
	size_t need, high = n;
	uint16_t first = 0;

	memcpy(out, p, 4);
	for (size_t at = 4; at < n; at += m.len) {
		if (microblock_parse(&m, p + at, n - at, &need) <= 0)
			BUG("a stream that was whole is none");
		if (at == 4)
			first = m.sequence;
		high -= m.len;
		memcpy(out + high, m.bytes, m.len);
	}
	if (first < m.sequence) /* it was so already */
		memcpy(out, p, n);
	return !x->stream.linked || m.sequence == 0 ||
	    memcmp(m.prev, x->below, sizeof(x->below)) == 0;
}

/* Not the stream that was asked for: another one, if its first microblock can be read. */
static void refuse(struct fetch *f, struct xfer *x)
{
	const struct microblocks_walk *w = &x->stream;
	struct microblock m;
	size_t need, at = x->off + w->at;
	struct plan_block other = { .id = m.hash };
	bool emit;

	x->garbage = !w->linked || w->n || w->headed || w->at == 0 ||
	    microblock_header(&m, x->buf + at, x->len - at, &need) <= 0;
	x->stopped = true;
	if (!x->garbage)
		transfer_offer(f, x, &other, &emit);
}

static void emit(struct fetch *f, struct xfer *x, const uint8_t *body, size_t n)
{
	struct rec_microblocks r = { .source = rec_str(planner_source_name(f->plan, x->a.source)),
		.request = rec_str(x->path),
		.body = rec_bytes(body, n) };

	memcpy(r.child_id, x->a.id, ID_LEN);
	memcpy(r.consensus_hash, x->a.ch, CH_LEN);
	written_add_stream(f, &r, &x->a);
}

void stream_cut(struct fetch *f, struct xfer *x)
{
	ssize_t n = microblocks_walk(&x->stream, x->buf + x->off, x->len - x->off, &x->need);
	struct plan_block info = { .id = x->a.id, .ch = x->a.ch, .len = (uint32_t)n };
	uint8_t *body;
	bool write;

	if (n < 0)
		refuse(f, x);
	if (n <= 0)
		return;
	body = xmalloc((size_t)n);
	x->early = !ascend(x, x->buf + x->off, (size_t)n, body);
	if (x->early)
		x->stopped = true;
	else if (transfer_offer(f, x, &info, &write) && write)
		emit(f, x, body, (size_t)n);
	free(body);
	x->off += (size_t)n;
	x->need = 0;
}

/* Next: cmd/block-fetch/written.c, what was written and awaits its verdict. */
