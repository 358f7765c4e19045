/* Blocks and tenures as bytes.  A response of at most 32 KiB is written to the socket from where it lies in the store.  A longer one is copied
 * out in such pieces, each under a read transaction that ends with it; the next piece is made when the one before has left for the
 * socket.  So several hundred slow clients cost a piece each, and pin no pages. */
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

/* What the next piece holds: views into the map behind a place for the head. */
#define PARTS 256
struct piece {
	struct stream *st;
	uint64_t txn;
	struct iovec parts[1 + PARTS];
	unsigned n;
	size_t bytes;
	bool full;
};

static void add_view(struct piece *p, const uint8_t *bytes, size_t n)
{
	p->parts[p->n++] = (struct iovec){ (void *)(uintptr_t)bytes, n };
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
	if (p->full || p->n == 1 + PARTS || (st->offset == 0 && p->bytes > 0 && p->bytes + b->len > CHUNK)) {
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

/* The next piece.  False: the block it begins with is not (or no longer) proven.  st->done: it is the last; st->broken: the
 * stream cannot be finished. */
static bool gather(struct piece *p, struct stream *st, MDB_txn *txn)
{
	uint8_t first[ID_LEN];

	p->st = st;
	p->txn = mdb_txn_id(txn);
	p->n = 1;
	p->bytes = 0;
	p->full = false;
	memcpy(first, st->next, ID_LEN);
	if (!proven_blocks_down(&st->s->store, txn, first, st->has_stop ? st->stop : NULL, add_block, p))
		return false;
	/* Not stopped by us: the tenure's start was the last. */
	if (!p->full && !st->broken)
		st->done = true;
	return true;
}

static void free_copy(const void *data, size_t n, void *arg)
{
	free(arg);
}

/* The piece as a buffer that outlives the transaction. */
static struct evbuffer *copy(const struct piece *p)
{
	struct evbuffer *out = reply_buffer();
	uint8_t *bytes = xmalloc(p->bytes);
	size_t at = 0;

	for (unsigned i = 1; i < p->n; at += p->parts[i++].iov_len)
		memcpy(bytes + at, p->parts[i].iov_base, p->parts[i].iov_len);
	evbuffer_add_reference(out, bytes, p->bytes, free_copy, bytes);
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
	struct evbuffer *out = NULL;
	struct piece p;
	if (gather(&p, st, txn) && !st->broken && p.bytes > 0)
		out = copy(&p);
	store_read_end(txn);
	if (out != NULL) {
		st->s->n_bytes += p.bytes;
		evhttp_send_reply_chunk_with_cb(st->req, out, stream_more, st);
		evbuffer_free(out);
	} else if (st->broken || st->offset > 0) {
		/* In the middle of a block that is gone.  No last chunk: the client sees that the body is cut. */
		http_conn_close(st->conn);
	} else {
		/* What comes next is another tenure's, or is no longer proven: nobody gets it. */
		stream_end(st);
	}
}

/* A larger body goes out in chunks. */
static void stream_chunks(struct request *r, const struct stream *st, struct evbuffer *first)
{
	static const struct timeval idle = { HTTP_IDLE, 0 };
	struct stream *kept = xmalloc(sizeof *kept);

	*kept = *st;
	r->conn->gone = stream_gone;
	r->conn->gone_arg = kept;
	/* The client has nothing to say now; only writes must go on. */
	bufferevent_set_timeouts(r->conn->bev, NULL, &idle);
	r->s->n_bytes += evbuffer_get_length(first);
	reply_begin(r->s, r->req);
	evhttp_send_reply_chunk_with_cb(r->req, first, stream_more, kept);
	evbuffer_free(first);
}

/* A body that is one piece leaves in one go, with its length.  False, without an answer, if the first block is not proven.
 * Ends the transaction. */
static bool stream_start(struct request *r, const struct stream *from, MDB_txn *txn)
{
	struct stream st = *from;
	struct evbuffer *out = NULL;
	struct piece p;

	st.s = r->s;
	st.req = r->req;
	st.conn = r->conn;
	bool known = gather(&p, &st, txn);
	if (known)
		seat_useful(r->conn->seat);
	if (known && !(st.done && reply_straight(r, 200, OCTETS, p.parts, p.n, p.bytes)))
		out = copy(&p);
	store_read_end(txn);
	if (out != NULL && st.done)
		reply_octets(r, out);
	else if (out != NULL)
		stream_chunks(r, &st, out);
	return known;
}

static void no_such_block(struct request *r)
{
	char hex[2 * ID_LEN + 1];

	reply_text(r, 404, "No such block %s\n", hex_of(hex, r->hash, ID_LEN));
}

void get_block(struct request *r)
{
	struct stream st = { .one = true };

	memcpy(st.next, r->hash, ID_LEN);
	if (!stream_start(r, &st, store_read(&r->s->store)))
		no_such_block(r);
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
	if (rc != 0)
		store_read_end(txn);
	if (rc != 0 || !stream_start(r, &st, txn))
		reply_text(r, 404, "No such block #%llu\n", (unsigned long long)r->number);
}

void get_tenure(struct request *r)
{
	struct stream st = { 0 };
	int stop = query_hex(r, "stop", st.stop, ID_LEN);

	if (stop < 0) {
		reply_text(r, 400, "Invalid query string: stop");
		return;
	}
	/* The stop id has no effect on the first block. */
	st.has_stop = stop > 0 && memcmp(st.stop, r->hash, ID_LEN) != 0;
	memcpy(st.next, r->hash, ID_LEN);
	if (!stream_start(r, &st, store_read(&r->s->store)))
		no_such_block(r);
}

/* Next: cmd/block-serve/http_info.c, the node's facts. */
