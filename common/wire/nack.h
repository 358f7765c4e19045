/* What a Nack to a question about inventories says of the peer that sends it (spec/sync.md A.3). */
#ifndef BLOCKSYNC_WIRE_NACK_H
#define BLOCKSYNC_WIRE_NACK_H

#include <stdint.h>

enum node_status {
	NODE_ONLINE,   /* of no Nack */
	NODE_STALE,    /* behind us, and innocent: to be asked again later */
	NODE_DIVERGED, /* sees another chain, or more of it: not asked more this round.  Of
			* GetPoxInv: the views agree below the cycle asked about, and blocks are
			* asked for up to there */
	NODE_BROKEN,   /* contradicts itself */
	NODE_DEAD      /* does not talk to us */
};

/* Burn heights by the last preambles, ours and the peer's; whether the hashes that the peer gives
 * for its stable height and for its tip are ours at those heights. */
enum hash_match { HASH_UNKNOWN, HASH_SAME, HASH_DIFFERS };
struct nack_view {
	uint64_t tip, peer_tip;
	enum hash_match stable, unstable;
};
/* code: of the Nack (enum nack_code of message.h), any value. */
enum node_status nack_status(uint32_t code, const struct nack_view *);

#endif
