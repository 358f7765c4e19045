/* How answers are written: what a stacks-node's strict client accepts (spec/blocks.md 4.1): one length, one of three
 * content types, no header twice, a short head.
 *
 * evhttp reads requests.  It also writes what is long and what ends a connection.  An answer of up to 32 KiB on a connection that stays
 * is written by us, by one system call with its head and straight from where its bytes lie; evhttp hears that the request is done
 * (evhttp_send_reply_end without a start: in libevent 2.1 that asks for the next request when the output is empty). */
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <stdarg.h>
#include "cmd/block-serve/serve.h"

#define TIP_HEADER "x-canonical-stacks-tip-height"

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

/* The Date header: evhttp would format it for each answer. */
static const char *date_of(struct serve *s)
{
	time_t t = time(NULL);

	if (t != s->date_of)
		evutil_date_rfc1123(s->date, sizeof s->date, NULL);
	s->date_of = t;
	return s->date;
}

/* Whether evhttp would only write a head and the body, and wait for the next request: nothing is to be closed, nothing is unsent.
 * (A request in chunks leaves a mark that would end the answer like one.) */
static bool keeps_on(const struct request *r)
{
	const char *asked = evhttp_find_header(evhttp_request_get_input_headers(r->req), "Connection");

	return r->req->major == 1 && r->req->minor >= 1 && !r->req->chunked && (asked == NULL || evutil_ascii_strcasecmp(asked, "keep-alive") == 0) &&
	    evhttp_find_header(evhttp_request_get_output_headers(r->req), "Connection") == NULL &&
	    evbuffer_get_length(bufferevent_get_output(r->conn->bev)) == 0;
}

/* What the socket did not take leaves as it can. */
static void send_rest(struct request *r, const struct iovec *parts, size_t n, size_t sent)
{
	struct evbuffer *out = bufferevent_get_output(r->conn->bev);

	for (size_t i = 0; i < n; i++) {
		size_t skip = sent < parts[i].iov_len ? sent : parts[i].iov_len;
		evbuffer_add(out, (const uint8_t *)parts[i].iov_base + skip, parts[i].iov_len - skip);
		sent -= skip;
	}
	bufferevent_enable(r->conn->bev, EV_WRITE);
}

bool reply_straight(struct request *r, int code, const char *type, struct iovec *parts, size_t n, size_t bytes)
{
	char head[512], tip[64] = "";
	int len;

	if (!keeps_on(r))
		return false;
	if (code == 200)
		snprintf(tip, sizeof tip, TIP_HEADER ": %s\r\n", r->s->view.height_text);
	len = snprintf(head, sizeof head, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nDate: %s\r\n%s\r\n", code, reason_of(code), type,
	    bytes, date_of(r->s), tip);
	parts[0] = (struct iovec){ head, (size_t)len };
	ssize_t sent = writev(bufferevent_getfd(r->conn->bev), parts, (int)n);
	/* An error shows again when the rest is written. */
	if (sent < (ssize_t)((size_t)len + bytes))
		send_rest(r, parts, n, sent > 0 ? (size_t)sent : 0);
	r->s->n_bytes += bytes;
	evhttp_send_reply_end(r->req);
	return true;
}

static void finish(struct request *r, int code, const char *type, struct evbuffer *body)
{
	struct evkeyvalq *head = evhttp_request_get_output_headers(r->req);
	size_t bytes = evbuffer_get_length(body);
	struct iovec parts[2] = { [1] = { evbuffer_pullup(body, -1), bytes } };
	char length[24];

	if (bytes <= CHUNK && reply_straight(r, code, type, parts, 2, bytes))
		return;
	snprintf(length, sizeof length, "%zu", bytes);
	evhttp_add_header(head, "Content-Type", type);
	evhttp_add_header(head, "Content-Length", length);	/* HTTP/1.0 would get none */
	if (code == 200)
		evhttp_add_header(head, TIP_HEADER, r->s->view.height_text);
	if (evhttp_request_get_command(r->req) == EVHTTP_REQ_HEAD)
		evbuffer_drain(body, bytes);
	r->s->n_bytes += bytes;
	evhttp_send_reply(r->req, code, reason_of(code), body);
}

struct evbuffer *reply_buffer(void)
{
	struct evbuffer *b = evbuffer_new();

	if (b == NULL)
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
	/* evhttp answers a keep-alive of HTTP/1.0 with one of its own, beside our header. */
	evhttp_remove_header(evhttp_request_get_input_headers(r->req), "Connection");
	evhttp_add_header(evhttp_request_get_output_headers(r->req), "Connection", "close");
}

void reply_begin(struct serve *s, struct evhttp_request *req)
{
	struct evkeyvalq *head = evhttp_request_get_output_headers(req);

	/* HTTP/1.0 knows no chunks: the end of the connection is the end of the body. */
	if (req->major == 1 && req->minor == 0)
		evhttp_remove_header(evhttp_request_get_input_headers(req), "Connection");
	evhttp_add_header(head, "Content-Type", OCTETS);
	evhttp_add_header(head, TIP_HEADER, s->view.height_text);
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
