/* How the sources do beside each other: their rates, and who is slow. */
#include <math.h>
#include <stdlib.h>

#include "cmd/block-fetch/plan.h"

static int by_rate(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* Mean, deviation and median of the rates, and who is slow beside the others: below mean - 1.5
 * sigma and a third of the median with four sources or more, else below an eighth of the median. */
void sources_measure(struct planner *p, uint64_t now)
{
	double rates[MAX_SOURCES], sum = 0, square = 0, sigma;
	unsigned n = 0;

	p->stats_at = now;
	for (unsigned i = 0; i < p->n_sources; i++)
		if (source_usable(&p->sources[i], now) && p->sources[i].rate > 0)
			rates[n++] = p->sources[i].rate;
	p->measured = n;
	if (!n)
		return;
	qsort(rates, n, sizeof(rates[0]), by_rate);
	for (unsigned i = 0; i < n; i++)
		sum += rates[i];
	p->mean = sum / n;
	for (unsigned i = 0; i < n; i++)
		square += (rates[i] - p->mean) * (rates[i] - p->mean);
	sigma = sqrt(square / n);
	p->median = rates[n / 2];
	for (unsigned i = 0; i < p->n_sources; i++) {
		struct source *s = &p->sources[i];
		/* Who takes only so many requests cannot show its speed. */
		bool limited = s->limited_at && now < s->limited_at + LIMITED_MS;
		s->slow = s->rate > 0 && !limited &&
		    ((n >= 4 && s->rate < p->mean - 1.5 * sigma && s->rate < p->median / 3) ||
		    (n >= 2 && s->rate < p->median / 8));
	}
}

/* Next: cmd/block-fetch/answers.c, what came. */
