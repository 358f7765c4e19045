/* The P2P codec: preamble, relayers, messages (spec/wire.md 1 to 3).  Pure: bytes in, bytes out. */
#ifndef BLOCKSYNC_WIRE_MESSAGE_H
#define BLOCKSYNC_WIRE_MESSAGE_H

#include "common/chain/bytes.h"
#include "common/limits.h"

#define PREAMBLE_LEN 165

struct preamble {
	uint32_t version, network_id, seq;
	uint64_t burn_height;
	uint8_t burn_hash[32];
	uint64_t stable_height;
	uint8_t stable_hash[32];
	uint32_t additional;
	uint8_t signature[SIG_LEN];
	uint32_t payload_len;
};

enum message_id {
	MSG_HANDSHAKE,
	MSG_HANDSHAKE_ACCEPT,
	MSG_HANDSHAKE_REJECT,
	MSG_GET_NEIGHBORS,
	MSG_NEIGHBORS,
	MSG_GET_BLOCKS_INV,
	MSG_BLOCKS_INV,
	MSG_GET_POX_INV,
	MSG_POX_INV,
	MSG_BLOCKS_AVAILABLE,
	MSG_MICROBLOCKS_AVAILABLE,
	MSG_BLOCKS,
	MSG_MICROBLOCKS,
	MSG_TRANSACTION,
	MSG_NACK,
	MSG_PING,
	MSG_PONG,
	MSG_NAT_PUNCH_REQUEST,
	MSG_NAT_PUNCH_REPLY,
	MSG_STACKERDB_HANDSHAKE_ACCEPT,
	MSG_STACKERDB_GET_CHUNK_INV = 21,
	MSG_STACKERDB_CHUNK_INV,
	MSG_STACKERDB_GET_CHUNK,
	MSG_STACKERDB_CHUNK,
	MSG_STACKERDB_PUSH_CHUNK,
	MSG_GET_NAKAMOTO_INV,
	MSG_NAKAMOTO_INV,
	MSG_NAKAMOTO_BLOCKS
};
const char *message_name(unsigned id);

enum {
	NACK_HANDSHAKE_REQUIRED = 1,
	NACK_NO_SUCH_BLOCK,
	NACK_THROTTLED,
	NACK_INVALID_POX_FORK,
	NACK_INVALID_MESSAGE,
	NACK_NO_SUCH_DB,
	NACK_STALE_VERSION,
	NACK_STALE_VIEW,
	NACK_FUTURE_VERSION,
	NACK_FUTURE_VIEW
};
enum { SERVICE_RELAY = 1, SERVICE_RPC = 2, SERVICE_STACKERDB = 4 };

struct neighbor { uint8_t addr[16]; uint16_t port; uint8_t key_hash[HASH160_LEN]; };
struct handshake {
	uint8_t addr[16]; uint16_t port, services; uint8_t key[KEY_LEN]; uint64_t expire;
	char data_url[MAX_URL + 1];
	uint32_t heartbeat;		/* accepts only */
};

/* A message; which member holds is `id`.  Views point into the bytes decoded. */
struct message {
	struct preamble pre;
	uint32_t n_relayers;
	struct neighbor relayers[MAX_RELAYERS];
	unsigned id;
	/* 19 only: what follows the heartbeat, as it came */
	const uint8_t *tail; size_t tail_len;
	union {
		struct handshake handshake;				/* 0, 1, 19 */
		struct { uint32_t n; struct neighbor at[MAX_NEIGHBORS]; } neighbors;
		/* 5, 7, 26 (count unused) */
		struct { uint8_t ch[CH_LEN]; uint16_t count; } get_inv;
		/* 6 (bits2: microblocks), 8, 27 */
		struct { uint16_t count; uint32_t bytes; const uint8_t *bits, *bits2; } inv;
		uint32_t nack;
		uint32_t nonce;						/* 15, 16, 17 */
		struct { uint8_t addr[16]; uint16_t port; uint32_t nonce; } nat;
		struct {
			uint32_t n;
			const uint8_t *p;
			size_t len;
		} blocks; /* 28: n blocks back to back, not yet parsed (store/pushed.h);
		     others: the raw payload, n = 0 */
	} u;
};

/* Preamble of at least PREAMBLE_LEN bytes.  -1: refused at decode (payload_len out of range, tip
 * not above stable). */
int preamble_decode(struct preamble *, const uint8_t *p);
/* PREAMBLE_LEN bytes. */
void preamble_encode(uint8_t *p, const struct preamble *);
/* Relayers, id and payload of exactly n = payload_len bytes; pre is the caller's to fill.  0; -1:
 * undecodable, and err says why (bytes left over are an error too: spec 2.5, where they cost the
 * conversation). */
int message_decode(struct message *, const uint8_t *p, size_t n, char err[120]);
/* The digest that is signed, over the raw received preamble and payload. */
void message_digest(uint8_t digest[32], const uint8_t preamble[PREAMBLE_LEN],
    const uint8_t *payload, size_t n);
/* Whether the message was signed by key: recover, compare, low S. */
bool message_signed_by(const uint8_t preamble[PREAMBLE_LEN], const uint8_t *payload, size_t n,
    const uint8_t key[KEY_LEN]);
/* Encode and sign.  pre.signature and pre.payload_len are set.  out must hold message_room().
 * Returns the whole length. */
size_t message_room(const struct message *);
size_t message_encode(struct message *, const uint8_t secret[32], uint8_t *out);

/* What is wrong with a foreign preamble (spec 2.6). */
enum preamble_fault {
	PREAMBLE_FINE,
	/* it is of something else: */
	PREAMBLE_NETWORK,
	PREAMBLE_VERSION, /* major version */
	PREAMBLE_EPOCH,	  /* the byte of an epoch that is over */
	/* it contradicts itself, or our chain: */
	PREAMBLE_HEIGHT, /* tip and stable height are not so far apart */
	PREAMBLE_HASH	 /* of the stable height */
};
/* stable_known(arg, height, hash): 1 our hash at that height equals, 0 differs, -1 unknown to
 * us. */
enum preamble_fault preamble_check(const struct preamble *, uint32_t network_id, uint32_t version,
    uint8_t epoch_now, uint32_t confirmations,
    int (*stable_known)(void *, uint64_t, const uint8_t *), void *arg);
/* A data_url that the wire allows (spec 1, UrlString). Empty is allowed. */
bool url_allowed(const char *url, size_t n);

#endif
