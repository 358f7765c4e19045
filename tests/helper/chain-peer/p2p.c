/* Conversations, acceptor's side (spec/wire.md 2 to 4), with raw control over every byte that goes
 * out. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "common/chain/hash.h"
#include "common/chain/key.h"
#include "common/net/conv_end.h"
#include "tests/helper/chain-peer/talk.h"

enum { AUTHENTICATE_MS = 5000 };

void talk_unref(void *arg)
{
	struct talk *t = arg;

	if (--t->refs == 0)
		free(t);
}

void talk_close(struct talk *t, const char *reason)
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

void talk_send(struct talk *t, unsigned id, const struct buf *payload, uint32_t seq, enum fault f)
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

void talk_reply(struct talk *t, const struct message *to, unsigned id, struct buf *payload,
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

void talk_later(struct talk *t, double ms, void (*job)(void *))
{
	t->refs++;
	later(t->peer->world, ms, job, t);
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
	talk_take(t, &m);
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

	if (what & BEV_EVENT_CONNECTED) {	/* of a pingback: we speak first */
		talk_greet(t, false);
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

struct talk *talk_new(struct peer *p, int fd, const struct sockaddr_in *other)
{
	struct talk *t = xcalloc(1, sizeof(*t));

	t->peer = p;
	t->refs = 1;
	t->from = *other;
	t->bev = bufferevent_socket_new(p->world->base, fd,
	    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	bufferevent_setcb(t->bev, readable, wrote, ended, t);
	bufferevent_enable(t->bev, EV_READ | EV_WRITE);
	talk_later(t, AUTHENTICATE_MS, authenticate_or_go);
	return t;
}

void p2p_accept(struct peer *p, int fd, const struct sockaddr *from)
{
	struct sockaddr_in other;

	memcpy(&other, from, sizeof(other));
	talk_new(p, fd, &other);
	peer_log(p, "accept", "\"port\":%u", ntohs(other.sin_port));
}

/* Next: tests/helper/chain-peer/speech.c, what is said in them. */
