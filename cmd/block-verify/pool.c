/* Worker threads.  A job takes most of a millisecond, so one lock does; workers take a few jobs at
 * a time when there are many, and wake the loop once for all that it has not looked at yet. */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cmd/block-verify/verify.h"
#include "common/sys/log.h"
#include "common/sys/start.h"

#define CHUNK 8

void pool_init(struct pool *p, const struct judge *judge)
{
	memset(p, 0, sizeof(*p));
	p->judge = judge;
	p->last = &p->first;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	atomic_init(&p->woken, false);
	p->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (p->wake_fd < 0)
		die_world("cannot make an eventfd: %s", strerror(errno));
}

/* Wait for work and take a fair part of it. 0: there will be none. */
static unsigned take(struct pool *p, struct job *jobs[CHUNK])
{
	unsigned n = 0, share;

	pthread_mutex_lock(&p->lock);
	while (!p->first && !p->stop) {
		p->n_idle++;
		pthread_cond_wait(&p->work, &p->lock);
		p->n_idle--;
	}
	share = p->n_todo / (2 * p->n_threads) + 1;
	while (!p->stop && p->first && n < CHUNK && n < share) {
		jobs[n++] = p->first;
		if (!(p->first = p->first->todo))
			p->last = &p->first;
		p->n_todo--;
	}
	pthread_mutex_unlock(&p->lock);
	return n;
}

static void wake(struct pool *p)
{
	uint64_t one = 1;

	if (!atomic_exchange(&p->woken, true) && write(p->wake_fd, &one, sizeof(one)) < 0)
		die_world("cannot write to an eventfd: %s", strerror(errno));
}

static void *worker(void *arg)
{
	struct pool *p = arg;
	struct job *jobs[CHUNK];
	unsigned n;

	while ((n = take(p, jobs)) > 0) {
		for (unsigned i = 0; i < n; i++) {
			judge_job(p->judge, jobs[i]);
			atomic_store_explicit(&jobs[i]->done, true, memory_order_release);
		}
		wake(p);
	}
	return NULL;
}

void pool_start(struct pool *p, unsigned threads)
{
	p->threads = xcalloc(threads, sizeof(*p->threads));
	p->n_threads = threads;
	for (unsigned i = 0; i < threads; i++)
		thread_start(&p->threads[i], worker, p);
}

void pool_push(struct pool *p, struct job *j)
{
	pthread_mutex_lock(&p->lock);
	*p->last = j;
	p->last = &j->todo;
	p->n_todo++;
	if (p->n_idle)
		pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
}

void pool_woken(struct pool *p)
{
	uint64_t count;

	if (read(p->wake_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		die_world("cannot read an eventfd: %s", strerror(errno));
	atomic_store(&p->woken, false);
}

void pool_stop(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	free(p->threads);
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
	close(p->wake_fd);
}

/* Next: cmd/block-verify/judge.c, what a worker does. */
