/* The HTTP side.  A connection, the request that is on it and the answer's unsent rest are one
 * object, `struct http_conn`.
 *
 * It is owned by the list of its thread's `struct http_server`.  http_conn_close, which may be
 * called at any time by code of that thread, marks it dead; its memory is freed when the loop has
 * turned, in one place (http_conn_reap in http_conn.c).  Until then every call with it is allowed
 * and does nothing.  A handler answers before it returns, or leaves callbacks that will
 * (http_conn_later). */
#ifndef BLOCK_SERVE_HTTP_H
#define BLOCK_SERVE_HTTP_H

#include <event2/buffer.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "cmd/block-serve/head.h"
#include "cmd/block-serve/serve.h"
#include "common/net/budget.h"

/* Callbacks of an answer that goes on after the handler has returned. */
struct http_later {
	void (*more)(void *arg);	/* all that was sent so far has left for the socket; may be
					 * NULL */
	void (*gone)(void *arg);	/* the connection has ended before the answer: frees arg,
					 * and touches the connection no more */
};

enum http_conn_state {
	HTTP_HEAD,   /* waits for a request, or for the rest of its head */
	HTTP_BODY,   /* waits for the rest of a body */
	HTTP_ANSWER, /* an answer is being made, or has not left yet */
	HTTP_LINGER, /* all is said; the client's last bytes are read past, so
		      * that none resets the connection */
	HTTP_DEAD
};

struct route;

struct http_conn {
	LIST_ENTRY(http_conn) entry;
	struct serve *serve;
	int fd;
	struct event *readable, *writable;
	struct sockaddr_storage peer;
	struct seat *seat;
	enum http_conn_state state;
	bool reading;			/* in http.c's loop over the input: who ends an answer need
					 * not go on to the next request */
	bool again;			/* bytes that were read already wait for a turn */
	bool eof;			/* the client says no more */
	bool whole;			/* HTTP_ANSWER: nothing is to be added */
	bool closes;			/* after the answer */
	struct head head;		/* path and query are views that end with the handler's
					 * call */
	const struct route *route;	/* HTTP_BODY: of the request whose body comes ... */
	uint8_t named[ID_LEN];		/* ... and the hash that it named */
	struct chunks chunks;
	uint8_t *ahead, *body;		/* bytes read and not taken yet; the body so far */
	size_t n_ahead, n_body, cap_body;
	struct evbuffer *out;		/* what the socket did not take */
	struct hold in, unsent;		/* n_ahead + cap_body; what is in `out` */
	uint64_t since;			/* ms: HTTP_HEAD without a byte, or HTTP_LINGER, since
					 * then */
	const struct http_later *later;
	void *later_arg;
};

void http_conn_close(struct http_conn *);
void http_conn_later(struct http_conn *, const struct http_later *, void *arg);
/* Sends n parts; what the socket does not take is copied. */
void http_conn_send(struct http_conn *, struct iovec *parts, size_t n);
/* Sends the buffer's content, which leaves it. */
void http_conn_send_buffer(struct http_conn *, struct evbuffer *);
/* All that was sent has left for the socket. */
bool http_conn_sent(const struct http_conn *);
/* Calls `more` as soon as the loop has turned. */
void http_conn_go_on(struct http_conn *);
/* The answer is complete: nobody answers later. */
void http_conn_done(struct http_conn *);

/* One request while its handler runs; what must live longer copies conn. */
struct request {
	struct serve *s;
	struct http_conn *conn;
	const char *path;
	const char *query;		/* or NULL */
	const char *arg;		/* the path's variable part */
	const char *allow;		/* the answer's Allow header, or NULL */
	uint64_t number, number2;	/* decoded, by the route's pattern */
	uint8_t hash[ID_LEN];
};
/* route.c: answers, or, where a body has to come first, returns the route that takes it. */
const struct route *route_request(struct request *);
void route_body(const struct route *, struct request *);

/* reply.c: each ends the request. */
#define OCTETS "application/octet-stream"
struct evbuffer *reply_buffer(void);
void reply_text(struct request *, int code, const char *fmt, ...) PRINTF(3, 4);
void reply_json(struct request *, int code, struct evbuffer *);		/* the buffer is given up */
/* 500, and the id goes to the table `damaged` (http_blocks.c). */
void reply_damaged(struct request *, const uint8_t id[ID_LEN]);
void reply_octets(struct request *, struct evbuffer *);
/* n - 1 parts, `bytes` long, which are needed no longer when this returns; parts[0] is for the
 * head. */
void reply_parts(struct request *, int code, const char *type, struct iovec *parts, size_t n,
    size_t bytes);
void reply_closes(struct request *);		/* said before one of these: the connection ends
						 * with it */
/* Head of an answer whose length is not known: chunks follow, or, for HTTP/1.0, bytes up to the
 * connection's end. */
void reply_begin(struct http_conn *, const char *type);
/* A value of ?name= of n lower-case hex bytes: 1 found, 0 absent, -1 malformed. */
int query_hex(const struct request *, const char *name, uint8_t *out, size_t n);
bool query_is(const struct request *, const char *name, const char *value);
/* A header with its fields, as one JSON object (http_headers.c). */
void add_header(struct evbuffer *, const struct block *);
void add_hex(struct evbuffer *, const char *before, const void *p, size_t n, const char *after);

/* stream.c: an answer that is made in pieces, the next one when the one before has left for the
 * socket. */
#define PARTS 256
struct piece {
	struct iovec parts[PARTS + 2];	/* from [1] on; the first and the last are for framing */
	unsigned n;			/* parts in use, [0] among them */
	size_t bytes;
};
enum streamed {
	STREAM_MORE,			/* another piece may follow */
	STREAM_LAST,			/* this was the last; it may be empty */
	STREAM_BROKEN			/* the answer cannot be finished: the client must see
					 * that */
};
struct stream_ops {
	/* Fills a piece of some 32 KiB with views that are good until the transaction ends. */
	enum streamed (*next)(void *arg, MDB_txn *, struct piece *);
	void (*release)(void *arg);
};
void piece_begin(struct piece *);
void piece_add(struct piece *, const void *bytes, size_t n);	/* at most PARTS times */
/* Answers 200 with a first piece, which the caller has made within the transaction that is still
 * open, and then with those of `next`. */
void stream_begin(struct request *, const char *type, const struct stream_ops *, void *arg,
    struct piece *first);

/* Handlers by route. */
void get_block(struct request *);		/* http_blocks.c */
void get_anchored(struct request *);
void get_block_at(struct request *);
void get_tenure(struct request *);
void get_stream_confirmed(struct request *);	/* http_streams.c */
void get_stream(struct request *);
void get_stream_unconfirmed(struct request *);
void get_headers(struct request *);		/* http_headers.c */
void get_info(struct request *);		/* http_info.c */
void get_pox(struct request *);
void get_neighbors(struct request *);
void get_health(struct request *);
void get_tenure_info(struct request *);		/* http_tenures.c */
void get_tenure_tip(struct request *);
void get_tenure_tip_metadata(struct request *);
void get_tenure_blocks(struct request *);
void get_tenure_blocks_hash(struct request *);
void get_tenure_blocks_height(struct request *);
void get_sortition(struct request *);		/* http_sortitions.c */
void get_sortitions_last(struct request *);
void get_sortition_height(struct request *);
void get_sortition_burn(struct request *);
void get_sortition_ch(struct request *);
void get_stacker_set(struct request *);
void get_records(struct request *);		/* http_records.c */
/* http_upload.c: whether a body may come at all (else it has answered), and the body (conn->body,
 * n_body). */
bool post_block_may(struct request *);
void post_block(struct request *);
bool post_anchored_may(struct request *);	/* r->hash of these four is kept for the body */
void post_anchored(struct request *);
bool post_microblock_may(struct request *);
void post_microblock(struct request *);
#endif
