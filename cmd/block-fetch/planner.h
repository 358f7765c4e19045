/* The download planner: what is wanted, from whom, and what next.  Pure: events with their time in
 * milliseconds go in, actions come out; no socket, store or clock is touched (tests/sim/fetch_*.c
 * drive it).
 *
 * Each burn block at or above the first wanted height has a slot, and each slot two items, which
 * are asked for, judged and counted apart (enum item_kind of records.def):
 *   Nakamoto   BODY: the blocks of the tenure, asked from its end downwards in one request.
 *              START: its first block alone, which tells where the tenure below ends.
 *   epoch 2.x  BODY: the anchored block; its id is known from its own commit.
 *              STREAM: the microblocks between the parent's block and this one, if its header
 *              confirms any.  Asked for once both blocks are proven; no block waits for it.
 *
 * Wanted are the Nakamoto tenures that a later commit names, and the tip that the quorum of sources
 * names: the commit names the start, the start block's parent is the end of the tenure below
 * (spec/blocks.md 1.7, 4.2).  So each tenure is one independent request.  Wanted ("needed") of
 * epoch 2.x is the block that the lowest of these tenures builds on, or the quorum's tip, and by
 * parents all below it.  Another winner of epoch 2.x is fetched if a peer claims it ("offered"),
 * and is missed by nobody; the rest ("unclaimed") may never have existed.
 *
 * The states of an item, and what moves it to the next one:
 *
 *   state     what it says                   event                            next state
 *   NONE      not wanted                     it is wanted; its end unknown    WAIT
 *                                            the same; its end is known       READY, or LOOK if the
 *                                                                             store has some of it
 *   WAIT      its end is not known           its end becomes known            READY or LOOK
 *   READY     to be asked for                a request is sent                ASKED
 *   ASKED     a request is out               the last block came              WRITTEN
 *                                            the request failed               READY
 *   WRITTEN   whole; verdicts are awaited    the last verdict came            LOOKING
 *   LOOK      the store is to be looked at   no verdict is awaited            LOOKING
 *   LOOKING   ACT_LOOK is out                proven / whole but not proven    PROVEN / UNPROVEN
 *                                            blocks are missing               READY
 *   UNPROVEN  whole in the store             looked at again                  LOOKING
 *   PROVEN    done                           a recheck                        LOOK
 *   FAILED    refused, or set aside          a retry                          LOOK
 *
 *   any       the view gives way             NONE
 *   any but NONE, PROVEN                     refused twice, set aside, or
 *                                            another start than the named     FAILED
 *   any, ASKED and LOOKING when they end     another end; a copy is of no use READY, or LOOK if the
 *                                                                             store has some of it
 *   the same, and NONE                       its start is its end, and here   WRITTEN
 * Without verdicts (-o) an item that is whole is PROVEN at once.  A START is NONE, READY, ASKED or
 * PROVEN: its block is judged as one of the body's.  slots.c holds this table (item_become). */
#ifndef BLOCK_FETCH_PLANNER_H
#define BLOCK_FETCH_PLANNER_H

#include "cmd/block-fetch/action.h"
#include "cmd/block-fetch/trouble.h"
#include "common/chain/inventory.h"
#include "common/limits.h"

struct planner;

/* first_height: lowest burn height wanted.  written_is_done (-o): no verdicts are awaited.
 * once (-1): sources are left out for good, unavailable tenures stay so. */
struct planner *planner_new(const struct network *, uint64_t first_height, bool written_is_done,
    bool once);
void planner_free(struct planner *);

/* ---- the burnchain view ---- */
/* A canonical sortition; another one at this height or with this consensus hash gives way.  won
 * false: a burn block without winner.  committed: of Nakamoto the start of the tenure that it
 * builds on; of epoch 2.x the hash of its own block. */
void planner_sortition(struct planner *, uint64_t height, const uint8_t ch[CH_LEN], bool won,
    const uint8_t parent_ch[CH_LEN], const uint8_t committed[ID_LEN]);
/* Where nobody won, the start of a shadow tenure that the network file lists says what a commit
 * would (spec/blocks.md 1.7): the tenure below, its start, and, as its parent, its end. */
void planner_shadow(struct planner *, const uint8_t ch[CH_LEN], const uint8_t prev_ch[CH_LEN],
    const uint8_t committed[ID_LEN], const uint8_t parent_id[ID_LEN]);
/* The view above this height is void. */
void planner_unlearn(struct planner *, uint64_t height);
void planner_reward_set(struct planner *, uint64_t cycle);
/* The tip that the quorum names. */
struct plan_tip {
	uint8_t id[ID_LEN], ch[CH_LEN], start_id[ID_LEN], parent_ch[CH_LEN],
	    parent_start_id[ID_LEN];
};
void planner_tip(struct planner *, const struct plan_tip *);

/* ---- sources ---- */
/* A peer (name: its key in hex) or an operator's URL, up.  Index, or -1 if there are too many. */
int planner_source(struct planner *, uint64_t now, const char *name, bool is_url);
/* Under which URL it is reached: for what is told to people. */
void planner_source_at(struct planner *, unsigned source, const char *url);
void planner_source_down(struct planner *, unsigned source);
/* What it has of a cycle: replaces what it said before. */
void planner_claims(struct planner *, unsigned source, enum inventory_kind, uint64_t cycle,
    const uint8_t *bits, uint32_t count);
/* What only the caller can see of a source: a private, empty or malformed URL. It is faulted once,
 * and left out until it has another. */
void planner_useless(struct planner *, uint64_t now, const char *name, enum trouble,
    const char *evidence);
/* A claim of its own about the tip: tried with this source alone. stop: highest block held of that
 * tenure, or NULL. */
void planner_claim(struct planner *, uint64_t now, unsigned source, const uint8_t ch[CH_LEN],
    const uint8_t id[ID_LEN], const uint8_t *stop);

/* ---- the store ---- */
/* Blocks of a tenure are in the store; start_held: the start is, with its parent and the tenure of
 * that. */
void planner_held(struct planner *, const uint8_t ch[CH_LEN], bool start_held,
    const uint8_t parent_id[ID_LEN], const uint8_t prev_ch[CH_LEN]);
/* A stream that nobody was asked for is in the store. */
void planner_held_stream(struct planner *, const uint8_t ch[CH_LEN]);
/* Answer to ACT_LOOK: how much of an item the store has; of a body from `end` downwards. */
struct plan_look {
	bool proven;			/* proven, and reaches the end */
	bool whole;			/* all blocks are there, though not proven (why) */
	bool confirms;			/* an epoch 2.x header that confirms a stream */
	uint8_t cursor[ID_LEN];		/* else: highest block missing */
	/* highest block that links down to the start, zeros if none */
	uint8_t stop[ID_LEN];
	char why[64];
};
void planner_looked(struct planner *, uint64_t now, uint64_t height, enum item_kind,
    const struct plan_look *);
/* All that counts as proven is to be looked at once more. */
void planner_recheck(struct planner *);
/* The same for one tenure: blocks of it were lost. */
void planner_relook(struct planner *, const uint8_t ch[CH_LEN]);
/* The verdict on a block or stream that was taken. */
enum plan_verdict { VERDICT_STORED, VERDICT_REFUSED, VERDICT_UNDECIDED, VERDICT_ASIDE };
struct plan_judged {
	enum item_kind kind;		/* BODY or STREAM */
	uint64_t height;		/* of what was asked for, and its consensus hash */
	const uint8_t *ch, *id, *hash;	/* hash: of the bytes */
	int source;			/* -1: its place is another's by now */
	const char *reason;
};
void planner_verdict(struct planner *, uint64_t now, enum plan_verdict,
    const struct plan_judged *);
/* A block that was in flight when pipelines died: it is asked for alone, rather not from `avoid`.
 * Other blocks go first, until one has a verdict: where the judges crash at any block, none is
 * suspected for it.  Its tenure waits meanwhile. */
void planner_suspect(struct planner *, const uint8_t ch[CH_LEN], const uint8_t id[ID_LEN],
    const char *avoid);
/* What was set aside may be asked for again. */
void planner_forgive(struct planner *);

/* ---- answers ---- */
/* Body bytes came. */
void planner_bytes(struct planner *, uint64_t now, unsigned transfer, size_t n);
/* Whether a block of this id would be taken now: a header is asked for before the bytes behind it
 * are looked at. */
bool planner_expects(const struct planner *, unsigned transfer, const uint8_t id[ID_LEN]);
enum plan_take planner_block(struct planner *, uint64_t now, unsigned transfer,
    const struct plan_block *);
/* status: of HTTP; 1: the head had begun, 0: nothing came. */
void planner_end(struct planner *, uint64_t now, unsigned transfer, enum plan_end, unsigned status,
    unsigned retry_after_s);

/* ---- time and actions ---- */
/* Output has room for blocks (or not: then nothing new is asked, and no patience is lost). */
void planner_room(struct planner *, uint64_t now, bool);
/* Judge patience, choose requests.  Call after events, and at least ten times a second while
 * something is in flight. */
void planner_turn(struct planner *, uint64_t now);

bool planner_action(struct planner *, struct action *);
/* ---- state ---- */
struct plan_state {
	/* tenures; missing = wanted - proven - unavailable; of epoch 2.x the needed ones */
	uint32_t wanted, proven, missing, unavailable;
	/* streams that needed blocks confirm and that are not proven; other winners of epoch 2.x */
	uint32_t streams, offered, unclaimed;
	/* requests; usable sources; blocks without verdict */
	uint32_t in_flight, sources, awaiting;
	bool view;		/* a sortition at or above the first wanted height is known */
	bool idle;		/* nothing is asked, awaited or on offer */
	bool catching_up;
	uint32_t suspects;	/* not tried yet */
	double body;		/* mean bytes of a tenure's answer */
};
void planner_state(struct planner *, uint64_t now, struct plan_state *);
/* ACT_WANT for what is missing and has not been told yet. */
void planner_tell_missing(struct planner *);
/* Why wanted tenures that matter are missing, in one line; false if none is. */
bool planner_missing(struct planner *, char *out, size_t size);
const char *planner_source_name(const struct planner *, unsigned source);
/* A line on a source for people; false if there is none of this index. */
bool planner_source_line(const struct planner *, unsigned source, char out[256]);
/* No more news will come: sources may be asked for their own tips where no quorum named one. */
void planner_no_news(struct planner *);
size_t planner_memory(const struct planner *);

#endif
