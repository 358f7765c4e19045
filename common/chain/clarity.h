/* Foreign bytes of a transaction: reads that say how many bytes are lacking, names, addresses, Clarity
 * values (spec/blocks.md 2.3, 2.5).  Shared by the files of the transaction parser alone. */
#ifndef BLOCKSYNC_CHAIN_CLARITY_H
#define BLOCKSYNC_CHAIN_CLARITY_H

#include "common/chain/bytes.h"

/* A cursor that tells the two ways to fail apart: too short (need > 0: at least that many bytes more) and
 * wrong (need = 0).  After either, c.bad is set and every read gives zeros or NULL. */
struct reader { struct cursor c; size_t need; };

const uint8_t *read_bytes(struct reader *, size_t n);
uint8_t read_u8(struct reader *);
uint16_t read_u16(struct reader *);
uint32_t read_u32(struct reader *);
/* The bytes are wrong, however many there come. Returns -1. */
int read_wrong(struct reader *);

/* 0 or -1, past the thing that was read. */
int read_address(struct reader *);				/* version below 32, hash160 */
int read_contract_name(struct reader *, unsigned max);		/* u8 length, at most max */
int read_clarity_name(struct reader *, const uint8_t **name, unsigned *len);	/* name, len may be NULL */
/* One value of at most 15 containers around a leaf, walked without recursion.  Returns its type prefix, or -1.
 * Tuple keys must ascend: nodes write them so, and a txid is over that form. */
int read_value(struct reader *);
/* Whether a recoverable signature could be one: recovery id 0..3, r and s below the group's order. */
bool signature_parses(const uint8_t sig[SIG_LEN]);

#endif
