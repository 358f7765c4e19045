/* A chain directory: a whole chain in plain files, made by chain-maker or captured from a node.
 *
 *   network              the network file
 *   sortitions.jsonl     one object a burn block, ascending: the members of GET /v3/sortitions, and
 *                        `fork` where not canonical
 *   reward_sets/N.json   body of GET /v3/stacker_set/N
 *   blocks.tsv           header line, then height, block id, consensus hash, parent id, size,
 *                        offset, canonical; ascending
 *   blocks.bin           the raw blocks at those offsets
 *   keys.json            the private keys of `miners` and of `signers` by cycle, in the order of
 *                        the reward set (made chains only)
 *   broken.json          `rule`, `meaning`, `block`: what chain-maker --break broke
 */
#ifndef HELPER_CHAINDIR_H
#define HELPER_CHAINDIR_H

#include "common/chain/proof.h"
#include "common/rec/rec.h"
#include "tests/helper/lib/dice.h"

struct chain_sortition {
	struct rec_sortition row;
	unsigned fork;			/* 0: canonical */
	char *json;			/* as the file has it, without newline */
};
struct chain_block {
	uint64_t height, offset;
	uint32_t size;
	bool canonical;
	uint8_t id[ID_LEN], ch[CH_LEN], parent[ID_LEN];
};
struct chain_set {
	struct signer_set set;		/* n is 0: the cycle has none */
	struct keypair *keys;		/* in the set's order; NULL if unknown */
	char *json;			/* body of GET /v3/stacker_set */
};
/* A canonical tenure: canon[first .. first + count). */
struct chain_tenure { uint32_t sortition, first, count; };

struct chaindir {
	struct network net;
	/* canonical ones first, ascending; then the forks */
	struct chain_sortition *sortitions;
	uint32_t n_sortitions, n_main;
	struct chain_block *blocks;		/* ascending by height, orphans too */
	uint32_t n_blocks;
	uint32_t *canon, n_canon;		/* indexes of canonical blocks, ascending */
	struct chain_tenure *tenures;		/* ascending */
	uint32_t n_tenures;
	struct chain_set *sets;			/* by cycle */
	uint32_t n_sets;
	struct keypair *miners;
	uint32_t n_miners;
	const uint8_t *bin;			/* blocks.bin, mapped */
	size_t bin_len;
	uint32_t *by_id, *by_ch, mask_id, mask_ch;	/* hash tables: index + 1 */
};

/* Reads the directory; whatever is wrong with it ends the program with 111. */
void chaindir_open(struct chaindir *, const char *dir);
const struct chain_block *chaindir_find(const struct chaindir *, const uint8_t id[ID_LEN]);
/* Any sortition (forks too) by consensus hash, or NULL. */
const struct chain_sortition *chaindir_sortition(const struct chaindir *, const uint8_t ch[CH_LEN]);
/* Canonical sortition of a burn height, or NULL. */
const struct chain_sortition *chaindir_at(const struct chaindir *, uint64_t burn_height);
static inline const uint8_t *chaindir_bytes(const struct chaindir *c, const struct chain_block *b)
{
	return c->bin + b->offset;
}
/* Signers of the cycle of a tenure, or NULL. */
const struct chain_set *chaindir_set_of(const struct chaindir *, const uint8_t ch[CH_LEN]);
/* The chain as records: hello, the view (network, sortitions, reward sets) if wanted, the blocks
 * ascending if wanted. */
void chaindir_archive(const struct chaindir *, const char *file, bool view, bool blocks);

#endif
