/* The HTTP side: strict requests, exact response heads (spec/blocks.md 4.1), and faults of the
 * transport. */
#include <ctype.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>

#include "tests/helper/chain-peer/peer.h"

enum { MAX_HEAD = 4096, CHUNK = 4096, TICK_MS = 100 };

struct web {
	struct peer *peer;
	struct bufferevent *bev;
	bool closed, busy, keep_alive, done;	/* done: all of out is handed over */
	unsigned refs;
	struct response answer;
	struct buf out;			/* head and framed body */
	size_t head_len, sent, stop_at;	/* stop_at: where a fault ends it; SIZE_MAX: nowhere */
	/* bytes of bodies handed to the socket so far in this answer */
	size_t written;
	char what[400], key[64];	/* method and path, and the API key, for the log */
	double began;
};

static void web_unref(void *arg)
{
	struct web *w = arg;

	if (--w->refs == 0) {
		buf_release(&w->out);
		buf_release(&w->answer.body);
		free(w);
	}
}

static void log_answer(struct web *w, bool complete)
{
	size_t left = evbuffer_get_length(bufferevent_get_output(w->bev)),
	       body = w->sent > w->head_len ? w->sent - w->head_len : 0;

	peer_log(w->peer, "http request",
	    "\"path\":\"%s\",\"key\":\"%s\",\"status\":%d,\"bytes\":%zu,\"data\":%s,\"duration\":%."
	    "6f,\"complete\":%s",
	    w->what, w->key, w->answer.status, body > left ? body - left : 0,
	    w->answer.data ? "true" : "false", seconds() - w->began, complete ? "true" : "false");
}

static void web_close(struct web *w)
{
	if (w->closed)
		return;
	if (w->busy)
		log_answer(w, false);
	w->closed = true;
	bufferevent_free(w->bev);
	later(w->peer->world, 0, web_unref, w);	/* whoever is answering still holds it */
}

static const char *reason(int status)
{
	switch (status) {
	case 200: return "OK";
	case 301: return "Moved Permanently";
	case 400: return "Bad Request";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 429: return "Too Many Requests";
	default: return "Internal Server Error";
	}
}

static void put_head(struct web *w)
{
	struct peer *p = w->peer;
	struct response *a = &w->answer;
	const struct chain_block *tip = peer_top(p);

	buf_text(&w->out,
	    "HTTP/1.1 %d %s\r\nServer: stacks/2.0\r\nAccess-Control-Allow-Origin: *\r\n"
	    "Access-Control-Allow-Headers: origin, content-type\r\nAccess-Control-Allow-Methods: "
	    "POST, GET, OPTIONS\r\n"
	    "Content-Type: %s\r\n",
	    a->status, reason(a->status), a->type);
	if (!has(p, F_NOLENGTH)) {
		if (a->chunked || has(p, F_BOTHLENGTHS))
			buf_text(&w->out, "Transfer-Encoding: chunked\r\n");
		if (!a->chunked || has(p, F_BOTHLENGTHS))
			buf_text(&w->out, "Content-Length: %zu\r\n",
			    a->chunked ? (size_t)1000 : a->body.n);
	}
	if (!w->keep_alive || has(p, F_NOLENGTH))
		buf_text(&w->out, "Connection: close\r\n");
	if (a->status == 200)
		buf_text(&w->out, "x-canonical-stacks-tip-height: %llu\r\n",
		    (unsigned long long)(tip ? tip->height : 0));
	if (a->retry_after)
		buf_text(&w->out, "Retry-After: %u\r\n", a->retry_after);
	if (a->status / 100 == 3)
		buf_text(&w->out, "Location: http://127.0.0.1:9/moved\r\n");
	if (has(p, F_HUGEHEAD)) {
		buf_text(&w->out, "X-Padding: ");
		memset(buf_room(&w->out, 65536), 'x', 65536);
		buf_text(&w->out, "\r\n");
	}
	buf_text(&w->out, "\r\n");
	w->head_len = w->out.n;
}

static void put_body(struct web *w)
{
	struct buf *body = &w->answer.body;

	if (!w->answer.chunked || has(w->peer, F_NOLENGTH)) {
		buf_put(&w->out, body->p, body->n);
		return;
	}
	for (size_t at = 0; at < body->n; at += CHUNK) {
		size_t n = body->n - at < CHUNK ? body->n - at : CHUNK;
		buf_text(&w->out, has(w->peer, F_BADCHUNK) ? "zz%zx\r\n" : "%zx\r\n", n);
		buf_put(&w->out, body->p + at, n);
		buf_text(&w->out, "\r\n");
	}
	if (!(has(w->peer, F_ENDLESS) && w->answer.data))
		buf_text(&w->out, "0\r\n\r\n");
}

static void push(struct web *w, size_t n)
{
	if (n > w->out.n - w->sent)
		n = w->out.n - w->sent;
	if (w->stop_at != SIZE_MAX && w->sent + n > w->stop_at)
		n = w->stop_at - w->sent;
	bufferevent_write(w->bev, w->out.p + w->sent, n);
	w->sent += n;
	w->done = w->sent == w->out.n || w->sent == w->stop_at;
}

static void next_request(struct web *);

/* All is written: what now? */
static void finish(struct web *w)
{
	if (w->stop_at != SIZE_MAX && has(w->peer, F_STALL))
		return;		/* for ever */
	if (has(w->peer, F_ENDLESS) && w->answer.data && w->answer.body.n > 0) {
		w->sent = w->head_len;	/* the same again */
		push(w, SIZE_MAX);
		return;
	}
	log_answer(w, w->stop_at == SIZE_MAX);
	w->busy = false;
	if (!w->keep_alive || w->stop_at != SIZE_MAX || w->answer.close || has(w->peer, F_NOLENGTH))
		web_close(w);
	else
		next_request(w);
}

static size_t step(double rate) { return rate < 10 ? 1 : (size_t)(rate / 10); }
static double pause_of(double rate) { return rate < 10 ? 1000 / rate : TICK_MS; }

/* Hand over the next piece of the answer; returns the milliseconds until there may be more. */
static double send_piece(struct web *w)
{
	struct peer *p = w->peer;
	bool head = w->sent < w->head_len;
	double rate, now = seconds();

	if (head ? has(p, F_SLOWLORIS) : has(p, F_DRIP)) {
		rate = amount(p, head ? F_SLOWLORIS : F_DRIP);
		push(w, step(rate));
		return pause_of(rate);
	}
	if (!head && has(p, F_RATE)) {
		rate = amount(p, F_RATE);
		/* small, so that connections that share the line take turns often */
		size_t fair = step(rate / 5);
		push(w, fair);
		p->free_at = (p->free_at > now ? p->free_at : now) + (double)fair / rate;
		return (p->free_at - now) * 1000;
	}
	push(w, head ? w->head_len - w->sent : SIZE_MAX);
	return 0;
}

static void send_some(void *arg)
{
	struct web *w = arg;
	double wait = 0;

	while (!w->closed && !w->done && wait == 0)
		wait = send_piece(w);
	if (!w->closed && !w->done) {
		later(w->peer->world, wait, send_some, w);
		return;
	}
	if (!w->closed && evbuffer_get_length(bufferevent_get_output(w->bev)) == 0)
		finish(w);
	web_unref(w);	/* else wrote() goes on */
}

/* Where cutbody or stall end it. */
static size_t stop_of(const struct web *w)
{
	double percent = has(w->peer, F_CUTBODY) ? amount(w->peer, F_CUTBODY) :
	    has(w->peer, F_STALL)		 ? amount(w->peer, F_STALL) :
						   -1;

	if (percent < 0 || !w->answer.data)
		return SIZE_MAX;
	return w->head_len + (size_t)((double)(w->out.n - w->head_len) * percent / 100);
}

static void answer(struct web *w)
{
	put_head(w);
	put_body(w);
	w->stop_at = stop_of(w);
	w->refs++;
	if (has(w->peer, F_RTT))
		later(w->peer->world, amount(w->peer, F_RTT), send_some, w);
	else
		send_some(w);
}

static bool header_is(const char *head, const char *name, char *value, size_t size)
{
	size_t n = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
		if (strncasecmp(line + 2, name, n) == 0 && line[2 + n] == ':') {
			const char *p = line + 3 + n, *end = strstr(p, "\r\n");
			while (*p == ' ')
				p++;
			snprintf(value, size, "%.*s", (int)(end ? end - p : (ptrdiff_t)strlen(p)),
			    p);
			return true;
		}
	return false;
}

/* A whole request at the front of the input: answer it. head is its text without the blank line. */
static void take_request(struct web *w, char *head, const uint8_t *body, size_t len)
{
	char method[16], path[300], version[16], value[64], *query;

	w->busy = true;
	w->began = seconds();
	w->sent = w->out.n = w->answer.body.n = 0;
	w->done = false;
	w->answer = (struct response){ .body = w->answer.body };
	if (sscanf(head, "%15s %299s %15s", method, path, version) != 3 ||
	    !header_is(head, "host", value, sizeof(value))) {
		w->keep_alive = false;
		respond_text(&w->answer, 400, "Failed to decode HTTP request");
	} else {
		w->keep_alive = strcmp(version, "HTTP/1.1") == 0;
		if (!header_is(head, "x-api-key", w->key, sizeof(w->key)))
			w->key[0] = '\0';
		if (header_is(head, "connection", value, sizeof(value)))
			w->keep_alive = strcasecmp(value, "close") != 0;
		snprintf(w->what, sizeof(w->what), "%s %s", method, path);
		query = strchr(path, '?');
		if (query)
			*query++ = '\0';
		rpc_answer(w->peer, method, path, query ? query : "", body, len, &w->answer);
	}
	for (char *c = w->what; *c; c++)
		if (*c == '"' || *c == '\\' || !isprint((unsigned char)*c))
			*c = '?';
	answer(w);
}

static void next_request(struct web *w)
{
	struct evbuffer *in = bufferevent_get_input(w->bev);
	struct evbuffer_ptr end;
	char head[MAX_HEAD + 1], value[32];
	size_t n, len = 0;

	if (w->closed || w->busy)
		return;
	if (has(w->peer, F_SILENT)) {
		evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	if (end.pos < 0 || end.pos > MAX_HEAD - 4) {
		if (evbuffer_get_length(in) > MAX_HEAD)
			web_close(w);
		return;
	}
	n = (size_t)end.pos;
	evbuffer_copyout(in, head, n);
	head[n] = '\0';
	if (header_is(head, "content-length", value, sizeof(value)))
		len = strtoul(value, NULL, 10);
	if (len > MAX_PAYLOAD || evbuffer_get_length(in) < n + 4 + len) {
		if (len > MAX_PAYLOAD)
			web_close(w);
		return;
	}
	evbuffer_drain(in, n + 4);
	take_request(w, head, evbuffer_pullup(in, (ev_ssize_t)len), len);
	if (!w->closed)
		evbuffer_drain(in, len);
}

static void readable(struct bufferevent *bev, void *arg) { next_request(arg); }

static void wrote(struct bufferevent *bev, void *arg)
{
	struct web *w = arg;

	if (w->busy && w->done && evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		finish(w);
}

static void ended(struct bufferevent *bev, short what, void *arg) { web_close(arg); }

void http_accept(struct peer *p, int fd)
{
	struct web *w = xcalloc(1, sizeof(*w));

	w->peer = p;
	w->refs = 1;
	w->bev = bufferevent_socket_new(p->world->base, fd,
	    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	bufferevent_setcb(w->bev, readable, wrote, ended, w);
	bufferevent_enable(w->bev, EV_READ | EV_WRITE);
	peer_log(p, "http accept", "%s", "");
}

/* Next: tests/helper/chain-peer/rpc.c, what it answers. */
