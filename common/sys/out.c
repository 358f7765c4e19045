/* Standard output.  Whoever starts a program may hand it a descriptor that does not block, which
 * its flags share with other processes: they are not ours to change, and stdio would lose what does
 * not fit at once. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/sys/log.h"
#include "common/sys/out.h"

static int fault;	/* errno of the first write to stdout that failed: stdio forgets which it
			 * was */

int write_whole(int fd, const void *p, size_t n)
{
	const char *at = p;
	ssize_t done;

	for (; n; at += done, n -= (size_t)done) {
		done = write(fd, at, n);
		if (done >= 0)
			continue;
		if (errno == EAGAIN)
			poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
		else if (errno != EINTR)
			return -1;
		done = 0;
	}
	return 0;
}

ssize_t read_some(int fd, void *p, size_t n)
{
	ssize_t got;

	while ((got = read(fd, p, n)) < 0 && (errno == EINTR || errno == EAGAIN))
		if (errno == EAGAIN)
			poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1);
	return got;
}

static ssize_t stdout_write(void *cookie, const char *p, size_t n)
{
	if (write_whole(STDOUT_FILENO, p, n) == 0)
		return (ssize_t)n;
	if (!fault)
		fault = errno;
	return 0;
}

void out_start(void)
{
	static char buffer[1 << 16];
	FILE *f = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = stdout_write });

	if (!f)
		die_world("out of memory");
	setvbuf(f, buffer, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, sizeof(buffer));
	stdout = f;
}

void out_die(const char *name)
{
	if (errno == EPIPE)
		exit(EXIT_WORLD);	/* the reader is gone, which is no news for people */
	if (!name)
		die_world("cannot write to standard output: %s", strerror(errno));
	die_world("cannot write '%s': %s", name, strerror(errno));
}

void out_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return;
	errno = fault;
	out_die(NULL);
}

/* Next: common/sys/log.c, words for people. */
