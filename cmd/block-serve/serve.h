/* block-serve's own parts: what they share and how they call each other (DESIGN 5 "Serve").  The
 * first thread holds the conversations; each thread has a loop, a share of the HTTP connections and
 * its own view of the store, which is read in short transactions, and written at most four times a
 * second. */
#ifndef BLOCK_SERVE_SERVE_H
#define BLOCK_SERVE_SERVE_H

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "cmd/block-serve/inventory.h"
#include "cmd/block-serve/seats.h"
#include "common/net/self.h"
#include "common/store/store.h"
#include "common/sys/log.h"
#include "common/sys/options.h"

/* bytes copied out of the store in one read transaction; DESIGN 3 allows 64 KiB */
#define CHUNK (32u << 10)
#define COMMIT_MS 250			/* between two commits of ours */

/* What every answer needs of the store, read anew when another commit shows. */
struct view {
	bool loaded, has_burn, has_chain, has_tip;
	bool chain_lost;	/* there is one, and the row of its tip is damaged */
	/* burn tip, and the one `confirmations` below (has_burn says both are there) */
	struct rec_sortition burn, stable;
	uint64_t height;			/* canonical tip */
	uint8_t id[ID_LEN];
	struct rec_tenure tenure;		/* of the canonical tip; texts are dropped */
	struct rec_tip tip;			/* what the sources name */
	char height_text[24];
};

/* What GetNeighbors gets: peers that we dialled, made anew every few seconds. */
struct neighbors { struct neighbor at[MAX_NEIGHBORS]; uint32_t n; uint64_t made; };

struct http_server;
struct threads;
struct p2p;
struct uploads;

struct serve {
	struct event_base *base;
	struct store store;
	struct view view;
	struct inv_index inv;
	struct http_server *http;
	struct p2p *p2p;
	struct uploads *uploads;
	struct threads *others;			/* the first thread's: the other ones */
	struct conv_self self;			/* key, addresses, services, view */
	struct rec_serve said;			/* the row meta/serve */
	char said_address[64], said_url[MAX_URL + 1];
	struct budget held;			/* of conversations */
	uint8_t key_hash[HASH160_LEN];
	unsigned threads;			/* -j */
	struct seats *http_seats, *p2p_seats;	/* http_seats is shared by all threads */
	struct neighbors neighbors;
	time_t date_of;				/* reply.c: the second that date tells */
	char date[64];
	unsigned long long ticks; int code;	/* turns of the timer; exit code, once a signal ends
						 * us */
	_Atomic unsigned long long n_requests, n_bytes, n_pushes, n_uploads, n_refused, n_late;
	_Atomic size_t http_held;		/* bytes held for HTTP clients now: requests, and
						 * answers not taken */
};

/* self.c: make ->self, and ->said, which self_say writes to `meta`: that we live, or have ended.
 * http_any: HOST:PORT of HTTP where it listens on all addresses, else NULL. */
void self_set(struct serve *, int p2p, bool p2p_any, const char *url, const char *http_any);
void self_say(struct serve *, bool alive);

/* view.c: keep s->view, s->self.view and the inventory's key
 * fresh; cheap if nothing was committed. */
void view_refresh(struct serve *);

/* claims.c: what we claim of a cycle, out of the index or made anew; NULL if the cycle is above the
 * burn tip. */
const struct inv_cycle *claims_cycle(struct serve *, uint64_t cycle);
/* The anchored blocks and streams that we have of a cycle; count: of how many burn blocks we know
 * that. */
const struct inv_cycle *claims_blocks(struct serve *, uint64_t cycle);
/* Without a canonical chain: the highest tenure claimed.  Its texts live as long as the
 * transaction. 0 or -1. */
int claims_top(struct serve *, MDB_txn *, struct rec_tenure *);

/* listen.c: bind and listen on HOST:PORT with n sockets; text gets the chosen one.  Exits 100 or
 * 111. */
void listen_on(const char *option, const char *host_port, int *fds, unsigned n, char text[64],
    bool *wildcard);

/* Take connections from one of these sockets, at most so many in one turn of the loop.  The new
 * socket, which does not block, is given to `taken`; arg lives as long as the program. */
#define ACCEPTED_A_TURN 16
typedef void taken_fn(void *arg, int fd, const struct sockaddr *from);
void accept_on(struct event_base *, int fd, taken_fn *, void *arg);

/* neighbors.c: the callback of conv.h; arg is a struct serve. */
uint32_t neighbors_tell(void *arg, struct neighbor *out);

/* threads.c: further threads that serve HTTP, on listening sockets of their own. */
#define THREADS_MAX 16
struct threads *threads_start(const struct serve *, const int *fds, unsigned n);
void threads_stop(struct threads *);
void threads_report(const struct threads *, const struct serve *first);

/* http.h has the HTTP side. */
struct http_server *http_server_start(struct serve *, int fd);

/* upload.c: blocks and streams that were given us, until they are committed; http_upload.c: uploads
 * that wait for a verdict. */
struct uploads *uploads_new(struct serve *);
/* What a push has: what is worth it is queued for `uploads`; a sender at fault loses the
 * conversation.  Returns how many were queued. */
unsigned upload_push(struct serve *, struct conv *, const struct message *);
/* Commit what is queued, at the end. */
void uploads_flush(struct serve *);
/* Queue a peer's row (views are copied). */
void upload_peer(struct serve *, const struct rec_peer *);
/* Look for verdicts: another commit was seen. */
void uploads_check(struct serve *);

struct p2p *p2p_start(struct serve *, int fd);	/* p2p.c */
/* The rows of those who are up say that they are down; then uploads_flush. */
void p2p_stop(struct p2p *);
void p2p_report(const struct serve *);
#endif
