/* A growing buffer: see buf.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/helper/lib/buf.h"

uint8_t *buf_room(struct buf *b, size_t n)
{
	if (b->cap - b->n < n) {
		b->cap = (b->n + n) * 2;
		b->p = xrealloc(b->p, b->cap);
	}
	b->n += n;
	return b->p + b->n - n;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
	if (n)
		memcpy(buf_room(b, n), p, n);
}

void buf_u8(struct buf *b, unsigned v) { *buf_room(b, 1) = (uint8_t)v; }
void buf_u16(struct buf *b, unsigned v) { put_be16(buf_room(b, 2), (uint16_t)v); }
void buf_u32(struct buf *b, uint32_t v) { put_be32(buf_room(b, 4), v); }
void buf_u64(struct buf *b, uint64_t v) { put_be64(buf_room(b, 8), v); }

void buf_text(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	vsnprintf((char *)buf_room(b, (size_t)n + 1), (size_t)n + 1, fmt, again);
	b->n--;		/* the NUL is not part of it */
	va_end(again);
	va_end(ap);
}

void buf_hex(struct buf *b, const void *p, size_t n)
{
	hex_of((char *)buf_room(b, 2 * n + 1), p, n);
	b->n--;
}

void buf_drop(struct buf *b, size_t n)
{
	b->n -= n;
	memmove(b->p, b->p + n, b->n);
}

void buf_release(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}

/* Next: tests/helper/lib/dice.c, where everything that looks random comes from. */
