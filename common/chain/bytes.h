/* Sizes of the chain's identifiers, big-endian access, and a cursor over foreign bytes. */
#ifndef BLOCKSYNC_CHAIN_BYTES_H
#define BLOCKSYNC_CHAIN_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ID_LEN 32       /* block id, block hash, burn header hash, txid */
#define CH_LEN 20       /* consensus hash */
#define HASH160_LEN 20
#define KEY_LEN 33      /* compressed public key */
#define SIG_LEN 65      /* recovery id, r, s */

static inline uint16_t get_be16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}
static inline uint64_t get_be64(const uint8_t *p)
{
	return (uint64_t)get_be32(p) << 32 | get_be32(p + 4);
}
static inline void put_be16(uint8_t *p, uint16_t v) { p[0] = v >> 8; p[1] = (uint8_t)v; }
static inline void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, v >> 16);
	put_be16(p + 2, (uint16_t)v);
}
static inline void put_be64(uint8_t *p, uint64_t v)
{
	put_be32(p, v >> 32);
	put_be32(p + 4, (uint32_t)v);
}

/* A cursor: reads never pass `end`; after the first short read `bad` stays set and every read gives
 * zeros (or NULL), so that only the last line of a decoder checks. */
struct cursor { const uint8_t *p, *end; bool bad; };

static inline struct cursor cursor_of(const void *p, size_t n)
{
	return (struct cursor){ p, (const uint8_t *)p + n, false };
}
static inline size_t cursor_left(const struct cursor *c)
{
	return c->bad ? 0 : (size_t)(c->end - c->p);
}
/* The next n bytes, or NULL. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t n)
{
	if (c->bad || (size_t)(c->end - c->p) < n) { c->bad = true; return NULL; }
	c->p += n;
	return c->p - n;
}
static inline uint8_t cursor_u8(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 1);
	return p ? *p : 0;
}
static inline uint16_t cursor_u16(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 2);
	return p ? get_be16(p) : 0;
}
static inline uint32_t cursor_u32(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 4);
	return p ? get_be32(p) : 0;
}
static inline uint64_t cursor_u64(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 8);
	return p ? get_be64(p) : 0;
}
static inline void cursor_copy(struct cursor *c, void *to, size_t n)
{
	const uint8_t *p = cursor_take(c, n);
	if (p) memcpy(to, p, n); else memset(to, 0, n);
}

static inline bool all_zero(const void *p, size_t n)
{
	const uint8_t *b = p;
	while (n--) if (*b++) return false;
	return true;
}

/* Lower-case hex of n bytes into out[2n+1], NUL-terminated; returns out. */
char *hex_of(char *out, const void *p, size_t n);
/* n bytes from exactly 2n hex digits (either case, no 0x).  0, or -1 and out untouched beyond the
 * fault. */
int hex_to(void *out, size_t n, const char *hex, size_t len);

#endif
