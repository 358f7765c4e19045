/* Every consensus hash commits to its burn block and to the consensus hashes before it
 * (spec/blocks.md 5.6). */
#include <stdlib.h>

#include "common/chain/hash.h"
#include "common/chain/pox.h"
#include "common/chain/proof.h"
#include "common/sys/log.h"

#define PREAMBLE 4	/* 17 00 00 00 */
#define EARLIER 64	/* 2^k below any height */

int view_consensus_hash(uint8_t ch[CH_LEN], const struct network *net, uint64_t height,
    const uint8_t burn_hash[32], const uint8_t ops_hash[32], uint64_t total_burn,
    int (*prev)(void *, uint64_t, uint8_t *), void *arg)
{
	uint64_t first = net->first_burn_height;
	size_t pox, n = 0;
	uint8_t *in;
	int ret = -1;

	if (height <= first) {
		memset(ch, 0, CH_LEN);
		return height == first ? 0 : -1;
	}
	pox = pox_count(net, height);
	if (pox > 1u << 24)
		return -1;
	in = xmalloc(PREAMBLE + 32 + 32 + 8 + pox + EARLIER * CH_LEN);
	memcpy(in, "\x17\0\0\0", PREAMBLE);
	n = PREAMBLE;
	memcpy(in + n, burn_hash, 32);
	memcpy(in + n + 32, ops_hash, 32);
	put_be64(in + n + 64, total_burn);
	n += 72;
	/* One character a cycle: the anchor block is known.  A view with an unknown one is nobody's
	 * today. */
	memset(in + n, '1', pox);
	n += pox;
	for (uint64_t back = 1; back <= height - first && back; back *= 2, n += CH_LEN) {
		if (height - back == first)
			memset(in + n, 0, CH_LEN);
		else if (prev(arg, height - back, in + n) < 0)
			goto out;
	}
	hash_hash160(ch, in, n);
	ret = 0;
out:
	free(in);
	return ret;
}

/* Next: common/store/env.c, the environment that all tables live in. */
