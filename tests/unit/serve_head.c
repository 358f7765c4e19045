/* The head of a request: what is taken, what is refused and how, and where the body ends. */
// link: cmd/block-serve/head.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "cmd/block-serve/head.h"
#include "common/limits.h"

static char text[2 * MAX_HTTP_HEAD];

static ssize_t parse(struct head *h, const char *request)
{
	strcpy(text, request);
	return head_parse(h, text, strlen(request));
}

static void test_taken(void **state)
{
	struct head h;

	assert_int_equal(parse(&h, "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\nrest"), 32);
	assert_true(h.method == METHOD_GET && h.keep && !h.http10 && !h.chunked && h.length == 0 &&
	    !h.expects);
	assert_string_equal(h.path, "/a");
	assert_string_equal(h.query, "b=c");
	assert_true(parse(&h,
			"\r\nPOST http://x:1/u HTTP/1.1\r\ncontent-LENGTH:\t7 \r\nContent-Type: "
			"application/octet-stream\r\nExpect: 100-Continue\r\n\r\n") > 0);
	assert_true(h.method == METHOD_POST && h.length == 7 && h.octets && h.expects);
	/* The type is a word of any case; whoever speaks HTTP/1.0 is told nothing before the
	 * answer. */
	assert_true(parse(&h,
			"POST /u HTTP/1.0\r\nContent-Length: 7\r\nContent-Type: "
			"Application/Octet-Stream\r\nExpect: 100-continue\r\n\r\n") > 0);
	assert_true(h.octets && !h.expects);
	assert_string_equal(h.path, "/u");
	assert_true(parse(&h, "HEAD HTTPS://x?y HTTP/1.0\n\n") > 0);
	assert_true(h.method == METHOD_HEAD && h.http10 && !h.keep);
	assert_string_equal(h.path, "/");
	assert_string_equal(h.query, "y");
	assert_true(parse(&h, "GET / HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n") > 0 && h.keep);
	assert_true(
	    parse(&h, "GET / HTTP/1.1\r\nConnection: upgrade , close\r\nUpgrade: h2c\r\n\r\n") >
		0 &&
	    !h.keep);
	assert_true(parse(&h, "CONNECT x:443 HTTP/1.1\r\n\r\n") > 0 && h.method == METHOD_OTHER);
	assert_true(parse(&h, "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n") > 0 &&
	    h.chunked);
	/* Short: not yet. */
	assert_int_equal(parse(&h, "GET / HTTP/1.1\r\nHost: x\r\n\r"), 0);
	assert_int_equal(parse(&h, ""), 0);
}

static void test_refused(void **state)
{
	static const struct { int status; const char *request;
	} no[] = {
		{ 400, "GET /\r\n\r\n" },
		{ 400, "GET  HTTP/1.1\r\n\r\n" },
		{ 400, "G(T / HTTP/1.1\r\n\r\n" },
		{ 400, "GET / HTTP/2.0\r\n\r\n" },
		{ 400, "GET / HTTP/1.10\r\n\r\n" },
		{ 400, "GET /a b HTTP/1.1\r\n\r\n" },
		{ 400, "GET /\xc3\xa4 HTTP/1.1\r\n\r\n" },
		{ 400, "GET http:///x HTTP/1.1\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n x: y\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nx\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nx : y\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nx: a\rb\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nx: \001\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n: y\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nContent-Length: \r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nContent-Length: 9999999999999999999\r\n\r\n" },
		{ 400,
		    "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n" },
		{ 400, "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" },
		{ 501, "GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" },
		{ 417, "GET / HTTP/1.1\r\nExpect: it\r\n\r\n" },
	};
	struct head h;

	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (parse(&h, no[i].request) != -1 || h.status != no[i].status)
			fail_msg("%s", no[i].request);
}

/* A head of the limit, and one byte more; and one that does not end. */
static void test_limit(void **state)
{
	struct head h;

	for (size_t n = MAX_HTTP_HEAD; n <= MAX_HTTP_HEAD + 1; n++) {
		memset(text, 'a', sizeof(text));
		memcpy(text, "GET /", 5);
		memcpy(text + n - 13, " HTTP/1.1\r\n\r\n", 13);
		assert_int_equal(head_parse(&h, text, n), n <= MAX_HTTP_HEAD ? (ssize_t)n : -1);
	}
	memset(text, 'a', sizeof(text));
	assert_int_equal(head_parse(&h, text, MAX_HTTP_HEAD - 1), 0);
	assert_int_equal(head_parse(&h, text, MAX_HTTP_HEAD), -1);
}

static ssize_t chunks(const char *body, char *out)
{
	struct chunks k = { .state = CHUNK_SIZE };
	size_t at = 0, n = strlen(body), len;

	for (*out = 0; at < n && k.state != CHUNK_DONE;) {
		const uint8_t *data;
		ssize_t used = chunks_take(&k, (const uint8_t *)body + at, n - at, &data, &len);
		if (used < 0)
			return -1;
		if (len)
			strncat(out, (const char *)data, len);
		at += (size_t)used;
	}
	return k.state == CHUNK_DONE ? (ssize_t)at : 0;
}

static void test_chunks(void **state)
{
	static const char *const no[] = { "x\r\n", "\r\n", "5\r\nhelloX", "123456789\r\n",
		"5 5\r\nhello\r\n5x", "-1\r\n" };
	char out[64], line[MAX_CHUNK_LINE + 16], trailer[MAX_HTTP_HEAD + 16];

	assert_int_equal(chunks("5\r\nhello\r\nA;e=\"1\"\r\n0123456789\r\n0\r\n\r\nGET", out), 36);
	assert_string_equal(out, "hello0123456789");
	assert_int_equal(chunks("0\nA: b\r\nC: d\r\n\r\n", out), 16);
	assert_int_equal(chunks("5\r\nhel", out), 0);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (chunks(no[i], out) != -1)
			fail_msg("%s", no[i]);
	memset(line, 'x', sizeof(line));
	memcpy(line, "5;", 2);
	line[MAX_CHUNK_LINE + 8] = 0;
	assert_int_equal(chunks(line, out), -1);
	/* What follows the last chunk has a bound too, in one line or in many. */
	memset(trailer, 'x', sizeof(trailer));
	memcpy(trailer, "0\n", 2);
	trailer[sizeof(trailer) - 1] = 0;
	assert_int_equal(chunks(trailer, out), -1);
	for (size_t i = 3; i < sizeof(trailer) - 1; i += 2)
		trailer[i] = '\n';
	assert_int_equal(chunks(trailer, out), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken), cmocka_unit_test(test_refused),
		    cmocka_unit_test(test_limit), cmocka_unit_test(test_chunks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
