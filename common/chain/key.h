/* secp256k1 keys and recoverable signatures, as recid, r, s
 * (spec/blocks.md 0, spec/wire.md 2.3). */
#ifndef BLOCKSYNC_CHAIN_KEY_H
#define BLOCKSYNC_CHAIN_KEY_H

#include "common/chain/bytes.h"

/* Compressed key that made sig over digest.  -1: unparsable or
 * unrecoverable.  High S is accepted. */
int key_recover(uint8_t key[KEY_LEN], const uint8_t sig[SIG_LEN], const uint8_t digest[32]);
/* Whether S is in the lower half (the P2P wire demands it). */
bool key_sig_low_s(const uint8_t sig[SIG_LEN]);
/* Deterministic low-S signature.  -1: not a valid secret. */
int key_sign(uint8_t sig[SIG_LEN], const uint8_t secret[32], const uint8_t digest[32]);
int key_public(uint8_t key[KEY_LEN], const uint8_t secret[32]);
/* Whether key is a point on the curve in compressed form. */
bool key_valid(const uint8_t key[KEY_LEN]);

#endif
