/* From paths to handlers.  A path that a route names literally and whose variable part is malformed
 * is a 400, an unknown one a 404, a known one with another method a 405 (spec/blocks.md 4.1). */
#include "cmd/block-serve/http.h"

/* In a pattern: 'I' 64 lower-case hex digits, 'C' 40, 'N' a number; '~' before I or C allows 0x.
 * The busiest stand first. */
static const struct route {
	const char *pattern;
	enum method method;
	void (*handler)(struct request *);
	bool (*may)(struct request *);		/* with a body: asked before it is read */
} routes[] = {
	{ "/v3/blocks/I", METHOD_GET, get_block, NULL },
	{ "/v3/tenures/I", METHOD_GET, get_tenure, NULL },
	{ "/v3/blocks/height/N", METHOD_GET, get_block_at, NULL },
	{ "/v3/blocks/upload", METHOD_POST, post_block, post_block_may },
	{ "/v3/blocks/upload/", METHOD_POST, post_block, post_block_may },
	{ "/v3/tenures/info", METHOD_GET, get_tenure_info, NULL },
	{ "/v3/tenures/tip/C", METHOD_GET, get_tenure_tip, NULL },
	{ "/v3/tenures/tip_metadata/C", METHOD_GET, get_tenure_tip_metadata, NULL },
	{ "/v3/tenures/blocks/hash/I", METHOD_GET, get_tenure_blocks_hash, NULL },
	{ "/v3/tenures/blocks/height/N", METHOD_GET, get_tenure_blocks_height, NULL },
	{ "/v3/tenures/blocks/C", METHOD_GET, get_tenure_blocks, NULL },
	{ "/v3/sortitions", METHOD_GET, get_sortition, NULL },
	{ "/v3/sortitions/latest_and_last", METHOD_GET, get_sortitions_last, NULL },
	{ "/v3/sortitions/burn_height/N", METHOD_GET, get_sortition_height, NULL },
	{ "/v3/sortitions/burn/~I", METHOD_GET, get_sortition_burn, NULL },
	{ "/v3/sortitions/consensus/~C", METHOD_GET, get_sortition_ch, NULL },
	{ "/v2/blocks/I", METHOD_GET, get_anchored, NULL },
	{ "/v2/microblocks/confirmed/I", METHOD_GET, get_stream_confirmed, NULL },
	{ "/v2/microblocks/unconfirmed/I/N", METHOD_GET, get_stream_unconfirmed, NULL },
	{ "/v2/microblocks/I", METHOD_GET, get_stream, NULL },
	{ "/v2/blocks/upload/C", METHOD_POST, post_anchored, post_anchored_may },
	{ "/v2/microblocks", METHOD_POST, post_microblock, post_microblock_may },
	{ "/v2/headers/N", METHOD_GET, get_headers, NULL },
	{ "/v3/stacker_set/N", METHOD_GET, get_stacker_set, NULL },
	{ "/v3/health", METHOD_GET, get_health, NULL },
	{ "/v2/info", METHOD_GET, get_info, NULL },
	{ "/v2/pox", METHOD_GET, get_pox, NULL },
	{ "/v2/neighbors", METHOD_GET, get_neighbors, NULL },
	{ "/blocksync/sortitions/N/N", METHOD_GET, get_records, NULL },
};

enum match { NO_MATCH, MALFORMED, MATCH };

/* Hex of n bytes at *p, which is moved past it. */
static bool take_hex(const char **p, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < 2 * n; i++) {
		char c = (*p)[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	if (hex_to(out, n, *p, 2 * n) != 0)
		return false;
	*p += 2 * n;
	return true;
}

static bool take_number(const char **p, uint64_t *out)
{
	uint64_t v = 0;
	const char *s = *p;

	for (; *s >= '0' && *s <= '9'; s++) {
		if (v > (UINT64_MAX - 9) / 10)
			return false;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	if (s == *p)
		return false;
	*p = s;
	*out = v;
	return true;
}

static bool take(struct request *r, char kind, const char **path, unsigned *numbers)
{
	switch (kind) {
	case 'I':
		return take_hex(path, r->hash, ID_LEN);
	case 'C':
		return take_hex(path, r->hash, CH_LEN);
	default:
		return take_number(path, (*numbers)++ == 0 ? &r->number : &r->number2);
	}
}

static enum match match(struct request *r, const char *pattern, const char *path)
{
	unsigned numbers = 0;

	for (; *pattern != 0; pattern++) {
		if (*pattern == '~') {
			if (strncmp(path, "0x", 2) == 0)
				path += 2;
		} else if (*pattern == 'I' || *pattern == 'C' || *pattern == 'N') {
			if (!r->arg)
				r->arg = path;
			if (!take(r, *pattern, &path, &numbers))
				return *path != 0 && strchr(path, '/') == NULL ? MALFORMED :
										 NO_MATCH;
		} else if (*pattern != *path++) {
			return NO_MATCH;
		}
	}
	if (*path == 0)
		return MATCH;
	return r->arg && strchr(path, '/') == NULL ? MALFORMED : NO_MATCH;
}

static bool has_body(const struct request *r)
{
	return r->conn->head.chunked || r->conn->head.length > 0;
}

/* The route is found: it answers now, or waits for the body. */
static const struct route *follow(const struct route *route, struct request *r)
{
	if (!route->may && has_body(r)) {
		reply_closes(r);
		reply_text(r, 400, "Invalid Http request: expected 0-length body");
	} else if (!route->may) {
		route->handler(r);
	} else if (!has_body(r)) {
		reply_closes(r);
		reply_text(r, 400, "Invalid Http request: expected a body");
	} else if (r->conn->head.length > MAX_BLOCK) {
		reply_closes(r);
		reply_text(r, 413, "the body is too long");
	} else if (route->may(r)) {
		return route;
	}
	return NULL;
}

/* An error that was found before any handler ran closes the connection, as a stacks-node does. */
const struct route *route_request(struct request *r)
{
	const char *malformed = NULL;
	const struct route *other = NULL;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct route *route = &routes[i];
		r->arg = NULL;
		enum match m = match(r, route->pattern, r->path);
		if (m == MALFORMED && !malformed)
			malformed = r->path;
		if (m != MATCH)
			continue;
		if (route->method == r->conn->head.method)
			return follow(route, r);
		other = route;
		break;
	}
	reply_closes(r);
	if (other) {
		r->allow = other->method == METHOD_POST ? "POST" : "GET";
		reply_text(r, 405, "Method Not Allowed. Allowed: %s", r->allow);
	} else if (malformed) {
		reply_text(r, 400, "Invalid path parameters for '%.200s'", malformed);
	} else {
		reply_text(r, 404, "No such file or directory");
	}
	return NULL;
}

void route_body(const struct route *route, struct request *r)
{
	route->handler(r);
}

/* Next: cmd/block-serve/reply.c, how answers are written. */
