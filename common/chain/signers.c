/* The signers of a cycle, found by key. */
#include <errno.h>
#include <stdlib.h>

#include "common/chain/proof.h"
#include "common/limits.h"
#include "common/sys/log.h"

/* Keys are hashes of nothing an outsider chooses: their first bytes spread well enough. */
static uint32_t bucket_of(const uint8_t key[KEY_LEN])
{
	return get_be32(key + 1) ^ get_be32(key + 5) ^ key[0];
}

static void index_keys(struct signer_set *set)
{
	for (uint32_t i = 0; i < set->n; i++) {
		uint32_t b = bucket_of(set->keys[i]) & set->mask;

		while (set->buckets[b])
			b = (b + 1) & set->mask;
		set->buckets[b] = i + 1;
	}
}

int signer_set_init(struct signer_set *set, uint64_t cycle, uint32_t n,
    const uint8_t (*keys)[KEY_LEN], const uint32_t *weights)
{
	memset(set, 0, sizeof(*set));
	errno = EINVAL;
	if (n == 0 || n > MAX_SIGNERS)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		set->total += weights[i];
	if (set->total == 0 || set->total > UINT32_MAX)
		return -1;
	set->threshold = (set->total * 7 + 9) / 10;
	set->cycle = cycle;
	set->n = n;
	for (set->mask = 1; set->mask < 2 * n; set->mask = set->mask * 2)
		;
	set->keys = xmalloc((size_t)n * KEY_LEN);
	set->weights = xmalloc(n * sizeof(*set->weights));
	set->buckets = xcalloc(set->mask, sizeof(*set->buckets));
	set->mask--;
	memcpy(set->keys, keys, (size_t)n * KEY_LEN);
	memcpy(set->weights, weights, n * sizeof(*weights));
	index_keys(set);
	return 0;
}

void signer_set_release(struct signer_set *set)
{
	free(set->keys);
	free(set->weights);
	free(set->buckets);
	memset(set, 0, sizeof(*set));
}

int signer_set_find(const struct signer_set *set, const uint8_t key[KEY_LEN])
{
	for (uint32_t b = bucket_of(key) & set->mask; set->buckets[b]; b = (b + 1) & set->mask)
		if (memcmp(set->keys[set->buckets[b] - 1], key, KEY_LEN) == 0)
			return (int)set->buckets[b] - 1;
	return -1;
}

/* Next: common/chain/place.c, a block that is good on its own in its place. */
