/* A block in its place: on its parent, at the border of its tenure, under its burn view; and the
 * rules of its model for that (DESIGN 4, spec/blocks.md 1.5 to 1.7, 3.1).  Pure: what the burnchain
 * view says is asked of the caller, and what it does not know weakens a rule and never breaks one.
 *
 * An epoch 2.x block is a tenure of one block, start and end at once, of the sortition that it
 * won. */
#ifndef BLOCKSYNC_CHAIN_PLACE_H
#define BLOCKSYNC_CHAIN_PLACE_H

#include "common/chain/block.h"
#include "common/chain/reason.h"

/* What the burnchain view says of one consensus hash; found = false: unknown. */
struct burn_fact {
	bool found, canonical;
	uint64_t burn_height;
	bool has_total_burn;
	uint64_t total_burn;
	bool won;			/* there is a winner */
	/* its commit's block hash: the id of the parent tenure's start (or of the parent 2.x
	 * block); in epoch 2.x the winner's own block hash */
	uint8_t committed[ID_LEN];
	uint8_t parent_ch[CH_LEN];	/* tenure that its commit builds on; zeros: unknown, or the
					 * boot block */
	bool first;			/* no sortition below had a winner: only the boot block is
					 * there to build on */
};
/* How the burnchain view is asked. */
struct burn_lookup {
	struct burn_fact (*fact)(void *arg, const uint8_t ch[CH_LEN]);
	/* Whether the commit of a canonical sortition above a burn height names this id. */
	bool (*names)(void *arg, const uint8_t id[ID_LEN], uint64_t above);
	void *arg;
	const struct network *net;	/* whose shadow blocks are believed; NULL: none */
};

/* What is remembered of a block to judge it and its children in their place. */
struct link {
	enum model model;
	enum block_kind kind;
	uint8_t id[ID_LEN], parent[ID_LEN], ch[CH_LEN];
	uint64_t height;
	/* satoshis: Nakamoto: up to the burn view; 2.x: total_work.burn, up to the parent's
	 * sortition */
	uint64_t burn;
	/* its burn view: of its tenure change, else what link_follow took (zeros: unknown); 2.x:
	 * its own sortition */
	uint8_t view[CH_LEN];
	/* Of a start: the tenure below, and how many blocks it counts there (2.x: one).  Of an
	 * extension: its own tenure, and the blocks so far. */
	uint8_t prev_ch[CH_LEN];
	uint32_t prev_blocks;
	/* Nakamoto: the start of a shadow tenure, whose sortition need have no winner; it names the
	 * tenure below itself. */
	bool shadow;
	uint8_t names[ID_LEN];
	/* 2.x: last microblock of the parent's stream that it confirms; zeros: it confirms none */
	uint8_t tail[32];
	uint16_t tail_sequence;
};
/* False: an epoch 2.x block whose sortition is unknown, or says not what its commit builds on: it
 * has no place yet. */
bool link_of(struct link *, const struct block *, const struct burn_lookup *);
/* A block that stands on its parent: an ordinary one has the parent's burn view. */
void link_follow(struct link *child, const struct link *parent);

/* The rules of a model for its tenures. */
struct place_rules {
	/* Whether a commit names this block as the start of the tenure ch.  Nakamoto: that of a
	 * later canonical sortition; 2.x: that of its own. */
	bool (*named)(const uint8_t ch[CH_LEN], const uint8_t id[ID_LEN],
	    const struct burn_lookup *);
	/* A start by what its own sortition says. */
	enum chain_reason (*start)(const struct link *start, const struct burn_lookup *);
	/* Whether the start's commit fits a tenure below that begins with the block parent_start:
	 * REASON_OK or REASON_COMMIT. */
	enum chain_reason (*commit)(const struct link *start, const uint8_t parent_start[ID_LEN],
	    const struct burn_lookup *);
	/* The border below a start: the tenure below starts at parent_start (id), and holds
	 * parent_count blocks from its start to the start's parent, both included.  The parent may
	 * be of another model. */
	enum chain_reason (*border)(const struct link *start, const struct link *parent,
	    const uint8_t parent_start[ID_LEN], uint64_t parent_count, const struct burn_lookup *);
};
const struct place_rules *place_rules(enum model);

/* A block on its parent, both of one tenure: height, continuity, burn view, burn_spent, extension
 * rules (blocks_so_far: blocks of the tenure below the child). */
enum chain_reason place_child(const struct link *child, const struct link *parent,
    uint64_t blocks_so_far, const struct burn_lookup *);
/* The block that everything starts on, which nobody sends: height 0, tenure of zeros.  True: id is
 * its id, and it is filled in. */
bool place_boot(struct link *, const uint8_t id[ID_LEN]);
/* Whether a start is that of the first Nakamoto tenure, on an epoch 2.x block, as far as it can be
 * told without that block.  below: mask of the models that the tenure below may have (0: nobody
 * knows).  REASON_COUNT, REASON_COMMIT: it cannot be right, whatever the block below is. */
enum chain_reason place_crossing(const struct link *start, unsigned below, bool *crosses,
    const struct burn_lookup *);

#endif
