/* Messages in: relayers, id, and one small decoder for each family of payloads (spec/wire.md 2.2,
 * 3).  Decoders read through a cursor that goes bad on a short read; only message_decode looks at
 * that. */
#include <stdio.h>

#include "common/wire/message.h"

static const char *const names[] = { "Handshake", "HandshakeAccept", "HandshakeReject",
	"GetNeighbors", "Neighbors", "GetBlocksInv", "BlocksInv", "GetPoxInv", "PoxInv",
	"BlocksAvailable", "MicroblocksAvailable", "Blocks", "Microblocks", "Transaction", "Nack",
	"Ping", "Pong", "NatPunchRequest", "NatPunchReply", "StackerDBHandshakeAccept", NULL,
	"StackerDBGetChunkInv", "StackerDBChunkInv", "StackerDBGetChunk", "StackerDBChunk",
	"StackerDBPushChunk", "GetNakamotoInv", "NakamotoInv", "NakamotoBlocks" };

const char *message_name(unsigned id)
{
	return id < sizeof(names) / sizeof(*names) && names[id] ? names[id] : "unknown message";
}

static void neighbor_decode(struct cursor *c, struct neighbor *n)
{
	cursor_copy(c, n->addr, sizeof(n->addr));
	n->port = cursor_u16(c);
	cursor_copy(c, n->key_hash, sizeof(n->key_hash));
}

static const char *relayers_decode(struct cursor *c, struct message *m)
{
	m->n_relayers = cursor_u32(c);
	if (m->n_relayers > MAX_RELAYERS) {
		m->n_relayers = 0;
		return "too many relayers";
	}
	for (uint32_t i = 0; i < m->n_relayers; i++) {
		neighbor_decode(c, &m->relayers[i]);
		cursor_u32(c);		/* the relayer's seq: always 0, never used */
	}
	return NULL;
}

static const char *url_decode(struct cursor *c, char url[MAX_URL + 1])
{
	size_t n = cursor_u8(c);
	const uint8_t *p;

	url[0] = '\0';
	if (n > MAX_URL || !(p = cursor_take(c, n)))
		return "url too long";
	if (!url_allowed((const char *)p, n))
		return "url not allowed";
	memcpy(url, p, n);
	url[n] = '\0';
	return NULL;
}

static const char *handshake_decode(struct cursor *c, struct message *m)
{
	struct handshake *h = &m->u.handshake;
	const char *fault;

	cursor_copy(c, h->addr, sizeof(h->addr));
	h->port = cursor_u16(c);
	h->services = cursor_u16(c);
	cursor_copy(c, h->key, KEY_LEN);
	h->expire = cursor_u64(c);
	if ((fault = url_decode(c, h->data_url)))
		return fault;
	if (!c->bad && h->port == 0)
		return "port 0";
	h->heartbeat = m->id == MSG_HANDSHAKE ? 0 : cursor_u32(c);
	return NULL;
}

/* A contract's id: address version, hash, name of 1 to 40 characters. */
static const char *contract_decode(struct cursor *c)
{
	const uint8_t *name;
	size_t n;

	if (cursor_u8(c) >= 32)
		return "address version";
	cursor_take(c, HASH160_LEN);
	n = cursor_u8(c);
	name = cursor_take(c, n);
	if (!name || n < 1 || n > 40)
		return "contract name length";
	for (size_t i = 0; i < n; i++) {
		bool letter = (name[i] | 32) >= 'a' && (name[i] | 32) <= 'z';
		if (!letter &&
		    (i == 0 ||
			!((name[i] >= '0' && name[i] <= '9') || name[i] == '-' || name[i] == '_')))
			return "contract name";
	}
	return NULL;
}

static const char *accept_tail_decode(struct cursor *c, struct message *m)
{
	const char *fault;

	m->tail = c->p;
	cursor_take(c, CH_LEN);
	for (unsigned n = cursor_u8(c); n > 0; n--)
		if ((fault = contract_decode(c)))
			return fault;
	m->tail_len = (size_t)(c->p - m->tail);
	return NULL;
}

static const char *neighbors_decode(struct cursor *c, struct message *m)
{
	uint32_t n = cursor_u32(c);

	if (n > MAX_NEIGHBORS)
		return "too many neighbors";
	m->u.neighbors.n = n;
	for (uint32_t i = 0; i < n; i++)
		neighbor_decode(c, &m->u.neighbors.at[i]);
	return NULL;
}

static const char *get_inv_decode(struct cursor *c, struct message *m)
{
	cursor_copy(c, m->u.get_inv.ch, CH_LEN);
	m->u.get_inv.count = m->id == MSG_GET_NAKAMOTO_INV ? 0 : cursor_u16(c);
	if (m->id == MSG_GET_NAKAMOTO_INV || c->bad)
		return NULL;
	if (m->u.get_inv.count == 0 ||
	    (m->id == MSG_GET_POX_INV && m->u.get_inv.count > MAX_POX_BITS))
		return "count out of range";
	return NULL;
}

static const uint8_t *bits_decode(struct cursor *c, uint32_t bytes)
{
	return cursor_u32(c) == bytes ? cursor_take(c, bytes) : NULL;
}

static const char *inv_decode(struct cursor *c, struct message *m)
{
	uint32_t most = m->id == MSG_NAKAMOTO_INV ? MAX_CYCLE_BITS :
	    m->id == MSG_POX_INV		  ? MAX_POX_BITS :
						    UINT16_MAX;

	m->u.inv.count = cursor_u16(c);
	if (m->u.inv.count == 0 || m->u.inv.count > most)
		return "bit count out of range";
	m->u.inv.bytes = (m->u.inv.count + 7u) / 8;
	m->u.inv.bits2 = NULL;
	m->u.inv.bits = bits_decode(c, m->u.inv.bytes);
	if (m->id == MSG_BLOCKS_INV)
		m->u.inv.bits2 = bits_decode(c, m->u.inv.bytes);
	if (!m->u.inv.bits || (m->id == MSG_BLOCKS_INV && !m->u.inv.bits2))
		return "byte count of a bit vector";
	return NULL;
}

/* A u32 count of items of a fixed size, kept as raw bytes. */
static const char *vector_decode(struct cursor *c, uint32_t most, size_t item)
{
	uint32_t n = cursor_u32(c);

	if (n > most)
		return "vector count out of range";
	cursor_take(c, n * item);
	return NULL;
}

static const char *chunk_decode(struct cursor *c)
{
	cursor_take(c, 4 + 4 + SIG_LEN);
	cursor_take(c, cursor_u32(c));
	return NULL;
}

/* What we never ask for and never use: checked for shape as far as that is cheap, kept as bytes. */
static const char *raw_decode(struct cursor *c, struct message *m)
{
	const uint8_t *start = c->p;
	const char *fault = NULL;

	switch (m->id) {
	case MSG_BLOCKS_AVAILABLE: case MSG_MICROBLOCKS_AVAILABLE:
		fault = vector_decode(c, MAX_WIRE_VECTOR, CH_LEN + ID_LEN);
		break;
	case MSG_STACKERDB_GET_CHUNK_INV:
		fault = contract_decode(c);
		cursor_take(c, CH_LEN);
		break;
	case MSG_STACKERDB_CHUNK_INV:
		fault = vector_decode(c, MAX_SLOTS, 4);
		if (!fault)
			cursor_take(c, 4);
		break;
	case MSG_STACKERDB_GET_CHUNK:
		fault = contract_decode(c);
		cursor_take(c, CH_LEN + 4 + 4);
		break;
	case MSG_STACKERDB_PUSH_CHUNK:
		fault = contract_decode(c);
		cursor_take(c, CH_LEN);
		/* fallthrough */
	case MSG_STACKERDB_CHUNK:
		if (!fault)
			fault = chunk_decode(c);
		break;
	case MSG_BLOCKS:
		if (cursor_u32(c) > MAX_WIRE_VECTOR)
			fault = "too many blocks";
		/* fallthrough */
	case MSG_MICROBLOCKS: case MSG_TRANSACTION:
		cursor_take(c, cursor_left(c));
		break;
	}
	m->u.blocks.n = 0;
	m->u.blocks.p = start;
	m->u.blocks.len = (size_t)(c->p - start);
	return fault;
}

static const char *nakamoto_decode(struct cursor *c, struct message *m)
{
	m->u.blocks.n = cursor_u32(c);
	if (m->u.blocks.n > MAX_WIRE_VECTOR)
		return "too many blocks";
	m->u.blocks.len = cursor_left(c);
	m->u.blocks.p = cursor_take(c, m->u.blocks.len);
	return NULL;
}

static const char *payload_decode(struct cursor *c, struct message *m)
{
	const char *fault;

	switch (m->id) {
	case MSG_HANDSHAKE: case MSG_HANDSHAKE_ACCEPT:
		return handshake_decode(c, m);
	case MSG_STACKERDB_HANDSHAKE_ACCEPT:
		fault = handshake_decode(c, m);
		return fault ? fault : accept_tail_decode(c, m);
	case MSG_HANDSHAKE_REJECT: case MSG_GET_NEIGHBORS:
		return NULL;
	case MSG_NEIGHBORS:
		return neighbors_decode(c, m);
	case MSG_GET_BLOCKS_INV: case MSG_GET_POX_INV: case MSG_GET_NAKAMOTO_INV:
		return get_inv_decode(c, m);
	case MSG_BLOCKS_INV: case MSG_POX_INV: case MSG_NAKAMOTO_INV:
		return inv_decode(c, m);
	case MSG_NACK:
		m->u.nack = cursor_u32(c);
		return NULL;
	case MSG_PING: case MSG_PONG: case MSG_NAT_PUNCH_REQUEST:
		m->u.nonce = cursor_u32(c);
		return NULL;
	case MSG_NAT_PUNCH_REPLY:
		cursor_copy(c, m->u.nat.addr, sizeof(m->u.nat.addr));
		m->u.nat.port = cursor_u16(c);
		m->u.nat.nonce = cursor_u32(c);
		return NULL;
	case MSG_NAKAMOTO_BLOCKS:
		return nakamoto_decode(c, m);
	}
	return m->id < sizeof(names) / sizeof(*names) && names[m->id] ? raw_decode(c, m) :
								      "unknown message id";
}

int message_decode(struct message *m, const uint8_t *p, size_t n, char err[120])
{
	struct cursor c = cursor_of(p, n);
	const char *fault;

	m->tail = NULL;
	m->tail_len = 0;
	fault = relayers_decode(&c, m);
	m->id = cursor_u8(&c);
	if (!fault && !c.bad)
		fault = payload_decode(&c, m);
	if (c.bad)
		fault = "cut short";
	else if (!fault && c.p != c.end)
		fault = "trailing bytes";
	if (fault)
		snprintf(err, 120, "%s: %s", message_name(m->id), fault);
	return fault ? -1 : 0;
}

/* Next: common/wire/encode.c, messages out. */
