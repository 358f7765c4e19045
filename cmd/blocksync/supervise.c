/* The pipeline lives and dies together.  The first death that was not "my reader is gone" is
 * blamed, the first living stage is told to end, end of input does the rest, and what is still
 * there after ten seconds is killed.  Then it starts again, after a wait that doubles.  block-serve
 * stands beside it and is started again on its own. The loop sleeps until a signal or the next of
 * these times, and never polls. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/blocksync/supervisor.h"
#include "common/sys/log.h"
#include "common/sys/stage_private.h"

#define PATIENCE 10000		/* ms from SIGTERM to SIGKILL */
#define LONG_LIFE 60000		/* who ran so long starts again with no wait */
#define WAIT_MAX 60000
#define WAIT_KILLED 1000	/* who was killed sooner waits so long */
#define ONCE_CRASHES 20		/* with -1 */
#define ONCE_FAILURES 3
#define ONCE_SHORT 10000	/* ms: who failed after longer has tried enough */

static bool signalled(const struct child *c, int sig)
{
	return WIFSIGNALED(c->status) && WTERMSIG(c->status) == sig;
}
static bool exited(const struct child *c, int code)
{
	return WIFEXITED(c->status) && WEXITSTATUS(c->status) == code;
}
static bool reader_gone(const struct child *c)
{
	return signalled(c, SIGPIPE) || exited(c, STAGE_READER_GONE);
}
static bool is_fetch(const struct child *c) { return c->program->traits & FETCHES; }
static bool due(uint64_t at) { return at && now_ms() >= at; }

static struct child *first_living(struct supervisor *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->stage[i].pid)
			return &s->stage[i];
	return NULL;
}

/* A crash, by its own fault or a block's.  Signals from outside, and limits of this machine, are
 * none. */
static bool crashed(const struct child *c)
{
	static const int own[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGSYS, SIGTRAP, 0 };

	for (const int *sig = own; *sig; sig++)
		if (signalled(c, *sig))
			return true;
	return false;
}

/* A disk without room is told of once, and again only when there has been some. */
static void say_death(struct supervisor *s, const struct child *c)
{
	int code = WEXITSTATUS(c->status), sig = WTERMSIG(c->status);
	bool full = exited(c, EXIT_FULL), again = full && s->told_full;

	s->told_full = full;
	if (again || exited(c, EXIT_UNUSABLE) || exited(c, EXIT_USAGE))	/* which has said why */
		return;
	if (full)
		log_warnx("store '%s' is full (disk, limit of file sizes, or $BLOCKSYNC_MAP): '%s' "
			  "is tried again %s",
		    options_dir(&s->given->o), c->program->name,
		    s->given->o.once ? "a few times" : "until there is room");
	else if (WIFSIGNALED(c->status))
		log_warnx("'%s' failed: killed by signal %d (%s)", c->program->name, sig,
		    strsignal(sig));
	else
		log_warnx("'%s' failed: exit %d%s", c->program->name, code,
		    code ? "" : ", though nobody asked it to end");
}

static void start_pipeline(struct supervisor *s)
{
	int in = s->null, ends[2];

	/* A crash while judging may be the work of a block that was on its way: block-fetch alone
	 * knows which these were. */
	if (s->blamed && s->blamed->program->traits & JUDGES && crashed(s->blamed))
		setenv("BLOCKSYNC_CRASHED", s->blamed->program->name, 1);
	else
		unsetenv("BLOCKSYNC_CRASHED");
	s->stopping = false;
	s->blamed = NULL;
	s->kill_at = 0;
	s->pipeline.start_at = 0;
	s->pipeline.started = now_ms();
	for (unsigned i = 0; i < s->n; i++) {
		bool last = i + 1 == s->n;

		if (!last && pipe2(ends, O_CLOEXEC) < 0)
			die_world("cannot make a pipe: %s", strerror(errno));
		child_start(&s->stage[i], s->given, in, last ? s->null : ends[1]);
		if (in != s->null)
			close(in);
		if (last)
			break;
		close(ends[1]);
		in = ends[0];
	}
}

/* Its words, `p2p HOST:PORT KEY`, are all that comes out of the supervisor: records of the last
 * stage have no reader in a journal, a mail or a terminal. */
static void start_serve(struct supervisor *s)
{
	s->beside.start_at = 0;
	s->beside.started = now_ms();
	child_start(s->serve, s->given, s->null, STDOUT_FILENO);
}

static void stop_pipeline(struct supervisor *s)
{
	if (!s->stopping)
		s->kill_at = now_ms() + PATIENCE;
	s->stopping = true;
	if (first_living(s))
		kill(first_living(s)->pid, SIGTERM);
}

/* Tell all to end.  Without a code it is the pipeline's.  block-serve has its own time for it, also
 * where the pipeline is down. */
static void end_all(struct supervisor *s, int code)
{
	s->code = code;
	s->pipeline.start_at = s->beside.start_at = 0;
	stop_pipeline(s);
	if (!s->ending)
		s->kill_at = now_ms() + PATIENCE;
	s->ending = true;
	if (s->serve && s->serve->pid)
		kill(s->serve->pid, SIGTERM);
}

static void kill_rest(struct supervisor *s)
{
	s->kill_at = 0;
	for (unsigned i = 0; i <= s->n; i++) {
		if (!s->stage[i].pid || (i == s->n && !s->ending))
			continue;
		log_warnx("'%s' does not end: killed", s->stage[i].program->name);
		kill(s->stage[i].pid, SIGKILL);
	}
}

/* How much a death says about who is at fault; 0: nothing.  Deaths that are seen together have no
 * order, and a crash cuts the stream of the next stage, which then fails too. */
static unsigned weight_of_death(const struct supervisor *s, const struct child *c)
{
	if (!c->fresh || reader_gone(c))
		return 0;
	/* a pass may be complete with something lacking: the others end by themselves */
	if (s->given->o.once && (exited(c, 0) || (is_fetch(c) && exited(c, EXIT_WORLD))))
		return 0;
	/* ... also where its sources tell no more: what they have told can be fetched, and the
	 * first stage has said why there is no more.  Of a store that cannot be used the others die
	 * too. */
	if (s->given->o.once && exited(s->stage, EXIT_UNUSABLE) &&
	    (c == s->stage || exited(c, EXIT_WORLD)))
		return 0;
	if (exited(c, EXIT_UNUSABLE))
		return 6;
	if (WIFSIGNALED(c->status))
		return 5;
	return exited(c, EXIT_USAGE) ? 4 : exited(c, EXIT_FULL) ? 3 : exited(c, 0) ? 1 : 2;
}

static void blame(struct supervisor *s)
{
	const struct child *worst = NULL;

	for (unsigned i = 0, most = 0, weight; i<s->n; i++, most = weight> most ? weight : most) {
		weight = weight_of_death(s, &s->stage[i]);
		worst = weight > most ? &s->stage[i] : worst;
		s->stage[i].fresh = false;
	}
	if (!worst || s->stopping)
		return;
	s->blamed = worst;
	if (now_ms() - s->pipeline.started > LONG_LIFE)
		s->told_full = false;
	say_death(s, worst);
	stop_pipeline(s);
}

static void reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned i = 0; i <= s->n; i++)
			if (s->stage[i].pid == pid)
				s->stage[i] =
				    (struct child){ s->stage[i].program, 0, status, true };
	blame(s);
}

/* The pipeline is down: the exit code, or -1 to start again. */
static int verdict(const struct supervisor *s)
{
	bool well = true, lacking = false;

	for (unsigned i = 0; i < s->n; i++) {
		const struct child *c = &s->stage[i];

		if (exited(c, EXIT_USAGE))
			return EXIT_USAGE;
		if (exited(c, EXIT_UNUSABLE))
			return EXIT_WORLD;
		if (is_fetch(c) && exited(c, EXIT_WORLD))
			lacking = true;
		else if (!exited(c, 0))
			well = false;
	}
	if (s->ending)
		/* a pass that was cut short is no success */
		return s->given->o.once ? EXIT_WORLD : 0;
	if (s->given->o.once && well)
		return lacking ? EXIT_WORLD : 0;
	/* our own reader is gone */
	return !s->blamed && reader_gone(&s->stage[s->n - 1]) ? EXIT_WORLD : -1;
}

static void start_later(struct life *l, bool killed)
{
	uint64_t now = now_ms(), ran = now - l->started;

	if (ran > LONG_LIFE)
		l->wait.tries = 0;
	if (killed)	/* from outside, which is no sign that it will fail again */
		l->start_at = ran < WAIT_KILLED ? now + WAIT_KILLED : now;
	else
		l->start_at = now + backoff_ms(&l->wait, 1000, WAIT_MAX);
	l->started = 0;
}

static void pipeline_down(struct supervisor *s)
{
	bool by_signal = s->blamed && WIFSIGNALED(s->blamed->status),
	    killed = by_signal && signalled(s->blamed, SIGKILL);
	bool enough = by_signal ? s->crashes++ == ONCE_CRASHES :
	    s->failures++ == ONCE_FAILURES || now_ms() - s->pipeline.started > ONCE_SHORT;
	int code = verdict(s);

	/* with -1 a crash is worth another try, a failure a few: the next run may find the world in
	 * a better state */
	if (code < 0 && s->given->o.once && !killed && enough)
		code = EXIT_WORLD;
	if (code >= 0)
		end_all(s, s->code < 0 ? code : s->code);
	else
		start_later(&s->pipeline, killed);
}

/* block-serve has died: wrong use of it is wrong use of us. */
static void serve_down(struct supervisor *s)
{
	s->serve->fresh = false;
	say_death(s, s->serve);
	if (exited(s->serve, EXIT_UNUSABLE) || exited(s->serve, EXIT_USAGE))
		end_all(s, exited(s->serve, EXIT_USAGE) ? EXIT_USAGE : EXIT_WORLD);
	else
		start_later(&s->beside, signalled(s->serve, SIGKILL));
}

static void take_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			/* its pipes were closed before we heard: the next one's end is not to be
			 * seen alone */
			usleep(10000);
		else if (info.ssi_signo != SIGUSR1)
			end_all(s,
			    info.ssi_signo == SIGHUP ? EXIT_WORLD : s->pipeline.started ? -1 :
			    s->given->o.once ? EXIT_WORLD : 0);
		for (unsigned i = 0; info.ssi_signo == SIGUSR1 && i <= s->n; i++)
			if (s->stage[i].pid)
				kill(s->stage[i].pid, SIGUSR1);
	}
	reap(s);
}

static void sleep_until_due(const struct supervisor *s)
{
	const uint64_t at[] = { s->kill_at, s->pipeline.start_at, s->beside.start_at };
	struct pollfd p = { .fd = s->signals, .events = POLLIN };
	uint64_t next = 0, now = now_ms();

	for (unsigned i = 0; i < 3; i++)
		if (at[i] && (!next || at[i] < next))
			next = at[i];
	poll(&p, 1, next == 0 ? -1 : next <= now ? 0 : (int)(next - now));
}

int supervise(struct supervisor *s)
{
	if (s->serve)
		start_serve(s);
	start_pipeline(s);
	for (;;) {
		sleep_until_due(s);
		take_signals(s);
		if (s->pipeline.started && !first_living(s))
			pipeline_down(s);
		if (s->serve && s->serve->fresh && !s->ending)
			serve_down(s);
		if (s->ending && !first_living(s) && !s->stage[s->n].pid)
			return s->code;
		if (due(s->kill_at))
			kill_rest(s);
		if (due(s->pipeline.start_at))
			start_pipeline(s);
		if (due(s->beside.start_at))
			start_serve(s);
	}
}

/* Here the tour ends: go on to tests/helper, or to whatever you came for. Next: nothing. */
