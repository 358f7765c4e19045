/* block-verify: records come in on the loop's thread, are looked up in the view, queued in order,
 * judged by worker threads, and leave in order.  The loop's thread owns everything but the bytes
 * and results of a job that is being judged. */
#ifndef BLOCKSYNC_VERIFY_H
#define BLOCKSYNC_VERIFY_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/chain/proof.h"
#include "common/rec/rec.h"
#include "common/store/streams.h"
#include "common/sys/stage.h"

/* A signer set that jobs and caches share; counted by the loop's thread alone. */
struct signers {
	struct signer_set set;
	unsigned refs;
	uint64_t checked;	/* generation of the store that it was last compared with */
};

/* What is known of the sortition of a block's tenure. */
struct fact {
	uint64_t burn_height;
	bool won;
	uint8_t miner[HASH160_LEN];
	uint8_t committed[ID_LEN];	/* in epoch 2.x: the winner's own block hash */
};

#define CACHED_SETS 4

/* The burnchain view: the store, and what records said (the file of -R, or sortitions that flow
 * by). */
struct view {
	const struct network *net;
	struct store *store;		/* NULL: records alone */
	/* raised by each commit to the store, and each record taken */
	uint64_t generation;
	struct view_row *rows;		/* hash table by consensus hash */
	size_t n_rows, cap;		/* cap is a power of two, or 0 */
	struct signers **given;		/* from records, ascending by cycle */
	size_t n_given;
	struct signers *cache[CACHED_SETS];	/* from the store, newest use first */
	bool warned;			/* that the view is full */
	struct {			/* the last answer */
		bool set;
		uint64_t generation;
		uint8_t ch[CH_LEN];
		enum chain_reason reason;
		struct fact fact;
		struct signers *signers;
	} last;
};

void view_init(struct view *, const struct network *, struct store *);
void view_release(struct view *);
/* Take a sortition or reward set; other records are ignored. */
void view_take(struct view *, const struct rec *);
/* Take all of the file of records that fd is open on.  A fault of it, or another network, is exit
 * 100. */
void view_read(struct view *, int fd, const char *path);
/* Sortition and signers of a tenure.  OK, and *signers counted once more; or NOSORTITION, NOWINNER
 * (with signers where they are known), NOSET (then *fact is filled as far as known). */
enum chain_reason view_lookup(struct view *, const uint8_t ch[CH_LEN], struct fact *,
    struct signers **);
void signers_unref(struct signers *);

/* One record on its way through.  Made, linked and freed by the loop's thread. */
struct job {
	struct job *next;		/* in order of input */
	/* of those that no worker has taken; under the pool's lock */
	struct job *todo;
	atomic_bool done;
	bool judged;			/* a block or a stream of microblocks */
	enum item_kind kind;		/* which of the two */
	/* set before it is queued */
	enum chain_reason known;	/* what the view said */
	struct fact fact;
	struct signers *signers;	/* if known is OK; of an epoch 2.x block it may be NULL */
	/* as the record says; the judge puts the header's own in their place */
	uint8_t id[ID_LEN], ch[CH_LEN];
	uint64_t height;
	enum model model;		/* as the record says */
	const uint8_t *body;		/* body and source lie in payload */
	size_t body_len;
	struct rec_view source;
	bool has_ends;			/* a stream, whose blocks the store has */
	struct stream_ends ends;
	/* set by the judge */
	enum chain_reason reason;
	uint64_t weight;
	uint8_t signer[HASH160_LEN];	/* of all of a stream that is held; zeros: nobody knows */
	uint8_t body_hash[32];
	size_t len;
	uint8_t payload[];		/* the record as it came */
};

/* Judge a block or a stream; any thread. */
struct judge { const struct network *net; bool has_crash; uint8_t crash[ID_LEN]; };
void judge_job(const struct judge *, struct job *);
void judge_stream(const struct judge *, struct job *);
enum verdict_status judge_status(enum chain_reason);
/* A line on it, for the verdict's detail. */
void judge_detail(char *out, size_t size, const struct job *);

/* Worker threads.  wake_fd is an eventfd: readable when jobs got done since pool_woken. */
struct pool {
	const struct judge *judge;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct job *first, **last;	/* not taken yet */
	unsigned n_todo, n_idle;
	bool stop;
	pthread_t *threads;
	unsigned n_threads;
	int wake_fd;
	atomic_bool woken;
};
void pool_init(struct pool *, const struct judge *);	/* before confining: makes wake_fd */
void pool_start(struct pool *, unsigned threads);	/* after */
void pool_push(struct pool *, struct job *);
void pool_woken(struct pool *);				/* before looking at what is done */
void pool_stop(struct pool *);				/* jobs in work are finished, others left */

/* The way of records from stdin to stdout. */
struct flow {
	struct stage *stage;
	struct view *view;
	struct pool *pool;
	struct job *head, **tail;
	size_t bytes, n;
	bool paused, ended;
	struct event *wake;
	uint64_t held, refused, undecided;
};
extern const struct stage_ops flow_ops;		/* arg is a struct flow */
void flow_init(struct flow *, struct stage *, struct view *, struct pool *);
void flow_release(struct flow *);

#endif
