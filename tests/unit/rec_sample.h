/* A filled struct of any record type, the same on every run, for the tests of the record codec. */
#ifndef BLOCKSYNC_TESTS_REC_SAMPLE_H
#define BLOCKSYNC_TESTS_REC_SAMPLE_H

#include "common/rec/schema.h"

struct sample { union rec_any u; uint8_t bytes[8192]; size_t used; };

/* seed 0: everything zero.  Other seeds: each field has a value of its own. */
static inline void sample_fill(struct sample *s, const struct rec_schema *schema, unsigned seed)
{
	memset(s, 0, sizeof(*s));
	for (unsigned i = 0; seed && i < schema->n; i++) {
		const struct rec_field *f = &schema->fields[i];
		void *at = (char *)&s->u + f->offset;
		uint32_t item = rec_item_size(f->type), n = f->max < i + seed ? f->max : i + seed;
		uint8_t *p = s->bytes + s->used;

		switch (f->type) {
		case F_BOOL: *(bool *)at = (i + seed) % 2; break;
		case F_U32: *(uint32_t *)at = (uint32_t)(seed * 2654435761u) >> (i * 5 % 32); break;
		case F_U64:
			*(uint64_t *)at = (seed * 0x9e3779b97f4a7c15u >> 1) >> (i * 7 % 63);
			break;
		case F_BYTES20:
		case F_BYTES32:
		case F_BYTES33: memset(at, (int)(i + seed), item); break;
		case F_ENUM: *(uint32_t *)at = (i + seed) % (f->max + 1); break;
		default:
			for (uint32_t j = 0; j < n * item; j++)
				p[j] = f->type == F_STR ? (uint8_t)('a' + (i + j) % 26) :
							  (uint8_t)(i * 16 + j + seed);
			s->used += (size_t)n * item;
			*(struct rec_view *)at = rec_bytes(p, n);
		}
	}
}

#endif
