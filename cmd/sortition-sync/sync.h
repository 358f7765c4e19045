/* sortition-sync's one state, and what its parts offer each other. */
#ifndef SORTITION_SYNC_SYNC_H
#define SORTITION_SYNC_SYNC_H

#include "cmd/sortition-sync/claims.h"
#include "cmd/sortition-sync/view.h"
#include "common/net/http.h"
#include "common/store/store.h"
#include "common/sys/stage.h"

/* requests to a source at once, over at most MAX_CONNECTIONS; the rest wait for a connection to
 * be free */
#define MAX_INFLIGHT 12
#define MAX_CONNECTIONS 6
#define MAX_BATCH 2100		/* burn blocks of one /blocksync/sortitions request */
#define COMMIT_MS 250		/* conversational stages commit at most four times a second */
/* rows of one commit: LMDB keeps each page that it touches in memory until then */
#define MAX_ROWS 4096
#define TRY_MS 30000		/* with -1: how long nothing may come before it gives up */
#define TRY_LIMITED_MS 75000	/* the same where a source allows no more for now: such limits are
				 * by the minute */
#define IDLE_MS 10000		/* after so long without news there is nothing to load, but to wait
				 * for */
/* with -1: how long a complete view waits for a source that has said nothing yet */
#define GRACE_MS 6000

struct sync;
struct rpc;
struct node_db;
struct rec_file;

struct source {
	struct sync *sync;
	unsigned index;
	const char *name;		/* as the operator wrote it */
	struct rpc *rpc;		/* one of these three */
	struct node_db *db;
	struct rec_file *file;
	bool info_done;			/* has been asked for the tip of the blocks, or cannot be */
	/* nothing is left to ask or read for now, but by the clock */
	bool idle;
	bool gave_burn;			/* a mirror that knows burn totals */
	bool failing;			/* named as failing */
	enum fault_class class;		/* of its last failure, unless it has answered since */
	char why[300];			/* what that was, to people */
};

/* What is to be emitted, in order: rows by height (read from the store then, so that a slow reader
 * costs no memory), or the record itself. */
struct emission {
	enum rec_type type;
	uint64_t from, to;		/* REC_SORTITION, ascending; REC_REWARD_SET: cycles */
	union { struct rec_reorg reorg; struct rec_tip tip; } u;
};
struct fault_note {
	unsigned source;
	enum fault_class class;
	const char *what;
	char evidence[200];
};

/* Why a source counts no more: X(blame, class of the fault on record, its words). */
#define BLAMES(X)                                  \
	X(SORTITION, LYING, "sortition")           \
	X(REWARD_SET, LYING, "reward set")         \
	X(TIP, LYING, "tip")                       \
	X(CONSENSUS_HASH, LYING, "consensus hash") \
	X(NETWORK, USELESS, "another network")
enum blame {
#define X(blame, class, words) BLAME_##blame,
	BLAMES(X)
#undef X
};
/* Whether a consensus hash is that of the data beside it. */
enum check { CHECK_UNKNOWN, CHECK_FITS, CHECK_FALSE };

struct sync {
	struct options o;
	char *header;			/* of the API key, or NULL */
	struct stage *stage;
	struct store store;
	struct resolver *resolver;
	struct http_client *http;
	struct source sources[VIEW_SOURCES];
	unsigned n, quorum;
	struct view view;
	struct claims claims;
	struct event *tick, *local;
	/* gathered for the next commit */
	struct rec_sortition *rows;
	size_t n_rows, cap_rows;
	uint64_t unsettled_from;	/* heights from here on lose their rows; 0: none */
	bool reorg;			/* rows replace others */
	uint64_t held_since;		/* a reorg is held back until it links */
	struct rec_buf sets;		/* framed reward_set records */
	struct fault_note faults[16];
	unsigned n_faults;
	bool tip_dirty, trust_dirty;
	uint64_t last_commit, last_tidy;
	/* what has been committed and is not yet emitted */
	struct emission *out;
	size_t n_out, cap_out, next_out;
	uint64_t checked_from;
	uint8_t *burn_by;		/* by slot: 1 + source of its burn totals */
	uint64_t n_burn_by;
	/* late check: next height, 0: nothing to do; above where all fit so far */
	uint64_t late_at, late_from;
	uint64_t progress, complete_since, contested_said, noquorum_said;
	struct rec_trust trust;
	bool sets_told;			/* meta names these sources as those of the reward sets */
	char trust_names[4096];
	bool done;
	bool steady;			/* nothing is left to load: sources are asked at a pace */
};

/* sync.c: what sources say, and what follows. */
void sync_start(struct sync *);
void sync_claim(struct source *, const struct rec_sortition *);
void sync_burn_tip(struct source *, const struct rec_sortition *);
void sync_missing(struct source *, uint64_t height);
void sync_set(struct source *, const struct rec_reward_set *);
void sync_block_tip(struct source *, const struct rec_tip *);
/* Blame a source: nothing that it says counts any more.  evidence: for people. */
void sync_blame(struct source *, enum blame, const char *evidence);
/* It fails to answer, again and again (->class, ->why): named once until it answers. */
void sync_failing(struct source *);
void sync_answers(struct source *);
bool sync_ignored(const struct source *);
void sync_local_work(struct sync *);	/* files have something to read */
void sync_terminate(void *);
void sync_report(void *);
void sync_room(void *);
void sync_end(void *);

/* commit.c: into the store, then out. */
void commit_row(struct sync *, const struct view_event *);
void commit_unsettle(struct sync *, uint64_t height);
void commit_set(struct sync *, const struct rec_reward_set *);
/* what is a literal or a table's */
void commit_fault(
    struct sync *, unsigned source, enum fault_class, const char *what, const char *evidence);
void commit_now(struct sync *);
/* The sources that count, blank separated; kept in the sync until the next call. */
const char *commit_names(struct sync *);
bool commit_pending(const struct sync *);
void emit_pump(struct sync *);
bool emit_pending(const struct sync *);
/* check.c: burn totals against consensus hashes. */
/* With the settled rows below; CHECK_UNKNOWN: they are not all known. */
enum check check_burn(const struct sync *, const struct rec_sortition *);
void check_row(struct sync *, struct rec_sortition *);
void check_late(struct sync *);

/* source.c */
void source_open(struct sync *, struct source *, const char *name);
void source_close(struct source *);
void source_pump(struct source *);	/* ask or read what is next */
/* The same with the source's own rows below; CHECK_FALSE: it has been blamed. */
enum check source_check(
    struct source *, struct rec_sortition *, int (*prev)(void *, uint64_t, uint8_t *), void *arg);

/* rpc.c: a node, over HTTP. */
struct rpc *rpc_new(struct source *, const char *url);
void rpc_free(struct rpc *);
void rpc_pump(struct rpc *, uint64_t now);
void rpc_poll_soon(struct rpc *, uint64_t now);
bool rpc_answers(const struct rpc *, uint64_t now);	/* lately, and not only with refusals */
bool rpc_limited(const struct rpc *);			/* it answers 429 */
bool rpc_hopeless(const struct rpc *, uint64_t now);	/* one pass need not wait for it */
/* api_key.c: the header line in the file of -K, which the caller frees; what is wrong with it ends
 * the program. */
char *api_key_read(const char *path);
/* node_db.c: a node's sortition database. */
struct node_db *node_db_open(struct source *, const char *path);
void node_db_free(struct node_db *);
bool node_db_pump(struct node_db *, uint64_t now);	/* true: more to do at once */
/* rec_file.c: a file of records. */
struct rec_file *rec_file_open(struct source *, const char *path);
void rec_file_free(struct rec_file *);
bool rec_file_pump(struct rec_file *);

#endif
