/* The download planner: what is wanted, from whom, and what next.  Pure: events with their time in
 * milliseconds go in, actions come out; no socket, store or clock is touched
 * (tests/sim/fetch_planner.c drives it).
 *
 * Wanted is every tenure that a later commit names, and the tip that the quorum of sources names.
 * The start id of a tenure is known from the commit; the start block's parent is the end of the
 * tenure below; a body is asked from its end downwards (spec/blocks.md 1.7, 4.2).  So each tenure
 * is one independent request. */
#ifndef BLOCK_FETCH_PLANNER_H
#define BLOCK_FETCH_PLANNER_H

#include "common/chain/network.h"
#include "common/limits.h"
#include "enums.h"	/* generated: enum want_state, enum fault_class */

struct planner;

/* first_height: lowest burn height wanted.  written_is_done (-o): no verdicts are awaited.
 * once (-1): sources are left out for good, unavailable tenures stay so. */
struct planner *planner_new(const struct network *, uint64_t first_height, bool written_is_done,
    bool once);
void planner_free(struct planner *);

/* ---- the burnchain view ---- */
/* A canonical sortition; another one at this height or with this consensus hash gives way.  won
 * false: a burn block without winner. */
void planner_sortition(struct planner *, uint64_t height, const uint8_t ch[CH_LEN], bool won,
    const uint8_t parent_ch[CH_LEN], const uint8_t committed[ID_LEN]);
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
void planner_claims(struct planner *, unsigned source, uint64_t cycle, const uint8_t *bits,
    uint32_t count);
/* What only the caller can see of a source: a private, empty or malformed URL. It is faulted once,
 * and left out until it has another. */
void planner_useless(struct planner *, uint64_t now, const char *name, const char *what,
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
/* Answer to ACT_LOOK: how much of a tenure the store has, from `end` downwards. */
struct plan_look {
	bool proven;			/* proven, and reaches the end */
	bool whole;			/* all blocks are there, though not proven (why) */
	uint8_t cursor[ID_LEN];		/* else: highest block missing */
	/* highest block that links down to the start, zeros if none */
	uint8_t stop[ID_LEN];
	char why[64];
};
void planner_looked(struct planner *, uint64_t now, uint64_t height, const struct plan_look *);
/* All that counts as proven is to be looked at once more. */
void planner_recheck(struct planner *);
/* The same for one tenure: blocks of it were lost. */
void planner_relook(struct planner *, const uint8_t ch[CH_LEN]);
/* The verdict on a block that was taken. hash: of its bytes. */
enum plan_verdict { VERDICT_STORED, VERDICT_REFUSED, VERDICT_UNDECIDED, VERDICT_ASIDE };
void planner_verdict(struct planner *, uint64_t now, uint64_t height, const uint8_t ch[CH_LEN],
    int source, enum plan_verdict, const uint8_t id[ID_LEN], const uint8_t hash[32],
    const char *reason);
/* A block that was in flight when pipelines died: it is asked for alone, rather not from `avoid`.
 * Other blocks go first, until one has a verdict: where the judges crash at any block, none is
 * suspected for it.  Its tenure waits meanwhile. */
void planner_suspect(struct planner *, const uint8_t ch[CH_LEN], const uint8_t id[ID_LEN],
    const char *avoid);
/* What was set aside may be asked for again. */
void planner_forgive(struct planner *);

/* ---- answers ---- */
struct plan_block { const uint8_t *id, *parent, *ch, *prev_ch; bool start; uint32_t len; };
enum plan_take {
	TAKE,		/* write it */
	TAKE_LAST,	/* write it; nothing more is expected of this answer */
	DUPLICATE,	/* have it; go on */
	STOP_WRONG,	/* not what was asked: a lie, the transfer is over */
	STOP_QUIET,	/* no longer needed */
};
/* Body bytes came. */
void planner_bytes(struct planner *, uint64_t now, unsigned transfer, size_t n);
/* Whether a block of this id would be taken now: a header is asked for before the bytes behind it
 * are looked at. */
bool planner_expects(const struct planner *, unsigned transfer, const uint8_t id[ID_LEN]);
enum plan_take planner_block(struct planner *, uint64_t now, unsigned transfer,
    const struct plan_block *);
enum plan_end {
	END_DONE,	/* a whole answer (status) */
	END_CONNECT,	/* no connection, or hung up before the head */
	END_UNRESOLVED,	/* no address for its name */
	END_CUT,	/* the body ended early, or within a block */
	END_PROTOCOL,	/* no HTTP that we take */
	END_TOO_LARGE,
	END_GARBAGE,	/* bytes that are no block */
	END_TRAILING,	/* bytes after what was asked */
	END_MORE,	/* blocks after what was asked */
	END_PRIVATE,	/* resolves to a private address */
	END_STOPPED,	/* we stopped it: STOP_WRONG, STOP_QUIET, ACT_CANCEL */
};
/* status: of HTTP; 1: the head had begun, 0: nothing came. */
void planner_end(struct planner *, uint64_t now, unsigned transfer, enum plan_end, unsigned status,
    unsigned retry_after_s);

/* ---- time and actions ---- */
/* Output has room for blocks (or not: then nothing new is asked, and no patience is lost). */
void planner_room(struct planner *, uint64_t now, bool);
/* Judge patience, choose requests.  Call after events, and at least ten times a second while
 * something is in flight. */
void planner_turn(struct planner *, uint64_t now);

enum action_kind { ACT_REQUEST, ACT_CANCEL, ACT_FAULT, ACT_LOOK, ACT_WANT };
enum ask { ASK_START, ASK_BODY, ASK_BLOCK, ASK_TIP, ASK_INFO };
struct action {
	enum action_kind kind;
	unsigned transfer, source;		/* REQUEST, CANCEL; FAULT: source or -1 */
	enum ask ask;
	uint64_t height;			/* burn height of the tenure */
	uint8_t ch[CH_LEN];
	uint8_t start[ID_LEN], end[ID_LEN];	/* LOOK, WANT (zeros: unknown) */
	uint8_t id[ID_LEN], stop[ID_LEN];	/* REQUEST: what is asked; stop zeros: none */
	char who[MAX_SOURCE + 1];		/* FAULT */
	enum want_state want;			/* WANT */
	enum fault_class class;			/* FAULT */
	const char *what;			/* FAULT */
	char text[200];				/* FAULT: evidence; WANT: why */
};
bool planner_action(struct planner *, struct action *);
/* Path of a request into out ("/v3/tenures/…?stop=…"). */
void planner_path(const struct action *, char out[200]);

/* ---- state ---- */
struct plan_state {
	/* tenures; missing = wanted - proven - unavailable */
	uint32_t wanted, proven, missing, unavailable;
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
