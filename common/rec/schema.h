/* The field tables that gen-records.awk makes from records.def: what the codec interprets. */
#ifndef BLOCKSYNC_REC_SCHEMA_H
#define BLOCKSYNC_REC_SCHEMA_H

#include "common/rec/rec.h"

enum rec_field_type {
	F_BOOL,
	F_U32,
	F_U64,
	F_BYTES20,
	F_BYTES32,
	F_BYTES33,
	F_BYTES,
	F_STR,
	F_LIST20,
	F_LIST32,
	F_LIST33,
	F_LISTU32,
	F_ENUM
};
struct rec_field {
	const char *name;
	enum rec_field_type type;
	size_t offset;		/* in struct rec_NAME */
	uint32_t max;		/* bytes of str and bytes, items of lists, last of an enum */
	const struct rec_view *names;	/* of an enum, by number, with a NUL behind each */
};
struct rec_schema {
	const char *name;
	uint32_t number;
	bool is_row;		/* never in a stream */
	const struct rec_field *fields;
	unsigned n;
	size_t size;		/* of struct rec_NAME */
};

/* By number or by name; NULL if there is none.  at: the i-th, NULL after the last. */
const struct rec_schema *rec_schema_of(uint32_t type);
const struct rec_schema *rec_schema_named(const char *name);
const struct rec_schema *rec_schema_at(unsigned i);
/* Bytes of one item of a fixed or list type; 1 for str and bytes; 0 for numbers and enums. */
uint32_t rec_item_size(enum rec_field_type);
/* A row, or a framed record, of the first n fields alone, as a writer of an older schema had it. */
void rec_encode_first(struct rec_buf *, const struct rec_schema *, const void *rec, unsigned n);
void rec_frame_first(struct rec_buf *, const struct rec_schema *, const void *rec, unsigned n);

#endif
