/* From paths to handlers.  A path that a route names literally and whose variable part is malformed is a 400, an
 * unknown one a 404, a known one with another method a 405 (spec/blocks.md 4.1). */
#include "cmd/block-serve/serve.h"

/* In a pattern: 'I' 64 lower-case hex digits, 'C' 40, 'N' a number; '~' before I or C allows 0x.  The busiest stand first. */
static const struct route {
	const char *pattern;
	enum evhttp_cmd_type method;
	void (*handler)(struct request *);
} routes[] = {
	{ "/v3/blocks/I", EVHTTP_REQ_GET, get_block },
	{ "/v3/tenures/I", EVHTTP_REQ_GET, get_tenure },
	{ "/v3/blocks/height/N", EVHTTP_REQ_GET, get_block_at },
	{ "/v3/blocks/upload", EVHTTP_REQ_POST, post_block },
	{ "/v3/blocks/upload/", EVHTTP_REQ_POST, post_block },
	{ "/v3/tenures/info", EVHTTP_REQ_GET, get_tenure_info },
	{ "/v3/tenures/tip/C", EVHTTP_REQ_GET, get_tenure_tip },
	{ "/v3/tenures/tip_metadata/C", EVHTTP_REQ_GET, get_tenure_tip_metadata },
	{ "/v3/tenures/blocks/hash/I", EVHTTP_REQ_GET, get_tenure_blocks_hash },
	{ "/v3/tenures/blocks/height/N", EVHTTP_REQ_GET, get_tenure_blocks_height },
	{ "/v3/tenures/blocks/C", EVHTTP_REQ_GET, get_tenure_blocks },
	{ "/v3/sortitions", EVHTTP_REQ_GET, get_sortition },
	{ "/v3/sortitions/latest_and_last", EVHTTP_REQ_GET, get_sortitions_last },
	{ "/v3/sortitions/burn_height/N", EVHTTP_REQ_GET, get_sortition_height },
	{ "/v3/sortitions/burn/~I", EVHTTP_REQ_GET, get_sortition_burn },
	{ "/v3/sortitions/consensus/~C", EVHTTP_REQ_GET, get_sortition_ch },
	{ "/v3/stacker_set/N", EVHTTP_REQ_GET, get_stacker_set },
	{ "/v3/health", EVHTTP_REQ_GET, get_health },
	{ "/v2/info", EVHTTP_REQ_GET, get_info },
	{ "/v2/pox", EVHTTP_REQ_GET, get_pox },
	{ "/v2/neighbors", EVHTTP_REQ_GET, get_neighbors },
	{ "/blocksync/sortitions/N/N", EVHTTP_REQ_GET, get_records },
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
			if (r->arg == NULL)
				r->arg = path;
			if (!take(r, *pattern, &path, &numbers))
				return *path != 0 && strchr(path, '/') == NULL ? MALFORMED : NO_MATCH;
		} else if (*pattern != *path++) {
			return NO_MATCH;
		}
	}
	if (*path == 0)
		return MATCH;
	return r->arg != NULL && strchr(path, '/') == NULL ? MALFORMED : NO_MATCH;
}

static const char *method_name(enum evhttp_cmd_type m)
{
	return m == EVHTTP_REQ_POST ? "POST" : "GET";
}

static bool has_body(struct request *r)
{
	const char *length = evhttp_find_header(evhttp_request_get_input_headers(r->req), "Content-Length");

	return (length != NULL && strcmp(length, "0") != 0) || evhttp_find_header(evhttp_request_get_input_headers(r->req), "Transfer-Encoding") != NULL;
}

/* An error that was found before any handler ran closes the connection, as a stacks-node does. */
void route_request(struct request *r)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r->req);
	enum evhttp_cmd_type method = evhttp_request_get_command(r->req);
	const char *malformed = NULL;
	const struct route *other = NULL;

	r->path = uri != NULL ? evhttp_uri_get_path(uri) : "";
	r->query = uri != NULL ? evhttp_uri_get_query(uri) : NULL;
	for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
		const struct route *route = &routes[i];
		r->arg = NULL;
		enum match m = match(r, route->pattern, r->path);
		if (m == MALFORMED && malformed == NULL)
			malformed = r->path;
		if (m != MATCH)
			continue;
		if (route->method != method) {
			other = route;
			break;
		}
		if (method == EVHTTP_REQ_GET && has_body(r)) {
			reply_closes(r);
			reply_text(r, 400, "Invalid Http request: expected 0-length body");
			return;
		}
		route->handler(r);
		return;
	}
	reply_closes(r);
	if (other != NULL) {
		evhttp_add_header(evhttp_request_get_output_headers(r->req), "Allow", method_name(other->method));
		reply_text(r, 405, "Method Not Allowed. Allowed: %s", method_name(other->method));
	} else if (malformed != NULL) {
		reply_text(r, 400, "Invalid path parameters for '%.200s'", malformed);
	} else {
		reply_text(r, 404, "No such file or directory");
	}
}

/* Next: cmd/block-serve/reply.c, how answers are written. */
