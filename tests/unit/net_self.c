/* What our handshakes say of us, by what stands in the store: nothing, block-serve's row, our
 * address, both, and rows of clocks that were wrong. */
#include "common/net/self.h"
#include "common/sys/stage.h"
#include "tests/unit/store_world.h"

#define TEN_YEARS (10 * 366 * 86400ull)

static const char *said(struct world *w, bool private_peers, const struct rec_serve *own)
{
	static char text[300];
	struct conv_self self = { .data_url = "http://before" };
	MDB_txn *txn = store_read(&w->s);
	size_t n = 0;

	w->s.net.private_peers = private_peers;
	self_refresh_address(&self, &w->s, txn, own);
	store_read_end(txn);
	for (unsigned i = 0; i < 16; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%x", self.addr[i]);
	snprintf(text + n, sizeof(text) - n, " %u %s", self.port, self.data_url);
	return text;
}

static void put_address(struct world *w, const char *address, bool announced)
{
	struct rec_address a = { .address = rec_str(address), .announced = announced };
	MDB_txn *txn = store_write(&w->s);

	meta_put_row(&w->s, txn, "address", REC_ADDRESS, &a);
	assert_int_equal(store_commit(&w->s, txn), 0);
}

static void put_serve(struct world *w, const struct rec_serve *r)
{
	MDB_txn *txn = store_write(&w->s);

	meta_put_row(&w->s, txn, "serve", REC_SERVE, r);
	assert_int_equal(store_commit(&w->s, txn), 0);
}

#define ANYNET "0000000000000000"
#define ELEVEN "0000000000ffffb005" /* ::ffff:11.0.0.5 */

static void without_block_serve(void **state)
{
	struct world w;

	world_open(&w);
	assert_string_equal(said(&w, true, NULL), ANYNET " 20444 ");
	put_address(&w, "11.0.0.5", false);
	assert_string_equal(said(&w, true, NULL), ANYNET " 20444 ");
	put_address(&w, "11.0.0.5", true);
	assert_string_equal(said(&w, true, NULL), ELEVEN " 20444 ");
	put_address(&w, "11.0.0.5:77", true);
	assert_string_equal(said(&w, true, NULL), ELEVEN " 77 ");
	put_address(&w, "0.0.0.0", true);
	assert_string_equal(said(&w, true, NULL), ANYNET " 20444 ");
	put_address(&w, "nonsense", true);
	assert_string_equal(said(&w, true, NULL), ANYNET " 20444 ");
	world_close(&w);
}

static void with_block_serve(void **state)
{
	struct rec_serve r = { .port = 30444,
		.data_url = rec_str("http://h:1"),
		.address = rec_str("127.0.0.1:30444"),
		.time = now_unix() };
	struct world w;

	world_open(&w);
	put_serve(&w, &r);
	assert_string_equal(said(&w, true, NULL), "0000000000ffff7f001 30444 http://h:1");
	/* nobody of a public network can reach that */
	assert_string_equal(said(&w, false, NULL), ANYNET " 30444 http://h:1");
	put_address(&w, "11.0.0.5", true);
	assert_string_equal(said(&w, false, NULL), ELEVEN " 30444 http://h:1");
	put_address(&w, "[2606::5]:77", true);
	assert_string_equal(said(&w, false, NULL), "26600000000000005 77 http://h:1");
	/* ended, killed, of a clock ten years ahead or behind */
	for (unsigned i = 0; i < 4; i++) {
		const uint64_t now = now_unix(),
			       times[] = { 0, now - 100, now + TEN_YEARS, now - TEN_YEARS };
		r.time = times[i];
		put_serve(&w, &r);
		put_address(&w, "11.0.0.5", true);
		assert_string_equal(said(&w, true, NULL), ELEVEN " 20444 ");
		/* its own handshakes do not hang on the clock */
		assert_string_equal(said(&w, true, &r), ELEVEN " 30444 http://h:1");
	}
	world_close(&w);
}

/* HTTP on all addresses is at the one that is announced. */
static void http_everywhere(void **state)
{
	struct rec_serve r = { .port = 30444, .http_port = 30443, .time = now_unix() };
	struct world w;

	world_open(&w);
	put_serve(&w, &r);
	assert_string_equal(said(&w, true, NULL), ANYNET " 30444 ");
	put_address(&w, "11.0.0.5", true);
	assert_string_equal(said(&w, true, NULL), ELEVEN " 30444 http://11.0.0.5:30443");
	put_address(&w, "2606::5", true);
	assert_string_equal(said(&w, true, NULL), "26600000000000005 30444 http://[2606::5]:30443");
	r.data_url = rec_str("http://h:1");
	put_serve(&w, &r);
	assert_string_equal(said(&w, true, NULL), "26600000000000005 30444 http://h:1");
	world_close(&w);
}

/* A row that no program of ours writes says nothing. */
static void rows_out_of_bounds(void **state)
{
	struct rec_serve r = { .port = 70000,
		.http_port = 70000,
		.data_url = rec_str("ftp://h"),
		.address = rec_str("h"),
		.time = now_unix() };
	struct world w;

	world_open(&w);
	put_serve(&w, &r);
	put_address(&w, "11.0.0.5", true);
	assert_string_equal(said(&w, true, NULL), ELEVEN " 20444 ");
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_block_serve),
		cmocka_unit_test(with_block_serve),
		cmocka_unit_test(http_everywhere),
		cmocka_unit_test(rows_out_of_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
