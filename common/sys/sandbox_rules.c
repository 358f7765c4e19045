/* What a confined program may still do: one table of system calls a right.  New entries need a reason. */
#include <errno.h>
#include <fcntl.h>
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

/* Descriptors that are open, memory, clocks, signals, the loop; LMDB's pages and locks are among them. */
static const int base[] = {
	CALL(read), CALL(write), CALL(readv), CALL(writev), CALL(pread64), CALL(pwrite64), CALL(preadv), CALL(pwritev),
	CALL(preadv2), CALL(pwritev2), CALL(lseek), CALL(close), CALL(fstat), CALL(fstatfs), CALL(fsync), CALL(fdatasync),
	CALL(msync), CALL(ftruncate), CALL(fallocate), CALL(fadvise64), CALL(sync_file_range), CALL(fcntl), CALL(flock),
	CALL(splice), CALL(tee), CALL(sendfile), CALL(copy_file_range),
	CALL(dup), CALL(dup2), CALL(dup3), CALL(pipe2), CALL(eventfd2),
	CALL(munmap), CALL(mremap), CALL(madvise), CALL(mincore), CALL(brk), CALL(membarrier),
	CALL(futex), CALL(set_robust_list), CALL(rseq), CALL(sched_yield), CALL(sched_getaffinity), CALL(getcpu),
	CALL(clock_gettime), CALL(clock_getres), CALL(clock_nanosleep), CALL(nanosleep), CALL(gettimeofday), CALL(time),
	CALL(getrandom), CALL(getpid), CALL(gettid), CALL(getppid), CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid),
	CALL(uname), CALL(sysinfo), CALL(getrusage), CALL(times), CALL(getrlimit),
	CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn), CALL(rt_sigtimedwait), CALL(rt_sigpending),
	CALL(sigaltstack), CALL(restart_syscall), CALL(exit), CALL(exit_group),
	CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_wait), CALL(epoll_pwait), CALL(poll), CALL(ppoll), CALL(select),
	CALL(pselect6), CALL(timerfd_create), CALL(timerfd_settime), CALL(timerfd_gettime),
};

/* Talk on sockets, ours or accepted. */
static const int sockets[] = {
	CALL(recvfrom), CALL(sendto), CALL(recvmsg), CALL(sendmsg), CALL(recvmmsg), CALL(sendmmsg), CALL(shutdown),
	CALL(getsockname), CALL(getpeername), CALL(getsockopt), CALL(setsockopt),
};
static const int connects[] = { CALL(connect) };
static const int accepts[] = { CALL(accept), CALL(accept4) };
/* The resolver and the TLS library read files; Landlock says which. */
static const int files[] = { CALL(newfstatat), CALL(stat), CALL(lstat), CALL(statx), CALL(access), CALL(faccessat), CALL(faccessat2),
	CALL(readlink), CALL(readlinkat), CALL(getdents64), CALL(mmap), CALL(mprotect), CALL(getcwd), CALL(statfs) };

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

/* Calls that are allowed with some arguments only.  A table, so that the reason stands beside each. */
struct conditional { int call; struct scmp_arg_cmp arg; };

static int allow_if(scmp_filter_ctx f, const struct conditional *c, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, c[i].call, 1, c[i].arg);
	return rc;
}
#define ALLOW_IF(f, table) allow_if((f), (table), sizeof(table) / sizeof((table)[0]))

static int allow_base_if(scmp_filter_ctx f)
{
	const struct conditional rules[] = {
		{ CALL(ioctl), SCMP_A1(SCMP_CMP_EQ, TCGETS) },		/* isatty */
		{ CALL(ioctl), SCMP_A1(SCMP_CMP_EQ, TIOCGWINSZ) },	/* width of the progress line */
		{ CALL(ioctl), SCMP_A1(SCMP_CMP_EQ, FIONREAD) },	/* libevent: how much to read */
		{ CALL(ioctl), SCMP_A1(SCMP_CMP_EQ, FIONBIO) },
		{ CALL(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0) },		/* getrlimit; not to set one */
		{ CALL(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME) },
		{ CALL(tgkill), SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()) },	/* abort, raise */
	};

	return ALLOW_IF(f, rules);
}

/* No new code: without the right to open files nothing is loaded any more. */
static int allow_memory(scmp_filter_ctx f)
{
	const struct conditional rules[] = {
		{ CALL(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) },
		{ CALL(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) },
		{ CALL(newfstatat), SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH) },	/* fstat */
	};

	return ALLOW_IF(f, rules);
}

static int allow_open_read(scmp_filter_ctx f)
{
	const scmp_datum_t writing = O_ACCMODE | O_CREAT | O_TRUNC;
	const struct conditional rules[] = {
		{ CALL(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, writing, O_RDONLY) },
#ifdef __NR_open
		{ CALL(open), SCMP_A1(SCMP_CMP_MASKED_EQ, writing, O_RDONLY) },
#endif
	};

	return ALLOW_IF(f, rules);
}

static int allow_connect(scmp_filter_ctx f)
{
	const struct conditional rules[] = {
		{ CALL(socket), SCMP_A0(SCMP_CMP_EQ, AF_INET) },
		{ CALL(socket), SCMP_A0(SCMP_CMP_EQ, AF_INET6) },
		{ CALL(socketpair), SCMP_A0(SCMP_CMP_EQ, AF_UNIX) },	/* libcurl wakes its loop with one */
	};
	int rc = ALLOW(f, connects);

	if (rc == 0)
		rc = ALLOW_IF(f, rules);
	/* getaddrinfo asks nscd and, for the addresses of this machine, the kernel; without answers it goes on.
	 * Quietly, or each run would name them. */
	if (rc == 0)
		rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EAFNOSUPPORT), CALL(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
	if (rc == 0)
		rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EAFNOSUPPORT), CALL(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK));
	if (rc == 0)
		rc = ALLOW(f, files);
	return rc ? rc : allow_open_read(f);
}

/* Threads, not processes.  clone3 hides its flags in memory, so it does not exist: libc falls back to clone.  libc
 * blocks signals around a thread's start, so that a trap would kill: there the refusal is without words. */
static int allow_threads(scmp_filter_ctx f, unsigned flags)
{
	uint32_t action = flags & SANDBOX_THREADS ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM);
	int rc = seccomp_rule_add(f, action, CALL(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));

	return rc ? rc : seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0);
}

int sandbox_rules(scmp_filter_ctx f, unsigned flags)
{
	int rc = ALLOW(f, base);

	if (rc == 0)
		rc = allow_base_if(f);
	if (rc == 0 && !(flags & SANDBOX_CONNECT))
		rc = allow_memory(f);
	if (rc == 0 && flags & (SANDBOX_CONNECT | SANDBOX_ACCEPT))
		rc = ALLOW(f, sockets);
	if (rc == 0 && flags & SANDBOX_CONNECT)
		rc = allow_connect(f);
	if (rc == 0 && flags & SANDBOX_ACCEPT)
		rc = ALLOW(f, accepts);
	return rc ? rc : allow_threads(f, flags);
}

/* Next: common/sys/sandbox_files.c. */
