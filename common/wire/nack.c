/* The reasons of a refusal, by what both sides know of the burnchain. */
#include "common/wire/message.h"
#include "common/wire/nack.h"

enum node_status nack_status(uint32_t code, const struct nack_view *v)
{
	switch (code) {
	case NACK_THROTTLED:
	case NACK_HANDSHAKE_REQUIRED: return NODE_DEAD;
	case NACK_INVALID_POX_FORK: return NODE_DIVERGED;
	case NACK_NO_SUCH_BLOCK:
		if (v->peer_tip < v->tip)
			return NODE_STALE;
		if (v->stable != HASH_SAME || v->unstable != HASH_SAME || v->peer_tip > v->tip)
			return NODE_DIVERGED;
		/* It has all that we have, and denies some of it. */
		return NODE_BROKEN;
	default: return NODE_BROKEN;
	}
}

/* Next: common/net/conv_end.c, how conversations end. */
