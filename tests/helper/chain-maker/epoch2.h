/* chain-maker: epoch 2.x blocks, the microblocks on them, and the rules that they can break. */
#ifndef CHAIN_MAKER_EPOCH2_H
#define CHAIN_MAKER_EPOCH2_H

#include "tests/helper/chain-maker/maker.h"

/* A microblock, whole. */
struct micro {
	struct buf raw;
	uint8_t hash[32];
	uint16_t sequence;
};

/* An epoch 2.x block, whole, and the microblocks that its producer put on it. */
#define MAX_STREAM 5
struct anchored {
	struct buf raw;
	uint8_t hash[32], id[ID_LEN], ch[CH_LEN], parent_id[ID_LEN];
	struct anchored *parent; /* NULL: the boot block */
	uint64_t height, burn_height;
	unsigned fork; /* of its sortition */
	bool canonical;
	struct keypair producer;
	/* rival: beside stream[rival_at], of the same key, sequence and block below; maybe empty */
	struct micro stream[MAX_STREAM], rival;
	uint32_t n_stream, rival_at;
	/* What its header confirms of the parent's stream: so many, or that many with the rival
	 * last. */
	uint32_t n_confirmed;
	bool by_rival;
	uint32_t taken; /* of its stream, that some child confirms */
	bool rival_taken;
};

/* What goes into an epoch 2.x block, before it is written: rules are broken here. */
struct plan2 {
	uint64_t burn_height, height, burn;
	bool forking;		 /* it will not be canonical */
	struct anchored *parent; /* NULL: the boot block */
	struct buf txs[64];
	uint32_t n_txs;
	uint8_t parent_hash[32], tail[32], root[32];
	uint16_t tail_sequence;
	uint32_t n_confirmed;
};
/* And what goes into a microblock. */
struct plan_micro {
	struct buf txs[8];
	uint32_t n_txs;
	uint16_t sequence;
	uint8_t prev[32], root[32];
	const struct keypair *key;
};

/* A rule of epoch 2.x: transactions before their root, fields after it.  Of a microblock rule,
 * micro is about the first of a stream. */
struct rule2 {
	struct rule rule;
	void (*txs)(struct maker *, struct plan2 *);
	void (*header)(struct maker *, struct plan2 *);
	void (*micro_txs)(struct maker *, struct plan_micro *);
	void (*micro)(struct maker *, struct plan_micro *);
};
/* rules2.c: those of epoch 2.x. */
const struct rule *rule2_find(const char *name);
void rule2_list(FILE *);
/* The rule that this plan breaks, or NULL; of rules of blocks, or (micro) of microblocks. */
const struct rule2 *rule2_of(const struct maker *, const struct plan2 *, bool micro);

/* epoch2.c: the sortition of a burn block of epoch 2.x and its block; and then where Nakamoto goes
 * on. */
void epoch2_grow(struct maker *, uint64_t burn_height);
void epoch2_end(struct maker *);
/* stream.c: the microblocks on a block, perhaps with a rival of one, perhaps breaking a rule (or
 * NULL); and what a child confirms of them. */
void stream_make(struct maker *, struct anchored *, const struct rule2 *);
void stream_confirm(struct maker *, struct plan2 *, struct anchored *child);
/* That a block breaks the rule. */
void epoch2_broken(struct maker *, const struct anchored *);
/* files2.c: blocks2, microblocks, unconfirmed. */
void files_epoch2(struct maker *);

#endif
