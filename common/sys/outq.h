/* The output of a stage: frames in order, and behind them news, of which only the newest a key is
 * kept while the reader is slow (DESIGN 1: blocks are back-pressured, news is not). */
#ifndef BLOCKSYNC_SYS_OUTQ_H
#define BLOCKSYNC_SYS_OUTQ_H

#include "common/rec/rec.h"

#define OUT_FULL (256u << 10)	/* above this a stage takes no more input */
#define OUT_ROOM (128u << 10)	/* below this it does again */
#define OUT_NEWS (8u << 20)	/* above this the oldest news goes: the store has it */

struct outq *outq_new(int fd, bool discard);
void outq_free(struct outq *);
/* A frame as it came, a record of our own, and news (key NULL: never replaced).  All copy. */
void outq_pass(struct outq *, const uint8_t *payload, size_t n);
void outq_emit(struct outq *, enum rec_type, const void *rec);
void outq_news(struct outq *, enum rec_type, const void *rec, const void *key, size_t key_len);
/* Write what the descriptor takes.  1: all written; 0: it takes no more now; -1 and errno. */
int outq_write(struct outq *);
size_t outq_bytes(const struct outq *);

#endif
