// link: cmd/inv-sync/seats.c
/* An eclipse: a thousand liars in ten networks, who shake hands, have nothing and stay, and two
 * honest peers, all learnt from strangers.  Under a clock that the test owns; another seed is
 * another order of everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "cmd/inv-sync/seats.h"

#define LIARS 1000u
#define NETWORKS 10
#define HONEST 2u
#define PEERS (LIARS + HONEST)
#define STEP_MS 1000
#define SEEDS 10

struct sim {
	struct seats seats;
	struct seat peer[PEERS];	/* the honest ones first */
	uint64_t now;
};

static bool is_honest(const struct sim *s, const struct seat *p) { return p < s->peer + HONEST; }

/* A start of the program: all are known, in an order of that seed; what they brought in earlier
 * runs is kept. */
static void start(struct sim *s, uint64_t seed, unsigned honest_network)
{
	uint64_t blocks[HONEST];
	unsigned order[PEERS], n = PEERS;

	for (unsigned i = 0; i < HONEST; i++)
		blocks[i] = s->peer[i].blocks;
	*s = (struct sim){ .now = 1000 };
	seats_init(&s->seats, seed);
	for (unsigned i = 0; i < PEERS; i++)
		order[i] = i;
	for (; n > 0; n--) {
		unsigned pick = (unsigned)((seed = seed * 6364136223846793005u +
						   1442695040888963407u) >>
				    33) %
		    n,
			 i = order[pick];

		order[pick] = order[n - 1];
		seats_add(&s->seats, &s->peer[i], i < HONEST ? honest_network + i : i % NETWORKS);
	}
	for (unsigned i = 0; i < HONEST; i++)
		s->peer[i].blocks = blocks[i];
}

static void stop(struct sim *s)
{
	for (unsigned i = 0; i < PEERS; i++)
		if (s->peer[i].group)
			seats_remove(&s->seats, &s->peer[i]);
}

/* A turn of the loop: who has to go, and who comes. True: an honest one came. */
static bool turn(struct sim *s, bool calm)
{
	struct seat *p;
	bool found = false;
	const struct seat_group *g;
	unsigned n = 0;

	s->now += STEP_MS;
	if ((p = seats_rotate(&s->seats, calm, s->now)))
		seats_leave(&s->seats, p);
	while ((p = seats_next(&s->seats, s->now))) {
		seats_take(&s->seats, p, s->now);
		found |= is_honest(s, p);
	}
	TAILQ_FOREACH(g, &s->seats.groups, entry)
		n += g->seated;
	assert_true(n <= SEATS_NEW + (s->peer[0].blocks ? 1u : 0) + (s->peer[1].blocks ? 1u : 0));
	return found;
}

static uint64_t time_to_honest(struct sim *s, uint64_t most)
{
	uint64_t from = s->now;

	while (!turn(s, false))
		assert_true(s->now < from + most);
	return s->now - from;
}

/* Networks of their own: they are met as soon as each network has had its turn, and all over
 * again after each restart. */
static void strangers_rotate(void **state)
{
	static struct sim s;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		s.peer[0].blocks = s.peer[1].blocks = 0;
		start(&s, seed, 100);
		time_to_honest(&s, 2 * ROTATE_MS);
		stop(&s);
	}
}

/* In the liars' own networks it takes longer, but not for ever. */
static void strangers_rotate_among_liars(void **state)
{
	static struct sim s;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		s.peer[0].blocks = s.peer[1].blocks = 0;
		start(&s, seed, 0);
		time_to_honest(&s, (PEERS / SEATS_NEW + 2) * (uint64_t)ROTATE_MS);
		stop(&s);
	}
}

/* Whoever gave blocks is spoken to at once after each restart, and stays. */
static void the_useful_stay(void **state)
{
	static struct sim s;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		s.peer[0].blocks = s.peer[1].blocks = 0;
		start(&s, seed, 0);
		for (unsigned i = 0; i < HONEST; i++)
			s.peer[i].blocks = 1;
		stop(&s);
		for (unsigned restart = 0; restart < 3; restart++) {
			start(&s, seed + 100 * restart, 0);
			turn(&s, false);
			assert_true(s.peer[0].since && s.peer[1].since);
			for (unsigned i = 0; i < 300; i++)
				turn(&s, i % 2);
			assert_true(s.peer[0].since && s.peer[1].since);
			stop(&s);
		}
	}
}

/* Nothing is wanted: nobody is disturbed for half an hour. */
static void calm(void **state)
{
	static struct sim s;
	struct seat *was[PEERS];
	unsigned n = 0;

	start(&s, 7, 100);
	turn(&s, true);
	for (unsigned i = 0; i < PEERS; i++)
		if (s.peer[i].since)
			was[n++] = &s.peer[i];
	assert_int_equal(n, SEATS_NEW);
	while (s.now < ROTATE_CALM_MS)
		turn(&s, true);
	while (n > 0)
		assert_true(was[--n]->since);
	stop(&s);
}

/* Where room is short the largest network loses an address, never one that gave blocks or is
 * spoken to; who comes from the largest has no room itself. */
static void room(void **state)
{
	static struct sim s;
	struct seat *p;

	s.peer[0].blocks = 0;
	s.peer[1].blocks = 5;
	start(&s, 3, NETWORKS - 2);
	turn(&s, false);
	for (unsigned i = 0; i < PEERS - SEATS - HONEST - NETWORKS; i++) {
		p = seats_forget(&s.seats, 1000);
		assert_non_null(p);
		assert_true(!p->since && !p->blocks);
		for (unsigned k = 0; k < PEERS; k++)
			assert_true(!s.peer[k].group ||
			    s.peer[k].group->members <= p->group->members || s.peer[k].since ||
			    s.peer[k].blocks);
		assert_null(seats_forget(&s.seats, p->group->id));
		seats_remove(&s.seats, p);
	}
	assert_true(s.peer[1].group);
	stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strangers_rotate), cmocka_unit_test(strangers_rotate_among_liars),
		    cmocka_unit_test(the_useful_stay),
		cmocka_unit_test(calm), cmocka_unit_test(room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
