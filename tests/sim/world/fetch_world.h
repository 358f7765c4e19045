/* A world without content for the planner: sortitions, tenures of blocks, a store that judges a
 * little later, and peers of many conducts, all under a virtual clock. */
#ifndef TESTS_SIM_FETCH_WORLD_H
#define TESTS_SIM_FETCH_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "cmd/block-fetch/planner.h"
#include "common/chain/bitvec.h"

#define FIRST 100u
#define STEP 5u
#define MAX_TENURES 4000u
#define MAX_BLOCKS 80u

enum conduct { HONEST, SILENT, DRIP, STALL, CUT, DEAD, NOTHING, SOME404, WRONG, GARBAGE, INVALID,
    BUSY, EMPTY, LIMITED, CONDUCTS };

struct tenure { bool started; uint32_t blocks, below; bool stored[MAX_BLOCKS]; };
/* frozen: until then it stands still */
struct peer {
	enum conduct conduct;
	unsigned latency;
	double rate;
	unsigned faults, slow;
	uint64_t sent, frozen, window;
	unsigned left;
};
struct answer {
	bool live;
	unsigned source;
	enum ask ask;
	uint32_t tenure, next, stop;
	uint64_t begin;
	double bytes, due;
	bool body;
};
struct written { uint32_t tenure, block; unsigned source; uint64_t height; uint8_t id[ID_LEN]; };

struct world {
	struct network net;
	struct planner *plan;
	struct tenure tenures[MAX_TENURES];
	uint32_t n, n_blocks, last;
	struct peer peers[16];
	unsigned n_peers;
	struct answer answers[128];
	struct written queue[8192];
	unsigned head, tail;
	double per_ms, credit;		/* blocks judged in a millisecond */
	uint64_t now, useful, sent, requests;
	uint32_t bad_tenure, bad_block;	/* a block of the chain itself that is refused */
	bool has_bad;
	uint32_t aside_tenure, aside_sources;	/* a tenure whose first block is set aside at these
						 * sources (a mask) */
	/* ms: so long peers stand still at most, once in ten seconds or so */
	unsigned freezes;
	uint64_t claim_from;		/* peers claim nothing of cycles below */
	/* winners that start nothing name a block that nobody has */
	bool wrong_commits;
	uint32_t seed;
};

extern const char *const conduct_name[];

/* Number below n. */
uint32_t world_dice(struct world *w, uint32_t n);
void world_id(uint8_t id[ID_LEN], uint32_t tenure, uint32_t block);
void world_ch(uint8_t ch[CH_LEN], uint32_t tenure);
uint32_t world_block_size(uint32_t tenure, uint32_t block);
/* Tenures of 1 to max_blocks blocks; one sortition in ten starts none. The view is not told yet. */
void world_make(struct world *w, uint32_t seed, uint32_t tenures, uint32_t max_blocks);
/* Tell the planner all of it. */
void world_view(struct world *w);
void world_name_tip(struct world *w, uint32_t block);
/* bytes_per_ms over all connections. */
void world_peer(struct world *w, enum conduct conduct, unsigned latency, double bytes_per_ms);
/* One step of peers, of the store, of the planner. */
void world_serve(struct world *w);
void world_judge(struct world *w);
void world_act(struct world *w);
void world_do(struct world *w, const struct action *a);	/* what the planner asked for */
/* Until nothing is under way or on offer: the milliseconds, or 0 if it took longer than `most`. */
uint64_t world_run(struct world *w, uint64_t most);
void world_all_proven(struct world *w, const char *what);
void world_honest_unblamed(struct world *w, const char *what);

#endif
