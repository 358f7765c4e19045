/* What a confined program may still do: one table of system calls a right, with their arguments
 * where these decide.  New entries need a reason. */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "common/sys/sandbox_private.h"

#define CALL(name) SCMP_SYS(name)

/* Descriptors that are open, memory, clocks, signals, the loop; LMDB's pages are among them. */
static const int base[] = {
	CALL(read),
	CALL(write),
	CALL(readv),
	CALL(writev),
	CALL(pread64),
	CALL(preadv),
	CALL(preadv2),
	CALL(lseek),
	CALL(close),
	CALL(fstat),
	CALL(fstatfs),
	CALL(fsync),
	CALL(fdatasync),
	CALL(dup),
	CALL(dup2),
	CALL(dup3),
	CALL(pipe2),
	CALL(eventfd2),
	CALL(munmap),
	CALL(mremap),
	CALL(mincore),
	CALL(brk),
	CALL(membarrier),
	CALL(futex),
	CALL(set_robust_list),
	CALL(rseq),
	CALL(sched_yield),
	CALL(sched_getaffinity),
	CALL(getcpu),
	CALL(clock_gettime),
	CALL(clock_getres),
	CALL(clock_nanosleep),
	CALL(nanosleep),
	CALL(gettimeofday),
	CALL(time),
	CALL(getrandom),
	CALL(getpid),
	CALL(gettid),
	CALL(getppid),
	CALL(getuid),
	CALL(geteuid),
	CALL(getgid),
	CALL(getegid),
	CALL(uname),
	CALL(sysinfo),
	CALL(getrusage),
	CALL(times),
	CALL(getrlimit),
	CALL(rt_sigaction),
	CALL(rt_sigprocmask),
	CALL(rt_sigreturn),
	CALL(rt_sigtimedwait),
	CALL(rt_sigpending),
	CALL(sigaltstack),
	CALL(restart_syscall),
	CALL(exit),
	CALL(exit_group),
	CALL(epoll_create1),
	CALL(epoll_ctl),
	CALL(epoll_wait),
	CALL(epoll_pwait),
	CALL(poll),
	CALL(ppoll),
	CALL(select),
	CALL(pselect6),
	CALL(timerfd_create),
	CALL(timerfd_settime),
	CALL(timerfd_gettime),
};
/* library_end, after the last filter. */
static const int watches[] = { CALL(alarm), CALL(setitimer) };
/* At a place of a file. */
static const int writes[] = { CALL(pwrite64), CALL(pwritev), CALL(pwritev2) };
/* Talk on connected sockets, ours or accepted. */
static const int sockets[] = { CALL(recvfrom), CALL(shutdown), CALL(getsockname), CALL(getpeername),
	CALL(getsockopt) };
static const int connects[] = { CALL(connect) };
static const int accepts[] = { CALL(accept), CALL(accept4) };
/* The C library's resolver and its plug-ins read files; Landlock says which.  It talks with several
 * name servers at once. */
static const int resolves[] = {
	CALL(readlink), CALL(readlinkat), CALL(getdents64), CALL(getcwd), CALL(statfs),
	    CALL(sendto), CALL(sendmsg), CALL(sendmmsg),
	CALL(recvmsg), CALL(recvmmsg),
};
/* Whether a file is there, and which it is. */
static const int looks[] = {
	CALL(newfstatat), CALL(stat), CALL(lstat), CALL(statx), CALL(access), CALL(faccessat),
	    CALL(faccessat2),
};

static int allow(scmp_filter_ctx f, const int *calls, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
		if (rc == -EDOM || calls[i] == __NR_SCMP_ERROR)
			rc = 0;		/* not a call of this architecture */
	}
	return rc;
}
#define ALLOW(f, table) allow((f), (table), sizeof(table) / sizeof((table)[0]))

/* Calls that are allowed with some arguments only: all of up to three conditions hold.  A table, so
 * that the reason stands beside each. */
struct conditional { int call; struct scmp_arg_cmp arg[3]; };
#define IS(n, value) { (n), SCMP_CMP_EQ, (value), 0 }
#define HAS(n, mask, value) { (n), SCMP_CMP_MASKED_EQ, (mask), (value) }

static int allow_if(scmp_filter_ctx f, const struct conditional *c, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		unsigned args = 0;

		while (args < 3 && c[i].arg[args].op)
			args++;
		rc = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, c[i].call, args, c[i].arg);
	}
	return rc;
}
#define ALLOW_IF(f, table) allow_if((f), (table), sizeof(table) / sizeof((table)[0]))

/* Of fcntl there is an owner and a signal, by which the kernel would kill whom we may not. */
static int allow_base_if(scmp_filter_ctx f)
{
	const struct conditional rules[] = {
		{ CALL(ioctl), { IS(1, TCGETS) } },		/* isatty */
		{ CALL(ioctl), { IS(1, TIOCGWINSZ) } },		/* width of the progress line */
		{ CALL(ioctl), { IS(1, FIONREAD) } },		/* libevent: how much to read */
		{ CALL(ioctl), { IS(1, FIONBIO) } },
		{ CALL(fcntl), { IS(1, F_GETFD) } },
		{ CALL(fcntl), { IS(1, F_SETFD) } },
		{ CALL(fcntl), { IS(1, F_DUPFD_CLOEXEC) } },
		{ CALL(fcntl), { IS(1, F_GETFL) } },
		{ CALL(fcntl), { IS(1, F_SETFL), HAS(2, O_ASYNC, 0) } },
		/* LMDB: readers that live; SQLite */
		{ CALL(fcntl), { IS(1, F_GETLK) } },
		{ CALL(fcntl), { IS(1, F_SETLK) } },
		{ CALL(fcntl), { IS(1, F_SETLKW) } },
		{ CALL(prlimit64), { IS(0, 0), IS(2, 0) } },	/* getrlimit; not to set one */
		{ CALL(prctl), { IS(0, PR_SET_NAME) } },
		/* with the next two: the filter that ends this */
		{ CALL(prctl), { IS(0, PR_SET_NO_NEW_PRIVS) } },
		{ CALL(prctl), { IS(0, PR_SET_SECCOMP) } },
		{ CALL(seccomp), { IS(0, SECCOMP_SET_MODE_FILTER) } },
		{ CALL(tgkill), { IS(0, (scmp_datum_t)getpid()) } },	/* abort, raise */
		{ CALL(newfstatat), { HAS(3, AT_EMPTY_PATH, AT_EMPTY_PATH) } },	/* fstat */
	};

	return ALLOW_IF(f, rules);
}

/* No new code.  Memory that is shared with a file is not written through: LMDB's lock file is
 * mapped already. */
#define GUARD_INSTALL 102	/* newer than our headers */
static int allow_memory(scmp_filter_ctx f)
{
	const struct conditional rules[] = {
		{ CALL(mmap), { HAS(2, PROT_EXEC | PROT_WRITE, 0) } },
		{ CALL(mmap), { HAS(2, PROT_EXEC, 0),
		    HAS(3, MAP_SHARED | MAP_PRIVATE, MAP_PRIVATE) } },
		{ CALL(mprotect), { HAS(2, PROT_EXEC, 0) } },
		/* Advice about our own memory.  Not MADV_REMOVE, which cuts holes into files, and
		 * none of those by which root takes pages from the machine. */
		{ CALL(madvise), { IS(2, MADV_NORMAL) } },
		{ CALL(madvise), { IS(2, MADV_RANDOM) } },
		{ CALL(madvise), { IS(2, MADV_SEQUENTIAL) } },
		{ CALL(madvise), { IS(2, MADV_WILLNEED) } },
		{ CALL(madvise), { IS(2, MADV_DONTNEED) } },
		{ CALL(madvise), { IS(2, MADV_FREE) } },
		{ CALL(madvise), { IS(2, MADV_HUGEPAGE) } },
		{ CALL(madvise), { IS(2, MADV_NOHUGEPAGE) } },
		{ CALL(madvise), { IS(2, MADV_DONTDUMP) } },
		{ CALL(madvise), { IS(2, MADV_WIPEONFORK) } },
		{ CALL(madvise), { IS(2, GUARD_INSTALL) } },	/* stacks of a newer libc */
	};

	return ALLOW_IF(f, rules);
}

/* TCP, and no other protocol that calls itself a stream. */
static int allow_tcp(scmp_filter_ctx f)
{
	const struct conditional rules[] = {
		{ CALL(socket), { IS(0, AF_INET), HAS(1, 0xf, SOCK_STREAM), IS(2, 0) } },
		{ CALL(socket), { IS(0, AF_INET), HAS(1, 0xf, SOCK_STREAM), IS(2, IPPROTO_TCP) } },
		{ CALL(socket), { IS(0, AF_INET6), HAS(1, 0xf, SOCK_STREAM), IS(2, 0) } },
		{ CALL(socket), { IS(0, AF_INET6), HAS(1, 0xf, SOCK_STREAM), IS(2, IPPROTO_TCP) } },
	};

	return ALLOW_IF(f, rules);
}

/* What libevent and libcurl set; not filters of packets, groups or devices. */
static int allow_options(scmp_filter_ctx f)
{
	const struct conditional rules[] = {
		{ CALL(setsockopt), { IS(1, SOL_SOCKET), IS(2, SO_KEEPALIVE) } },
		{ CALL(setsockopt), { IS(1, SOL_SOCKET), IS(2, SO_REUSEADDR) } },
		{ CALL(setsockopt), { IS(1, SOL_SOCKET), IS(2, SO_LINGER) } },
		{ CALL(setsockopt), { IS(1, SOL_SOCKET), IS(2, SO_SNDBUF) } },
		{ CALL(setsockopt), { IS(1, SOL_SOCKET), IS(2, SO_RCVBUF) } },
		{ CALL(setsockopt), { IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY) } },
		{ CALL(setsockopt), { IS(1, IPPROTO_TCP), IS(2, TCP_NOTSENT_LOWAT) } },
		{ CALL(setsockopt), { IS(1, IPPROTO_TCP), IS(2, TCP_KEEPIDLE) } },
		{ CALL(setsockopt), { IS(1, IPPROTO_TCP), IS(2, TCP_KEEPINTVL) } },
		{ CALL(setsockopt), { IS(1, IPPROTO_TCP), IS(2, TCP_KEEPCNT) } },
		{ CALL(setsockopt), { IS(1, IPPROTO_TCP), IS(2, TCP_USER_TIMEOUT) } },
		/* an address would be one more way to connect (MSG_FASTOPEN) */
		{ CALL(sendto), { IS(4, 0) } },
	};

	return ALLOW_IF(f, rules);
}

/* Names.  Plug-ins are loaded by glibc when it first needs them: code, but never memory that is
 * written. */
static int allow_resolve(scmp_filter_ctx f)
{
	const scmp_datum_t writing = O_ACCMODE | O_CREAT | O_TRUNC;
	const struct conditional rules[] = {
		{ CALL(openat), { HAS(2, writing, O_RDONLY) } },
#ifdef __NR_open
		{ CALL(open), { HAS(1, writing, O_RDONLY) } },
#endif
		{ CALL(mmap), { HAS(2, PROT_EXEC | PROT_WRITE, PROT_EXEC),
		    HAS(3, MAP_SHARED | MAP_PRIVATE, MAP_PRIVATE) } },
		{ CALL(socket), { IS(0, AF_INET), HAS(1, 0xf, SOCK_DGRAM), IS(2, 0) } },
		{ CALL(socket), { IS(0, AF_INET), HAS(1, 0xf, SOCK_DGRAM), IS(2, IPPROTO_UDP) } },
		{ CALL(socket), { IS(0, AF_INET6), HAS(1, 0xf, SOCK_DGRAM), IS(2, 0) } },
		{ CALL(socket), { IS(0, AF_INET6), HAS(1, 0xf, SOCK_DGRAM), IS(2, IPPROTO_UDP) } },
		{ CALL(setsockopt), { IS(1, IPPROTO_IP), IS(2, IP_RECVERR) } },
		{ CALL(setsockopt), { IS(1, IPPROTO_IPV6), IS(2, IPV6_RECVERR) } },
	};
	int rc = ALLOW(f, resolves);

	if (rc == 0)
		rc = ALLOW_IF(f, rules);
	/* getaddrinfo asks nscd and, for the addresses of this machine, the kernel; without answers
	 * it goes on. Quietly, or each run would name them. */
	if (rc == 0)
		rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EAFNOSUPPORT), CALL(socket), 1,
		    SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
	return rc ? rc : seccomp_rule_add(f, SCMP_ACT_ERRNO(EAFNOSUPPORT), CALL(socket), 1,
	    SCMP_A0(SCMP_CMP_EQ, AF_NETLINK));
}

/* SQLite follows a database that another process writes: it looks whether files are there, and maps
 * what the log's index grows by.  A journal it would open; what cannot be opened is the database's
 * owner's business, and no news. */
static int allow_database(scmp_filter_ctx f)
{
	const struct conditional rules[] = { { CALL(mmap),
		{ HAS(2, PROT_EXEC, 0), HAS(3, MAP_SHARED | MAP_PRIVATE, MAP_SHARED) } } };
	int rc = ALLOW_IF(f, rules);

	return rc ? rc : seccomp_rule_add(f, SCMP_ACT_ERRNO(EACCES), CALL(openat), 0);
}

/* Threads, not processes, and in the namespaces that we are in.  clone3 hides its flags in memory,
 * so it does not exist: libc falls back to clone.  libc blocks signals around a thread's start, so
 * that a trap would kill: there the refusal is without words. */
static int allow_threads(scmp_filter_ctx f, bool threads)
{
	const scmp_datum_t own = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
	    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
	uint32_t action = threads ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM);
	int rc = seccomp_rule_add(f, action, CALL(clone), 1,
	    SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | own, CLONE_THREAD));

	return rc ? rc : seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0);
}

int sandbox_rules(scmp_filter_ctx f, unsigned flags)
{
	const bool out = flags & (SANDBOX_CONNECT | SANDBOX_RESOLVE);
	int rc = ALLOW(f, base);

	if (rc == 0)
		rc = ALLOW(f, watches);
	if (rc == 0)
		rc = allow_base_if(f);
	if (rc == 0)
		rc = allow_memory(f);
	if (rc == 0 && flags & SANDBOX_WRITE)
		rc = ALLOW(f, writes);
	if (rc == 0 && (out || flags & SANDBOX_ACCEPT))
		rc = ALLOW(f, sockets);
	if (rc == 0 && (out || flags & SANDBOX_ACCEPT))
		rc = allow_options(f);
	if (rc == 0 && out)
		rc = ALLOW(f, connects);
	if (rc == 0 && out)
		rc = allow_tcp(f);
	if (rc == 0 && flags & SANDBOX_ACCEPT)
		rc = ALLOW(f, accepts);
	if (rc == 0 && flags & (SANDBOX_RESOLVE | SANDBOX_DATABASE))
		rc = ALLOW(f, looks);
	if (rc == 0 && flags & SANDBOX_RESOLVE)
		rc = allow_resolve(f);
	if (rc == 0 && flags & SANDBOX_DATABASE)
		rc = allow_database(f);
	return rc ? rc : allow_threads(f, flags & (SANDBOX_THREADS | SANDBOX_RESOLVE));
}

/* Next: common/sys/sandbox_files.c. */
