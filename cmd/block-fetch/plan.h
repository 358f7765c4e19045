/* Inside of the planner.  Its files, in reading order:
 *   trouble.c   the words for what goes wrong
 *   slots.c     slots and items, the table of their states, works, actions
 *   planner.c   what is wanted: sortitions, reorgs, the quorum's tip
 *   names.c     what a slot stands for: names by commits, starts and ends, epoch 2.x
 *   claims.c    who has what: inventories
 *   sources.c   whom we ask, and how far we bear with them
 *   crowd.c     how they do beside each other
 *   answers.c   what came: bytes and blocks
 *   ends.c      how answers ended
 *   verdicts.c  what the later stages made of it
 *   asks.c      how a request is made
 *   schedule.c  what is asked next
 *   singles.c   what is asked for by itself: suspects, sources' own tips
 *   patience.c  what takes too long
 *   state.c     how far it is
 * Nobody else includes this. */
#ifndef BLOCK_FETCH_PLAN_H
#define BLOCK_FETCH_PLAN_H

#include "cmd/block-fetch/limits.h"
#include "cmd/block-fetch/planner.h"
#include "cmd/block-fetch/sources.h"

#define ITEM_KINDS 3
/* planner.h has the table. */
enum item_state {
	ST_NONE, ST_WAIT, ST_READY, ST_ASKED, ST_WRITTEN, ST_LOOK, ST_LOOKING, ST_UNPROVEN,
	ST_PROVEN, ST_FAILED, ITEM_STATES
};
/* What is known of a slot.  STARTED: its start block is here, so that its parent is known.
 * PROVISIONAL: its end may be another one yet.  CHILD: a wanted tenure builds on it.  MAIN: of the
 * chain of the quorum's tip.  DISPUTED: commits name different starts; the one that its blocks link
 * down to is it.  CONFIRMS: its epoch 2.x header confirms a stream. */
enum {
	FACT_WON = 1, FACT_NAMED = 2, FACT_TIP = 4, FACT_STARTED = 8, FACT_STORED = 16,
	FACT_PROVISIONAL = 32, FACT_CHILD = 64, FACT_MAIN = 128, FACT_DISPUTED = 256,
	FACT_CONFIRMS = 512
};
/* What is still to be done about an item.  NEW_END: its end changed while it was under way.
 * RELOOK: a copy was refused or lost.  TOLD: it was said that it is missing.  ASIDE: its copies are
 * set aside.  HELD: the slot waits until its suspect was tried. */
enum { DUE_NEW_END = 1, DUE_RELOOK = 2, DUE_TOLD = 4, DUE_ASIDE = 8, DUE_HELD = 16 };

struct item {
	uint8_t kind : 4, state : 4;
	uint8_t why;			/* of FAILED and UNPROVEN: see why_text */
	uint16_t awaiting;		/* blocks without verdict: MAX_WRITTEN bytes at most */
	uint32_t work : 24, due : 8;	/* work: index + 1 */
};
/* One burn block at or above the first wanted height: its slot is its height's. */
struct slot {
	uint8_t ch[CH_LEN], start[ID_LEN], end[ID_LEN];
	/* slot of the tenure that the commit builds on, + 1; 0: none wanted */
	uint32_t parent;
	struct item item[2];		/* the body; its start (Nakamoto) or stream (epoch 2.x) */
	uint16_t facts;
	uint8_t model;
};
/* An item that is being worked on. */
struct work {
	uint32_t slot;
	uint8_t transfers, rounds;
	uint8_t why;			/* last failure */
	bool used, begun;		/* begun: cursor counts, not the slot's end */
	uint8_t cursor[ID_LEN], stop[ID_LEN];
	uint8_t refused_id[ID_LEN], refused_hash[32];
	int refused_by;			/* source, -1 */
	uint64_t not_before, out;	/* out: a mask of the sources that are done with it */
	uint8_t tries[MAX_SOURCES];
};
struct transfer {
	bool used, cancelled, complete, wrong;
	enum strike strike;		/* cut for want of progress */
	enum trouble trouble;
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
/* A sortition whose parent tenure is not known yet. */
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
struct tally { uint32_t wanted, proven, failed; };

struct planner {
	const struct network *net;
	uint64_t first;
	bool written_is_done, once, ended;
	struct slot *slots;
	uint32_t n_slots, cap_slots;
	uint32_t *index, index_size;		/* consensus hash -> slot + 1 */
	uint64_t *ready[ITEM_KINDS];		/* bitmaps over slots: items to ask for */
	uint64_t *looks[ITEM_KINDS];		/* the store is to be looked at */
	/* some source claimed it, at some time since the last retry; any_url: a URL has all */
	uint64_t *claimed[ITEM_KINDS];
	bool any_url;
	/* set in these; of the ready ones, not needed */
	uint32_t n_ready[ITEM_KINDS], n_looks[ITEM_KINDS], n_spare[ITEM_KINDS];
	uint32_t scan[ITEM_KINDS], seen[ITEM_KINDS];	/* where a scan begins; ended */
	bool sets[MAX_CYCLES];			/* reward sets that are known */
	struct unresolved *unresolved;
	unsigned n_unresolved;
	struct work *works;
	uint32_t n_works, free_work;		/* free_work: a hint */
	struct source sources[MAX_SOURCES];
	unsigned n_sources;
	uint64_t base[INV_POX];			/* cycle of claims[kind][0] */
	struct transfer transfers[MAX_TRANSFERS];
	unsigned in_flight;
	struct single *singles;
	unsigned n_singles;
	struct action *actions;
	unsigned head, n_actions, cap_actions;
	struct plan_tip tip;
	/* holds: slots are HELD; judged: a block got a verdict, so the judges work */
	bool has_tip, room, holds, judged;
	char whys[64][48];			/* reasons that came from outside */
	unsigned n_whys;
	struct tally tally[ITEM_KINDS], offered[ITEM_KINDS];	/* offered: not needed */
	uint32_t winners, needed;		/* of epoch 2.x */
	uint32_t awaiting;			/* blocks without verdict, of all */
	uint32_t recheck;			/* where the next look at proven ones begins */
	/* heard_at: a byte of anyone */
	uint64_t began, turned, news_at, retry_at, stats_at, relook_at, heard_at;
	double mean, median, body, body_ms;	/* of rates (bytes/s); of a body: bytes, ms */
	unsigned measured;
	bool no_offer;				/* derived: nothing is on offer */
};
#define NO_SOURCE (-1)
#include "cmd/block-fetch/plan_calls.h"

#endif
