/* Any bytes as the head of an HTTP request, and as a body in chunks: nothing is read beyond them, what is taken is within
 * them, a shorter piece asks for more, and the same bytes in pieces give the same data at no more than a step a byte. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
// link: cmd/block-serve/head.c
#include "cmd/block-serve/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static char *copy_of(const uint8_t *p, size_t n)
{
	char *copy = malloc(n + !n);

	assert(copy);
	memcpy(copy, p, n);
	return copy;
}

static void within(const char *s, const char *from, size_t n)
{
	assert(s >= from && s < from + n && memchr(s, 0, (size_t)(from + n - s)));
}

static void check_head(const uint8_t *p, size_t n)
{
	char *copy = copy_of(p, n);
	struct head h;
	ssize_t used = head_parse(&h, copy, n);

	assert(used <= (ssize_t)n);
	if (used == 0)
		assert(memcmp(copy, p, n) == 0);
	if (used > 0 && h.status == 0) {
		if (strcmp(h.path, "/") != 0)
			within(h.path, copy, n);
		if (h.query)
			within(h.query, copy, n);
	}
	free(copy);
	for (size_t cut = 0; used > 0 && cut < (size_t)used; cut += 1 + (size_t)used / 16) {
		copy = copy_of(p, cut);
		assert(head_parse(&h, copy, cut) <= 0);
		free(copy);
	}
}

/* Data of the body, `step` bytes at a time; the bytes that were taken, or -1. */
static ssize_t body(const uint8_t *p, size_t n, size_t step, uint8_t *out, size_t *got)
{
	struct chunks c = { .state = CHUNK_SIZE };
	size_t at = 0, calls = 0;

	*got = 0;
	while (at < n && c.state != CHUNK_DONE) {
		size_t have = n - at < step ? n - at : step, len = 0;
		uint8_t *copy = (uint8_t *)copy_of(p + at, have);
		const uint8_t *data = NULL;
		ssize_t used = chunks_take(&c, copy, have, &data, &len);

		assert(used <= (ssize_t)have && ++calls <= 2 * n + 8);
		if (used > 0 && len) {
			assert(data >= copy && data + len <= copy + have && *got + len <= n);
			memcpy(out + *got, data, len);
			*got += len;
		}
		free(copy);
		if (used < 0)
			return -1;
		assert(used > 0 || c.state == CHUNK_DONE);
		at += (size_t)used;
	}
	return (ssize_t)at;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t *one = malloc(n + 1), *two = malloc(n + 1);
	size_t got_one, got_two;
	ssize_t first, second;

	assert(one && two);
	check_head(p, n);
	first = body(p, n, n + 1, one, &got_one);
	second = body(p, n, 1, two, &got_two);
	assert(first == second);
	assert(first < 0 || (got_one == got_two && memcmp(one, two, got_one) == 0));
	free(one);
	free(two);
	return 0;
}
