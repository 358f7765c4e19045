/* Inside of the planner: shared by planner.c (what is wanted), sources.c (who), answers.c and
 * verdicts.c (what came), schedule.c (what next), patience.c (what takes too long) and state.c (how
 * far).  Nobody else includes this. */
#ifndef BLOCK_FETCH_PLAN_H
#define BLOCK_FETCH_PLAN_H

#include "cmd/block-fetch/limits.h"
#include "cmd/block-fetch/planner.h"
#include "cmd/block-fetch/sources.h"

enum body_state {
	B_NONE,		/* not wanted */
	B_WAIT,		/* the end is not known yet */
	B_READY,	/* to be asked: its bit is in `ready` */
	B_ASKED,	/* a transfer runs */
	B_WRITTEN,	/* whole; verdicts are awaited */
	B_LOOK,		/* the store is to be asked what it has, once no verdict is awaited */
	B_LOOKING,	/* ACT_LOOK is out */
	B_UNPROVEN,	/* whole in the store, not proven */
	B_PROVEN,
	B_FAILED,	/* refused, or set aside */
};
/* F_DISPUTED: commits name different starts; the one that its blocks link down to is it.  F_HELD:
 * it waits until its suspect was tried. */
enum {
	F_WON = 1, F_NAMED = 2, F_TIP = 4, F_START = 8, F_ASK_START = 16, F_STORED = 32,
	F_PROVISIONAL = 64, F_CHILD = 128, F_MAIN = 256, F_NEWEND = 512, F_RELOOK = 1024,
	F_TOLD = 2048, F_ASIDE = 4096, F_DISPUTED = 8192, F_HELD = 16384
};

/* One burn block at or above the first wanted height: its slot is its height's. */
struct slot {
	uint8_t ch[CH_LEN], start[ID_LEN], end[ID_LEN];
	/* slot of the tenure that the commit builds on, + 1; 0: none wanted */
	uint32_t parent;
	uint32_t work;		/* index + 1 */
	uint32_t awaiting;	/* blocks without verdict */
	uint16_t flags;
	uint8_t state;
	uint8_t why;		/* of B_FAILED and B_UNPROVEN: index into whys */
};

/* A slot that is being worked on. */
struct work {
	uint32_t slot;
	uint8_t cursor[ID_LEN], stop[ID_LEN];
	uint8_t refused_id[ID_LEN], refused_hash[32];
	int refused_by;			/* source, -1 */
	uint64_t not_before;
	/* sources that are done with it, as masks: for the body, for the start */
	uint64_t out[2];
	uint8_t tries[MAX_SOURCES];
	uint8_t transfers, rounds;
	uint8_t why;			/* last failure */
	bool used, begun;		/* begun: cursor counts, not the slot's end */
};

struct transfer {
	bool used, cancelled, complete, wrong;
	enum strike strike;		/* cut for want of progress */
	const char *what;
	unsigned source;
	enum ask ask;
	uint32_t slot, work;		/* work + 1 */
	uint8_t expect[ID_LEN], stop[ID_LEN], first[ID_LEN];
	/* sent by the clock; the others in patience (ms); began: age at the first byte */
	uint64_t sent, age, idle, began;
	unsigned others, since;		/* answers of others since the last byte, the first byte */
	uint32_t blocks, fresh;		/* whole blocks; of them new */
	uint64_t bytes, marked_at, marked_bytes;
};

struct unresolved {
	uint8_t parent_ch[CH_LEN], committed[ID_LEN], end[ID_LEN];
	uint32_t child;
	bool has_end;
};
struct single {
	uint8_t id[ID_LEN], ch[CH_LEN];
	char avoid[MAX_SOURCE + 1];
	uint8_t tries;
	bool asked;
};

struct planner {
	const struct network *net;
	uint64_t first;
	bool written_is_done, once, ended;
	struct slot *slots;
	uint32_t n_slots, cap_slots;
	uint32_t *index, index_size;		/* consensus hash -> slot + 1 */
	/* bitmaps over slots: bodies to ask, starts to ask, looks to take */
	uint64_t *ready, *starts, *looks;
	bool sets[MAX_CYCLES];			/* reward sets that are known */
	struct unresolved *unresolved;
	unsigned n_unresolved;
	struct work *works;
	uint32_t n_works, free_work;		/* free_work: a hint */
	struct source sources[MAX_SOURCES];
	unsigned n_sources;
	struct transfer transfers[MAX_TRANSFERS];
	unsigned in_flight;
	struct single *singles;
	unsigned n_singles;
	struct action *actions;
	unsigned head, n_actions, cap_actions;
	struct plan_tip tip;
	/* holds: slots are F_HELD; judged: a block got a verdict, so the judges work */
	bool has_tip, room, holds, judged;
	char whys[64][48];
	unsigned n_whys;
	uint32_t wanted, proven, failed, n_ready;
	uint32_t awaiting;			/* blocks without verdict, of all */
	uint32_t recheck;			/* where the next look at proven ones begins */
	/* heard_at: a byte of anyone */
	uint64_t began, turned, news_at, retry_at, stats_at, relook_at, heard_at;
	double mean, median, body, body_ms;	/* of rates (bytes/s); of a body: bytes, ms */
	unsigned measured;
	bool no_offer, no_offer_known;
};
#define NO_SOURCE (-1)
static inline bool slot_wanted(const struct slot *s) { return s->flags & (F_NAMED | F_TIP); }
static inline bool id_zero(const uint8_t id[ID_LEN]) { return all_zero(id, ID_LEN); }
static inline bool id_is(const uint8_t *a, const uint8_t *b) { return memcmp(a, b, ID_LEN) == 0; }

/* Next bit set at or above `from`, below n; or -1. */
static inline int64_t bit_next(const uint64_t *map, uint32_t n, uint32_t from)
{
	for (uint32_t w = from / 64; w * 64 < n; w++) {
		uint64_t bits = w == from / 64 ? map[w] & ~0ull << from % 64 : map[w];
		if (bits) {
			uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(bits);
			return i < n ? (int64_t)i : -1;
		}
	}
	return -1;
}

/* planner.c */
struct slot *plan_slot(struct planner *, const uint8_t ch[CH_LEN]);
uint32_t plan_index(const struct planner *, const struct slot *);
uint64_t plan_height(const struct planner *, uint32_t slot);
bool plan_set_known(const struct planner *, uint32_t slot);
/* keeps the bitmaps and counts */
void plan_state(struct planner *, uint32_t slot, enum body_state);
void plan_refresh(struct planner *, uint32_t slot);			/* its bits anew */
void plan_start_known(struct planner *, uint32_t slot, const uint8_t parent_id[ID_LEN],
    const uint8_t prev_ch[CH_LEN]);
void plan_reopen(struct planner *, uint32_t slot, const uint8_t old_end[ID_LEN]);
uint8_t plan_why(struct planner *, const char *);
struct work *plan_work(struct planner *, uint32_t slot);		/* made if lacking */
void plan_work_free(struct planner *, uint32_t slot);
struct action *plan_act(struct planner *, enum action_kind);
void plan_want(struct planner *, uint32_t slot, enum want_state, const char *why);

/* answers.c */
void transfer_cancel(struct planner *, unsigned transfer);
void slot_failed_at(struct planner *, const struct transfer *, uint64_t now, const char *why,
    bool for_good);
bool slot_may_ask(const struct planner *, unsigned source, uint32_t slot, bool start);
bool slot_offered(const struct planner *, uint32_t slot, uint64_t now, bool start);

/* verdicts.c */
void plan_single_drop(struct planner *, unsigned i);
/* what it is to do next, once nothing of it is under way */
void plan_settle(struct planner *, uint32_t slot);

/* schedule.c */
bool plan_offers(struct planner *, uint64_t now);	/* something wanted is on offer */

/* patience.c */
void plan_patience(struct planner *, uint64_t now, uint64_t spent);
void plan_retry(struct planner *, uint64_t now);	/* what had failed may be tried again */

/* state.c */
bool plan_catching_up(const struct planner *);	/* more than a few tenures are missing */
bool plan_near_tip(const struct planner *);	/* so that sources' own tips are of interest */

#endif
