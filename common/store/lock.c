/* DIR/lock: one writer of blocks a store (DESIGN 1).
 *
 * The keeper holds what the store has in memory and never sees another writer's commits: two of
 * them would write rows over each other's.  The lock is one of an open file description
 * (F_OFD_SETLK): the kernel drops it when its holder dies, of whatever, and it holds across pid
 * namespaces.  Such a lock does not tell its holder, so the file does: "PROGRAM PID HOST".  Byte 0
 * locked means that the store has a writer; byte 1, that the line is this writer's and not an
 * earlier one's. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/store/lock.h"
#include "common/sys/log.h"
#include "common/sys/stage.h"

#define PATIENCE_MS 2000	/* for a holder that is ending, and for the line of one that
				 * begins */
#define STEP_MS 20

enum { HELD, NAMED };		/* bytes of the file */

static int lock_open(const char *dir, int flags)
{
	char path[sizeof((struct store *)0)->dir + 8];

	snprintf(path, sizeof(path), "%s/lock", dir);
	return open(path, flags | O_CLOEXEC, 0600);
}

static bool byte_take(int fd, int byte)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	return fcntl(fd, F_OFD_SETLK, &l) == 0;
}

static bool byte_taken(int fd, int byte)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

/* The line of the holder; fields are empty and 0 where it cannot be read. */
static void line_read(int fd, struct store_holder *h)
{
	char line[sizeof(h->program) + sizeof(h->host) + 32] = "";
	unsigned long long pid = 0;
	ssize_t n = pread(fd, line, sizeof(line) - 1, 0);

	*h = (struct store_holder){ .pid = 0 };
	if (n > 0 && sscanf(line, "%31s %llu %64s", h->program, &pid, h->host) >= 2)
		h->pid = pid;
}

/* A disk without room does not keep a writer from its work (it may be there to free some): then no
 * name is told. */
static void line_write(int fd)
{
	char host[sizeof((struct store_holder *)0)->host] = "?", line[160];
	int n;

	if (gethostname(host, sizeof(host)) < 0 || !host[0] || strpbrk(host, " \n"))
		snprintf(host, sizeof(host), "?");
	host[sizeof(host) - 1] = '\0';
	n = snprintf(line, sizeof(line), "%s %ld %s\n", log_program(), (long)getpid(), host);
	if (pwrite(fd, line, (size_t)n, 0) != n || ftruncate(fd, n) < 0) {
		if (ftruncate(fd, 0) < 0)
			log_warn("cannot write the name of the store's writer");
		return;
	}
	byte_take(fd, NAMED);
}

bool store_lock_holder(const char *dir, struct store_holder *h)
{
	int fd = lock_open(dir, O_RDONLY);
	bool held;

	*h = (struct store_holder){ .pid = 0 };
	if (fd < 0)
		return false;
	held = byte_taken(fd, HELD);
	for (unsigned waited = 0; held && !byte_taken(fd, NAMED) && waited < PATIENCE_MS;
	    waited += STEP_MS) {
		usleep(STEP_MS * 1000);
		held = byte_taken(fd, HELD);
	}
	if (held && byte_taken(fd, NAMED))
		line_read(fd, h);
	close(fd);
	return held;
}

const char *store_holder_text(const struct store_holder *h, char out[STORE_HOLDER_TEXT])
{
	if (h->pid)
		snprintf(out, STORE_HOLDER_TEXT, "%s (process %llu on %s)", h->program,
		    (unsigned long long)h->pid, h->host);
	else
		snprintf(out, STORE_HOLDER_TEXT, "a program that could not write its name");
	return out;
}

static _Noreturn void refuse(const char *dir, const struct store_holder *h)
{
	char text[STORE_HOLDER_TEXT];

	die_unusable("store '%s' is locked: %s writes its blocks, and one program at a time may",
	    dir, store_holder_text(h, text));
}

void store_lock_check(const char *dir)
{
	uint64_t until = now_ms() + PATIENCE_MS;
	struct store_holder h;

	while (store_lock_holder(dir, &h)) {
		if (now_ms() >= until)
			refuse(dir, &h);
		usleep(STEP_MS * 1000);
	}
}

int store_lock(const char *dir)
{
	int fd = lock_open(dir, O_RDWR | O_CREAT);

	if (fd < 0)
		die_name("cannot open the lock of store", dir);
	while (!byte_take(fd, HELD)) {
		if (errno != EAGAIN && errno != EACCES)
			die_world("cannot lock '%s/lock': %s", dir, strerror(errno));
		store_lock_check(dir);
	}
	line_write(fd);
	return fd;
}

/* Next: common/store/burn.c, the tables of the burnchain view. */
