/* Messages out: encoded, then signed (spec/wire.md 2.3, 3). */
#include <assert.h>

#include "common/chain/key.h"
#include "common/wire/message.h"

#define NEIGHBOR_LEN 38
#define HANDSHAKE_ROOM (61 + 1 + MAX_URL + 4)
#define SMALL_ROOM 64		/* the largest of the fixed payloads, and the heads of vectors */

struct writer { uint8_t *p; };

static void add(struct writer *w, const void *p, size_t n)
{
	if (n)
		memcpy(w->p, p, n);
	w->p += n;
}

static void add_u16(struct writer *w, uint16_t v) { put_be16(w->p, v); w->p += 2; }
static void add_u32(struct writer *w, uint32_t v) { put_be32(w->p, v); w->p += 4; }

static void add_neighbor(struct writer *w, const struct neighbor *n)
{
	add(w, n->addr, sizeof(n->addr));
	add_u16(w, n->port);
	add(w, n->key_hash, sizeof(n->key_hash));
}

static void add_handshake(struct writer *w, const struct message *m)
{
	const struct handshake *h = &m->u.handshake;
	size_t url = strlen(h->data_url);

	add(w, h->addr, sizeof(h->addr));
	add_u16(w, h->port);
	add_u16(w, h->services);
	add(w, h->key, KEY_LEN);
	put_be64(w->p, h->expire);
	w->p += 8;
	*w->p++ = (uint8_t)url;
	add(w, h->data_url, url);
	if (m->id != MSG_HANDSHAKE)
		add_u32(w, h->heartbeat);
	add(w, m->tail, m->tail_len);
}

static void add_inv(struct writer *w, const struct message *m)
{
	add_u16(w, m->u.inv.count);
	add_u32(w, m->u.inv.bytes);
	add(w, m->u.inv.bits, m->u.inv.bytes);
	if (m->id == MSG_BLOCKS_INV) {
		add_u32(w, m->u.inv.bytes);
		add(w, m->u.inv.bits2, m->u.inv.bytes);
	}
}

static void add_payload(struct writer *w, const struct message *m)
{
	switch (m->id) {
	case MSG_HANDSHAKE: case MSG_HANDSHAKE_ACCEPT: case MSG_STACKERDB_HANDSHAKE_ACCEPT:
		add_handshake(w, m);
		break;
	case MSG_HANDSHAKE_REJECT: case MSG_GET_NEIGHBORS:
		break;
	case MSG_NEIGHBORS:
		add_u32(w, m->u.neighbors.n);
		for (uint32_t i = 0; i < m->u.neighbors.n; i++)
			add_neighbor(w, &m->u.neighbors.at[i]);
		break;
	case MSG_GET_BLOCKS_INV: case MSG_GET_POX_INV: case MSG_GET_NAKAMOTO_INV:
		add(w, m->u.get_inv.ch, CH_LEN);
		if (m->id != MSG_GET_NAKAMOTO_INV)
			add_u16(w, m->u.get_inv.count);
		break;
	case MSG_BLOCKS_INV: case MSG_POX_INV: case MSG_NAKAMOTO_INV:
		add_inv(w, m);
		break;
	case MSG_NACK:
		add_u32(w, m->u.nack);
		break;
	case MSG_PING: case MSG_PONG: case MSG_NAT_PUNCH_REQUEST:
		add_u32(w, m->u.nonce);
		break;
	case MSG_NAT_PUNCH_REPLY:
		add(w, m->u.nat.addr, sizeof(m->u.nat.addr));
		add_u16(w, m->u.nat.port);
		add_u32(w, m->u.nat.nonce);
		break;
	case MSG_NAKAMOTO_BLOCKS:
		add_u32(w, m->u.blocks.n);
		/* fallthrough */
	default:
		add(w, m->u.blocks.p, m->u.blocks.len);
	}
}

static bool has_body(unsigned id)
{
	return (id >= MSG_BLOCKS_AVAILABLE && id <= MSG_TRANSACTION) ||
	    (id >= MSG_STACKERDB_GET_CHUNK_INV && id <= MSG_STACKERDB_PUSH_CHUNK) ||
	    id == MSG_NAKAMOTO_BLOCKS;
}

size_t message_room(const struct message *m)
{
	size_t n = PREAMBLE_LEN + 4 + m->n_relayers * (NEIGHBOR_LEN + 4) + 1 + SMALL_ROOM;

	if (m->id == MSG_HANDSHAKE || m->id == MSG_HANDSHAKE_ACCEPT ||
	    m->id == MSG_STACKERDB_HANDSHAKE_ACCEPT)
		n += HANDSHAKE_ROOM + m->tail_len;
	else if (m->id == MSG_NEIGHBORS)
		n += m->u.neighbors.n * NEIGHBOR_LEN;
	else if (m->id == MSG_BLOCKS_INV || m->id == MSG_POX_INV || m->id == MSG_NAKAMOTO_INV)
		n += 2 * (size_t)m->u.inv.bytes;
	else if (has_body(m->id))
		n += m->u.blocks.len;
	return n;
}

size_t message_encode(struct message *m, const uint8_t secret[32], uint8_t *out)
{
	struct writer w = { out + PREAMBLE_LEN };
	uint8_t digest[32];

	add_u32(&w, m->n_relayers);
	for (uint32_t i = 0; i < m->n_relayers; i++) {
		add_neighbor(&w, &m->relayers[i]);
		add_u32(&w, 0);
	}
	*w.p++ = (uint8_t)m->id;
	add_payload(&w, m);
	m->pre.payload_len = (uint32_t)(w.p - out - PREAMBLE_LEN);
	preamble_encode(out, &m->pre);
	message_digest(digest, out, out + PREAMBLE_LEN, m->pre.payload_len);
	int rc = key_sign(m->pre.signature, secret, digest);
	assert(rc == 0);	/* the key was checked when it was loaded */
	(void)rc;
	preamble_encode(out, &m->pre);
	return (size_t)(w.p - out);
}

/* Next: common/wire/nack.c, what a refusal says of a peer. */
