/* Who is asked for our address, and whose voice counts (voices.h says by which rules). */
#include <stdlib.h>

#include "cmd/public-ip/voices.h"
#include "common/sys/log.h"

void voices_init(struct voices *v, uint64_t seed) { *v = (struct voices){ .seed = seed }; }

void voices_release(struct voices *v) { free(v->peers); }

unsigned voices_add(struct voices *v, uint64_t network)
{
	v->peers = xrealloc(v->peers, (v->n_peers + 1) * sizeof(*v->peers));
	v->peers[v->n_peers] = (struct voice_peer){ .network = network };
	return v->n_peers++;
}

void voices_known(struct voices *v, const uint8_t addr[16], uint64_t age_ms, uint64_t now)
{
	memcpy(v->addr, addr, 16);
	v->announced = true;
	v->agreed_at = now > age_ms ? now - age_ms : 0;
	v->next = age_ms < RETRY_MS ? now + RETRY_MS - age_ms : 0;
}

/* Another order of the peers in each round. */
static uint64_t shuffled(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* A clock that was set back does not put the next round off. */
static bool is_due(const struct voices *v, uint64_t now)
{
	return now >= v->next || v->next - now > ROUND_MS;
}

static void begin(struct voices *v)
{
	v->round = true;
	v->n_heard = v->flying = 0;
	for (unsigned i = 0; i < v->n_peers; i++) {
		v->peers[i].asked = false;
		v->peers[i].order = shuffled(&v->seed);
	}
}

/* How many of its network have been asked in this round. */
static unsigned asked_of(const struct voices *v, uint64_t network)
{
	unsigned n = 0;

	for (unsigned i = 0; i < v->n_peers; i++)
		n += v->peers[i].asked && v->peers[i].network == network;
	return n;
}

static bool is_before(
    const struct voices *v, const struct voice_peer *a, const struct voice_peer *b)
{
	unsigned of_a = asked_of(v, a->network), of_b = asked_of(v, b->network);

	return of_a != of_b ? of_a < of_b : a->order < b->order;
}

int voices_next(struct voices *v, uint64_t now)
{
	int best = -1;

	if (!v->round && v->n_peers > 0 && is_due(v, now))
		begin(v);
	if (!v->round || v->n_heard + v->flying >= VOICES)
		return -1;
	for (unsigned i = 0; i < v->n_peers; i++)
		if (!v->peers[i].asked && (best < 0 || is_before(v, &v->peers[i], &v->peers[best])))
			best = (int)i;
	if (best < 0)
		return -1;
	v->peers[best].asked = true;
	v->flying++;
	return best;
}

void voices_failed(struct voices *v, unsigned peer) { v->flying--; }

void voices_enough(struct voices *v)
{
	for (unsigned i = 0; i < v->n_peers; i++)
		v->peers[i].asked = true;
}

bool voices_heard(struct voices *v, unsigned peer, const uint8_t key[KEY_LEN], uint64_t network,
    const uint8_t addr[16])
{
	struct voice *said = &v->heard[v->n_heard];

	v->flying--;
	for (unsigned i = 0; i < v->n_heard; i++)
		if (memcmp(v->heard[i].key, key, KEY_LEN) == 0)
			return false;
	*said = (struct voice){ .network = network, .peer = peer };
	memcpy(said->key, key, KEY_LEN);
	memcpy(said->addr, addr, 16);
	v->n_heard++;
	return true;
}

static bool is_v4(const uint8_t addr[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(addr, mapped, sizeof(mapped)) == 0;
}

static bool says_before(const struct voices *v, unsigned i, bool same_network)
{
	for (unsigned k = 0; k < i; k++)
		if (memcmp(v->heard[k].addr, v->heard[i].addr, 16) == 0 &&
		    (!same_network || v->heard[k].network == v->heard[i].network))
			return true;
	return false;
}

/* Networks that say this address. */
static unsigned networks_of(const struct voices *v, const uint8_t addr[16])
{
	unsigned n = 0;

	for (unsigned i = 0; i < v->n_heard; i++)
		n += memcmp(v->heard[i].addr, addr, 16) == 0 && !says_before(v, i, true);
	return n;
}

/* The address of one family that most networks say.  As many say another one: that is no agreement,
 * but for the one that is announced. */
static bool agreed_on(const struct voices *v, bool v4, struct verdict *out)
{
	unsigned rivals = 0;
	bool known = false;

	*out = (struct verdict){ 0 };
	for (unsigned i = 0; i < v->n_heard; i++) {
		const uint8_t *addr = v->heard[i].addr;
		unsigned n = networks_of(v, addr);
		bool is_known = v->announced && memcmp(addr, v->addr, 16) == 0;

		if (is_v4(addr) != v4 || says_before(v, i, false) || n < out->networks)
			continue;
		rivals = n > out->networks ? 0 : rivals + 1;
		if (n > out->networks || is_known) {
			out->networks = n;
			memcpy(out->addr, addr, 16);
			known = is_known;
		}
	}
	out->agreed = out->networks >= VOICES_NEEDED && (rivals == 0 || known);
	return out->agreed;
}

static uint64_t wait_after(struct voices *v, bool agreed)
{
	if (agreed) {
		v->tries = 0;
		return ROUND_MS;
	}
	if (++v->tries < TRIES || (v->n_heard == 0 && !v->announced))
		return RETRY_MS;
	v->tries = 0;
	return ROUND_MS;
}

bool voices_decide(struct voices *v, uint64_t now, struct verdict *out)
{
	struct verdict v6;

	if (!v->round || v->flying > 0)
		return false;
	for (unsigned i = 0; v->n_heard < VOICES && i < v->n_peers; i++)
		if (!v->peers[i].asked)
			return false;
	v->round = false;
	if (!agreed_on(v, true, out) && (agreed_on(v, false, &v6) || out->networks == 0))
		*out = v6;
	out->news = out->agreed;
	v->next = now + wait_after(v, out->agreed);
	if (out->agreed) {
		memcpy(v->addr, out->addr, 16);
		v->agreed_at = now;
		v->announced = true;
	} else if (v->announced && now > v->agreed_at + STALE_MS) {
		v->announced = false;
		out->news = true;
		v->next = now + RETRY_MS;
	} else if (!v->announced) {
		out->news = out->networks > 0;
	}
	return true;
}

/* Next: cmd/public-ip/ask.c, how they are asked. */
