/* Derived bytes, keys and pseudo-random numbers: see dice.h. */
#include <stdarg.h>
#include <stdio.h>

#include "common/chain/hash.h"
#include "common/chain/key.h"
#include "tests/helper/lib/dice.h"

static void derive_va(uint8_t out[32], const char *words, va_list ap)
{
	char text[512];
	int n = vsnprintf(text, sizeof(text), words, ap);

	if (n < 0 || (size_t)n >= sizeof(text))
		BUG("words too long: %s", words);
	hash_once(out, text, (size_t)n);
}

void derive(void *out, size_t n, const char *words, ...)
{
	uint8_t all[32];
	va_list ap;

	va_start(ap, words);
	derive_va(all, words, ap);
	va_end(ap);
	memcpy(out, all, n);
}

void keypair_of_secret(struct keypair *k, const uint8_t secret[32])
{
	memmove(k->secret, secret, 32);
	if (key_public(k->public, k->secret) != 0)
		/* a chance of 2^-128, or a keys.json that nobody made */
		BUG("no valid secret");
	hash_hash160(k->hash, k->public, KEY_LEN);
}

void keypair_derive(struct keypair *k, const char *words, ...)
{
	uint8_t secret[32];
	va_list ap;

	va_start(ap, words);
	derive_va(secret, words, ap);
	va_end(ap);
	keypair_of_secret(k, secret);
}

void dice_seed(struct dice *d, const char *words, ...)
{
	uint8_t all[32];
	va_list ap;

	va_start(ap, words);
	derive_va(all, words, ap);
	va_end(ap);
	d->state = get_be64(all);
}

/* splitmix64 */
uint64_t dice_u64(struct dice *d)
{
	uint64_t z = d->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t dice_range(struct dice *d, uint64_t min, uint64_t max)
{
	return min + dice_u64(d) % (max - min + 1);
}

bool dice_chance(struct dice *d, double p)
{
	return (double)(dice_u64(d) >> 11) / (double)(UINT64_C(1) << 53) < p;
}

void dice_bytes(struct dice *d, void *out, size_t n)
{
	uint8_t *p = out;

	for (; n >= 8; n -= 8, p += 8)
		put_be64(p, dice_u64(d));
	while (n--)
		*p++ = (uint8_t)dice_u64(d);
}

void dice_shuffle(struct dice *d, uint32_t *a, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = dice_u64(d) % i;
		uint32_t t = a[i - 1];
		a[i - 1] = a[j];
		a[j] = t;
	}
}

/* Next: tests/helper/lib/chaindir.c, the chain directory that the helpers share. */
