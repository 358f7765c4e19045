/* What block-serve takes of blocks that come unasked, by upload and by push: each sender's share,
 * and all of them together.  The clock stands, so that nothing is committed and no share grows but
 * where the test says so. */
#include <arpa/inet.h>
#include <sys/socket.h>
// link: cmd/block-serve/*.c
#include "cmd/block-serve/http.h"
#include "cmd/block-serve/seats.h"
#include "common/store/pushed.h"
#include "common/sys/loop.h"
#include "tests/unit/conv_play.h"
#include "tests/unit/skew.h"
#include "tests/unit/store_line.h"

static struct serve s;
static struct line l;
static struct sockaddr_in at = { .sin_family = AF_INET };

/* A tenure's sortition, won by the miner of made blocks. */
static void won(char tenure, uint64_t height)
{
	struct rec_sortition r = { .burn_height = height, .won = true, .canonical = true };
	MDB_txn *txn = store_write(&s.store);

	world_ch(r.consensus_hash, tenure);
	made_hash160(r.miner, 1);
	sortition_put(&s.store, txn, &r);
	store_commit_or_die(&s.store, txn);
}

static int setup(void **state)
{
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	line_make_blocks(&l);
	s.store = l.w.s;
	won('a', 140);
	won('b', 141);
	s.base = loop_new(0, 0);
	s.http_seats = seats_new(HTTP_MAX, 0, true);
	s.self.net = &s.store.net;
	uploads_new(&s);
	view_refresh(&s);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)) | listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	http_server_start(&s, fd);
	skew_stop();
	return 0;
}

static int teardown(void **state)
{
	world_close(&l.w);
	return 0;
}

/* Upload this from an address of this machine: the status, or 0 where the answer waits for a
 * verdict. */
static int upload(uint8_t host, const uint8_t *p, size_t n)
{
	struct sockaddr_in from = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + host) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned long long taken = s.n_uploads;
	char text[200];
	ssize_t k;

	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)) | connect(fd,
	    (struct sockaddr *)&at, sizeof(at)), 0);
	k = snprintf(text, sizeof(text),
	    "POST /v3/blocks/upload HTTP/1.1\r\nContent-Type: "
	    "application/octet-stream\r\nContent-Length: %zu\r\n\r\n",
	    n);
	assert_true(send(fd, text, (size_t)k, 0) == k);
	for (unsigned idle = 0; idle < 1000 && s.n_uploads == taken; idle++) {
		k = n > 0 ? send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
		if (k > 0) {
			p += k;
			n -= (size_t)k;
			idle = 0;
		}
		event_base_loop(s.base, EVLOOP_NONBLOCK);
		if ((k = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT)) > 12)
			break;
		if (idle > 10)
			usleep(200);
	}
	close(fd);
	for (int i = 0; i < 6; i++)
		event_base_loop(s.base, EVLOOP_NONBLOCK);
	if (s.n_uploads > taken)
		return 0;
	assert_true(k > 12);
	text[k] = '\0';
	return atoi(text + 9);
}

/* An address has its share, rubbish counts, and it comes back with time. */
static void shares(void **state)
{
	static const uint8_t zeros[MAX_BLOCK];

	assert_int_equal(upload(1, zeros, MAX_BLOCK), 400);
	assert_int_equal(upload(1, zeros, PUSH_BURST - MAX_BLOCK), 400);
	assert_int_equal(upload(1, zeros, 1), 503);
	assert_int_equal(upload(2, zeros, MAX_BLOCK), 400);
	skew_ms += 1000;
	assert_int_equal(upload(1, zeros, PUSH_RATE + 1), 503);
	assert_int_equal(upload(1, zeros, PUSH_RATE), 400);
}

/* A body in chunks is refused where the next chunk would make it longer than any block. */
static void chunks(void **state)
{
	static const char *const says[] = { "3ff000\r\nx", "3ff001\r\nx", "1\r\nx\r\n3ff000\r\nx",
		"ffffffff\r\nx" };
	char text[200] = "";

	for (unsigned i = 0; i < 4; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
		snprintf(text, sizeof(text),
		    "POST /v3/blocks/upload HTTP/1.1\r\nContent-Type: "
		    "application/octet-stream\r\nTransfer-Encoding: chunked"
		    "\r\n\r\n%s",
		    says[i]);
		assert_true(send(fd, text, strlen(text), 0) > 0);
		for (int k = 0; k < 8; k++)
			event_base_loop(s.base, EVLOOP_NONBLOCK);
		memset(text, 0, sizeof(text));
		assert_true((recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 12) == (i > 0));
		assert_true(i == 0 || atoi(text + 9) == 413);
		close(fd);
		for (int k = 0; k < 8; k++)
			event_base_loop(s.base, EVLOOP_NONBLOCK);
	}
}

/* A block whose one transaction calls with a buffer of so many bytes. */
static size_t large_block(uint8_t *out, size_t bytes)
{
	struct made m;
	struct bytes head = { .n = 0 }, tail = { .n = 0 }, *b;
	uint8_t txid[32], digest[32], *tx, *p = out;
	size_t n;

	tx_head(&head, 0x80, MADE_CHAIN, 3, 1);
	add(&head, "\2\x16", 2);
	add_fill(&head, 0x22, 20);
	add(&head, "\1a\1b\0\0\0\1\2", 9);
	add_u32(&head, (uint32_t)bytes);
	n = head.n + bytes;
	tx = calloc(1, n);
	memcpy(tx, head.p, head.n);
	hash_once(txid, tx, n);
	made_block(&m, BLOCK_ORDINARY, 0);
	world_ch(m.ch, 'a');
	b = &m.out;
	add_u8(b, m.version);
	add_u64(b, m.height);
	add_u64(b, m.burn_spent);
	add(b, m.ch, CH_LEN);
	add(b, m.parent, ID_LEN);
	hash_merkle_root(digest, &txid, 1);
	add(b, digest, 32);
	add_fill(b, 0x77, 32);
	add_u64(b, 1700000000);
	add(&tail, "\0\x08\0\0\0\x01\xff", 7);
	hash_begin();
	hash_add(b->p, b->n);
	hash_add(tail.p, tail.n);
	hash_end(digest);
	add_signature(b, m.miner, digest);
	add_u32(b, 0);
	add(b, tail.p, tail.n);
	add_u32(b, 1);
	memcpy(p, b->p, b->n);
	memcpy(p + b->n, tx, n);
	free(tx);
	return b->n + n;
}

/* Until they are committed no more than UPLOAD_PENDING bytes gather, of all senders together. */
static void gathered(void **state)
{
	uint8_t *big = malloc(MAX_BLOCK);
	size_t n = large_block(big, 1000000), most = UPLOAD_PENDING / n;
	MDB_txn *txn;

	for (size_t i = 0; i < most; i++)
		assert_int_equal(upload((uint8_t)(10 + i), big, n), 0);
	assert_int_equal(upload((uint8_t)(10 + most), big, n), 503);
	skew_ms += COMMIT_MS;
	for (int i = 0; i < 20; i++)
		event_base_loop(s.base, EVLOOP_NONBLOCK);
	txn = store_read(&s.store);
	assert_int_equal(store_count(&s.store, txn, T_UPLOADS), most + 1);	/* and their sum */
	store_read_end(txn);
	assert_int_equal(upload((uint8_t)(11 + most), big, n), 0);
	free(big);
}

/* Pushes of a key have a share too.  A block of an unknown tenure is nobody's fault, and counts. */
static void pushes(void **state)
{
	struct bytes unknown = *l.w.blocks[4].b, good = *l.w.blocks[1].b;
	struct message m = { .id = MSG_NAKAMOTO_BLOCKS };
	struct play p;

	dialled_up(&p);
	m.u.blocks.n = 1;
	m.u.blocks.p = good.p;
	m.u.blocks.len = (uint32_t)good.n;
	assert_int_equal(upload_push(&s, p.conv, &m), 1);
	m.u.blocks.p = unknown.p;
	m.u.blocks.len = (uint32_t)unknown.n;
	m.u.blocks.n = PUSH_BURST / PUSH_LEAST - 1;
	assert_int_equal(upload_push(&s, p.conv, &m), 0);
	m.u.blocks.n = 1;
	m.u.blocks.p = good.p;
	m.u.blocks.len = (uint32_t)good.n;
	assert_int_equal(upload_push(&s, p.conv, &m), 0);
	skew_ms += 1000;
	assert_int_equal(upload_push(&s, p.conv, &m), 1);
	assert_false(p.down);
	done(&p);
}

static void peer(unsigned n)
{
	struct rec_peer r = { .address = rec_str("192.0.2.1:20444"),
		.data_url = rec_str("http://192.0.2.1"),
		.state = PEER_UP,
		.inbound = true,
		.last_contact = 5 };

	put_be64(r.key, n);
	upload_peer(&s, &r);
	uploads_flush(&s);
}

/* Rows of those who dial us: never in the place of one whom inv-sync dials, and no more than there
 * may be. */
static void peers(void **state)
{
	struct rec_peer r = { .address = rec_str("192.0.2.7:20444") };
	MDB_txn *txn = store_write(&s.store);

	for (unsigned i = 1; i < PEER_ROWS; i++) {
		put_be64(r.key, i);
		peer_put(&s.store, txn, &r);
	}
	store_commit_or_die(&s.store, txn);
	peer(1);
	peer(PEER_ROWS);
	peer(PEER_ROWS + 1);
	txn = store_read(&s.store);
	put_be64(r.key, 1);
	assert_int_equal(peer_get(&s.store, txn, r.key, &r), 0);
	assert_false(r.inbound);
	assert_int_equal(store_count(&s.store, txn, T_PEERS), PEER_ROWS);
	put_be64(r.key, PEER_ROWS);
	assert_int_equal(peer_get(&s.store, txn, r.key, &r), 0);
	assert_true(r.inbound);
	store_read_end(txn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares), cmocka_unit_test(chunks), cmocka_unit_test(gathered),
		    cmocka_unit_test(pushes), cmocka_unit_test(peers),
	};

	setenv("BLOCKSYNC_MAP", "67108864", 1);
	return cmocka_run_group_tests(tests, setup, teardown);
}
