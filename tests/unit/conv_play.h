/* A conversation of ours and a scripted stranger on a raw socket, for the units that are hostile to
 * it. */
#ifndef TESTS_UNIT_CONV_PLAY_H
#define TESTS_UNIT_CONV_PLAY_H

#include "tests/unit/conv_stranger.h"

static const char network_text[] =
    "name hostile\nchain_id 0x80000000\npeer_version 0x01020304\nfirst_burn_height 0\n"
    "first_burn_hash "
    "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206\ncycle_length "
    "10\nprepare_length 5\n"
    "stable_confirmations 7\nprivate_peers 1\nepoch 2.0 0\nepoch 3.0 42\n";

static inline void on_up(struct conv *c, void *arg) { ((struct play *)arg)->ups++; }
static inline void on_message(struct conv *c, void *arg, const struct message *m)
{
	((struct play *)arg)->messages++;
}

static inline void on_down(struct conv *c, void *arg, enum conv_end end, const char *text)
{
	struct play *s = arg;

	s->down = true;
	s->conv = NULL;
	s->end = end;
	strlcpy(s->reason, text, sizeof(s->reason));
}
static const struct conv_ops ops = { on_up, on_message, NULL, on_down };

static inline int stable_known(void *arg, uint64_t height, const uint8_t *hash)
{
	return height == 93 ? hash[0] == 0 : -1;
}

static inline void play_init(struct play *s)
{
	char err[200];

	memset(s, 0, sizeof(*s));
	assert_int_equal(network_parse(&s->net, network_text, strlen(network_text), err), 0);
	conv_budget(&s->held);
	s->self = (struct conv_self){ .net = &s->net,
		.held = &s->held,
		.port = 20444,
		.services = 3,
		.stable_known = stable_known,
		.arg = s };
	s->self.secret[31] = 1;
	s->secret[31] = 2;
	assert_int_equal(key_public(s->self.key, s->self.secret), 0);
	assert_int_equal(key_public(s->key, s->secret), 0);
	s->self.view = (struct conv_view){ .burn_height = 100, .stable_height = 93 };
	s->pre = (struct preamble){ .version = 0x01020304,
		.network_id = 0x80000000,
		.burn_height = 100,
		.stable_height = 93 };
	s->base = event_base_new();
}

/* The conversation dials, the stranger listens; the Handshake has come. */
static inline void dialled(struct play *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	play_init(s);
	assert_int_equal(bind(l, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(l, 1), 0);
	getsockname(l, (struct sockaddr *)&at, &len);
	s->conv = conv_dial(s->base, &s->self, (struct sockaddr *)&at, sizeof(at), NULL, &ops, s);
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

static inline void ends(struct play *s, enum fault_class class, const char *reason)
{
	uint64_t end = now_ms() + 1000;

	while (!s->down && now_ms() < end)
		turn(s);
	assert_true(s->down);
	assert_int_equal(conv_end_class(s->end), class);
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
