/* What to ask about which cycle of which peer, and when.  Each peer has its own list, so a slow one
 * delays nobody; each answer is filed under the cycle that was asked.  The two newest cycles come
 * first, as what is missing at the tip is wanted soonest, then older ones down to the first.  Of
 * epoch 2.x anchor blocks come before all, from cycle 0 on, and then blocks as far as both follow
 * the same ones. */
#include <stdlib.h>

#include "cmd/inv-sync/machine.h"
#include "common/chain/inventory.h"
#include "common/chain/pox.h"
#include "common/sys/log.h"
#include "common/wire/message.h"

const struct question inv_questions[] = {
	{ INV_TENURES, 1, NAKAMOTO, MSG_GET_NAKAMOTO_INV, MSG_NAKAMOTO_INV, 1 },
	{ INV_POX, 1, EPOCH2, MSG_GET_POX_INV, MSG_POX_INV, ASK_POX_STEP },
	{ INV_BLOCKS, 2, EPOCH2, MSG_GET_BLOCKS_INV, MSG_BLOCKS_INV, 1 },
};
const unsigned n_inv_questions = sizeof(inv_questions) / sizeof(*inv_questions);

bool question_known(const struct question *q, const struct network *net, uint32_t version)
{
	if (q->model == EPOCH2)
		return true;
	return (uint8_t)version >= EPOCH_30 || (uint8_t)version == (uint8_t)net->peer_version;
}

/* The cycles in which there may be blocks of a question's model, as its answers number their
 * bits, from a burn height on.  Anchor blocks are compared from the first cycle on. */
static void span(struct machine *m, unsigned q, uint64_t wanted)
{
	const struct question *k = &m->questions[q];
	enum inventory_kind kind = k->kind == INV_POX ? INV_BLOCKS : k->kind;
	uint64_t first = network_model_first(m->net, k->model),
		 nakamoto = network_model_first(m->net, NAKAMOTO);
	uint32_t bit;

	m->span[q].first = m->span[q].last = UINT64_MAX;
	if (k->model == EPOCH2 && first != UINT64_MAX && nakamoto != UINT64_MAX) {
		inventory_bit(m->net, kind, nakamoto - 1, &m->span[q].last, &bit);
		if (wanted >= nakamoto)
			return;
	}
	if (k->kind == INV_BLOCKS && first < wanted)
		first = wanted;
	if (first != UINT64_MAX)
		inventory_bit(m->net, kind, first, &m->span[q].first, &bit);
}

void machine_want(struct machine *m, uint64_t burn_height)
{
	for (unsigned q = 0; q < m->n_questions; q++)
		span(m, q, burn_height);
}

void machine_init(struct machine *m, const struct network *net, bool once,
    const struct question *questions, unsigned n)
{
	if (n > MAX_QUESTIONS)
		BUG("%u questions", n);
	*m = (struct machine){ .net = net, .once = once, .burst_at = UINT64_MAX };
	m->questions = questions;
	m->n_questions = n;
	m->first = UINT64_MAX;
	for (unsigned q = 0; q < n; q++) {
		span(m, q, 0);
		m->first = m->span[q].first < m->first ? m->span[q].first : m->first;
	}
	m->last = m->first - 1;
}

void machine_release(struct machine *m)
{
	free(m->known);
}

void asks_release(struct asks *a)
{
	free(a->at);
	*a = (struct asks){ 0 };
}

static size_t cycles(const struct machine *m)
{
	return (size_t)(m->last + 1 - m->first);
}

/* The newest cycle whose query height exists: one burn block into it. */
void machine_tip(struct machine *m, uint64_t tip, bool news, uint64_t now)
{
	uint64_t last;
	uint32_t bit;

	if (tip <= m->net->first_burn_height || m->first == UINT64_MAX)
		return;
	inventory_bit(m->net, INV_BLOCKS, tip, &last, &bit);
	if (last + 1 > m->first && last != m->last) {
		size_t had = cycles(m), n = (size_t)(last + 1 - m->first);
		m->known = xrealloc(m->known, n * sizeof(*m->known));
		for (size_t i = had; i < n; i++)
			m->known[i] = false;
		m->last = last;
	}
	if (news)
		m->burst_at = now + ASK_BURST_MS;
}

void machine_cycle_known(struct machine *m, uint64_t cycle)
{
	m->known[cycle - m->first] = true;
}

static void fit(struct asks *a, const struct machine *m)
{
	size_t n = cycles(m), size = m->n_questions * sizeof(*a->at);

	if (n <= a->n)
		return;		/* a view that shrank leaves answers that nobody asks for again */
	a->at = xrealloc(a->at, n * size);
	memset(a->at + a->n * m->n_questions, 0, (n - a->n) * size);
	a->n = n;
}

static struct ask *ask_of(const struct asks *a, const struct machine *m, struct inquiry i)
{
	return &a->at[(i.cycle - m->first) * m->n_questions + i.question];
}

/* Bits of an answer about the anchor blocks of cycles, which come in order. */
static uint32_t pox_bits(
    const struct asks *a, const struct machine *m, const struct asked *peer, struct inquiry i)
{
	uint64_t n = pox_count(m->net, peer->reach), last = m->span[i.question].last;

	if (last < MAX_POX_BITS && n > last + 1)
		n = last + 1;
	if (n > MAX_POX_BITS)
		n = MAX_POX_BITS;
	if (i.cycle % ASK_POX_STEP != 0 || i.cycle > a->n_pox || i.cycle >= n)
		return 0;
	return n - i.cycle < ASK_POX_STEP ? (uint32_t)(n - i.cycle) : ASK_POX_STEP;
}

/* Whether a question makes sense of a cycle, and can be put to this peer; and how. */
static bool askable(
    const struct asks *a, const struct machine *m, const struct asked *peer, struct inquiry *i)
{
	const struct question *q = &m->questions[i->question];

	i->count = 0;
	if (!m->known[i->cycle - m->first] || i->cycle < m->span[i->question].first ||
	    i->cycle > m->span[i->question].last || !question_known(q, m->net, peer->version))
		return false;
	if (q->model == NAKAMOTO)
		return true;
	if (q->kind == INV_POX)
		i->count = pox_bits(a, m, peer, *i);
	else if (i->cycle < a->agreed)
		i->count = inventory_length(m->net, q->kind, i->cycle, peer->reach);
	return i->count > 0;
}

/* What flies is asked once more. */
static void due_again(struct ask *k, uint64_t at)
{
	if (k->state == ASK_FLYING)
		k->again = true;
	else
		*k = (struct ask){ .state = ASK_DUE, .at = at };
}

void asks_forget(struct asks *a, const struct machine *m, uint64_t cycle)
{
	fit(a, m);
	for (unsigned q = 0; q < m->n_questions; q++)
		due_again(ask_of(a, m, (struct inquiry){ .question = q, .cycle = cycle }), 0);
}

static bool ripe(const struct ask *k, const struct machine *m, uint64_t now)
{
	if (k->state == ASK_FLYING || now < k->at)
		return false;
	return k->state == ASK_DUE || !m->once;
}

/* All inquiries, the newest cycles first: begins above the newest; false: no more. */
static struct inquiry above_all(const struct machine *m)
{
	return (struct inquiry){ .question = m->n_questions - 1, .cycle = m->last + 1 };
}

static bool next_inquiry(const struct machine *m, struct inquiry *i)
{
	if (++i->question < m->n_questions)
		return true;
	i->question = 0;
	return i->cycle-- > m->first;
}

/* A burst is taken part in once: what is about the two newest cycles is due whatever its state, and
 * a peer that was behind need not wait out its pause. */
static void burst(struct asks *a, const struct machine *m, uint64_t now)
{
	struct inquiry i = above_all(m);

	if (now < m->burst_at || a->burst_done == m->burst_at)
		return;
	a->burst_done = m->burst_at;
	while (next_inquiry(m, &i)) {
		struct ask *k = ask_of(a, m, i);
		unsigned tries = k->tries;

		if (i.cycle + m->questions[i.question].step + 1 <= m->last)
			continue;
		due_again(k, 0);
		k->tries = tries;
	}
}

uint64_t scan_start(uint64_t newest, uint32_t inv_reward_cycles, uint64_t reached)
{
	uint64_t back = inv_reward_cycles ? inv_reward_cycles : 1,
		 start = newest > back ? newest - back : 0;

	return reached < start ? reached : start;
}

static enum model model_of(const struct machine *m, struct inquiry i)
{
	return m->questions[i.question].model;
}

bool asks_next(struct asks *a, const struct machine *m, const struct asked *peer, uint64_t now,
    struct inquiry *found)
{
	struct inquiry i = above_all(m);

	fit(a, m);
	burst(a, m, now);
	while (next_inquiry(m, &i)) {
		unsigned *flying = &a->flying[model_of(m, i)];

		if (*flying >= ASK_FLYING_MAX || !ripe(ask_of(a, m, i), m, now) ||
		    !askable(a, m, peer, &i))
			continue;
		ask_of(a, m, i)->state = ASK_FLYING;
		++*flying;
		*found = i;
		return true;
	}
	return false;
}

void asks_lost(struct asks *a, const struct machine *m)
{
	for (size_t i = 0; i < a->n * m->n_questions; i++)
		if (a->at[i].state == ASK_FLYING)
			a->at[i] = (struct ask){ .state = ASK_DUE, .tries = a->at[i].tries };
	memset(a->flying, 0, sizeof(a->flying));
}

static struct ask *landed(struct asks *a, const struct machine *m, struct inquiry i)
{
	struct ask *k = ask_of(a, m, i);

	if (k->state == ASK_FLYING)
		a->flying[model_of(m, i)]--;
	return k;
}

/* Whether a cycle is one of those that later scans are about.  A peer that has answered for the
 * last cycle of all can learn nothing new at that end. */
static bool is_recent(const struct asks *a, const struct machine *m, struct inquiry i)
{
	uint64_t at = i.cycle, step = m->questions[i.question].step;

	for (i.cycle = m->first + a->n - 1; i.cycle > at; i.cycle--)
		if (ask_of(a, m, i)->state == ASK_ANSWERED)
			break;
	if (m->span[i.question].last - i.cycle < step)
		i.cycle = m->last;
	return at + step > scan_start(m->last, m->net->inv_reward_cycles, i.cycle);
}

void asks_answered(struct asks *a, const struct machine *m, struct inquiry i, uint64_t now)
{
	bool recent = is_recent(a, m, i);
	struct ask *k = landed(a, m, i);

	if (k->again)
		*k = (struct ask){ .state = ASK_DUE };
	else
		*k = (struct ask){ .state = ASK_ANSWERED,
			.at = now + (recent ? ASK_REFRESH_MS : ASK_OLD_MS) };
}

bool asks_refused(struct asks *a, const struct machine *m, struct inquiry i, uint64_t now)
{
	static const unsigned wait[] = { 5000, 10000, 20000, 45000 };
	struct ask *k = landed(a, m, i);

	k->at = now + wait[k->tries < 3 ? k->tries : 3];
	k->tries++;
	k->again = false;
	k->state = k->tries >= ASK_TRIES ? ASK_FAILED : ASK_DUE;
	return k->tries == ASK_TRIES;
}

void asks_pox_load(struct asks *a, const uint8_t *bits, uint32_t n)
{
	uint8_t own[MAX_POX_BITS / 8];
	uint32_t differ;

	a->n_pox = n < MAX_POX_BITS ? n : MAX_POX_BITS;
	memmove(a->pox, bits, bitvec_bytes(a->n_pox));
	pox_own(own, a->n_pox);
	pox_disagree(own, a->n_pox, a->pox, a->n_pox, &differ);
	a->agreed = differ;
}

/* All that was said of blocks from a cycle on is asked for again. */
static void turn(struct asks *a, const struct machine *m, uint64_t cycle, uint64_t now)
{
	struct inquiry i = above_all(m);
	uint64_t at = 0;

	fit(a, m);
	if (a->turned_at && now < a->turned_at + ASK_OLD_MS)
		at = a->turned_at + ASK_OLD_MS;
	else
		a->turned_at = now;
	while (next_inquiry(m, &i))
		if (m->questions[i.question].kind == INV_BLOCKS && i.cycle >= cycle)
			due_again(ask_of(a, m, i), at);
}

uint64_t asks_pox(struct asks *a, const struct machine *m, struct inquiry i, const uint8_t *bits,
    uint32_t n, uint64_t now)
{
	uint64_t agreed = a->agreed, from = UINT64_MAX;
	uint32_t flipped = pox_merge(a->pox, &a->n_pox, MAX_POX_BITS, (uint32_t)i.cycle, bits, n);

	if (n < i.count && a->n_pox > i.cycle + n)
		a->n_pox = (uint32_t)i.cycle + n;
	asks_pox_load(a, a->pox, a->n_pox);
	if (a->agreed < agreed)
		from = a->agreed;
	if (flipped != UINT32_MAX && flipped < from)
		from = flipped;
	if (from != UINT64_MAX)
		turn(a, m, from, now);
	return from;
}

void asks_let(struct asks *a, const struct machine *m, struct inquiry i)
{
	ask_of(a, m, i)->state = ASK_FAILED;
}

/* Of a cycle that has come to be known since the last question: a question that is due. */
static struct ask state_of(const struct asks *a, const struct machine *m, struct inquiry i)
{
	return i.cycle - m->first < a->n ? *ask_of(a, m, i) : (struct ask){ .state = ASK_DUE };
}

bool asks_heard(const struct asks *a, const struct machine *m, const struct asked *peer)
{
	struct inquiry i = above_all(m);

	while (next_inquiry(m, &i)) {
		struct ask k = state_of(a, m, i);
		if (askable(a, m, peer, &i) && k.state != ASK_ANSWERED && k.tries == 0)
			return false;
	}
	return true;
}

bool asks_done(const struct asks *a, const struct machine *m, const struct asked *peer)
{
	struct inquiry i = above_all(m);

	while (next_inquiry(m, &i)) {
		struct ask k = state_of(a, m, i);
		if (askable(a, m, peer, &i) && (k.state == ASK_DUE || k.state == ASK_FLYING))
			return false;
	}
	return true;
}

/* Next: cmd/inv-sync/judge.c, what an answer proves. */
