/* Any bytes as a stream of records: frames and payloads are taken apart without a read beyond them;
 * what decodes and is canonical encodes to the same bytes; and every frame comes back from its line
 * of JSON bit for bit.  The same bytes are also tried as a line of JSON and as rows of the store.
 */
#include <assert.h>
#include <stdlib.h>

#include "common/rec/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void json_round_trip(const struct rec *r)
{
	struct rec_buf back = { 0 };
	char *line, err[160];
	size_t len;
	FILE *f = open_memstream(&line, &len);

	rec_print(f, r);
	fclose(f);
	assert(rec_parse(&back, line, len, err) == 0);
	assert(back.n == r->len + REC_FRAME_HEAD &&
	    !memcmp(back.p + REC_FRAME_HEAD, r->payload, r->len));
	rec_buf_release(&back);
	free(line);
}

static void encode_again(const struct rec *r)
{
	struct rec_buf one = { 0 }, two = { 0 };
	char err[160];
	struct rec again;

	rec_encode_row(&one, r->type, &r->u);
	assert(rec_decode(&again, one.p, one.n, err) == 0 && again.known);
	rec_encode_row(&two, r->type, &again.u);
	assert(one.n == two.n && !memcmp(one.p, two.p, one.n));
	rec_buf_release(&one);
	rec_buf_release(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct rec_schema *s;
	struct rec_buf line = { 0 };
	const uint8_t *payload;
	union rec_any row;
	char err[160];
	struct rec r;
	size_t len, at = 0;
	ssize_t took;

	while ((took = rec_frame(p + at, n - at, &payload, &len, err)) > 0) {
		assert((size_t)took <= n - at);
		if (rec_decode(&r, payload, len, err) == 0 && r.known)
			encode_again(&r);
		json_round_trip(&r);
		at += (size_t)took;
	}
	if (n && rec_decode(&r, p, n, err) == 0 && r.known)
		encode_again(&r);
	for (unsigned i = 0; (s = rec_schema_at(i)); i++)
		(void)!rec_decode_row(s->number, &row, p, n);
	(void)!rec_parse(&line, (const char *)p, n, err);
	rec_buf_release(&line);
	return 0;
}
