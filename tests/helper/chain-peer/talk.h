/* chain-peer: one conversation, for what is said in it. */
#ifndef CHAIN_PEER_TALK_H
#define CHAIN_PEER_TALK_H

#include <event2/bufferevent.h>
#include <netinet/in.h>

#include "tests/helper/chain-peer/peer.h"

struct talk {
	struct peer *peer;
	struct bufferevent *bev;
	struct sockaddr_in from;
	uint8_t key[KEY_LEN];
	bool known, closed, mute;
	bool dialled; /* a pingback of ours */
	bool rekeyed;
	unsigned refs, sent, pushed;
	uint32_t walk_seq; /* of our last Handshake or GetNeighbors, 0: none */
};

/* p2p.c: the connection below.  A conversation on a socket, or (fd -1) one that will be dialled. */
struct talk *talk_new(struct peer *, int fd, const struct sockaddr_in *other);
void talk_close(struct talk *, const char *reason);
/* For what holds a conversation: talk_later counts it in. */
void talk_unref(void *talk);
/* Call job(talk) in ms milliseconds; it ends with talk_unref. */
void talk_later(struct talk *, double ms, void (*job)(void *));
/* Sign and send now; fault: what the message suffers after that (F_COUNT: nothing). */
void talk_send(
    struct talk *, unsigned id, const struct buf *payload, uint32_t seq, enum fault fault);
/* Answer a message after the peer's delay and delay_ms more; takes the payload. */
void talk_reply(struct talk *, const struct message *to, unsigned id, struct buf *payload,
    double delay_ms, enum fault fault);

/* speech.c: a message that came. */
void talk_take(struct talk *, const struct message *);
/* A Handshake of ours, signed by the key of before, after which the other key speaks if so said. */
void talk_greet(struct talk *, bool other_key);

/* push.c: begin to say what is said unasked. */
void talk_push(struct talk *);

#endif
