/* inv-sync's inside: one state, and its files in the order of the tour.
 *   main.c      options and set-up
 *   loop.c      the turn of the loop: view, dials, questions, commits, the end of a pass
 *   view.c      our burnchain view out of the store, for preambles and judgements
 *   peers.c     who is known
 *   seats.c     who of those that nobody here named is spoken to (pure)
 *   rival.c     peers that share a key
 *   dial.c      when to dial whom, and what became of it
 *   dead.c      what is told of those who do not answer
 *   talk.c      what is said in a conversation
 *   learn.c     what comes of the answers (learn.h)
 *   machine.c   what to ask about which cycle of whom (pure)
 *   judge.c     what an answer proves (pure)
 *   save.c      gathers what is learnt, commits it, then tells it downstream */
#ifndef BLOCKSYNC_INV_SYNC_H
#define BLOCKSYNC_INV_SYNC_H

#include <sys/queue.h>

#include "cmd/inv-sync/machine.h"
#include "cmd/inv-sync/seats.h"
#include "common/net/conv.h"
#include "common/net/resolver.h"
#include "common/store/store.h"
#include "common/sys/stage.h"

#define MAX_KNOWN 1024		/* addresses remembered */
#define MAX_PINNED 64
#define MAX_PER_HOST 4 /* known addresses of one host; private networks have no such bound */
#define MAX_KEYS 2 /* of one conversation: each is a row and a commit, and keys last for months */
#define MAX_PER_TELLER 64	/* addresses taken from one peer in one run */
#define REPLY_MS 15000		/* spec/wire.md 4.6 */
#define TURN_MS 100		/* the store is looked at ten times a second */
#define COMMIT_MS 250		/* four commits a second at most */
/* one pass waits this long for a peer that only another peer named, and for nobody longer than
 * FINISHED_MS where nothing is wanted: one try of each (peer_patience) */
#define HOLD_MS 15000
#define FINISHED_MS 4500
#define DEAD_TEXT 200		/* room for what is told of peers that are down */
/* the longest vector, of anchor blocks: one of a cycle has half as many bits */
#define INV_BYTES (MAX_POX_BITS / 8)
#define GIVE_UP 3 /* failures in a row: a fault, and the end of this peer in one pass */
#define NEIGHBORS_MS 600000	/* between two GetNeighbors to a peer */
#define MAX_GATHERED (4u << 20)	/* bytes of pushed blocks between two commits; more is dropped */

/* What a peer has said of a cycle. */
struct said {
	uint64_t digest; /* of the vector that the store has, 0: none */
	uint16_t has;	 /* bits that were set, in this conversation */
};

struct peer {
	TAILQ_ENTRY(peer) entry;
	struct inv_sync *s;
	char name[264];			/* host:port, to be dialled */
	/* expected: key was given by whoever named the peer; has_key: it was proven */
	bool pinned, expected, has_key;
	bool stored;			/* the store has a row of this key from an earlier run */
	bool by_operator;		/* named on the command line: any address */
	bool given_up;
	struct resolver_wait *resolving;	/* its name is asked for, or NULL */
	uint64_t unresolved_at;		/* its name was asked for first then, without an answer
					 * since; 0: it is not so */
	char unresolved[160];		/* why, as it was said; "": nothing was */
	uint8_t key[KEY_LEN], named[KEY_LEN];	/* named: as it was given, if expected */
	struct conv *conv;
	struct asks asks;
	struct { struct said *at; size_t n; } said[INV_KINDS]; /* by cycle - machine.first */
	struct backoff backoff;
	uint64_t dial_at, learnt_at, neighbors_at, fault_at, announced_at;
	unsigned failures, downs, told;
	struct seat seat;		/* its place among those that nobody here named */
	bool contends;			/* another one speaks for its key, as yet */
	uint64_t contends_at;		/* since then */
	bool yielded, twin_said;	/* another one speaks for its key: it is not dialled for a
					 * while; that was said */
	bool own_key_said;
	unsigned keys;			/* that this conversation has brought */
	bool progressed;		/* this conversation brought an answer */
	/* what it has not answered, or has refused: the fault if it is not waited for any longer */
	struct debt { enum fault_class class; const char *what; char text[160]; } debt;
	char why[160];			/* why its last conversation ended, or none came to be */
	/* its row in the store */
	struct preamble view;
	enum peer_state state;
	uint64_t banned_until, saved_at;
	bool dirty, news;
};
TAILQ_HEAD(peer_list, peer);
#define peer_of_seat(s) ((struct peer *)((char *)(s) - offsetof(struct peer, seat)))

/* What waits for the next commit. */
struct gathered;

struct inv_sync {
	struct options o;
	struct stage *stage;
	struct store store;
	struct machine machine;
	struct conv_self self;
	struct budget held;
	struct resolver *resolver;
	struct event *turn;
	struct peer_list peers;
	struct seats seats;
	unsigned n_peers;
	bool calm;			/* nothing is wanted */
	struct gathered *gathered;
	struct { uint64_t at, said; unsigned up; bool kept, met; char text[DEAD_TEXT]; } dead;
	uint64_t committed_at, looked_at, ended_at;
	uint64_t moved_at;		/* a cycle's hash became known or another one */

	bool view_known, input_ended;
	uint8_t tip_ch[CH_LEN];
	uint8_t (*cycle_ch)[CH_LEN];	/* by cycle - machine.first; zeros unknown */
	size_t n_cycle_ch;
};

/* loop.c */
void loop_start(struct inv_sync *);
extern const struct stage_ops inv_sync_ops;

/* view.c */
/* at start, and when the store has changed */
void view_refresh(struct inv_sync *, uint64_t now);
int view_stable_known(void *inv_sync, uint64_t height, const uint8_t *hash);	/* for conv_self */
/* the tip that the sources name is proven, down to the first block wanted */
bool view_finished(struct inv_sync *);
uint64_t view_reach(struct inv_sync *, const struct preamble *); /* of struct asked */
const uint8_t *view_cycle_ch(const struct inv_sync *, uint64_t cycle);
/* Judge with the store open for reading. */
struct view_judge { struct inv_sync *s; MDB_txn *txn; struct judge_view v; };
void view_judge_begin(struct view_judge *, struct inv_sync *, const struct preamble *);
void view_judge_end(struct view_judge *);

/* peers.c */
/* pubkey@host:port; a bad one of the operator is exit 100 */
void peers_name(struct inv_sync *, const char *text, bool operator_said);
void peers_load(struct inv_sync *);				/* rows of earlier runs */
void peers_told(struct inv_sync *, struct peer *teller, const struct message *neighbors);
/* at the rows: bans, and who was of use */
void peers_look(struct inv_sync *);
/* addresses that never answered are forgotten */
void peers_tidy(struct inv_sync *);
/* name is no name but a number, with port */
bool peer_number(const char *name, struct sockaddr_storage *, int *len);
uint32_t peers_tell(void *inv_sync, struct neighbor *);	/* for conv_self */

/* rival.c */
struct peer *rival_of(const struct peer *);	/* another one that is up and speaks for the same
						 * key */
bool rival_met(struct peer *);			/* it is up: true if its conversation ends for
						 * another one's sake */
void rivals_decide(struct inv_sync *);		/* who speaks for a key */
void rival_gone(const struct peer *);

/* dial.c */
void peers_dial(struct inv_sync *, uint64_t now);
unsigned peer_patience(const struct peer *);	/* milliseconds that its next answer may take */
void peers_down(struct peer *, enum conv_end, const char *text);
/* what: the fault in a word or two, from a table; evidence: for people */
void peers_fault(
    struct peer *, const char *who, enum fault_class, const char *what, const char *evidence);
void peers_stop(struct inv_sync *);		/* the conversations end with the stage */
void peers_leave(struct inv_sync *);		/* the pass is over, with some not heard */
bool peers_pass_done(const struct inv_sync *, uint64_t now);

/* dead.c */
void dead_look(struct inv_sync *, uint64_t now, bool last);	/* last: the pass is over */

/* talk.c */
extern const struct conv_ops talk_ops;
void talk_ask(struct peer *, uint64_t now);			/* what is due */
struct asked talk_asked(const struct peer *);			/* as a question finds it */

/* save.c */
void save_init(struct inv_sync *);
void save_release(struct inv_sync *);
void save_peer(struct peer *, bool news);
void save_inventory(
    struct peer *, enum inventory_kind, uint64_t cycle, const uint8_t *bits, uint32_t count);
/* The last vector that was kept, into INV_BYTES zeros.  Returns its bits; 0: there is none. */
uint32_t save_known(struct peer *, enum inventory_kind, uint64_t cycle, uint8_t *bits);
void save_fault(
    struct inv_sync *, const char *who, enum fault_class, const char *what, const char *evidence);
/* may fail the conversation */
void save_push(struct inv_sync *, struct conv *, const struct message *);
/* if something waits and it is time; now UINT64_MAX: at once */
void save_commit(struct inv_sync *, uint64_t now);

#endif
