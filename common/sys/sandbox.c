/* Confinement.  seccomp holds an allow-list of system calls; whatever else is tried is trapped,
 * named once, and fails with EPERM, so that a forgotten call is a line in the log and not a riddle.
 * Files are Landlock's. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "common/chain/hash.h"
#include "common/sys/log.h"
#include "common/sys/sandbox_private.h"
#include "common/sys/start.h"

#define ARENAS 6		/* of malloc */
#define CALLS 512	/* numbers of both architectures are below it */

static char *call_name[CALLS];	/* looked up before confining: the handler may not allocate */
static atomic_bool call_named[CALLS];
static volatile sig_atomic_t confined;

#ifdef __SANITIZE_ADDRESS__
/* The leak check at exit traces its own threads, which is refused. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return confined; }
#endif

static void names_load(void)
{
	for (int i = 0; i < CALLS; i++)
		call_name[i] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
}

static void refusal_say(int call)
{
	char line[160];
	int n;

	if (call < 0 || call >= CALLS || atomic_exchange(&call_named[call], true))
		return;
	n = snprintf(line, sizeof(line), "%s: refused system call '%s'\n", log_program(),
	    call_name[call] ? call_name[call] : "?");
	(void)!write(STDERR_FILENO, line, (size_t)n);
}

/* The call's result register: it fails with EPERM. */
static void on_refusal(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
	int saved = errno;

	refusal_say(info->si_syscall);
	errno = saved;
#if defined(__x86_64__)
	u->uc_mcontext.gregs[REG_RAX] = -EPERM;
#elif defined(__aarch64__)
	u->uc_mcontext.regs[0] = (unsigned long long)-EPERM;
#else
	(void)u;
	_exit(EXIT_WORLD);	/* nobody knows here how to go on */
#endif
}

/* Whether the kernel knows filters at all: it is offered none, and looks at that only if it
 * does. */
static bool filters_known(void)
{
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) == 0 ||
	    (errno != EINVAL && errno != ENOSYS);
}

/* A filter as the kernel takes it. */
struct code { size_t bytes; struct sock_filter op[BPF_MAXINSNS]; };

static void code_make(struct code *c, unsigned flags)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
	int ends[2], rc;
	ssize_t n;

	if (!filter || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		die_world("cannot make a filter of system calls: %s", strerror(errno));
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	rc = sandbox_rules(filter, flags);
	if (rc == 0)
		rc = seccomp_export_bpf(filter, ends[1]);
	n = read(ends[0], c->op, sizeof(c->op));
	if (rc < 0 || n <= 0)
		die_world("cannot make a filter of system calls: %s",
		    strerror(rc < 0 ? -rc : errno));
	c->bytes = (size_t)n;
	seccomp_release(filter);
	close(ends[0]);
	close(ends[1]);
}

/* No more filters: the first one lets this second one pass.  The library loads it, where tools that
 * try a program's confinement look for its beginning; nothing else hangs on it. */
static void filters_end(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int rc = filter ? seccomp_rule_add(filter, SCMP_ACT_TRAP, SCMP_SYS(seccomp), 0) : -ENOMEM;

	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_TRAP, SCMP_SYS(prctl), 1,
		    SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP));
	if (rc == 0)
		rc = seccomp_load(filter);
	if (rc < 0)
		die_world("cannot confine system calls: %s", strerror(-rc));
	seccomp_release(filter);
}

/* libseccomp 2.5.4 does not notice each allocation that fails: its filter then lacks rules, or the
 * library crashes or never ends.  So the filter is made twice and must come out the same, and
 * library_begin watches over it. */
static void calls_confine(unsigned flags)
{
	static struct code code, again;
	struct sigaction trap = { .sa_sigaction = on_refusal, .sa_flags = SA_SIGINFO };
	struct sock_fprog program;

	library_begin("make a filter of system calls");
	code_make(&code, flags);
	code_make(&again, flags);
	names_load();
	library_end();
	if (code.bytes != again.bytes || memcmp(code.op, again.op, code.bytes) != 0)
		die_world("cannot make a filter of system calls: %s", strerror(ENOMEM));
	sigaction(SIGSYS, &trap, NULL);
	program.len = (unsigned short)(code.bytes / sizeof(code.op[0]));
	program.filter = code.op;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
	    &program) == 0) {
		confined = 1;
		library_begin("close the filter of system calls");
		filters_end();
		library_end();
	} else if (!filters_known()) {
		log_warnx("no seccomp in this kernel: system calls are not confined");
	} else {
		die_world("cannot confine system calls: %s", strerror(errno));
	}
}

/* What is mapped now, LMDB's map above all, and a fixed amount: a leak or a bomb ends this program
 * and not the machine.  Without /proc nobody says what is mapped. */
static void memory_confine(void)
{
	/* Of 64 MiB of addresses each.  A thread that gets none would ask the kernel for each
	 * allocation. */
	mallopt(M_ARENA_MAX, ARENAS);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	FILE *f = fopen("/proc/self/statm", "re");
	struct rlimit limit;
	rlim_t most;
	unsigned long pages;

	if (f && fscanf(f, "%lu", &pages) == 1 && getrlimit(RLIMIT_AS, &limit) == 0) {
		most = pages * (unsigned long)sysconf(_SC_PAGESIZE) + SANDBOX_MEMORY;
		if (limit.rlim_cur > most)
			setrlimit(RLIMIT_AS, &(struct rlimit){ most, most });
	}
	if (f)
		fclose(f);
#endif
}

/* glibc reads /proc before it gives back, for the first time, memory of a thread's arena: of more
 * than it likes to keep, which grows with what was freed before, and is less than an arena's 64
 * MiB. */
static void *arena_shrink(void *arg)
{
	void *p[480];

	for (int i = 0; i < 480; i++)
		p[i] = malloc(100 << 10);
	for (int i = 0; i < 480; i++)
		free(p[i]);
	return NULL;
}

/* Libraries that read files at their first use do it now. */
static void warm_up(unsigned flags)
{
	uint8_t hash[32];
	pthread_t t;

	if (flags & (SANDBOX_THREADS | SANDBOX_RESOLVE) &&
	    pthread_create(&t, NULL, arena_shrink, NULL) == 0)
		pthread_join(t, NULL);

	tzset();			/* /etc/localtime */
	hash_once(hash, "", 0);		/* openssl.cnf */
	json_object_seed(0);		/* /dev/urandom */
}

void sandbox_enter(unsigned flags)
{
	bool files;

	/* what is inherited over exec must not bind the stages, each of which binds itself */
	if (flags & SANDBOX_SPAWN)
		return;
	warm_up(flags);
	memory_confine();
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	files = sandbox_files(flags);
	if (!files && !(flags & SANDBOX_RESOLVE))	/* its parent says so */
		log_warnx("no Landlock in this kernel: files are guarded by seccomp alone");
	calls_confine(flags);
#ifdef SANDBOX_PROBE
	if (getenv("BLOCKSYNC_PROBE"))
		sandbox_probe(flags, files);
#endif
}

/* Next: common/sys/sandbox_rules.c, what is allowed. */
