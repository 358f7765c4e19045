/* The frame of a stage: records in on stdin, records out on stdout, timers and signals in between
 * (DESIGN 1).
 *
 * A stage that has lost its reader stops at once and quietly with 111; under blocksync, which sets
 * $BLOCKSYNC_SUPERVISED, with 112, so that the supervisor can blame another.  A broken input (cut,
 * garbage) is one line, everything before it is kept, `end` is called, and the exit code is 111.
 *
 * Input that is a terminal, /dev/null or closed is no input.  Input that is a regular file is read
 * with a poll base (epoll refuses files).  A terminal as output gets records as the operator asked;
 * output that is closed or /dev/null is thrown away. */
#ifndef BLOCKSYNC_STAGE_H
#define BLOCKSYNC_STAGE_H

#include <event2/event.h>

#include "common/rec/rec.h"
#include "common/sys/options.h"

struct stage;
struct stage_ops {
	/* A decoded record of input, of a known type and no hello. Views live until the call
	 * returns. Return true if consumed; false passes it on.  NULL passes all. */
	bool (*record)(void *arg, struct rec *);
	/* A record of a type that this build does not know: like `record`, for stages that must
	 * keep all in order. NULL passes it on. */
	bool (*unknown)(void *arg, struct rec *);
	/* Input ended (once; at once if there was never any and ->once is set, not called if there
	 * is no input). NULL: stage_finish(0). */
	void (*end)(void *arg);
	/* SIGTERM, SIGINT, SIGHUP: finish quickly; the default is stage_finish(0).  A hang-up makes
	 * the exit code 111 where it would be 0.  A second SIGINT does not wait for the flush.
	 * What was ignored at the start stays so. */
	void (*terminate)(void *arg);
	/* SIGUSR1: log the state. */
	void (*report)(void *arg);
	/* Output has room again after stage_full() was seen true. */
	void (*room)(void *arg);
	/* The reader is gone (EPIPE): last chance to commit; then the stage exits 111. */
	void (*lost)(void *arg);
};

/* After program_start: signals, base fit for fd 0 and 1.  Does not read yet. */
struct stage *stage_new(const char *name, const struct options *, const struct stage_ops *,
    void *arg);
void stage_free(struct stage *);
struct event_base *stage_base(struct stage *);
bool stage_has_input(const struct stage *);
/* Input was broken, and that has been told: what merely follows from it is no news. */
bool stage_broken(const struct stage *);
/* Say that there is no burnchain view in the store `dir`, unless that follows from what has been
 * told: of a broken input, or, under blocksync, by sortition-sync. */
void stage_no_view(const struct stage *, const char *dir);
/* The network that hello must name; call before stage_run (a hello of another network or a newer
 * schema ends the stage with 100).  The stage writes its own hello first, unless input began with
 * one (then that is passed on). */
void stage_network(struct stage *, const struct network *);
/* Run until stage_finish, and flush output.  Returns the exit code: that of stage_finish, or of a
 * fault of the streams where that was 0. */
int stage_run(struct stage *);
/* Stop reading, flush what is queued, leave the loop with this code. */
void stage_finish(struct stage *, int code);

/* Queue a record of our own. News with a key replaces an unwritten record of the same type and key;
 * key may be NULL (never replaced); above 8 MiB of unwritten news the oldest goes.  Views are
 * copied. */
void stage_emit(struct stage *, enum rec_type, const void *rec);
void stage_emit_news(struct stage *, enum rec_type, const void *rec, const void *key,
    size_t key_len);
/* Pass on a record as it came. */
void stage_pass(struct stage *, const struct rec *);
/* Output holds more than 256 KiB: emit no blocks until ->room. */
bool stage_full(struct stage *);
/* Stop or go on reading input (a full inner queue); independent of the pause that a full output
 * makes. */
void stage_pause(struct stage *, bool);

/* Monotonic seconds and milliseconds; unix seconds. */
uint64_t now_ms(void);
uint64_t now_unix(void);

/* Progress on stderr if it is a terminal and not -q: rewrites
 * one line at most five times a second. */
void progress_line(const struct options *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void progress_end(void);

/* Back-off: 0 first, then base doubling to max, with a fifth of jitter. */
struct backoff { unsigned tries; };
uint64_t backoff_ms(struct backoff *, uint64_t base, uint64_t max);

#endif
