/* How answers are written: what a stacks-node's strict client accepts (spec/blocks.md 4.1): one
 * length, one of three content types, no header twice, a short head.  A head and its body leave by
 * one system call, the body straight from where it lies. */
#include <stdarg.h>

#include "cmd/block-serve/http.h"

#define TIP_HEADER "x-canonical-stacks-tip-height"

static const char *reason_of(int code)
{
	switch (code) {
	case 200: return "OK";
	case 400: return "Bad Request";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 413: return "Content Too Large";
	case 417: return "Expectation Failed";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 503: return "Service Unavailable";
	default: return "Unknown";
	}
}

/* The Date header, made once a second. */
static const char *date_of(struct serve *s)
{
	time_t t = time(NULL);

	if (t != s->date_of)
		evutil_date_rfc1123(s->date, sizeof(s->date), NULL);
	s->date_of = t;
	return s->date;
}

/* framing: a header that says where the body ends, or nothing. */
static struct iovec head_of(const struct http_conn *c, int code, const char *type,
    const char *framing, const char *allow, char head[640])
{
	char tip[64] = "", allowed[32] = "";
	int len;

	if (code == 200)
		snprintf(tip, sizeof(tip), TIP_HEADER ": %s\r\n", c->serve->view.height_text);
	if (allow)
		snprintf(allowed, sizeof(allowed), "Allow: %s\r\n", allow);
	len = snprintf(head, 640, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n%sDate: %s\r\n%s%s%s\r\n",
	    code, reason_of(code), type, framing,
	    date_of(c->serve), tip, allowed,
	    c->closes ? "Connection: close\r\n" : c->head.http10 ? "Connection: keep-alive\r\n" :
	    "");
	return (struct iovec){ head, (size_t)len };
}

void reply_parts(struct request *r, int code, const char *type, struct iovec *parts, size_t n,
    size_t bytes)
{
	char head[640], length[48];

	snprintf(length, sizeof(length), "Content-Length: %zu\r\n", bytes);
	parts[0] = head_of(r->conn, code, type, length, r->allow, head);
	if (r->conn->head.method == METHOD_HEAD)
		n = 1;
	else
		r->s->n_bytes += bytes;
	http_conn_send(r->conn, parts, n);
	http_conn_done(r->conn);
}

/* A long body is given up to the connection, so that what does not leave at once is not copied. */
static void finish(struct request *r, int code, const char *type, struct evbuffer *body)
{
	size_t bytes = evbuffer_get_length(body);
	struct iovec parts[2] = { { NULL, 0 }, { NULL, 0 } };
	char head[640], length[48];

	if (bytes <= CHUNK || r->conn->head.method == METHOD_HEAD) {
		parts[1] = (struct iovec){ evbuffer_pullup(body, -1), bytes };
		reply_parts(r, code, type, parts, 2, bytes);
		return;
	}
	snprintf(length, sizeof(length), "Content-Length: %zu\r\n", bytes);
	parts[0] = head_of(r->conn, code, type, length, r->allow, head);
	r->s->n_bytes += bytes;
	http_conn_send(r->conn, parts, 1);
	http_conn_send_buffer(r->conn, body);
	http_conn_done(r->conn);
}

struct evbuffer *reply_buffer(void)
{
	struct evbuffer *b = evbuffer_new();

	if (!b)
		die_world("no memory for an answer");
	return b;
}

void reply_text(struct request *r, int code, const char *fmt, ...)
{
	struct evbuffer *b = reply_buffer();
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
	finish(r, 200, OCTETS, b);
	evbuffer_free(b);
}

void reply_closes(struct request *r)
{
	r->conn->closes = true;
}

void reply_begin(struct http_conn *c, const char *type)
{
	char head[640];

	c->closes |= c->head.http10;
	struct iovec part = head_of(c, 200, type,
	    c->head.http10 ? "" : "Transfer-Encoding: chunked\r\n", NULL, head);
	http_conn_send(c, &part, 1);
}

/* The value of ?name=, not decoded: none of ours needs an escape. */
static const char *query_value(const struct request *r, const char *name, size_t *len)
{
	size_t n = strlen(name);

	for (const char *p = r->query; p && *p != 0;) {
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

	if (!v)
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

	return v && len == strlen(value) && memcmp(v, value, len) == 0;
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

/* Next: cmd/block-serve/stream.c, answers that are made in pieces. */
