/* GET /blocksync/sortitions/FROM/N: the burnchain view as records, so that a mirror's view loads in
 * seconds.  hello, then the canonical sortitions from FROM upwards, at most N and 2,100, then the
 * reward sets of the cycles touched. */
#include "cmd/block-serve/http.h"

#define RECORDS_MAX 2100

struct batch {
	struct rec_buf buf;
	uint64_t n, max, first, last;
};

static bool add_row(void *arg, const struct rec_sortition *r)
{
	struct batch *b = arg;

	if (!r->canonical)
		return true;
	if (b->n == b->max)
		return false;
	rec_encode(&b->buf, REC_SORTITION, r);
	if (b->n++ == 0)
		b->first = r->burn_height;
	b->last = r->burn_height;
	return true;
}

static void add_sets(struct serve *s, MDB_txn *txn, struct batch *b)
{
	struct rec_reward_set set;

	if (b->n == 0)
		return;
	for (uint64_t c = network_cycle(&s->store.net, b->first);
	     c <= network_cycle(&s->store.net, b->last) + 1; c++)
		if (reward_set_get(&s->store, txn, c, &set) == 0)
			rec_encode(&b->buf, REC_REWARD_SET, &set);
}

static void free_batch(const void *data, size_t n, void *arg)
{
	free(arg);
}

void get_records(struct request *r)
{
	struct batch b = { .max = r->number2 < RECORDS_MAX ? r->number2 : RECORDS_MAX };
	const struct network *net = &r->s->store.net;
	struct rec_hello hello = { .schema = REC_SCHEMA,
		.network = rec_str(net->name),
		.chain_id = net->chain_id,
		.stage = rec_str("block-serve") };
	struct evbuffer *out = reply_buffer();

	rec_encode(&b.buf, REC_HELLO, &hello);
	MDB_txn *txn = store_read(&r->s->store);
	sortition_walk(&r->s->store, txn, r->number, add_row, &b);
	add_sets(r->s, txn, &b);
	store_read_end(txn);
	seat_useful(r->conn->seat);
	evbuffer_add_reference(out, b.buf.p, b.buf.n, free_batch, b.buf.p);
	reply_octets(r, out);
}

/* Next: cmd/block-serve/upload.c, blocks that others give us. */
