/* Records: one msgpack array [type, field...] in a bin 32 frame (DESIGN 2).  The schema is
 * records.def; this is the one codec that interprets it.  Pure: bytes in, bytes out. */
#ifndef BLOCKSYNC_REC_H
#define BLOCKSYNC_REC_H

#include <stdio.h>

#include "common/chain/bytes.h"
#include "common/limits.h"

/* A view: str and bytes fields point into the frame that was decoded, or at what the encoder's
 * caller owns. For list fields n counts items and p points at them packed. */
struct rec_view { const void *p; uint32_t n; };
static inline struct rec_view rec_str(const char *s)
{
	return (struct rec_view){ s, (uint32_t)strlen(s) };
}
static inline struct rec_view rec_bytes(const void *p, size_t n)
{
	return (struct rec_view){ p, (uint32_t)n };
}
bool rec_is(struct rec_view, const char *s);			/* equal to a C string */
/* copy, cut to size, NUL-terminated */
char *rec_cstr(char *out, size_t size, struct rec_view);
uint32_t rec_u32_at(struct rec_view list, uint32_t i);		/* item of a listu32 */

#include "enums.h"	/* generated: enum NAME, NAME_name() */
#include "records.h"	/* generated: enum rec_type, struct rec_NAME, union rec_any, REC_SCHEMA */

/* A growing buffer of frames. */
struct rec_buf { uint8_t *p; size_t n, cap; };
void rec_buf_release(struct rec_buf *);

/* Append a framed record of a type; the struct is struct rec_NAME.  Never fails: a value above its
 * bound in records.def is our own bug and aborts (callers cut foreign strings first). */
void rec_encode(struct rec_buf *, enum rec_type, const void *rec);
/* The same without frame: a row of the store. */
void rec_encode_row(struct rec_buf *, enum rec_type, const void *rec);

struct rec {
	uint32_t type;			/* of the wire; may be unknown to us */
	bool known;
	uint64_t fields;		/* of the payload, if known: fewer or more than ours */
	union rec_any u;		/* filled if known; views point into payload */
	const uint8_t *payload;		/* the array, without frame */
	size_t len;
};
/* Decode a payload.  0; or -1 and err names the field and the fault ("peer.address: 400 bytes, at
 * most 300", "peer.state: unknown name 'x'").  Extra fields are skipped, missing ones are zero, an
 * enum that is empty or missing is its first name, an unknown type is known = false.  Nothing is
 * allocated. */
int rec_decode(struct rec *, const uint8_t *payload, size_t n, char err[160]);
/* A row of the store of a given type into its struct; missing fields zero. */
int rec_decode_row(enum rec_type, void *rec, const uint8_t *row, size_t n);

/* Frames out of a stream of bytes: call with all bytes not yet consumed.  Returns the bytes of the
 * first frame and its payload, 0 if more bytes are needed, -1 with err if this is no frame (wrong
 * marker, empty, or longer than MAX_FRAME). */
ssize_t rec_frame(const uint8_t *p, size_t n, const uint8_t **payload, size_t *len, char err[160]);
#define REC_FRAME_HEAD 5
/* Frame a payload as it is (what a stage passes on). */
void rec_frame_put(struct rec_buf *, const uint8_t *payload, size_t n);

/* One JSON object, one line with the newline, with the fields that the payload has.  Decoding it
 * gives the payload back bit for bit: what the schema cannot say is printed as
 * {"type":…,"raw":"hex"}. */
void rec_print(FILE *, const struct rec *);
/* A JSON line to a framed record appended to the buffer: of the fields up to the last one that the
 * line names.  0, or -1 with err. */
int rec_parse(struct rec_buf *, const char *line, size_t len, char err[160]);
const char *rec_type_name(uint32_t type);	/* NULL if unknown */

#endif
