/* Streams of microblocks out of the store: the list, one of them, a record. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/block-cat/cat.h"
#include "common/store/blocks.h"
#include "common/sys/log.h"
#include "common/sys/out.h"

#define PIECE (4u << 20)	/* of the table, under one read transaction */

void stream_record(struct rec_microblocks *r, const struct rec_stream *row)
{
	uint8_t *body = xmalloc(4 + row->body.n);

	put_be32(body, row->ends.n);
	memcpy(body + 4, row->body.p, row->body.n);
	*r = (struct rec_microblocks){ .body = rec_bytes(body, 4 + row->body.n),
		.evidence = row->evidence };
	memcpy(r->child_id, row->child_id, ID_LEN);
	memcpy(r->consensus_hash, row->consensus_hash, CH_LEN);
}

struct listing { struct store *s; MDB_txn *txn; };

static void list_one(void *arg, const uint8_t *child, const struct rec_stream *r,
    const MDB_val *key)
{
	struct listing *l = arg;
	char id[2 * ID_LEN + 1], ch[2 * CH_LEN + 1], evidence[4 * MICROBLOCK_HEADER + 1] = "-";
	uint8_t where[CH_LEN];
	uint64_t height = 0;

	if (!child)
		return;
	if (!r)
		die_damaged(child);
	blocks_where(l->s, l->txn, child, where, &height);
	if (r->evidence.n == 2 * MICROBLOCK_HEADER)
		hex_of(evidence, r->evidence.p, r->evidence.n);
	printf("%llu\t%s\t%s\t%u\t%u\t%s\n", (unsigned long long)height,
	    hex_of(id, child, ID_LEN), hex_of(ch, r->consensus_hash, CH_LEN), r->body.n,
	    r->ends.n, evidence);
}

void list_streams(struct store *s)
{
	struct listing l = { .s = s };
	uint8_t key[MAX_KEY];
	size_t klen = 0;

	for (bool more = true; more;) {
		l.txn = store_read(s);
		more = streams_scan(s, l.txn, key, &klen, PIECE, list_one, &l);
		store_read_end(l.txn);
	}
	out_flush();
}

void print_stream(struct store *s, const char *text)
{
	struct rec_microblocks r = { .body = { NULL, 0 } };
	struct rec_stream row;
	enum stream_found found;
	uint8_t id[ID_LEN];
	MDB_txn *txn;

	id_of_text(id, text);
	txn = store_read(s);
	found = stream_get(s, txn, id, &row);
	if (found == STREAM_FOUND)
		stream_record(&r, &row);
	store_read_end(txn);
	if (found == STREAM_DAMAGED)
		die_damaged(id);
	if (found == STREAM_ABSENT)
		die_world("no stream of microblocks that block '%s' confirms in '%s'", text,
		    s->dir);
	/* Without the number in front: one behind the other, as blocks are printed. */
	fwrite((const uint8_t *)r.body.p + 4, 1, r.body.n - 4, stdout);
	free((void *)r.body.p);
	out_flush();
}

/* Next: cmd/block-cat/check.c, whether all that is stored is whole. */
