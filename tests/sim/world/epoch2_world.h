/* A chain that crosses from epoch 2.x into Nakamoto, without content: sortitions, anchored blocks,
 * the streams that some confirm, forks, winners without a block, then tenures; a store that judges
 * at once, and peers of some conducts, all under a virtual clock. */
#ifndef TESTS_SIM_EPOCH2_WORLD_H
#define TESTS_SIM_EPOCH2_WORLD_H

#include "tests/sim/world/fetch_world.h"	/* FIRST: burn height of sortition 0; STEP */

#define MOST 600u
#define NOBODY UINT32_MAX

/* What a sortition has: no winner; a block of the chain; of a fork that ended; a winner who made no
 * block. */
enum fate { NO_WINNER, CHAIN, FORK, PHANTOM };
/* A peer that has all, no streams, not the block `hidden` though it claims it, or fork blocks only
 * by its word. */
enum conduct2 { ALL, NO_STREAMS, WITHHOLDS, BOASTS };

struct sortition2 {
	enum fate fate;
	bool nakamoto, confirms;
	uint32_t below;			/* what its commit builds on */
	uint8_t ch[CH_LEN], hash[32], id[ID_LEN];
	bool stored, stream_stored, refused;
	unsigned bad_streams; /* so many copies of its stream are refused */
};
struct peer2 { enum conduct2 conduct; double rate; unsigned faults, inflight; };
struct answer2 {
	bool live;
	unsigned source;
	enum ask ask;
	uint32_t of;
	double left;			/* bytes */
	uint64_t begin;
};
struct written2 { uint32_t of; unsigned source; enum item_kind kind; };

struct world2 {
	struct network net;
	struct planner *plan;
	struct sortition2 at[MOST];
	uint32_t n, epoch3;		/* sortitions; the first of epoch 3.0 */
	uint32_t top2, top;		/* the chain's last block of epoch 2.x; of all */
	struct peer2 peers[8];
	unsigned n_peers;
	struct answer2 answers[128];
	struct written2 queue[1024];
	unsigned head, tail;
	uint32_t hidden;
	uint64_t now;
	unsigned asked_streams, asked_unclaimed;
	uint32_t seed;
	unsigned wants[2];		/* ACT_WANT: of bodies, of streams */
};

/* n sortitions, the last ones of epoch 3.0.  The view is not told yet. */
void world2_make(struct world2 *, uint32_t seed, uint32_t n, uint32_t epoch3);
/* All of it, newest first by halves, and the tip if there is a tenure. */
void world2_view(struct world2 *);
void world2_sortition(struct world2 *, uint32_t t);
void world2_tip(struct world2 *, uint32_t t);
void world2_peer(struct world2 *, enum conduct2, double bytes_per_ms);
/* Until nothing is under way or on offer: the milliseconds, or 0 if it took longer than `most`. */
uint64_t world2_run(struct world2 *, uint64_t most);
/* All of the chain is stored, with its streams; why says what. */
void world2_whole(struct world2 *, bool streams, const char *why);
void world2_unblamed(struct world2 *);

#endif
