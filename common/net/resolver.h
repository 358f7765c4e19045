/* Names of hosts to addresses, for every program that dials.  A child process alone asks: it
 * holds no store and no key, and may read /etc, which its parent then need not.  It follows the
 * system's files (resolv.conf, hosts, nsswitch.conf) as they change, and asks for many names at
 * the same time, so that one name whose server is dead delays no other. */
#ifndef BLOCKSYNC_NET_RESOLVER_H
#define BLOCKSYNC_NET_RESOLVER_H

#include <event2/event.h>
#include <stdint.h>

#include "common/limits.h"

struct resolver;
struct resolver_wait;

/* What came of a name.  why: NULL, or the reason for which there is no address (then n is 0).
 * at: addresses in the order in which the system would try them, in the wire's 16-byte form
 * (address_from16). */
struct resolved {
	const char *why;
	unsigned n;
	uint8_t at[MAX_ADDRESSES][16];
};

/* Fork the child and confine it.  Call it before the store, the key or a thread is there: the
 * child inherits what is.  From then on the kernel collects ended children of this process by
 * itself.  No child: exit 111. */
struct resolver *resolver_start(void);
/* From now on answers are taken in this loop.  Should the child die, the program ends: one line,
 * 111. */
void resolver_attach(struct resolver *, struct event_base *);
/* Ends the child; waits that are left are dropped without a call. */
void resolver_stop(struct resolver *);

/* Ask for a name (not an address).  `done` is called once, from the loop and never from within
 * this call, at the latest after ms (and a moment); the answer lives until it returns.  Answers
 * are kept for RESOLVED_MS, also those that come too late; failures for a moment. */
struct resolver_wait *resolver_ask(struct resolver *, const char *host, unsigned ms,
    void (*done)(void *arg, const struct resolved *), void *arg);
/* Do not call any more. */
void resolver_forget(struct resolver_wait *);

#endif
