/* Answers that are made in pieces of some 32 KiB, each in a transaction of its own, and the next
 * one when the one before has left for the socket: several hundred slow clients cost a piece each,
 * and pin no pages. */
#include "cmd/block-serve/http.h"

struct stream {
	struct http_conn *conn;
	const struct stream_ops *ops;
	void *arg;
	bool last;		/* nothing is to come but the end */
};

void piece_begin(struct piece *p)
{
	p->n = 1;
	p->bytes = 0;
}

void piece_add(struct piece *p, const void *bytes, size_t n)
{
	p->parts[p->n++] = (struct iovec){ (void *)(uintptr_t)bytes, n };
	p->bytes += n;
}

/* As a chunk; HTTP/1.0 gets the bytes alone. */
static void send_piece(struct http_conn *c, struct piece *p)
{
	char size[24] = "";

	if (p->bytes == 0)
		return;
	if (!c->head.http10)
		snprintf(size, sizeof(size), "%zx\r\n", p->bytes);
	p->parts[0] = (struct iovec){ size, strlen(size) };
	p->parts[p->n] = (struct iovec){ (void *)(uintptr_t)"\r\n", c->head.http10 ? 0 : 2 };
	c->serve->n_bytes += p->bytes;
	http_conn_send(c, p->parts, p->n + 1);
}

static void gone(void *arg)
{
	struct stream *st = arg;

	st->ops->release(st->arg);
	free(st);
}

static void end(struct stream *st)
{
	struct iovec last = { (void *)(uintptr_t)"0\r\n\r\n", st->conn->head.http10 ? 0 : 5 };
	struct http_conn *c = st->conn;

	gone(st);
	http_conn_send(c, &last, 1);
	http_conn_done(c);
}

/* One piece: others have their turn before the next one. */
static void more(void *arg)
{
	struct stream *st = arg;
	struct http_conn *c = st->conn;
	enum streamed what;
	struct piece p;
	MDB_txn *txn;

	if (st->last) {
		end(st);
		return;
	}
	txn = store_read(&c->serve->store);
	piece_begin(&p);
	what = st->ops->next(st->arg, txn, &p);
	if (what != STREAM_BROKEN)
		send_piece(c, &p);
	store_read_end(txn);
	/* No last chunk: the client sees that the body is cut. */
	if (what == STREAM_BROKEN)
		http_conn_close(c);
	st->last = what == STREAM_LAST;
	if (http_conn_sent(c))
		http_conn_go_on(c);
}

void stream_begin(struct request *r, const char *type, const struct stream_ops *ops, void *arg,
    struct piece *first)
{
	static const struct http_later later = { more, gone };
	struct stream *st = xcalloc(1, sizeof(*st));

	*st = (struct stream){ .conn = r->conn, .ops = ops, .arg = arg };
	http_conn_later(r->conn, &later, st);
	reply_begin(r->conn, type);
	send_piece(r->conn, first);
	if (http_conn_sent(r->conn))
		http_conn_go_on(r->conn);
}

/* Next: cmd/block-serve/http_blocks.c, the answers that matter most. */
