/* block-serve's own parts: what they share and how they call each other (DESIGN 5 "Serve").  The first thread
 * holds the conversations; each thread has a loop, a share of the HTTP connections and its own view of the store, which
 * is read in short transactions, and written at most four times a second. */
#ifndef BLOCK_SERVE_SERVE_H
#define BLOCK_SERVE_SERVE_H

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/uio.h>
#include "cmd/block-serve/inventory.h"
#include "cmd/block-serve/seats.h"
#include "common/net/conv.h"
#include "common/store/store.h"
#include "common/sys/log.h"
#include "common/sys/options.h"

#define CHUNK (32u << 10)		/* bytes copied out of the store in one read transaction; DESIGN 3 allows 64 KiB */
#define HTTP_MAX 500			/* connections at once */
#define P2P_MAX 750			/* conversations at once, as a stacks-node's num_clients */
#define HTTP_IDLE 20			/* seconds without a byte either way */
#define HTTP_HEAD_SECONDS 10		/* a request's head must be whole after this, then 32 KiB of body a second */
#define HTTP_INPUT (12u << 20)		/* bytes of unread requests, all connections of a thread together */
#define UPLOAD_SECONDS 10		/* an upload's answer waits no longer for its verdict */
#define UPLOAD_WAITERS 256		/* uploads that wait */
#define UPLOAD_PENDING (8u << 20)	/* bytes gathered for the next commit, a thread */
#define COMMIT_MS 250			/* between two commits of ours */
#define PEER_ROWS 4096			/* the table `peers` takes no more rows from those who dial us */

/* What every answer needs of the store, read anew when another commit shows. */
struct view {
	bool loaded, has_burn, has_chain, has_tip;
	struct rec_sortition burn, stable;	/* burn tip, and the one `confirmations` below (has_burn says both are there) */
	uint64_t height;			/* canonical tip */
	uint8_t id[ID_LEN];
	struct rec_tenure tenure;		/* of the canonical tip; texts are dropped */
	struct rec_tip tip;			/* what the sources name */
	char height_text[24];
};

/* What GetNeighbors gets: peers that we dialled, made anew every few seconds. */
struct neighbors { struct neighbor at[MAX_NEIGHBORS]; uint32_t n; uint64_t made; };

struct http;
struct threads;
struct p2p;
struct uploads;

struct serve {
	struct event_base *base;
	struct store store;
	struct view view;
	struct inv_index inv;
	struct http *http;
	struct p2p *p2p;
	struct uploads *uploads;
	struct threads *others;			/* the first thread's: the other ones */
	struct conv_self self;			/* key, addresses, services, view */
	uint8_t key_hash[HASH160_LEN];
	unsigned threads;			/* -j */
	struct seats *http_seats, *p2p_seats;	/* the former is all threads' */
	struct neighbors neighbors;
	time_t date_of;				/* reply.c: the second that date tells */
	char date[64];
	unsigned long long ticks; int code;	/* turns of the timer; exit code, once a signal ends us */
	_Atomic unsigned long long n_requests, n_bytes, n_pushes, n_uploads, n_refused, n_late;
};

/* main.c: a loop as each thread needs it. */
struct event_base *serve_base(void);

/* view.c: keep s->view, s->self.view and the inventory's key fresh; cheap if nothing was committed. */
void view_refresh(struct serve *);

/* claims.c: what we claim of a cycle, out of the index or made anew; NULL if the cycle is above the burn tip. */
const struct inv_cycle *claims_cycle(struct serve *, uint64_t cycle);
/* Without a canonical chain: the highest tenure claimed.  Its texts live as long as the transaction. 0 or -1. */
int claims_top(struct serve *, MDB_txn *, struct rec_tenure *);

/* listen.c: bind and listen on HOST:PORT with n sockets; text gets the chosen one.  Exits 100 or 111. */
void listen_on(const char *option, const char *host_port, int *fds, unsigned n, char text[64], bool *wildcard);

/* neighbors.c: the callback of conv.h; arg is a struct serve. */
uint32_t neighbors_tell(void *arg, struct neighbor *out);

/* threads.c: further threads that serve HTTP, on listening sockets of their own. */
#define THREADS_MAX 16
struct threads *threads_start(const struct serve *, const int *fds, unsigned n);
void threads_stop(struct threads *);
void threads_report(const struct threads *, const struct serve *first);

/* http.c: connections and their limits. */
struct http_conn {
	LIST_ENTRY(http_conn) entry;
	struct serve *serve;
	struct bufferevent *bev;		/* with a reference of ours */
	struct event *readable;			/* ours, beside evhttp's (http.c) */
	struct sockaddr_storage peer;
	struct seat *seat;			/* NULL: there was none for it */
	int fd;					/* once it has a seat */
	bool adopted, closing, watched;		/* seat asked for; shut down by us; close callback is set */
	uint64_t begun;				/* ms: first byte of the request that is being read, 0 if none */
	size_t received;			/* bytes of it */
	void (*gone)(void *arg);		/* the owner of the running request hears of a close, once */
	void *gone_arg;
};
struct http *http_start(struct serve *, int fd);
void http_conn_close(struct http_conn *);	/* ends as soon as the loop turns */

/* One request while its handler runs; what must live longer copies req and conn. */
struct request {
	struct serve *s;
	struct evhttp_request *req;
	struct http_conn *conn;
	const char *path;
	const char *query;			/* or NULL */
	const char *arg;			/* the path's variable part */
	uint64_t number, number2;		/* decoded, by the route's pattern */
	uint8_t hash[ID_LEN];
};
void route_request(struct request *);		/* route.c */

/* reply.c: each ends the request.  Bodies (reply_buffer: an empty one) are given up to the reply. */
#define OCTETS "application/octet-stream"
struct evbuffer *reply_buffer(void);
void reply_text(struct request *, int code, const char *fmt, ...) PRINTF(3, 4);
void reply_json(struct request *, int code, struct evbuffer *);
void reply_octets(struct request *, struct evbuffer *);
/* An answer of n - 1 parts, `bytes` long, which are needed no longer when this returns; parts[0] is for the head.
 * False, and nothing was done, where evhttp has to have its say: reply_octets. */
bool reply_straight(struct request *, int code, const char *type, struct iovec *parts, size_t n, size_t bytes);
void reply_closes(struct request *);		/* said before one of these: the connection ends with it */
/* Head of a chunked octet-stream; chunks and end follow by evhttp's calls. */
void reply_begin(struct serve *, struct evhttp_request *);
/* A value of ?name= of n lower-case hex bytes: 1 found, 0 absent, -1 malformed. */
int query_hex(const struct request *, const char *name, uint8_t *out, size_t n);
bool query_is(const struct request *, const char *name, const char *value);
void add_hex(struct evbuffer *, const char *before, const void *p, size_t n, const char *after);

/* Handlers by route. */
void get_block(struct request *);		/* http_blocks.c */
void get_block_at(struct request *);
void get_tenure(struct request *);
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
void post_block(struct request *);		/* upload.c */

/* A canonical sortition by burn header hash, looked for downwards from the tip. 0 or -1. */
int sortition_by_burn(struct serve *, MDB_txn *, const uint8_t hash[32], struct rec_sortition *);

/* upload.c: blocks that were pushed, until they are committed, and uploads that wait for a verdict. */
struct uploads *uploads_new(struct serve *);
enum pushed { PUSHED_TAKEN, PUSHED_KNOWN, PUSHED_MALFORMED, PUSHED_REFUSED, PUSHED_FULL };
/* Judge a block as far as it costs little, and queue it for `uploads`.  why is one line if it is no good. */
enum pushed upload_take(struct serve *, const uint8_t *body, size_t len, const char *source, const char *request,
    uint8_t id[ID_LEN], char why[200]);
/* Commit what is queued, at the end. */
void uploads_flush(struct serve *);
/* Queue a peer's row (views are copied, but for the state, which is a literal). */
void upload_peer(struct serve *, const struct rec_peer *);
/* Look for verdicts: another commit was seen. */
void uploads_check(struct serve *);

struct p2p *p2p_start(struct serve *, int fd);	/* p2p.c */
/* The rows of those who are up say that they are down; then uploads_flush. */
void p2p_stop(struct p2p *);
void p2p_report(const struct serve *);
#endif
