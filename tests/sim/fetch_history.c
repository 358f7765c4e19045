/* The download planner with a whole history of mainnet's size, of both block models: 145 cycles of
 * sortitions, 32 peers whose inventories of three kinds are known, hardly anything stored.  Counts
 * memory and CPU time. */
// link: cmd/block-fetch/trouble.c
// link: cmd/block-fetch/slots.c
// link: cmd/block-fetch/planner.c
// link: cmd/block-fetch/names.c
// link: cmd/block-fetch/claims.c
// link: cmd/block-fetch/sources.c
// link: cmd/block-fetch/crowd.c
// link: cmd/block-fetch/answers.c
// link: cmd/block-fetch/ends.c
// link: cmd/block-fetch/verdicts.c
// link: cmd/block-fetch/asks.c
// link: cmd/block-fetch/schedule.c
// link: cmd/block-fetch/singles.c
// link: cmd/block-fetch/patience.c
// link: cmd/block-fetch/state.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "cmd/block-fetch/planner.h"
#include "common/chain/hash.h"

#define CYCLES 145u
#define LENGTH 2100u
#define SORTITIONS (CYCLES * LENGTH)
#define FIRST 666051u
#define EPOCH3 867867u
#define PEERS 32u
#define TURN_MS 50.0		/* CPU time that a turn may take */

static struct network net = { .first_burn_height = FIRST - 1,
	.cycle_length = LENGTH,
	.epochs = { { EPOCH_20, FIRST - 1 }, { EPOCH_30, EPOCH3 } },
	.n_epochs = 2 };
static double worst;
static bool stored[SORTITIONS];

static bool nakamoto(uint32_t t) { return FIRST + t >= EPOCH3; }

static void ch_of(uint8_t ch[CH_LEN], uint32_t t)
{
	memset(ch, 0xa5, CH_LEN);
	put_be32(ch, t);
	put_be32(ch + 8, t * 2654435761u);
}

static void hash_of(uint8_t hash[32], uint32_t t)
{
	memset(hash, 0x3c, 32);
	put_be32(hash, t);
}

static void id_of(uint8_t id[ID_LEN], uint32_t t)
{
	uint8_t ch[CH_LEN], hash[32];

	ch_of(ch, t);
	hash_of(hash, t);
	hash_block_id(id, hash, ch);
}

static void view(struct planner *p)
{
	for (uint32_t t = 0; t < SORTITIONS; t++) {
		uint8_t ch[CH_LEN], parent[CH_LEN], id[ID_LEN];
		ch_of(ch, t);
		ch_of(parent, t ? t - 1 : 999999);
		if (!nakamoto(t))
			hash_of(id, t);
		else
			id_of(id, t - 1);
		planner_sortition(p, FIRST + t, ch, true, parent, id);
	}
	for (uint64_t c = 0; c <= CYCLES; c++)
		planner_reward_set(p, c);
}

/* Peers have all; or, few: only the newest cycle. */
static void peers(struct planner *p, bool few)
{
	uint8_t bits[(LENGTH + 7) / 8];
	char name[16];

	for (unsigned i = 0; i < PEERS; i++) {
		snprintf(name, sizeof(name), "peer %u", i);
		assert_int_equal(planner_source(p, 1, name, false), i);
		for (uint64_t c = 0; c < CYCLES; c++)
			for (unsigned k = 0; k < INV_POX; k++) {
				memset(bits, few && c + 1 < CYCLES ? 0 : 0xff, sizeof(bits));
				planner_claims(p, i, (enum inventory_kind)k, c, bits, LENGTH);
			}
	}
}

static void verdict(struct planner *p, uint64_t now, uint32_t t, const struct action *a)
{
	static const uint8_t hash[32];
	uint8_t ch[CH_LEN];
	struct plan_judged v = { .kind = a->ask == ASK_STREAM ? ITEM_STREAM : ITEM_BODY,
		.height = FIRST + t, .ch = ch, .id = a->id, .hash = hash, .source = 0,
		.reason = "" };

	ch_of(ch, t);
	stored[t] |= a->ask != ASK_STREAM;
	planner_verdict(p, now, VERDICT_STORED, &v);
}

/* A request is answered at once. */
static void answer(struct planner *p, uint64_t now, const struct action *a)
{
	uint32_t t = (uint32_t)(a->height - FIRST);
	uint8_t parent[ID_LEN], ch[CH_LEN], prev[CH_LEN];
	struct plan_block b = { .id = a->id, .parent = parent, .ch = ch, .prev_ch = prev,
		.start = true, .confirms = t % 3 == 0, .len = 1 };

	if (a->ask == ASK_INFO) {
		planner_end(p, now, a->transfer, END_DONE, 404, 0);
		return;
	}
	id_of(parent, t ? t - 1 : 999999);
	ch_of(ch, t);
	ch_of(prev, t ? t - 1 : 999999);
	planner_bytes(p, now, a->transfer, 1000);
	bool take = planner_block(p, now, a->transfer, &b) <= TAKE_LAST;
	planner_end(p, now, a->transfer, END_DONE, 200, 0);
	if (take)
		verdict(p, now, t, a);
}

static void act(struct planner *p, uint64_t now)
{
	struct action a;

	while (planner_action(p, &a)) {
		struct plan_look l = { .proven = a.item == ITEM_STREAM ||
			    stored[a.height - FIRST] };
		if (a.kind == ACT_REQUEST) {
			answer(p, now, &a);
		} else if (a.kind == ACT_LOOK) {
			memcpy(l.cursor, a.end, ID_LEN);
			planner_looked(p, now, a.height, a.item, &l);
		}
	}
}

/* Turns with all that hangs on them, and the state, which is asked for as often. */
static void turns(struct planner *p, unsigned n)
{
	struct plan_state s;

	for (uint64_t now = 100; n-- > 0; now += 50) {
		clock_t begin = clock();
		planner_turn(p, now);
		act(p, now);
		planner_state(p, now, &s);
		double ms = (double)(clock() - begin) * 1000 / CLOCKS_PER_SEC;
		worst = ms > worst ? ms : worst;
	}
}

static void whole_history(void **state)
{
	for (unsigned few = 0; few < 2; few++) {
		struct planner *p = planner_new(&net, FIRST, false, true);
		clock_t begin = clock();
		struct plan_state s;

		memset(stored, 0, sizeof(stored));
		worst = 0;
		view(p);
		peers(p, few);
		print_message("# %s: view and claims in %.0f ms\n",
		    few ? "few claims" : "all claimed",
		    (double)(clock() - begin) * 1000 / CLOCKS_PER_SEC);
		turns(p, 2000);
		planner_state(p, 1000000, &s);
		print_message("# %u wanted, %u proven, %u streams; %.1f MiB, %.1f ms a turn\n",
		    s.wanted, s.proven, s.streams, (double)planner_memory(p) / 1048576, worst);
		assert_true(s.wanted >= SORTITIONS - 1 && s.unclaimed == 0);
		assert_true(s.proven > (few ? 1000 : 10000));
		assert_true(planner_memory(p) <= 64u << 20);
		assert_true(worst <= TURN_MS);
		planner_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_history),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
