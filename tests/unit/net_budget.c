/* A budget of bytes held for strangers: the limit, one above, who gives way, and the deadline of
 * progress. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "common/net/budget.h"

#define LIMIT 100000
#define PATIENCE 10000
#define RATE 1000

struct world { struct budget b; struct hold h[4]; unsigned drops[4]; };

static void dropped(void *arg)
{
	++*(unsigned *)arg;
}

static void begin(struct world *w)
{
	*w = (struct world){ .drops = { 0 } };
	budget_init(&w->b, LIMIT, PATIENCE, RATE);
	for (unsigned i = 0; i < 4; i++) {
		w->h[i].drop = dropped;
		w->h[i].arg = &w->drops[i];
	}
}

static void test_limit(void **state)
{
	struct world w;

	begin(&w);
	assert_true(hold_set(&w.b, &w.h[0], LIMIT / 2, 1));
	assert_true(hold_set(&w.b, &w.h[1], LIMIT / 2, 1));
	assert_int_equal(w.b.held, LIMIT);
	assert_int_equal(w.b.dropped, 0);
	/* One above: the largest of those that are as near to their deadlines. */
	assert_false(hold_set(&w.b, &w.h[1], LIMIT / 2 + 1, 1));
	assert_int_equal(w.drops[1], 1);
	assert_int_equal(w.b.held, LIMIT / 2);
	/* Less is less, and nothing is out; a second end is none. */
	assert_true(hold_set(&w.b, &w.h[0], 10, 1));
	assert_int_equal(w.b.held, 10);
	hold_set(&w.b, &w.h[0], 0, 1);
	hold_set(&w.b, &w.h[0], 0, 1);
	assert_int_equal(w.b.held, 0);
	assert_int_equal(w.b.peak, LIMIT);
	assert_true(TAILQ_EMPTY(&w.b.holds));
	/* One alone that is larger than everything goes. */
	assert_false(hold_set(&w.b, &w.h[2], LIMIT + 1, 1));
	assert_int_equal(w.drops[2], 1);
}

static void test_stalled_give_way(void **state)
{
	struct world w;

	begin(&w);
	hold_set(&w.b, &w.h[0], 40000, 1000);	/* stalls */
	hold_set(&w.b, &w.h[1], 50000, 1000);	/* goes on */
	hold_moved(&w.h[1], 4000, 5000);
	/* Somebody small who stalled longer is let be. */
	hold_set(&w.b, &w.h[2], HOLD_SMALL - 1, 0);
	assert_true(hold_set(&w.b, &w.h[3], 30000, 5000));
	assert_int_equal(w.drops[0], 1);
	assert_int_equal(w.drops[1] + w.drops[2] + w.drops[3], 0);
	assert_int_equal(w.b.held, 50000 + 30000 + HOLD_SMALL - 1);
}

static void from(struct world *w, unsigned i, uint32_t host)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(host) };

	hold_from(&w->b, &w->h[i], (struct sockaddr *)&sa);
}

/* One address beside three connections of another: it may stand still, and hold more than any of
 * these. */
static void test_shares(void **state)
{
	struct world w;

	begin(&w);
	/* Two addresses share by chance once in a thousand times: then it is another secret's
	 * turn. */
	do {
		from(&w, 0, 0x7f0a0001);
		from(&w, 3, 0x7f0b0001);
		w.b.secret[0]++;
	} while (w.h[0].share == w.h[3].share);
	w.h[1].share = w.h[2].share = w.h[0].share;
	hold_set(&w.b, &w.h[3], 40000, 1000);
	for (unsigned i = 0; i < 3; i++)
		hold_set(&w.b, &w.h[i], 20000 - i, 5000);
	assert_true(hold_set(&w.b, &w.h[3], 41000, 5000));
	assert_int_equal(w.drops[3], 0);
	assert_int_equal(w.drops[0], 1);	/* the largest of these */
	assert_int_equal(w.b.held, 41000 + 2 * 20000 - 1 - 2);
	/* Now it is the one that holds the most. */
	assert_false(hold_set(&w.b, &w.h[3], 61000, 5000));
	for (unsigned i = 1; i < 3; i++)
		hold_set(&w.b, &w.h[i], 0, 5000);
	for (unsigned i = 0; i < BUDGET_SHARES; i++)
		assert_int_equal(w.b.shares[i], 0);
}

static void test_progress(void **state)
{
	struct world w;
	uint64_t now;

	begin(&w);
	hold_set(&w.b, &w.h[0], 1, 0);
	hold_set(&w.b, &w.h[1], 1, 0);
	hold_set(&w.b, &w.h[2], 1, 0);
	/* At the rate, in small pieces, for ever; at half of it for twice the patience; not at
	 * all. */
	for (now = 1; now <= 60000; now++) {
		hold_moved(&w.h[0], 1, now);
		if (now % 2 == 0)
			hold_moved(&w.h[1], 1, now);
		budget_sweep(&w.b, now);
		assert_int_equal(w.drops[2], now >= PATIENCE);
		assert_int_equal(w.drops[1], now >= 2 * PATIENCE - 1);
	}
	assert_int_equal(w.drops[0], 0);
	/* What was gained by speed is no more than the patience. */
	hold_moved(&w.h[0], 1000000, now);
	budget_sweep(&w.b, now + PATIENCE - 1);
	assert_int_equal(w.drops[0], 0);
	budget_sweep(&w.b, now + PATIENCE);
	assert_int_equal(w.drops[0], 1);
	assert_int_equal(w.b.held, 0);
	/* Who was dropped may begin anew. */
	assert_true(hold_set(&w.b, &w.h[0], 1, now));
	budget_sweep(&w.b, now + 2 * PATIENCE);
	assert_int_equal(w.drops[0], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_stalled_give_way),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_progress),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
