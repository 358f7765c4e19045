/* Writing epoch 2.x into the chain directory: blocks2, microblocks, unconfirmed. */
#include <inttypes.h>
#include <stdlib.h>

#include "tests/helper/chain-maker/epoch2.h"

struct table {
	FILE *rows, *bodies;
	uint64_t offset;
	char name[2][32];
};

static void table_open(const struct maker *m, struct table *t, const char *name, const char *head)
{
	snprintf(t->name[0], sizeof(t->name[0]), "%s.tsv", name);
	snprintf(t->name[1], sizeof(t->name[1]), "%s.bin", name);
	t->rows = file_new(m, t->name[0]);
	t->bodies = file_new(m, t->name[1]);
	t->offset = 0;
	fprintf(t->rows, "%s\n", head);
}

static void table_close(struct table *t)
{
	file_end(t->rows, t->name[0]);
	file_end(t->bodies, t->name[1]);
}

/* The body of the row that is being written. */
static void put_body(struct table *t, const struct buf *raw)
{
	fprintf(t->rows, "\t%zu\t%" PRIu64, raw->n, t->offset);
	fwrite(raw->p, 1, raw->n, t->bodies);
	t->offset += raw->n;
}

static void put_block(struct table *t, const struct anchored *b)
{
	fprintf(t->rows, "%" PRIu64 "\t", b->height);
	put_hex(t->rows, b->id, ID_LEN);
	fputc('\t', t->rows);
	put_hex(t->rows, b->ch, CH_LEN);
	fputc('\t', t->rows);
	put_hex(t->rows, b->parent_id, ID_LEN);
	put_body(t, &b->raw);
	fprintf(t->rows, "\t%d\n", b->canonical);
}

static void put_micro(struct table *t, const uint8_t block[ID_LEN], const struct micro *m)
{
	put_hex(t->rows, block, ID_LEN);
	fprintf(t->rows, "\t%u\t", m->sequence);
	put_hex(t->rows, m->hash, 32);
	put_body(t, &m->raw);
	fputc('\n', t->rows);
}

static int by_height(const void *a, const void *b)
{
	const struct anchored *x = *(struct anchored *const *)a, *y = *(struct anchored *const *)b;

	if (x->height != y->height)
		return x->height < y->height ? -1 : 1;
	if (x->canonical != y->canonical)
		return x->canonical ? -1 : 1;
	return x->burn_height < y->burn_height ? -1 : x->burn_height > y->burn_height;
}

/* What the consensus hashes are made of, and no node's RPC says. */
static void write_burns(const struct maker *m)
{
	FILE *f = file_new(m, "burns.tsv");
	uint8_t hash[32];

	fputs("burn_height\tops_hash\ttotal_burn\n", f);
	for (uint64_t h = m->p.first_height; h <= m->tip_height; h++) {
		ops_hash(m, h, hash);
		fprintf(f, "%" PRIu64 "\t", h);
		put_hex(f, hash, 32);
		fprintf(f, "\t%" PRIu64 "\n", total_burn(m, h));
	}
	file_end(f, "burns.tsv");
}

void files_epoch2(struct maker *m)
{
	static const char stream_head[] = "child_index_block_hash\tsequence\thash\tsize\toffset",
			  loose_head[] = "parent_index_block_hash\tsequence\thash\tsize\toffset";
	struct table blocks, micros, loose;
	struct anchored **order = xcalloc(m->n_anchored + 1, sizeof(struct anchored *));

	for (struct anchored *b = m->best; b; b = b->parent)
		b->canonical = true;
	for (uint32_t i = 0; i < m->n_anchored; i++)
		order[i] = &m->anchored[i];
	qsort(order, m->n_anchored, sizeof(struct anchored *), by_height);
	table_open(m, &blocks, "blocks2",
	    "height\tblock_id\tconsensus_hash\tparent_block_id\tsize\toffset\tcanonical");
	table_open(m, &micros, "microblocks", stream_head);
	table_open(m, &loose, "unconfirmed", loose_head);
	for (uint32_t i = 0; i < m->n_anchored; i++) {
		const struct anchored *b = order[i];
		put_block(&blocks, b);
		for (uint32_t k = 0; k < b->n_confirmed; k++)
			put_micro(&micros, b->id,
			    b->by_rival && k + 1 == b->n_confirmed ? &b->parent->rival :
								     &b->parent->stream[k]);
		for (uint32_t k = b->taken; k < b->n_stream; k++)
			put_micro(&loose, b->id, &b->stream[k]);
		if (b->rival.raw.n && !b->rival_taken)
			put_micro(&loose, b->id, &b->rival);
	}
	table_close(&blocks);
	table_close(&micros);
	table_close(&loose);
	write_burns(m);
	m->n_blocks += m->n_anchored;
	free(order);
}

/* Next: tests/helper/chain-peer/peer.h, the peer that serves such a directory. */
