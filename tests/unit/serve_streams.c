/* A stream of microblocks in pieces: many small ones, and one that is longer than a piece, come
 * whole and in order, also when the client reads late; one that is replaced meanwhile is cut. */
#include <arpa/inet.h>
#include <sys/socket.h>
// link: cmd/block-serve/*.c
#include "cmd/block-serve/http.h"
#include "common/store/streams.h"
#include "common/sys/loop.h"
#include "tests/unit/chain_make_microblock.h"
#include "tests/unit/store_crossing.h"

#define N 1500
#define LONG (3 * CHUNK + 17) /* bytes of the last one */

static struct serve s;
static struct crossing l;
static struct sockaddr_in at = { .sin_family = AF_INET };
static uint8_t *body, ends[4 * N], got[2 << 20];
static size_t len;

/* q confirms them; the bytes behind the last header are no transactions: nobody looks at them. */
static void put_stream(uint32_t n)
{
	struct rec_stream r = { .ends = { ends, n } };
	struct bytes tx = { .n = 0 }, b;
	uint8_t prev[32] = { 0 };
	MDB_txn *txn;

	tx_transfer(&tx, 1);
	len = 0;
	for (uint32_t i = 0; i < n; i++) {
		made_microblock(&b, (uint16_t)i, prev, &tx, 1, 1);
		made_microblock_hash(prev, &b);
		memcpy(body + len, b.p, b.n);
		if (i + 1 == n)
			memset(body + len + b.n, 'x', LONG - b.n);
		len += i + 1 == n ? LONG : b.n;
		put_be32(ends + (size_t)4 * i, (uint32_t)len);
	}
	memcpy(r.child_id, l.q->id, ID_LEN);
	memcpy(r.parent_id, l.p->id, ID_LEN);
	memcpy(r.tail, prev, 32);
	world_ch(r.parent_ch, 'p');
	r.body = rec_bytes(body, len);
	txn = store_write(&s.store);
	stream_put(&s.store, txn, &r);
	store_commit_or_die(&s.store, txn);
}

static int setup(void **state)
{
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	body = malloc(2 << 20);
	cross_make(&l);
	give_range(&l.w, 0, l.w.n);
	s.store = l.w.s;
	put_stream(N);
	s.base = loop_new(0, 0);
	s.http_seats = seats_new(HTTP_MAX, 0, true);
	s.self.net = &s.store.net;
	uploads_new(&s);
	view_refresh(&s);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)) | listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	http_server_start(&s, fd);
	return 0;
}

static int teardown(void **state)
{
	free(body);
	world_close(&l.w);
	return 0;
}

static void turns(int n)
{
	while (n--)
		event_base_loop(s.base, EVLOOP_NONBLOCK);
}

/* The answer's body, out of its chunks, into got; how many bytes.  false: it is cut. */
static bool get(const char *path, const uint8_t id[ID_LEN], const char *tail,
    void (*meanwhile)(void), size_t *n)
{
	char hex[2 * ID_LEN + 1], request[300];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), little = 8192;
	uint8_t *p, *end = got;
	ssize_t k;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	snprintf(request, sizeof(request),
	    "GET %s%s%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path,
	    hex_of(hex, id, ID_LEN), tail);
	assert_true(send(fd, request, strlen(request), 0) > 0);
	turns(20);
	if (meanwhile)
		meanwhile();
	while ((k = recv(fd, end, sizeof(got) - (size_t)(end - got), MSG_DONTWAIT)) != 0) {
		end += k > 0 ? k : 0;
		turns(2);
	}
	close(fd);
	turns(4);
	*n = 0;
	assert_memory_equal(got, "HTTP/1.1 200", 12);
	for (p = (uint8_t *)memmem(got, (size_t)(end - got), "\r\n\r\n", 4) + 4; p < end;) {
		char *data;
		size_t part = strtoul((char *)p, &data, 16);

		if (part == 0)
			return true;
		memmove(got + *n, data + 2, part);
		*n += part;
		p = (uint8_t *)data + 2 + part + 2;
	}
	return false;
}

static void whole(void **state)
{
	size_t n, from = 4, i;

	assert_true(get("/v2/microblocks/confirmed/", l.q->id, "", NULL, &n));
	assert_int_equal(n, len + 4);
	assert_int_equal(get_be32(got), N);
	for (i = N; i-- > 0;) {
		size_t begin = i ? get_be32(ends + 4 * (i - 1)) : 0,
		       part = get_be32(ends + 4 * i) - begin;

		assert_memory_equal(got + from, body + begin, part);
		from += part;
	}
	assert_true(get("/v2/microblocks/unconfirmed/", l.p->id, "/7", NULL, &n));
	assert_int_equal(n, len - get_be32(ends + 4 * 6));
	assert_memory_equal(got, body + get_be32(ends + 4 * 6), n);
}

static void another(void) { put_stream(N / 2); }

static void replaced(void **state)
{
	size_t n;

	assert_false(get("/v2/microblocks/confirmed/", l.q->id, "", another, &n));
	assert_true(get("/v2/microblocks/confirmed/", l.q->id, "", NULL, &n));
	assert_int_equal(get_be32(got), N / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(whole), cmocka_unit_test(replaced) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
