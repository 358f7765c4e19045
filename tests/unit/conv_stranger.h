/* A conversation of ours and the raw socket of a scripted stranger: what it hears and sends. */
#ifndef TESTS_UNIT_CONV_STRANGER_H
#define TESTS_UNIT_CONV_STRANGER_H

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/chain/key.h"
#include "common/net/conv.h"
#include "common/sys/stage.h"

struct play {
	struct event_base *base;
	struct network net;
	struct conv_self self; struct budget held; struct conv *conv;
	unsigned ups, messages, replies;
	bool down;
	enum conv_end end;
	char reason[160];
	int fd;				/* the stranger's end */
	uint8_t secret[32], key[KEY_LEN];
	struct preamble pre;		/* what the stranger says of itself */
	uint8_t in[1 << 16]; size_t have;
	struct message got;
};

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
		ssize_t n = recv(s->fd, s->in + s->have, sizeof(s->in) - s->have, MSG_DONTWAIT);
		if (n > 0)
			s->have += (size_t)n;
		if (s->have >= PREAMBLE_LEN && preamble_decode(&s->got.pre, s->in) == 0 &&
		    s->have >= PREAMBLE_LEN + s->got.pre.payload_len) {
			size_t len = PREAMBLE_LEN + s->got.pre.payload_len;
			assert_int_equal(message_decode(&s->got, s->in + PREAMBLE_LEN,
					     s->got.pre.payload_len, err),
			    0);
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
		ssize_t k =
		    send(s->fd, (const char *)p + done, n - done, MSG_DONTWAIT | MSG_NOSIGNAL);
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

	assert_true(message_room(m) <= sizeof(out));
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

#endif
