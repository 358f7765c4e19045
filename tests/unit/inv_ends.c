/* What becomes of a peer hangs on how its conversation ended, and on no word of what is told of
 * that. */
// link: cmd/inv-sync/*.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cmd/inv-sync/inv_sync.h"

static struct inv_sync s;

/* A stranger's conversation ends so, for the first time. */
static struct peer down(bool once, enum conv_end end)
{
	struct peer p = { .s = &s };

	s.o.once = once;
	TAILQ_INIT(&s.peers);
	peers_down(&p, end, "bad signature, another key, silent, stable hash is not ours");
	assert_int_equal(p.failures, 1);
	assert_int_equal(p.state, PEER_DOWN);
	return p;
}

static void one_pass(void **state)
{
	static const struct {
		enum conv_end end;
		bool given_up, owes;
	} cases[] = {
		{ CONV_END_UNREACHABLE, false, false },
		{ CONV_END_HUNG_UP, false, false },
		{ CONV_END_LEFT, false, false },
		{ CONV_END_SILENT, false, true },
		{ CONV_END_NETWORK, false, false },
		{ CONV_END_UNSURE_HASH, false, false },
		{ CONV_END_STABLE_HASH, false, false }, /* it may be a fork that we see later */
		{ CONV_END_STABLE_HEIGHT, true, false },
		{ CONV_END_SIGNATURE, true, false },
		{ CONV_END_OTHER_KEY, true, false },
		{ CONV_END_UNDECODABLE, true, false },
		{ CONV_END_OWN_KEY, true, false },
		{ CONV_END_RIVAL, true, false },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct peer p = down(true, cases[i].end);

		assert_int_equal(p.given_up, cases[i].given_up);
		assert_int_equal(p.debt.what != NULL, cases[i].owes);
		if (!cases[i].owes)
			continue;
		assert_int_equal(p.debt.class, FAULT_SLOW);
		assert_string_equal(p.debt.what, "silent");
	}
}

/* A liar is left alone for a minute, who may see a fork for five seconds, a rival for as long as it
 * has one, anybody else for one. */
static void waits(void **state)
{
	static const struct {
		enum conv_end end;
		uint64_t least, most;
	} cases[] = {
		{ CONV_END_HUNG_UP, 1000, 4999 },
		{ CONV_END_UNSURE_HASH, 5000, 5100 },
		{ CONV_END_STABLE_HASH, 5000, 5100 },
		{ CONV_END_SIGNATURE, 60000, 60100 },
		{ CONV_END_RIVAL, 60000, 60100 },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t before = now_ms();
		struct peer p = down(false, cases[i].end);
		uint64_t late = now_ms() - before;

		assert_in_range(p.dial_at - before, cases[i].least, cases[i].most + late);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(one_pass), cmocka_unit_test(waits) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
