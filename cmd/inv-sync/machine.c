/* Which cycle to ask of which peer, and when.  Each peer has its own list, so a slow one delays
 * nobody; each answer is filed under the cycle that was asked.  The two newest cycles come first,
 * as what is missing at the tip is wanted soonest, then older ones down to epoch 3.0. */
#include <stdlib.h>

#include "cmd/inv-sync/machine.h"
#include "common/chain/inventory.h"
#include "common/sys/log.h"

void machine_init(struct machine *m, const struct network *net, bool once)
{
	*m = (struct machine){ .net = net, .once = once, .burst_at = UINT64_MAX };
	m->first = network_cycle(net, network_model_first(net, NAKAMOTO));
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

	if (tip <= m->net->first_burn_height || network_model_first(m->net, NAKAMOTO) == UINT64_MAX)
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
	size_t n = cycles(m);

	if (n <= a->n)
		return;		/* a view that shrank leaves answers that nobody asks for again */
	a->at = xrealloc(a->at, n * sizeof(*a->at));
	memset(a->at + a->n, 0, (n - a->n) * sizeof(*a->at));
	a->n = n;
}

void asks_forget(struct asks *a, const struct machine *m, uint64_t cycle)
{
	struct ask *k;

	fit(a, m);
	k = &a->at[cycle - m->first];
	if (k->state == ASK_FLYING)
		k->again = true;
	else
		*k = (struct ask){ .state = ASK_DUE };
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
	if (now < m->burst_at || a->burst_done == m->burst_at)
		return;
	a->burst_done = m->burst_at;
	for (size_t i = cycles(m), newest = 0; i-- > 0 && newest < 2; newest++)
		if (a->at[i].state == ASK_FLYING)
			a->at[i].again = true;
		else
			a->at[i] = (struct ask){ .state = ASK_DUE, .tries = a->at[i].tries };
}

bool asks_next(struct asks *a, const struct machine *m, uint64_t now, uint64_t *cycle)
{
	fit(a, m);
	burst(a, m, now);
	if (a->flying >= ASK_FLYING_MAX)
		return false;
	for (size_t i = cycles(m); i-- > 0; )
		if (m->known[i] && ripe(&a->at[i], m, now)) {
			a->at[i].state = ASK_FLYING;
			a->flying++;
			*cycle = m->first + i;
			return true;
		}
	return false;
}

void asks_lost(struct asks *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->at[i].state == ASK_FLYING)
			a->at[i] = (struct ask){ .state = ASK_DUE, .tries = a->at[i].tries };
	a->flying = 0;
}

static struct ask *landed(struct asks *a, const struct machine *m, uint64_t cycle)
{
	struct ask *k = &a->at[cycle - m->first];

	if (k->state == ASK_FLYING)
		a->flying--;
	return k;
}

void asks_answered(struct asks *a, const struct machine *m, uint64_t cycle, uint64_t now)
{
	bool recent = cycle + m->net->inv_reward_cycles >= m->last;
	struct ask *k = landed(a, m, cycle);

	if (k->again)
		*k = (struct ask){ .state = ASK_DUE };
	else
		*k = (struct ask){ .state = ASK_ANSWERED,
			.at = now + (recent ? ASK_REFRESH_MS : ASK_OLD_MS) };
}

bool asks_refused(struct asks *a, const struct machine *m, uint64_t cycle, uint64_t now)
{
	static const unsigned wait[] = { 5000, 10000, 20000, 45000 };
	struct ask *k = landed(a, m, cycle);

	k->at = now + wait[k->tries < 3 ? k->tries : 3];
	k->tries++;
	k->again = false;
	k->state = k->tries >= ASK_TRIES ? ASK_FAILED : ASK_DUE;
	return k->tries == ASK_TRIES;
}

bool asks_heard(const struct asks *a, const struct machine *m)
{
	for (size_t i = 0; i < cycles(m); i++)
		if (m->known[i] &&
		    (i >= a->n || (a->at[i].state != ASK_ANSWERED && a->at[i].tries == 0)))
			return false;
	return true;
}

bool asks_done(const struct asks *a, const struct machine *m)
{
	for (size_t i = 0; i < cycles(m); i++)
		if (m->known[i] &&
		    (i >= a->n || a->at[i].state == ASK_DUE || a->at[i].state == ASK_FLYING))
			return false;
	return true;
}

/* Next: cmd/inv-sync/judge.c, what an answer proves. */
