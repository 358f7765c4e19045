/* The writer's thread: one batch, one commit, its reports. */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cmd/block-store/keep.h"
#include "common/sys/log.h"
#include "common/sys/start.h"

#define PROGRESS_MS 1000

static void progress(struct writer *w)
{
	struct rec_progress p = { .stage = rec_str("block-store"),
		.text = rec_str(""),
		.time = now_unix() };
	struct keeper_counts c;
	uint64_t now = now_ms();

	keeper_counts(w->k, &c);
	if (now - w->progress_at < PROGRESS_MS || c.proven == w->progress_done)
		return;
	p.done = c.proven;
	p.tenures_done = c.tenures_proven;
	p.tenures_total = c.tenures;
	if (w->progress_at && c.proven > w->progress_done)
		p.rate = (c.proven - w->progress_done) * 1000000 / (now - w->progress_at);
	w->progress_at = now;
	w->progress_done = c.proven;
	meta_put_row(w->s, keeper_txn(w->k), "progress.block-store", REC_PROGRESS, &p);
}

static void take_block(struct writer *w, const struct rec_block *r, uint64_t weight)
{
	struct block b;
	size_t need;

	if (block_parse(&b, MODEL_BIT(r->model), r->consensus_hash, r->body.p, r->body.n, &need) ==
	    (ssize_t)r->body.n)
		keeper_block(w->k, &b, weight, r->source);
	else
		log_warnx("a block that was held is none: dropped");
}

/* held: the verdict before. */
static void take(struct writer *w, const struct rec *r, struct rec_verdict *held)
{
	switch (r->type) {
	case REC_VERDICT:
		*held = r->u.verdict;
		if (r->u.verdict.status != STATUS_HELD)
			keeper_verdict(w->k, &r->u.verdict);
		break;
	case REC_BLOCK: take_block(w, &r->u.block, held->weight); break;
	case REC_MICROBLOCKS: keeper_stream(w->k, &r->u.microblocks, held->signer); break;
	case REC_SORTITION:
		keeper_sortition(w->k, &r->u.sortition);
		break;
	case REC_REORG:
		keeper_reorg(w->k, r->u.reorg.fork_height);
		break;
	}
}

static void commit(struct writer *w)
{
	const uint8_t *payload;
	struct rec_verdict held = { .status = STATUS_HELD };
	struct rec r;
	char err[160];
	size_t at = 0, len;
	ssize_t n;

	keeper_begin(w->k);
	if (w->batch.rescan)
		keeper_rescan(w->k);
	while (at < w->batch.frames.n &&
	    (n = rec_frame(w->batch.frames.p + at, w->batch.frames.n - at, &payload, &len, err)) >
		0) {
		if (rec_decode(&r, payload, len, err) == 0)
			take(w, &r, &held);
		at += (size_t)n;
	}
	progress(w);
	if (keeper_commit(w->k, &w->out) < 0)
		store_die(w->s, errno);
	w->batch.frames.n = 0;
	w->batch.blocks = 0;
	w->batch.rescan = false;
	w->idle_work = keeper_idle_work(w->k);
	w->upgrading = keeper_upgrading(w->k);
}

static void *writer_main(void *arg)
{
	struct writer *w = arg;
	uint64_t one = 1;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->busy && !w->quit)
			pthread_cond_wait(&w->todo, &w->lock);
		if (!w->busy)
			break;
		pthread_mutex_unlock(&w->lock);
		commit(w);
		pthread_mutex_lock(&w->lock);
		keeper_counts(w->k, &w->counts);
		w->busy = false;
		pthread_cond_broadcast(&w->todo);
		if (write(w->wake, &one, sizeof(one)) < 0)
			die_world("cannot write to an eventfd: %s", strerror(errno));
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

void writer_start(struct writer *w, struct store *s)
{
	w->s = s;
	w->k = keeper_new(s, "block-store");
	keeper_counts(w->k, &w->counts);
	w->idle_work = keeper_idle_work(w->k);
	w->upgrading = keeper_upgrading(w->k);
	w->progress_done = w->counts.proven;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->todo, NULL);
	if ((w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		die_world("cannot make an eventfd: %s", strerror(errno));
	thread_start(&w->thread, writer_main, w);
}

void writer_give(struct writer *w, struct batch *b)
{
	struct batch empty;

	pthread_mutex_lock(&w->lock);
	empty = w->batch;
	w->batch = *b;
	*b = empty;
	w->busy = true;
	pthread_cond_broadcast(&w->todo);
	pthread_mutex_unlock(&w->lock);
}

bool writer_busy(struct writer *w)
{
	bool busy;

	pthread_mutex_lock(&w->lock);
	busy = w->busy;
	pthread_mutex_unlock(&w->lock);
	return busy;
}

struct keeper_counts writer_counts(struct writer *w)
{
	struct keeper_counts c;

	pthread_mutex_lock(&w->lock);
	c = w->counts;
	pthread_mutex_unlock(&w->lock);
	return c;
}

void writer_wait(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	while (w->busy)
		pthread_cond_wait(&w->todo, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

void writer_stop(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->quit = true;
	pthread_cond_broadcast(&w->todo);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	keeper_free(w->k);
	rec_buf_release(&w->batch.frames);
	rec_buf_release(&w->out);
	close(w->wake);
}

/* Next: cmd/block-serve/main.c, the same blocks for others. */
