/* What peers can make inv-sync keep: addresses that they name, and blocks that they push. */
#include <arpa/inet.h>
// link: cmd/inv-sync/*.c
#include "cmd/inv-sync/inv_sync.h"
#include "common/store/pushed.h"
#include "tests/unit/conv_play.h"
#include "tests/unit/skew.h"
#include "tests/unit/store_line.h"

static struct inv_sync s;
static struct line l;

static int setup(void **state)
{
	struct rec_sortition won = { .burn_height = 140, .won = true, .canonical = true };
	MDB_txn *txn;

	line_make_blocks(&l);
	world_ch(won.consensus_hash, 'a');
	made_hash160(won.miner, 1);
	txn = store_write(&l.w.s);
	sortition_put(&l.w.s, txn, &won);
	store_commit_or_die(&l.w.s, txn);
	s.store = l.w.s;
	s.self.secret[31] = 1;
	assert_int_equal(key_public(s.self.key, s.self.secret), 0);
	TAILQ_INIT(&s.peers);
	seats_init(&s.seats, 7);
	save_init(&s);
	skew_stop();
	return 0;
}

static int teardown(void **state)
{
	save_release(&s);
	world_close(&l.w);
	return 0;
}

/* A peer names n addresses, from the first on that is made of this format. */
static unsigned told(struct peer *teller, unsigned n, const char *format)
{
	struct message m = { .id = MSG_NEIGHBORS };
	unsigned before = s.n_peers;

	for (unsigned i = 0; i < n; ) {
		m.u.neighbors.n = 0;
		for (; i < n && m.u.neighbors.n < MAX_NEIGHBORS; i++) {
			struct neighbor *to = &m.u.neighbors.at[m.u.neighbors.n++];
			char text[64];
			snprintf(text, sizeof(text), format, i / 200, 1 + i % 200);
			memset(to, 0, sizeof(*to));
			memset(to->addr + 10, 0xff, 2);
			assert_int_equal(inet_pton(AF_INET, text, to->addr + 12), 1);
			to->port = (uint16_t)(1000 + i);
		}
		peers_told(&s, teller, &m);
	}
	return s.n_peers - before;
}

static void addresses(void **state)
{
	static struct peer teller[64];

	/* nobody's business */
	assert_int_equal(told(&teller[0], 10, "10.1.%u.%u"), 0);
	assert_int_equal(told(&teller[0], 10, "192.168.%u.%u"), 0);
	assert_int_equal(told(&teller[0], 300, "8.8.8.8"), MAX_PER_HOST);
	assert_int_equal(told(&teller[0], 300, "8.1.%u.%u"), MAX_PER_TELLER - MAX_PER_HOST);
	for (unsigned i = 1; i < 64; i++) {
		char format[40];
		snprintf(format, sizeof(format), "9.%u.%%u.%%u", i);
		told(&teller[i], 100, format);
		assert_true(s.n_peers <= MAX_KNOWN);
	}
	assert_int_equal(s.n_peers, MAX_KNOWN);
}

/* A push of a block that is said to be n of them. */
static void push(struct play *p, const struct bytes *b, uint32_t n)
{
	struct message m = { .id = MSG_NAKAMOTO_BLOCKS };

	m.u.blocks.n = n;
	m.u.blocks.p = b->p;
	m.u.blocks.len = (uint32_t)b->n;
	save_push(&s, p->conv, &m);
	turn(p);
}

static unsigned rows(void)
{
	MDB_txn *txn;
	size_t n;

	save_commit(&s, UINT64_MAX);
	txn = store_read(&s.store);
	n = store_count(&s.store, txn, T_UPLOADS);
	store_read_end(txn);
	return n > 0 ? (unsigned)n - 1 : 0;
}

/* A block that each of many peers pushes is kept once; a key that has had its share is not heard,
 * whatever it pushes. */
static void pushes(void **state)
{
	struct bytes unknown = *l.w.blocks[4].b, false_one = *l.w.blocks[0].b;
	struct play p;

	dialled_up(&p);
	false_one.p[140] ^= 1;
	push(&p, l.w.blocks[0].b, 1);
	push(&p, l.w.blocks[0].b, 1);
	assert_int_equal(rows(), 1);
	push(&p, l.w.blocks[0].b, 1);
	assert_int_equal(rows(), 1);
	push(&p, &unknown, PUSH_BURST / PUSH_LEAST - 3);
	push(&p, &false_one, 1);
	push(&p, l.w.blocks[1].b, 1);
	assert_false(p.down);
	assert_int_equal(rows(), 1);
	skew_ms += 1000;
	push(&p, l.w.blocks[1].b, 1);
	assert_int_equal(rows(), 2);
	push(&p, &false_one, 1);
	ends(&p, FAULT_LYING, "push: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(addresses), cmocka_unit_test(pushes) };

	setenv("BLOCKSYNC_MAP", "67108864", 1);
	return cmocka_run_group_tests(tests, setup, teardown);
}
