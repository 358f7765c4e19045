/* One conversation against a scripted stranger on a raw socket: every way of being wrong ends it
 * with the right class, and no way of being merely odd does (spec/wire.md 2.4 to 2.7, 4.1
 * to 4.3, 4.9). */
#include <stdlib.h>

#include "tests/unit/conv_accepted.h"
#include "tests/unit/skew.h"

/* The stranger dials. */
static void on_reply(struct conv *c, void *arg, const struct message *m)
{
	((struct play *)arg)->replies++;
}

static void lies(void **state)
{
	struct message m, ping = { .id = MSG_PING };
	uint8_t out[1024];
	struct play s;
	size_t n;

	dialled(&s);		/* a machine that has a copy of our key, and takes us for another */
	memcpy(s.secret, s.self.secret, sizeof(s.secret));
	memcpy(s.key, s.self.key, sizeof(s.key));
	m = handshake(&s, MSG_HANDSHAKE_ACCEPT);
	tell(&s, &m, s.got.pre.seq);
	ends(&s, FAULT_NONE, conv_end_words(CONV_END_OWN_KEY));

	dialled(&s);		/* the accept is signed by another key than it holds */
	m = handshake(&s, MSG_HANDSHAKE_ACCEPT);
	s.secret[31] = 3;
	tell(&s, &m, s.got.pre.seq);
	ends(&s, FAULT_LYING, "bad signature of the handshake");

	dialled_up(&s);		/* so is a later message */
	s.secret[31] = 3;
	tell(&s, &ping, 5);
	ends(&s, FAULT_LYING, "bad signature");

	dialled_up(&s);		/* high S: n - s, recovery id turned */
	n = pack(&s, &ping, 5, out);
	static const uint8_t order[32] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0,
		0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41 };
	int borrow = 0;
	for (int i = 31; i >= 0; i--) {
		int d = order[i] - out[96 + 33 + i] - borrow;
		borrow = d < 0;
		out[96 + 33 + i] = (uint8_t)d;
	}
	out[96] ^= 1;
	send_raw(&s, out, n);
	ends(&s, FAULT_LYING, "bad signature");

	dialled_up(&s);		/* a preamble that contradicts itself */
	s.pre.stable_height = 94;
	tell(&s, &ping, 5);
	ends(&s, FAULT_LYING, "stable height");

	dialled_up(&s);		/* ... or our chain */
	s.pre.stable_hash[0] = 1;
	tell(&s, &ping, 5);
	ends(&s, FAULT_LYING, "stable hash");

	dialled_up(&s);		/* a re-key signed by the new key */
	m = handshake(&s, MSG_HANDSHAKE);
	s.secret[31] = 3;
	key_public(m.u.handshake.key, s.secret);
	tell(&s, &m, 5);
	ends(&s, FAULT_LYING, "bad signature");
}

static void useless(void **state)
{
	static const struct {
		unsigned query, reply;
	} inventories[] = {
		{ MSG_GET_NAKAMOTO_INV, MSG_NAKAMOTO_INV },
		{ MSG_GET_BLOCKS_INV, MSG_BLOCKS_INV },
		{ MSG_GET_POX_INV, MSG_POX_INV },
	};
	struct message m, reject = { .id = MSG_HANDSHAKE_REJECT }, pong = { .id = MSG_PONG };
	struct play s;

	dialled(&s);
	tell(&s, &reject, s.got.pre.seq);
	ends(&s, FAULT_USELESS, "rejects");

	dialled(&s);
	tell(&s, &pong, s.got.pre.seq);
	ends(&s, FAULT_USELESS, "another message");

	dialled(&s);
	shutdown(s.fd, SHUT_RDWR);
	ends(&s, FAULT_USELESS, "hung up");

	dialled_up(&s);		/* nothing was asked: a hang-up is nobody's fault */
	shutdown(s.fd, SHUT_RDWR);
	ends(&s, FAULT_NONE, "hung up");

	dialled_up(&s);
	m = (struct message){ .id = MSG_GET_NAKAMOTO_INV };
	assert_int_equal(conv_request(s.conv, &m, 5000, on_reply, &s), 0);
	turn(&s);
	shutdown(s.fd, SHUT_RDWR);
	ends(&s, FAULT_USELESS, "hung up");

	for (unsigned i = 0; i < sizeof(inventories) / sizeof(*inventories); i++) {
		dialled_up(&s);		/* answers under another number */
		m = (struct message){ .id = inventories[i].query, .u.get_inv.count = 1 };
		assert_int_equal(conv_request(s.conv, &m, 5000, on_reply, &s), 0);
		assert_true(hear(&s));
		m = (struct message){ .id = inventories[i].reply,
			.u.inv = { .count = 1,
			    .bytes = 1,
			    .bits = (const uint8_t *)"",
			    .bits2 = (const uint8_t *)"" } };
		tell(&s, &m, s.got.pre.seq + 1);
		ends(&s, FAULT_USELESS, "wrong seq");
	}

	dialled(&s);
	m = handshake(&s, MSG_HANDSHAKE_ACCEPT);
	s.pre.version = 0x18000010;
	tell(&s, &m, s.got.pre.seq);
	ends(&s, FAULT_USELESS, "another major version");

	dialled(&s);
	m = handshake(&s, MSG_HANDSHAKE_ACCEPT);
	s.pre.network_id = 1;
	tell(&s, &m, s.got.pre.seq);
	ends(&s, FAULT_USELESS, "another network");
}

/* A whole message with its payload replaced and signed again. */
static void tell_payload(struct play *s, const char *hex)
{
	struct message m = { .id = MSG_TRANSACTION };
	uint8_t out[1024], payload[512], digest[32];
	size_t n = strlen(hex) / 2;

	assert_int_equal(hex_to(payload, n, hex, 2 * n), 0);
	pack(s, &m, 5, out);
	put_be32(out + 161, (uint32_t)n);
	memcpy(out + PREAMBLE_LEN, payload, n);
	message_digest(digest, out, payload, n);
	assert_int_equal(key_sign(out + 96, s->secret, digest), 0);
	send_raw(s, out, PREAMBLE_LEN + n);
}

static void undecodable(void **state)
{
	uint8_t noise[400];
	struct play s;

	dialled_up(&s);
	memset(noise, 0xa5, sizeof(noise));
	send_raw(&s, noise, sizeof(noise));
	ends(&s, FAULT_INVALID, "preamble");

	dialled_up(&s);
	tell_payload(&s, "000000001b0010ffffffffddee");
	ends(&s, FAULT_INVALID, "byte count");
	dialled_up(&s);
	tell_payload(&s, "000000001b001000000002ddee00");
	ends(&s, FAULT_INVALID, "trailing bytes");
	dialled_up(&s);
	tell_payload(&s, "0000000014");
	ends(&s, FAULT_INVALID, "unknown message");
	dialled_up(&s);
	tell_payload(&s, "0000001100");
	ends(&s, FAULT_INVALID, "relayers");

	dialled_up(&s);		/* refused before the bytes come */
	announce(&s, 16 << 20, MSG_NACK);
	ends(&s, FAULT_INVALID, "Nack of 16777216 bytes");
	dialled_up(&s);
	announce(&s, MAX_PAYLOAD + 1, MSG_NAKAMOTO_BLOCKS);
	ends(&s, FAULT_INVALID, "preamble");
	accepted(&s);		/* a stranger may not send much at all */
	announce(&s, 1 << 20, MSG_NAKAMOTO_BLOCKS);
	ends(&s, FAULT_INVALID, "bytes");
}

/* Odd, but allowed: none of it ends the conversation. */
static void odd(void **state)
{
	struct message m, ping = { .id = MSG_PING, .u.nonce = 9 },
			  get = { .id = MSG_GET_NEIGHBORS }, nack = { .id = MSG_NACK };
	static uint8_t chunk[65536];
	struct play s;

	dialled(&s);		/* requests before the accept; then the accept for StackerDB */
	m = handshake(&s, MSG_HANDSHAKE);
	uint32_t seq = s.got.pre.seq;
	tell(&s, &m, 7);
	tell(&s, &ping, 8);
	m = handshake(&s, MSG_STACKERDB_HANDSHAKE_ACCEPT);
	m.tail = (const uint8_t *)"01234567890123456789";
	m.tail_len = 21;
	tell(&s, &m, 1);	/* another seq: not the answer */
	turn(&s);
	assert_int_equal(s.ups, 0);
	assert_true(hear(&s));
	assert_int_equal(s.got.id, MSG_HANDSHAKE_ACCEPT);
	assert_int_equal(s.got.pre.seq, 7);
	tell(&s, &m, seq);
	turn(&s);
	assert_int_equal(s.ups, 1);

	/* A request of the peer that bears our seq is still a request. */
	m = (struct message){ .id = MSG_GET_NAKAMOTO_INV };
	assert_int_equal(conv_request(s.conv, &m, 5000, on_reply, &s), 0);
	assert_true(hear(&s));
	seq = s.got.pre.seq;
	tell(&s, &get, seq);
	assert_true(hear(&s));
	assert_int_equal(s.got.id, MSG_NEIGHBORS);
	assert_int_equal(s.replies, 0);
	nack.u.nack = 2;
	tell(&s, &nack, seq);
	turn(&s);
	assert_int_equal(s.replies, 1);
	tell(&s, &nack, seq);	/* twice, and to nothing */
	tell(&s, &nack, 1);

	/* A push too large to keep is read past. */
	announce(&s, 3 << 20, MSG_NAKAMOTO_BLOCKS);
	memset(chunk, 1, sizeof(chunk));
	for (size_t left = (3u << 20) - 9; left > 0; ) {
		size_t n = left < sizeof(chunk) ? left : sizeof(chunk);
		send_raw(&s, chunk, n);
		left -= n;
	}
	tell(&s, &ping, 8);
	assert_true(hear(&s));
	assert_int_equal(s.got.id, MSG_PONG);
	assert_false(s.down);
	assert_int_equal(s.messages, 0);
	done(&s);
}

static void strangers(void **state)
{
	struct message m = { .id = MSG_NAT_PUNCH_REQUEST, .u.nonce = 3 },
		       get = { .id = MSG_GET_NAKAMOTO_INV };
	struct play s;

	accepted(&s);
	tell(&s, &m, 4);
	assert_true(hear(&s));
	assert_int_equal(s.got.id, MSG_NAT_PUNCH_REPLY);
	tell(&s, &get, 5);
	assert_true(hear(&s));
	assert_int_equal(s.got.id, MSG_NACK);
	assert_int_equal(s.got.u.nack, NACK_HANDSHAKE_REQUIRED);
	m = handshake(&s, MSG_HANDSHAKE);
	m.u.handshake.expire = 100;
	tell(&s, &m, 6);
	assert_true(hear(&s));
	assert_int_equal(s.got.id, MSG_HANDSHAKE_REJECT);
	assert_int_equal(s.ups, 0);
	m.u.handshake.expire = 101;
	tell(&s, &m, 6);
	assert_true(hear(&s));
	assert_int_equal(s.got.id, MSG_HANDSHAKE_ACCEPT);
	assert_int_equal(s.ups, 1);
	tell(&s, &get, 5);
	turn(&s);
	assert_int_equal(s.messages, 1);
	done(&s);
}

/* Send what is left of many bytes, and count what comes back, until no more does. */
static void exchange(struct play *s, const uint8_t **p, size_t *left)
{
	for (unsigned idle = 0; idle < 50; idle++) {
		ssize_t k = *left > 0 ? send(s->fd, *p, *left, MSG_DONTWAIT) : 0;

		if (k > 0) {
			*p += k;
			*left -= (size_t)k;
			idle = 0;
		}
		event_base_loop(s->base, EVLOOP_NONBLOCK);
		while ((k = recv(s->fd, s->in, sizeof(s->in), MSG_DONTWAIT)) > 0) {
			s->have += (size_t)k;
			idle = 0;
		}
	}
}

/* 6,000 pings in one go: as many as a burst are answered at once, then a thousand a second; the
 * others wait in the socket. */
static void flood(void **state)
{
	struct message ping = { .id = MSG_PING };
	uint8_t one[512], *many;
	const uint8_t *p;
	struct play s;
	size_t n, left, pongs;

	skew_stop();
	dialled_up(&s);
	n = pack(&s, &ping, 5, one);
	p = many = malloc(6000 * n);
	left = 6000 * n;
	for (unsigned i = 0; i < 6000; i++)
		memcpy(many + i * n, one, n);
	exchange(&s, &p, &left);
	pongs = s.have / n;
	assert_true(pongs >= P2P_BURST - 2 && pongs <= P2P_BURST);
	for (unsigned i = 0; i < 10; i++) {
		skew_ms += 100;
		exchange(&s, &p, &left);
	}
	pongs = s.have / n - pongs;
	assert_true(pongs >= P2P_MESSAGES - 100 && pongs <= P2P_MESSAGES);
	assert_false(s.down);
	free(many);
	done(&s);
	skew_go_on();
}

/* Fifty pings in one go: others have their turn between any two. */
static void turns(void **state)
{
	struct message ping = { .id = MSG_PING };
	uint8_t one[512], many[50 * 512];
	struct play s;
	size_t n;

	dialled_up(&s);
	n = pack(&s, &ping, 5, one);
	for (unsigned i = 0; i < 50; i++)
		memcpy(many + i * n, one, n);
	assert_int_equal(send(s.fd, many, 50 * n, MSG_DONTWAIT), 50 * n);
	for (unsigned i = 0; i < 5; i++)
		event_base_loop(s.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	ssize_t got = recv(s.fd, s.in, sizeof(s.in), MSG_DONTWAIT);
	assert_true(got <= (ssize_t)(5 * n));
	s.have = got > 0 ? (size_t)got : 0;
	for (unsigned i = 0; i < 50; i++)
		assert_true(hear(&s) && s.got.id == MSG_PONG);
	done(&s);
}

/* What contradicts the chain is a lie only where a key has signed it, and where our chain is old
 * enough to have a stable height. */
static void unsure(void **state)
{
	struct message m = { .id = MSG_HANDSHAKE_REJECT };
	struct play s;

	dialled(&s);
	s.pre.stable_hash[0] = 1;
	tell(&s, &m, s.got.pre.seq);
	ends(&s, FAULT_USELESS, "stable hash is not ours");
	dialled(&s);
	s.pre.burn_height = 5;
	s.pre.stable_height = 0;
	m = handshake(&s, MSG_HANDSHAKE_ACCEPT);
	tell(&s, &m, s.got.pre.seq);
	ends(&s, FAULT_USELESS, "stable height is not the tip's");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(lies), cmocka_unit_test(useless),
		cmocka_unit_test(undecodable), cmocka_unit_test(unsure), cmocka_unit_test(odd),
		cmocka_unit_test(strangers), cmocka_unit_test(flood), cmocka_unit_test(turns) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
