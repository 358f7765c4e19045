/* A conversation of ours and a scripted stranger on a raw socket, for the units that are hostile to it. */
#ifndef TESTS_UNIT_CONV_PLAY_H
#define TESTS_UNIT_CONV_PLAY_H
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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
	struct conv_self self; struct budget held; struct conv *conv;
	unsigned ups, messages, replies;
	bool down; char class[16], reason[160];
	int fd;				/* the stranger's end */
	uint8_t secret[32], key[KEY_LEN];
	struct preamble pre;		/* what the stranger says of itself */
	uint8_t in[1 << 16]; size_t have;
	struct message got;
};

static const char network_text[] =
    "name hostile\nchain_id 0x80000000\npeer_version 0x01020304\nfirst_burn_height 0\n"
    "first_burn_hash 0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206\ncycle_length 10\nprepare_length 5\n"
    "stable_confirmations 7\nprivate_peers 1\nepoch 2.0 0\nepoch 3.0 42\n";

static inline void on_up(struct conv *c, void *arg) { ((struct play *)arg)->ups++; }
static inline void on_message(struct conv *c, void *arg, const struct message *m) { ((struct play *)arg)->messages++; }

static inline void on_down(struct conv *c, void *arg, const char *class, const char *reason)
{
	struct play *s = arg;

	s->down = true;
	s->conv = NULL;
	strlcpy(s->class, class, sizeof s->class);
	strlcpy(s->reason, reason, sizeof s->reason);
}
static const struct conv_ops ops = { on_up, on_message, NULL, on_down };

static inline int stable_known(void *arg, uint64_t height, const uint8_t *hash) { return height == 93 ? hash[0] == 0 : -1; }

static inline void turn(struct play *s)
{
	for (int i = 0; i < 20; i++) {
		event_base_loop(s->base, EVLOOP_NONBLOCK);
		usleep(200);
	}
}

/* Read what came; true if a whole message is in s->got. */
static inline bool hear(struct play *s)
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

static inline void send_raw(struct play *s, const void *p, size_t n)
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

static inline size_t pack(struct play *s, struct message *m, uint32_t seq, uint8_t *out)
{
	m->pre = s->pre;
	m->pre.seq = seq;
	return message_encode(m, s->secret, out);
}

static inline void tell(struct play *s, struct message *m, uint32_t seq)
{
	uint8_t out[8192];

	assert_true(message_room(m) <= sizeof out);
	send_raw(s, out, pack(s, m, seq, out));
}

static inline struct message handshake(struct play *s, unsigned id)
{
	struct message m = { .id = id };

	m.u.handshake.port = 20444;
	m.u.handshake.expire = INT64_MAX;
	m.u.handshake.heartbeat = 3600;
	memcpy(m.u.handshake.key, s->key, KEY_LEN);
	return m;
}

static inline void play_init(struct play *s)
{
	char err[200];

	memset(s, 0, sizeof *s);
	assert_int_equal(network_parse(&s->net, network_text, strlen(network_text), err), 0);
	conv_budget(&s->held);
	s->self = (struct conv_self){ .net = &s->net, .held = &s->held, .port = 20444, .services = 3, .stable_known = stable_known, .arg = s };
	s->self.secret[31] = 1;
	s->secret[31] = 2;
	assert_int_equal(key_public(s->self.key, s->self.secret), 0);
	assert_int_equal(key_public(s->key, s->secret), 0);
	s->self.view = (struct conv_view){ .burn_height = 100, .stable_height = 93 };
	s->pre = (struct preamble){ .version = 0x01020304, .network_id = 0x80000000, .burn_height = 100, .stable_height = 93 };
	s->base = event_base_new();
}

/* The conversation dials, the stranger listens; the Handshake has come. */
static inline void dialled(struct play *s)
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

static inline void dialled_up(struct play *s)
{
	struct message m;

	dialled(s);
	m = handshake(s, MSG_HANDSHAKE_ACCEPT);
	tell(s, &m, s->got.pre.seq);
	turn(s);
	assert_int_equal(s->ups, 1);
}

static inline void done(struct play *s)
{
	if (s->conv)
		conv_close(s->conv);
	close(s->fd);
	event_base_loop(s->base, EVLOOP_NONBLOCK);
	event_base_free(s->base);
}

static inline void ends(struct play *s, const char *class, const char *reason)
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

static inline void announce(struct play *s, uint32_t payload, unsigned id)
{
	struct message m = { .id = id };
	uint8_t out[1024];
	size_t n = pack(s, &m, 5, out);

	put_be32(out + 161, payload);
	send_raw(s, out, n);
}
#endif
