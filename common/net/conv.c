/* The life of a conversation: dialled or accepted, greeting, up, ended (spec/wire.md 4.1, 4.6). One
 * timer serves all its deadlines.  A conversation may be closed inside any of its own callbacks: it
 * is freed when the last call has returned. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/net/address.h"
#include "common/net/conv_private.h"
#include "common/sys/log.h"
#include "common/sys/loop.h"
#include "common/sys/stage.h"

void conv_budget(struct budget *b)
{
	budget_init(b, P2P_HELD, P2P_PATIENCE_MS, P2P_RATE);
}

/* Something was said, or has left for the peer. */
static void on_output(struct evbuffer *out, const struct evbuffer_cb_info *info, void *arg)
{
	struct conv *c = arg;
	uint64_t now = now_ms();

	hold_moved(&c->out, info->n_deleted, now);
	if (!conv_over(c))
		hold_set(c->self->held, &c->out, evbuffer_get_length(out), now);
}

static void conv_free(struct conv *c)
{
	hold_set(c->self->held, &c->in, 0, 0);
	hold_set(c->self->held, &c->out, 0, 0);
	evbuffer_remove_cb(bufferevent_get_output(c->bev), on_output, c);
	bufferevent_free(c->bev);
	event_free(c->timer);
	event_free(c->ending);
	free(c);
}

void conv_enter(struct conv *c)
{
	c->busy++;
}

void conv_leave(struct conv *c)
{
	if (--c->busy == 0 && c->closed)
		conv_free(c);
}

void conv_close(struct conv *c)
{
	c->closed = true;
	if (c->busy == 0)
		conv_free(c);
}

/* Runs from the loop, with nothing else of this conversation on the stack. */
static void on_ending(evutil_socket_t fd, short what, void *arg)
{
	struct conv *c = arg;

	conv_enter(c);
	conv_drop_requests(c);
	if (!c->closed)
		c->ops->down(c, c->arg, c->end, c->text);
	c->closed = true;
	conv_leave(c);
}

void conv_fail(struct conv *c, enum conv_end end, const char *more)
{
	if (c->state == CONV_ENDED)
		return;
	c->state = CONV_ENDED;
	c->end = end;
	snprintf(c->text, sizeof(c->text), "%s%s", conv_end_words(end), more ? more : "");
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	evtimer_del(c->timer);
	event_active(c->ending, EV_TIMEOUT, 0);
}

/* The deadline of progress moves without a call to conv_arm: then the timer comes too early, and is
 * set again. */
static uint64_t late_at(const struct hold *h)
{
	return h->of != NULL ? h->until / 1000 + 1 : UINT64_MAX;
}

static uint64_t earliest(const struct conv *c)
{
	uint64_t at = c->phase_deadline < c->resume_at ? c->phase_deadline : c->resume_at;
	uint64_t beat = conv_heartbeat_at(c);

	if (beat < at)
		at = beat;
	if (late_at(&c->in) < at)
		at = late_at(&c->in);
	if (late_at(&c->out) < at)
		at = late_at(&c->out);
	for (unsigned i = 0; i < MAX_REQUESTS; i++)
		if (c->pending[i].used && c->pending[i].deadline < at)
			at = c->pending[i].deadline;
	return at;
}

void conv_arm(struct conv *c)
{
	uint64_t at = earliest(c), now = now_ms();
	struct timeval tv;

	if (conv_over(c))
		return;
	if (at == UINT64_MAX) {
		evtimer_del(c->timer);
		return;
	}
	at = at > now ? at - now : 0;
	tv = (struct timeval){ .tv_sec = (time_t)(at / 1000),
		.tv_usec = (suseconds_t)(at % 1000 * 1000) };
	if (evtimer_add(c->timer, &tv) < 0)
		die_world("cannot set a timer");
}

static void phase_over(struct conv *c)
{
	if (!c->dialled)
		conv_fail(c, CONV_END_UNGREETED, NULL);
	else if (c->state == CONV_CONNECTING)
		conv_fail(c, CONV_END_UNREACHED, NULL);
	else
		conv_fail(c, CONV_END_SILENT, ": no answer to our handshake");
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conv *c = arg;
	uint64_t now = now_ms();

	conv_enter(c);
	if (!conv_over(c) && now >= c->phase_deadline)
		phase_over(c);
	if (now >= late_at(&c->in) || now >= late_at(&c->out))
		budget_sweep(c->self->held, now);
	conv_expire(c, now);
	conv_heartbeat(c, now);
	if (!conv_over(c) && now >= c->resume_at) {
		c->resume_at = UINT64_MAX;
		bufferevent_enable(c->bev, EV_READ);
		conv_read(c);
	}
	conv_arm(c);
	conv_leave(c);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct conv *c = arg;

	conv_enter(c);
	conv_read(c);
	conv_arm(c);
	conv_leave(c);
}

/* What the peer said before it hung up is still heard: a reject comes with a hang-up behind it. */
static void hung_up(struct conv *c, const char *why)
{
	char more[160];
	bool waiting = c->dialled && c->state != CONV_UP;

	for (unsigned i = 0; i < MAX_REQUESTS; i++)
		waiting |= c->pending[i].used;
	for (unsigned i = 0; i < P2P_BURST && !conv_over(c); i++) {
		c->resume_at = UINT64_MAX;
		conv_read(c);
		if (c->resume_at == UINT64_MAX)
			break;
	}
	if (conv_over(c))
		return;
	snprintf(more, sizeof(more), "%s%s", *why ? ": " : "", why);
	conv_fail(c, waiting ? CONV_END_LEFT : CONV_END_HUNG_UP, more);
}

/* Small messages go out at once; with Nagle's algorithm a second request waits for the peer's
 * delayed acknowledgement. */
static void no_delay(struct conv *c)
{
	setsockopt(bufferevent_getfd(c->bev), IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conv *c = arg;
	char more[160];
	int e = EVUTIL_SOCKET_ERROR();

	conv_enter(c);
	if (conv_over(c)) {
	} else if (what & BEV_EVENT_CONNECTED) {
		no_delay(c);
		conv_hello(c);
	} else if (c->state == CONV_CONNECTING) {
		snprintf(more, sizeof(more), ": %s", evutil_socket_error_to_string(e));
		conv_fail(c, CONV_END_UNREACHABLE, more);
	} else if (what & BEV_EVENT_EOF) {
		hung_up(c, "");
	} else if (what & BEV_EVENT_ERROR) {
		hung_up(c, evutil_socket_error_to_string(e));
	}
	conv_arm(c);
	conv_leave(c);
}

/* The budget drops who is late, and others where it is full: to be in the way is no fault. */
static void drop_in(void *arg)
{
	struct conv *c = arg;
	bool late = c->in.until <= now_ms() * 1000;

	conv_fail(c, late ? CONV_END_STOPPED : CONV_END_NO_ROOM_IN, NULL);
}

static void drop_out(void *arg)
{
	struct conv *c = arg;
	bool late = c->out.until <= now_ms() * 1000;

	conv_fail(c, late ? CONV_END_UNREAD : CONV_END_NO_ROOM_OUT, NULL);
}

static struct conv *conv_new(struct event_base *base, const struct conv_self *self, int fd,
    const struct sockaddr *sa, socklen_t len, const struct conv_ops *ops, void *arg)
{
	struct conv *c = xcalloc(1, sizeof(*c));

	c->base = base;
	c->self = self;
	c->ops = ops;
	c->arg = arg;
	c->in = (struct hold){ .drop = drop_in, .arg = c };
	c->out = (struct hold){ .drop = drop_out, .arg = c };
	hold_from(self->held, &c->in, sa);
	hold_from(self->held, &c->out, sa);
	memcpy(&c->remote, sa, len);
	address_text(c->address, sa);
	c->resume_at = c->phase_deadline = UINT64_MAX;
	c->heard_at = c->said_at = c->tokens_at = now_ms();
	c->tokens = P2P_BURST * 1000;
	c->timer = loop_event(base, -1, 0, on_timer, c);
	c->ending = loop_event(base, -1, 0, on_ending, c);
	c->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (!c->bev)
		die_world("cannot start a conversation: no memory");
	if (evbuffer_add_cb(bufferevent_get_output(c->bev), on_output, c) == NULL)
		die_world("cannot start a conversation: no memory");
	bufferevent_setcb(c->bev, on_read, NULL, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, P2P_AHEAD);
	return c;
}

static socklen_t sockaddr_len(const struct sockaddr *sa)
{
	return sa->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

struct conv *conv_dial(struct event_base *base, const struct conv_self *self,
    const struct sockaddr *sa, socklen_t len, const uint8_t *expect, const struct conv_ops *ops,
    void *arg)
{
	struct conv *c = conv_new(base, self, -1, sa, len, ops, arg);

	c->dialled = true;
	c->state = CONV_CONNECTING;
	c->phase_deadline = now_ms() + CONNECT_MS;
	c->greet_ms = GREET_MS;
	if (expect) {
		c->has_expect = true;
		memcpy(c->expect, expect, KEY_LEN);
	}
	if (bufferevent_socket_connect(c->bev, sa, (int)len) < 0)
		conv_fail(c, CONV_END_NO_SOCKET, NULL);
	else if (bufferevent_enable(c->bev, EV_READ | EV_WRITE) < 0)
		conv_fail(c, CONV_END_NO_WATCH, NULL);
	conv_arm(c);
	return c;
}

struct conv *conv_accept(struct event_base *base, const struct conv_self *self, int fd,
    const struct sockaddr *sa, const struct conv_ops *ops, void *arg)
{
	struct conv *c = conv_new(base, self, fd, sa, sockaddr_len(sa), ops, arg);

	no_delay(c);
	c->state = CONV_GREETING;
	c->phase_deadline = now_ms() + P2P_GREET_MS;
	if (bufferevent_enable(c->bev, EV_READ | EV_WRITE) < 0)
		conv_fail(c, CONV_END_NO_WATCH, NULL);
	conv_arm(c);
	return c;
}

void conv_hurry(struct conv *c, unsigned ms)
{
	if (ms < CONNECT_MS && c->state == CONV_CONNECTING)
		c->phase_deadline = now_ms() + ms;
	c->greet_ms = ms;
	conv_arm(c);
}

bool conv_is_up(const struct conv *c) { return c->state == CONV_UP; }
const uint8_t *conv_key(const struct conv *c) { return c->has_key ? c->key : NULL; }
const struct handshake *conv_handshake(const struct conv *c) { return &c->theirs; }
const struct preamble *conv_preamble(const struct conv *c) { return &c->last; }
const char *conv_address(const struct conv *c) { return c->address; }
void *conv_arg(const struct conv *c) { return c->arg; }
size_t conv_queued(const struct conv *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

/* Next: common/net/conv_read.c, bytes in. */
