/* Records: views, buffers, frames and the table of types.  Encoding is in encode.c, decoding in
 * decode.c, JSON in print.c and parse.c; all of them interpret the tables made from records.def. */
#include <stdlib.h>

#include "common/rec/rec.h"
#include "common/rec/schema.h"
#include "records_tables.h"

/* How the codec reads and writes any of them. */
_Static_assert(sizeof(enum model) == sizeof(uint32_t), "an enum is no uint32_t");

bool rec_is(struct rec_view v, const char *s)
{
	return v.n == strlen(s) && (v.n == 0 || !memcmp(v.p, s, v.n));
}

char *rec_cstr(char *out, size_t size, struct rec_view v)
{
	size_t n = v.n < size - 1 ? v.n : size - 1;

	if (n)
		memcpy(out, v.p, n);
	out[n] = 0;
	return out;
}

uint32_t rec_u32_at(struct rec_view list, uint32_t i)
{
	return i < list.n ? get_be32((const uint8_t *)list.p + 4 * (size_t)i) : 0;
}

/* The table follows the order of records.def, where the numbers from 1 on have no gaps, so the
 * first guess nearly always holds. */
const struct rec_schema *rec_schema_of(uint32_t type)
{
	size_t n = sizeof(schemas) / sizeof(schemas[0]);

	if (type - 1 < n && schemas[type - 1].number == type)
		return &schemas[type - 1];
	for (size_t i = 0; i < n; i++)
		if (schemas[i].number == type)
			return &schemas[i];
	return NULL;
}

const struct rec_schema *rec_schema_named(const char *name)
{
	for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++)
		if (!strcmp(schemas[i].name, name))
			return &schemas[i];
	return NULL;
}

const struct rec_schema *rec_schema_at(unsigned i)
{
	return i < sizeof(schemas) / sizeof(schemas[0]) ? &schemas[i] : NULL;
}

uint32_t rec_item_size(enum rec_field_type type)
{
	switch (type) {
	case F_BOOL: case F_U32: case F_U64: case F_ENUM: return 0;
	case F_BYTES: case F_STR: return 1;
	case F_BYTES20: case F_LIST20: return 20;
	case F_BYTES32: case F_LIST32: return 32;
	case F_BYTES33: case F_LIST33: return 33;
	case F_LISTU32: return 4;
	}
	return 0;
}

const char *rec_type_name(uint32_t type)
{
	const struct rec_schema *s = rec_schema_of(type);

	return s ? s->name : NULL;
}

void rec_buf_release(struct rec_buf *b)
{
	free(b->p);
	*b = (struct rec_buf){ 0 };
}

ssize_t rec_frame(const uint8_t *p, size_t n, const uint8_t **payload, size_t *len, char err[160])
{
	uint32_t size;

	if (n == 0)
		return 0;
	if (p[0] != 0xc6)	/* seen at once, so that text on a pipe is not waited for */
		return snprintf(err, 160, "no record begins with byte 0x%02x", p[0]), -1;
	if (n < REC_FRAME_HEAD)
		return 0;
	size = get_be32(p + 1);
	if (size == 0)
		return snprintf(err, 160, "empty record"), -1;
	if (size > MAX_FRAME)
		return snprintf(err, 160, "record of %u bytes, at most %u", size, MAX_FRAME), -1;
	if (n - REC_FRAME_HEAD < size)
		return 0;
	*payload = p + REC_FRAME_HEAD;
	*len = size;
	return (ssize_t)(REC_FRAME_HEAD + size);
}

/* Next: common/rec/encode.c, a struct into bytes. */
