/* A chain directory: a whole chain in plain files, made by chain-maker or captured from a node.
 *
 *   network              the network file
 *   sortitions.jsonl     one object a burn block, ascending: the members of GET /v3/sortitions, and
 *                        `fork` where not canonical
 *   burns.tsv            header line, then burn height, hash of its operations, satoshis burned up
 *                        to it: what the consensus hashes prove (made chains with epoch 2.x only)
 *   reward_sets/N.json   body of GET /v3/stacker_set/N
 *   blocks.tsv           header line, then height, block id, consensus hash, parent id, size,
 *                        offset, canonical; ascending
 *   blocks.bin           the raw blocks at those offsets
 *   blocks2.tsv, .bin    the same of epoch 2.x blocks, if there are any: the id is the index block
 *                        hash, and what lost a fork is not canonical
 *   microblocks.tsv      header line, then index block hash of the block that confirms it,
 *                        sequence, hash, size, offset; a stream's rows stand together, ascending
 *   microblocks.bin      the raw microblocks at those offsets
 *   unconfirmed.tsv      the same of microblocks that no block confirms (ends of streams, rivals of
 *   unconfirmed.bin      confirmed ones), by the index block hash of the block they are mined on
 *   inventory.jsonl      one object a cycle: what an honest peer with the whole chain answers
 *   keys.json            the private keys of `miners`, of `signers` by cycle in the order of the
 *                        reward set, and of `microblock_producers` by index block hash (made chains
 *                        only)
 *   broken.json          `rule`, `meaning`, `block`: what chain-maker --break broke (of epoch 2.x
 *                        the block hash, and the index block hash as `id`)
 */
#ifndef HELPER_CHAINDIR_H
#define HELPER_CHAINDIR_H

#include <stdio.h>

#include "common/chain/proof.h"
#include "common/rec/rec.h"
#include "tests/helper/lib/dice.h"

struct chain_sortition {
	struct rec_sortition row;
	unsigned fork;			/* 0: canonical */
	char *json;			/* as the file has it, without newline */
};
struct chain_block {
	uint64_t height;
	uint32_t size;
	bool canonical;
	enum model model;
	uint8_t id[ID_LEN], ch[CH_LEN], parent[ID_LEN];
	const uint8_t *bytes;
	/* Of an epoch 2.x block. */
	/* the stream that its header confirms: micros[confirmed .. + n_confirmed), ascending. */
	uint32_t confirmed, n_confirmed;
	/* microblocks on it that no block confirms: micros[loose .. + n_loose). */
	uint32_t loose, n_loose;
	const struct keypair *producer;	/* of the microblocks on it; NULL: its key is unknown */
};
struct chain_micro {
	uint8_t block[ID_LEN];		/* that confirms it; or that it is mined on */
	uint8_t hash[32];
	uint16_t sequence;
	uint32_t size;
	const uint8_t *bytes;
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
	/* epoch 2.x first; ascending by height, orphans and lost forks too */
	struct chain_block *blocks;
	uint32_t n_blocks;
	uint32_t *canon, n_canon;		/* indexes of canonical blocks, ascending */
	uint32_t canon3;			/* index in canon of the first Nakamoto block */
	struct chain_micro *micros;		/* confirmed ones, then the others */
	uint32_t n_micros;
	struct chain_tenure *tenures;		/* Nakamoto ones, ascending */
	uint32_t n_tenures;
	struct chain_set *sets;			/* by cycle */
	uint32_t n_sets;
	struct keypair *miners;
	uint32_t n_miners;
	struct keypair *producers;		/* as blocks point at them */
	uint32_t *by_id, *by_ch, mask_id, mask_ch;	/* hash tables: index + 1 */
};

/* Reads the directory, made or captured: it may lack keys, or blocks of one model.  Whatever is
 * wrong with it ends the program with 111. */
void chaindir_open(struct chaindir *, const char *dir);
/* A block of either model, or NULL. */
const struct chain_block *chaindir_find(const struct chaindir *, const uint8_t id[ID_LEN]);
/* The epoch 2.x block that won a sortition, or NULL: nobody has it, or there is none. */
const struct chain_block *chaindir_winner(const struct chaindir *, const struct chain_sortition *);
/* Any sortition (forks too) by consensus hash, or NULL. */
const struct chain_sortition *chaindir_sortition(const struct chaindir *, const uint8_t ch[CH_LEN]);
/* Canonical sortition of a burn height, or NULL. */
const struct chain_sortition *chaindir_at(const struct chaindir *, uint64_t burn_height);
/* Signers of the cycle of a tenure, or NULL. */
const struct chain_set *chaindir_set_of(const struct chaindir *, const uint8_t ch[CH_LEN]);
/* The chain as records: hello, the view (network, sortitions, reward sets) if wanted, the blocks
 * ascending if wanted, each with the stream that it confirms. */
void chaindir_archive(const struct chaindir *, const char *file, bool view, bool blocks);

/* inventory.jsonl: each cycle's bits, in burn order.  Tenures from the cycle's first height (mod 0)
 * to the tip; blocks and streams from the one above (mod 1), as many as may be asked for. */
void chaindir_inventory(const struct chaindir *, FILE *);
/* Read the rows and bodies of blocks and microblocks, index them, and find the tenures: for
 * chaindir_open. */
void chaindir_read_blocks(struct chaindir *, const char *dir);

#endif
