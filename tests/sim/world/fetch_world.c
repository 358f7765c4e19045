/* The world of the planner's simulations: see fetch_world.h. */
#include "tests/sim/world/fetch_world.h"

const char *const conduct_name[] = { "honest", "silent", "drip", "stall", "cut", "dead", "404",
	"some 404", "wrong block", "garbage", "invalid", "429", "empty", "rate limit" };

uint32_t world_dice(struct world *w, uint32_t n)
{
	w->seed = w->seed * 1664525 + 1013904223;
	return (w->seed >> 8) % n;
}

void world_id(uint8_t id[ID_LEN], uint32_t tenure, uint32_t block)
{
	memset(id, 0x5a, ID_LEN);
	put_be32(id, tenure * 2654435761u);
	put_be32(id + 4, tenure);
	put_be32(id + 8, block);
}

void world_ch(uint8_t ch[CH_LEN], uint32_t tenure)
{
	memset(ch, 0xa5, CH_LEN);
	put_be32(ch, tenure);
	put_be32(ch + 8, tenure * 2654435761u);
}

uint32_t world_block_size(uint32_t tenure, uint32_t block)
{
	return 1400 + (tenure * 31 + block * 17) % 1600;
}

void world_make(struct world *w, uint32_t seed, uint32_t tenures, uint32_t max_blocks)
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
	w->now = 1;
	w->plan = planner_new(&w->net, FIRST, false, true);
	for (uint32_t t = 0; t < tenures; t++) {
		struct tenure *x = &w->tenures[t];
		x->started = t == 0 || world_dice(w, 10) > 0;
		x->below = below;
		if (!x->started)
			continue;
		x->blocks = 1 + world_dice(w, max_blocks);
		w->n_blocks += x->blocks;
		for (uint32_t b = 0; b < x->blocks; b++)
			w->useful += world_block_size(t, b);
		below = w->last = t;
	}
}

/* The view, newest first by halves, as a source would bring it. */
void world_view(struct world *w)
{
	static const uint8_t none[ID_LEN];
	for (uint32_t k = 0; k < w->n; k++) {
		uint32_t t = (k + w->n / 2) % w->n;
		uint8_t ch[CH_LEN], parent[CH_LEN], id[ID_LEN];
		world_ch(ch, t);
		world_ch(parent, w->tenures[t].below == UINT32_MAX ? 999999 : w->tenures[t].below);
		world_id(id, w->tenures[t].below,
		    w->wrong_commits && !w->tenures[t].started ? 9999 : 0);
		planner_sortition(w->plan, FIRST + t, ch, true, parent,
		    w->tenures[t].below == UINT32_MAX ? none : id);
	}
	for (uint64_t c = 0; c <= (FIRST + w->n) / 50 + 1; c++)
		planner_reward_set(w->plan, c);
	world_name_tip(w, w->tenures[w->last].blocks - 1);
}

void world_peer(struct world *w, enum conduct conduct, unsigned latency, double bytes_per_ms)
{
	char name[16];
	uint8_t bits[8];
	int i;

	snprintf(name, sizeof(name), "peer %u", w->n_peers);
	i = planner_source(w->plan, w->now, name, false);
	assert_int_equal(i, w->n_peers);
	w->peers[w->n_peers++] =
	    (struct peer){ .conduct = conduct, .latency = latency, .rate = bytes_per_ms };
	for (uint64_t c = FIRST / 50; c * 50 < FIRST + w->n; c++) {
		if (c < w->claim_from)
			continue;
		memset(bits, 0, sizeof(bits));
		for (uint32_t b = 0; b < 50; b++)
			if (c * 50 + b >= FIRST && c * 50 + b < FIRST + w->n &&
			    w->tenures[c * 50 + b - FIRST].started)
				bitvec_set(bits, b);
		planner_claims(w->plan, (unsigned)i, INV_TENURES, c, bits, 50);
	}
}

/* ---- the store ---- */

static void look(struct world *w, const struct action *a)
{
	struct plan_look l = { .proven = false };
	const uint8_t *from = all_zero(a->end, ID_LEN) ? a->start : a->end;
	uint32_t t = get_be32(from + 4), end = get_be32(from + 8), low = end + 1, tip = 0;
	struct tenure *x = &w->tenures[t];

	while (low > 0 && x->stored[low - 1])
		low--;
	while (tip < x->blocks && x->stored[tip])
		tip++;
	l.proven = low == 0;
	if (low > 0)
		world_id(l.cursor, t, low - 1);
	if (tip > 0)
		world_id(l.stop, t, tip - 1);
	planner_looked(w->plan, w->now, a->height, a->item, &l);
}

void world_judge(struct world *w)
{
	w->credit += w->per_ms * STEP;
	for (; w->credit >= 1 && w->head != w->tail; w->credit--) {
		struct written *x = &w->queue[w->head++ % 8192];
		uint8_t ch[CH_LEN], hash[32] = { 0 };
		bool bad = w->has_bad && x->tenure == w->bad_tenure && x->block == w->bad_block,
		     lie = w->peers[x->source].conduct == INVALID;
		bool aside = x->tenure == w->aside_tenure && x->block == 0 &&
		    w->aside_sources >> x->source & 1;
		world_ch(ch, (uint32_t)x->height - FIRST);
		hash[0] = lie ? (uint8_t)(1 + x->source) : 0;
		w->tenures[x->tenure].stored[x->block] |= !bad && !lie && !aside;
		struct plan_judged v = { ITEM_BODY, x->height, ch, x->id, hash, (int)x->source,
			aside ? "setaside" : "signer" };
		planner_verdict(w->plan, w->now,
		    aside ? VERDICT_ASIDE : bad || lie ? VERDICT_REFUSED : VERDICT_STORED, &v);
	}
	if (w->credit > 1)
		w->credit = 1;
}

/* ---- peers ---- */

static void world_request(struct world *w, const struct action *a)
{
	struct answer *x = &w->answers[a->transfer];
	struct peer *p = &w->peers[a->source];

	assert_false(x->live);
	w->requests++;
	*x = (struct answer){ .live = true,
		.source = a->source,
		.ask = a->ask,
		.tenure = get_be32(a->id + 4),
		.next = get_be32(a->id + 8),
		.begin = w->now + p->latency,
		.body = a->ask == ASK_BODY || a->ask == ASK_TIP };
	x->stop = get_be32(a->stop + 4) == x->tenure && !all_zero(a->stop, ID_LEN) ?
	    get_be32(a->stop + 8) + 1 :
	    0;
	if (a->ask == ASK_INFO)
		x->begin = w->now;
	if (p->conduct == SILENT)
		x->begin = UINT64_MAX;
}

/* So many requests in so much time, else 429 with Retry-After. */
#define LIMIT 10u
#define LIMIT_MS 4000u

static bool over_limit(struct world *w, struct peer *p)
{
	if (w->now >= p->window + LIMIT_MS) {
		p->window = w->now;
		p->left = LIMIT;
	}
	return p->left == 0 || p->left-- == 0;
}

static void answer_end(struct world *w, struct answer *x, enum plan_end end, unsigned status)
{
	x->live = false;
	if (end == END_DONE && status == 200)
		w->sent -= (uint64_t)x->due;	/* a step is coarser than an answer */
	planner_end(w->plan, w->now, (unsigned)(x - w->answers), end, status, status == 429 &&
	    w->peers[x->source].conduct == LIMITED ? 4 : 0);
}

/* Refuse at the head of the answer, as this peer does. */
static bool refuses(struct world *w, struct answer *x, struct peer *p)
{
	if (x->ask == ASK_INFO || x->next >= w->tenures[x->tenure].blocks)
		answer_end(w, x, END_DONE, 404);
	else if (p->conduct == DEAD)
		answer_end(w, x, END_CONNECT, 0);
	else if (p->conduct == NOTHING || (p->conduct == SOME404 && world_dice(w, 10) < 3))
		answer_end(w, x, END_DONE, 404);
	else if (p->conduct == BUSY && world_dice(w, 10) < 3)
		answer_end(w, x, END_DONE, 429);
	else if (p->conduct == LIMITED && over_limit(w, p))
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
	struct plan_block info = { .id = id,
		.parent = parent,
		.ch = ch,
		.prev_ch = prev,
		.start = b == 0,
		.len = world_block_size(x->tenure, b) };

	world_id(id, x->tenure, p->conduct == WRONG ? b + 1000 : b);
	world_id(parent, b ? x->tenure : t->below,
	    b			       ? b - 1 :
		t->below == UINT32_MAX ? 0 :
					 w->tenures[t->below].blocks - 1);
	world_ch(ch, x->tenure);
	world_ch(prev, t->below);
	switch (planner_block(w->plan, w->now, (unsigned)(x - w->answers), &info)) {
	case TAKE: case TAKE_LAST:
		assert_true(w->tail - w->head < 8192);
		struct written *q = &w->queue[w->tail++ % 8192];
		*q = (struct written){
			.tenure = x->tenure, .block = b, .source = x->source, .height = height
		};
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

void world_serve(struct world *w)
{
	unsigned busy[16] = { 0 };

	for (unsigned i = 0; i < w->n_peers && w->freezes; i++)
		if (w->now >= w->peers[i].frozen && world_dice(w, 10000) < STEP)
			w->peers[i].frozen = w->now + world_dice(w, w->freezes);
	for (unsigned i = 0; i < 128; i++)
		busy[w->answers[i].source] += w->answers[i].live && w->answers[i].begin <= w->now;
	for (unsigned i = 0; i < 128; i++) {
		struct answer *x = &w->answers[i];
		struct peer *p = &w->peers[x->source];
		if (!x->live || x->begin > w->now || p->frozen > w->now ||
		    (x->bytes == 0 && refuses(w, x, p)))
			continue;
		double n = (p->conduct == DRIP ? 0.001 : p->rate / busy[x->source]) * STEP;
		if ((p->conduct == STALL && x->bytes > 700) ||
		    (p->conduct == CUT && x->bytes > 2500)) {
			if (p->conduct == CUT)
				answer_end(w, x, END_CUT, 200);
			continue;
		}
		x->bytes += n;
		x->due += n;
		if ((uint64_t)x->bytes > (uint64_t)(x->bytes - n)) {
			w->sent += (uint64_t)x->bytes - (uint64_t)(x->bytes - n);
			planner_bytes(w->plan, w->now, i,
			    (size_t)((uint64_t)x->bytes - (uint64_t)(x->bytes - n)));
		}
		while (x->due >= world_block_size(x->tenure, x->next)) {
			x->due -= world_block_size(x->tenure, x->next);
			if (!deliver(w, x, p))
				break;
		}
	}
}

void world_do(struct world *w, const struct action *a)
{
	switch (a->kind) {
	case ACT_REQUEST: world_request(w, a); break;
	case ACT_CANCEL:
		if (w->answers[a->transfer].live)
			answer_end(w, &w->answers[a->transfer], END_STOPPED,
			    w->answers[a->transfer].bytes > 0 ? 200 : 0);
		break;
	case ACT_FAULT:
		w->peers[a->source].faults++;
		w->peers[a->source].slow += a->class == FAULT_SLOW;
		break;
	case ACT_LOOK: look(w, a); break;
	case ACT_WANT: break;
	}
}

void world_act(struct world *w)
{
	struct action a;

	planner_turn(w->plan, w->now);
	while (planner_action(w->plan, &a)) {
		world_do(w, &a);
		if (a.kind == ACT_LOOK)
			planner_turn(w->plan, w->now);
	}
}

/* Until nothing is under way or on offer.  Milliseconds, or 0 if it took longer than `most`. */
uint64_t world_run(struct world *w, uint64_t most)
{
	struct plan_state s;

	uint64_t began = w->now;

	planner_no_news(w->plan);
	for (uint64_t end = w->now + most; w->now < end; w->now += STEP) {
		world_serve(w);
		world_judge(w);
		planner_room(w->plan, w->now, w->tail - w->head < 2000);
		world_act(w);
		planner_state(w->plan, w->now, &s);
		if (s.idle && w->head == w->tail)
			return w->now - began;
	}
	return 0;
}

void world_all_proven(struct world *w, const char *what)
{
	struct plan_state s;
	char why[1000];

	planner_state(w->plan, w->now, &s);
	if (planner_missing(w->plan, why, sizeof(why)) || s.proven != s.wanted)
		fail_msg("%s: %u of %u proven: %s", what, s.proven, s.wanted, why);
}

void world_honest_unblamed(struct world *w, const char *what)
{
	for (unsigned i = 0; i < w->n_peers; i++)
		if (w->peers[i].conduct == HONEST && w->peers[i].faults)
			fail_msg("%s: honest peer %u (%u ms, %.0f B/ms) has %u faults", what, i,
			    w->peers[i].latency, w->peers[i].rate, w->peers[i].faults);
}

void world_name_tip(struct world *w, uint32_t block)
{
	struct plan_tip tip;

	world_id(tip.id, w->last, block);
	world_ch(tip.ch, w->last);
	world_id(tip.start_id, w->last, 0);
	world_ch(tip.parent_ch, w->tenures[w->last].below);
	world_id(tip.parent_start_id, w->tenures[w->last].below, 0);
	planner_tip(w->plan, &tip);
}
