/* budget - see the header: the bytes held for strangers, and who gives way. */
#include "common/net/address.h"
#include "common/net/admit.h"
#include "common/net/budget.h"
#include "common/sys/start.h"

void budget_init(struct budget *b, size_t limit, unsigned patience_ms, unsigned rate)
{
	*b = (struct budget){ .limit = limit, .patience_ms = patience_ms, .rate = rate };
	TAILQ_INIT(&b->holds);
	random_bytes(b->secret, sizeof(b->secret));
}

void hold_from(struct budget *b, struct hold *h, const struct sockaddr *from)
{
	struct admit_conn who;
	uint8_t addr[16];
	uint16_t port;

	address_to16(addr, &port, from);
	admit_place(&who, addr, b->secret);
	h->share = 1 + (unsigned)(who.host / 2 % (BUDGET_SHARES - 1));
}

/* All bytes are counted here: in the whole, and in the address's share. */
static void count(struct budget *b, struct hold *h, size_t bytes)
{
	b->held += bytes - h->bytes;
	b->shares[h->share] += bytes - h->bytes;
	h->bytes = bytes;
}

static void leave(struct hold *h)
{
	struct budget *b = h->of;

	TAILQ_REMOVE(&b->holds, h, entry);
	count(b, h, 0);
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

/* Whether a gives way before b. */
static bool goes_first(const struct budget *budget, const struct hold *a, const struct hold *b,
    uint64_t now)
{
	size_t mine = budget->shares[a->share], theirs = budget->shares[b->share];

	if (mine != theirs)
		return mine > theirs;
	if (left(a, now) != left(b, now))
		return left(a, now) < left(b, now);
	return a->bytes > b->bytes;
}

static struct hold *worst(struct budget *b, uint64_t now)
{
	struct hold *h, *w = NULL;

	TAILQ_FOREACH(h, &b->holds, entry) {
		if (h->bytes < HOLD_SMALL)
			continue;
		if (!w || goes_first(b, h, w, now))
			w = h;
	}
	return w;
}

bool hold_set(struct budget *b, struct hold *h, size_t bytes, uint64_t now)
{
	struct hold *w;

	if (bytes == 0) {
		if (h->of)
			leave(h);
		return true;
	}
	if (!h->of) {
		h->of = b;
		h->until = (now + b->patience_ms) * 1000;
		TAILQ_INSERT_TAIL(&b->holds, h, entry);
	}
	count(b, h, bytes);
	while (b->held > b->limit && (w = worst(b, now)) != NULL)
		drop(w);
	if (b->held > b->peak)
		b->peak = b->held;
	return h->of != NULL;
}

void hold_moved(struct hold *h, size_t n, uint64_t now)
{
	uint64_t most;

	if (!h->of)
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
