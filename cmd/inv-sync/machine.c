/* What to ask about which cycle of which peer, and when.  Each peer has its own list, so a slow one
 * delays nobody; each answer is filed under the cycle that was asked.  The two newest cycles come
 * first, as what is missing at the tip is wanted soonest, then older ones down to the first. */
#include <stdlib.h>

#include "cmd/inv-sync/machine.h"
#include "common/chain/inventory.h"
#include "common/sys/log.h"
#include "common/wire/message.h"

const struct question inv_questions[] = {
	{ INV_TENURES, 1, NAKAMOTO, MSG_GET_NAKAMOTO_INV, MSG_NAKAMOTO_INV },
};
const unsigned n_inv_questions = sizeof(inv_questions) / sizeof(*inv_questions);

bool question_known(const struct question *q, const struct network *net, uint32_t version)
{
	if (q->model == EPOCH2)
		return true;
	return (uint8_t)version >= EPOCH_30 || (uint8_t)version == (uint8_t)net->peer_version;
}

/* The cycles in which there may be blocks of a question's model, as its answers number their
 * bits. */
static void span(struct machine *m, unsigned q)
{
	uint64_t first = network_model_first(m->net, m->questions[q].model),
		 nakamoto = network_model_first(m->net, NAKAMOTO);
	uint32_t bit;

	m->span[q].first = m->span[q].last = UINT64_MAX;
	if (first != UINT64_MAX)
		inventory_bit(m->net, m->questions[q].kind, first, &m->span[q].first, &bit);
	if (m->questions[q].model == EPOCH2 && nakamoto != UINT64_MAX)
		inventory_bit(m->net, m->questions[q].kind, nakamoto - 1, &m->span[q].last, &bit);
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
		span(m, q);
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

/* Whether a question makes sense of a cycle, and can be put. */
static bool askable(const struct machine *m, struct inquiry i, uint32_t version)
{
	return m->known[i.cycle - m->first] && i.cycle >= m->span[i.question].first &&
	    i.cycle <= m->span[i.question].last &&
	    question_known(&m->questions[i.question], m->net, version);
}

void asks_forget(struct asks *a, const struct machine *m, uint64_t cycle)
{
	fit(a, m);
	for (unsigned q = 0; q < m->n_questions; q++) {
		struct ask *k = ask_of(a, m, (struct inquiry){ q, cycle });

		if (k->state == ASK_FLYING)
			k->again = true;
		else
			*k = (struct ask){ .state = ASK_DUE };
	}
}

static bool ripe(const struct ask *k, const struct machine *m, uint64_t now)
{
	if (k->state == ASK_FLYING || now < k->at)
		return false;
	return k->state == ASK_DUE || !m->once;
}

/* A burst is taken part in once: the two newest cycles are due whatever their state, and a peer
 * that was behind need not wait out its pause. */
static void burst(struct asks *a, const struct machine *m, uint64_t now)
{
	size_t n = cycles(m) * m->n_questions, newest = 2 * m->n_questions;

	if (now < m->burst_at || a->burst_done == m->burst_at)
		return;
	a->burst_done = m->burst_at;
	for (size_t i = n > newest ? n - newest : 0; i < n; i++)
		if (a->at[i].state == ASK_FLYING)
			a->at[i].again = true;
		else
			a->at[i] = (struct ask){ .state = ASK_DUE, .tries = a->at[i].tries };
}

/* All inquiries, the newest cycles first: begins above the newest; false: no more. */
static struct inquiry above_all(const struct machine *m)
{
	return (struct inquiry){ m->n_questions - 1, m->last + 1 };
}

static bool next_inquiry(const struct machine *m, struct inquiry *i)
{
	if (++i->question < m->n_questions)
		return true;
	i->question = 0;
	return i->cycle-- > m->first;
}

bool asks_next(
    struct asks *a, const struct machine *m, uint32_t version, uint64_t now, struct inquiry *found)
{
	struct inquiry i = above_all(m);

	fit(a, m);
	burst(a, m, now);
	if (a->flying >= ASK_FLYING_MAX)
		return false;
	while (next_inquiry(m, &i))
		if (askable(m, i, version) && ripe(ask_of(a, m, i), m, now)) {
			ask_of(a, m, i)->state = ASK_FLYING;
			a->flying++;
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
	a->flying = 0;
}

static struct ask *landed(struct asks *a, const struct machine *m, struct inquiry i)
{
	struct ask *k = ask_of(a, m, i);

	if (k->state == ASK_FLYING)
		a->flying--;
	return k;
}

void asks_answered(struct asks *a, const struct machine *m, struct inquiry i, uint64_t now)
{
	bool recent = i.cycle + m->net->inv_reward_cycles >= m->last;
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

/* Of a cycle that has come to be known since the last question: a question that is due. */
static struct ask state_of(const struct asks *a, const struct machine *m, struct inquiry i)
{
	return i.cycle - m->first < a->n ? *ask_of(a, m, i) : (struct ask){ .state = ASK_DUE };
}

bool asks_heard(const struct asks *a, const struct machine *m, uint32_t version)
{
	struct inquiry i = above_all(m);

	while (next_inquiry(m, &i)) {
		struct ask k = state_of(a, m, i);
		if (askable(m, i, version) && k.state != ASK_ANSWERED && k.tries == 0)
			return false;
	}
	return true;
}

bool asks_done(const struct asks *a, const struct machine *m, uint32_t version)
{
	struct inquiry i = above_all(m);

	while (next_inquiry(m, &i)) {
		struct ask k = state_of(a, m, i);
		if (askable(m, i, version) && (k.state == ASK_DUE || k.state == ASK_FLYING))
			return false;
	}
	return true;
}

/* Next: cmd/inv-sync/judge.c, what an answer proves. */
