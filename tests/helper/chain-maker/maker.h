/* chain-maker: the parameters of a made chain, what grows it, and what breaks one rule of it. */
#ifndef CHAIN_MAKER_H
#define CHAIN_MAKER_H

#include <stdio.h>

#include "common/chain/network.h"
#include "common/chain/proof.h"
#include "tests/helper/lib/buf.h"
#include "tests/helper/lib/dice.h"

#define MINERS 8
#define ACCOUNTS 24

struct params {
	uint64_t seed, cycles, cycle_length, prepare_length, first_height, stable_confirmations;
	double sortition_rate, start_rate, sign_fraction, extend_rate, markers;
	uint64_t tenure_min, tenure_max, tx_min, tx_max, signers, orphans, shadows;
	uint64_t epoch2; /* burn blocks of epoch 2.x above the first one */
	/* of epoch 2.x: blocks with microblocks, winners that build on an older block, streams with
	 * a microblock signed twice */
	double microblocks, forks, equivocations;
	uint64_t fork_at; /* burn height from which all is other than without it; 0: none */
	int64_t pox_fork;		/* cycle with sortitions of another PoX fork, -1: none */
	int64_t epoch4_at;		/* cycle, -1: never */
	int64_t tip_offset;		/* burn blocks beyond the last whole cycle; -1: none */
	uint64_t break_at;		/* burn height; 0: the middle of the chain */
	const char *rule;		/* or NULL */
	unsigned jobs;
};

/* What was decided of a burn block before anything grows.  shadow: nobody won it, and its tenure is
 * one shadow block. */
struct slot {
	bool won, started, orphan, shadow;
	uint32_t size, miner;
};

/* The newest block of the growing chain. */
struct tip {
	uint8_t id[ID_LEN], ch[CH_LEN], start[ID_LEN];	/* start: first block of its tenure */
	uint64_t height, burn_spent, timestamp;
	uint32_t count;					/* blocks of its tenure so far */
};

/* A block before it has signers: bytes are head, signatures, tail. */
struct draft {
	struct buf head, tail, sigs;
	uint8_t hash[32], id[ID_LEN], ch[CH_LEN], parent[ID_LEN];
	uint64_t height, cycle;
	bool strict, canonical;		/* strict: epoch 4.0's order rule */
	bool shadow;			/* nobody signs it */
	const char *wrong;		/* how to sign it wrongly: a rule, or NULL */
	uint32_t n_sigs;
};

/* What goes into a block, before it is written: rules are broken here. */
struct plan {
	enum block_kind kind;
	uint64_t burn_height;		/* of the tenure */
	bool last;			/* of its tenure */
	struct tenure_change change;	/* start, extend */
	struct buf txs[64];
	uint32_t n_txs;
	uint8_t version;
	uint64_t height, burn_spent, timestamp, cycle;
	uint8_t ch[CH_LEN], parent[ID_LEN], root[32];
	uint32_t marker;		/* index of a marked transaction; UINT32_MAX: none */
	const struct keypair *miner;
	const uint8_t *shadow; /* of a shadow block: start of the tenure below; else NULL */
	const char *wrong;
};

struct micro;
struct anchored;
struct signer { struct keypair key; uint32_t weight; };
struct cycle_signers { struct signer *at; uint32_t n; uint64_t total, threshold; };

struct maker {
	struct params p;
	struct network net;
	uint64_t start3, tip_height, n_cycles;
	struct slot *slots;		/* by burn height - first_height */
	/* consensus hashes, by the same; NULL: they are made up */
	uint8_t (*hashes)[CH_LEN];
	struct cycle_signers *signers;	/* by cycle */
	struct keypair miners[MINERS], accounts[ACCOUNTS], stranger;
	uint64_t nonces[ACCOUNTS], miner_nonces[MINERS];
	struct tip tip;
	/* epoch 2.x blocks, in the order of their sortitions; the highest one; the top of a fork,
	 * and how many will yet build on it; the top of the other PoX fork (NULL: the boot) */
	struct anchored *anchored, *best, *fork_tip, *pox_tip;
	uint32_t n_anchored, fork_left;
	/* of the newest sortition of either fork: 0 canonical, 1 the other PoX fork */
	uint8_t last_winner[2][CH_LEN], parent_sortition[2][32];
	uint8_t shadow[MAX_SHADOWS][ID_LEN];
	uint32_t n_shadow;
	struct dice dice;		/* of the tenure being grown */
	struct draft *drafts;		/* waiting for signatures */
	uint32_t n_drafts, cap_drafts;
	const char *dir;
	FILE *sortitions, *tsv, *bin;
	uint64_t offset, n_blocks, n_sigs;
	const struct rule *rule;	/* to break, until it is */
	bool broken;
	uint8_t broken_id[ID_LEN];
	const struct anchored *broken_block; /* if it is of epoch 2.x */
	uint64_t tenures[2];		/* burn heights of the newest two tenures */
};

/* A rule that one block of a chain breaks while everything else holds. */
enum place {
	PLACE_ORDINARY,
	PLACE_EPOCH3,
	PLACE_EPOCH4,
	PLACE_START,
	PLACE_EXTEND,
	PLACE_COMMIT,
	/* of epoch 2.x: any block; of epoch 2.0 or 2.05; of 2.5; one that confirms microblocks; the
	 * first of the microblocks that one confirms */
	PLACE_EPOCH2,
	PLACE_EPOCH20,
	PLACE_EPOCH25,
	PLACE_STREAM,
	PLACE_MICROBLOCK
};
struct rule {
	const char *name;
	enum place place;
	const char *reason;		/* the word that a judge must give */
	const char *meaning;
	void (*change)(struct maker *, struct plan *);	/* before transactions are made of it */
	void (*txs)(struct maker *, struct plan *);	/* transactions, before their root */
	void (*header)(struct maker *, struct plan *);	/* header fields, before the miner signs */
};
const struct rule *rule_find(const char *name);
void rule_list(FILE *);
/* Whether this plan is the one that breaks the rule. */
bool rule_fits(const struct maker *, const struct plan *);

/* network.c: the network file, and what is decided ahead. */
void maker_network(struct maker *);
void maker_plan(struct maker *);
void consensus_hash(const struct maker *, uint64_t burn_height, uint8_t ch[CH_LEN]);
/* What sets words apart that something is derived from: of which PoX fork, and on which side of
 * --fork-at. */
const char *side(const struct maker *, unsigned fork, uint64_t burn_height);
/* Of either PoX fork. */
void fork_hash(const struct maker *, unsigned fork, uint64_t burn_height, uint8_t ch[CH_LEN]);
uint64_t total_burn(const struct maker *, uint64_t burn_height);
/* Header hash of a burn block, and the hash of its operations, in either PoX fork. */
void burn_hash(const struct maker *, uint64_t burn_height, uint8_t hash[32]);
void ops_hash(const struct maker *, uint64_t burn_height, uint8_t hash[32]);
uint64_t burn_time(const struct maker *, uint64_t burn_height);

/* signers.c */
void signers_make(struct maker *);
void signers_sign(const struct maker *, struct draft *);
void signers_sign_all(const struct maker *, struct draft *, uint32_t n);

/* txs.c: signatures of transactions are shapes, as nothing that checks blocks looks at them. */
void tx_tenure_change(struct maker *, struct buf *, uint32_t miner, const struct tenure_change *);
/* payload: 32 bytes; NULL: random. */
void tx_coinbase(struct maker *, struct buf *, uint32_t miner, bool vrf, const uint8_t *payload);
void tx_coinbase_alt(struct maker *, struct buf *, uint32_t miner);
void tx_transfer(struct maker *, struct buf *, unsigned anchor_mode);
void tx_any(struct maker *, struct buf *, enum epoch);
void tx_staking(struct maker *, struct buf *);
void tx_multisig(struct maker *, struct buf *, unsigned mode);
void tx_contract(struct maker *, struct buf *, bool versioned);
/* Two microblocks of one sequence, as evidence. */
void tx_poison(
    struct maker *, struct buf *, uint32_t miner, const struct micro *, const struct micro *);
/* 80 bytes of the form of a VRF proof. */
void vrf_proof(struct maker *, struct buf *);
/* Root over the transactions. */
void txs_root(uint8_t root[32], const struct buf *txs, uint32_t n);

/* grow.c */
void grow_sortition(struct maker *, uint64_t burn_height);
/* block.c: one block on `on`, moves maker.tip to it. The change of plan is set if it is not
 * ordinary. */
void block_add(struct maker *, struct plan *, const struct tip *on, bool canonical);

/* files.c */
/* Who won a burn block.  miner: NULL in epoch 2.x; seed: the commit has one. */
struct winner {
	const uint8_t *miner, *parent_ch, *committed;
	bool seed;
};
FILE *file_new(const struct maker *, const char *name);
void file_end(FILE *, const char *name);
void put_hex(FILE *, const void *, size_t);
void files_open(struct maker *);
/* winner: NULL where there is none. */
void files_sortition(struct maker *, uint64_t burn_height, unsigned fork, const struct winner *);
/* Sign what waits and append it. */
void files_flush(struct maker *);
void files_close(struct maker *);
#endif
