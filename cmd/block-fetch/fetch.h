/* block-fetch around its planner: what it hears from stdin and the store, its transfers, and what
 * it has written and awaits a verdict for. */
#ifndef BLOCK_FETCH_FETCH_H
#define BLOCK_FETCH_FETCH_H

#include "cmd/block-fetch/limits.h"
#include "cmd/block-fetch/planner.h"
#include "common/chain/block.h"
#include "common/chain/microblock.h"
#include "common/net/http.h"
#include "common/store/store.h"
#include "common/sys/stage.h"

#define MAX_URLS 32

struct fetch;

/* One request on its way. */
struct xfer {
	struct fetch *fetch;
	/* NULL: the answer has ended, blocks of it still wait for room */
	struct http_transfer *http;
	/* early: the bytes end above what was asked for */
	bool live, complete, stopped, garbage, extra, more, early, paused;
	struct action a;
	char path[200];
	uint8_t *buf;			/* bytes not yet taken: [off, len) */
	size_t off, len, cap, need;
	struct block_walk walk;		/* how far the block at off was looked at */
	struct microblocks_walk stream; /* the same of a stream of microblocks */
	uint8_t below[32];		/* hash of the block that the stream stands on */
	enum plan_end end;		/* once http is NULL */
	unsigned status, retry_after;
};

/* A block that was written and has no verdict yet. */
struct written {
	uint8_t id[ID_LEN], hash[32], ch[CH_LEN];
	enum item_kind item;
	uint8_t slot_ch[CH_LEN];	/* tenure that was asked for, and its burn height */
	uint64_t height;
	const char *source;		/* interned */
	int index;			/* of the source, -1: an upload */
	uint32_t len;
	bool tip;			/* came by a peer's own claim */
};

/* A row of `downloads`: a copy of a block (its bytes, from one source) that was on its way when a
 * judge crashed, or is set aside. */
struct suspect {
	uint8_t id[ID_LEN], ch[CH_LEN], hash[32];
	const char *source;		/* interned */
	uint32_t tries, deaths;		/* crashes with it on its way; of these, alone */
	uint64_t until;			/* unix seconds: forgotten then */
	bool aside, alone, gone, changed;	/* alone: to be tried alone; gone, changed: its row
						 * is to go, to be written */
};
struct unavailable {
	uint8_t ch[CH_LEN], id[ID_LEN]; /* id: of the first block */
	enum item_kind kind;
	enum download_state state;
	char why[201];
	bool written;
};
struct fault_row {
	enum fault_class class;
	char who[MAX_SOURCE + 1], what[65], text[201];
	unsigned count;
	bool told;
};

#define MAX_HURT 16			/* of more, those that are left over are found when all are
					 * looked at again */

struct fetch {
	struct options options;
	bool written_is_done;		/* -o */
	bool once, ended, rechecked, finishing, full;
	uint8_t hurt[MAX_HURT][CH_LEN];	/* tenures with damaged blocks, which the keeper has not
					 * removed yet */
	unsigned n_hurt;
	const char *urls[MAX_URLS];
	unsigned n_urls;
	int64_t from_cycle;		/* -F, -1: as the store says */
	uint64_t first;			/* lowest burn height wanted */
	struct stage *stage;
	struct store store;
	struct resolver *resolver;
	struct http_client *http;
	char unresolved[400];		/* what was said last of the name of a URL of the
					 * operator's */
	struct planner *plan;
	struct event *tick;
	/* by the planner's index */
	struct { char base[MAX_SOURCE + 1]; bool private_ok, refused; uint8_t own[16];
	    } places[MAX_SOURCES];
	struct xfer xfers[MAX_TRANSFERS];
	size_t unfinished;		/* bytes in buffers of transfers */
	struct written *ring;		/* FIFO */
	unsigned head, n_written, cap;
	size_t written_bytes;
	uint64_t scanned_at, written_at;
	/* blocks that the store took, for the rows of peers */
	struct { const char *who; unsigned n; } served[MAX_SOURCES];
	unsigned n_served;
	char **names;			/* interned */
	unsigned n_names;
	uint64_t upload_next;
	struct suspect *suspects;	/* of earlier runs, until their verdict; rows of one block
					 * stand together */
	unsigned n_suspects, n_crowd, n_alone;	/* rows; those not tried alone; blocks to be tried
						 * alone at the start */
	bool judged;			/* a block got its verdict: the judges are at work */
	bool lone;			/* what awaits its verdict is a suspect, alone: nothing else
					 * is written */
	bool retry;			/* -R */
	uint8_t retry_id[ID_LEN];
	uint64_t crowd_until;
	struct fault_row faults[64];
	unsigned n_faults;
	struct unavailable *unavailable;
	unsigned n_unavailable;
	uint64_t flushed_at, progress_at, kept_at, tidied_at;
	uint64_t polled_at, polled_all_at;	/* without input */
	size_t n_sortitions;
	char kept[240];			/* the progress row as it was written last */
	uint64_t stored, bytes;		/* blocks stored since the start; bytes of answers */
	uint64_t held;			/* blocks in the store at the start */
	uint64_t rate_at, rate_stored, rate_bytes;
	double rate, byte_rate;		/* a second, smoothed */
};

extern const struct stage_ops fetch_ops;

/* fetch.c */
void fetch_init(struct fetch *);
void fetch_release(struct fetch *);
void fetch_wake(struct fetch *);		/* a turn soon */

/* view.c: what is known at the start, and news */
void view_start(struct fetch *);
void view_seed(struct fetch *);
void view_poll(struct fetch *);
void view_news(struct fetch *, const struct rec *);
/* The start of a tenure is here: a shadow tenure's stands for a commit. */
void view_shadow(struct fetch *, const struct block *);
/* The store has something of this tenure. */
void view_held(struct fetch *, MDB_txn *, const struct rec_tenure *);

/* transfer.c */
void transfer_start(struct fetch *, const struct action *);
void transfer_stop(struct fetch *, unsigned transfer);
bool transfers_room(struct fetch *);		/* whether blocks may be written now */
/* What the planner says of a block or stream that came; false: the transfer is over.  *emit: it is
 * to be written. */
bool transfer_offer(struct fetch *, struct xfer *, const struct plan_block *, bool *emit);
void transfers_resume(struct fetch *);
void transfers_pause(struct fetch *);

/* stream.c: an answer that is a stream of microblocks */
void stream_begin(struct fetch *, struct xfer *);
/* Look at the bytes that are there; a whole stream is written. */
void stream_cut(struct fetch *, struct xfer *);

/* written.c */
/* action NULL: pushed to us */
void written_add(struct fetch *, const struct rec_block *, const struct action *);
void written_add_stream(struct fetch *, const struct rec_microblocks *, const struct action *);
void written_check(struct fetch *, bool changed);	/* verdicts of the oldest ones */
void written_lost(struct fetch *);		/* the reader is gone: what has no verdict is
						 * noted */
void uploads_take(struct fetch *);
const char *name_intern(struct fetch *, const char *);
void look_at(struct fetch *, const struct action *);

/* suspects.c: what was on its way when a judge died */
void suspects_load(struct fetch *);
/* NULL ends them */
void suspects_lost(struct fetch *, const struct written *(*next)(const struct fetch *, unsigned i));
/* rows of suspects that are gone, if there are so many */
void suspects_clear(struct fetch *, unsigned at_least);
/* each minute: what was set aside long enough */
void suspects_review(struct fetch *);
void suspects_retry(struct fetch *, const uint8_t id[ID_LEN]);	/* -R */
/* whether this copy is set aside */
bool suspect_aside(const struct fetch *, const struct written *);
/* whether the block is to be tried alone */
bool suspect_alone(const struct fetch *, const uint8_t id[ID_LEN]);
void suspect_told(struct fetch *, const struct written *, bool stored);	/* it has a verdict */

/* report.c */
void report_fault(struct fetch *, const struct action *);
void report_want(struct fetch *, const struct action *);
void report_turn(struct fetch *, bool last);
void report_state(struct fetch *);

#endif
