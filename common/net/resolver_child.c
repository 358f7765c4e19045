/* resolver_child - the process that asks for names: getaddrinfo, one thread a question.
 *
 * The C library looks at resolv.conf, hosts and nsswitch.conf anew with each question, by path;
 * so this process may read the directories where they are, and whatever takes their place there. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/net/address.h"
#include "common/net/resolver_private.h"
#include "common/sys/log.h"
#include "common/sys/sandbox.h"

#define STACK (512u << 10)	/* getaddrinfo keeps answers of 64 kB there */
#define SOCKET 3

static atomic_uint busy;

static void answer(const struct resolver_answer *a)
{
	ssize_t n;

	do {
		n = send(SOCKET, a, sizeof(*a), MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		_exit(0);	/* nobody waits any more */
}

static void fill(struct resolver_answer *a, const struct addrinfo *list)
{
	uint16_t port;

	for (; list && a->n < MAX_ADDRESSES; list = list->ai_next)
		if (list->ai_family == AF_INET || list->ai_family == AF_INET6)
			address_to16(a->at[a->n++], &port, list->ai_addr);
}

static void *ask(void *arg)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct resolver_question *q = arg;
	struct resolver_answer a = { .id = q->id };
	struct addrinfo *list = NULL;

	a.error = getaddrinfo(q->host, NULL, &hints, &list);
	if (a.error == 0) {
		fill(&a, list);
		freeaddrinfo(list);
	}
	free(q);
	atomic_fetch_sub(&busy, 1);
	answer(&a);
	return NULL;
}

/* A question for which there is no thread now is one that may be asked again. */
static void start(const struct resolver_question *q, const pthread_attr_t *attr)
{
	struct resolver_question *own = malloc(sizeof(*own));
	const struct resolver_answer later = { .id = q->id, .error = EAI_AGAIN };
	pthread_t thread;

	if (own && atomic_fetch_add(&busy, 1) < MAX_RESOLVING) {
		*own = *q;
		own->host[MAX_HOST] = '\0';
		if (pthread_create(&thread, attr, ask, own) == 0)
			return;
	}
	if (own)
		atomic_fetch_sub(&busy, 1);
	free(own);
	answer(&later);
}

/* Nothing of the parent's but the socket and stderr; signals of the terminal are the parent's
 * business. */
static void leave_parent(int fd)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGPIPE };
	sigset_t none;
	int null;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	prctl(PR_SET_NAME, "resolver", 0, 0, 0);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (fd != SOCKET && dup2(fd, SOCKET) < 0)
		_exit(EXIT_WORLD);
	closefrom(SOCKET + 1);
	/* A pipe that the parent reads or writes must end with the parent. */
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		die_world("the resolver cannot open '/dev/null'");
	close(null);
}

void resolver_child(int fd)
{
	struct resolver_question q;
	pthread_attr_t attr;
	ssize_t n;

	leave_parent(fd);
#ifdef SANDBOX_PROBE
	const char *who = getenv("BLOCKSYNC_PROBE");

	if (!who || strcmp(who, "resolver") != 0) {	/* the parent is the one that tries
							 * things */
		unsetenv("BLOCKSYNC_PROBE");
	} else {					/* both are, and what is tried here is said
							 * on stderr */
		prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
		dup2(STDERR_FILENO, STDOUT_FILENO);
	}
#endif
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sandbox_enter(SANDBOX_RESOLVE);
	for (;;) {
		n = recv(SOCKET, &q, sizeof(q), 0);
		if (n == (ssize_t)sizeof(q))
			start(&q, &attr);
		else if (n >= 0 || errno != EINTR)
			_exit(0);
	}
}

/* Next: common/net/http.c, the HTTP client as its callers see it. */
