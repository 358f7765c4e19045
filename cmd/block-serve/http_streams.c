/* Streams of microblocks as bytes (spec/blocks.md 4.3): a count and the microblocks from the last
 * one down, or, of what a block had mined on it, from a sequence up. */
#include "cmd/block-serve/http.h"
#include "common/store/streams.h"

/* What is sent of a stream: microblocks [from, to), in either order. */
struct sending {
	struct serve *s;
	uint8_t child[ID_LEN], tail[32];
	uint32_t from, to, sent;	/* sent: of them */
	uint32_t offset;		/* into the next one, which is longer than a piece */
	bool up;			/* ascending, without a count */
	uint8_t count[4];
};

/* Fills a piece from where the last one ended. */
static void gather(struct sending *g, const struct rec_stream *r, struct piece *p)
{
	uint32_t len, part;

	if (!g->up && g->sent == 0 && g->offset == 0)
		piece_add(p, g->count, sizeof(g->count));
	while (g->sent < g->to - g->from && p->bytes < CHUNK && p->n <= PARTS) {
		const uint8_t *m = stream_at(
		    r, g->up ? g->from + g->sent : g->to - 1 - g->sent, &len);

		part = len - g->offset;
		if (part > CHUNK - p->bytes)
			part = (uint32_t)(CHUNK - p->bytes);
		piece_add(p, m + g->offset, part);
		g->offset += part;
		if (g->offset < len)
			return;
		g->offset = 0;
		g->sent++;
	}
}

/* Another stream under the child, or none: what was begun cannot be ended. */
static enum streamed next(void *arg, MDB_txn *txn, struct piece *p)
{
	struct sending *g = arg;
	struct rec_stream r;
	enum stream_found found;

	if (g->sent == g->to - g->from)
		return STREAM_LAST;
	found = stream_get(&g->s->store, txn, g->child, &r);
	if (found == STREAM_DAMAGED)
		stream_note(&g->s->store, g->child);
	if (found != STREAM_FOUND || memcmp(r.tail, g->tail, 32) != 0 || r.ends.n < g->to)
		return STREAM_BROKEN;
	gather(g, &r, p);
	return STREAM_MORE;
}

static const struct stream_ops ops = { next, free };

static void begin(struct request *r, const struct rec_stream *stream, struct sending *g)
{
	struct sending *kept;
	struct piece p;

	memcpy(g->child, stream->child_id, ID_LEN);
	memcpy(g->tail, stream->tail, 32);
	put_be32(g->count, g->to - g->from);
	g->s = r->s;
	seat_useful(r->conn->seat);
	piece_begin(&p);
	gather(g, stream, &p);
	if (g->sent == g->to - g->from) {
		reply_parts(r, 200, OCTETS, p.parts, p.n, p.bytes);
		return;
	}
	kept = xmalloc(sizeof(*kept));
	*kept = *g;
	stream_begin(r, OCTETS, &ops, kept, &p);
}

/* Nobody gets a stream whose child is proven no longer.  Ends the transaction. */
static void answer(struct request *r, MDB_txn *txn, enum stream_found found,
    const struct rec_stream *stream, uint32_t from, bool up)
{
	struct sending g = { .from = from, .up = up };
	char hex[2 * ID_LEN + 1];

	if (found == STREAM_FOUND && !block_proven(&r->s->store, txn, stream->child_id))
		found = STREAM_ABSENT;
	if (found == STREAM_FOUND && from < stream->ends.n) {
		g.to = stream->ends.n;
		begin(r, stream, &g);
		store_read_end(txn);
		return;
	}
	store_read_end(txn);
	if (found == STREAM_DAMAGED) {
		stream_note(&r->s->store, stream->child_id);
		reply_text(r, 500, "The stream of %s is damaged\n",
		    hex_of(hex, stream->child_id, ID_LEN));
	} else {
		reply_text(r, 404, "No such microblock stream %s\n", hex_of(hex, r->hash, ID_LEN));
	}
}

void get_stream_confirmed(struct request *r)
{
	MDB_txn *txn = store_read(&r->s->store);
	struct rec_stream stream;

	answer(r, txn, stream_get(&r->s->store, txn, r->hash, &stream), &stream, 0, false);
}

void get_stream(struct request *r)
{
	MDB_txn *txn = store_read(&r->s->store);
	struct rec_stream stream;

	answer(r, txn, stream_by_tail(&r->s->store, txn, r->hash, &stream), &stream, 0, false);
}

void get_stream_unconfirmed(struct request *r)
{
	struct rec_stream stream;
	MDB_txn *txn;

	if (r->number > UINT16_MAX) {
		reply_text(r, 400, "Invalid path parameters for '%.200s'", r->path);
		return;
	}
	txn = store_read(&r->s->store);
	answer(r, txn, stream_on(&r->s->store, txn, r->hash, &stream), &stream, (uint32_t)r->number,
	    true);
}

/* Next: cmd/block-serve/http_headers.c, headers of anchored blocks. */
