/* A clock that a test moves on, and may stop: what waits for seconds is tested without them, and
 * what happens within one is counted on a machine of any speed.  Both our own code and libevent ask
 * this one. */
#ifndef TESTS_UNIT_SKEW_H
#define TESTS_UNIT_SKEW_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t skew_ms;	/* that the monotonic clocks are ahead */
static bool skew_stopped;	/* they stand, but for what is added to skew_ms */
static struct timespec skew_stood;

static inline void skew_stop(void)
{
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &skew_stood);
	skew_stopped = true;
}

static inline void skew_go_on(void) { skew_stopped = false; }

int clock_gettime(clockid_t clock, struct timespec *t)
{
	int rc = (int)syscall(SYS_clock_gettime, clock, t);

	if (rc == 0 && (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE)) {
		if (skew_stopped)
			*t = skew_stood;
		t->tv_sec += (time_t)(skew_ms / 1000);
		t->tv_nsec += (long)(skew_ms % 1000 * 1000000);
		t->tv_sec += t->tv_nsec / 1000000000;
		t->tv_nsec %= 1000000000;
	}
	return rc;
}

#endif
