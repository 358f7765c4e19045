/* What others give us, from the inside: upload.c gathers and commits, http_upload.c answers. */
#ifndef BLOCK_SERVE_UPLOAD_H
#define BLOCK_SERVE_UPLOAD_H

#include "cmd/block-serve/serve.h"
#include "common/store/pushed.h"

struct pending;
struct waiter;
struct peer_row;

struct uploads {
	struct serve *s;
	TAILQ_HEAD(, pending) pending;
	TAILQ_HEAD(, waiter) waiters;
	TAILQ_HEAD(, peer_row) peers;
	size_t bytes, n_waiters, n_peers;
	struct push_budgets budgets;
	uint64_t last_commit;
	struct event *timer;		/* the next commit */
	/* looks for verdicts and deadlines while there are waiters */
	struct event *tick;
};

/* upload.c.  One block or stream waits for the next commit; the row's source and request are these.
 * PUSHED_TAKEN or PUSHED_FULL. */
enum pushed upload_queue(
    struct uploads *, const struct rec_block *row, const char *source, const char *request);
/* Run a timer, unless it runs. */
void upload_arm(struct event *, uint64_t ms);

/* http_upload.c: the callback of `tick`; arg is a struct uploads. */
void upload_tick(evutil_socket_t nofd, short what, void *uploads);

#endif
