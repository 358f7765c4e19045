/* The HTTP side's connections once they are made: what is sent, counted and kept, and how they end
 * (http.h says who owns what). */
#include <unistd.h>

#include "cmd/block-serve/http_private.h"
#include "common/sys/stage.h"

#define WRITE_SIZE (2 * CHUNK) /* written at once of what waits */

/* For the report, which another thread may make. */
static void tell_held(struct http_server *h)
{
	atomic_store_explicit(&h->s->http_held, h->in.held + h->unsent.held, memory_order_relaxed);
}

void http_conn_close(struct http_conn *c)
{
	struct http_server *h = c->serve->http;

	if (c->state == HTTP_DEAD)
		return;
	c->state = HTTP_DEAD;
	event_del(c->readable);
	event_del(c->writable);
	hold_set(&h->in, &c->in, 0, 0);
	hold_set(&h->unsent, &c->unsent, 0, 0);
	tell_held(h);
	LIST_REMOVE(c, entry);
	LIST_INSERT_HEAD(&h->dead, c, entry);
	event_active(h->reap, EV_TIMEOUT, 0);
}

/* The one place where connections end. */
void http_conn_reap(evutil_socket_t nofd, short what, void *arg)
{
	struct http_server *h = arg;
	struct http_conn *c;

	while ((c = LIST_FIRST(&h->dead)) != NULL) {
		LIST_REMOVE(c, entry);
		if (c->later)
			c->later->gone(c->later_arg);
		seat_give_back(c->seat);
		event_free(c->readable);
		event_free(c->writable);
		close(c->fd);
		evbuffer_free(c->out);
		free(c->ahead);
		free(c->body);
		free(c);
	}
}

/* Of a hold: it gave way to others, or was too slow. */
void http_conn_dropped(void *arg)
{
	struct http_conn *c = arg;

	c->serve->n_late++;
	http_conn_close(c);
}

/* A request whose body is awaited holds something even before the first byte of it. */
void http_conn_count(struct http_conn *c)
{
	if (c->state == HTTP_DEAD)
		return;
	hold_set(&c->serve->http->in, &c->in, c->n_ahead + c->cap_body + (c->state == HTTP_BODY),
	    now_ms());
	tell_held(c->serve->http);
}

void http_conn_watch(struct http_conn *c, struct event *ev)
{
	if (!event_pending(ev, EV_READ | EV_WRITE, NULL) && event_add(ev, NULL) != 0)
		http_conn_close(c);
}

bool http_conn_sent(const struct http_conn *c) { return evbuffer_get_length(c->out) == 0; }

static void count_unsent(struct http_conn *c)
{
	hold_set(&c->serve->http->unsent, &c->unsent, evbuffer_get_length(c->out), now_ms());
	tell_held(c->serve->http);
	if (c->state != HTTP_DEAD && !http_conn_sent(c))
		http_conn_watch(c, c->writable);
}

void http_conn_send(struct http_conn *c, struct iovec *parts, size_t n)
{
	ssize_t sent = 0;

	if (c->state == HTTP_DEAD)
		return;
	/* An error shows again when the rest is written. */
	if (http_conn_sent(c) && (sent = writev(c->fd, parts, (int)n)) < 0)
		sent = 0;
	for (size_t i = 0, left = (size_t)sent; i < n; i++) {
		size_t skip = left < parts[i].iov_len ? left : parts[i].iov_len;
		left -= skip;
		if (skip < parts[i].iov_len &&
		    evbuffer_add(
			c->out, (uint8_t *)parts[i].iov_base + skip, parts[i].iov_len - skip) != 0)
			die_world("no memory for an answer");
	}
	if (!http_conn_sent(c))
		count_unsent(c);
}

void http_conn_send_buffer(struct http_conn *c, struct evbuffer *b)
{
	if (c->state == HTTP_DEAD)
		return;
	if (evbuffer_add_buffer(c->out, b) != 0)
		die_world("no memory for an answer");
	if (!http_conn_sent(c))
		evbuffer_write_atmost(c->out, c->fd, WRITE_SIZE);
	if (!http_conn_sent(c))
		count_unsent(c);
}

void http_conn_go_on(struct http_conn *c)
{
	if (c->state != HTTP_DEAD)
		event_active(c->writable, EV_WRITE, 0);
}

void http_conn_later(struct http_conn *c, const struct http_later *later, void *arg)
{
	c->later = later;
	c->later_arg = arg;
}

/* Once a whole answer has left: the connection waits for the next request, or lingers.  False: it
 * has not left. */
static bool settle(struct http_conn *c)
{
	if (c->state != HTTP_ANSWER || !c->whole || !http_conn_sent(c))
		return false;
	c->since = now_ms();
	c->state = c->closes ? HTTP_LINGER : HTTP_HEAD;
	if (c->closes && (c->eof || shutdown(c->fd, SHUT_WR) != 0))
		http_conn_close(c);
	return true;
}

void http_conn_keep(struct http_conn *c, const uint8_t *p, size_t rest)
{
	if (rest == 0 || c->state == HTTP_LINGER) {
		free(c->ahead);
		c->ahead = NULL;
		rest = 0;
	} else if (c->ahead) {
		memmove(c->ahead, p, rest);
		c->ahead = xrealloc(c->ahead, rest);
	} else {
		c->ahead = xmalloc(rest);
		memcpy(c->ahead, p, rest);
	}
	c->n_ahead = rest;
	http_conn_count(c);
}

/* Reading goes on, first with what was read already. */
static void resume(struct http_conn *c)
{
	if (c->state == HTTP_LINGER)
		http_conn_keep(c, NULL, 0);
	if (c->state != HTTP_DEAD && c->eof && c->n_ahead == 0)
		http_conn_close(c);
	if (c->state == HTTP_DEAD)
		return;
	if (!c->eof)
		http_conn_watch(c, c->readable);
	c->again = c->n_ahead > 0;
	if (c->again && c->state != HTTP_DEAD)
		event_active(c->readable, EV_READ, 0);
}

void http_conn_done(struct http_conn *c)
{
	c->later = NULL;
	c->whole = true;
	if (settle(c) && !c->reading)
		resume(c);
}

void http_conn_writable(evutil_socket_t fd, short what, void *arg)
{
	struct http_conn *c = arg;
	int n;

	if (c->state == HTTP_DEAD)
		return;
	if (!http_conn_sent(c)) {
		n = evbuffer_write_atmost(c->out, fd, WRITE_SIZE);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			http_conn_close(c);
			return;
		}
		if (n > 0)
			hold_moved(&c->unsent, (size_t)n, now_ms());
		count_unsent(c);
		if (!http_conn_sent(c))
			return;
	}
	event_del(c->writable);
	if (settle(c))
		resume(c);
	else if (c->later && c->later->more)
		c->later->more(c->later_arg);
}

/* Next: cmd/block-serve/http.c, what they ask. */
