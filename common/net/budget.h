/* Bytes that strangers make a program hold, counted in one place, and the deadline of progress by
 * which they end.
 *
 * A budget belongs to one event loop.  Whatever holds foreign bytes for a stranger (half a request,
 * half a message, an answer that nobody reads) is a `struct hold` in its owner's object: the owner
 * says how much is held and how much has moved.  Each byte that moves puts the deadline off by its
 * part of a second, up to `patience_ms` from now: who stops is late after that time, who trickles
 * more slowly than `rate` a little later.  When a budget is full, those who are nearest to their
 * deadlines give way. */
#ifndef BLOCKSYNC_NET_BUDGET_H
#define BLOCKSYNC_NET_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct budget;

/* Zeros, but for drop and arg, which the owner sets before the first hold_set.  drop is called at
 * most once for each time that the hold begins, and only from within hold_set (of any hold) and
 * budget_sweep: the hold is out of the budget by then.  drop tells its owner to end as soon as the
 * loop turns.  It frees no hold, and calls nothing of this file but hold_set(..., 0) to end what
 * the owner holds in another budget. */
struct hold {
	TAILQ_ENTRY(hold) entry;
	struct budget *of;		/* NULL: nothing is held */
	size_t bytes;
	uint64_t until;			/* microseconds: the deadline */
	void (*drop)(void *arg);
	void *arg;
};

struct budget {
	size_t limit, held, peak;	/* bytes; held never stays above limit while somebody can
					 * give way */
	unsigned patience_ms, rate;	/* bytes a second */
	unsigned long long dropped;	/* so many gave way, or were late */
	TAILQ_HEAD(holds, hold) holds;
};

/* A hold of fewer bytes is never dropped to make room: that much is a part of a connection's fixed
 * cost. */
#define HOLD_SMALL 4096

void budget_init(struct budget *, size_t limit, unsigned patience_ms, unsigned rate);
/* h holds `bytes` now; 0 ends it.  It begins with the first byte, with all of its patience.  Where
 * the budget is full others are dropped until it is not.  False: h itself was. */
bool hold_set(struct budget *, struct hold *h, size_t bytes, uint64_t now_ms);
/* n bytes have come or gone: progress. */
void hold_moved(struct hold *h, size_t n, uint64_t now_ms);
/* Drop whoever is late; call each second. */
void budget_sweep(struct budget *, uint64_t now_ms);
#endif
