/* Foreign bytes of a transaction: reads that say how many bytes are lacking, names, addresses,
 * Clarity values (spec/blocks.md 2.3, 2.5).  For the files of the transaction parser, and tx_walk's
 * state. */
#ifndef BLOCKSYNC_CHAIN_CLARITY_H
#define BLOCKSYNC_CHAIN_CLARITY_H

#include "common/chain/bytes.h"

/* A cursor that tells the two ways to fail apart: too short (need > 0: at least that many bytes
 * more) and wrong (need = 0).  After either, c.bad is set and every read gives zeros or
 * NULL.  start: the transaction's first byte. */
struct reader { struct cursor c; const uint8_t *start; size_t need; };

const uint8_t *read_bytes(struct reader *, size_t n);
uint8_t read_u8(struct reader *);
uint16_t read_u16(struct reader *);
uint32_t read_u32(struct reader *);
/* The bytes are wrong, however many there come. Returns -1. */
int read_wrong(struct reader *);

/* 0 or -1, past the thing that was read. */
int read_address(struct reader *);				/* version below 32, hash160 */
int read_contract_name(struct reader *, unsigned max);		/* u8 length, at most max */
/* name, len may be NULL */
int read_clarity_name(struct reader *, const uint8_t **name, unsigned *len);
int read_principal(struct reader *);				/* a principal as a Clarity value */

/* The walk over one value, piece by piece: the containers that are open, at most MAX_CONTAINERS
 * around any leaf. */
#define MAX_CONTAINERS 15
struct value_walk {
	unsigned depth;
	struct {
		uint32_t left;			/* values that it lacks */
		bool tuple;
		uint8_t key_len;		/* a tuple's last key: where it stands after
						 * reader.start, 0 none yet */
		size_t key;
	} open[MAX_CONTAINERS];
};
/* Read one piece: a leaf, or the head of a container (of a tuple with the key before it).  1: it
 * was the last of the value; 0: there are more; -1: short or wrong, and the walk is as it was.  A
 * walk begins with depth 0. Tuple keys must ascend: nodes write them so, and a txid is over that
 * form. */
int read_value_piece(struct reader *, struct value_walk *);
/* Whether a recoverable signature could be one: recovery id
 * 0..3, r and s below the group's order. */
bool signature_parses(const uint8_t sig[SIG_LEN]);

#endif
