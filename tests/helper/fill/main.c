/* fill - a store that has what a chain directory has, without a pipeline.
 *
 *   fill DIR CHAIN [TIP [BLOCKS]]   burn blocks up to TIP, if it is given, and the blocks of them,
 *                                   or of those up to BLOCKS: of both models, lost forks too, and
 *                                   the streams that they confirm
 *
 * Blocks go through the keeper, which judges them in their place; nobody judges them on their own.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/store/keeper.h"
#include "common/sys/log.h"
#include "common/sys/options.h"
#include "tests/helper/lib/buf.h"
#include "tests/helper/lib/chaindir.h"

static void fill_view(struct store *s, const struct chaindir *c, uint64_t tip)
{
	struct rec_trust trust = { .quorum = 1, .sources = rec_str("fill"), .at_tip = true };
	MDB_txn *txn = store_write(s);

	for (uint32_t i = 0; i < c->n_sortitions; i++) {
		struct rec_sortition r = c->sortitions[i].row;

		if (r.burn_height > tip)
			continue;
		r.canonical = c->sortitions[i].fork == 0;
		sortition_put(s, txn, &r);
		trust.tip_height = r.canonical ? r.burn_height : trust.tip_height;
	}
	for (uint32_t i = 0; i < c->n_sets; i++) {
		const struct signer_set *set = &c->sets[i].set;
		struct rec_reward_set r = { .cycle = set->cycle, .sources = 1 };
		struct buf weights = { 0 };

		for (uint32_t j = 0; j < set->n; j++)
			buf_u32(&weights, set->weights[j]);
		r.keys = rec_bytes(set->keys, set->n);
		r.weights = rec_bytes(weights.p, set->n);
		if (set->n > 0)
			reward_set_put(s, txn, &r);
		buf_release(&weights);
	}
	trust.confirmed = true;
	meta_put_row(s, txn, "trust", REC_TRUST, &trust);
	store_commit_or_die(s, txn);
}

static bool known(const struct chaindir *c, const struct chain_block *b, uint64_t tip)
{
	const struct chain_sortition *own = chaindir_sortition(c, b->ch);

	return own && own->row.burn_height <= tip;
}

static void fill_blocks(struct store *s, const struct chaindir *c, uint64_t tip)
{
	struct keeper *k = keeper_new(s, "fill");
	struct rec_buf out = { 0 };
	struct block block;
	size_t need;

	for (uint32_t i = 0; i < c->n_blocks;) {
		keeper_begin(k);
		for (uint32_t n = 0; n < 500 && i < c->n_blocks; n++, i++) {
			const struct chain_block *b = &c->blocks[i];

			if (!known(c, b, tip))
				continue;
			if (block_parse(&block, MODEL_BIT(b->model), b->ch, b->bytes, b->size,
				&need) != (ssize_t)b->size)
				die_world("a block that cannot be read");
			keeper_block(k, &block, 1000, rec_str("fill"));
		}
		out.n = 0;
		if (keeper_commit(k, &out) < 0)
			store_die(s, errno);
	}
	keeper_free(k);
	rec_buf_release(&out);
}

/* The stream that a block confirms; it is judged when it is committed. */
static void fill_stream(struct keeper *k, const struct chaindir *c, const struct chain_block *b)
{
	struct rec_microblocks r = { .source = rec_str("fill") };
	struct rec_buf out = { 0 };
	struct buf body = { 0 };

	buf_u32(&body, b->n_confirmed);
	for (uint32_t i = 0; i < b->n_confirmed; i++)
		buf_put(&body, c->micros[b->confirmed + i].bytes, c->micros[b->confirmed + i].size);
	memcpy(r.child_id, b->id, ID_LEN);
	memcpy(r.consensus_hash, b->ch, CH_LEN);
	r.body = rec_bytes(body.p, body.n);
	keeper_begin(k);
	keeper_stream(k, &r, NULL);
	if (keeper_commit(k, &out) < 0)
		die_world("cannot commit a stream");
	rec_buf_release(&out);
	buf_release(&body);
}

static void fill_streams(struct store *s, const struct chaindir *c, uint64_t tip)
{
	struct keeper *k = keeper_new(s, "fill");

	for (uint32_t i = 0; i < c->n_blocks; i++)
		if (c->blocks[i].n_confirmed > 0 && known(c, &c->blocks[i], tip))
			fill_stream(k, c, &c->blocks[i]);
	keeper_free(k);
}

int main(int argc, char **argv)
{
	static struct chaindir c;
	static struct store s;
	uint64_t tip, blocks;
	char net[4096];

	log_init("fill");
	if (argc < 3 || argc > 5)
		die_usage("usage: fill DIR CHAIN [TIP [BLOCKS]]");
	tip = argc > 3 ? options_number("TIP", argv[3], 0, UINT32_MAX) : UINT64_MAX;
	blocks = argc > 4 ? options_number("BLOCKS", argv[4], 0, UINT32_MAX) : tip;
	chaindir_open(&c, argv[2]);
	snprintf(net, sizeof(net), "%s/network", argv[2]);
	store_open(&s, argv[1], net,
	    KEEPER_TABLES | TABLE(T_SORTITIONS) | TABLE(T_REWARD_SETS) | TABLE(T_META), 0);
	fill_view(&s, &c, tip);
	fill_blocks(&s, &c, blocks);
	fill_streams(&s, &c, blocks);
	store_close(&s);
	return 0;
}
