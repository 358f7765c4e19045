/* The download planner under a virtual clock, with seeded peers: honest, far, slow, dripping, silent, dead, lying.
 * A world of sortitions and blocks without content stands on one side, a store that judges a little later on the
 * other. */
// link: cmd/block-fetch/planner.c
// link: cmd/block-fetch/sources.c
// link: cmd/block-fetch/answers.c
// link: cmd/block-fetch/verdicts.c
// link: cmd/block-fetch/schedule.c
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
#include "common/chain/bitvec.h"
#include "common/sys/log.h"

#define FIRST 100u
#define STEP 5u
#define MAX_TENURES 4000u
#define MAX_BLOCKS 80u

enum conduct { HONEST, SILENT, DRIP, STALL, CUT, DEAD, NOTHING, SOME404, WRONG, GARBAGE, INVALID, BUSY, EMPTY, CONDUCTS };
static const char *conduct_name[] = { "honest", "silent", "drip", "stall", "cut", "dead", "404", "some 404", "wrong block", "garbage", "invalid", "429", "empty" };

struct tenure { bool started; uint32_t blocks, below; bool stored[MAX_BLOCKS]; };
struct peer { enum conduct conduct; unsigned latency; double rate; unsigned faults; uint64_t sent; };
struct answer { bool live; unsigned source; enum ask ask; uint32_t tenure, next, stop; uint64_t begin; double bytes, due; bool body; };
struct written { uint32_t tenure, block; unsigned source; uint64_t height; uint8_t id[ID_LEN]; };

struct world {
	struct network net;
	struct planner *plan;
	struct tenure tenures[MAX_TENURES];
	uint32_t n, n_blocks, last;
	struct peer peers[16];
	unsigned n_peers;
	struct answer answers[128];
	struct written queue[8192];
	unsigned head, tail;
	double per_ms, credit;		/* blocks judged in a millisecond */
	uint64_t now, useful, sent, requests;
	uint32_t bad_tenure, bad_block;	/* a block of the chain itself that is refused */
	bool has_bad;
	uint32_t seed;
};

static uint32_t dice(struct world *w, uint32_t n)
{
	w->seed = w->seed * 1664525 + 1013904223;
	return (w->seed >> 8) % n;
}

static void id_of(uint8_t id[ID_LEN], uint32_t tenure, uint32_t block)
{
	memset(id, 0x5a, ID_LEN);
	put_be32(id, tenure * 2654435761u);
	put_be32(id + 4, tenure);
	put_be32(id + 8, block);
}

static void ch_of(uint8_t ch[CH_LEN], uint32_t tenure)
{
	memset(ch, 0xa5, CH_LEN);
	put_be32(ch, tenure);
	put_be32(ch + 8, tenure * 2654435761u);
}

static uint32_t block_size(uint32_t tenure, uint32_t block) { return 1400 + (tenure * 31 + block * 17) % 1600; }

static void world_make(struct world *w, uint32_t seed, uint32_t tenures, uint32_t max_blocks)
{
	uint32_t below = UINT32_MAX;

	memset(w, 0, sizeof(*w));
	w->seed = seed;
	w->net.first_burn_height = 0;
	w->net.cycle_length = 50;
	w->net.epochs[0].epoch = EPOCH_30;
	w->net.epochs[0].start = FIRST;
	w->net.n_epochs = 1;
	w->n = tenures;
	w->per_ms = 2;
	w->plan = planner_new(&w->net, FIRST, false, true);
	for (uint32_t t = 0; t < tenures; t++) {
		struct tenure *x = &w->tenures[t];
		x->started = t == 0 || dice(w, 10) > 0;
		x->below = below;
		if (!x->started)
			continue;
		x->blocks = 1 + dice(w, max_blocks);
		w->n_blocks += x->blocks;
		for (uint32_t b = 0; b < x->blocks; b++)
			w->useful += block_size(t, b);
		below = w->last = t;
	}
}

/* The view, newest first by halves, as a source would bring it. */
static void world_view(struct world *w)
{
	static const uint8_t none[ID_LEN];
	struct plan_tip tip;

	for (uint32_t k = 0; k < w->n; k++) {
		uint32_t t = (k + w->n / 2) % w->n;
		uint8_t ch[CH_LEN], parent[CH_LEN], id[ID_LEN];
		ch_of(ch, t);
		ch_of(parent, w->tenures[t].below == UINT32_MAX ? 999999 : w->tenures[t].below);
		id_of(id, w->tenures[t].below, 0);
		planner_sortition(w->plan, FIRST + t, ch, true, parent, w->tenures[t].below == UINT32_MAX ? none : id);
	}
	for (uint64_t c = 0; c <= (FIRST + w->n) / 50 + 1; c++)
		planner_reward_set(w->plan, c);
	id_of(tip.id, w->last, w->tenures[w->last].blocks - 1);
	ch_of(tip.ch, w->last);
	id_of(tip.start_id, w->last, 0);
	ch_of(tip.parent_ch, w->tenures[w->last].below);
	id_of(tip.parent_start_id, w->tenures[w->last].below, 0);
	planner_tip(w->plan, &tip);
}

static void world_peer(struct world *w, enum conduct conduct, unsigned latency, double bytes_per_ms)
{
	char name[16];
	uint8_t bits[8];
	int i;

	snprintf(name, sizeof(name), "peer %u", w->n_peers);
	i = planner_source(w->plan, w->now, name, false);
	assert_int_equal(i, w->n_peers);
	w->peers[w->n_peers++] = (struct peer){ .conduct = conduct, .latency = latency, .rate = bytes_per_ms };
	for (uint64_t c = FIRST / 50; c * 50 < FIRST + w->n; c++) {
		memset(bits, 0, sizeof(bits));
		for (uint32_t b = 0; b < 50; b++)
			if (c * 50 + b >= FIRST && c * 50 + b < FIRST + w->n && w->tenures[c * 50 + b - FIRST].started)
				bitvec_set(bits, b);
		planner_claims(w->plan, (unsigned)i, c, bits, 50);
	}
}

/* ---- the store ---- */

static void look(struct world *w, const struct action *a)
{
	struct plan_look l = { .proven = false };
	uint32_t t = get_be32(a->end + 4), end = get_be32(a->end + 8), low = end + 1, tip = 0;
	struct tenure *x = &w->tenures[t];

	while (low > 0 && x->stored[low - 1])
		low--;
	while (tip < x->blocks && x->stored[tip])
		tip++;
	l.proven = low == 0;
	if (low > 0)
		id_of(l.cursor, t, low - 1);
	if (tip > 0)
		id_of(l.stop, t, tip - 1);
	planner_looked(w->plan, w->now, a->height, &l);
}

static void judge(struct world *w)
{
	w->credit += w->per_ms * STEP;
	for (; w->credit >= 1 && w->head != w->tail; w->credit--) {
		struct written *x = &w->queue[w->head++ % 8192];
		uint8_t ch[CH_LEN], hash[32] = { 0 };
		bool bad = w->has_bad && x->tenure == w->bad_tenure && x->block == w->bad_block, lie = w->peers[x->source].conduct == INVALID;
		ch_of(ch, (uint32_t)x->height - FIRST);
		hash[0] = lie ? (uint8_t)(1 + x->source) : 0;
		w->tenures[x->tenure].stored[x->block] |= !bad && !lie;
		planner_verdict(w->plan, w->now, x->height, ch, (int)x->source, bad || lie ? VERDICT_REFUSED : VERDICT_STORED, x->id, hash, "signer");
	}
	if (w->credit > 1)
		w->credit = 1;
}

/* ---- peers ---- */

static void request(struct world *w, const struct action *a)
{
	struct answer *x = &w->answers[a->transfer];
	struct peer *p = &w->peers[a->source];

	assert_false(x->live);
	w->requests++;
	*x = (struct answer){ .live = true, .source = a->source, .ask = a->ask, .tenure = get_be32(a->id + 4), .next = get_be32(a->id + 8),
		.begin = w->now + p->latency, .body = a->ask == ASK_BODY };
	x->stop = get_be32(a->stop + 4) == x->tenure && !all_zero(a->stop, ID_LEN) ? get_be32(a->stop + 8) + 1 : 0;
	if (a->ask == ASK_INFO)
		x->begin = w->now;
	if (p->conduct == SILENT)
		x->begin = UINT64_MAX;
}

static void answer_end(struct world *w, struct answer *x, enum plan_end end, unsigned status)
{
	x->live = false;
	if (end == END_DONE && status == 200)
		w->sent -= (uint64_t)x->due;	/* a step is coarser than an answer */
	planner_end(w->plan, w->now, (unsigned)(x - w->answers), end, status, 0);
}

/* Refuse at the head of the answer, as this peer does. */
static bool refuses(struct world *w, struct answer *x, struct peer *p)
{
	if (x->ask == ASK_INFO)
		answer_end(w, x, END_DONE, 404);
	else if (p->conduct == DEAD)
		answer_end(w, x, END_CONNECT, 0);
	else if (p->conduct == NOTHING || (p->conduct == SOME404 && dice(w, 10) < 3))
		answer_end(w, x, END_DONE, 404);
	else if (p->conduct == BUSY && dice(w, 10) < 3)
		answer_end(w, x, END_DONE, 429);
	else if (p->conduct == GARBAGE)
		answer_end(w, x, END_GARBAGE, 200);
	else if (p->conduct == EMPTY)
		answer_end(w, x, END_DONE, 200);
	else
		return false;
	return true;
}

/* One whole block is across.  False: the answer is over. */
static bool deliver(struct world *w, struct answer *x, struct peer *p)
{
	uint8_t id[ID_LEN], parent[ID_LEN], ch[CH_LEN], prev[CH_LEN];
	struct tenure *t = &w->tenures[x->tenure];
	uint32_t b = x->next;
	uint64_t height = FIRST + x->tenure;
	struct plan_block info = { .id = id, .parent = parent, .ch = ch, .prev_ch = prev, .start = b == 0, .len = block_size(x->tenure, b) };

	id_of(id, x->tenure, p->conduct == WRONG ? b + 1000 : b);
	id_of(parent, b ? x->tenure : t->below, b ? b - 1 : t->below == UINT32_MAX ? 0 : w->tenures[t->below].blocks - 1);
	ch_of(ch, x->tenure);
	ch_of(prev, t->below);
	switch (planner_block(w->plan, w->now, (unsigned)(x - w->answers), &info)) {
	case TAKE: case TAKE_LAST:
		assert_true(w->tail - w->head < 8192);
		struct written *q = &w->queue[w->tail++ % 8192];
		*q = (struct written){ .tenure = x->tenure, .block = b, .source = x->source, .height = height };
		memcpy(q->id, id, ID_LEN);
		break;
	case DUPLICATE:
		break;
	case STOP_WRONG: case STOP_QUIET:
		answer_end(w, x, END_STOPPED, 200);
		return false;
	}
	if (!x->body || b == x->stop) {
		answer_end(w, x, END_DONE, 200);
		return false;
	}
	x->next--;
	return true;
}

static void serve(struct world *w)
{
	unsigned busy[16] = { 0 };

	for (unsigned i = 0; i < 128; i++)
		busy[w->answers[i].source] += w->answers[i].live && w->answers[i].begin <= w->now;
	for (unsigned i = 0; i < 128; i++) {
		struct answer *x = &w->answers[i];
		struct peer *p = &w->peers[x->source];
		if (!x->live || x->begin > w->now || (x->bytes == 0 && refuses(w, x, p)))
			continue;
		double n = (p->conduct == DRIP ? 0.001 : p->rate / busy[x->source]) * STEP;
		if ((p->conduct == STALL && x->bytes > 700) || (p->conduct == CUT && x->bytes > 2500)) {
			if (p->conduct == CUT)
				answer_end(w, x, END_CUT, 200);
			continue;
		}
		x->bytes += n;
		x->due += n;
		if ((uint64_t)x->bytes > (uint64_t)(x->bytes - n)) {
			w->sent += (uint64_t)x->bytes - (uint64_t)(x->bytes - n);
			planner_bytes(w->plan, w->now, i, (size_t)((uint64_t)x->bytes - (uint64_t)(x->bytes - n)));
		}
		while (x->due >= block_size(x->tenure, x->next)) {
			x->due -= block_size(x->tenure, x->next);
			if (!deliver(w, x, p))
				break;
		}
	}
}

static void act(struct world *w)
{
	struct action a;

	planner_turn(w->plan, w->now);
	while (planner_action(w->plan, &a)) {
		switch (a.kind) {
		case ACT_REQUEST: request(w, &a); break;
		case ACT_CANCEL:
			if (w->answers[a.transfer].live)
				answer_end(w, &w->answers[a.transfer], END_STOPPED, w->answers[a.transfer].bytes > 0 ? 200 : 0);
			break;
		case ACT_FAULT: w->peers[a.source].faults++; break;
		case ACT_LOOK: look(w, &a); break;
		case ACT_WANT: break;
		}
		if (a.kind == ACT_LOOK)
			planner_turn(w->plan, w->now);
	}
}

/* Until nothing is under way or on offer.  Milliseconds, or 0 if it took longer than `most`. */
static uint64_t run(struct world *w, uint64_t most)
{
	struct plan_state s;

	planner_no_news(w->plan);
	for (w->now = 1; w->now < most; w->now += STEP) {
		serve(w);
		judge(w);
		planner_room(w->plan, w->now, w->tail - w->head < 2000);
		act(w);
		planner_state(w->plan, w->now, &s);
		if (s.idle && w->head == w->tail)
			return w->now;
	}
	return 0;
}

static void all_proven(struct world *w, const char *what)
{
	struct plan_state s;
	char why[1000];

	planner_state(w->plan, w->now, &s);
	if (planner_missing(w->plan, why, sizeof(why)) || s.proven != s.wanted)
		fail_msg("%s: %u of %u proven: %s", what, s.proven, s.wanted, why);
}

static void honest_unblamed(struct world *w, const char *what)
{
	for (unsigned i = 0; i < w->n_peers; i++)
		if (w->peers[i].conduct == HONEST && w->peers[i].faults)
			fail_msg("%s: honest peer %u (%u ms, %.0f B/ms) has %u faults", what, i, w->peers[i].latency, w->peers[i].rate, w->peers[i].faults);
}

/* ---- tests ---- */

static struct world world;

static void seeds(void **state)
{
	struct world *w = &world;
	char what[80];

	for (uint32_t seed = 1; seed <= 200; seed++) {
		world_make(w, seed, 40 + dice(w, 200), 20);
		w->seed = seed * 77;
		world_view(w);
		snprintf(what, sizeof(what), "seed %u", seed);
		for (unsigned i = 0, n = 3 + dice(w, 4); i < n; i++)
			world_peer(w, HONEST, dice(w, 4) ? dice(w, 30) : dice(w, 200), 50 + dice(w, 4) * dice(w, 4) * 1000);
		for (unsigned i = 0, n = dice(w, 5); i < n; i++)
			world_peer(w, (enum conduct)(1 + dice(w, CONDUCTS - 1)), dice(w, 100), 2000);
		assert_true(run(w, 120000));
		all_proven(w, what);
		honest_unblamed(w, what);
		planner_free(w->plan);
	}
}

/* Each fault alone: it completes, or ends within a minute, and the peer is at fault. */
static void alone(void **state)
{
	struct world *w = &world;
	char why[1000];

	for (unsigned c = SILENT; c < CONDUCTS; c++) {
		world_make(w, c, 60, 10);
		world_view(w);
		world_peer(w, (enum conduct)c, 10, 2000);
		if (!run(w, 60000))
			fail_msg("%s: not ended after a minute", conduct_name[c]);
		if (planner_missing(w->plan, why, sizeof(why)) && c != INVALID && !w->peers[0].faults)
			fail_msg("%s: nobody is blamed for: %s", conduct_name[c], why);
		if ((c == CUT || c == BUSY || c == SOME404) && planner_missing(w->plan, why, sizeof(why)))
			fail_msg("%s: should complete: %s", conduct_name[c], why);
		planner_free(w->plan);
	}
}

/* Each fault beside three honest peers: it completes in about the time of three; bytes travel once. */
static void beside(void **state)
{
	struct world *w = &world;
	uint64_t ms[2];

	for (unsigned c = SILENT; c < CONDUCTS; c++) {
		for (unsigned with = 0; with < 2; with++) {
			world_make(w, 7, 400, 20);
			world_view(w);
			for (unsigned i = 0; i < 3; i++)
				world_peer(w, HONEST, 5, 400);
			if (with)
				world_peer(w, (enum conduct)c, 5, 400);
			ms[with] = run(w, 120000);
			assert_true(ms[with]);
			all_proven(w, conduct_name[c]);
			honest_unblamed(w, conduct_name[c]);
			if (with && w->sent > w->useful + w->useful / 10 + 100000)
				fail_msg("%s: %llu bytes for %llu", conduct_name[c], (unsigned long long)w->sent, (unsigned long long)w->useful);
			if (with && !w->peers[3].faults && c != INVALID && c != BUSY && c != SOME404 && c != CUT)
				fail_msg("%s: nobody is blamed", conduct_name[c]);
			planner_free(w->plan);
		}
		if (ms[1] > ms[0] * 13 / 10 + 2500)
			fail_msg("%s: %llu ms, %llu without it", conduct_name[c], (unsigned long long)ms[1], (unsigned long long)ms[0]);
	}
}

static void honest_costs(void **state)
{
	struct world *w = &world;
	struct plan_state s;

	world_make(w, 3, 600, 40);
	world_view(w);
	for (unsigned i = 0; i < 4; i++)
		world_peer(w, HONEST, 1, 3000);
	assert_true(run(w, 120000));
	all_proven(w, "four honest peers");
	planner_state(w->plan, w->now, &s);
	print_message("# %u tenures, %llu requests, %.4f bytes sent a useful byte\n", s.wanted, (unsigned long long)w->requests, (double)w->sent / (double)w->useful);
	assert_true(w->requests <= 2 * s.wanted);
	assert_true(w->sent <= w->useful + w->useful / 50);
	planner_free(w->plan);
}

/* 50 ms away costs little when judging is the bound. */
static void latency(void **state)
{
	struct world *w = &world;
	uint64_t ms[2];

	for (unsigned far = 0; far < 2; far++) {
		world_make(w, 5, 1500, 80);
		world_view(w);
		w->per_ms = 3;
		for (unsigned i = 0; i < 8; i++)
			world_peer(w, HONEST, far ? 100 : 0, 5000);
		ms[far] = run(w, 600000);
		assert_true(ms[far]);
		all_proven(w, "latency");
		honest_unblamed(w, "latency");
		planner_free(w->plan);
	}
	print_message("# %llu ms near, %llu ms at 100 ms\n", (unsigned long long)ms[0], (unsigned long long)ms[1]);
	assert_true(ms[1] <= ms[0] * 3 / 2);
}

/* Eight peers of 1 to 1/64 of a speed: the whole takes about bytes over the sum of speeds. */
static void stealing(void **state)
{
	struct world *w = &world;
	double sum = 0;

	world_make(w, 9, 1500, 40);
	world_view(w);
	w->per_ms = 100;
	for (unsigned i = 0; i < 7; i++) {
		world_peer(w, HONEST, 5, 3000.0 / (1u << i));
		sum += 3000.0 / (1u << i);
	}
	assert_true(run(w, 600000));
	all_proven(w, "stealing");
	honest_unblamed(w, "stealing");
	print_message("# %llu ms, %.0f by speed; %.3f bytes sent a useful byte\n", (unsigned long long)w->now, (double)w->useful / sum, (double)w->sent / (double)w->useful);
	assert_true((double)w->now <= 1.3 * (double)w->useful / sum + 1000);
	planner_free(w->plan);
}

/* A block that the chain itself has wrong: refused from two sources, then given up; all else is proven, nobody is left out. */
static void bad_block(void **state)
{
	struct world *w = &world;
	struct plan_state s;

	world_make(w, 11, 100, 10);
	world_view(w);
	w->has_bad = true;
	for (w->bad_tenure = 30; w->tenures[w->bad_tenure].blocks < 3; w->bad_tenure++)
		;
	w->bad_block = 1;
	for (unsigned i = 0; i < 3; i++)
		world_peer(w, HONEST, 5, 2000);
	assert_true(run(w, 60000));
	planner_state(w->plan, w->now, &s);
	assert_int_equal(s.proven, s.wanted - 1);
	assert_int_equal(s.sources, 3);
	honest_unblamed(w, "bad block");
	for (uint32_t b = 0; b < w->tenures[w->bad_tenure].blocks; b++)
		assert_int_equal(w->tenures[w->bad_tenure].stored[b], b != 1);
	planner_free(w->plan);
}

/* A whole history: memory and the time of a turn. */
static void history(void **state)
{
	struct network net = { .cycle_length = 2100, .n_epochs = 1, .epochs = { { EPOCH_30, FIRST } } };
	struct planner *p = planner_new(&net, FIRST, false, false);
	uint8_t ch[CH_LEN], parent[CH_LEN], id[ID_LEN];
	struct action a;
	clock_t begin = clock();

	for (uint32_t t = 0; t < 100000; t++) {
		ch_of(ch, t);
		ch_of(parent, t ? t - 1 : 999999);
		id_of(id, t ? t - 1 : 0, 0);
		planner_sortition(p, FIRST + t, ch, true, parent, id);
	}
	for (uint64_t c = 0; c < 60; c++)
		planner_reward_set(p, c);
	planner_source(p, 1, "http://127.0.0.1:1", true);
	planner_turn(p, 1);
	while (planner_action(p, &a))
		;
	double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
	print_message("# 100,000 tenures: %zu kB, %.0f ms\n", planner_memory(p) / 1000, seconds * 1000);
	assert_true(planner_memory(p) <= 17000000);
	begin = clock();
	for (uint64_t now = 100; now < 10100; now += 100) {
		planner_turn(p, now);
		while (planner_action(p, &a))
			if (a.kind == ACT_REQUEST)
				planner_end(p, now, a.transfer, END_DONE, 404, 0);
	}
	print_message("# a turn: %.3f ms\n", (double)(clock() - begin) / CLOCKS_PER_SEC * 10);
	planner_free(p);
}

/* The view gives way: what hung on it is dropped, the rest is finished on the other fork. */
static void reorg(void **state)
{
	struct world *w = &world;
	static const uint8_t none[ID_LEN];
	uint8_t ch[CH_LEN], id[ID_LEN], parent[CH_LEN];

	world_make(w, 13, 60, 5);
	world_view(w);
	for (unsigned i = 0; i < 3; i++)
		world_peer(w, HONEST, 5, 500);
	for (w->now = 1; w->now < 100; w->now += STEP) {
		serve(w);
		judge(w);
		act(w);
	}
	planner_unlearn(w->plan, FIRST + 40);
	for (uint32_t t = 41; t < 60; t++) {
		ch_of(ch, t);
		ch_of(parent, w->tenures[t].below);
		id_of(id, w->tenures[t].below, 0);
		planner_sortition(w->plan, FIRST + t, ch, true, parent, w->tenures[t].below == UINT32_MAX ? none : id);
	}
	assert_true(run(w, 60000));
	all_proven(w, "reorg");
	honest_unblamed(w, "reorg");
	planner_free(w->plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(honest_costs), cmocka_unit_test(alone), cmocka_unit_test(beside), cmocka_unit_test(latency), cmocka_unit_test(stealing),
		cmocka_unit_test(bad_block), cmocka_unit_test(reorg), cmocka_unit_test(history), cmocka_unit_test(seeds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
