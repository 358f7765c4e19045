/* The blocks of a NakamotoBlocks message.  They stand back to back without lengths, so each must be parsed to find the next (spec/wire.md 3.3). */
#include <sys/types.h>
#include "common/chain/nakamoto.h"
#include "common/wire/message.h"

int message_blocks(const struct message *m, void (*block)(void *, const struct nakamoto *), void *arg)
{
	uint8_t ids[MAX_WIRE_VECTOR][ID_LEN];
	const uint8_t *p = m->u.blocks.p;
	size_t left = m->u.blocks.len, need;
	struct nakamoto b;

	/* Judge the whole message first: a message that is refused hands out nothing. */
	for (uint32_t i = 0; i < m->u.blocks.n; i++) {
		ssize_t n = nakamoto_parse(&b, p, left, &need);
		if (n <= 0)
			return -1;
		memcpy(ids[i], b.id, ID_LEN);
		for (uint32_t j = 0; j < i; j++)
			if (memcmp(ids[j], b.id, ID_LEN) == 0)
				return -1;
		p += n;
		left -= (size_t)n;
	}
	if (left)
		return -1;
	p = m->u.blocks.p;
	left = m->u.blocks.len;
	for (uint32_t i = 0; block && i < m->u.blocks.n; i++) {
		ssize_t n = nakamoto_parse(&b, p, left, &need);
		block(arg, &b);
		p += n;
		left -= (size_t)n;
	}
	return 0;
}

/* Next: common/net/conv.c, the life of a conversation. */
