/* One conversation against a scripted stranger on a raw socket: every way of being wrong ends it with the right class, and
 * no way of being merely odd does (spec/wire.md 2.4 to 2.7, 4.1 to 4.3, 4.9). */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include "common/chain/key.h"
#include "common/net/conv.h"
#include "common/sys/stage.h"

struct play {
	struct event_base *base;
	struct network net;
	struct conv_self self;
	struct conv *conv;
	unsigned ups, messages, replies;
	bool down;
	char class[16], reason[160];
	int fd;				/* the stranger's end */
	uint8_t secret[32], key[KEY_LEN];
	struct preamble pre;		/* what the stranger says of itself */
	uint8_t in[1 << 16];
	size_t have;
	struct message got;
};

static const char network_text[] =
    "name hostile\nchain_id 0x80000000\npeer_version 0x01020304\nfirst_burn_height 0\n"
    "first_burn_hash 0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206\ncycle_length 10\nprepare_length 5\n"
    "stable_confirmations 7\nprivate_peers 1\nepoch 2.0 0\nepoch 3.0 42\n";

static void on_up(struct conv *c, void *arg) { ((struct play *)arg)->ups++; }
static void on_message(struct conv *c, void *arg, const struct message *m) { ((struct play *)arg)->messages++; }

static void on_down(struct conv *c, void *arg, const char *class, const char *reason)
{
	struct play *s = arg;

	s->down = true;
	s->conv = NULL;
	strlcpy(s->class, class, sizeof s->class);
	strlcpy(s->reason, reason, sizeof s->reason);
}

static const struct conv_ops ops = { on_up, on_message, NULL, on_down };

static int stable_known(void *arg, uint64_t height, const uint8_t *hash) { return height == 93 ? hash[0] == 0 : -1; }

static uint32_t neighbors(void *arg, struct neighbor *n)
{
	memset(n, 1, MAX_NEIGHBORS * sizeof *n);
	return MAX_NEIGHBORS;
}

static void on_reply(struct conv *c, void *arg, const struct message *m)
{
	((struct play *)arg)->replies++;
}

static void turn(struct play *s)
{
	for (int i = 0; i < 20; i++) {
		event_base_loop(s->base, EVLOOP_NONBLOCK);
		usleep(200);
	}
}

/* Read what came; true if a whole message is in s->got. */
static bool hear(struct play *s)
{
	uint64_t end = now_ms() + 1000;
	char err[120];

	while (now_ms() < end) {
		event_base_loop(s->base, EVLOOP_NONBLOCK);
		ssize_t n = recv(s->fd, s->in + s->have, sizeof s->in - s->have, MSG_DONTWAIT);
		if (n > 0)
			s->have += (size_t)n;
		if (s->have >= PREAMBLE_LEN && preamble_decode(&s->got.pre, s->in) == 0 && s->have >= PREAMBLE_LEN + s->got.pre.payload_len) {
			size_t len = PREAMBLE_LEN + s->got.pre.payload_len;
			assert_int_equal(message_decode(&s->got, s->in + PREAMBLE_LEN, s->got.pre.payload_len, err), 0);
			memmove(s->in, s->in + len, s->have -= len);
			return true;
		}
		if (n == 0)
			return false;
		usleep(200);
	}
	return false;
}

static void send_raw(struct play *s, const void *p, size_t n)
{
	for (size_t done = 0; done < n; ) {
		ssize_t k = send(s->fd, (const char *)p + done, n - done, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (k < 0 && errno != EAGAIN)
			return;
		if (k > 0)
			done += (size_t)k;
		event_base_loop(s->base, EVLOOP_NONBLOCK);
	}
}

static size_t pack(struct play *s, struct message *m, uint32_t seq, uint8_t *out)
{
	m->pre = s->pre;
	m->pre.seq = seq;
	return message_encode(m, s->secret, out);
}

static void tell(struct play *s, struct message *m, uint32_t seq)
{
	uint8_t out[8192];

	assert_true(message_room(m) <= sizeof out);
	send_raw(s, out, pack(s, m, seq, out));
}

static struct message handshake(struct play *s, unsigned id)
{
	struct message m = { .id = id };

	m.u.handshake.port = 20444;
	m.u.handshake.expire = INT64_MAX;
	m.u.handshake.heartbeat = 3600;
	memcpy(m.u.handshake.key, s->key, KEY_LEN);
	return m;
}

static void play_init(struct play *s)
{
	char err[200];

	memset(s, 0, sizeof *s);
	assert_int_equal(network_parse(&s->net, network_text, strlen(network_text), err), 0);
	s->self = (struct conv_self){ .net = &s->net, .port = 20444, .services = 3, .stable_known = stable_known, .arg = s };
	s->self.secret[31] = 1;
	s->secret[31] = 2;
	assert_int_equal(key_public(s->self.key, s->self.secret), 0);
	assert_int_equal(key_public(s->key, s->secret), 0);
	s->self.view = (struct conv_view){ .burn_height = 100, .stable_height = 93 };
	s->pre = (struct preamble){ .version = 0x01020304, .network_id = 0x80000000, .burn_height = 100, .stable_height = 93 };
	s->base = event_base_new();
}

/* The conversation dials, the stranger listens; the Handshake has come. */
static void dialled(struct play *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof at;
	int l = socket(AF_INET, SOCK_STREAM, 0);

	play_init(s);
	assert_int_equal(bind(l, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(l, 1), 0);
	getsockname(l, (struct sockaddr *)&at, &len);
	s->conv = conv_dial(s->base, &s->self, (struct sockaddr *)&at, sizeof at, NULL, &ops, s);
	s->fd = accept(l, NULL, NULL);
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	close(l);
	assert_true(hear(s));
	assert_int_equal(s->got.id, MSG_HANDSHAKE);
}

static void dialled_up(struct play *s)
{
	struct message m;

	dialled(s);
	m = handshake(s, MSG_HANDSHAKE_ACCEPT);
	tell(s, &m, s->got.pre.seq);
	turn(s);
	assert_int_equal(s->ups, 1);
}

/* The stranger dials. */
static void accepted(struct play *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(9) };
	int pair[2];

	play_init(s);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	evutil_make_socket_nonblocking(pair[0]);
	s->fd = pair[1];
	s->conv = conv_accept(s->base, &s->self, pair[0], (struct sockaddr *)&at, &ops, s);
}

static void done(struct play *s)
{
	if (s->conv)
		conv_close(s->conv);
	close(s->fd);
	event_base_loop(s->base, EVLOOP_NONBLOCK);
	event_base_free(s->base);
}

static void ends(struct play *s, const char *class, const char *reason)
{
	uint64_t end = now_ms() + 1000;

	while (!s->down && now_ms() < end)
		turn(s);
	assert_true(s->down);
	assert_string_equal(s->class, class);
	if (!strstr(s->reason, reason))
		fail_msg("reason '%s', not '%s'", s->reason, reason);
	done(s);
}

static void lies(void **state)
{
	struct message m, ping = { .id = MSG_PING };
	uint8_t out[1024];
	struct play s;
	size_t n;

	dialled(&s);		/* the accept is signed by another key than it holds */
	m = handshake(&s, MSG_HANDSHAKE_ACCEPT);
	s.secret[31] = 3;
	tell(&s, &m, s.got.pre.seq);
	ends(&s, "lying", "bad signature of the handshake");

	dialled_up(&s);		/* so is a later message */
	s.secret[31] = 3;
	tell(&s, &ping, 5);
	ends(&s, "lying", "bad signature");

	dialled_up(&s);		/* high S: n - s, recovery id turned */
	n = pack(&s, &ping, 5, out);
	static const uint8_t order[32] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
		0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41 };
	int borrow = 0;
	for (int i = 31; i >= 0; i--) {
		int d = order[i] - out[96 + 33 + i] - borrow;
		borrow = d < 0;
		out[96 + 33 + i] = (uint8_t)d;
	}
	out[96] ^= 1;
	send_raw(&s, out, n);
	ends(&s, "lying", "bad signature");

	dialled_up(&s);		/* a preamble that contradicts itself */
	s.pre.stable_height = 94;
	tell(&s, &ping, 5);
	ends(&s, "lying", "stable height");

	dialled_up(&s);		/* ... or our chain */
	s.pre.stable_hash[0] = 1;
	tell(&s, &ping, 5);
	ends(&s, "lying", "stable hash");

	dialled_up(&s);		/* a re-key signed by the new key */
	m = handshake(&s, MSG_HANDSHAKE);
	s.secret[31] = 3;
	key_public(m.u.handshake.key, s.secret);
	tell(&s, &m, 5);
	ends(&s, "lying", "bad signature");
}

static void useless(void **state)
{
	struct message m, reject = { .id = MSG_HANDSHAKE_REJECT }, pong = { .id = MSG_PONG };
	struct play s;

	dialled(&s);
	tell(&s, &reject, s.got.pre.seq);
	ends(&s, "useless", "rejects");

	dialled(&s);
	tell(&s, &pong, s.got.pre.seq);
	ends(&s, "useless", "another message");

	dialled(&s);
	shutdown(s.fd, SHUT_RDWR);
	ends(&s, "useless", "hung up");

	dialled_up(&s);		/* nothing was asked: a hang-up is nobody's fault */
	shutdown(s.fd, SHUT_RDWR);
	ends(&s, "", "hung up");

	dialled_up(&s);
	m = (struct message){ .id = MSG_GET_NAKAMOTO_INV };
	assert_int_equal(conv_request(s.conv, &m, 5000, on_reply, &s), 0);
	turn(&s);
	shutdown(s.fd, SHUT_RDWR);
	ends(&s, "useless", "hung up");

	dialled_up(&s);		/* answers under another number */
	m = (struct message){ .id = MSG_GET_NAKAMOTO_INV };
	assert_int_equal(conv_request(s.conv, &m, 5000, on_reply, &s), 0);
	assert_true(hear(&s));
	m = (struct message){ .id = MSG_NAKAMOTO_INV, .u.inv = { .count = 1, .bytes = 1, .bits = (const uint8_t *)"" } };
	tell(&s, &m, s.got.pre.seq + 1);
	ends(&s, "useless", "wrong seq");

	dialled(&s);
	m = handshake(&s, MSG_HANDSHAKE_ACCEPT);
	s.pre.version = 0x18000010;
	tell(&s, &m, s.got.pre.seq);
	ends(&s, "useless", "another major version");

	dialled(&s);
	m = handshake(&s, MSG_HANDSHAKE_ACCEPT);
	s.pre.network_id = 1;
	tell(&s, &m, s.got.pre.seq);
	ends(&s, "useless", "another network");
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

static void announce(struct play *s, uint32_t payload, unsigned id)
{
	struct message m = { .id = id };
	uint8_t out[1024];
	size_t n = pack(s, &m, 5, out);

	put_be32(out + 161, payload);
	send_raw(s, out, n);
}

static void undecodable(void **state)
{
	uint8_t noise[400];
	struct play s;

	dialled_up(&s);
	memset(noise, 0xa5, sizeof noise);
	send_raw(&s, noise, sizeof noise);
	ends(&s, "invalid", "preamble");

	dialled_up(&s);
	tell_payload(&s, "000000001b0010ffffffffddee");
	ends(&s, "invalid", "byte count");
	dialled_up(&s);
	tell_payload(&s, "000000001b001000000002ddee00");
	ends(&s, "invalid", "trailing bytes");
	dialled_up(&s);
	tell_payload(&s, "0000000014");
	ends(&s, "invalid", "unknown message");
	dialled_up(&s);
	tell_payload(&s, "0000001100");
	ends(&s, "invalid", "relayers");

	dialled_up(&s);		/* refused before the bytes come */
	announce(&s, 16 << 20, MSG_NACK);
	ends(&s, "invalid", "Nack of 16777216 bytes");
	dialled_up(&s);
	announce(&s, MAX_PAYLOAD + 1, MSG_NAKAMOTO_BLOCKS);
	ends(&s, "invalid", "preamble");
	accepted(&s);		/* a stranger may not send much at all */
	announce(&s, 1 << 20, MSG_NAKAMOTO_BLOCKS);
	ends(&s, "invalid", "bytes");
}

/* Odd, but allowed: none of it ends the conversation. */
static void odd(void **state)
{
	struct message m, ping = { .id = MSG_PING, .u.nonce = 9 }, get = { .id = MSG_GET_NEIGHBORS }, nack = { .id = MSG_NACK };
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
	memset(chunk, 1, sizeof chunk);
	for (size_t left = (3u << 20) - 9; left > 0; ) {
		size_t n = left < sizeof chunk ? left : sizeof chunk;
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
	struct message m = { .id = MSG_NAT_PUNCH_REQUEST, .u.nonce = 3 }, get = { .id = MSG_GET_NAKAMOTO_INV };
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

/* 6,000 pings in one go: the first 2,000 are answered at once, the others wait in the socket. */
static void flood(void **state)
{
	struct message ping = { .id = MSG_PING };
	uint8_t one[512], *many;
	struct play s;
	unsigned pongs = 0;
	size_t n, sent = 0;
	uint64_t end;

	dialled_up(&s);
	n = pack(&s, &ping, 5, one);
	many = malloc(6000 * n);
	for (unsigned i = 0; i < 6000; i++)
		memcpy(many + i * n, one, n);
	end = now_ms() + 1000;
	while (now_ms() < end) {
		ssize_t k = sent < 6000 * n ? send(s.fd, many + sent, 6000 * n - sent, MSG_DONTWAIT) : 0;
		sent += k > 0 ? (size_t)k : 0;
		event_base_loop(s.base, EVLOOP_NONBLOCK);
		while ((k = recv(s.fd, s.in, sizeof s.in, MSG_DONTWAIT)) > 0)
			s.have += (size_t)k;
	}
	pongs = (unsigned)(s.have / n);
	assert_true(pongs >= 1500 && pongs <= 3200);
	assert_false(s.down);
	free(many);
	done(&s);
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
	ends(&s, "useless", "does not read");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lies), cmocka_unit_test(useless), cmocka_unit_test(undecodable), cmocka_unit_test(odd),
		cmocka_unit_test(strangers), cmocka_unit_test(flood), cmocka_unit_test(deaf)
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
