/* crowd - many connections from few addresses of this machine, to one address of a server, for as
 * long as it runs.
 *
 *   crowd [-km] [-f FIRST] [-r MS] N ADDRESSES HOST:PORT http|{p2p|push DIR}
 *
 * They come from 127.FIRST.0.1 (default 10), the next one and so on, each a network of its own.
 * http: keep-alive connections that ask for /v3/health every two seconds; p2p: silent
 * conversations, each with a key of its own, or all with one (-k); push: in each a push of 2.5 MiB
 * of which the last byte is never sent.  The view is that of the store in DIR.  Who is cut is
 * dialled again after MS milliseconds (default 200), or not at all (0).  A line "held N" says how
 * many are open, when all were dialled once and then whenever that changes.  -m: they come one
 * after another, and each leaves when it was answered; "served N P50 P99" says how many were, and
 * percentiles of the microseconds from dialling to the answer. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/chain/key.h"
#include "common/sys/log.h"
#include "common/sys/options.h"
#include "common/sys/stage.h"
#include "common/sys/start.h"
#include "tests/helper/lib/self.h"

#define MAX 4096
#define PUSH (2560u << 10)

enum kind { HTTP, P2P, PUSHING };
struct member { int fd; uint64_t again, said; };

static struct {
	enum kind kind;
	unsigned n, first, addresses, again_ms;
	bool one_key, measure;
	struct sockaddr_in to;
	struct conv_self self;
	struct store store;
	struct member at[MAX];
	uint8_t push[PREAMBLE_LEN + PUSH];
} crowd;

static const char get[] = "GET /v3/health HTTP/1.1\r\nHost: x\r\n\r\n";

static int from(unsigned i)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct timeval two = { .tv_sec = 2 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sin.sin_addr.s_addr = htonl(127u << 24 | (crowd.first + i % crowd.addresses) << 16 | 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0)
		die_world("cannot bind to 127.%u.0.1: %s", crowd.first + i % crowd.addresses,
		    strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &two, sizeof(two));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &two, sizeof(two));
	return fd;
}

static void secret_of(unsigned i, uint8_t secret[32])
{
	memset(secret, 9, 32);
	put_be32(secret, crowd.one_key ? 1 : i + 2);
}

static size_t pack(struct message *m, const uint8_t secret[32], uint8_t *out)
{
	const struct conv_view *v = &crowd.self.view;

	m->pre = (struct preamble){ .version = crowd.self.net->peer_version,
		.network_id = crowd.self.net->chain_id,
	    .seq = arc4random(), .burn_height = v->burn_height, .stable_height = v->stable_height };
	memcpy(m->pre.burn_hash, v->burn_hash, 32);
	memcpy(m->pre.stable_hash, v->stable_hash, 32);
	return message_encode(m, secret, out);
}

static bool send_all(int fd, const void *p, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t k = send(fd, (const char *)p + done, n - done, MSG_NOSIGNAL);
		if (k <= 0)
			return false;
		done += (size_t)k;
	}
	return true;
}

/* Handshake and accept. */
static bool greet(int fd, unsigned i)
{
	struct message m = { .id = MSG_HANDSHAKE };
	struct preamble pre;
	uint8_t out[1024], secret[32];
	size_t n;

	secret_of(i, secret);
	key_public(m.u.handshake.key, secret);
	m.u.handshake.port = 20444;
	m.u.handshake.expire = INT64_MAX;
	m.u.handshake.heartbeat = 3600;
	n = pack(&m, secret, out);
	if (!send_all(fd, out, n) || recv(fd, out, PREAMBLE_LEN, MSG_WAITALL) != PREAMBLE_LEN ||
	    preamble_decode(&pre, out) != 0 || pre.payload_len > sizeof(out))
		return false;
	return recv(fd, out, pre.payload_len, MSG_WAITALL) == (ssize_t)pre.payload_len;
}

static bool begin(int fd, unsigned i)
{
	char answer[2048];

	switch (crowd.kind) {
	case HTTP:
		return send_all(fd, get, sizeof(get) - 1) &&
		    recv(fd, answer, sizeof(answer), 0) > 0;
	case PUSHING:
		return greet(fd, i) && send_all(fd, crowd.push, sizeof(crowd.push) - 1);
	case P2P:
		return greet(fd, i);
	}
	return false;
}

static void dial(unsigned i)
{
	struct member *m = &crowd.at[i];

	m->fd = from(i);
	m->said = now_ms();
	if (connect(m->fd, (struct sockaddr *)&crowd.to, sizeof(crowd.to)) == 0 &&
	    begin(m->fd, i)) {
		fcntl(m->fd, F_SETFL, O_NONBLOCK);
		return;
	}
	close(m->fd);
	m->fd = -1;
	m->again = now_ms() + crowd.again_ms;
}

/* What is still to be said, and whether anybody is there to hear it. */
static void turn(unsigned i, uint64_t now)
{
	struct member *m = &crowd.at[i];
	static uint8_t junk[65536];
	bool gone = false;

	if (crowd.kind == HTTP && now - m->said > 2000) {
		gone = send(m->fd, get, sizeof(get) - 1, MSG_NOSIGNAL) < 0;
		m->said = now;
	}
	ssize_t k = recv(m->fd, junk, sizeof(junk), MSG_DONTWAIT);
	if (gone || k == 0 || (k < 0 && errno != EAGAIN)) {
		close(m->fd);
		m->fd = -1;
		m->again = now + crowd.again_ms;
	}
}

static unsigned held(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < crowd.n; i++)
		n += crowd.at[i].fd >= 0;
	return n;
}

static _Noreturn void run(void)
{
	unsigned said = UINT32_MAX;

	for (unsigned i = 0; i < crowd.n; i++)
		dial(i);
	for (;;) {
		uint64_t now = now_ms();
		for (unsigned i = 0; i < crowd.n; i++) {
			if (crowd.at[i].fd >= 0)
				turn(i, now);
			else if (crowd.again_ms > 0 && now >= crowd.at[i].again)
				dial(i);
		}
		if (held() != said) {
			printf("held %u\n", said = held());
			fflush(stdout);
		}
		usleep(50000);
	}
}

static int ascending(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void measure(void)
{
	static uint64_t took[MAX];
	struct timespec a, b;
	unsigned served = 0;

	for (unsigned i = 0; i < crowd.n; i++) {
		clock_gettime(CLOCK_MONOTONIC, &a);
		dial(i);
		clock_gettime(CLOCK_MONOTONIC, &b);
		if (crowd.at[i].fd < 0)
			continue;
		close(crowd.at[i].fd);
		usleep(2000);		/* so that a thousand see two seconds of whatever else goes
					 * on */
		took[served++] = (uint64_t)(b.tv_sec - a.tv_sec) * 1000000 +
		    (uint64_t)(b.tv_nsec - a.tv_nsec) / 1000;
	}
	qsort(took, served, sizeof(took[0]), ascending);
	printf("served %u %llu %llu\n", served, (unsigned long long)took[served / 2],
	    (unsigned long long)took[served * 99 / 100]);
}

static void make_push(void)
{
	struct message m = { .id = MSG_PING };

	pack(&m, crowd.self.secret, crowd.push);	/* its signature is never looked at: the
							 * push is never whole */
	put_be32(crowd.push + 161, PUSH);
	crowd.push[PREAMBLE_LEN + 4] = MSG_NAKAMOTO_BLOCKS;
	put_be32(crowd.push + PREAMBLE_LEN + 5, 1);
}

static void take_arguments(int argc, char **argv)
{
	static const char *const names[] = { "http", "p2p", "push" };
	char err[120];
	struct peer_addr at;
	int c;

	crowd.again_ms = 200;
	crowd.first = 10;
	while ((c = getopt(argc, argv, "f:kmr:")) != -1)
		switch (c) {
		case 'f': crowd.first = (unsigned)options_number("-f", optarg, 1, 250); break;
		case 'k': crowd.one_key = true; break;
		case 'm': crowd.measure = true; break;
		default: crowd.again_ms = (unsigned)options_number("-r", optarg, 0, 60000);
		}
	argv += optind;
	if (argc - optind < 4 || peer_addr_parse(&at, argv[2], err) != 0 ||
	    inet_pton(AF_INET, at.host, &crowd.to.sin_addr) != 1)
		die_usage("usage: crowd [-km] [-f FIRST] [-r MS] N ADDRESSES HOST:PORT "
			  "http|{p2p|push DIR}");
	crowd.n = (unsigned)options_number("N", argv[0], 1, MAX);
	crowd.addresses = (unsigned)options_number("ADDRESSES", argv[1], 1, 200);
	crowd.to.sin_family = AF_INET;
	crowd.to.sin_port = htons(at.port);
	while (crowd.kind < PUSHING && strcmp(argv[3], names[crowd.kind]) != 0)
		crowd.kind++;
	if (crowd.kind < P2P)
		return;
	if (!argv[4])
		die_usage("'%s' needs a store", argv[3]);
	self_load(&crowd.self, &crowd.store, argv[4]);
	make_push();
}

int main(int argc, char **argv)
{
	program_start("crowd");
	take_arguments(argc, argv);
	if (!crowd.measure)
		run();
	measure();
	return 0;
}
