/* Blocks and tenures as bytes.  A response is copied out of the store in pieces of at most 32 KiB, each under a read
 * transaction that ends with it; the next piece is made when the one before has left for the socket.  So several
 * hundred slow clients cost a piece each, and pin no pages. */
#include <event2/bufferevent.h>
#include "cmd/block-serve/serve.h"
#include "common/store/blocks.h"

struct stream {
	struct serve *s;
	struct evhttp_request *req;
	struct http_conn *conn;
	bool one;			/* a single block, not the tenure below it */
	bool has_stop, done, broken;
	uint8_t ch[CH_LEN];		/* the tenure, once the first block is sent */
	uint8_t stop[ID_LEN];
	uint8_t next[ID_LEN];		/* block that comes next, or goes on at offset */
	size_t offset;
	uint64_t sum, sum_txn;		/* of a block sent in parts, and the transaction that it was checked in */
	size_t sum_len;
	size_t sent;
};

/* A block sent in parts may be replaced by one of the same id with a heavier set of signatures in between. */
static uint64_t sum_of(const uint8_t *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u ^ n, w;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&w, p, 8);
		h = (h ^ w) * 0x100000001b3u;
		h ^= h >> 29;
	}
	for (; n > 0; p++, n--)
		h = (h ^ *p) * 0x100000001b3u;
	return h;
}

/* What the next piece holds: views into the map, copied in one go. */
#define PARTS 256
struct piece {
	struct stream *st;
	uint64_t txn;
	struct { const uint8_t *p; size_t n; } parts[PARTS];
	unsigned n;
	size_t bytes;
	bool full;
};

static void add_view(struct piece *p, const uint8_t *bytes, size_t n)
{
	p->parts[p->n].p = bytes;
	p->parts[p->n++].n = n;
	p->bytes += n;
}

/* A part of a block that is larger than a piece. */
static void add_part(struct piece *p, const struct stored_block *b)
{
	struct stream *st = p->st;
	size_t part = b->len - st->offset < CHUNK ? b->len - st->offset : CHUNK;

	if (st->offset == 0) {
		st->sum = sum_of(b->bytes, b->len);
		st->sum_len = b->len;
	} else if (p->txn != st->sum_txn) {
		st->broken = b->len != st->sum_len || sum_of(b->bytes, b->len) != st->sum;
		if (st->broken)
			return;
	}
	st->sum_txn = p->txn;
	add_view(p, b->bytes + st->offset, part);
	st->offset += part;
	p->full = true;
	if (st->offset == b->len)
		st->offset = 0;
}

static bool add_block(void *arg, const struct stored_block *b)
{
	struct piece *p = arg;
	struct stream *st = p->st;

	memcpy(st->next, b->id, ID_LEN);
	if (st->offset == 0 && st->sent > 0) {
		/* The tenure ends, or the body is cut and the client goes on from the parent. */
		st->done = memcmp(b->ch, st->ch, CH_LEN) != 0 || st->sent + b->len > MAX_TENURE_BODY ||
		    (st->has_stop && memcmp(b->id, st->stop, ID_LEN) == 0);
		if (st->done)
			return false;
	}
	memcpy(st->ch, b->ch, CH_LEN);
	if (p->full || p->n == PARTS || (st->offset == 0 && p->bytes > 0 && p->bytes + b->len > CHUNK)) {
		p->full = true;
		return false;
	}
	if (st->offset > 0 || b->len > CHUNK)
		add_part(p, b);
	else
		add_view(p, b->bytes, b->len);
	if (st->broken)
		return false;
	if (st->offset == 0) {
		st->sent += b->len;
		st->done = st->one;
		memcpy(st->next, b->bytes + BLOCK_PARENT_OFFSET, ID_LEN);
	}
	return !p->full && !st->done;
}

static void free_copy(const void *data, size_t n, void *arg)
{
	free(arg);
}

/* The next piece.  done: it was the last; broken: the stream cannot be finished. */
static struct evbuffer *fill(struct stream *st, MDB_txn *txn)
{
	struct piece p;
	struct evbuffer *out = evbuffer_new();
	uint8_t first[ID_LEN];
	size_t at = 0;

	if (out == NULL)
		die_world("no memory for an answer");
	p.st = st;
	p.txn = mdb_txn_id(txn);
	p.n = 0;
	p.bytes = 0;
	p.full = false;
	memcpy(first, st->next, ID_LEN);
	tenure_blocks_down(&st->s->store, txn, first, st->has_stop ? st->stop : NULL, add_block, &p);
	/* Not stopped by us: the tenure's start was the last. */
	if (!p.full && !st->broken)
		st->done = true;
	if (p.bytes == 0 || st->broken)
		return out;
	uint8_t *copy = xmalloc(p.bytes);
	for (unsigned i = 0; i < p.n; at += p.parts[i++].n)
		memcpy(copy + at, p.parts[i].p, p.parts[i].n);
	evbuffer_add_reference(out, copy, p.bytes, free_copy, copy);
	return out;
}

static void stream_free(struct stream *st)
{
	st->conn->gone = NULL;
	free(st);
}

/* The connection is gone: evhttp has let go of the request, which is ours to end. */
static void stream_gone(void *arg)
{
	struct stream *st = arg;
	struct evhttp_request *req = st->req;

	free(st);
	evhttp_send_reply_end(req);
}

static void stream_end(struct stream *st)
{
	static const struct timeval idle = { HTTP_IDLE, 0 };
	struct evhttp_request *req = st->req;

	bufferevent_set_timeouts(st->conn->bev, &idle, &idle);
	stream_free(st);
	evhttp_send_reply_end(req);
}

static void stream_more(struct evhttp_connection *evcon, void *arg)
{
	struct stream *st = arg;

	if (st->done) {
		stream_end(st);
		return;
	}
	MDB_txn *txn = store_read(&st->s->store);
	struct evbuffer *piece = fill(st, txn);
	store_read_end(txn);
	if (st->broken) {
		/* No last chunk: the client sees that the body is cut. */
		http_conn_close(st->conn);
	} else if (evbuffer_get_length(piece) > 0) {
		st->s->n_bytes += evbuffer_get_length(piece);
		evhttp_send_reply_chunk_with_cb(st->req, piece, stream_more, st);
	} else {
		stream_end(st);
	}
	evbuffer_free(piece);
}

/* Small bodies leave in one go with their length; larger ones in chunks. */
static void stream_start(struct request *r, const struct stream *from, MDB_txn *txn)
{
	static const struct timeval idle = { HTTP_IDLE, 0 };
	struct stream st = *from;
	struct evbuffer *piece;

	st.s = r->s;
	st.req = r->req;
	st.conn = r->conn;
	piece = fill(&st, txn);
	store_read_end(txn);
	if (st.done && !st.broken) {
		reply_octets(r, piece);
		return;
	}
	struct stream *kept = xmalloc(sizeof *kept);
	*kept = st;
	r->conn->gone = stream_gone;
	r->conn->gone_arg = kept;
	/* The client has nothing to say now; only writes must go on. */
	bufferevent_set_timeouts(r->conn->bev, NULL, &idle);
	r->s->n_bytes += evbuffer_get_length(piece);
	reply_begin(r->s, r->req);
	evhttp_send_reply_chunk_with_cb(r->req, piece, stream_more, kept);
	evbuffer_free(piece);
}

void get_block(struct request *r)
{
	MDB_txn *txn = store_read(&r->s->store);
	struct stream st = { .one = true };
	char hex[2 * ID_LEN + 1];

	if (!block_proven(&r->s->store, txn, r->hash)) {
		store_read_end(txn);
		reply_text(r, 404, "No such block %s\n", hex_of(hex, r->hash, ID_LEN));
		return;
	}
	memcpy(st.next, r->hash, ID_LEN);
	stream_start(r, &st, txn);
}

/* The ancestor of a proven block at a height: one step a tenure, then down in it. */
static int ancestor_at(struct serve *s, MDB_txn *txn, const uint8_t tip[ID_LEN], uint64_t height, uint8_t id[ID_LEN])
{
	struct stored_block b;
	struct rec_tenure t;

	memcpy(id, tip, ID_LEN);
	for (;;) {
		if (!block_proven(&s->store, txn, id) || block_get(&s->store, txn, id, &b) != 0 || b.height < height)
			return -1;
		if (b.height == height)
			return 0;
		if (tenure_get(&s->store, txn, b.ch, &t) != 0)
			return -1;
		memcpy(id, height < t.start_height ? t.parent_id : b.bytes + BLOCK_PARENT_OFFSET, ID_LEN);
	}
}

void get_block_at(struct request *r)
{
	uint8_t tip[ID_LEN];
	int asked = query_is(r, "tip", "latest") ? 0 : query_hex(r, "tip", tip, ID_LEN);
	struct stream st = { .one = true };
	struct stored_block b;
	MDB_txn *txn;
	int rc;

	if (asked < 0 || r->number > INT64_MAX) {
		reply_text(r, 400, "Invalid path parameters for '%.200s'", r->path);
		return;
	}
	txn = store_read(&r->s->store);
	if (asked) {
		rc = ancestor_at(r->s, txn, tip, r->number, st.next);
	} else if ((rc = canonical_at(&r->s->store, txn, r->number, &b)) == 0) {
		memcpy(st.next, b.id, ID_LEN);
	}
	if (rc != 0) {
		store_read_end(txn);
		reply_text(r, 404, "No such block #%llu\n", (unsigned long long)r->number);
		return;
	}
	stream_start(r, &st, txn);
}

void get_tenure(struct request *r)
{
	struct stream st = { 0 };
	char hex[2 * ID_LEN + 1];
	int stop = query_hex(r, "stop", st.stop, ID_LEN);

	if (stop < 0) {
		reply_text(r, 400, "Invalid query string: stop");
		return;
	}
	/* The stop id has no effect on the first block. */
	st.has_stop = stop > 0 && memcmp(st.stop, r->hash, ID_LEN) != 0;
	MDB_txn *txn = store_read(&r->s->store);
	if (!block_proven(&r->s->store, txn, r->hash)) {
		store_read_end(txn);
		reply_text(r, 404, "No such block %s\n", hex_of(hex, r->hash, ID_LEN));
		return;
	}
	memcpy(st.next, r->hash, ID_LEN);
	stream_start(r, &st, txn);
}

/* Next: cmd/block-serve/http_info.c, the node's facts. */
