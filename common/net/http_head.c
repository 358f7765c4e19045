/* http_head - the head of an HTTP answer, judged line by line.
 *
 * libcurl copes with what hostile servers write; that is not enough here: a body must be framed by
 * exactly one of Content-Length and chunked, or where it ends is the server's word against the
 * network's. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/limits.h"
#include "common/net/http_head.h"

#define MAX_RETRY_AFTER 3600

static bool refuse(struct http_head *h, const char *why)
{
	if (!h->error[0])
		snprintf(h->error, sizeof(h->error), "%s", why);
	return false;
}

/* A decimal number of one to 18 digits and nothing else. */
static bool number(const char *s, size_t n, uint64_t *v)
{
	if (n == 0 || n > 18)
		return false;
	for (*v = 0; n--; s++) {
		if (!isdigit((unsigned char)*s))
			return false;
		*v = *v * 10 + (uint64_t)(*s - '0');
	}
	return true;
}

static bool status_line(struct http_head *h, const char *line, size_t n)
{
	size_t bytes = h->bytes;

	if (h->complete)
		return refuse(h, "a second head");
	memset(h, 0, sizeof(*h));
	h->bytes = bytes;
	for (size_t i = 5; i + 4 <= n; i++)
		if (line[i] == ' ') {
			h->status = strtol(line + i + 1, NULL, 10);
			break;
		}
	return h->status >= 100 && h->status <= 999 ? true :
						      refuse(h, "a status line without status");
}

static void retry_after(struct http_head *h, const char *value, size_t n, int64_t now)
{
	char text[64];
	struct tm tm = { 0 };
	uint64_t v;

	if (!number(value, n, &v)) {
		if (n >= sizeof(text))
			return;
		memcpy(text, value, n);
		text[n] = '\0';
		if (!strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm))
			return;
		int64_t until = (int64_t)timegm(&tm);
		v = until > now ? (uint64_t)(until - now) : 0;
	}
	h->retry_after = v > MAX_RETRY_AFTER ? MAX_RETRY_AFTER : (unsigned)v;
}

static bool field(struct http_head *h, const char *line, size_t n, int64_t now)
{
	const char *colon = memchr(line, ':', n), *value;
	size_t name, len;

	if (!colon || colon == line || *line == ' ' || *line == '\t')
		return refuse(h, "a header line without name");
	name = (size_t)(colon - line);
	value = colon + 1;
	len = n - name - 1;
	while (len > 0 && (*value == ' ' || *value == '\t'))
		value++, len--;
	while (len > 0 && isspace((unsigned char)value[len - 1]))
		len--;
#define NAME(s) (name == sizeof(s) - 1 && strncasecmp(line, s, name) == 0)
	if (NAME("content-length")) {
		if (h->has_length)
			return refuse(h, "two content-lengths");
		if (!number(value, len, &h->length))
			return refuse(h, "content-length is no number");
		h->has_length = true;
	} else if (NAME("transfer-encoding")) {
		if (h->chunked || len != 7 || strncasecmp(value, "chunked", 7) != 0)
			return refuse(h, "transfer-encoding is not chunked");
		h->chunked = true;
	} else if (NAME("content-encoding")) {
		if (len != 8 || strncasecmp(value, "identity", 8) != 0)
			return refuse(h, "a content-encoding that was not asked for");
	} else if (NAME("content-type")) {
		snprintf(h->type, sizeof(h->type), "%.*s", (int)len, value);
	} else if (NAME("location")) {
		snprintf(h->location, sizeof(h->location), "%.*s", (int)len, value);
	} else if (NAME("retry-after")) {
		retry_after(h, value, len, now);
	}
#undef NAME
	return true;
}

/* The empty line: is the body framed? */
static bool head_end(struct http_head *h)
{
	if (h->status < 200)
		return true;	/* an interim answer; the real one follows */
	if (h->has_length && h->chunked)
		return refuse(h, "both content-length and chunked");
	if (!h->has_length && !h->chunked && h->status != 204 && h->status != 304)
		return refuse(h, "neither content-length nor chunked");
	h->complete = true;
	return true;
}

bool http_head_line(struct http_head *h, const char *line, size_t n, int64_t now)
{
	h->bytes += n;
	if (h->bytes > MAX_HTTP_HEAD) {
		h->too_large = true;
		return refuse(h, "head too large");
	}
	if (h->error[0])
		return false;
	if (h->complete)
		return true;	/* trailers: counted, not believed */
	if (n >= 5 && strncmp(line, "HTTP/", 5) == 0)
		return status_line(h, line, n);
	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	if (n == 0)
		return head_end(h);
	return field(h, line, n, now);
}

bool http_type_is(const char *type, const char *want)
{
	size_t n = strlen(want);

	if (strncasecmp(type, want, n) != 0)
		return false;
	return type[n] == '\0' || type[n] == ';' || type[n] == ' ';
}

/* Next: common/net/http_loop.c, libcurl's multi interface driven by libevent. */
