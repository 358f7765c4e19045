// link: cmd/public-ip/voices.c
/* Whose voice counts for our address: rounds of peers that agree, lie, alternate, are one network,
 * or are gone, under a clock that the test owns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cmd/public-ip/voices.h"

#define GONE 0	  /* an address that is not said */
#define SIX 0x100 /* added: an address of IPv6 */
#define SEEDS 40

/* A peer of the world: its network, its key, and which address it says. */
struct who {
	unsigned network, key, says;
};

static void address(uint8_t addr[16], unsigned n)
{
	memset(addr, 0, 16);
	if (n < SIX)
		addr[10] = addr[11] = 0xff;
	addr[0] = n < SIX ? 0 : 0x26;
	addr[12] = 11;
	addr[15] = (uint8_t)n;
}

static void begin(struct voices *v, const struct who *who, unsigned n, uint64_t seed)
{
	voices_init(v, seed);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(voices_add(v, who[i].network), i);
}

/* One peer that was asked answers, or does not. */
static void answer(struct voices *v, const struct who *who, unsigned i)
{
	uint8_t addr[16], key[KEY_LEN] = { 2 };

	if (who[i].says == GONE) {
		voices_failed(v, i);
		return;
	}
	key[1] = (uint8_t)who[i].key;
	key[2] = (uint8_t)(who[i].key >> 8);
	address(addr, who[i].says);
	voices_heard(v, i, key, who[i].network, addr);
}

/* A whole round at that time, if one is due: false, none was.  asked: how many were. */
static bool round_at(
    struct voices *v, const struct who *who, uint64_t now, struct verdict *out, unsigned *asked)
{
	int flying[VOICES], i;
	unsigned n;

	*asked = 0;
	do {
		for (n = 0; (i = voices_next(v, now)) >= 0; n++) {
			assert_true(n < VOICES);
			flying[n] = i;
		}
		*asked += n;
		while (n > 0) {
			assert_false(voices_decide(v, now, out));
			answer(v, who, (unsigned)flying[--n]);
		}
		if (voices_decide(v, now, out))
			return true;
	} while (v->round);
	return false;
}

static bool says(const struct verdict *out, unsigned n)
{
	uint8_t addr[16];

	address(addr, n);
	return memcmp(out->addr, addr, 16) == 0;
}

/* The first round of such peers. */
static struct verdict first(const struct who *who, unsigned n, uint64_t seed)
{
	struct verdict out;
	struct voices v;
	unsigned asked;

	begin(&v, who, n, seed);
	assert_true(round_at(&v, who, 1000, &out, &asked));
	voices_release(&v);
	return out;
}

static void two_networks_agree(void **state)
{
	const struct who two[] = { { 1, 1, 7 }, { 2, 2, 7 } };
	const struct who one_network[] = { { 1, 1, 7 }, { 1, 2, 7 }, { 1, 3, 7 } };
	const struct who one_key[] = { { 1, 1, 7 }, { 2, 1, 7 }, { 3, 1, 7 } };
	const struct who differ[] = { { 1, 1, 7 }, { 2, 2, 8 } };
	const struct who tie[] = { { 1, 1, 7 }, { 2, 2, 7 }, { 3, 3, 8 }, { 4, 4, 8 } };
	const struct who alone[] = { { 1, 1, 7 }, { 2, 2, GONE } };
	const struct who none[] = { { 1, 1, GONE }, { 2, 2, GONE } };
	struct verdict out;

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		out = first(two, 2, seed);
		assert_true(out.agreed && out.news && out.networks == 2 && says(&out, 7));
		out = first(one_network, 3, seed);
		assert_true(!out.agreed && out.news && out.networks == 1 && says(&out, 7));
		out = first(one_key, 3, seed);
		assert_true(!out.agreed && out.networks == 1);
		out = first(differ, 2, seed);
		assert_true(!out.agreed && out.networks == 1);
		out = first(tie, 4, seed);
		assert_true(!out.agreed && out.networks == 2);
		out = first(alone, 2, seed);
		assert_true(!out.agreed && out.networks == 1 && says(&out, 7));
		out = first(none, 2, seed);
		assert_true(!out.agreed && !out.news && out.networks == 0);
	}
}

/* Sixty liars in one network, and as many honest ones in two more as the rule needs. */
static void a_majority_in_one_network_decides_nothing(void **state)
{
	struct who who[62];
	struct verdict out;
	unsigned asked;
	struct voices v;

	for (unsigned i = 0; i < 62; i++)
		who[i] = (struct who){ i < 2 ? i : 9, i, i < 2 ? 7 : 66 };
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		begin(&v, who, 62, seed);
		assert_true(round_at(&v, who, 0, &out, &asked));
		assert_true(out.agreed && says(&out, 7));
		assert_int_equal(asked, VOICES); /* the three networks first */
		voices_release(&v);
	}
	/* and without the honest ones nothing */
	out = first(who + 2, 60, 1);
	assert_true(!out.agreed && out.networks == 1);
}

/* Whoever does not answer gives its place to the next one, down to the last. */
static void failures_are_made_up_for(void **state)
{
	struct who who[40];

	for (unsigned i = 0; i < 40; i++)
		who[i] = (struct who){ i, i, i < 38 ? GONE : 7 };
	for (uint64_t seed = 0; seed < SEEDS; seed++)
		assert_true(first(who, 40, seed).agreed);
}

/* IPv4 and IPv6 are no contradiction. */
static void families_do_not_contradict(void **state)
{
	const struct who both[] = { { 1, 1, 7 }, { 2, 2, 7 }, { 3, 3, SIX + 1 }, { 4, 4, SIX + 1 },
		{ 5, 5, SIX + 1 } };
	const struct who six[] = { { 1, 1, 7 }, { 3, 3, SIX + 1 }, { 4, 4, SIX + 1 } };
	const struct who split[] = { { 1, 1, 7 }, { 2, 2, SIX + 7 } };

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct verdict out = first(both, 5, seed);
		assert_true(out.agreed && says(&out, 7));
		out = first(six, 3, seed);
		assert_true(out.agreed && says(&out, SIX + 1));
		out = first(split, 2, seed);
		assert_true(!out.agreed && says(&out, 7));
	}
}

static void an_address_that_changes_is_followed(void **state)
{
	struct who who[] = { { 1, 1, 7 }, { 2, 2, 7 }, { 3, 3, 7 } };
	struct verdict out;
	struct voices v;
	unsigned asked;

	begin(&v, who, 3, 1);
	assert_true(round_at(&v, who, 5, &out, &asked));
	assert_false(round_at(&v, who, 5 + ROUND_MS - 1, &out, &asked));
	who[0].says = who[1].says = who[2].says = 8;
	assert_true(round_at(&v, who, 5 + ROUND_MS, &out, &asked));
	assert_true(out.agreed && says(&out, 8));
	voices_release(&v);
}

/* Two peers that say another address each time, never the same at once: nothing becomes of it, and
 * they are not asked forever. */
static void alternating_peers_move_nothing(void **state)
{
	struct who who[] = { { 1, 1, 7 }, { 2, 2, 8 } };
	struct verdict out;
	struct voices v;
	unsigned asked, rounds = 0;

	begin(&v, who, 2, 3);
	for (uint64_t now = 0; now < 24 * (uint64_t)ROUND_MS; now += 1000) {
		if (!round_at(&v, who, now, &out, &asked))
			continue;
		assert_false(out.agreed);
		rounds++;
		who[0].says ^= 7 ^ 8;
		who[1].says ^= 7 ^ 8;
	}
	assert_true(rounds <= 24 * TRIES);
	/* what was agreed upon before stays for STALE_MS, though they contradict it each time */
	voices_release(&v);
	begin(&v, who, 2, 3);
	address(v.addr, 0);
	who[0].says = who[1].says = 7;
	assert_true(round_at(&v, who, 0, &out, &asked) && out.agreed);
	for (uint64_t now = 1000; now < 6 * (uint64_t)ROUND_MS; now += 1000) {
		who[0].says = 8;
		who[1].says = 9;
		if (!round_at(&v, who, now, &out, &asked))
			continue;
		assert_false(out.agreed);
		assert_int_equal(v.announced, now <= STALE_MS);
	}
	assert_false(v.announced);
	voices_release(&v);
}

/* A tie is for the address that is announced. */
static void a_tie_changes_nothing(void **state)
{
	struct who who[] = { { 1, 1, 7 }, { 2, 2, 7 }, { 3, 3, 7 }, { 4, 4, 7 } };
	struct verdict out;
	struct voices v;
	unsigned asked;

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		begin(&v, who, 4, seed);
		who[2].says = who[3].says = 7;
		assert_true(round_at(&v, who, 0, &out, &asked) && out.agreed);
		who[2].says = who[3].says = 8;
		assert_true(round_at(&v, who, ROUND_MS, &out, &asked));
		assert_true(out.agreed && says(&out, 7));
		voices_release(&v);
	}
}

/* Without a voice each minute; with one three times, then each hour. */
static void periods(void **state)
{
	struct who who[] = { { 1, 1, GONE }, { 2, 2, GONE } };
	struct verdict out;
	struct voices v;
	unsigned asked, rounds = 0;

	begin(&v, who, 2, 1);
	for (uint64_t now = 0; now < ROUND_MS; now += 1000)
		rounds += round_at(&v, who, now, &out, &asked);
	assert_int_equal(rounds, ROUND_MS / RETRY_MS);
	voices_release(&v);
	who[0].says = 7;
	rounds = 0;
	begin(&v, who, 2, 1);
	for (uint64_t now = 0; now < ROUND_MS; now += 1000)
		rounds += round_at(&v, who, now, &out, &asked);
	assert_int_equal(rounds, TRIES);
	voices_release(&v);
	begin(&v, who, 0, 1);
	assert_int_equal(voices_next(&v, 0), -1); /* nobody is named */
	assert_false(voices_decide(&v, 0, &out));
	voices_release(&v);
}

#define YEARS10 (10 * 366 * 86400000ull)

/* Ten years ahead is one round, and back is not ten years without one. */
static void a_clock_that_jumps(void **state)
{
	struct who who[] = { { 1, 1, 7 }, { 2, 2, 7 } };
	struct verdict out;
	struct voices v;
	unsigned asked;

	begin(&v, who, 2, 1);
	assert_true(round_at(&v, who, YEARS10, &out, &asked) && out.agreed);
	assert_false(round_at(&v, who, YEARS10 + 1000, &out, &asked));
	assert_true(round_at(&v, who, 2 * YEARS10, &out, &asked) && out.agreed);
	assert_true(round_at(&v, who, 1000, &out, &asked) && out.agreed);
	assert_false(round_at(&v, who, 2000, &out, &asked));
	assert_true(v.announced);
	voices_release(&v);
}

/* A start does not ask again within a minute, and knows what was announced. */
static void an_earlier_run(void **state)
{
	struct who who[] = { { 1, 1, GONE }, { 2, 2, GONE } };
	struct verdict out;
	struct voices v;
	uint8_t addr[16];
	unsigned asked;

	address(addr, 7);
	begin(&v, who, 2, 1);
	voices_known(&v, addr, 20000, 1000000);
	assert_false(round_at(&v, who, 1000000 + 39999, &out, &asked));
	assert_true(round_at(&v, who, 1000000 + 40000, &out, &asked));
	assert_true(!out.agreed && !out.news && v.announced);
	voices_release(&v);
	/* of a time before the machine's start, and stale: nobody confirms it */
	begin(&v, who, 2, 1);
	voices_known(&v, addr, STALE_MS, 1000);
	assert_true(round_at(&v, who, 1000, &out, &asked));
	assert_true(!v.announced || v.agreed_at == 0);
	voices_release(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_networks_agree),
		cmocka_unit_test(a_majority_in_one_network_decides_nothing),
		cmocka_unit_test(failures_are_made_up_for),
		cmocka_unit_test(families_do_not_contradict),
		cmocka_unit_test(an_address_that_changes_is_followed),
		cmocka_unit_test(alternating_peers_move_nothing),
		cmocka_unit_test(a_tie_changes_nothing),
		cmocka_unit_test(periods),
		cmocka_unit_test(a_clock_that_jumps),
		cmocka_unit_test(an_earlier_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
