/* budget - see the header: the bytes held for strangers, and who gives way. */
#include "common/net/budget.h"

void budget_init(struct budget *b, size_t limit, unsigned patience_ms, unsigned rate)
{
	*b = (struct budget){ .limit = limit, .patience_ms = patience_ms, .rate = rate };
	TAILQ_INIT(&b->holds);
}

static void leave(struct hold *h)
{
	struct budget *b = h->of;

	TAILQ_REMOVE(&b->holds, h, entry);
	b->held -= h->bytes;
	h->bytes = 0;
	h->of = NULL;
}

static void drop(struct hold *h)
{
	h->of->dropped++;
	leave(h);
	h->drop(h->arg);
}

/* Seconds to the deadline, whole ones: so that among holds of about the same age the largest is
 * dropped. */
static uint64_t left(const struct hold *h, uint64_t now)
{
	return h->until > now * 1000 ? (h->until - now * 1000) / 1000000 : 0;
}

static struct hold *worst(struct budget *b, uint64_t now)
{
	struct hold *h, *w = NULL;

	TAILQ_FOREACH(h, &b->holds, entry) {
		if (h->bytes < HOLD_SMALL)
			continue;
		if (w == NULL || left(h, now) < left(w, now) ||
		    (left(h, now) == left(w, now) && h->bytes > w->bytes))
			w = h;
	}
	return w;
}

bool hold_set(struct budget *b, struct hold *h, size_t bytes, uint64_t now)
{
	struct hold *w;

	if (bytes == 0) {
		if (h->of != NULL)
			leave(h);
		return true;
	}
	if (h->of == NULL) {
		h->of = b;
		h->until = (now + b->patience_ms) * 1000;
		TAILQ_INSERT_TAIL(&b->holds, h, entry);
	}
	b->held += bytes - h->bytes;
	h->bytes = bytes;
	while (b->held > b->limit && (w = worst(b, now)) != NULL)
		drop(w);
	if (b->held > b->peak)
		b->peak = b->held;
	return h->of != NULL;
}

void hold_moved(struct hold *h, size_t n, uint64_t now)
{
	uint64_t most;

	if (h->of == NULL)
		return;
	most = (now + h->of->patience_ms) * 1000;
	h->until += (uint64_t)n * 1000000 / h->of->rate;
	if (h->until > most)
		h->until = most;
}

void budget_sweep(struct budget *b, uint64_t now)
{
	struct hold *h, *next;

	TAILQ_FOREACH_SAFE(h, &b->holds, entry, next)
		if (h->until <= now * 1000)
			drop(h);
}

/* Next: common/net/address.c, which addresses may be dialled, and their forms on the wire and on
 * paper. */
