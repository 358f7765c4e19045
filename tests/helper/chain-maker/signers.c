/* The signers of each cycle, and their signatures: a random group of enough weight signs each
 * block. */
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/chain/key.h"
#include "tests/helper/chain-maker/maker.h"

static int by_key(const void *a, const void *b)
{
	return memcmp(((const struct signer *)a)->key.public,
	    ((const struct signer *)b)->key.public, KEY_LEN);
}

/* Half of the signers change their key at every cycle; a reward set is in the order of its keys. */
void signers_make(struct maker *m)
{
	m->signers = xcalloc(m->n_cycles, sizeof(*m->signers));
	for (uint64_t c = 0; c < m->n_cycles; c++) {
		struct cycle_signers *s = &m->signers[c];
		struct dice d;
		dice_seed(&d, "%" PRIu64 "/weights/%" PRIu64, m->p.seed, c);
		s->n = (uint32_t)m->p.signers;
		s->at = xcalloc(s->n, sizeof(*s->at));
		for (uint32_t i = 0; i < s->n; i++) {
			keypair_derive(&s->at[i].key, "%" PRIu64 "/signer/%u/%" PRIu64, m->p.seed,
			    i, (c + i) / 2);
			s->at[i].weight = (uint32_t)dice_range(&d, 80, 160);
			s->total += s->at[i].weight;
		}
		s->threshold = (s->total * 7 + 9) / 10;
		qsort(s->at, s->n, sizeof(*s->at), by_key);
	}
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

/* Signers of one block, into order; returns how many. */
static uint32_t choose(const struct maker *m, const struct draft *d, const struct cycle_signers *s,
    uint32_t *order)
{
	uint64_t wanted = (uint64_t)((double)s->total * m->p.sign_fraction), weight = 0;
	struct dice dice = { get_be64(d->hash) };
	uint32_t n = 0;

	if (wanted < s->threshold)
		wanted = s->threshold;
	if (d->wrong && strcmp(d->wrong, "othercycle") == 0)
		/* so that signers who are new in that cycle are surely among them */
		wanted = s->total;
	for (uint32_t i = 0; i < s->n; i++)
		order[i] = i;
	dice_shuffle(&dice, order, s->n);
	while (weight < wanted)
		weight += s->at[order[n++]].weight;
	qsort(order, n, sizeof(*order), ascending);
	/* Before epoch 4.0 only the first signature's place matters, and history has others out of
	 * order. */
	if (!d->strict && !d->wrong && n > 2 && dice_chance(&dice, 0.25))
		dice_shuffle(&dice, order + 1, n - 1);
	if (d->wrong && strcmp(d->wrong, "few") == 0)
		while (weight >= s->threshold)
			weight -= s->at[order[--n]].weight;
	return n;
}

static void swap(uint32_t *a, uint32_t *b)
{
	uint32_t t = *a;
	*a = *b;
	*b = t;
}

void signers_sign(const struct maker *m, struct draft *d)
{
	const struct cycle_signers *s = &m->signers[d->cycle];
	uint32_t *order = xcalloc(s->n, sizeof(*order)), n = d->shadow ? 0 : choose(m, d, s, order);

	if (d->wrong && strcmp(d->wrong, "order") == 0 && n > 1)
		swap(&order[n - 1], &order[n - 2]);
	if (d->wrong && strcmp(d->wrong, "firstorder") == 0 && n > 1)
		swap(&order[0], &order[1]);
	d->n_sigs = n;
	buf_u32(&d->sigs, n);
	for (uint32_t i = 0; i < n; i++)
		if (key_sign(buf_room(&d->sigs, SIG_LEN), s->at[order[i]].key.secret, d->hash) != 0)
			BUG("a signer cannot sign");
	free(order);
}

struct share { const struct maker *m; struct draft *drafts; uint32_t n, from, step; };

static void *sign_share(void *arg)
{
	struct share *s = arg;

	for (uint32_t i = s->from; i < s->n; i += s->step)
		signers_sign(s->m, &s->drafts[i]);
	return NULL;
}

void signers_sign_all(const struct maker *m, struct draft *drafts, uint32_t n)
{
	pthread_t threads[64];
	struct share shares[64];

	for (unsigned i = 0; i < m->p.jobs; i++) {
		shares[i] = (struct share){ m, drafts, n, i, m->p.jobs };
		if (pthread_create(&threads[i], NULL, sign_share, &shares[i]) != 0)
			die_world("cannot start a thread");
	}
	for (unsigned i = 0; i < m->p.jobs; i++)
		pthread_join(threads[i], NULL);
}

/* Next: tests/helper/chain-maker/txs.c, what blocks carry. */
