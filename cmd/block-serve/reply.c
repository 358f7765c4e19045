/* How answers are written: what a stacks-node's strict client accepts (spec/blocks.md 4.1): one length, one of three
 * content types, no header twice, a short head. */
#include <stdarg.h>
#include "cmd/block-serve/serve.h"

static const char *reason_of(int code)
{
	switch (code) {
	case 200: return "OK";
	case 400: return "Bad Request";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 500: return "Internal Server Error";
	case 503: return "Service Unavailable";
	default: return "Unknown";
	}
}

static void finish(struct request *r, int code, const char *type, struct evbuffer *body)
{
	struct evkeyvalq *head = evhttp_request_get_output_headers(r->req);
	char length[24];

	snprintf(length, sizeof length, "%zu", evbuffer_get_length(body));
	evhttp_add_header(head, "Content-Type", type);
	evhttp_add_header(head, "Content-Length", length);
	if (code == 200)
		evhttp_add_header(head, "x-canonical-stacks-tip-height", r->s->view.height_text);
	r->s->n_bytes += evbuffer_get_length(body);
	evhttp_send_reply(r->req, code, reason_of(code), body);
	http_conn_flush(r->conn);
}

static struct evbuffer *buffer(void)
{
	struct evbuffer *b = evbuffer_new();

	if (b == NULL)
		die_world("no memory for an answer");
	return b;
}

void reply_text(struct request *r, int code, const char *fmt, ...)
{
	struct evbuffer *b = buffer();
	va_list ap;

	va_start(ap, fmt);
	evbuffer_add_vprintf(b, fmt, ap);
	va_end(ap);
	finish(r, code, "text/plain", b);
	evbuffer_free(b);
}

void reply_json(struct request *r, int code, struct evbuffer *b)
{
	finish(r, code, "application/json", b);
	evbuffer_free(b);
}

void reply_octets(struct request *r, struct evbuffer *b)
{
	finish(r, 200, "application/octet-stream", b);
	evbuffer_free(b);
}

void reply_begin(struct serve *s, struct evhttp_request *req)
{
	struct evkeyvalq *head = evhttp_request_get_output_headers(req);

	evhttp_add_header(head, "Content-Type", "application/octet-stream");
	evhttp_add_header(head, "x-canonical-stacks-tip-height", s->view.height_text);
	evhttp_send_reply_start(req, 200, reason_of(200));
}

/* The value of ?name=, not decoded: none of ours needs an escape. */
static const char *query_value(const struct request *r, const char *name, size_t *len)
{
	size_t n = strlen(name);

	for (const char *p = r->query; p != NULL && *p != 0;) {
		size_t part = strcspn(p, "&");
		if (part > n && strncmp(p, name, n) == 0 && p[n] == '=') {
			*len = part - n - 1;
			return p + n + 1;
		}
		p += part;
		p += *p == '&';
	}
	return NULL;
}

int query_hex(const struct request *r, const char *name, uint8_t *out, size_t n)
{
	size_t len;
	const char *v = query_value(r, name, &len);

	if (v == NULL)
		return 0;
	for (size_t i = 0; i < len; i++)
		if (v[i] >= 'A' && v[i] <= 'F')
			return -1;
	return hex_to(out, n, v, len) == 0 ? 1 : -1;
}

bool query_is(const struct request *r, const char *name, const char *value)
{
	size_t len;
	const char *v = query_value(r, name, &len);

	return v != NULL && len == strlen(value) && memcmp(v, value, len) == 0;
}

void add_hex(struct evbuffer *b, const char *before, const void *p, size_t n, const char *after)
{
	char hex[2 * SIG_LEN + 1];

	evbuffer_add(b, before, strlen(before));
	for (size_t done = 0; done < n; done += SIG_LEN) {
		size_t part = n - done < SIG_LEN ? n - done : SIG_LEN;
		hex_of(hex, (const uint8_t *)p + done, part);
		evbuffer_add(b, hex, 2 * part);
	}
	evbuffer_add(b, after, strlen(after));
}

/* Next: cmd/block-serve/http_blocks.c, the answers that matter most. */
