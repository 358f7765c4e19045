/* The world of an epoch 2.x sync: see epoch2_world.h. */
#include "common/chain/hash.h"
#include "tests/sim/world/epoch2_world.h"

#define BLOCK 20000.0
#define STREAM 4000.0

static uint32_t dice(struct world2 *w, uint32_t n)
{
	w->seed = w->seed * 1664525 + 1013904223;
	return (w->seed >> 8) % n;
}

static void sortition_make(struct world2 *w, uint32_t t, uint32_t below)
{
	struct sortition2 *s = &w->at[t];
	uint32_t roll = t == 0 || t + 1 == w->n ? 9 : dice(w, 20);

	s->nakamoto = t >= w->epoch3;
	s->fate = roll == 0 ? NO_WINNER :
	    roll == 1	    ? PHANTOM :
	    roll == 2	    ? FORK :
			      CHAIN;
	if (s->nakamoto && s->fate != NO_WINNER)
		s->fate = CHAIN;
	s->below = below;
	s->confirms = s->fate == CHAIN && !s->nakamoto && below != NOBODY && dice(w, 3) == 0;
	memset(s->ch, 0xa5, CH_LEN);
	put_be32(s->ch, t);
	put_be32(s->ch + 8, t * 2654435761u);
	memset(s->hash, 0x3c, 32);
	put_be32(s->hash, t);
	hash_block_id(s->id, s->hash, s->ch);
	if (s->fate != CHAIN)
		return;
	w->top = t;
	if (!s->nakamoto)
		w->top2 = t;
}

void world2_make(struct world2 *w, uint32_t seed, uint32_t n, uint32_t epoch3)
{
	uint32_t below = NOBODY;

	memset(w, 0, sizeof(*w));
	w->seed = seed;
	w->n = n;
	w->epoch3 = epoch3;
	w->now = 1;
	w->hidden = NOBODY;
	w->net.first_burn_height = FIRST - 1;
	w->net.cycle_length = 50;
	w->net.epochs[0].epoch = EPOCH_21;
	w->net.epochs[1].epoch = EPOCH_30;
	w->net.epochs[1].start = FIRST + epoch3;
	w->net.n_epochs = 2;
	w->plan = planner_new(&w->net, FIRST, false, true);
	for (uint32_t t = 0; t < n; t++) {
		sortition_make(w, t, below);
		if (w->at[t].fate == CHAIN)
			below = t;
	}
}

void world2_sortition(struct world2 *w, uint32_t t)
{
	static const uint8_t none[CH_LEN], nothing[ID_LEN];
	const struct sortition2 *s = &w->at[t], *b = s->below == NOBODY ? NULL : &w->at[s->below];

	planner_sortition(w->plan, FIRST + t, s->ch, s->fate != NO_WINNER, b ? b->ch : none,
	    !s->nakamoto ? s->hash :
		b	 ? b->id :
			   nothing);
}

void world2_tip(struct world2 *w, uint32_t t)
{
	struct plan_tip tip = { .ch = { 0 } };

	memcpy(tip.id, w->at[t].id, ID_LEN);
	memcpy(tip.ch, w->at[t].ch, CH_LEN);
	if (w->at[t].nakamoto)
		memcpy(tip.start_id, w->at[t].id, ID_LEN);
	planner_tip(w->plan, &tip);
}

void world2_view(struct world2 *w)
{
	for (uint32_t k = 0; k < w->n; k++)
		world2_sortition(w, (k + w->n / 2) % w->n);
	for (uint64_t c = 0; c <= w->n / 50 + 1; c++)
		planner_reward_set(w->plan, c);
	if (w->at[w->top].nakamoto)
		world2_tip(w, w->top);
}

static bool claims(const struct world2 *w, const struct peer2 *p, uint32_t t,
    enum inventory_kind kind)
{
	const struct sortition2 *s = &w->at[t];

	if (s->nakamoto != (kind == INV_TENURES))
		return false;
	if (kind == INV_MICROBLOCKS)
		return s->confirms;
	return s->fate == CHAIN || (s->fate == FORK && p->conduct != NO_STREAMS);
}

void world2_peer(struct world2 *w, enum conduct2 conduct, double bytes_per_ms)
{
	struct peer2 *p = &w->peers[w->n_peers];
	char name[16];
	int i;

	*p = (struct peer2){ .conduct = conduct, .rate = bytes_per_ms };
	snprintf(name, sizeof(name), "peer %u", w->n_peers++);
	i = planner_source(w->plan, w->now, name, false);
	for (uint64_t c = 0; c <= w->n / 50; c++)
		for (unsigned k = 0; k < INV_POX; k++) {
			enum inventory_kind kind = (enum inventory_kind)k;
			uint8_t bits[8] = { 0 };
			for (uint32_t b = 0; b < 50; b++) {
				uint64_t h = inventory_height(&w->net, kind, c, b);
				if (h >= FIRST && h < FIRST + w->n &&
				    claims(w, p, (uint32_t)(h - FIRST), kind))
					bitvec_set(bits, b);
			}
			planner_claims(w->plan, (unsigned)i, kind, c, bits, 50);
		}
}

/* ---- the store ---- */

static void look(struct world2 *w, const struct action *a)
{
	struct sortition2 *s = &w->at[a->height - FIRST];
	struct plan_look l = { .confirms = s->stored && s->confirms };

	l.proven = a->item == ITEM_STREAM ? s->stream_stored : s->stored;
	memcpy(l.cursor, s->id, ID_LEN);
	planner_looked(w->plan, w->now, a->height, a->item, &l);
}

static void judge(struct world2 *w)
{
	for (; w->head != w->tail; w->head++) {
		struct written2 *x = &w->queue[w->head % 1024];
		struct sortition2 *s = &w->at[x->of];
		static const uint8_t hash[32];
		struct plan_judged v = { x->kind, FIRST + x->of, s->ch, s->id, hash,
			(int)x->source, "merkle" };
		bool bad = s->refused || (x->kind == ITEM_STREAM && s->bad_streams);

		if (bad && !s->refused)
			s->bad_streams--;
		else if (!s->refused && x->kind == ITEM_STREAM)
			s->stream_stored = true;
		else if (!s->refused)
			s->stored = true;
		planner_verdict(w->plan, w->now, bad ? VERDICT_REFUSED : VERDICT_STORED, &v);
	}
}

/* ---- peers ---- */

static void ask(struct world2 *w, const struct action *a)
{
	struct answer2 *x = &w->answers[a->transfer];
	uint32_t t = (uint32_t)(a->height - FIRST);

	assert_false(x->live);
	*x = (struct answer2){ true, a->source, a->ask, t,
		a->ask == ASK_STREAM ? STREAM : BLOCK, w->now + 10 };
	w->peers[a->source].inflight++;
	if (a->ask == ASK_INFO)
		return;
	assert_int_not_equal(w->at[t].fate, NO_WINNER);
	w->asked_unclaimed += w->at[t].fate == PHANTOM;
	w->asked_streams += a->ask == ASK_STREAM;
	/* A stream is judged by the blocks at both of its ends. */
	if (a->ask == ASK_STREAM)
		assert_true(w->at[t].stored && w->at[w->at[t].below].stored);
}

static void answer_end(struct world2 *w, struct answer2 *x, enum plan_end end, unsigned status)
{
	x->live = false;
	w->peers[x->source].inflight--;
	planner_end(w->plan, w->now, (unsigned)(x - w->answers), end, status, 0);
}

static bool lacks(const struct world2 *w, const struct answer2 *x)
{
	const struct peer2 *p = &w->peers[x->source];
	const struct sortition2 *s;

	if (x->ask == ASK_INFO)
		return true;
	s = &w->at[x->of];
	return s->fate == PHANTOM || (x->ask == ASK_STREAM && p->conduct == NO_STREAMS) ||
	    (p->conduct == WITHHOLDS && x->of == w->hidden) ||
	    (s->fate == FORK && p->conduct != ALL);
}

static void deliver(struct world2 *w, struct answer2 *x)
{
	static const uint8_t nothing[ID_LEN];
	const struct sortition2 *s = &w->at[x->of];
	const struct sortition2 *b = s->below == NOBODY ? NULL : &w->at[s->below];
	struct plan_block info = { .id = s->id,
		.parent = b ? b->id : nothing,
		.ch = s->ch,
		.prev_ch = b ? b->ch : nothing,
		.start = true,
		.confirms = s->confirms,
		.len = 1 };

	switch (planner_block(w->plan, w->now, (unsigned)(x - w->answers), &info)) {
	case TAKE: case TAKE_LAST:
		w->queue[w->tail++ % 1024] = (struct written2){ x->of, x->source,
			x->ask == ASK_STREAM ? ITEM_STREAM : ITEM_BODY };
		break;
	case DUPLICATE:
		break;
	default:
		answer_end(w, x, END_STOPPED, 200);
		return;
	}
	answer_end(w, x, END_DONE, 200);
}

static void serve(struct world2 *w)
{
	for (unsigned i = 0; i < 128; i++) {
		struct answer2 *x = &w->answers[i];
		if (!x->live || x->begin > w->now)
			continue;
		if (lacks(w, x)) {
			answer_end(w, x, END_DONE, 404);
			continue;
		}
		double n = w->peers[x->source].rate * STEP / w->peers[x->source].inflight;
		x->left -= n;
		planner_bytes(w->plan, w->now, i, (size_t)n + 1);
		if (x->left <= 0)
			deliver(w, x);
	}
}

static void act(struct world2 *w)
{
	struct action a;

	planner_turn(w->plan, w->now);
	while (planner_action(w->plan, &a))
		switch (a.kind) {
		case ACT_REQUEST: ask(w, &a); break;
		case ACT_CANCEL:
			if (w->answers[a.transfer].live)
				answer_end(w, &w->answers[a.transfer], END_STOPPED, 200);
			break;
		case ACT_FAULT: w->peers[a.source].faults++; break;
		case ACT_LOOK:
			look(w, &a);
			planner_turn(w->plan, w->now);
			break;
		case ACT_WANT: w->wants[a.item == ITEM_STREAM]++; break;
		}
}

uint64_t world2_run(struct world2 *w, uint64_t most)
{
	uint64_t began = w->now;
	struct plan_state s;

	planner_no_news(w->plan);
	for (uint64_t end = w->now + most; w->now < end; w->now += STEP) {
		serve(w);
		judge(w);
		act(w);
		planner_state(w->plan, w->now, &s);
		if (s.idle && w->head == w->tail)
			return w->now - began;
	}
	return 0;
}

void world2_whole(struct world2 *w, bool streams, const char *what)
{
	for (uint32_t t = 0; t < w->n; t++) {
		const struct sortition2 *s = &w->at[t];
		if (s->fate == CHAIN && t <= w->top && !s->stored)
			fail_msg("%s: no block of burn height %u", what, FIRST + t);
		if (streams && s->confirms && !s->stream_stored)
			fail_msg("%s: no stream of burn height %u", what, FIRST + t);
	}
}

void world2_unblamed(struct world2 *w)
{
	for (unsigned i = 0; i < w->n_peers; i++)
		assert_int_equal(w->peers[i].faults, 0);
}
