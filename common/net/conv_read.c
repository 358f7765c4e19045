/* Bytes in: frames out of the stream, judged before anybody acts on them (spec/wire.md 2.4 to 2.6).
 * Memory is given only as bytes arrive and only to kinds of messages that can be that large; a peer
 * that talks too fast waits in its own socket. */
#include <stdio.h>

#include "common/net/conv_private.h"
#include "common/sys/stage.h"

#define RELAYER_LEN 42
/* at most so far lies the message id */
#define PEEK_LEN (PREAMBLE_LEN + 4 + MAX_RELAYERS * RELAYER_LEN + 1)

static bool is_push(unsigned id)
{
	return id == MSG_BLOCKS || id == MSG_MICROBLOCKS || id == MSG_NAKAMOTO_BLOCKS;
}

/* Nobody here reads these, so they are not worth a signature check; announcements are of use where
 * the peer is asked for inventories, too. */
static bool is_ignored(const struct conv *c, unsigned id)
{
	if (id == MSG_BLOCKS_AVAILABLE || id == MSG_MICROBLOCKS_AVAILABLE)
		return !c->dialled;
	return id == MSG_TRANSACTION || id == MSG_STACKERDB_CHUNK_INV ||
	    id == MSG_STACKERDB_CHUNK || id == MSG_STACKERDB_PUSH_CHUNK;
}

static void invalid(struct conv *c, const char *what)
{
	char more[160];

	snprintf(more, sizeof(more), ": %s", what);
	conv_fail(c, CONV_END_UNDECODABLE, more);
}

/* The id of the message whose first n bytes are at p; -1 not there yet; -2 there is none. */
static int peek_id(const uint8_t *p, size_t n)
{
	uint32_t relayers;
	size_t at;

	if (n < PREAMBLE_LEN + 4)
		return -1;
	relayers = get_be32(p + PREAMBLE_LEN);
	if (relayers > MAX_RELAYERS)
		return -2;
	at = PREAMBLE_LEN + 4 + relayers * RELAYER_LEN;
	return n > at ? p[at] : -1;
}

/* The key that must have signed: the known one, or the one that a greeting carries.  NULL: not to
 * be checked. */
static const uint8_t *signer(const struct conv *c, const struct message *m)
{
	if (c->has_key)
		return c->key;
	if (m->id == MSG_HANDSHAKE || m->id == MSG_HANDSHAKE_ACCEPT ||
	    m->id == MSG_STACKERDB_HANDSHAKE_ACCEPT)
		return m->u.handshake.key;
	return NULL;
}

static bool preamble_ok(struct conv *c, const struct preamble *pre, bool proven)
{
	const struct network *net = c->self->net;
	int epoch = network_epoch(net, c->self->view.burn_height);
	enum preamble_fault fault =
	    preamble_check(pre, net->chain_id, net->peer_version, epoch < 0 ? 0 : (uint8_t)epoch,
		net->stable_confirmations, c->self->stable_known, c->self->arg);
	char more[160];

	if (fault == PREAMBLE_FINE)
		return true;
	snprintf(more, sizeof(more), " (version %08x, network %08x, tip %llu, stable %llu)",
	    pre->version, pre->network_id, (unsigned long long)pre->burn_height,
	    (unsigned long long)pre->stable_height);
	/* A young chain's stable height stops at the first block: no lie. */
	conv_fail(
	    c, conv_end_of(fault, proven && pre->stable_height > net->first_burn_height), more);
	return false;
}

/* One whole message: p has n bytes, preamble first. */
static void take(struct conv *c, const struct preamble *pre, const uint8_t *p, size_t n)
{
	struct message m = { .pre = *pre };
	const uint8_t *body = p + PREAMBLE_LEN, *key;
	size_t len = n - PREAMBLE_LEN;
	char err[120];

	/* With a key known the signature is judged first: bytes that nobody signed are nobody's. */
	if (c->has_key && !message_signed_by(p, body, len, c->key)) {
		conv_fail(c, CONV_END_SIGNATURE, NULL);
		return;
	}
	if (message_decode(&m, body, len, err) < 0) {
		invalid(c, err);
		return;
	}
	key = signer(c, &m);
	if (!c->has_key && key && !message_signed_by(p, body, len, key)) {
		conv_fail(c, CONV_END_GREETING_SIGNATURE, NULL);
		return;
	}
	if (m.id == MSG_HANDSHAKE_REJECT && !c->has_key && c->dialled &&
	    message_signed_by(p, body, len, c->self->key)) {
		conv_fail(c, CONV_END_OWN_KEY, NULL);
		return;
	}
	if (!preamble_ok(c, pre, key))
		return;
	if (!c->has_key) {
		conv_handle_stranger(c, &m);
		return;
	}
	c->last = *pre;
	c->heard_at = now_ms();
	if (c->ops->heard && c->state == CONV_UP)
		c->ops->heard(c, c->arg, pre);
	if (!conv_over(c))
		conv_handle(c, &m);
}

/* False: not now. The rate is counted in thousandths of a message. */
static bool may_take(struct conv *c)
{
	uint64_t now = now_ms();

	c->tokens += (now - c->tokens_at) * P2P_MESSAGES;
	c->tokens_at = now;
	if (c->tokens > P2P_BURST * 1000)
		c->tokens = P2P_BURST * 1000;
	if (c->tokens >= 1000) {
		c->tokens -= 1000;
		return true;
	}
	bufferevent_disable(c->bev, EV_READ);
	c->resume_at = now + 100;
	return false;
}

/* How much of the announced message may be kept: true to go on, with *skip if it is to be read
 * past. */
static bool size_ok(struct conv *c, const uint8_t *p, size_t have, const struct preamble *pre,
    bool *wait, bool *skip)
{
	int id = peek_id(p, have);

	*wait = *skip = false;
	if (id == -2) {
		invalid(c, "too many relayers");
		return false;
	}
	if (pre->payload_len <= P2P_AHEAD / 2)
		return true;
	if (id == -1) {
		*wait = true;
		return true;
	}
	if (c->state != CONV_UP || (pre->payload_len > MAX_ANSWER && !is_push((unsigned)id))) {
		char what[80];
		snprintf(what, sizeof(what), "%s of %u bytes", message_name((unsigned)id),
		    pre->payload_len);
		invalid(c, what);
		return false;
	}
	*skip = pre->payload_len > MAX_PUSH;
	return true;
}

/* Take the message at the head of the buffer.  False: no whole one is there, or the conversation is
 * over. */
static bool take_next(struct conv *c, struct evbuffer *in)
{
	size_t have = evbuffer_get_length(in), n, peeked = have < PEEK_LEN ? have : PEEK_LEN;
	uint8_t head[PEEK_LEN];
	struct preamble pre;
	bool wait, skip;
	int id;

	if (have < PREAMBLE_LEN)
		return false;
	evbuffer_copyout(in, head, peeked);
	if (preamble_decode(&pre, head) < 0) {
		invalid(c, "preamble");
		return false;
	}
	if (!size_ok(c, head, peeked, &pre, &wait, &skip) || wait)
		return false;
	n = PREAMBLE_LEN + pre.payload_len;
	if (skip) {
		c->skip = n;
		return true;
	}
	if (have < n) {
		bufferevent_setwatermark(c->bev, EV_READ, 0, n > P2P_AHEAD ? n : P2P_AHEAD);
		return false;
	}
	if (!may_take(c))
		return false;
	id = peek_id(head, peeked);
	if (c->state != CONV_UP || id < 0 || !is_ignored(c, (unsigned)id))
		take(c, &pre, evbuffer_pullup(in, (ev_ssize_t)n), n);
	if (c->closed)
		return false;
	evbuffer_drain(in, n);
	bufferevent_setwatermark(c->bev, EV_READ, 0, P2P_AHEAD);
	return c->state != CONV_ENDED;
}

/* The next whole message out of the input.  Others have their turn before the one after it. */
static bool take_one(struct conv *c, struct evbuffer *in)
{
	size_t n = evbuffer_get_length(in);

	if (conv_over(c) || c->resume_at != UINT64_MAX)
		return false;
	n = n < c->skip ? n : c->skip;
	evbuffer_drain(in, n);
	c->skip -= n;
	if (c->skip > 0 || !take_next(c, in))
		return false;
	c->resume_at = now_ms();
	return true;
}

void conv_read(struct conv *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t before = evbuffer_get_length(in);
	uint64_t now = now_ms();

	hold_moved(&c->in, before - c->left, now);
	/* With the next message, and where it is we who pause, patience begins anew. */
	if (take_one(c, in) || c->resume_at != UINT64_MAX)
		hold_set(c->self->held, &c->in, 0, now);
	if (conv_over(c))
		return;
	c->left = evbuffer_get_length(in);
	hold_set(c->self->held, &c->in, c->left > 0 ? c->left : c->skip > 0, now);
}

/* Next: common/net/conv_talk.c, what is said. */
