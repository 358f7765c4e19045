/* Two conversations with each other over a real socket: greeting, requests both ways, what each
 * answers by itself, changed keys. */
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/chain/key.h"
#include "common/net/conv.h"
#include "common/sys/stage.h"

struct side {
	struct conv_self self;
	struct budget held;
	struct conv *conv;
	unsigned ups, messages, replies, nulls;
	unsigned heard;
	enum conv_end end;
	char reason[160];
	struct message last;
	bool down;
};

struct room {
	struct event_base *base;
	struct evconnlistener *listener;
	struct network net;
	struct side dialler, acceptor;
	struct sockaddr_in at;
};

static const char network_text[] =
    "name pair\nchain_id 0x80000000\npeer_version 0x01020304\nfirst_burn_height 0\n"
    "first_burn_hash "
    "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206\ncycle_length "
    "10\nprepare_length 5\n"
    "stable_confirmations 7\nprivate_peers 1\nepoch 2.0 0\nepoch 3.0 42\n";

static void on_up(struct conv *c, void *arg) { ((struct side *)arg)->ups++; }
static void on_heard(struct conv *c, void *arg, const struct preamble *p)
{
	((struct side *)arg)->heard++;
}

static void on_message(struct conv *c, void *arg, const struct message *m)
{
	struct side *s = arg;
	struct message reply = { .id = MSG_NAKAMOTO_INV };

	s->messages++;
	if (m->id != MSG_GET_NAKAMOTO_INV)
		return;
	reply.u.inv.count = 10;
	reply.u.inv.bytes = 2;
	reply.u.inv.bits = m->u.get_inv.ch;
	conv_reply(c, m, &reply);
}

static void on_down(struct conv *c, void *arg, enum conv_end end, const char *text)
{
	struct side *s = arg;

	s->down = true;
	s->conv = NULL;
	s->end = end;
	strlcpy(s->reason, text, sizeof(s->reason));
}

static const struct conv_ops ops = { on_up, on_message, on_heard, on_down };

static void on_reply(struct conv *c, void *arg, const struct message *m)
{
	struct side *s = arg;

	if (!m) {
		s->nulls++;
		return;
	}
	s->replies++;
	s->last = *m;
}

static void accepted(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int len,
    void *arg)
{
	struct room *r = arg;

	r->acceptor.conv = conv_accept(r->base, &r->acceptor.self, fd, sa, &ops, &r->acceptor);
}

static void side_init(struct side *s, const struct network *net, uint8_t secret)
{
	s->self.net = net;
	s->self.held = &s->held;
	conv_budget(&s->held);
	s->self.secret[31] = secret;
	assert_int_equal(key_public(s->self.key, s->self.secret), 0);
	s->self.port = 20444;
	s->self.services = 3;
	s->self.view.burn_height = 100;
	s->self.view.stable_height = 93;
}

static void room_init(struct room *r)
{
	socklen_t len = sizeof(r->at);
	char err[200];

	memset(r, 0, sizeof(*r));
	assert_int_equal(network_parse(&r->net, network_text, strlen(network_text), err), 0);
	side_init(&r->dialler, &r->net, 1);
	side_init(&r->acceptor, &r->net, 2);
	r->base = event_base_new();
	r->at = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	r->listener = evconnlistener_new_bind(r->base, accepted, r, LEV_OPT_CLOSE_ON_FREE, 8,
	    (struct sockaddr *)&r->at, sizeof(r->at));
	assert_non_null(r->listener);
	getsockname(evconnlistener_get_fd(r->listener), (struct sockaddr *)&r->at, &len);
}

static void room_release(struct room *r)
{
	if (r->dialler.conv)
		conv_close(r->dialler.conv);
	if (r->acceptor.conv)
		conv_close(r->acceptor.conv);
	evconnlistener_free(r->listener);
	event_base_free(r->base);
}

/* Turn the loop until *what, at most two seconds. */
static void turn(struct room *r, const bool *what, const unsigned *count, unsigned n)
{
	uint64_t end = now_ms() + 2000;

	while (now_ms() < end && !(what && *what) && !(count && *count >= n)) {
		event_base_loop(r->base, EVLOOP_NONBLOCK);
		usleep(500);
	}
}

static void dial(struct room *r, const uint8_t *expect)
{
	r->dialler.conv = conv_dial(r->base, &r->dialler.self, (struct sockaddr *)&r->at,
	    sizeof(r->at), expect, &ops, &r->dialler);
	turn(r, &r->dialler.down, &r->dialler.ups, 1);
}

static void ask(struct room *r, struct side *s, struct message *m)
{
	unsigned before = s->replies;

	assert_int_equal(conv_request(s->conv, m, 1000, on_reply, s), 0);
	turn(r, NULL, &s->replies, before + 1);
	assert_int_equal(s->replies, before + 1);
}

static void greeting(void **state)
{
	struct room r;

	room_init(&r);
	dial(&r, r.acceptor.self.key);
	assert_int_equal(r.dialler.ups, 1);
	assert_true(conv_is_up(r.dialler.conv));
	turn(&r, NULL, &r.acceptor.ups, 1);
	assert_memory_equal(conv_key(r.dialler.conv), r.acceptor.self.key, KEY_LEN);
	assert_memory_equal(conv_key(r.acceptor.conv), r.dialler.self.key, KEY_LEN);
	assert_int_equal(conv_handshake(r.dialler.conv)->heartbeat, 3600);
	assert_int_equal(conv_preamble(r.dialler.conv)->burn_height, 100);
	room_release(&r);
}

static void questions(void **state)
{
	struct room r;
	struct message m = { .id = MSG_PING, .u.nonce = 77 };

	room_init(&r);
	dial(&r, NULL);
	ask(&r, &r.dialler, &m);
	assert_int_equal(r.dialler.last.id, MSG_PONG);
	assert_int_equal(r.dialler.last.u.nonce, 77);
	m.id = MSG_NAT_PUNCH_REQUEST;
	ask(&r, &r.acceptor, &m);	/* the acceptor asks on the dialler's connection too */
	assert_int_equal(r.acceptor.last.id, MSG_NAT_PUNCH_REPLY);
	assert_int_equal(r.acceptor.last.u.nat.nonce, 77);
	assert_int_equal(r.acceptor.last.u.nat.port, ntohs(r.at.sin_port));
	m = (struct message){ .id = MSG_GET_NEIGHBORS };
	ask(&r, &r.acceptor, &m);
	assert_int_equal(r.acceptor.last.id, MSG_NEIGHBORS);
	assert_int_equal(r.acceptor.last.u.neighbors.n, 0);
	m = (struct message){ .id = MSG_GET_NAKAMOTO_INV };
	m.u.get_inv.ch[0] = 0x5a;
	ask(&r, &r.dialler, &m);
	assert_int_equal(r.dialler.last.id, MSG_NAKAMOTO_INV);
	assert_int_equal(r.acceptor.messages, 1);
	assert_true(r.dialler.heard > 0);
	m = (struct message){ .id = MSG_STACKERDB_GET_CHUNK_INV };
	uint8_t body[22 + 3 + 20] = { 1, [21] = 3, [22] = 'a', 'b', 'c' };
	m.u.blocks.p = body;
	m.u.blocks.len = sizeof(body);
	ask(&r, &r.dialler, &m);
	assert_int_equal(r.dialler.last.u.nack, NACK_NO_SUCH_DB);
	room_release(&r);
}

static void other_key(void **state)
{
	struct room r;

	room_init(&r);
	dial(&r, r.dialler.self.key);
	assert_true(r.dialler.down);
	assert_int_equal(r.dialler.end, CONV_END_OTHER_KEY);
	assert_string_equal(r.dialler.reason, "another key");
	room_release(&r);
}

static void ourselves(void **state)
{
	struct room r;

	room_init(&r);
	side_init(&r.acceptor, &r.net, 1);
	dial(&r, NULL);
	assert_true(r.dialler.down);
	assert_int_equal(r.dialler.end, CONV_END_OWN_KEY);
	room_release(&r);
}

static void other_networks(void **state)
{
	struct network other;
	struct room r;

	room_init(&r);
	other = r.net;
	other.chain_id = 1;
	r.acceptor.self.net = &other;
	dial(&r, NULL);
	assert_true(r.dialler.down);
	assert_int_equal(conv_end_class(r.dialler.end), FAULT_USELESS);
	room_release(&r);
}

/* The acceptor changes its key: a handshake signed by the old one carries the new one; later
 * messages bear the new. */
static void new_key(void **state)
{
	struct message m = { .id = MSG_HANDSHAKE };
	struct side later = { 0 };
	struct room r;

	room_init(&r);
	dial(&r, NULL);
	side_init(&later, &r.net, 3);
	m.u.handshake.port = 1;
	m.u.handshake.expire = INT64_MAX;
	memcpy(m.u.handshake.key, later.self.key, KEY_LEN);
	assert_int_equal(conv_request(r.acceptor.conv, &m, 1000, on_reply, &r.acceptor), 0);
	memcpy(r.acceptor.self.secret, later.self.secret, 32);
	memcpy(r.acceptor.self.key, later.self.key, KEY_LEN);
	turn(&r, NULL, &r.dialler.ups, 2);
	assert_memory_equal(conv_key(r.dialler.conv), later.self.key, KEY_LEN);
	m = (struct message){ .id = MSG_PING };
	ask(&r, &r.dialler, &m);
	assert_false(r.dialler.down);
	room_release(&r);
}

/* The acceptor greets again, now with a data_url: the dialler is told, and pings no oftener than
 * the accept has said. */
static void new_url(void **state)
{
	struct message m = { .id = MSG_HANDSHAKE };
	struct room r;

	room_init(&r);
	dial(&r, NULL);
	assert_int_equal(conv_handshake(r.dialler.conv)->heartbeat, 3600);
	m.u.handshake.port = 1;
	m.u.handshake.expire = INT64_MAX;
	memcpy(m.u.handshake.key, r.acceptor.self.key, KEY_LEN);
	ask(&r, &r.acceptor, &m);
	assert_int_equal(r.dialler.ups, 1);
	strcpy(m.u.handshake.data_url, "http://192.0.2.1:20443");
	ask(&r, &r.acceptor, &m);
	assert_int_equal(r.dialler.ups, 2);
	assert_string_equal(conv_handshake(r.dialler.conv)->data_url, "http://192.0.2.1:20443");
	assert_int_equal(conv_handshake(r.dialler.conv)->heartbeat, 3600);
	room_release(&r);
}

static void unanswered(void **state)
{
	struct message m = { .id = MSG_GET_BLOCKS_INV, .u.get_inv.count = 1 };
	struct room r;

	room_init(&r);
	dial(&r, NULL);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(
		    conv_request(r.dialler.conv, &m, i < 32 ? 20 : 60000, on_reply, &r.dialler), 0);
	assert_int_equal(conv_request(r.dialler.conv, &m, 20, on_reply, &r.dialler), -1);
	turn(&r, NULL, &r.dialler.nulls, 32);
	assert_int_equal(r.dialler.nulls, 32);
	conv_close(r.acceptor.conv);
	r.acceptor.conv = NULL;
	turn(&r, &r.dialler.down, NULL, 0);
	assert_int_equal(r.dialler.nulls, 64);
	assert_int_equal(r.dialler.end, CONV_END_LEFT);
	room_release(&r);
}

static void nobody(void **state)
{
	struct room r;

	room_init(&r);
	evconnlistener_disable(r.listener);
	r.at.sin_port = htons(1);
	dial(&r, NULL);
	assert_true(r.dialler.down);
	assert_int_equal(r.dialler.end, CONV_END_UNREACHABLE);
	room_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(greeting), cmocka_unit_test(questions),
		cmocka_unit_test(other_key), cmocka_unit_test(ourselves),
		cmocka_unit_test(other_networks), cmocka_unit_test(new_key),
		cmocka_unit_test(new_url), cmocka_unit_test(unanswered), cmocka_unit_test(nobody) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
