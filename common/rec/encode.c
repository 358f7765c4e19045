/* A struct into bytes: one switch over the field types, with msgpack-c's packer.  The encoding is
 * canonical: least integers, fixed bytes of zeros as nil, all fields written, so that equal structs
 * are equal bytes. */
#include <msgpack/pack.h>
#include <stdlib.h>

#include "common/rec/rec.h"
#include "common/rec/schema.h"
#include "common/sys/log.h"

/* A value above its bound is a bug of the caller, who would
 * otherwise write what no reader takes. */
static _Noreturn void encode_bug(const struct rec_schema *s, const struct rec_field *f, size_t n)
{
	fprintf(stderr, "bug: %s.%s: %zu, at most %u\n", s->name, f ? f->name : "frame", n,
	    f ? f->max : MAX_FRAME);
	abort();
}

static void buf_reserve(struct rec_buf *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 256;

	if (b->cap - b->n >= more)
		return;
	while (cap - b->n < more)
		cap *= 2;
	b->p = xrealloc(b->p, cap);
	b->cap = cap;
}

static int buf_write(void *data, const char *bytes, size_t n)
{
	struct rec_buf *b = data;

	buf_reserve(b, n);
	if (n)
		memcpy(b->p + b->n, bytes, n);
	b->n += n;
	return 0;
}

void rec_frame_put(struct rec_buf *b, const uint8_t *payload, size_t n)
{
	buf_reserve(b, REC_FRAME_HEAD + n);
	b->p[b->n] = 0xc6;
	put_be32(b->p + b->n + 1, (uint32_t)n);
	memcpy(b->p + b->n + REC_FRAME_HEAD, payload, n);
	b->n += REC_FRAME_HEAD + n;
}

static void pack_bin(msgpack_packer *pk, const void *p, size_t n)
{
	msgpack_pack_bin(pk, n);
	msgpack_pack_bin_body(pk, p, n);
}

static void pack_field(msgpack_packer *pk, const struct rec_schema *s, const struct rec_field *f,
    const void *rec)
{
	const void *at = (const char *)rec + f->offset;
	const struct rec_view *v = at;
	uint32_t item = rec_item_size(f->type);

	switch (f->type) {
	case F_BOOL:
		*(const bool *)at ? msgpack_pack_true(pk) : msgpack_pack_false(pk);
		return;
	case F_U32:
		msgpack_pack_uint32(pk, *(const uint32_t *)at);
		return;
	case F_U64:
		msgpack_pack_uint64(pk, *(const uint64_t *)at);
		return;
	case F_BYTES20: case F_BYTES32: case F_BYTES33:
		if (all_zero(at, item))
			msgpack_pack_nil(pk);
		else
			pack_bin(pk, at, item);
		return;
	case F_STR:
		if (v->n > f->max)
			encode_bug(s, f, v->n);
		msgpack_pack_str(pk, v->n);
		msgpack_pack_str_body(pk, v->p, v->n);
		return;
	case F_ENUM:
		if (*(const uint32_t *)at > f->max)
			encode_bug(s, f, *(const uint32_t *)at);
		v = &f->names[*(const uint32_t *)at];
		msgpack_pack_str(pk, v->n);
		msgpack_pack_str_body(pk, v->p, v->n);
		return;
	case F_BYTES: case F_LIST20: case F_LIST32: case F_LIST33: case F_LISTU32:
		if (v->n > f->max)
			encode_bug(s, f, v->n);
		pack_bin(pk, v->p, (size_t)v->n * item);
		return;
	}
}

void rec_encode_first(struct rec_buf *b, const struct rec_schema *s, const void *rec, unsigned n)
{
	msgpack_packer pk;

	msgpack_packer_init(&pk, b, buf_write);
	msgpack_pack_array(&pk, 1 + n);
	msgpack_pack_uint32(&pk, s->number);
	for (unsigned i = 0; i < n; i++)
		pack_field(&pk, s, &s->fields[i], rec);
}

void rec_frame_first(struct rec_buf *b, const struct rec_schema *s, const void *rec, unsigned n)
{
	size_t start = b->n, len;

	buf_reserve(b, REC_FRAME_HEAD);
	b->n += REC_FRAME_HEAD;
	rec_encode_first(b, s, rec, n);
	len = b->n - start - REC_FRAME_HEAD;
	if (len > MAX_FRAME)
		encode_bug(s, NULL, len);
	b->p[start] = 0xc6;
	put_be32(b->p + start + 1, (uint32_t)len);
}

static const struct rec_schema *schema_of(enum rec_type type)
{
	const struct rec_schema *s = rec_schema_of(type);

	if (!s)
		abort();
	return s;
}

void rec_encode_row(struct rec_buf *b, enum rec_type type, const void *rec)
{
	const struct rec_schema *s = schema_of(type);

	rec_encode_first(b, s, rec, s->n);
}

void rec_encode(struct rec_buf *b, enum rec_type type, const void *rec)
{
	const struct rec_schema *s = schema_of(type);

	rec_frame_first(b, s, rec, s->n);
}

/* Next: common/rec/decode.c, foreign bytes into a struct. */
