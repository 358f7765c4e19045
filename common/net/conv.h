/* One conversation with a peer over TCP, either side (spec/wire.md 4).  It frames, signs, checks,
 * keeps seq numbers, times requests, shakes hands, and answers what any peer answers by itself:
 * Handshake, Ping, NatPunchRequest, GetNeighbors. The owner sees the rest. */
#ifndef BLOCKSYNC_NET_CONV_H
#define BLOCKSYNC_NET_CONV_H

#include <event2/event.h>
#include <sys/socket.h>

#include "common/chain/network.h"
#include "common/net/budget.h"
#include "common/net/conv_end.h"
#include "common/wire/message.h"

struct conv;

/* What our preambles say; the owner keeps it fresh. Heights
 * satisfy tip = stable + confirmations. */
struct conv_view { uint64_t burn_height, stable_height; uint8_t burn_hash[32], stable_hash[32]; };

struct conv_self {
	const struct network *net;
	uint8_t secret[32], key[KEY_LEN];
	/* what handshakes say; anynet and 20444 if unknown */
	uint8_t addr[16]; uint16_t port;
	uint16_t services;
	char data_url[MAX_URL + 1];
	struct conv_view view;
	struct budget *held;	/* of one loop: counts what all its conversations hold
				 * (conv_budget) */
	/* our burn hash at a height: 1 equal, 0 differs, -1 unknown (spec 2.6). */
	int (*stable_known)(void *arg, uint64_t height, const uint8_t *hash);
	/* neighbours to tell: fills up to MAX_NEIGHBORS; may be NULL. */
	uint32_t (*neighbors)(void *arg, struct neighbor *);
	void *arg;
};

struct conv_ops {
	/* Authenticated (dialler: accept came; acceptor: handshake answered).  Again when the peer
	 * changes its key (spec 4.9) or its data_url (a node learns its public address only after
	 * its first handshakes). */
	void (*up)(struct conv *, void *arg);
	/* A request for inventories, an announcement, or a push of blocks (5, 7, 9 to 12, 26, 28);
	 * a push's blocks are not yet parsed (store/pushed.h).  Transactions, StackerDB chunks, and
	 * announcements of who has dialled us are dropped unread. */
	void (*message)(struct conv *, void *arg, const struct message *);
	/* Any valid authenticated message (its preamble): for burn
	 * views and health.  May be NULL. */
	void (*heard)(struct conv *, void *arg, const struct preamble *);
	/* Closed; text says why, to people.  The conv is freed after return. */
	void (*down)(struct conv *, void *arg, enum conv_end, const char *text);
};

/* Begin a budget for conv_self.held, with the limits of limits.h.  Its deadlines are the
 * conversations' own business. */
void conv_budget(struct budget *);

/* Dial. expect may be NULL, else a handshake of another key is a fault (CONV_END_OTHER_KEY).  Never
 * fails at once. */
struct conv *conv_dial(struct event_base *, const struct conv_self *, const struct sockaddr *,
    socklen_t, const uint8_t *expect, const struct conv_ops *, void *arg);
/* After conv_dial: how long connecting (at most 10 s) and the answer to our handshake may each
 * take, if not 10 and 15 s. */
void conv_hurry(struct conv *, unsigned ms);
/* Take an accepted socket (nonblocking). Unauthenticated for 5 s: closed. */
struct conv *conv_accept(struct event_base *, const struct conv_self *, int fd,
    const struct sockaddr *, const struct conv_ops *, void *arg);
/* Close without a call to down or to any reply. Allowed in every callback. */
void conv_close(struct conv *);
/* Close as if the peer had failed: down is called from the loop.  Its text is the end's words and
 * then `more`, which may be NULL. */
void conv_fail(struct conv *, enum conv_end, const char *more);

/* Ask: id and u of m are used.  The reply callback gets the answer (NULL: no answer within
 * timeout_ms, or the conversation ended). At most 64 outstanding. -1 then. */
int conv_request(struct conv *, struct message *m, unsigned timeout_ms,
    void (*reply)(struct conv *, void *arg, const struct message *), void *arg);
/* Answer a message, from within the call that brought it: seq is echoed. */
void conv_reply(struct conv *, const struct message *to, struct message *m);
/* Unsolicited, random seq. relay adds ourselves as relayer (pushes). */
void conv_send(struct conv *, struct message *m, bool relay);
size_t conv_queued(const struct conv *);		/* bytes not yet written */

bool conv_is_up(const struct conv *);
/* KEY_LEN, proven by a signature; NULL before */
const uint8_t *conv_key(const struct conv *);
const struct handshake *conv_handshake(const struct conv *);	/* the peer's, once up */
const struct preamble *conv_preamble(const struct conv *);	/* the last valid one */
const char *conv_address(const struct conv *);			/* host:port of the socket */
void *conv_arg(const struct conv *);

/* The node key: DIR/key, 32 bytes in hex, mode 0600, made if lacking (DIR too).  Several programs
 * may start at once: one makes it, all read the same.  A file that holds no key exits 100, other
 * trouble 111. */
void node_key_load(const char *dir, uint8_t secret[32], uint8_t key[KEY_LEN]);

#endif
