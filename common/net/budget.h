/* Bytes that strangers make a program hold, counted in one place, and the deadline of progress by
 * which they end.
 *
 * A budget belongs to one event loop.  Whatever holds foreign bytes for a stranger (half a request,
 * half a message, an answer that nobody reads) is a `struct hold` in its owner's object: the owner
 * says how much is held and how much has moved.  Each byte that moves puts the deadline off by its
 * part of a second at `rate`, up to `patience_ms` from now.  So a holder that stands still is late
 * after patience_ms, and one that moves more slowly than `rate` a little later.  When a budget is
 * full, holds of the address that holds the most are dropped, of these the ones nearest to their
 * deadlines: so an address has its part beside many connections of a few others. */
#ifndef BLOCKSYNC_NET_BUDGET_H
#define BLOCKSYNC_NET_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

struct budget;

/* Begins as zeros; the owner sets drop and arg before the first hold_set.
 *
 * drop(arg) tells the owner that it was late, or that the budget was full; the hold is out of the
 * budget by then.  It is called from within hold_set (of any hold) or budget_sweep, at most once
 * for each time that the hold began.  The owner must not free a hold in there, only arrange for its
 * end when the loop turns, and of this file it may call hold_set(..., 0) alone, for a hold in
 * another budget. */
struct hold {
	TAILQ_ENTRY(hold) entry;
	struct budget *of;		/* NULL: nothing is held */
	unsigned share;			/* whose address's (hold_from); 0: nobody's */
	size_t bytes;
	uint64_t until;			/* microseconds: the deadline */
	void (*drop)(void *arg);
	void *arg;
};

#define BUDGET_SHARES 1024		/* addresses that are told apart, but for chance */

struct budget {
	size_t limit, held, peak;	/* bytes; held never stays above limit while somebody can
					 * give way */
	unsigned patience_ms, rate;	/* bytes a second */
	unsigned long long dropped;	/* so many gave way, or were late */
	uint8_t secret[32];		/* so that nobody can aim at another's share */
	size_t shares[BUDGET_SHARES];	/* bytes by address */
	TAILQ_HEAD(holds, hold) holds;
};

/* A hold of fewer bytes is never dropped to make room: that much is a part of a connection's fixed
 * cost. */
#define HOLD_SMALL 4096

void budget_init(struct budget *, size_t limit, unsigned patience_ms, unsigned rate);
/* Say, before the first hold_set, for which address h is held; of IPv6 that is its /64. */
void hold_from(struct budget *, struct hold *h, const struct sockaddr *);
/* Say that h holds `bytes` now; 0 ends the hold.  A hold that begins has patience_ms.  While the
 * budget is above its limit, holds are dropped.  False: h itself was dropped. */
bool hold_set(struct budget *, struct hold *h, size_t bytes, uint64_t now_ms);
/* n bytes have come or gone: progress. */
void hold_moved(struct hold *h, size_t n, uint64_t now_ms);
/* Drop whoever is late; call each second. */
void budget_sweep(struct budget *, uint64_t now_ms);
#endif
