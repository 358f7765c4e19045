/* claims - which reward set, and which tip of the blocks, enough sources name. */
#include <stdlib.h>

#include "cmd/sortition-sync/claims.h"
#include "common/chain/hash.h"
#include "common/sys/log.h"

void claims_init(struct claims *c, unsigned sources, unsigned quorum, uint64_t low_cycle)
{
	memset(c, 0, sizeof(*c));
	c->n = sources;
	c->quorum = quorum;
	c->low = c->high = low_cycle;
}

static void drop_claims(struct set_cycle *cycle)
{
	struct set_claim *claim;

	while ((claim = cycle->claims)) {
		cycle->claims = claim->next;
		free(claim);
	}
}

void claims_release(struct claims *c)
{
	for (uint64_t i = 0; i < c->high - c->low; i++)
		drop_claims(&c->cycles[i]);
	free(c->cycles);
}

/* How many of the sources in `mask` must agree: the quorum, but not more than can tell. */
static unsigned needed(const struct claims *c, uint64_t able)
{
	unsigned n = (unsigned)__builtin_popcountll(able);

	return n && n < c->quorum ? n : c->quorum;
}

/* A source says something else than before, or nothing any more: there are no more claims than
 * sources. */
static void retract(struct set_cycle *cycle, uint64_t bit)
{
	struct set_claim **p = &cycle->claims, *claim;

	while ((claim = *p)) {
		claim->mask &= ~bit;
		if (claim->mask) {
			p = &claim->next;
			continue;
		}
		*p = claim->next;
		free(claim);
	}
}

void claims_ignore(struct claims *c, unsigned source)
{
	uint64_t bit = 1ull << source;

	c->ignored |= bit;
	for (uint64_t i = 0; i < c->high - c->low; i++) {
		c->cycles[i].mask &= ~bit;
		retract(&c->cycles[i], bit);
	}
	c->n_tips[source] = 0;
}

void claims_want(struct claims *c, uint64_t high)
{
	if (high > c->low + CLAIMS_CYCLES)
		high = c->low + CLAIMS_CYCLES;
	if (high <= c->high)
		return;
	c->cycles = xrealloc(c->cycles, (high - c->low) * sizeof(*c->cycles));
	memset(c->cycles + (c->high - c->low), 0, (high - c->high) * sizeof(*c->cycles));
	c->high = high;
}

static struct set_cycle *cycle_get(struct claims *c, uint64_t cycle)
{
	return cycle >= c->low && cycle < c->high ? &c->cycles[cycle - c->low] : NULL;
}

static void set_digest(uint8_t out[32], const struct rec_reward_set *set)
{
	uint8_t n[4];

	put_be32(n, set->keys.n);
	hash_begin();
	hash_add(n, sizeof(n));
	hash_add(set->keys.p, (size_t)set->keys.n * KEY_LEN);
	hash_add(set->weights.p, (size_t)set->weights.n * 4);
	hash_end(out);
}

void claims_load(struct claims *c, const struct rec_reward_set *set)
{
	struct set_cycle *cycle;

	claims_want(c, set->cycle + 1);
	cycle = cycle_get(c, set->cycle);
	if (!cycle)
		return;
	cycle->settled = true;
	set_digest(cycle->digest, set);
}

bool claims_next(struct claims *c, unsigned source, uint64_t *number)
{
	uint64_t bit = 1ull << source;

	if ((c->ignored | ~c->sets_from) & bit)
		return false;
	for (uint64_t i = c->high; i-- > c->low; ) {
		struct set_cycle *cycle = cycle_get(c, i);
		/* A known set is asked for again only in the newest cycles, as a check of the
		 * store. */
		if (cycle->asked & bit || (cycle->settled && i + 3 < c->high))
			continue;
		cycle->asked |= bit;
		*number = i;
		return true;
	}
	return false;
}

void claims_failed(struct claims *c, unsigned source, uint64_t number)
{
	struct set_cycle *cycle = cycle_get(c, number);

	if (cycle)
		cycle->asked &= ~(1ull << source);
}

void claims_missing(struct claims *c, unsigned source, uint64_t number)
{
	struct set_cycle *cycle = cycle_get(c, number);

	if (cycle)
		cycle->missing |= 1ull << source;
}

void claims_retry(struct claims *c, uint64_t from)
{
	for (uint64_t i = from > c->low ? from : c->low; i < c->high; i++) {
		struct set_cycle *cycle = cycle_get(c, i);
		cycle->asked &= ~cycle->missing;
		cycle->missing = 0;
	}
}

void claims_recheck(struct claims *c, uint64_t from)
{
	for (uint64_t i = from > c->low ? from : c->low; i < c->high; i++) {
		struct set_cycle *cycle = cycle_get(c, i);
		drop_claims(cycle);
		cycle->asked = cycle->missing = cycle->mask = 0;
	}
}

static struct set_claim *claim_new(const struct rec_reward_set *set)
{
	size_t keys = (size_t)set->keys.n * KEY_LEN, weights = (size_t)set->weights.n * 4;
	struct set_claim *claim = xcalloc(1, sizeof(*claim) + keys + weights);
	uint8_t *p = (uint8_t *)(claim + 1);

	memcpy(p, set->keys.p, keys);
	memcpy(p + keys, set->weights.p, weights);
	claim->set = *set;
	claim->set.keys.p = p;
	claim->set.weights.p = p + keys;
	return claim;
}

static bool same_set(const struct rec_reward_set *a, const struct rec_reward_set *b)
{
	return a->keys.n == b->keys.n && a->weights.n == b->weights.n &&
	    memcmp(a->keys.p, b->keys.p, (size_t)a->keys.n * KEY_LEN) == 0 &&
	    memcmp(a->weights.p, b->weights.p, (size_t)a->weights.n * 4) == 0;
}

/* The claims that are not the settled one, with whoever makes them. */
static uint64_t others(const struct set_cycle *cycle)
{
	uint64_t mask = 0;
	uint8_t digest[32];

	for (const struct set_claim *claim = cycle->claims; claim; claim = claim->next) {
		set_digest(digest, &claim->set);
		if (memcmp(digest, cycle->digest, 32) != 0)
			mask |= claim->mask;
	}
	return mask;
}

enum claim claims_set(struct claims *c, unsigned source, const struct rec_reward_set *set,
    struct rec_reward_set *out, uint64_t *liars)
{
	struct set_cycle *cycle;
	struct set_claim *claim, **p;
	uint64_t bit = 1ull << source;
	uint8_t digest[32];

	*liars = 0;
	if (c->ignored & bit || set->keys.n != set->weights.n || set->keys.n == 0 ||
	    !(cycle = cycle_get(c, set->cycle)))
		return CLAIM_NOTED;
	cycle->asked |= bit;
	cycle->missing &= ~bit;
	cycle->mask &= ~bit;
	retract(cycle, bit);
	set_digest(digest, set);
	if (cycle->settled && memcmp(digest, cycle->digest, 32) == 0) {
		cycle->mask |= bit;
		*liars = others(cycle);
		return *liars &&
			(unsigned)__builtin_popcountll(cycle->mask) >=
			    needed(c, c->sets_from & ~c->ignored) ?
		    CLAIM_FALSE :
		    CLAIM_NOTED;
	}
	for (p = &cycle->claims; *p && !same_set(&(*p)->set, set); p = &(*p)->next)
		;
	if (!*p)
		*p = claim_new(set);
	claim = *p;
	claim->mask |= bit;
	if ((unsigned)__builtin_popcountll(claim->mask) >= needed(c, c->sets_from & ~c->ignored)) {
		cycle->settled = true;
		cycle->mask = claim->mask;
		memcpy(cycle->digest, digest, 32);
		*out = claim->set;
		out->sources = (uint32_t)__builtin_popcountll(claim->mask);
		*liars = others(cycle);
		return CLAIM_SETTLED;
	}
	if (!cycle->settled ||
	    (unsigned)__builtin_popcountll(cycle->mask) < needed(c, c->sets_from & ~c->ignored))
		return CLAIM_NOTED;	/* what the store had is no witness */
	*liars = claim->mask;
	return CLAIM_FALSE;
}

bool claims_complete(const struct claims *c, uint64_t below)
{
	uint64_t able = c->sets_from & ~c->ignored;

	if (below > c->high && able)
		return false;
	for (uint64_t i = 0; i + c->low < below && i < c->high - c->low; i++)
		if (!c->cycles[i].settled && (able & ~c->cycles[i].missing))
			return false;
	return true;
}

/* How many sources name this block among their newest; *age is how many tips back the last of those
 * that are needed names it: of two forks the one that enough sources named last is the tip,
 * whatever its height. */
static unsigned who_names(const struct claims *c, const uint8_t id[32], unsigned need,
    unsigned *age)
{
	unsigned votes = 0;

	for (unsigned back = 0; back < CLAIMS_TIPS; back++)
		for (unsigned s = 0; s < c->n; s++)
			if (back < c->n_tips[s] && memcmp(c->tips[s][back].id, id, 32) == 0 &&
			    ++votes == need)
				*age = back;
	return votes;
}

/* Sources that name another start of the best tip's tenure; a tip of epoch 2.x need not name one.
 */
static uint64_t other_start(const struct claims *c)
{
	uint64_t mask = 0;

	for (unsigned s = 0; s < c->n; s++)
		for (unsigned i = 0; i < c->n_tips[s]; i++)
			if (memcmp(c->tips[s][i].consensus_hash, c->best.consensus_hash, 20) == 0 &&
			    !all_zero(c->tips[s][i].start_id, 32) &&
			    !all_zero(c->best.start_id, 32) &&
			    memcmp(c->tips[s][i].start_id, c->best.start_id, 32) != 0)
				mask |= 1ull << s;
	return mask;
}

static void keep_tip(struct claims *c, unsigned source, const struct rec_tip *tip)
{
	struct rec_tip *tips = c->tips[source];
	unsigned *n = &c->n_tips[source];

	if (*n && memcmp(tips[0].id, tip->id, 32) == 0)
		return;
	if (*n < CLAIMS_TIPS)
		++*n;
	memmove(tips + 1, tips, (*n - 1) * sizeof(*tips));
	tips[0] = *tip;
}

enum claim claims_tip(struct claims *c, unsigned source, const struct rec_tip *tip, uint64_t *liars)
{
	const struct rec_tip *best = NULL;
	unsigned need = needed(c, c->tips_from & ~c->ignored), votes = 0, best_age = CLAIMS_TIPS,
		 age = 0, n;
	bool changed;

	*liars = 0;
	if (c->ignored >> source & 1)
		return CLAIM_NOTED;
	keep_tip(c, source, tip);
	for (unsigned s = 0; s < c->n; s++)
		for (unsigned i = 0; i < c->n_tips[s]; i++) {
			const struct rec_tip *t = &c->tips[s][i];
			if ((n = who_names(c, t->id, need, &age)) < need)
				continue;
			if (age < best_age || (age == best_age && t->height > best->height)) {
				best = t;
				best_age = age;
				votes = n;
			}
		}
	if (!best)
		return CLAIM_NOTED;
	changed = !c->has_best || memcmp(best->id, c->best.id, 32) != 0;
	c->best = *best;
	c->best.sources = votes;
	c->has_best = true;
	if (need > 1)
		*liars = other_start(c);
	return changed ? CLAIM_SETTLED : *liars ? CLAIM_FALSE : CLAIM_NOTED;
}

/* Next: cmd/sortition-sync/json.c, how the answers of a node are read. */
