/* The HTTP side's connections: accepted, and read request by request (http.h says who owns what).
 *
 * HTTP/1 is read and framed here and in head.c, not by libevent's server: that one moves chunked
 * bodies to where nobody counts them, hides connections until their first request, ends them inside
 * of calls, and answers what it cannot read in HTML.  Here each byte that is held for a client is
 * counted (common/net/budget.h), and a client is read no further than its next request. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "cmd/block-serve/http_private.h"
#include "common/net/address.h"
#include "common/sys/loop.h"
#include "common/sys/stage.h"

static struct request request_of(struct http_conn *c)
{
	return (struct request){ .s = c->serve, .conn = c, .path = c->head.path,
		.query = c->head.query };
}

static void answer_begins(struct http_conn *c)
{
	c->state = HTTP_ANSWER;
	c->whole = false;
	c->closes = !c->head.keep;
}

static void body_drop(struct http_conn *c)
{
	free(c->body);
	c->body = NULL;
	c->n_body = c->cap_body = 0;
	http_conn_count(c);
}

/* What cannot be read any further. */
static void refuse(struct http_conn *c, int status, const char *fault)
{
	struct request r = request_of(c);

	answer_begins(c);
	body_drop(c);
	reply_closes(&r);
	reply_text(&r, status, "%s\n", fault);
}

/* A head is there. */
static void take_request(struct http_conn *c, bool more)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct request r = request_of(c);

	c->serve->n_requests++;
	view_refresh(c->serve);
	answer_begins(c);
	c->route = route_request(&r);
	if (!c->route || c->state == HTTP_DEAD)
		return;
	c->state = HTTP_BODY;
	memcpy(c->named, r.hash, ID_LEN);
	c->chunks = (struct chunks){ .state = CHUNK_SIZE };
	if (c->head.expects && !more)
		http_conn_send(
		    c, &(struct iovec){ (void *)(uintptr_t)go_on, sizeof(go_on) - 1 }, 1);
}

/* Room for n more bytes of the body: memory is given as bytes come, not for what a head
 * announces. */
static uint8_t *body_room(struct http_conn *c, size_t n)
{
	size_t need = c->n_body + n, cap = c->cap_body + c->cap_body / 2,
	    most = c->head.chunked ? MAX_BLOCK : c->head.length;

	if (need > c->cap_body) {
		cap = cap < most ? cap : most;
		c->cap_body = cap > need ? cap : need;
		c->body = xrealloc(c->body, c->cap_body);
	}
	return c->body + c->n_body;
}

static void body_whole(struct http_conn *c)
{
	struct request r = request_of(c);

	r.path = "";
	r.query = NULL;
	memcpy(r.hash, c->named, ID_LEN);
	answer_begins(c);
	route_body(c->route, &r);
	body_drop(c);
}

/* n bytes have come to the body's end; is that all? */
static void body_grown(struct http_conn *c, size_t n)
{
	c->n_body += n;
	http_conn_count(c);
	hold_moved(&c->in, n, now_ms());
	if (c->state == HTTP_BODY &&
	    (c->head.chunked ? c->chunks.state == CHUNK_DONE : c->n_body == c->head.length))
		body_whole(c);
}

/* Takes something of n bytes: returns how much. */
static size_t take_body(struct http_conn *c, const uint8_t *p, size_t n)
{
	const uint8_t *data = p;
	size_t len = c->head.length - c->n_body < n ? c->head.length - c->n_body : n;
	ssize_t used = (ssize_t)len;

	if (c->head.chunked) {
		used = chunks_take(&c->chunks, p, n, &data, &len);
		if (used < 0) {
			refuse(c, 400, "the body is not in chunks");
			return n;
		}
		if (c->n_body + len + c->chunks.left > MAX_BLOCK) {
			refuse(c, 413, "the body is too long");
			return n;
		}
	}
	if (len > 0)
		memcpy(body_room(c, len), data, len);
	body_grown(c, len);
	return (size_t)used;
}

/* Takes a request out of n bytes at p, as far as it is whole; returns how many bytes that was.
 * Others have their turn before the next one. */
static size_t take(struct http_conn *c, uint8_t *p, size_t n)
{
	ssize_t used = 0;

	if (n > 0 && c->state == HTTP_HEAD)
		used = head_parse(&c->head, (char *)p, n);
	if (used < 0) {
		refuse(c, c->head.status, c->head.fault);
		return n;
	}
	if (used == 0)
		return 0;
	take_request(c, (size_t)used < n);
	while ((size_t)used < n && c->state == HTTP_BODY)
		used += (ssize_t)take_body(c, p + used, n - (size_t)used);
	c->again = (size_t)used < n && c->state == HTTP_HEAD;
	return (size_t)used;
}

/* n bytes have come, after those that were kept. */
static void input(struct http_conn *c, uint8_t *p, size_t n)
{
	size_t used = 0;

	c->reading = true;
	while (c->n_ahead == 0 && used < n && c->state == HTTP_BODY)
		used += take_body(c, p + used, n - used);
	if (c->n_ahead > 0 && n > 0) {
		c->ahead = xrealloc(c->ahead, c->n_ahead + n);
		memcpy(c->ahead + c->n_ahead, p, n);
	}
	if (c->n_ahead > 0) {
		p = c->ahead;
		n += c->n_ahead;
	}
	used += take(c, p + used, n - used);
	c->reading = false;
	http_conn_keep(c, p + used, n - used);
	if (c->again && c->state != HTTP_DEAD)
		event_active(c->readable, EV_READ, 0);
	else if (c->eof && (c->state == HTTP_HEAD || c->state == HTTP_BODY))
		http_conn_close(c);
}

/* Bytes of a body with length go where they belong at once. */
static ssize_t receive(struct http_conn *c, uint8_t **into)
{
	size_t left = c->head.length - c->n_body,
	       room = c->n_body > HTTP_READ_SIZE ? c->n_body : HTTP_READ_SIZE;

	*into = c->serve->http->scratch;
	if (c->state != HTTP_BODY || c->head.chunked)
		return recv(c->fd, *into, HTTP_READ_SIZE, 0);
	*into = NULL;
	room = room < left ? room : left;
	return recv(c->fd, body_room(c, room), room, 0);
}

/* Somebody else has to say something before the answer can begin: who hangs up then is gone. */
static bool awaits(const struct http_conn *c)
{
	return c->later && !c->later->more;
}

static void readable_cb(evutil_socket_t fd, short what, void *arg)
{
	struct http_conn *c = arg;
	uint8_t *into;
	ssize_t n;

	if (c->state == HTTP_DEAD)
		return;
	if (c->again) {
		c->again = false;
		input(c, NULL, 0);
		return;
	}
	if (c->state == HTTP_ANSWER && c->n_ahead >= MAX_HTTP_HEAD) {
		event_del(c->readable);
		return;
	}
	n = receive(c, &into);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 || (n == 0 && (c->state != HTTP_ANSWER || awaits(c)))) {
		http_conn_close(c);
	} else if (n == 0) {
		/* The client may have closed one direction only: it gets the answer that is on its
		 * way. */
		c->eof = true;
		event_del(c->readable);
	} else if (!into) {
		body_grown(c, (size_t)n);
	} else if (c->state != HTTP_LINGER) {
		if (c->state == HTTP_HEAD)
			hold_moved(&c->in, (size_t)n, now_ms());
		input(c, into, (size_t)n);
	}
}

/* Each second.  Who waits for us is not late. */
static void sweep_cb(evutil_socket_t nofd, short what, void *arg)
{
	struct http_server *h = arg;
	struct http_conn *c, *next;
	uint64_t now = now_ms();

	LIST_FOREACH_SAFE(c, &h->conns, entry, next) {
		uint64_t patience = c->state == HTTP_LINGER ? HTTP_LINGER_SECONDS : HTTP_IDLE;
		if (c->state == HTTP_ANSWER)
			hold_moved(&c->in, h->in.rate * (HTTP_STALL + 1), now);
		else if (!c->in.of && now - c->since > patience * 1000)
			http_conn_dropped(c);
	}
	budget_sweep(&h->in, now);
	budget_sweep(&h->unsent, now);
}

/* Another needs the place.  Any thread may say so, and the loop of this one sees the end of the
 * connection. */
static void leave(void *arg)
{
	shutdown(((struct http_conn *)arg)->fd, SHUT_RDWR);
}

static void taken(void *arg, int fd, const struct sockaddr *sa)
{
	struct http_server *h = arg;
	struct http_conn *c = xcalloc(1, sizeof(*c));
	int one = 1, unsent = 2 * CHUNK;

	c->serve = h->s;
	c->fd = fd;
	memcpy(&c->peer, sa, sa->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
	    sizeof(struct sockaddr_in));
	if ((c->seat = seat_take(h->s->http_seats, fd, sa, leave, c)) == NULL) {
		h->s->n_refused++;
		close(fd);
		free(c);
		return;
	}
	c->in.drop = c->unsent.drop = http_conn_dropped;
	c->in.arg = c->unsent.arg = c;
	hold_from(&h->in, &c->in, sa);
	hold_from(&h->unsent, &c->unsent, sa);
	c->since = now_ms();
	c->out = evbuffer_new();
	c->readable = loop_event(h->s->base, fd, EV_READ | EV_PERSIST, readable_cb, c);
	c->writable = loop_event(h->s->base, fd, EV_WRITE | EV_PERSIST, http_conn_writable, c);
	if (!c->out)
		die_world("no memory for a connection");
	LIST_INSERT_HEAD(&h->conns, c, entry);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* A client that does not read costs the kernel no more than it costs us. */
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
	http_conn_watch(c, c->readable);
}

struct http_server *http_server_start(struct serve *s, int fd)
{
	struct http_server *h = s->http = xcalloc(1, sizeof(*h));
	struct timeval second = { 1, 0 };

	h->s = s;
	LIST_INIT(&h->conns);
	LIST_INIT(&h->dead);
	budget_init(&h->in, HTTP_INPUT, HTTP_STALL * 1000, HTTP_INPUT_RATE);
	budget_init(&h->unsent, HTTP_UNSENT, HTTP_IDLE * 1000, HTTP_UNSENT_RATE);
	h->reap = loop_event(s->base, -1, 0, http_conn_reap, h);
	h->sweep = loop_event(s->base, -1, EV_PERSIST, sweep_cb, h);
	accept_on(s->base, fd, taken, h);
	if (event_add(h->sweep, &second) != 0)
		die_world("cannot start the HTTP server");
	return h;
}

/* Next: cmd/block-serve/route.c, from paths to handlers. */
