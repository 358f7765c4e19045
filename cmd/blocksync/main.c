/* blocksync - starts the stages as one pipeline, and starts them again when one fails.
 * Reads no records.  It does not confine itself: what it starts would inherit that. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/blocksync/supervisor.h"
#include "common/limits.h"
#include "common/net/conv.h"
#include "common/net/http.h"
#include "common/store/lock.h"
#include "common/sys/log.h"
#include "common/sys/sandbox.h"
#include "common/sys/start.h"

static const char usage[] =
    "blocksync [-1cLqv] -d DIR [-n NETWORK] [-s SOURCE]... [-Q N] [-K FILE] [-p PEER]... [-u "
    "URL]... "
    "[-F CYCLE] [-l HOST:PORT] [-w HOST:PORT] [-U DATA_URL] [-a ADDR] [-b BYTES/S]";

static const struct program programs[] = {
	{ "block-serve", "lwUL", 0 },
	{ "sortition-sync", "1sQK", 0 },
	{ "public-ip", "1pa", OPTIONAL },
	{ "inv-sync", "1p", 0 },
	{ "block-fetch", "1uF", FETCHES },
	{ "block-verify", "", JUDGES },
	{ "block-store", "", JUDGES },
	{ "anti-entropy", "1pbc", OPTIONAL },
	{ "pruner", "1", OPTIONAL },
	{ NULL, NULL, 0 },
};

static char folder[PATH_MAX];	/* of our own program, where the stages are; ends with a slash */

/* Where /proc is not mounted: by the name with which we were started.  One without a slash is no
 * path that tells. */
static void folder_find(void)
{
	const char *name = (const char *)getauxval(AT_EXECFN);
	ssize_t n = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
	char *slash;

	folder[n > 0 ? n : 0] = '\0';
	if (n <= 0 && name && strchr(name, '/') && !realpath(name, folder))
		folder[0] = '\0';
	slash = strrchr(folder, '/');
	if (!slash)
		die_world("cannot tell which folder this program and its stages are in: is /proc "
			  "mounted?");
	slash[1] = '\0';
}

static void beside_us(char *path, size_t size, const char *name)
{
	if ((size_t)snprintf(path, size, "%s%s", folder, name) >= size)
		die_world("the name of '%s' is too long", folder);
}

/* A stage's command line: what every stage is given, then those of our options that it takes, in
 * our order. */
static void arguments(const char **arg, char letters[][3], const struct program *p,
    const struct given *g)
{
	unsigned n = 0;

	arg[n++] = p->name;
	arg[n++] = "-d";
	arg[n++] = options_dir(&g->o);
	if (g->o.network) {
		arg[n++] = "-n";
		arg[n++] = g->o.network;
	}
	if (g->o.once && strchr(p->takes, '1'))
		arg[n++] = "-1";
	if (g->o.quiet || !(p->traits & FETCHES)) /* one progress line is enough */
		arg[n++] = "-q";
	for (int i = 0; i < g->o.verbose && i < 3; i++)
		arg[n++] = "-v";
	for (unsigned i = 0; i < g->n; i++) {
		if (!strchr(p->takes, g->list[i].letter))
			continue;
		snprintf(letters[i], 3, "-%c", g->list[i].letter);
		arg[n++] = letters[i];
		if (g->list[i].arg)
			arg[n++] = g->list[i].arg;
	}
}

/* In the child: only 0, 1 and 2 go along, signals are as in a shell but that ^C and a hang-up are
 * ours to answer, and it does not outlive us. */
static _Noreturn void child_run(const struct program *p, const struct given *g, int in, int out,
    pid_t parent)
{
	static const char *arg[2 * MAX_GIVEN + 16];
	static char letters[MAX_GIVEN][3];
	char path[PATH_MAX + 64];

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(0);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		die_world("cannot hand a pipe to '%s': %s", p->name, strerror(errno));
	close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	for (const int *sig = (const int[]){ SIGTERM, SIGPIPE, SIGXFSZ, 0 }; *sig; sig++)
		signal(*sig, SIG_DFL);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigprocmask(SIG_SETMASK, &(sigset_t){ 0 }, NULL);
	arguments(arg, letters, p, g);
	beside_us(path, sizeof(path), p->name);
	execv(path, (char **)(uintptr_t)arg);
	die_usage("cannot run '%s': %s", path, strerror(errno));
}

void child_start(struct child *c, const struct given *g, int in, int out)
{
	pid_t parent = getpid();

	*c = (struct child){ .program = c->program, .pid = fork() };
	if (c->pid == 0)
		child_run(c->program, g, in, out, parent);
	if (c->pid < 0)
		die_world("cannot start '%s': %s", c->program->name, strerror(errno));
}

static void file_check(const char *what, const char *name)
{
	struct stat st;

	if (stat(name, &st) < 0)
		die_name(what, name);
	errno = EISDIR;
	if (S_ISDIR(st.st_mode))
		die_name(what, name);
}

static void url_check(const char *what, const char *url)
{
	const char *fault = http_url_fault(url);

	if (fault)
		die_usage("bad %s '%s': %s", what, url, fault);
}

/* What several stages would complain of at once is said once: bad peers here, the network and the
 * store below. */
static void given_take(struct given *g, int argc, char **argv)
{
	struct peer_addr peer;
	char err[120];
	int c;

	g->o.usage = usage;
	while ((c = getopt(argc, argv, OPTIONS_COMMON "1a:b:cF:K:Ll:p:Q:s:U:u:w:")) != -1) {
		if (!strchr("abcFKLlpQsUuw", c)) {
			options_take(&g->o, c, optarg);
			continue;
		}
		if (c == 'F' || c == 'b')
			options_number(c == 'F' ? "-F" : "-b", optarg, 0,
			    c == 'F' ? MAX_CYCLES - 1 : UINT64_MAX);
		if (c == 'p' && peer_addr_parse(&peer, optarg, err) < 0)
			die_usage("bad peer '%s': %s", optarg, err);
		if (c == 'u' ||
		    (c == 's' &&
			(strncmp(optarg, "http://", 7) == 0 ||
			    strncmp(optarg, "https://", 8) == 0)))
			url_check(c == 's' ? "source" : "URL", optarg);
		else if (c == 's')
			file_check("cannot read source", optarg);
		if (c == 'K')
			file_check("cannot read the API key", optarg);
		if (g->n == MAX_GIVEN)
			die_usage("too many options: at most %d", MAX_GIVEN);
		g->serve |= c == 'l' || c == 'w';
		g->list[g->n].letter = (char)c;
		g->list[g->n++].arg = optarg;
	}
	if (optind < argc)
		options_usage(&g->o, "unexpected argument '%s'", argv[optind]);
}

static bool is_here(const struct program *p, const struct given *g)
{
	char path[PATH_MAX + 64];

	if (p == programs)
		return g->serve;
	beside_us(path, sizeof(path), p->name);
	return !(p->traits & OPTIONAL) || access(path, X_OK) == 0;
}

/* Where sources are given, so many must be able to agree; sortition-sync knows how many a network
 * file names. */
static void quorum_check(const struct given *g)
{
	unsigned sources = 0;

	for (unsigned i = 0; i < g->n; i++)
		sources += g->list[i].letter == 's';
	for (unsigned i = 0; i < g->n; i++)
		if (g->list[i].letter == 'Q')
			options_number("-Q", g->list[i].arg, 1, sources ? sources : UINT64_MAX);
}

/* An option that no stage of this run takes would be a wish that nobody hears. */
static void given_check(const struct given *g)
{
	for (unsigned i = 0; i < g->n; i++) {
		char letter = g->list[i].letter;
		const struct program *p = programs;

		while (p->name && !(strchr(p->takes, letter) && is_here(p, g)))
			p++;
		if (p->name)
			continue;
		for (p = programs; !strchr(p->takes, letter); p++)
			;
		if (p == programs)
			options_usage(&g->o, "-%c is for '%s', which needs -l or -w", letter,
			    p->name);
		die_usage("-%c is for '%s', which is not installed", letter, p->name);
	}
	quorum_check(g);
}

/* What is wrong with the store or the node key is said once, here, and not by every stage. */
static void store_check(const struct given *g)
{
	static struct store s;
	uint8_t secret[32], key[KEY_LEN];
	int status = 0;
	pid_t pid = fork();	/* since an environment must not live across fork */

	if (pid == 0) {
		/* -n makes it */
		store_open(&s, options_dir(&g->o), g->o.network, TABLE(T_META), 0);
		node_key_load(s.dir, secret, key);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) != 0)
		exit(WEXITSTATUS(status));
}

/* Signals are read, not caught: the loop sleeps in one place, and no handler runs. */
static int signals_open(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (const int *sig = (const int[]){ SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1, 0 }; *sig;
	     sig++)
		if (!signal_ignored(*sig))	/* read from a descriptor it would come all the
						 * same */
			sigaddset(&set, *sig);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		die_world("cannot watch signals");
	return fd;
}

int main(int argc, char **argv)
{
	static struct given g;
	static struct supervisor s = { .code = -1 };

	program_start("blocksync");
	folder_find();
	given_take(&g, argc, argv);
	given_check(&g);
	store_lock_check(options_dir(&g.o));
	store_check(&g);
	sandbox_enter(SANDBOX_SPAWN);
	setenv("BLOCKSYNC_SUPERVISED", "1", 1);
	s.given = &g;
	s.signals = signals_open();
	if ((s.null = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0)
		die_world("cannot open '/dev/null': %s", strerror(errno));
	for (const struct program *p = programs + 1; p->name; p++)
		if (is_here(p, &g))
			s.stage[s.n++].program = p;
	s.stage[s.n].program = programs;
	s.serve = g.serve ? &s.stage[s.n] : NULL;
	return supervise(&s);
}

/* Next: cmd/blocksync/supervise.c, their lives. */
