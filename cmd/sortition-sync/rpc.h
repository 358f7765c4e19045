/* Between rpc.c (requests) and rpc_answer.c (answers). */
#ifndef SORTITION_SYNC_RPC_H
#define SORTITION_SYNC_RPC_H

#include "cmd/sortition-sync/sync.h"

/* INFO: the tip of the blocks; OLD_INFO: the same of a node that knows of no tenure. */
enum rpc_kind {
	RPC_NODE,
	RPC_POX,
	RPC_TIP,
	RPC_INFO,
	RPC_OLD_INFO,
	RPC_HEIGHT,
	RPC_BATCH,
	RPC_SET
};

struct rpc {
	struct source *source;
	char base[1024];
	unsigned in_flight, window, batches;
	enum { RPC_UNKNOWN, RPC_YES, RPC_NO } batch;	/* has /blocksync/sortitions */
	unsigned batch_failures, failures;
	struct backoff backoff;
	uint64_t failed_at, not_before;
	uint64_t next_tip, next_info, next_sets;
	bool node_asked, tip_asked, info_asked;
	bool no_tenure;		/* its last answer about tenures was that there is none */
	bool soon;		/* something tells of a new burn tip: it is asked for at once, and
				 * polls wait the longer */
	uint64_t paid_until;	/* requests are paid for in time, once nothing is left to load */
	uint64_t began, answered;	/* first request; answers since, for how long it will
					 * take */
	uint64_t answered_at;		/* the last of them */
	bool limited, refused;	/* its last failure was a 429 or 503; one that no patience mends:
				 * moved, forbidden */
	uint64_t limited_said;
};
struct rpc_request {
	struct rpc *rpc;
	enum rpc_kind kind;
	uint64_t from;
	uint32_t n;
	uint64_t sent;
	char path[100];
};

/* Read an answer of status 200, 400 or 404.  0, or -1 and why. */
int rpc_answer(struct rpc_request *, const struct http_result *, char why[200]);

#endif
