/* The HTTP side's connections and their limits.  evhttp of libevent 2.1 hides connections until their first whole
 * request, so we make each bufferevent ourselves and hold a reference: that shows their bytes, their age and their end. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>
#include "cmd/block-serve/serve.h"
#include "common/net/address.h"
#include "common/sys/loop.h"
#include "common/sys/stage.h"

LIST_HEAD(conn_list, http_conn);
struct http {
	struct serve *s;
	struct evhttp *evhttp;
	struct event *adopt, *sweep;
	struct conn_list conns;
	struct http_conn **by_fd;
	size_t n_by_fd;
	size_t input;				/* bytes of requests not yet handled */
};

/* Bytes came or were taken: the age and the size of the request that is being read. */
static void input_cb(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	struct http_conn *c = arg;
	struct http *h = c->serve->http;

	h->input += info->n_added - info->n_deleted;
	if (info->n_added == 0)
		return;
	c->received += info->n_added;
	if (c->begun == 0)
		c->begun = now_ms();
	if (h->input > HTTP_INPUT && c->received > CHUNK)
		http_conn_close(c);
}

/* A socket that is closed with bytes unread resets the connection, and the client may lose the answer. */
static void drain(int fd)
{
	char junk[4096];

	for (size_t n = 0; n < CHUNK && recv(fd, junk, sizeof junk, MSG_DONTWAIT) > 0; n += sizeof junk)
		;
}

/* What evhttp cannot read it answers itself, in HTML, which a node's client does not take (spec/blocks.md 4.1).  It writes the first
 * line, then this header: here its answer is replaced by text, and what it goes on to write goes nowhere. */
static void output_cb(struct evbuffer *out, const struct evbuffer_cb_info *info, void *arg)
{
	static const char html[] = "Content-Type: text/html\r\n";
	struct http_conn *c = arg;
	struct evbuffer_iovec whole;
	char head[128], answer[256];
	int len;

	/* What is queued may not be copied out once something has been sent, but it may be looked at; so short a piece is one. */
	if (info->n_added != sizeof html - 1 || c->closing || evbuffer_peek(out, -1, NULL, &whole, 1) != 1 || whole.iov_len >= sizeof head)
		return;
	memcpy(head, whole.iov_base, whole.iov_len);
	head[whole.iov_len] = 0;
	char *end = strstr(head, "\r\n"), *phrase = end != NULL ? strchr(head, ' ') : NULL;
	if (phrase == NULL || strcmp(end + 2, html) != 0)
		return;
	*end = 0;
	phrase++;
	len = snprintf(answer, sizeof answer, "%s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
	    head, strlen(phrase) + 1, phrase);
	/* A client that does not take so much has asked far ahead and reads nothing: it misses little. */
	if (write(bufferevent_getfd(c->bev), answer, (size_t)len) != len)
		c->serve->n_refused++;
	drain(bufferevent_getfd(c->bev));
	http_conn_close(c);
}

static void conn_free(struct http_conn *c)
{
	struct http *h = c->serve->http;
	struct evbuffer *in = bufferevent_get_input(c->bev);
	int fd = bufferevent_getfd(c->bev);

	evbuffer_remove_cb(in, input_cb, c);
	evbuffer_remove_cb(bufferevent_get_output(c->bev), output_cb, c);
	h->input -= evbuffer_get_length(in);
	if (fd >= 0 && (size_t)fd < h->n_by_fd && h->by_fd[fd] == c)
		h->by_fd[fd] = NULL;
	if (c->gone != NULL)
		c->gone(c->gone_arg);
	LIST_REMOVE(c, entry);
	seat_give_back(c->seat);
	if (c->readable != NULL)
		event_free(c->readable);
	bufferevent_decref(c->bev);
	free(c);
}

void http_conn_close(struct http_conn *c)
{
	if (!c->closing)
		shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
	c->closing = true;
}

static void conn_closed(struct evhttp_connection *evcon, void *arg)
{
	conn_free(arg);
}

/* A connection without a request ends without a word: its callbacks are gone then. */
static bool conn_abandoned(const struct http_conn *c)
{
	bufferevent_event_cb event_cb;

	if (c->watched)
		return false;
	bufferevent_getcb(c->bev, NULL, NULL, &event_cb, NULL);
	return event_cb == NULL;
}

static bool too_late(const struct http_conn *c, uint64_t now)
{
	return c->begun != 0 && now - c->begun > HTTP_HEAD_SECONDS * 1000 + c->received / CHUNK * 1000;
}

static void sweep(struct http *h)
{
	struct http_conn *c, *next;
	uint64_t now = now_ms();

	LIST_FOREACH_SAFE(c, &h->conns, entry, next) {
		if (conn_abandoned(c)) {
			conn_free(c);
		} else if (too_late(c, now)) {
			h->s->n_late++;
			http_conn_close(c);
		}
	}
}

static void sweep_cb(evutil_socket_t fd, short what, void *arg)
{
	sweep(arg);
}

/* Another needs the place.  Any thread may say so, and the loop of this one sees the end of the connection. */
static void leave(void *arg)
{
	shutdown(((struct http_conn *)arg)->fd, SHUT_RDWR);
}

static bool take_seat(struct http_conn *c, int fd)
{
	struct sockaddr *peer = (struct sockaddr *)&c->peer;
	socklen_t len = sizeof c->peer;

	c->fd = fd;
	if (getpeername(fd, peer, &len) == 0)
		c->seat = seat_take(c->serve->http_seats, fd, peer, leave, c);
	return c->seat != NULL;
}

static struct http_conn *newest(struct http *h)
{
	struct http_conn *c;

	LIST_FOREACH(c, &h->conns, entry)
		if (!c->adopted)
			return c;
	return NULL;
}

/* evhttp stops reading at each request and starts again after the answer.  While an event of ours waits for the same, that is
 * no epoll_ctl.  Where bytes come that evhttp does not want yet, ours has to go until the next request. */
static void readable_cb(evutil_socket_t fd, short what, void *arg)
{
	struct http_conn *c = arg;

	if (!(bufferevent_get_enabled(c->bev) & EV_READ))
		event_del(c->readable);
}

static void watch_readable(struct http_conn *c)
{
	if (c->readable == NULL)
		c->readable = loop_event(c->serve->base, bufferevent_getfd(c->bev), EV_READ | EV_PERSIST, readable_cb, c);
	if (!event_pending(c->readable, EV_READ, NULL) && event_add(c->readable, NULL) != 0)
		die_world("no memory for a connection");
}

/* evhttp has put the socket into the bufferevents made since the last turn. */
static void adopt_cb(evutil_socket_t nofd, short what, void *arg)
{
	struct http *h = arg;
	struct http_conn *c;
	int one = 1, unsent = 2 * CHUNK;

	while ((c = newest(h)) != NULL) {	/* new ones are at the head */
		int fd = bufferevent_getfd(c->bev);
		c->adopted = true;
		if (fd < 0 || (size_t)fd >= h->n_by_fd || !take_seat(c, fd)) {
			h->s->n_refused++;
			http_conn_close(c);
			continue;
		}
		h->by_fd[fd] = c;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		/* A client that does not read costs the kernel no more than it costs us. */
		setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
	}
}

static struct bufferevent *make_conn(struct event_base *base, void *arg)
{
	struct http *h = arg;
	struct http_conn *c = xcalloc(1, sizeof *c);

	if ((c->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE)) == NULL)
		die_world("no memory for a connection");
	c->serve = h->s;
	bufferevent_incref(c->bev);
	bufferevent_setwatermark(c->bev, EV_READ, 0, MAX_BLOCK + MAX_HTTP_HEAD);
	bufferevent_set_max_single_write(c->bev, 2 * CHUNK);
	evbuffer_add_cb(bufferevent_get_input(c->bev), input_cb, c);
	evbuffer_add_cb(bufferevent_get_output(c->bev), output_cb, c);
	LIST_INSERT_HEAD(&h->conns, c, entry);
	event_active(h->adopt, EV_TIMEOUT, 0);
	return c->bev;
}

/* Each whole request.  A request that evhttp could not read never comes here. */
static void request_cb(struct evhttp_request *req, void *arg)
{
	struct http *h = arg;
	struct evhttp_connection *evcon = evhttp_request_get_connection(req);
	int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(evcon));
	struct http_conn *c = fd >= 0 && (size_t)fd < h->n_by_fd ? h->by_fd[fd] : NULL;

	if (c == NULL) {
		evhttp_send_error(req, 503, "Service Unavailable");
		return;
	}
	if (!c->watched) {
		c->watched = true;
		evhttp_connection_set_closecb(evcon, conn_closed, c);
	}
	c->begun = 0;
	c->received = 0;
	watch_readable(c);
	h->s->n_requests++;
	view_refresh(h->s);
	struct request r = { .s = h->s, .req = req, .conn = c };
	route_request(&r);
}

struct http *http_start(struct serve *s, int fd)
{
	struct http *h = s->http = xcalloc(1, sizeof *h);
	struct timeval second = { 1, 0 };

	h->s = s;
	LIST_INIT(&h->conns);
	h->n_by_fd = 8192;
	h->by_fd = xcalloc(h->n_by_fd, sizeof *h->by_fd);
	h->adopt = loop_event(s->base, -1, 0, adopt_cb, h);
	h->sweep = loop_event(s->base, -1, EV_PERSIST, sweep_cb, h);
	h->evhttp = evhttp_new(s->base);
	if (h->evhttp == NULL || event_add(h->sweep, &second) != 0)
		die_world("cannot start the HTTP server");
	evhttp_set_timeout(h->evhttp, HTTP_IDLE);
	evhttp_set_max_headers_size(h->evhttp, MAX_HTTP_HEAD);
	evhttp_set_max_body_size(h->evhttp, MAX_BLOCK);
	evhttp_set_default_content_type(h->evhttp, "text/plain");
	evhttp_set_allowed_methods(h->evhttp, 0xffff);
	evhttp_set_bevcb(h->evhttp, make_conn, h);
	evhttp_set_gencb(h->evhttp, request_cb, h);
	if (evhttp_accept_socket_with_handle(h->evhttp, fd) == NULL)
		die_world("cannot accept on the HTTP socket");
	return h;
}

/* Next: cmd/block-serve/route.c, from paths to handlers. */
