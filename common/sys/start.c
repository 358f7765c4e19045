/* How every program begins.  Nothing of this is done anywhere else. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/sys/log.h"
#include "common/sys/out.h"
#include "common/sys/start.h"

#define FILES_MOST 65536	/* open files: more than all connections of a program together */
#define FILES_LEAST 64		/* with fewer a program would fail here and there */

#define THREAD_STACK (1u << 20)	/* of address space, which the sandbox bounds: 256 threads fit */

/* The lowest free number is taken, so that each is filled by its own. */
static void descriptors_fill(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) != fd)
			die_world("descriptor %d is closed, and '/dev/null' cannot take its place",
			    fd);
}

static void signals_reset(void)
{
	sigset_t none;

	signal(SIGPIPE, SIG_IGN);	/* a reader that is gone is an error of write */
	signal(SIGXFSZ, SIG_IGN);	/* and so is `ulimit -f` */
	signal(SIGCHLD, SIG_DFL);	/* or what becomes of children would be lost */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A limit of 0 does not keep the kernel from handing a core to a program (core_pattern with `|`);
 * the flag does. */
static void core_forbid(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static void files_raise(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max < FILES_MOST ? files.rlim_max : FILES_MOST;
	if (files.rlim_cur < FILES_LEAST)
		die_world("at most %llu files may be open here (ulimit -n), at least %d are needed",
		    (unsigned long long)files.rlim_cur, FILES_LEAST);
	setrlimit(RLIMIT_NOFILE, &files);
}

/* What a library is doing for us, for the line that on_library_fault writes. */
static const char *library_doing;

static void on_library_fault(int sig)
{
	static const char *const part[] = { ": cannot ", ": out of memory\n" };

	(void)!write(STDERR_FILENO, log_program(), strlen(log_program()));
	(void)!write(STDERR_FILENO, part[0], strlen(part[0]));
	(void)!write(STDERR_FILENO, library_doing, strlen(library_doing));
	(void)!write(STDERR_FILENO, part[1], strlen(part[1]));
	_exit(EXIT_WORLD);
}

static const int library_fault[] = { SIGABRT, SIGSEGV, SIGBUS, SIGALRM };
#define LIBRARY_FAULTS (sizeof(library_fault) / sizeof(library_fault[0]))
#define LIBRARY_SECONDS 20	/* far above what a loaded machine needs for it */

static struct sigaction library_before[LIBRARY_FAULTS];

void library_begin(const char *doing)
{
	const struct sigaction ours = { .sa_handler = on_library_fault };

	library_doing = doing;
	for (size_t i = 0; i < LIBRARY_FAULTS; i++)
		sigaction(library_fault[i], &ours, &library_before[i]);
	alarm(LIBRARY_SECONDS);
}

void library_end(void)
{
	alarm(0);
	for (size_t i = 0; i < LIBRARY_FAULTS; i++)
		sigaction(library_fault[i], &library_before[i], NULL);
}

static void *crypto_malloc(size_t n, const char *file, int line) { return xmalloc(n); }
static void *crypto_realloc(void *p, size_t n, const char *file, int line)
{
	return xrealloc(p, n);
}
static void crypto_free(void *p, const char *file, int line) { free(p); }

/* Few libraries survive an allocation that fails, and some take it for a fault of the bytes that
 * they were given. */
static void libraries_start(void)
{
	json_set_alloc_funcs(xmalloc, free);
	event_set_mem_functions(xmalloc, xrealloc, free);
	CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free);
}

void program_start(const char *name)
{
	log_init(name);
	descriptors_fill();
	signals_reset();
	core_forbid();
	files_raise();
	out_start();
	libraries_start();
}

bool signal_ignored(int sig)
{
	struct sigaction now;

	return sigaction(sig, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

void thread_start(pthread_t *thread, void *(*run)(void *), void *arg)
{
	static const int own[] = { SIGSYS, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	sigset_t theirs, was;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	sigfillset(&theirs);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(&theirs, own[i]);
	pthread_sigmask(SIG_SETMASK, &theirs, &was);
	errno = pthread_create(thread, &attr, run, arg);
	if (errno)
		die_world("cannot start a thread: %s (ulimit -u, ulimit -v)", strerror(errno));
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	pthread_attr_destroy(&attr);
}

uint32_t random_u32(void)
{
	uint32_t n;

	random_bytes(&n, sizeof(n));
	return n;
}

void random_bytes(void *p, size_t n)
{
	if (getrandom(p, n, 0) != (ssize_t)n)
		die_world("the kernel gives no random bytes: %s", strerror(errno));
}

/* Next: common/sys/out.c, standard output. */
