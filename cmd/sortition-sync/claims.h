/* Quorums beside the burn blocks: the reward set of each
 * cycle, and the tip of the blocks.  Pure. */
#ifndef SORTITION_SYNC_CLAIMS_H
#define SORTITION_SYNC_CLAIMS_H

#include "common/rec/rec.h"

#define CLAIMS_CYCLES 4000	/* above the first wanted: a few centuries */
#define CLAIMS_TIPS 8		/* newest tips of a source: sources may be some blocks apart */

/* A reward set that somebody claims; keys and weights follow it in memory. */
struct set_claim { struct set_claim *next; uint64_t mask; struct rec_reward_set set; };
struct set_cycle {
	struct set_claim *claims;
	uint64_t asked, missing;	/* sources */
	uint64_t mask;			/* that agree with the settled set */
	uint8_t digest[32];		/* of the settled set */
	bool settled;
};

struct claims {
	unsigned n, quorum;
	uint64_t ignored;
	uint64_t sets_from, tips_from;	/* sources that can tell reward sets, and tips */
	uint64_t low, high;		/* cycles wanted: [low, high); none while high == low */
	struct set_cycle *cycles;
	struct rec_tip tips[64][CLAIMS_TIPS];
	unsigned n_tips[64];
	struct rec_tip best;
	bool has_best;
};

void claims_init(struct claims *, unsigned sources, unsigned quorum, uint64_t low_cycle);
void claims_release(struct claims *);
void claims_ignore(struct claims *, unsigned source);
/* Cycles below `high` are wanted from now on. */
void claims_want(struct claims *, uint64_t high);
/* The store has this set already. */
void claims_load(struct claims *, const struct rec_reward_set *);
/* The newest cycle that a source has not been asked for; marks it asked. */
bool claims_next(struct claims *, unsigned source, uint64_t *cycle);
void claims_failed(struct claims *, unsigned source, uint64_t cycle);
void claims_missing(struct claims *, unsigned source, uint64_t cycle);
/* Cycles from here on that were missing may be there now. */
void claims_retry(struct claims *, uint64_t from_cycle);

/* The burnchain gave way: sets of cycles from here on may be other ones now.  What is settled
 * stands until the quorum says otherwise. */
void claims_recheck(struct claims *, uint64_t from_cycle);

/* What a source says of a cycle: */
enum claim { CLAIM_NOTED, CLAIM_SETTLED, CLAIM_FALSE };
/* CLAIM_SETTLED: the set is now known, *out points at it until the next call (out->sources says how
 * many agree). CLAIM_FALSE: *liars are the sources that contradict the quorum. */
enum claim claims_set(struct claims *, unsigned source, const struct rec_reward_set *,
    struct rec_reward_set *out, uint64_t *liars);
/* Every cycle in [low, below) is known, or no source that can tell has it. */
bool claims_complete(const struct claims *, uint64_t below);

/* A source's block tip.  CLAIM_SETTLED: ->best changed. CLAIM_FALSE: *liars name another start of a
 * tenure than the quorum. */
enum claim claims_tip(struct claims *, unsigned source, const struct rec_tip *, uint64_t *liars);

#endif
