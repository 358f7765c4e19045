/* What the files of a stage share: not for programs. */
#ifndef BLOCKSYNC_SYS_STAGE_PRIVATE_H
#define BLOCKSYNC_SYS_STAGE_PRIVATE_H

#include "common/sys/outq.h"
#include "common/sys/stage.h"

#define STAGE_SIGNALS 4
#define STAGE_READER_GONE 112	/* exit code towards the supervisor */

enum fd_kind {
	FD_NONE,	/* no input; or output thrown away */
	FD_PIPE,	/* pipe */
	FD_SOCKET,
	FD_FILE,	/* regular file or odd device: poll, not epoll */
	FD_TERMINAL,	/* output only */
};

struct input {
	enum fd_kind kind;
	int flags;			/* of fcntl before we changed them, -1 if we did not */
	uint8_t *p;			/* bytes start..end are not taken yet */
	size_t start, end, cap;
	uint64_t offset;		/* in the stream, of p[0] */
	bool readable, ended;
};

struct stage {
	const char *name;
	bool once;
	const struct stage_ops *ops;
	void *arg;
	const struct network *net;
	struct event_base *base;
	struct event *turn, *ev_in, *ev_out, *ev_reader, *ev_signal[STAGE_SIGNALS];
	struct input in;
	enum fd_kind out_kind;
	int out_flags;
	struct outq *out;
	bool in_turn, hello_out, paused, seen_full, finishing, lost, hung_up;
	unsigned interrupted;
	int code, fault;		/* exit code; that of a broken stream */
};

void stage_turn(evutil_socket_t, short, void *);
void stage_wake(struct stage *);
void stage_hello(struct stage *);
void stage_lost(struct stage *, int error);

/* stage_input.c */
enum fd_kind fd_kind(int fd, bool input);
int fd_prepare(int fd, enum fd_kind);
void fd_restore(int fd, int flags);
bool stage_takes(const struct stage *);	/* whether it would take input now */
void stage_input(struct stage *);
void stage_input_end(struct stage *);

#endif
