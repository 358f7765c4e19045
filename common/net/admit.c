/* Which connection is closed for another one (admit.h says by which rules). */
#include <stdlib.h>
#include <string.h>

#include "common/chain/hash.h"
#include "common/net/address.h"
#include "common/net/admit.h"
#include "common/sys/log.h"

uint64_t admit_hash(const uint8_t secret[32], const void *p, size_t n)
{
	uint8_t hash[32];

	hash_begin();
	hash_add(secret, 32);
	hash_add(p, n);
	hash_end(hash);
	return get_be64(hash) | 1;
}

void admit_place(struct admit_conn *c, const uint8_t addr[16], const uint8_t secret[32])
{
	uint8_t network[5] = { 4 }, host[9] = { 4 }, in[4];	/* families are kept apart */

	if (address_embedded4(in, addr)) {
		memcpy(network + 1, in, 2);
		memcpy(host + 1, in, 4);
	} else {
		network[0] = host[0] = 6;
		memcpy(network + 1, addr, 4);
		memcpy(host + 1, addr, 8);
	}
	c->network = admit_hash(secret, network, sizeof(network));
	c->host = admit_hash(secret, host, sizeof(host));
}

size_t admit_same_host(struct admit_conn *const *all, size_t n, const struct admit_conn *c)
{
	size_t same = 0;

	for (size_t i = 0; i < n; i++)
		same += all[i]->host == c->host;
	return same;
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

/* The order in which connections of one host, or of one key, can be kept: the one that was useful
 * last, then the oldest. */
static int by_merit(const struct admit_conn *a, const struct admit_conn *b)
{
	return a->useful != b->useful ? ORDER(b->useful, a->useful) : ORDER(a->since, b->since);
}

static int by_place(const void *p, const void *q)
{
	const struct admit_conn *a = *(struct admit_conn *const *)p,
	    *b = *(struct admit_conn *const *)q;

	if (a->network != b->network)
		return ORDER(a->network, b->network);
	return a->host != b->host ? ORDER(a->host, b->host) : by_merit(a, b);
}

static int by_key(const void *p, const void *q)
{
	const struct admit_conn *a = *(struct admit_conn *const *)p,
	    *b = *(struct admit_conn *const *)q;

	return a->key != b->key ? ORDER(a->key, b->key) : by_merit(a, b);
}

static int by_age(const void *p, const void *q)
{
	const struct admit_conn *a = *(struct admit_conn *const *)p,
	    *b = *(struct admit_conn *const *)q;

	return ORDER(a->since, b->since);
}

/* sorted is by place. */
static void weigh(struct admit_conn **sorted, size_t n)
{
	for (size_t i = 0, network_end; i < n; i = network_end) {
		for (network_end = i;
		    network_end < n && sorted[network_end]->network == sorted[i]->network;)
			network_end++;
		for (size_t h = i, host_end; h < network_end; h = host_end) {
			for (host_end = h;
			    host_end < network_end && sorted[host_end]->host == sorted[h]->host;)
				host_end++;
			for (size_t k = h; k < host_end; k++)
				sorted[k]->weight = (uint32_t)(network_end - i +
				    ADMIT_HOST_WEIGHT * (host_end - h - 1));
		}
	}
}

/* Fill voters with one connection of each host, and of these one of each key; sorted is by place.
 * Returns how many they are. */
static size_t take_voters(struct admit_conn **voters, struct admit_conn *const *sorted, size_t n)
{
	size_t hosts = 0, keys = 0;

	for (size_t i = 0; i < n; i++)
		if (i == 0 || sorted[i]->host != sorted[i - 1]->host)
			voters[hosts++] = sorted[i];
	qsort(voters, hosts, sizeof(*voters), by_key);
	for (size_t i = 0; i < hosts; i++)
		if (i == 0 || voters[i]->key == 0 || voters[i]->key != voters[keys - 1]->key)
			voters[keys++] = voters[i];
	return keys;
}

/* The lower the better; UINT64_MAX: no merit of this kind. */
typedef uint64_t rank_of(const struct admit_conn *);

/* Keep the k voters that are the best of those not kept yet. */
static void keep_best(struct admit_conn **voters, size_t n, unsigned k, rank_of *rank)
{
	while (k-- > 0) {
		struct admit_conn *best = NULL;
		uint64_t best_rank = UINT64_MAX;
		for (size_t i = 0; i < n; i++) {
			uint64_t r = voters[i]->kept ? UINT64_MAX : rank(voters[i]);
			if (r < best_rank) {
				best = voters[i];
				best_rank = r;
			}
		}
		if (!best)
			return;
		best->kept = true;
	}
}

static uint64_t rank_network(const struct admit_conn *c)
{
	return c->network;
}

static uint64_t rank_near(const struct admit_conn *c)
{
	return c->rtt == UINT32_MAX ? UINT64_MAX : c->rtt;
}

static uint64_t rank_useful(const struct admit_conn *c)
{
	return c->useful == 0 ? UINT64_MAX : UINT64_MAX - c->useful;
}

/* voters are sorted by age, the eldest first: the last few are new, and of the others half stay. */
static void keep_by_age(struct admit_conn **voters, size_t n, uint64_t now)
{
	size_t left = 0;

	for (size_t i = n, k = ADMIT_KEEP_NEW;
	    i > 0 && k > 0 && now - voters[i - 1]->since < ADMIT_NEW_MS; i--) {
		k -= !voters[i - 1]->kept;
		voters[i - 1]->kept = true;
	}
	for (size_t i = 0; i < n; i++)
		left += !voters[i]->kept;
	left /= 2;
	for (size_t i = 0; left > 0; i++) {
		left -= !voters[i]->kept;
		voters[i]->kept = true;
	}
}

static void keep_some(struct admit_conn **voters, size_t n, uint64_t now)
{
	keep_best(voters, n, ADMIT_KEEP_NETWORKS, rank_network);
	keep_best(voters, n, ADMIT_KEEP_NEAR, rank_near);
	keep_best(voters, n, ADMIT_KEEP_USEFUL, rank_useful);
	qsort(voters, n, sizeof(*voters), by_age);
	keep_by_age(voters, n, now);
}

/* What a connection has shown: 2 useful work, 1 a key that it proved, 0 nothing. */
static unsigned standing(const struct admit_conn *c)
{
	return c->useful != 0 ? 2 : c->key != 0;
}

/* Whether a goes before b. */
static bool goes_first(const struct admit_conn *a, const struct admit_conn *b)
{
	if (a->weight != b->weight)
		return a->weight > b->weight;
	return standing(a) != standing(b) ? standing(a) < standing(b) : a->since > b->since;
}

/* Of those that weigh so much at least the one that goes first. */
static struct admit_conn *choose(struct admit_conn **sorted, size_t n, uint32_t least)
{
	struct admit_conn *worst = NULL;

	for (size_t i = 0; i < n; i++) {
		struct admit_conn *c = sorted[i];
		if (c->kept || c->exempt || c->weight < least)
			continue;
		if (!worst || goes_first(c, worst))
			worst = c;
	}
	return worst;
}

/* The least weight of a connection that gives its place to the newcomer.  A host without a place
 * may take that of an equal; one with places only that of a heavier one, or the hosts of a flood
 * would push each other out for ever.  (No connection of its own host is heavier.) */
static uint32_t least_weight(struct admit_conn *const *all, size_t n,
    const struct admit_conn *newcomer)
{
	if (newcomer->exempt)
		return 0;
	return newcomer->weight + (admit_same_host(all, n, newcomer) > 0);
}

struct admit_conn *admit_victim(struct admit_conn *const *all, size_t n,
    const struct admit_conn *newcomer, uint64_t now)
{
	struct admit_conn **sorted = xmalloc((n + 1) * sizeof(*sorted));
	struct admit_conn **voters = xmalloc((n + 1) * sizeof(*voters));
	struct admit_conn own = *newcomer, *victim;
	uint32_t least;

	memcpy(sorted, all, n * sizeof(*sorted));
	own.since = now;
	sorted[n] = &own;
	qsort(sorted, n + 1, sizeof(*sorted), by_place);
	weigh(sorted, n + 1);
	for (size_t i = 0; i <= n; i++)
		sorted[i]->kept = sorted[i] == &own;
	least = least_weight(all, n, &own);
	/* Most of a flood ends here, without the rest of the work. */
	victim = choose(sorted, n + 1, least);
	if (victim) {
		keep_some(voters, take_voters(voters, sorted, n + 1), now);
		victim = choose(sorted, n + 1, least);
	}
	free(sorted);
	free(voters);
	return victim;
}

/* Next: common/net/self.c (first its header), what we say of ourselves. */
