/* The probe: in a build with SANDBOX_PROBE, a program that has confined itself tries what it must
 * not do, says what came of it, and exits 0 iff exactly the forbidden was refused. */
#include "common/sys/sandbox_private.h"
#ifdef SANDBOX_PROBE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each returns whether the thing could be done (or failed for
 * a reason other than being refused). */
static bool done(int rc)
{
	return rc >= 0 || (errno != EPERM && errno != EACCES);
}

static bool try_open(void) { return done(open("/proc/self/status", O_RDONLY)); }
static bool try_open_etc(void) { return done(open("/etc/passwd", O_RDONLY)); }
static bool try_stat(void) { return done(access("/", F_OK)); }
static bool try_create(void)
{
	return done(open("/tmp/blocksync-probe", O_WRONLY | O_CREAT | O_TRUNC, 0600));
}
static bool try_unlink(void) { return done(unlink("/tmp/blocksync-probe")); }
static bool try_truncate(void) { return done(ftruncate(-1, 0)); }
static bool try_fallocate(void) { return done(fallocate(-1, 0, 0, 1)); }
static bool try_pwrite(void) { return done((int)pwrite(-1, "", 1, 0)); }

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
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
static bool try_udp(void) { return done(socket(AF_INET6, SOCK_DGRAM, 0)); }

static bool try_raw(void)
{
	return done(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)) ||
	    done(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP)) ||
	    done(socket(AF_INET, SOCK_STREAM, 262)) || done(socket(AF_PACKET, SOCK_RAW, 0));
}

/* A socket that is refused quietly has no such family. */
static bool try_unix(void)
{
	int pair[2];

	return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || socket(AF_UNIX, SOCK_DGRAM, 0) >= 0 ||
	    done(socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) ||
	    done(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair)) ||
	    done(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
}

/* An address of its own: a datagram to anybody, or a connection by the way. */
static bool try_sendto(void)
{
	struct sockaddr_in a = loopback(9);

	return done((int)sendto(-1, "", 1, 0, (struct sockaddr *)&a, sizeof(a)));
}

static bool try_packet_filter(void)
{
	return done(setsockopt(-1, SOL_SOCKET, SO_ATTACH_FILTER, "", 1));
}

/* One that is none, which the kernel would say, did it come so far. */
static bool try_filter(void)
{
	return done(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0)) ||
	    done((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL));
}

/* By each of these the kernel would send a signal of ours to a process that we may not kill. */
static bool try_owner(void)
{
	struct f_owner_ex owner = { F_OWNER_PID, getppid() };
	int pair[2], on = 1;
	pid_t pid = getppid();

	if (pipe(pair) < 0)
		return false;
	return done(fcntl(pair[0], F_SETOWN, pid)) || done(fcntl(pair[0], F_SETOWN_EX, &owner)) ||
	    done(fcntl(pair[0], F_SETSIG, SIGKILL)) ||
	    done(fcntl(pair[0], F_SETFL, O_ASYNC)) || done(fcntl(pair[0], F_NOTIFY, DN_MODIFY)) ||
	    done(fcntl(pair[0], F_SETLEASE, F_RDLCK)) ||
	    done(ioctl(pair[0], FIOASYNC, &on)) || done(ioctl(pair[0], FIOSETOWN, &pid));
}

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
static bool try_kill(void)
{
	return done(kill(getppid(), 0)) || done((int)syscall(SYS_tgkill, getppid(), getppid(), 0));
}
static bool try_limit(void)
{
	return done(prlimit(0, RLIMIT_STACK, &(struct rlimit){ 9, 9 }, NULL)) ||
	    done(prlimit(getppid(), RLIMIT_AS, NULL, NULL));
}

static bool maps(int prot, int flags)
{
	return mmap(NULL, 4096, prot, flags | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static bool try_write_exec(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return maps(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE) ||
	    mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0 ||
	    mprotect(p, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) == 0;
}

static bool try_new_code(void) { return maps(PROT_READ | PROT_EXEC, MAP_PRIVATE); }
static bool try_shared_write(void) { return maps(PROT_READ | PROT_WRITE, MAP_SHARED); }
static bool try_memory(void)
{
	return mmap(NULL, 2 * SANDBOX_MEMORY, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	    MAP_FAILED;
}
static bool try_hole(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return done(madvise(p, 4096, MADV_REMOVE));
}

/* Without CLONE_SIGHAND it is refused as nonsense, if at all. */
static bool try_namespace(void)
{
	return done((int)syscall(SYS_clone, CLONE_THREAD | CLONE_NEWNET, 0, 0, 0, 0)) ||
	    done(unshare(CLONE_NEWUSER)) || done((int)syscall(SYS_setns, -1, 0));
}

static void *thread_main(void *arg) { return arg; }

static bool try_thread(void)
{
	pthread_t t;

	errno = pthread_create(&t, NULL, thread_main, NULL);
	return errno != EPERM && errno != EACCES;
}

void sandbox_probe(unsigned flags, bool files)
{
	const bool names = flags & SANDBOX_RESOLVE;
	const struct { const char *what; bool (*try)(void); bool allowed; } things[] = {
		{ "open", try_open, names && !files },	/* only Landlock tells one file from
							 * another */
		{ "open /etc", try_open_etc, names },
		{ "stat", try_stat, flags & (SANDBOX_RESOLVE | SANDBOX_DATABASE) },
		{ "create", try_create, false },
		{ "unlink", try_unlink, false },
		{ "truncate", try_truncate, false },
		{ "fallocate", try_fallocate, false },
		{ "pwrite", try_pwrite, flags & SANDBOX_WRITE },
		/* ports are newer Landlock's */
		{ "connect", try_connect, names ? try_connect() : (bool)(flags & SANDBOX_CONNECT) },
		{ "listen", try_listen, false },
		{ "accept", try_accept, flags & SANDBOX_ACCEPT },
		{ "udp", try_udp, names },
		{ "raw", try_raw, false },
		{ "unix", try_unix, false },
		{ "sendto", try_sendto, names },
		{ "packet filter", try_packet_filter, false },
		{ "filter", try_filter, false },
		{ "owner", try_owner, false },
		{ "exec", try_exec, false },
		{ "fork", try_fork, false },
		{ "ptrace", try_ptrace, false },
		{ "kill", try_kill, false },
		{ "limit", try_limit, false },
		{ "write and run", try_write_exec, false },
		{ "new code", try_new_code, names },
		{ "shared write", try_shared_write, flags & SANDBOX_DATABASE },
		{ "memory", try_memory, false },
		{ "hole", try_hole, false },
		{ "namespace", try_namespace, false },
		{ "thread", try_thread, flags & (SANDBOX_THREADS | SANDBOX_RESOLVE) },
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof(things) / sizeof(things[0]); i++) {
		bool could = things[i].try();

		printf("probe: %s %s%s\n", things[i].what, could ? "ALLOWED" : "refused",
		    could == things[i].allowed ? "" : " (WRONG)");
		rc |= could != things[i].allowed;
	}
	fflush(stdout);
	_exit(rc);
}
#endif
/* Next: common/chain/hex.c, hex, the way that identifiers are printed and read. */
