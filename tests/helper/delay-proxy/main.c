/* delay-proxy - a TCP proxy that puts its targets some milliseconds away.
 *
 *   delay-proxy MS [-r BYTES/S] TARGET_PORT...    one line a target: the port that stands for it
 *   delay-proxy -f N                              N ports that are free now
 *
 * Everything is on 127.0.0.1.  Each direction is MS late; the first bytes of a connection are two
 * more late, for the handshake that a distant TCP would need.  -r bounds each direction of each
 * connection. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/sys/log.h"
#include "common/sys/options.h"

enum { WATERMARK = 1 << 20 };

/* bytes NULL: the end */
struct piece { STAILQ_ENTRY(piece) next; double due; struct evbuffer *bytes; };
struct side {
	struct bufferevent *from, *to;
	STAILQ_HEAD(, piece) waiting;
	struct event *timer;
	struct pair *pair;
	double free_at;
};
struct pair { struct side up, down; double began; bool closed; struct event *gone; };

static struct event_base *base;
static double delay, rate;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void side_release(struct side *s)
{
	struct piece *p;

	while ((p = STAILQ_FIRST(&s->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&s->waiting, next);
		if (p->bytes)
			evbuffer_free(p->bytes);
		free(p);
	}
	event_free(s->timer);
}

static void pair_free(evutil_socket_t fd, short what, void *arg)
{
	struct pair *p = arg;

	bufferevent_free(p->up.from);
	bufferevent_free(p->up.to);
	side_release(&p->up);
	side_release(&p->down);
	event_free(p->gone);
	free(p);
}

static void pair_close(struct pair *p)
{
	if (p->closed)
		return;
	p->closed = true;
	event_active(p->gone, EV_TIMEOUT, 0);	/* not under the feet of a callback */
}

static void arm(struct side *s)
{
	struct piece *p = STAILQ_FIRST(&s->waiting);
	double wait;

	if (!p)
		return;
	wait = p->due - now();
	wait = wait < 0 ? 0 : wait;
	event_add(s->timer,
	    &(struct timeval){ (time_t)wait, (suseconds_t)((wait - (double)(time_t)wait) * 1e6) });
}

static void drained(struct bufferevent *to, void *arg) { pair_close(arg); }
static void readable(struct bufferevent *, void *);
static void ended(struct bufferevent *, short, void *);

/* The sender has ended: so does the pair, once the receiver has everything. */
static void end(struct side *s)
{
	if (evbuffer_get_length(bufferevent_get_output(s->to)) == 0)
		pair_close(s->pair);
	else
		bufferevent_setcb(s->to, readable, drained, ended, s->pair);
}

static void due(evutil_socket_t fd, short what, void *arg)
{
	struct side *s = arg;
	struct piece *p;

	while ((p = STAILQ_FIRST(&s->waiting)) != NULL && p->due <= now()) {
		STAILQ_REMOVE_HEAD(&s->waiting, next);
		if (p->bytes) {
			evbuffer_add_buffer(bufferevent_get_output(s->to), p->bytes);
			evbuffer_free(p->bytes);
		} else {
			end(s);
		}
		free(p);
	}
	if (!s->pair->closed)
		arm(s);
}

static void queue(struct side *s, struct evbuffer *bytes)
{
	struct piece *p = xcalloc(1, sizeof(*p));
	double t = now(), first = s == &s->pair->up ? s->pair->began + 3 * delay : 0;

	p->bytes = bytes;
	p->due = t + delay < first ? first : t + delay;
	if (rate > 0 && bytes) {
		s->free_at =
		    (s->free_at > t ? s->free_at : t) + (double)evbuffer_get_length(bytes) / rate;
		p->due = p->due > s->free_at + delay ? p->due : s->free_at + delay;
	}
	STAILQ_INSERT_TAIL(&s->waiting, p, next);
	if (STAILQ_FIRST(&s->waiting) == p)
		arm(s);
}

static struct side *side_of(struct bufferevent *from, struct pair *p)
{
	return p->up.from == from ? &p->up : &p->down;
}

static void readable(struct bufferevent *from, void *arg)
{
	struct evbuffer *bytes = evbuffer_new();

	evbuffer_add_buffer(bytes, bufferevent_get_input(from));
	queue(side_of(from, arg), bytes);
}

static void ended(struct bufferevent *from, short what, void *arg)
{
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		queue(side_of(from, arg), NULL);
}

static void side_init(struct side *s, struct pair *p, struct bufferevent *from,
    struct bufferevent *to)
{
	s->from = from;
	s->to = to;
	s->pair = p;
	s->timer = evtimer_new(base, due, s);
	STAILQ_INIT(&s->waiting);
	bufferevent_setcb(from, readable, NULL, ended, p);
	bufferevent_setwatermark(from, EV_READ, 0, WATERMARK);
	bufferevent_enable(from, EV_READ | EV_WRITE);
}

static void connected(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int len,
    void *arg)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(*(uint16_t *)arg) };
	struct bufferevent *a = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE),
			   *b = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	struct pair *p = xcalloc(1, sizeof(*p));

	p->began = now();
	p->gone = event_new(base, -1, 0, pair_free, p);
	side_init(&p->up, p, a, b);
	side_init(&p->down, p, b, a);
	if (bufferevent_socket_connect(b, (struct sockaddr *)&to, sizeof(to)) != 0)
		pair_close(p);
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
		die_world("no socket: %s", strerror(errno));
	return ntohs(addr.sin_port);
}

static int bound_socket(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
		die_world("cannot bind: %s", strerror(errno));
	return fd;
}

static void print_free(unsigned n)
{
	int fds[256];

	for (unsigned i = 0; i < n; i++)	/* all at once, so that they differ */
		printf("%u\n", port_of(fds[i] = bound_socket()));
	while (n--)
		close(fds[n]);
}

int main(int argc, char **argv)
{
	struct rlimit files = { 4096, 4096 };
	int letter;

	log_init("delay-proxy");
	while ((letter = getopt(argc, argv, "f:r:")) != -1) {
		if (letter == 'f') {
			print_free((unsigned)options_number("-f", optarg, 1, 256));
			return 0;
		}
		if (letter != 'r')
			die_usage("usage: delay-proxy [-r BYTES/S] MS TARGET_PORT...");
		rate = (double)options_number("-r", optarg, 1, UINT32_MAX);
	}
	if (argc - optind < 2)
		die_usage("usage: delay-proxy [-r BYTES/S] MS TARGET_PORT...");
	delay = (double)options_number("MS", argv[optind++], 0, 60000) / 1000;
	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &files);
	base = event_base_new();
	for (; optind < argc; optind++) {
		uint16_t *target = xmalloc(sizeof(*target));
		int fd = bound_socket();
		*target = (uint16_t)options_number("TARGET_PORT", argv[optind], 1, 65535);
		evconnlistener_new(base, connected, target, LEV_OPT_CLOSE_ON_FREE, 1024, fd);
		printf("%u\n", port_of(fd));
	}
	fflush(stdout);
	event_base_dispatch(base);
	return 0;
}

/* Next: tests/helper/bound/main.c, the measure of how fast a chain can be proven. */
