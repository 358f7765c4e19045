/* The supervisor: which programs make the pipeline, how one is
 * started, and what becomes of them. */
#ifndef BLOCKSYNC_SUPERVISOR_H
#define BLOCKSYNC_SUPERVISOR_H

#include "common/sys/options.h"
#include "common/sys/stage.h"

#define MAX_STAGES 8
#define MAX_GIVEN 512		/* options of our own command line */

struct given {		/* our command line, to be handed on */
	struct options o;
	struct { char letter; const char *arg; } list[MAX_GIVEN];
	unsigned n;
	bool serve;	/* block-serve is wanted */
};
struct program {
	const char *name, *takes; /* takes: letters of our options that it is given */
	enum {
		OPTIONAL = 1, /* it may be missing */
		JUDGES = 2,   /* foreign blocks: one may be why it crashed */
		FETCHES = 4   /* it shows progress, and 111 of it may say that some is lacking */
	} traits;
};
struct child {
	const struct program *program;
	pid_t pid;	/* 0: not running */
	int status;	/* of waitpid, once it is dead */
	bool fresh;	/* died since the last look */
};
/* these become standard input and output */
void child_start(struct child *, const struct given *, int in, int out);

/* Starts and ends of the pipeline, or of block-serve: now_ms, 0 for not running, not due. */
struct life { uint64_t started, start_at; struct backoff wait; };
struct supervisor {
	const struct given *given;
	int signals, null;		/* signalfd, /dev/null */
	/* serve: behind the last, NULL if not wanted */
	struct child stage[MAX_STAGES + 1], *serve;
	unsigned n;
	struct life pipeline, beside;
	bool stopping, ending;		/* the pipeline is told to end; so are we */
	int code;			/* -1: that of the pipeline, when it is down */
	const struct child *blamed;
	uint64_t kill_at;		/* now_ms, 0: not due */
	unsigned crashes, failures;	/* with -1: so many, and no more */
	bool told_full;			/* that there is no room, since there was some */
};
int supervise(struct supervisor *);	/* run it all; returns the exit code */

#endif
