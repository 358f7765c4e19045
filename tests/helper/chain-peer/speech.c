/* What is said in a conversation: handshakes, the neighbour walk, and answers to requests. */
#include <netinet/in.h>

#include "tests/helper/chain-peer/talk.h"

enum { WALK_FIRST_MS = 500, WALK_EVERY_MS = 20000, HEARTBEAT = 3600 };

static void put_address(struct buf *b, const uint8_t ip[4], uint16_t port)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	buf_put(b, mapped, 12);
	buf_put(b, ip, 4);
	buf_u16(b, port);
}

/* Where it listens (main.c). */
static void put_own_address(const struct peer *p, struct buf *b)
{
	uint8_t ip[4] = { 127, has(p, F_GROUP) ? (uint8_t)amount(p, F_GROUP) : 0, 0, 1 };

	put_address(b, ip, p->p2p_port);
}

static void put_handshake(const struct peer *p, const struct keypair *key, struct buf *b)
{
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u", has(p, F_DEADURL) ? 1 : p->http_port);
	if (has(p, F_PRIVATEURL))
		strcpy(url, "http://10.0.1.37:20443");
	if (has(p, F_NOURL))
		url[0] = '\0';
	put_own_address(p, b);
	buf_u16(b, SERVICE_RELAY | SERVICE_RPC | SERVICE_STACKERDB);
	buf_put(b, key->public, KEY_LEN);
	buf_u64(b, INT64_MAX);
	buf_u8(b, (unsigned)strlen(url));
	buf_put(b, url, strlen(url));
}

static void put_neighbors(struct peer *p, struct buf *b)
{
	struct world *w = p->world;

	if (has(p, F_BADNEIGHBORS)) {
		buf_u32(b, MAX_NEIGHBORS);
		for (unsigned i = 0; i < MAX_NEIGHBORS; i++) {
			uint32_t who = (uint32_t)dice_range(
			    &p->dice, 0, (uint64_t)amount(p, F_BADNEIGHBORS) - 1);
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
		put_own_address(&w->peers[i], b);
		buf_put(b, w->peers[i].key.hash, HASH160_LEN);
		n++;
	}
}

void talk_greet(struct talk *t, bool other_key)
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
			talk_greet(t, false);
		for (unsigned i = 0; has(t->peer, F_REKEY) && i < amount(t->peer, F_REKEY); i++)
			talk_greet(t, !t->rekeyed);
		t->refs++;
		later(t->peer->world, WALK_EVERY_MS, walk, t);
	}
	talk_unref(t);
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
	peer_log(p, "authenticated", "\"ip\":\"%u.%u.%u.%u\",\"port\":%u,\"url\":\"%s\"",
	    h->addr[12], h->addr[13], h->addr[14], h->addr[15], h->port, h->data_url);
	if (!has(p, F_NOWALK))
		talk_later(t, WALK_FIRST_MS, walk);
	talk_push(t);
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
	peer_log(
	    t->peer, t->dialled ? "pingback" : "walk", "\"answer\":\"%s\"", message_name(m->id));
	if (t->dialled) {
		talk_close(t, "pingback done");
		return;
	}
	if (m->id != MSG_HANDSHAKE_ACCEPT && m->id != MSG_STACKERDB_HANDSHAKE_ACCEPT)
		return;
	t->walk_seq = (uint32_t)dice_u64(&t->peer->dice) | 1;
	talk_send(t, MSG_GET_NEIGHBORS, &none, t->walk_seq, F_COUNT);
}

/* Which address it sees, or says that it sees. */
static void answer_punch(struct talk *t, const struct message *m)
{
	static const uint8_t six[16] = { 0x26, 0x06, [15] = 1 };
	struct peer *p = t->peer;
	uint8_t ip[4] = { 11, 0, 0, 0 };
	struct buf b = { 0 };

	if (has(p, F_NATSILENT))
		return;
	if (has(p, F_NATNACK)) {
		buf_u32(&b, NACK_INVALID_MESSAGE);
		talk_reply(t, m, MSG_NACK, &b, 0, F_COUNT);
		return;
	}
	if (has(p, F_NATADDR))
		ip[3] = (uint8_t)amount(p, F_NATADDR);
	else if (has(p, F_NATSWITCH))
		ip[3] = (uint8_t)(1 + p->punched++ % (unsigned)amount(p, F_NATSWITCH));
	else if (has(p, F_NATPRIVATE))
		memcpy(ip, (uint8_t[]){ 10, 0, 1, 37 }, 4);
	else if (has(p, F_NATANY))
		memset(ip, 0, 4);
	else
		memcpy(ip, &t->from.sin_addr, 4);
	put_address(&b, ip, ntohs(t->from.sin_port));
	if (has(p, F_NATSIX))
		memcpy(b.p, six, sizeof(six));
	buf_u32(&b, m->u.nonce + has(p, F_NATNONCE));
	talk_reply(t, m, MSG_NAT_PUNCH_REPLY, &b, 0, F_COUNT);
}

void talk_take(struct talk *t, const struct message *m)
{
	struct peer *p = t->peer;
	struct buf b = { 0 };
	unsigned id;

	if ((t->known || t->dialled) && t->walk_seq && m->pre.seq == t->walk_seq) {
		take_walk_reply(t, m);
	} else if (m->id == MSG_HANDSHAKE) {
		take_handshake(t, m);
	} else if (m->id == MSG_NAT_PUNCH_REQUEST) {
		answer_punch(t, m);
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
		if (has(p, F_MUTE2) && m->id != MSG_GET_NAKAMOTO_INV)
			return;
		id = inventory_answer(p, m, &b);
		talk_reply(t, m, id, &b, has(p, F_WRONGCYCLE) ? amount(p, F_WRONGCYCLE) * 1000 : 0,
		    reply_fault(p));
	}
}

/* Next: tests/helper/chain-peer/push.c, what it says unasked. */
