/* A run as bytes: not for programs.  store(5) has the format. */
#ifndef BLOCKSYNC_STORE_RUN_H
#define BLOCKSYNC_STORE_RUN_H

#include "common/store/blocks.h"

#define KEY_RUN (CH_LEN + 8)
#define KEY_SIBLING (CH_LEN + 8 + ID_LEN)
#define RUN_HEAD 12			/* bytes before the source */
#define RUN_ENTRY (ID_LEN + 16)		/* of the index, a block */

struct run {
	uint64_t low;			/* height of its first block */
	uint32_t count;			/* 0: its bytes say nothing that holds */
	bool sibling;
	bool summed;			/* it has checksums; one of schema 1 has none */
	bool sound;			/* its head and index are as they were written (without
					 * checksums: nobody knows) */
	struct rec_view source;
	const uint8_t *value, *index, *bodies;
	size_t size;			/* of the value */
};

/* Views into key and value.  0; or -1, count 0, if counts, lengths or ends do not fit the value or
 * the key is none. */
int run_parse(struct run *, const MDB_val *key, const MDB_val *value);
/* Block i < count of it. */
void run_block(const struct run *, uint32_t i, struct kept_block *);
/* Before a block that was read is written again: it goes along with the checksum that it has, so
 * that what is bad stays bad. */
void block_carry(const uint8_t ch[CH_LEN], struct kept_block *);
/* Bytes of a run of n blocks. */
size_t run_size(const struct kept_block *, size_t n, struct rec_view source);
/* Write it to p, with checksums (a block that has none yet gets one), which has room for run_size.
 * key is what it will stand under. */
void run_write(uint8_t *p, const uint8_t *key, size_t klen, const struct kept_block *, size_t n,
    struct rec_view source);
void run_key(uint8_t *key, const uint8_t *ch, uint64_t height);

#endif
