/* What every program is once it has begun: its signals, limits, descriptors and the memory of its
 * libraries. */
#include <fcntl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/sys/log.h"
#include "common/sys/start.h"

/* Runs fn in a process of its own, which nothing was done to yet; it ends with 0 where all holds,
 * else with a line's number. */
static void alone(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		fn();
		_exit(0);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	if (status != 0)
		fail_msg("status %x, line %d", (unsigned)status, WEXITSTATUS(status));
}
#define HOLDS(what) do { if (!(what)) _exit(__LINE__); } while (0)

static bool handler_is(int sig, void (*handler)(int))
{
	struct sigaction now;

	return sigaction(sig, NULL, &now) == 0 && now.sa_handler == handler;
}

static void signals(void)
{
	sigset_t mask;

	sigfillset(&mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	program_start("test");
	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int sig = 1; sig < 32; sig++)
		HOLDS(!sigismember(&mask, sig));
	HOLDS(handler_is(SIGPIPE, SIG_IGN) && handler_is(SIGXFSZ, SIG_IGN) &&
	    handler_is(SIGCHLD, SIG_DFL));
	HOLDS(signal_ignored(SIGHUP) && !signal_ignored(SIGTERM));
}

/* The kernel hands no core to anybody, and nobody of the same user looks in. */
static void cores(void)
{
	struct rlimit core = { 0, RLIM_INFINITY };

	getrlimit(RLIMIT_CORE, &core);
	core.rlim_cur = core.rlim_max;
	setrlimit(RLIMIT_CORE, &core);
	HOLDS(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1);
	program_start("test");
	HOLDS(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0);
	HOLDS(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
}

static void descriptors(void)
{
	struct stat null, own;

	HOLDS(stat("/dev/null", &null) == 0);
	for (int fd = 0; fd <= 2; fd++)
		close(fd);
	program_start("test");
	for (int fd = 0; fd <= 2; fd++) {
		HOLDS(fstat(fd, &own) == 0 && own.st_rdev == null.st_rdev && S_ISCHR(own.st_mode));
		HOLDS((fcntl(fd, F_GETFL) & O_ACCMODE) == (fd == 0 ? O_RDONLY : O_WRONLY));
	}
}

static void files(void)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = 64;
	setrlimit(RLIMIT_NOFILE, &files);
	program_start("test");
	getrlimit(RLIMIT_NOFILE, &files);
	HOLDS(files.rlim_cur == (files.rlim_max < 65536 ? files.rlim_max : 65536));
}

/* A library that gets no memory ends the program itself: none of its own ways to go on is
 * trusted. */
static void libraries(void)
{
	CRYPTO_malloc_fn crypto;
	json_malloc_t json;
	json_free_t json_free;

	program_start("test");
	CRYPTO_get_mem_functions(&crypto, NULL, NULL);
	json_get_alloc_funcs(&json, &json_free);
	HOLDS(crypto != CRYPTO_malloc && json == xmalloc);
}

static void *mask_of(void *arg)
{
	pthread_sigmask(SIG_SETMASK, NULL, arg);
	return NULL;
}

/* Signals from outside are the first thread's; each thread has its own faults. */
static void threads(void)
{
	sigset_t theirs, ours;
	pthread_t t;

	program_start("test");
	thread_start(&t, mask_of, &theirs);
	pthread_join(t, NULL);
	pthread_sigmask(SIG_SETMASK, NULL, &ours);
	for (int sig = 1; sig < 32; sig++) {
		bool own = sig == SIGSYS || sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE ||
		    sig == SIGILL || sig == SIGABRT;

		HOLDS(sig == SIGKILL || sig == SIGSTOP || sigismember(&theirs, sig) == !own);
		HOLDS(!sigismember(&ours, sig));
	}
}

#define ALONE(fn) static void fn##_test(void **state) { alone(fn); }
ALONE(signals)
ALONE(cores)
ALONE(descriptors)
ALONE(files)
ALONE(libraries)
ALONE(threads)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signals_test), cmocka_unit_test(cores_test),
		    cmocka_unit_test(descriptors_test), cmocka_unit_test(files_test),
		cmocka_unit_test(libraries_test), cmocka_unit_test(threads_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
