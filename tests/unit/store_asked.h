/* What a store of store_world.h answers: proven blocks, lists, the canonical tip. */
#ifndef BLOCKSYNC_TESTS_STORE_ASKED_H
#define BLOCKSYNC_TESTS_STORE_ASKED_H

#include "tests/unit/store_world.h"

/* How many records of a type, with this status or reason where one is asked for, the last commit
 * reported. */
static inline unsigned world_said(const struct world *w, enum rec_type type, const char *reason)
{
	const uint8_t *payload;
	char err[160];
	size_t at = 0, len;
	unsigned n = 0;
	struct rec r;
	ssize_t got;

	for (; (got = rec_frame(w->out.p + at, w->out.n - at, &payload, &len, err)) > 0;
	     at += (size_t)got)
		if (rec_decode(&r, payload, len, err) == 0 && r.type == (uint32_t)type &&
		    (!reason ||
			(type == REC_VERDICT ? rec_is(r.u.verdict.reason, reason) :
					       rec_is(r.u.fault.what, reason))))
			n++;
	return n;
}

static inline bool world_count(void *arg, const struct stored_block *b)
{
	return ++*(unsigned *)arg > 0;
}

/* Whether a block is proven; who asks for the proven blocks from it down gets some, or none. */
static inline bool world_proven(struct world *w, const struct world_block *b)
{
	MDB_txn *txn = store_read(&w->s);
	unsigned n = 0;
	bool yes = proven_blocks_down(&w->s, txn, b->id, NULL, world_count, &n);

	assert_true(yes == block_proven(&w->s, txn, b->id) && yes == (n > 0));
	store_read_end(txn);
	return yes;
}

static inline unsigned world_listed(struct world *w)
{
	MDB_txn *txn = store_read(&w->s);
	unsigned n = 0;

	proven_walk(&w->s, txn, 0, world_count, &n);
	store_read_end(txn);
	return n;
}

/* Whether this block is the canonical tip, and the canonical chain is whole below it. */
static inline bool world_tip(struct world *w, const struct world_block *tip)
{
	MDB_txn *txn = store_read(&w->s);
	uint8_t id[ID_LEN], want[ID_LEN];
	struct stored_block b;
	uint64_t height = 0;
	bool good = canonical_tip(&w->s, txn, NULL, &height, id) == 0 &&
	    memcmp(id, tip->id, ID_LEN) == 0 && height == tip->height;

	memcpy(want, tip->id, ID_LEN);
	for (; good && height > 0; height--) {
		good = canonical_at(&w->s, txn, height, &b) == 0 && memcmp(b.id, want, ID_LEN) == 0;
		if (good)
			memcpy(want, b.parent, ID_LEN);
	}
	store_read_end(txn);
	return good;
}

#endif
