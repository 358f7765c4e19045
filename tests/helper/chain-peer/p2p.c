/* Conversations, acceptor's side (spec/wire.md 2 to 4), with raw control over every byte that goes
 * out. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "common/chain/hash.h"
#include "common/chain/key.h"
#include "common/net/conv_end.h"
#include "tests/helper/chain-peer/peer.h"

enum {
	AUTHENTICATE_MS = 5000,
	WALK_FIRST_MS = 500,
	WALK_EVERY_MS = 20000,
	HEARTBEAT = 3600,
	INBOX = 100
};

struct talk {
	struct peer *peer;
	struct bufferevent *bev;
	struct sockaddr_in from;
	uint8_t key[KEY_LEN];
	bool known, closed, mute;
	bool dialled;			/* a pingback of ours */
	bool rekeyed;
	unsigned refs, sent, pushed;
	uint32_t walk_seq;		/* of our last Handshake or GetNeighbors, 0: none */
};

static void talk_unref(void *arg)
{
	struct talk *t = arg;

	if (--t->refs == 0)
		free(t);
}

static void talk_close(struct talk *t, const char *reason)
{
	if (t->closed)
		return;
	t->closed = true;
	peer_log(t->peer, "close", "\"reason\":\"%s\"", reason);
	bufferevent_free(t->bev);
	later(t->peer->world, 0, talk_unref, t);	/* whoever is talking still holds it */
}

/* Burn hash as this peer tells it. */
static void burn_hash(const struct peer *p, uint64_t height, uint8_t out[32])
{
	const struct chain_sortition *s = world_at(p->world, height);

	if (s)
		memcpy(out, s->row.burn_hash, 32);
	else
		made_up(out, 32, &height, sizeof(height));
}

static void put_preamble(const struct peer *p, struct buf *b, uint32_t seq)
{
	const struct network *net = &p->world->chain.net;
	uint64_t tip = p->world->tip, low = net->first_burn_height + net->stable_confirmations + 1,
		 stable;
	uint8_t hash[32];

	if (has(p, F_STALEVIEW))
		tip = (double)tip - amount(p, F_STALEVIEW) < (double)low ?
		    low :
		    tip - (uint64_t)amount(p, F_STALEVIEW);
	if (has(p, F_AHEADVIEW))
		tip += (uint64_t)amount(p, F_AHEADVIEW);
	stable = tip - net->stable_confirmations - has(p, F_BADGAP);
	buf_u32(b, net->peer_version ^ (has(p, F_BADVERSION) ? 0x01000000 : 0));
	buf_u32(b, net->chain_id ^ (has(p, F_BADNETWORK) ? 2 : 0));
	buf_u32(b, seq);
	buf_u64(b, tip);
	burn_hash(p, tip, hash);
	buf_put(b, hash, 32);
	buf_u64(b, stable);
	burn_hash(p, stable, hash);
	if (has(p, F_BADSTABLE))
		memset(hash, 0, 32);
	buf_put(b, hash, 32);
	memset(buf_room(b, 4 + SIG_LEN + 4), 0, 4 + SIG_LEN + 4);
}

/* What an inventory reply suffers after it was signed (F_COUNT: nothing). */
static void distort(struct talk *t, struct buf *raw, enum fault f)
{
	if (f == F_GARBAGE) {
		raw->n = 0;
		dice_bytes(&t->peer->dice, buf_room(raw, 4096), 4096);
	} else if (f == F_OVERSIZE) {
		put_be32(raw->p + 161, (16u << 20) + 65536);
	} else if (f == F_TRUNCATE) {
		raw->n /= 2;
		t->mute = true;
	}
}

/* Sign and send now. */
static void talk_send(struct talk *t, unsigned id, const struct buf *payload, uint32_t seq,
    enum fault f)
{
	struct peer *p = t->peer;
	bool accept = id == MSG_HANDSHAKE_ACCEPT || id == MSG_STACKERDB_HANDSHAKE_ACCEPT,
	     settled = t->known && !accept && id != MSG_HANDSHAKE;
	const struct keypair *key =
	    t->rekeyed || (has(p, F_BADSIG) && settled) || (has(p, F_BADHANDSHAKESIG) && accept) ?
	    &p->other :
	    &p->key;
	struct buf raw = { 0 };
	uint8_t digest[32];

	if (t->closed || t->mute)
		return;
	put_preamble(p, &raw, seq);
	buf_u32(&raw, 0);
	buf_u8(&raw, id);
	buf_put(&raw, payload->p, payload->n);
	if (f == F_TRAILING)
		dice_bytes(&p->dice, buf_room(&raw, (size_t)amount(p, F_TRAILING)),
		    (size_t)amount(p, F_TRAILING));
	put_be32(raw.p + 161, (uint32_t)(raw.n - PREAMBLE_LEN));
	message_digest(digest, raw.p, raw.p + PREAMBLE_LEN, raw.n - PREAMBLE_LEN);
	if (key_sign(raw.p + 96, key->secret, digest) != 0)
		BUG("cannot sign");
	if (has(p, F_HIGHS) && settled)
		make_high_s(raw.p + 96);
	distort(t, &raw, f);
	bufferevent_write(t->bev, raw.p, raw.n);
	peer_log(p, "message out", "\"type\":\"%s\",\"bytes\":%zu,\"seq\":%u", message_name(id),
	    raw.n, seq);
	buf_release(&raw);
	t->sent++;
	if (has(p, F_HANGUP) && t->sent >= amount(p, F_HANGUP))
		t->mute = true;		/* closed once it is written: see wrote() */
}

struct answer {
	struct talk *talk;
	unsigned id;
	struct buf payload;
	uint32_t seq;
	enum fault fault;
};

static void send_answer(void *arg)
{
	struct answer *a = arg;

	talk_send(a->talk, a->id, &a->payload, a->seq, a->fault);
	buf_release(&a->payload);
	talk_unref(a->talk);
	free(a);
}

/* Answer a message after the peer's delay; takes the payload. */
static void talk_reply(struct talk *t, const struct message *to, unsigned id, struct buf *payload,
    double delay_ms, enum fault f)
{
	struct answer *a = xmalloc(sizeof(*a));
	bool accept = id == MSG_HANDSHAKE_ACCEPT || id == MSG_STACKERDB_HANDSHAKE_ACCEPT;

	*a = (struct answer){ t, id, *payload, to->pre.seq + (has(t->peer, F_BADSEQ) && !accept),
		f };
	t->refs++;
	if (has(t->peer, F_RTT))
		delay_ms += amount(t->peer, F_RTT);
	if (delay_ms > 0)
		later(t->peer->world, delay_ms, send_answer, a);
	else
		send_answer(a);
}

static void put_address(struct buf *b, const uint8_t ip[4], uint16_t port)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	buf_put(b, mapped, 12);
	buf_put(b, ip, 4);
	buf_u16(b, port);
}

static void put_handshake(const struct peer *p, const struct keypair *key, struct buf *b)
{
	static const uint8_t loopback[4] = { 127, 0, 0, 1 };
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u", has(p, F_DEADURL) ? 1 : p->http_port);
	if (has(p, F_PRIVATEURL))
		strcpy(url, "http://10.0.1.37:20443");
	if (has(p, F_NOURL))
		url[0] = '\0';
	put_address(b, loopback, p->p2p_port);
	buf_u16(b, SERVICE_RELAY | SERVICE_RPC | SERVICE_STACKERDB);
	buf_put(b, key->public, KEY_LEN);
	buf_u64(b, INT64_MAX);
	buf_u8(b, (unsigned)strlen(url));
	buf_put(b, url, strlen(url));
}

static void put_neighbors(struct peer *p, struct buf *b)
{
	struct world *w = p->world;
	static const uint8_t loopback[4] = { 127, 0, 0, 1 };

	if (has(p, F_BADNEIGHBORS)) {
		buf_u32(b, MAX_NEIGHBORS);
		for (unsigned i = 0; i < MAX_NEIGHBORS; i++) {
			uint32_t who = (uint32_t)dice_range(&p->dice, 0,
			    (uint64_t)amount(p, F_BADNEIGHBORS) - 1);
			/* never beyond this machine */
			uint8_t hash[HASH160_LEN],
			    ip[4] = { 127, (uint8_t)(1 + who % 223), (uint8_t)(who >> 8),
				    (uint8_t)who };
			made_up(hash, HASH160_LEN, &who, sizeof(who));
			put_address(b, ip, 20444);
			buf_put(b, hash, HASH160_LEN);
		}
		return;
	}
	buf_u32(b, w->n_peers - 1 < MAX_NEIGHBORS ? w->n_peers - 1 : MAX_NEIGHBORS);
	for (unsigned i = 0, n = 0; i < w->n_peers && n < MAX_NEIGHBORS; i++) {
		if (i == p->index)
			continue;
		put_address(b, loopback, w->peers[i].p2p_port);
		buf_put(b, w->peers[i].key.hash, HASH160_LEN);
		n++;
	}
}

/* Its handshake is signed by the key of before. */
static void greet(struct talk *t, bool other_key)
{
	struct buf payload = { 0 };

	put_handshake(t->peer, other_key ? &t->peer->other : &t->peer->key, &payload);
	t->walk_seq = (uint32_t)dice_u64(&t->peer->dice) | 1;
	talk_send(t, MSG_HANDSHAKE, &payload, t->walk_seq, F_COUNT);
	t->rekeyed = other_key;
	buf_release(&payload);
}

/* The neighbour walk: Handshake, then GetNeighbors, over the dialler's own connection. */
static void walk(void *arg)
{
	struct talk *t = arg;

	if (!t->closed) {
		if (!has(t->peer, F_REKEY))
			greet(t, false);
		for (unsigned i = 0; has(t->peer, F_REKEY) && i < amount(t->peer, F_REKEY); i++)
			greet(t, !t->rekeyed);
		t->refs++;
		later(t->peer->world, WALK_EVERY_MS, walk, t);
	}
	talk_unref(t);
}

/* Unsolicited messages: an empty Pong is as good as a transaction, and as unwanted. Up to ten a
 * tick. */
static void chatter(void *arg)
{
	struct talk *t = arg;
	double rate = has(t->peer, F_FLOOD) ? amount(t->peer, F_FLOOD) : amount(t->peer, F_CHATTY);
	struct buf payload = { 0 };
	unsigned burst = rate > 100 ? 10 : 1;

	if (!t->closed) {
		for (unsigned i = 0; i < burst; i++) {
			payload.n = 0;
			buf_u32(&payload, (uint32_t)dice_u64(&t->peer->dice));
			talk_send(t, MSG_PONG, &payload, (uint32_t)dice_u64(&t->peer->dice),
			    F_COUNT);
		}
		t->refs++;
		later(t->peer->world, 1000.0 * burst / rate, chatter, t);
	}
	buf_release(&payload);
	talk_unref(t);
}

/* One block of the last ones that it has; a forged one has another time, and so another id, and a
 * signature of nobody. */
static void pusher(void *arg)
{
	struct talk *t = arg;
	struct peer *p = t->peer;
	const struct chaindir *c = &p->world->chain;
	bool junk = has(p, F_JUNKPUSH);
	const struct chain_block *b = &c->blocks[c->canon[c->n_canon - 1 - t->pushed++ % (junk ? 1 :
	    5)]];
	struct buf payload = { 0 };

	if (!t->closed) {
		buf_u32(&payload, 1);
		buf_put(&payload, b->bytes, b->size);
		if (junk)
			put_be64(payload.p + 4 + 133, 1 + t->pushed);
		talk_send(t, MSG_NAKAMOTO_BLOCKS, &payload, (uint32_t)dice_u64(&p->dice), F_COUNT);
		t->refs++;
		later(p->world, 1000.0 / amount(p, junk ? F_JUNKPUSH : F_PUSH), pusher, t);
	}
	buf_release(&payload);
	talk_unref(t);
}

static void begin_job(struct talk *t, double ms, void (*job)(void *))
{
	t->refs++;
	later(t->peer->world, ms, job, t);
}

static void ping_back(struct peer *, const struct handshake *);

static void take_handshake(struct talk *t, const struct message *m)
{
	struct peer *p = t->peer;
	const struct handshake *h = &m->u.handshake;
	unsigned id =
	    h->services & SERVICE_STACKERDB ? MSG_STACKERDB_HANDSHAKE_ACCEPT : MSG_HANDSHAKE_ACCEPT;
	bool first = !t->known;
	struct buf payload = { 0 };

	if (has(p, F_REJECT) || h->expire <= p->world->tip ||
	    memcmp(h->key, p->key.public, KEY_LEN) == 0) {
		talk_reply(t, m, MSG_HANDSHAKE_REJECT, &payload, 0, F_COUNT);
		return;
	}
	put_handshake(p, &p->key, &payload);
	buf_u32(&payload, HEARTBEAT);
	if (id == MSG_STACKERDB_HANDSHAKE_ACCEPT) {
		buf_put(&payload, world_at(p->world, p->world->tip)->row.consensus_hash, CH_LEN);
		buf_u8(&payload, 0);
	}
	memcpy(t->key, h->key, KEY_LEN);
	t->known = true;
	talk_reply(t, m, id, &payload,
	    has(p, F_SLOWHANDSHAKE) ? amount(p, F_SLOWHANDSHAKE) * 1000 : 0, F_COUNT);
	if (!first)
		return;
	peer_log(p, "authenticated", "\"port\":%u", h->port);
	if (!has(p, F_NOWALK))
		begin_job(t, WALK_FIRST_MS, walk);
	if (has(p, F_CHATTY) || has(p, F_FLOOD))
		begin_job(t, 10, chatter);
	if (has(p, F_PUSH) || has(p, F_JUNKPUSH))
		begin_job(t, 10, pusher);
	if (has(p, F_PINGBACK))
		ping_back(p, h);
}

static enum fault reply_fault(const struct peer *p)
{
	static const enum fault all[] = { F_TRUNCATE, F_TRAILING, F_OVERSIZE, F_GARBAGE };

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (has(p, all[i]))
			return all[i];
	return F_COUNT;
}

static void take_walk_reply(struct talk *t, const struct message *m)
{
	struct buf none = { 0 };

	t->walk_seq = 0;
	peer_log(t->peer, t->dialled ? "pingback" : "walk", "\"answer\":\"%s\"",
	    message_name(m->id));
	if (t->dialled) {
		talk_close(t, "pingback done");
		return;
	}
	if (m->id != MSG_HANDSHAKE_ACCEPT && m->id != MSG_STACKERDB_HANDSHAKE_ACCEPT)
		return;
	t->walk_seq = (uint32_t)dice_u64(&t->peer->dice) | 1;
	talk_send(t, MSG_GET_NEIGHBORS, &none, t->walk_seq, F_COUNT);
}

static void take_message(struct talk *t, const struct message *m)
{
	struct peer *p = t->peer;
	struct buf b = { 0 };
	unsigned id;

	if ((t->known || t->dialled) && t->walk_seq && m->pre.seq == t->walk_seq) {
		take_walk_reply(t, m);
	} else if (m->id == MSG_HANDSHAKE) {
		take_handshake(t, m);
	} else if (m->id == MSG_NAT_PUNCH_REQUEST) {
		put_address(&b, (const uint8_t *)&t->from.sin_addr, ntohs(t->from.sin_port));
		buf_u32(&b, m->u.nonce);
		talk_reply(t, m, MSG_NAT_PUNCH_REPLY, &b, 0, F_COUNT);
	} else if (!t->known) {
		buf_u32(&b, NACK_HANDSHAKE_REQUIRED);
		talk_reply(t, m, MSG_NACK, &b, 0, F_COUNT);
	} else if (m->id == MSG_PING) {
		buf_u32(&b, m->u.nonce);
		talk_reply(t, m, MSG_PONG, &b, 0, F_COUNT);
	} else if (m->id == MSG_GET_NEIGHBORS) {
		put_neighbors(p, &b);
		talk_reply(t, m, MSG_NEIGHBORS, &b, 0, F_COUNT);
	} else if (m->id == MSG_GET_NAKAMOTO_INV || m->id == MSG_GET_BLOCKS_INV ||
	    m->id == MSG_GET_POX_INV) {
		id = inventory_answer(p, m, &b);
		talk_reply(t, m, id, &b, has(p, F_WRONGCYCLE) ? amount(p, F_WRONGCYCLE) * 1000 : 0,
		    reply_fault(p));
	}
}

static int stable_known(void *arg, uint64_t height, const uint8_t *hash)
{
	const struct chain_sortition *s = world_at(((struct peer *)arg)->world, height);

	return s ? memcmp(s->row.burn_hash, hash, 32) == 0 : -1;
}

/* One message of raw bytes; NULL, or why the conversation ends. */
static const char *take_bytes(struct talk *t, const struct preamble *pre, const uint8_t *raw)
{
	struct peer *p = t->peer;
	const struct network *net = &p->world->chain.net;
	struct message m = { .pre = *pre };
	static char err[120];
	enum preamble_fault fault;

	if (t->known && !message_signed_by(raw, raw + PREAMBLE_LEN, pre->payload_len, t->key))
		return "bad signature";
	if (message_decode(&m, raw + PREAMBLE_LEN, pre->payload_len, err) != 0)
		return err;
	if (!t->known && m.id == MSG_HANDSHAKE &&
	    !message_signed_by(raw, raw + PREAMBLE_LEN, pre->payload_len, m.u.handshake.key))
		return "handshake not signed by its own key";
	fault = preamble_check(pre, net->chain_id, net->peer_version,
	    (uint8_t)network_epoch(net, p->world->tip), net->stable_confirmations, stable_known, p);
	if (fault != PREAMBLE_FINE)
		return conv_end_words(conv_end_of(fault, true));
	peer_log(p, "message in", "\"type\":\"%s\",\"bytes\":%u,\"seq\":%u", message_name(m.id),
	    PREAMBLE_LEN + pre->payload_len, pre->seq);
	take_message(t, &m);
	return NULL;
}

static void readable(struct bufferevent *bev, void *arg)
{
	struct talk *t = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	const char *end = NULL;

	t->refs++;
	while (!end && !t->closed && evbuffer_get_length(in) >= PREAMBLE_LEN) {
		struct preamble pre;
		uint8_t *raw = evbuffer_pullup(in, PREAMBLE_LEN);
		if (has(t->peer, F_SILENT)) {
			evbuffer_drain(in, evbuffer_get_length(in));
			break;
		}
		if (preamble_decode(&pre, raw) != 0) {
			end = "bad preamble";
			break;
		}
		if (evbuffer_get_length(in) < PREAMBLE_LEN + pre.payload_len)
			break;
		raw = evbuffer_pullup(in, PREAMBLE_LEN + pre.payload_len);
		end = take_bytes(t, &pre, raw);
		if (!t->closed)
			evbuffer_drain(in, PREAMBLE_LEN + pre.payload_len);
	}
	if (end)
		talk_close(t, end);
	talk_unref(t);
}

static void wrote(struct bufferevent *bev, void *arg)
{
	struct talk *t = arg;

	if (t->mute && has(t->peer, F_HANGUP))
		talk_close(t, "fault hangup");
}

static void ended(struct bufferevent *bev, short what, void *arg)
{
	struct talk *t = arg;
	struct buf payload = { 0 };

	if (what & BEV_EVENT_CONNECTED) {	/* of a pingback: we speak first */
		put_handshake(t->peer, &t->peer->key, &payload);
		t->walk_seq = (uint32_t)dice_u64(&t->peer->dice) | 1;
		talk_send(t, MSG_HANDSHAKE, &payload, t->walk_seq, F_COUNT);
		buf_release(&payload);
		return;
	}
	talk_close(t, t->dialled ? "pingback failed" : "peer closed");
}

static void authenticate_or_go(void *arg)
{
	struct talk *t = arg;

	if (!t->known && !has(t->peer, F_SILENT))
		talk_close(t, "not authenticated in time");
	talk_unref(t);
}

static struct talk *talk_new(struct peer *p, int fd, const struct sockaddr_in *other)
{
	struct talk *t = xcalloc(1, sizeof(*t));

	t->peer = p;
	t->refs = 1;
	t->from = *other;
	t->bev = bufferevent_socket_new(p->world->base, fd,
	    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	bufferevent_setcb(t->bev, readable, wrote, ended, t);
	bufferevent_enable(t->bev, EV_READ | EV_WRITE);
	begin_job(t, AUTHENTICATE_MS, authenticate_or_go);
	return t;
}

/* Dial what the handshake advertised, on this machine only. */
static void ping_back(struct peer *p, const struct handshake *h)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(h->port) };
	struct talk *t = talk_new(p, -1, &to);

	t->dialled = true;
	if (bufferevent_socket_connect(t->bev, (struct sockaddr *)&to, sizeof(to)) != 0)
		talk_close(t, "pingback failed");
}

void p2p_accept(struct peer *p, int fd, const struct sockaddr *from)
{
	struct sockaddr_in other;

	memcpy(&other, from, sizeof(other));
	talk_new(p, fd, &other);
	peer_log(p, "accept", "\"port\":%u", ntohs(other.sin_port));
}

/* Next: tests/helper/chain-peer/inventory.c, what it says it has. */
