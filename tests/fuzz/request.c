/* Any bytes as requests to block-serve: heads, paths and chunks are taken or refused, and nothing
 * is read beyond them.  What a body in chunks says does not depend on the pieces that it comes
 * in. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/block-serve/head.c"
#include "cmd/block-serve/route.c"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static unsigned answers;
static bool may_body;

void reply_closes(struct request *r) { r->conn->closes = true; }
void reply_text(struct request *r, int code, const char *fmt, ...) { answers++; }
bool post_block_may(struct request *r) { return may_body = true; }
bool post_anchored_may(struct request *r) { return may_body = true; }
bool post_microblock_may(struct request *r) { return may_body = true; }
#define HANDLER(name) void name(struct request *r) { assert(r->path); answers++; }
HANDLER(get_block)
HANDLER(get_block_at)
HANDLER(get_tenure)
HANDLER(get_anchored)
HANDLER(get_stream)
HANDLER(get_stream_confirmed)
HANDLER(get_stream_unconfirmed)
HANDLER(get_headers)
HANDLER(get_info)
HANDLER(get_pox)
HANDLER(get_neighbors)
HANDLER(get_health)
HANDLER(get_tenure_info)
HANDLER(get_tenure_tip)
HANDLER(get_tenure_tip_metadata)
HANDLER(get_tenure_blocks)
HANDLER(get_tenure_blocks_hash)
HANDLER(get_tenure_blocks_height)
HANDLER(get_sortition)
HANDLER(get_sortitions_last)
HANDLER(get_sortition_height)
HANDLER(get_sortition_burn)
HANDLER(get_sortition_ch)
HANDLER(get_stacker_set)
HANDLER(get_records)
HANDLER(post_block)
HANDLER(post_anchored)
HANDLER(post_microblock)

/* The data of a body in chunks, taken in pieces of at most `step` bytes.  Returns bytes used, -1 if
 * they are no chunks. */
static ssize_t body_of(
    const uint8_t *p, size_t n, size_t step, uint8_t *out, size_t *len, bool *whole)
{
	struct chunks k = { .state = CHUNK_SIZE };
	size_t at = 0;

	*len = 0;
	while (at < n && k.state != CHUNK_DONE) {
		const uint8_t *data;
		size_t part, give = n - at < step ? n - at : step;
		ssize_t used = chunks_take(&k, p + at, give, &data, &part);
		if (used < 0)
			return -1;
		assert(used > 0 && (size_t)used <= give &&
		    (part == 0 || (data >= p + at && data + part <= p + at + give)));
		if (part > 0)
			memcpy(out + *len, data, part);
		*len += part;
		at += (size_t)used;
	}
	*whole = k.state == CHUNK_DONE;
	return (ssize_t)at;
}

static void try_chunks(const uint8_t *p, size_t n)
{
	uint8_t *a = malloc(n + 1), *b = malloc(n + 1);
	size_t a_len, b_len;
	bool a_whole = false, b_whole = false;
	ssize_t x = body_of(p, n, n + 1, a, &a_len, &a_whole),
	    y = body_of(p, n, 1, b, &b_len, &b_whole);

	assert(x == y && (x < 0 ||
	    (a_whole == b_whole && a_len == b_len && memcmp(a, b, a_len) == 0)));
	free(a);
	free(b);
}

static void try_route(const struct head *h)
{
	struct http_conn c = { .head = *h };
	struct request r = { .conn = &c, .path = h->path, .query = h->query };

	answers = 0;
	may_body = false;
	const struct route *route = route_request(&r);
	assert(route != NULL ? may_body && answers == 0 : answers == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct head h, less;

	for (size_t at = 0; at < n;) {
		/* A copy of exactly these bytes, so that whoever reads beyond is seen. */
		char *copy = malloc(n - at), *part = malloc(n - at);
		memcpy(copy, p + at, n - at);
		ssize_t used = head_parse(&h, copy, n - at);
		if (used > 1) {
			memcpy(part, p + at, (size_t)used - 1);
			assert(head_parse(&less, part, (size_t)used - 1) == 0);
			assert(!(h.chunked && h.length > 0) && strlen(h.path) < MAX_HTTP_HEAD);
			try_route(&h);
			if (h.chunked)
				try_chunks(p + at + used, n - at - (size_t)used);
		}
		assert(used >= 0 || (h.status >= 400 && h.fault));
		free(copy);
		free(part);
		if (used <= 0)
			break;
		at += (size_t)used;
	}
	return 0;
}
