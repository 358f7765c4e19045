/* How long block-serve bears with a client over HTTP: by a clock that the test moves on, over a
 * store of a few tenures. */
#include <arpa/inet.h>
#include <sys/socket.h>
// link: cmd/block-serve/*.c
#include "cmd/block-serve/http.h"
#include "cmd/block-serve/seats.h"
#include "common/sys/loop.h"
#include "tests/unit/skew.h"
#include "tests/unit/store_line.h"

static struct serve s;
static struct line l;
static struct sockaddr_in at = { .sin_family = AF_INET };

static int setup(void **state)
{
	struct rec_sortition won = { .burn_height = 144, .won = true, .canonical = true };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	MDB_txn *txn;

	line_make(&l);
	keeper_begin(l.w.k);
	for (size_t i = 0; i < 8; i++)
		world_give(&l.w, &l.w.blocks[i]);
	world_commit(&l.w);
	/* The last tenure's blocks may be uploaded: its miner is known. */
	world_ch(won.consensus_hash, 'd');
	made_hash160(won.miner, 1);
	txn = store_write(&l.w.s);
	sortition_put(&l.w.s, txn, &won);
	store_commit_or_die(&l.w.s, txn);
	s.store = l.w.s;
	s.base = loop_new(0, 0);
	s.http_seats = seats_new(HTTP_MAX, 0, true);
	s.self.net = &s.store.net;
	uploads_new(&s);
	view_refresh(&s);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)) | listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	http_server_start(&s, fd);
	return 0;
}

static int teardown(void **state)
{
	world_close(&l.w);
	return 0;
}

static void turns(void)
{
	for (int i = 0; i < 6; i++)
		event_base_loop(s.base, EVLOOP_NONBLOCK);
}

/* The seconds pass one by one: a timer that is due in between goes off. */
static void pass(unsigned seconds)
{
	while (seconds-- > 0) {
		skew_ms += 1000;
		turns();
	}
}

static int dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	turns();
	return fd;
}

static void say(int fd, const void *p, size_t n)
{
	assert_true(send(fd, p, n, MSG_NOSIGNAL) == (ssize_t)n);
	turns();
}

static void say_text(int fd, const char *text)
{
	say(fd, text, strlen(text));
}

/* Reads what is there: whether it is closed. */
static bool closed(int fd)
{
	static char got[65536];
	ssize_t n;

	turns();
	while ((n = recv(fd, got, sizeof(got), MSG_DONTWAIT)) > 0)
		turns();
	return n == 0 || errno != EAGAIN;
}

/* A byte every half second: after how many seconds the connection is closed. */
static unsigned drips(const char *begin)
{
	int fd = dial();
	unsigned half = 0;

	say_text(fd, begin);
	while (half < 120 && !closed(fd)) {
		skew_ms += 500;
		half++;
		send(fd, "a", 1, MSG_NOSIGNAL);
	}
	close(fd);
	turns();
	return half / 2;
}

#define UPLOAD "POST /v3/blocks/upload HTTP/1.1\r\nContent-Type: application/octet-stream\r\n"

static void test_drips(void **state)
{
	static const char *const begin[] = { "G", "GET /v3/health HTTP/1.1\r\nX: ",
		UPLOAD "Content-Length: 500\r\n\r\n",
	    UPLOAD "Transfer-Encoding: chunked\r\n\r\n1ff\r\n" };

	for (size_t i = 0; i < sizeof(begin) / sizeof(*begin); i++) {
		unsigned seconds = drips(begin[i]);

		if (seconds < HTTP_STALL || seconds > HTTP_STALL + 2)
			fail_msg("'%.20s...' is cut after %u seconds", begin[i], seconds);
	}
}

/* What comes at the rate is waited for. */
static void test_slow(void **state)
{
	static char part[HTTP_INPUT_RATE];
	int fd = dial();

	say_text(fd, UPLOAD "Content-Length: 4000000\r\n\r\n");
	for (unsigned i = 0; i < 3 * HTTP_STALL; i++) {
		pass(1);
		say(fd, part, sizeof(part));
		assert_false(closed(fd));
	}
	pass(HTTP_STALL + 2);
	assert_true(closed(fd));
	close(fd);
}

static void test_idle(void **state)
{
	int fd = dial();

	pass(HTTP_IDLE - 2);
	assert_false(closed(fd));
	say_text(fd, "GET /v3/health HTTP/1.1\r\nHost: x\r\n\r\n");
	pass(HTTP_IDLE - 2);
	assert_false(closed(fd));
	pass(4);
	assert_true(closed(fd));
	close(fd);

	/* One that was refused lingers a little, and one that never asks is gone too. */
	fd = dial();
	say_text(fd, "rubbish\r\n\r\n");
	pass(HTTP_LINGER_SECONDS + 2);
	assert_int_equal(seats_taken(s.http_seats), 0);
	close(fd);
	fd = dial();
	pass(HTTP_IDLE + 2);
	assert_true(closed(fd));
	close(fd);
}

/* Whoever asks on and on and reads nothing: what is kept of its questions and answers, and for how
 * long. */
static void test_unread(void **state)
{
	char ask[200], hex[2 * ID_LEN + 1];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), n;
	size_t held = 0;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){ 2048 }, sizeof(int));
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	n = snprintf(ask, sizeof(ask), "GET /v3/blocks/%s HTTP/1.1\r\nHost: x\r\n\r\n",
	    hex_of(hex, l.w.blocks[5].id, ID_LEN));
	for (int i = 0, full = 0; full < 50 && i < 2000000; i++) {
		if (send(fd, ask, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) == n) {
			full = 0;
		} else {
			usleep(1000);
			full++;
		}
		event_base_loop(s.base, EVLOOP_NONBLOCK);
		held = s.http_held > held ? s.http_held : held;
	}
	assert_true(s.http_held > 0);
	/* An answer that did not leave, and no more read ahead than a turn's. */
	assert_true(held < 4 * MAX_HTTP_HEAD + (16u << 10) + CHUNK);
	pass(HTTP_IDLE - 3);
	assert_int_equal(seats_taken(s.http_seats), 1);
	pass(5);
	assert_int_equal(seats_taken(s.http_seats), 0);
	assert_true(s.http_held == 0);
	close(fd);
}

/* An upload's answer waits for its verdict, no longer than UPLOAD_SECONDS, and is not late
 * itself. */
static void test_verdict(void **state)
{
	const struct world_block *b = &l.w.blocks[8];
	char text[200] = "";
	int fd = dial();

	snprintf(text, sizeof(text), UPLOAD "Content-Length: %zu\r\n\r\n", b->b->n);
	say_text(fd, text);
	say(fd, b->b->p, b->b->n);
	assert_true(s.n_uploads == 1);
	pass(UPLOAD_SECONDS - 2);
	assert_true(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) < 0);
	pass(3);
	assert_true(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 12);
	assert_memory_equal(text, "HTTP/1.1 503", 12);
	assert_false(closed(fd));
	close(fd);
	turns();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drips), cmocka_unit_test(test_slow),
		    cmocka_unit_test(test_idle), cmocka_unit_test(test_unread),
		cmocka_unit_test(test_verdict),
	};

	setenv("BLOCKSYNC_MAP", "67108864", 1);
	return cmocka_run_group_tests(tests, setup, teardown);
}
