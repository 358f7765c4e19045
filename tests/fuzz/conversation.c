/* Any bytes on a conversation that somebody opened: as they come, or as payloads of messages that
 * are framed and signed as they should be.  It ends or goes on, its owner hears of the end once,
 * and no memory is held after it. */
#include <assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/chain/key.h"
#include "common/chain/work.h"
#include "common/net/conv.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct network net;
static struct event_base *base;
static struct conv_self self;
static struct budget held;
static uint8_t secret[32], key[KEY_LEN];
static struct conv *conv;
static unsigned downs, framed;

static void up(struct conv *c, void *arg)
{
	struct message m = { .id = MSG_GET_NEIGHBORS };

	assert(conv_key(c) && conv_handshake(c) && conv_preamble(c));
	conv_request(c, &m, 60000, arg, NULL);
}

static void reply(struct conv *c, void *arg, const struct message *m)
{
	assert(!m || m->n_relayers <= MAX_RELAYERS);
}

static void message(struct conv *c, void *arg, const struct message *m)
{
	if (m->id == MSG_NAKAMOTO_BLOCKS)
		assert(m->u.blocks.n <= MAX_WIRE_VECTOR && m->u.blocks.len <= MAX_PUSH);
	else if (m->u.get_inv.count == 7)
		conv_fail(c, CONV_END_WRONG_ANSWER, ": asks for seven");
}

static void down(struct conv *c, void *arg, enum conv_end end, const char *text)
{
	assert(conv && downs++ == 0 && *text);
	conv = NULL;
}

static int stable_known(void *arg, uint64_t height, const uint8_t *hash) { return -1; }

static void setup(void)
{
	static const char text[] =
	    "name fuzz\nchain_id 0x80000000\npeer_version 0x01020304\nfirst_burn_height 0\n"
	    "first_burn_hash "
	    "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206\ncycle_length 10\n"
	    "prepare_length 5\nstable_confirmations 7\nprivate_peers 1\nepoch 2.0 0\nepoch 3.0 "
	    "42\n";
	char err[200];

	assert(network_parse(&net, text, sizeof(text) - 1, err) == 0);
	assert((base = event_base_new()));
	self = (struct conv_self){ .net = &net, .port = 20444, .services = 3,
		.stable_known = stable_known, .held = &held };
	conv_budget(&held);
	self.view.burn_height = 100;
	self.view.stable_height = 93;
	memset(self.secret, 1, 32);
	key_public(self.key, self.secret);
	memset(secret, 2, 32);
	key_public(key, secret);
}

/* A message of the peer's, its payload as it is; or its handshake. */
static size_t frame(uint8_t *out, const uint8_t *payload, size_t n)
{
	struct message m = { .id = MSG_HANDSHAKE };
	struct preamble pre = { .network_id = 0x80000000, .seq = 5, .burn_height = 100,
		.stable_height = 93,
		.payload_len = (uint32_t)n };
	uint8_t digest[32];

	framed++;
	pre.version = net.peer_version;
	if (!payload) {
		m.pre = pre;
		m.u.handshake.port = 20444;
		m.u.handshake.expire = INT64_MAX;
		memcpy(m.u.handshake.key, key, KEY_LEN);
		return message_encode(&m, secret, out);
	}
	preamble_encode(out, &pre);
	memcpy(out + PREAMBLE_LEN, payload, n);
	message_digest(digest, out, out + PREAMBLE_LEN, n);
	key_sign(pre.signature, secret, digest);
	preamble_encode(out, &pre);
	return PREAMBLE_LEN + n;
}

static void say(int fd, const uint8_t *p, size_t n)
{
	while (n && conv) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (k > 0) {
			p += k;
			n -= (size_t)k;
		}
		event_base_loop(base, EVLOOP_NONBLOCK);
		if (k <= 0)
			break;	/* it does not read, which is its right */
	}
}

/* A length of two bytes before each payload. */
static void say_signed(int fd, const uint8_t *p, size_t n)
{
	static uint8_t out[PREAMBLE_LEN + 65536 + 1024];

	say(fd, out, frame(out, NULL, 0));
	while (n >= 2 && conv) {
		size_t len = get_be16(p);

		len = len < n - 2 ? len : n - 2;
		len = len < 1 ? 1 : len;
		if (n < 2 + len)
			break;
		say(fd, out, frame(out, p + 2, len));
		p += 2 + len;
		n -= 2 + len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct conv_ops ops = { up, message, NULL, down };
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_port = htons(20444),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct work before;
	int pair[2];

	if (!base)
		setup();
	if (n < 1 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0)
		return 0;
	downs = framed = 0;
	before = work_done;
	conv = conv_accept(base, &self, pair[0], (struct sockaddr *)&from, &ops, reply);
	assert(conv);
	if (p[0] & 1)
		say_signed(pair[1], p + 1, n - 1);
	else
		say(pair[1], p + 1, n - 1);
	close(pair[1]);
	for (int i = 0; i < 4 && conv; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	if (conv)
		conv_close(conv);
	conv = NULL;
	event_base_loop(base, EVLOOP_NONBLOCK);
	/* Two points a message, of which those that came as they are have at least a preamble. */
	assert(work_since(before).curve <= 2 * (framed + n / PREAMBLE_LEN));
	return 0;
}
