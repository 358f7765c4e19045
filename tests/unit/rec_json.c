/* JSON lines: every type there and back bit for bit, what JSON cannot say as raw, faults of a
 * person's line; and the golden bytes and lines of every record (make update-ok rewrites them). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/rec_sample.h"

#define GOLDEN "tests/fixtures/records.golden"

static char *print(const uint8_t *payload, size_t n, size_t *len)
{
	char *line, err[160];
	struct rec r;
	FILE *f = open_memstream(&line, len);

	(void)!rec_decode(&r, payload, n, err);	/* what does not decode is printed raw */
	rec_print(f, &r);
	fclose(f);
	return line;
}

/* Prints a payload, parses the line, expects the payload again.  Returns the line. */
static char *round_trip(const uint8_t *payload, size_t n)
{
	struct rec_buf back = { 0 };
	char err[160] = "";
	size_t len;
	char *line = print(payload, n, &len);

	assert_int_equal(line[len - 1], '\n');
	assert_ptr_equal(memchr(line, '\n', len), line + len - 1);
	if (rec_parse(&back, line, len, err) < 0)
		fail_msg("%s: %s", err, line);
	assert_int_equal(back.n, n + REC_FRAME_HEAD);
	assert_memory_equal(back.p + REC_FRAME_HEAD, payload, n);
	rec_buf_release(&back);
	return line;
}

static void there_and_back(void **state)
{
	const struct rec_schema *s;
	struct rec_buf b = { 0 };
	struct sample x;

	for (unsigned i = 0; (s = rec_schema_at(i)); i++)
		for (unsigned seed = 0; seed < 20; seed++) {
			sample_fill(&x, s, seed);
			b.n = 0;
			rec_encode_row(&b, s->number, &x.u);
			char *line = round_trip(b.p, b.n);
			assert_int_equal(strstr(line, "\"raw\"") != NULL, s->is_row);
			free(line);
		}
	rec_buf_release(&b);
}

static void raw(void **state)
{
	static const char *const payloads[] = {
		"c0",
		"c1ff",
		"92cd03e801",
		"950101a2fffe00a0",
		"9501cd000100a00000",
		"96010100a0a000",
		"68656c6c6f",
		"9601"
		"cf00000000000000ff"
		"a0"
		"00"
		"a0"
		"c0",
		"990cc0c0000000a0c2a0",
		"99120000"
		"cfffffffffffffffff",
	};
	uint8_t bytes[64];

	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		size_t n = strlen(payloads[i]) / 2;

		assert_int_equal(hex_to(bytes, n, payloads[i], 2 * n), 0);
		char *line = round_trip(bytes, n);
		assert_non_null(strstr(line, "\"raw\""));
		free(line);
	}
}

/* A record of an older schema has the fields that it has, as a line too. */
static void fewer_fields(void **state)
{
	const struct rec_schema *s;
	struct rec_buf b = { 0 };
	struct sample x;
	char key[64];

	for (unsigned i = 0; (s = rec_schema_at(i)); i++) {
		sample_fill(&x, s, 2);
		for (unsigned n = 0; n <= s->n && !s->is_row; n++) {
			b.n = 0;
			rec_encode_first(&b, s, &x.u, n);
			char *line = round_trip(b.p, b.n);
			assert_null(strstr(line, "\"raw\""));
			if (n < s->n)
				snprintf(key, sizeof(key), ",\"%s\":", s->fields[n].name);
			assert_true(n == s->n || !strstr(line, key));
			free(line);
		}
	}
	rec_buf_release(&b);
}

/* Text with quotes, controls, NUL, umlauts and a C1 control. */
static void text(void **state)
{
	static const char odd[] = "a\"b\\c\n\x1b[2J\0\xc3\xa4\xc2\x9b\xf0\x9f\x98\x80\x7f";
	struct rec_hello h = { .network = rec_bytes(odd, sizeof(odd) - 1) };
	struct rec_buf b = { 0 };
	char *line;

	rec_encode_row(&b, REC_HELLO, &h);
	line = round_trip(b.p, b.n);
	assert_null(strchr(line, 0x1b));
	assert_string_equal(line,
	    "{\"type\":\"hello\",\"schema\":0,\"network\":\"a\\\"b\\\\c\\u000a\\u001b["
	    "2J\\u0000\xc3\xa4\\u009b"
	    "\xf0\x9f\x98\x80\\u007f\",\"chain_id\":0,\"stage\":\"\"}\n");
	free(line);
	rec_buf_release(&b);
}

static void faults(void **state)
{
	static const struct { const char *line, *err;
	} bad[] = {
		{ "", "no JSON: '[' or '{' expected near end of file" },
		{ "[1]", "no JSON object" },
		{ "{}", "unknown type: \"type\" must be a name of records(5), or give \"raw\"" },
		{ "{\"type\":\"download\"}",
		    "unknown type: \"type\" must be a name of records(5), or give \"raw\"" },
		{ "{\"type\":\"hello\",\"schemma\":1}", "hello.schemma: no such field" },
		{ "{\"type\":\"hello\",\"schema\":-1}", "hello.schema: bad value" },
		{ "{\"type\":\"hello\",\"schema\":4294967296}", "hello.schema: bad value" },
		{ "{\"type\":\"hello\",\"schema\":\"1\"}", "hello.schema: bad value" },
		{ "{\"type\":\"block\",\"id\":\"00\"}", "block.id: bad value" },
		{ "{\"type\":\"block\",\"body\":\"0g\"}", "block.body: bad value" },
		{ "{\"type\":\"sortition\",\"won\":1}", "sortition.won: bad value" },
		{ "{\"type\":\"reward_set\",\"keys\":[\"00\"]}", "reward_set.keys: bad value" },
		{ "{\"type\":\"reward_set\",\"weights\":[-1]}", "reward_set.weights: bad value" },
		{ "{\"type\":\"stored\",\"kind\":\"bod\"}", "stored.kind: bad value" },
		{ "{\"type\":\"stored\",\"kind\":\"body\\u0000\"}", "stored.kind: bad value" },
		{ "{\"type\":\"stored\",\"kind\":2}", "stored.kind: bad value" },
		{ "{\"raw\":\"\"}", "raw: not hex of 1 to 4194304 bytes" },
		{ "{\"raw\":\"0\"}", "raw: not hex of 1 to 4194304 bytes" },
	};
	struct rec_buf b = { 0 };
	char err[160];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(rec_parse(&b, bad[i].line, strlen(bad[i].line), err), -1);
		assert_string_equal(err, bad[i].err);
		assert_int_equal(b.n, 0);
	}
	/* Longer than the field may be. */
	static char longer[9000];
	int n = snprintf(
	    longer, sizeof(longer), "{\"type\":\"hello\",\"network\":\"%065d\"}", 0);
	assert_int_equal(rec_parse(&b, longer, (size_t)n, err), -1);
	assert_string_equal(err, "hello.network: bad value");
	n = snprintf(longer, sizeof(longer), "{\"type\":\"reward_set\",\"weights\":[1");
	for (unsigned i = 0; i < 4000; i++)
		n += snprintf(longer + n, sizeof(longer) - (size_t)n, ",1");
	n += snprintf(longer + n, sizeof(longer) - (size_t)n, "]}");
	assert_int_equal(rec_parse(&b, longer, (size_t)n, err), -1);
	assert_string_equal(err, "reward_set.weights: bad value");
	static const char loose[] = " {\"stage\":\"x\",\"type\":\"hello\"} \n";
	assert_int_equal(rec_parse(&b, loose, sizeof(loose) - 1, err), 0);
	static const char empty[] = "{\"type\":\"stored\",\"kind\":\"\"}";
	assert_int_equal(rec_parse(&b, empty, sizeof(empty) - 1, err), 0);
	rec_buf_release(&b);
}

/* Every record's bytes and line as of this schema. */
static char *golden(size_t *len)
{
	const struct rec_schema *s;
	struct rec_buf b = { 0 };
	struct sample x;
	char *text_out, *hex;
	FILE *f = open_memstream(&text_out, len);

	fprintf(f, "schema %d\n", REC_SCHEMA);
	for (unsigned i = 0; (s = rec_schema_at(i)); i++) {
		size_t n;

		sample_fill(&x, s, 1);
		b.n = 0;
		rec_encode_row(&b, s->number, &x.u);
		hex = malloc(2 * b.n + 1);
		char *line = print(b.p, b.n, &n);
		fprintf(f, "%s %s\n%s", s->name, hex_of(hex, b.p, b.n), line);
		free(line);
		free(hex);
	}
	fclose(f);
	rec_buf_release(&b);
	return text_out;
}

static void golden_bytes(void **state)
{
	size_t len, n;
	char *now = golden(&len), *then = malloc(len + 2);
	FILE *f = fopen(GOLDEN, getenv("UPDATE") ? "w+" : "r");

	assert_non_null(f);
	if (getenv("UPDATE")) {
		fwrite(now, 1, len, f);
		rewind(f);
	}
	n = fread(then, 1, len + 1, f);
	then[n] = 0;
	fclose(f);
	assert_string_equal(now, then);
	free(now);
	free(then);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(raw),
		cmocka_unit_test(fewer_fields),
		cmocka_unit_test(text),
		cmocka_unit_test(faults),
		cmocka_unit_test(golden_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
