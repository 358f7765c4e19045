/* The probe: in a build with SANDBOX_PROBE, a program that has confined itself tries what it must not do, says what
 * came of it, and exits 0 iff exactly the forbidden was refused. */
#include "common/sys/sandbox_private.h"
#ifdef SANDBOX_PROBE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each returns whether the thing could be done (or failed for a reason other than being refused). */
static bool done(int rc)
{
	return rc >= 0 || (errno != EPERM && errno != EACCES);
}

static bool try_open(void)
{
	int fd = open("/proc/self/status", O_RDONLY);

	return done(fd);
}

static bool try_open_etc(void)
{
	return done(open("/etc/passwd", O_RDONLY));
}

static bool try_create(void)
{
	return done(open("/tmp/blocksync-probe", O_WRONLY | O_CREAT | O_TRUNC, 0600));
}

static bool try_unlink(void) { return done(unlink("/tmp/blocksync-probe")); }

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static bool try_connect(void)
{
	struct sockaddr_in a = loopback(9);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? done(fd) : done(connect(fd, (struct sockaddr *)&a, sizeof(a)));
}

static bool try_listen(void)
{
	struct sockaddr_in a = loopback(0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		return done(fd);
	return done(bind(fd, (struct sockaddr *)&a, sizeof(a))) || done(listen(fd, 1));
}

static bool try_accept(void) { return done(accept4(-1, NULL, NULL, 0)); }

static bool try_exec(void)
{
	char *const none[] = { NULL };

	return done(execve("/nonexistent/blocksync-probe", none, none));
}

static bool try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return done(pid);
}

static bool try_ptrace(void) { return done((int)ptrace(PTRACE_TRACEME, 0, 0, 0)); }
static bool try_kill(void) { return done(kill(getppid(), 0)); }
static void *thread_main(void *arg) { return arg; }

static bool try_thread(void)
{
	pthread_t t;

	errno = pthread_create(&t, NULL, thread_main, NULL);
	return errno != EPERM && errno != EACCES;
}

void sandbox_probe(unsigned flags, bool files)
{
	const bool out = flags & SANDBOX_CONNECT;
	const struct { const char *what; bool (*try)(void); bool allowed; } things[] = {
		{ "open", try_open, out && !files },	/* only Landlock tells one file from another */
		{ "open /etc", try_open_etc, out },
		{ "create", try_create, false },
		{ "unlink", try_unlink, false },
		{ "connect", try_connect, out },
		{ "listen", try_listen, false },
		{ "accept", try_accept, flags & SANDBOX_ACCEPT },
		{ "exec", try_exec, false },
		{ "fork", try_fork, false },
		{ "ptrace", try_ptrace, false },
		{ "kill", try_kill, false },
		{ "thread", try_thread, flags & SANDBOX_THREADS },
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof(things) / sizeof(things[0]); i++) {
		bool could = things[i].try();

		printf("probe: %s %s%s\n", things[i].what, could ? "ALLOWED" : "refused", could == things[i].allowed ? "" : " (WRONG)");
		rc |= could != things[i].allowed;
	}
	fflush(stdout);
	_exit(rc);
}
#endif
/* Next: common/chain/hex.c, hex, the way that identifiers are printed and read. */
