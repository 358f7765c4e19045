/* Which tenures we claim, and the bits of a cycle (spec/wire.md 4.4, spec/sync.md B.1 and D.3).
 *
 * A peer takes from our bits the ids that it asks for: with bit i set, the next set bits j and k
 * name by their commits the start of i and the start of j.  So set bits that follow each other must
 * be parent and child.  A stacks-node looks for j and k in the cycle of i and in the next one, so
 * that a cycle without a bit parts what it sees.  Claimed are the canonical chain and, above it,
 * every whole run of proven tenures, the highest first, as far as a whole cycle lies between it and
 * the claims beside it.  Pure: no store, no loop. */
#ifndef BLOCK_SERVE_INVENTORY_H
#define BLOCK_SERVE_INVENTORY_H

#include "common/chain/bitvec.h"
#include "common/chain/inventory.h"
#include "common/limits.h"

#define INV_CYCLES 64
#define INV_RUNS 128	/* two cycles each at least: mainnet's history has room for half as many */

/* A proven tenure on the canonical sortitions. */
struct inv_tenure {
	uint64_t burn_height;
	uint8_t start_id[ID_LEN];
	uint8_t committed[ID_LEN];	/* its own sortition's: the start of the tenure below */
	bool complete;			/* its last block is known and held */
	bool newest;			/* among the network's newest, which may be incomplete */
};

/* The plan: the canonical chain up to a burn height, and runs of burn heights. */
struct inv_plan {
	bool has_chain;
	uint64_t chain_top;		/* has_chain */
	struct inv_run { uint64_t from, to; } runs[INV_RUNS];	/* the highest first */
	unsigned n_runs;
	/* while the runs are made: the last tenure, and whether the last run goes on below it */
	bool has_above, open;
	struct inv_tenure above;
};
/* Begin with the canonical chain's highest tenure, or NULL if there is no chain; below is the burn
 * height of the tenure under it (which takes the top's place if the top may not be claimed), or
 * NULL.  The runs stay as they are. */
void inv_plan_begin(struct inv_plan *, const struct inv_tenure *top, const uint64_t *below);
/* The lowest burn height at which a run may begin. */
uint64_t inv_plan_low(const struct inv_plan *, const struct network *);
/* Make the runs anew: proven tenures, descending by burn height. */
void inv_runs_begin(struct inv_plan *);
void inv_runs_add(struct inv_plan *, const struct network *, const struct inv_tenure *);
/* Whether a proven tenure is claimed; canonical: it is of the canonical chain. */
bool inv_claims(const struct inv_plan *, const struct network *, uint64_t burn_height,
    bool canonical);
/* Bits of a cycle at a burn tip: 0 if the cycle is above it (no bit vector is then possible). */
uint32_t inv_length(const struct network *, uint64_t cycle, uint64_t burn_tip);

/* The index: the plan and the bits of the cycles asked for last, good as long as the key holds. */
struct inv_cycle {
	enum model model;	/* NAKAMOTO: bits of tenures; EPOCH2: of blocks and their streams */
	uint64_t cycle, used;
	uint64_t made;		/* EPOCH2: ms */
	size_t seen;		/* EPOCH2: the commit that they are of */
	uint32_t count;
	uint8_t bits[(MAX_CYCLE_BITS + 7) / 8], streams[(MAX_CYCLE_BITS + 7) / 8];
};
struct inv_index {
	bool planned;
	/* there is no chain yet, or there is room above it: proven tenures may come any time */
	bool behind;
	uint64_t made, keep_ms;		/* ms, when the runs were made; they are kept so long,
					 * twenty times what they cost at least ... */
	uint8_t burn[CH_LEN];		/* ... and while this is the burn tip */
	uint8_t key[32];		/* of what the bits depend on */
	struct inv_plan plan;
	struct inv_cycle cycles[INV_CYCLES];
	unsigned n;
	uint64_t clock, hits, misses, drops;
};
/* Forget everything if the key is another one, or if there may be more to claim (once in keep_ms at
 * most). */
void inv_index_key(struct inv_index *, const uint8_t key[32], uint64_t now_ms);
struct inv_cycle *inv_index_find(struct inv_index *, enum model, uint64_t cycle);
/* A place for a cycle: its own, a free one or the longest unused. */
struct inv_cycle *inv_index_place(struct inv_index *, enum model, uint64_t cycle);
#endif
