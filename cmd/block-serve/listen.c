/* Listening sockets, acquired before the program confines itself. */
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <unistd.h>

#include "cmd/block-serve/serve.h"
#include "common/net/address.h"
#include "common/sys/loop.h"

/* share: other sockets of ours may listen on the same address, and the kernel deals connections out
 * among them. */
static int bind_first(const struct addrinfo *ai, bool share)
{
	int one = 1, fd = -1;

	for (; ai; ai = ai->ai_next) {
		fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (share)
			setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
		if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, 1024) == 0)
			return fd;
		int saved = errno;
		close(fd);
		errno = saved;
	}
	return -1;
}

static struct addrinfo *resolve(const char *option, const char *host_port)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM },
			*ai;
	const char *colon = strrchr(host_port, ':');
	char host[256], *h = host;
	int rc;

	if (!colon || (size_t)(colon - host_port) >= sizeof(host))
		die_usage("%s '%s': give HOST:PORT", option, host_port);
	memcpy(host, host_port, (size_t)(colon - host_port));
	host[colon - host_port] = 0;
	options_number(option, colon + 1, 0, 65535);
	if (*h == '[' && h[strlen(h) - 1] == ']') {
		h[strlen(h) - 1] = 0;
		h++;
	}
	if ((rc = getaddrinfo(*h == 0 || strcmp(h, "*") == 0 ? NULL : h, colon + 1, &hints, &ai)) !=
	    0)
		die_world("cannot resolve '%s': %s", host_port, gai_strerror(rc));
	return ai;
}

/* The chosen port, where 0 was asked for, goes into the address for the sockets that follow. */
static void name_socket(int fd, const char *host_port, struct sockaddr_storage *ss)
{
	socklen_t len = sizeof(*ss);

	if (getsockname(fd, (struct sockaddr *)ss, &len) != 0)
		die_world("cannot name the socket of '%s': %s", host_port, strerror(errno));
}

void listen_on(const char *option, const char *host_port, int *fds, unsigned n, char text[64],
    bool *wildcard)
{
	struct addrinfo *all = resolve(option, host_port);
	struct sockaddr_storage ss = { 0 };
	uint8_t addr[16];
	uint16_t port;

	/* The first does not share: if somebody listens there already, this is where it shows. */
	fds[0] = bind_first(all, false);
	if (fds[0] < 0)
		die_world("cannot listen on '%s': %s", host_port, strerror(errno));
	name_socket(fds[0], host_port, &ss);
	if (n > 1) {
		struct addrinfo one = { .ai_family = ss.ss_family,
			.ai_addr = (struct sockaddr *)&ss,
			.ai_addrlen = ss.ss_family == AF_INET ? sizeof(struct sockaddr_in) :
								sizeof(struct sockaddr_in6) };
		close(fds[0]);
		for (unsigned i = 0; i < n; i++)
			if ((fds[i] = bind_first(&one, true)) < 0)
				die_world("cannot listen on '%s': %s", host_port, strerror(errno));
	}
	freeaddrinfo(all);
	address_text(text, (struct sockaddr *)&ss);
	address_to16(addr, &port, (struct sockaddr *)&ss);
	*wildcard = address_any16(addr);
}

struct acceptor {
	struct evconnlistener *listener;
	struct event *again;
	unsigned n;			/* accepted in this turn of the loop */
	taken_fn *taken;
	void *arg;
};

static void again_cb(evutil_socket_t fd, short what, void *arg)
{
	struct acceptor *a = arg;

	a->n = 0;
	evconnlistener_enable(a->listener);
}

/* libevent accepts for as long as anybody comes; here those who are there already have their turn
 * in between. */
static void accept_cb(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int len,
    void *arg)
{
	struct acceptor *a = arg;

	if (a->n++ == 0)
		event_active(a->again, EV_TIMEOUT, 0);	/* after whatever else is ready now */
	if (a->n == ACCEPTED_A_TURN)
		evconnlistener_disable(l);
	a->taken(a->arg, fd, sa);
}

/* Without descriptors or memory whoever waits would wake the loop for ever. */
static void failed_cb(struct evconnlistener *l, void *arg)
{
	static const struct timeval second = { 1, 0 };
	static atomic_bool said;
	struct acceptor *a = arg;

	if (!atomic_exchange(&said, true))
		log_warn("cannot accept connections for now%s",
		    errno == EMFILE ? " (ulimit -n)" : "");
	evconnlistener_disable(l);
	event_add(a->again, &second);
}

void accept_on(struct event_base *base, int fd, taken_fn *taken, void *arg)
{
	struct acceptor *a = xcalloc(1, sizeof(*a));

	a->taken = taken;
	a->arg = arg;
	a->again = loop_event(base, -1, 0, again_cb, a);
	a->listener = evconnlistener_new(base, accept_cb, a, LEV_OPT_CLOSE_ON_FREE, 0, fd);
	if (!a->listener)
		die_world("cannot accept connections");
	evconnlistener_set_error_cb(a->listener, failed_cb);
}

/* Next: cmd/block-serve/seats.c, who may be connected, and who leaves for another. */
