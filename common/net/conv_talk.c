/* What is said: requests and the replies to them by seq, and the answers that any peer gives by
 * itself (spec/wire.md 2.7, 4.1 to 4.3, 4.6). */
#include <stdio.h>
#include <stdlib.h>

#include "common/chain/hash.h"
#include "common/chain/key.h"
#include "common/net/address.h"
#include "common/net/conv_private.h"
#include "common/sys/log.h"
#include "common/sys/stage.h"
#include "common/sys/start.h"

static void say(struct conv *c, struct message *m, uint32_t seq)
{
	const struct conv_self *self = c->self;
	uint8_t *out;
	size_t n;

	if (conv_over(c))
		return;
	if (conv_queued(c) > P2P_UNREAD) {
		conv_fail(c, CONV_END_UNREAD, NULL);
		return;
	}
	m->pre = (struct preamble){ .version = self->net->peer_version,
		.network_id = self->net->chain_id,
		.seq = seq,
		.burn_height = self->view.burn_height,
		.stable_height = self->view.stable_height };
	memcpy(m->pre.burn_hash, self->view.burn_hash, 32);
	memcpy(m->pre.stable_hash, self->view.stable_hash, 32);
	out = xmalloc(message_room(m));
	n = message_encode(m, self->secret, out);
	if (bufferevent_write(c->bev, out, n) < 0)
		conv_fail(c, CONV_END_NO_MEMORY, NULL);
	free(out);
	c->said_at = now_ms();
}

/* No seq of a request in flight: the peer would take it for the reply (spec 2.7). */
static uint32_t fresh_seq(const struct conv *c)
{
	uint32_t seq;
	bool taken;

	do {
		seq = random_u32();
		taken = seq == c->hello_seq;
		for (unsigned i = 0; i < MAX_REQUESTS; i++)
			taken |= c->pending[i].used && c->pending[i].seq == seq;
	} while (taken);
	return seq;
}

int conv_request(struct conv *c, struct message *m, unsigned timeout_ms,
    void (*reply)(struct conv *, void *, const struct message *), void *arg)
{
	struct conv_pending *p = NULL;

	for (unsigned i = 0; i < MAX_REQUESTS && !p; i++)
		if (!c->pending[i].used)
			p = &c->pending[i];
	if (!p || conv_over(c))
		return -1;
	*p = (struct conv_pending){ true, fresh_seq(c), now_ms() + timeout_ms, reply, arg };
	m->n_relayers = 0;
	say(c, m, p->seq);
	conv_arm(c);
	return 0;
}

void conv_reply(struct conv *c, const struct message *to, struct message *m)
{
	m->n_relayers = 0;
	say(c, m, to->pre.seq);
}

void conv_send(struct conv *c, struct message *m, bool relay)
{
	m->n_relayers = 0;
	if (relay) {
		struct neighbor *us = &m->relayers[m->n_relayers++];
		memcpy(us->addr, c->self->addr, sizeof(us->addr));
		us->port = c->self->port;
		hash_hash160(us->key_hash, c->self->key, KEY_LEN);
	}
	say(c, m, fresh_seq(c));
	conv_arm(c);
}

/* Callbacks may close the conversation, and may ask again: the slot is free before the call. */
static void settle(struct conv *c, struct conv_pending *p, const struct message *m)
{
	struct conv_pending was = *p;

	p->used = false;
	c->answered |= m != NULL;
	was.reply(c, was.arg, m);
}

void conv_expire(struct conv *c, uint64_t now)
{
	for (unsigned i = 0; i < MAX_REQUESTS && !conv_over(c); i++)
		if (c->pending[i].used && now >= c->pending[i].deadline)
			settle(c, &c->pending[i], NULL);
}

void conv_drop_requests(struct conv *c)
{
	for (unsigned i = 0; i < MAX_REQUESTS && !c->closed; i++)
		if (c->pending[i].used)
			settle(c, &c->pending[i], NULL);
}

static struct message greeting(const struct conv *c, unsigned id)
{
	const struct conv_self *self = c->self;
	struct message m = { .id = id };
	struct handshake *h = &m.u.handshake;

	memcpy(h->addr, self->addr, sizeof(h->addr));
	h->port = self->port;
	h->services = self->services;
	memcpy(h->key, self->key, KEY_LEN);
	h->expire = INT64_MAX;		/* never: more does not fit a node's database (spec 3.1) */
	strlcpy(h->data_url, self->data_url, sizeof(h->data_url));
	h->heartbeat = HEARTBEAT;
	return m;
}

void conv_hello(struct conv *c)
{
	struct message m = greeting(c, MSG_HANDSHAKE);

	c->state = CONV_GREETING;
	c->phase_deadline = now_ms() + c->greet_ms;
	c->hello_seq = random_u32();
	say(c, &m, c->hello_seq);
}

/* A Handshake tells no heartbeat: what the accept has told goes on. */
static void take_theirs(struct conv *c, const struct message *m)
{
	uint32_t heartbeat =
	    m->id == MSG_HANDSHAKE ? c->theirs.heartbeat : m->u.handshake.heartbeat;

	c->theirs = m->u.handshake;
	c->theirs.heartbeat = heartbeat;
}

static void go_up(struct conv *c, const struct message *m)
{
	take_theirs(c, m);
	memcpy(c->key, m->u.handshake.key, KEY_LEN);
	c->has_key = true;
	c->last = m->pre;
	c->heard_at = now_ms();
	c->phase_deadline = UINT64_MAX;
	c->state = CONV_UP;
	c->ops->up(c, c->arg);
}

/* The peer greets, for the first time, again, or to change its key (then the old one has signed:
 * conv_read saw to that). False: it was rejected, or could not be told. */
static bool answer_handshake(struct conv *c, const struct message *m)
{
	const struct handshake *h = &m->u.handshake;
	struct message reply = greeting(c, MSG_HANDSHAKE_ACCEPT);

	if (!key_valid(h->key)) {
		conv_fail(c, CONV_END_NO_KEY, NULL);
		return false;
	}
	if (h->expire <= c->self->view.burn_height || memcmp(h->key, c->self->key, KEY_LEN) == 0)
		reply = (struct message){ .id = MSG_HANDSHAKE_REJECT };
	conv_reply(c, m, &reply);
	return reply.id == MSG_HANDSHAKE_ACCEPT && !conv_over(c);
}

/* The dialler's side of a greeting. */
static void take_accept(struct conv *c, const struct message *m)
{
	const uint8_t *key = m->u.handshake.key;

	if (memcmp(key, c->self->key, KEY_LEN) == 0)
		conv_fail(c, CONV_END_OWN_KEY, NULL);
	else if (c->has_expect && memcmp(key, c->expect, KEY_LEN) != 0)
		conv_fail(c, CONV_END_OTHER_KEY, NULL);
	else
		go_up(c, m);
}

static void answer_punch(struct conv *c, const struct message *m)
{
	struct message reply = { .id = MSG_NAT_PUNCH_REPLY };

	reply.u.nat.nonce = m->u.nonce;
	address_to16(reply.u.nat.addr, &reply.u.nat.port, (const struct sockaddr *)&c->remote);
	conv_reply(c, m, &reply);
}

void conv_handle_stranger(struct conv *c, const struct message *m)
{
	struct message nack = { .id = MSG_NACK };
	bool ours = c->dialled && m->pre.seq == c->hello_seq;

	if (m->id == MSG_HANDSHAKE) {
		if (answer_handshake(c, m) && !c->dialled)
			go_up(c, m);
	} else if (m->id == MSG_NAT_PUNCH_REQUEST) {
		answer_punch(c, m);
	} else if (c->dialled) {
		if (ours &&
		    (m->id == MSG_HANDSHAKE_ACCEPT || m->id == MSG_STACKERDB_HANDSHAKE_ACCEPT))
			take_accept(c, m);
		else if (ours)
			conv_fail(c,
			    m->id == MSG_HANDSHAKE_REJECT ? CONV_END_REJECTED : CONV_END_NO_ACCEPT,
			    NULL);
	} else if (m->id != MSG_NACK && m->id != MSG_HANDSHAKE_REJECT &&
	    m->id != MSG_HANDSHAKE_ACCEPT && m->id != MSG_STACKERDB_HANDSHAKE_ACCEPT &&
	    m->id != MSG_NAT_PUNCH_REPLY) {
		nack.u.nack = NACK_HANDSHAKE_REQUIRED;
		conv_reply(c, m, &nack);
	}
}

static void answer_neighbors(struct conv *c, const struct message *m)
{
	struct message reply = { .id = MSG_NEIGHBORS };

	if (c->self->neighbors)
		reply.u.neighbors.n = c->self->neighbors(c->self->arg, reply.u.neighbors.at);
	conv_reply(c, m, &reply);
}

static void answer_ping(struct conv *c, const struct message *m)
{
	struct message reply = { .id = MSG_PONG, .u.nonce = m->u.nonce };

	conv_reply(c, m, &reply);
}

static void take_handshake(struct conv *c, const struct message *m)
{
	bool changed = memcmp(m->u.handshake.key, c->key, KEY_LEN) != 0 ||
	    strcmp(m->u.handshake.data_url, c->theirs.data_url) != 0;

	if (!answer_handshake(c, m))
		return;
	if (changed)
		go_up(c, m);
	else
		take_theirs(c, m);
}

static bool is_inventory(unsigned id)
{
	return id == MSG_NAKAMOTO_INV || id == MSG_BLOCKS_INV || id == MSG_POX_INV;
}

static void take_reply(struct conv *c, const struct message *m)
{
	char more[80];

	for (unsigned i = 0; i < MAX_REQUESTS; i++)
		if (c->pending[i].used && c->pending[i].seq == m->pre.seq) {
			settle(c, &c->pending[i], m);
			return;
		}
	/* One to nothing, or a second one: no harm, no use.  But nobody sends an inventory unasked:
	 * who has not answered anything yet loses count. */
	if (!is_inventory(m->id) || c->answered)
		return;
	snprintf(more, sizeof(more), ": %s answers no question of ours", message_name(m->id));
	conv_fail(c, CONV_END_WRONG_SEQ, more);
}

void conv_handle(struct conv *c, const struct message *m)
{
	struct message nack = { .id = MSG_NACK, .u.nack = NACK_NO_SUCH_DB };

	switch (m->id) {
	case MSG_HANDSHAKE:
		take_handshake(c, m);
		break;
	case MSG_PING:
		answer_ping(c, m);
		break;
	case MSG_NAT_PUNCH_REQUEST:
		answer_punch(c, m);
		break;
	case MSG_GET_NEIGHBORS:
		answer_neighbors(c, m);
		break;
	case MSG_STACKERDB_GET_CHUNK_INV: case MSG_STACKERDB_GET_CHUNK:
		conv_reply(c, m, &nack);
		break;
	case MSG_GET_BLOCKS_INV:
	case MSG_GET_POX_INV:
	case MSG_GET_NAKAMOTO_INV:
	case MSG_BLOCKS_AVAILABLE:
	case MSG_MICROBLOCKS_AVAILABLE:
	case MSG_BLOCKS:
	case MSG_MICROBLOCKS:
	case MSG_NAKAMOTO_BLOCKS:
		c->ops->message(c, c->arg, m);
		break;
	default:
		take_reply(c, m);
	}
}

static void take_pong(struct conv *c, void *arg, const struct message *m)
{
	if (!m)
		conv_fail(c, CONV_END_SILENT, ": no answer to a ping");
}

/* How long either side may be silent, in milliseconds. */
static uint64_t heartbeat_ms(const struct conv *c)
{
	uint64_t s = c->dialled ? c->theirs.heartbeat : HEARTBEAT;

	if (s > HEARTBEAT_MAX)
		s = HEARTBEAT_MAX;
	return (s + HEARTBEAT_GRACE) * 1000;
}

/* A dialler pings at half of the time that the peer allows; an acceptor hangs up when all of it has
 * passed. */
uint64_t conv_heartbeat_at(const struct conv *c)
{
	if (c->state != CONV_UP)
		return UINT64_MAX;
	return c->dialled ? c->said_at + heartbeat_ms(c) / 2 : c->heard_at + heartbeat_ms(c);
}

void conv_heartbeat(struct conv *c, uint64_t now)
{
	struct message ping = { .id = MSG_PING };

	if (conv_over(c) || now < conv_heartbeat_at(c))
		return;
	if (!c->dialled) {
		conv_fail(c, CONV_END_HEARTBEAT, NULL);
		return;
	}
	ping.u.nonce = random_u32();
	conv_request(c, &ping, PING_MS, take_pong, NULL);
}

/* Next: common/net/key.c, the node key. */
