/* A clock that a test moves on: what waits for seconds is tested without them.  Both our own code and libevent ask this one. */
#ifndef TESTS_UNIT_SKEW_H
#define TESTS_UNIT_SKEW_H
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t skew_ms;	/* that the monotonic clocks are ahead */

int clock_gettime(clockid_t clock, struct timespec *t)
{
	int rc = (int)syscall(SYS_clock_gettime, clock, t);

	if (rc == 0 && clock != CLOCK_REALTIME) {
		t->tv_sec += (time_t)(skew_ms / 1000);
		t->tv_nsec += (long)(skew_ms % 1000 * 1000000);
		t->tv_sec += t->tv_nsec / 1000000000;
		t->tv_nsec %= 1000000000;
	}
	return rc;
}

#endif
