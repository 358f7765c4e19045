/* Everything that looks random in the helpers, from a seed and words: the same command gives the
 * same bytes. */
#ifndef HELPER_DICE_H
#define HELPER_DICE_H

#include "common/chain/bytes.h"
#include "common/sys/log.h"

struct dice { uint64_t state; };

/* n <= 32 bytes that depend on the words only. */
void derive(void *out, size_t n, const char *words, ...) PRINTF(3, 4);
/* A secret key and its public key and hash that depend on the words only. */
struct keypair { uint8_t secret[32], public[KEY_LEN], hash[HASH160_LEN]; };
void keypair_derive(struct keypair *, const char *words, ...) PRINTF(2, 3);
void keypair_of_secret(struct keypair *, const uint8_t secret[32]);

void dice_seed(struct dice *, const char *words, ...) PRINTF(2, 3);
uint64_t dice_u64(struct dice *);
/* min to max, both included. */
uint64_t dice_range(struct dice *, uint64_t min, uint64_t max);
/* True with this probability. */
bool dice_chance(struct dice *, double);
void dice_bytes(struct dice *, void *, size_t n);
void dice_shuffle(struct dice *, uint32_t *, size_t n);

#endif
