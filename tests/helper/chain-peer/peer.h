/* chain-peer: peers over real P2P and HTTP that have one chain, each honest or with faults. */
#ifndef CHAIN_PEER_H
#define CHAIN_PEER_H

#include <event2/event.h>
#include <event2/listener.h>

#include "common/wire/message.h"
#include "tests/helper/chain-peer/faults.h"
#include "tests/helper/lib/buf.h"
#include "tests/helper/lib/chaindir.h"

struct world;
struct peer {
	struct world *world;
	unsigned index;
	struct spec spec;
	struct keypair key, other;	/* other: what it signs with when it lies about that */
	struct dice dice;
	uint16_t p2p_port, http_port;
	struct evconnlistener *p2p, *http;
	double free_at;			/* when its shared bandwidth (rate) is next free */
	double quota_at;		/* when the quota began */
	unsigned quota_used;
	unsigned punched; /* NatPunchRequests answered */
};

struct world {
	struct chaindir chain;
	const char *dir, *other;	/* other: of the chain that SIGUSR2 shows, or NULL */
	uint64_t tip;			/* burn height that is shown */
	uint32_t *tenure_of;		/* by canonical sortition: tenure index + 1 */
	uint32_t shown, cut;		/* tenures shown, and how many blocks of the newest one */
	bool *losers;			/* by block: on the losing side of an epoch 2.x fork */
	uint64_t pox_fork; /* burn height where another PoX fork begins; or UINT64_MAX */
	struct event_base *base;
	struct peer *peers;
	unsigned n_peers;
	FILE *log;
	struct keypair stranger;
	double began;
};

static inline bool has(const struct peer *p, enum fault f) { return p->spec.on[f]; }
static inline double amount(const struct peer *p, enum fault f) { return p->spec.n[f]; }
/* Whether the dice fall for a fault of so many per cent. */
static inline bool falls(struct peer *p, enum fault f)
{
	return has(p, f) && dice_chance(&p->dice, amount(p, f) / 100);
}

/* world.c */
double seconds(void);
void world_open(struct world *, const char *dir);
/* Another chain than before, whole: the other side of a reorganisation. */
void world_show(struct world *, const char *dir);
void world_set_tip(struct world *, uint64_t burn_height);
/* Canonical tenure of a consensus hash that is shown, or NULL. */
const struct chain_tenure *world_tenure(const struct world *, const uint8_t ch[CH_LEN]);
/* Blocks of a tenure that are shown. */
uint32_t world_count(const struct world *, const struct chain_tenure *);
/* shown ones only */
const struct chain_sortition *world_at(const struct world *, uint64_t burn_height);
const struct chain_sortition *world_sortition(const struct world *, const uint8_t ch[CH_LEN]);
/* A known sortition of another PoX fork than the canonical one. */
bool world_pox_invalid(const struct world *, const struct chain_sortition *);
const struct chain_block *tenure_block(const struct world *, const struct chain_tenure *,
    uint32_t i);
/* A stable made-up hash. */
void made_up(uint8_t *out, size_t n, const void *of, size_t len);
/* One line of the log: {"t":..,"peer":..,"kind":"..",<members>}. */
void peer_log(const struct peer *, const char *kind, const char *members, ...) PRINTF(3, 4);
/* Call fn(arg) in ms milliseconds. */
void later(struct world *, double ms, void (*fn)(void *), void *arg);

/* holds.c */
bool peer_holds(const struct peer *, const uint8_t ch[CH_LEN]);
/* Whether it has blocks of a sortition that is shown. */
bool peer_claims(const struct peer *, const struct chain_sortition *);
/* Whether it says 404 where it claims to have blocks. */
bool peer_withholds(const struct peer *, const uint8_t ch[CH_LEN]);
/* A block of either model that it has, or NULL. */
const struct chain_block *peer_find(const struct peer *, const uint8_t id[ID_LEN]);
/* Nakamoto only; NULL: it has nothing. */
const struct chain_tenure *peer_tip_tenure(const struct peer *);
const struct chain_block *peer_tip(const struct peer *);
/* Its highest block of either model. */
const struct chain_block *peer_top(const struct peer *);

/* p2p.c, inventory.c */
void p2p_accept(struct peer *, int fd, const struct sockaddr *);
/* The answer to an inventory request: message id and payload. */
unsigned inventory_answer(struct peer *, const struct message *, struct buf *payload);

/* http.c */
void http_accept(struct peer *, int fd);
struct response {
	int status;
	const char *type;
	struct buf body;
	unsigned retry_after;		/* seconds, 0: not said */
	bool chunked, data, close;	/* data: blocks, which the faults of bodies are about */
};
/* rpc.c: the answer to a request. */
void rpc_answer(struct peer *, const char *method, const char *path, const char *query,
    const uint8_t *body, size_t len, struct response *);
/* rpc2.c: epoch 2.x; false: none of its endpoints. */
bool rpc2_get(struct peer *, const char *path, const char *query, struct response *);
bool rpc2_post(struct peer *, const char *path, const uint8_t *body, size_t len, struct response *);
/* rpc_info.c: endpoints about the node and the burnchain; false: none of them. */
bool rpc_info(struct peer *, const char *path, struct response *);
void respond_text(struct response *, int status, const char *text);
void respond_json(struct response *);	/* body is filled already */
void respond_data(struct peer *, struct response *);
/* Whether text begins so; *rest is what follows. */
bool path_starts(const char *text, const char *prefix, const char **rest);
/* Exactly one block id, or another 32 bytes of hex. */
bool path_id(const char *text, uint8_t id[ID_LEN]);
/* Any other block that the peer has, of the same model. */
const struct chain_block *other_block(struct peer *, const struct chain_block *);

/* forge.c: append a block to out, forged as the spec says. */
void forge_block(struct peer *, const struct chain_block *, struct buf *out);
/* Change a nonce byte of its last transaction in out, which ends with a copy of it: it stays
 * decodable, and the merkle root does not fit. */
void forge_merkle(const struct chain_block *, struct buf *out);
/* So many KiB of public keys as transactions, with their count. */
void forge_keys(struct peer *, struct buf *out);
/* forge2.c: the same of epoch 2.x; and the stream that a block confirms, in the form of the wire:
 * count, and newest first. */
void forge_anchored(struct peer *, const struct chain_block *, struct buf *out);
void forge_stream(struct peer *, const struct chain_block *, struct buf *out);
void make_high_s(uint8_t sig[SIG_LEN]);

#endif
