/* Any bytes on an HTTP connection of block-serve, over a store with tenures of both models and a
 * stream of microblocks: each is answered or closed, and nothing is held once the client is
 * gone. */
#include <arpa/inet.h>
#include <sys/socket.h>
// link: cmd/block-serve/*.c
#include "cmd/block-serve/http.h"
#include "cmd/block-serve/seats.h"
#include "common/chain/work.h"
#include "common/sys/loop.h"
#include "common/store/streams.h"
#include "tests/unit/chain_make_microblock.h"
#include "tests/unit/store_crossing.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct serve s;
static struct crossing l;
static struct sockaddr_in at = { .sin_family = AF_INET };

static void remove_store(void) { world_close(&l.w); }

/* Two microblocks that q confirms, of which the second is longer than a piece of an answer. */
static void put_stream(void)
{
	static uint8_t body[65536], ends[8];
	struct rec_stream r = { .ends = { ends, 2 } };
	struct bytes tx = { .n = 0 }, b;
	uint8_t prev[32] = { 0 };
	size_t len = 0;
	MDB_txn *txn;

	tx_transfer(&tx, 1);
	for (uint16_t i = 0; i < 2; i++) {
		made_microblock(&b, i, prev, &tx, 1, 1);
		made_microblock_hash(prev, &b);
		memcpy(body + len, b.p, b.n);
		len = i == 0 ? b.n : sizeof(body);
		put_be32(ends + (size_t)4 * i, (uint32_t)len);
	}
	memcpy(r.child_id, l.q->id, ID_LEN);
	memcpy(r.parent_id, l.p->id, ID_LEN);
	world_ch(r.consensus_hash, 'q');
	world_ch(r.parent_ch, 'p');
	memcpy(r.tail, prev, 32);
	r.body = rec_bytes(body, len);
	txn = store_write(&l.w.s);
	stream_put(&l.w.s, txn, &r);
	store_commit_or_die(&l.w.s, txn);
}

static void setup(void)
{
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	setenv("BLOCKSYNC_MAP", "67108864", 1);
	cross_make(&l);
	give_range(&l.w, 0, l.w.n);
	put_stream();
	atexit(remove_store);
	s.store = l.w.s;
	s.base = loop_new(0, 0);
	s.http_seats = seats_new(HTTP_MAX, 0, true);
	s.self.net = &s.store.net;
	uploads_new(&s);
	view_refresh(&s);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 16) == 0);
	assert(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
	http_server_start(&s, fd);
}

static void turns(int n)
{
	while (n--)
		event_base_loop(s.base, EVLOOP_NONBLOCK);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static uint8_t got[65536];
	size_t all = n;
	struct work before;
	ssize_t k;
	int fd;

	if (!s.base)
		setup();
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	before = work_done;
	turns(2);
	while (n > 0 && (k = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT)) > 0) {
		p += k;
		n -= (size_t)k;
		turns(2);
		while (recv(fd, got, sizeof(got), MSG_DONTWAIT) > 0)
			turns(1);
	}
	shutdown(fd, SHUT_WR);
	turns(4);
	while (recv(fd, got, sizeof(got), MSG_DONTWAIT) > 0)
		turns(1);
	close(fd);
	turns(4);
	/* A point an upload, which has a header behind its head. */
	assert(work_since(before).curve <= all / 220 &&
	    work_since(before).parsed <= 16 * all + 65536);
	return 0;
}
