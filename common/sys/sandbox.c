/* Confinement.  seccomp holds an allow-list of system calls; whatever else is tried is trapped, named once, and
 * fails with EPERM, so that a forgotten call is a line in the log and not a riddle.  Files are Landlock's. */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include "common/chain/hash.h"
#include "common/sys/log.h"
#include "common/sys/sandbox_private.h"

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
	n = snprintf(line, sizeof(line), "%s: refused system call '%s'\n", log_program(), call_name[call] ? call_name[call] : "?");
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

static int calls_confine(unsigned flags)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
	struct sigaction trap = { .sa_sigaction = on_refusal, .sa_flags = SA_SIGINFO };
	int rc;

	if (!filter)
		return -ENOMEM;
	names_load();
	sigaction(SIGSYS, &trap, NULL);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	rc = sandbox_rules(filter, flags);
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc;
}

/* Libraries that read files at their first use do it now. */
static void warm_up(void)
{
	uint8_t hash[32];

	tzset();			/* /etc/localtime */
	hash_once(hash, "", 0);		/* openssl.cnf */
	json_object_seed(0);		/* /dev/urandom */
}

void sandbox_enter(unsigned flags)
{
	bool files;
	int rc;

	/* what is inherited over exec must not bind the stages, each of which binds itself */
	if (flags & SANDBOX_SPAWN)
		return;
	if (flags & SANDBOX_RESOLVE)
		flags |= SANDBOX_CONNECT;
	if (flags & SANDBOX_CONNECT)
		flags |= SANDBOX_THREADS;	/* libcurl resolves in threads */
	warm_up();
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	files = sandbox_files(flags);
	if (!files && !(flags & SANDBOX_RESOLVE))	/* its parent says so */
		log_warnx("no Landlock in this kernel: files are guarded by seccomp alone");
	rc = calls_confine(flags);
	if (rc < 0)
		log_warnx("no seccomp in this kernel: system calls are not confined: %s", strerror(-rc));
	else
		confined = 1;
#ifdef SANDBOX_PROBE
	if (getenv("BLOCKSYNC_PROBE"))
		sandbox_probe(flags, files);
#endif
}

/* Next: common/sys/sandbox_rules.c, what is allowed. */
