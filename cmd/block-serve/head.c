/* The head of an HTTP/1 request, and a body in chunks (head.h).  Whatever is ambiguous about where
 * a body ends is refused. */
#include <string.h>
#include <strings.h>

#include "cmd/block-serve/head.h"
#include "common/limits.h"

static bool refuse(struct head *h, int status, const char *fault)
{
	h->status = status;
	h->fault = fault;
	return false;
}

/* Bytes up to the empty line, with it; 0 if it is not there. */
static size_t find_end(const char *p, size_t n)
{
	for (const char *at = p, *nl; (nl = memchr(at, '\n', n - (size_t)(at - p))) != NULL;
	    at = nl + 1) {
		size_t rest = n - (size_t)(nl + 1 - p);
		if (rest >= 1 && nl[1] == '\n')
			return (size_t)(nl + 2 - p);
		if (rest >= 2 && nl[1] == '\r' && nl[2] == '\n')
			return (size_t)(nl + 3 - p);
	}
	return 0;
}

/* The line at *p, ended by a zero byte instead of its end; *p is moved past it. */
static char *take_line(char **p)
{
	char *line = *p, *end = strchr(line, '\n');

	*p = end + 1;
	if (end > line && end[-1] == '\r')
		end--;
	*end = 0;
	return line;
}

/* No byte but tabs and what can be seen, and no return but at the end of a line. */
static bool is_text(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		if (c == '\r' ? i + 1 < n && p[i + 1] != '\n' :
		    (c < ' ' && c != '\t' && c != '\n') || c == 0x7f)
			return false;
	}
	return true;
}

static enum method method_of(const char *word)
{
	static const char *const names[] = { [METHOD_GET] = "GET", [METHOD_HEAD] = "HEAD",
		[METHOD_POST] = "POST" };

	for (size_t i = METHOD_GET; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(word, names[i]) == 0)
			return (enum method)i;
	return METHOD_OTHER;
}

static bool is_word(const char *s, const char *others)
{
	if (*s == 0)
		return false;
	for (; *s != 0; s++)
		if (!((*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z') ||
		    (*s >= '0' && *s <= '9') || strchr(others, *s) != NULL))
			return false;
	return true;
}

/* A path, or a URL as clients of a proxy send it: whose host it names is no matter here. */
static bool take_target(struct head *h, char *target)
{
	char *query;

	if (*target == 0)
		return refuse(h, 400, "the request has no target");
	for (const char *s = target; *s != 0; s++)
		if (*s < '!' || *s > '~' || *s == '#')
			return refuse(h, 400, "the request's target is malformed");
	if (strncasecmp(target, "http://", 7) == 0 || strncasecmp(target, "https://", 8) == 0) {
		target = strchr(target, ':') + 3;
		if (*target == 0 || *target == '/' || *target == '?')
			return refuse(h, 400, "the request's target names no host");
		target += strcspn(target, "/?");
	}
	if ((query = strchr(target, '?')) != NULL) {
		*query++ = 0;
		h->query = query;
	}
	h->path = *target == 0 ? "/" : target;
	return true;
}

static bool take_request_line(struct head *h, char *line)
{
	char *target = strchr(line, ' '), *version = strrchr(line, ' ');

	if (!target || target == version)
		return refuse(h, 400, "the request's first line is malformed");
	*target++ = 0;
	*version++ = 0;
	if (!is_word(line, ""))
		return refuse(h, 400, "the request's method is malformed");
	h->method = method_of(line);
	if (strlen(version) != 8 || strncmp(version, "HTTP/1.", 7) != 0 || version[7] < '0' ||
	    version[7] > '9')
		return refuse(h, 400, "this version of HTTP is not spoken here");
	h->http10 = version[7] == '0';
	h->keep = !h->http10;
	return take_target(h, target);
}

static bool take_length(struct head *h, const char *value)
{
	uint64_t v = 0;
	size_t n = strspn(value, "0123456789");

	if (n == 0 || n > 18 || value[n] != 0)
		return refuse(h, 400, "Content-Length is no number");
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (uint64_t)(value[i] - '0');
	h->length = v;
	return true;
}

/* Connection is a list of words; what they say beside these is nothing to us. */
static void take_connection(struct head *h, const char *value)
{
	for (size_t n; *value != 0; value += n) {
		value += strspn(value, ", \t");
		n = strcspn(value, ", \t");
		if (n == 5 && strncasecmp(value, "close", 5) == 0)
			h->keep = false;
		else if (n == 10 && strncasecmp(value, "keep-alive", 10) == 0)
			h->keep = true;
	}
}

/* Which fields were there: none of them may come twice. */
struct seen { bool length, coding, connection; };

static bool take_field(struct head *h, struct seen *seen, const char *name, const char *value)
{
	if (strcasecmp(name, "Content-Length") == 0) {
		if (seen->length)
			return refuse(h, 400, "Content-Length twice");
		seen->length = true;
		return take_length(h, value);
	}
	if (strcasecmp(name, "Transfer-Encoding") == 0) {
		if (seen->coding || h->http10)
			return refuse(h, 400, "Transfer-Encoding where it may not be");
		seen->coding = h->chunked = true;
		return strcasecmp(value, "chunked") == 0 ||
		    refuse(h, 501, "this transfer coding is not spoken here");
	}
	if (strcasecmp(name, "Expect") == 0) {
		/* A client that speaks HTTP/1.0 knows no interim answer. */
		h->expects = !h->http10;
		return strcasecmp(value, "100-continue") == 0 ||
		    refuse(h, 417, "this expectation cannot be met");
	}
	if (strcasecmp(name, "Content-Type") == 0) {
		h->octets = strcasecmp(value, "application/octet-stream") == 0;
	} else if (strcasecmp(name, "Connection") == 0) {
		if (seen->connection)
			return refuse(h, 400, "Connection twice");
		seen->connection = true;
		take_connection(h, value);
	}
	return true;
}

static bool take_fields(struct head *h, char *p, const char *end)
{
	struct seen seen = { false, false, false };

	for (;;) {
		char *name = take_line(&p), *value = strchr(name, ':');
		if (*name == 0 && p == end)
			break;
		if (!value)
			return refuse(h, 400, "a header without a colon");
		*value++ = 0;
		if (!is_word(name, "!#$%&'*+-.^_`|~"))
			return refuse(h, 400, "a header's name is malformed");
		value += strspn(value, " \t");
		for (size_t n = strlen(value);
		    n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'); n--)
			value[n - 1] = 0;
		if (!take_field(h, &seen, name, value))
			return false;
	}
	return !(seen.length && seen.coding) ||
	    refuse(h, 400, "both Content-Length and Transfer-Encoding");
}

ssize_t head_parse(struct head *h, char *p, size_t n)
{
	size_t skip = 0, len;

	*h = (struct head){ .method = METHOD_OTHER, .path = "" };
	/* An empty line before a request is what some clients put behind a body. */
	while (skip < n && skip < 4 && (p[skip] == '\r' || p[skip] == '\n'))
		skip++;
	len = find_end(p + skip, n - skip);
	if (skip + len > MAX_HTTP_HEAD || (len == 0 && n >= MAX_HTTP_HEAD)) {
		refuse(h, 400, "the request's head is too long");
		return -1;
	}
	if (len == 0)
		return 0;
	p += skip;
	if (!is_text(p, len)) {
		refuse(h, 400, "the request's head is no text");
		return -1;
	}
	char *at = p, *line = take_line(&at);
	if (!take_request_line(h, line) || !take_fields(h, at, p + len))
		return -1;
	return (ssize_t)(skip + len);
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte that is no data. */
static bool chunk_byte(struct chunks *k, uint8_t c)
{
	int v;

	switch (k->state) {
	case CHUNK_SIZE:
		if ((v = hex_value(c)) >= 0 && k->digits++ < 8) {
			k->left = k->left << 4 | (uint64_t)v;
			return true;
		}
		if (v >= 0 || k->digits == 0)
			return false;
		k->state = CHUNK_REST;
		k->extra = 0;
		if (c != ';' && c != ' ' && c != '\t' && c != '\r' && c != '\n')
			return false;
		/* fall through */
	case CHUNK_REST:
		if (c == '\n') {
			k->state = k->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
			k->extra = k->line = 0;
		}
		return ++k->extra < MAX_CHUNK_LINE;
	case CHUNK_END:
		if (c == '\n') {
			k->state = CHUNK_SIZE;
			k->left = k->digits = 0;
			return true;
		}
		return c == '\r';
	case CHUNK_TRAILER:
		if (c == '\n' && k->line == 0)
			k->state = CHUNK_DONE;
		k->line = c == '\n' ? 0 : k->line + (c != '\r');
		return ++k->extra < MAX_HTTP_HEAD;
	case CHUNK_DATA:
	case CHUNK_DONE:
		break;
	}
	return false;
}

ssize_t chunks_take(struct chunks *k, const uint8_t *p, size_t n, const uint8_t **data, size_t *len)
{
	size_t at = 0;

	*data = NULL;
	*len = 0;
	while (at < n && k->state != CHUNK_DATA && k->state != CHUNK_DONE)
		if (!chunk_byte(k, p[at++]))
			return -1;
	if (k->state == CHUNK_DATA) {
		*data = p + at;
		*len = n - at < k->left ? n - at : (size_t)k->left;
		k->left -= *len;
		if (k->left == 0)
			k->state = CHUNK_END;
		at += *len;
	}
	return (ssize_t)at;
}

/* Next: cmd/block-serve/http_conn.c, connections and their limits. */
