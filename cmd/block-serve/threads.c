/* More threads for HTTP.  Each is a copy of the first thread's state with a loop, a listening
 * socket, a view and uploads of its own; the store's environment and the places are shared.  A pipe
 * that is closed tells them to end. */
#include <event2/event.h>
#include <unistd.h>

#include "cmd/block-serve/serve.h"
#include "common/sys/loop.h"
#include "common/sys/start.h"

struct worker { struct serve s; pthread_t thread; int fd; };
struct threads {
	unsigned n;
	int end[2];
	struct worker at[];
};

static void end_cb(evutil_socket_t fd, short what, void *arg)
{
	event_base_loopbreak(arg);
}

static void *run(void *arg)
{
	struct worker *w = arg;

	view_refresh(&w->s);
	http_server_start(&w->s, w->fd);
	if (event_base_dispatch(w->s.base) < 0)
		die_world("the event loop failed");
	uploads_flush(&w->s);
	return NULL;
}

static void worker_init(struct worker *w, const struct serve *first, int fd, int end)
{
	w->s = *first;
	w->s.view.loaded = false;
	w->s.store.looked = 0;
	w->s.http = NULL;
	w->s.p2p = NULL;
	w->s.base = loop_new(0, 0);
	w->fd = fd;
	uploads_new(&w->s);
	if (event_base_once(w->s.base, end, EV_READ, end_cb, w->s.base, NULL) != 0)
		die_world("cannot start a thread's loop");
}

struct threads *threads_start(const struct serve *first, const int *fds, unsigned n)
{
	struct threads *t = xcalloc(1, sizeof(*t) + n * sizeof(t->at[0]));

	if (pipe(t->end) != 0)
		die_world("cannot make a pipe: %s", strerror(errno));
	for (; t->n < n; t->n++) {
		worker_init(&t->at[t->n], first, fds[t->n], t->end[0]);
		thread_start(&t->at[t->n].thread, run, &t->at[t->n]);
	}
	return t;
}

void threads_stop(struct threads *t)
{
	close(t->end[1]);
	for (unsigned i = 0; i < t->n; i++)
		pthread_join(t->at[i].thread, NULL);
}

void threads_report(const struct threads *t, const struct serve *first)
{
	unsigned long long requests = first->n_requests, bytes = first->n_bytes,
			   refused = first->n_refused, late = first->n_late,
			   uploads = first->n_uploads, looked = first->store.looked;
	size_t held = first->http_held;

	for (unsigned i = 0; t && i < t->n; i++) {
		requests += t->at[i].s.n_requests;
		bytes += t->at[i].s.n_bytes;
		refused += t->at[i].s.n_refused;
		late += t->at[i].s.n_late;
		uploads += t->at[i].s.n_uploads;
		looked += t->at[i].s.store.looked;
		held += t->at[i].s.http_held;
	}
	log_warnx("http: %u connections, %llu requests, %llu bytes, %llu uploads, %llu refused, "
		  "%llu too slow, %zu bytes held",
	    seats_taken(first->http_seats), requests, bytes, uploads, refused, late, held);
	log_warnx("store: %llu rows looked at", looked);
}

/* Next: cmd/block-serve/view.c, what is known of the store. */
