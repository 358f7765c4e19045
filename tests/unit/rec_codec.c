/* The record codec: every type there and back, every truncation, hostile counts, frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/rec_sample.h"

static void same_struct(const struct rec_schema *s, const void *a, const void *b)
{
	for (unsigned i = 0; i < s->n; i++) {
		const struct rec_field *f = &s->fields[i];
		const void *x = (const char *)a + f->offset, *y = (const char *)b + f->offset;
		const struct rec_view *v = x, *w = y;

		switch (f->type) {
		case F_BOOL: assert_int_equal(*(const bool *)x, *(const bool *)y); break;
		case F_ENUM:
		case F_U32: assert_int_equal(*(const uint32_t *)x, *(const uint32_t *)y); break;
		case F_U64: assert_true(*(const uint64_t *)x == *(const uint64_t *)y); break;
		case F_BYTES20:
		case F_BYTES32:
		case F_BYTES33: assert_memory_equal(x, y, rec_item_size(f->type)); break;
		default:
			assert_int_equal(v->n, w->n);
			if (v->n)
				assert_memory_equal(v->p, w->p,
				    (size_t)v->n * rec_item_size(f->type));
		}
	}
}

static void there_and_back(void **state)
{
	const struct rec_schema *s;
	struct rec_buf b = { 0 };
	struct sample x;
	struct rec r;
	union rec_any row;
	char err[160] = "";

	for (unsigned i = 0; (s = rec_schema_at(i)); i++)
		for (unsigned seed = 0; seed < 40; seed++) {
			sample_fill(&x, s, seed);
			b.n = 0;
			rec_encode_row(&b, s->number, &x.u);
			assert_int_equal(rec_decode_row(s->number, &row, b.p, b.n), 0);
			same_struct(s, &x.u, &row);
			assert_int_equal(rec_decode(&r, b.p, b.n, err), 0);
			assert_int_equal(r.known, !s->is_row);
			if (r.known)
				same_struct(s, &x.u, &r.u);
		}
	rec_buf_release(&b);
}

/* A record cut at any byte is a fault; cut between fields with the count lowered it is one of an
 * older writer. */
static void truncation(void **state)
{
	const struct rec_schema *s;
	struct rec_buf b = { 0 };
	struct sample x;
	struct rec r;
	char err[160];

	for (unsigned i = 0; (s = rec_schema_at(i)); i++) {
		sample_fill(&x, s, 3);
		b.n = 0;
		rec_encode_row(&b, s->number, &x.u);
		for (size_t n = 0; n < b.n; n++) {
			/* of its own, so that a sanitizer sees a read past it */
			uint8_t *cut = malloc(n + 1);

			memcpy(cut, b.p, n);
			err[0] = 0;
			assert_int_equal(rec_decode(&r, cut, n, err), -1);
			assert_true(err[0]);
			assert_false(r.known);
			free(cut);
		}
	}
	rec_buf_release(&b);
}

static int decode_hex(struct rec *r, const char *hex, char err[160])
{
	static uint8_t bytes[512];
	size_t n = strlen(hex) / 2;

	assert_int_equal(hex_to(bytes, n, hex, 2 * n), 0);
	return rec_decode(r, bytes, n, err);
}

static void missing_and_extra(void **state)
{
	struct rec r;
	char err[160];

	assert_int_equal(decode_hex(&r, "9101", err), 0);	/* hello with no field */
	assert_true(r.known && r.u.hello.schema == 0 && r.u.hello.network.n == 0);
	assert_int_equal(decode_hex(&r, "9201cd0102", err), 0);
	assert_int_equal(r.u.hello.schema, 0x102);
	/* two fields more than the schema has: a map in an array, and a float */
	assert_int_equal(decode_hex(&r, "970105a16e07a1739181a16b93c0c2c3cb3ff0000000000000", err),
	    0);
	assert_true(rec_is(r.u.hello.network, "n") && r.u.hello.chain_id == 7 &&
	    rec_is(r.u.hello.stage, "s"));
	assert_int_equal(decode_hex(&r, "92cd03e8c4020102", err), 0);	/* type 1000 */
	assert_true(!r.known && r.type == 1000);
	/* a signed 1500, as some libraries write it */
	assert_int_equal(decode_hex(&r, "9201d105dc", err), 0);
	assert_int_equal(r.u.hello.schema, 1500);
}

/* stored.kind, its last field: a name is a number; an empty or missing one is the first. */
static void names(void **state)
{
	struct rec_stored s = { .kind = ITEM_STREAM };
	struct rec_buf b = { 0 };
	struct rec r;
	char err[160], hex[64];

	assert_int_equal(decode_hex(&r, "990cc0c0000000a0c2a673747265616d", err), 0);
	assert_int_equal(r.u.stored.kind, ITEM_STREAM);
	assert_int_equal(decode_hex(&r, "990cc0c0000000a0c2a0", err), 0);
	assert_int_equal(r.u.stored.kind, ITEM_BODY);
	assert_int_equal(decode_hex(&r, "990cc0c0000000a0c2c0", err), 0);
	assert_int_equal(r.u.stored.kind, ITEM_BODY);
	assert_int_equal(decode_hex(&r, "980cc0c0000000a0c2", err), 0);
	assert_int_equal(r.u.stored.kind, ITEM_BODY);
	rec_encode_row(&b, REC_STORED, &s);
	assert_string_equal(hex_of(hex, b.p, b.n), "990cc0c0000000a0c2a673747265616d");
	rec_buf_release(&b);
	assert_string_equal(item_kind_name(ITEM_STREAM), "stream");
	assert_string_equal(sync_mode_name(MODE_NONE), "");
	assert_string_equal(sync_mode_name(MODE_CATCHING_UP), "catching up");
	assert_string_equal(item_kind_name(ITEM_STREAM + 1), "?");
}

static void hostile(void **state)
{
	static const struct { const char *hex, *err;
	} bad[] = {
		{ "dd08000000", "a record is an array that begins with its type" },
		{ "ddffffffff01", "a record is an array that begins with its type" },
		{ "90", "a record is an array that begins with its type" },
		{ "c0", "a record is an array that begins with its type" },
		{ "c1", "a record is an array that begins with its type" },
		{ "91a161", "a record's type is a whole number below 2^32" },
		{ "91ff", "a record's type is a whole number below 2^32" },
		{ "91cf0000000100000000", "a record's type is a whole number below 2^32" },
		{ "9201a161", "hello.schema: not a whole number" },
		{ "9201ff", "hello.schema: not a whole number" },
		/* -2 in two bytes, in one, in eight */
		{ "9201d1fffe", "hello.schema: not a whole number" },
		{ "9201d0fe", "hello.schema: not a whole number" },
		{ "9201d3fffffffffffffffe", "hello.schema: not a whole number" },
		{ "9201cf0000000100000000", "hello.schema: 4294967296, at most 4294967295" },
		{ "930101c40161", "hello.network: not text" },
		{ "930101dbffffffff61", "hello.network: cut off or garbage" },
		{ "930101d9416161616161616161616161616161616161616161616161616161616161616161616161"
		  "61616161616161"
		  "616161616161616161616161616161616161616161616161616161",
		    "hello.network: 65 bytes, at most 64" },
		{ "920101ff", "hello: 1 bytes after its end" },
		{ "960101a000a0dd00000005", "hello: cut off or garbage after field 4" },
		{ "960101a000a0df7fffffff", "hello: cut off or garbage after field 4" },
		{ "960101a000a0c1", "hello: cut off or garbage after field 4" },
		{ "930305c403616161", "sortition.burn_hash: 3 bytes, not 32" },
		{ "930301a3616161", "sortition.burn_hash: not bytes" },
		{ "930500c40161", "reward_set.keys: 1 bytes, not a multiple of 33" },
		{ "990cc0c0000000a0c2a178", "stored.kind: unknown name 'x'" },
		{ "990cc0c0000000a0c2a3626f64", "stored.kind: unknown name 'bod'" },
		{ "990cc0c0000000a0c2a5626f647900", "stored.kind: unknown name 'body'" },
		{ "990cc0c0000000a0c202", "stored.kind: not text" },
		{ "990cc0c0000000a0c2c404626f6479", "stored.kind: not text" },
		/* a long name is not repeated whole */
		{ "990cc0c0000000a0c2d93c6161616161616161616161616161616161616161616161616161"
		  "616161616161616161616161616161616161616161616161616161616161616161616161",
		    "stored.kind: unknown name 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'" },
	};
	struct rec r;
	char err[160];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(decode_hex(&r, bad[i].hex, err), -1);
		assert_string_equal(err, bad[i].err);
	}
}

/* 4 MiB of nested arrays: the depth costs nothing. */
static void deep(void **state)
{
	size_t n = MAX_FRAME;
	uint8_t *p = malloc(n);
	struct rec r;
	char err[160];

	memset(p, 0x91, n);
	memcpy(p, "\x92\xcd\x03\xe8", 4);
	p[n - 1] = 0xc0;
	assert_int_equal(rec_decode(&r, p, n, err), 0);
	p[n - 1] = 0x91;
	assert_int_equal(rec_decode(&r, p, n, err), -1);
	free(p);
}

static void frames(void **state)
{
	const uint8_t *payload;
	struct rec_buf b = { 0 };
	char err[160];
	size_t len;

	rec_frame_put(&b, (const uint8_t *)"\x91\x01", 2);
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(rec_frame(b.p, n, &payload, &len, err), 0);
	assert_int_equal(rec_frame(b.p, b.n, &payload, &len, err), 7);
	assert_true(payload == b.p + 5 && len == 2);
	rec_buf_release(&b);
	assert_int_equal(rec_frame((const uint8_t *)"hello", 5, &payload, &len, err), -1);
	assert_string_equal(err, "no record begins with byte 0x68");
	assert_int_equal(rec_frame((const uint8_t *)"\xc6\0\0\0\0", 5, &payload, &len, err), -1);
	assert_string_equal(err, "empty record");
	assert_int_equal(rec_frame((const uint8_t *)"\xc6\0\x40\0\0", 5, &payload, &len, err), 0);
	assert_int_equal(rec_frame((const uint8_t *)"\xc6\0\x40\0\1", 5, &payload, &len, err), -1);
	assert_string_equal(err, "record of 4194305 bytes, at most 4194304");
	assert_int_equal(rec_frame((const uint8_t *)"\xc6\xff\xff\xff\xff", 5, &payload, &len, err),
	    -1);
}

static void views(void **state)
{
	char out[4];

	assert_true(rec_is(rec_str("held"), "held"));
	assert_false(rec_is(rec_str("held"), "hel"));
	assert_true(rec_is((struct rec_view){ NULL, 0 }, ""));
	assert_string_equal(rec_cstr(out, sizeof(out), rec_str("abcdef")), "abc");
	assert_string_equal(rec_cstr(out, sizeof(out), (struct rec_view){ NULL, 0 }), "");
	assert_int_equal(rec_u32_at(rec_bytes("\0\0\1\0\0\0\0\5", 2), 1), 5);
	assert_string_equal(rec_type_name(REC_BLOCK), "block");
	assert_null(rec_type_name(0));
	assert_null(rec_type_name(1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(truncation),
		cmocka_unit_test(missing_and_extra),
		cmocka_unit_test(names),
		cmocka_unit_test(hostile),
		cmocka_unit_test(deep),
		cmocka_unit_test(frames),
		cmocka_unit_test(views),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
