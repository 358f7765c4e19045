/* The parts of block-store: records gather into a batch while the writer commits the one before. */
#ifndef BLOCKSYNC_BLOCK_STORE_H
#define BLOCKSYNC_BLOCK_STORE_H

#include <pthread.h>

#include "common/store/keeper.h"
#include "common/sys/stage.h"

#define BATCH_BLOCKS 1024
#define BATCH_BYTES (4u << 20)
#define BATCH_MS 50

/* What a commit is made of: records as they came, a held verdict before each block. */
struct batch { struct rec_buf frames; unsigned blocks; bool rescan; };

/* The thread that owns the keeper and its write transactions: LMDB wants both in one. */
struct writer {
	struct store *s;
	struct keeper *k;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t todo;
	struct batch batch;		/* the writer's while busy */
	struct rec_buf out;		/* its reports, the stage's while not busy */
	struct keeper_counts counts;	/* after the last commit; under the lock */
	bool busy, quit, idle_work, upgrading;
	int wake;			/* eventfd: a commit is done */
	uint64_t progress_at, progress_done;
};
void writer_start(struct writer *, struct store *);
/* Hand a batch over; not while busy.  The writer's empty one comes back in its place. */
void writer_give(struct writer *, struct batch *);
bool writer_busy(struct writer *);
/* What the keeper has counted, as of the last commit; at any time. */
struct keeper_counts writer_counts(struct writer *);
void writer_wait(struct writer *);
void writer_stop(struct writer *);

/* The stage's side. */
struct intake {
	struct stage *stage;
	struct store *s;
	struct writer *writer;
	struct batch batch;
	struct event *due, *done, *tick;
	uint8_t held[ID_LEN];		/* the verdict that was read just before, if any */
	unsigned unseen, ticks;		/* ticks since the store changed unseen; of all */
	enum item_kind kind;		/* of that verdict, as the next two */
	uint64_t weight;
	uint8_t signer[HASH160_LEN];
	bool has_held, is_due, ending, unjudged_told, own_commit;
};
extern const struct stage_ops intake_ops;
void intake_start(struct intake *, struct stage *, struct store *, struct writer *);
void intake_stop(struct intake *);

#endif
