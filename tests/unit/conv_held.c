/* What a stranger can make a conversation hold: counted to the byte, bounded, and over where
 * nothing moves. */
#include "common/net/conv_private.h"
#include "tests/unit/conv_accepted.h"
#include "tests/unit/skew.h"

static uint32_t neighbors(void *arg, struct neighbor *n)
{
	memset(n, 1, MAX_NEIGHBORS * sizeof(*n));
	return MAX_NEIGHBORS;
}

/* A peer that asks and never reads is closed, at about a mebibyte. */
static void deaf(void **state)
{
	struct message get = { .id = MSG_GET_NEIGHBORS };
	uint8_t one[512];
	struct play s;
	uint64_t end = now_ms() + 20000;
	size_t n;

	dialled_up(&s);
	s.self.neighbors = neighbors;
	setsockopt(s.fd, SOL_SOCKET, SO_RCVBUF, &(int){ 2048 }, sizeof(int));
	n = pack(&s, &get, 5, one);
	while (!s.down && now_ms() < end) {
		if (send(s.fd, one, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			usleep(1000);
		event_base_loop(s.base, EVLOOP_NONBLOCK);
	}
	ends(&s, FAULT_USELESS, "does not read");
}

/* Bytes of a push that is never whole: what is held is counted, to the byte. */
static void held_is_bounded(void **state)
{
	static uint8_t chunk[40000];
	struct message ping = { .id = MSG_PING };
	struct play s;

	dialled_up(&s);
	budget_init(&s.held, 40000 + 500, 60000, P2P_RATE);
	announce(&s, 1 << 20, MSG_NAKAMOTO_BLOCKS);
	turn(&s);
	size_t begun = s.held.held;
	assert_true(begun > PREAMBLE_LEN && begun < 500);
	s.held.limit = begun + sizeof(chunk);
	send_raw(&s, chunk, sizeof(chunk));
	turn(&s);
	assert_int_equal(s.held.held, s.held.limit);
	assert_false(s.down);
	send_raw(&s, chunk, 1);
	ends(&s, FAULT_NONE, "no room for its message");

	dialled_up(&s);		/* nothing is held of what was whole */
	tell(&s, &ping, 5);
	assert_true(hear(&s));
	assert_int_equal(s.held.held, 0);
	assert_true(s.held.peak > 0);
	done(&s);
}

/* Until the conversation ends, at most twenty seconds; with a byte now and then, or none. */
static void wait_down(struct play *s, bool drip)
{
	uint64_t end = now_ms() + 20000;

	while (!s->down && now_ms() < end) {
		if (drip)
			send_raw(s, "", 1);
		turn(s);
	}
}

/* Whoever stops in a message, or goes on by single bytes, is late after a while, whatever the
 * message is; a pause between messages is none. */
static void stalls(void **state)
{
	struct message ping = { .id = MSG_PING };
	static uint8_t chunk[65536];
	uint8_t out[1024];
	struct play s;
	size_t n;

	for (int kind = 0; kind < 3; kind++) {
		dialled_up(&s);
		s.held.patience_ms = 300;
		n = pack(&s, &ping, 5, out);
		if (kind == 0) {
			send_raw(&s, out, n - 1);	/* a small one, all but a byte */
		} else {
			/* One that is kept, of which much came at once; one that is read past. */
			announce(&s, kind == 1 ? 1 << 20 : 3 << 20, MSG_NAKAMOTO_BLOCKS);
			send_raw(&s, chunk, sizeof(chunk));
		}
		wait_down(&s, kind > 0);
		ends(&s, FAULT_USELESS, "stops in the middle of a message");
	}

	dialled_up(&s);
	s.held.patience_ms = 100;
	for (int i = 0; i < 3; i++) {
		tell(&s, &ping, 5);
		assert_true(hear(&s));
		usleep(150000);
		turn(&s);
	}
	assert_false(s.down);
	done(&s);
}

/* Somebody who asks a little, and reads nothing. */
static void unread(void **state)
{
	struct message get = { .id = MSG_GET_NEIGHBORS };
	uint8_t one[512];
	struct play s;
	size_t n;

	dialled_up(&s);
	s.self.neighbors = neighbors;
	s.held.patience_ms = 300;
	setsockopt(s.fd, SOL_SOCKET, SO_RCVBUF, &(int){ 2048 }, sizeof(int));
	n = pack(&s, &get, 5, one);
	for (uint64_t end = now_ms() + 20000; conv_queued(s.conv) < 200000 && now_ms() < end;
	    event_base_loop(s.base, EVLOOP_NONBLOCK))
		if (send(s.fd, one, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			usleep(1000);
	assert_true(s.held.held >= 200000);
	wait_down(&s, false);
	ends(&s, FAULT_USELESS, "does not read");
	assert_int_equal(s.held.held, 0);
}

/* A stranger has so long for its handshake, and whoever dialled us so long for its next word. */
static void silent(void **state)
{
	struct message m = { .id = MSG_NAT_PUNCH_REQUEST }, ping = { .id = MSG_PING };
	struct play s;

	skew_stop();
	accepted(&s);
	skew_ms += P2P_GREET_MS - 100;
	tell(&s, &m, 4);	/* a word is no handshake */
	assert_true(hear(&s));
	assert_false(s.down);
	skew_ms += 100;
	turn(&s);
	assert_true(s.down);
	assert_string_equal(s.reason, "did not authenticate in time");
	done(&s);

	accepted(&s);
	m = handshake(&s, MSG_HANDSHAKE);
	tell(&s, &m, 5);
	assert_true(hear(&s));
	for (int i = 0; i < 2; i++) {
		skew_ms += HEARTBEAT * 1000;
		turn(&s);
		assert_false(s.down);
		tell(&s, &ping, 6);
		assert_true(hear(&s));
	}
	skew_ms += (HEARTBEAT + HEARTBEAT_GRACE) * 1000 + 1;
	turn(&s);
	assert_true(s.down);
	assert_string_equal(s.reason, "silent beyond its heartbeat");
	done(&s);
	skew_go_on();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deaf), cmocka_unit_test(held_is_bounded), cmocka_unit_test(stalls),
		    cmocka_unit_test(unread),
		cmocka_unit_test(silent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
