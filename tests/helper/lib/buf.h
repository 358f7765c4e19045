/* A growing buffer that speaks big-endian and prints: what the helpers build blocks, messages and
 * JSON in. */
#ifndef HELPER_BUF_H
#define HELPER_BUF_H

#include "common/chain/bytes.h"
#include "common/sys/log.h"

struct buf { uint8_t *p; size_t n, cap; };

/* Room for n more bytes, counted in; the caller fills them. */
uint8_t *buf_room(struct buf *, size_t n);
void buf_put(struct buf *, const void *, size_t);
void buf_u8(struct buf *, unsigned);
void buf_u16(struct buf *, unsigned);
void buf_u32(struct buf *, uint32_t);
void buf_u64(struct buf *, uint64_t);
void buf_text(struct buf *, const char *, ...) PRINTF(2, 3);
void buf_hex(struct buf *, const void *, size_t);
/* Drop the first n bytes. */
void buf_drop(struct buf *, size_t n);
void buf_release(struct buf *);

#endif
