/* The deciding part of inv-sync: what to ask about which cycle of which peer and when (machine.c),
 * and what an answer proves (judge.c; spec/sync.md B and I.1).  Pure: the caller owns clock,
 * sockets and store; times are milliseconds. */
#ifndef BLOCKSYNC_INV_SYNC_MACHINE_H
#define BLOCKSYNC_INV_SYNC_MACHINE_H

#include "common/chain/network.h"
#include "common/limits.h"
#include "common/wire/nack.h"
#include "enums.h"

#define ASK_FLYING_MAX 6	/* questions of each model in flight to one peer */
#define ASK_TRIES 3		/* refusals until a cycle counts as failed */
#define ASK_REFRESH_MS 40000 /* the newest cycles are asked for again; at most 45 s by contract */
#define ASK_OLD_MS 600000	/* older ones: a peer that is still syncing fills them too */
#define ASK_BURST_MS 1000	/* after a new sortition (spec/sync.md B.3) */
#define ASK_POX_STEP 8 /* cycles of one GetPoxInv: more is undecodable to a node in test build */

/* What peers are asked about a cycle: a row a question. */
struct question {
	enum inventory_kind kind; /* of the first vector of its answer */
	unsigned vectors;	  /* of an answer; the next ones are of the next kinds */
	enum model model;	  /* it is about cycles with blocks of this model */
	unsigned query, reply;	  /* ids of the messages */
	unsigned step;		  /* cycles of one question; asked of each step'th cycle */
};
#define MAX_QUESTIONS 4
#define INV_KINDS (INV_POX + 1)
extern const struct question inv_questions[];
extern const unsigned n_inv_questions;
/* Whether a peer of this version knows a question. */
bool question_known(const struct question *, const struct network *, uint32_t version);

/* What every peer is asked for. */
struct machine {
	const struct network *net;
	const struct question *questions;
	unsigned n_questions;
	/* of each question: the cycles that it is about; none if first is UINT64_MAX */
	struct {
		uint64_t first, last;
	} span[MAX_QUESTIONS];
	bool once;			/* one pass: nothing is asked again after its answer */
	/* cycles of all questions, wanted or not; last < first: none */
	uint64_t first, last;
	bool *known;			/* by cycle - first: the consensus hash that names it is */
	uint64_t burst_at;		/* UINT64_MAX: none is due */
};
/* A question (its index) about a cycle, or from it on. */
struct inquiry {
	unsigned question;
	uint64_t cycle;
	uint32_t count; /* bits asked for; 0: the peer decides */
};
/* Whom a question is put to.  reach: burn height up to which it may be asked about epoch 2.x, since
 * both views reach it (spec/sync.md A.2). */
struct asked {
	uint32_t version;
	uint64_t reach;
};

enum ask_state { ASK_DUE, ASK_FLYING, ASK_ANSWERED, ASK_FAILED };
struct ask {
	enum ask_state state;
	unsigned tries;			/* refusals since the last answer */
	/* in flight since before a burst or a reorg: its answer is of the time before */
	bool again;
	uint64_t at;			/* not before */
};
/* What one peer has been asked; kept while the peer is known, whether its conversation is up or
 * not. */
struct asks {
	struct ask *at; /* by cycle - machine.first, and there by question */
	size_t n;	/* cycles */
	unsigned flying[2];		/* by model */
	uint64_t burst_done;		/* the burst that it took part in */
	/* What it says of the anchor blocks of cycles, from cycle 0 on.  Below `agreed` its chain
	 * is ours: so far it is asked for blocks of epoch 2.x. */
	uint8_t pox[MAX_POX_BITS / 8];
	uint32_t n_pox;
	uint64_t agreed;
	uint64_t turned_at; /* its anchor blocks became others; 0: never */
};

/* At most MAX_QUESTIONS, which stay the caller's. */
void machine_init(
    struct machine *, const struct network *, bool once, const struct question *, unsigned n);
void machine_release(struct machine *);
void asks_release(struct asks *);
/* The view's tip is `tip`; `news`: its consensus hash has changed, so the two newest cycles are
 * asked for again a second later. */
void machine_tip(struct machine *, uint64_t tip, bool news, uint64_t now);
/* The lowest burn height wanted; at first all are.  Questions about lower cycles are not put. */
void machine_want(struct machine *, uint64_t burn_height);
/* The hash that names a cycle is known, or has changed (then all are asked again). */
void machine_cycle_known(struct machine *, uint64_t cycle);
/* The answers of all peers about a cycle are of another fork: ask again. */
void asks_forget(struct asks *, const struct machine *, uint64_t cycle);

/* Where scans begin that come after the first one, which asks about all cycles that are wanted
 * (spec/sync.md A.2, F.1).  newest: the tip's cycle; reached: the newest one that the peer has
 * answered for. */
uint64_t scan_start(uint64_t newest, uint32_t inv_reward_cycles, uint64_t reached);
/* What to ask this peer now: marked as in flight.  False: nothing. */
bool asks_next(
    struct asks *, const struct machine *, const struct asked *, uint64_t now, struct inquiry *);
/* The conversation is gone: what flew is due again. */
void asks_lost(struct asks *, const struct machine *);
/* The answer came. */
void asks_answered(struct asks *, const struct machine *, struct inquiry, uint64_t now);
/* The peer refused: asked again after 5, 10, 20, 45 s.  True: for the ASK_TRIES'th time. */
bool asks_refused(struct asks *, const struct machine *, struct inquiry, uint64_t now);
/* Its refusal is all the answer that one pass needs; otherwise it is asked again in time. */
void asks_let(struct asks *, const struct machine *, struct inquiry);
/* The answer was a PoxInv: n bits from the cycle that was asked about, which overwrite; fewer than
 * asked say that it knows no more.  0 bits: it follows another chain from there on.  Returns the
 * cycle from which on all that it said of blocks of epoch 2.x is void, and asked again: at once,
 * but of a peer that turns again and again once in ASK_OLD_MS.  UINT64_MAX: none. */
uint64_t asks_pox(struct asks *, const struct machine *, struct inquiry, const uint8_t *bits,
    uint32_t n, uint64_t now);
/* What it said of anchor blocks in earlier conversations: n bits from cycle 0 on. */
void asks_pox_load(struct asks *, const uint8_t *bits, uint32_t n);
/* Each question that it knows has been answered or refused since the conversation began. */
bool asks_heard(const struct asks *, const struct machine *, const struct asked *);
/* Each question that it knows is answered or has failed. */
bool asks_done(const struct asks *, const struct machine *, const struct asked *);

/* What our view says of a burn height. */
struct judge_fact {
	bool known, won;
	/* burn height of the tenure that the winner builds on; 0: unknown */
	uint64_t parent;
	uint8_t committed[ID_LEN];	/* the start of that tenure, as its commit says */
};
struct judge_view {
	const struct network *net;
	uint64_t tip, stable;		/* ours */
	uint64_t peer_tip, peer_stable;	/* as the answer's preamble says */
	bool same_tip, same_stable;	/* its hashes are ours at those heights */
	uint32_t asked;			/* bits that an honest answer has; 0: it decides */
	struct judge_fact (*fact)(void *arg, uint64_t height);
	void *arg;
};
enum judgement { JUDGE_FINE, JUDGE_LIE };
/* Judge a vector of count bits about a cycle.  Bits that cannot be true are cleared in place and
 * *count is cut to what may exist, so that the rest stays usable; evidence says what the lie was.
 * Honest are: a peer that is behind, on another fork, or has holes. */
enum judgement judge_inventory(const struct judge_view *, enum inventory_kind, uint64_t cycle,
    uint8_t *bits, uint32_t *count, char evidence[160]);

/* What a Nack to a question about a model's cycle says of the peer (common/wire/nack.h).  Of
 * Nakamoto a peer is broken, too, if its own burnchain view has what it denies; of epoch 2.x the
 * same view may be followed by other anchor blocks. */
enum node_status judge_nack(const struct judge_view *, enum model, uint64_t cycle, uint32_t code);
#endif
