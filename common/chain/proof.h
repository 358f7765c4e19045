/* What is proven: pure judgements, no I/O, no clock (DESIGN 4, spec/blocks.md 1.3 to 1.7). */
#ifndef BLOCKSYNC_CHAIN_PROOF_H
#define BLOCKSYNC_CHAIN_PROOF_H

#include "common/chain/block.h"

/* The signers of one cycle, in the order of the reward set. */
struct signer_set {
	uint64_t cycle;
	uint32_t n;
	uint8_t (*keys)[KEY_LEN];	/* owned */
	uint32_t *weights;		/* owned */
	uint64_t total, threshold;	/* threshold = ceil(total * 7 / 10) */
	uint32_t *buckets;		/* owned: hash index over keys */
	uint32_t mask;
};
/* Copy n signers.  -1: no signers, no weight or a sum above u32, or more than MAX_SIGNERS. */
int signer_set_init(struct signer_set *, uint64_t cycle, uint32_t n, const uint8_t (*keys)[KEY_LEN],
    const uint32_t *weights);
void signer_set_release(struct signer_set *);
/* Index of a key, or -1. */
int signer_set_find(const struct signer_set *, const uint8_t key[KEY_LEN]);

/* What the judge of one block must know about its tenure's sortition. */
struct proof_view {
	const struct network *net;
	uint64_t burn_height;			/* of the tenure's sortition */
	const uint8_t *miner;			/* HASH160_LEN: hash of the winner's signing key */
	const struct signer_set *set;		/* of the cycle of burn_height */
	enum model model;			/* of the block, as its giver says */
	/* of a block of epoch 2.x: consensus hash of its sortition, as the giver says, and the
	 * block hash that the sortition's winner committed to */
	const uint8_t *ch, *committed;
};

/* Judge a block on its own, what costs little first: header, version, the miner's signature; then
 * the codec (the whole of p[0..n)), hashes, merkle root, static and epoch rules; then the signers'
 * signatures with weight and order; and the public keys inside of transactions last, when somebody
 * answers for them.  Each signature is recovered once; more signatures than signers are refused
 * before any curve work.  *weight is the sum of the signers' weights. block is filled as far as it
 * parses. */
enum chain_reason proof_alone(
    struct block *block, const uint8_t *p, size_t n, const struct proof_view *, uint64_t *weight);
/* The same of an anchored block, which its sortition's commit names by its hash and nobody signs:
 * header, epoch, winner, and what the header says of microblocks; then the codec, merkle root and
 * static rules; then public keys. */
enum chain_reason epoch2_alone(
    struct block *, const uint8_t *p, size_t n, const struct proof_view *);
/* The miner's signature of a header: REASON_OK or REASON_MINER.  miner: hash of the winner's
 * signing key. */
enum chain_reason proof_miner(const struct block *, const uint8_t miner[HASH160_LEN]);
/* Whether these are the block's own transactions, by its merkle root and none twice, of a parsed
 * block: what makes a copy with others.  REASON_OK, REASON_MERKLE, REASON_DUPTX, REASON_NOTX if it
 * has none, or REASON_CODEC if it was not parsed. */
enum chain_reason proof_root(const struct block *);

/* What is remembered of a block to judge it and its children in their place. */
struct link {
	enum model model;
	uint8_t id[ID_LEN], parent[ID_LEN], ch[CH_LEN];
	uint64_t height, burn_spent; /* of an epoch 2.x block: total_work.burn */
	enum block_kind kind;
	struct tenure_change change; /* of a Nakamoto block, if not ordinary */
	/* its burn view: of its change, else what link_follow took; zeros: unknown */
	uint8_t view[CH_LEN];
};
void link_of(struct link *, const struct block *);
/* A block that stands on its parent: an ordinary one has the parent's burn view. */
void link_follow(struct link *child, const struct link *parent);

/* What the burnchain view says of one consensus hash; found = false: unknown. */
struct burn_fact {
	bool found, canonical;
	uint64_t burn_height;
	bool has_total_burn;
	uint64_t total_burn;
	bool won;			/* there is a winner */
	/* its commit's block hash: the parent tenure's start (or the parent 2.x block) */
	uint8_t committed[ID_LEN];
};
typedef struct burn_fact burn_lookup(void *arg, const uint8_t ch[CH_LEN]);

/* A child on its parent within one tenure, or a start on the last block of another tenure as far as
 * both blocks alone tell: height, continuity, burn view, burn_spent, extension rules
 * (blocks_so_far: blocks of the tenure below the child).  lookup may be asked about burn views. */
enum chain_reason place_child(const struct link *child, const struct link *parent,
    uint64_t blocks_so_far, burn_lookup *, void *arg);
/* A tenure's start alone: its burn view and its own sortition. */
enum chain_reason place_start(const struct link *start, burn_lookup *, void *arg);
/* The border below a start: the parent tenure starts at parent_start (id), and holds parent_count
 * blocks from its start to the start's parent, both included. Rules: count, prevtenure, commit,
 * height, burn. */
enum chain_reason place_border(const struct link *start, const struct link *parent,
    const uint8_t parent_start[ID_LEN], uint64_t parent_count, burn_lookup *, void *arg);
/* The first Nakamoto tenure, whose parent is an epoch 2.x block (or the boot block): the commit
 * names the parent block itself and the tenure below counts one block. */
enum chain_reason place_first(const struct link *start, burn_lookup *, void *arg);

/* An anchored block of epoch 2.x on its parent.  child->parent: as its header says, a block hash.
 * below: the sortition that the child's commit names as its parent's, which was found; its winner's
 * hash is the parent's.  parent: NULL where the commit names the network's first burn block, which
 * nobody won: then the parent is the boot block.  Rules: parent, height, burn. */
enum chain_reason place_anchored(
    const struct link *child, const struct link *parent, const struct burn_fact *below);

/* Consensus hash of a burn block from its inputs and the earlier consensus hashes
 * (spec/blocks.md 5.6). prev(arg, height, ch) gives CH at a height or returns -1 (then the result
 * is -1: not checkable). */
int view_consensus_hash(uint8_t ch[CH_LEN], const struct network *, uint64_t height,
    const uint8_t burn_hash[32], const uint8_t ops_hash[32], uint64_t total_burn,
    int (*prev)(void *, uint64_t, uint8_t *), void *arg);

#endif
