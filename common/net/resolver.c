/* resolver - the parent's side: which names are asked for, who waits for them, and what is known
 * for a while. */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/net/resolver_private.h"
#include "common/sys/log.h"
#include "common/sys/loop.h"
#include "common/sys/stage.h"

#define FAILED_MS 500		/* a failure is the answer to all that ask at about that time */
#define TICK_MS 250

struct name;
struct resolver_wait {
	TAILQ_ENTRY(resolver_wait) entry;
	struct name *name;
	uint64_t until;
	void (*done)(void *arg, const struct resolved *);
	void *arg;
};
TAILQ_HEAD(waits, resolver_wait);

enum name_state { NAME_QUEUED, NAME_ASKED, NAME_ANSWERED };
struct name {
	TAILQ_ENTRY(name) entry;		/* the newest is the last */
	struct resolver *resolver;
	enum name_state state;
	uint32_t id;
	uint64_t until;				/* if answered: as long as it holds */
	struct resolved answer;
	struct waits waits;
	char host[MAX_HOST + 1];
};
TAILQ_HEAD(names, name);

struct resolver {
	int fd;
	struct event *readable, *timer;
	struct names names;
	unsigned n_names, n_asked;
	uint32_t last_id;
};

struct resolver *resolver_start(void)
{
	struct sigaction collect = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT };
	struct resolver *r = xcalloc(1, sizeof(*r));
	int pair[2];
	pid_t pid;

	TAILQ_INIT(&r->names);
	sigaction(SIGCHLD, &collect, NULL);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 || (pid = fork()) < 0)
		die_world("cannot start the resolver: %s", strerror(errno));
	if (pid == 0) {
		close(pair[0]);
		resolver_child(pair[1]);
	}
	close(pair[1]);
	r->fd = pair[0];
	evutil_make_socket_nonblocking(r->fd);
	return r;
}

static void wake(struct resolver *r, unsigned ms)
{
	struct timeval tv = { 0, (suseconds_t)ms * 1000 };

	if (evtimer_add(r->timer, &tv) < 0)
		BUG("a timer cannot be set");
}

static void name_free(struct name *n)
{
	TAILQ_REMOVE(&n->resolver->names, n, entry);
	n->resolver->n_names--;
	free(n);
}

/* Send what is queued, as far as the child takes more. */
static void send_queued(struct resolver *r)
{
	struct resolver_question q;
	struct name *n;

	TAILQ_FOREACH(n, &r->names, entry) {
		if (n->state != NAME_QUEUED)
			continue;
		if (r->n_asked >= MAX_RESOLVING)
			return;
		memset(&q, 0, sizeof(q));
		q.id = n->id = ++r->last_id;
		memcpy(q.host, n->host, sizeof(q.host));
		if (send(r->fd, &q, sizeof(q), MSG_NOSIGNAL) != (ssize_t)sizeof(q))
			return;		/* full: at the next tick; dead: its end is heard too */
		n->state = NAME_ASKED;
		r->n_asked++;
	}
}

static void finish(struct resolver_wait *w, const struct resolved *answer)
{
	TAILQ_REMOVE(&w->name->waits, w, entry);
	w->done(w->arg, answer);
	free(w);
}

/* A callback may ask, and drop other waits: nothing is held over its call but a name that has
 * waits. */
static bool finish_one(struct resolver *r, uint64_t now)
{
	static const struct resolved late = { .why = "no answer of a name server" };
	struct resolver_wait *w;
	struct name *n;

	TAILQ_FOREACH(n, &r->names, entry)
		TAILQ_FOREACH(w, &n->waits, entry)
			if (n->state == NAME_ANSWERED || w->until <= now) {
				struct resolved a = n->state == NAME_ANSWERED ? n->answer : late;

				finish(w, &a);
				return true;
			}
	return false;
}

static bool is_waited_for(const struct resolver *r)
{
	const struct name *n;

	TAILQ_FOREACH(n, &r->names, entry)
		if (!TAILQ_EMPTY(&n->waits))
			return true;
	return false;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *r = arg;

	send_queued(r);
	while (finish_one(r, now_ms()))
		;
	if (is_waited_for(r))
		wake(r, TICK_MS);
}

static const char *reason(int error)
{
	if (error == EAI_SYSTEM || error == EAI_MEMORY)
		return "the system cannot ask for names now";
	return gai_strerror(error);
}

static void take(struct resolver *r, const struct resolver_answer *a)
{
	struct name *n;

	TAILQ_FOREACH(n, &r->names, entry)
		if (n->state == NAME_ASKED && n->id == a->id)
			break;
	if (!n || a->n > MAX_ADDRESSES)
		die_world("the resolver speaks nonsense");
	r->n_asked--;
	n->state = NAME_ANSWERED;
	n->answer.why = a->error ? reason(a->error) : a->n ? NULL : "it has no address";
	n->answer.n = a->error ? 0 : a->n;
	memcpy(n->answer.at, a->at, sizeof(n->answer.at));
	n->until = now_ms() + (n->answer.why ? FAILED_MS : RESOLVED_MS);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *r = arg;
	struct resolver_answer a;
	ssize_t n;

	while ((n = recv(r->fd, &a, sizeof(a), 0)) == (ssize_t)sizeof(a))
		take(r, &a);
	if (n >= 0 || (errno != EAGAIN && errno != EINTR))
		die_world("the resolver died: names cannot be resolved any more");
	wake(r, 0);
}

void resolver_attach(struct resolver *r, struct event_base *base)
{
	r->readable = loop_event(base, r->fd, EV_READ | EV_PERSIST, on_readable, r);
	r->timer = loop_event(base, -1, 0, on_timer, r);
	if (event_add(r->readable, NULL) < 0)
		die_world("cannot watch the resolver");
}

void resolver_stop(struct resolver *r)
{
	struct resolver_wait *w;
	struct name *n;

	while ((n = TAILQ_FIRST(&r->names))) {
		while ((w = TAILQ_FIRST(&n->waits)))
			resolver_forget(w);
		name_free(n);
	}
	if (r->readable)
		event_free(r->readable);
	if (r->timer)
		event_free(r->timer);
	close(r->fd);
	free(r);
}

/* The entry of a name: the one that is being asked for or whose answer is not too old, or a new
 * one.  Answers that are too old are freed on the way. */
static struct name *name_get(struct resolver *r, const char *host, uint64_t now)
{
	struct name *n, *next;

	for (n = TAILQ_FIRST(&r->names); n; n = next) {
		bool idle = n->state == NAME_ANSWERED && TAILQ_EMPTY(&n->waits);

		next = TAILQ_NEXT(n, entry);
		if (idle && (n->until <= now || r->n_names >= MAX_NAMES))
			name_free(n);
		else if (strcasecmp(n->host, host) == 0)
			return n;
	}
	n = xcalloc(1, sizeof(*n));
	n->resolver = r;
	TAILQ_INIT(&n->waits);
	strlcpy(n->host, host, sizeof(n->host));
	TAILQ_INSERT_TAIL(&r->names, n, entry);
	r->n_names++;
	return n;
}

struct resolver_wait *resolver_ask(struct resolver *r, const char *host, unsigned ms,
    void (*done)(void *arg, const struct resolved *), void *arg)
{
	struct resolver_wait *w = xcalloc(1, sizeof(*w));
	uint64_t now = now_ms();

	w->name = name_get(r, host, now);
	if (strlen(host) > MAX_HOST) {
		w->name->state = NAME_ANSWERED;
		w->name->answer.why = "it is too long";
	}
	w->until = now + ms;
	w->done = done;
	w->arg = arg;
	TAILQ_INSERT_TAIL(&w->name->waits, w, entry);
	wake(r, 0);
	return w;
}

void resolver_forget(struct resolver_wait *w)
{
	TAILQ_REMOVE(&w->name->waits, w, entry);
	free(w);
}

/* Next: common/net/resolver_child.c, which asks. */
