/* The inside of a conversation, for common/net/conv*.c alone.
 *   conv_end.c    whose fault each end is, and its words
 *   conv.c        life: dial, accept, deadlines, end
 *   conv_read.c   bytes in: framing, signatures, preambles, back-pressure
 *   conv_talk.c   what is said: requests and replies, and the answers that any peer gives by itself
 */
#ifndef BLOCKSYNC_NET_CONV_PRIVATE_H
#define BLOCKSYNC_NET_CONV_PRIVATE_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "common/net/conv.h"

#define CONNECT_MS 10000
#define GREET_MS 15000 /* a dialler waits for the accept as for any reply (spec 4.6) */
#define PING_MS 15000
#define HEARTBEAT 3600			/* what we advertise, seconds */
#define HEARTBEAT_MAX 21600
#define HEARTBEAT_GRACE 30
#define MAX_REQUESTS 64			/* outstanding; a node's inbox holds 100 (spec 2.5) */

struct conv_pending {
	bool used;
	uint32_t seq;
	uint64_t deadline;
	void (*reply)(struct conv *, void *arg, const struct message *);
	void *arg;
};

enum conv_state { CONV_CONNECTING, CONV_GREETING, CONV_UP, CONV_ENDED };

struct conv {
	struct event_base *base;
	struct bufferevent *bev;
	struct event *timer, *ending;
	const struct conv_self *self;
	const struct conv_ops *ops;
	void *arg;

	enum conv_state state;
	bool dialled, closed;		/* closed: freed when the last call into it returns */
	bool answered;			/* some question of ours was */
	unsigned busy;			/* calls into it on the stack */
	struct sockaddr_storage remote;
	char address[64];
	enum conv_end end; /* CONV_ENDED: how */
	char text[160];

	bool has_expect, has_key;
	uint8_t expect[KEY_LEN], key[KEY_LEN];
	struct handshake theirs;
	struct preamble last;

	struct conv_pending pending[MAX_REQUESTS];
	uint32_t hello_seq;		/* of our Handshake */
	uint64_t phase_deadline;	/* of connecting or greeting; UINT64_MAX: none */
	unsigned greet_ms;		/* how long the answer to a handshake may take */
	uint64_t resume_at;		/* reading goes on then; UINT64_MAX: it is going on */
	uint64_t heard_at, said_at;
	uint64_t tokens_at;		/* rate of messages, in thousandths */
	uint64_t tokens;
	/* bytes of a push too large to keep, still to be read past */
	size_t skip;
	size_t left;			/* bytes in the input when conv_read returned */
	struct hold in, out;		/* a message that is not whole; what the peer has not
					 * read */
};

/* Calls into a conversation that may end it stand between these two. */
void conv_enter(struct conv *);
void conv_leave(struct conv *);
/* No more may be said or done with it. */
static inline bool conv_over(const struct conv *c) { return c->closed || c->state == CONV_ENDED; }
/* Deadlines have changed: set the timer to the earliest. */
void conv_arm(struct conv *);

void conv_read(struct conv *);			/* bytes have come, or reading may go on */
void conv_hello(struct conv *);			/* connected: say Handshake */
void conv_handle(struct conv *, const struct message *);	/* a checked message */
/* one from a peer whose key is not known yet */
void conv_handle_stranger(struct conv *, const struct message *);
void conv_expire(struct conv *, uint64_t now);	/* requests whose time is over */
void conv_heartbeat(struct conv *, uint64_t now);
uint64_t conv_heartbeat_at(const struct conv *);
void conv_drop_requests(struct conv *);		/* the end: each gets its NULL */

#endif
