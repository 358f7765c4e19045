/* Hashes of the chain (spec/blocks.md 0).  Contexts are per thread; nothing here fails but for want
 * of memory, which aborts. */
#ifndef BLOCKSYNC_CHAIN_HASH_H
#define BLOCKSYNC_CHAIN_HASH_H

#include "common/chain/bytes.h"

/* SHA-512/256 in pieces: begin, add any number of times, end.  One at a time a thread. */
void hash_begin(void);
void hash_add(const void *p, size_t n);
void hash_end(uint8_t out[32]);
/* SHA-512/256 of n bytes. */
void hash_once(uint8_t out[32], const void *p, size_t n);
/* SHA-256, and RIPEMD160(SHA256()). */
void hash_sha256(uint8_t out[32], const void *p, size_t n);
void hash_hash160(uint8_t out[20], const void *p, size_t n);
/* Root over n txids of 32 bytes, in order; zeros for n = 0.  txids is overwritten. */
void hash_merkle_root(uint8_t out[32], uint8_t (*txids)[32], size_t n);
/* Block id = H(block hash, consensus hash): spec/blocks.md 0, StacksBlockId. */
void hash_block_id(uint8_t id[32], const uint8_t block_hash[32], const uint8_t ch[CH_LEN]);

#endif
