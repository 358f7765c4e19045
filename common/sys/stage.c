/* A stage's life: start, signals, the turn of its loop, and its end.  One event, `turn`, does all
 * the work that is due: write, read, pass on, tell the program.  Everything else only wakes it, so
 * that nothing is re-entered and many small records make one write. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/sys/log.h"
#include "common/sys/loop.h"
#include "common/sys/stage_private.h"
#include "common/sys/start.h"

/* Not from within the turn: it would run for ever without a look at the descriptors, and sees for
 * itself. */
void stage_wake(struct stage *s)
{
	if (!s->in_turn)
		event_active(s->turn, EV_TIMEOUT, 0);
}

static void on_writable(evutil_socket_t fd, short what, void *arg) { stage_wake(arg); }

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct stage *s = arg;

	s->in.readable = true;
	stage_wake(s);
}

/* A second ^C is impatience. */
static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct stage *s = arg;

	s->hung_up |= sig == SIGHUP;
	if (sig == SIGINT && s->interrupted++) {
		s->code = EXIT_WORLD;
		event_base_loopbreak(s->base);
	} else if (s->ops->terminate) {
		s->ops->terminate(s->arg);
	} else {
		stage_finish(s, 0);
	}
}

static void on_report(evutil_socket_t sig, short what, void *arg)
{
	struct stage *s = arg;

	log_warnx("input %llu bytes%s%s%s, output %zu bytes waiting",
	    (unsigned long long)(s->in.offset + s->in.start),
	    s->in.ended		      ? ", ended" :
		s->in.kind == FD_NONE ? ", none" :
					"",
	    s->paused ? ", paused" : "", s->finishing ? ", finishing" : "", outq_bytes(s->out));
	if (s->ops->report)
		s->ops->report(s->arg);
}

/* The write end of a pipe becomes "readable" when its last reader goes: an idle stage learns of it
 * so. */
static void on_reader(evutil_socket_t fd, short what, void *arg)
{
	struct stage *s = arg;
	struct pollfd p = { .fd = fd };

	if (poll(&p, 1, 0) == 1 && p.revents & POLLERR)
		stage_lost(s, EPIPE);
	else
		event_del(s->ev_reader);	/* a pipe opened both ways says nothing */
}

static void event_or_die(struct event *ev)
{
	if (!ev || event_add(ev, NULL) < 0)
		die_world("cannot watch a descriptor or signal");
}

static void events_make(struct stage *s)
{
	static const int signals[STAGE_SIGNALS] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };

	s->turn = loop_event(s->base, -1, 0, stage_turn, s);
	s->ev_out = loop_event(s->base, STDOUT_FILENO, EV_WRITE, on_writable, s);
	s->ev_in = loop_event(s->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_readable, s);
	s->ev_reader = loop_event(s->base, STDOUT_FILENO, EV_READ | EV_PERSIST, on_reader, s);
	for (unsigned i = 0; i < STAGE_SIGNALS; i++) {
		s->ev_signal[i] = loop_event(s->base, signals[i], EV_SIGNAL | EV_PERSIST,
		    signals[i] == SIGUSR1 ? on_report : on_signal, s);
		if (!signal_ignored(signals[i]))
			event_or_die(s->ev_signal[i]);
	}
}

struct stage *stage_new(const char *name, const struct options *o, const struct stage_ops *ops,
    void *arg)
{
	struct stage *s = xcalloc(1, sizeof(*s));

	s->name = name;
	s->once = o->once;
	s->ops = ops;
	s->arg = arg;
	s->in.kind = fd_kind(STDIN_FILENO, true);
	s->out_kind = fd_kind(STDOUT_FILENO, false);
	s->in.flags = fd_prepare(STDIN_FILENO, s->in.kind);
	s->out_flags = fd_prepare(STDOUT_FILENO, s->out_kind);
	s->base = loop_new(s->in.kind == FD_FILE || s->out_kind == FD_FILE ? EV_FEATURE_FDS : 0, 0);
	s->out = outq_new(STDOUT_FILENO, s->out_kind == FD_NONE);
	events_make(s);
	return s;
}

void stage_free(struct stage *s)
{
	struct event *all[] = { s->turn, s->ev_in, s->ev_out, s->ev_reader };

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		event_free(all[i]);
	for (unsigned i = 0; i < STAGE_SIGNALS; i++)
		event_free(s->ev_signal[i]);
	fd_restore(STDIN_FILENO, s->in.flags);
	fd_restore(STDOUT_FILENO, s->out_flags);
	event_base_free(s->base);
	outq_free(s->out);
	free(s->in.p);
	free(s);
}

struct event_base *stage_base(struct stage *s) { return s->base; }
bool stage_has_input(const struct stage *s) { return s->in.kind != FD_NONE; }
bool stage_broken(const struct stage *s) { return s->fault != 0; }

void stage_no_view(const struct stage *s, const char *dir)
{
	if (stage_broken(s) || (stage_has_input(s) && getenv("BLOCKSYNC_SUPERVISED")))
		return;
	log_warnx("no burnchain view in '%s'%s", dir,
	    stage_has_input(s) ? ", and none on standard input" : ": run sortition-sync first");
}

void stage_network(struct stage *s, const struct network *net) { s->net = net; }

void stage_lost(struct stage *s, int error)
{
	if (s->lost)
		return;
	s->lost = true;
	s->finishing = true;
	if (error == EPIPE || error == ECONNRESET) {
		log_debug("reader gone");
		s->code = getenv("BLOCKSYNC_SUPERVISED") ? STAGE_READER_GONE : EXIT_WORLD;
	} else {
		errno = error;
		log_warn("cannot write to standard output");
		s->code = EXIT_WORLD;
	}
	if (s->ops->lost)
		s->ops->lost(s->arg);
	event_base_loopbreak(s->base);
}

void stage_finish(struct stage *s, int code)
{
	if (!s->finishing) {
		s->finishing = true;
		s->code = code ? code : s->fault ? s->fault : s->hung_up ? EXIT_WORLD : 0;
	}
	stage_wake(s);
}

/* Our own hello, unless one is out already. */
void stage_hello(struct stage *s)
{
	struct rec_hello hello = { .schema = REC_SCHEMA, .stage = rec_str(s->name) };

	if (s->hello_out || !s->net)
		return;
	s->hello_out = true;
	hello.network = rec_str(s->net->name);
	hello.chain_id = s->net->chain_id;
	outq_emit(s->out, REC_HELLO, &hello);
}

void stage_emit(struct stage *s, enum rec_type type, const void *rec)
{
	stage_hello(s);
	outq_emit(s->out, type, rec);
	stage_wake(s);
}

void stage_emit_news(struct stage *s, enum rec_type type, const void *rec, const void *key,
    size_t key_len)
{
	stage_hello(s);
	outq_news(s->out, type, rec, key, key_len);
	stage_wake(s);
}

void stage_pass(struct stage *s, const struct rec *r)
{
	stage_hello(s);
	outq_pass(s->out, r->payload, r->len);
	stage_wake(s);
}

bool stage_full(struct stage *s)
{
	if (outq_bytes(s->out) <= OUT_FULL)
		return false;
	s->seen_full = true;
	return true;
}

void stage_pause(struct stage *s, bool pause)
{
	s->paused = pause;
	if (!pause)
		stage_wake(s);
}

/* What is due: write; take input while there is room for what it leads to; say so when room is
 * back. */
static int turn_work(struct stage *s)
{
	int rc = outq_write(s->out);

	if (rc < 0)
		return -1;
	stage_input(s);
	if (s->seen_full && !s->finishing && outq_bytes(s->out) <= OUT_ROOM) {
		s->seen_full = false;
		if (s->ops->room)
			s->ops->room(s->arg);
	}
	return s->lost ? 0 : outq_write(s->out);
}

/* Do it, then watch for what is waited for. */
void stage_turn(evutil_socket_t fd, short what, void *arg)
{
	struct stage *s = arg;
	int rc;

	s->in_turn = true;
	rc = turn_work(s);
	s->in_turn = false;
	if (rc < 0) {
		stage_lost(s, errno);
		return;
	}
	if (rc == 0)
		event_add(s->ev_out, NULL);
	else if (s->finishing)
		event_base_loopbreak(s->base);
	else if (s->seen_full) /* what `room` led to is written already: go on, after a look at the
				  descriptors */
		event_add(s->turn, &(struct timeval){ 0, 0 });
	if (stage_takes(s))
		event_add(s->ev_in, NULL);
	else
		event_del(s->ev_in);
}

int stage_run(struct stage *s)
{
	if (s->out_kind == FD_PIPE)
		event_or_die(s->ev_reader);
	if (s->in.kind == FD_NONE) {
		stage_hello(s);
		if (s->once)
			stage_input_end(s);
	}
	stage_wake(s);
	if (!s->lost && event_base_loop(s->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0)
		die_world("the event loop failed");
	return s->code;
}

/* Next: common/sys/loop.c, the loop beneath it. */
