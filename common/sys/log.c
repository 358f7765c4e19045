/* Words for people.  A line is put together in memory and written with one write(2), so that the
 * lines of the stages of one pipeline, which share a stderr, never mix. */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/sys/log.h"

#define MAX_LINE 2048	/* longer lines are cut: they come from foreign text */

static int level;
static const char *program = "blocksync";

void log_init(const char *name) { program = name; }
void log_verbose(int to) { level = to; }
const char *log_program(void) { return program; }

/* Foreign text must not paint the terminal or fake a second line. */
static void line_clean(char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			s[i] = '?';
}

static void line_out(int error, const char *fmt, va_list ap)
{
	char line[MAX_LINE];
	int saved = errno;
	size_t n, start, room = sizeof(line) - 1;	/* one byte for the newline */

	/* on a terminal: over the progress line, which may be another process's */
	start = (size_t)snprintf(line, room, isatty(STDERR_FILENO) ? "\r\x1b[K" : "");
	n = start + (size_t)snprintf(line + start, room - start, "%s: ", program);
	if (n < room)
		n += (size_t)vsnprintf(line + n, room - n, fmt, ap);
	if (error && n < room)
		n += (size_t)snprintf(line + n, room - n, ": %s", strerror(error));
	if (n >= room)
		n = room - 1;
	line_clean(line + start, n - start);
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0) {
		/* nobody listens: nothing can be done about it */
	}
	errno = saved;
}

#define LINE(error)                         \
	do {                                \
		va_list ap;                 \
		va_start(ap, fmt);          \
		line_out((error), fmt, ap); \
		va_end(ap);                 \
	} while (0)

void log_warn(const char *fmt, ...) { LINE(errno); }
void log_warnx(const char *fmt, ...) { LINE(0); }
void log_info(const char *fmt, ...) { if (level >= 1) LINE(0); }
void log_debug(const char *fmt, ...) { if (level >= 2) LINE(0); }

void die_usage(const char *fmt, ...)
{
	LINE(0);
	exit(EXIT_USAGE);
}

void die_name(const char *what, const char *name)
{
	bool wrong = errno == ENOENT || errno == ENOTDIR || errno == EISDIR ||
	    errno == ENAMETOOLONG || errno == ELOOP;

	log_warn("%s '%s'", what, name);
	exit(wrong ? EXIT_USAGE : EXIT_WORLD);
}

void die_world(const char *fmt, ...)
{
	LINE(0);
	exit(EXIT_WORLD);
}

int exit_unusable(void) { return getenv("BLOCKSYNC_SUPERVISED") ? EXIT_UNUSABLE : EXIT_WORLD; }

void die_unusable(const char *fmt, ...)
{
	LINE(0);
	exit(exit_unusable());
}

void die_full(const char *fmt, ...)
{
	if (getenv("BLOCKSYNC_SUPERVISED"))
		exit(EXIT_FULL);
	LINE(0);
	exit(EXIT_WORLD);
}

void bug_at(const char *file, int line, const char *fmt, ...)
{
	LINE(0);
	log_warnx("that is a bug of ours, at %s:%d", file, line);
	abort();
}

/* Libraries allocate through these while they hold locks, which what they do at exit would wait
 * for: nothing of that is run. */
static void *or_die(void *p)
{
	if (!p) {
		log_warnx("out of memory");
		_exit(EXIT_WORLD);
	}
	return p;
}

void *xmalloc(unsigned long n) { return or_die(malloc(n ? n : 1)); }
void *xcalloc(unsigned long n, unsigned long size)
{
	return or_die(calloc(n ? n : 1, size ? size : 1));
}
void *xrealloc(void *p, unsigned long n) { return or_die(realloc(p, n ? n : 1)); }
char *xstrdup(const char *s) { return or_die(strdup(s)); }

/* Next: common/sys/options.c, what every command line shares. */
