/* Records out of a stage's standard input, and what kind of thing a standard descriptor is. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/sys/log.h"
#include "common/sys/stage_private.h"

#define READ_SIZE (256u << 10)		/* a turn's share */
#define PIPE_SIZE (1 << 20)

enum fd_kind fd_kind(int fd, bool input)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return FD_NONE;
	if (S_ISFIFO(st.st_mode))
		return FD_PIPE;
	if (S_ISSOCK(st.st_mode))
		return FD_SOCKET;
	if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))	/* /dev/null */
		return FD_NONE;
	if (isatty(fd))
		return input ? FD_NONE : FD_TERMINAL;
	return FD_FILE;
}

/* Pipes and sockets do not block.  Others stay as they are: a terminal's flags are shared with the
 * shell. */
int fd_prepare(int fd, enum fd_kind kind)
{
	int flags;

	if (kind != FD_PIPE && kind != FD_SOCKET)
		return -1;
	if (kind == FD_PIPE)
		fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);	/* fewer turns; a refusal does no harm */
	flags = fcntl(fd, F_GETFL);
	if (flags >= 0)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	return flags;
}

void fd_restore(int fd, int flags)
{
	if (flags >= 0)
		fcntl(fd, F_SETFL, flags);
}

bool stage_takes(const struct stage *s)
{
	return s->in.kind != FD_NONE && !s->in.ended && !s->paused && !s->finishing && !s->lost &&
	    outq_bytes(s->out) <= OUT_FULL;
}

/* No more input, for whatever reason: tell the program, once. */
void stage_input_end(struct stage *s)
{
	s->in.ended = true;
	stage_hello(s);
	if (s->ops->end)
		s->ops->end(s->arg);
	else
		stage_finish(s, 0);
}

/* The stream is at fault: what came before it stays, and the exit code says so. */
static void input_broken(struct stage *s, const char *fault)
{
	log_warnx("standard input is broken at byte %llu: %s",
	    (unsigned long long)(s->in.offset + s->in.start), fault);
	s->fault = EXIT_WORLD;
	stage_input_end(s);
}

/* The upstream's hello goes on as the first record, or goes nowhere if ours is out already. */
static void take_hello(struct stage *s, const struct rec *r)
{
	const struct rec_hello *h = &r->u.hello;
	char name[65];

	if (h->schema > REC_SCHEMA)
		log_warnx("standard input has records of schema %u, newer than our %d: update this "
			  "program",
		    h->schema, REC_SCHEMA);
	else if (s->net &&
	    ((h->network.n && !rec_is(h->network, s->net->name)) ||
		(h->chain_id && h->chain_id != s->net->chain_id)))
		log_warnx(
		    "standard input is of network '%s' (chain id 0x%08x), not of '%s' (0x%08x)",
		    rec_cstr(name, sizeof(name), h->network), h->chain_id, s->net->name,
		    s->net->chain_id);
	else {
		if (!s->hello_out)
			outq_pass(s->out, r->payload, r->len);
		s->hello_out = true;
		return;
	}
	s->in.ended = true;
	s->fault = EXIT_USAGE;
	if (s->ops->terminate)
		s->ops->terminate(s->arg);
	else
		stage_finish(s, 0);
}

static void take_record(struct stage *s, struct rec *r)
{
	bool (*take)(void *, struct rec *) = r->known ? s->ops->record : s->ops->unknown;

	if (r->known && r->type == REC_HELLO)
		take_hello(s, r);
	else if (!take || !take(s->arg, r))
		stage_pass(s, r);
}

/* Take the frames that are complete, as long as what they lead to has room.  False: stop looking
 * for more. */
static bool take_frames(struct stage *s)
{
	struct input *in = &s->in;
	const uint8_t *payload;
	char err[160];
	struct rec r;
	size_t len;
	ssize_t n;

	while (stage_takes(s)) {
		n = rec_frame(in->p + in->start, in->end - in->start, &payload, &len, err);
		if (n == 0)
			return true;
		if (n < 0 || rec_decode(&r, payload, len, err) < 0) {
			input_broken(s, err);
			return false;
		}
		in->start += (size_t)n;
		take_record(s, &r);
		if (outq_bytes(s->out) > OUT_FULL && outq_write(s->out) < 0) {
			stage_lost(s, errno);
			return false;
		}
	}
	return false;
}

/* Room for a read.  The buffer grows only once it is full of
 * bytes that came, to one frame at most. */
static void input_room(struct input *in)
{
	size_t left = in->end - in->start;

	if (in->start) {
		memmove(in->p, in->p + in->start, left);
		in->offset += in->start;
		in->start = 0;
		in->end = left;
	}
	if (in->end == in->cap) {
		in->cap = in->cap ? 2 * in->cap : READ_SIZE;
		in->p = xrealloc(in->p, in->cap);
	} else if (in->end == 0 && in->cap > READ_SIZE) {
		in->cap = READ_SIZE;
		in->p = xrealloc(in->p, in->cap);
	}
}

static void input_eof(struct stage *s)
{
	if (s->in.end > s->in.start)
		input_broken(s, "cut off in the middle of a record");
	else
		stage_input_end(s);
}

/* One turn's share of input: what is there already, then one read. */
void stage_input(struct stage *s)
{
	struct input *in = &s->in;
	size_t want;
	ssize_t n;

	if (!take_frames(s) || !in->readable)
		return;
	in->readable = false;
	input_room(in);
	want = in->cap - in->end < READ_SIZE ? in->cap - in->end : READ_SIZE;
	n = read(STDIN_FILENO, in->p + in->end, want);
	if (n > 0) {
		in->end += (size_t)n;
		take_frames(s);
	} else if (n == 0) {
		input_eof(s);
	} else if (errno != EAGAIN && errno != EINTR) {
		log_warn("cannot read standard input");
		s->fault = EXIT_WORLD;
		stage_input_end(s);
	}
}

/* Next: common/sys/sandbox.c, how a program confines itself. */
