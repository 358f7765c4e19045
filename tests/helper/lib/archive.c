/* A chain directory as a record archive (DESIGN 2): what block-cat -i imports. */
#include <errno.h>
#include <stdlib.h>

#include "tests/helper/lib/buf.h"
#include "tests/helper/lib/chaindir.h"

static void write_out(FILE *f, struct rec_buf *out, const char *file)
{
	if (fwrite(out->p, 1, out->n, f) != out->n)
		die_world("cannot write '%s': %s", file, strerror(errno));
	out->n = 0;
}

static void put_set(struct rec_buf *out, const struct signer_set *set)
{
	struct rec_reward_set r = { .cycle = set->cycle, .sources = 1 };
	struct buf weights = { 0 };

	for (uint32_t i = 0; i < set->n; i++)
		buf_u32(&weights, set->weights[i]);
	r.keys = rec_bytes(set->keys, set->n);	/* lists count items */
	r.weights = rec_bytes(weights.p, set->n);
	rec_encode(out, REC_REWARD_SET, &r);
	buf_release(&weights);
}

static void put_block(struct rec_buf *out, const struct chain_block *b)
{
	struct rec_block r = { .height = b->height,
		.source = rec_str("archive"),
		.body = rec_bytes(b->bytes, b->size),
		.model = b->model };

	memcpy(r.id, b->id, ID_LEN);
	memcpy(r.consensus_hash, b->ch, CH_LEN);
	rec_encode(out, REC_BLOCK, &r);
}

/* The stream that a block confirms, as a vector. */
static void put_stream(struct rec_buf *out, const struct chaindir *c, const struct chain_block *b)
{
	struct rec_microblocks r = { .source = rec_str("archive") };
	struct buf body = { 0 };
	uint8_t count[4];

	put_be32(count, b->n_confirmed);
	buf_put(&body, count, sizeof(count));
	for (uint32_t i = 0; i < b->n_confirmed; i++)
		buf_put(&body, c->micros[b->confirmed + i].bytes, c->micros[b->confirmed + i].size);
	r.body = rec_bytes(body.p, (uint32_t)body.n);
	memcpy(r.child_id, b->id, ID_LEN);
	memcpy(r.consensus_hash, b->ch, CH_LEN);
	rec_encode(out, REC_MICROBLOCKS, &r);
	buf_release(&body);
}

void chaindir_archive(const struct chaindir *c, const char *file, bool view, bool blocks)
{
	struct rec_hello hello = { .schema = REC_SCHEMA,
		.network = rec_str(c->net.name),
		.chain_id = c->net.chain_id,
		.stage = rec_str("chain-maker") };
	struct rec_network net = { .text = rec_str(c->net.text) };
	struct rec_buf out = { 0 };
	FILE *f = fopen(file, "w");

	if (!f)
		die_world("cannot write '%s': %s", file, strerror(errno));
	rec_encode(&out, REC_HELLO, &hello);
	if (view)
		rec_encode(&out, REC_NETWORK, &net);
	for (uint32_t i = 0; view && i < c->n_main; i++)
		rec_encode(&out, REC_SORTITION, &c->sortitions[i].row);
	for (uint32_t i = 0; view && i < c->n_sets; i++)
		if (c->sets[i].set.n > 0)
			put_set(&out, &c->sets[i].set);
	write_out(f, &out, file);
	for (uint32_t i = 0; blocks && i < c->n_canon; i++) {
		put_block(&out, &c->blocks[c->canon[i]]);
		if (c->blocks[c->canon[i]].n_confirmed)
			put_stream(&out, c, &c->blocks[c->canon[i]]);
		write_out(f, &out, file);
	}
	if (fclose(f) != 0)
		die_world("cannot write '%s': %s", file, strerror(errno));
	rec_buf_release(&out);
}

/* Next: tests/helper/lib/inventory.c, what a peer that has it says of it. */
