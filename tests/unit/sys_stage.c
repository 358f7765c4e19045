/* The parts of a stage that need no process: the output queue with its news, back-off, and turns in
 * the loop. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/sys/loop.h"
#include "common/sys/outq.h"
#include "common/sys/stage.h"

/* All that comes out of a queue through a pipe, as types and burn heights: "9 8:1 8:2 ". */
static char *drain(struct outq *q, int fd)
{
	char *text, err[160];
	struct rec_buf in = { 0 };
	const uint8_t *payload;
	size_t size, len, at = 0;
	FILE *f = open_memstream(&text, &size);
	struct rec r;
	ssize_t n;
	int rc;

	do {
		rc = outq_write(q);
		in.p = realloc(in.p, in.n + (4 << 20));
		while ((n = read(fd, in.p + in.n, 4 << 20)) > 0) {
			in.n += (size_t)n;
			in.p = realloc(in.p, in.n + (4 << 20));
		}
	} while (rc == 0);
	assert_int_equal(rc, 1);
	while ((n = rec_frame(in.p + at, in.n - at, &payload, &len, err)) > 0) {
		assert_int_equal(rec_decode(&r, payload, len, err), 0);
		if (r.type == REC_WANT)
			fprintf(f, "%u:%llu ", r.type, (unsigned long long)r.u.want.burn_height);
		else
			fprintf(f, "%u ", r.type);
		at += (size_t)n;
	}
	assert_int_equal(n, 0);
	assert_int_equal(at, in.n);
	fclose(f);
	rec_buf_release(&in);
	return text;
}

static void want(struct outq *q, unsigned key, uint64_t height)
{
	struct rec_want w = { .burn_height = height };

	outq_news(q, REC_WANT, &w, &key, key ? sizeof(key) : 0);
}

static void block(struct outq *q, size_t size)
{
	uint8_t *body = calloc(1, size + 1);
	struct rec_block b = { .body = rec_bytes(body, size) };

	outq_emit(q, REC_BLOCK, &b);
	free(body);
}

static void news(void **state)
{
	struct outq *q;
	int ends[2];
	char *out;

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	q = outq_new(ends[1], false);
	want(q, 1, 1);			/* nothing waits: it goes straight into the buffer */
	block(q, 100000);
	want(q, 1, 2);			/* from here on news waits */
	want(q, 2, 3);
	want(q, 0, 4);			/* without a key */
	want(q, 1, 5);			/* in the place of 2, as the newest */
	want(q, 0, 6);
	out = drain(q, ends[0]);
	assert_string_equal(out, "8:1 9 8:3 8:4 8:5 8:6 ");
	free(out);
	block(q, 100000);
	want(q, 1, 7);
	block(q, 1);			/* what is no news does not overtake it */
	want(q, 1, 8);
	out = drain(q, ends[0]);
	assert_string_equal(out, "9 8:7 9 8:8 ");
	free(out);
	assert_int_equal(outq_bytes(q), 0);
	outq_free(q);
	close(ends[0]);
	block(q = outq_new(ends[1], false), 10);
	assert_int_equal(outq_write(q), -1);
	outq_free(q);
	close(ends[1]);
}

/* News that nobody reads is bounded: the oldest goes. */
static void bounded(void **state)
{
	struct outq *q;
	int ends[2];
	char *out, last[32];

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	q = outq_new(ends[1], false);
	block(q, 100000);
	for (unsigned i = 1; i <= 500000; i++)
		want(q, i, i);
	assert_in_range(outq_bytes(q), OUT_NEWS / 2, OUT_NEWS + 200000);
	out = drain(q, ends[0]);
	snprintf(last, sizeof(last), "8:499999 8:500000 ");
	assert_string_equal(out + strlen(out) - strlen(last), last);
	free(out);
	outq_free(q);
	close(ends[0]);
	close(ends[1]);
}

static void discarded(void **state)
{
	struct outq *q = outq_new(-1, true);

	block(q, 10);
	want(q, 1, 1);
	assert_int_equal(outq_bytes(q), 0);
	assert_int_equal(outq_write(q), 1);
	outq_free(q);
}

static void waits(void **state)
{
	struct backoff b = { 0 };
	static const uint64_t want_ms[] = { 0, 1000, 2000, 4000, 8000, 8000, 8000 };

	for (size_t i = 0; i < sizeof(want_ms) / sizeof(want_ms[0]); i++)
		assert_in_range(backoff_ms(&b, 1000, 8000), want_ms[i] - want_ms[i] / 5,
		    want_ms[i] + want_ms[i] / 5);
	for (unsigned i = 0; i < 200; i++)
		assert_in_range(backoff_ms(&b, 1000, 8000), 6400, 9600);
}

/* One that always has more to do, and another who has something to say meanwhile. */
struct turns {
	struct event_base *base;
	struct event *busy;
	unsigned done;
	bool heard;
	int ends[2];
};

static void on_busy(evutil_socket_t fd, short what, void *arg)
{
	struct turns *t = arg;

	/* The other one speaks when the loop has looked at what is ready. */
	if (++t->done == 1)
		assert_int_equal(write(t->ends[1], "x", 1), 1);
	if (t->done < 100000)
		event_active(t->busy, EV_TIMEOUT, 0);
}

static void on_heard(evutil_socket_t fd, short what, void *arg)
{
	struct turns *t = arg;

	t->heard = true;
	event_base_loopbreak(t->base);
}

static void turns(void **state)
{
	struct turns t = { .base = loop_new(0, 0) };
	struct event *heard;

	assert_int_equal(pipe(t.ends), 0);
	t.busy = loop_event(t.base, -1, 0, on_busy, &t);
	heard = loop_event(t.base, t.ends[0], EV_READ, on_heard, &t);
	event_active(t.busy, EV_TIMEOUT, 0);
	assert_int_equal(event_add(heard, NULL), 0);
	event_base_dispatch(t.base);
	assert_true(t.heard);
	assert_in_range(t.done, 1, 1000);
	event_free(t.busy);
	event_free(heard);
	event_base_free(t.base);
	close(t.ends[0]);
	close(t.ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(news), cmocka_unit_test(bounded), cmocka_unit_test(discarded),
		    cmocka_unit_test(waits), cmocka_unit_test(turns),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
