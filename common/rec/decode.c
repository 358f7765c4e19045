/* Foreign bytes into a struct: a pull cursor of our own over msgpack, since msgpack-c's object tree
 * allocates what a count claims before it has seen the bytes.  Here nothing is allocated, a count
 * is believed only as far as bytes are left, and nesting is a counter, not recursion. */
#include "common/rec/rec.h"
#include "common/rec/schema.h"

/* One msgpack value's head.  For VAL_DATA the bytes have been taken and lie at p; for containers n
 * counts the values that follow. */
enum value_kind {
	VAL_NIL,
	VAL_BOOL,
	VAL_UINT,
	VAL_STR,
	VAL_BIN,
	VAL_ARRAY,
	VAL_MAP,
	VAL_OTHER,
	VAL_BAD
};
struct value { enum value_kind kind; uint64_t n; const uint8_t *p; };

static uint64_t pull_be(struct cursor *c, unsigned bytes)
{
	switch (bytes) {
	case 1: return cursor_u8(c);
	case 2: return cursor_u16(c);
	case 4: return cursor_u32(c);
	default: return cursor_u64(c);
	}
}

static struct value value_data(struct cursor *c, enum value_kind kind, uint64_t n)
{
	const uint8_t *p = n <= cursor_left(c) ? cursor_take(c, (size_t)n) : NULL;

	return p ? (struct value){ kind, n, p } : (struct value){ .kind = VAL_BAD };
}

/* A container's count is at most the bytes left: each value costs one at least. */
static struct value value_many(struct cursor *c, enum value_kind kind, uint64_t n)
{
	if (kind == VAL_MAP)
		n *= 2;
	return c->bad || n > cursor_left(c) ? (struct value){ .kind = VAL_BAD } :
					      (struct value){ kind, n, NULL };
}

/* A signed integer; other libraries write small positive numbers so too. */
static struct value value_int(struct cursor *c, unsigned bytes)
{
	uint64_t v = pull_be(c, bytes);

	if (v >> (8 * bytes - 1))
		return (struct value){ .kind = VAL_OTHER };
	return (struct value){ VAL_UINT, v, NULL };
}

static struct value pull_long(struct cursor *c, uint8_t head)
{
	switch (head) {
	case 0xc0: return (struct value){ .kind = VAL_NIL };
	case 0xc2: case 0xc3: return (struct value){ VAL_BOOL, head & 1, NULL };
	case 0xc4:
	case 0xc5:
	case 0xc6: return value_data(c, VAL_BIN, pull_be(c, 1u << (head - 0xc4)));
	case 0xc7:
	case 0xc8:
	case 0xc9: return value_data(c, VAL_OTHER, pull_be(c, 1u << (head - 0xc7)) + 1);
	case 0xca: return value_data(c, VAL_OTHER, 4);
	case 0xcb: return value_data(c, VAL_OTHER, 8);
	case 0xcc:
	case 0xcd:
	case 0xce:
	case 0xcf: return (struct value){ VAL_UINT, pull_be(c, 1u << (head - 0xcc)), NULL };
	case 0xd0: case 0xd1: case 0xd2: case 0xd3: return value_int(c, 1u << (head - 0xd0));
	case 0xd4:
	case 0xd5:
	case 0xd6:
	case 0xd7:
	case 0xd8: return value_data(c, VAL_OTHER, 1 + (1u << (head - 0xd4)));
	case 0xd9:
	case 0xda:
	case 0xdb: return value_data(c, VAL_STR, pull_be(c, 1u << (head - 0xd9)));
	case 0xdc: case 0xdd: return value_many(c, VAL_ARRAY, pull_be(c, 2u << (head - 0xdc)));
	case 0xde: case 0xdf: return value_many(c, VAL_MAP, pull_be(c, 2u << (head - 0xde)));
	}
	return (struct value){ .kind = VAL_BAD };	/* 0xc1 is never used */
}

static struct value value_pull(struct cursor *c)
{
	uint8_t head = cursor_u8(c);
	struct value v;

	if (c->bad)
		return (struct value){ .kind = VAL_BAD };
	if (head < 0x80)
		return (struct value){ VAL_UINT, head, NULL };
	if (head >= 0xe0)
		return (struct value){ .kind = VAL_OTHER };	/* a small negative number */
	if (head < 0x90)
		return value_many(c, VAL_MAP, head & 15);
	if (head < 0xa0)
		return value_many(c, VAL_ARRAY, head & 15);
	if (head < 0xc0)
		return value_data(c, VAL_STR, head & 31);
	v = pull_long(c, head);
	if (c->bad)
		v.kind = VAL_BAD;
	return v;
}

/* Skip `pending` values with all that is in them.  Each value costs a byte at least, so that this
 * ends. */
static bool skip_values(struct cursor *c, uint64_t pending)
{
	while (pending--) {
		struct value v = value_pull(c);

		if (v.kind == VAL_BAD)
			return false;
		if (v.kind == VAL_ARRAY || v.kind == VAL_MAP)
			pending += v.n;
		if (pending > cursor_left(c))
			return false;
	}
	return true;
}

#define FAULT(...) (snprintf(err, 160, __VA_ARGS__), -1)

static int field_number(void *at, const struct rec_schema *s, const struct rec_field *f,
    struct value v, char err[160])
{
	if (v.kind != (f->type == F_BOOL ? VAL_BOOL : VAL_UINT))
		return FAULT("%s.%s: not a %s", s->name, f->name,
		    f->type == F_BOOL ? "truth value" : "whole number");
	if (f->type == F_U32 && v.n > UINT32_MAX)
		return FAULT("%s.%s: %llu, at most 4294967295", s->name, f->name,
		    (unsigned long long)v.n);
	if (f->type == F_BOOL)
		*(bool *)at = v.n;
	else if (f->type == F_U32)
		*(uint32_t *)at = (uint32_t)v.n;
	else
		*(uint64_t *)at = v.n;
	return 0;
}

static int field_fixed(void *at, const struct rec_schema *s, const struct rec_field *f,
    struct value v, char err[160])
{
	uint32_t size = rec_item_size(f->type);

	if (v.kind != VAL_BIN)
		return FAULT("%s.%s: not bytes", s->name, f->name);
	if (v.n == size)
		memcpy(at, v.p, size);
	else if (v.n)
		return FAULT("%s.%s: %llu bytes, not %u", s->name, f->name, (unsigned long long)v.n,
		    size);
	return 0;
}

static int field_view(void *at, const struct rec_schema *s, const struct rec_field *f,
    struct value v, char err[160])
{
	uint32_t item = rec_item_size(f->type);

	if (v.kind != (f->type == F_STR ? VAL_STR : VAL_BIN))
		return FAULT("%s.%s: not %s", s->name, f->name,
		    f->type == F_STR ? "text" : "bytes");
	if (v.n % item)
		return FAULT("%s.%s: %llu bytes, not a multiple of %u", s->name, f->name,
		    (unsigned long long)v.n, item);
	if (v.n / item > f->max)
		return FAULT("%s.%s: %llu %s, at most %u", s->name, f->name,
		    (unsigned long long)(v.n / item), item == 1 ? "bytes" : "items", f->max);
	*(struct rec_view *)at = (struct rec_view){ v.n ? v.p : NULL, (uint32_t)(v.n / item) };
	return 0;
}

/* A name of an enum to its number; the empty one is the first, as in a struct of zeros. */
static int field_enum(void *at, const struct rec_schema *s, const struct rec_field *f,
    struct value v, char err[160])
{
	if (v.kind != VAL_STR)
		return FAULT("%s.%s: not text", s->name, f->name);
	for (uint32_t i = 0; i <= f->max; i++)
		if (f->names[i].n == v.n && !memcmp(f->names[i].p, v.p, v.n)) {
			*(uint32_t *)at = i;
			return 0;
		}
	if (v.n)
		return FAULT("%s.%s: unknown name '%.*s'", s->name, f->name,
		    (int)(v.n < 40 ? v.n : 40), (const char *)v.p);
	return 0;
}

static int field_decode(void *rec, const struct rec_schema *s, const struct rec_field *f,
    struct cursor *c, char err[160])
{
	void *at = (char *)rec + f->offset;
	struct value v = value_pull(c);

	if (v.kind == VAL_BAD)
		return FAULT("%s.%s: cut off or garbage", s->name, f->name);
	if (v.kind == VAL_NIL)
		return 0;	/* none: the struct is zero already */
	switch (f->type) {
	case F_BOOL: case F_U32: case F_U64:
		return field_number(at, s, f, v, err);
	case F_BYTES20: case F_BYTES32: case F_BYTES33:
		return field_fixed(at, s, f, v, err);
	case F_BYTES: case F_STR: case F_LIST20: case F_LIST32: case F_LIST33: case F_LISTU32:
		return field_view(at, s, f, v, err);
	case F_ENUM:
		return field_enum(at, s, f, v, err);
	}
	return -1;
}

/* The array's head and the type.  Gives the count of fields that follow. */
static int head_decode(struct cursor *c, uint32_t *type, uint64_t *fields, char err[160])
{
	struct value v = value_pull(c);

	if (v.kind != VAL_ARRAY || v.n == 0)
		return FAULT("a record is an array that begins with its type");
	*fields = v.n - 1;
	v = value_pull(c);
	if (v.kind != VAL_UINT || v.n > UINT32_MAX)
		return FAULT("a record's type is a whole number below 2^32");
	*type = (uint32_t)v.n;
	return 0;
}

static int body_decode(void *rec, const struct rec_schema *s, struct cursor *c, uint64_t fields,
    char err[160])
{
	unsigned known = s ? s->n : 0, i;
	const char *name = s ? s->name : "record of an unknown type";

	for (i = 0; i < known && i < fields; i++)
		if (field_decode(rec, s, &s->fields[i], c, err) < 0)
			return -1;
	if (!skip_values(c, fields - i))
		return FAULT("%s: cut off or garbage after field %u", name, i);
	if (cursor_left(c))
		return FAULT("%s: %zu bytes after its end", name, cursor_left(c));
	return 0;
}

int rec_decode(struct rec *r, const uint8_t *payload, size_t n, char err[160])
{
	struct cursor c = cursor_of(payload, n);
	const struct rec_schema *s;
	uint64_t fields;

	r->type = 0;
	r->known = false;
	r->payload = payload;
	r->len = n;
	if (head_decode(&c, &r->type, &fields, err) < 0)
		return -1;
	s = rec_schema_of(r->type);
	if (s && s->is_row)
		s = NULL;	/* rows do not travel: to a stream their numbers are unknown */
	if (s)
		memset(&r->u, 0, s->size);
	if (body_decode(&r->u, s, &c, fields, err) < 0)
		return -1;
	r->known = s != NULL;
	r->fields = fields;
	return 0;
}

int rec_decode_row(enum rec_type type, void *rec, const uint8_t *row, size_t n)
{
	struct cursor c = cursor_of(row, n);
	const struct rec_schema *s = rec_schema_of(type);
	uint64_t fields;
	uint32_t found;
	char err[160];

	memset(rec, 0, s->size);
	if (head_decode(&c, &found, &fields, err) < 0 || found != s->number)
		return -1;
	return body_decode(rec, s, &c, fields, err);
}

/* Next: common/rec/print.c, a record as a line of JSON. */
