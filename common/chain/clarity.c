/* Skipping Clarity values, the part of a transaction that nests: a stack of counters, no recursion,
 * nothing allocated.  Lists are not typed here: a full node refuses more than this does. */
#include "common/chain/clarity.h"
#include "common/chain/work.h"

#define MAX_ELEMENTS (1u << 20)	/* of a buffer, string, list or tuple */

const uint8_t *read_bytes(struct reader *r, size_t n)
{
	size_t left = cursor_left(&r->c);

	work_done.parsed++;
	if (!r->c.bad && left < n)
		r->need = n - left;
	return cursor_take(&r->c, n);
}

uint8_t read_u8(struct reader *r)
{
	const uint8_t *p = read_bytes(r, 1);

	return p ? *p : 0;
}

uint16_t read_u16(struct reader *r)
{
	const uint8_t *p = read_bytes(r, 2);

	return p ? get_be16(p) : 0;
}

uint32_t read_u32(struct reader *r)
{
	const uint8_t *p = read_bytes(r, 4);

	return p ? get_be32(p) : 0;
}

int read_wrong(struct reader *r)
{
	/* A short read before stays what it is. */
	if (!r->c.bad)
		r->need = 0;
	r->c.bad = true;
	return -1;
}

int read_address(struct reader *r)
{
	const uint8_t *p = read_bytes(r, 21);

	if (!p)
		return -1;
	return p[0] < 32 ? 0 : read_wrong(r);
}

static bool letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A letter, then letters, digits and the characters of `more`. */
static bool word(const uint8_t *p, unsigned n, const char *more)
{
	work_done.parsed += n;
	if (!letter(p[0]))
		return false;
	for (unsigned i = 1; i < n; i++)
		if (!letter(p[i]) && !(p[i] >= '0' && p[i] <= '9') &&
		    (p[i] == '\0' || !strchr(more, p[i])))
			return false;
	return true;
}

int read_contract_name(struct reader *r, unsigned max)
{
	unsigned n = read_u8(r);
	const uint8_t *p = read_bytes(r, n);

	if (!p)
		return -1;
	if (n < 1 || n > max)
		return read_wrong(r);
	if (!word(p, n, "-_") && !(n == 11 && memcmp(p, "__transient", 11) == 0))
		return read_wrong(r);
	return 0;
}

/* The names that are operators. */
static bool operator(const uint8_t *p, unsigned n)
{
	if (n == 1)
		return p[0] != '\0' && strchr("-+=/*<>", p[0]);
	return n == 2 && (p[0] == '<' || p[0] == '>') && p[1] == '=';
}

int read_clarity_name(struct reader *r, const uint8_t **name, unsigned *len)
{
	unsigned n = read_u8(r);
	const uint8_t *p = read_bytes(r, n);

	if (!p)
		return -1;
	if (n < 1 || n > 128 || (!word(p, n, "_!?+<>=/*-") && !operator(p, n)))
		return read_wrong(r);
	if (name) {
		*name = p;
		*len = n;
	}
	return 0;
}

/* Bytes of the well-formed UTF-8 character at p, 0 if there is none: no overlong form, no
 * surrogate. */
static size_t utf8_char(const uint8_t *p, size_t n)
{
	size_t len = p[0] < 0x80 ? 1 :
	    p[0] < 0xc2		 ? 0 :
	    p[0] < 0xe0		 ? 2 :
	    p[0] < 0xf0		 ? 3 :
	    p[0] < 0xf5		 ? 4 :
				   0;

	if (len == 0 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

static int read_string(struct reader *r, uint8_t kind)
{
	uint32_t n = read_u32(r);
	const uint8_t *p;

	if (n > MAX_ELEMENTS)
		return read_wrong(r);
	if (!(p = read_bytes(r, n)))
		return -1;
	work_done.parsed += n;
	if (kind == 0x0d) {
		for (uint32_t i = 0; i < n; i++)
			if (p[i] >= 0x80)
				return read_wrong(r);
	} else if (kind == 0x0e) {
		for (size_t i = 0, len; i < n; i += len)
			if ((len = utf8_char(p + i, n - i)) == 0)
				return read_wrong(r);
	}
	return 0;
}

/* The key of the next field, which must be above the one before. */
static int read_key(struct reader *r, const uint8_t *before, unsigned before_len,
    const uint8_t **key, unsigned *len)
{
	int order;

	if (read_clarity_name(r, key, len) < 0)
		return -1;
	if (before_len == 0)
		return 0;
	order = memcmp(before, *key, before_len < *len ? before_len : *len);
	return order > 0 || (order == 0 && before_len >= *len) ? read_wrong(r) : 0;
}

/* A value that holds no others, after its prefix. */
static int read_leaf(struct reader *r, uint8_t kind)
{
	switch (kind) {
	case 0x00: case 0x01:
		return read_bytes(r, 16) ? 0 : -1;
	case 0x03: case 0x04: case 0x09:
		return 0;
	case 0x05:
		return read_address(r);
	case 0x06:
		return read_address(r) < 0 ? -1 : read_contract_name(r, 128);
	case 0x02: case 0x0d: case 0x0e:
		return read_string(r, kind);
	default:
		return read_wrong(r);
	}
}

/* How many values follow that belong to this one (0: a leaf, which is read here), or -1. */
static int64_t open_value(struct reader *r, uint8_t kind)
{
	uint32_t n;

	switch (kind) {
	case 0x07: case 0x08: case 0x0a:
		return 1;
	case 0x0b: case 0x0c:
		n = read_u32(r);
		if (r->c.bad)
			return -1;
		return n > MAX_ELEMENTS || (kind == 0x0c && n == 0) ? read_wrong(r) : (int64_t)n;
	default:
		return read_leaf(r, kind);
	}
}

int read_principal(struct reader *r)
{
	uint8_t kind = read_u8(r);

	if (r->c.bad)
		return -1;
	return kind == 0x05 || kind == 0x06 ? read_leaf(r, kind) : read_wrong(r);
}

int read_value_piece(struct reader *r, struct value_walk *w)
{
	const uint8_t *key = NULL;
	unsigned len = 0, top = w->depth - 1;
	int64_t inner;
	uint8_t kind;

	if (w->depth && w->open[top].tuple &&
	    read_key(r, r->start + w->open[top].key, w->open[top].key_len, &key, &len) < 0)
		return -1;
	kind = read_u8(r);
	if (r->c.bad || (inner = open_value(r, kind)) < 0)
		return -1;
	if (inner > 0 && w->depth == MAX_CONTAINERS)
		return read_wrong(r);
	if (key) {
		w->open[top].key = (size_t)(key - r->start);
		w->open[top].key_len = (uint8_t)len;
	}
	if (inner > 0) {
		w->open[w->depth].left = (uint32_t)inner;
		w->open[w->depth].tuple = kind == 0x0c;
		w->open[w->depth++].key_len = 0;
		return 0;
	}
	while (w->depth && --w->open[w->depth - 1].left == 0)
		w->depth--;
	return w->depth == 0;
}

bool signature_parses(const uint8_t sig[SIG_LEN])
{
	static const uint8_t order[32] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b,
		0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
	};

	return sig[0] <= 3 && memcmp(sig + 1, order, 32) < 0 && memcmp(sig + 33, order, 32) < 0;
}

/* Next: common/chain/txs.c, many transactions one after another. */
