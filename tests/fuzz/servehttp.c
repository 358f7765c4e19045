/* Any bytes on an HTTP connection of block-serve, over a store with a few tenures: each is
 * answered or closed, and nothing is held once the client is gone. */
#include <arpa/inet.h>
#include <sys/socket.h>
// link: cmd/block-serve/*.c
#include "cmd/block-serve/http.h"
#include "cmd/block-serve/seats.h"
#include "common/chain/work.h"
#include "common/sys/loop.h"
#include "tests/unit/store_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct serve s;
static struct line l;
static struct sockaddr_in at = { .sin_family = AF_INET };

static void remove_store(void) { world_close(&l.w); }

static void setup(void)
{
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	setenv("BLOCKSYNC_MAP", "67108864", 1);
	line_make(&l);
	keeper_begin(l.w.k);
	for (size_t i = 0; i < l.w.n; i++)
		world_give(&l.w, &l.w.blocks[i]);
	world_commit(&l.w);
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
