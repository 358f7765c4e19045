/* Clocks, back-off and the progress line. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/sys/log.h"
#include "common/sys/stage.h"
#include "common/sys/start.h"

uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t now_unix(void) { return (uint64_t)time(NULL); }

uint64_t backoff_ms(struct backoff *b, uint64_t base, uint64_t max)
{
	uint64_t wait = base;

	if (b->tries == 0) {
		b->tries = 1;
		return 0;
	}
	for (unsigned i = 1; i < b->tries && wait < max; i++)
		wait *= 2;
	if (wait > max)
		wait = max;
	b->tries++;
	/* a fifth either way, so that those who failed together do not return together */
	return wait - wait / 5 + (wait >= 5 ? random_u32() % (2 * (wait / 5) + 1) : 0);
}

#define PROGRESS_MS 200

/* The line that is on the terminal: a process has one. */
static uint64_t progress_last;

void progress_line(const struct options *o, const char *fmt, ...)
{
	char line[512] = "\r";
	uint64_t now = now_ms();
	va_list ap;
	int n;

	if (o->quiet || !isatty(STDERR_FILENO) ||
	    (progress_last && now - progress_last < PROGRESS_MS))
		return;
	progress_last = now;
	va_start(ap, fmt);
	n = vsnprintf(line + 1, sizeof(line) - 5, fmt, ap);
	va_end(ap);
	n = n < (int)sizeof(line) - 6 ? n + 1 : (int)sizeof(line) - 5;
	n += snprintf(line + n, sizeof(line) - (size_t)n, "\x1b[K");
	(void)!write(STDERR_FILENO, line, (size_t)n);
}

void progress_end(void)
{
	if (progress_last)
		(void)!write(STDERR_FILENO, "\n", 1);
	progress_last = 0;
}

/* Next: common/sys/outq.c, the output queue of a stage. */
